/*
 * unpack: verifies and opens an object or .weir file (BUNDLE.md 7).
 *
 * The order of checks is fixed by the order of calls: unpack_open reads the release; unpack_verify
 * needs no secret; unpack_unlock needs the recipient's; only then do members come out.
 *
 * System calls: fstat and pread64, mlock and munlock for the keys, what malloc takes for large blocks (mmap,
 * munmap, mremap), and the making of threads.
 */
#ifndef WEIR_UNPACK_H
#define WEIR_UNPACK_H

#include <stddef.h>
#include <stdint.h>

#include "common/bundle.h"
#include "common/key.h"
#include "common/manifest.h"
#include "common/registry.h"

struct unpack;

/* Reads the release segment from fd, which stays the caller's and must be seekable. */
int unpack_open(struct unpack **out, int fd);
const struct release *unpack_release(const struct unpack *u);
const struct endorsements *unpack_endorsements(const struct unpack *u);
/* The registry text behind the object of a .weir file: *out is freed by the caller, NULL when there is none. */
int unpack_registry_text(const struct unpack *u, uint8_t **out, size_t *len);

/* release_check, the hash tree over the whole body, and to whom it is sealed. */
int unpack_verify(struct unpack *u, const struct registry *registry,
		  void (*advance)(void *context, uint64_t segments_done), void *context);

/* Head, keys, manifest.  Only after unpack_verify was content (asserted). */
int unpack_unlock(struct unpack *u, const struct key *recipient, const uint8_t psk[static SUITE_KEY_BYTES]);
const struct manifest *unpack_manifest(const struct unpack *u);

/* Takes plaintext in order; 0 or -errno. */
typedef int unpack_sink(void *context, const void *data, size_t len);

/*
 * One member to the sink, decompressed on `threads` cores (0: all), with size, records and digest
 * checked: VERDICT_BAD_DIGEST and the like come after the last byte was given, so a sink must hold
 * back its "done" until the result is 0.
 */
int unpack_member(struct unpack *u, uint32_t index, unsigned int threads, unpack_sink *sink, void *context);

/*
 * All members in order.  begin is called before the first byte of each, end after its checks; either may
 * stop everything with a result other than 0.  Frames that several members share are opened once.
 */
struct unpack_visitor {
	int (*begin)(void *context, uint32_t index, const struct member *member);
	unpack_sink *data;
	int (*end)(void *context, uint32_t index, const struct member *member);
	void *context;
};
int unpack_all(struct unpack *u, unsigned int threads, const struct unpack_visitor *visitor);

void unpack_free(struct unpack *u); /* wipes keys; NULL is fine */

#endif
