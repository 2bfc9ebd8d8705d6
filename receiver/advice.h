/*
 * advice: where datagrams were lost and what to do about it, in one sentence for a person.
 */
#ifndef WEIR_ADVICE_H
#define WEIR_ADVICE_H

#include "loss.h"
#include "way.h"

enum { ADVICE_BYTES = 480 };

/* "lost on the way: 1,204 datagrams, all dropped by ...: raise ..."; way tells of NIC and ring. */
char *advice_on_loss(char out[static ADVICE_BYTES], const struct loss_counts *counts, const struct way *way);
/* "the ring was 61 % full: ..." */
char *advice_on_fill(char out[static ADVICE_BYTES], uint64_t fill, uint64_t size);

#endif
