#include "known.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cursor.h"
#include "common/verdict.h"

enum { BUCKETS = 65536 }; /* for at most 100,000 bundles of a generation, and those of the one before */

struct stored_page {
	uint16_t len;
	uint8_t *message; /* NULL: not here yet */
};

struct known {
	uint64_t epoch;
	uint64_t newest_time;   /* signed, of the newest message of this epoch */
	uint64_t beat;
	bool has_beat;
	uint64_t generation;    /* of the pages below */
	uint64_t promised;      /* generation of the newest heartbeat; may be ahead of the pages */
	uint32_t promised_pages;
	uint32_t pages;
	uint32_t pages_held;
	bool is_swept;
	uint64_t last_heartbeat_s;
	uint64_t sender_registry_version;
	uint64_t sender_datagrams;
	struct missing_link link;
	uint64_t count;
	struct stored_page page[PAGES_MAX];
	struct known_bundle *bucket[BUCKETS];
};

struct known *known_new(void)
{
	return calloc(1, sizeof(struct known));
}

static void forget_pages(struct known *known)
{
	for (uint32_t i = 0; i < known->pages; i++) {
		free(known->page[i].message);
		known->page[i] = (struct stored_page){0};
	}
	known->pages = 0;
	known->pages_held = 0;
}

void known_free(struct known *known)
{
	if (known == NULL)
		return;
	forget_pages(known);
	for (size_t i = 0; i < BUCKETS; i++)
		while (known->bucket[i] != NULL) {
			struct known_bundle *gone = known->bucket[i];
			known->bucket[i] = gone->next;
			free(gone);
		}
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
		bundle = bundle->next;
	return bundle;
}

/*
 * Whether a message of this epoch and time may be heard at all.  A message of another epoch ends the
 * one before for good when it is newer, and is a replay of an old life of the sender when it is not.
 */
static bool enter_epoch(struct known *known, uint64_t epoch, uint64_t time)
{
	if (epoch == known->epoch)
		return true;
	if (known->epoch != 0 && time <= known->newest_time)
		return false;
	forget_pages(known);
	known->epoch = epoch;
	known->beat = 0;
	known->has_beat = false;
	known->generation = 0;
	known->promised = 0;
	known->promised_pages = 0;
	known->is_swept = false;
	return true;
}

static void advance_time(struct known *known, uint64_t time)
{
	if (time > known->newest_time)
		known->newest_time = time;
}

int known_judge_heartbeat(const struct known *known, const struct heartbeat *heartbeat)
{
	if (heartbeat->epoch != known->epoch)
		return VERDICT_OK;
	if (known->has_beat && heartbeat->beat == known->beat)
		return -EALREADY;
	/* neither the beat nor the generation of an epoch ever goes backwards */
	if (known->has_beat && heartbeat->beat < known->beat)
		return VERDICT_BAD_ORDER;
	return heartbeat->generation < known->promised ? VERDICT_BAD_ORDER : VERDICT_OK;
}

int known_heartbeat(struct known *known, const struct heartbeat *heartbeat, uint64_t now_s)
{
	int result = known_judge_heartbeat(known, heartbeat);
	if (result != 0)
		return result;
	if (!enter_epoch(known, heartbeat->epoch, heartbeat->time))
		return VERDICT_BAD_ORDER;
	advance_time(known, heartbeat->time);
	known->beat = heartbeat->beat;
	known->has_beat = true;
	known->promised = heartbeat->generation;
	known->promised_pages = heartbeat->pages;
	if (missing_is_silent(&known->link, now_s))
		known->link.heard_since_s = now_s;
	if (heartbeat->waiting > 0)
		known->link.busy_s = now_s;
	known->link.heartbeat_s = now_s;
	known->link.waiting = heartbeat->waiting;
	known->link.heal_rate = heartbeat->heal_rate;
	known->link.heal_round = heartbeat->heal_round;
	known->last_heartbeat_s = now_s;
	known->sender_registry_version = heartbeat->registry_version;
	known->sender_datagrams = heartbeat->sent;
	return VERDICT_OK;
}

