#include "checkup_expected.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "asking.h"
#include "common/expecting.h"
#include "common/io.h"
#include "common/text.h"

/* Of one route, what is here and not released. */
struct held {
	const char *route;
	size_t waiting, held;
};

static void count(void *context, const struct local_item *item)
{
	struct held *h = context;
	if (strcmp(item->route, h->route) != 0)
		return;
	h->waiting += item->state == LOCAL_WAITING;
	h->held += item->state == LOCAL_HELD;
}

/* What is to be done, by what hinders. */
static const char *next_step(const struct config *config, const char *route)
{
	struct held held = {.route = route};
	struct local_refused refused;
	if (asking_list(config->runtime, NULL, count, &held, &refused) != 0)
		return "start weir-hold, which then says what of it is here";
	if (held.held > 0)
		return "it was pushed and is held: 'weir-outbox list' says why";
	if (held.waiting > 0)
		return "it was pushed and waits for people: 'weir-outbox list' says for whom";
	return "push it, or ask who should have";
}

static void add_route(const struct check *check, const struct expecting_route *r)
{
	char due[32];
	if (r->expect.overdue_s == 0)
		report_add(check->report, FINDING_EXPECTED, FINDING_GREEN, "route %s, by %s%s", r->name,
			   text_time(due, sizeof(due), r->expect.due_s), r->expect.has_come ? ", which is released" : "");
	else
		finding_type(report_add(check->report, FINDING_EXPECTED, FINDING_RED, "route %s, by %s: nothing was released",
					r->name, text_time(due, sizeof(due), r->expect.overdue_s)),
			     "%s", next_step(check->config, r->name));
}

void checkup_expected(const struct check *check, const struct registry *registry)
{
	struct expecting expecting = {.count = 0};
	uint64_t now = (uint64_t)time(NULL);
	char file[2 * CONFIG_PATH_BYTES];
	int fd = io_open_dir(AT_FDCWD, check->config->spool);
	if (fd < 0)
		return; /* which is told of the spool */
	int result = expecting_read(&expecting, fd);
	io_close(fd);
	if (result == 0)
		result = expecting_follow(&expecting, registry, now, NULL, NULL, NULL);
	if (result != 0)
		finding_type(report_result(check->report, FINDING_EXPECTED, result, "%s/" EXPECTING_FILE,
					   text_escape_name(file, sizeof(file), check->config->spool)),
			     "systemctl restart weir-hold, which begins it anew");
	/* as hold noted it last, and by the time that has gone by since */
	expecting_turn(&expecting, now, NULL);
	for (size_t i = 0; i < expecting.count; i++)
		add_route(check, &expecting.routes[i]);
	expecting_clear(&expecting);
}
