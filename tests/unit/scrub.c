/* What a scrub finds in the vault, what it sets aside, and what it mends at the next start. */
#include "receiver/scrubparts.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/verdict.h"
#include "receiver/accept.h"
#include "tests/lib/tap.h"
#include "tests/lib/whole.h"

static struct night night;
static struct whole whole;
static int vault = -1;
static struct annals *annals;
static struct diary *diary;
static struct workshop *workshop;
static unsigned int wanted_again;

static void must(bool good, const char *what)
{
	if (good)
		return;
	note("the test cannot go on: %s", what);
	exit(2);
}

static void note_lost(void *context, const struct bundle_id *id)
{
	(void)context, (void)id;
	wanted_again++;
}

static void say_nothing(void *context, int priority, const char *id, const char *text)
{
	(void)context, (void)priority, (void)id, (void)text;
}

static void ring_nobody(void *context)
{
	(void)context;
}

static struct scrub_options options(void)
{
	static const struct teller teller = {say_nothing, NULL};
	return (struct scrub_options){vault, 7, workshop, 0, &teller, diary, annals, note_lost, NULL};
}

static void start(void)
{
	struct annals_found found;
	char path[4300];
	snprintf(path, sizeof(path), "%s", test_path("vault"));
	must(mkdir(path, 0700) == 0, "a folder");
	vault = io_open_dir(AT_FDCWD, path);
	must(vault_prepare(vault) == 0 && diary_open(&diary, path, night.other_box, WHOLE_NOW) == 0 &&
		     annals_open(&annals, vault, true, &found) == 0 && workshop_start(&workshop, 1, ring_nobody, NULL) == 0,
	     "a vault");
}

/* Delivered under this number; known by its annals. */
static struct annal put(uint64_t number)
{
	struct annal annal = {.id = {5, number, 1}, .route = "tax", .what = ANNAL_DELIVERED, .at = 1,
			      .destroy_by = WHOLE_NOW + NIGHT_DAY};
	struct acceptance found;
	char name[BUNDLE_NAME_BYTES];
	annal.push_id[0] = (uint8_t)number;
	bundle_name(name, "tax", number);
	must(io_write_file(vault, "came", whole.object, sizeof(whole.object), 0600) == 0 &&
		     vault_deliver(vault, vault, "came", 5, name) == 0, "delivering");
	int fd = vault_open_bundle(vault, name);
	must(fd >= 0 && accept_describe(&found, fd) == 0, "describing");
	io_close(fd);
	memcpy(annal.edges, found.edges, sizeof(annal.edges));
	must(annals_write(annals, &annal, 1) == 0, "noting");
	return annal;
}

static void path_of(char out[static 200], const struct annal *annal)
{
	char path[ANNAL_PATH_BYTES];
	annal_path(path, annal);
	snprintf(out, 200, "bundles/%s", path);
}

static int open_file(const struct annal *annal, int flags)
{
	char path[200];
	path_of(path, annal);
	int fd = openat(vault, path, flags | O_CLOEXEC);
	must(fd >= 0, "open");
	return fd;
}

static void change_byte(const struct annal *annal, off_t at)
{
	uint8_t byte;
	int fd = open_file(annal, O_RDWR);
	must(pread(fd, &byte, 1, at) == 1, "read");
	byte ^= 1;
	must(pwrite(fd, &byte, 1, at) == 1, "write");
	io_close(fd);
}

static enum annal_what state_of(const struct annal *annal)
{
	struct annal now;
	return annals_find(annals, &annal->id, &now) ? now.what : 0;
}

