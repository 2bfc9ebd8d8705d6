#include "knownparts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cursor.h"
#include "common/verdict.h"

struct known *known_new(void)
{
	struct known *known = calloc(1, sizeof(*known));
	if (known == NULL)
		return NULL;
	known->is_first = true;
	known->last = &known->first;
	known->account = account_new();
	if (known->account == NULL) {
		free(known);
		return NULL;
	}
	return known;
}

/* What stands on it alone stands on none then. */
static void forget_page(struct known *known, struct stored_page *page)
{
	if (page->message == NULL)
		return;
	known->unnamed += page->names;
	known->made -= page->made;
	known->pages_held--;
	free(page->message);
	*page = (struct stored_page){0};
}

static void forget_pages(struct known *known)
{
	for (uint32_t i = 0; i < known->pages; i++)
		forget_page(known, &known->page[i]);
	known->pages = 0;
}

void known_free(struct known *known)
{
	if (known == NULL)
		return;
	forget_pages(known);
	while (known->first != NULL) {
		struct known_bundle *gone = known->first;
		known->first = gone->next;
		free(gone);
	}
	account_free(known->account);
	free(known);
}

static bool same_id(const struct bundle_id *a, const struct bundle_id *b)
{
	return a->number == b->number && a->route_id == b->route_id && a->epoch == b->epoch;
}

/* The ids are the sender's, who is signed for; a plain mix is enough. */
static size_t bucket_of(const struct bundle_id *id)
{
	uint64_t mix = (id->epoch ^ id->number * 0x10001 ^ (uint64_t)id->route_id << 40) *
		       UINT64_C(0x9e3779b97f4a7c15);
	return (size_t)(mix >> 48) % BUCKETS;
}

struct known_bundle *known_find(const struct known *known, const struct bundle_id *id)
{
	struct known_bundle *bundle = known->bucket[bucket_of(id)];
	while (bundle != NULL && !same_id(&bundle->id, id))
		bundle = bundle->beside;
	return bundle;
}

void known_begin_epoch(struct known *known)
{
	forget_pages(known);
	known->generation = 0;
	known->heads_pages = 0;
	known->is_swept = known->is_noted = false;
	if (known->heard.ended_count > 0)
		known->is_first = false;
}

int known_enter_epoch(struct known *known, uint64_t epoch, uint64_t before, uint64_t time)
{
	int result = heard_enter(&known->heard, epoch, before, time);
	if (result == 1)
		known_begin_epoch(known);
	return result < 0 ? VERDICT_BAD_ORDER : VERDICT_OK;
}

void known_advance_time(struct known *known, uint64_t time)
{
	if (time > known->heard.newest_s)
		known->heard.newest_s = time;
}

static int verdict_of(int result)
{
	return result == -ESTALE || result == -EACCES ? VERDICT_BAD_ORDER : result;
}

int known_judge_heartbeat(const struct known *known, const struct heartbeat *heartbeat)
{
	return verdict_of(heard_judge_beat(&known->heard, heartbeat));
}

int known_heartbeat(struct known *known, const struct heartbeat *heartbeat, uint64_t now_s)
{
	int result = known_enter_epoch(known, heartbeat->epoch, heartbeat->epoch_before, heartbeat->time);
	/* one that is not believed is a sign of life all the same */
	if (heartbeat->epoch == known->heard.epoch && known->heard.went_back)
		known->last_heartbeat_s = now_s;
	if (result == 0)
		result = verdict_of(heard_beat(&known->heard, heartbeat));
	if (result != 0)
		return result;
	known_advance_time(known, heartbeat->time);
	if (missing_is_silent(&known->link, now_s))
		known->link.heard_since_s = now_s;
	if (heartbeat->waiting > 0)
		known->link.busy_s = now_s;
	known->link.heartbeat_s = known->last_heartbeat_s = now_s;
	known->link.sent_s = heartbeat->time;
	known->link.waiting = heartbeat->waiting;
	known->link.heal_rate = heartbeat->heal_rate;
	known->link.heal_round = heartbeat->heal_round;
	known->sender_registry_version = heartbeat->registry_version;
	known->sender_datagrams = heartbeat->sent;
	return VERDICT_OK;
}

