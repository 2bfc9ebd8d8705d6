/*
 * example: the worked examples of the format documents.  A test makes the bytes anew and asks whether
 * the document shows the same, in lines of "    0010  00 01 … 0f".
 */
#ifndef WEIR_EXAMPLE_H
#define WEIR_EXAMPLE_H

#include <fcntl.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "common/io.h"
#include "tests/lib/tap.h"

static inline void example_text(char *out, size_t size, const uint8_t *data, size_t len)
{
	size_t at = 0;
	for (size_t i = 0; i < len && at + 16 < size; i++) {
		if (i % 16 == 0)
			at += (size_t)snprintf(out + at, size - at, "    %04zx ", i);
		at += (size_t)snprintf(out + at, size - at, " %02x%s", data[i],
				       i % 16 == 15 || i + 1 == len ? "\n" : "");
	}
}

/* document is a path from the top of the tree, where the tests run. */
static inline void example_stands_in(const char *document, const uint8_t *data, size_t len,
				     const char *what)
{
	char text[16384] = "";
	example_text(text, sizeof(text), data, len);
	uint8_t *content = NULL;
	size_t content_len;
	int result = io_read_file(AT_FDCWD, document, 1 << 20, &content, &content_len);
	bool found = result == 0 && strstr((const char *)content, text) != NULL;
	ok(found, "%s shows %s as it is made", document, what);
	if (!found)
		printf("%s", text);
	free(content);
}

#endif
