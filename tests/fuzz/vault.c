/*
 * Small files of the vault: the first byte chooses which, the rest is what lies there.  Digests are made right, so
 * that what stands behind them is reached.  What is read is what the module itself would have written.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>

#include "common/expecting.h"
#include "common/io.h"
#include "common/text.h"
#include "common/verdict.h"
#include "receiver/annalsparts.h"
#include "receiver/custody.h"
#include "receiver/heard.h"
#include "receiver/inbox_life.h"
#include "receiver/lost.h"
#include "receiver/marker.h"
#include "receiver/partial.h"
#include "receiver/registrar.h"
#include "receiver/witness.h"
#include "tests/lib/fuzzblocks.h"

enum { NAME_BYTES_MAX = 80, MAP_HEADER = 128, RECORDS_MAX = 600 };

static int top = -1, refused, holds, purges, ledger;
static const struct bundle_id one = {0x1122334455667788, 9, 7};

static void put_digest(uint8_t *bytes, size_t len, size_t digest_len, const char *domain)
{
	if (len >= digest_len)
		suite_hash(bytes + len - digest_len, digest_len, domain, NULL, 0, bytes, len - digest_len);
}

/* The file has these bytes, and no others. */
static void is_file(int dir_fd, const char *name, const void *data, size_t len)
{
	uint8_t *bytes = NULL;
	size_t got = 0;
	assert(io_read_file(dir_fd, name, len, &bytes, &got) == 0 && got == len && memcmp(bytes, data, len) == 0);
	free(bytes);
}

static void annal(const uint8_t *data, size_t len)
{
	uint8_t bytes[ANNAL_BYTES], again[ANNAL_BYTES];
	struct annal a;
	uint64_t life;
	fuzz_take(bytes, sizeof(bytes), &data, &len);
	put_digest(bytes, sizeof(bytes), ANNALS_DIGEST_BYTES, "weir1 annals");
	uint64_t n;
	memcpy(&n, bytes + 104, sizeof(n));
	if (annal_decode(&a, bytes, n) == 0) {
		annal_encode(again, &a, n);
		assert(memcmp(again, bytes, sizeof(bytes)) == 0);
		assert(annal_decode(&a, bytes, n + 1) == VERDICT_BAD_ORDER);
	}
	if (annals_header_decode(&life, bytes) == 0)
		annals_header_encode(again, life);
}

/* A file of any records, most of which are some. */
static void annals(const uint8_t *data, size_t len)
{
	static uint8_t file[RECORDS_MAX * ANNAL_BYTES];
	struct annals *all = NULL;
	struct annals_found found;
	annals_header_encode(file, fuzz_take_byte(&data, &len) + 1U);
	if (fuzz_take_byte(&data, &len) == 1)
		file[40] ^= 1;
	size_t at = ANNAL_BYTES;
	while (len > 0 && at < sizeof(file)) {
		size_t n = len < ANNAL_BYTES ? len : ANNAL_BYTES;
		fuzz_take(file + at, ANNAL_BYTES, &data, &len);
		if (n == ANNAL_BYTES && file[at + 23] != 77)
			put_digest(file + at, ANNAL_BYTES, ANNALS_DIGEST_BYTES, "weir1 annals");
		at += n;
	}
	for (int may_write = 0; may_write < 2; may_write++) {
		fuzz_put(top, "annals", file, at);
		int result = annals_open(&all, top, may_write != 0, &found);
		assert(result == 0 || result == VERDICT_DAMAGED);
		if (result != 0)
			continue;
		for (size_t i = 0; i < annals_count(all); i++) {
			struct annal a, same;
			annals_at(all, i, &a);
			assert(annals_find(all, &a.id, &same) && memcmp(&same, &a, sizeof(a)) == 0);
			assert(annals_find_name(all, a.id.epoch, a.route, a.id.number, &same));
			annals_find_push(all, a.push_id, &a.id, &same);
		}
		annals_close(all);
	}
}

