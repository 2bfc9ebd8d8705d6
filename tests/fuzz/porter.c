/*
 * keep's control socket: the first byte chooses between what a guest says to a real porter (bytes as they are, or
 * whole frames of any content) and each decoder of notice.h, receipt.h and mandate.h alone.
 */
#include <assert.h>
#include <errno.h>
#include <sys/socket.h>

#include "common/io.h"
#include "common/verdict.h"
#include "receiver/custody.h"
#include "receiver/notice.h"
#include "receiver/porter.h"
#include "tests/lib/fuzzblocks.h"

enum { NOW = 1790000000, RUNS_A_BOX = 20000, FRAMES_MAX = 16 };

static const char rules[] =
	"[registry]\nformat = 1\nname = test\nversion = 1\nissued = 2026-01-01\nexpires = 2030-01-01\n"
	"[person wang-mei]\npublic = 13fd1cf1a818d3b0d4fba5381f99742c7ff45dc25bb3654d3b9cb0e078d49113\n"
	"roles = operator officer auditor receiving-admin\n"
	"[recipient agency]\npublic = 358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd166254\n"
	"psk = 404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f\n"
	"[route tax]\nid = 7\nrecipients = agency\noperators = wang-mei\nformat = opaque\nrecords = waived\n"
	"destroy_after_days = 30\npriority = 4\n";

/* A receiving box without bundles. */
static struct {
	int vault_fd, listener;
	char socket[96];
	struct key *key;
	struct registry *registry;
	struct diary *diary;
	struct lost *lost;
	struct annals *annals;
	struct custody *custody;
	struct porter *porter;
	uint64_t runs;
} box;

static int take_mandate(struct intake *unused, const struct ledger_who *peer, const uint8_t *bytes, size_t len,
			uint64_t now_s)
{
	(void)unused;
	const struct custody_site site = {
		.diary = box.diary, .annals = box.annals, .lost = box.lost, .registry = box.registry, .box_key = box.key->card.id,
		.peer = peer, .now_s = now_s,
	};
	return custody_take(box.custody, &site, bytes, len);
}

static void close_box(void)
{
	porter_free(box.porter);
	close(box.listener);
	custody_close(box.custody);
	annals_close(box.annals);
	lost_close(box.lost);
	diary_close(box.diary);
	close(box.vault_fd);
}

static void open_box(void)
{
	char problem[PROBLEM_BYTES], vault[96];
	struct annals_found found;
	struct custody_found mandates;
	if (box.key == NULL) {
		box.key = key_new(KEY_RECEIVER, "outside-1");
		fuzz_need(registry_parse(&box.registry, (const uint8_t *)rules, sizeof(rules) - 1,
					 NULL, problem) == 0, problem);
	} else {
		close_box();
		fuzz_remove_directory();
		fuzz_need(mkdir(fuzz_dir(), 0700) == 0, "no directory again");
	}
	box.vault_fd = fuzz_dir_fd("vault");
	snprintf(vault, sizeof(vault), "%s/vault", fuzz_dir());
	snprintf(box.socket, sizeof(box.socket), "%s/socket", fuzz_dir());
	box.listener = channel_listen(box.socket, 0600);
	static const struct lost_item item = {{5, 9, 7}, 1, LOST_NOT_OFFERED, 0, 0, NOW};
	char *text = NULL;
	size_t len = 0;
	fuzz_need(box.listener >= 0 && lost_encode(&text, &len, &item, 1) == 0, "no socket");
	fuzz_put(box.vault_fd, "lost", text, len);
	free(text);
	fuzz_need(diary_open(&box.diary, vault, box.key, NOW) == 0 && lost_open(&box.lost, box.vault_fd) == 0 &&
			  annals_open(&box.annals, box.vault_fd, true, &found) == 0 &&
			  custody_open(&box.custody, box.vault_fd, true, &mandates) == 0, "no vault");
	const struct import_site site = {box.vault_fd, box.diary, box.registry};
	fuzz_need(porter_new(&box.porter, box.listener, &site) == 0, "no porter");
	porter_set_taker(box.porter, take_mandate, NULL);
}

/* All of it at once, or half now and half in a later turn; then the guest goes. */
static void say(const uint8_t *bytes, size_t len, bool at_once)
{
	/* a minute each, so that no quota is used up */
	uint64_t now_s = NOW + 60 * ++box.runs, now_ms = now_s * 1000;
	diary_tick(box.diary, now_s);
	int fd = channel_connect(box.socket);
	fuzz_need(fd >= 0, "cannot call");
	size_t first = at_once ? len : len / 2;
	(void)send(fd, bytes, first, MSG_NOSIGNAL | MSG_DONTWAIT);
	porter_turn(box.porter, now_ms, now_s);
	(void)send(fd, bytes + first, len - first, MSG_NOSIGNAL | MSG_DONTWAIT);
	porter_turn(box.porter, now_ms, now_s);
	close(fd);
	porter_turn(box.porter, now_ms, now_s);
	fuzz_need(diary_commit(box.diary) == 0, "the ledger cannot be written");
}

