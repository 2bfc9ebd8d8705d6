#include "annals.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "annalsparts.h"
#include "common/io.h"
#include "common/verdict.h"

#define FILE_NAME "annals"
#define NEW_NAME ".annals.new"

enum { FILE_MODE = 0640, READ_RECORDS = 4096 };

/* Memory */

static size_t mix(uint64_t a, uint64_t b)
{
	uint64_t h = (a ^ b * UINT64_C(0x100000001b3)) * UINT64_C(0x9e3779b97f4a7c15);
	return (size_t)(h >> 32);
}

static size_t id_bucket(const struct annals *a, uint64_t epoch, uint64_t number)
{
	return mix(epoch, number) & (a->buckets - 1);
}

/* The pushes are the sender's, who is signed for. */
static size_t push_bucket(const struct annals *a, const uint8_t push_id[static PUSH_ID_BYTES])
{
	uint64_t half[2];
	memcpy(half, push_id, sizeof(half));
	return mix(half[0], half[1]) & (a->buckets - 1);
}

static void link_event(struct annals *a, uint32_t at)
{
	struct event *e = &a->events[at];
	size_t by_id = id_bucket(a, e->id.epoch, e->id.number), by_push = push_bucket(a, e->push_id);
	e->next_id = a->by_id[by_id];
	a->by_id[by_id] = at + 1;
	e->next_push = a->by_push[by_push];
	a->by_push[by_push] = at + 1;
}

static int grow_tables(struct annals *a, size_t buckets)
{
	uint32_t *by_id = calloc(buckets, sizeof(*by_id)), *by_push = calloc(buckets, sizeof(*by_push));
	if (by_id == NULL || by_push == NULL) {
		free(by_id);
		free(by_push);
		return -ENOMEM;
	}
	free(a->by_id);
	free(a->by_push);
	a->by_id = by_id;
	a->by_push = by_push;
	a->buckets = buckets;
	for (uint32_t i = 0; i < a->count; i++)
		link_event(a, i);
	return 0;
}

