/*
 * stores: what the modules of spool and vault do when a call fails, for every call of their work (tests/lib/every.h).
 */
#include <fcntl.h>
#include <sys/syscall.h>

#include "common/io.h"
#include "common/verdict.h"
#include "receiver/accept.h"
#include "receiver/custody.h"
#include "receiver/gather.h"
#include "receiver/heard.h"
#include "receiver/lost.h"
#include "receiver/marker.h"
#include "receiver/scrubparts.h"
#include "receiver/witness.h"
#include "sender/spent.h"
#include "sender/standing.h"
#include "sender/testimony.h"
#include "tests/lib/every.h"
#include "tests/lib/nightspool.h"
#include "tests/lib/whole.h"

enum { NOON = 12 * 3600, PATH_MAX_BYTES = 4400 };

static struct night night;
static uint64_t runs; /* each has names and ids of its own */

/* Whoever opens a part of a site has it closed, whatever comes of the rest. */
#define DO(call) \
	do { \
		result = (call); \
		if (result != 0) \
			goto out; \
	} while (0)

static const char *below(char out[static PATH_MAX_BYTES], const char *dir, const char *name)
{
	snprintf(out, PATH_MAX_BYTES, "%s/%s", dir, name);
	return out;
}

/* A folder below it, which was made or is there; the test's own, so no fault may come of it. */
static int folder(const char *dir, const char *name)
{
	char path[PATH_MAX_BYTES];
	below(path, dir, name);
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	return io_open_dir(AT_FDCWD, path);
}

static void set_id(uint8_t *out, uint64_t n)
{
	memcpy(out, &n, sizeof(n));
}

/* ---- the spool ---- */

static struct statement new_statement(void)
{
	struct statement s = whole_statement(&night);
	set_id(s.push_id, runs);
	s.push_id[8] = 7;
	return s;
}

/* As seal has handed it over: signed, which is no work of the spool. */
static void make_dossier(struct dossier *out, const struct statement *s)
{
	bool was_armed = every_pause();
	*out = (struct dossier){.tally = {11, 1, 3, 0}};
	memcpy(out->push_id, s->push_id, PUSH_ID_BYTES);
	endorse_push(&out->endorsements, s, night.people[WANG]->secret);
	every_resume(was_armed);
}

static int hold_one(struct spool *spool, const struct statement *s, const struct dossier *dossier, struct spool_item **out)
{
	static const uint8_t body[(WHOLE_SEGMENTS - 1) * SEGMENT_BYTES];
	uint8_t head[SEGMENT_BYTES];
	struct incoming *incoming = NULL;
	int result = spool_begin(spool, &incoming);
	if (result == 0)
		result = spool_add(incoming, body, SEGMENT_BYTES);
	if (result == 0)
		result = spool_add(incoming, body, sizeof(body) - SEGMENT_BYTES);
	if (result == 0)
		result = spool_read_incoming(incoming, head);
	if (result == 0) {
		result = spool_hold(incoming, s, dossier, out);
		incoming = result == 0 ? NULL : incoming;
	}
	if (result != 0)
		spool_abandon(incoming);
	return result;
}

static void tell_nobody(void *context, const char *file, int result)
{
	(void)context, (void)file, (void)result;
}

static int spool_work(const char *dir)
{
	static struct dossier dossier, again;
	char path[PATH_MAX_BYTES];
	uint8_t head[SEGMENT_BYTES];
	struct spool *spool = NULL;
	struct spent *spent = NULL;
	struct spool_item *item = NULL;
	uint64_t count, first, newest;
	size_t bad;
	int result, fd = -1;
	struct spool_options options = {.path = below(path, dir, "spool"), .disk_full_percent = 99, .tell = tell_nobody};
	runs++;
	struct statement s = new_statement();
	const struct past past[] = {{.route = "other", .number = 5}, {.route = "tax", .number = 3}};
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	make_dossier(&dossier, &s);
	const struct spool_terms terms = {night.inside, 1, s.created + 1, 125, &dossier.endorsements};
	DO(spool_open(&spool, &options));
	DO(spent_open(&spent, spool_dir(spool), &bad));
	DO(spool_count_up(spool, COUNTER_BEAT, &count));
	DO(hold_one(spool, &s, &dossier, &item));
	DO(spool_dossier(spool, item, &again));
	DO(spool_set_dossier(spool, item, &again));
	fd = spool_open_held(spool, item);
	DO(fd < 0 ? fd : 0);
	DO(spool_read_head(spool, item, head));
	DO(spool_release(spool, item, &terms));
	spool_head(spool, "tax", 1, &first, &newest);
	DO(spool_set_sent(spool, item));
	DO(spent_add(spent, item, s.created));
	DO(spool_remove(spool, item));
	/* another, which stays held */
	s.push_id[8]++;
	make_dossier(&dossier, &s);
	DO(hold_one(spool, &s, &dossier, &item));
	DO(spool_begin_epoch(spool, 0, past, 2));
	spool_close(spool);
	spool = NULL;
	/* the next hold finds it */
	DO(spool_open(&spool, &options));
	if (spool_count(spool) == 0)
		DO(-ENOENT);
	while (spool_count(spool) > 0 && spool_at(spool, 0)->state == SPOOL_HELD)
		DO(spool_remove(spool, spool_at(spool, 0)));
	spent_retire(spent, s.created + 9 * (uint64_t)NIGHT_DAY);
out:
	io_close(fd);
	spent_close(spent);
	spool_close(spool);
	return result;
}