/* Signed twice, with one id for two things: a number was given again. */
static bool is_other(const struct entry *a, const struct entry *b)
{
	return memcmp(a->root, b->root, sizeof(a->root)) != 0 ||
	       a->geometry.object_len != b->geometry.object_len || a->geometry.row_len != b->geometry.row_len ||
	       a->geometry.source_rows != b->geometry.source_rows ||
	       a->geometry.repair_rows != b->geometry.repair_rows || a->destroy_by != b->destroy_by;
}

/* One that is named for the first time: it stands on no page until all of its page can be taken. */
static struct known_bundle *add_bundle(struct known *known, const struct bundle_id *id, const struct entry *entry,
				       uint64_t now_s)
{
	struct known_bundle *bundle = calloc(1, sizeof(*bundle));
	if (bundle == NULL)
		return NULL;
	size_t at = bucket_of(id);
	*bundle = (struct known_bundle){
		.id = *id, .entry = *entry, .since_s = now_s,
		.passed_s = entry->passes > 0 ? now_s : 0,
		.beside = known->bucket[at],
	};
	known->bucket[at] = bundle;
	*known->last = bundle;
	known->last = &bundle->next;
	known->count++;
	known->unnamed++;
	if (known->unsettled == NULL)
		known->unsettled = bundle;
	return bundle;
}

/* Of an epoch that has ended: which of the two is meant nobody can say any more. */
static void note_clash(struct known *known, struct known_bundle *bundle)
{
	if (!bundle->has_clashed)
		known->clash = bundle->id;
	bundle->has_clashed = true;
}

/* All that the page names has its place in memory.  0 or -ENOMEM. */
static int name_bundles(struct known *known, const struct page *page, uint64_t now_s, known_visit *named, void *context)
{
	for (unsigned int i = 0; i < page->count; i++) {
		const struct entry *entry = &page->entries[i];
		struct bundle_id id = {entry->epoch, entry->number, entry->route_id};
		if (account_note(known->account, &id, page->time) != 0)
			return -ENOMEM;
		if (known_find(known, &id) != NULL)
			continue;
		struct known_bundle *bundle = add_bundle(known, &id, entry, now_s);
		if (bundle == NULL)
			return -ENOMEM;
		if (named != NULL)
			named(context, bundle);
	}
	return 0;
}

static bool is_of_newest(const struct known *known, const struct known_bundle *bundle)
{
	return bundle->sender_epoch == known->heard.epoch && bundle->page < known->pages &&
	       known->page[bundle->page].message != NULL && known->page[bundle->page].made == bundle->generation;
}

/*
 * It stands on this page from now on, unless a page that was made later named it: an old page that comes late does not take
 * it away from there.
 */
static void put_on_page(struct known *known, struct known_bundle *bundle, const struct page *page,
			const struct entry *entry, uint64_t now_s)
{
	if (bundle->sender_epoch == page->epoch && bundle->generation >= page->generation)
		return;
	if (is_of_newest(known, bundle))
		known->page[bundle->page].names--;
	else
		known->unnamed--;
	known->page[page->page].names++;
	bundle->generation = page->generation;
	bundle->page = page->page;
	bundle->sender_epoch = page->epoch;
	if (is_other(&bundle->entry, entry)) {
		note_clash(known, bundle);
		return;
	}
	/* what changes while it is offered */
	bundle->entry.passes = entry->passes;
	bundle->entry.offered_until = entry->offered_until;
	if (bundle->passed_s == 0 && entry->passes > 0)
		bundle->passed_s = now_s;
}

