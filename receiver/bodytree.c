#include "bodytree.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/io.h"
#include "common/tree.h"
#include "common/work.h"

enum { PAGE_BYTES = 4096 }; /* of O_DIRECT */

/* A run of segments: read and hashed by one thread. */
struct piece {
	uint64_t first;
	size_t count;
	int result;
	uint8_t *buf;
	uint8_t leaf[BODYTREE_PIECE_SEGMENTS][SUITE_DIGEST_BYTES];
};

struct file {
	int fd, direct_fd;
	uint64_t offset;
	uint64_t segments;
	uint64_t given; /* segments whose piece has been given out, or is known */
	const struct bodytree_known *known;
};

struct bodytree_group {
	uint64_t here;                      /* a bit a piece that is known */
	uint8_t (*piece)[SUITE_DIGEST_BYTES]; /* their hashes; NULL when none is known, or all are */
	uint8_t hash[SUITE_DIGEST_BYTES];   /* when all are: of the whole group */
};
_Static_assert(BODYTREE_GROUP_PIECES == 64, "a bit of a uint64_t for each piece");

static uint64_t group_count(uint64_t pieces)
{
	return (pieces + BODYTREE_GROUP_PIECES - 1) / BODYTREE_GROUP_PIECES;
}

static bool is_folded(const struct bodytree_group *group)
{
	return group->here == UINT64_MAX;
}

uint64_t bodytree_known_memory(uint64_t segments)
{
	return group_count(segments / BODYTREE_PIECE_SEGMENTS) *
	       (sizeof(struct bodytree_group) + (uint64_t)BODYTREE_GROUP_PIECES * SUITE_DIGEST_BYTES);
}

int bodytree_known_start(struct bodytree_known *known, uint64_t segments)
{
	*known = (struct bodytree_known){.pieces = segments / BODYTREE_PIECE_SEGMENTS};
	if (known->pieces == 0)
		return 0;
	known->group = calloc(group_count(known->pieces), sizeof(*known->group));
	if (known->group != NULL)
		return 0;
	*known = (struct bodytree_known){0};
	return -ENOMEM;
}

void bodytree_known_clear(struct bodytree_known *known)
{
	for (uint64_t i = 0; i < group_count(known->pieces); i++)
		free(known->group[i].piece);
	free(known->group);
	*known = (struct bodytree_known){0};
}

void bodytree_known_set(struct bodytree_known *known, uint64_t piece, const uint8_t hash[static SUITE_DIGEST_BYTES])
{
	if (piece >= known->pieces)
		return;
	struct bodytree_group *group = &known->group[piece / BODYTREE_GROUP_PIECES];
	const unsigned int at = piece % BODYTREE_GROUP_PIECES;
	if (is_folded(group))
		return;
	if (group->piece == NULL)
		group->piece = malloc(sizeof(*group->piece) * BODYTREE_GROUP_PIECES);
	if (group->piece == NULL)
		return;
	memcpy(group->piece[at], hash, SUITE_DIGEST_BYTES);
	group->here |= UINT64_C(1) << at;
	if (!is_folded(group))
		return;
	tree_subtree(group->hash, group->piece, BODYTREE_GROUP_LEVEL);
	free(group->piece);
	group->piece = NULL;
}

void bodytree_hash_piece(uint8_t out[static SUITE_DIGEST_BYTES], const uint8_t *segments)
{
	uint8_t leaf[BODYTREE_PIECE_SEGMENTS][SUITE_DIGEST_BYTES];
	tree_leaves(leaf, segments, BODYTREE_PIECE_SEGMENTS);
	tree_subtree(out, leaf, BODYTREE_PIECE_LEVEL);
}

/* The hash of what begins with this segment, and the level of that subtree; NULL: it must be read. */
static const uint8_t *known_at(const struct file *file, uint64_t segment, unsigned int *level)
{
	const struct bodytree_known *known = file->known;
	uint64_t piece = segment / BODYTREE_PIECE_SEGMENTS;
	if (known == NULL || segment % BODYTREE_PIECE_SEGMENTS != 0 || piece >= known->pieces)
		return NULL;
	const struct bodytree_group *group = &known->group[piece / BODYTREE_GROUP_PIECES];
	const unsigned int at = piece % BODYTREE_GROUP_PIECES;
	if (is_folded(group)) {
		/* who goes on from group to group comes to its beginning */
		assert(at == 0);
		*level = BODYTREE_PIECE_LEVEL + BODYTREE_GROUP_LEVEL;
		return group->hash;
	}
	*level = BODYTREE_PIECE_LEVEL;
	return (group->here >> at & 1) != 0 ? group->piece[at] : NULL;
}

