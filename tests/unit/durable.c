/*
 * What is said to be durable has been synchronised, in the right order.  Every call that changes a file or a
 * folder is watched here: a file must be clean when it gets its name, and when a function has said 0, each file it
 * wrote and each folder in which it made, moved or removed a name must be clean, too.
 *
 * A disk that is cut off shows less (tests/fault/20-power-cut.sh): one fsync of ext4 writes what other calls owe.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/io.h"
#include "common/ledger.h"
#include "common/verdict.h"
#include "receiver/partial.h"
#include "receiver/vault.h"
#include "sender/numbers.h"
#include "tests/lib/ledgers.h"
#include "tests/lib/nightspool.h"

enum { DIRTY_MAX = 64 };

/* Inodes that owe a synchronisation. */
static struct dirty {
	ino_t inode;
	bool is_folder;
} dirty[DIRTY_MAX];
static size_t dirty_count;
static bool was_named_dirty; /* a file got its name before its content was synchronised */

static void forget(void)
{
	dirty_count = 0;
	was_named_dirty = false;
}

static bool is_dirty(ino_t inode)
{
	for (size_t i = 0; i < dirty_count; i++)
		if (dirty[i].inode == inode)
			return true;
	return false;
}

static void soil(int fd)
{
	struct stat st;
	if (fstat(fd, &st) < 0 || (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) || is_dirty(st.st_ino))
		return;
	if (dirty_count == DIRTY_MAX)
		abort();
	dirty[dirty_count++] = (struct dirty){st.st_ino, S_ISDIR(st.st_mode)};
}

static int clean(int fd, long call)
{
	struct stat st;
	if (fstat(fd, &st) == 0)
		for (size_t i = 0; i < dirty_count; i++)
			if (dirty[i].inode == st.st_ino)
				dirty[i--] = dirty[--dirty_count];
	return (int)syscall(call, fd);
}

int fsync(int fd)
{
	return clean(fd, SYS_fsync);
}

int fdatasync(int fd)
{
	return clean(fd, SYS_fdatasync);
}

ssize_t write(int fd, const void *data, size_t len)
{
	soil(fd);
	return syscall(SYS_write, fd, data, len);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
	soil(fd);
	return syscall(SYS_pwrite64, fd, data, len, offset);
}

int openat(int dir, const char *path, int flags, ...)
{
	va_list arguments;
	va_start(arguments, flags);
	mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
	va_end(arguments);
	struct stat st;
	bool is_new = (flags & O_CREAT) != 0 && fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) < 0;
	int fd = (int)syscall(SYS_openat, dir, path, flags, mode);
	if (is_new && fd >= 0)
		soil(dir);
	return fd;
}

