/* The vectors of open bundles, which carry a registry: BUNDLE.md 9, as weir-keep takes them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io.h"
#include "common/text.h"
#include "common/verdict.h"
#include "receiver/registrar.h"
#include "receiver/unpack.h"
#include "tests/unit/world.h"

#define FOLDER "tests/vectors/open"
#define ROOTS "tests/vectors/roots/ok.conf"

struct bytes {
	uint8_t *data;
	size_t len;
};

static struct bytes read_all(const char *path)
{
	struct bytes b = {NULL, 0};
	world_need(io_read_file(AT_FDCWD, path, 1 << 20, &b.data, &b.len) == 0, path);
	return b;
}

static void put_bytes(struct bytes *b, size_t at, const void *data, size_t len)
{
	if (at + len > b->len) {
		b->data = realloc(b->data, at + len);
		world_need(b->data != NULL, "no memory");
		memset(b->data + b->len, 0, at + len - b->len);
		b->len = at + len;
	}
	memcpy(b->data + at, data, len);
}

/* tests/vectors/README.md, as far as these recipes go. */
static struct bytes make_vector(const char *path)
{
	char whole[300], *rest;
	struct bytes recipe = read_all(path), b = {NULL, 0};
	if (strstr(path, ".patch") == NULL)
		return recipe;
	rest = (char *)recipe.data;
	for (char *line; (line = strsep(&rest, "\n")) != NULL && *line != 0;) {
		char *value = strchr(line, ' ');
		world_need(value != NULL, path);
		*value++ = 0;
		if (strcmp(line, "base") == 0) {
			snprintf(whole, sizeof(whole), "tests/vectors/%s", value);
			b = read_all(whole);
		} else if (strcmp(line, "length") == 0) {
			b.len = strtoul(value, NULL, 10);
		} else {
			uint8_t raw[256];
			size_t len = strlen(value) / 2;
			world_need(len <= sizeof(raw) && text_unhex(raw, len, value) == 0, path);
			put_bytes(&b, strtoul(line, NULL, 10), raw, len);
		}
	}
	free(recipe.data);
	return b;
}

static int take(int vault_fd, const struct registry *in_use, int fd, bool *is_new)
{
	struct unpack *u = NULL;
	int result = unpack_open(&u, fd);
	if (result == 0)
		result = unpack_verify(u, in_use, NULL, NULL);
	if (result == 0)
		result = registrar_take(is_new, vault_fd, fd, &unpack_release(u)->statement, ROOTS, in_use);
	unpack_free(u);
	return result;
}

static void check(int vault_fd, const struct registry *in_use, const char *file)
{
	char path[300], word[300];
	bool is_new = false;
	snprintf(path, sizeof(path), FOLDER "/%s", file);
	snprintf(word, sizeof(word), "%s", file);
	char *end = strstr(word, "--");
	word[end != NULL ? (size_t)(end - word) : strcspn(word, ".")] = 0;
	struct bytes vector = make_vector(path);
	int fd = memfd_create("vector", MFD_CLOEXEC);
	world_need(fd >= 0 && io_write(fd, vector.data, vector.len) == 0, "no memory for a file");
	int result = take(vault_fd, in_use, fd, &is_new);
	is_text(result < 0 ? strerror(-result) : verdict_name(result), word, "%s", path);
	ok(is_new == (result == 0), "%s: it is put in place when it is good, and only then", file);
	ok((faccessat(vault_fd, REGISTRAR_FILE, F_OK, 0) == 0) == (result == 0), "%s: so is the file", file);
	(void)unlinkat(vault_fd, REGISTRAR_FILE, 0);
	io_close(fd);
	free(vector.data);
}

static int is_no_dot(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int main(void)
{
	struct dirent **files;
	if (suite_start() != 0)
		return EXIT_FAILURE;
	struct registry *in_use = world_registry();
	const char *vault = test_path("vault");
	world_need(mkdir(vault, 0700) == 0, "cannot make a directory");
	int vault_fd = io_open_dir(AT_FDCWD, vault);
	int count = scandir(FOLDER, &files, is_no_dot, alphasort);
	ok(count > 30, "there are vectors of open bundles");
	for (int i = 0; i < count; i++) {
		check(vault_fd, in_use, files[i]->d_name);
		free(files[i]);
	}
	if (count >= 0)
		free(files);
	io_close(vault_fd);
	registry_free(in_use);
	return done_testing();
}