/*
 * A release fails behind its rename, and the rename back fails as well: the bundle is held all the same, though its file
 * lies in ready/; what follows finds it there.
 */
static struct spool_item *misplace(struct fault_page *page, struct spool *spool, const struct spool_terms *terms)
{
	static struct dossier dossier;
	runs++;
	struct statement s = new_statement();
	struct spool_item *item = NULL;
	make_dossier(&dossier, &s);
	if (hold_one(spool, &s, &dossier, &item) != 0)
		return NULL;
	/* first its number is made durable, and what is signed is not; then what is behind the rename is not */
	for (uint32_t nth = 3; nth >= 2 && !item->is_misplaced; nth--) {
		const struct fault_plan plans[] = {
			{.call = FAULT_fsync, .action = FAULT_ERROR, .nth = nth, .error = EIO},
			{.call = FAULT_rename, .action = FAULT_ERROR, .nth = 1, .error = EIO},
		};
		fault_arm(page, plans, 2);
		int result = spool_release(spool, item, terms);
		fault_disarm(page);
		if (result == 0)
			return NULL;
	}
	return item->is_misplaced ? item : NULL;
}

/* A body that is pushed out to the disk while it comes: every such push fails once, and then nothing of it stays. */
static int add_large(struct spool *spool, struct fault_page *page, uint32_t nth, uint32_t *pushes)
{
	enum { PIECE = 1 << 20, PIECES = 84 };
	static const uint8_t piece[PIECE];
	struct incoming *incoming = NULL;
	const struct fault_plan plan = {.call = FAULT_sync_file_range, .action = FAULT_ERROR, .nth = nth, .error = EIO};
	int result = spool_begin(spool, &incoming);
	fault_arm(page, &plan, nth == 0 ? 0 : 1);
	for (int i = 0; result == 0 && i < PIECES; i++)
		result = spool_add(incoming, piece, sizeof(piece));
	*pushes = page->counts[0][FAULT_sync_file_range];
	fault_disarm(page);
	spool_abandon(incoming);
	return result;
}

static void test_large(struct fault_page *page)
{
	char path[PATH_MAX_BYTES], incoming[PATH_MAX_BYTES];
	struct spool *spool = NULL;
	uint32_t pushes = 0, unused;
	bool all_say_so = true;
	const struct spool_options options = {.path = below(path, every_fresh(), "spool"), .tell = tell_nobody};
	if (mkdir(path, 0700) < 0 || spool_open(&spool, &options) != 0)
		abort();
	is_number(add_large(spool, page, 0, &pushes), 0, "a large body comes in");
	ok(pushes >= 5, "and is pushed out to the disk on the way: %u times", pushes);
	for (uint32_t nth = 1; nth <= pushes; nth++)
		all_say_so &= add_large(spool, page, nth, &unused) == -EIO;
	ok(all_say_so, "when that fails, the push is refused");
	spool_close(spool);
	is_number(rmdir(below(incoming, path, "incoming")), 0, "and nothing of it stays");
}

static void test_misplaced(struct fault_page *page)
{
	static struct dossier dossier;
	char path[PATH_MAX_BYTES];
	uint8_t head[SEGMENT_BYTES];
	struct spool *spool = NULL;
	const struct spool_options options = {.path = below(path, every_fresh(), "spool"), .tell = tell_nobody};
	struct statement s = new_statement();
	make_dossier(&dossier, &s);
	const struct spool_terms terms = {night.inside, 1, s.created + 1, 125, &dossier.endorsements};
	if (mkdir(path, 0700) < 0 || spool_open(&spool, &options) != 0)
		abort();
	struct spool_item *item = misplace(page, spool, &terms);
	if (!ok(item != NULL && item->state == SPOOL_HELD, "a release that fails on both ways leaves it held, and misplaced"))
		return;
	int fd = spool_open_held(spool, item);
	ok(fd >= 0 && spool_read_head(spool, item, head) == 0, "it can be read where it lies");
	io_close(fd);
	is_number(spool_release(spool, item, &terms), 0, "it is released when nothing fails any more");
	ok(item->state == SPOOL_READY && !item->is_misplaced && spool_find(spool, item->name) == item, "under its name");
	item = misplace(page, spool, &terms);
	ok(item != NULL && spool_remove(spool, item) == 0, "another one can be removed");
	is_number((int64_t)spool_count(spool), 1, "and is gone");
	spool_close(spool);
	is_number(spool_open(&spool, &options), 0, "the next hold opens the spool");
	is_number((int64_t)spool_count(spool), 1, "and finds what was released alone");
	spool_close(spool);
}

