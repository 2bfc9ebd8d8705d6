/*
 * guard_encoding: Big5 and CNS 11643 to UTF-8, strictly, by libc's iconv; the only file that includes
 * <iconv.h>.
 *
 * libc loads the tables as modules, which are files with code.  So encodings_open comes before a
 * process gives up opening files and mapping executable memory; converting needs no system call.
 */
#ifndef WEIR_GUARD_ENCODING_H
#define WEIR_GUARD_ENCODING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/policy.h"

struct encodings;

enum { ENCODING_GROWTH = 2 }; /* bytes in UTF-8 for one of the others, at most */

/* -errno; -EINVAL when libc has no such table (the package libc6 brings them). */
int encodings_open(struct encodings **out);
void encodings_close(struct encodings *encodings); /* NULL is fine */

/*
 * All of `in` to UTF-8; out holds ENCODING_GROWTH * len bytes.  False when any byte of it is not in the
 * encoding, also when its last character is incomplete.
 */
bool encoding_convert(struct encodings *encodings, enum policy_encoding from, uint8_t *out,
		      size_t *out_len, const uint8_t *in, size_t len);

#endif
