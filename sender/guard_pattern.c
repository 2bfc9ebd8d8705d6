#include "guard_pattern.h"

#include <errno.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "common/verdict.h"
#include "guard.h"

/*
 * PCRE2 counts its steps anew at each place where a match may begin, about 13 ns each.  The longer a value, the
 * fewer steps a place has: the whole is bounded by the budget, or for long values by the least.
 */
enum {
	STEPS_BUDGET = 10000000,
	STEPS_MAX = 100000,
	STEPS_LEAST = 1000,
};

struct patterns {
	size_t count;
	pcre2_code **codes;
	uint32_t *least; /* characters, and so bytes, that a match needs */
	pcre2_match_data *data;
	pcre2_match_context *limits;
};

static int compile(struct patterns *patterns, const struct policy_pattern *list, bool is_utf8,
		   size_t *bad, size_t *at)
{
	/* in bytes, no pattern may turn UTF on for itself: values are not checked then */
	const uint32_t options = PCRE2_NEVER_BACKSLASH_C |
				 (is_utf8 ? PCRE2_UTF | PCRE2_UCP
					  : (uint32_t)(PCRE2_NEVER_UTF | PCRE2_NEVER_UCP));
	for (size_t i = 0; i < patterns->count; i++) {
		int error;
		PCRE2_SIZE place;
		patterns->codes[i] = pcre2_compile((PCRE2_SPTR)list[i].pattern, PCRE2_ZERO_TERMINATED,
						   options, &error, &place, NULL);
		if (patterns->codes[i] == NULL && error == PCRE2_ERROR_NOMEMORY)
			return -ENOMEM;
		if (patterns->codes[i] == NULL) {
			*bad = i;
			*at = place;
			return VERDICT_BAD_POLICY;
		}
		pcre2_pattern_info(patterns->codes[i], PCRE2_INFO_MINLENGTH, &patterns->least[i]);
	}
	return 0;
}

int patterns_new(struct patterns **out, const struct policy_pattern *list, size_t count, bool is_utf8,
		 size_t *bad, size_t *at)
{
	struct patterns *patterns = calloc(1, sizeof(*patterns));
	if (patterns == NULL)
		return -ENOMEM;
	patterns->count = count;
	patterns->codes = calloc(count + 1, sizeof(*patterns->codes));
	patterns->least = calloc(count + 1, sizeof(*patterns->least));
	patterns->data = pcre2_match_data_create(1, NULL);
	patterns->limits = pcre2_match_context_create(NULL);
	int result = -ENOMEM;
	if (patterns->codes != NULL && patterns->least != NULL && patterns->data != NULL &&
	    patterns->limits != NULL) {
		pcre2_set_heap_limit(patterns->limits, GUARD_HEAP_KIB_MAX);
		result = compile(patterns, list, is_utf8, bad, at);
	}
	if (result == 0)
		*out = patterns;
	else
		patterns_free(patterns);
	return result;
}

enum pattern_result patterns_try(struct patterns *patterns, size_t index, const uint8_t *text,
				 size_t len)
{
	if (len < patterns->least[index])
		return PATTERN_PASSES;
	size_t steps = STEPS_BUDGET / (len + 1);
	if (steps > STEPS_MAX)
		steps = STEPS_MAX;
	if (steps < STEPS_LEAST)
		steps = STEPS_LEAST;
	pcre2_set_match_limit(patterns->limits, (uint32_t)steps);
	pcre2_set_depth_limit(patterns->limits, (uint32_t)steps);
	int result = pcre2_match(patterns->codes[index], text, len, 0, PCRE2_NO_UTF_CHECK, patterns->data,
				 patterns->limits);
	if (result >= 0)
		return PATTERN_MATCHES;
	/* anything but a clean no, also an error of the library's, is not known to pass */
	return result == PCRE2_ERROR_NOMATCH ? PATTERN_PASSES : PATTERN_LIMIT;
}

void patterns_free(struct patterns *patterns)
{
	if (patterns == NULL)
		return;
	for (size_t i = 0; patterns->codes != NULL && i < patterns->count; i++)
		pcre2_code_free(patterns->codes[i]);
	free(patterns->codes);
	free(patterns->least);
	pcre2_match_data_free(patterns->data);
	pcre2_match_context_free(patterns->limits);
	free(patterns);
}
