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
	struct heard heard;     /* what its heartbeat promises may be ahead of the pages */
	struct account *account;
	bool is_first;          /* nothing was heard before this epoch, and not all heads of it were */
	uint64_t heads_pages;   /* a bit for each message of heads that was */
	struct bundle_id clash; /* named with other content than before; number 0: none */
	uint64_t generation;    /* of the pages below */
	uint32_t pages;
	uint32_t pages_held;
	bool is_swept;
	uint64_t last_heartbeat_s;
	uint64_t sender_registry_version;
	uint64_t sender_datagrams;
	struct missing_link link;
	uint64_t count;
	struct stored_page page[PAGES_MAX];
	struct known_bundle *first, **last; /* all of them: most buckets are empty, and looking at each costs */
	struct known_bundle *bucket[BUCKETS];
};

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

static void begin_epoch(struct known *known)
{
	forget_pages(known);
	known->generation = 0;
	known->heads_pages = 0;
	known->is_swept = false;
	if (known->heard.ended_count > 0)
		known->is_first = false;
}

/*
 * Whether a message of this epoch and time may be heard.  A message of another epoch ends the one before for good
 * when it is newer, or when it says that it follows that one; else it is a replay of an old life of the sender.
 */
static int enter_epoch(struct known *known, uint64_t epoch, uint64_t before, uint64_t time)
{
	int result = heard_enter(&known->heard, epoch, before, time);
	if (result == 1)
		begin_epoch(known);
	return result < 0 ? VERDICT_BAD_ORDER : VERDICT_OK;
}

static void advance_time(struct known *known, uint64_t time)
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
	int result = enter_epoch(known, heartbeat->epoch, heartbeat->epoch_before, heartbeat->time);
	/* one that is not believed is a sign of life all the same */
	if (heartbeat->epoch == known->heard.epoch && known->heard.went_back)
		known->last_heartbeat_s = now_s;
	if (result == 0)
		result = verdict_of(heard_beat(&known->heard, heartbeat));
	if (result != 0)
		return result;
	advance_time(known, heartbeat->time);
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

/* Names one bundle: 1 when it is new, 0, or -ENOMEM. */
static int name_bundle(struct known *known, const struct page *page, const struct entry *entry,
		       uint64_t now_s, struct known_bundle **out)
{
	struct bundle_id id = {entry->epoch, entry->number, entry->route_id};
	int result = account_name(known->account, &id, page->time);
	if (result == -ENOMEM)
		return result;
	*out = known_find(known, &id);
	if (*out != NULL) {
		(*out)->generation = page->generation;
		(*out)->sender_epoch = page->epoch;
		/* of an epoch that has ended: which of the two is meant nobody can say any more */
		if (is_other(&(*out)->entry, entry)) {
			if (!(*out)->has_clashed)
				known->clash = id;
			(*out)->has_clashed = true;
			return 0;
		}
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
		.id = id, .entry = *entry, .since_s = now_s,
		.passed_s = entry->passes > 0 ? now_s : 0,
		.beside = known->bucket[at],
		.generation = page->generation, .sender_epoch = page->epoch,
	};
	known->bucket[at] = bundle;
	*known->last = bundle;
	known->last = &bundle->next;
	known->count++;
	*out = bundle;
	return 1;
}

