/*
 * spool CONFIGURATION KEYS DIR: what weir-hold keeps, swept (tests/lib/sweep.h).
 *
 * The work is that of weir-hold's process, with its own modules: it starts, takes two pushes through a gate,
 * releases them, moves one to sent and removes it, takes a third and has it refused by an officer, beats, stops.
 * Whoever pushes believes what the socket says and nothing else.
 */
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "common/io.h"
#include "common/ledgerverify.h"
#include "common/text.h"
#include "common/verdict.h"
#include "sender/book.h"
#include "sender/dispatcher.h"
#include "sender/gate.h"
#include "sender/pack.h"
#include "sender/releaser.h"
#include "sender/spent.h"
#include "sender/standing.h"
#include "tests/lib/endorse.h"
#include "tests/lib/sweep.h"

enum { PUSHES = 4, PIECE_BYTES = 65536, BODY_BYTES_MAX = 1 << 20, CURE_S = 10 };

enum answer { NO_ANSWER, ACCEPTED, REFUSED, UNKNOWN };

/* What each push has been told, and what has been begun with it. */
struct told {
	enum answer answers[PUSHES];
	char names[PUSHES][BUNDLE_NAME_BYTES];
	bool is_sent[PUSHES];       /* spool_set_sent gave 0 */
	bool removal_begun[PUSHES]; /* it was sent, and its time was over */
	bool denial_begun[PUSHES];
	bool is_denied[PUSHES];     /* the officer was told so */
	uint64_t epoch;
	uint64_t counted[COUNTER_END];
};

/* Sealed once, before the first case; the last one is pushed when a fault is over. */
struct push {
	struct local_commit commit;
	uint8_t *body;
	size_t len;
};

struct hold {
	struct setup *setup;
	struct spool *spool;
	struct standing *standing;
	struct spent *spent;
	struct book book;
	struct releaser releaser;
	struct dispatcher *dispatcher;
	struct gate_desk desk;
};

static struct told *told;
static struct push pushes[PUSHES];
static struct setup the_setup;
static struct key *box;
static struct hold hold;
static uint8_t gate_buffer[GATE_BUFFER_BYTES];
static _Atomic time_t later_s; /* by how much the clock was put on */

/* In front of libc's: a process can wait ten seconds in no time. */
time_t time(time_t *out)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	if (out != NULL)
		*out = now.tv_sec + later_s;
	return now.tv_sec + later_s;
}

/* ---- sealing ---- */

static int take_body(void *context, const void *data, size_t len)
{
	struct push *push = context;
	if (push->len + len > BODY_BYTES_MAX)
		return -EFBIG;
	memcpy(push->body + push->len, data, len);
	push->len += len;
	return 0;
}

static void must(bool good, const char *what)
{
	if (good)
		return;
	printf("Bail out! %s\n", what);
	exit(1);
}

/* The one that waits for an officer. */
enum { DENIED = 2 };

static void seal(struct push *push, const struct key *person, unsigned int n)
{
	static const uint8_t psk[STANZAS_MAX][SUITE_KEY_BYTES];
	struct statement *s = &push->commit.statement;
	const struct route *route = registry_route(the_setup.registry, n == DENIED ? "shared-duty" : "files");
	struct pack *pack = NULL;
	char name[16];
	must(route != NULL, "the registry lacks a route");
	push->body = malloc(BODY_BYTES_MAX);
	const struct pack_options options = {
		.route = route, .psk = psk, .rule = RECORDS_NOT_COUNTED, .threads = 1, .sink = take_body, .context = push};
	snprintf(name, sizeof(name), "file-%u", n);
	*s = (struct statement){
		.registry_version = registry_version(the_setup.registry),
		.created = (uint64_t)time(NULL),
		.destroy_by = (uint64_t)time(NULL) + 86400,
	};
	memcpy(s->route, route->name, NAME_BYTES);
	memcpy(s->person, person->card.name, NAME_BYTES);
	memcpy(s->person_key, person->card.id, KEY_ID_BYTES);
	must(push->body != NULL && pack_start(&pack, &options) == 0 &&
		     pack_member_begin(pack, name, 1780000000, 0) == 0 && pack_add(pack, name, strlen(name)) == 0 &&
		     pack_member_end(pack) == 0 && pack_finish(pack, s) == 0, "cannot seal");
	struct dossier *dossier = &push->commit.dossier;
	dossier->tally = (struct tally){.content_len = strlen(name), .members = 1};
	memcpy(dossier->push_id, s->push_id, PUSH_ID_BYTES);
	endorse_push(&dossier->endorsements, s, person->secret);
	registry_digest(push->commit.registry, the_setup.registry);
	pack_free(pack);
}

