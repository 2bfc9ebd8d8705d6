#include "swapless.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

enum { SWAPS_LINE_BYTES = 4352 }; /* a path and four short columns */

int swapless_folder(bool *is_memory, const char *path)
{
	struct statfs st;
	if (statfs(path, &st) < 0)
		return -errno;
	*is_memory = st.f_type == TMPFS_MAGIC || st.f_type == RAMFS_MAGIC;
	return 0;
}

int swapless_area(char *area, size_t size, const char *table)
{
	char line[SWAPS_LINE_BYTES] = "";
	FILE *file = fopen(table, "re");
	if (file == NULL)
		return -errno;
	bool is_table = fgets(line, sizeof(line), file) != NULL && strncmp(line, "Filename", 8) == 0;
	bool has_area = is_table && fgets(line, sizeof(line), file) != NULL;
	int result = ferror(file) != 0 ? -EIO : 0;
	fclose(file);
	if (result == 0 && !is_table)
		result = -EBADMSG;
	if (result != 0)
		return result;
	/* the kernel writes blanks in a name as \040 */
	snprintf(area, size, "%.*s", has_area ? (int)strcspn(line, " \t\n") : 0, line);
	return 0;
}