static void test_judging(void)
{
	struct annal annal = put(1);
	atomic_bool stop = true;
	char path[200];
	is_number(scrub_judge(vault, &annal, NULL), 0, "what was delivered is as it was");
	is_number(scrub_judge(vault, &annal, &stop), -ECANCELED, "who is asked to stop does");
	change_byte(&annal, WHOLE_BYTES - 1);
	is_number(scrub_judge(vault, &annal, NULL), VERDICT_DAMAGED, "a bit of the body is seen");
	change_byte(&annal, WHOLE_BYTES - 1);
	change_byte(&annal, SEGMENT_BYTES - 1);
	is_number(scrub_judge(vault, &annal, NULL), VERDICT_DAMAGED, "so is one of its first segment");
	change_byte(&annal, SEGMENT_BYTES - 1);
	is_number(scrub_judge(vault, &annal, NULL), 0, "and that it is well again");
	int fd = open_file(&annal, O_RDWR);
	must(ftruncate(fd, WHOLE_BYTES - 1) == 0, "cut");
	is_number(scrub_judge(vault, &annal, NULL), VERDICT_DAMAGED, "what was cut off is damaged");
	must(ftruncate(fd, 100) == 0, "cut");
	is_number(scrub_judge(vault, &annal, NULL), VERDICT_DAMAGED, "also within its first segment");
	io_close(fd);
	path_of(path, &annal);
	must(unlinkat(vault, path, 0) == 0, "unlink");
	is_number(scrub_judge(vault, &annal, NULL), -ENOENT, "what is gone is gone");
	must(symlinkat("tax-000002.weir", vault, path) == 0, "link");
	is_number(scrub_judge(vault, &annal, NULL), VERDICT_DAMAGED, "a link in its place is damage");
	must(unlinkat(vault, path, 0) == 0, "unlink");
}

static void test_setting_aside(void)
{
	struct annal annal = put(2), gone = {.id = {5, 99, 1}, .route = "tax"}, nowhere = {.id = {6, 1, 1}, .route = "tax"};
	is_number(scrub_set_aside(vault, &annal), -ENOENT, "without the folder nothing is set aside, and that is said");
	is_number(scrub_judge(vault, &annal, NULL), 0, "the bundle stays");
	struct scrub_options o = options();
	struct scrub *scrub = NULL;
	must(scrub_new(&scrub, &o) == 0, "a scrub");
	is_number(scrub_mend(scrub), 0, "the start makes the folder");
	is_number(scrub_set_aside(vault, &annal), 0, "then it is set aside");
	ok(faccessat(vault, "damaged/tax-000002@0000000000000005.weir", F_OK, 0) == 0, "under its name and epoch");
	is_number(scrub_set_aside(vault, &gone), 0, "one that is gone is none to be set aside");
	is_number(scrub_set_aside(vault, &nowhere), 0, "nor one of an epoch that is gone");
	/* a crash came between that and its note */
	is_number(scrub_mend(scrub), 0, "the next start");
	is_number(state_of(&annal), ANNAL_DAMAGED, "notes what was being set aside");
	is_number(scrub_mend(scrub), 0, "and the one behind it");
	ok(faccessat(vault, "damaged/tax-000002@0000000000000005.weir", F_OK, 0) == 0, "leaves it there");
	put(2);
	is_number(scrub_mend(scrub), 0, "when it has come again");
	ok(faccessat(vault, "damaged/tax-000002@0000000000000005.weir", F_OK, 0) != 0, "what was set aside is removed");
	scrub_free(scrub);
}

