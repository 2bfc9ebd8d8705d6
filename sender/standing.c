#include "standing.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io.h"
#include "common/text.h"
#include "common/trusted.h"
#include "common/verdict.h"

#define FOLDER "orders"
#define REVOKED ".revoked"

enum {
	DIR_MODE = 0750,
	FILE_MODE = 0640,
	NAME_SIZE = 2 * ORDER_ID_BYTES + 1 + NAME_BYTES + sizeof(REVOKED),
	DAY_S = 86400,
	/* an order is signed at most its longest life before it begins (ORDER.md 3) */
	REVOCATION_LIFE_S = 2 * ORDER_LIFE_MAX_S + DAY_S,
	VERSION = 1,
	SUITE = 1,
	CLOCK_SLACK_S = 3600, /* SECURITY.md 1 */
};

struct standing {
	int dir_fd;
	size_t unreadable; /* files at the start */
	size_t order_count;
	struct order *orders;           /* STANDING_ORDERS_MAX */
	size_t revocation_count;
	struct revocation *revocations; /* STANDING_REVOCATIONS_MAX */
};

const char revocation_domain[] = "weir1 revoke";
static const char magic[8] = {'W', 'E', 'I', 'R', 'R', 'V', 'O', 'K'};

void revocation_input(uint8_t out[static REVOCATION_BYTES], const struct revocation *r)
{
	struct writer w = writer_of(out, REVOCATION_BYTES);
	write_bytes(&w, magic, sizeof(magic));
	write_u16(&w, VERSION);
	write_u16(&w, SUITE);
	write_u32(&w, 0);
	write_bytes(&w, r->order_id, ORDER_ID_BYTES);
	write_bytes(&w, r->route, NAME_BYTES);
	write_bytes(&w, r->person, NAME_BYTES);
	write_bytes(&w, r->key_id, KEY_ID_BYTES);
	write_u64(&w, r->at);
}

size_t revocation_encode(uint8_t out[static REVOCATION_ENCODED_MAX], const struct revocation *r)
{
	struct writer w = writer_of(out, REVOCATION_ENCODED_MAX);
	revocation_input(out, r);
	w.at = REVOCATION_BYTES;
	signature_write(&w, &r->signature);
	return w.at;
}

int revocation_decode(struct revocation *out, const uint8_t *in, size_t len)
{
	struct revocation r = {0};
	struct reader reader = reader_of(in, len);
	const uint8_t *got = read_view(&reader, sizeof(magic));
	if (got == NULL)
		return VERDICT_TRUNCATED;
	if (memcmp(got, magic, sizeof(magic)) != 0)
		return VERDICT_BAD_MAGIC;
	if (reader_left(&reader) < REVOCATION_BYTES - sizeof(magic))
		return VERDICT_TRUNCATED;
	if (read_u16(&reader) != VERSION)
		return VERDICT_UNKNOWN_VERSION;
	if (read_u16(&reader) != SUITE)
		return VERDICT_UNKNOWN_SUITE;
	if (!read_zeros(&reader, 4))
		return VERDICT_BAD_RESERVED;
	read_bytes(&reader, r.order_id, ORDER_ID_BYTES);
	read_bytes(&reader, r.route, NAME_BYTES);
	read_bytes(&reader, r.person, NAME_BYTES);
	read_bytes(&reader, r.key_id, KEY_ID_BYTES);
	r.at = read_u64(&reader);
	if (bytes_are_zero(r.order_id, ORDER_ID_BYTES))
		return VERDICT_BAD_LIMIT;
	if (!name32_is_valid(r.route) || !name32_is_valid(r.person))
		return VERDICT_BAD_NAME;
	int result = signature_read(&r.signature, &reader);
	if (result == 0 && reader_left(&reader) != 0)
		result = VERDICT_TRAILING_BYTES;
	if (result == 0)
		*out = r;
	return result;
}

static void order_name(char out[static NAME_SIZE], const struct order *order)
{
	char hex[2 * ORDER_ID_BYTES + 1];
	snprintf(out, NAME_SIZE, "%s.%s", text_hex(hex, sizeof(hex), order->id, ORDER_ID_BYTES),
		 order->route);
}

