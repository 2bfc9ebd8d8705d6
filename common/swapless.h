/*
 * swapless: whether what lies in memory can reach a disk.
 */
#ifndef WEIR_SWAPLESS_H
#define WEIR_SWAPLESS_H

#include <stdbool.h>
#include <stddef.h>

/* Whether the folder at path is on a tmpfs or ramfs.  0 or -errno. */
int swapless_folder(bool *is_memory, const char *path);

/*
 * The first swap area in use, as `table` (/proc/swaps) names it, "" when there is none.  Swap in
 * compressed memory counts, too: it may be written back.  0, -errno, or -EBADMSG when the table is
 * none.
 */
int swapless_area(char *area, size_t size, const char *table);

#endif
