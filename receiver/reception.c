#include "reception.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "common/diskfill.h"
#include "common/io.h"
#include "common/openbundle.h"
#include "common/verdict.h"
#include "entering.h"
#include "errand.h"
#include "room.h"

enum { TEXT_BYTES = 512, CHECK_DISK_MS = 1000, MAP_TOLD_MS = 60000, DIRECTORY_MODE = 0750 };

void reception_tell(const struct reception *r, int priority, const char *id, const char *format, ...)
{
	char text[TEXT_BYTES];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	r->o.tell->tell(r->o.tell->context, priority, id, text);
}

void reception_name_of(const struct reception *r, const struct bundle_id *id,
		       char out[static VAULT_NAME_BYTES])
{
	const char *route = open_route_name(r->o.registry, id->route_id);
	char by_id[NAME_BYTES];
	snprintf(by_id, sizeof(by_id), "route%u", id->route_id);
	bundle_name(out, route != NULL ? route : by_id, id->number);
}
_Static_assert((int)VAULT_NAME_BYTES >= (int)BUNDLE_NAME_BYTES, "one buffer for both names");

/* Giving up: at once out of sight, and gone when no errand needs it any more. */

void reception_give_up(struct arrival *a)
{
	if (a->bundle != NULL)
		a->bundle->arrival = NULL;
	a->bundle = NULL;
}

void reception_begin_again(struct reception *r, struct arrival *a, const char *why, int error)
{
	char name[VAULT_NAME_BYTES];
	reception_name_of(r, &a->id, name);
	reception_tell(r, LOG_ERR, "E2013", "keep: '%s' begins again, %s: %s", name, why,
	     verdict_explain(error));
	if (a->bundle != NULL)
		a->bundle->retry_ms = r->now_ms + RECEPTION_RETRY_MS;
	reception_give_up(a);
}

static void destroy(struct reception *r, struct arrival *a)
{
	if (partial_has_open_files(a->partial))
		r->open_files--;
	errand_forget(a);
	reception_gather_end(r, a);
	partial_close(a->partial);
	r->memory -= a->memory;
	r->count--;
	int result = partial_remove(&r->site, &a->id);
	if (result != 0) {
		char name[VAULT_NAME_BYTES];
		vault_partial_name(name, &a->id);
		reception_tell(r, LOG_ERR, "E2016", "keep: cannot remove partial/%s: %s", name,
		     strerror(-result));
	}
	free(a);
}

static void reap(struct reception *r)
{
	for (struct arrival **at = &r->arrivals; *at != NULL;) {
		struct arrival *a = *at;
		bool is_owed = a->owed == OWES_DELIVERED || a->owed == OWES_REFUSED;
		if (a->bundle != NULL || a->errands > 0 || is_owed) {
			at = &a->next;
			continue;
		}
		*at = a->next;
		destroy(r, a);
	}
}

/* Beginning */

/* Files are opened when they are needed; whoever was needed longest ago gives his up. */
static int open_files(struct reception *r, struct arrival *a)
{
	a->used = ++r->use_counter;
	if (partial_has_open_files(a->partial))
		return 0;
	if (r->open_files >= RECEPTION_FILES_MAX) {
		struct arrival *oldest = NULL;
		for (struct arrival *b = r->arrivals; b != NULL; b = b->next)
			if (partial_has_open_files(b->partial) &&
			    (oldest == NULL || b->used < oldest->used))
				oldest = b;
		assert(oldest != NULL);
		placement_flush(&r->placement);
		partial_close_files(oldest->partial);
		r->open_files--;
	}
	int result = partial_open_files(a->partial);
	if (result == 0)
		r->open_files++;
	return result;
}

static void add_arrival(struct reception *r, struct known_bundle *bundle, struct partial *partial)
{
	struct arrival *a = calloc(1, sizeof(*a));
	if (a == NULL) {
		partial_close(partial);
		return;
	}
	*a = (struct arrival){
		.next = r->arrivals,
		.bundle = bundle,
		.id = bundle->id,
		.partial = partial,
		.memory = reception_memory(r, &bundle->entry.geometry),
		.last_arrival_s = r->now_s,
	};
	reception_gather_begin(r, a);
	r->arrivals = a;
	r->count++;
	r->memory += a->memory;
	bundle->arrival = a;
}

