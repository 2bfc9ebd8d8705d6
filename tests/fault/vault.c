/*
 * vault: what weir-keep keeps, swept (tests/lib/sweep.h).
 *
 * The work is that of weir-keep's process, with its own modules and threads: it starts, is told of three bundles,
 * takes one with rows missing, repairs and delivers it, stores the map of another that is half here, delivers
 * that, and refuses the third.  The sender in memory is that of the unit test of intake.
 */
int intake_main(void);
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wdangling-pointer" /* gcc 12 is wrong, about what is inlined into that main */
#endif
#define main intake_main
#include "tests/unit/intake.c"
#undef main

#include "common/ledgerverify.h"
#include "tests/lib/sweep.h"

enum { BUNDLES = 3, FIRST = 0, SECOND = 1, REFUSED = 2, CURE_S = 10 };

struct memo {
	bool is_delivered[BUNDLES]; /* somebody has heard that it is in the vault */
	uint64_t lives;             /* processes so far: clocks and generations go on */
};

static struct memo *memo;
static struct world w;
static struct bundle bundles[BUNDLES];

static void hear(void *context, int priority, const char *id, const char *text)
{
	char name[64];
	(void)context, (void)priority;
	for (size_t i = 0; i < BUNDLES; i++) {
		snprintf(name, sizeof(name), "'tax-%06zu' is in the vault", i + 1);
		if (strcmp(id, "E2010") == 0 && strstr(text, name) != NULL)
			memo->is_delivered[i] = true;
	}
	if (getenv("ONLY") != NULL)
		fprintf(stderr, "%s %s\n", id, text);
}

static const struct teller ears = {hear, NULL};

/* ---- weir-keep ---- */

/* Turns until jobs have ended, those of the clerk too; a bell that rang too early costs two milliseconds. */
static void finish(void)
{
	intake_store(w.intake);
	turn(&w, 1);
	while (intake_is_busy(w.intake)) {
		ring_wait(w.ring, ring_bell(w.ring), 2);
		turn(&w, 1);
	}
	turn(&w, 1);
}

static void enter_case(const char *dir)
{
	memo->lives++;
	w.ms = memo->lives * 100000;
	w.generation = w.beat = memo->lives * 1000;
	snprintf(w.vault, sizeof(w.vault), "%s", dir);
	snprintf(w.runtime, sizeof(w.runtime), "%s/run", dir);
	if (mkdir(w.runtime, 0700) < 0 && errno != EEXIST)
		abort();
	w.vault_fd = io_open_dir(AT_FDCWD, dir);
}

/* What does not belong to the work is not under the fault. */
static bool pause_fault(void)
{
	bool was_armed = sweep_now.page->is_armed;
	sweep_now.page->is_armed = false;
	return was_armed;
}

static void begin_case(const char *dir, struct registry **registry)
{
	bool was_armed = pause_fault();
	enter_case(dir);
	*registry = load_registry(&w, 1);
	sweep_now.page->is_armed = was_armed;
}

static bool begin(const char *dir)
{
	struct registry *registry;
	begin_case(dir, &registry);
	if (ring_open(&w.ring, w.runtime, RING_BYTES_MIN) != 0 ||
	    diary_open(&w.diary, w.vault, w.outside, NOW + w.ms / 1000) != 0)
		return false;
	if (lost_open(&w.lost, w.vault_fd) != 0)
		return false;
	diary_start(w.diary, "weir-keep", "");
	(void)diary_commit(w.diary);
	int result = intake_open(&w.intake, &(struct intake_options){
		.vault_fd = w.vault_fd,
		.runtime = w.runtime,
		.disk_full_percent = 101,
		.registry = registry,
		.tell = &ears,
		.diary = w.diary,
		.lost = w.lost,
		.ring = w.ring,
	});
	return result == 0;
}

