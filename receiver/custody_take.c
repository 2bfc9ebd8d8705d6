/* Orders that people bring; a file of its own, since who only reads needs no ledger. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/io.h"
#include "common/openbundle.h"
#include "common/verdict.h"
#include "custodyparts.h"

enum { FILE_MODE = 0640 };

static bool is_known(const struct custody *c, const struct mandate *m)
{
	for (size_t i = 0; i < c->count; i++)
		if (memcmp(c->all[i].id, m->id, MANDATE_ID_BYTES) == 0)
			return true;
	return false;
}

/* A release counts for the holds that were there when it was signed: an old one ends no new hold. */
static int check_release(const struct custody *c, const struct mandate *m)
{
	bool is_held = false;
	for (size_t i = 0; i < c->count; i++) {
		if (c->all[i].kind != MANDATE_HOLD || strcmp(c->all[i].name, m->name) != 0)
			continue;
		is_held = true;
		if (c->all[i].time > m->time)
			return VERDICT_BAD_ORDER;
	}
	return is_held ? VERDICT_OK : VERDICT_BAD_ORDER;
}

static int check_bundles(const struct custody *c, const struct custody_site *site, const struct mandate *m)
{
	struct annal annal;
	for (unsigned int i = 0; i < m->count; i++) {
		if (!annals_find(site->annals, &m->bundles[i], &annal) ||
		    (annal.what != ANNAL_DELIVERED && annal.what != ANNAL_DAMAGED))
			return VERDICT_NO_SUCH_BUNDLE;
		if (m->kind == MANDATE_PURGE && custody_holds(c, &m->bundles[i], NULL))
			return VERDICT_ON_HOLD;
	}
	return VERDICT_OK;
}

static bool is_damaged(const struct custody_site *site, const struct bundle_id *id, struct annal *out)
{
	return annals_find(site->annals, id, out) && annal_is_open_damage(out);
}

/* Whoever acknowledges a loss has seen it listed: as lost for good, as damaged, or as both. */
static int check_losses(const struct custody_site *site, const struct mandate *m)
{
	struct annal annal;
	for (unsigned int i = 0; i < m->count; i++) {
		const struct lost_item *item = lost_find(site->lost, &m->bundles[i]);
		bool is_set_aside = is_damaged(site, &m->bundles[i], &annal);
		if (item == NULL && !is_set_aside)
			return VERDICT_NO_SUCH_BUNDLE;
		if ((item != NULL && item->at_s > m->time) || (is_set_aside && annal.at > m->time))
			return VERDICT_BAD_ORDER;
	}
	return VERDICT_OK;
}

static struct ledger_who who_of(const struct custody_site *site, const struct mandate *m)
{
	struct ledger_who who = *site->peer;
	who.person = m->person;
	who.key_id = m->person_key;
	return who;
}

/* As it was when it was delivered; what never was has the name that its route has now. */
static bool name_of(char out[static BUNDLE_NAME_BYTES], const struct custody_site *site, const struct mandate *m,
		    const struct bundle_id *id)
{
	struct annal annal;
	char by_id[NAME_BYTES];
	if (annals_find(site->annals, id, &annal)) {
		bundle_name(out, annal.route, id->number);
		return true;
	}
	if (m->kind != MANDATE_ACKNOWLEDGE)
		return false;
	const char *route = open_route_name(site->registry, id->route_id);
	snprintf(by_id, sizeof(by_id), "route%u", id->route_id);
	bundle_name(out, route != NULL ? route : by_id, id->number);
	return true;
}

static struct ledger_entry *entry_of(const struct custody_site *site, const struct mandate *m, int result)
{
	static const char *const events[] = {
		[MANDATE_HOLD] = "hold", [MANDATE_RELEASE] = "hold.ended", [MANDATE_PURGE] = "purge",
		[MANDATE_ACKNOWLEDGE] = "lost.acknowledged"};
	struct ledger_who who = who_of(site, m);
	char name[BUNDLE_NAME_BYTES];
	struct ledger_entry *e = ledger_entry_new(events[m->kind], result);
	ledger_set_who(e, &who);
	if (m->kind == MANDATE_HOLD || m->kind == MANDATE_RELEASE)
		ledger_set_text(e, "case", m->name);
	ledger_set_hex(e, "mandate", m->id, MANDATE_ID_BYTES);
	if (m->kind == MANDATE_HOLD || m->kind == MANDATE_PURGE)
		ledger_set_number(e, "bundles", m->count);
	/* of more than one the file has the rest */
	if (m->count > 0 && name_of(name, site, m, &m->bundles[0]))
		ledger_set_text(e, "bundle", name);
	return e;
}

