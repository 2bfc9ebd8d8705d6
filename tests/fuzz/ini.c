#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/ini.h"
#include "common/verdict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What is told must stand in the text as it was told. */
static const char *check(void *context, const char *section, const char *key, const char *value,
			 int line)
{
	const char *text = context;
	if (line < 1 || strstr(text, section) == NULL)
		abort();
	if (key != NULL && (strstr(text, key) == NULL || strstr(text, value) == NULL))
		abort();
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char problem[PROBLEM_BYTES];
	char *text = malloc(len + 1);
	if (text == NULL)
		abort();
	if (len > 0)
		memcpy(text, data, len);
	text[len] = 0;
	int result = ini_read(data, len, VERDICT_BAD_REGISTRY, check, text, problem);
	if ((result == 0) != (problem[0] == 0))
		abort();
	free(text);
	return 0;
}