int known_judge_page(const struct known *known, const struct page *page)
{
	if (page->epoch != known->heard.epoch)
		return VERDICT_OK;
	if (known->heard.went_back || page->generation < known->generation)
		return VERDICT_BAD_ORDER;
	if (page->generation > known->generation)
		return VERDICT_OK;
	return page->pages == known->pages && known->page[page->page].message != NULL ? -EALREADY
										     : VERDICT_OK;
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
	int result = enter_epoch(known, page->epoch, 0, page->time);
	if (result != 0 || page->generation < known->generation)
		return VERDICT_BAD_ORDER;
	if (is_proof(known, page)) {
		heard_go_back(&known->heard);
		return VERDICT_BAD_ORDER;
	}
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

static struct account_head head_of(const struct heads *heads, const struct route_head *head, bool is_first)
{
	return (struct account_head){
		.epoch = heads->epoch,
		.route_id = head->route_id,
		.first = head->first,
		.newest = head->newest,
		.by = heads->epoch,
		.generation = heads->generation,
		.time_s = heads->time,
		.is_first = is_first,
	};
}

/* In the epoch that this one continues, its numbers go to where they begin in this one. */
static int end_epoch(struct known *known, const struct account_head *head, uint64_t before, known_overlap *overlap,
		     void *context)
{
	uint64_t highest = account_highest(known->account, before, head->route_id);
	uint64_t first = account_first(known->account, before, head->route_id);
	const struct account_head end = {
		.epoch = before,
		.route_id = head->route_id,
		.first = first == 0 ? 1 : first,
		.newest = head->first - 1,
		.by = head->by,
		.generation = head->generation,
		.time_s = head->time_s,
	};
	if (highest >= head->first && overlap != NULL)
		overlap(context, &(struct bundle_id){before, highest, head->route_id}, head->first);
	return account_take_head(known->account, &end);
}

int known_heads(struct known *known, const struct heads *heads, known_overlap *overlap, void *context)
{
	int result = enter_epoch(known, heads->epoch, heads->epoch_before, heads->time);
	for (unsigned int i = 0; result == 0 && i < heads->count; i++) {
		const struct account_head head = head_of(heads, &heads->head[i], known->is_first);
		if (!account_went_back(known->account, &head))
			continue;
		heard_go_back(&known->heard);
		result = VERDICT_BAD_ORDER;
	}
	if (result != 0)
		return result;
	bool is_news = (known->heads_pages >> heads->page & 1) == 0;
	bool is_continued = heads->epoch_before != 0 && account_has_epoch(known->account, heads->epoch_before);
	for (unsigned int i = 0; result == 0 && i < heads->count; i++) {
		const struct account_head head = head_of(heads, &heads->head[i], known->is_first);
		result = account_take_head(known->account, &head);
		if (result == 0 && is_continued)
			result = end_epoch(known, &head, heads->epoch_before, is_news ? overlap : NULL, context);
	}
	if (result != 0)
		return result;
	heard_note_before(&known->heard, heads->epoch_before);
	advance_time(known, heads->time);
	known->heads_pages |= UINT64_C(1) << heads->page;
	uint64_t all = heads->pages == 64 ? UINT64_MAX : (UINT64_C(1) << heads->pages) - 1;
	if ((known->heads_pages & all) == all)
		known->is_first = false;
	return VERDICT_OK;
}

static bool has_all_pages(const struct known *known)
{
	return known->pages > 0 && known->pages_held == known->pages;
}

static void leave_bucket(struct known *known, const struct known_bundle *bundle)
{
	struct known_bundle **at = &known->bucket[bucket_of(&bundle->id)];
	while (*at != bundle)
		at = &(*at)->beside;
	*at = bundle->beside;
}

bool known_sweep(struct known *known, known_visit *dropped, void *context)
{
	if (known->is_swept || !has_all_pages(known) || known->heard.went_back)
		return false;
	known->is_swept = true;
	struct known_bundle **at = &known->first;
	while (*at != NULL) {
		struct known_bundle *bundle = *at;
		if (bundle->sender_epoch == known->heard.epoch && bundle->generation == known->generation) {
			at = &bundle->next;
			continue;
		}
		if (dropped != NULL)
			dropped(context, bundle);
		*at = bundle->next;
		leave_bucket(known, bundle);
		free(bundle);
		known->count--;
	}
	known->last = at;
	return true;
}

int known_settle(struct known *known, account_visit *lost, void *context)
{
	if (!has_all_pages(known) || known->heard.went_back)
		return 0;
	return account_settle(known->account, known->heard.epoch, known->generation, lost, context);
}

void known_each(const struct known *known, known_visit *visit, void *context)
{
	for (struct known_bundle *b = known->first; b != NULL; b = b->next)
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

int known_heard(const struct known *known, uint8_t **out, size_t *len)
{
	return known->heard.epoch == 0 ? -ENODATA : heard_encode(out, len, &known->heard, known->account);
}

/* What the stored catalogue names is named, whatever the file knows of it. */
static int name_again(const struct known *known, struct account *account, uint64_t time_s)
{
	int result = 0;
	for (struct known_bundle *b = known->first; result != -ENOMEM && b != NULL; b = b->next)
		result = account_name(account, &b->id, time_s);
	return result == -ENOMEM ? result : 0;
}

int known_resume(struct known *known, const uint8_t *bytes, size_t len)
{
	const struct heard stored = known->heard;
	struct heard heard;
	struct account *account = NULL;
	int result = heard_decode(&heard, &account, bytes, len);
	if (result != 0)
		return result;
	result = name_again(known, account, stored.newest_s);
	if (result != 0) {
		account_free(account);
		return result;
	}
	account_free(known->account);
	known->account = account;
	known->heard = heard;
	known->is_first = false;
	/* pages of an epoch that has ended since are no catalogue any more */
	if (stored.epoch != 0 && stored.epoch != heard.epoch && heard_enter(&known->heard, stored.epoch, 0, stored.newest_s) != 1)
		begin_epoch(known);
	if (stored.epoch == known->heard.epoch)
		advance_time(known, stored.newest_s);
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

const struct account *known_account(const struct known *known)
{
	return known->account;
}

uint64_t known_changes(const struct known *known)
{
	return account_changes(known->account);
}

struct known_summary known_summary(const struct known *known)
{
	const struct heard *heard = &known->heard;
	bool ahead = heard->promised > known->generation;
	return (struct known_summary){
		.epoch = heard->epoch,
		.epoch_before = heard->before,
		.has_before = heard->has_before,
		.epoch_ended = heard->ended_count > 0 ? heard->ended[0] : 0,
		.went_back = heard->went_back,
		.epoch_returned = heard->returned,
		.generation = ahead ? heard->promised : known->generation,
		.pages = ahead ? heard->promised_pages : known->pages,
		.pages_held = ahead ? 0 : known->pages_held,
		.is_complete = !ahead && has_all_pages(known),
		.bundles = known->count,
		.last_heartbeat_s = known->last_heartbeat_s,
		.beat = heard->beat,
		.sender_registry_version = known->sender_registry_version,
		.sender_datagrams = known->sender_datagrams,
		.link = known->link,
	};
}