static int remove_file(const struct custody *c, const struct mandate *m)
{
	char name[CUSTODY_NAME_BYTES];
	custody_file_name(name, m);
	return unlinkat(custody_folder_of(c, m), name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

/* The file first: what the ledger says is held is held, also when the power goes in between. */
static int store(struct custody *c, const struct custody_site *site, const struct mandate *m, const uint8_t *bytes,
		 size_t len)
{
	char name[CUSTODY_NAME_BYTES];
	int result = custody_make_room(c, m->count);
	if (result != 0)
		return result;
	custody_file_name(name, m);
	result = io_create_file(custody_folder_of(c, m), name, bytes, len, FILE_MODE);
	if (result != 0)
		return result;
	result = diary_write(site->diary, entry_of(site, m, 0));
	if (result != 0)
		(void)remove_file(c, m); /* nobody is told that it counts, whatever becomes of it */
	return result;
}

/* The entry first: while one file of the case is there it is held. */
static int end_case(struct custody *c, const struct custody_site *site, const struct mandate *m)
{
	int result = diary_write(site->diary, entry_of(site, m, 0));
	for (size_t i = c->count; result == 0 && i-- > 0;) {
		if (c->all[i].kind != MANDATE_HOLD || strcmp(c->all[i].name, m->name) != 0)
			continue;
		result = remove_file(c, &c->all[i]);
		if (result == 0)
			custody_forget(c, i);
	}
	return result == 0 ? io_fsync(c->holds_fd) : result;
}

static int acknowledge_one(const struct custody_site *site, const struct mandate *m, const struct bundle_id *id)
{
	const struct lost_note note = {.who = who_of(site, m), .mandate = m->id};
	char name[BUNDLE_NAME_BYTES];
	struct annal annal;
	bool is_lost = lost_find(site->lost, id) != NULL;
	(void)name_of(name, site, m, id);
	int result = is_lost ? lost_acknowledge(site->lost, id, site->diary, &note, name)
			     : diary_acknowledged_damage(site->diary, &note, name, id);
	if (result != 0 || !is_damaged(site, id, &annal))
		return result;
	annal.how = ANNAL_KNOWN;
	return annals_write(site->annals, &annal, 1);
}

/* Each has an entry of its own, with what is known of the loss; what has its entry is listed no more. */
static int acknowledge(const struct custody_site *site, const struct mandate *m)
{
	int result = 0;
	for (unsigned int i = 0; result == 0 && i < m->count; i++)
		result = acknowledge_one(site, m, &m->bundles[i]);
	return result;
}

static int check(const struct custody *c, const struct custody_site *site, const struct mandate *m)
{
	if (m->kind == MANDATE_RELEASE)
		return check_release(c, m);
	return m->kind == MANDATE_ACKNOWLEDGE ? check_losses(site, m) : check_bundles(c, site, m);
}

static int judge(const struct custody *c, const struct custody_site *site, const struct mandate *m)
{
	int result = mandate_judge(m, site->registry, site->box_key, site->now_s);
	if (result == 0 && is_known(c, m))
		result = VERDICT_BAD_ORDER;
	return result != 0 ? result : check(c, site, m);
}

int custody_take(struct custody *c, const struct custody_site *site, const uint8_t *bytes, size_t len)
{
	struct mandate m;
	int result = mandate_decode(&m, bytes, len);
	if (result != 0)
		return result;
	result = judge(c, site, &m);
	if (result != 0) {
		int entered = diary_write(site->diary, entry_of(site, &m, result));
		result = entered != 0 ? entered : result;
	} else if (m.kind == MANDATE_RELEASE) {
		result = end_case(c, site, &m);
	} else if (m.kind == MANDATE_ACKNOWLEDGE) {
		result = acknowledge(site, &m);
	} else {
		result = store(c, site, &m, bytes, len);
		if (result == 0) {
			custody_add(c, &m);
			return 0;
		}
	}
	mandate_bundles_free(&m);
	return result;
}

static bool is_finished(const struct mandate *m, const struct annals *annals)
{
	struct annal annal;
	for (unsigned int i = 0; i < m->count; i++)
		if (annals_find(annals, &m->bundles[i], &annal) && annal.what != ANNAL_DESTROYED)
			return false;
	return true;
}

int custody_tidy(struct custody *c, const struct annals *annals)
{
	bool is_changed = false;
	for (size_t i = c->count; i-- > 0;) {
		if (c->all[i].kind != MANDATE_PURGE || !is_finished(&c->all[i], annals))
			continue;
		int result = remove_file(c, &c->all[i]);
		if (result != 0)
			return result;
		custody_forget(c, i);
		is_changed = true;
	}
	return is_changed ? io_fsync(c->purges_fd) : 0;
}