static void marker(const uint8_t *data, size_t len)
{
	static uint8_t bytes[MARKER_BYTES + 8], again[MARKER_BYTES];
	char problem[MARKER_PROBLEM_BYTES];
	struct marker m, other = {.count = 1, .epoch = 1, .generation = 1, .registry_version = 1};
	len = len < sizeof(bytes) ? len : sizeof(bytes);
	memcpy(bytes, data, len);
	put_digest(bytes, len, ANNALS_DIGEST_BYTES, "weir1 marker");
	if (marker_decode(&m, bytes, len) != 0)
		return;
	marker_encode(again, &m);
	assert(len == sizeof(again) && memcmp(again, bytes, len) == 0);
	assert(!marker_is_ahead(&m, &m, problem));
	marker_is_ahead(&m, &other, problem);
	fuzz_put(top, "marker", bytes, len);
	assert(marker_load(&other, top, "", m.box_key) && other.count == m.count);
}

static void lost(const uint8_t *data, size_t len)
{
	struct lost_item *items = NULL;
	struct lost *list = NULL;
	size_t count = 0, again_len = 0;
	char *again = NULL;
	int result = lost_decode(&items, &count, (const char *)data, len);
	if (result == 0) {
		assert(lost_encode(&again, &again_len, items, count) == 0);
		assert(again_len == len && memcmp(again, data, len) == 0);
		free(again);
		free(items);
	}
	if (result != 0 && !fuzz_is_sampled(data, len))
		return;
	fuzz_put(top, "lost", data, len);
	assert(lost_open(&list, top) == result && lost_count(list) == count);
	for (size_t i = 0; i < count; i++)
		assert(lost_find(list, &lost_at(list, i)->id) != NULL);
	lost_close(list);
}

static int seen(void *context, const struct account_run *run)
{
	uint64_t *count = context;
	assert(run->first <= run->last || run->first == run->last + 1);
	return ++*count > 10000;
}

static void heard(const uint8_t *data, size_t len)
{
	static uint8_t bytes[65536];
	struct heard h;
	struct account *account = NULL;
	struct inbox_life life;
	uint8_t *again = NULL;
	size_t again_len = 0;
	uint64_t routes = 0;
	len = len < sizeof(bytes) ? len : sizeof(bytes);
	memcpy(bytes, data, len);
	put_digest(bytes, len, SUITE_DIGEST_BYTES, "weir1 heard");
	int result = heard_decode(&h, &account, bytes, len);
	if (result != 0 && !fuzz_is_sampled(data, len))
		return;
	fuzz_put(top, "heard", bytes, len);
	assert(inbox_life_load(&life, top) == result);
	if (result != 0)
		return;
	inbox_life_free(&life);
	assert(h.ended_count <= HEARD_ENDED_MAX);
	account_each_route(account, seen, &routes);
	assert(heard_encode(&again, &again_len, &h, account) == 0);
	struct account *second = NULL;
	assert(heard_decode(&h, &second, again, again_len) == 0);
	free(again);
	account_free(second);
	account_free(account);
}

static void mandate(const uint8_t *data, size_t len)
{
	static uint8_t again[MANDATE_BYTES_MAX];
	struct mandate m;
	struct custody *custody = NULL;
	struct custody_found found;
	char name[NAME_BYTES + 2 * MANDATE_ID_BYTES + 2] = "name", hex[2 * MANDATE_ID_BYTES + 1];
	bool is_purge = false, is_taken = false;
	if (mandate_decode(&m, data, len) == 0) {
		assert(mandate_encode(again, &m) == len && memcmp(again, data, len) == 0);
		text_hex(hex, sizeof(hex), m.id, sizeof(m.id));
		is_purge = m.kind == MANDATE_PURGE;
		is_taken = is_purge || m.kind == MANDATE_HOLD; /* the others are not kept as files */
		if (is_taken)
			snprintf(name, sizeof(name), "%s%s%s", m.name, is_purge ? "" : ".", hex);
		mandate_bundles_free(&m);
	}
	if (!is_taken && !fuzz_is_sampled(data, len))
		return;
	fuzz_put(is_purge ? purges : holds, name, data, len);
	assert(custody_open(&custody, top, true, &found) == 0);
	assert(custody_count(custody) == is_taken && found.damaged == !is_taken);
	custody_holds(custody, &one, NULL);
	custody_purges(custody, &one, &m);
	custody_close(custody);
	unlinkat(is_purge ? purges : holds, name, 0);
}