static void make_orders(struct order *order, struct revocation *r)
{
	uint8_t input[REVOCATION_BYTES];
	bool was_armed = every_pause();
	*order = night_order(ORDER_RELEASE, "tax", night.inside, 1);
	set_id(order->id, ++runs);
	night_sign(order, night.people[TSENG]);
	night_sign(order, night.people[KUO]);
	*r = (struct revocation){.route = "tax", .person = "kuo-an", .at = night_midnight + NOON};
	memcpy(r->order_id, order->id, ORDER_ID_BYTES);
	memcpy(r->key_id, night.people[KUO]->card.id, KEY_ID_BYTES);
	revocation_input(input, r);
	if (signature_make(&r->signature, revocation_domain, input, sizeof(input), night.people[KUO]->secret) != 0)
		abort();
	every_resume(was_armed);
}

static int orders_work(const char *dir)
{
	static struct order order;
	struct revocation r;
	struct standing *standing = NULL;
	struct standing_site site = {night.registry, night_midnight + NOON, night.inside->card.id};
	size_t bad;
	int result, fd = folder(dir, "spool");
	if (fd < 0)
		return fd;
	make_orders(&order, &r);
	DO(standing_open(&standing, fd, &bad));
	DO(standing_load(standing, &order, &site));
	DO(standing_revoke(standing, &r, night.registry, site.now));
	standing_close(standing);
	standing = NULL;
	DO(standing_open(&standing, fd, &bad));
	/* what could be written is there; what could not counts by its name */
	DO(standing_is_revoked(standing, order.id, "tax") ? 0 : -ENOENT);
	standing_retire(standing, site.now + 400 * (uint64_t)NIGHT_DAY);
out:
	standing_close(standing);
	io_close(fd);
	return result;
}

static int testimony_work(const char *dir)
{
	char path[PATH_MAX_BYTES];
	struct testimony witness = {.dir_fd = -1};
	struct life now = {.epoch = 5, .ledger = {.n = ++runs}, .beat = 1}, before;
	int result;
	DO(testimony_open(&witness, below(path, dir, "witness")));
	DO(testimony_store(&witness, &now, 0));
	DO(testimony_load(&witness, &before));
	DO(testimony_compare(&before, &now, true) == LAPSE_NONE ? 0 : -EBADMSG);
out:
	testimony_close(&witness);
	return result;
}

/* ---- the vault: what arrives ---- */

static struct whole whole;

static int store_map(struct partial *partial, const struct partial_site *site, const struct bundle_id *id)
{
	struct mapfile_copy *copy = partial_begin_store(partial);
	int result = copy == NULL ? -ENOMEM : partial_store(site, id, copy);
	partial_end_store(partial, copy);
	return result;
}

static int open_site(struct partial_site *site, int *vault, const char *dir)
{
	*vault = folder(dir, "vault");
	int result = *vault < 0 ? *vault : vault_prepare(*vault);
	if (result != 0)
		return result;
	site->dir_fd = io_open_dir(*vault, "partial");
	site->maps_fd = site->dir_fd < 0 ? -1 : folder(dir, "maps");
	return site->maps_fd < 0 ? -EIO : partial_site_boot(site);
}

static void close_site(const struct partial_site *site, int vault)
{
	io_close(site->dir_fd);
	io_close(site->maps_fd);
	io_close(vault);
}

