/*
 * unpack_check: size apart, what the manifest says of a member's bytes: its digest and how many records it has.
 *
 * Pieces that are large enough are looked at by a thread of its own while the caller writes them out, so that neither
 * waits for the other.
 */
#ifndef WEIR_UNPACK_CHECK_H
#define WEIR_UNPACK_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "common/manifest.h"

struct unpack_check;

/* 0 or -ENOMEM.  Without has_thread all is done in the caller's. */
int unpack_check_new(struct unpack_check **out, bool has_thread);
void unpack_check_free(struct unpack_check *check); /* NULL is fine */

void unpack_check_begin(struct unpack_check *check, const struct member *member);
/* The next bytes.  They must stay as they are until unpack_check_settle, which every call needs before another one. */
void unpack_check_add(struct unpack_check *check, const void *data, size_t len);
void unpack_check_settle(struct unpack_check *check);
/* VERDICT_OK, VERDICT_BAD_DIGEST, VERDICT_BAD_COUNT. */
int unpack_check_end(struct unpack_check *check, const struct member *member);

#endif