static void catalogue(const uint8_t *data, size_t len)
{
	struct vault_catalogue c;
	fuzz_put(top, "catalogue", data, len);
	if (vault_catalogue_load(top, &c) != 0)
		return;
	for (size_t i = 0; i < c.count; i++)
		assert(geometry_check(&c.entries[i].geometry) == 0);
	free(c.entries);
}

/* Of one bundle, whose geometry the catalogue has: the map beside it, and the one that is shared with the tmpfs. */
static void partial(const uint8_t *data, size_t len)
{
	if (!fuzz_is_sampled(data, len))
		return;
	static struct partial_site site = {.dir_fd = -1};
	const struct geometry g = geometry_choose(UINT64_C(4) * SEGMENT_BYTES, 125);
	static uint8_t map[MAP_HEADER + 65536 + SUITE_DIGEST_BYTES], live[2 * 65536];
	const size_t map_len = MAP_HEADER + 1 + arrivals_map_len(&g), live_len = ARRIVALS_PAGE_BYTES + arrivals_map_stride(&g);
	struct partial *p = NULL;
	char name[VAULT_NAME_BYTES];
	fuzz_need(geometry_block_count(&g) == 1 && map_len + SUITE_DIGEST_BYTES <= sizeof(map) && live_len <= sizeof(live),
		  "a map that is too large");
	if (site.dir_fd < 0) {
		site.dir_fd = fuzz_dir_fd("partial");
		site.maps_fd = fuzz_dir_fd("maps");
	}
	fuzz_need(partial_create(&p, &site, &one, &g) == 0, "no partial bundle");
	partial_close(p);
	vault_partial_name(name, &one);
	int dir = partial_open_dir(&site, &one), fd = openat(dir, PARTIAL_MAP, O_RDONLY | O_CLOEXEC);
	fuzz_need(fd >= 0 && read(fd, map, MAP_HEADER) == MAP_HEADER, "no map");
	close(fd);
	uint8_t what = fuzz_take_byte(&data, &len);
	fd = openat(site.maps_fd, name, O_RDONLY | O_CLOEXEC);
	fuzz_need(fd >= 0 && read(fd, live, MAP_HEADER) == MAP_HEADER, "no shared map");
	close(fd);
	/* the bits of both, of a block that is under way; then some of the header, or the state */
	fuzz_take(map + MAP_HEADER + 1, map_len - MAP_HEADER - 1, &data, &len);
	memset(live + MAP_HEADER, 0, live_len - MAP_HEADER);
	memcpy(live + ARRIVALS_PAGE_BYTES, map + MAP_HEADER + 1, map_len - MAP_HEADER - 1);
	map[MAP_HEADER] = live[MAP_HEADER] = (what & 8) != 0 ? what >> 4 : MAP_HELD;
	if ((what & 1) != 0)
		map[what >> 1] ^= 1;
	else if ((what & 2) != 0)
		live[what >> 1] ^= 1;
	put_digest(map, map_len + SUITE_DIGEST_BYTES, SUITE_DIGEST_BYTES, "weir1 map");
	fuzz_put(dir, PARTIAL_MAP, map, map_len + SUITE_DIGEST_BYTES);
	fuzz_put(site.maps_fd, name, live, live_len - ((what & 4) != 0));
	close(dir);
	int result = partial_load(&p, &site, &one, &g);
	assert(result == 0 || result == -ENOENT);
	if (result == 0) {
		struct lack lack = arrivals_lack(partial_arrivals(p));
		assert((lack.blocks_missing == 0) == (arrivals_missing_symbols(partial_arrivals(p)) == 0));
		assert(lack.worst_rows <= g.source_rows);
		partial_close(p);
	}
	assert(partial_remove(&site, &one) == 0);
}

