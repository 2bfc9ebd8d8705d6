#include "receiver/status.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "common/io.h"
#include "common/json.h"
#include "tests/lib/tap.h"

static char events[4096];

static void tell(void *context, int priority, const char *id, const char *text)
{
	(void)context;
	(void)priority;
	(void)text;
	strcat(events, id);
	strcat(events, " ");
}

static const struct teller teller = {tell, NULL};

static struct status_head head(void)
{
	return (struct status_head){
		.time_s = 1000, .registry_version = 7, .disk_is_full = true,
		.known = {.epoch = 0xabcdef, .generation = 4, .pages = 3, .pages_held = 2,
			  .last_heartbeat_s = 990, .sender_registry_version = 8, .sender_datagrams = 99,
			  .link = {.sent_s = 980, .heard_since_s = 5, .waiting = 6, .busy_s = 7, .heal_rate = 8, .heal_round = 9,
				   .data_s = 10}},
		.caught_up_s = 4,
		.counters = {.datagrams = UINT64_C(18446744073709551615), .link_lost = 17},
		.way = {
			.total = {.at = {[LOSS_SOCKET] = 30, [LOSS_BEFORE] = 12}},
			.hour = {.at = {[LOSS_SOCKET] = 30}},
			.interface = "weir0", .nic = {.full = 1, .refused = 2, .damaged = 3, .backlog = 4},
			.ring_bytes = 1000, .ring_fill = 600, .ring_fill_max = 700, .away_max_ms = 5,
			.is_filling = true,
		},
		.absent = "lldp",
		.frames = 5,
	};
}

static const struct status_bundle bundle = {
	.name = "tax-000123", .epoch = 0xabcdef, .state = "receiving", .verdict = "", .kind = "tail", .lacks_tail = true, .passed_s = 950,
	.object_bytes = 49152, .held_bytes = 128, .missing_bytes = 49024, .skipped_bytes = 256,
	.lack = {5, 2, 7}, .since_s = 900, .last_arrival_s = 999,
};

static void test_keys(void)
{
	struct status_text status;
	struct status_head h = head();
	struct json *document = NULL;
	char *text = NULL;
	size_t len = 0;
	is_number(status_begin(&status, &h), 0, "a status is begun");
	status_add(&status, &bundle);
	status_add(&status, &bundle);
	is_number(status_end(&status, &text, &len), 0, "and ended");
	is_number(json_parse(&document, (const uint8_t *)text, len), 0, "it is JSON");
	struct json_view view = json_view_of(document);
	is_text(json_get_text(view, "epoch", "?"), "0000000000abcdef", "the epoch has 16 hex digits");
	is_number((int64_t)json_get_number(view, "time", 0), 1000, "time is there");
	is_number((int64_t)json_get_number(view, "last_heartbeat", 0), 990, "the last heartbeat is there");
	is_number((int64_t)json_get_number(view, "last_heartbeat_sent", 0), 980, "when it was sent by the sender's clock");
	is_number((int64_t)json_get_number(view, "silent_s", 0), 10, "and how long ago it was");
	is_number((int64_t)json_get_number(view, "pages", 0), 3, "pages are there");
	is_number((int64_t)json_get_number(view, "pages_held", 0), 2, "and those that are held");
	is_number((int64_t)json_get_number(view, "registry_version", 0), 7, "our registry is there");
	is_number((int64_t)json_get_number(view, "sender_registry_version", 0), 8, "and the sender's");
	ok(strstr(text, "\"caught_up\":4,\"heard_since\":5,\"waiting_bytes\":6,\"busy\":7,\"heal_rate\":8,"
			"\"heal_round_bytes\":9,\"last_data\":10") != NULL, "what comes again is there, and how soon");
	ok(strstr(text, "\"passed\":950,\"last_arrival\":999,\"kind\":\"tail\",\"lacks_tail\":true") != NULL,
	   "what a bundle lacks is there");
	ok(strstr(text, "\"link_lost\":17") != NULL, "counters are there");
	struct json_view lost = json_get(view, "lost"), ring = json_get(view, "ring");
	is_text(json_get_text(lost, "place", ""), "several", "where datagrams were lost is there");
	ok(json_get_number(lost, "datagrams", 0) == 42 && json_get_number(lost, "before", 0) == 12,
	   "and how many, by place");
	is_text(json_get_text(json_get(view, "lost_in_hour"), "place", ""), "socket", "also of the last hour");
	is_text(json_get_text(json_get(view, "nic"), "interface", ""), "weir0", "the interface is there");
	is_text(json_get_text(json_get(view, "link"), "absent", ""), "lldp", "so is what is absent of the link's layers");
	is_number((int64_t)json_get_number(json_get(view, "link"), "frames", 0), 5, "and what went the wrong way");
	ok(json_get_number(ring, "fill", 0) == 600 && json_get_bool(ring, "is_filling", false),
	   "and the fill of the ring");
	ok(strstr(text, "\"state\":\"receiving\"") != NULL && strstr(text, "\"held_bytes\":128") != NULL,
	   "bundles are there");
	ok(strstr(text, "\"worst_rows\":5,\"blocks_missing\":2,\"first_missing_block\":7") != NULL,
	   "with what a resend code is chosen by");
	json_free(document);
	free(text);

	h.known = (struct known_summary){0};
	status_begin(&status, &h);
	status_end(&status, &text, &len);
	ok(strstr(text, "\"epoch\":\"\"") != NULL && strstr(text, "\"bundles\":[]") != NULL,
	   "before the first heartbeat there is no epoch and no bundle");
	free(text);
}

static void test_limit(void)
{
	struct status_text status;
	struct status_head h = head();
	char *text = NULL;
	size_t len = 0;
	status_begin(&status, &h);
	for (int i = 0; i < STATUS_BUNDLES_MAX + 5; i++)
		status_add(&status, &bundle);
	status_end(&status, &text, &len);
	ok(strstr(text, "\"left_out\":5}") != NULL, "bundles beyond the limit are counted");
	free(text);
}

static void test_store(void)
{
	struct stat st;
	uint8_t *text = NULL;
	size_t len = 0;
	int vault_fd = io_open_dir(AT_FDCWD, test_dir());
	is_number(status_store(vault_fd, "one", 3), 0, "a status is stored");
	is_number(status_store(vault_fd, "three", 5), 0, "and replaced");
	is_number(io_read_file(vault_fd, "status.json", 100, &text, &len), 0, "it can be read");
	ok(len == 5 && memcmp(text, "three", 5) == 0, "it is the newest");
	ok(fstatat(vault_fd, ".status.json.new", &st, 0) != 0, "no temporary file stays");
	free(text);
	io_close(vault_fd);
}

static void test_complaints(void)
{
	struct status_counters told = {.bad_tag = 5}, now = told;
	ok(!status_complain(&now, &told, &teller), "nothing is said");
	is_text(events, "", "of what has not grown");
	now = (struct status_counters){.ring_drops = 1, .kernel_drops = 1, .bad_tag = 6, .malformed = 1};
	ok(status_complain(&now, &told, &teller), "what has grown is");
	is_text(events, "E2030 E2031 E2032 E2033 ", "each kind once");
}

int main(void)
{
	test_keys();
	test_limit();
	test_store();
	test_complaints();
	return done_testing();
}
