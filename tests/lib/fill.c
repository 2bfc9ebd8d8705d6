/*
 * fill: a spool and a vault with many bundles in them, as years of work would leave them, made in seconds: heads,
 * dossiers and catalogue are right and signed, the bodies are holes.
 *
 *   fill SENDER-CONFIG RECEIVER-CONFIG KEY COUNT   KEY: of a person who may push on the route files
 *
 * Of the bundles half are ready and the others sent, but for the last 1 in 100, which wait for officers.  In the vault all
 * that have a number are named, the last tenth of them is half received, and the others delivered.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/catalogue.h"
#include "common/cursor.h"
#include "common/io.h"
#include "common/suite.h"
#include "common/text.h"
#include "common/tree.h"
#include "common/verdict.h"
#include "receiver/annals.h"
#include "receiver/edges.h"
#include "receiver/partial.h"
#include "receiver/vault.h"
#include "sender/dossier.h"
#include "sender/setup.h"
#include "sender/spool.h"
#include "tests/lib/endorse.h"

enum { SENDER = 1, RECEIVER, KEY, COUNT, ARGUMENTS };
enum { WAITING_PART = 100, ARRIVING_PART = 10, SEGMENTS = 3, DAY_S = 86400, BUNDLES_MAX = 10240 };

struct fill {
	struct setup setup;
	struct config receiver;
	struct key *box, *person;
	uint64_t epoch, now;
	uint8_t root[SUITE_DIGEST_BYTES]; /* of a body of holes */
	int spool, vault, bundles; /* folders */
	struct partial_site site;
	uint8_t *pages;            /* of the catalogue, each behind its length */
	size_t pages_len;
	struct page page;          /* that is being filled */
	struct annals *annals;
	struct annal batch[ANNALS_BATCH_MAX];
	size_t batch_count;
};

static void need(int result, const char *what)
{
	if (result == 0)
		return;
	fprintf(stderr, "fill: %s: %s\n", what, verdict_explain(result));
	exit(1);
}

static void need_fd(int fd, const char *what)
{
	need(fd < 0 ? fd : 0, what);
}

static struct statement statement_of(const struct fill *f, uint64_t i, bool waits)
{
	struct statement s = {
		.registry_version = registry_version(f->setup.registry),
		.created = f->now - i % DAY_S,
		.destroy_by = f->now + 20 * DAY_S,
		.segments = SEGMENTS,
		.manifest_segments = 1,
	};
	snprintf(s.route, sizeof(s.route), "%s", waits ? "approved" : "files");
	memcpy(s.person, f->person->card.name, NAME_BYTES);
	memcpy(s.person_key, f->person->card.id, KEY_ID_BYTES);
	suite_random(s.push_id, sizeof(s.push_id));
	memcpy(s.root, f->root, sizeof(s.root));
	return s;
}

static struct release release_of(const struct fill *f, const struct statement *s, uint64_t number)
{
	struct geometry g = geometry_choose(bundle_object_len(s), 125);
	struct release r = {
		.route_id = 2,
		.epoch = f->epoch,
		.number = number,
		.released_at = s->created,
		.row_len = g.row_len,
		.source_rows = g.source_rows,
		.repair_rows = g.repair_rows,
		.statement = *s,
	};
	memcpy(r.box, f->box->card.name, NAME_BYTES);
	memcpy(r.box_key, f->box->card.id, KEY_ID_BYTES);
	return r;
}

static void root_of_holes(uint8_t root[static SUITE_DIGEST_BYTES])
{
	static const uint8_t segment[SEGMENT_BYTES];
	uint8_t leaf[1][SUITE_DIGEST_BYTES];
	struct tree tree;
	tree_start(&tree);
	for (uint64_t i = 0; i < SEGMENTS; i++) {
		tree_leaves(leaf, segment, 1);
		tree_add(&tree, leaf[0]);
	}
	tree_root(&tree, root);
}