/* It begins, all of it comes, the map is stored; then it is taken up again, by this process and by the next. */
static int partial_work(const char *dir)
{
	struct partial_site site = {.dir_fd = -1, .maps_fd = -1};
	const struct bundle_id id = {5, ++runs, 1};
	struct partial *partial = NULL;
	struct bundle_id *ids = NULL;
	size_t count;
	char name[VAULT_NAME_BYTES];
	int result, vault = -1;
	DO(open_site(&site, &vault, dir));
	DO(partial_create(&partial, &site, &id, &whole.entry.geometry));
	DO(whole_place(&whole, partial));
	DO(store_map(partial, &site, &id));
	partial_close(partial);
	partial = NULL;
	DO(partial_load(&partial, &site, &id, &whole.entry.geometry));
	DO(arrivals_are_complete(partial_arrivals(partial)) ? 0 : -EBADMSG);
	partial_close(partial);
	partial = NULL;
	/* the machine was off: the shared map is gone */
	vault_partial_name(name, &id);
	if (unlinkat(site.maps_fd, name, 0) < 0)
		DO(-errno);
	DO(partial_load(&partial, &site, &id, &whole.entry.geometry));
	DO(arrivals_are_complete(partial_arrivals(partial)) ? 0 : -EBADMSG);
	DO(vault_partial_ids(vault, &ids, &count));
	free(ids);
	partial_close(partial);
	partial = NULL;
	DO(partial_remove(&site, &id));
out:
	partial_close(partial);
	close_site(&site, vault);
	return result;
}

/* ---- large objects ---- */

static int gather_failure; /* the first that was told */

static void gather_failed(void *context, void *owner, int error)
{
	(void)context;
	(void)owner;
	gather_failure = gather_failure == 0 ? error : gather_failure;
}

static void gather_decodable(void *context, void *owner, uint16_t block)
{
	(void)context;
	(void)owner;
	(void)block;
}

static void gather_hashed(void *context, void *owner, uint64_t piece, const uint8_t hash[static SUITE_DIGEST_BYTES])
{
	(void)context;
	(void)owner;
	(void)piece;
	(void)hash;
}

static void gather_notify(void *context)
{
	(void)context;
}

/* All of it, in rows; what was noted must be in the file. */
static int gather_rows(struct gather *gather, struct partial *partial, uint8_t *row)
{
	const struct geometry *g = partial_geometry(partial);
	for (uint8_t i = 0; i < g->source_rows && gather_failure == 0; i++) {
		struct span span = {0, i, 0, (uint16_t)geometry_row_sent(g, 0, i)};
		memset(row, i + 1, g->row_len);
		if (span.count > 0)
			gather_add(gather, partial, partial, &span, row);
	}
	gather_settle(gather);
	return gather_failure;
}

static int gather_check(const struct partial_site *site, const struct bundle_id *id, const struct geometry *g, uint8_t *row)
{
	int dir = partial_open_dir(site, id), fd = dir < 0 ? dir : openat(dir, PARTIAL_OBJECT, O_RDONLY | O_CLOEXEC);
	int result = fd < 0 ? -EIO : 0;
	for (uint8_t i = 0; i < g->source_rows && result == 0; i++) {
		size_t len = (size_t)geometry_row_sent(g, 0, i) * SYMBOL_BYTES;
		result = io_pread_exact(fd, row, len, geometry_row_offset(g, 0, i));
		for (size_t at = 0; at < len && result == 0; at++)
			result = row[at] == i + 1 ? 0 : -EBADMSG;
	}
	io_close(fd);
	io_close(dir);
	return result;
}

/* A large one comes, through memory and past the cache. */
static int gather_work(const char *dir)
{
	static const struct gather_listener listener = {{gather_decodable, gather_failed, NULL, NULL, NULL}, gather_hashed,
							gather_notify, NULL};
	struct partial_site site = {.dir_fd = -1, .maps_fd = -1};
	const struct bundle_id id = {6, ++runs, 1};
	const struct geometry g = geometry_choose(GATHER_OBJECT_MIN, 125);
	struct partial *partial = NULL;
	struct gather *gather = NULL;
	int result, vault = -1;
	uint8_t *row = malloc(g.row_len);
	gather_failure = 0;
	DO(row == NULL ? -ENOMEM : open_site(&site, &vault, dir));
	DO(partial_create(&partial, &site, &id, &g));
	DO(gather_new(&gather, &listener, GATHER_BUDGET_MIN));
	DO(gather_rows(gather, partial, row));
	DO(arrivals_block_state(partial_arrivals(partial), 0) == BLOCK_DECODABLE ? 0 : -EBADMSG);
	gather_forget(gather, partial);
	DO(gather_check(&site, &id, &g, row));
	partial_close(partial);
	partial = NULL;
	DO(partial_remove(&site, &id));
out:
	free(row);
	gather_free(gather);
	partial_close(partial);
	close_site(&site, vault);
	return result;
}

