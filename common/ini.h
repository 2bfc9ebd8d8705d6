/*
 * ini: sections and keys of a text, and the only file that includes inih.
 *
 * The text is checked before inih sees it: UTF-8, no control bytes but line feed and tab, lines of
 * at most 198 bytes, section names of at most 48 and keys of at most 48, so that nothing can be cut
 * off silently.
 */
#ifndef WEIR_INI_H
#define WEIR_INI_H

#include <stddef.h>
#include <stdint.h>

#include "registry.h" /* PROBLEM_BYTES */

/*
 * Called for every key, in order; section is "" before the first.  Returns NULL when the line is
 * good, else what is wrong with it.  The strings live only during the call.
 */
typedef const char *ini_line(void *context, const char *section, const char *key, const char *value,
			     int line);

/* VERDICT_OK, or `refusal` with problem "LINE: what is wrong"; -ENOMEM. */
int ini_read(const uint8_t *text, size_t len, int refusal, ini_line *line, void *context,
	     char problem[static PROBLEM_BYTES]);

#endif
