/*
 * notice: the messages between weir-inbox and weir-keep over control.sock (channel.h).
 *
 * inbox -> keep:  BEGIN as soon as it knows of a keep; COMMIT before it does what must not be done without an
 *                 entry, and then it waits; END with what came of it.  What ends without END has ended somehow.
 *                 RECEIPT brings the text of a receipt (RECEIPT.md), MANDATE an order (mandate.h), and waits; again for each.
 * keep -> inbox:  ANSWER to COMMIT, RECEIPT and MANDATE.  They do nothing when who sent them has left before they were
 *                 read.
 *
 * Payloads are little-endian and of one length each, but for a receipt and a mandate.  Every decoder is total: it gives 0 and fills its output, or
 * VERDICT_BAD_PROTOCOL and leaves it alone.
 */
#ifndef WEIR_NOTICE_H
#define WEIR_NOTICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bundle.h"
#include "common/channel.h"
#include "common/datagram.h"
#include "common/receipt.h"
#include "mandate.h"

#define NOTICE_SOCKET "control.sock"

enum notice_type { NOTICE_BEGIN = 1, NOTICE_COMMIT, NOTICE_END, NOTICE_ANSWER, NOTICE_RECEIPT, NOTICE_MANDATE };

enum {
	NOTICE_VERB_BYTES = 24,
	NOTICE_ABOUT_BYTES = 256,
	NOTICE_BEGIN_BYTES = NOTICE_VERB_BYTES + NOTICE_ABOUT_BYTES,
	NOTICE_COMMIT_BYTES = NAME_BYTES + KEY_ID_BYTES,
	NOTICE_END_BYTES = 24,
	NOTICE_ANSWER_BYTES = 4,
	NOTICE_FRAME_MAX = CHANNEL_HEADER_BYTES + MANDATE_BYTES_MAX,
	NOTICE_RESULT_MIN = -4095, /* as far as -errno goes */
};

/* What a person asks for.  Texts end with zeros; a verb is a-z and blanks, and never empty. */
struct notice_begin {
	char verb[NOTICE_VERB_BYTES];
	char about[NOTICE_ABOUT_BYTES];
};

/* Whose key it is that opens; zeros: none. */
struct notice_commit {
	char name[NAME_BYTES];
	uint8_t key_id[KEY_ID_BYTES];
};

struct notice_end {
	int32_t result;      /* 0, a verdict, or -errno */
	uint32_t exit_code;  /* 0 to 255 */
	uint64_t records;    /* that came out */
	uint64_t bytes;
};

void notice_begin_encode(uint8_t out[static NOTICE_BEGIN_BYTES], const struct notice_begin *begin);
int notice_begin_decode(struct notice_begin *out, const uint8_t *in, size_t len);
void notice_commit_encode(uint8_t out[static NOTICE_COMMIT_BYTES], const struct notice_commit *commit);
int notice_commit_decode(struct notice_commit *out, const uint8_t *in, size_t len);
void notice_end_encode(uint8_t out[static NOTICE_END_BYTES], const struct notice_end *end);
int notice_end_decode(struct notice_end *out, const uint8_t *in, size_t len);
void notice_answer_encode(uint8_t out[static NOTICE_ANSWER_BYTES], int result);
int notice_answer_decode(int *result, const uint8_t *in, size_t len);

/* A whole frame; gives its length. */
size_t notice_frame(uint8_t *out, size_t size, enum notice_type type, const uint8_t *payload, size_t len);

#endif
