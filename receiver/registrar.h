/*
 * registrar: the registry that came over the link (BUNDLE.md 9), as the file "registry" of the vault.
 *
 * It counts like the one of the configuration: signed by the roots of this box, and only upwards.  The file is
 * replaced whole; of the two the one with the higher version is used.
 */
#ifndef WEIR_RECEIVER_REGISTRAR_H
#define WEIR_RECEIVER_REGISTRAR_H

#include <stdbool.h>

#include "common/bundle.h"
#include "common/registry.h"

#define REGISTRAR_FILE "registry"

/*
 * Judges what an open bundle carries, whose release and root have been checked: its form, and the registry in
 * it under the roots file of this path.  0 for the very text in use, and for one that is newer than that and than
 * the file.  VERDICT_OTHER_REGISTRY, by its name; VERDICT_OLDER_REGISTRY; the verdicts of open_read, roots_load and registry_parse; -errno.
 */
int registrar_judge(int vault_fd, int object_fd, const struct statement *statement, const char *roots,
		    const struct registry *in_use);

/* The same; and one that is newer is in the file durably on return, and *is_new. */
int registrar_take(bool *is_new, int vault_fd, int object_fd, const struct statement *statement,
		   const char *roots, const struct registry *in_use);

/* The one in the file.  -ENOENT when none has come yet; problem as in registry.h. */
int registrar_load(struct registry **out, int vault_fd, const struct roots *roots,
		   char problem[static PROBLEM_BYTES]);

/*
 * Puts the one in the file in the place of *registry, which is freed, when it has a higher version.  0, also
 * when there is none; otherwise why the one in the file does not count, and *registry stays.
 */
int registrar_prefer(struct registry **registry, int vault_fd, const struct roots *roots);

#endif
