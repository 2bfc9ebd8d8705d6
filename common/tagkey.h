/*
 * tagkey: the key of the tags on the link, from the link secret's file.
 */
#ifndef WEIR_TAGKEY_H
#define WEIR_TAGKEY_H

#include <stdint.h>

/*
 * SUITE_TAG_BYTES in secret memory, for suite_secret_free.  0, as key_load, VERDICT_WRONG_KEY when it is a key of
 * another kind, or -ENOMEM.
 */
int tagkey_load(uint8_t **out, const char *path);

#endif