/* The first segment, behind it a hole, and behind that the registry, where there is one. */
static void put_object(int dir, const char *name, const uint8_t segment[static SEGMENT_BYTES],
		       const struct registry *registry)
{
	size_t len = 0;
	const uint8_t *text = registry == NULL ? NULL : registry_text(registry, &len);
	uint64_t end = (SEGMENTS + 1) * SEGMENT_BYTES;
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	need(fd < 0 ? -errno : io_write(fd, segment, SEGMENT_BYTES), name);
	need(ftruncate(fd, (off_t)end) < 0 ? -errno : io_pwrite(fd, text, len, end), name);
	need(io_close(fd), name);
}

static void end_page(struct fill *f)
{
	uint8_t message[PAGE_BYTES_MAX];
	size_t len;
	need(page_encode(message, &len, &f->page, f->box->secret), "a page");
	f->pages = realloc(f->pages, f->pages_len + 2 + len);
	need(f->pages == NULL ? -ENOMEM : 0, "pages");
	struct writer w = writer_of(f->pages + f->pages_len, 2 + len);
	write_u16(&w, (uint16_t)len);
	write_bytes(&w, message, len);
	f->pages_len += 2 + len;
	f->page.page++;
	f->page.count = 0;
}

static void name_in_catalogue(struct fill *f, const struct release *r)
{
	struct entry *e = &f->page.entries[f->page.count++];
	*e = (struct entry){
		.route_id = r->route_id,
		.passes = 1,
		.geometry = {bundle_object_len(&r->statement), r->row_len, r->source_rows, r->repair_rows},
		.epoch = r->epoch,
		.number = r->number,
		.destroy_by = r->statement.destroy_by,
		.offered_until = r->statement.destroy_by,
	};
	memcpy(e->root, r->statement.root, SUITE_DIGEST_BYTES);
	if (f->page.count == PAGE_ENTRIES_MAX)
		end_page(f);
}

static void write_annals(struct fill *f)
{
	need(annals_write(f->annals, f->batch, f->batch_count), "the annals");
	f->batch_count = 0;
}

static void remember(struct fill *f, const struct release *r, const uint8_t *segment)
{
	size_t len;
	const uint8_t *text = registry_text(f->setup.registry, &len);
	struct annal *annal = &f->batch[f->batch_count++];
	*annal = (struct annal){
		.id = {.epoch = r->epoch, .route_id = r->route_id, .number = r->number},
		.what = ANNAL_DELIVERED,
		.at = f->now,
		.destroy_by = r->statement.destroy_by,
	};
	memcpy(annal->route, r->statement.route, NAME_BYTES);
	memcpy(annal->push_id, r->statement.push_id, PUSH_ID_BYTES);
	edges_of(annal->edges, segment, text, len);
	if (f->batch_count == ANNALS_BATCH_MAX)
		write_annals(f);
}

/* What the receiver has of it: everything, or a place to put it. */
static void fill_vault(struct fill *f, const struct release *r, const char *name, const uint8_t *segment, bool is_arriving)
{
	char file[BUNDLE_NAME_BYTES + 8];
	const struct entry *entry = &f->page.entries[f->page.count];
	struct bundle_id id = {.epoch = r->epoch, .route_id = r->route_id, .number = r->number};
	struct partial *partial = NULL;
	name_in_catalogue(f, r);
	if (is_arriving) {
		need(partial_create(&partial, &f->site, &id, &entry->geometry), name);
		partial_close(partial);
		return;
	}
	snprintf(file, sizeof(file), "%s.weir", name);
	put_object(f->bundles, file, segment, f->setup.registry);
	remember(f, r, segment);
}

