#include "awaited.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "common/io.h"
#include "common/service.h"
#include "common/text.h"
#include "common/verdict.h"

enum { FILE_MODE = 0640, TEXT_BYTES = 256 };

static uint64_t now_s(void)
{
	time_t now = time(NULL);
	return now < 0 ? 0 : (uint64_t)now;
}

/* What people are to look at: whether it is here at all. */
static const char *describe_held(char out[static 64], struct spool *spool, const char *route)
{
	size_t held = 0;
	for (size_t i = 0; i < spool_count(spool); i++) {
		const struct spool_item *item = spool_at(spool, i);
		held += item->state == SPOOL_HELD && strcmp(item->release.statement.route, route) == 0;
	}
	if (held == 0)
		return "nothing was pushed";
	snprintf(out, 64, "%zu push%s of it %s held", held, held == 1 ? "" : "es", held == 1 ? "is" : "are");
	return out;
}

static void tell_overdue(void *context, const struct expecting_route *r)
{
	const struct releaser *releaser = context;
	char text[TEXT_BYTES], due[32], held[64];
	snprintf(text, sizeof(text), "nothing was released that was expected by %s: %s",
		 text_time(due, sizeof(due), r->expect.overdue_s),
		 describe_held(held, releaser->allowance.spool, r->name));
	service_event(LOG_WARNING, "E1055", "spool: route '%s': %s", r->name, text);
	char entry[TEXT_BYTES + NAME_BYTES + 16];
	snprintf(entry, sizeof(entry), "route %s: %s", r->name, text);
	book_alarm(releaser->book, "E1055", entry);
}

static void tell_late(void *context, const struct expecting_route *r, uint64_t was_due_s, uint64_t at_s)
{
	(void)context;
	char due[32], late[32];
	service_event(LOG_NOTICE, "E1056", "spool: route '%s': what was expected by %s was released, %s late", r->name,
		      text_time(due, sizeof(due), was_due_s),
		      text_duration(late, sizeof(late), at_s > was_due_s ? at_s - was_due_s : 0));
}

/* The newest number of this epoch; 0: none was released in it. */
static uint64_t newest(const struct spool *spool, const char *route, uint16_t id)
{
	uint64_t first = 0, last = 0;
	spool_head(spool, route, id, &first, &last);
	return last >= first ? last : 0;
}

static void look(void *context, const struct route *route, uint64_t since_s, struct expecting_sight *out)
{
	struct spool *spool = ((struct releaser *)context)->allowance.spool;
	out->mark = newest(spool, route->name, route->id);
	for (size_t i = 0; i < spool_count(spool); i++) {
		const struct spool_item *item = spool_at(spool, i);
		out->has_come |= item->state != SPOOL_HELD && item->release.released_at >= since_s &&
				 strcmp(item->release.statement.route, route->name) == 0;
	}
}

static void load(struct awaited *a, const struct releaser *releaser)
{
	int result = expecting_read(&a->expecting, spool_dir(releaser->allowance.spool));
	a->is_loaded = true;
	a->expecting.has_changed = result != 0;
	if (result != 0)
		service_event(LOG_ERR, "E1057", "spool: '" EXPECTING_FILE "' cannot be read, and is begun anew: %s",
			      result > 0 ? "it is damaged" : verdict_explain(result));
}

static int write_file(const struct awaited *a, int spool_dir_fd)
{
	char *text = NULL;
	size_t len = 0;
	int result = expecting_encode(&text, &len, &a->expecting);
	if (result == 0)
		result = io_write_file(spool_dir_fd, EXPECTING_FILE, text, len, FILE_MODE);
	free(text);
	return result;
}

static void store(struct awaited *a, const struct releaser *releaser)
{
	if (!a->is_followed || !a->expecting.has_changed)
		return;
	int result = write_file(a, spool_dir(releaser->allowance.spool));
	a->expecting.has_changed = result != 0;
	if (result != 0 && result != a->failure)
		service_event(LOG_ERR, "E1057", "spool: '" EXPECTING_FILE "' cannot be written: %s; what was told of may be "
			      "told of again after a restart", verdict_explain(result));
	a->failure = result;
}

void awaited_follow(struct awaited *a, struct releaser *releaser, bool is_new)
{
	const struct expecting_teller tell = {releaser, tell_overdue, tell_late};
	const uint64_t now = now_s();
	if (!a->is_loaded)
		load(a, releaser);
	/* what was told of a second ago is in the ledger by now: a crash between has it told of once more */
	store(a, releaser);
	if (is_new || !a->is_followed)
		a->is_followed = expecting_follow(&a->expecting, releaser->setup->registry, now, look, releaser, &tell) == 0;
	if (!a->is_followed)
		return; /* for want of memory; again in a second */
	for (size_t i = 0; i < a->expecting.count; i++) {
		struct expecting_route *r = &a->expecting.routes[i];
		expecting_see(&a->expecting, r, newest(releaser->allowance.spool, r->name, r->id), now, &tell);
	}
	expecting_turn(&a->expecting, now, &tell);
}

void awaited_close(struct awaited *a, struct releaser *releaser)
{
	if (a->is_followed)
		store(a, releaser);
	expecting_clear(&a->expecting);
}
