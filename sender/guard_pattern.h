/*
 * guard_pattern: the denied patterns of a policy, by PCRE2; the only file that includes <pcre2.h>.
 *
 * Interpreted, since the process may not have executable memory.  A value that makes a pattern work too
 * hard is not judged, and so refused: steps, depth and memory are limited (POLICY.md 3).
 */
#ifndef WEIR_GUARD_PATTERN_H
#define WEIR_GUARD_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/policy.h"

struct patterns;

enum pattern_result {
	PATTERN_PASSES = 0,
	PATTERN_MATCHES,
	PATTERN_LIMIT, /* nobody knows */
};

/*
 * is_utf8: patterns and values are UTF-8, and classes such as \d know Unicode; otherwise both are bytes.
 * VERDICT_BAD_POLICY with *bad, the index of one that does not compile, and *at, the place in it.
 */
int patterns_new(struct patterns **out, const struct policy_pattern *list, size_t count, bool is_utf8,
		 size_t *bad, size_t *at);

/* text has been found to be UTF-8, where is_utf8 was said. */
enum pattern_result patterns_try(struct patterns *patterns, size_t index, const uint8_t *text,
				 size_t len);

void patterns_free(struct patterns *patterns); /* NULL is fine */

#endif