/* What is removed owes nothing any more. */
int unlinkat(int dir, const char *path, int flags)
{
	struct stat st;
	if (fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		for (size_t i = 0; i < dirty_count; i++)
			if (dirty[i].inode == st.st_ino && st.st_nlink == 1)
				dirty[i--] = dirty[--dirty_count];
	int result = (int)syscall(SYS_unlinkat, dir, path, flags);
	if (result == 0)
		soil(dir);
	return result;
}

int renameat2(int from, const char *old, int to, const char *name, unsigned int flags)
{
	struct stat st;
	if (fstatat(from, old, &st, AT_SYMLINK_NOFOLLOW) == 0)
		was_named_dirty |= is_dirty(st.st_ino);
	int result = (int)syscall(SYS_renameat2, from, old, to, name, flags);
	if (result == 0) {
		soil(from);
		soil(to);
	}
	return result;
}

int renameat(int from, const char *old, int to, const char *name)
{
	return renameat2(from, old, to, name, 0);
}

/* What this folder owes may stay owed. */
static void forgive(int dir, const char *name)
{
	struct stat st;
	if (fstatat(dir, name, &st, 0) == 0)
		for (size_t i = 0; i < dirty_count; i++)
			if (dirty[i].inode == st.st_ino)
				dirty[i--] = dirty[--dirty_count];
}

/* Since forget: nothing is owed, and nothing was named too early. */
static void is_durable(int result, const char *what)
{
	ok(result == 0 && !was_named_dirty && dirty_count == 0,
	   "%s: the content before the name, and the name before it says so", what);
	if (result != 0 || was_named_dirty || dirty_count > 0)
		note("result %d, %s, %zu inodes owe a synchronisation (the first is a %s)", result,
		     was_named_dirty ? "named too early" : "named in time", dirty_count,
		     dirty_count > 0 && dirty[0].is_folder ? "folder" : "file");
	forget();
}

static void test_io(int dir)
{
	forget();
	is_durable(io_write_file(dir, "one", "1", 1, 0600), "a whole file");
	is_durable(io_write_file(dir, "one", "2", 1, 0600), "a whole file in another's place");
	is_durable(io_create_file(dir, "two", "1", 1, 0600), "a new file");
	is_durable(io_rename_durable(dir, "two", dir, "three"), "a rename");
}

static void test_spool(const char *path)
{
	struct night n;
	night_make(&n, "");
	struct spool *spool = night_spool(path);
	uint64_t value;
	forget();
	is_durable(spool_count_up(spool, COUNTER_BEAT, &value), "a counter");
	const struct night_push push = {.route = "tax", .person = n.people[WANG], .created = night_midnight};
	struct spool_item *item = night_hold(spool, &n, &push);
	is_durable(item == NULL, "a push that is held");
	static struct dossier dossier;
	is_durable(spool_dossier(spool, item, &dossier), "reading a dossier");
	is_durable(spool_set_dossier(spool, item, &dossier), "an approval in the dossier");
	night_let_go(spool, &n, item, &dossier.endorsements, night_midnight);
	is_durable(0, "a release, its number included");
	is_durable(spool_set_sent(spool, item), "what was sent");
	int result = spool_remove(spool, item);
	/* a dossier without its bundle is removed by the next start */
	forgive(spool_dir(spool), "dossier");
	is_durable(result, "what is removed at the end of its time");
	spool_close(spool);
	spool = night_spool(path);
	item = night_hold(spool, &n, &push);
	night_let_go(spool, &n, item, &dossier.endorsements, night_midnight);
	is_number((int64_t)item->release.number, 2, "a number is not given again, though its bundle is gone");
	spool_close(spool);
	night_end(&n);
}

static void test_ledger(const char *path)
{
	struct key *box = ledgers_key(KEY_SENDER, "inside-1", 7);
	forget();
	struct ledger *ledger = ledgers_open(path, box, ledgers_start);
	is_durable(ledgers_write(ledger, 3, ledgers_start), "entries of the ledger");
	is_durable(ledger_close(ledger, ledgers_start + 9), "the end of the ledger");
	key_free(box);
}

static void test_vault(int vault)
{
	const struct bundle_id id = {.epoch = 5, .route_id = 1, .number = 1};
	int made = vault_prepare(vault);
	int partial = io_open_dir(vault, "partial");
	forget();
	is_durable(made == 0 ? vault_refuse(vault, &id, VERDICT_BAD_ROOT) : made, "a refusal");
	is_durable(io_write_file(partial, "object", "whole", 5, 0600), "an object that is whole");
	is_durable(vault_deliver(vault, partial, "object", 5, "tax-000001"), "a delivery");
	is_durable(vault_catalogue_store(vault, (const uint8_t *)"\0\1x", 3), "a catalogue");
	io_close(partial);
}

/* Symbols are written, then the map is stored. */
static void test_map(int top)
{
	struct partial_site site = {.dir_fd = -1};
	const struct bundle_id id = {.epoch = 5, .route_id = 1, .number = 2};
	const struct geometry g = geometry_choose(UINT64_C(4) * SEGMENT_BYTES, 125);
	struct partial *p = NULL;
	(void)io_make_dir(top, "maps", 0700);
	site.dir_fd = io_open_dir(top, "partial");
	site.maps_fd = io_open_dir(top, "maps");
	int result = partial_create(&p, &site, &id, &g);
	forget();
	if (result == 0)
		result = partial_open_files(p);
	if (result == 0)
		result = io_pwrite(partial_fd(p, false), "symbol", 6, 0);
	if (result == 0)
		result = io_pwrite(partial_fd(p, true), "symbol", 6, 0);
	struct mapfile_copy *copy = result == 0 ? partial_begin_store(p) : NULL;
	is_durable(copy == NULL ? -1 : partial_store(&site, &id, copy), "a stored map, and what it claims");
	partial_end_store(p, copy);
	partial_close(p);
	io_close(site.dir_fd);
	io_close(site.maps_fd);
}

int main(void)
{
	char path[PATH_MAX];
	if (suite_start() != 0)
		return 2;
	int dir = io_open_dir(AT_FDCWD, test_dir());
	test_io(dir);
	snprintf(path, sizeof(path), "%s/spool", test_dir());
	test_spool(path);
	snprintf(path, sizeof(path), "%s/ledger", test_dir());
	test_ledger(path);
	test_vault(dir);
	test_map(dir);
	io_close(dir);
	return done_testing();
}