static void revocation_name(char out[static NAME_SIZE], const struct revocation *r)
{
	char hex[2 * ORDER_ID_BYTES + 1];
	snprintf(out, NAME_SIZE, "%s.%s" REVOKED, text_hex(hex, sizeof(hex), r->order_id, ORDER_ID_BYTES),
		 r->route);
}

/* A file under a name that is not its own is none of ours. */
static int read_order(struct standing *s, const char *name, const uint8_t *data, size_t len)
{
	char wanted[NAME_SIZE];
	struct order order;
	if (s->order_count == STANDING_ORDERS_MAX)
		return VERDICT_BAD_LIMIT;
	int result = order_decode(&order, data, len);
	if (result != 0)
		return result;
	order_name(wanted, &order);
	if (strcmp(wanted, name) != 0 || order.kind != ORDER_RELEASE)
		return VERDICT_BAD_NAME;
	s->orders[s->order_count++] = order;
	return 0;
}

static int read_revocation(struct revocation *out, const char *name, const uint8_t *data, size_t len)
{
	char wanted[NAME_SIZE];
	struct revocation revocation;
	int result = revocation_decode(&revocation, data, len);
	if (result != 0)
		return result;
	revocation_name(wanted, &revocation);
	if (strcmp(wanted, name) != 0)
		return VERDICT_BAD_NAME;
	*out = revocation;
	return 0;
}

static bool is_revocation(const char *name)
{
	size_t len = strlen(name);
	return len > sizeof(REVOKED) - 1 && strcmp(name + len - (sizeof(REVOKED) - 1), REVOKED) == 0;
}

/* What a damaged revocation still says: what was revoked must not come back by a bad sector. */
static bool revoked_by_name(struct revocation *out, const char *name)
{
	char hex[2 * ORDER_ID_BYTES + 1], wanted[NAME_SIZE];
	struct revocation r = {.at = INT64_MAX};
	size_t len = strlen(name);
	if (len <= sizeof(hex) || len - sizeof(hex) - (sizeof(REVOKED) - 1) >= NAME_BYTES)
		return false;
	memcpy(hex, name, sizeof(hex) - 1);
	hex[sizeof(hex) - 1] = 0;
	memcpy(r.route, name + sizeof(hex), len - sizeof(hex) - (sizeof(REVOKED) - 1));
	if (text_unhex(r.order_id, ORDER_ID_BYTES, hex) != 0 || !name32_is_valid(r.route))
		return false;
	revocation_name(wanted, &r);
	if (strcmp(wanted, name) != 0)
		return false;
	*out = r;
	return true;
}

/* What could not be read is bad also when its name is enough. */
static int read_file(struct standing *s, const char *name)
{
	uint8_t *data = NULL;
	size_t len = 0;
	struct revocation *revocation = &s->revocations[s->revocation_count];
	int result = io_read_file(s->dir_fd, name, ORDER_BYTES_MAX, &data, &len);
	if (!is_revocation(name)) {
		result = result != 0 ? result : read_order(s, name, data, len);
	} else if (s->revocation_count == STANDING_REVOCATIONS_MAX) {
		result = VERDICT_BAD_LIMIT;
	} else {
		result = result != 0 ? result : read_revocation(revocation, name, data, len);
		if (result == 0 || revoked_by_name(revocation, name))
			s->revocation_count++;
	}
	free(data);
	return result;
}

static int read_name(int dir_fd, const char *name, void *context)
{
	struct standing *s = context;
	(void)dir_fd;
	if (name[0] != '.' && read_file(s, name) != 0)
		s->unreadable++;
	return 0;
}

/* So that they stand in the same order, and are tried in it, after a restart. */
static int compare_orders(const void *a, const void *b)
{
	const struct order *x = a, *y = b;
	int by_route = strcmp(x->route, y->route);
	return by_route != 0 ? by_route : memcmp(x->id, y->id, ORDER_ID_BYTES);
}

static int compare_revocations(const void *a, const void *b)
{
	const struct revocation *x = a, *y = b;
	int by_route = strcmp(x->route, y->route);
	return by_route != 0 ? by_route : memcmp(x->order_id, y->order_id, ORDER_ID_BYTES);
}

static void sort(struct standing *s)
{
	if (s->order_count > 0)
		qsort(s->orders, s->order_count, sizeof(*s->orders), compare_orders);
	if (s->revocation_count > 0)
		qsort(s->revocations, s->revocation_count, sizeof(*s->revocations), compare_revocations);
}

