/*
 * inbox_life: what was heard of the sender's life (heard.h), for `gaps` and `heads`.
 */
#ifndef WEIR_INBOX_LIFE_H
#define WEIR_INBOX_LIFE_H

#include "heard.h"

struct inbox_life {
	struct heard heard;
	struct account *account; /* NULL: nothing was heard yet */
};

/* 0, also when there is none yet; a verdict or -errno. */
int inbox_life_load(struct inbox_life *out, int vault_fd);
void inbox_life_free(struct inbox_life *life);
/* The sender was put back, in this epoch or by an ended one. */
bool inbox_life_went_back(const struct inbox_life *life);

/* A line when the sender was put back. */
void inbox_life_print(const struct inbox_life *life);

#endif
