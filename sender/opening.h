/*
 * opening: hold takes up what lies in its spool, and says what is wrong with it.
 */
#ifndef WEIR_OPENING_H
#define WEIR_OPENING_H

#include "common/config.h"
#include "spent.h"
#include "spool.h"
#include "standing.h"

/* 0, or the exit code of a program that has said why not.  Files that are no bundles are told of. */
int opening_spool(struct spool **out, const struct config *config);

/* What is counted and ordered beside the bundles.  Likewise; what cannot be read of it is told of. */
int opening_allowance(struct standing **standing, struct spent **spent, struct spool *spool);

#endif
