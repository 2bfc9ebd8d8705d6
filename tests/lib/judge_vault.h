/*
 * judge_vault: whether a vault that a power cut left is what VAULT.md promises, before and after the recovery that
 * weir-keep makes at its start.  Marks: "delivered NAME", "refused NAME", "entered ENTRY HASH" (in the ledger).
 */
#ifndef WEIR_TEST_JUDGE_VAULT_H
#define WEIR_TEST_JUDGE_VAULT_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/config.h"
#include "common/erasure.h"
#include "receiver/diary.h"
#include "receiver/intake.h"
#include "receiver/lost.h"
#include "receiver/partial.h"
#include "receiver/registrar.h"
#include "receiver/vault.h"
#include "tests/lib/judging.h"

enum { TRUTHS_MAX = 64, TURNS_MAX = 2000 };

/* A bundle as it was in the end: the object, what lies behind it, and its repair rows, block by block. */
struct truth {
	char name[BUNDLE_NAME_BYTES];
	struct bundle_id id;
	struct geometry geometry;
	uint8_t *file, *repair;
	size_t len;
};

struct vault_world {
	struct config config;
	struct registry *registry;
	struct roots *roots;
	struct key *box;
	struct truth truths[TRUTHS_MAX];
	size_t truth_count;
	char scratch[64]; /* a folder of memory, for maps in use */
	int vault_fd;
	struct diary *diary;
	struct lost *lost;
	struct intake *intake;
};

/* Of each block: those of a pass and the further ones. */
static inline uint32_t repair_rows(const struct geometry *g)
{
	return geometry_row_total(g) - g->source_rows;
}

/* The rows of one block: those wholly behind the end of the object are zeros. */
static inline void truth_encode(struct truth *t, const struct erasure *code, uint32_t block, const uint8_t *object)
{
	const struct geometry *g = &t->geometry;
	const uint8_t *source[ROWS_MAX];
	uint8_t *repair[ROWS_MAX];
	for (uint32_t row = 0; row < g->source_rows; row++)
		source[row] = object + geometry_row_offset(g, block, row);
	for (uint32_t row = 0; row < repair_rows(g); row++)
		repair[row] = t->repair + ((size_t)block * repair_rows(g) + row) * g->row_len;
	erasure_encode(code, source, 0, repair_rows(g), repair, g->row_len);
}

static inline bool truth_load(struct truth *t, int dir_fd, const char *name)
{
	struct release release;
	if (io_read_file(dir_fd, name, 1 << 26, &t->file, &t->len) != 0 || t->len < SEGMENT_BYTES ||
	    release_segment_decode(&release, NULL, t->file) != 0)
		return false;
	bundle_name(t->name, release.statement.route, release.number);
	t->id = (struct bundle_id){
		.epoch = release.epoch, .route_id = release.route_id, .number = release.number};
	t->geometry = (struct geometry){bundle_object_len(&release.statement), release.row_len,
					release.source_rows, release.repair_rows};
	const struct geometry *g = &t->geometry;
	uint32_t blocks = geometry_block_count(g);
	uint8_t *object = calloc((size_t)blocks * g->source_rows, g->row_len);
	t->repair = calloc((size_t)blocks * repair_rows(g), g->row_len);
	struct erasure *code = erasure_new(g->source_rows, repair_rows(g));
	if (object == NULL || t->repair == NULL || code == NULL)
		return false;
	memcpy(object, t->file, g->object_len);
	for (uint32_t block = 0; block < blocks; block++)
		truth_encode(t, code, block, object);
	erasure_free(code);
	free(object);
	return true;
}

static inline const struct truth *truth_of(const struct vault_world *w, uint64_t epoch, const char *name)
{
	for (size_t i = 0; i < w->truth_count; i++)
		if (w->truths[i].id.epoch == epoch && strcmp(w->truths[i].name, name) == 0)
			return &w->truths[i];
	return NULL;
}

static inline const struct truth *truth_of_id(const struct vault_world *w, const struct bundle_id *id)
{
	for (size_t i = 0; i < w->truth_count; i++) {
		const struct bundle_id *other = &w->truths[i].id;
		if (other->epoch == id->epoch && other->route_id == id->route_id && other->number == id->number)
			return &w->truths[i];
	}
	return NULL;
}

static inline int scratch_folder(const struct vault_world *w, const char *name)
{
	int dir = io_open_dir(AT_FDCWD, w->scratch);
	if (dir >= 0 && io_make_dir(dir, name, 0700) == 0) {
		int fd = io_open_dir(dir, name);
		io_close(dir);
		return fd;
	}
	io_close(dir);
	return -EIO;
}

/* A partial bundle as it lies there. */
struct remains {
	struct partial *partial;
	uint8_t *object, *repair;
	size_t object_len, repair_len;
};