/* A whole one is judged, gets its place, is read again, and is set aside. */
static int accept_work(const char *dir)
{
	struct partial_site site = {.dir_fd = -1, .maps_fd = -1};
	const struct bundle_id id = {5, 1, 1};
	struct partial *partial = NULL;
	struct acceptance a = {.id = id, .entry = whole.entry, .registry = night.registry}, found;
	struct annal annal = {.id = id, .route = "tax", .what = ANNAL_DELIVERED, .at = 1, .destroy_by = whole.entry.destroy_by};
	int result, vault = -1, fd = -1;
	DO(open_site(&site, &vault, dir));
	a.site = &site;
	a.vault_fd = vault;
	if (vault_is_delivered(vault, 5, "tax-000001") == 0) {
		DO(partial_create(&partial, &site, &id, &whole.entry.geometry));
		DO(whole_place(&whole, partial));
		DO(store_map(partial, &site, &id));
		partial_close(partial);
		partial = NULL;
		DO(accept_judge(&a));
		DO(accept_deliver(&a));
	}
	fd = vault_open_bundle(vault, "tax-000001");
	DO(fd < 0 ? fd : 0);
	DO(accept_describe(&found, fd));
	memcpy(annal.edges, found.edges, sizeof(annal.edges));
	result = scrub_judge(vault, &annal, NULL);
	/* a disk that does not give it is a damaged bundle */
	DO(result == VERDICT_DAMAGED ? -EIO : result);
	DO(io_make_dir(vault, SCRUB_FOLDER, 0700));
	DO(scrub_set_aside(vault, &annal));
	DO(vault_is_delivered(vault, 5, "tax-000001") == 0 ? 0 : -EIO);
	DO(partial_remove(&site, &id));
out:
	io_close(fd);
	partial_close(partial);
	close_site(&site, vault);
	return result;
}

/* ---- the vault: what lies there ---- */

static int put_file(int dir_fd, const char *name)
{
	return io_write_file(dir_fd, name, whole.object, sizeof(whole.object), 0600);
}

static int vault_work(const char *dir)
{
	static struct page page;
	uint8_t bytes[2 + PAGE_BYTES_MAX], *read = NULL;
	char name[BUNDLE_NAME_BYTES];
	struct vault_catalogue catalogue = {.entries = NULL};
	struct vault_item *items = NULL;
	const struct bundle_id id = {5, ++runs, 1};
	size_t count, len = 0;
	int result, vault = folder(dir, "vault"), lock = -1, fd = -1;
	if (vault < 0)
		return vault;
	DO(vault_prepare(vault));
	DO(vault_lock(&lock, vault));
	bundle_name(name, "tax", id.number);
	DO(put_file(vault, "came"));
	DO(vault_deliver(vault, vault, "came", 5, name));
	DO(put_file(vault, "came"));
	result = vault_deliver(vault, vault, "came", 5, name);
	DO(result == -EEXIST ? 0 : result != 0 ? result : -EBADMSG);
	fd = vault_open_bundle(vault, name);
	DO(fd < 0 ? fd : 0);
	DO(vault_list(vault, &items, &count));
	DO(count > 0 ? 0 : -EBADMSG);
	DO(vault_refuse(vault, &id, VERDICT_BAD_ROOT));
	result = vault_refusal(vault, &id);
	DO(result == VERDICT_BAD_ROOT ? 0 : result < 0 ? result : -EBADMSG);
	page = (struct page){.count = 1, .epoch = 5, .generation = runs, .time = 7, .pages = 1, .entries = {whole.entry}};
	DO(page_encode(bytes + 2, &len, &page, night.inside->secret));
	bytes[0] = (uint8_t)len;
	bytes[1] = (uint8_t)(len >> 8);
	DO(vault_catalogue_store(vault, bytes, len + 2));
	DO(vault_catalogue_load(vault, &catalogue));
	DO(catalogue.count == 1 && catalogue.generation == runs ? 0 : -EBADMSG);
	DO(vault_heard_store(vault, bytes, len));
	DO(vault_heard_read(vault, &read, &len));
out:
	free(read);
	free(items);
	free(catalogue.entries);
	io_close(fd);
	io_close(lock);
	io_close(vault);
	return result;
}

static bool forget_destroyed(void *context, const struct annal *annal)
{
	(void)context;
	return annal->what == ANNAL_DESTROYED;
}

static int annals_work(const char *dir)
{
	struct annal batch[3], found_one;
	struct annals_found found;
	struct annals *annals = NULL;
	int result, vault = folder(dir, "vault");
	if (vault < 0)
		return vault;
	for (size_t i = 0; i < 3; i++) {
		batch[i] = (struct annal){.id = {5, ++runs, 1}, .route = "tax", .what = ANNAL_DELIVERED, .at = 1, .destroy_by = 2};
		set_id(batch[i].push_id, runs);
	}
	DO(annals_open(&annals, vault, true, &found));
	DO(annals_write(annals, batch, 3));
	batch[0].what = ANNAL_DESTROYED;
	batch[0].how = ANNAL_BY_DATE;
	DO(annals_write(annals, batch, 1));
	DO(annals_tidy(annals, true, forget_destroyed, NULL));
	annals_close(annals);
	annals = NULL;
	DO(annals_open(&annals, vault, false, &found));
	DO(annals_find(annals, &batch[2].id, &found_one) ? 0 : -EBADMSG);
out:
	annals_close(annals);
	io_close(vault);
	return result;
}

