/*
 * contents: a manifest for a person's eye: what is in a bundle, member by member.
 */
#ifndef WEIR_CONTENTS_H
#define WEIR_CONTENTS_H

#include "json.h"
#include "manifest.h"

/* A table on stdout, names escaped. */
void contents_print(const struct manifest *manifest);
/* An array with an object for each member; NULL as in json.h. */
struct json *contents_json(const struct manifest *manifest);

#endif
