/* What weir-keep writes into its ledger, and what it does while it cannot. */
#include "receiver/diary.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "common/io.h"
#include "common/ledgerread.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

#define NOW UINT64_C(1790000040) /* the beginning of a minute */

struct told {
	char events[65536];
	const char *what;
	unsigned int count;
};

static int take_line(void *context, const struct ledger_record *record)
{
	struct told *told = context;
	struct ledger_line line;
	if (record->piece != LEDGER_LINE || ledger_line_parse(&line, record->text, record->len) != 0)
		return VERDICT_BAD_ENTRY;
	told->count += told->what != NULL &&
		       memmem(record->text, record->len, told->what, strlen(told->what)) != NULL;
	size_t at = strlen(told->events);
	if (!ledger_line_is(&line, "checkpoint") && at + line.event_len + 2 < sizeof(told->events)) {
		memcpy(told->events + at, line.event, line.event_len);
		memcpy(told->events + at + line.event_len, " ", 2);
	}
	return 0;
}

static struct told *told_by(const char *vault, const char *what)
{
	static struct told told;
	char path[4200];
	told = (struct told){.what = what};
	snprintf(path, sizeof(path), "%s/ledger", vault);
	int dir = io_open_dir(AT_FDCWD, path);
	ok(dir >= 0 && ledger_read(dir, &(struct ledger_reading){.take = take_line, .context = &told}) == 0,
	   "the ledger is sound");
	io_close(dir);
	return &told;
}

static const char *new_vault(const char *name)
{
	static char path[4096];
	snprintf(path, sizeof(path), "%s", test_path(name));
	ok(mkdir(path, 0700) == 0, "a vault is made");
	return path;
}

static void life(const struct key *box)
{
	const char *vault = new_vault("life");
	struct diary *d = NULL;
	is_number(diary_open(&d, vault, box, NOW), 0, "a diary is opened in a vault");
	diary_start(d, "weir-keep 1", "");
	diary_registry(d, 0, 3, "/etc/weir/registry");
	diary_registry(d, VERDICT_TOO_FEW_SIGNATURES, 3, "/etc/weir/registry");
	is_text(told_by(vault, NULL)->events, "", "what is added is not written yet");
	is_number(diary_commit(d), 0, "it is, together,");
	ok(diary_is_well(d), "and all is well");
	is_text(told_by(vault, "\"result\":\"too-few-signatures\",\"version\":3")->events,
		"start key.loaded registry.loaded registry.loaded ", "with the next commit");
	is_number(told_by(vault, "\"result\":\"too-few-signatures\",\"version\":3")->count, 1,
		  "a registry that was refused is told with its verdict, and the version that stays");
	diary_close(d);
	is_text(told_by(vault, NULL)->events, "start key.loaded registry.loaded registry.loaded stop ",
		"its end is told");
	struct key *other = key_new(KEY_RECEIVER, "outside-2");
	char path[4200];
	snprintf(path, sizeof(path), "%s/ledger", vault);
	int dir = io_open_dir(AT_FDCWD, path);
	struct ledger_file *files = NULL;
	size_t count = 0;
	char name[LEDGER_FILE_NAME_BYTES];
	ok(ledger_file_list(dir, &files, &count) == 0 && count == 1, "it is one file");
	ledger_file_name(name, &files[0]);
	int fd = openat(dir, name, O_WRONLY);
	ok(fd >= 0 && pwrite(fd, "X", 1, lseek(fd, 0, SEEK_END) - 300) == 1 && close(fd) == 0,
	   "somebody changes its end");
	is_number(diary_open(&d, vault, box, NOW), VERDICT_BAD_CHAIN, "then it is not opened again");
	free(files);
	io_close(dir);
	key_free(other);
	diary_close(NULL);
}

