/*
 * siteplan: files that are to be written, which are first shown.
 *
 * What is there already and has another content is kept beside the new one as NAME.old, in the place of an older NAME.old.
 */
#ifndef WEIR_SITEPLAN_H
#define WEIR_SITEPLAN_H

#include <stddef.h>
#include <sys/types.h>

enum { SITEPLAN_FILES_MAX = 16, SITEPLAN_PATH_BYTES = 512, SITEPLAN_FILE_MAX = 65536 };

enum siteplan_state { SITEPLAN_NEW, SITEPLAN_SAME, SITEPLAN_CHANGED };

struct siteplan_file {
	char path[SITEPLAN_PATH_BYTES]; /* below root */
	mode_t mode;
	char *text; /* malloc */
	size_t len;
	char *old; /* malloc; what is there, NULL when nothing is */
	size_t old_len;
	enum siteplan_state state;
};

struct siteplan {
	const char *root; /* "" or a directory; borrowed */
	struct siteplan_file files[SITEPLAN_FILES_MAX];
	size_t count;
};

/*
 * Adds a file at this absolute path, and looks at what is there.  Takes text (malloc) over, also when it fails: -ENOMEM for a
 * NULL text, -ENAMETOOLONG, -errno of reading, VERDICT_NOT_REGULAR.
 */
int siteplan_add(struct siteplan *plan, const char *path, mode_t mode, char *text);

/* How many would be written. */
size_t siteplan_count(const struct siteplan *plan);

/*
 * Onto stdout: of each file its path and state; of a new one its lines but comments and empty ones, of another one those
 * that go (-) and come (+).
 */
void siteplan_show(const struct siteplan *plan);

/* Writes those that are new or changed, with the directories they lie in (0755).  0 or -errno with the file's index in *at. */
int siteplan_write(const struct siteplan *plan, size_t *at);
void siteplan_free(struct siteplan *plan);

#endif
