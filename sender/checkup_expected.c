#include "checkup_expected.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "asking.h"
#include "common/expecting.h"
#include "common/io.h"
#include "common/text.h"

static const char subject[] = "expected";

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

static void say_route(const struct expecting_route *r, const struct config *config, checkup_say *say, void *context)
{
	char detail[NAME_BYTES + 96], due[32], why[160];
	if (r->expect.overdue_s == 0) {
		snprintf(detail, sizeof(detail), "route %s, by %s%s", r->name, text_time(due, sizeof(due), r->expect.due_s),
			 r->expect.has_come ? ", which is released" : "");
		say(context, 0, subject, detail, "");
		return;
	}
	snprintf(detail, sizeof(detail), "route %s, by %s", r->name, text_time(due, sizeof(due), r->expect.overdue_s));
	snprintf(why, sizeof(why), "nothing was released; %s", next_step(config, r->name));
	say(context, -ETIMEDOUT, subject, detail, why);
}

void checkup_expected(const struct config *config, const struct registry *registry, checkup_say *say, void *context)
{
	struct expecting expecting = {.count = 0};
	uint64_t now = (uint64_t)time(NULL);
	int fd = io_open_dir(AT_FDCWD, config->spool);
	if (fd < 0)
		return; /* which is told of the spool */
	int result = expecting_read(&expecting, fd);
	io_close(fd);
	if (result == 0)
		result = expecting_follow(&expecting, registry, now, NULL, NULL, NULL);
	if (result != 0) {
		char file[CONFIG_PATH_BYTES + sizeof(EXPECTING_FILE) + 1];
		snprintf(file, sizeof(file), "%s/%s", config->spool, EXPECTING_FILE);
		say(context, result, subject, file, result > 0 ? "weir-hold begins it anew at its next start" : "");
	}
	/* as hold noted it last, and by the time that has gone by since */
	expecting_turn(&expecting, now, NULL);
	for (size_t i = 0; i < expecting.count; i++)
		say_route(&expecting.routes[i], config, say, context);
	expecting_clear(&expecting);
}