static void alarms(const struct key *box)
{
	const char *vault = new_vault("alarms");
	struct diary *d = NULL;
	is_number(diary_open(&d, vault, box, NOW), 0, "a diary is opened");
	diary_tick(d, NOW);
	diary_event(d, LOG_INFO, "E2010", "keep: 'tax-000001' is in the vault");
	diary_event(d, LOG_NOTICE, "E2044", "keep: the sender is heard again");
	diary_event(d, LOG_ERR, "E2011", "keep: 'tax-000001' is refused");
	diary_commit(d);
	is_text(told_by(vault, NULL)->events, "", "what is in order, and what has an entry of its own, is no alarm");
	diary_event(d, LOG_WARNING, "E2012", "keep: 'tax-000001' waits");
	diary_event(d, LOG_ERR, "E2018", "keep: 'tax-000001' is whole");
	diary_commit(d);
	is_text(told_by(vault, NULL)->events, "alarm alarm ", "warnings and errors are");
	is_number(told_by(vault, "\"id\":\"E2018\",\"text\":\"keep: tax-000001 is whole\"")->count, 1,
		  "with id and text");
	for (unsigned int i = 0; i < 1000; i++)
		diary_event(d, LOG_WARNING, "E2032", "keep: datagrams were damaged");
	diary_commit(d);
	is_number(told_by(vault, "\"event\":\"alarm\"")->count, DIARY_ALARMS_MAX, "in a minute only so many are entered");
	diary_tick(d, NOW + 60);
	diary_commit(d);
	is_number(told_by(vault, "and 942 more alarms in one minute")->count, 1, "and the rest counted");
	unsigned int taken = 0;
	for (unsigned int i = 0; i < 1000; i++)
		taken += diary_take_command(d);
	is_number(taken, DIARY_COMMANDS_MAX, "in a minute only so many commands are entered");
	diary_tick(d, NOW + 120);
	diary_commit(d);
	is_number(told_by(vault, "\"verb\":\"more\",\"left_out\":880")->count, 1, "and the rest counted");
	ok(diary_take_command(d), "the next minute takes some again");
	diary_close(d);
}

/* No file may grow: as a full disk, where nothing is set aside. */
static void may_grow(bool may)
{
	struct rlimit limit = {may ? RLIM_INFINITY : 0, RLIM_INFINITY};
	ok(setrlimit(RLIMIT_FSIZE, &limit) == 0, "files may%s grow", may ? "" : " not");
}

static void failure(const struct key *box)
{
	const char *vault = new_vault("failure");
	struct diary *d = NULL;
	is_number(diary_open(&d, vault, box, NOW), 0, "a diary is opened");
	diary_tick(d, NOW);
	is_number(diary_commit(d), 0, "nothing to write is no failure");
	signal(SIGXFSZ, SIG_IGN);
	may_grow(false);
	diary_start(d, "weir-keep 1", "");
	diary_event(d, LOG_ERR, "E2018", "lost");
	is_number(diary_commit(d), -EFBIG, "what cannot be written is said");
	ok(!diary_is_well(d), "then it is not well");
	is_number(diary_commit(d), 0, "it is said once of what was added");
	ok(!diary_is_well(d), "which makes nothing well");
	diary_tick(d, NOW + 1);
	is_number(diary_commit(d), -EFBIG, "the start is tried again every second");
	may_grow(true);
	diary_tick(d, NOW + 2);
	is_number(diary_commit(d), 0, "and written when it can be");
	ok(diary_is_well(d), "then all is well");
	diary_tick(d, NOW + 3);
	diary_commit(d);
	is_text(told_by(vault, "could not be written since 2026-09-21")->events, "start key.loaded alarm ",
		"the start is there, and an alarm");
	is_number(told_by(vault, "could not be written since 2026-09-21")->count, 1, "that says since when");
	diary_close(d);
}

static void no_room_at_the_start(const struct key *box)
{
	const char *vault = new_vault("no-room");
	struct diary *d = NULL;
	may_grow(false);
	is_number(diary_open(&d, vault, box, NOW), 0, "a diary that has no room yet is opened later");
	ok(!diary_is_well(d), "and not well until then");
	diary_start(d, "weir-keep 1", "");
	is_number(diary_commit(d), -EFBIG, "what is added is not written");
	diary_tick(d, NOW + 1);
	may_grow(true);
	diary_tick(d, NOW + DIARY_RETRY_S - 1);
	ok(diary_commit(d) != 0, "for some seconds it is left alone");
	diary_tick(d, NOW + DIARY_RETRY_S);
	diary_commit(d);
	ok(diary_is_well(d), "then it is opened");
	diary_tick(d, NOW + DIARY_RETRY_S + 1);
	diary_commit(d);
	diary_close(d);
	is_number(told_by(vault, "\"event\":\"start\"")->count, 1, "and the start is told");
}

int main(void)
{
	struct key *box = NULL;
	ok(suite_start() == 0 && (box = key_new(KEY_RECEIVER, "outside-1")) != NULL, "there is a box");
	life(box);
	alarms(box);
	failure(box);
	no_room_at_the_start(box);
	key_free(box);
	return done_testing();
}
