#include "sender/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/io.h"
#include "common/manifest.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

static char where[SOURCE_WHERE_BYTES];

static void put(const char *name, const char *content)
{
	int fd = open(test_path(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || io_write(fd, content, strlen(content)) != 0)
		abort();
	close(fd);
}

static void folder(const char *name)
{
	if (mkdir(test_path(name), 0700) < 0)
		abort();
}

static struct source *fresh(void)
{
	struct source *source;
	if (source_new(&source) != 0)
		abort();
	return source;
}

/* Its members' names, one after another. */
static const char *names_of(const struct source *source)
{
	static char names[4096];
	size_t at = 0;
	names[0] = 0;
	for (size_t i = 0; i < source_count(source); i++)
		at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%s", i > 0 ? " " : "",
				       source_name(source, i));
	return names;
}

static void directories_are_walked(void)
{
	folder("tree");
	folder("tree/b");
	folder("tree/b/c");
	folder("tree/empty");
	put("tree/b.txt", "12");
	put("tree/b/z", "345");
	put("tree/b/c/deep", "6789");
	put("tree/a", "");
	put("tree/.hidden", "x");
	struct source *source = fresh();
	is_number(source_add(source, test_path("tree"), where), 0, "a directory is taken");
	is_number(source_sort(source, where), 0, "and sorted");
	is_text(names_of(source), "tree/.hidden tree/a tree/b/c/deep tree/b/z tree/b.txt",
		"with all files below it, under its own name, '/' lowest");
	is_number((int64_t)source_bytes(source), 10, "their bytes are counted");
	char bytes[8] = {0};
	struct source_file file;
	is_number(source_open(source, 2, &file), 0, "a member deep inside opens");
	is_number(io_read(file.fd, bytes, sizeof(bytes)), 4, "and reads");
	is_text(bytes, "6789", "as what was written");
	is_number(source_close(&file, 4), 0, "and closes as it was");
	source_free(source);

	source = fresh();
	if (chdir(test_path("tree/b")) < 0)
		abort();
	is_number(source_add(source, ".", where), 0, "'.' is taken");
	is_number(source_sort(source, where), 0, "and sorted");
	is_text(names_of(source), "b/c/deep b/z", "under the name it really has");
	source_free(source);
	source = fresh();
	is_number(source_add(source, test_path("tree/empty"), where), 0, "an empty directory is taken");
	ok(source_count(source) == 0 && source_sort(source, where) == 0, "and has no members");
	source_free(source);
	source = fresh();
	is_number(source_add(source, "/", where), VERDICT_BAD_NAME, "the root has no name to go under");
	source_free(source);
}

static void files_are_taken(void)
{
	struct source *source = fresh();
	is_number(source_add(source, test_path("tree/b.txt"), where), 0, "a file is taken");
	is_number(source_add(source, test_path("tree/a"), where), 0, "and another");
	is_number(source_sort(source, where), 0, "and both sorted");
	is_text(names_of(source), "a b.txt", "under the last component of their paths");
	struct source_file file;
	if (source_open(source, 1, &file) != 0)
		abort();
	ok(file.before.st_size == 2, "each is looked at before it is read");
	is_number(source_close(&file, 2), 0, "and after");
	source_free(source);

	source = fresh();
	folder("other");
	put("other/a", "");
	source_add(source, test_path("tree/a"), where);
	source_add(source, test_path("other/a"), where);
	is_number(source_sort(source, where), VERDICT_BAD_ORDER, "two members of one name are refused");
	is_text(where, "a", "and named");
	source_free(source);

	source = fresh();
	put("other/tree", "");
	source_add(source, test_path("tree"), where);
	source_add(source, test_path("other/tree"), where);
	is_number(source_sort(source, where), VERDICT_BAD_ORDER,
		  "a file that has the name of a folder is refused");
	source_free(source);
}

static void refused(const char *path, int verdict, const char *what)
{
	struct source *source = fresh();
	is_number(source_add(source, test_path(path), where), verdict, "%s is refused", what);
	ok(strstr(where, path) != NULL, "and named");
	source_free(source);
}

