#include "inbox.h"
#include "inbox_past.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/cursor.h"
#include "common/io.h"
#include "common/openbundle.h"
#include "common/text.h"
#include "common/verdict.h"
#include "gapcode.h"
#include "registrar.h"

enum {
	SILENT_S = 5, /* five heartbeats in a row are not lost by chance */
	STALE_S = 10, /* keep writes its status every second */
};

struct gaps {
	struct vault_catalogue catalogue;
	struct vault_item *items;
	size_t item_count;
	struct inbox_status status;
	struct registry *registry; /* the box's, for the names of routes */
	uint64_t now;
	int vault;
	uint32_t disk_full_percent;
	size_t delivered;
	size_t past; /* not here, but it would have been destroyed by now, or was */
	size_t destroyed; /* of these */
	size_t damaged;
	bool is_put_back;
	struct annals *annals;
	size_t missing;
	struct json *array; /* NULL: for a person's eye */
	struct json *damaged_array; /* the same */
};

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

/* A route that the registry does not name yet is shown by its id. */
static void entry_name(char out[static BUNDLE_NAME_BYTES], const struct gaps *g,
		       const struct entry *entry)
{
	const char *route =
		g->registry == NULL ? NULL : open_route_name(g->registry, entry->route_id);
	char number[NAME_BYTES];
	snprintf(number, sizeof(number), "route%u", entry->route_id);
	bundle_name(out, route != NULL ? route : number, entry->number);
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

static void print_refused(const char *name, struct json_view bundle)
{
	char shown[SHOWN_BYTES];
	const char *verdict = json_get_text(bundle, "verdict", "");
	int number = verdict_from_name(verdict);
	text_escape_name(shown, sizeof(shown), verdict);
	printf("%-24s  refused: %s [%s]\n", name, number > 0 ? verdict_explain(number) : "unknown",
	       shown);
}

/* The file is whoever's who can write the vault: what is too large is as good as nothing. */
static uint32_t small_number(struct json_view bundle, const char *key)
{
	uint64_t number = json_get_number(bundle, key, 0);
	return number <= BLOCKS_MAX ? (uint32_t)number : 0;
}

/* What must still come: repair rows can stand for some of what is not here. */
static uint64_t missing_bytes(const struct entry *entry, struct json_view bundle)
{
	uint64_t held = json_get_number(bundle, "held_bytes", 0);
	uint64_t object = entry->geometry.object_len;
	return json_get_number(bundle, "missing_bytes", held < object ? object - held : 0);
}

/*
 * The code that has it sent once more, for a bundle of which something must still come; else "".  A code is for a
 * number below 2^48, as every number is that a catalogue names.
 */
static const char *resend_code(char out[static RESENDCODE_TEXT_BYTES], const struct entry *entry,
			       struct json_view bundle)
{
	const char *state = json_get_text(bundle, "state", "promised");
	const struct gapcode_lack lack = {
		.has_begun = json_get_number(bundle, "held_bytes", 0) > 0,
		.worst_rows = small_number(bundle, "worst_rows"),
		.blocks_missing = small_number(bundle, "blocks_missing"),
		.first_missing_block = small_number(bundle, "first_missing_block"),
	};
	struct resendcode code = gapcode_choose(entry, &lack);
	bool is_missing = strcmp(state, "promised") == 0 || strcmp(state, "receiving") == 0;
	return is_missing && resendcode_write(out, &code, entry->epoch) != NULL ? out : "";
}

static void print_gap(const struct gaps *g, const char *name, const struct entry *entry,
		      struct json_view bundle)
{
	char missing[32], all[32], since[64] = "", ago[32], state[64], resend[RESENDCODE_TEXT_BYTES];
	uint64_t object = entry->geometry.object_len;
	uint64_t first = json_get_number(bundle, "since", 0);
	uint64_t last = json_get_number(bundle, "last_arrival", 0);
	text_escape_name(state, sizeof(state), json_get_text(bundle, "state", "promised"));
	if (strcmp(state, "refused") == 0) {
		print_refused(name, bundle);
		return;
	}
	text_size(missing, sizeof(missing), missing_bytes(entry, bundle));
	text_size(all, sizeof(all), object);
	if (first > 0)
		text_time(since, sizeof(since), first);
	printf("%-24s  %-20s  %s of %s missing", name, state, missing, all);
	if (first > 0)
		printf(", since %s", since);
	if (last > 0 && last <= g->now)
		printf(", last datagram %s ago", text_duration(ago, sizeof(ago), g->now - last));
	const char *code = resend_code(resend, entry, bundle);
	if (code[0] != 0)
		printf(", resend %s", code);
	putchar('\n');
}

static void add_gap(const struct gaps *g, const char *name, const char *epoch,
		    const struct entry *entry, struct json_view bundle)
{
	struct json *object = json_object_new();
	char resend[RESENDCODE_TEXT_BYTES];
	json_set_text(object, "name", name);
	json_set_text(object, "resend", resend_code(resend, entry, bundle));
	json_set_text(object, "epoch", epoch);
	json_set_text(object, "state", json_get_text(bundle, "state", "promised"));
	json_set_text(object, "verdict", json_get_text(bundle, "verdict", ""));
	json_set_number(object, "object_bytes", entry->geometry.object_len);
	json_set_number(object, "held_bytes", json_get_number(bundle, "held_bytes", 0));
	json_set_number(object, "missing_bytes", missing_bytes(entry, bundle));
	json_set_time(object, "since", json_get_number(bundle, "since", 0));
	json_set_time(object, "last_arrival", json_get_number(bundle, "last_arrival", 0));
	json_set_time(object, "destroy_by", entry->destroy_by);
	json_append(g->array, object);
}

static void compare(struct gaps *g)
{
	for (size_t i = 0; i < g->catalogue.count; i++) {
		const struct entry *entry = &g->catalogue.entries[i];
		char name[BUNDLE_NAME_BYTES], epoch[20];
		snprintf(epoch, sizeof(epoch), "%016" PRIx64, entry->epoch);
		entry_name(name, g, entry);
		enum inbox_fate fate = fate_of(g, entry, name);
		if (fate == FATE_DELIVERED) {
			g->delivered++;
			continue;
		}
		if (fate == FATE_DESTROYED || entry->destroy_by < g->now) {
			g->destroyed += fate == FATE_DESTROYED;
			g->past++;
			continue;
		}
		g->missing++;
		struct json_view bundle = find_status(g, epoch, entry);
		if (g->array != NULL)
			add_gap(g, name, epoch, entry, bundle);
		else
			print_gap(g, name, entry, bundle);
	}
}

/* What is wrong with the whole of it rather than with one bundle; "" when nothing is. */
struct state {
	uint64_t written;
	uint64_t heartbeat;
	uint64_t pages;
	uint64_t pages_held;
	uint64_t registry;
	uint64_t sender_registry;
	bool is_stale;
	bool is_silent;
	bool is_incomplete;
	bool disk_is_full;
};

static struct state state_of(const struct gaps *g)
{
	struct json_view view = g->status.view;
	struct state s = {
		.written = json_get_number(view, "time", 0),
		.heartbeat = json_get_number(view, "last_heartbeat", 0),
		.pages = json_get_number(view, "pages", 0),
		.pages_held = json_get_number(view, "pages_held", 0),
		.registry = json_get_number(view, "registry_version", 0),
		.sender_registry = json_get_number(view, "sender_registry_version", 0),
	};
	/* keep cannot tell of a disk on which it can no longer write its status */
	int percent = vault_fill_percent(g->vault);
	s.disk_is_full = json_get_bool(view, "disk_full", false) ||
			 (percent >= 0 && (uint32_t)percent >= g->disk_full_percent);
	s.is_stale = s.written + STALE_S < g->now;
	s.is_silent = s.heartbeat + SILENT_S < g->now;
	s.is_incomplete = s.pages_held < s.pages ||
			  json_get_number(view, "generation", 0) > g->catalogue.generation;
	return s;
}

static bool is_whole(const struct gaps *g)
{
	return g->missing == 0 && g->damaged == 0 && !g->is_put_back;
}

/* Nothing can be missing unseen. */
static bool is_sound(const struct state *s)
{
	return !s->is_stale && !s->is_silent && !s->is_incomplete && !s->disk_is_full;
}

static const char *ago(char out[static 32], const struct gaps *g, uint64_t then)
{
	return text_duration(out, 32, then < g->now ? g->now - then : 0);
}

static void print_state(const struct gaps *g, const struct state *s)
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
	if (s->disk_is_full)
		puts("the vault's disk is full: free space, or nothing more is kept");
	if (s->sender_registry > s->registry && s->registry > 0)
		printf("the sender uses registry %" PRIu64 ", here is %" PRIu64
		       ": it crosses the link by itself, or put it in place here\n",
		       s->sender_registry, s->registry);
}