int standing_open(struct standing **out, int spool_dir, size_t *bad)
{
	struct standing *s = calloc(1, sizeof(*s));
	if (s == NULL)
		return -ENOMEM;
	s->dir_fd = -1;
	s->orders = calloc(STANDING_ORDERS_MAX, sizeof(*s->orders));
	s->revocations = calloc(STANDING_REVOCATIONS_MAX + 1, sizeof(*s->revocations));
	int result = s->orders == NULL || s->revocations == NULL
			     ? -ENOMEM
			     : io_make_dir(spool_dir, FOLDER, DIR_MODE);
	if (result == 0)
		result = trusted_open_dir(&s->dir_fd, spool_dir, FOLDER);
	if (result == 0)
		result = io_fsync(spool_dir);
	if (result == 0)
		result = io_each_name(io_open_dir(spool_dir, FOLDER), read_name, s);
	if (result != 0) {
		standing_close(s);
		return result;
	}
	sort(s);
	*bad = s->unreadable;
	*out = s;
	return 0;
}

void standing_close(struct standing *s)
{
	if (s == NULL)
		return;
	io_close(s->dir_fd);
	free(s->orders);
	free(s->revocations);
	free(s);
}

/* 0 when none of this id is there on its route, 1 when it is this one, -EEXIST when it is another. */
static int find_loaded(const struct standing *s, const struct order *order)
{
	uint8_t bytes[ORDER_BYTES_MAX], other[ORDER_BYTES_MAX];
	size_t len = order_encode(bytes, order);
	for (size_t i = 0; i < s->order_count; i++)
		if (memcmp(s->orders[i].id, order->id, ORDER_ID_BYTES) == 0 &&
		    strcmp(s->orders[i].route, order->route) == 0)
			return order_encode(other, &s->orders[i]) == len && memcmp(bytes, other, len) == 0
				       ? 1
				       : -EEXIST;
	return 0;
}

int standing_check(const struct standing *s, const struct order *order, const struct standing_site *site)
{
	if (order->kind != ORDER_RELEASE)
		return VERDICT_NOT_ALLOWED;
	if (memcmp(order->machine.id, site->box, KEY_ID_BYTES) != 0)
		return VERDICT_WRONG_KEY;
	if (standing_is_revoked(s, order->id, order->route))
		return VERDICT_REVOKED;
	int result = order_check(order, site->registry,
				 site->now < order->not_before ? order->not_before : site->now);
	if (result != 0)
		return result;
	result = find_loaded(s, order);
	if (result != 0)
		return result > 0 ? VERDICT_OK : result;
	return s->order_count == STANDING_ORDERS_MAX ? VERDICT_BAD_LIMIT : VERDICT_OK;
}

int standing_load(struct standing *s, const struct order *order, const struct standing_site *site)
{
	uint8_t bytes[ORDER_BYTES_MAX];
	char name[NAME_SIZE];
	int result = standing_check(s, order, site);
	if (result != 0 || find_loaded(s, order) != 0)
		return result;
	order_name(name, order);
	/* not io_create_file: a damaged one, which does not count, may lie there */
	result = io_write_file(s->dir_fd, name, bytes, order_encode(bytes, order), FILE_MODE);
	if (result == 0) {
		s->orders[s->order_count++] = *order;
		sort(s);
	}
	return result;
}

static int judge_revocation(const struct revocation *r, const struct registry *registry, uint64_t now)
{
	uint8_t input[REVOCATION_BYTES];
	const struct route *route = registry_route(registry, r->route);
	const struct party *person = registry_party(registry, KEY_PERSON, r->person);
	if (route == NULL)
		return VERDICT_UNKNOWN_ROUTE;
	if (person == NULL || memcmp(person->card.id, r->key_id, KEY_ID_BYTES) != 0)
		return VERDICT_UNKNOWN_KEY;
	if (route_allows_operator(route, person) != 0 && route_allows_officer(route, person) != 0)
		return VERDICT_NOT_ALLOWED;
	int result = party_check(person, now);
	if (result != 0)
		return result;
	if (r->at > now + CLOCK_SLACK_S || r->at + CLOCK_SLACK_S < now)
		return VERDICT_BAD_TIME;
	revocation_input(input, r);
	return signature_verify(&r->signature, revocation_domain, input, sizeof(input), person);
}

