/*
 * machine: what the kernel tells of the box in small files, below a root that is "" but in tests.
 */
#ifndef WEIR_MACHINE_H
#define WEIR_MACHINE_H

#include <stddef.h>
#include <stdint.h>

enum { MACHINE_PATH_BYTES = 2048 };

/*
 * The text of a file, cut off at size, without the line feed at its end; root and then the path.  Its length, or -errno,
 * and out is "".
 */
long machine_read(char *out, size_t size, const char *root, const char *path_format, ...)
	__attribute__((format(printf, 4, 5)));
/* A whole decimal number, and nothing else.  0; -EBADMSG when it is none, or another -errno, and out is untouched. */
int machine_number(uint64_t *out, const char *root, const char *path_format, ...) __attribute__((format(printf, 3, 4)));
/* Path of a kernel setting by its name, as sysctl(8) has it: "net.ipv4.conf.eth0/5.rp_filter".  Returns out. */
char *machine_setting(char out[static MACHINE_PATH_BYTES], const char *name);

/* One name each of a directory, in the order of the numbers and letters in them.  0 or -errno. */
typedef void machine_visit(void *context, const char *name);
int machine_each(const char *root, const char *path, machine_visit *visit, void *context);

#endif
