#include "catalogue.h"

#include <assert.h>
#include <string.h>

#include "cursor.h"
#include "verdict.h"

enum {
	FORMAT_VERSION = 1,
	SUITE = 1,
	MAGIC_BYTES = 8,
	PREFIX_BYTES = 12, /* magic, version, suite */
	PAGE_HEADER_BYTES = 72,
	ENTRY_BYTES = 80,
	HEADS_HEADER_BYTES = 72,
	HEAD_BYTES = 24,
};

static const struct {
	char magic[MAGIC_BYTES + 1];
	const char *domain;
} kinds[] = {
	[MESSAGE_HEARTBEAT] = {"WEIRBEAT", "weir1 beat"},
	[MESSAGE_PAGE] = {"WEIRCATA", "weir1 catalogue"},
	[MESSAGE_HEADS] = {"WEIRHEAD", "weir1 heads"},
};

enum message_kind message_kind(const uint8_t *message, size_t len)
{
	if (len < MAGIC_BYTES)
		return MESSAGE_UNKNOWN;
	for (enum message_kind kind = MESSAGE_HEARTBEAT; kind <= MESSAGE_HEADS; kind++)
		if (memcmp(message, kinds[kind].magic, MAGIC_BYTES) == 0)
			return kind;
	return MESSAGE_UNKNOWN;
}

static struct writer begin(uint8_t *out, size_t size, enum message_kind kind)
{
	struct writer w = writer_of(out, size);
	write_bytes(&w, kinds[kind].magic, MAGIC_BYTES);
	write_u16(&w, FORMAT_VERSION);
	write_u16(&w, SUITE);
	return w;
}

/* Signs what has been written, and appends the signature. */
static int sign(struct writer *w, enum message_kind kind,
		const uint8_t box_seed[static SUITE_KEY_BYTES])
{
	uint8_t signature[SUITE_SIGNATURE_BYTES];
	int result = suite_sign(signature, kinds[kind].domain, w->data, w->at, box_seed);
	if (result != 0)
		return result;
	write_bytes(w, signature, sizeof(signature));
	assert(!w->overrun);
	return 0;
}

int heartbeat_encode(uint8_t out[static HEARTBEAT_BYTES], const struct heartbeat *h,
		     const uint8_t box_seed[static SUITE_KEY_BYTES])
{
	uint8_t message[HEARTBEAT_BYTES];
	struct writer w = begin(message, sizeof(message), MESSAGE_HEARTBEAT);
	write_u32(&w, h->bundles);
	write_u64(&w, h->epoch);
	write_u64(&w, h->beat);
	write_u64(&w, h->time);
	write_u64(&w, h->generation);
	write_u32(&w, h->pages);
	write_zeros(&w, 4);
	write_u64(&w, h->registry_version);
	write_u64(&w, h->sent);
	write_u64(&w, h->ledger.n);
	write_bytes(&w, h->ledger.hash, sizeof(h->ledger.hash));
	write_u64(&w, h->epoch_before);
	write_u64(&w, h->waiting);
	write_u64(&w, h->heal_rate);
	write_u64(&w, h->heal_round);
	write_bytes(&w, h->box_key, sizeof(h->box_key));
	int result = sign(&w, MESSAGE_HEARTBEAT, box_seed);
	if (result == 0)
		memcpy(out, message, sizeof(message));
	return result;
}

static void write_entry(struct writer *w, const struct entry *e)
{
	write_u16(w, e->route_id);
	write_u8(w, e->geometry.source_rows);
	write_u8(w, e->geometry.repair_rows);
	write_u16(w, (uint16_t)(e->geometry.row_len / ROW_UNIT_BYTES));
	write_u16(w, e->passes);
	write_u64(w, e->epoch);
	write_u64(w, e->number);
	write_u64(w, e->geometry.object_len);
	write_u64(w, e->destroy_by);
	write_u64(w, e->offered_until);
	write_bytes(w, e->root, sizeof(e->root));
}

int page_encode(uint8_t out[static PAGE_BYTES_MAX], size_t *len, const struct page *p,
		const uint8_t box_seed[static SUITE_KEY_BYTES])
{
	assert(p->count <= PAGE_ENTRIES_MAX);
	uint8_t message[PAGE_BYTES_MAX];
	struct writer w = begin(message, sizeof(message), MESSAGE_PAGE);
	write_u16(&w, p->count);
	write_zeros(&w, 2);
	write_u64(&w, p->epoch);
	write_u64(&w, p->generation);
	write_u64(&w, p->time);
	write_u32(&w, p->page);
	write_u32(&w, p->pages);
	write_u64(&w, p->age);
	write_bytes(&w, p->box_key, sizeof(p->box_key));
	for (unsigned int i = 0; i < p->count; i++)
		write_entry(&w, &p->entries[i]);
	int result = sign(&w, MESSAGE_PAGE, box_seed);
	if (result != 0)
		return result;
	memcpy(out, message, w.at);
	*len = w.at;
	return 0;
}