/* A file of another hand. */
static bool leave(const char *path, const void *data, size_t len)
{
	int fd = openat(vault, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	return fd >= 0 && io_write(fd, data, len) == 0 && io_close(fd) == 0;
}

/* Names in damaged/ that are none of ours stay, whatever they are. */
static void test_names(void)
{
	static const char *const names[] = {
		"damaged/note", "damaged/@0000000000000005.weir", "damaged/tax-000002@5.weir", "damaged/tax@0000000000000005.weir",
		"damaged/tax-000777@0000000000000005.weir",
		"damaged/a-name-that-is-far-too-long-for-a-bundle-of-any-route-000001@0000000000000005.weir",
	};
	struct scrub_options o = options();
	struct scrub *scrub = NULL;
	must(scrub_new(&scrub, &o) == 0, "a scrub");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		must(leave(names[i], "x", 1), "a file");
	is_number(scrub_mend(scrub), 0, "strange files in damaged/ are no trouble");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ok(faccessat(vault, names[i], F_OK, 0) == 0, "'%s' stays", names[i]);
	scrub_free(scrub);
}

/* Until it rests; the last state of the file. */
static void go_round(struct scrub *scrub, uint64_t now)
{
	for (int i = 0; i < 20000; i++) {
		scrub_turn(scrub, now);
		usleep(50);
		if (workshop_collect(workshop) == 0 && workshop_pending(workshop, 0) == 0 && i > 50)
			return;
	}
}

static bool state_has(const char *word)
{
	uint8_t *text = NULL;
	size_t len = 0;
	bool has = io_read_file(vault, "scrub", 128, &text, &len) == 0 && strstr((const char *)text, word) != NULL;
	free(text);
	return has;
}

static void test_rounds(void)
{
	struct annal whole_one = put(11), damaged = put(12), missing = put(13);
	char path[200];
	struct scrub_options o = options();
	struct scrub *scrub = NULL;
	change_byte(&damaged, WHOLE_BYTES / 2);
	path_of(path, &missing);
	must(unlinkat(vault, path, 0) == 0 && scrub_new(&scrub, &o) == 0 && scrub_mend(scrub) == 0, "a scrub");
	wanted_again = 0;
	go_round(scrub, WHOLE_NOW);
	ok(state_has(" done "), "a round ends");
	is_number(state_of(&whole_one), ANNAL_DELIVERED, "what is whole stays delivered");
	is_number(state_of(&damaged), ANNAL_DAMAGED, "what is damaged is noted");
	is_number(state_of(&missing), ANNAL_DAMAGED, "so is what is not there any more");
	ok(wanted_again >= 2, "both are wanted again");
	ok(faccessat(vault, "damaged/tax-000012@0000000000000005.weir", F_OK, 0) == 0, "the damaged one is set aside");
	change_byte(&whole_one, WHOLE_BYTES / 2);
	go_round(scrub, WHOLE_NOW + 6 * NIGHT_DAY);
	is_number(state_of(&whole_one), ANNAL_DELIVERED, "before its days are over there is no other round");
	go_round(scrub, WHOLE_NOW + 8 * NIGHT_DAY);
	is_number(state_of(&whole_one), ANNAL_DAMAGED, "then there is");
	scrub_free(scrub);
	must(io_write_file(vault, "scrub", "nonsense\n", 9, 0600) == 0 && scrub_new(&scrub, &o) == 0, "a scrub");
	struct annal again = put(14);
	change_byte(&again, WHOLE_BYTES / 2);
	go_round(scrub, WHOLE_NOW + 8 * NIGHT_DAY + 1);
	is_number(state_of(&again), ANNAL_DAMAGED, "where the file says nothing that it would have written, a round begins");
	scrub_free(scrub);
	int fd = openat(vault, "scrub", O_WRONLY | O_APPEND | O_CLOEXEC);
	must(fd >= 0 && write(fd, "\0more", 5) == 5 && close(fd) == 0 && scrub_new(&scrub, &o) == 0, "a scrub");
	struct annal behind = put(15);
	change_byte(&behind, WHOLE_BYTES / 2);
	go_round(scrub, WHOLE_NOW + 8 * NIGHT_DAY + 2);
	is_number(state_of(&behind), ANNAL_DAMAGED, "also when there is more behind a zero");
	scrub_free(scrub);
}

int main(void)
{
	if (suite_start() != 0)
		return 2;
	night_make(&night, "");
	whole_make(&whole, &night);
	start();
	test_judging();
	test_setting_aside();
	test_names();
	test_rounds();
	workshop_stop(workshop);
	annals_close(annals);
	diary_close(diary);
	io_close(vault);
	night_end(&night);
	return done_testing();
}
