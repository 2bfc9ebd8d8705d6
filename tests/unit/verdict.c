#include "common/verdict.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "tests/lib/tap.h"

int main(void)
{
	for (int v = 0; v < VERDICT_COUNT_END; v++) {
		const char *name = verdict_name(v);
		ok(name != NULL && *name != 0, "verdict %d has a name", v);
		if (name == NULL)
			continue;
		is_number(verdict_from_name(name), v, "'%s' is the name of one verdict", name);
		ok(strspn(name, "abcdefghijklmnopqrstuvwxyz-") == strlen(name), "'%s' is lower case", name);
		const char *text = verdict_explain(v);
		ok(text != NULL && *text != 0 && text[strlen(text) - 1] != '.',
		   "'%s' is explained in one clause", name);
	}
	is_text(verdict_name(VERDICT_COUNT_END), "unknown", "a number outside is unknown");
	is_text(verdict_name(-5), "unknown", "an errno is no verdict");
	is_number(verdict_from_name("no-such-verdict"), -ENOENT, "a name outside is not found");
	is_text(verdict_explain(-ENOENT), "No such file or directory", "an errno is explained by the system");
	is_text(verdict_explain(VERDICT_COUNT_END), "unknown", "a number outside is unknown here, too");
	is_text(verdict_explain(INT_MIN), "unknown", "so is the lowest number, which another process may have written");
	return done_testing();
}
