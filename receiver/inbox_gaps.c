#include "inbox_gaps.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/diskfill.h"
#include "common/cursor.h"
#include "common/io.h"
#include "common/openbundle.h"
#include "common/text.h"
#include "common/verdict.h"
#include "gapcode.h"
#include "registrar.h"

static int compare_items(const void *a, const void *b)
{
	const struct vault_item *x = a, *y = b;
	if (x->epoch != y->epoch)
		return x->epoch < y->epoch ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* By what lies in the vault under its name, or by the annals, whatever its route is called now. */
static enum inbox_fate fate_of(const struct gaps *g, const struct entry *entry, const char *name)
{
	const struct bundle_id id = {entry->epoch, entry->number, entry->route_id};
	struct vault_item wanted = {.epoch = entry->epoch};
	snprintf(wanted.name, sizeof(wanted.name), "%s", name);
	if (g->registry != NULL && open_route_name(g->registry, entry->route_id) != NULL &&
	    bsearch(&wanted, g->items, g->item_count, sizeof(wanted), compare_items) != NULL)
		return FATE_DELIVERED;
	return inbox_fate_of(g->annals, g->vault, &id);
}

void gaps_name(char out[static BUNDLE_NAME_BYTES], const struct gaps *g, uint16_t route_id, uint64_t number)
{
	const char *route = g->registry == NULL ? NULL : open_route_name(g->registry, route_id);
	char by_id[NAME_BYTES];
	snprintf(by_id, sizeof(by_id), "route%u", route_id);
	bundle_name(out, route != NULL ? route : by_id, number);
}

/*
 * What keep knows of a bundle; an empty view when it has not told.  By its numbers: keep may have
 * another registry loaded, and another name for the route.
 */
static struct json_view find_status(const struct gaps *g, const char *epoch,
				    const struct entry *entry)
{
	struct json_view bundles = json_get(g->status.view, "bundles");
	for (size_t i = 0; i < json_count(bundles); i++) {
		struct json_view bundle = json_at(bundles, i);
		if (json_get_number(bundle, "route_id", 0) == entry->route_id &&
		    json_get_number(bundle, "number", 0) == entry->number &&
		    strcmp(json_get_text(bundle, "epoch", ""), epoch) == 0)
			return bundle;
	}
	return (struct json_view){NULL};
}

static uint64_t missing_bytes(const struct entry *entry, struct json_view bundle)
{
	uint64_t held = json_get_number(bundle, "held_bytes", 0);
	uint64_t object = entry->geometry.object_len;
	return json_get_number(bundle, "missing_bytes", held < object ? object - held : 0);
}

/* Where keep has told nothing of it, the catalogue says whether a pass of it had ended when that was stored. */
static struct missing_facts facts_of(const struct gap *gap)
{
	const char *state = json_get_text(gap->status, "state", "promised");
	bool is_refused = strcmp(state, "refused") == 0;
	return (struct missing_facts){
		.is_refused = is_refused,
		.is_repeated = is_refused && strcmp(json_get_text(gap->status, "verdict", ""), GAPS_REPEATED) == 0,
		.is_whole = strncmp(state, "waiting-", 8) == 0 || strcmp(state, "checking") == 0,
		.has_come = json_get_number(gap->status, "held_bytes", 0) > 0,
		.is_tail = json_get_bool(gap->status, "lacks_tail", false),
		.since_s = json_get_number(gap->status, "since", 0),
		.passed_s = json_get_number(gap->status, "passed", gap->entry->passes > 0),
		.offered_until = gap->entry->offered_until,
	};
}

/* The file is whoever's who can write the vault: what is too large is as good as nothing. */
static uint32_t small_number(struct json_view bundle, const char *key)
{
	uint64_t number = json_get_number(bundle, key, 0);
	return number <= BLOCKS_MAX ? (uint32_t)number : 0;
}

/* A code is for a number below 2^48, as every number is that a catalogue names. */
static void choose_code(struct gap *gap)
{
	const struct gapcode_lack lack = {
		.has_begun = json_get_number(gap->status, "held_bytes", 0) > 0,
		.worst_rows = small_number(gap->status, "worst_rows"),
		.blocks_missing = small_number(gap->status, "blocks_missing"),
		.first_missing_block = small_number(gap->status, "first_missing_block"),
	};
	struct resendcode code = gapcode_choose(gap->entry, &lack);
	if (!missing_is_lost(gap->judgement.kind) || resendcode_write(gap->resend, &code, gap->entry->epoch) == NULL)
		gap->resend[0] = 0;
}

/* What is only being checked is as good as on its way. */
static bool is_wrong(const struct gap *gap)
{
	return missing_is_wrong(gap->judgement.kind) &&
	       (gap->judgement.kind != MISSING_WAITS ||
		strcmp(json_get_text(gap->status, "state", ""), "checking") != 0);
}

static int compare_gaps(const void *a, const void *b)
{
	const struct gap *x = a, *y = b;
	if (is_wrong(x) != is_wrong(y))
		return is_wrong(x) ? -1 : 1;
	int order = strcmp(x->name, y->name);
	return order != 0 ? order : strcmp(x->epoch, y->epoch);
}

static void add_gap(struct gaps *g, const struct entry *entry, const char *name)
{
	struct gap *gap = &g->gaps[g->missing + g->on_its_way];
	*gap = (struct gap){.entry = entry};
	snprintf(gap->name, sizeof(gap->name), "%s", name);
	snprintf(gap->epoch, sizeof(gap->epoch), "%016" PRIx64, entry->epoch);
	gap->status = find_status(g, gap->epoch, entry);
	gap->missing_bytes = missing_bytes(entry, gap->status);
	gap->damaged_s = inbox_damaged_s(g->annals, &(struct bundle_id){entry->epoch, entry->number, entry->route_id});
	struct missing_facts facts = facts_of(gap);
	missing_judge(&gap->judgement, &facts, &g->link, g->now);
	choose_code(gap);
	if (gap->judgement.kind == MISSING_REPEATED)
		g->repeated++;
	else if (is_wrong(gap))
		g->missing++;
	else
		g->on_its_way++;
}

static int compare(struct gaps *g)
{
	g->gaps = calloc(g->catalogue.count + 1, sizeof(*g->gaps));
	if (g->gaps == NULL)
		return command_fail(-ENOMEM, "cannot compare");
	for (size_t i = 0; i < g->catalogue.count; i++) {
		const struct entry *entry = &g->catalogue.entries[i];
		char name[BUNDLE_NAME_BYTES];
		gaps_name(name, g, entry->route_id, entry->number);
		enum inbox_fate fate = fate_of(g, entry, name);
		g->destroyed += fate == FATE_DESTROYED;
		if (fate == FATE_DELIVERED)
			g->delivered++;
		else if (fate == FATE_DESTROYED || entry->destroy_by < g->now)
			g->past++;
		else
			add_gap(g, entry, name);
	}
	qsort(g->gaps, g->missing + g->on_its_way, sizeof(*g->gaps), compare_gaps);
	return EXIT_DONE;
}

static bool is_promised(const struct gaps *g, const struct bundle_id *id)
{
	for (size_t i = 0; i < g->catalogue.count; i++) {
		const struct entry *entry = &g->catalogue.entries[i];
		if (entry->number == id->number && entry->epoch == id->epoch && entry->route_id == id->route_id)
			return true;
	}
	return false;
}

/* Lost while nobody offered it, and delivered since: an older sender had it still. */
static bool has_come(const struct gaps *g, const struct bundle_id *id)
{
	struct annal annal;
	return annals_find(g->annals, id, &annal) && annal.what != ANNAL_DAMAGED;
}

/* What is offered again is shown as that. */
static void leave_out_promised(struct gaps *g)
{
	size_t count = 0;
	for (size_t i = 0; i < g->lost_count; i++) {
		const struct bundle_id *id = &g->lost[i].id;
		if (g->lost[i].count > 1 || (!is_promised(g, id) && !has_come(g, id)))
			g->lost[count++] = g->lost[i];
	}
	g->lost_count = count;
}

static void take_link(struct gaps *g)
{
	struct json_view view = g->status.view;
	g->link = (struct missing_link){
		.heartbeat_s = json_get_number(view, "last_heartbeat", 0),
		.heard_since_s = json_get_number(view, "heard_since", 0),
		.waiting = json_get_number(view, "waiting_bytes", 0),
		.busy_s = json_get_number(view, "busy", 0),
		.heal_rate = json_get_number(view, "heal_rate", 0),
		.heal_round = json_get_number(view, "heal_round_bytes", 0),
		.data_s = json_get_number(view, "last_data", 0),
	};
}

static struct gaps_state state_of(const struct gaps *g)
{
	struct json_view view = g->status.view;
	struct gaps_state s = {
		.written = json_get_number(view, "time", 0),
		.heartbeat = g->link.heartbeat_s,
		.pages = json_get_number(view, "pages", 0),
		.pages_held = json_get_number(view, "pages_held", 0),
		.registry = json_get_number(view, "registry_version", 0),
		.sender_registry = json_get_number(view, "sender_registry_version", 0),
	};
	/* keep cannot tell of a disk on which it can no longer write its status */
	int percent = diskfill_percent(g->vault);
	s.disk_is_full = json_get_bool(view, "disk_full", false) ||
			 (percent >= 0 && (uint32_t)percent >= g->disk_full_percent);
	s.is_stale = s.written + GAPS_STALE_S < g->now;
	s.is_silent = missing_is_silent(&g->link, g->now);
	/* while bundles are pushed there is always a newer one, whose pages are on their way */
	bool is_behind = s.pages_held < s.pages || json_get_number(view, "generation", 0) > g->catalogue.generation;
	s.is_incomplete = is_behind && json_get_number(view, "caught_up", 0) + GAPS_BEHIND_S < g->now;
	return s;
}

bool gaps_are_known(const struct gaps *g)
{
	const struct gaps_state *s = &g->state;
	return !inbox_life_went_back(&g->life) && !s->is_stale && !s->is_silent && !s->is_incomplete && !s->disk_is_full;
}

bool gaps_are_none(const struct gaps *g)
{
	return g->missing == 0 && g->lost_count == 0 && g->overdue == 0 && g->damaged == 0 && !g->is_put_back &&
	       gaps_are_known(g);
}

/* As keep noted it last, and by the time that has gone by since. */
static int find_overdue(struct gaps *g)
{
	int result = expecting_read(&g->expecting, g->vault);
	if (result == 0)
		result = expecting_follow(&g->expecting, g->registry, g->now, NULL, NULL, NULL);
	if (result != 0)
		return command_fail(result, "cannot read what is expected, the vault's 'expected'");
	expecting_turn(&g->expecting, g->now, NULL);
	for (size_t i = 0; i < g->expecting.count; i++)
		g->overdue += g->expecting.routes[i].expect.overdue_s != 0;
	return EXIT_DONE;
}

static int check_page(const struct gaps *g, const uint8_t *message, size_t len)
{
	struct page page;
	int result = page_decode(&page, message, len);
	if (result != 0)
		return result;
	const struct party *box = registry_party_by_key(g->registry, KEY_SENDER, page.box_key);
	return box == NULL ? VERDICT_UNKNOWN_KEY
			   : message_verify(message, len, box->card.public_key);
}

/* A promise counts as one when the sender's box has signed it; the vault is only where it lies. */
static int check_catalogue(const struct gaps *g, int vault_fd)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	int result = vault_catalogue_read(vault_fd, &bytes, &len);
	if (result != 0)
		return result == -ENOENT ? 0 : result;
	struct reader r = reader_of(bytes, len);
	while (result == 0 && reader_left(&r) > 0) {
		uint16_t message_len = read_u16(&r);
		const uint8_t *message = read_view(&r, message_len);
		result = message == NULL ? VERDICT_TRUNCATED : check_page(g, message, message_len);
	}
	free(bytes);
	return result;
}

