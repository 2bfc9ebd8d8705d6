#include "mapfile.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cursor.h"
#include "common/io.h"
#include "common/suite.h"
#include "common/verdict.h"

/* VAULT.md 2 */
enum {
	HEADER_BYTES = 128,
	INSTANCE_OFFSET = 48,
	BOOT_OFFSET = 64,
	VERSION = 1,
	INSTANCE_BYTES = 16,
	STORED_MODE = 0640,
	LIVE_MODE = 0600,
	PIECE_BYTES = 16384, /* on the stack */
};

struct mapfile {
	struct geometry g;
	uint32_t blocks;
	size_t map_len, stride;
	uint8_t *live; /* shared with the file in runtime/maps: header, states, and from `begin` on the maps */
	size_t live_len, begin;
	bool is_copied; /* from mapfile_begin to mapfile_end */
	bool owes;      /* blocks became complete meanwhile, whose memory is given back then */
};

struct mapfile_copy {
	const struct mapfile *file;
	struct suite_hasher hasher;
	int fd;
	uint8_t state[]; /* of each block */
};

static size_t live_begin(const struct geometry *g)
{
	size_t len = HEADER_BYTES + (size_t)geometry_block_count(g);
	return (len + ARRIVALS_PAGE_BYTES - 1) / ARRIVALS_PAGE_BYTES * ARRIVALS_PAGE_BYTES;
}

uint64_t mapfile_memory(const struct geometry *g)
{
	/* the states twice: while they are stored */
	return sizeof(struct mapfile) + sizeof(struct mapfile_copy) + geometry_block_count(g) + live_begin(g) +
	       geometry_block_count(g) * (uint64_t)arrivals_map_stride(g);
}

static struct mapfile *new_file(const struct geometry *g)
{
	struct mapfile *f = malloc(sizeof(*f));
	if (f == NULL)
		return NULL;
	*f = (struct mapfile){
		.g = *g,
		.blocks = geometry_block_count(g),
		.map_len = arrivals_map_len(g),
		.stride = arrivals_map_stride(g),
		.begin = live_begin(g),
	};
	f->live_len = f->begin + f->blocks * f->stride;
	return f;
}

void mapfile_close(struct mapfile *f)
{
	if (f == NULL)
		return;
	if (f->live != NULL)
		munmap(f->live, f->live_len);
	free(f);
}

static uint8_t *states_of(const struct mapfile *f)
{
	return f->live + HEADER_BYTES;
}

static uint8_t *map_of(const struct mapfile *f, uint32_t block)
{
	return f->live + f->begin + block * f->stride;
}

static bool states_are_good(const uint8_t *state, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (state[i] > MAP_WHOLE)
			return false;
	return true;
}

/* ---- memory ---- */

/* Now or never: a tmpfs that is full would end this process at the first symbol (SIGBUS). */
static bool take_memory(void *context, uint32_t block)
{
	const struct mapfile *f = context;
	return madvise(map_of(f, block), f->stride, MADV_POPULATE_WRITE) == 0;
}

/* A file system that cannot make holes keeps them: that takes room, and nothing else. */
static void give_memory(const struct mapfile *f, uint32_t block)
{
	(void)madvise(map_of(f, block), f->stride, MADV_REMOVE);
}

static void give_all(const struct mapfile *f)
{
	for (uint32_t i = 0; i < f->blocks; i++)
		if (states_of(f)[i] == MAP_WHOLE)
			give_memory(f, i);
}

/* Who is writing a copy may be reading it. */
static void on_give(void *context, uint32_t block)
{
	struct mapfile *f = context;
	if (f->is_copied)
		f->owes = true;
	else
		give_memory(f, block);
}

struct arrivals_map mapfile_map(struct mapfile *f)
{
	return (struct arrivals_map){
		.state = states_of(f),
		.blocks = f->live + f->begin,
		.take = take_memory,
		.give = on_give,
		.context = f,
	};
}

/* ---- the map in use ---- */