static void fill_one(struct fill *f, uint64_t i, uint64_t count)
{
	static struct dossier dossier;
	uint8_t segment[SEGMENT_BYTES];
	char name[BUNDLE_NAME_BYTES], path[2 * BUNDLE_NAME_BYTES];
	uint64_t waiting = count / WAITING_PART;
	bool waits = i + waiting >= count;
	struct statement s = statement_of(f, i, waits);
	dossier.tally.members = 1;
	memcpy(dossier.push_id, s.push_id, PUSH_ID_BYTES);
	endorse_push(&dossier.endorsements, &s, f->person->secret);
	int dir = openat(f->spool, "dossier", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	need(dir < 0 ? -errno : dossier_save(dir, &dossier), "a dossier");
	io_close(dir);
	if (waits) {
		unreleased_segment_encode(segment, &s, &dossier.endorsements);
		snprintf(path, sizeof(path), "held/");
		text_hex(path + 5, sizeof(path) - 5, s.push_id, PUSH_ID_BYTES);
		put_object(f->spool, path, segment, NULL);
		return;
	}
	struct release r = release_of(f, &s, i + 1);
	need(release_segment_encode(segment, &r, &dossier.endorsements, f->box->secret), "a release");
	bundle_name(name, s.route, r.number);
	snprintf(path, sizeof(path), "%s/%s", i % 2 == 0 ? "ready" : "sent", name);
	put_object(f->spool, path, segment, NULL);
	fill_vault(f, &r, name, segment, i + waiting + count / ARRIVING_PART >= count);
}

/* The folders, and an epoch, are made by who has them. */
static void open_both(struct fill *f, char **argv)
{
	struct setup_problem problem;
	char text[PROBLEM_BYTES], path[64];
	struct spool *spool = NULL;
	need(setup_load(&f->setup, argv[SENDER], &problem), argv[SENDER]);
	need(setup_box_key(&f->box, &f->setup, &problem), "the key of the box");
	need(key_load(&f->person, argv[KEY], NULL), argv[KEY]);
	need(config_load(&f->receiver, CONFIG_RECEIVER, argv[RECEIVER], text), argv[RECEIVER]);
	need(spool_open(&spool, &(struct spool_options){.path = f->setup.config.spool}), "the spool");
	f->epoch = spool_epoch(spool);
	spool_close(spool);
	f->now = (uint64_t)time(NULL);
	need_fd(f->spool = io_open_dir(AT_FDCWD, f->setup.config.spool), "the spool");
	need_fd(f->vault = io_open_dir(AT_FDCWD, f->receiver.vault), "the vault");
	need(vault_prepare(f->vault), "the vault");
	need(annals_open(&f->annals, f->vault, true, &(struct annals_found){.is_new = false}), "the annals");
	snprintf(path, sizeof(path), "bundles/%016llx", (unsigned long long)f->epoch);
	need(io_make_dir(f->vault, path, 0750), path);
	need_fd(f->bundles = io_open_dir(f->vault, path), path);
	need_fd(f->site.dir_fd = io_open_dir(f->vault, "partial"), "partial/");
	need(io_make_dir(f->vault, "maps", 0700), "maps/");
	need_fd(f->site.maps_fd = io_open_dir(f->vault, "maps"), "maps/");
}

static int forget_map(int dir_fd, const char *name, void *context)
{
	(void)context;
	return unlinkat(dir_fd, name, 0) < 0 ? -errno : 0;
}

int main(int argc, char **argv)
{
	struct fill *f = calloc(1, sizeof(*f));
	uint64_t count;
	if (argc != ARGUMENTS || f == NULL || text_parse_u64(&count, argv[COUNT], BUNDLES_MAX) != 0 || count == 0) {
		fprintf(stderr, "usage: fill SENDER-CONFIG RECEIVER-CONFIG KEY COUNT\n");
		return 2;
	}
	need(suite_start(), "libsodium");
	open_both(f, argv);
	root_of_holes(f->root);
	/* older than what the sender begins with, which places them in its own way */
	f->page = (struct page){.epoch = f->epoch, .generation = 0, .time = f->now};
	f->page.pages = (uint32_t)((count - count / WAITING_PART + PAGE_ENTRIES_MAX - 1) / PAGE_ENTRIES_MAX);
	memcpy(f->page.box_key, f->box->card.id, KEY_ID_BYTES);
	for (uint64_t i = 0; i < count; i++)
		fill_one(f, i, count);
	if (f->page.count > 0)
		end_page(f);
	write_annals(f);
	annals_close(f->annals);
	need(vault_catalogue_store(f->vault, f->pages, f->pages_len), "the catalogue");
	/* the machine has been off since */
	need(io_each_name(io_open_dir(f->vault, "maps"), forget_map, NULL), "maps/");
	need(unlinkat(f->vault, "maps", AT_REMOVEDIR) < 0 ? -errno : 0, "maps/");
	return 0;
}