static void print_summary(const struct gaps *g, const struct state *s)
{
	char when[32], heartbeat[64] = "no heartbeat yet";
	bool is_well = is_whole(g) && is_sound(s);
	if (s->heartbeat > 0)
		snprintf(heartbeat, sizeof(heartbeat), "last heartbeat %s ago",
			 ago(when, g, s->heartbeat));
	if (is_well)
		printf("nothing is missing: ");
	else if (g->missing > 0)
		printf("%zu missing: ", g->missing);
	else
		printf("nothing is known to be missing: ");
	printf("%zu %s promised, %zu delivered, ", g->catalogue.count,
	       g->catalogue.count == 1 ? "bundle" : "bundles", g->delivered);
	if (g->past > 0)
		printf("%zu past their time, ", g->past);
	puts(heartbeat);
}

static int print_json(struct gaps *g, const struct state *s)
{
	struct json *object = json_object_new();
	json_set_time(object, "time", g->now);
	json_set_number(object, "promised", g->catalogue.count);
	json_set_number(object, "delivered", g->delivered);
	json_set_number(object, "past", g->past);
	json_set_number(object, "destroyed", g->destroyed);
	json_set_bool(object, "put_back", g->is_put_back);
	json_set_time(object, "last_status", s->written);
	json_set_time(object, "last_heartbeat", s->heartbeat);
	json_set_bool(object, "keep_runs", !s->is_stale);
	json_set_bool(object, "sender_silent", s->is_silent);
	json_set_bool(object, "catalogue_complete", !s->is_incomplete);
	json_set_bool(object, "disk_full", s->disk_is_full);
	json_set_number(object, "pages", s->pages);
	json_set_number(object, "pages_held", s->pages_held);
	json_set_number(object, "registry_version", s->registry);
	json_set_number(object, "sender_registry_version", s->sender_registry);
	json_set_child(object, "damaged", g->damaged_array);
	g->damaged_array = NULL;
	inbox_add_way(object, g->status.view);
	json_set_child(object, "missing", g->array);
	g->array = NULL;
	int result = json_print(object, stdout);
	json_free(object);
	return result == 0 ? EXIT_DONE : command_fail(result, "cannot print");
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

static int load_registry(struct gaps *g, const struct inbox *inbox)
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
	int code = load_registry(g, inbox);
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
	result = inbox_status_load(&g->status, inbox->vault);
	if (result != 0 && result != -ENOENT)
		return command_fail(result, "cannot read the vault's status.json");
	return EXIT_DONE;
}