/* ---- weir-hold ---- */

static int open_all(const char *dir)
{
	const struct spool_options options = {.path = dir};
	size_t bad = 0;
	hold.setup = &the_setup;
	int result = spool_open(&hold.spool, &options);
	if (result == 0)
		result = standing_open(&hold.standing, spool_dir(hold.spool), &bad);
	if (result == 0)
		result = spent_open(&hold.spent, spool_dir(hold.spool), &bad);
	if (result == 0)
		result = book_open(&hold.book, dir, box);
	if (result != 0)
		return result;
	hold.releaser = (struct releaser){
		.book = &hold.book, .setup = &the_setup, .box = box,
		.allowance = {.spool = hold.spool, .standing = hold.standing, .spent = hold.spent},
	};
	result = releaser_remember(&hold.releaser);
	if (result == 0)
		result = dispatcher_new(&hold.dispatcher, &hold.releaser);
	hold.desk = (struct gate_desk){.releaser = &hold.releaser, .buffer = gate_buffer, .seal = geteuid()};
	return result;
}

/* As weir-hold enters what a crash, or a ledger that could not be written, may have left without its entry. */
static void note_found(void)
{
	for (size_t i = 0; i < spool_count(hold.spool); i++)
		if (spool_at(hold.spool, i)->state != SPOOL_SENT)
			book_bundle(&hold.book, "found", spool_at(hold.spool, i), 0);
}

static int begin(const char *dir)
{
	int result = open_all(dir);
	if (result != 0)
		return result;
	told->epoch = told->epoch == 0 ? spool_epoch(hold.spool) : told->epoch;
	sweep_need(told->epoch == spool_epoch(hold.spool), "the epoch is another one");
	note_found();
	book_commit(&hold.book);
	return hold.book.failure;
}

static void turn(void)
{
	releaser_release_held(&hold.releaser);
	releaser_retire(&hold.releaser);
	(void)dispatcher_turn(hold.dispatcher, (uint64_t)time(NULL) * 1000);
	(void)dispatcher_beat(hold.dispatcher);
	if (book_tick(&hold.book))
		note_found();
	for (enum counter c = 0; c < COUNTER_END; c++) {
		uint64_t value;
		if (spool_count_up(hold.spool, c, &value) != 0)
			continue;
		sweep_need(value > told->counted[c], "counter %d went back", (int)c);
		told->counted[c] = value;
	}
	book_commit(&hold.book);
}

static void end(void)
{
	dispatcher_free(hold.dispatcher);
	book_close(&hold.book);
	spent_close(hold.spent);
	standing_close(hold.standing);
	spool_close(hold.spool);
}

/* ---- whoever pushes; the fault does not see these calls ---- */

static bool give(int fd, const void *data, size_t len)
{
	return syscall(SYS_sendto, fd, data, len, MSG_NOSIGNAL, NULL, 0) == (long)len;
}

static bool give_frame(int fd, uint16_t type, const void *data, uint32_t len)
{
	const uint32_t header[2] = {len, type};
	return give(fd, header, sizeof(header)) && give(fd, data, len);
}

static void hear(int fd, unsigned int n)
{
	static uint8_t payload[4096];
	uint32_t header[2];
	while (syscall(SYS_recvfrom, fd, header, sizeof(header), MSG_DONTWAIT, NULL, NULL) == sizeof(header)) {
		struct local_accepted accepted;
		long got = header[0] == 0 ? 0 : syscall(SYS_recvfrom, fd, payload, header[0], MSG_DONTWAIT, NULL, NULL);
		if (got != (long)header[0])
			return;
		struct local_refused refused;
		if (header[1] == LOCAL_REFUSED && local_refused_decode(&refused, payload, (size_t)got) == 0)
			told->answers[n] = refused.result == -EINPROGRESS ? UNKNOWN : REFUSED;
		if (header[1] != LOCAL_ACCEPTED || local_accepted_decode(&accepted, payload, (size_t)got) != 0)
			continue;
		told->answers[n] = ACCEPTED;
		memcpy(told->names[n], accepted.name, BUNDLE_NAME_BYTES);
	}
}

