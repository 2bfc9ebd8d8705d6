/*
 * psks: the pre-shared keys of a route's recipients, from the folder where each lies as NAME.key.
 */
#ifndef WEIR_PSKS_H
#define WEIR_PSKS_H

#include "common/registry.h"
#include "common/suite.h"

enum { PSKS_WHERE_BYTES = 4096 };

/*
 * All of them, in the order of the route, in memory for suite_secret_free.  VERDICT_WRONG_KEY when one is not the
 * one that the registry names, and what key_load says; where is then the file or the recipient.
 */
int psks_load(uint8_t (**out)[SUITE_KEY_BYTES], const char *folder, const struct route *route,
	      char where[static PSKS_WHERE_BYTES]);

#endif