static void hash_piece(void *context, void *job, unsigned int thread)
{
	(void)thread;
	const struct file *file = context;
	struct piece *piece = job;
	const uint64_t offset = file->offset + piece->first * SEGMENT_BYTES;
	const size_t len = piece->count * SEGMENT_BYTES;
	piece->result = file->direct_fd < 0 ? -EINVAL : io_pread_exact(file->direct_fd, piece->buf, len, offset);
	/* the file system, or its blocks, are not made for it */
	if (piece->result == -EINVAL)
		piece->result = io_pread_exact(file->fd, piece->buf, len, offset);
	if (piece->result == 0)
		tree_leaves(piece->leaf, piece->buf, piece->count);
}

static void give(struct work *work, struct file *file, struct piece *piece)
{
	unsigned int level;
	while (file->given < file->segments && known_at(file, file->given, &level) != NULL)
		file->given += UINT64_C(1) << level;
	uint64_t left = file->segments - file->given;
	if (left == 0)
		return;
	piece->first = file->given;
	piece->count = left < BODYTREE_PIECE_SEGMENTS ? (size_t)left : BODYTREE_PIECE_SEGMENTS;
	file->given += piece->count;
	work_give(work, piece);
}

/* What is known up to the piece that was taken, or to the end. */
static void add_known(struct tree *tree, const struct file *file)
{
	const uint8_t *hash;
	unsigned int level;
	while (tree->count < file->segments && (hash = known_at(file, tree->count, &level)) != NULL)
		tree_add_subtree(tree, hash, level);
}

static int hash_all(struct work *work, struct file *file, struct piece *pieces, unsigned int count,
		    uint8_t root[static SUITE_DIGEST_BYTES], const atomic_bool *stop)
{
	struct tree tree;
	tree_start(&tree);
	for (unsigned int i = 0; i < count; i++)
		give(work, file, &pieces[i]);
	add_known(&tree, file);
	struct piece *piece;
	while ((piece = work_take(work)) != NULL) {
		if (piece->result != 0)
			return piece->result;
		if (stop != NULL && atomic_load(stop))
			return -ECANCELED;
		assert(tree.count == piece->first);
		tree_add_all(&tree, piece->leaf, piece->count);
		add_known(&tree, file);
		give(work, file, piece);
	}
	assert(tree.count == file->segments);
	tree_root(&tree, root);
	return 0;
}

int bodytree_root(int fd, int direct_fd, uint64_t offset, uint64_t segments, const struct bodytree_known *known,
		  uint8_t root[static SUITE_DIGEST_BYTES], const atomic_bool *stop)
{
	assert(segments > 0);
	const size_t piece_len = (size_t)BODYTREE_PIECE_SEGMENTS * SEGMENT_BYTES;
	/* a small body is done before a second thread has begun */
	if (segments <= BODYTREE_PIECE_SEGMENTS)
		return tree_of_file(fd, offset, segments, root, NULL, NULL);
	unsigned int threads = work_cores();
	if (threads > BODYTREE_THREADS_MAX)
		threads = BODYTREE_THREADS_MAX;
	unsigned int count = 2 * threads;
	struct file file = {.fd = fd, .direct_fd = direct_fd, .offset = offset, .segments = segments, .known = known};
	struct piece *pieces = calloc(count, sizeof(*pieces));
	uint8_t *memory = aligned_alloc(PAGE_BYTES, count * piece_len);
	struct work *work = NULL;
	int result = -ENOMEM;
	if (pieces == NULL || memory == NULL)
		goto out;
	for (unsigned int i = 0; i < count; i++)
		pieces[i].buf = memory + i * piece_len;
	work = work_new(threads, count, hash_piece, &file);
	if (work != NULL)
		result = hash_all(work, &file, pieces, count, root, stop);
out:
	work_free(work);
	free(memory);
	free(pieces);
	return result;
}
