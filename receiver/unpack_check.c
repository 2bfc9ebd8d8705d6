#include "unpack_check.h"

#include <errno.h>
#include <stdlib.h>

#include "common/sha256.h"
#include "common/verdict.h"
#include "common/work.h"

enum { LARGE_BYTES = 65536 }; /* below this a change of thread costs as much as it saves */

struct unpack_check {
	struct sha256 hasher;
	struct record_counter counter;
	struct work *work; /* NULL: no thread */
	const uint8_t *data;
	size_t len;
};

static void look(void *context, void *job, unsigned int thread)
{
	struct unpack_check *check = context;
	(void)job;
	(void)thread;
	sha256_add(&check->hasher, check->data, check->len);
	records_add(&check->counter, check->data, check->len);
}

int unpack_check_new(struct unpack_check **out, bool has_thread)
{
	struct unpack_check *check = calloc(1, sizeof(*check));
	if (check == NULL)
		return -ENOMEM;
	if (has_thread && (check->work = work_new(1, 1, look, check)) == NULL) {
		free(check);
		return -ENOMEM;
	}
	*out = check;
	return 0;
}

void unpack_check_free(struct unpack_check *check)
{
	if (check == NULL)
		return;
	work_free(check->work);
	suite_wipe(check, sizeof(*check));
	free(check);
}

void unpack_check_begin(struct unpack_check *check, const struct member *member)
{
	sha256_start(&check->hasher);
	records_start(&check->counter, member->rule);
}

void unpack_check_add(struct unpack_check *check, const void *data, size_t len)
{
	check->data = data;
	check->len = len;
	if (check->work != NULL && len >= LARGE_BYTES)
		work_give(check->work, check);
	else
		look(check, check, 0);
}

void unpack_check_settle(struct unpack_check *check)
{
	if (check->work != NULL)
		(void)work_take(check->work);
}

int unpack_check_end(struct unpack_check *check, const struct member *member)
{
	uint8_t digest[SHA256_BYTES];
	sha256_end(&check->hasher, digest);
	if (!suite_equal(digest, member->digest, sizeof(digest)))
		return VERDICT_BAD_DIGEST;
	return records_count(&check->counter) == member->records ? VERDICT_OK : VERDICT_BAD_COUNT;
}
