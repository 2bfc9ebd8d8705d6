#include "spent.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cursor.h"
#include "common/io.h"
#include "common/text.h"
#include "common/verdict.h"

#define FOLDER "spent"

enum {
	VERSION = 1,
	SUITE = 1,
	DIR_MODE = 0750,
	FILE_MODE = 0640,
	NAME_SIZE = 2 * PUSH_ID_BYTES + 1,
	DAY_S = 86400,
	/* a push counts for the day on which it began, and may end a day later (releaser.c) */
	COUNTED_DAYS = 2,
};

static const char magic[8] = {'W', 'E', 'I', 'R', 'S', 'P', 'N', 'T'};

struct spent {
	int dir_fd;
	size_t unreadable; /* files at the start */
	size_t count;
	size_t size;
	struct spending *all;
};

void spending_of(struct spending *out, const struct spool_item *item)
{
	const struct statement *statement = &item->release.statement;
	*out = (struct spending){
		.created = statement->created,
		.released_at = item->state == SPOOL_HELD ? 0 : item->release.released_at,
		.bytes = item->tally.content_len,
		.records = item->tally.records,
	};
	memcpy(out->push_id, statement->push_id, PUSH_ID_BYTES);
	memcpy(out->route, statement->route, NAME_BYTES);
	memcpy(out->person_key, statement->person_key, KEY_ID_BYTES);
	memcpy(out->push_order, item->push_order, ORDER_ID_BYTES);
	memcpy(out->release_order, item->release_order, ORDER_ID_BYTES);
}

static void digest_of(uint8_t out[static SUITE_DIGEST_BYTES], const uint8_t *data)
{
	suite_hash(out, SUITE_DIGEST_BYTES, "weir1 spent", NULL, 0, data,
		   SPENDING_BYTES - SUITE_DIGEST_BYTES);
}

void spending_encode(uint8_t out[static SPENDING_BYTES], const struct spending *s)
{
	struct writer w = writer_of(out, SPENDING_BYTES);
	write_bytes(&w, magic, sizeof(magic));
	write_u16(&w, VERSION);
	write_u16(&w, SUITE);
	write_u32(&w, 0);
	write_bytes(&w, s->push_id, PUSH_ID_BYTES);
	write_bytes(&w, s->route, NAME_BYTES);
	write_bytes(&w, s->person_key, KEY_ID_BYTES);
	write_u64(&w, s->created);
	write_u64(&w, s->released_at);
	write_u64(&w, s->bytes);
	write_u64(&w, s->records);
	write_bytes(&w, s->push_order, ORDER_ID_BYTES);
	write_bytes(&w, s->release_order, ORDER_ID_BYTES);
	assert(!w.overrun && w.at == SPENDING_BYTES - SUITE_DIGEST_BYTES);
	digest_of(out + w.at, out);
}

int spending_decode(struct spending *out, const uint8_t *in, size_t len)
{
	struct spending s;
	uint8_t digest[SUITE_DIGEST_BYTES];
	struct reader r = reader_of(in, len);
	if (len != SPENDING_BYTES)
		return len < SPENDING_BYTES ? VERDICT_TRUNCATED : VERDICT_TRAILING_BYTES;
	if (memcmp(read_view(&r, sizeof(magic)), magic, sizeof(magic)) != 0)
		return VERDICT_BAD_MAGIC;
	if (read_u16(&r) != VERSION)
		return VERDICT_UNKNOWN_VERSION;
	if (read_u16(&r) != SUITE)
		return VERDICT_UNKNOWN_SUITE;
	if (!read_zeros(&r, 4))
		return VERDICT_BAD_RESERVED;
	read_bytes(&r, s.push_id, PUSH_ID_BYTES);
	read_bytes(&r, s.route, NAME_BYTES);
	read_bytes(&r, s.person_key, KEY_ID_BYTES);
	s.created = read_u64(&r);
	s.released_at = read_u64(&r);
	s.bytes = read_u64(&r);
	s.records = read_u64(&r);
	read_bytes(&r, s.push_order, ORDER_ID_BYTES);
	read_bytes(&r, s.release_order, ORDER_ID_BYTES);
	digest_of(digest, in);
	if (memcmp(digest, in + r.at, sizeof(digest)) != 0)
		return VERDICT_BAD_DIGEST;
	if (!name32_is_valid(s.route))
		return VERDICT_BAD_NAME;
	*out = s;
	return 0;
}