/* Its index, or the count when there is none. */
static size_t find_revocation(const struct standing *s, const uint8_t *order_id, const char *route)
{
	size_t i = 0;
	while (i < s->revocation_count &&
	       (memcmp(s->revocations[i].order_id, order_id, ORDER_ID_BYTES) != 0 ||
		strcmp(s->revocations[i].route, route) != 0))
		i++;
	return i;
}

/* One person's share of them is used up long before there is no room for the others. */
static bool has_room(const struct standing *s, const struct revocation *revocation)
{
	size_t of_key = 0;
	for (size_t i = 0; i < s->revocation_count; i++)
		of_key += memcmp(s->revocations[i].key_id, revocation->key_id, KEY_ID_BYTES) == 0;
	return of_key < STANDING_REVOCATIONS_A_KEY && s->revocation_count < STANDING_REVOCATIONS_MAX;
}

int standing_check_revocation(const struct standing *s, const struct revocation *revocation,
			      const struct registry *registry, uint64_t now)
{
	int result = judge_revocation(revocation, registry, now);
	if (result != 0 || standing_is_revoked(s, revocation->order_id, revocation->route))
		return result;
	return has_room(s, revocation) ? VERDICT_OK : VERDICT_BAD_LIMIT;
}

int standing_revoke(struct standing *s, const struct revocation *revocation,
		    const struct registry *registry, uint64_t now)
{
	uint8_t bytes[REVOCATION_ENCODED_MAX];
	char name[NAME_SIZE];
	int result = standing_check_revocation(s, revocation, registry, now);
	if (result != 0)
		return result;
	size_t at = find_revocation(s, revocation->order_id, revocation->route);
	if (at < s->revocation_count && s->revocations[at].person[0] != 0)
		return 0;
	revocation_name(name, revocation);
	result = io_write_file(s->dir_fd, name, bytes, revocation_encode(bytes, revocation), FILE_MODE);
	/* a full disk must not keep an order alive: until the next start it is revoked all the same */
	s->revocations[at] = *revocation;
	if (result != 0)
		s->revocations[at].person[0] = 0;
	s->revocation_count += at == s->revocation_count;
	sort(s);
	return result;
}

bool standing_is_revoked(const struct standing *s, const uint8_t order_id[static ORDER_ID_BYTES],
			 const char *route)
{
	return find_revocation(s, order_id, route) < s->revocation_count;
}

bool standing_has_revocation(const struct standing *s, const struct revocation *revocation)
{
	size_t at = find_revocation(s, revocation->order_id, revocation->route);
	return at < s->revocation_count && strcmp(s->revocations[at].person, revocation->person) == 0;
}

bool standing_has(const struct standing *s, const struct order *order)
{
	return find_loaded(s, order) > 0;
}

size_t standing_count(const struct standing *s)
{
	return s->order_count;
}

const struct order *standing_at(const struct standing *s, size_t index)
{
	assert(index < s->order_count);
	return &s->orders[index];
}

size_t standing_revocation_count(const struct standing *s)
{
	return s->revocation_count;
}

const struct revocation *standing_revocation_at(const struct standing *s, size_t index)
{
	assert(index < s->revocation_count);
	return &s->revocations[index];
}

void standing_retire(struct standing *s, uint64_t now)
{
	char name[NAME_SIZE];
	for (size_t i = s->order_count; i-- > 0;) {
		if (now <= s->orders[i].not_after + DAY_S)
			continue;
		order_name(name, &s->orders[i]);
		/* one that cannot be removed has ended all the same */
		(void)unlinkat(s->dir_fd, name, 0);
		memmove(&s->orders[i], &s->orders[i + 1], (--s->order_count - i) * sizeof(s->orders[0]));
	}
	for (size_t i = s->revocation_count; i-- > 0;) {
		if (now <= s->revocations[i].at + REVOCATION_LIFE_S)
			continue;
		revocation_name(name, &s->revocations[i]);
		(void)unlinkat(s->dir_fd, name, 0);
		memmove(&s->revocations[i], &s->revocations[i + 1],
			(--s->revocation_count - i) * sizeof(s->revocations[0]));
	}
}
