#include "guard_encoding.h"

#include <assert.h>
#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>

struct encodings {
	iconv_t big5, cns11643;
};

/* What iconv_open gives when it fails. */
static bool is_open(iconv_t converter)
{
	return converter != (iconv_t)-1;
}

int encodings_open(struct encodings **out)
{
	struct encodings *encodings = malloc(sizeof(*encodings));
	if (encodings == NULL)
		return -ENOMEM;
	encodings->big5 = iconv_open("UTF-8", "BIG5");
	encodings->cns11643 = iconv_open("UTF-8", "EUC-TW");
	if (!is_open(encodings->big5) || !is_open(encodings->cns11643)) {
		int result = -errno;
		encodings_close(encodings);
		return result;
	}
	*out = encodings;
	return 0;
}

void encodings_close(struct encodings *encodings)
{
	if (encodings == NULL)
		return;
	/* libc takes what is not open, too */
	iconv_close(encodings->big5);
	iconv_close(encodings->cns11643);
	free(encodings);
}

bool encoding_convert(struct encodings *encodings, enum policy_encoding from, uint8_t *out,
		      size_t *out_len, const uint8_t *in, size_t len)
{
	assert(from == ENCODING_BIG5 || from == ENCODING_CNS11643);
	iconv_t converter = from == ENCODING_BIG5 ? encodings->big5 : encodings->cns11643;
	/* iconv does not write to its input, whatever its type says */
	char *source = (char *)(uintptr_t)in, *target = (char *)out;
	size_t left = len, room = ENCODING_GROWTH * len;
	/* what was converted in no reversible way would be counted here */
	if (iconv(converter, &source, &left, &target, &room) != 0 || left != 0) {
		iconv(converter, NULL, NULL, NULL, NULL);
		return false;
	}
	*out_len = ENCODING_GROWTH * len - room;
	/* libc takes the byte 80, which is in no character of either, for U+0080 in Big5 */
	return memchr(in, 0x80, len) == NULL;
}