/* Of a page of the epoch in use: VERDICT_OK, -EALREADY, VERDICT_BAD_ORDER, VERDICT_BAD_LIMIT as known_page. */
static int judge_page(const struct known *known, const struct page *page)
{
	if (page->generation > known->generation || known->pages == 0)
		return VERDICT_OK;
	if (page->generation == known->generation && (page->pages != known->pages || page->age != known->age))
		return VERDICT_BAD_LIMIT;
	if (page->page >= known->pages)
		return VERDICT_BAD_ORDER;
	/* later than a newer one: of a sender that was put back, which its next heartbeat shows */
	if (page->generation < known->generation && page->time > known->time_s)
		return VERDICT_BAD_ORDER;
	const struct stored_page *held = &known->page[page->page];
	if (held->message == NULL || held->made < page->generation)
		return VERDICT_OK;
	return held->made == page->generation ? -EALREADY : VERDICT_BAD_ORDER;
}

int known_judge_page(const struct known *known, const struct page *page)
{
	if (page->epoch != known->heard.epoch)
		return VERDICT_OK;
	if (known->heard.went_back)
		return VERDICT_BAD_ORDER;
	int result = judge_page(known, page);
	/* that it contradicts another one counts for something only when its signature is right */
	return result == VERDICT_BAD_LIMIT ? VERDICT_OK : result;
}

/* A bundle of the epoch in use that stands for other content is proof that the sender was put back. */
static bool is_proof(const struct known *known, const struct page *page)
{
	for (unsigned int i = 0; i < page->count; i++) {
		const struct entry *entry = &page->entries[i];
		struct bundle_id id = {entry->epoch, entry->number, entry->route_id};
		const struct known_bundle *there = entry->epoch == page->epoch ? known_find(known, &id) : NULL;
		if (there != NULL && is_other(&there->entry, entry))
			return true;
	}
	return false;
}

static int check_page(struct known *known, const struct page *page)
{
	int result = known_enter_epoch(known, page->epoch, 0, page->time);
	if (result != 0)
		return VERDICT_BAD_ORDER;
	result = judge_page(known, page);
	if (result != VERDICT_OK)
		return result;
	if (is_proof(known, page)) {
		heard_go_back(&known->heard);
		return VERDICT_BAD_ORDER;
	}
	return VERDICT_OK;
}

/* The newest generation is that of this page: it says how many there are, and of pages beyond there are none. */
static void begin_generation(struct known *known, const struct page *page)
{
	for (uint32_t i = page->pages; i < known->pages; i++)
		forget_page(known, &known->page[i]);
	known->generation = page->generation;
	known->pages = page->pages;
	known->age = page->age;
	known->time_s = page->time;
}

static void store_page(struct known *known, const struct page *page, uint8_t *message, size_t len)
{
	struct stored_page *stored = &known->page[page->page];
	if (page->generation > known->generation || known->pages == 0)
		begin_generation(known, page);
	forget_page(known, stored);
	*stored = (struct stored_page){.len = (uint16_t)len, .made = page->generation, .message = message};
	known->made += page->generation;
	known->pages_held++;
	known->is_swept = known->is_noted = false;
}

int known_page(struct known *known, const struct page *page, const uint8_t *message, size_t len,
	       uint64_t now_s, known_visit *named, void *context)
{
	int result = check_page(known, page);
	if (result != 0)
		return result;
	uint8_t *copy = malloc(len);
	result = copy == NULL ? -ENOMEM : name_bundles(known, page, now_s, named, context);
	if (result != 0) {
		/* not stored, so that the page is news again when it is repeated */
		free(copy);
		return result;
	}
	memcpy(copy, message, len);
	store_page(known, page, copy, len);
	for (unsigned int i = 0; i < page->count; i++) {
		const struct entry *entry = &page->entries[i];
		struct bundle_id id = {entry->epoch, entry->number, entry->route_id};
		put_on_page(known, known_find(known, &id), page, entry, now_s);
	}
	heard_note_generation(&known->heard, page->generation, page->time);
	known_advance_time(known, page->time);
	return VERDICT_OK;
}

