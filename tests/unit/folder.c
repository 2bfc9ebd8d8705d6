#include "receiver/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io.h"
#include "common/suite.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

enum { MEMBERS = 5 };

static char names[MEMBERS][32] = {"a", "b/c", "b/d/e", "b/f", "g"};
static struct member members[MEMBERS];
static const struct member *plan[MEMBERS];

static void make_members(void)
{
	for (int i = 0; i < MEMBERS; i++) {
		members[i] = (struct member){
			.name = names[i], .size = 3, .mtime_s = 1000000 + i, .mtime_ns = 7};
		plan[i] = &members[i];
	}
}

/* A folder of its own for each case. */
static const char *fresh(const char *name)
{
	const char *path = test_path(name);
	if (mkdir(path, 0755) < 0)
		abort();
	return path;
}

static void put(const char *folder, const char *name, const char *text)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
	if (fd < 0 || io_write(fd, text, strlen(text)) != 0)
		abort();
	close(fd);
}

static bool holds(const char *folder, const char *name, const char *text)
{
	char path[4096];
	uint8_t *data;
	size_t len;
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (io_read_file(AT_FDCWD, path, 4096, &data, &len) != 0)
		return false;
	bool same = len == strlen(text) && memcmp(data, text, len) == 0;
	free(data);
	return same;
}

/* Files and folders below a folder, however deep and however named. */
static int entries(const char *folder)
{
	char command[4200], text[32] = "";
	snprintf(command, sizeof(command), "find '%s' -mindepth 1 | wc -l", folder);
	FILE *f = popen(command, "r");
	if (f == NULL || fgets(text, sizeof(text), f) == NULL)
		abort();
	pclose(f);
	return atoi(text);
}

static int write_one(struct folder *f)
{
	int result = folder_begin(f);
	if (result == 0)
		result = folder_write(f, "ab", 2);
	if (result == 0)
		result = folder_write(f, "c", 1);
	return result != 0 ? result : folder_end(f);
}

static int start(struct folder **f, const char *path, uint32_t count)
{
	uint32_t culprit;
	int result = folder_open(f, path);
	return result != 0 ? result : folder_plan(*f, plan, count, &culprit);
}

static void test_whole(void)
{
	const char *path = test_path("new/");
	struct folder *f = NULL;
	uint32_t culprit = 99;
	struct stat st;
	is_number(folder_open(&f, path), 0, "a folder that is not there yet is fine");
	is_number(access(path, F_OK), -1, "folder_open makes nothing");
	is_number(folder_plan(f, plan, MEMBERS, &culprit), 0,
		  "a plan into a new folder is accepted");
	for (int i = 0; i < MEMBERS; i++)
		is_number(write_one(f), 0, "member %d is written", i);
	is_number(access(test_path("new/a"), F_OK), -1, "before the commit no member has its name");
	is_number(folder_commit(f, &culprit), 0, "the commit is content");
	folder_free(f);
	for (int i = 0; i < MEMBERS; i++)
		ok(holds(path, names[i], "abc"), "member %s has its content", names[i]);
	is_number(entries(path), MEMBERS + 2,
		  "nothing else is left, neither stage nor temporary names");
	stat(test_path("new/b/c"), &st);
	is_number(st.st_mode & 07777, 0600, "a file is for its owner alone");
	is_number(st.st_mtim.tv_sec, 1000001, "the modification time is restored");
	is_number(st.st_mtim.tv_nsec, 7, "to the nanosecond");
	stat(test_path("new/b"), &st);
	is_number(st.st_mode & 07777, 0700, "a folder is for its owner alone");
	stat(path, &st);
	is_number(st.st_mode & 07777, 0700, "and so is the new folder itself");
}

static void test_merge(void)
{
	const char *path = fresh("merge");
	struct folder *f = NULL;
	uint32_t culprit;
	mkdir(test_path("merge/b"), 0755);
	put(path, "b/other", "old");
	is_number(start(&f, path, MEMBERS), 0, "folders that are there are no obstacle");
	for (int i = 0; i < MEMBERS; i++)
		write_one(f);
	is_number(folder_commit(f, &culprit), 0, "members go in among what is there");
	folder_free(f);
	ok(holds(path, "b/other", "old") && holds(path, "b/c", "abc"), "and what was there stays");
}

static void test_empty(void)
{
	struct folder *f = NULL;
	uint32_t culprit;
	is_number(start(&f, test_path("none"), 0), 0, "a plan of no member is accepted");
	is_number(folder_commit(f, &culprit), 0, "and committed");
	folder_free(f);
	is_number(entries(test_path("none")), 0, "it leaves an empty folder");
}

static void test_never_replaces(void)
{
	for (int i = 0; i < MEMBERS; i++) {
		char name[32];
		struct folder *f = NULL;
		uint32_t culprit = 99;
		snprintf(name, sizeof(name), "taken%d", i);
		const char *path = fresh(name);
		snprintf(name, sizeof(name), "taken%d/b", i);
		mkdir(test_path(name), 0755);
		snprintf(name, sizeof(name), "taken%d/b/d", i);
		mkdir(test_path(name), 0755);
		put(path, names[i], "mine");
		int before = entries(path);
		is_number(folder_open(&f, path), 0, "the folder opens");
		is_number(folder_plan(f, plan, MEMBERS, &culprit), -EEXIST,
			  "a file named %s is not replaced", names[i]);
		is_number(culprit, i, "and it is the culprit");
		folder_free(f);
		is_number(entries(path), before, "nothing was written");
		ok(holds(path, names[i], "mine"), "the file is as it was");
	}
}

