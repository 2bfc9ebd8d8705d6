/* What is missing, for a person: first the whole of it in a line, then each bundle, then what to do. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "common/verdict.h"
#include "inbox_gaps.h"

enum { NAME_WIDTH = 20, KIND_WIDTH = 20 };

static const char *ago(char out[static 32], const struct gaps *g, uint64_t then)
{
	return text_duration(out, 32, then < g->now ? g->now - then : 0);
}

/* The first line of an item, and those below it. */
static void begin(const char *name, const char *kind)
{
	printf("%-*s  %-*s  ", NAME_WIDTH, name, KIND_WIDTH, kind);
}

static void go_on(void)
{
	printf("%-*s  ", NAME_WIDTH, "");
}

/* ---- the whole of it ---- */

static const char *counted(char out[static 64], size_t count, const char *what)
{
	snprintf(out, 64, "%zu %s%s", count, what, count == 1 ? "" : "s");
	return out;
}

static void print_summary(const struct gaps *g)
{
	char when[32], text[64];
	if (gaps_are_none(g))
		printf("nothing is missing: ");
	else if (g->missing + g->lost_count + g->overdue == 0)
		printf("nothing is known to be missing: ");
	else if (g->missing > 0)
		printf("%zu missing: ", g->missing);
	else
		printf("no bundle that is offered is missing: ");
	printf("%s promised, %zu delivered, ", counted(text, g->catalogue.count, "bundle"), g->delivered);
	if (g->on_its_way > 0)
		printf("%zu on %s way, ", g->on_its_way, g->on_its_way == 1 ? "its" : "their");
	if (g->lost_count > 0)
		printf("%zu lost for good, ", g->lost_count);
	if (g->overdue > 0)
		printf("%s overdue, ", counted(text, g->overdue, "route"));
	if (g->repeated > 0)
		printf("%zu delivered under another number, ", g->repeated);
	if (g->past > 0)
		printf("%zu past their time, ", g->past);
	if (g->state.heartbeat > 0)
		printf("last heartbeat %s ago\n", ago(when, g, g->state.heartbeat));
	else
		puts("no heartbeat yet");
}

/* ---- one bundle ---- */

static const char *kind_of(const struct gap *gap)
{
	if (gap->damaged_s > 0 && missing_is_lost(gap->judgement.kind))
		return "damaged";
	switch (gap->judgement.kind) {
	case MISSING_UNSENT: return "not sent";
	case MISSING_WHOLE: return "lost as a whole";
	case MISSING_TAIL: return "its end was lost";
	case MISSING_PART: return "a part was lost";
	case MISSING_REFUSED: return "refused";
	case MISSING_WAITS: return json_get_text(gap->status, "state", "waiting");
	default: return "on its way";
	}
}

static void print_amount(const struct gaps *g, const struct gap *gap)
{
	char missing[32], all[32], since[32], when[32];
	uint64_t first = json_get_number(gap->status, "since", 0);
	uint64_t last = json_get_number(gap->status, "last_arrival", 0);
	uint32_t blocks = geometry_block_count(&gap->entry->geometry);
	text_size(missing, sizeof(missing), gap->missing_bytes);
	text_size(all, sizeof(all), gap->entry->geometry.object_len);
	printf("%s of %s missing", missing, all);
	if (blocks > 1)
		printf(" (%" PRIu32 " blocks)", blocks);
	if (first > 0)
		printf(", promised %s", text_time(since, sizeof(since), first));
	if (gap->damaged_s > 0)
		printf(", found damaged %s", text_time(since, sizeof(since), gap->damaged_s));
	if (last > 0 && last <= g->now)
		printf(", last datagram %s ago", ago(when, g, last));
	else if (missing_is_lost(gap->judgement.kind))
		printf(", nothing of it came");
	putchar('\n');
}

static void print_refusal(const struct gap *gap)
{
	char shown[SHOWN_BYTES];
	const char *verdict = json_get_text(gap->status, "verdict", "");
	int number = verdict_from_name(verdict);
	text_escape_name(shown, sizeof(shown), verdict);
	printf("%s [%s]\n", number > 0 ? verdict_explain(number) : "unknown", shown);
}

/* What to do about it, or what is done without anybody. */
static void print_advice(const struct gaps *g, const struct gap *gap)
{
	char by[32], left[32];
	const struct missing_judgement *j = &gap->judgement;
	go_on();
	if (j->kind == MISSING_REFUSED)
		puts("ask the sending side to push it again");
	else if (j->kind == MISSING_WAITS)
		puts("all of it is here; nothing more has to come of it");
	else if (j->kind == MISSING_UNSENT)
		puts("the sender is heard and sends nothing: look at the sending box, 'weir-outbox list'");
	else if (j->more == MORE_COMES && j->is_late)
		printf("repair is coming, and should have been here by %s: look for a loss that goes on\n",
		       text_time(by, sizeof(by), j->by));
	else if (j->more == MORE_COMES)
		printf("repair is coming, by %s at the latest, in %s: nobody has to do anything\n",
		       text_time(by, sizeof(by), j->by), text_duration(left, sizeof(left), j->by - g->now));
	else if (j->more == MORE_MAY_COME)
		puts("another pass may be coming; nothing is sent again after that");
	else if (j->more == MORE_UNKNOWN)
		puts("whether more is coming is not known while the sender is silent");
	else if (gap->resend[0] != 0)
		printf("no more is coming: read this to the sending side: resend %s\n", gap->resend);
	else
		puts("no more is coming: ask the sending side to push it again");
	if (gap->resend[0] == 0 || j->more == MORE_NOT)
		return;
	go_on();
	printf("sooner, when this is read to the sending side: resend %s\n", gap->resend);
}

