/*
 * guard_unique: the values of a unique column that have been seen, each as 64 bits of a hash under a random
 * key.
 *
 * Two different values of n have the same bits with a probability of about n^2 / 2^65: 1 in 70,000 for
 * 23 million.  That refuses what should pass; what should be refused never passes.
 */
#ifndef WEIR_GUARD_UNIQUE_H
#define WEIR_GUARD_UNIQUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct unique;

/* NULL when there is no memory. */
struct unique *unique_new(void);
/*
 * The bits of a value.  A table that is larger than the processor's caches is waited for at each value; it is
 * asked for here, so that it is there if a few other values come before unique_add.
 */
uint64_t unique_hash(const struct unique *unique, const void *value, size_t len);
/* *is_new tells whether the value had not been there.  -ENOMEM, and then it is not there. */
int unique_add(struct unique *unique, uint64_t hash, bool *is_new);
/* Bytes that are allocated now. */
size_t unique_memory(const struct unique *unique);
void unique_free(struct unique *unique); /* NULL is fine */

#endif