int gaps_load_registry(struct gaps *g, const struct inbox *inbox)
{
	char problem[PROBLEM_BYTES] = "", shown[SHOWN_BYTES];
	const char *path = inbox->config.registry;
	text_escape_name(shown, sizeof(shown), path);
	int result = registry_load(&g->registry, path, inbox->roots, problem);
	if (result == 0) {
		/* as keep does; one that counts nothing changes nothing, and keep tells of it */
		(void)registrar_prefer(&g->registry, inbox->vault, inbox->roots);
		return EXIT_DONE;
	}
	if (problem[0] == 0)
		return command_fail(result, "registry '%s'", shown);
	command_say("%s:%s [%s]", shown, problem, verdict_name(result));
	return EXIT_REFUSED;
}

static int load(struct gaps *g, const struct inbox *inbox)
{
	int code = gaps_load_registry(g, inbox);
	if (code != EXIT_DONE)
		return code;
	int result = check_catalogue(g, inbox->vault);
	if (result == 0)
		result = vault_catalogue_load(inbox->vault, &g->catalogue);
	if (result != 0)
		return command_fail(result, "cannot read the vault's catalogue");
	result = vault_list(inbox->vault, &g->items, &g->item_count);
	if (result != 0)
		return command_fail(result, "cannot read the vault");
	if (g->item_count > 0)
		qsort(g->items, g->item_count, sizeof(*g->items), compare_items);
	struct annals_found found;
	result = annals_open(&g->annals, inbox->vault, false, &found);
	if (result != 0)
		return command_fail(result, "cannot read the annals of the vault");
	result = lost_load(inbox->vault, &g->lost, &g->lost_count);
	if (result != 0)
		return command_fail(result, "cannot read what is lost, the vault's 'lost'");
	result = inbox_life_load(&g->life, inbox->vault);
	if (result != 0)
		return command_fail(result, "cannot read the vault's file 'heard'");
	result = inbox_status_load(&g->status, inbox->vault);
	if (result != 0 && result != -ENOENT)
		return command_fail(result, "cannot read the vault's status.json");
	return EXIT_DONE;
}

