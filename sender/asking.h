/*
 * asking: questions to weir-hold over its control socket (local.h): what is in the spool?
 */
#ifndef WEIR_ASKING_H
#define WEIR_ASKING_H

#include "local.h"

typedef void asking_take(void *context, const struct local_item *item);

/*
 * Gives every item, or the one with this push id or name when keyword is not NULL.  -errno of
 * connecting (-ECONNREFUSED, -ENOENT: nobody is there), VERDICT_BAD_PROTOCOL, or the result in
 * *refused, which is filled only then.
 */
int asking_list(const char *runtime, const char *keyword, asking_take *take, void *context,
		struct local_refused *refused);

#endif