/* Names one bundle: 1 when it is new, 0, or -ENOMEM. */
static int name_bundle(struct known *known, const struct page *page, const struct entry *entry,
		       uint64_t now_s, struct known_bundle **out)
{
	struct bundle_id id = {entry->epoch, entry->number, entry->route_id};
	*out = known_find(known, &id);
	if (*out != NULL) {
		(*out)->generation = page->generation;
		(*out)->sender_epoch = page->epoch;
		/* what changes while it is offered */
		(*out)->entry.passes = entry->passes;
		(*out)->entry.offered_until = entry->offered_until;
		if ((*out)->passed_s == 0 && entry->passes > 0)
			(*out)->passed_s = now_s;
		return 0;
	}
	struct known_bundle *bundle = calloc(1, sizeof(*bundle));
	if (bundle == NULL)
		return -ENOMEM;
	size_t at = bucket_of(&id);
	*bundle = (struct known_bundle){
		.id = id,
		.entry = *entry,
		.since_s = now_s,
		.passed_s = entry->passes > 0 ? now_s : 0,
		.next = known->bucket[at],
		.generation = page->generation,
		.sender_epoch = page->epoch,
	};
	known->bucket[at] = bundle;
	known->count++;
	*out = bundle;
	return 1;
}

int known_judge_page(const struct known *known, const struct page *page)
{
	if (page->epoch != known->epoch || page->generation > known->generation)
		return VERDICT_OK;
	if (page->generation < known->generation)
		return VERDICT_BAD_ORDER;
	return page->pages == known->pages && known->page[page->page].message != NULL ? -EALREADY
										     : VERDICT_OK;
}

static int check_page(struct known *known, const struct page *page)
{
	if (!enter_epoch(known, page->epoch, page->time) || page->generation < known->generation)
		return VERDICT_BAD_ORDER;
	if (page->generation > known->generation || known->pages == 0) {
		forget_pages(known);
		known->generation = page->generation;
		known->pages = page->pages;
		known->is_swept = false;
		return VERDICT_OK;
	}
	if (page->pages != known->pages)
		return VERDICT_BAD_LIMIT;
	return known->page[page->page].message != NULL ? -EALREADY : VERDICT_OK;
}

int known_page(struct known *known, const struct page *page, const uint8_t *message, size_t len,
	       uint64_t now_s, known_visit *named, void *context)
{
	int result = check_page(known, page);
	if (result != 0)
		return result;
	uint8_t *copy = malloc(len);
	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, message, len);
	for (unsigned int i = 0; i < page->count; i++) {
		struct known_bundle *bundle;
		result = name_bundle(known, page, &page->entries[i], now_s, &bundle);
		if (result < 0) {
			/* not stored, so that the page is news again when it is repeated */
			free(copy);
			return result;
		}
		if (result == 1 && named != NULL)
			named(context, bundle);
	}
	known->page[page->page] = (struct stored_page){(uint16_t)len, copy};
	known->pages_held++;
	advance_time(known, page->time);
	return VERDICT_OK;
}

static bool has_all_pages(const struct known *known)
{
	return known->pages > 0 && known->pages_held == known->pages;
}

bool known_sweep(struct known *known, known_visit *dropped, void *context)
{
	if (known->is_swept || !has_all_pages(known))
		return false;
	known->is_swept = true;
	for (size_t i = 0; i < BUCKETS; i++) {
		struct known_bundle **at = &known->bucket[i];
		while (*at != NULL) {
			struct known_bundle *bundle = *at;
			if (bundle->sender_epoch == known->epoch &&
			    bundle->generation == known->generation) {
				at = &bundle->next;
				continue;
			}
			if (dropped != NULL)
				dropped(context, bundle);
			*at = bundle->next;
			free(bundle);
			known->count--;
		}
	}
	return true;
}

void known_each(const struct known *known, known_visit *visit, void *context)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct known_bundle *b = known->bucket[i]; b != NULL; b = b->next)
			visit(context, b);
}

int known_catalogue(const struct known *known, uint8_t **out, size_t *len)
{
	if (!has_all_pages(known))
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

struct known_summary known_summary(const struct known *known)
{
	bool ahead = known->promised > known->generation;
	return (struct known_summary){
		.epoch = known->epoch,
		.generation = ahead ? known->promised : known->generation,
		.pages = ahead ? known->promised_pages : known->pages,
		.pages_held = ahead ? 0 : known->pages_held,
		.is_complete = !ahead && has_all_pages(known),
		.bundles = known->count,
		.last_heartbeat_s = known->last_heartbeat_s,
		.beat = known->beat,
		.sender_registry_version = known->sender_registry_version,
		.sender_datagrams = known->sender_datagrams,
		.link = known->link,
	};
}
