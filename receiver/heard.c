#include "heard.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/suite.h"
#include "common/verdict.h"

static const char MAGIC[] = "WEIRHEAR";

enum { MAGIC_BYTES = 8, VERSION = 1, HEADER_BYTES = 80, DIGEST_BYTES = 32 };

bool heard_has_ended(const struct heard *heard, uint64_t epoch)
{
	for (size_t i = 0; i < heard->ended_count; i++)
		if (heard->ended[i] == epoch)
			return true;
	return false;
}

static void begin(struct heard *heard, uint64_t epoch)
{
	struct heard next = {.epoch = epoch, .newest_s = heard->newest_s};
	if (heard->epoch != 0)
		next.ended[next.ended_count++] = heard->epoch;
	for (size_t i = 0; i < heard->ended_count && next.ended_count < HEARD_ENDED_MAX; i++)
		next.ended[next.ended_count++] = heard->ended[i];
	*heard = next;
}

static int enter_other(struct heard *heard, uint64_t epoch, uint64_t before, uint64_t time_s)
{
	/* its clock may be behind that of the life before, which had run ahead and was put right since */
	bool follows = heard->epoch != 0 && before == heard->epoch && !heard_has_ended(heard, epoch);
	if (heard->epoch != 0 && time_s <= heard->newest_s && !follows)
		return -ESTALE;
	if (heard_has_ended(heard, epoch)) {
		heard->returned = epoch;
		return -EACCES;
	}
	begin(heard, epoch);
	heard->newest_s = time_s;
	return 1;
}

int heard_enter(struct heard *heard, uint64_t epoch, uint64_t before, uint64_t time_s)
{
	if (epoch != heard->epoch)
		return enter_other(heard, epoch, before, time_s);
	if (heard->went_back)
		return -ESTALE;
	/* newest_s is for heard_beat to compare first */
	return VERDICT_OK;
}

void heard_note_before(struct heard *heard, uint64_t before)
{
	heard->has_before = true;
	heard->before = before;
}

void heard_go_back(struct heard *heard)
{
	heard->went_back = true;
}

/* Neither the beat nor the generation of an epoch ever goes backwards. */
static bool says_less(const struct heard *heard, const struct heartbeat *heartbeat)
{
	return heard->has_beat &&
	       (heartbeat->beat < heard->beat || heartbeat->generation < heard->promised);
}

bool heard_may_be_late(const struct heard *heard, uint64_t time_s)
{
	return time_s <= heard->late_until_s;
}

/* Something that was made after the newest beat, and has an earlier time. */
static void note_time(struct heard *heard, uint64_t time_s)
{
	if (time_s < heard->beat_s)
		heard->late_until_s = heard->newest_s + HEARD_LATE_S;
}

void heard_note_generation(struct heard *heard, uint64_t generation, uint64_t time_s)
{
	if (heard->has_beat && generation > heard->promised)
		note_time(heard, time_s);
}

/* Says less, and proves nothing by it: a replay, or late. */
static bool is_old(const struct heard *heard, uint64_t time_s)
{
	return time_s <= heard->newest_s || heard_may_be_late(heard, time_s);
}

int heard_judge_beat(const struct heard *heard, const struct heartbeat *heartbeat)
{
	if (heartbeat->epoch != heard->epoch || heard->went_back)
		return VERDICT_OK;
	if (heard->has_beat && heartbeat->beat == heard->beat)
		return -EALREADY;
	return says_less(heard, heartbeat) && is_old(heard, heartbeat->time) ? -ESTALE : VERDICT_OK;
}

int heard_beat(struct heard *heard, const struct heartbeat *heartbeat)
{
	if (heard->has_beat && heartbeat->beat == heard->beat)
		return -EALREADY;
	if (says_less(heard, heartbeat)) {
		if (is_old(heard, heartbeat->time))
			return -ESTALE;
		heard_go_back(heard);
		return -EACCES;
	}
	heard_note_before(heard, heartbeat->epoch_before);
	heard->beat = heartbeat->beat;
	note_time(heard, heartbeat->time);
	heard->beat_s = heartbeat->time;
	heard->has_beat = true;
	heard->promised = heartbeat->generation;
	heard->promised_pages = heartbeat->pages;
	heard->returned = 0; /* whoever was put back to an older epoch is gone again */
	return VERDICT_OK;
}