/* Names of directory entries, and what a refusal holds. */
static void names(const uint8_t *data, size_t len)
{
	char name[NAME_BYTES_MAX], again[VAULT_NAME_BYTES];
	struct bundle_id id, *ids = NULL;
	size_t count = 0, n = fuzz_take_byte(&data, &len) % sizeof(name);
	fuzz_take(name, n, &data, &len);
	name[n] = 0;
	if (vault_parse_id(&id, name)) {
		vault_partial_name(again, &id);
		assert(strcmp(again, name) == 0);
	}
	if (!fuzz_is_sampled(data, len))
		return;
	int fd = vault_open_bundle(top, name);
	assert(fd < 0);
	vault_partial_name(again, &one);
	fuzz_put(refused, again, data, len);
	int verdict = vault_refusal(top, &one);
	assert(verdict > 0 || verdict == -EFBIG);
	fuzz_put(top, "registry-version", data, len < 31 ? len : 31);
	if (registry_remember(top, INT64_MAX) == 0)
		is_file(top, "registry-version", "9223372036854775807\n", 20);
	struct vault_item *items = NULL;
	assert(vault_partial_ids(top, &ids, &count) == 0 && vault_list(top, &items, &count) == 0 && count == 0);
	free(ids);
	free(items);
}

/* The newest entry "witness" of our own ledger. */
static void recall(const uint8_t *data, size_t len)
{
	struct witness w = {.written_s = 0};
	fuzz_put(ledger, "0000000000000001-20261124.jsonl", data, len);
	assert(witness_recall(&w, ledger) == 0);
	assert(strnlen(w.box, sizeof(w.box)) < sizeof(w.box));
	assert(w.box[0] == 0 ? w.heard.n == 0 : !witness_is_owed(&w));
}

/* What is expected of routes; in a spool as well. */
static void expected(const uint8_t *data, size_t len)
{
	struct expecting e, read;
	char *again = NULL;
	size_t again_len = 0;
	int result = expecting_decode(&e, (const char *)data, len);
	assert(result == 0 || result == VERDICT_DAMAGED);
	if (result == 0) {
		assert(e.count <= EXPECTING_ROUTES_MAX && expecting_encode(&again, &again_len, &e) == 0);
		assert(again_len == len && memcmp(again, data, len) == 0);
		expecting_turn(&e, 1790000000, NULL);
		expecting_clear(&e);
		free(again);
	}
	if (result != 0 && !fuzz_is_sampled(data, len))
		return;
	fuzz_put(top, EXPECTING_FILE, data, len);
	assert(expecting_read(&read, top) == result);
	if (result == 0)
		expecting_clear(&read);
}

static void start(void)
{
	top = fuzz_dir_fd(".");
	holds = fuzz_dir_fd("holds");
	purges = fuzz_dir_fd("purges");
	ledger = fuzz_dir_fd("ledger");
	refused = fuzz_dir_fd("refused");
	fuzz_need(vault_prepare(top) == 0, "no vault");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const files[])(const uint8_t *, size_t) = {
		annal, annals, marker, lost, heard, mandate, catalogue, partial, names, recall, expected,
	};
	if (size == 0 || suite_start() != 0)
		return 0;
	if (top < 0)
		start();
	const size_t blocks = fuzz_blocks_in_use();
	files[data[0] % (sizeof(files) / sizeof(files[0]))](data + 1, size - 1);
	fuzz_blocks_check(blocks);
	return 0;
}
