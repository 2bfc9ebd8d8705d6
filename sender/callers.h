/*
 * callers: who is taken at a socket of hold, and what is told when nobody can be (acceptor.h).
 */
#ifndef WEIR_CALLERS_H
#define WEIR_CALLERS_H

#include "book.h"
#include "common/acceptor.h"

/* The next caller at the socket of this name: a descriptor, or -errno when there is none or a pause.  Speaks. */
int callers_take(struct acceptor *acceptor, const char *name, struct book *book, uint64_t now_ms);

#endif