/* Whether the files have a symbol that the map claims. */
static inline bool symbol_is_there(const struct remains *r, const struct truth *t, const struct span *span)
{
	bool is_repair;
	uint64_t offset = partial_offset(r->partial, span, &is_repair), len = SYMBOL_BYTES;
	if (!is_repair && offset >= t->geometry.object_len)
		return true;
	if (!is_repair && offset + len > t->geometry.object_len)
		len = t->geometry.object_len - offset;
	return offset + len <= (is_repair ? r->repair_len : r->object_len) &&
	       memcmp((is_repair ? r->repair : r->object) + offset, (is_repair ? t->repair : t->file) + offset,
		      len) == 0;
}

static inline void judge_claims(struct judging *j, const struct remains *r, const struct truth *t)
{
	const struct geometry *g = &t->geometry;
	uint32_t symbols = geometry_row_symbols(g), rows = geometry_row_total(g);
	for (uint32_t block = 0; block < geometry_block_count(g); block++)
		for (uint32_t i = 0; i < rows * symbols; i++) {
			struct span span = {(uint16_t)block, (uint8_t)(i / symbols), (uint16_t)(i % symbols), 1};
			if (!arrivals_have(partial_arrivals(r->partial), &span))
				continue;
			j->claims++;
			if (!symbol_is_there(r, t, &span)) {
				complain(j, "the map of %s claims block %u row %u symbol %u, which is not there",
					 t->name, block, span.row, span.first);
				return;
			}
		}
}

/* What a keep would take up. */
static inline void judge_partial(struct judging *j, const struct partial_site *site, const struct bundle_id *id,
				 const struct truth *t)
{
	struct remains r = {.partial = NULL};
	if (partial_load(&r.partial, site, id, &t->geometry) != 0)
		return;
	int dir = partial_open_dir(site, id);
	if (judge_ok(j, io_read_file(dir, PARTIAL_OBJECT, 1 << 26, &r.object, &r.object_len), "the object") &&
	    judge_ok(j, io_read_file(dir, PARTIAL_REPAIR, 1 << 26, &r.repair, &r.repair_len), "the repair rows"))
		judge_claims(j, &r, t);
	io_close(dir);
	free(r.object);
	free(r.repair);
	partial_close(r.partial);
}

