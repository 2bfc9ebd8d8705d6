#include "common/trusted.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

enum { SOMEBODY = 65534 };

static void put(const char *name, mode_t mode)
{
	if (io_create_path(test_path(name), "content", 7, 0600) != 0 || chmod(test_path(name), mode) < 0)
		note("cannot write %s", name);
}

static void put_dir(const char *name, mode_t mode)
{
	if (mkdir(test_path(name), 0700) < 0 || chmod(test_path(name), mode) < 0)
		note("cannot make %s", name);
}

/* What all ways of asking say, which must be the same. */
static int judged_at(const char *path, mode_t forbidden)
{
	uint8_t *data = NULL;
	size_t len = 0;
	int result = trusted_read(path, forbidden, 100, &data, &len);
	if (result == 0)
		ok(len == 7 && memcmp(data, "content", 8) == 0, "it is read whole");
	else
		ok(data == NULL && len == 0, "what is refused gives nothing out");
	trusted_free(data, len);
	is_number(trusted_check(path, forbidden), result, "who only asks hears the same");
	return result;
}

static void test_is_loose(void)
{
	ok(trusted_is_loose(VERDICT_LOOSE_PERMISSIONS) && trusted_is_loose(VERDICT_LOOSE_DIRECTORY), "loose is loose");
	ok(!trusted_is_loose(0) && !trusted_is_loose(-ENOENT) && !trusted_is_loose(VERDICT_NOT_REGULAR), "and nothing else");
}

static int judged(const char *name, mode_t forbidden)
{
	return judged_at(test_path(name), forbidden);
}

static void test_modes(void)
{
	static const struct {
		mode_t mode;
		int as_secret;
		int as_configuration;
	} rows[] = {
		{0400, 0, 0},
		{0600, 0, 0},
		{0700, 0, 0},
		{0640, VERDICT_LOOSE_PERMISSIONS, 0},
		{0604, VERDICT_LOOSE_PERMISSIONS, 0},
		{0610, VERDICT_LOOSE_PERMISSIONS, 0},
		{0644, VERDICT_LOOSE_PERMISSIONS, 0},
		{0620, VERDICT_LOOSE_PERMISSIONS, VERDICT_LOOSE_PERMISSIONS},
		{0602, VERDICT_LOOSE_PERMISSIONS, VERDICT_LOOSE_PERMISSIONS},
		{0664, VERDICT_LOOSE_PERMISSIONS, VERDICT_LOOSE_PERMISSIONS},
		{0666, VERDICT_LOOSE_PERMISSIONS, VERDICT_LOOSE_PERMISSIONS},
	};
	put("file", 0600);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		chmod(test_path("file"), rows[i].mode);
		is_number(judged("file", 077), rows[i].as_secret, "mode %04o, of a secret", (unsigned)rows[i].mode);
		is_number(judged("file", 022), rows[i].as_configuration, "mode %04o, of a configuration",
			  (unsigned)rows[i].mode);
	}
	chmod(test_path("file"), 0600);
}

static void test_kinds(void)
{
	uint8_t *data = NULL;
	size_t len = 0;
	is_number(judged("none", 022), -ENOENT, "what is not there is told");
	is_number(judged("file/below", 022), -ENOTDIR, "and what is below a file");
	is_number(judged_at("", 022), -ENOENT, "no name is no file");
	is_number(judged_at("/", 022), VERDICT_NOT_REGULAR, "the root is no file");
	put_dir("folder", 0700);
	is_number(judged("folder", 022), VERDICT_NOT_REGULAR, "nor is a folder");
	is_number(judged("folder/", 022), VERDICT_NOT_REGULAR, "also when it ends so");
	is_number(judged("folder/../file", 077), 0, "a way back up is gone");
	is_number(judged(".//./file", 077), 0, "and one with steps on the spot");
	if (mkfifo(test_path("fifo"), 0600) < 0)
		note("no FIFO");
	is_number(judged("fifo", 022), VERDICT_NOT_REGULAR, "a FIFO is no file, and nobody waits for its other end");
	is_number(trusted_read(test_path("file"), 022, 6, &data, &len), -EFBIG, "one that is too large is not read");
	char name[NAME_MAX + 2];
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	is_number(judged(name, 022), -ENAMETOOLONG, "a name has 255 bytes");
	static char path[PATH_MAX + 2];
	memset(path, '/', sizeof(path) - 1);
	is_number(judged_at(path, 022), -ENAMETOOLONG, "and a path fewer than 4096");
}