static int find(struct gaps *g, const struct inbox *inbox)
{
	int code = load(g, inbox);
	if (code != EXIT_DONE)
		return code;
	take_link(g);
	g->state = state_of(g);
	leave_out_promised(g);
	code = compare(g);
	return code == EXIT_DONE ? find_overdue(g) : code;
}

static void forget(struct gaps *g)
{
	free(g->catalogue.entries);
	free(g->items);
	free(g->gaps);
	free(g->lost);
	annals_close(g->annals);
	json_free(g->damaged_array);
	expecting_clear(&g->expecting);
	inbox_status_free(&g->status);
	inbox_life_free(&g->life);
	registry_free(g->registry);
}

static bool is_of(const struct bundle_id *id, uint64_t epoch, uint16_t route_id, uint64_t number)
{
	return id->epoch == epoch && id->route_id == route_id && id->number == number;
}

/* Each loss is told of once: where it is said whether it will come. */
static bool is_told(const void *context, const struct bundle_id *id)
{
	const struct gaps *g = context;
	for (size_t i = 0; i < g->missing + g->on_its_way; i++)
		if (is_of(id, g->gaps[i].entry->epoch, g->gaps[i].entry->route_id, g->gaps[i].entry->number))
			return true;
	for (size_t i = 0; i < g->lost_count; i++)
		if (is_of(id, g->lost[i].id.epoch, g->lost[i].id.route_id, g->lost[i].id.number))
			return true;
	return false;
}