int heads_encode(uint8_t out[static HEADS_BYTES_MAX], size_t *len, const struct heads *h,
		 const uint8_t box_seed[static SUITE_KEY_BYTES])
{
	assert(h->count <= HEADS_MAX);
	uint8_t message[HEADS_BYTES_MAX];
	struct writer w = begin(message, sizeof(message), MESSAGE_HEADS);
	write_u16(&w, h->count);
	write_zeros(&w, 2);
	write_u64(&w, h->epoch);
	write_u64(&w, h->epoch_before);
	write_u64(&w, h->generation);
	write_u64(&w, h->time);
	write_u32(&w, h->page);
	write_u32(&w, h->pages);
	write_bytes(&w, h->box_key, sizeof(h->box_key));
	for (unsigned int i = 0; i < h->count; i++) {
		write_u16(&w, h->head[i].route_id);
		write_zeros(&w, 6);
		write_u64(&w, h->head[i].first);
		write_u64(&w, h->head[i].newest);
	}
	int result = sign(&w, MESSAGE_HEADS, box_seed);
	if (result != 0)
		return result;
	memcpy(out, message, w.at);
	*len = w.at;
	return 0;
}

/* Magic, version and suite; r stands behind them. */
static int read_prefix(struct reader *r, enum message_kind kind)
{
	const uint8_t *magic = read_view(r, MAGIC_BYTES);
	uint16_t version = read_u16(r);
	uint16_t suite = read_u16(r);
	if (r->overrun)
		return VERDICT_TRUNCATED;
	if (memcmp(magic, kinds[kind].magic, MAGIC_BYTES) != 0)
		return VERDICT_BAD_MAGIC;
	if (version != FORMAT_VERSION)
		return VERDICT_UNKNOWN_VERSION;
	return suite == SUITE ? VERDICT_OK : VERDICT_UNKNOWN_SUITE;
}

static int check_len(size_t len, size_t wanted)
{
	if (len < wanted)
		return VERDICT_TRUNCATED;
	return len > wanted ? VERDICT_TRAILING_BYTES : VERDICT_OK;
}

static bool is_zero(const uint8_t *data, size_t len)
{
	struct reader r = reader_of(data, len);
	return read_zeros(&r, len);
}

int heartbeat_decode(struct heartbeat *out, const uint8_t *in, size_t len)
{
	struct reader r = reader_of(in, len);
	int verdict = read_prefix(&r, MESSAGE_HEARTBEAT);
	if (verdict == VERDICT_OK)
		verdict = check_len(len, HEARTBEAT_BYTES);
	if (verdict != VERDICT_OK)
		return verdict;
	struct heartbeat h = {.bundles = read_u32(&r)};
	h.epoch = read_u64(&r);
	h.beat = read_u64(&r);
	h.time = read_u64(&r);
	h.generation = read_u64(&r);
	h.pages = read_u32(&r);
	bool zeros = read_zeros(&r, 4);
	h.registry_version = read_u64(&r);
	h.sent = read_u64(&r);
	h.ledger.n = read_u64(&r);
	read_bytes(&r, h.ledger.hash, sizeof(h.ledger.hash));
	h.epoch_before = read_u64(&r);
	h.waiting = read_u64(&r);
	h.heal_rate = read_u64(&r);
	h.heal_round = read_u64(&r);
	read_bytes(&r, h.box_key, sizeof(h.box_key));
	read_bytes(&r, h.signature, sizeof(h.signature));
	if (!zeros || (h.ledger.n == 0 && !is_zero(h.ledger.hash, sizeof(h.ledger.hash))))
		return VERDICT_BAD_RESERVED;
	if (h.epoch == 0 || h.epoch_before == h.epoch || h.ledger.n > LEDGER_N_MAX || h.pages > PAGES_MAX ||
	    h.bundles > (uint64_t)h.pages * PAGE_ENTRIES_MAX)
		return VERDICT_BAD_LIMIT;
	*out = h;
	return VERDICT_OK;
}

static int read_entry(struct entry *e, struct reader *r)
{
	e->route_id = read_u16(r);
	e->geometry.source_rows = read_u8(r);
	e->geometry.repair_rows = read_u8(r);
	e->geometry.row_len = (uint32_t)read_u16(r) * ROW_UNIT_BYTES;
	e->passes = read_u16(r);
	e->epoch = read_u64(r);
	e->number = read_u64(r);
	e->geometry.object_len = read_u64(r);
	e->destroy_by = read_u64(r);
	e->offered_until = read_u64(r);
	read_bytes(r, e->root, sizeof(e->root));
	if (e->epoch == 0 || e->route_id == 0 || e->number == 0 || e->number >= BUNDLE_NUMBER_END)
		return VERDICT_BAD_LIMIT;
	return geometry_check(&e->geometry);
}