static void test_directories(void)
{
	put_dir("above", 0755);
	put_dir("above/below", 0755);
	put("above/below/file", 0600);
	for (int i = 0; i < 2; i++) {
		const char *dir = i == 0 ? "above/below" : "above";
		is_number(judged("above/below/file", 077), 0, "twin: what root or its user alone can change");
		chmod(test_path(dir), 0775);
		is_number(judged("above/below/file", 022), VERDICT_LOOSE_DIRECTORY, "a group may write %s", dir);
		chmod(test_path(dir), 0757);
		is_number(judged("above/below/file", 022), VERDICT_LOOSE_DIRECTORY, "anybody may write %s", dir);
		chmod(test_path(dir), 01777);
		is_number(judged("above/below/file", 077), 0, "and take away what is theirs alone");
		chmod(test_path(dir), 0755);
	}
	chmod(test_path("above"), 0500);
	is_number(judged("above/below/file", 077), 0, "a directory of a credential, 0500, is fine");
	chmod(test_path("above"), 0755);
}

/* In a directory that others may write, and a tight one. */
static void test_second_names(void)
{
	put_dir("sticky", 01777);
	put("sticky/one", 0600);
	put("tight", 0600);
	is_number(link(test_path("tight"), test_path("tight-2")), 0, "a file has a second name");
	is_number(judged("tight-2", 077), 0, "where nobody else makes names that is fine");
	is_number(link(test_path("tight"), test_path("sticky/two")), 0, "and another one where others may");
	is_number(judged("sticky/two", 077), VERDICT_LOOSE_DIRECTORY, "who made that name is not known");
	is_number(judged("tight", 077), 0, "the first one counts as before");
	is_number(judged("sticky/one", 077), 0, "twin: a file with one name");
	chmod(test_path("tight"), 0640);
	is_number(judged("tight-2", 077), VERDICT_LOOSE_PERMISSIONS, "the mode is of all names");
	chmod(test_path("tight"), 0600);
}

static void make_link(const char *target, const char *name)
{
	if (symlink(target, test_path(name)) < 0)
		note("cannot link %s", name);
}

static void test_links(void)
{
	put_dir("open", 0777);
	put("open/file", 0600);
	make_link("file", "link");
	make_link(test_path("link"), "link-2");
	make_link("above", "link-above");
	make_link("open/file", "link-open");
	make_link("link-round", "link-round");
	make_link("nowhere", "link-none");
	is_number(judged("link", 077), 0, "a link to a file counts as that file");
	is_number(judged("link-2", 077), 0, "one that is absolute, to another one, too");
	is_number(judged("link-above/below/file", 077), 0, "and one to a directory on the way");
	is_number(judged("link-above/../file", 077), 0, "behind which the way up is that of the kernel");
	is_number(judged("link-open", 077), VERDICT_LOOSE_DIRECTORY, "where it leads is judged");
	make_link("../file", "open/link");
	is_number(judged("open/link", 077), VERDICT_LOOSE_DIRECTORY, "and where it lies");
	is_number(judged("link-round", 077), -ELOOP, "one that leads nowhere but to itself ends");
	is_number(judged("link-none", 077), -ENOENT, "one that leads nowhere is told");
	chmod(test_path("file"), 0644);
	is_number(judged("link-2", 077), VERDICT_LOOSE_PERMISSIONS, "a link makes no file tighter");
	chmod(test_path("file"), 0600);
}