static int make_room(struct spent *s)
{
	if (s->count < s->size)
		return 0;
	if (s->count >= SPENT_MAX)
		return VERDICT_BAD_LIMIT;
	size_t size = s->size == 0 ? 64 : s->size * 2;
	struct spending *grown = reallocarray(s->all, size, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	s->all = grown;
	s->size = size;
	return 0;
}

static int read_file(struct spent *s, const char *name)
{
	uint8_t *data = NULL;
	size_t len;
	char wanted[NAME_SIZE];
	int result = make_room(s);
	if (result == 0)
		result = io_read_file(s->dir_fd, name, SPENDING_BYTES, &data, &len);
	if (result == 0)
		result = spending_decode(&s->all[s->count], data, len);
	free(data);
	if (result != 0)
		return result;
	text_hex(wanted, sizeof(wanted), s->all[s->count].push_id, PUSH_ID_BYTES);
	if (strcmp(wanted, name) != 0)
		return VERDICT_BAD_NAME;
	s->count++;
	return 0;
}

static int read_name(int dir_fd, const char *name, void *context)
{
	struct spent *s = context;
	(void)dir_fd;
	if (name[0] != '.' && read_file(s, name) != 0)
		s->unreadable++;
	return 0;
}

int spent_open(struct spent **out, int spool_dir, size_t *bad)
{
	struct spent *s = calloc(1, sizeof(*s));
	if (s == NULL)
		return -ENOMEM;
	s->dir_fd = -1;
	int result = io_make_dir(spool_dir, FOLDER, DIR_MODE);
	if (result == 0)
		s->dir_fd = io_open_dir(spool_dir, FOLDER);
	if (result == 0 && s->dir_fd < 0)
		result = s->dir_fd;
	if (result == 0)
		result = io_each_name(io_open_dir(spool_dir, FOLDER), read_name, s);
	if (result != 0) {
		spent_close(s);
		return result;
	}
	*bad = s->unreadable;
	*out = s;
	return 0;
}

void spent_close(struct spent *s)
{
	if (s == NULL)
		return;
	io_close(s->dir_fd);
	free(s->all);
	free(s);
}

/* Whether a push or release that is judged from now on may be counted together with it. */
static bool still_counts(const struct spending *s, uint64_t now)
{
	return s->created / DAY_S + COUNTED_DAYS > now / DAY_S || s->released_at / DAY_S >= now / DAY_S;
}

static size_t find(const struct spent *s, const uint8_t push_id[static PUSH_ID_BYTES])
{
	size_t at = 0;
	while (at < s->count && memcmp(s->all[at].push_id, push_id, PUSH_ID_BYTES) != 0)
		at++;
	return at;
}

static int add(struct spent *s, const struct spending *spending, uint64_t now)
{
	uint8_t bytes[SPENDING_BYTES];
	char name[NAME_SIZE];
	if (!still_counts(spending, now))
		return 0;
	size_t at = find(s, spending->push_id);
	int result = at < s->count ? 0 : make_room(s);
	if (result != 0)
		return result;
	spending_encode(bytes, spending);
	text_hex(name, sizeof(name), spending->push_id, PUSH_ID_BYTES);
	result = io_write_file(s->dir_fd, name, bytes, sizeof(bytes), FILE_MODE);
	if (result != 0)
		return result;
	s->all[at] = *spending;
	s->count += at == s->count;
	return 0;
}

int spent_add(struct spent *s, const struct spool_item *item, uint64_t now)
{
	struct spending spending;
	spending_of(&spending, item);
	return add(s, &spending, now);
}

/* Whoever has kept what seal handed over could hand it over again, and an officer's word would be undone. */
int spent_add_refused(struct spent *s, const struct spool_item *item, uint64_t now)
{
	struct spending spending;
	spending_of(&spending, item);
	spending.bytes = spending.records = 0;
	memset(spending.push_order, 0, sizeof(spending.push_order));
	memset(spending.release_order, 0, sizeof(spending.release_order));
	return add(s, &spending, now);
}

bool spent_has(const struct spent *s, const uint8_t push_id[static PUSH_ID_BYTES])
{
	return find(s, push_id) < s->count;
}

size_t spent_count(const struct spent *s)
{
	return s->count;
}

const struct spending *spent_at(const struct spent *s, size_t index)
{
	assert(index < s->count);
	return &s->all[index];
}

void spent_retire(struct spent *s, uint64_t now)
{
	char name[NAME_SIZE];
	for (size_t i = s->count; i-- > 0;) {
		if (still_counts(&s->all[i], now))
			continue;
		text_hex(name, sizeof(name), s->all[i].push_id, PUSH_ID_BYTES);
		/* one that cannot be removed counts for nothing all the same */
		(void)unlinkat(s->dir_fd, name, 0);
		s->all[i] = s->all[--s->count];
	}
}