static void name_all(void)
{
	uint8_t message[PAGE_BYTES_MAX], beat_message[HEARTBEAT_BYTES];
	size_t len;
	bool was_armed = pause_fault();
	struct page page = {
		.count = BUNDLES, .epoch = EPOCH, .generation = ++w.generation, .time = NOW, .page = 0, .pages = 1,
	};
	struct heartbeat beat = {
		.bundles = BUNDLES, .epoch = EPOCH, .beat = ++w.beat, .time = NOW, .generation = w.generation,
		.pages = 1, .registry_version = 1,
	};
	memcpy(page.box_key, w.box->card.id, KEY_ID_BYTES);
	memcpy(beat.box_key, w.box->card.id, KEY_ID_BYTES);
	for (size_t i = 0; i < BUNDLES; i++)
		page.entries[i] = bundles[i].entry;
	must(page_encode(message, &len, &page, w.box->secret) == 0 &&
		     heartbeat_encode(beat_message, &beat, w.box->secret) == 0, "signing");
	sweep_now.page->is_armed = was_armed;
	send_control(&w, message, len);
	send_control(&w, beat_message, sizeof(beat_message));
	turn(&w, 1);
}

static bool all_is_done(void)
{
	return is_delivered(&w, FIRST + 1) && is_delivered(&w, SECOND + 1) &&
	       vault_refusal(w.vault_fd, &bundles[REFUSED].id) > 0;
}

/* The idle link sends everything once more, for ten seconds at most; then what is owed is entered. */
static void send_everything(void)
{
	for (int second = 0; second < CURE_S && !all_is_done(); second++) {
		turn(&w, 1000);
		if (second % 3 == 0)
			name_all();
		for (size_t i = 0; i < BUNDLES; i++)
			send_all(&w, &bundles[i], NULL);
		finish();
	}
	for (int second = 0; second < CURE_S; second++)
		turn(&w, 1000);
}

/* ---- the sweep ---- */

static void work(const char *dir)
{
	bool lost[1024] = {false};
	if (!begin(dir))
		_exit(SWEEP_GIVES_UP);
	name_all();
	for (size_t i = 0; i < bundles[FIRST].count && i < 3; i++)
		lost[i] = true;
	send_all(&w, &bundles[FIRST], lost);
	finish();
	send_range(&w, &bundles[SECOND], 0, bundles[SECOND].count / 2, NULL);
	turn(&w, 1100);
	finish();
	send_range(&w, &bundles[SECOND], bundles[SECOND].count / 2, bundles[SECOND].count, NULL);
	finish();
	send_all(&w, &bundles[REFUSED], NULL);
	finish();
	turn(&w, 1100);
	finish();
}

static void need_all(const char *when)
{
	for (size_t i = FIRST; i <= SECOND; i++)
		sweep_need(is_delivered(&w, i + 1), "%s bundle %zu is not delivered", when, i + 1);
	sweep_need(!is_delivered(&w, REFUSED + 1), "%s the one to be refused is delivered", when);
	sweep_need(vault_refusal(w.vault_fd, &bundles[REFUSED].id) > 0, "%s nobody has refused the third", when);
}

static void cured(const char *dir)
{
	(void)dir;
	send_everything();
	need_all("ten seconds behind the cure");
	stop_keep(&w);
}

static void recover(const char *dir)
{
	sweep_need(begin(dir), "the next weir-keep does not start");
	turn(&w, 1000);
	finish();
	stop_keep(&w);
}

/* ---- the judge ---- */

static size_t entries[BUNDLES], first_entries[BUNDLES];

static int take_entry(void *context, const struct ledger_line *line, const char *text, size_t len)
{
	char name[64];
	(void)context, (void)len;
	for (size_t i = 0; i < BUNDLES; i++) {
		snprintf(name, sizeof(name), "\"bundle\":\"tax-%06zu\"", i + 1);
		if (!ledger_line_is(line, "delivered") || memmem(text, len, name, strlen(name)) == NULL)
			continue;
		entries[i]++;
		first_entries[i] += memmem(text, len, "\"found\":true", 12) == NULL;
	}
	return 0;
}

