/*
 * tagger: the tags of datagrams.  LINK.md 1.
 *
 * A universal hash (Poly1305) that takes the whole datagram fast, and a pseudorandom function (SipHash-2-4-128) over its result
 * and the sequence number.  The composition is that of Carter and Wegman ("New hash functions and their use in authentication
 * and set equality", 1981), with the function over the hash instead of a pad beside it: a number that comes twice, of a clock
 * that was set back, say, gives nothing away.
 */
#ifndef WEIR_TAGGER_H
#define WEIR_TAGGER_H

#include <stddef.h>
#include <stdint.h>

#include "suite.h"

enum { TAGGER_SECRET_BYTES = 48 }; /* 32 of Poly1305, 16 of SipHash */

/* For one thread at a time; no call but the first two allocates or needs the kernel. */
struct tagger;

/* The secret of the tags, from that of the link. */
void tagger_secret(uint8_t secret[static TAGGER_SECRET_BYTES], const uint8_t link_secret[static SUITE_KEY_BYTES]);
/* The secret is copied into secret memory.  0 or -ENOMEM. */
int tagger_new(struct tagger **out, const uint8_t secret[static TAGGER_SECRET_BYTES]);
/* From the file of the link secret.  0, as key_load, VERDICT_WRONG_KEY when it is a key of another kind, or -ENOMEM. */
int tagger_load(struct tagger **out, const char *path);
void tagger_free(struct tagger *tagger); /* NULL is fine */

/* sequence: the eight bytes of it, as they stand in the datagram. */
void tagger_tag(struct tagger *tagger, uint8_t tag[static SUITE_TAG_BYTES], const void *data, size_t len,
		const uint8_t sequence[static 8]);

#endif