static struct mandate order_of(enum mandate_kind kind, const struct bundle_id *bundles, uint16_t count, uint64_t time)
{
	static uint8_t bytes[MANDATE_BYTES_MAX];
	struct mandate m = {.kind = kind, .time = time, .person = "kuo-an", .count = count, .bundles = bundles};
	const struct key *kuo = night.people[KUO];
	set_id(m.id, ++runs);
	memcpy(m.box_key, night.other_box->card.id, KEY_ID_BYTES);
	memcpy(m.person_key, kuo->card.id, KEY_ID_BYTES);
	if (kind == MANDATE_HOLD || kind == MANDATE_RELEASE)
		memcpy(m.name, "case-1", 7);
	bool was_armed = every_pause();
	if (signature_make(&m.signature, MANDATE_DOMAIN, bytes, mandate_signed(bytes, &m), kuo->secret) != 0)
		abort();
	every_resume(was_armed);
	return m;
}

static int custody_work(const char *dir)
{
	static uint8_t bytes[MANDATE_BYTES_MAX];
	char path[PATH_MAX_BYTES];
	struct annals *annals = NULL;
	struct annals_found lying;
	struct custody_found damaged;
	struct custody *custody = NULL;
	struct diary *diary = NULL;
	struct mandate m;
	const uint64_t now = night_midnight + NOON;
	const struct ledger_who peer = {.uid = 1};
	struct annal annal = {.id = {5, ++runs, 1}, .route = "tax", .what = ANNAL_DELIVERED, .at = 1, .destroy_by = 2};
	const struct lost_item item = {{5, ++runs, 1}, 1, LOST_NOT_OFFERED, 3, 4, 5};
	struct lost *lost = NULL;
	int result, vault = folder(dir, "vault");
	if (vault < 0)
		return vault;
	set_id(annal.push_id, runs);
	DO(diary_open(&diary, below(path, dir, "vault"), night.other_box, now));
	diary_tick(diary, now);
	DO(annals_open(&annals, vault, true, &lying));
	DO(annals_write(annals, &annal, 1));
	DO(custody_open(&custody, vault, true, &damaged));
	result = lost_open(&lost, vault);
	DO(result == VERDICT_DAMAGED ? 0 : result);
	DO(lost_add(lost, &item));
	lost_note_added(lost);
	DO(lost_entered(lost, 0));
	const struct custody_site site = {diary, annals, lost, night.registry, night.other_box->card.id, &peer, now};
	m = order_of(MANDATE_ACKNOWLEDGE, &item.id, 1, now - 10);
	DO(custody_take(custody, &site, bytes, mandate_encode(bytes, &m)));
	DO(lost_find(lost, &item.id) == NULL ? 0 : -EBADMSG);
	m = order_of(MANDATE_HOLD, &annal.id, 1, now - 9);
	DO(custody_take(custody, &site, bytes, mandate_encode(bytes, &m)));
	DO(custody_holds(custody, &annal.id, &m) ? 0 : -EBADMSG);
	m = order_of(MANDATE_PURGE, &annal.id, 1, now - 8);
	result = custody_take(custody, &site, bytes, mandate_encode(bytes, &m));
	DO(result == VERDICT_ON_HOLD ? 0 : result != 0 ? result : -EBADMSG);
	m = order_of(MANDATE_RELEASE, NULL, 0, now - 7);
	DO(custody_take(custody, &site, bytes, mandate_encode(bytes, &m)));
	m = order_of(MANDATE_PURGE, &annal.id, 1, now - 6);
	DO(custody_take(custody, &site, bytes, mandate_encode(bytes, &m)));
	custody_close(custody);
	custody = NULL;
	DO(custody_open(&custody, vault, true, &damaged));
	DO(damaged.damaged == 0 && custody_purges(custody, &annal.id, NULL) ? 0 : -EBADMSG);
	annal.what = ANNAL_DESTROYED;
	annal.how = ANNAL_BY_PURGE;
	DO(annals_write(annals, &annal, 1));
	DO(custody_tidy(custody, annals));
	DO(!custody_purges(custody, &annal.id, NULL) ? 0 : -EBADMSG);
out:
	custody_close(custody);
	lost_close(lost);
	annals_close(annals);
	diary_close(diary);
	io_close(vault);
	return result;
}

/* ---- scrubbing ---- */

static const struct bundle_id *wanted_again;

static void note_lost(void *context, const struct bundle_id *id)
{
	(void)context;
	wanted_again = id;
}