static int make_room(struct annals *a, size_t more)
{
	if (a->count + more > ANNALS_MAX)
		return VERDICT_BAD_LIMIT;
	if (a->count + more > a->size) {
		size_t size = a->size == 0 ? 1024 : a->size * 2;
		struct event *grown = reallocarray(a->events, size, sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		a->events = grown;
		a->size = size;
	}
	return a->size > a->buckets ? grow_tables(a, a->size) : 0;
}

/* Routes are few, and each has one name for long. */
static int route_index(struct annals *a, const char *route, uint16_t *out)
{
	for (size_t i = a->route_count; i-- > 0;)
		if (strncmp(a->routes[i], route, NAME_BYTES) == 0) {
			*out = (uint16_t)i;
			return 0;
		}
	if (a->route_count > UINT16_MAX)
		return VERDICT_BAD_LIMIT;
	char (*grown)[NAME_BYTES] = reallocarray(a->routes, a->route_count + 1, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	a->routes = grown;
	memset(grown[a->route_count], 0, NAME_BYTES);
	memcpy(grown[a->route_count], route, strnlen(route, NAME_BYTES - 1));
	*out = (uint16_t)a->route_count++;
	return 0;
}

static uint32_t find(const struct annals *a, const struct bundle_id *id)
{
	uint32_t at = a->buckets == 0 ? 0 : a->by_id[id_bucket(a, id->epoch, id->number)];
	while (at != 0) {
		const struct event *e = &a->events[at - 1];
		if (e->id.number == id->number && e->id.route_id == id->route_id && e->id.epoch == id->epoch)
			break;
		at = e->next_id;
	}
	return at;
}

/* There is room for it. */
static void take(struct annals *a, const struct annal *annal, uint16_t route)
{
	uint32_t at = find(a, &annal->id);
	bool is_new = at == 0;
	if (is_new)
		at = (uint32_t)++a->count;
	struct event *e = &a->events[at - 1];
	/* a push id is what a bundle is bound to by its release; a second one is as damaged as can be */
	uint32_t next_id = e->next_id, next_push = e->next_push;
	*e = (struct event){
		.id = annal->id,
		.at = annal->at,
		.destroy_by = annal->destroy_by,
		.route = route,
		.what = (uint8_t)annal->what,
		.how = (uint8_t)annal->how,
		.next_id = next_id,
		.next_push = next_push,
	};
	if (is_new)
		memcpy(e->push_id, annal->push_id, PUSH_ID_BYTES);
	memcpy(e->edges, annal->edges, EDGES_BYTES);
	if (is_new)
		link_event(a, at - 1);
}

static int admit(struct annals *a, const struct annal *annal)
{
	uint16_t route = 0;
	int result = make_room(a, 1);
	if (result == 0)
		result = route_index(a, annal->route, &route);
	if (result == 0)
		take(a, annal, route);
	return result;
}

static void give(const struct annals *a, uint32_t at, struct annal *out)
{
	const struct event *e = &a->events[at];
	*out = (struct annal){
		.id = e->id,
		.what = (enum annal_what)e->what,
		.how = (enum annal_how)e->how,
		.at = e->at,
		.destroy_by = e->destroy_by,
	};
	memcpy(out->route, a->routes[e->route], NAME_BYTES);
	memcpy(out->push_id, e->push_id, PUSH_ID_BYTES);
	memcpy(out->edges, e->edges, EDGES_BYTES);
}

bool annals_find(const struct annals *a, const struct bundle_id *id, struct annal *out)
{
	uint32_t at = find(a, id);
	if (at != 0)
		give(a, at - 1, out);
	return at != 0;
}

bool annals_find_name(const struct annals *a, uint64_t epoch, const char *route, uint64_t number,
		      struct annal *out)
{
	uint32_t at = a->buckets == 0 ? 0 : a->by_id[id_bucket(a, epoch, number)];
	while (at != 0) {
		const struct event *e = &a->events[at - 1];
		if (e->id.number == number && e->id.epoch == epoch &&
		    strncmp(a->routes[e->route], route, NAME_BYTES) == 0)
			break;
		at = e->next_id;
	}
	if (at != 0)
		give(a, at - 1, out);
	return at != 0;
}

bool annals_find_push(const struct annals *a, const uint8_t push_id[static PUSH_ID_BYTES],
		      const struct bundle_id *other_than, struct annal *out)
{
	uint32_t own = find(a, other_than);
	uint32_t at = a->buckets == 0 ? 0 : a->by_push[push_bucket(a, push_id)];
	while (at != 0) {
		const struct event *e = &a->events[at - 1];
		if (at != own && e->what != ANNAL_DAMAGED && memcmp(e->push_id, push_id, PUSH_ID_BYTES) == 0)
			break;
		at = e->next_push;
	}
	if (at != 0)
		give(a, at - 1, out);
	return at != 0;
}

size_t annals_count(const struct annals *a)
{
	return a->count;
}

void annals_at(const struct annals *a, size_t index, struct annal *out)
{
	assert(index < a->count);
	give(a, (uint32_t)index, out);
}

void annals_head(const struct annals *a, struct annals_head *out)
{
	*out = a->head;
}

/* Reading */

struct reading {
	struct annals_found found;
	uint64_t good; /* the number of the last record that is one */
};

static int take_records(struct annals *a, struct reading *r, const uint8_t *bytes, size_t count, uint64_t first)
{
	struct annal annal;
	for (size_t i = 0; i < count; i++) {
		const uint8_t *record = bytes + i * ANNAL_BYTES;
		uint64_t n = first + i;
		if (annal_decode(&annal, record, n) != 0)
			continue;
		int result = admit(a, &annal);
		if (result != 0)
			return result;
		r->found.damaged += n - r->good - 1;
		r->good = n;
		memcpy(a->head.digest, record + ANNAL_BYTES - ANNALS_DIGEST_BYTES, ANNALS_DIGEST_BYTES);
	}
	return 0;
}

static int read_records(struct annals *a, struct reading *r, uint64_t records)
{
	uint8_t *buf = malloc((size_t)READ_RECORDS * ANNAL_BYTES);
	int result = buf == NULL ? -ENOMEM : 0;
	for (uint64_t n = 0; result == 0 && n < records; n += READ_RECORDS) {
		size_t count = records - n < READ_RECORDS ? (size_t)(records - n) : READ_RECORDS;
		result = io_pread_exact(a->fd, buf, count * ANNAL_BYTES, (n + 1) * ANNAL_BYTES);
		if (result == 0)
			result = take_records(a, r, buf, count, n + 1);
	}
	free(buf);
	return result;
}

static int read_file(struct annals *a, struct reading *r)
{
	uint8_t header[ANNAL_BYTES];
	struct stat st;
	if (fstat(a->fd, &st) < 0)
		return -errno;
	uint64_t len = (uint64_t)st.st_size;
	int result = len < ANNAL_BYTES ? VERDICT_DAMAGED : io_pread_exact(a->fd, header, sizeof(header), 0);
	if (result == 0)
		result = annals_header_decode(&a->head.life, header);
	if (result == 0)
		result = read_records(a, r, len / ANNAL_BYTES - 1);
	if (result != 0)
		return result;
	a->head.n = r->good;
	r->found.cut = len - (r->good + 1) * ANNAL_BYTES;
	return r->found.cut > (uint64_t)ANNALS_BATCH_MAX * ANNAL_BYTES ? VERDICT_DAMAGED : 0;
}

/* What was written of a batch that nobody was told of. */
static int cut_end(struct annals *a, uint64_t cut)
{
	if (cut == 0)
		return 0;
	if (ftruncate(a->fd, (off_t)((a->head.n + 1) * ANNAL_BYTES)) < 0)
		return -errno;
	return io_fsync(a->fd);
}

/* Writing */

static int write_all(struct annals *a, int fd, struct annals_head *head)
{
	uint8_t buf[64 * ANNAL_BYTES];
	size_t used = ANNAL_BYTES;
	uint64_t offset = 0;
	int result = 0;
	annals_header_encode(buf, head->life);
	for (size_t i = 0; result == 0 && i < a->count; i++) {
		struct annal annal;
		give(a, (uint32_t)i, &annal);
		annal_encode(buf + used, &annal, ++head->n);
		used += ANNAL_BYTES;
		memcpy(head->digest, buf + used - ANNALS_DIGEST_BYTES, ANNALS_DIGEST_BYTES);
		if (used < sizeof(buf))
			continue;
		result = io_pwrite(fd, buf, used, offset);
		offset += used;
		used = 0;
	}
	if (result == 0)
		result = io_pwrite(fd, buf, used, offset);
	return result == 0 ? io_fsync(fd) : result;
}

/* The whole file from memory, in the place of the old one. */
static int write_anew(struct annals *a)
{
	struct annals_head head = {.life = a->head.life + 1};
	if (unlinkat(a->vault_fd, NEW_NAME, 0) < 0 && errno != ENOENT)
		return -errno;
	int fd = openat(a->vault_fd, NEW_NAME, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	if (fd < 0)
		return -errno;
	int result = write_all(a, fd, &head);
	if (result == 0)
		result = io_rename_durable(a->vault_fd, NEW_NAME, a->vault_fd, FILE_NAME);
	if (result != 0) {
		io_close(fd);
		return result;
	}
	io_close(a->fd);
	a->fd = fd;
	a->head = head;
	a->is_stale = false;
	return 0;
}

static int append(struct annals *a, const struct annal *all, size_t count)
{
	uint8_t *bytes = malloc(count * ANNAL_BYTES);
	if (bytes == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		annal_encode(bytes + i * ANNAL_BYTES, &all[i], a->head.n + i + 1);
	int result = io_pwrite(a->fd, bytes, count * ANNAL_BYTES, (a->head.n + 1) * ANNAL_BYTES);
	if (result == 0 && fdatasync(a->fd) < 0)
		result = -errno;
	a->is_stale = result != 0;
	if (result == 0) {
		a->head.n += count;
		memcpy(a->head.digest, bytes + count * ANNAL_BYTES - ANNALS_DIGEST_BYTES, ANNALS_DIGEST_BYTES);
	}
	free(bytes);
	return result;
}

int annals_write(struct annals *a, const struct annal *all, size_t count)
{
	uint16_t route;
	assert(count <= ANNALS_BATCH_MAX);
	int result = a->is_stale ? write_anew(a) : 0;
	if (result == 0)
		result = make_room(a, count);
	for (size_t i = 0; result == 0 && i < count; i++)
		result = route_index(a, all[i].route, &route);
	if (result == 0 && count > 0)
		result = append(a, all, count);
	for (size_t i = 0; result == 0 && i < count; i++)
		result = admit(a, &all[i]);
	return result;
}

int annals_tidy(struct annals *a, bool is_start, annals_judge *may_forget, void *context)
{
	size_t kept = 0;
	struct annal annal;
	for (uint32_t i = 0; i < a->count; i++) {
		give(a, i, &annal);
		if (!may_forget(context, &annal))
			a->events[kept++] = a->events[i];
	}
	bool has_forgotten = kept < a->count;
	a->count = kept;
	/* the tables are made for as many as there were before, and cannot fail for want of memory */
	if (has_forgotten) {
		memset(a->by_id, 0, a->buckets * sizeof(*a->by_id));
		memset(a->by_push, 0, a->buckets * sizeof(*a->by_push));
		for (uint32_t i = 0; i < a->count; i++)
			link_event(a, i);
	}
	uint64_t spare = a->head.n - kept;
	bool is_worth_it = spare > ANNALS_SPARE_MAX || (is_start && spare > kept && spare > ANNALS_BATCH_MAX);
	return is_worth_it ? write_anew(a) : 0;
}

/* Opening */

static int open_file(struct annals *a, bool may_write, struct reading *r)
{
	a->fd = openat(a->vault_fd, FILE_NAME, (may_write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW);
	if (a->fd < 0 && errno != ENOENT)
		return -errno;
	r->found.is_new = a->fd < 0;
	if (r->found.is_new)
		return may_write ? write_anew(a) : 0;
	int result = read_file(a, r);
	return result == 0 && may_write ? cut_end(a, r->found.cut) : result;
}

int annals_open(struct annals **out, int vault_fd, bool may_write, struct annals_found *found)
{
	struct reading r = {.good = 0};
	struct annals *a = calloc(1, sizeof(*a));
	if (a == NULL)
		return -ENOMEM;
	a->vault_fd = vault_fd;
	int result = open_file(a, may_write, &r);
	if (result != 0) {
		annals_close(a);
		return result;
	}
	*found = r.found;
	*out = a;
	return 0;
}

void annals_close(struct annals *a)
{
	if (a == NULL)
		return;
	io_close(a->fd);
	free(a->events);
	free(a->routes);
	free(a->by_id);
	free(a->by_push);
	free(a);
}