bool reception_is_being_given_up(const struct reception *r, const struct bundle_id *id)
{
	for (const struct arrival *a = r->arrivals; a != NULL; a = a->next)
		if (a->bundle == NULL && a->id.number == id->number &&
		    a->id.route_id == id->route_id && a->id.epoch == id->epoch)
			return true;
	return false;
}

/* The map was stored at the latest a second after something came; a clock may have been set back since. */
static uint64_t stored_at(const struct reception *r, const struct bundle_id *id)
{
	char name[VAULT_NAME_BYTES], path[VAULT_NAME_BYTES + 16];
	struct stat st;
	vault_partial_name(name, id);
	snprintf(path, sizeof(path), "%s/" PARTIAL_MAP, name);
	if (fstatat(r->site.dir_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_mtim.tv_sec < 0)
		return r->now_s;
	uint64_t at = (uint64_t)st.st_mtim.tv_sec;
	return at < r->now_s || r->now_s == 0 ? at : r->now_s;
}

/* Goes on where the process before this one, or the power, stopped.  -ENOENT: nothing is there. */
static int take_up(struct reception *r, struct known_bundle *bundle)
{
	struct partial *partial = NULL;
	int result = partial_load(&partial, &r->site, &bundle->id, &bundle->entry.geometry);
	if (result != 0)
		return result;
	add_arrival(r, bundle, partial);
	struct arrival *a = bundle->arrival;
	if (a == NULL)
		return -ENOMEM;
	a->last_arrival_s = stored_at(r, &bundle->id);
	struct arrivals *arrivals = partial_arrivals(partial);
	uint32_t blocks = geometry_block_count(&bundle->entry.geometry);
	for (uint32_t i = 0; a->bundle != NULL && i < blocks; i++)
		if (arrivals_block_state(arrivals, i) == BLOCK_DECODABLE)
			errand_repair(r, a, i);
	if (a->bundle != NULL && arrivals_are_complete(arrivals))
		errand_accept(r, a);
	return 0;
}

static int create(struct reception *r, struct known_bundle *bundle)
{
	struct partial *partial = NULL;
	int result = partial_create(&partial, &r->site, &bundle->id, &bundle->entry.geometry);
	if (result != 0)
		return result;
	add_arrival(r, bundle, partial);
	return bundle->arrival == NULL ? -ENOMEM : 0;
}

static void tell_not_begun(const struct reception *r, const struct known_bundle *bundle, int error)
{
	char name[VAULT_NAME_BYTES];
	reception_name_of(r, &bundle->id, name);
	reception_tell(r, LOG_ERR, "E2017", "keep: cannot begin '%s', %" PRIu64 " bytes: %s", name,
		       partial_disk(&bundle->entry.geometry), strerror(-error));
}

/* The arrival of a wanted bundle, begun if need be; NULL when that cannot be now. */
static struct arrival *arrival_of(struct reception *r, struct known_bundle *bundle)
{
	if (bundle->arrival != NULL)
		return bundle->arrival;
	if (bundle->retry_ms > r->now_ms)
		return NULL;
	if (reception_is_being_given_up(r, &bundle->id) || !room_has(r, bundle)) {
		bundle->retry_ms = r->now_ms + RECEPTION_STORE_MS;
		return NULL;
	}
	int result = take_up(r, bundle);
	/* a registry is small, and may be what helps */
	if (result == -ENOENT && r->disk == DISKFILL_FULL && bundle->id.route_id != OPEN_ROUTE_ID) {
		bundle->retry_ms = r->now_ms + CHECK_DISK_MS;
		return NULL;
	}
	if (result == -ENOENT)
		result = create(r, bundle);
	if (result != 0) {
		bundle->retry_ms = r->now_ms + RECEPTION_RETRY_MS;
		tell_not_begun(r, bundle, result);
	}
	return bundle->arrival;
}

void reception_name(struct reception *r, struct known_bundle *bundle)
{
	char name[VAULT_NAME_BYTES], path[VAULT_NAME_BYTES + 16];
	int verdict = vault_refusal(r->o.vault_fd, &bundle->id);
	reception_name_of(r, &bundle->id, name);
	if (verdict > 0) {
		bundle->state = KNOWN_REFUSED;
		bundle->verdict = verdict;
	} else if (entering_is_done(r, &bundle->id, name)) {
		bundle->state = KNOWN_DELIVERED;
		bundle->is_noted = true;
	}
	vault_partial_name(path, &bundle->id);
	if (faccessat(r->site.dir_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
		return;
	int result = 0;
	if (bundle->state != KNOWN_WANTED)
		result = partial_remove(&r->site, &bundle->id);
	else if (!reception_is_being_given_up(r, &bundle->id) && room_has(r, bundle))
		result = take_up(r, bundle);
	if (result != 0 && result != -ENOENT)
		tell_not_begun(r, bundle, result);
}

/* Receiving */

/* Once a minute: some blocks may have a map, and others not. */
static void tell_no_map(struct reception *r, const struct arrival *a)
{
	char name[VAULT_NAME_BYTES];
	if (r->map_told_ms != 0 && r->now_ms - r->map_told_ms < MAP_TOLD_MS)
		return;
	r->map_told_ms = r->now_ms;
	reception_name_of(r, &a->id, name);
	reception_tell(r, LOG_ERR, "E2017", "keep: cannot begin a block of '%s': no memory for its map: the file system "
		       "of the runtime directory is full, or the machine's memory: make room there; what has come of it is "
		       "counted as no_room, and has to be repeated", name);
}

/* Somebody may have removed the verdict, to have the bundle received again. */
static void look_at_refusal(struct reception *r, struct known_bundle *bundle)
{
	if (bundle->state != KNOWN_REFUSED || bundle->retry_ms > r->now_ms)
		return;
	bundle->retry_ms = r->now_ms + RECEPTION_RETRY_MS;
	if (vault_refusal(r->o.vault_fd, &bundle->id) != 0)
		return;
	bundle->state = KNOWN_WANTED;
	bundle->verdict = 0;
	bundle->retry_ms = 0;
}

void reception_place(struct reception *r, struct known_bundle *bundle, const struct span *span,
		     const uint8_t *payload)
{
	look_at_refusal(r, bundle);
	if (bundle->state != KNOWN_WANTED) {
		r->o.counters->late++;
		return;
	}
	struct arrival *a = arrival_of(r, bundle);
	if (a == NULL) {
		r->o.counters->no_room++;
		return;
	}
	a->last_arrival_s = r->now_s;
	/* what has no place in a map has not come */
	if (!arrivals_begin_block(partial_arrivals(a->partial), span->block)) {
		r->o.counters->no_room++;
		tell_no_map(r, a);
		return;
	}
	enum span_use use;
	if (r->gather != NULL && gather_takes(&bundle->entry.geometry, span->row)) {
		use = gather_add(r->gather, a, a->partial, span, payload);
	} else {
		int result = open_files(r, a);
		if (result != 0) {
			reception_begin_again(r, a, "its files cannot be opened", result);
			return;
		}
		use = placement_add(&r->placement, a, a->partial, span, payload);
	}
	r->o.counters->duplicate += use == SPAN_DUPLICATE;
	r->o.counters->late += use == SPAN_LATE;
}

void reception_flush(struct reception *r)
{
	placement_flush(&r->placement);
}

static void on_decodable(void *context, void *owner, uint16_t block)
{
	struct arrival *a = owner;
	if (a->bundle != NULL)
		errand_repair(context, a, block);
}

static void on_failed(void *context, void *owner, int error)
{
	struct arrival *a = owner;
	if (a->bundle != NULL)
		reception_begin_again(context, a, "it could not be written", error);
}

static void on_dropped(void *context, unsigned int spans)
{
	struct reception *r = context;
	r->o.counters->no_room += spans;
}

/* Turns */

static void check_disk(struct reception *r)
{
	if (r->now_ms - r->disk_checked_ms < CHECK_DISK_MS && r->disk_checked_ms != 0)
		return;
	r->disk_checked_ms = r->now_ms;
	int percent = diskfill_percent(r->o.vault_fd);
	if (percent < 0)
		return; /* what cannot be asked is found out by fallocate */
	enum diskfill before = r->disk;
	r->disk = diskfill_level(before, (unsigned int)percent, r->o.disk_full_percent);
	if (r->disk == DISKFILL_FULL && before != DISKFILL_FULL)
		reception_tell(r, LOG_ERR, "E2020", "keep: the disk of the vault is %d %% full, no bundle is "
			       "begun above %" PRIu32 " %%; remove or move what is no longer needed", percent,
			       r->o.disk_full_percent);
	if (r->disk != DISKFILL_FULL && before == DISKFILL_FULL)
		reception_tell(r, LOG_INFO, "E2021", "keep: the disk of the vault has room again");
	if (r->disk == DISKFILL_FILLING && before == DISKFILL_FINE)
		reception_tell(r, LOG_WARNING, "E2022", "keep: the disk of the vault is %d %% full, no bundle is begun "
			       "from %" PRIu32 " %% on; make room before that", percent, r->o.disk_full_percent);
}

static void retry(struct reception *r)
{
	for (struct arrival *a = r->arrivals; a != NULL; a = a->next)
		if (a->bundle != NULL && a->phase == PHASE_WAITING && a->retry_ms != 0 &&
		    a->retry_ms <= r->now_ms)
			errand_accept(r, a);
}

void reception_store_all(struct reception *r)
{
	placement_flush(&r->placement);
	for (struct arrival *a = r->arrivals; a != NULL; a = a->next)
		if (a->bundle != NULL && a->phase != PHASE_CHECKING && a->phase != PHASE_VERIFIED &&
		    !a->is_stored_now && partial_has_changed(a->partial))
			errand_store(r, a);
	r->stored_ms = r->now_ms;
}

void reception_turn(struct reception *r, uint64_t now_ms, uint64_t now_s,
		    uint64_t sender_registry_version)
{
	r->now_ms = now_ms;
	r->now_s = now_s;
	r->sender_registry_version = sender_registry_version;
	placement_flush(&r->placement);
	if (r->gather != NULL)
		gather_turn(r->gather, now_ms);
	workshop_collect(r->o.workshop);
	reap(r);
	check_disk(r);
	retry(r);
	if (now_ms - r->stored_ms >= RECEPTION_STORE_MS)
		reception_store_all(r);
}

void reception_set_registry(struct reception *r, const struct registry *registry,
			    uint64_t sender_version)
{
	r->o.registry = registry;
	r->sender_registry_version = sender_version;
	for (struct arrival *a = r->arrivals; a != NULL; a = a->next)
		if (a->bundle != NULL && (a->phase == PHASE_WAITING || a->phase == PHASE_VERIFIED))
			errand_accept(r, a);
}

bool reception_take_registry(struct reception *r)
{
	bool has_registry = r->has_registry;
	r->has_registry = false;
	return has_registry;
}

bool reception_disk_is_full(const struct reception *r)
{
	return r->disk == DISKFILL_FULL;
}

/* Opening, closing */

static int open_site(struct reception *r)
{
	int result = vault_prepare(r->o.vault_fd);
	if (result == 0)
		result = partial_site_boot(&r->site);
	if (result != 0)
		return result;
	r->site.dir_fd = io_open_dir(r->o.vault_fd, "partial");
	if (r->site.dir_fd < 0)
		return r->site.dir_fd;
	int runtime_fd = io_open_dir(AT_FDCWD, r->o.runtime);
	if (runtime_fd < 0)
		return runtime_fd;
	result = io_make_dir(runtime_fd, "maps", DIRECTORY_MODE);
	if (result == 0) {
		r->site.maps_fd = io_open_dir(runtime_fd, "maps");
		result = r->site.maps_fd < 0 ? r->site.maps_fd : 0;
	}
	io_close(runtime_fd);
	return result;
}

int reception_open(struct reception **out, const struct reception_options *options)
{
	struct reception *r = calloc(1, sizeof(*r));
	if (r == NULL)
		return -ENOMEM;
	r->o = *options;
	r->now_s = options->now_s;
	r->site.dir_fd = -1;
	r->site.maps_fd = -1;
	r->placement.listener = (struct placement_listener){on_decodable, on_failed, on_dropped,
							   errand_note_written, r};
	int result = open_site(r);
	if (result == 0)
		result = reception_gather_open(r);
	if (result != 0) {
		reception_close(r);
		return result;
	}
	*out = r;
	return 0;
}

void reception_close(struct reception *r)
{
	if (r == NULL)
		return;
	gather_free(r->gather);
	while (r->arrivals != NULL) {
		struct arrival *a = r->arrivals;
		r->arrivals = a->next;
		if (a->bundle != NULL)
			a->bundle->arrival = NULL;
		errand_forget(a);
		bodytree_known_clear(&a->known);
		partial_close(a->partial);
		free(a);
	}
	io_close(r->site.dir_fd);
	io_close(r->site.maps_fd);
	free(r);
}
