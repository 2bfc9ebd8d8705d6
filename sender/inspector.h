/*
 * inspector: an inspection (inspection.h) on a thread of its own, so that looking into a push, packing it and
 * taking more of it go side by side.
 *
 * What is found comes a little late: each call gives the first result other than 0 that is known by then, and
 * after one only inspector_free is left.  inspector_settle gives all of it, and nothing may be signed before.  The
 * inspection is the thread's while anything is under way, and the caller's after inspector_settle or a
 * result other than 0.  Memory: INSPECTOR_BATCHES times INSPECTOR_BATCH_BYTES, wiped by inspector_free.
 */
#ifndef WEIR_INSPECTOR_H
#define WEIR_INSPECTOR_H

#include "inspection.h"

enum {
	INSPECTOR_BATCHES = 4,
	INSPECTOR_BATCH_BYTES = 262144,
	INSPECTOR_STEPS_MAX = 2048, /* beginnings, ends and pieces of members in a batch */
};

struct inspector;

/* Told in the caller's thread, in order: how many columns a member has; members count from 0. */
typedef void inspector_columns(void *context, uint32_t member, uint32_t columns);

/* inspection has been started, and outlives the inspector.  -ENOMEM. */
int inspector_new(struct inspector **out, struct inspection *inspection, inspector_columns *tell, void *context);

/* *is_control as inspection_is_control: known only when all before it has been looked into, if anybody asks. */
int inspector_member_begin(struct inspector *inspector, const char *name, bool *is_control);
int inspector_add(struct inspector *inspector, const void *data, size_t len);
int inspector_member_end(struct inspector *inspector);

/* Hands over what has gathered: to be called before the caller waits for more. */
int inspector_push(struct inspector *inspector);
/* The same, and waits until all of it has been looked into. */
int inspector_settle(struct inspector *inspector);

void inspector_free(struct inspector *inspector); /* in any state; NULL is fine */

#endif