static void say_nothing(void *context, int priority, const char *id, const char *text)
{
	(void)context, (void)priority, (void)id, (void)text;
}

static void ring_nobody(void *context)
{
	(void)context;
}

/* As accept_deliver leaves it; damaged: with a byte of its body changed. */
static int put_bundle(int vault, struct annals *annals, struct annal *annal, bool is_damaged)
{
	char name[BUNDLE_NAME_BYTES];
	struct acceptance found;
	bool was_armed = every_pause();
	*annal = (struct annal){.id = {5, ++runs, 1}, .route = "tax", .what = ANNAL_DELIVERED, .at = 1, .destroy_by = 2};
	set_id(annal->push_id, runs);
	bundle_name(name, "tax", annal->id.number);
	whole.object[WHOLE_BYTES - 1] ^= is_damaged;
	int result = put_file(vault, "came"), fd = -1;
	whole.object[WHOLE_BYTES - 1] ^= is_damaged;
	if (result == 0)
		result = vault_deliver(vault, vault, "came", 5, name);
	if (result == 0)
		result = fd = vault_open_bundle(vault, name);
	if (fd >= 0)
		result = accept_describe(&found, fd);
	io_close(fd);
	memcpy(annal->edges, found.edges, sizeof(annal->edges));
	if (result == 0)
		result = annals_write(annals, annal, 1);
	every_resume(was_armed);
	return result;
}

/* One round, in which every failure is over a minute later. */
static int scrub_round(struct scrub *scrub, struct workshop *workshop, int vault, uint64_t *now)
{
	uint8_t *text = NULL;
	size_t len = 0;
	bool is_done = false;
	for (int turn = 0, idle = 0; turn < 20000 && idle < 40 && !is_done; turn++) {
		/* a job that takes its time does not make it later */
		if (workshop_pending(workshop, 0) == 0) {
			*now += 61;
			idle++;
		}
		scrub_turn(scrub, *now);
		usleep(50);
		(void)workshop_collect(workshop);
		bool was_armed = every_pause();
		is_done = turn > 4 && io_read_file(vault, "scrub", 128, &text, &len) == 0 &&
			  strstr((const char *)text, " done ") != NULL;
		free(text);
		text = NULL;
		every_resume(was_armed);
	}
	return is_done ? 0 : -ETIMEDOUT;
}

static int scrub_work(const char *dir)
{
	static const struct teller teller = {say_nothing, NULL};
	char path[PATH_MAX_BYTES];
	struct annals *annals = NULL;
	struct annals_found lying;
	struct annal sound, damaged, now_known;
	struct diary *diary = NULL;
	struct workshop *workshop = NULL;
	struct scrub *scrub = NULL;
	uint64_t now = night_midnight + 2 * runs * (uint64_t)NIGHT_DAY;
	int result, vault = folder(dir, "vault");
	if (vault < 0)
		return vault;
	DO(vault_prepare(vault));
	DO(diary_open(&diary, below(path, dir, "vault"), night.other_box, now));
	DO(annals_open(&annals, vault, true, &lying));
	(void)syscall(SYS_unlinkat, vault, "scrub", 0); /* of an earlier run: what comes is the end of this one's round */
	DO(put_bundle(vault, annals, &sound, false));
	DO(put_bundle(vault, annals, &damaged, true));
	DO(workshop_start(&workshop, 1, ring_nobody, NULL));
	const struct scrub_options options = {vault, 1, workshop, 0, &teller, diary, annals, note_lost, NULL};
	DO(scrub_new(&scrub, &options));
	DO(scrub_mend(scrub));
	DO(scrub_round(scrub, workshop, vault, &now));
	DO(annals_find(annals, &sound.id, &now_known) && now_known.what == ANNAL_DELIVERED ? 0 : -EBADMSG);
	DO(annals_find(annals, &damaged.id, &now_known) && now_known.what == ANNAL_DAMAGED ? 0 : -EIO);
	/* a crash between setting aside and noting: the next start notes it */
	DO(annals_write(annals, &damaged, 1));
	scrub_free(scrub);
	scrub = NULL;
	DO(scrub_new(&scrub, &options));
	DO(scrub_mend(scrub));
	DO(annals_find(annals, &damaged.id, &now_known) && now_known.what == ANNAL_DAMAGED ? 0 : -EBADMSG);
out:
	workshop_stop(workshop);
	scrub_free(scrub);
	annals_close(annals);
	diary_close(diary);
	io_close(vault);
	return result;
}

static void name_lost(const void *context, const struct bundle_id *id, char name[static 64])
{
	(void)context;
	bundle_name(name, "tax", id->number);
}