static void report(void *context, const struct ledger_finding *finding)
{
	(void)context;
	sweep_need(finding->is_note, "the ledger: %s: %s", verdict_name(finding->verdict), finding->what);
}

static void judge_ledger(void)
{
	char path[4400];
	struct ledger_summary summary;
	const struct card *const boxes[] = {&w.outside->card};
	const struct ledger_verifying verifying = {
		.boxes = boxes, .box_count = 1, .report = report, .take = take_entry};
	snprintf(path, sizeof(path), "%s/ledger", w.vault);
	int fd = io_open_dir(AT_FDCWD, path);
	bool was_failing = sweep_now.page->plans[0].action == FAULT_ERROR;
	int result = ledger_verify(fd, &verifying, &summary);
	io_close(fd);
	sweep_need(result == 0, "the ledger does not verify: %d", result);
	for (size_t i = FIRST; i <= SECOND; i++)
		/* when fdatasync says that an entry is not there, it may be there all the same */
		sweep_need(entries[i] >= 1 && (first_entries[i] <= 1 || was_failing), "bundle %zu has %zu entries, %zu of a delivery", i + 1,
			   entries[i], first_entries[i]);
}

static int count_name(int dir_fd, const char *name, void *context)
{
	(void)dir_fd, (void)name;
	++*(size_t *)context;
	return 0;
}

/* What a reader sees is whole; what somebody has heard of is there. */
static void judge_visible(void)
{
	for (size_t i = 0; i < BUNDLES; i++) {
		sweep_need(!is_delivered(&w, i + 1) || file_is(&w, &bundles[i], 1), "bundle %zu is there in part",
			   i + 1);
		sweep_need(!memo->is_delivered[i] || is_delivered(&w, i + 1), "bundle %zu was delivered, and is lost",
			   i + 1);
	}
}

static void judge(const char *dir)
{
	size_t left = 0, delivered = 0;
	char path[4400];
	enter_case(dir);
	judge_visible();
	io_close(w.vault_fd);
	sweep_need(begin(dir), "nobody can go on with it");
	name_all();
	finish();
	send_everything();
	need_all("at the end");
	judge_visible();
	stop_keep(&w);
	(void)io_each_name(io_open_dir(w.vault_fd, "partial"), count_name, &left);
	sweep_need(left == 0, "something is left in partial/");
	snprintf(path, sizeof(path), "bundles/%016llx", (unsigned long long)EPOCH);
	(void)io_each_name(io_open_dir(w.vault_fd, path), count_name, &delivered);
	sweep_need(delivered == 2, "%zu files are delivered", delivered);
	judge_ledger();
}

/* Somebody takes away what was delivered. */
static void spoil(const char *dir)
{
	char path[5000];
	snprintf(w.vault, sizeof(w.vault), "%s", dir);
	vault_path(&w, path, FIRST + 1);
	must(unlink(path) == 0, "there is nothing to spoil");
}

int main(int argc, char **argv)
{
	must(argc == 2 && suite_start() == 0, "usage: vault DIR");
	w = new_world("world");
	bundles[FIRST] = make_bundle(&w, FIRST + 1, 4);
	bundles[SECOND] = make_bundle(&w, SECOND + 1, 6);
	w.seals_to_another = true;
	bundles[REFUSED] = make_bundle(&w, REFUSED + 1, 4);
	stop_keep(&w);
	io_close(w.vault_fd);
	memo = sweep_share(sizeof(*memo));
	const struct sweep vault = {
		.name = "vault", .dir = argv[1], .told = memo, .told_len = sizeof(*memo), .work = work,
		.cured = cured, .recover = recover, .judge = judge, .spoil = spoil,
	};
	sweep(&vault, 14);
	for (size_t i = 0; i < BUNDLES; i++)
		free_bundle(&bundles[i]);
	return done_testing();
}