static int show(const struct inbox *inbox, bool json)
{
	struct gaps g = {
		.now = (uint64_t)time(NULL),
		.vault = inbox->vault,
		.disk_full_percent = inbox->config.disk_full_percent,
		.damaged_array = json ? json_array_new() : NULL,
	};
	int code = find(&g, inbox);
	if (code == EXIT_DONE) {
		g.damaged = inbox_tell_damaged(g.annals, g.damaged_array, is_told, &g);
		g.is_put_back = inbox_tell_put_back(inbox->vault, json);
	}
	if (code == EXIT_DONE && json)
		code = gaps_print_json(&g);
	else if (code == EXIT_DONE)
		gaps_print(&g);
	if (code == EXIT_DONE && !gaps_are_none(&g))
		code = EXIT_MISSING;
	forget(&g);
	return code;
}

int inbox_gaps(int argc, char **argv)
{
	struct inbox_options options;
	struct inbox inbox;
	int code = inbox_parse(&options, argc, argv, "cjakfP");
	if (code != EXIT_DONE)
		return code;
	if (options.argument_count != 0)
		code = command_usage("'gaps' takes no argument");
	if (code == EXIT_DONE && options.acknowledge != NULL && options.json)
		code = command_usage("'--acknowledge' and '--json' do not go together");
	if (code == EXIT_DONE)
		code = inbox_start(&inbox, &options, INBOX_ROOTS | INBOX_VAULT);
	if (code == EXIT_DONE) {
		code = options.acknowledge != NULL ? gaps_acknowledge(&inbox, &options) : inbox_confine(false);
		if (code == EXIT_DONE && options.acknowledge == NULL)
			code = show(&inbox, options.json);
		inbox_end(&inbox, code);
	}
	inbox_options_free(&options);
	return code;
}
