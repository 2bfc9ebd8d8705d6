/*
 * partial: what has arrived of one bundle, in memory and on disk.  VAULT.md 2.
 *
 * A symbol is noted in the arrival map once it has been written.  The map in use lies in a file of
 * the runtime directory (a tmpfs), so that it outlives the process and nothing is lost when keep is
 * killed; it dies with the machine, as do written symbols that were not synchronised.  About once a second
 * it is stored beside the object, after object and repair rows have been synchronised: the stored
 * one never claims a symbol that is not durable.
 *
 * One thread works with a partial.  partial_store and what takes a site and an id alone may run in
 * any thread.
 */
#ifndef WEIR_PARTIAL_H
#define WEIR_PARTIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arrivals.h"
#include "common/datagram.h"
#include "common/geometry.h"
#include "mapfile.h"

struct partial;

/* Where partial bundles live. */
struct partial_site {
	int dir_fd;                  /* vault/partial */
	int maps_fd;                 /* runtime/maps */
	uint8_t boot[BOOT_ID_BYTES]; /* of this life of the machine */
};

/* Fills boot from the kernel.  0 or -errno. */
int partial_site_boot(struct partial_site *site);

/*
 * Bytes of memory (maps and counts) that a bundle of this geometry takes while it is received: at most, for a block
 * takes it only while it is under way.
 */
uint64_t partial_memory(const struct geometry *g);
/* Bytes of disk that are reserved: object, and the repair rows of a pass. */
uint64_t partial_disk(const struct geometry *g);

/*
 * Makes the files of a bundle of which nothing has arrived, with all the space they will need:
 * -ENOSPC comes now or never.  Remains of an older attempt are removed.
 */
int partial_create(struct partial **out, const struct partial_site *site,
		   const struct bundle_id *id, const struct geometry *g);
/*
 * Takes up what is on disk.  -ENOENT: there is nothing, or nothing that can be used; then it has
 * been removed.
 */
int partial_load(struct partial **out, const struct partial_site *site, const struct bundle_id *id,
		 const struct geometry *g);
/* Frees the memory; the files stay.  NULL is fine. */
void partial_close(struct partial *partial);
/* Removes the files, whoever had them open.  Content when there are none. */
int partial_remove(const struct partial_site *site, const struct bundle_id *id);
/* The directory of one bundle: the descriptor or -errno. */
int partial_open_dir(const struct partial_site *site, const struct bundle_id *id);

/* Names in that directory. */
#define PARTIAL_OBJECT "object"
#define PARTIAL_REPAIR "repair"
#define PARTIAL_MAP MAPFILE_STORED

const struct geometry *partial_geometry(const struct partial *partial);

/* Which symbols are here; notes made there are kept by the files of the partial. */
struct arrivals *partial_arrivals(struct partial *partial);
/*
 * Where the bytes of a span belong: offset in the object, or (*is_repair) among the repair rows.  Those of a
 * pass have their space; what a further one needs may not be there (-ENOSPC), and then it has not come.
 */
uint64_t partial_offset(const struct partial *partial, const struct span *span, bool *is_repair);
/* Opens one of the two files for writing, with further flags of open(2): the descriptor, the caller's, or -errno. */
int partial_open_file(const struct partial *partial, bool is_repair, int flags);
/* Opens both, or closes them; opening when open is fine. */
int partial_open_files(struct partial *partial);
void partial_close_files(struct partial *partial);
bool partial_has_open_files(const struct partial *partial);
int partial_fd(const struct partial *partial, bool is_repair);

/* To be told when something has been noted; whether that was so since storing began last. */
void partial_set_changed(struct partial *partial);
bool partial_has_changed(const struct partial *partial);
/* Begins to store the map, one at a time; until partial_end_store the partial stays open.  NULL: out of memory. */
struct mapfile_copy *partial_begin_store(struct partial *partial);
/*
 * Writes the map as it is now, synchronises object and repair rows, then puts it into its place, durably.  -ENOENT: the
 * bundle is gone.  Any other error is final: what is on disk can no longer be trusted.
 */
int partial_store(const struct partial_site *site, const struct bundle_id *id, struct mapfile_copy *copy);
/* Frees the copy, whether it was stored or not. */
void partial_end_store(struct partial *partial, struct mapfile_copy *copy);

#endif
