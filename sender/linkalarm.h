/*
 * linkalarm: what hold does with its looks at the layers of the link (linkwatch.h): it tells, and writes down.
 */
#ifndef WEIR_LINKALARM_H
#define WEIR_LINKALARM_H

#include <stdbool.h>

#include "book.h"
#include "common/linkwatch.h"

/* As linkwatch_open, and says which layers the configuration names as absent. */
int linkalarm_open(struct linkwatch *watch, const struct config *config);
/* Every second.  True when nothing more may be sent: a layer is gone, or nobody looks. */
bool linkalarm_follow(struct linkwatch *watch, struct book *book);

#endif
