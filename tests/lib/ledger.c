/*
 * ledger: writes a ledger as a box would, for tests and the bench.
 *
 *	ledger DIR KEY ENTRIES [TIME [BATCH [HEADS]]]
 *
 * KEY is the key file of a sender or receiver, unprotected.  TIME is that of the first entry, in seconds;
 * one entry a second, in batches of BATCH (1: each for itself).  With HEADS, lines 'BOX N HASH' on standard
 * input become witness entries.  Prints "ENTRIES SECONDS", and the head.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/ledger.h"
#include "common/text.h"
#include "common/verdict.h"

static int fail(const char *what, int result)
{
	fprintf(stderr, "ledger: %s: %s\n", what, verdict_explain(result));
	return 1;
}

static double clock_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A push of the day: every tenth is refused, and its name is hostile. */
static struct ledger_entry *push_entry(uint64_t i, uint64_t now)
{
	static const uint8_t key_id[KEY_ID_BYTES] = {0xab, 0xcd};
	const struct ledger_who who = {.person = i % 2 == 0 ? "wang-mei" : "lee-hao",
				       .key_id = key_id,
				       .has_peer = true,
				       .uid = 1000,
				       .pid = (int32_t)(1000 + i % 30000)};
	char bundle[32];
	bool is_refused = i % 10 == 9;
	struct ledger_entry *e = ledger_entry_new(is_refused ? "push.refused" : "push.accepted",
						  is_refused ? VERDICT_NOT_ALLOWED : 0);
	ledger_set_who(e, &who);
	ledger_set_text(e, "route", "tax");
	if (is_refused) {
		ledger_set_text(e, "where", "evil\x1b[2J name");
		return e;
	}
	snprintf(bundle, sizeof(bundle), "tax-%06llu", (unsigned long long)(i + 1));
	ledger_set_text(e, "bundle", bundle);
	ledger_set_number(e, "records", 1000 * i);
	ledger_set_time(e, "destroy_by", now + 2592000);
	return e;
}

static int add_witnesses(struct ledger *ledger, uint64_t now)
{
	char box[NAME_BYTES], hex[2 * SUITE_DIGEST_BYTES + 1];
	unsigned long long n;
	int result = 0;
	while (result == 0 && scanf("%31s %llu %64s", box, &n, hex) == 3) {
		struct ledger_head head = {.n = n};
		struct ledger_entry *e = ledger_entry_new("witness", 0);
		result = text_unhex(head.hash, sizeof(head.hash), hex);
		ledger_set_head(e, box, &head);
		int written = ledger_write(ledger, e, now);
		result = result != 0 ? result : written;
	}
	return result;
}

static int write_entries(struct ledger *ledger, uint64_t count, uint64_t now, uint64_t batch)
{
	int result = ledger_write(ledger, ledger_entry_new("start", 0), now);
	for (uint64_t i = 0; i < count && result == 0; i++) {
		ledger_add(ledger, push_entry(i, now + i), now + i);
		if ((i + 1) % batch == 0)
			result = ledger_commit(ledger, now + i);
	}
	return result != 0 ? result : ledger_commit(ledger, now + count);
}

int main(int argc, char **argv)
{
	struct key *key = NULL;
	struct ledger *ledger = NULL;
	if (argc < 4) {
		fprintf(stderr, "ledger: DIR KEY ENTRIES [TIME [BATCH [HEADS]]]\n");
		return 2;
	}
	uint64_t count = strtoull(argv[3], NULL, 10);
	uint64_t now = argc > 4 ? strtoull(argv[4], NULL, 10) : (uint64_t)time(NULL);
	uint64_t batch = argc > 5 ? strtoull(argv[5], NULL, 10) : 1;
	int result = suite_start();
	if (result == 0)
		result = key_load(&key, argv[2], NULL);
	if (result != 0)
		return fail(argv[2], result);
	const struct ledger_options options = {.path = argv[1], .box = key};
	double start = clock_s();
	result = ledger_open(&ledger, &options, now);
	if (result != 0)
		return fail(argv[1], result);
	result = write_entries(ledger, count, now, batch > 0 ? batch : 1);
	if (result == 0 && argc > 6)
		result = add_witnesses(ledger, now + count);
	if (result == 0)
		result = ledger_write(ledger, ledger_entry_new("stop", 0), now + count);
	struct ledger_head head;
	char hex[2 * SUITE_DIGEST_BYTES + 1];
	ledger_head(ledger, &head);
	int closed = ledger_close(ledger, now + count);
	if (result != 0 || closed != 0)
		return fail("writing", result != 0 ? result : closed);
	printf("%llu %.2f\n%llu %s\n", (unsigned long long)count, clock_s() - start,
	       (unsigned long long)head.n, text_hex(hex, sizeof(hex), head.hash, sizeof(head.hash)));
	key_free(key);
	return 0;
}
