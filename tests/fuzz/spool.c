/*
 * Small files of the spool: the first byte chooses which, the rest is what lies there.  Digests are made right, so
 * that what stands behind them is reached.  What is read is what the module itself would have written.
 */
#include <assert.h>
#include <errno.h>

#include "common/cursor.h"
#include "common/text.h"
#include "common/verdict.h"
#include "sender/epochs.h"
#include "sender/numbers.h"
#include "sender/sequences.h"
#include "sender/spent.h"
#include "sender/standing.h"
#include "sender/testimony.h"
#include "tests/lib/fuzzblocks.h"

enum { NAME_MAX_BYTES = 120, COUNTER_SLOT = 512, CHECK_LEN = 6 + 32 + 1 };

static int top = -1, orders_dir, spent_dir;

static void put_digest(uint8_t *bytes, size_t len, const char *domain)
{
	if (len > SUITE_DIGEST_BYTES)
		suite_hash(bytes + len - SUITE_DIGEST_BYTES, SUITE_DIGEST_BYTES, domain, NULL, 0, bytes,
			   len - SUITE_DIGEST_BYTES);
}

static void epochs(const uint8_t *data, size_t len)
{
	struct epochs all;
	fuzz_put(top, "epoch", data, len);
	int result = epochs_load(&all, top);
	assert(result == 0 || result == VERDICT_DAMAGED || result == -EFBIG);
	if (result != 0)
		return;
	assert(all.count >= 1 && all.count <= EPOCHS_MAX && all.past_count <= EPOCH_PASTS_MAX);
	for (size_t i = 0; i < all.past_count; i++)
		assert(strnlen(all.past[i].route, NAME_BYTES) < NAME_BYTES && all.past[i].number < BUNDLE_NUMBER_END);
	epochs_free(&all);
}

static void sequences(const uint8_t *data, size_t len)
{
	struct epochs all = {.count = 1, .epoch = {5}};
	struct sequences s;
	uint64_t number;
	int dir = fuzz_dir_fd("sequences");
	fuzz_put(dir, "tax", data, len);
	assert(sequences_load(&s, dir, &all) == 0 && s.count == 1);
	static const uint8_t push_id[PUSH_ID_BYTES] = {9};
	const struct sequence_wish wish = {.route = "tax", .route_id = 1, .push_id = push_id};
	if (s.of[0].is_damaged)
		assert(sequences_take(&s, &wish, &number) == VERDICT_DAMAGED);
	else
		assert(s.of[0].first <= s.of[0].number + 1 && s.of[0].number < BUNDLE_NUMBER_END);
	sequences_free(&s);
	close(dir);
}

static void testimony(const uint8_t *data, size_t len)
{
	struct testimony witness;
	struct life life;
	char path[128], again[1024];
	snprintf(path, sizeof(path), "%s/witness", fuzz_dir());
	fuzz_put(top, "witness", data, len);
	fuzz_need(testimony_open(&witness, path) == 0, "no folder of a witness");
	if (testimony_load(&witness, &life) == 0) {
		assert(testimony_store(&witness, &life, 0) == 0);
		int fd = openat(top, "witness", O_RDONLY | O_CLOEXEC);
		assert(read(fd, again, sizeof(again)) == (ssize_t)len && memcmp(again, data, len) == 0);
		close(fd);
	}
	testimony_close(&witness);
}

static void dossier(const uint8_t *data, size_t len)
{
	static struct dossier d, loaded;
	static uint8_t bytes[DOSSIER_BYTES_MAX + 64], again[DOSSIER_BYTES_MAX];
	len = len < sizeof(bytes) ? len : sizeof(bytes);
	memcpy(bytes, data, len);
	put_digest(bytes, len, "weir1 dossier");
	if (dossier_decode(&d, bytes, len) != 0)
		return;
	assert(dossier_encode(again, &d) == len && memcmp(again, bytes, len) == 0);
	char name[2 * PUSH_ID_BYTES + 1];
	text_hex(name, sizeof(name), d.push_id, PUSH_ID_BYTES);
	fuzz_put(top, name, bytes, len);
	assert(dossier_load(&loaded, top, d.push_id) == 0);
	unlinkat(top, name, 0);
}

