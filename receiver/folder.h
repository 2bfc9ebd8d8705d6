/*
 * folder: members written below a directory, in their places only when all of them are right.
 *
 * A member is written into a directory of its own kind, ".weir-open-" and 16 hex digits, inside the
 * folder, under a number.  folder_commit synchronises all of them and moves each to its name; a
 * name that is taken is never replaced.  Until folder_commit was content, folder_free takes away
 * everything that this run has made.  A process killed before folder_commit leaves the numbered
 * directory alone, which nobody takes for the members; one killed in it leaves some members, each
 * whole.
 *
 * No name leaves the folder: names are checked again, each folder on the way is opened by itself,
 * and a symbolic link in a folder's place is refused (-ENOTDIR, -ELOOP).
 */
#ifndef WEIR_FOLDER_H
#define WEIR_FOLDER_H

#include <stddef.h>
#include <stdint.h>

#include "common/manifest.h"

struct folder;

/* path, or the folder that path would be made in, must be there.  Writes nothing.  0 or -errno. */
int folder_open(struct folder **out, const char *path);

/*
 * Takes the members that will come, in this order; they stay the caller's and must outlive the
 * folder.  Refuses before anything is written: VERDICT_BAD_NAME; -EEXIST, -ENOTDIR when a name or a
 * folder's name is taken; *culprit is then the member's index in the array (count when it is none
 * of them).
 */
int folder_plan(struct folder *folder, const struct member *const *members, uint32_t count,
		uint32_t *culprit);

/* The members of the plan, one after another. */
int folder_begin(struct folder *folder);
int folder_write(struct folder *folder, const void *data, size_t len);
int folder_end(struct folder *folder); /* restores the modification time */

/* Only after every member of the plan has ended (asserted). */
int folder_commit(struct folder *folder, uint32_t *culprit);

void folder_free(struct folder *folder); /* NULL is fine */

#endif
