#include "expecting.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bundle.h"
#include "io.h"
#include "text.h"
#include "verdict.h"

static const char title[] = "weir-expected 1\n";

enum { LINE_BYTES = NAME_BYTES + 4 * 21 + 2, FIELDS = 5 };

void expecting_clear(struct expecting *e)
{
	free(e->routes);
	*e = (struct expecting){.count = 0};
}

int expecting_encode(char **out, size_t *len, const struct expecting *e)
{
	size_t size = sizeof(title) + e->count * LINE_BYTES, at = sizeof(title) - 1;
	char *text = malloc(size);
	if (text == NULL)
		return -ENOMEM;
	memcpy(text, title, sizeof(title));
	for (size_t i = 0; i < e->count; i++) {
		const struct expecting_route *r = &e->routes[i];
		at += (size_t)snprintf(text + at, size - at, "%s %" PRIu64 " %" PRIu64 " %d %" PRIu64 "\n", r->name,
				       r->expect.due_s, r->expect.overdue_s, r->expect.has_come, r->mark);
	}
	*out = text;
	*len = at;
	return 0;
}

/* A field in decimal as snprintf writes it: text_parse_u64 takes no sign and no blank, and a zero in front is none. */
static bool take_number(uint64_t *out, const char *text, uint64_t most)
{
	return (text[0] != '0' || text[1] == 0) && text_parse_u64(out, text, most) == 0;
}

/* Without its line feed. */
static bool take_line(struct expecting_route *out, char *line)
{
	char *field[FIELDS], *rest = line;
	uint64_t come = 0;
	struct expecting_route r = {.id = 0};
	for (size_t i = 0; i < FIELDS; i++)
		if ((field[i] = strsep(&rest, " ")) == NULL)
			return false;
	if (rest != NULL || !name_is_valid(field[0]) || !take_number(&r.expect.due_s, field[1], INT64_MAX) ||
	    !take_number(&r.expect.overdue_s, field[2], INT64_MAX) || !take_number(&come, field[3], 1) ||
	    !take_number(&r.mark, field[4], UINT64_MAX))
		return false;
	snprintf(r.name, sizeof(r.name), "%s", field[0]);
	r.expect.has_come = come == 1;
	*out = r;
	return true;
}

static struct expecting_route *find_name(const struct expecting *e, const char *name)
{
	for (size_t i = 0; i < e->count; i++)
		if (strcmp(e->routes[i].name, name) == 0)
			return &e->routes[i];
	return NULL;
}

/* text is a copy that may be written into; ends with a zero. */
static int decode(struct expecting *e, char *text, size_t len)
{
	size_t head = sizeof(title) - 1, lines = 0;
	if (len > EXPECTING_BYTES_MAX || len < head || memcmp(text, title, head) != 0 || text[len - 1] != '\n' ||
	    strlen(text) != len)
		return VERDICT_DAMAGED;
	for (size_t i = head; i < len; i++)
		lines += text[i] == '\n';
	if (lines > EXPECTING_ROUTES_MAX)
		return VERDICT_DAMAGED;
	e->routes = calloc(lines + 1, sizeof(*e->routes));
	if (e->routes == NULL)
		return -ENOMEM;
	for (char *at = text + head, *end; (end = strchr(at, '\n')) != NULL; at = end + 1) {
		*end = 0;
		struct expecting_route route;
		if (!take_line(&route, at) || find_name(e, route.name) != NULL)
			return VERDICT_DAMAGED;
		e->routes[e->count++] = route;
	}
	return 0;
}

int expecting_decode(struct expecting *out, const char *text, size_t len)
{
	struct expecting e = {.count = 0};
	char *copy = malloc(len + 1);
	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, text, len);
	copy[len] = 0;
	int result = decode(&e, copy, len);
	free(copy);
	if (result != 0)
		expecting_clear(&e);
	else
		*out = e;
	return result;
}

int expecting_read(struct expecting *out, int dir_fd)
{
	uint8_t *text = NULL;
	size_t len = 0;
	int result = io_read_file(dir_fd, EXPECTING_FILE, EXPECTING_BYTES_MAX, &text, &len);
	if (result == -ENOENT) {
		*out = (struct expecting){.count = 0};
		return 0;
	}
	if (result == 0)
		result = expecting_decode(out, (const char *)text, len);
	free(text);
	return result == -EFBIG ? VERDICT_DAMAGED : result;
}

struct expecting_route *expecting_find(const struct expecting *e, uint16_t route_id)
{
	for (size_t i = 0; i < e->count; i++)
		if (e->routes[i].id == route_id)
			return &e->routes[i];
	return NULL;
}

void expecting_see(struct expecting *e, struct expecting_route *r, uint64_t mark, uint64_t now_s,
		   const struct expecting_teller *tell)
{
	uint64_t was_due_s = 0;
	if (mark <= r->mark)
		return;
	r->mark = mark;
	/* one more of what has come already changes nothing that the file must say */
	e->has_changed |= r->expect.overdue_s != 0 || !r->expect.has_come;
	if (expect_deliver(&r->expect, &was_due_s) == EXPECT_MET_LATE && tell != NULL)
		tell->late(tell->context, r, was_due_s, now_s);
}

void expecting_turn(struct expecting *e, uint64_t now_s, const struct expecting_teller *tell)
{
	for (size_t i = 0; i < e->count; i++) {
		struct expecting_route *r = &e->routes[i];
		const struct expect before = r->expect;
		enum expect_news news = expect_turn(&r->expect, now_s);
		e->has_changed |= r->expect.due_s != before.due_s || r->expect.overdue_s != before.overdue_s;
		if (news == EXPECT_OVERDUE && tell != NULL)
			tell->overdue(tell->context, r);
	}
}

/* As one that is expected from now on; false when nothing is. */
static bool begin_route(struct expecting_route *out, const struct route *route, uint64_t now_s, expecting_look *look,
			void *context)
{
	struct expecting_route r = {.id = route->id};
	struct expecting_sight sight = {.mark = 0};
	if (!expect_begin(&r.expect, route->expect, now_s))
		return false;
	if (look != NULL)
		look(context, route, r.expect.due_s - EXPECT_DAY_S, &sight);
	r.mark = sight.mark;
	r.expect.has_come = sight.has_come;
	snprintf(r.name, sizeof(r.name), "%s", route->name);
	*out = r;
	return true;
}

int expecting_follow(struct expecting *e, const struct registry *registry, uint64_t now_s, expecting_look *look,
		     void *context, const struct expecting_teller *tell)
{
	size_t route_count = registry_route_count(registry), count = 0;
	struct expecting_route *routes = calloc(route_count + 1, sizeof(*routes));
	if (routes == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < route_count; i++) {
		const struct route *route = registry_route_at(registry, i);
		const struct expecting_route *before = find_name(e, route->name);
		struct expecting_route *r = &routes[count];
		if (!begin_route(r, route, now_s, look, context))
			continue;
		count++;
		if (before == NULL)
			continue;
		uint64_t mark = r->mark;
		r->mark = before->mark;
		if (expect_is_same(&r->expect, &before->expect))
			r->expect = before->expect;
		else
			r->expect.overdue_s = before->expect.overdue_s;
		/* before the times that have passed are judged: it came when this was written last, or soon after */
		expecting_see(e, r, mark, now_s, tell);
	}
	/* where nothing is expected, and was not, there need not be a file */
	bool has_changed = e->has_changed || e->count + count > 0;
	expecting_clear(e);
	*e = (struct expecting){routes, count, has_changed};
	return 0;
}