static int lost_work(const char *dir)
{
	char path[PATH_MAX_BYTES];
	struct diary *diary = NULL;
	struct lost *lost = NULL;
	const struct lost_item item = {{5, ++runs, 1}, 1, LOST_NOT_OFFERED, 3, 4, 5};
	static const uint8_t mandate[MANDATE_ID_BYTES] = {1};
	const struct lost_note known = {.who = {.uid = 1}, .mandate = mandate};
	int result, vault = folder(dir, "vault");
	if (vault < 0)
		return vault;
	DO(diary_open(&diary, below(path, dir, "vault"), night.other_box, night_midnight));
	result = lost_open(&lost, vault);
	DO(result == VERDICT_DAMAGED ? 0 : result);
	DO(lost_add(lost, &item));
	lost_enter(lost, diary, name_lost, NULL);
	DO(lost_entered(lost, diary_commit(diary)));
	lost_close(lost);
	lost = NULL;
	DO(lost_open(&lost, vault));
	DO(lost_find(lost, &item.id) != NULL ? 0 : -EBADMSG);
	DO(lost_acknowledge(lost, &item.id, diary, &known, "tax-000001"));
	DO(lost_store(lost));
out:
	lost_close(lost);
	diary_close(diary);
	io_close(vault);
	return result;
}

static int marker_work(const char *dir)
{
	char path[PATH_MAX_BYTES];
	struct marker m = {.box_key = {1}, .count = ++runs, .epoch = 5}, found;
	int result, runtime = folder(dir, "run");
	if (runtime < 0)
		return runtime;
	DO(marker_store(&m, runtime, below(path, dir, "marker")));
	DO(marker_load(&found, runtime, path, m.box_key) && found.count == m.count ? 0 : -EBADMSG);
out:
	io_close(runtime);
	return result;
}

static int heard_work(const char *dir)
{
	(void)dir;
	struct heard heard = {.epoch = 5, .ended_count = 1, .ended = {4}}, again;
	struct account *account = account_new(), *second = NULL;
	uint8_t *bytes = NULL;
	size_t len = 0;
	int result = account == NULL ? -ENOMEM : 0;
	for (uint64_t i = 1; result == 0 && i < 40; i++)
		result = account_name(account, &(struct bundle_id){5, 2 * i, (uint16_t)(1 + i % 9)}, 7);
	for (uint16_t route = 1; result == 0 && route < 12; route++)
		result = account_take_head(account, &(struct account_head){
			.epoch = 5, .route_id = route, .first = 1, .newest = 90, .by = 5, .generation = 3, .time_s = 8});
	DO(result);
	DO(heard_encode(&bytes, &len, &heard, account));
	DO(heard_decode(&again, &second, bytes, len));
out:
	free(bytes);
	account_free(account);
	account_free(second);
	return result;
}

static int witness_work(const char *dir)
{
	char path[PATH_MAX_BYTES];
	struct witness w = {.written_s = 0};
	struct diary *diary = NULL;
	const struct ledger_head head = {.n = ++runs};
	int result, fd = -1;
	io_close(folder(dir, "vault"));
	DO(diary_open(&diary, below(path, dir, "vault"), night.other_box, night_midnight));
	for (uint64_t minute = 0; minute < 2; minute++) {
		diary_tick(diary, night_midnight + 60 * (2 * runs + minute));
		diary_hear(diary, "inside-1", &head);
	}
	DO(diary_commit(diary));
	fd = io_open_dir(AT_FDCWD, below(path, dir, "vault/ledger"));
	DO(fd < 0 ? fd : 0);
	DO(witness_recall(&w, fd));
	DO(strcmp(w.box, "inside-1") == 0 ? 0 : -EBADMSG);
out:
	io_close(fd);
	diary_close(diary);
	return result;
}

int main(int argc, char **argv)
{
	(void)argc;
	static const struct every_piece pieces[] = {
		{"the spool", spool_work}, {"standing orders", orders_work}, {"the sender's witness", testimony_work},
		{"what arrives", partial_work}, {"large objects that arrive", gather_work}, {"judging and delivering", accept_work}, {"the vault", vault_work},
		{"annals", annals_work}, {"scrubbing", scrub_work}, {"holds and purges", custody_work}, {"what is lost", lost_work},
		{"the receiver's marker", marker_work}, {"what was heard", heard_work}, {"what was witnessed", witness_work},
	};
	struct fault_page *page = every_begin(argv);
	if (suite_start() != 0)
		return 2;
	night_make(&night, "");
	whole_make(&whole, &night);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
		if (getenv("ONLY") == NULL || strcmp(getenv("ONLY"), pieces[i].name) == 0)
			every_call(page, &pieces[i]);
	test_misplaced(page);
	test_large(page);
	night_end(&night);
	return done_testing();
}