int page_decode(struct page *out, const uint8_t *in, size_t len)
{
	struct reader r = reader_of(in, len);
	int verdict = read_prefix(&r, MESSAGE_PAGE);
	if (verdict != VERDICT_OK)
		return verdict;
	struct page p = {.count = read_u16(&r)};
	bool zeros = read_zeros(&r, 2);
	p.epoch = read_u64(&r);
	p.generation = read_u64(&r);
	p.time = read_u64(&r);
	p.page = read_u32(&r);
	p.pages = read_u32(&r);
	p.age = read_u64(&r);
	read_bytes(&r, p.box_key, sizeof(p.box_key));
	if (r.overrun)
		return VERDICT_TRUNCATED;
	if (p.count > PAGE_ENTRIES_MAX)
		return VERDICT_BAD_LIMIT;
	verdict = check_len(len, PAGE_HEADER_BYTES + (size_t)ENTRY_BYTES * p.count +
				 SUITE_SIGNATURE_BYTES);
	if (verdict != VERDICT_OK)
		return verdict;
	if (!zeros)
		return VERDICT_BAD_RESERVED;
	if (p.epoch == 0 || p.generation >= GENERATION_END || p.pages < 1 || p.pages > PAGES_MAX || p.page >= p.pages ||
	    p.age > (p.pages - 1) * p.generation)
		return VERDICT_BAD_LIMIT;
	for (unsigned int i = 0; i < p.count && verdict == VERDICT_OK; i++)
		verdict = read_entry(&p.entries[i], &r);
	if (verdict != VERDICT_OK)
		return verdict;
	read_bytes(&r, p.signature, sizeof(p.signature));
	*out = p;
	return VERDICT_OK;
}

/* after: the route id before, 0 for the first. */
static int read_head(struct route_head *head, struct reader *r, uint16_t after)
{
	head->route_id = read_u16(r);
	bool zeros = read_zeros(r, 6);
	head->first = read_u64(r);
	head->newest = read_u64(r);
	if (!zeros)
		return VERDICT_BAD_RESERVED;
	if (head->route_id == 0 || head->first == 0 || head->newest >= BUNDLE_NUMBER_END ||
	    head->newest < head->first - 1)
		return VERDICT_BAD_LIMIT;
	return head->route_id > after ? VERDICT_OK : VERDICT_BAD_ORDER;
}

int heads_decode(struct heads *out, const uint8_t *in, size_t len)
{
	struct reader r = reader_of(in, len);
	int verdict = read_prefix(&r, MESSAGE_HEADS);
	if (verdict != VERDICT_OK)
		return verdict;
	struct heads h = {.count = read_u16(&r)};
	bool zeros = read_zeros(&r, 2);
	h.epoch = read_u64(&r);
	h.epoch_before = read_u64(&r);
	h.generation = read_u64(&r);
	h.time = read_u64(&r);
	h.page = read_u32(&r);
	h.pages = read_u32(&r);
	read_bytes(&r, h.box_key, sizeof(h.box_key));
	if (r.overrun)
		return VERDICT_TRUNCATED;
	if (h.count > HEADS_MAX)
		return VERDICT_BAD_LIMIT;
	verdict = check_len(len, HEADS_HEADER_BYTES + (size_t)HEAD_BYTES * h.count +
				 SUITE_SIGNATURE_BYTES);
	if (verdict != VERDICT_OK)
		return verdict;
	if (!zeros)
		return VERDICT_BAD_RESERVED;
	if (h.epoch == 0 || h.epoch_before == h.epoch || h.pages < 1 || h.pages > HEADS_PAGES_MAX ||
	    h.page >= h.pages)
		return VERDICT_BAD_LIMIT;
	for (unsigned int i = 0; i < h.count && verdict == VERDICT_OK; i++)
		verdict = read_head(&h.head[i], &r, i == 0 ? 0 : h.head[i - 1].route_id);
	if (verdict != VERDICT_OK)
		return verdict;
	read_bytes(&r, h.signature, sizeof(h.signature));
	*out = h;
	return VERDICT_OK;
}

int message_verify(const uint8_t *message, size_t len,
		   const uint8_t box_public[static SUITE_KEY_BYTES])
{
	enum message_kind kind = message_kind(message, len);
	if (kind == MESSAGE_UNKNOWN)
		return VERDICT_BAD_MAGIC;
	if (len < PREFIX_BYTES + SUITE_SIGNATURE_BYTES)
		return VERDICT_TRUNCATED;
	size_t signed_len = len - SUITE_SIGNATURE_BYTES;
	return suite_verify(message + signed_len, kinds[kind].domain, message, signed_len,
			    box_public);
}