int heard_encode(uint8_t **out, size_t *len, const struct heard *heard, const struct account *account)
{
	size_t size = HEADER_BYTES + heard->ended_count * 8 + account_bytes(account) + DIGEST_BYTES;
	uint8_t *bytes = malloc(size), digest[DIGEST_BYTES];
	if (bytes == NULL)
		return -ENOMEM;
	struct writer w = writer_of(bytes, size);
	write_bytes(&w, MAGIC, MAGIC_BYTES);
	write_u16(&w, VERSION);
	write_u8(&w, heard->has_before);
	write_u8(&w, heard->has_beat);
	write_u8(&w, heard->went_back);
	write_zeros(&w, 3);
	write_u64(&w, heard->epoch);
	write_u64(&w, heard->newest_s);
	write_u64(&w, heard->before);
	write_u64(&w, heard->beat);
	write_u64(&w, heard->promised);
	write_u32(&w, heard->promised_pages);
	write_u32(&w, (uint32_t)heard->ended_count);
	write_u64(&w, heard->returned);
	write_zeros(&w, 8);
	for (size_t i = 0; i < heard->ended_count; i++)
		write_u64(&w, heard->ended[i]);
	account_write(account, &w);
	suite_hash(digest, sizeof(digest), "weir1 heard", NULL, 0, bytes, w.at);
	write_bytes(&w, digest, sizeof(digest));
	*out = bytes;
	*len = w.at;
	return 0;
}

static bool read_flag(struct reader *r, bool *out)
{
	uint8_t value = read_u8(r);
	*out = value == 1;
	return value <= 1;
}

static int read_header(struct heard *h, struct reader *r)
{
	bool good = read_flag(r, &h->has_before);
	good &= read_flag(r, &h->has_beat);
	good &= read_flag(r, &h->went_back);
	good &= read_zeros(r, 3);
	h->epoch = read_u64(r);
	h->newest_s = read_u64(r);
	h->before = read_u64(r);
	h->beat = read_u64(r);
	h->promised = read_u64(r);
	h->promised_pages = read_u32(r);
	h->ended_count = read_u32(r);
	h->returned = read_u64(r);
	good &= read_zeros(r, 8);
	if (!good)
		return VERDICT_BAD_RESERVED;
	if (h->epoch == 0 || h->ended_count > HEARD_ENDED_MAX || h->promised_pages > PAGES_MAX)
		return VERDICT_BAD_LIMIT;
	for (size_t i = 0; i < h->ended_count; i++)
		h->ended[i] = read_u64(r);
	return r->overrun ? VERDICT_TRUNCATED : VERDICT_OK;
}

static int check_digest(const uint8_t *bytes, size_t len)
{
	uint8_t digest[DIGEST_BYTES];
	suite_hash(digest, sizeof(digest), "weir1 heard", NULL, 0, bytes, len - DIGEST_BYTES);
	return memcmp(digest, bytes + len - DIGEST_BYTES, DIGEST_BYTES) == 0 ? VERDICT_OK : VERDICT_BAD_DIGEST;
}

int heard_decode(struct heard *out, struct account **account, const uint8_t *bytes, size_t len)
{
	struct heard heard = {.epoch = 0};
	struct account *read = NULL;
	if (len < HEADER_BYTES + DIGEST_BYTES)
		return VERDICT_TRUNCATED;
	struct reader r = reader_of(bytes, len - DIGEST_BYTES);
	if (memcmp(read_view(&r, MAGIC_BYTES), MAGIC, MAGIC_BYTES) != 0)
		return VERDICT_BAD_MAGIC;
	if (read_u16(&r) != VERSION)
		return VERDICT_UNKNOWN_VERSION;
	int result = check_digest(bytes, len);
	if (result == 0)
		result = read_header(&heard, &r);
	if (result == 0)
		result = account_read(&read, &r);
	if (result == 0 && reader_left(&r) != 0) {
		account_free(read);
		result = VERDICT_TRAILING_BYTES;
	}
	if (result != 0)
		return result;
	*out = heard;
	*account = read;
	return VERDICT_OK;
}