static void stream(const uint8_t *data, size_t len)
{
	say(data, len, true);
}

/* Frames of type, u16 length, payload, behind a BEGIN. */
static void frames(const uint8_t *data, size_t len)
{
	static uint8_t out[NOTICE_BEGIN_BYTES + 65536 + FRAMES_MAX * CHANNEL_HEADER_BYTES];
	static uint8_t payload[NOTICE_FRAME_MAX];
	uint8_t begin[NOTICE_BEGIN_BYTES];
	notice_begin_encode(begin, &(struct notice_begin){.verb = "fuzz", .about = "tax-000009"});
	size_t at = notice_frame(out, sizeof(out), NOTICE_BEGIN, begin, sizeof(begin));
	for (int i = 0; i < FRAMES_MAX && len > 0; i++) {
		uint16_t type = fuzz_take_byte(&data, &len), wanted = 0;
		fuzz_take(&wanted, sizeof(wanted), &data, &len);
		size_t n = wanted < len ? wanted : len;
		if (n > MANDATE_BYTES_MAX || at + CHANNEL_HEADER_BYTES + n > sizeof(out))
			return;
		fuzz_take(payload, n, &data, &len);
		if (type == NOTICE_MANDATE && n >= 64)
			memcpy(payload + 48, box.key->card.id, KEY_ID_BYTES);
		at += notice_frame(out + at, sizeof(out) - at, (enum notice_type)type, payload, n);
	}
	say(out, at, false);
}

static void notices(const uint8_t *in, size_t len)
{
	uint8_t again[NOTICE_BEGIN_BYTES];
	struct notice_begin begin;
	struct notice_commit commit;
	struct notice_end end;
	int result;
	if (notice_begin_decode(&begin, in, len) == 0) {
		notice_begin_encode(again, &begin);
		assert(begin.verb[0] != 0 && len == NOTICE_BEGIN_BYTES && memcmp(again, in, len) == 0);
	}
	if (notice_commit_decode(&commit, in, len) == 0) {
		notice_commit_encode(again, &commit);
		assert(len == NOTICE_COMMIT_BYTES && memcmp(again, in, len) == 0);
	}
	if (notice_end_decode(&end, in, len) == 0) {
		notice_end_encode(again, &end);
		assert(len == NOTICE_END_BYTES && memcmp(again, in, len) == 0);
	}
	if (notice_answer_decode(&result, in, len) == 0) {
		notice_answer_encode(again, result);
		assert(len == NOTICE_ANSWER_BYTES && memcmp(again, in, len) == 0);
	}
}

static void receipt(const uint8_t *in, size_t len)
{
	static const uint8_t seed[SUITE_KEY_BYTES] = {7};
	struct receipt r, again;
	char text[RECEIPT_BYTES_MAX];
	size_t again_len;
	if (receipt_decode(&r, (const char *)in, len) != 0)
		return;
	assert(receipt_judge(&r, (const char *)in, len, box.registry, NOW) != 0);
	/* but for the signature it is what is made of it */
	assert(receipt_encode(text, &again_len, &r, seed) == 0 && again_len == len);
	assert(receipt_decode(&again, text, again_len) == 0 && again.epoch == r.epoch);
	const char *end = memmem(in, len, ",\"signature\":\"", 14);
	assert(end != NULL && memcmp(text, in, (size_t)(end - (const char *)in)) == 0);
}

static void mandate(const uint8_t *in, size_t len)
{
	struct mandate m;
	if (mandate_decode(&m, in, len) != 0)
		return;
	assert(mandate_judge(&m, box.registry, m.box_key, m.time) != 0);
	mandate_bundles_free(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const ways[])(const uint8_t *, size_t) = {stream, frames, notices, receipt, mandate};
	if (size == 0 || size > 65536 || suite_start() != 0)
		return 0;
	if (box.runs % RUNS_A_BOX == 0) {
		open_box();
		box.runs++;
	}
	const size_t blocks = fuzz_blocks_in_use();
	ways[data[0] % (sizeof(ways) / sizeof(ways[0]))](data + 1, size - 1);
	fuzz_blocks_check(blocks);
	return 0;
}
