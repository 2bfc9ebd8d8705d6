/*
 * mapfile: the arrival map of one bundle in its two files: the one in use, which lies in the runtime directory and is
 * shared with this process, and the stored one beside the object.  VAULT.md 2.
 *
 * Of the one in use only the blocks that are under way take memory, on the tmpfs as in the process.  It is stored
 * piece by piece, straight from there: no second copy of it is ever held.
 *
 * One thread works with it, but mapfile_write and mapfile_commit may run in any.
 */
#ifndef WEIR_MAPFILE_H
#define WEIR_MAPFILE_H

#include <stddef.h>
#include <stdint.h>

#include "arrivals.h"
#include "common/datagram.h"
#include "common/geometry.h"

enum { BOOT_ID_BYTES = 16 };

#define MAPFILE_STORED "map"
#define MAPFILE_NEW ".map.new" /* while it is being stored */

/* Whose map, and where it lies. */
struct mapfile_place {
	struct bundle_id id;
	struct geometry g;
	const uint8_t *boot; /* BOOT_ID_BYTES: of this life of the machine */
	int maps_fd;         /* runtime/maps */
	const char *name;    /* in it */
	int dir_fd;          /* of the bundle; used by create and load only */
};

struct mapfile;

/* Bytes of memory when all blocks are under way. */
uint64_t mapfile_memory(const struct geometry *g);

/* Both files anew, nothing noted.  0 or -errno. */
int mapfile_create(struct mapfile **out, const struct mapfile_place *place);
/* Takes up the one in use, or else what is stored.  -ENOENT: there is nothing that can be used; -errno. */
int mapfile_load(struct mapfile **out, const struct mapfile_place *place);
/* The files stay.  NULL is fine. */
void mapfile_close(struct mapfile *file);

/* Valid until mapfile_close. */
struct arrivals_map mapfile_map(struct mapfile *file);

/*
 * Storing: begin, write, commit, end; between begin and end the file stays open.  What was noted after begin may or may not
 * be stored; what was noted was written before, so the data are to be synchronised between write and commit.
 */
struct mapfile_copy;
/* NULL: out of memory.  One at a time. */
struct mapfile_copy *mapfile_begin(struct mapfile *file);
/* A new file in the bundle's directory, not in its place yet; after a failure there is none. */
int mapfile_write(struct mapfile_copy *copy, int dir_fd);
/* Puts it into its place, durably. */
int mapfile_commit(struct mapfile_copy *copy, int dir_fd);
/* Instead: removes it. */
void mapfile_drop(struct mapfile_copy *copy, int dir_fd);
/* Frees the copy, whatever became of it; NULL is fine. */
void mapfile_end(struct mapfile *file, struct mapfile_copy *copy);

#endif