static void only_regular_files(void)
{
	if (symlink("tree/a", test_path("link")) < 0 || symlink("tree", test_path("dirlink")) < 0 ||
	    mkfifo(test_path("fifo"), 0600) < 0)
		abort();
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", test_path("socket"));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		abort();
	close(fd);
	refused("link", VERDICT_NOT_REGULAR, "a link");
	refused("dirlink", VERDICT_NOT_REGULAR, "a link to a directory");
	refused("fifo", VERDICT_NOT_REGULAR, "a FIFO");
	refused("socket", VERDICT_NOT_REGULAR, "a socket");
	refused("missing", -ENOENT, "a file that is not there");
	struct source *source = fresh();
	is_number(source_add(source, "/dev/null", where), VERDICT_NOT_REGULAR, "a device is refused");
	source_free(source);

	folder("mixed");
	if (symlink("/etc/passwd", test_path("mixed/link")) < 0)
		abort();
	refused("mixed", VERDICT_NOT_REGULAR, "a directory with a link in it");
	ok(strstr(where, "mixed/link") != NULL, "by the link's name");
	unlink(test_path("mixed/link"));
	put("mixed/a\nb", "");
	refused("mixed", VERDICT_BAD_NAME, "a name with a control byte");
}

static void change_is_seen(void)
{
	struct source_file file;
	struct source *source = fresh();
	put("changing", "12345");
	if (source_add(source, test_path("changing"), where) != 0)
		abort();
	if (source_open(source, 0, &file) != 0)
		abort();
	is_number(source_close(&file, 4), VERDICT_CHANGED_WHILE_READ, "fewer bytes than its size are seen");
	if (source_open(source, 0, &file) != 0)
		abort();
	int fd = open(test_path("changing"), O_WRONLY | O_APPEND);
	if (fd < 0 || io_write(fd, "6", 1) != 0)
		abort();
	close(fd);
	is_number(source_close(&file, 5), VERDICT_CHANGED_WHILE_READ, "growth is seen");
	if (source_open(source, 0, &file) != 0)
		abort();
	struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
	utimensat(AT_FDCWD, test_path("changing"), times, 0);
	is_number(source_close(&file, 6), VERDICT_CHANGED_WHILE_READ, "another modification time is seen");
	if (source_open(source, 0, &file) != 0)
		abort();
	file.before.st_ctim.tv_nsec ^= 1;
	is_number(source_close(&file, 6), VERDICT_CHANGED_WHILE_READ,
		  "another change time is seen, when somebody put the other one back");
	put("changing", "ab");
	if (source_open(source, 0, &file) != 0)
		abort();
	is_number(source_close(&file, 2), 0, "what changed before it is read is read as it is");
	unlink(test_path("changing"));
	is_number(source_open(source, 0, &file), -ENOENT, "a file that has gone is said");
	if (symlink("/etc/passwd", test_path("changing")) < 0)
		abort();
	is_number(source_open(source, 0, &file), VERDICT_NOT_REGULAR, "a link in its place is refused");
	source_free(source);

	source = fresh();
	folder("moving");
	folder("moving/in");
	put("moving/in/file", "x");
	if (source_add(source, test_path("moving"), where) != 0)
		abort();
	if (rename(test_path("moving/in"), test_path("moving/out")) < 0 ||
	    symlink("out", test_path("moving/in")) < 0)
		abort();
	is_number(source_open(source, 0, &file), VERDICT_NOT_REGULAR,
		  "a link in the place of a folder on the way is not followed");
	source_free(source);
	source_free(NULL);
}

/* Names of random depth: the order is that of member_name_compare. */
static void order_is_the_manifests(uint64_t seed)
{
	folder("order");
	static const char *const parts[] = {"a", "b", "a.b", "a-", "a0", "ab", "a!"};
	for (int i = 0; i < 60; i++) {
		char name[128] = "order";
		for (size_t depth = test_random(&seed) % 3; depth > 0; depth--) {
			strcat(name, "/d");
			strcat(name, parts[test_random(&seed) % 7]);
			mkdir(test_path(name), 0700);
		}
		strcat(name, "/");
		strcat(name, parts[test_random(&seed) % 7]);
		put(name, "");
	}
	struct source *source = fresh();
	if (source_add(source, test_path("order"), where) != 0 || source_sort(source, where) != 0)
		abort();
	bool rises = true;
	for (size_t i = 1; i < source_count(source); i++)
		rises = rises && member_name_compare(source_name(source, i - 1),
						     source_name(source, i)) < 0;
	ok(rises, "%zu names stand in the order that the manifest demands", source_count(source));
	source_free(source);
}

int main(void)
{
	directories_are_walked();
	files_are_taken();
	only_regular_files();
	change_is_seen();
	order_is_the_manifests(test_seed());
	return done_testing();
}