static void test_taken_late(void)
{
	const char *path = fresh("late");
	struct folder *f = NULL;
	uint32_t culprit = 99;
	start(&f, path, MEMBERS);
	for (int i = 0; i < MEMBERS; i++)
		write_one(f);
	put(path, "g", "mine");
	is_number(folder_commit(f, &culprit), -EEXIST,
		  "a file that appears meanwhile is not replaced either");
	is_number(culprit, 4, "it is the culprit");
	folder_free(f);
	ok(holds(path, "g", "mine"), "it stays as it is");
	is_number(entries(path), 1, "and all members that had their names already are taken back");
}

static void test_nothing_left(void)
{
	for (int written = 0; written <= MEMBERS; written++) {
		char name[16];
		struct folder *f = NULL;
		snprintf(name, sizeof(name), "left%d", written);
		const char *path = fresh(name);
		put(path, "other", "mine");
		start(&f, path, MEMBERS);
		for (int i = 0; i < written; i++)
			write_one(f);
		if (written < MEMBERS && folder_begin(f) == 0)
			folder_write(f, "half", 4);
		folder_free(f);
		is_number(entries(path), 1, "a failure in member %d leaves nothing of this run",
			  written);
		ok(holds(path, "other", "mine"), "and what was there before");
	}
	struct folder *f = NULL;
	start(&f, test_path("undone"), 1);
	write_one(f);
	folder_free(f);
	is_number(access(test_path("undone"), F_OK), -1,
		  "a folder that this run made goes with it");
}

static void test_links(void)
{
	const char *path = fresh("links");
	const char *goal = fresh("goal");
	struct folder *f = NULL;
	uint32_t culprit = 99;
	if (symlink(goal, test_path("links/b")) < 0)
		abort();
	folder_open(&f, path);
	int result = folder_plan(f, plan, MEMBERS, &culprit);
	ok(result == -ENOTDIR || result == -ELOOP,
	   "a symbolic link in a folder's place is refused");
	is_number(culprit, 1, "and the first member behind it is the culprit");
	folder_free(f);
	is_number(entries(goal), 0, "nothing was written through it");

	path = fresh("links2");
	if (symlink(test_path("goal/file"), test_path("links2/a")) < 0)
		abort();
	folder_open(&f, path);
	is_number(folder_plan(f, plan, MEMBERS, &culprit), -EEXIST,
		  "a dangling link in a file's place is taken");
	folder_free(f);
	is_number(entries(goal), 0, "nothing was written through it");
}

static void test_link_late(void)
{
	const char *path = fresh("links3");
	const char *goal = fresh("goal3");
	struct folder *f = NULL;
	uint32_t culprit = 99;
	start(&f, path, MEMBERS);
	for (int i = 0; i < MEMBERS; i++)
		write_one(f);
	if (symlink(goal, test_path("links3/b")) < 0)
		abort();
	int result = folder_commit(f, &culprit);
	ok(result == -ENOTDIR || result == -ELOOP, "a link that appears meanwhile is refused too");
	folder_free(f);
	is_number(entries(goal), 0, "nothing went through it");
	is_number(entries(path), 1, "and nothing but the link is left");
}

static void test_names(void)
{
	static const char *const bad[] = {"..", "../x", "a/../../x", "/etc/x", "a//b",
					  "a/", "",     ".",         "a/.",    "x\ny"};
	const char *path = fresh("names");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct folder *f = NULL;
		uint32_t culprit = 99;
		char name[32];
		snprintf(name, sizeof(name), "%s", bad[i]);
		struct member member = {.name = name};
		const struct member *one = &member;
		folder_open(&f, path);
		is_number(folder_plan(f, &one, 1, &culprit), VERDICT_BAD_NAME,
			  "name %zu is refused", i);
		folder_free(f);
		is_number(entries(path), 0, "and nothing is written");
	}
}

static void test_environment(void)
{
	struct folder *f = NULL;
	is_number(folder_open(&f, test_path("no/such")), -ENOENT,
		  "a folder whose parent is not there is refused");
	put(test_dir(), "plain", "x");
	is_number(folder_open(&f, test_path("plain")), -ENOTDIR, "a file is no folder");
	ok(f == NULL, "and the output is untouched");
}

static void test_many(void)
{
	enum { MANY = 3000 };
	static struct member many[MANY];
	static char many_names[MANY][24];
	static const struct member *list[MANY];
	struct folder *f = NULL;
	uint32_t culprit;
	for (int i = 0; i < MANY; i++) {
		snprintf(many_names[i], sizeof(many_names[i]), "%02d/%02d/%06d", i / 300,
			 i / 30 % 10, i);
		many[i] = (struct member){.name = many_names[i], .size = 3};
		list[i] = &many[i];
	}
	folder_open(&f, test_path("many"));
	is_number(folder_plan(f, list, MANY, &culprit), 0,
		  "three thousand members in a hundred folders are planned");
	int result = 0;
	for (int i = 0; result == 0 && i < MANY; i++)
		result = write_one(f);
	is_number(result, 0, "written");
	is_number(folder_commit(f, &culprit), 0, "and committed");
	folder_free(f);
	is_number(entries(test_path("many")), MANY + 110, "they are all there");
}

int main(void)
{
	if (suite_start() != 0)
		return 1;
	make_members();
	test_whole();
	test_merge();
	test_empty();
	test_never_replaces();
	test_taken_late();
	test_nothing_left();
	test_links();
	test_link_late();
	test_names();
	test_environment();
	test_many();
	return done_testing();
}
