#include "partial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io.h"
#include "common/text.h"
#include "vault.h"

enum { FILE_MODE = 0640, DIRECTORY_MODE = 0750 };

struct partial {
	struct partial_site site;
	struct bundle_id id;
	struct geometry g;
	struct mapfile *map;
	struct arrivals *arrivals;
	int object_fd, repair_fd;
	bool has_changed;
};

uint64_t partial_memory(const struct geometry *g)
{
	return sizeof(struct partial) + mapfile_memory(g) + arrivals_memory(g);
}

/* Of one block, in the file of the repair rows; there is room for r of them, the further ones are a hole. */
static uint64_t repair_block_len(const struct geometry *g)
{
	return (uint64_t)(geometry_row_total(g) - g->source_rows) * g->row_len;
}

static uint64_t repair_len(const struct geometry *g)
{
	return geometry_block_count(g) * repair_block_len(g);
}

uint64_t partial_disk(const struct geometry *g)
{
	return g->object_len + (uint64_t)geometry_block_count(g) * g->repair_rows * g->row_len;
}

int partial_site_boot(struct partial_site *site)
{
	/* 8-4-4-4-12 hex digits and a line feed; /proc files have no size, so not io_read_file */
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	char text[64] = "", digits[2 * BOOT_ID_BYTES + 1] = "";
	ssize_t n = io_read(fd, text, sizeof(text) - 1);
	io_close(fd);
	size_t count = 0;
	for (ssize_t i = 0; i < n && count + 1 < sizeof(digits); i++)
		if (text[i] != '-' && text[i] != '\n')
			digits[count++] = text[i];
	return text_unhex(site->boot, BOOT_ID_BYTES, digits) == 0 ? 0 : -EIO;
}

/* Memory */

static int new_partial(struct partial **out, const struct partial_site *site,
		       const struct bundle_id *id, const struct geometry *g)
{
	struct partial *p = malloc(sizeof(*p));
	if (p == NULL)
		return -ENOMEM;
	*p = (struct partial){
		.site = *site,
		.id = *id,
		.g = *g,
		.object_fd = -1,
		.repair_fd = -1,
	};
	*out = p;
	return 0;
}

static int count_arrivals(struct partial *p)
{
	const struct arrivals_map map = mapfile_map(p->map);
	return (p->arrivals = arrivals_new(&p->g, &map)) == NULL ? -ENOMEM : 0;
}

void partial_close(struct partial *p)
{
	if (p == NULL)
		return;
	partial_close_files(p);
	arrivals_free(p->arrivals);
	mapfile_close(p->map);
	free(p);
}

static struct mapfile_place place_of(const struct partial *p, const char *name, int dir_fd)
{
	return (struct mapfile_place){p->id, p->g, p->site.boot, p->site.maps_fd, name, dir_fd};
}

/* Creating, loading, removing */

/* `count` pieces of `len` bytes, of which the first `reserved` bytes of each get their space now. */
static int create_file(int dir_fd, const char *name, uint64_t count, uint64_t len, uint64_t reserved)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	if (fd < 0)
		return -errno;
	int result = ftruncate(fd, (off_t)(count * len)) < 0 ? -errno : 0;
	for (uint64_t at = 0; result == 0 && at < count * len; at += len)
		result = fallocate(fd, 0, (off_t)at, (off_t)reserved) < 0 ? -errno : 0;
	/* a file system that cannot promise space gives none; the bundle may still fit */
	if (result == -EOPNOTSUPP)
		result = 0;
	int closed = io_close(fd);
	return result != 0 ? result : closed;
}

static int create_files(struct partial *p, const char *name)
{
	int result = io_make_dir(p->site.dir_fd, name, DIRECTORY_MODE);
	if (result != 0)
		return result;
	int dir_fd = io_open_dir(p->site.dir_fd, name);
	if (dir_fd < 0)
		return dir_fd;
	result = create_file(dir_fd, PARTIAL_OBJECT, 1, p->g.object_len, p->g.object_len);
	if (result == 0)
		result = create_file(dir_fd, PARTIAL_REPAIR, geometry_block_count(&p->g),
				     repair_block_len(&p->g), (uint64_t)p->g.repair_rows * p->g.row_len);
	const struct mapfile_place place = place_of(p, name, dir_fd);
	if (result == 0)
		result = mapfile_create(&p->map, &place);
	io_close(dir_fd);
	return result;
}

int partial_create(struct partial **out, const struct partial_site *site,
		   const struct bundle_id *id, const struct geometry *g)
{
	char name[VAULT_NAME_BYTES];
	struct partial *p = NULL;
	vault_partial_name(name, id);
	int result = partial_remove(site, id);
	if (result == 0)
		result = new_partial(&p, site, id, g);
	if (result == 0)
		result = create_files(p, name);
	if (result == 0)
		result = count_arrivals(p);
	if (result != 0) {
		partial_close(p);
		/* the first error is the one to tell */
		(void)partial_remove(site, id);
		return result;
	}
	*out = p;
	return 0;
}

static bool has_len(int dir_fd, const char *name, uint64_t len)
{
	struct stat st;
	/* an object may be longer: the registry was being put behind it when keep died */
	return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	       (uint64_t)st.st_size >= len;
}

static int load_files(struct partial *p, const char *name, int dir_fd)
{
	const struct mapfile_place place = place_of(p, name, dir_fd);
	if (!has_len(dir_fd, PARTIAL_OBJECT, p->g.object_len) ||
	    !has_len(dir_fd, PARTIAL_REPAIR, repair_len(&p->g)))
		return -ENOENT;
	return mapfile_load(&p->map, &place);
}