static int gaps(const struct inbox *inbox, bool json)
{
	struct gaps g = {
		.now = (uint64_t)time(NULL),
		.vault = inbox->vault,
		.disk_full_percent = inbox->config.disk_full_percent,
		.array = json ? json_array_new() : NULL,
		.damaged_array = json ? json_array_new() : NULL,
	};
	int code = load(&g, inbox);
	if (code == EXIT_DONE) {
		compare(&g);
		g.damaged = inbox_tell_damaged(g.annals, g.damaged_array);
		g.is_put_back = inbox_tell_put_back(inbox->vault, json);
		struct state state = state_of(&g);
		if (json) {
			code = print_json(&g, &state);
		} else {
			print_state(&g, &state);
			inbox_print_way(g.status.view);
			print_summary(&g, &state);
		}
		bool is_well = is_whole(&g) && is_sound(&state);
		if (code == EXIT_DONE && !is_well)
			code = EXIT_MISSING;
	}
	free(g.catalogue.entries);
	free(g.items);
	annals_close(g.annals);
	inbox_status_free(&g.status);
	registry_free(g.registry);
	json_free(g.array);
	json_free(g.damaged_array);
	return code;
}

int inbox_gaps(int argc, char **argv)
{
	struct inbox_options options;
	struct inbox inbox;
	int code = inbox_parse(&options, argc, argv, "cj");
	if (code != EXIT_DONE)
		return code;
	if (options.argument_count != 0)
		code = command_usage("'gaps' takes no argument");
	if (code == EXIT_DONE)
		code = inbox_start(&inbox, &options, INBOX_ROOTS | INBOX_VAULT);
	if (code == EXIT_DONE) {
		code = inbox_confine(false);
		if (code == EXIT_DONE)
			code = gaps(&inbox, options.json);
		inbox_end(&inbox, code);
	}
	inbox_options_free(&options);
	return code;
}