/*
 * None of the pages that are here is newer than it is in this generation.  So when, added up, they are as old as that says,
 * each of them is the one that belongs to it.
 */
bool known_has_all_pages(const struct known *known)
{
	return known->pages > 0 && known->pages_held == known->pages &&
	       known->pages * known->generation - known->made == known->age;
}

static void leave_bucket(struct known *known, const struct known_bundle *bundle)
{
	struct known_bundle **at = &known->bucket[bucket_of(&bundle->id)];
	while (*at != bundle)
		at = &(*at)->beside;
	*at = bundle->beside;
}

bool known_would_drop(const struct known *known)
{
	return known->unnamed > 0;
}

static void drop_unnamed(struct known *known, known_visit *dropped, void *context)
{
	struct known_bundle **at = &known->first;
	while (*at != NULL) {
		struct known_bundle *bundle = *at;
		if (is_of_newest(known, bundle)) {
			at = &bundle->next;
			continue;
		}
		if (dropped != NULL)
			dropped(context, bundle);
		*at = bundle->next;
		if (known->unsettled == bundle)
			known->unsettled = bundle->next;
		leave_bucket(known, bundle);
		free(bundle);
		known->count--;
		known->unnamed--;
	}
	known->last = at;
}

bool known_sweep(struct known *known, known_visit *dropped, void *context)
{
	if (known->is_swept || !known_has_all_pages(known) || known->heard.went_back || known_note_names(known) != 0)
		return false;
	known->is_swept = true;
	if (known->unnamed > 0)
		drop_unnamed(known, dropped, context);
	return true;
}

void known_each(const struct known *known, known_visit *visit, void *context)
{
	for (struct known_bundle *b = known->first; b != NULL; b = b->next)
		visit(context, b);
}

int known_catalogue(const struct known *known, uint8_t **out, size_t *len)
{
	if (!known_has_all_pages(known))
		return -ENODATA;
	size_t size = 0;
	for (uint32_t i = 0; i < known->pages; i++)
		size += 2 + (size_t)known->page[i].len;
	uint8_t *bytes = malloc(size);
	if (bytes == NULL)
		return -ENOMEM;
	struct writer w = writer_of(bytes, size);
	for (uint32_t i = 0; i < known->pages; i++) {
		write_u16(&w, known->page[i].len);
		write_bytes(&w, known->page[i].message, known->page[i].len);
	}
	*out = bytes;
	*len = size;
	return 0;
}

bool known_take_clash(struct known *known, struct bundle_id *out)
{
	if (known->clash.number == 0)
		return false;
	*out = known->clash;
	known->clash = (struct bundle_id){.number = 0};
	return true;
}

struct known_summary known_summary(const struct known *known)
{
	const struct heard *heard = &known->heard;
	bool ahead = heard->promised > known->generation, is_complete = known_has_all_pages(known);
	return (struct known_summary){
		.epoch = heard->epoch,
		.epoch_before = heard->before,
		.has_before = heard->has_before,
		.epoch_ended = heard->ended_count > 0 ? heard->ended[0] : 0,
		.went_back = heard->went_back,
		.epoch_returned = heard->returned,
		.generation = ahead ? heard->promised : known->generation,
		.pages = ahead ? heard->promised_pages : known->pages,
		.pages_held = ahead ? 0 : known->pages_held - (known->pages_held == known->pages && !is_complete),
		.is_complete = !ahead && is_complete,
		.bundles = known->count,
		.last_heartbeat_s = known->last_heartbeat_s,
		.beat = heard->beat,
		.sender_registry_version = known->sender_registry_version,
		.sender_datagrams = known->sender_datagrams,
		.link = known->link,
	};
}
