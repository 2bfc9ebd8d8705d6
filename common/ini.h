/*
 * ini: sections and keys of a text, and the only file that includes inih.
 *
 * The text is checked before inih sees it, so that inih can neither cut anything off silently nor
 * read a line in its own way.  It is UTF-8 without a byte order mark and without control bytes but
 * line feed and tab; its last line ends.  A line of at most INI_LINE_BYTES is one of
 *
 *     nothing but blanks
 *     a comment: ';' or '#' at the start of the line
 *     [section]    1 to INI_NAME_BYTES of a-z 0-9 - and single blanks between words
 *     key = value  key: 1 to INI_NAME_BYTES of a-z 0-9 - _ ; the value must not be empty
 *
 * and may carry a comment behind a blank and ';'.  A line that begins with a blank and holds
 * anything is refused: inih would take it for more of the line above.
 */
#ifndef WEIR_INI_H
#define WEIR_INI_H

#include <stddef.h>
#include <stdint.h>

#include "registry.h" /* PROBLEM_BYTES */

enum { INI_LINE_BYTES = 198, INI_NAME_BYTES = 48 };

/*
 * Called in order for every section heading, with key and value NULL, and for every key; section is
 * "" before the first.  Returns NULL when the line is good, else what is wrong with it, which
 * ini_read copies.  The strings live only during the call.
 */
typedef const char *ini_line(void *context, const char *section, const char *key, const char *value,
			     int line);

/* VERDICT_OK, or `refusal` with problem "LINE: what is wrong"; -ENOMEM. */
int ini_read(const uint8_t *text, size_t len, int refusal, ini_line *line, void *context,
	     char problem[static PROBLEM_BYTES]);

/* The lines of a text, for a problem that belongs to its end; at least 1. */
int ini_count_lines(const uint8_t *text, size_t len);

#endif
