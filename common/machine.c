#include "machine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "io.h"
#include "text.h"

enum { NUMBER_BYTES = 32 };

__attribute__((format(printf, 4, 0)))
static long read_text(char *out, size_t size, const char *root, const char *format, va_list arguments)
{
	char path[MACHINE_PATH_BYTES];
	size_t at = (size_t)snprintf(path, sizeof(path), "%s", root);
	out[0] = 0;
	if (at >= sizeof(path))
		return -ENAMETOOLONG;
	int n = vsnprintf(path + at, sizeof(path) - at, format, arguments);
	if (n < 0 || (size_t)n >= sizeof(path) - at)
		return -ENAMETOOLONG;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t len = fd < 0 ? -errno : io_read(fd, out, size - 1);
	io_close(fd);
	out[len < 0 ? 0 : len] = 0;
	if (len > 0 && out[len - 1] == '\n')
		out[--len] = 0;
	return len;
}

long machine_read(char *out, size_t size, const char *root, const char *path_format, ...)
{
	va_list arguments;
	va_start(arguments, path_format);
	long len = read_text(out, size, root, path_format, arguments);
	va_end(arguments);
	return len;
}

int machine_number(uint64_t *out, const char *root, const char *path_format, ...)
{
	char text[NUMBER_BYTES];
	va_list arguments;
	va_start(arguments, path_format);
	long len = read_text(text, sizeof(text), root, path_format, arguments);
	va_end(arguments);
	if (len < 0)
		return (int)len;
	return text_parse_u64(out, text, UINT64_MAX) == 0 ? 0 : -EBADMSG;
}

char *machine_setting(char out[static MACHINE_PATH_BYTES], const char *name)
{
	size_t at = (size_t)snprintf(out, MACHINE_PATH_BYTES, "/proc/sys/");
	for (size_t i = 0; name[i] != 0 && at < MACHINE_PATH_BYTES - 1; i++)
		out[at++] = (char)(name[i] == '.' ? '/' : name[i] == '/' ? '.' : name[i]);
	out[at] = 0;
	return out;
}

static int is_shown(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int machine_each(const char *root, const char *path, machine_visit *visit, void *context)
{
	char whole[MACHINE_PATH_BYTES];
	struct dirent **list = NULL;
	if (snprintf(whole, sizeof(whole), "%s%s", root, path) >= (int)sizeof(whole))
		return -ENAMETOOLONG;
	int count = scandir(whole, &list, is_shown, versionsort);
	if (count < 0)
		return -errno;
	for (int i = 0; i < count; i++) {
		visit(context, list[i]->d_name);
		free(list[i]);
	}
	free(list);
	return 0;
}
