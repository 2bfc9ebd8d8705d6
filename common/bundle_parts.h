/*
 * bundle_parts: what the structures of a bundle have in common, for bundle.c and bundle_head.c.
 */
#ifndef WEIR_BUNDLE_PARTS_H
#define WEIR_BUNDLE_PARTS_H

#include "bundle.h"
#include "cursor.h"

enum { BUNDLE_VERSION = 1, BUNDLE_SUITE = 1 };

/* Magic, version and suite, which every structure begins with. */
void bundle_write_start(struct writer *w, const char magic[static 8]);
int bundle_read_start(struct reader *r, const char magic[static 8]);

/* A name32: zero-filled, whatever lies behind the name in memory. */
void bundle_write_name(struct writer *w, const char name[static NAME_BYTES]);

#endif
