#include "policy.h"

#include <errno.h>
#include <string.h>

static const char *const formats[] = {
	[FORMAT_OPAQUE] = "opaque", [FORMAT_LINES] = "lines", [FORMAT_CSV] = "csv",
	[FORMAT_JSON] = "json",     [FORMAT_FIXED] = "fixed",
};

static const char *const encodings[] = {
	[ENCODING_ANY] = "any",
	[ENCODING_UTF8] = "utf-8",
	[ENCODING_BIG5] = "big5",
	[ENCODING_CNS11643] = "cns11643",
};

enum {
	FORMATS = sizeof(formats) / sizeof(formats[0]),
	ENCODINGS = sizeof(encodings) / sizeof(encodings[0]),
};

static int find(const char *const *words, int count, const char *word)
{
	for (int i = 0; i < count; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	return -ENOENT;
}

const char *record_format_name(enum record_format format)
{
	return (unsigned int)format < FORMATS ? formats[format] : NULL;
}

int record_format_from_name(const char *name)
{
	return find(formats, FORMATS, name);
}

const char *policy_encoding_name(enum policy_encoding encoding)
{
	return (unsigned int)encoding < ENCODINGS ? encodings[encoding] : NULL;
}

int policy_encoding_from_name(const char *name)
{
	return find(encodings, ENCODINGS, name);
}
