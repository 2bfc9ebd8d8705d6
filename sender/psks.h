/*
 * psks: the pre-shared keys of a route's recipients, from the folder where each lies as NAME.key, or from the
 * systemd credential psks_NAME.key where there is such a one (LoadCredential=psks:FOLDER).
 */
#ifndef WEIR_PSKS_H
#define WEIR_PSKS_H

#include <stddef.h>

#include "common/registry.h"
#include "common/suite.h"

enum { PSKS_WHERE_BYTES = 4096 };

/* The path of the key of one recipient.  -ENAMETOOLONG. */
int psks_path(char *out, size_t size, const char *folder, const char *recipient);

/*
 * All of them, in the order of the route, in memory for suite_secret_free.  VERDICT_WRONG_KEY when one is not the
 * one that the registry names, and what key_load says; where is then the file or the recipient.
 */
int psks_load(uint8_t (**out)[SUITE_KEY_BYTES], const char *folder, const struct route *route,
	      char where[static PSKS_WHERE_BYTES]);

#endif