/* A stored map never claims what a power cut could take. */
static inline void judge_maps(struct judging *j, const struct vault_world *w)
{
	struct partial_site site = {.dir_fd = openat(w->vault_fd, "partial", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
				    .maps_fd = scratch_folder(w, "judged")};
	struct bundle_id *ids = NULL;
	size_t count = 0;
	if (site.dir_fd < 0)
		return; /* not made yet */
	if (!judge_ok(j, vault_partial_ids(w->vault_fd, &ids, &count), "partial/ can be read"))
		return;
	for (size_t i = 0; i < count; i++) {
		const struct truth *t = truth_of_id(w, &ids[i]);
		if (t != NULL)
			judge_partial(j, &site, &ids[i], t);
	}
	free(ids);
	io_close(site.dir_fd);
	io_close(site.maps_fd);
}

/* As weir-keep starts, without any datagram. */
static inline bool vault_recover(struct judging *j, struct vault_world *w)
{
	static struct teller teller;
	uint64_t now = (uint64_t)time(NULL);
	if (!judge_ok(j, registrar_prefer(&w->registry, w->vault_fd, w->roots), "the stored registry is good") ||
	    !judge_ok(j, registry_admit(w->vault_fd, w->registry), "the registry is admitted") ||
	    !judge_ok(j, diary_open(&w->diary, w->config.vault, w->box, now), "the ledger opens") ||
	    !judge_ok(j, lost_open(&w->lost, w->vault_fd), "the list of what is lost opens"))
		return false;
	teller = (struct teller){diary_event, w->diary};
	const struct intake_options options = {.vault_fd = w->vault_fd,
					       .runtime = w->scratch,
					       .registry = w->registry,
					       .roots = w->config.roots,
					       .tell = &teller,
					       .diary = w->diary,
					       .box_key = w->box->card.id,
					       .scrub_days = w->config.scrub_days,
					       .unfinished_days = w->config.unfinished_days,
					       .lost = w->lost};
	if (!judge_ok(j, intake_open(&w->intake, &options), "the vault opens"))
		return false;
	for (uint64_t turn = 0; turn < TURNS_MAX && (turn < 3 || intake_is_busy(w->intake)); turn++) {
		intake_turn(w->intake, 1000 + turn * 10, now + turn / 100);
		usleep(500);
	}
	intake_close(w->intake);
	lost_close(w->lost);
	diary_close(w->diary);
	return true;
}

/* Everything that can be seen in bundles/ is, byte for byte, what was delivered in the end. */
static inline void judge_delivered(struct judging *j, const struct vault_world *w, const struct vault_item *item)
{
	char path[2 * WORD_BYTES];
	uint8_t *file = NULL;
	size_t len = 0;
	const struct truth *t = truth_of(w, item->epoch, item->name);
	snprintf(path, sizeof(path), "bundles/%016" PRIx64 "/%s.weir", item->epoch, item->name);
	if (t == NULL) {
		complain(j, "'%s' was never delivered", path);
		return;
	}
	if (judge_ok(j, io_read_file(w->vault_fd, path, 1 << 26, &file, &len), path) &&
	    (len != t->len || memcmp(file, t->file, len) != 0))
		complain(j, "'%s' is torn", path);
	free(file);
}

/* In this order: nobody may see a torn bundle, not even before recovery. */
static inline void judge_bundles(struct judging *j, const struct vault_world *w)
{
	struct vault_item *items = NULL;
	size_t count = 0;
	if (!judge_ok(j, vault_list(w->vault_fd, &items, &count), "bundles/ can be read"))
		return;
	for (size_t i = 0; i < count; i++)
		judge_delivered(j, w, &items[i]);
	free(items);
}

static inline bool is_in_vault(const struct vault_world *w, const char *name)
{
	for (size_t i = 0; i < w->truth_count; i++)
		if (strcmp(w->truths[i].name, name) == 0 &&
		    vault_is_delivered(w->vault_fd, w->truths[i].id.epoch, name) == 1)
			return true;
	return false;
}

static inline size_t refusals(const struct vault_world *w)
{
	size_t count = 0;
	int fd = io_open_dir(w->vault_fd, "refused");
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	for (const struct dirent *d = NULL; dir != NULL && (d = readdir(dir)) != NULL;)
		count += d->d_name[0] != '.';
	if (dir != NULL)
		closedir(dir);
	return count;
}

static inline void judge_vault_marks(struct judging *j, const struct vault_world *w)
{
	size_t refused = 0;
	for (size_t i = 0; i < j->mark_count; i++) {
		const char *what = j->marks[i].words[0], *name = j->marks[i].words[1];
		if (strcmp(what, "entered") == 0 && !has_entry(j, name, j->marks[i].words[2]))
			complain(j, "the ledger had entry %s, and has it no more", name);
		if (strcmp(what, "delivered") == 0 && !is_in_vault(w, name))
			complain(j, "%s was delivered and is gone", name);
		refused += strcmp(what, "refused") == 0;
	}
	if (refusals(w) < refused)
		complain(j, "of %zu refusals %zu are remembered", refused, refusals(w));
}

/* What the ledger says was delivered is there, and was delivered once: what it says again was found (VAULT.md 4). */
static inline void judge_deliveries(struct judging *j, const struct vault_world *w)
{
	for (size_t i = 0; i < j->fact_count; i++) {
		const struct fact *fact = &j->facts[i];
		if (strcmp(fact->event, "delivered") != 0 || strcmp(fact->result, "ok") != 0)
			continue;
		if (!is_in_vault(w, fact->bundle))
			complain(j, "the ledger says that %s was delivered, and it is gone", fact->bundle);
		if (fact_of(j, "delivered", NULL, fact->bundle) != fact && fact->found[0] == 0)
			complain(j, "the ledger says twice that %s was delivered", fact->bundle);
	}
}

/* Recovery, and the end of keep; says what others can have seen meanwhile. */
static inline void rerun_vault(struct judging *j, struct vault_world *w, int marks)
{
	struct vault_item *items = NULL;
	size_t count = 0, told = 0;
	w->vault_fd = io_open_dir(AT_FDCWD, w->config.vault);
	if (!vault_recover(j, w) || !judge_ok(j, vault_list(w->vault_fd, &items, &count), "bundles/ can be read"))
		return;
	for (size_t i = 0; i < count; i++)
		say_mark(marks, "delivered %s\n", items[i].name);
	for (size_t i = 0; i < j->mark_count; i++)
		told += strcmp(j->marks[i].words[0], "refused") == 0;
	for (size_t i = told; i < refusals(w); i++)
		say_mark(marks, "refused\n");
	free(items);
	judge_ledger(j, w->vault_fd, &w->box->card);
	if (j->fact_count > 0)
		say_mark(marks, "entered %" PRIu64 " %s\n", j->facts[j->fact_count - 1].n, j->facts[j->fact_count - 1].hash);
}

static inline void judge_vault(struct judging *j, struct vault_world *w)
{
	w->vault_fd = io_open_dir(AT_FDCWD, w->config.vault);
	judge_bundles(j, w);
	judge_maps(j, w);
	if (vault_recover(j, w)) {
		judge_bundles(j, w);
		judge_ledger(j, w->vault_fd, &w->box->card);
		judge_vault_marks(j, w);
		judge_deliveries(j, w);
	}
}

#endif