static void test_relative(void)
{
	int back = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	is_number(chdir(test_path("above/below")), 0, "in a directory");
	is_number(judged_at("file", 077), 0, "a name without a slash counts");
	is_number(judged_at("../../file", 077), 0, "and one that leads up");
	chmod(test_path("above"), 0777);
	is_number(judged_at("file", 077), VERDICT_LOOSE_DIRECTORY, "what lies above the current directory is judged, too");
	chmod(test_path("above"), 0755);
	is_number(fchdir(back), 0, "back");
	io_close(back);
}

static void test_owners(void)
{
	if (geteuid() != 0) {
		skip("files of others", "it needs root to make them");
		return;
	}
	static const char *const names[] = {"file", "above/below", "above"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *path = i == 0 ? "file" : "above/below/file";
		int verdict = i == 0 ? VERDICT_LOOSE_PERMISSIONS : VERDICT_LOOSE_DIRECTORY;
		if (chown(test_path(names[i]), SOMEBODY, SOMEBODY) < 0)
			note("cannot give %s away", names[i]);
		is_number(judged(path, 022), verdict, "somebody else owns %s", names[i]);
		if (chown(test_path(names[i]), 0, 0) < 0)
			note("cannot take %s back", names[i]);
		is_number(judged(path, 022), 0, "twin: root owns it");
	}
	make_link(test_path("file"), "sticky/link");
	is_number(judged("sticky/link", 077), 0, "a link of ours among what others have made");
	if (lchown(test_path("sticky/link"), SOMEBODY, SOMEBODY) < 0)
		note("cannot give a link away");
	is_number(judged("sticky/link", 077), VERDICT_LOOSE_DIRECTORY, "one of somebody else leads where they want");
	/* as a daemon, which is not root */
	chmod(test_path("file"), 0644);
	if (chmod(test_dir(), 0711) < 0 || chown(test_path("tight"), SOMEBODY, SOMEBODY) < 0 || seteuid(SOMEBODY) < 0)
		note("cannot be somebody else");
	is_number(judged("file", 022), 0, "what root owns counts for everybody");
	is_number(judged("tight", 077), 0, "and what oneself owns, below root's directories");
	if (seteuid(0) < 0 || chown(test_path("tight"), SOMEBODY - 1, 0) < 0 || chmod(test_path("tight"), 0644) < 0 ||
	    seteuid(SOMEBODY) < 0)
		note("cannot be somebody else");
	is_number(judged("tight", 022), VERDICT_LOOSE_PERMISSIONS, "what a third one owns does not");
	if (seteuid(0) < 0)
		abort();
}

static int opened(int dir_fd, const char *name)
{
	int fd = -1;
	int result = trusted_open_dir(&fd, dir_fd, name);
	ok((result == 0) == (fd >= 0), "a directory is given out when it is good, and else not");
	io_close(fd);
	return result;
}

static void test_open_dir(void)
{
	int top = io_open_dir(AT_FDCWD, test_dir());
	is_number(opened(AT_FDCWD, test_path("above/below")), 0, "a tight directory is opened");
	is_number(opened(AT_FDCWD, test_path("above/below/")), 0, "also when its name ends with a slash");
	is_number(opened(AT_FDCWD, test_path("link-above")), 0, "and behind a link");
	is_number(opened(top, "above"), 0, "and from another one");
	is_number(opened(AT_FDCWD, test_path("open")), VERDICT_LOOSE_DIRECTORY, "one that others may write is not");
	is_number(opened(top, "open"), VERDICT_LOOSE_DIRECTORY, "from another one neither");
	is_number(opened(top, "sticky"), VERDICT_LOOSE_DIRECTORY, "nor a sticky one, where others put files");
	is_number(opened(AT_FDCWD, test_path("file")), -ENOTDIR, "a file is none");
	is_number(opened(top, "none"), -ENOENT, "what is not there is told");
	chmod(test_path("above"), 0777);
	is_number(opened(AT_FDCWD, test_path("above/below")), VERDICT_LOOSE_DIRECTORY, "nor one below such a one");
	chmod(test_path("above"), 0755);
	io_close(top);
}

int main(void)
{
	test_is_loose();
	test_modes();
	test_kinds();
	test_directories();
	test_second_names();
	test_links();
	test_relative();
	test_owners();
	test_open_dir();
	return done_testing();
}
