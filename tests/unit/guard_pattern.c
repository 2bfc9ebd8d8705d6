#include "sender/guard_pattern.h"

#include <string.h>

#include "common/verdict.h"
#include "tests/lib/tap.h"

static enum pattern_result try_one(const char *pattern, bool is_utf8, const char *text)
{
	struct policy_pattern one = {"*", pattern};
	struct patterns *patterns = NULL;
	size_t bad, at;
	if (patterns_new(&patterns, &one, 1, is_utf8, &bad, &at) != 0)
		return (enum pattern_result)99;
	enum pattern_result result = patterns_try(patterns, 0, (const uint8_t *)text, strlen(text));
	patterns_free(patterns);
	return result;
}

static void test_matching(void)
{
	static const struct {
		const char *pattern, *text;
		bool is_utf8;
		enum pattern_result wanted;
	} cases[] = {
		{"b", "abc", true, PATTERN_MATCHES},          {"^b", "abc", true, PATTERN_PASSES},
		{"^$", "", true, PATTERN_MATCHES},            {"^$", "a", true, PATTERN_PASSES},
		{"", "", true, PATTERN_MATCHES},              {"x*", "", false, PATTERN_MATCHES},
		{"x", "", true, PATTERN_PASSES},              {"abcdef", "abcde", true, PATTERN_PASSES},
		{"(?i)ΑΒ", "xαβ", true, PATTERN_MATCHES},     {"^..$", "王明", true, PATTERN_MATCHES},
		{"^..$", "王明", false, PATTERN_PASSES},      {"^.{6}$", "王明", false, PATTERN_MATCHES},
		{"\\d", "３", true, PATTERN_MATCHES},         {"\\d", "３", false, PATTERN_PASSES},
		{"^\\p{Han}+$", "王明", true, PATTERN_MATCHES}, {"(?=.*a)(?=.*b)", "b-a", true, PATTERN_MATCHES},
		{"a\\Kb", "ab", true, PATTERN_MATCHES},       {"a(?C1)b", "ab", true, PATTERN_MATCHES},
		{"(*ACCEPT)abc", "x", true, PATTERN_MATCHES}, {"(\\w)\\1", "abcc", true, PATTERN_MATCHES},
		{"\xff", "a\xff", false, PATTERN_MATCHES},    {"密", "機密", false, PATTERN_MATCHES},
		{"(*LIMIT_MATCH=1)(a+)+$", "aaaab", true, PATTERN_LIMIT},
		{"(a+)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", true, PATTERN_LIMIT},
		{"(?R)?a{3}$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", true, PATTERN_LIMIT},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_number(try_one(cases[i].pattern, cases[i].is_utf8, cases[i].text), cases[i].wanted,
			  "'%s' is tried at a value, in %s", cases[i].pattern,
			  cases[i].is_utf8 ? "UTF-8" : "bytes");
}

static void test_compiling(void)
{
	static const struct policy_pattern good[] = {{"*", "a"}, {"*", "b"}, {"*", "c+"}};
	static const struct policy_pattern third[] = {{"*", "a"}, {"*", "b"}, {"*", "cd["}};
	struct patterns *patterns = NULL;
	size_t bad = 9, at = 9;
	is_number(patterns_new(&patterns, good, 3, true, &bad, &at), 0, "patterns compile");
	ok(bad == 9 && at == 9, "and nothing is said");
	for (size_t i = 0; i < 3; i++)
		is_number(patterns_try(patterns, i, (const uint8_t *)"b", 1),
			  i == 1 ? PATTERN_MATCHES : PATTERN_PASSES, "each is its own");
	patterns_free(patterns);
	patterns = NULL;
	is_number(patterns_new(&patterns, third, 3, true, &bad, &at), VERDICT_BAD_POLICY, "one that does not is refused");
	is_number((int64_t)bad, 2, "and named");
	is_number((int64_t)at, 3, "with the place");
	ok(patterns == NULL, "and the others are not there");
	is_number(patterns_new(&patterns, good, 0, true, &bad, &at), 0, "none are fine");
	patterns_free(patterns);
	patterns_free(NULL);
	static const char *const refused[] = {"(*UTF)a", "(*UCP)a", "\\C"};
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct policy_pattern one = {"*", refused[i]};
		is_number(patterns_new(&patterns, &one, 1, false, &bad, &at), VERDICT_BAD_POLICY,
			  "'%s' is no pattern of bytes", refused[i]);
	}
	struct policy_pattern cut = {"*", "\xe7\x8e"};
	is_number(patterns_new(&patterns, &cut, 1, true, &bad, &at), VERDICT_BAD_POLICY, "a pattern is UTF-8 where values are");
}

int main(void)
{
	test_matching();
	test_compiling();
	return done_testing();
}