static void push_through(int fd, struct gate *gate, unsigned int n)
{
	static uint8_t payload[LOCAL_COMMIT_MAX];
	const struct push *push = &pushes[n];
	struct local_caller caller = {.is_proven = true};
	local_caller_encode(payload, &caller);
	bool goes_on = give_frame(fd, LOCAL_INTAKE, payload, LOCAL_CALLER_BYTES) && gate_read(gate) == 0;
	for (size_t at = 0; goes_on && at < push->len; at += PIECE_BYTES) {
		size_t len = push->len - at < PIECE_BYTES ? push->len - at : PIECE_BYTES;
		goes_on = give_frame(fd, LOCAL_BODY, push->body + at, (uint32_t)len) && gate_read(gate) == 0;
	}
	if (goes_on && give_frame(fd, LOCAL_COMMIT, payload, (uint32_t)local_commit_encode(payload, &push->commit)))
		while (gate_read(gate) == 0 && told->answers[n] == NO_ANSWER)
			hear(fd, n);
	hear(fd, n);
}

static void push_one(unsigned int n)
{
	int ends[2];
	struct gate *gate = NULL;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		abort();
	const int room = 4 << 20;
	(void)setsockopt(ends[0], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	if (gate_new(&gate, ends[1], &hold.desk) == 0)
		push_through(ends[0], gate, n);
	else
		syscall(SYS_close, ends[1]);
	gate_free(gate);
	hear(ends[0], n);
	syscall(SYS_close, ends[0]);
	book_commit(&hold.book);
}

static struct spool_item *find(unsigned int n)
{
	char hex[2 * PUSH_ID_BYTES + 1];
	return spool_find(hold.spool, text_hex(hex, sizeof(hex), pushes[n].commit.statement.push_id, PUSH_ID_BYTES));
}

/* ---- the sweep ---- */

static void send_and_remove(unsigned int n)
{
	struct spool_item *item = find(n);
	if (item == NULL || item->state != SPOOL_READY)
		return;
	if (spool_set_sent(hold.spool, item) == 0)
		told->is_sent[n] = true;
	if (item->state != SPOOL_SENT)
		return;
	told->removal_begun[n] = true;
	if (spent_add(hold.spent, item, (uint64_t)time(NULL)) != 0)
		return;
	book_bundle(&hold.book, "removed", item, 0);
	(void)spool_remove(hold.spool, item);
}

/* As an officer does. */
static void deny(unsigned int n)
{
	struct spool_item *item = find(n);
	if (item == NULL || item->state != SPOOL_HELD)
		return;
	told->denial_begun[n] = true;
	if (releaser_take_back(&hold.releaser, item) == 0)
		told->is_denied[n] = true;
}

static void work(const char *dir)
{
	if (begin(dir) != 0)
		_exit(SWEEP_GIVES_UP);
	push_one(0);
	turn();
	push_one(1);
	send_and_remove(0);
	turn();
	push_one(DENIED);
	deny(DENIED);
	turn();
}

static void cured(const char *dir)
{
	(void)dir;
	for (int second = 0; second < CURE_S; second++) {
		later_s++;
		turn();
	}
	push_one(3);
	sweep_need(told->answers[3] == ACCEPTED, "ten seconds behind the cure no push is accepted");
	for (size_t i = 0; i < spool_count(hold.spool); i++)
		sweep_need(spool_at(hold.spool, i)->state != SPOOL_HELD || spool_at(hold.spool, i)->waits != WAITS_NOT,
			   "ten seconds behind the cure a push is still held");
	end();
}

static void recover(const char *dir)
{
	int result = begin(dir);
	sweep_need(result == 0, "the next weir-hold does not start: %d", result);
	turn();
	end();
}

/* ---- the judge ---- */

static bool is_whole(const char *dir, const struct spool_item *item, const struct push *push)
{
	static const char *const folders[] = {"held", "ready", "sent"};
	char path[4400], hex[2 * PUSH_ID_BYTES + 1];
	uint8_t *bytes = NULL;
	size_t len = 0;
	text_hex(hex, sizeof(hex), push->commit.statement.push_id, PUSH_ID_BYTES);
	snprintf(path, sizeof(path), "%s/%s/%s", dir, folders[item->state],
		 item->state == SPOOL_HELD ? hex : item->name);
	bool good = io_read_file(AT_FDCWD, path, BODY_BYTES_MAX + SEGMENT_BYTES, &bytes, &len) == 0 &&
		    len == push->len + SEGMENT_BYTES &&
		    memcmp(bytes + SEGMENT_BYTES, push->body, push->len) == 0 &&
		    (item->state == SPOOL_HELD || release_segment_verify(bytes, box->card.public_key) == 0);
	free(bytes);
	return good;
}

static void judge_push(const char *dir, unsigned int n)
{
	const struct spool_item *item = find(n);
	if (item != NULL)
		sweep_need(is_whole(dir, item, &pushes[n]), "push %u is there, and not whole", n);
	if (told->answers[n] == ACCEPTED && !told->removal_begun[n] && !told->denial_begun[n])
		sweep_need(item != NULL && (item->state == SPOOL_HELD) == (n == DENIED), "push %u was accepted, and is %s",
			   n, item == NULL ? "lost" : "in the wrong state");
	if (told->answers[n] == REFUSED)
		sweep_need(item == NULL, "push %u was refused, and is there", n);
	if (told->is_denied[n])
		sweep_need(item == NULL, "push %u was refused by an officer, and is there", n);
	if (told->names[n][0] != 0 && item != NULL)
		sweep_need(strcmp(item->name, told->names[n]) == 0, "push %u had the name %s, and has %s", n,
			   told->names[n], item->name);
	for (unsigned int other = 0; other < PUSHES; other++)
		sweep_need(other == n || item == NULL || item->name[0] == 0 ||
				   strcmp(item->name, told->names[other]) != 0,
			   "push %u has the number of push %u", n, other);
}

static size_t entries_of_accepted;

static int take_entry(void *context, const struct ledger_line *line, const char *text, size_t len)
{
	(void)context, (void)text, (void)len;
	entries_of_accepted += ledger_line_is(line, "push.accepted");
	return 0;
}

static void ignore(void *context, const struct ledger_finding *finding)
{
	(void)context;
	if (!finding->is_note)
		sweep_need(false, "the ledger: %s: %s", verdict_name(finding->verdict), finding->what);
}

static void judge_ledger(const char *dir)
{
	char path[4400];
	struct ledger_summary summary;
	const struct card *const boxes[] = {&box->card};
	const struct ledger_verifying verifying = {
		.boxes = boxes, .box_count = 1, .report = ignore, .take = take_entry};
	snprintf(path, sizeof(path), "%s/ledger", dir);
	int fd = io_open_dir(AT_FDCWD, path);
	entries_of_accepted = 0;
	int result = ledger_verify(fd, &verifying, &summary);
	io_close(fd);
	sweep_need(result == 0, "the ledger does not verify: %d", result);
	size_t accepted = 0;
	for (unsigned int n = 0; n < PUSHES; n++)
		accepted += told->answers[n] == ACCEPTED;
	sweep_need(entries_of_accepted >= accepted, "%zu pushes were accepted, and %zu are in the ledger", accepted,
		   entries_of_accepted);
}

static int count_name(int dir_fd, const char *name, void *context)
{
	(void)dir_fd, (void)name;
	++*(size_t *)context;
	return 0;
}

static size_t count_in(const char *dir, const char *folder)
{
	char path[4400];
	size_t count = 0;
	snprintf(path, sizeof(path), "%s/%s", dir, folder);
	(void)io_each_name(io_open_dir(AT_FDCWD, path), count_name, &count);
	return count;
}

static void judge(const char *dir)
{
	int result = begin(dir);
	sweep_need(result == 0, "nobody can go on with it: %d", result);
	turn();
	for (unsigned int n = 0; n < PUSHES; n++)
		judge_push(dir, n);
	sweep_need(count_in(dir, "incoming") == 0, "something is left in incoming/");
	size_t all = count_in(dir, "held") + count_in(dir, "ready") + count_in(dir, "sent");
	sweep_need(all == spool_count(hold.spool), "%zu files, and %zu bundles", all, spool_count(hold.spool));
	sweep_need(count_in(dir, "dossier") == all, "%zu bundles, and %zu dossiers", all, count_in(dir, "dossier"));
	end();
	judge_ledger(dir);
}

/* Somebody takes away what was accepted. */
static void spoil(const char *dir)
{
	char path[4400];
	snprintf(path, sizeof(path), "%s/ready/%s", dir, told->names[1]);
	must(unlink(path) == 0, "there is nothing to spoil");
}

/* ---- the first error of fsync or close is final ---- */

/* Of a push that waits for an officer: all that is synchronised before the answer belongs to its acceptance. */
static void push_under_fault(const char *dir)
{
	struct fault_plan plan = sweep_now.page->plans[0];
	fault_disarm(sweep_now.page);
	if (begin(dir) != 0)
		_exit(SWEEP_GIVES_UP);
	fault_arm(sweep_now.page, &plan, 1);
	push_one(DENIED);
}

static void test_first_error_is_final(const struct sweep *s)
{
	static const enum fault_call calls[] = {FAULT_fsync, FAULT_fdatasync};
	uint32_t failed = 0, not_refused = 0;
	for (size_t i = 0; i < 2; i++)
		for (uint32_t nth = 1;; nth++) {
			const struct fault_plan plan = {
				.call = calls[i], .action = FAULT_ERROR, .nth = nth, .error = EIO};
			sweep_fresh(s);
			memset(told, 0, sizeof(*told));
			(void)sweep_run(s, push_under_fault, NULL, &plan);
			/* the last fdatasync is that of what follows the answer */
			if (fault_fired(sweep_now.page, 0) == 0 || (i == 1 && nth > 1))
				break;
			failed++;
			not_refused += told->answers[DENIED] != REFUSED || sweep_now.page->retried > 0;
		}
	ok(failed >= 6, "a push is synchronised in %u places before it is accepted", failed);
	is_number(not_refused, 0, "where one of them fails, it is refused, and no file is synchronised again");
}

/* Nothing is accepted whose close has failed. */
static void test_close_is_asked(const struct sweep *s)
{
	uint32_t accepted_all = 0, tried = 0;
	for (uint32_t nth = 1;; nth++) {
		const struct fault_plan plan = {.call = FAULT_close, .action = FAULT_ERROR, .nth = nth, .error = EIO};
		sweep_fresh(s);
		memset(told, 0, sizeof(*told));
		(void)sweep_run(s, push_under_fault, NULL, &plan);
		if (fault_fired(sweep_now.page, 0) == 0)
			break;
		tried++;
		accepted_all += told->answers[DENIED] == ACCEPTED;
	}
	note("%u calls of close in a push, %u of them of what is only read, or behind the answer", tried, accepted_all);
	ok(tried - accepted_all >= 2, "a close that fails of the body, or of the dossier, is a refusal");
}

int main(int argc, char **argv)
{
	struct setup_problem problem;
	char path[4400];
	struct key *person = NULL;
	must(argc == 4 && suite_start() == 0, "usage: spool CONFIGURATION KEYS DIR");
	must(setup_load(&the_setup, argv[1], &problem) == 0 && setup_box_key(&box, &the_setup, &problem) == 0,
	     "the configuration cannot be loaded");
	snprintf(path, sizeof(path), "%s/wang-mei.key", argv[2]);
	must(key_load(&person, path, NULL) == 0, "no key of a person");
	for (unsigned int n = 0; n < PUSHES; n++)
		seal(&pushes[n], person, n);
	key_free(person);
	told = sweep_share(sizeof(*told));
	const struct sweep spool = {
		.name = "spool", .dir = argv[3], .told = told, .told_len = sizeof(*told), .work = work,
		.cured = cured, .recover = recover, .judge = judge, .spoil = spoil,
	};
	sweep(&spool, 12);
	test_first_error_is_final(&spool);
	test_close_is_asked(&spool);
	for (unsigned int n = 0; n < PUSHES; n++)
		free(pushes[n].body);
	key_free(box);
	setup_free(&the_setup);
	return done_testing();
}