static void print_gap(const struct gaps *g, const struct gap *gap)
{
	begin(gap->name, kind_of(gap));
	if (gap->judgement.kind == MISSING_REFUSED)
		print_refusal(gap);
	else
		print_amount(g, gap);
	print_advice(g, gap);
}

static void print_on_its_way(const struct gaps *g)
{
	for (size_t i = g->missing; i < g->missing + g->on_its_way; i++) {
		begin(g->gaps[i].name, json_get_text(g->gaps[i].status, "state", "promised"));
		print_amount(g, &g->gaps[i]);
	}
}

/* ---- what will not come ---- */

/* With its epoch, where it was lost in another one, too. */
static void lost_name_of(char out[static 96], const struct gaps *g, const struct lost_item *item)
{
	char name[BUNDLE_NAME_BYTES];
	bool is_ambiguous = false;
	for (size_t i = 0; i < g->lost_count; i++)
		is_ambiguous |= g->lost[i].id.route_id == item->id.route_id &&
				g->lost[i].id.number == item->id.number && g->lost[i].id.epoch != item->id.epoch;
	gaps_name(name, g, item->id.route_id, item->id.number);
	if (is_ambiguous)
		snprintf(out, 96, "%s@%016" PRIx64, name, item->id.epoch);
	else
		snprintf(out, 96, "%s", name);
}

static void print_lost(const struct gaps *g, const struct lost_item *item)
{
	char name[96], held[32], all[32], since[32];
	lost_name_of(name, g, item);
	begin(name, "lost for good");
	printf("%s", lost_why_explain(item->why));
	if (item->count > 1)
		printf(", and %" PRIu64 " numbers behind it", item->count - 1);
	if (item->object_bytes > 0)
		printf("; %s of %s had come", text_size(held, sizeof(held), item->held_bytes),
		       text_size(all, sizeof(all), item->object_bytes));
	printf(", %s", text_time(since, sizeof(since), item->at_s));
	uint64_t damaged_s = inbox_damaged_s(g->annals, &item->id);
	if (damaged_s > 0)
		printf("; it was here, and was found damaged %s", text_time(since, sizeof(since), damaged_s));
	putchar('\n');
	go_on();
	printf("have it pushed again if it is wanted, then: weir-inbox gaps --acknowledge %s --key FILE\n", name);
}

static void print_overdue(const struct gaps *g)
{
	for (size_t i = 0; i < g->expecting.count; i++) {
		char due[32], name[NAME_BYTES + 8];
		const struct expecting_route *route = &g->expecting.routes[i];
		if (route->expect.overdue_s == 0)
			continue;
		snprintf(name, sizeof(name), "route %s", route->name);
		begin(name, "overdue");
		printf("nothing has come that was expected by %s\n",
		       text_time(due, sizeof(due), route->expect.overdue_s));
		go_on();
		puts("ask the sending side whether it was pushed");
	}
}

/* ---- what is wrong with all of it ---- */

static void print_keep(const struct gaps *g, const struct gaps_state *s)
{
	char when[32];
	if (s->written == 0)
		puts("the receiver has never run here: start weir-keep and weir-catch");
	else if (s->is_stale && s->disk_is_full)
		printf("what weir-keep last wrote is %s old: the vault's disk is full, or it is not running\n",
		       ago(when, g, s->written));
	else if (s->is_stale)
		printf("weir-keep is not running: what it knew is %s old; start it\n",
		       ago(when, g, s->written));
}

static void print_state(const struct gaps *g)
{
	char when[32];
	const struct gaps_state *s = &g->state;
	print_keep(g, s);
	if (s->written != 0 && s->heartbeat == 0)
		puts("no heartbeat has come since weir-keep started: wait a moment, then check fibre, "
		     "address, port and link secret");
	else if (s->is_silent && !s->is_stale)
		printf("the sender has been silent for %s: check sender, fibre and link secret\n",
		       ago(when, g, s->heartbeat));
	if (s->is_incomplete)
		printf("the catalogue is incomplete: %" PRIu64 " of %" PRIu64
		       " pages have come, so more may be missing\n",
		       s->pages_held, s->pages);
	inbox_life_print(&g->life);
	if (s->disk_is_full)
		puts("the vault's disk is full: free space, or nothing more is kept");
	if (s->sender_registry > s->registry && s->registry > 0)
		printf("the sender uses registry %" PRIu64 ", here is %" PRIu64
		       ": it crosses the link by itself, or put it in place here\n",
		       s->sender_registry, s->registry);
}

void gaps_print(const struct gaps *g)
{
	print_summary(g);
	print_state(g);
	for (size_t i = 0; i < g->missing; i++)
		print_gap(g, &g->gaps[i]);
	for (size_t i = 0; i < g->lost_count; i++)
		print_lost(g, &g->lost[i]);
	print_overdue(g);
	inbox_print_way(g->status.view);
	print_on_its_way(g);
}