static void spending(const uint8_t *data, size_t len)
{
	uint8_t bytes[SPENDING_BYTES + 8], again[SPENDING_BYTES];
	struct spending s;
	struct spent *spent = NULL;
	size_t bad = 9;
	len = len < sizeof(bytes) ? len : sizeof(bytes);
	memcpy(bytes, data, len);
	put_digest(bytes, len, "weir1 spent");
	int result = spending_decode(&s, bytes, len);
	if (result == 0) {
		spending_encode(again, &s);
		assert(len == SPENDING_BYTES && memcmp(again, bytes, len) == 0);
	}
	char name[2 * PUSH_ID_BYTES + 1] = "name";
	if (result != 0 && !fuzz_is_sampled(bytes, len))
		return;
	if (result == 0)
		text_hex(name, sizeof(name), s.push_id, PUSH_ID_BYTES);
	fuzz_put(spent_dir, name, bytes, len);
	assert(spent_open(&spent, top, &bad) == 0);
	assert(bad == (result != 0) && spent_count(spent) == (result == 0));
	spent_close(spent);
	unlinkat(spent_dir, name, 0);
}

/* A name of its own, and what lies under it. */
static void orders(const uint8_t *data, size_t len)
{
	char name[NAME_MAX_BYTES];
	struct standing *standing = NULL;
	size_t bad = 9;
	size_t n = fuzz_take_byte(&data, &len) % sizeof(name);
	fuzz_take(name, n, &data, &len);
	name[n] = 0;
	if (name[0] == 0 || name[0] == '.' || strchr(name, '/') != NULL)
		snprintf(name, sizeof(name), "%s", "01020304050607080910111213141516.tax");
	fuzz_put(orders_dir, name, data, len);
	assert(standing_open(&standing, top, &bad) == 0);
	/* a revocation counts by its name alone */
	assert(bad <= 1 && standing_count(standing) + standing_revocation_count(standing) + bad >= 1);
	standing_close(standing);
	unlinkat(orders_dir, name, 0);
}

/* The order's own name, so that what it says is what counts. */
static void order(const uint8_t *data, size_t len)
{
	struct order o;
	struct revocation r;
	struct standing *standing = NULL;
	size_t bad = 9;
	char name[NAME_MAX_BYTES], hex[2 * ORDER_ID_BYTES + 1];
	if (order_decode(&o, data, len) == 0)
		snprintf(name, sizeof(name), "%s.%s", text_hex(hex, sizeof(hex), o.id, ORDER_ID_BYTES), o.route);
	else if (revocation_decode(&r, data, len) == 0)
		snprintf(name, sizeof(name), "%s.%s.revoked", text_hex(hex, sizeof(hex), r.order_id, ORDER_ID_BYTES),
			 r.route);
	else
		return;
	fuzz_put(orders_dir, name, data, len);
	assert(standing_open(&standing, top, &bad) == 0);
	assert(bad + standing_count(standing) + standing_revocation_count(standing) == 1);
	standing_close(standing);
	unlinkat(orders_dir, name, 0);
}

/* Behind the lines of a slot stands the check over them. */
static void put_check(char *slot)
{
	uint8_t digest[16];
	char hex[33], line[CHECK_LEN + 1];
	char *at = memmem(slot, COUNTER_SLOT, "check ", 6);
	if (at == NULL || at + CHECK_LEN > slot + COUNTER_SLOT)
		return;
	suite_hash(digest, sizeof(digest), "weir1 counters", NULL, 0, slot, (size_t)(at - slot));
	snprintf(line, sizeof(line), "check %s\n", text_hex(hex, sizeof(hex), digest, sizeof(digest)));
	memcpy(at, line, CHECK_LEN);
}

static void counters(const uint8_t *data, size_t len)
{
	char file[2 * COUNTER_SLOT] = "";
	struct counters c;
	bool is_short = fuzz_take_byte(&data, &len) == 1;
	fuzz_take(file, sizeof(file), &data, &len);
	put_check(file);
	put_check(file + COUNTER_SLOT);
	fuzz_put(top, "counters", file, is_short ? sizeof(file) - 1 : sizeof(file));
	int result = counters_open(&c, top, false);
	assert(result == 0 || result == VERDICT_DAMAGED);
	for (enum counter i = 0; result == 0 && i < COUNTER_END; i++)
		assert(c.used[i] == c.set_aside[i] && c.used[i] <= UINT64_MAX / 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const files[])(const uint8_t *, size_t) = {
		epochs, sequences, testimony, dossier, spending, orders, order, counters,
	};
	if (size == 0 || suite_start() != 0)
		return 0;
	if (top < 0) {
		top = fuzz_dir_fd(".");
		orders_dir = fuzz_dir_fd("orders");
		spent_dir = fuzz_dir_fd("spent");
	}
	const size_t blocks = fuzz_blocks_in_use();
	files[data[0] % (sizeof(files) / sizeof(files[0]))](data + 1, size - 1);
	fuzz_blocks_check(blocks);
	return 0;
}