int partial_load(struct partial **out, const struct partial_site *site, const struct bundle_id *id,
		 const struct geometry *g)
{
	char name[VAULT_NAME_BYTES];
	struct partial *p = NULL;
	vault_partial_name(name, id);
	int dir_fd = io_open_dir(site->dir_fd, name);
	if (dir_fd < 0)
		return dir_fd;
	int result = new_partial(&p, site, id, g);
	if (result == 0)
		result = load_files(p, name, dir_fd);
	io_close(dir_fd);
	if (result == 0)
		result = count_arrivals(p);
	if (result == 0) {
		*out = p;
		return 0;
	}
	partial_close(p);
	if (result != -ENOENT)
		return result;
	int removed = partial_remove(site, id);
	return removed != 0 ? removed : -ENOENT;
}

static int remove_name(int dir_fd, const char *name)
{
	return unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

int partial_remove(const struct partial_site *site, const struct bundle_id *id)
{
	static const char *const names[] = {PARTIAL_MAP, MAPFILE_NEW, PARTIAL_OBJECT, PARTIAL_REPAIR};
	char name[VAULT_NAME_BYTES];
	vault_partial_name(name, id);
	int result = remove_name(site->maps_fd, name);
	int dir_fd = io_open_dir(site->dir_fd, name);
	if (dir_fd == -ENOENT)
		return result;
	if (dir_fd < 0)
		return dir_fd;
	/* the map first: without one there is nothing to take up */
	for (size_t i = 0; result == 0 && i < sizeof(names) / sizeof(names[0]); i++)
		result = remove_name(dir_fd, names[i]);
	io_close(dir_fd);
	if (result == 0 && unlinkat(site->dir_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		result = -errno;
	return result;
}

int partial_open_dir(const struct partial_site *site, const struct bundle_id *id)
{
	char name[VAULT_NAME_BYTES];
	vault_partial_name(name, id);
	return io_open_dir(site->dir_fd, name);
}

/* In use */

const struct geometry *partial_geometry(const struct partial *p)
{
	return &p->g;
}

struct arrivals *partial_arrivals(struct partial *p)
{
	return p->arrivals;
}

uint64_t partial_offset(const struct partial *p, const struct span *span, bool *is_repair)
{
	uint64_t in_row = (uint64_t)span->first * SYMBOL_BYTES;
	*is_repair = span->row >= p->g.source_rows;
	if (!*is_repair)
		return geometry_row_offset(&p->g, span->block, span->row) + in_row;
	return span->block * repair_block_len(&p->g) +
	       (uint64_t)(span->row - p->g.source_rows) * p->g.row_len + in_row;
}

int partial_open_file(const struct partial *p, bool is_repair, int flags)
{
	int dir_fd = partial_open_dir(&p->site, &p->id);
	if (dir_fd < 0)
		return dir_fd;
	int fd = openat(dir_fd, is_repair ? PARTIAL_REPAIR : PARTIAL_OBJECT, flags | O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	int result = fd < 0 ? -errno : fd;
	io_close(dir_fd);
	return result;
}

int partial_open_files(struct partial *p)
{
	if (p->object_fd >= 0)
		return 0;
	int object_fd = partial_open_file(p, false, 0);
	int repair_fd = object_fd < 0 ? object_fd : partial_open_file(p, true, 0);
	if (repair_fd < 0) {
		io_close(object_fd);
		return repair_fd;
	}
	p->object_fd = object_fd;
	p->repair_fd = repair_fd;
	return 0;
}

void partial_close_files(struct partial *p)
{
	/* what these could tell of a failed write, partial_store and the delivery hear from fsync */
	(void)io_close(p->object_fd);
	(void)io_close(p->repair_fd);
	p->object_fd = -1;
	p->repair_fd = -1;
}

bool partial_has_open_files(const struct partial *p)
{
	return p->object_fd >= 0;
}

int partial_fd(const struct partial *p, bool is_repair)
{
	return is_repair ? p->repair_fd : p->object_fd;
}

void partial_set_changed(struct partial *p)
{
	p->has_changed = true;
}

bool partial_has_changed(const struct partial *p)
{
	return p->has_changed;
}

struct mapfile_copy *partial_begin_store(struct partial *p)
{
	struct mapfile_copy *copy = mapfile_begin(p->map);
	p->has_changed &= copy == NULL;
	return copy;
}

void partial_end_store(struct partial *p, struct mapfile_copy *copy)
{
	mapfile_end(p->map, copy);
}

static int sync_file(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	int result = fdatasync(fd) < 0 ? -errno : 0;
	int closed = io_close(fd);
	return result != 0 ? result : closed;
}

int partial_store(const struct partial_site *site, const struct bundle_id *id, struct mapfile_copy *copy)
{
	int dir_fd = partial_open_dir(site, id);
	if (dir_fd < 0)
		return dir_fd;
	int result = mapfile_write(copy, dir_fd);
	if (result == 0) {
		/* between the two: the map must claim nothing that a power cut could take */
		result = sync_file(dir_fd, PARTIAL_OBJECT);
		if (result == 0)
			result = sync_file(dir_fd, PARTIAL_REPAIR);
		if (result == 0)
			result = mapfile_commit(copy, dir_fd);
		else
			mapfile_drop(copy, dir_fd);
	}
	io_close(dir_fd);
	return result;
}
