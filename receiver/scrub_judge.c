/* What scrub.h does in another thread. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/io.h"
#include "common/tree.h"
#include "common/verdict.h"
#include "edges.h"
#include "scrubparts.h"

enum { PIECE_SEGMENTS = 64, PIECE_BYTES = PIECE_SEGMENTS * SEGMENT_BYTES };

/* Arrivals, and who opens a bundle, come first. */
static void pause_after(size_t bytes)
{
	const struct timespec pause = {.tv_nsec = (long)(bytes * UINT64_C(1000000000) / SCRUB_BYTES_PER_S)};
	nanosleep(&pause, NULL);
}

/* From the disk, and not from what the kernel holds of it; nor does it keep what is read here alone. */
static void forget(int fd, uint64_t at, size_t len)
{
	(void)posix_fadvise(fd, (off_t)at, (off_t)len, POSIX_FADV_DONTNEED);
}

static int read_body(int fd, uint64_t segments, uint8_t root[static SUITE_DIGEST_BYTES], const atomic_bool *stop)
{
	struct tree tree;
	uint8_t leaf[PIECE_SEGMENTS][SUITE_DIGEST_BYTES];
	uint8_t *piece = malloc(PIECE_BYTES);
	int result = piece == NULL ? -ENOMEM : 0;
	tree_start(&tree);
	for (uint64_t i = 0; result == 0 && i < segments; i += PIECE_SEGMENTS) {
		uint64_t left = segments - i, at = (i + 1) * SEGMENT_BYTES;
		size_t count = left < PIECE_SEGMENTS ? (size_t)left : PIECE_SEGMENTS;
		result = io_pread_exact(fd, piece, count * SEGMENT_BYTES, at);
		if (result == 0) {
			tree_leaves(leaf, piece, count);
			tree_add_all(&tree, leaf, count);
		}
		forget(fd, at, count * SEGMENT_BYTES);
		pause_after(count * SEGMENT_BYTES);
		if (stop != NULL && atomic_load(stop))
			result = -ECANCELED;
	}
	free(piece);
	if (result == 0)
		tree_root(&tree, root);
	return result;
}

static int read_bundle(int fd, const struct annal *annal, const atomic_bool *stop)
{
	uint8_t segment[SEGMENT_BYTES], edges[EDGES_BYTES], root[SUITE_DIGEST_BYTES];
	struct release release = {.number = 0};
	forget(fd, 0, 0);
	int result = io_pread_exact(fd, segment, sizeof(segment), 0);
	if (result == 0)
		result = release_segment_decode(&release, NULL, segment);
	if (result == 0)
		result = edges_of_file(edges, fd, bundle_object_len(&release.statement));
	if (result == 0 && memcmp(edges, annal->edges, EDGES_BYTES) != 0)
		result = VERDICT_DAMAGED;
	if (result == 0)
		result = read_body(fd, release.statement.segments, root, stop);
	if (result == 0 && memcmp(root, release.statement.root, SUITE_DIGEST_BYTES) != 0)
		result = VERDICT_DAMAGED;
	/* cut off, of another form, or a sector that the disk cannot give any more */
	return result > 0 || result == -EIO ? VERDICT_DAMAGED : result;
}

static void path_of(char out[static ANNAL_PATH_BYTES + 16], const struct annal *annal)
{
	char path[ANNAL_PATH_BYTES];
	annal_path(path, annal);
	snprintf(out, ANNAL_PATH_BYTES + 16, "bundles/%s", path);
}

int scrub_judge(int vault_fd, const struct annal *annal, const atomic_bool *stop)
{
	char path[ANNAL_PATH_BYTES + 16];
	path_of(path, annal);
	int fd = openat(vault_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return errno == ELOOP ? VERDICT_DAMAGED : -errno;
	int result = read_bundle(fd, annal, stop);
	io_close(fd);
	return result;
}

int scrub_set_aside(int vault_fd, const struct annal *annal)
{
	char folder[32], from[ANNAL_PATH_BYTES], to[ANNAL_PATH_BYTES];
	snprintf(folder, sizeof(folder), "bundles/%016" PRIx64, annal->id.epoch);
	annal_path(from, annal);
	annal_damaged_name(to, annal);
	/* without that folder nothing can be set aside, however gone the bundle is */
	int to_dir = io_open_dir(vault_fd, SCRUB_FOLDER);
	if (to_dir < 0)
		return to_dir;
	int from_dir = io_open_dir(vault_fd, folder);
	int result = from_dir < 0 ? from_dir : io_rename_durable(from_dir, strchr(from, '/') + 1, to_dir, to);
	io_close(from_dir);
	io_close(to_dir);
	return result == -ENOENT ? 0 : result;
}
