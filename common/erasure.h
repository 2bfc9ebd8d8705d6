/*
 * erasure: Reed–Solomon over GF(2^8) on rows, and the only file that includes ISA-L.  LINK.md 3.
 *
 * Pointers name column ranges: `len` bytes of each row, any alignment, len a multiple of 64.
 */
#ifndef WEIR_ERASURE_H
#define WEIR_ERASURE_H

#include <stddef.h>
#include <stdint.h>

struct erasure; /* the code for one (k, r): matrix and tables; never changes, may be shared by threads */

/* NULL when memory is out.  1 <= k, 1 <= r, k + r <= 255. */
struct erasure *erasure_new(unsigned int source_rows, unsigned int repair_rows);
void erasure_free(struct erasure *code);

/* repair[i] (first_repair <= i < first_repair + count) from all k source rows. */
void erasure_encode(const struct erasure *code, const uint8_t *const *source,
		    unsigned int first_repair, unsigned int count, uint8_t *const *repair,
		    size_t len);

/* Prepared solution for one pattern of missing rows; plain data, reusable, one a thread. */
struct erasure_plan;
struct erasure_plan *erasure_plan_new(const struct erasure *code);
void erasure_plan_free(struct erasure_plan *plan);

/*
 * Prepares for present[0 … k+r-1] (1: there).  Cheap when the pattern equals the last one.
 * The number of missing source rows (0 … r), or -ENODATA when fewer than k rows are present.
 */
int erasure_plan_set(struct erasure_plan *plan, const uint8_t *present);

/*
 * Restores the missing source rows: rows[0 … k+r-1], where present rows are read and missing source
 * rows are written (missing repair rows may be NULL).
 */
void erasure_recover(const struct erasure_plan *plan, uint8_t *const *rows, size_t len);

#endif
