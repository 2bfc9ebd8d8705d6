/*
 * submit: the person's end of a push (local.h): gives an export to weir-seal and signs what came of
 * it.
 *
 * When seal or hold refuses, the result is the one they gave and submit_where what it is about,
 * whichever call notices it.  After a result that is not 0 only submit_free is left to do; nothing has
 * been pushed then.
 */
#ifndef WEIR_SUBMIT_H
#define WEIR_SUBMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/signer.h"
#include "local.h"

struct submit;

/* Told now and then how many bytes of plaintext have gone. */
typedef void submit_advance(void *context, uint64_t bytes);

enum {
	SUBMIT_FIRST_MS = 30000, /* for seal's first word; from then on it is there, and does not wait for ever itself */
};

/* To weir-seal once more: another descriptor in the place of the one before, which it closes; or -errno. */
typedef int submit_connect(void *context);

struct submit_options {
	int fd;                   /* to weir-seal; stays the caller's */
	submit_connect *connect;  /* NULL: who is turned away is not called again */
	struct local_push push;
	const struct signer *signer; /* the person, or the machine of the order; outlives the submit */
	const uint8_t *order;     /* the standing order under which it is pushed; NULL: none */
	size_t order_len;
	submit_advance *advance;  /* may be NULL */
	void *context;
};

/*
 * Sends PUSH, proves that the signer's key is here, and waits for READY.  Whoever is hung up on before a first word, as when as
 * many pushes as may be are under way, connects again, for as long as a first word is waited for.  -ETIMEDOUT with
 * submit_where "": nobody has taken the call.
 */
int submit_start(struct submit **out, const struct submit_options *options);
void submit_free(struct submit *submit); /* NULL is fine */

/* Members in the order of member_name_compare. */
int submit_begin(struct submit *submit, const char *name, int64_t mtime_s, uint32_t mtime_ns);
/* All there is to read in fd, to its end; *bytes says how much it was. */
int submit_read(struct submit *submit, int fd, uint64_t *bytes);
/* The same, but no more than `most` bytes; a file that has fewer is VERDICT_CHANGED_WHILE_READ. */
int submit_read_part(struct submit *submit, int fd, uint64_t most);
int submit_end(struct submit *submit);

/*
 * Ends the export, checks that the statement is about this push, signs it and waits until the bundle
 * is durable.
 */
int submit_finish(struct submit *submit, struct local_accepted *out);

/* True when the signature was given and no answer came: the bundle may be durable, or not. */
bool submit_is_open(const struct submit *submit); /* NULL is fine */

/* PUSH_ID_BYTES: how the push is called, from submit_finish on; zeros before. */
const uint8_t *submit_push_id(const struct submit *submit);

/* What a refusal is about; "" when nothing was said, and of NULL. */
const char *submit_where(const struct submit *submit);

#endif