static void write_header(const struct mapfile_place *place, uint8_t out[static HEADER_BYTES],
			 const uint8_t instance[static INSTANCE_BYTES])
{
	struct writer w = writer_of(out, HEADER_BYTES);
	write_bytes(&w, "WEIRPMAP", 8);
	write_u16(&w, VERSION);
	write_u16(&w, place->id.route_id);
	write_u32(&w, place->g.row_len);
	write_u64(&w, place->id.epoch);
	write_u64(&w, place->id.number);
	write_u64(&w, place->g.object_len);
	write_u8(&w, place->g.source_rows);
	write_u8(&w, place->g.repair_rows);
	write_zeros(&w, 6);
	write_bytes(&w, instance, INSTANCE_BYTES);
	write_zeros(&w, BOOT_ID_BYTES);
	write_zeros(&w, HEADER_BYTES - w.at);
	assert(!w.overrun);
}

static int map_live(struct mapfile *f, int fd)
{
	void *at = mmap(NULL, f->live_len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	f->live = at;
	return 0;
}

/* Nothing noted, and no header yet: without one it counts for nothing.  Header and states have their space, maps get it later. */
static int create_live(struct mapfile *f, const struct mapfile_place *place)
{
	if (unlinkat(place->maps_fd, place->name, 0) < 0 && errno != ENOENT)
		return -errno;
	int fd = openat(place->maps_fd, place->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, LIVE_MODE);
	if (fd < 0)
		return -errno;
	int result = ftruncate(fd, (off_t)f->live_len) < 0 ? -errno : 0;
	if (result == 0 && fallocate(fd, 0, 0, (off_t)f->begin) < 0)
		result = -errno;
	if (result == 0)
		result = map_live(f, fd);
	io_close(fd);
	if (result != 0)
		unlinkat(place->maps_fd, place->name, 0);
	return result;
}

static void begin_live(struct mapfile *f, const struct mapfile_place *place, const uint8_t header[static HEADER_BYTES])
{
	assert(f->live != NULL);
	memcpy(f->live, header, HEADER_BYTES);
	memcpy(f->live + BOOT_OFFSET, place->boot, BOOT_ID_BYTES);
}

/* The map that the process before this one used, if it belongs to these very files. */
static bool open_live(struct mapfile *f, const struct mapfile_place *place, const uint8_t header[static HEADER_BYTES])
{
	uint8_t wanted[HEADER_BYTES];
	struct stat st;
	memcpy(wanted, header, sizeof(wanted));
	memcpy(wanted + BOOT_OFFSET, place->boot, BOOT_ID_BYTES);
	int fd = openat(place->maps_fd, place->name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	bool good = fstat(fd, &st) == 0 && (uint64_t)st.st_size == f->live_len && map_live(f, fd) == 0;
	io_close(fd);
	if (!good)
		return false;
	assert(f->live != NULL);
	if (memcmp(f->live, wanted, sizeof(wanted)) == 0 && states_are_good(states_of(f), f->blocks)) {
		give_all(f); /* that process may have ended before it could */
		return true;
	}
	munmap(f->live, f->live_len);
	f->live = NULL;
	return false;
}

/* ---- the stored map ---- */

static void start_digest(struct suite_hasher *hasher)
{
	suite_hash_start(hasher, SUITE_DIGEST_BYTES, "weir1 map", NULL, 0);
}

/* Not synchronised: a map that a power cut damages means that nothing durable has arrived. */
static int write_first(int dir_fd, const uint8_t header[static HEADER_BYTES])
{
	uint8_t map[HEADER_BYTES + SUITE_DIGEST_BYTES];
	memcpy(map, header, HEADER_BYTES);
	suite_hash(map + HEADER_BYTES, SUITE_DIGEST_BYTES, "weir1 map", NULL, 0, header, HEADER_BYTES);
	int fd = openat(dir_fd, MAPFILE_STORED, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, STORED_MODE);
	if (fd < 0)
		return -errno;
	int result = io_write(fd, map, sizeof(map));
	int closed = io_close(fd);
	return result != 0 ? result : closed;
}

/* Whether the digest behind the first `len` bytes is theirs. */
static int check_digest(int fd, uint64_t len)
{
	uint8_t piece[PIECE_BYTES], digest[SUITE_DIGEST_BYTES], stored[SUITE_DIGEST_BYTES] = {0};
	struct suite_hasher hasher;
	int result = 0;
	start_digest(&hasher);
	for (uint64_t at = 0; result == 0 && at < len;) {
		size_t now = len - at < sizeof(piece) ? (size_t)(len - at) : sizeof(piece);
		result = io_pread_exact(fd, piece, now, at);
		if (result == 0)
			suite_hash_add(&hasher, piece, now);
		at += now;
	}
	suite_hash_end(&hasher, digest, sizeof(digest));
	if (result == 0)
		result = io_pread_exact(fd, stored, sizeof(stored), len);
	return result == 0 && memcmp(digest, stored, sizeof(digest)) != 0 ? VERDICT_DAMAGED : result;
}

static bool has_states(uint64_t len)
{
	return len != HEADER_BYTES + SUITE_DIGEST_BYTES;
}

/* Whether it has the length that its states ask for; `state` has room for all of them. */
static int check_states(const struct mapfile *f, int fd, uint64_t len, uint8_t *state)
{
	int result = io_pread_exact(fd, state, f->blocks, HEADER_BYTES);
	if (result != 0)
		return result;
	uint64_t wanted = HEADER_BYTES + f->blocks + SUITE_DIGEST_BYTES;
	for (uint32_t i = 0; i < f->blocks; i++)
		wanted += state[i] == MAP_HELD ? f->map_len : 0;
	return len == wanted && states_are_good(state, f->blocks) ? 0 : VERDICT_DAMAGED;
}

/* The map beside the object, whole and of this bundle: the descriptor, the caller's. */
static int open_stored(const struct mapfile *f, const struct mapfile_place *place, uint8_t header[static HEADER_BYTES],
		       uint8_t *state, uint64_t *len)
{
	uint8_t wanted[HEADER_BYTES];
	struct stat st;
	int fd = openat(place->dir_fd, MAPFILE_STORED, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	int result = fstat(fd, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? 0 : VERDICT_NOT_REGULAR;
	if (result == 0)
		result = io_pread_exact(fd, header, HEADER_BYTES, 0);
	if (result == 0) {
		write_header(place, wanted, header + INSTANCE_OFFSET);
		if (memcmp(header, wanted, sizeof(wanted)) != 0 || st.st_size < HEADER_BYTES + SUITE_DIGEST_BYTES)
			result = VERDICT_DAMAGED;
	}
	if (result == 0 && has_states((uint64_t)st.st_size))
		result = check_states(f, fd, (uint64_t)st.st_size, state);
	if (result == 0)
		result = check_digest(fd, (uint64_t)st.st_size - SUITE_DIGEST_BYTES);
	if (result != 0) {
		io_close(fd);
		return result;
	}
	*len = (uint64_t)st.st_size;
	return fd;
}

static int read_maps(struct mapfile *f, int fd, const uint8_t *state)
{
	uint64_t at = HEADER_BYTES + f->blocks;
	int result = 0;
	for (uint32_t i = 0; result == 0 && i < f->blocks; i++) {
		if (state[i] == MAP_HELD) {
			result = take_memory(f, i) ? io_pread_exact(fd, map_of(f, i), f->map_len, at) : -ENOSPC;
			at += f->map_len;
		}
		states_of(f)[i] = state[i];
	}
	return result;
}

/* ---- creating, loading ---- */

int mapfile_create(struct mapfile **out, const struct mapfile_place *place)
{
	uint8_t header[HEADER_BYTES], instance[INSTANCE_BYTES];
	struct mapfile *f = new_file(&place->g);
	if (f == NULL)
		return -ENOMEM;
	suite_random(instance, sizeof(instance));
	write_header(place, header, instance);
	int result = write_first(place->dir_fd, header);
	if (result == 0)
		result = create_live(f, place);
	if (result != 0) {
		mapfile_close(f);
		return result;
	}
	begin_live(f, place, header);
	*out = f;
	return 0;
}

static int take_up(struct mapfile *f, const struct mapfile_place *place, uint8_t *state)
{
	uint8_t header[HEADER_BYTES];
	uint64_t len = 0;
	int fd = open_stored(f, place, header, state, &len);
	if (fd == -ENOMEM)
		return fd;
	if (fd < 0 || len == 0)
		return -ENOENT;
	int result = 0;
	if (!open_live(f, place, header)) {
		result = create_live(f, place);
		if (result == 0 && has_states(len))
			result = read_maps(f, fd, state);
		/* last: one that is half read must not be taken up */
		if (result == 0)
			begin_live(f, place, header);
	}
	io_close(fd);
	return result;
}

int mapfile_load(struct mapfile **out, const struct mapfile_place *place)
{
	struct mapfile *f = new_file(&place->g);
	uint8_t *state = f == NULL ? NULL : malloc(f->blocks);
	int result = state == NULL ? -ENOMEM : take_up(f, place, state);
	free(state);
	if (result != 0)
		mapfile_close(f);
	else
		*out = f;
	return result;
}

/* ---- storing ---- */

struct mapfile_copy *mapfile_begin(struct mapfile *f)
{
	assert(!f->is_copied);
	struct mapfile_copy *copy = malloc(sizeof(*copy) + f->blocks);
	if (copy == NULL)
		return NULL;
	copy->file = f;
	copy->fd = -1;
	memcpy(copy->state, states_of(f), f->blocks);
	f->is_copied = true;
	return copy;
}

void mapfile_end(struct mapfile *f, struct mapfile_copy *copy)
{
	if (copy == NULL)
		return;
	io_close(copy->fd);
	free(copy);
	f->is_copied = false;
	if (f->owes)
		give_all(f);
	f->owes = false;
}

static int add(struct mapfile_copy *copy, const void *data, size_t len)
{
	suite_hash_add(&copy->hasher, data, len);
	return io_write(copy->fd, data, len);
}

static int add_map(struct mapfile_copy *copy, uint32_t block)
{
	const uint8_t *map = map_of(copy->file, block);
	uint8_t piece[PIECE_BYTES];
	int result = 0;
	for (size_t at = 0; result == 0 && at < copy->file->map_len;) {
		size_t left = copy->file->map_len - at, now = left < PIECE_BYTES ? left : PIECE_BYTES;
		arrivals_copy_map(piece, map + at, now);
		result = add(copy, piece, now);
		at += now;
	}
	return result;
}

static int write_all(struct mapfile_copy *copy)
{
	const struct mapfile *f = copy->file;
	uint8_t header[HEADER_BYTES], digest[SUITE_DIGEST_BYTES];
	start_digest(&copy->hasher);
	memcpy(header, f->live, HEADER_BYTES);
	memset(header + BOOT_OFFSET, 0, BOOT_ID_BYTES);
	int result = add(copy, header, HEADER_BYTES);
	if (result == 0)
		result = add(copy, copy->state, f->blocks);
	for (uint32_t i = 0; result == 0 && i < f->blocks; i++)
		if (copy->state[i] == MAP_HELD)
			result = add_map(copy, i);
	suite_hash_end(&copy->hasher, digest, sizeof(digest));
	return result == 0 ? io_write(copy->fd, digest, sizeof(digest)) : result;
}

int mapfile_write(struct mapfile_copy *copy, int dir_fd)
{
	if (unlinkat(dir_fd, MAPFILE_NEW, 0) < 0 && errno != ENOENT)
		return -errno;
	copy->fd = openat(dir_fd, MAPFILE_NEW, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, STORED_MODE);
	if (copy->fd < 0)
		return -errno;
	int result = write_all(copy);
	if (result != 0)
		mapfile_drop(copy, dir_fd);
	return result;
}

void mapfile_drop(struct mapfile_copy *copy, int dir_fd)
{
	io_close(copy->fd);
	copy->fd = -1;
	/* what is left of it is removed with the bundle, or overwritten by the next */
	(void)unlinkat(dir_fd, MAPFILE_NEW, 0);
}

int mapfile_commit(struct mapfile_copy *copy, int dir_fd)
{
	int result = io_fsync(copy->fd);
	int closed = io_close(copy->fd);
	copy->fd = -1;
	if (result == 0)
		result = closed;
	if (result == 0 && renameat2(dir_fd, MAPFILE_NEW, dir_fd, MAPFILE_STORED, 0) < 0)
		result = -errno;
	if (result != 0) {
		(void)unlinkat(dir_fd, MAPFILE_NEW, 0);
		return result;
	}
	return io_fsync(dir_fd);
}
