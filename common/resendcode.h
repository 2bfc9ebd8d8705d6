/*
 * resendcode: the few characters that a person may carry back: what is to be sent once more.  RESEND.md.
 *
 * Plain data and total functions; nothing here allocates or makes a system call.  A code says nothing of the
 * epoch: its check characters are right for the epoch of its bundle.
 */
#ifndef WEIR_RESENDCODE_H
#define WEIR_RESENDCODE_H

#include <stdbool.h>
#include <stdint.h>

#include "geometry.h"

enum {
	RESEND_ALL = BLOCKS_MAX,     /* in the place of a block: all of them */
	RESENDCODE_CHARACTERS = 20,  /* at most, also with the hyphens that are printed */
	RESENDCODE_TEXT_BYTES = RESENDCODE_CHARACTERS + 1,
};
#define RESENDCODE_NUMBER_MAX ((UINT64_C(1) << 48) - 1)

struct resendcode {
	uint16_t route_id;
	uint64_t number; /* 1 to RESENDCODE_NUMBER_MAX */
	uint32_t block;  /* from 0, or RESEND_ALL */
	uint8_t rows;    /* so many further repair rows; 0: a whole pass */
};

/* As it is printed, with a zero: gives out, or NULL for a number or block that no code can name. */
char *resendcode_write(char out[static RESENDCODE_TEXT_BYTES], const struct resendcode *code, uint64_t epoch);

/*
 * What a person typed: either case, I and L for 1, O for 0, hyphens and blanks anywhere.  VERDICT_BAD_CODE: a
 * character is wrong, missing or too many, or it is the code of another epoch.
 */
int resendcode_read(struct resendcode *out, const char *text, uint64_t epoch);

/*
 * Whether a code of one epoch with one wrong character, or with two in each other's place, is never a code of the
 * other.  Who takes codes of several epochs asks this of each pair.
 */
bool resendcode_epochs_are_apart(uint64_t a, uint64_t b);

#endif
