/*
 * sealing: what formats, sealing and the erasure code do when there is no memory, or a file fails, for every call of
 * their work (tests/lib/every.h).
 */
#include <fcntl.h>
#include <sys/mman.h>

#include "common/erasure.h"
#include "common/json.h"
#include "common/openbundle.h"
#include "common/receipt.h"
#include "receiver/arrivals.h"
#include "receiver/mandate.h"
#include "receiver/repair.h"
#include "sender/dossier.h"
#include "sender/encode.h"
#include "sender/psks.h"
#include "tests/lib/every.h"
#include "tests/lib/plainmap.h"
#include "tests/unit/world.h"

enum { CONTENT_BYTES = 3 * FRAME_BYTES / 2, PATH_MAX_BYTES = 4400, TURNS_MAX = 20000 };

static struct registry *registry;
static uint8_t content[CONTENT_BYTES];

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

/* ---- sealing and opening ---- */

static int begin_member(void *context, uint32_t index, const struct member *member)
{
	(void)context, (void)index, (void)member;
	return 0;
}

static int count_bytes(void *context, const void *data, size_t len)
{
	(void)data;
	*(uint64_t *)context += len;
	return 0;
}

static int pack_all(struct world_file *file, const struct route *route, unsigned int threads, struct statement *statement)
{
	uint8_t psk[STANZAS_MAX][SUITE_KEY_BYTES];
	struct pack *pack = NULL;
	int result;
	for (size_t i = 0; i < route->recipient_count; i++)
		memcpy(psk[i], world_key(KEY_PSK, route->recipients[i]->card.name).secret, SUITE_KEY_BYTES);
	const struct pack_options options = {
		.route = route, .psk = (const uint8_t(*)[SUITE_KEY_BYTES])psk, .rule = RECORDS_LINES, .threads = threads,
		.sink = world_sink, .context = file,
	};
	DO(pack_start(&pack, &options));
	DO(pack_member_begin(pack, "a", 1780000000, 5));
	DO(pack_add(pack, content, sizeof(content)));
	DO(pack_member_end(pack));
	DO(pack_member_begin(pack, "b/c", 1780000000, 5));
	pack_member_columns(pack, 1, 7);
	DO(pack_add(pack, content, 1000));
	DO(pack_member_end(pack));
	DO(pack_finish(pack, statement));
out:
	pack_free(pack);
	return result;
}

static int open_all(int fd, unsigned int threads)
{
	struct key recipient = world_key(KEY_RECIPIENT, "tax-agency"), psk = world_key(KEY_PSK, "tax-agency");
	struct unpack *u = NULL;
	uint8_t *text = NULL;
	size_t len;
	uint64_t bytes = 0;
	const struct unpack_visitor visitor = {begin_member, count_bytes, begin_member, &bytes};
	int result;
	DO(unpack_open(&u, fd));
	DO(unpack_registry_text(u, &text, &len));
	DO(unpack_verify(u, registry, NULL, NULL));
	DO(unpack_unlock(u, &recipient, psk.secret));
	DO(unpack_all(u, threads, &visitor));
	DO(bytes == CONTENT_BYTES + 1000 ? 0 : -EBADMSG);
	DO(unpack_member(u, 1, threads, count_bytes, &bytes));
out:
	free(text);
	unpack_free(u);
	return result;
}

static int seal_with(unsigned int threads)
{
	bool was_armed = every_pause();
	struct world_file file = world_file();
	every_resume(was_armed);
	struct statement statement = {.segments = 0};
	int result = pack_all(&file, registry_route(registry, "tax"), threads, &statement);
	if (result == 0) {
		was_armed = every_pause();
		world_release(&file, registry, "tax", &statement);
		every_resume(was_armed);
		result = open_all(file.fd, threads);
	}
	io_close(file.fd);
	return result;
}

static int seal_work(const char *dir)
{
	(void)dir;
	return seal_with(1);
}

static int seal_by_two(const char *dir)
{
	(void)dir;
	return seal_with(2);
}

/* A registry in an open bundle. */
static int open_work(const char *dir)
{
	struct statement statement = {.registry_version = 0};
	uint8_t *body = NULL, *text = NULL;
	size_t body_len, len;
	char path[PATH_MAX_BYTES];
	int result, fd = -1;
	DO(open_make(&body, &body_len, &statement, OPEN_REGISTRY, content, 5000));
	fd = open(below(path, dir, "open"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	DO(fd < 0 ? -errno : 0);
	DO(io_pwrite(fd, body, body_len, SEGMENT_BYTES));
	DO(open_read(&text, &len, fd, &statement));
	DO(len == 5000 && memcmp(text, content, len) == 0 ? 0 : -EBADMSG);
out:
	io_close(fd);
	free(body);
	free(text);
	return result;
}

/* What an officer sees of a bundle that waits, and in which file it lies. */
static int dossier_work(const char *dir)
{
	static struct dossier dossier, loaded;
	char problem[PROBLEM_BYTES];
	struct registry *authority = NULL;
	struct roots *roots = NULL;
	uint8_t key[SUITE_KEY_BYTES] = {7};
	const struct route *route = NULL;
	int result, fd = io_open_dir(AT_FDCWD, dir);
	if (fd < 0)
		return fd;
	bool was_armed = every_pause();
	const struct statement statement = {.segments = 3, .manifest_segments = 1, .route = "tax", .person = "wang-mei"};
	dossier = (struct dossier){.push_id = {3}};
	endorse_push(&dossier.endorsements, &statement, key);
	every_resume(was_armed);
	DO(roots_load(&roots, "tests/vectors/roots/ok.conf", problem));
	DO(registry_load(&authority, "tests/vectors/registry/ok--authority.conf", roots, problem));
	for (size_t i = 0; i < registry_route_count(authority); i++)
		if (registry_route_at(authority, i)->officer_count > 0)
			route = registry_route_at(authority, i);
	DO(route == NULL ? -ENOENT : dossier_seal_keys(&dossier, route, key));
	DO(dossier_save(fd, &dossier));
	DO(dossier_load(&loaded, fd, dossier.push_id));
	DO(dossier_remove(fd, dossier.push_id));
out:
	registry_free(authority);
	roots_free(roots);
	io_close(fd);
	return result;
}

static int psks_work(const char *dir)
{
	const struct route *route = registry_route(registry, "tax");
	uint8_t (*psks)[SUITE_KEY_BYTES] = NULL;
	char where[PSKS_WHERE_BYTES] = "", path[PATH_MAX_BYTES], name[NAME_BYTES + 5];
	struct key psk = world_key(KEY_PSK, route->recipients[0]->card.name);
	snprintf(name, sizeof(name), "%s.key", psk.card.name);
	bool was_armed = every_pause();
	if (access(below(path, dir, name), F_OK) < 0 && key_save(path, &psk, NULL) != 0)
		abort();
	every_resume(was_armed);
	int result = psks_load(&psks, dir, route, where);
	if (result == 0)
		suite_secret_free(psks);
	return result;
}

/* ---- the erasure code ---- */

enum { SOURCE_ROWS = 4, REPAIR_ROWS = 3, ROW_LEN = 4096 };

static int erasure_work(const char *dir)
{
	(void)dir;
	static uint8_t rows[SOURCE_ROWS + REPAIR_ROWS][ROW_LEN], lost[2][ROW_LEN];
	const uint8_t *source[SOURCE_ROWS];
	uint8_t *repair[REPAIR_ROWS], *all[SOURCE_ROWS + REPAIR_ROWS];
	const uint8_t present[] = {0, 1, 0, 1, 1, 1, 1};
	struct erasure_plan *plan = NULL;
	struct erasure *code = erasure_new(SOURCE_ROWS, REPAIR_ROWS);
	int result;
	DO(code == NULL ? -ENOMEM : 0);
	for (size_t i = 0; i < SOURCE_ROWS + REPAIR_ROWS; i++) {
		memcpy(rows[i], content + i * ROW_LEN, ROW_LEN);
		all[i] = rows[i];
		if (i < SOURCE_ROWS)
			source[i] = rows[i];
		else
			repair[i - SOURCE_ROWS] = rows[i];
	}
	erasure_encode(code, source, 0, REPAIR_ROWS, repair, ROW_LEN);
	plan = erasure_plan_new(code);
	DO(plan == NULL ? -ENOMEM : 0);
	memcpy(lost[0], rows[0], ROW_LEN);
	memcpy(lost[1], rows[2], ROW_LEN);
	memset(rows[0], 0, ROW_LEN);
	memset(rows[2], 0, ROW_LEN);
	DO(erasure_plan_set(plan, present) == 2 ? 0 : -EBADMSG);
	erasure_recover(plan, all, ROW_LEN);
	DO(memcmp(lost[0], rows[0], ROW_LEN) == 0 && memcmp(lost[1], rows[2], ROW_LEN) == 0 ? 0 : -EBADMSG);
out:
	erasure_plan_free(plan);
	erasure_free(code);
	return result;
}

static int file_of(const char *dir, const char *name, const void *data, size_t len)
{
	char path[PATH_MAX_BYTES];
	bool was_armed = every_pause();
	int fd = open(below(path, dir, name), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || io_pwrite(fd, data, len, 0) != 0)
		abort();
	every_resume(was_armed);
	return fd;
}

static int wait_for_rows(const struct encoder *encoder)
{
	int state = ENCODE_WORKING;
	for (int i = 0; i < TURNS_MAX && state == ENCODE_WORKING; i++) {
		usleep(20);
		state = encoder_state(encoder, 0);
	}
	return state == ENCODE_READY ? 0 : state < 0 ? state : -ETIMEDOUT;
}

/* The encoder makes the repair rows; then two source rows are lost and restored from them. */
static int encode_work(const char *dir)
{
	const struct geometry g = geometry_choose(UINT64_C(6) * SEGMENT_BYTES, 500);
	const size_t block_len = (size_t)g.source_rows * g.row_len;
	struct encoder *encoder = NULL;
	struct arrivals *arrivals = NULL;
	uint8_t *map = NULL, *rows = NULL;
	uint64_t restored = 0;
	bool is_open = false;
	int result, object = file_of(dir, "object", content, g.object_len), repair = -1;
	DO(encoder_new(&encoder));
	encoder_open(encoder, 0, object, &g, false);
	is_open = true;
	DO(encoder_request(encoder, 0, 0, 0, g.repair_rows) == g.repair_rows ? 0 : -ENOBUFS);
	DO(wait_for_rows(encoder));
	bool was_armed = every_pause();
	rows = calloc(geometry_row_total(&g), g.row_len);
	map = calloc(1, plain_map_len(&g));
	every_resume(was_armed);
	for (unsigned int i = 0; i < g.repair_rows; i++)
		memcpy(rows + (size_t)i * g.row_len, encoder_row(encoder, 0, i), g.row_len);
	encoder_release(encoder, 0);
	repair = file_of(dir, "repair", rows, (geometry_row_total(&g) - g.source_rows) * (size_t)g.row_len);
	const struct arrivals_map place = plain_map(&g, map);
	arrivals = arrivals_new(&g, &place);
	DO(arrivals == NULL ? -ENOMEM : 0);
	for (uint32_t row = 2; row < (uint32_t)g.source_rows + g.repair_rows; row++) {
		uint32_t sent = row < g.source_rows ? geometry_row_sent(&g, 0, row) : geometry_row_symbols(&g);
		struct span span = {.row = (uint8_t)row, .count = (uint16_t)sent};
		if (sent > 0 && arrivals_block_state(arrivals, 0) == BLOCK_RECEIVING)
			(void)arrivals_note(arrivals, &span);
	}
	DO(arrivals_block_state(arrivals, 0) == BLOCK_DECODABLE ? 0 : -EBADMSG);
	memset(rows, 0, (size_t)2 * g.row_len);
	close(file_of(dir, "object", content, block_len < g.object_len ? block_len : g.object_len));
	const struct repair job = {g, 0, arrivals_block_map(arrivals, 0), object, repair, NULL};
	DO(repair_block(&job, &restored));
	DO(restored > 0 ? 0 : -EBADMSG);
out:
	while (is_open && !encoder_close(encoder, 0))
		usleep(20);
	encoder_free(encoder);
	arrivals_free(arrivals);
	free(map);
	free(rows);
	io_close(object);
	io_close(repair);
	return result;
}

/* ---- formats ---- */

static int manifest_work(const char *dir)
{
	(void)dir;
	struct manifest m = {.member_count = 0}, again = {.member_count = 0};
	uint8_t *bytes = NULL;
	size_t len;
	char name[16];
	int result = 0;
	for (unsigned int i = 0; result == 0 && i < 40; i++) {
		snprintf(name, sizeof(name), "member-%02u", i);
		result = manifest_add_member(&m, &(struct member){.name = name, .size = FRAME_BYTES / 40});
	}
	for (unsigned int i = 0; result == 0 && i < (m.content_len + FRAME_BYTES - 1) / FRAME_BYTES; i++)
		result = manifest_add_frame(&m, 1000 + i);
	DO(result);
	DO(manifest_encode(&m, &bytes, &len));
	DO(manifest_decode(&again, bytes, len));
	DO(again.member_count == 40 ? 0 : -EBADMSG);
out:
	free(bytes);
	manifest_free(&m);
	manifest_free(&again);
	return result;
}

static int json_work(const char *dir)
{
	char path[PATH_MAX_BYTES], *text = NULL;
	struct json *object = json_object_new(), *array = json_array_new(), *parsed = NULL;
	const uint8_t bytes[] = {1, 2};
	size_t len;
	uint64_t number = 0;
	bool value = false;
	FILE *out = NULL;
	int result;
	json_append_text(array, "a\xff");
	json_append_number(array, 7);
	json_append(array, json_object_new());
	json_set_text(object, "text", "line\n");
	json_set_text(object, "none", NULL);
	json_set_number(object, "number", 5);
	json_set_signed(object, "signed", -5);
	json_set_bool(object, "bool", true);
	json_set_hex(object, "hex", bytes, sizeof(bytes));
	json_set_time(object, "time", 7);
	json_set_child(object, "array", array);
	DO(json_dump(object, &text, &len));
	bool was_armed = every_pause();
	out = fopen(below(path, dir, "json"), "we");
	every_resume(was_armed);
	DO(json_print(object, out));
	DO(json_parse(&parsed, text, len));
	struct json_view view = json_view_of(parsed);
	DO(json_number(json_get(view, "number"), &number) && number == 5 && json_bool(json_get(view, "bool"), &value) &&
			   value && json_count(json_get(view, "array")) == 3
		   ? 0
		   : -EBADMSG);
out:
	if (out != NULL)
		fclose(out);
	free(text);
	json_free(object);
	json_free(parsed);
	return result;
}

static int key_work(const char *dir)
{
	static unsigned int count;
	char path[PATH_MAX_BYTES], name[16];
	uint8_t file[KEY_FILE_BYTES];
	struct key *key = NULL, *opened = NULL, *loaded = NULL;
	struct card card;
	bool is_protected;
	int result;
	snprintf(name, sizeof(name), "key-%u", ++count);
	key = key_new(KEY_PERSON, "wang-mei");
	DO(key == NULL ? -ENOMEM : 0);
	DO(key_encode(file, key, "a passphrase", 1, 8192));
	DO(key_decode(&opened, file, sizeof(file), "a passphrase"));
	DO(key_save(below(path, dir, name), key, NULL));
	DO(key_load_card(&card, path, &is_protected));
	DO(key_load(&loaded, path, NULL));
	DO(memcmp(loaded->secret, key->secret, SUITE_KEY_BYTES) == 0 ? 0 : -EBADMSG);
out:
	key_free(key);
	key_free(opened);
	key_free(loaded);
	return result;
}

static int registry_work(const char *dir)
{
	char problem[PROBLEM_BYTES];
	struct roots *roots = NULL;
	struct registry *read = NULL;
	uint8_t *signed_text = NULL;
	size_t len;
	struct key root = world_key(KEY_ROOT, "root-1");
	const uint8_t *text;
	int result, fd = io_open_dir(AT_FDCWD, dir);
	if (fd < 0)
		return fd;
	DO(roots_load(&roots, "tests/vectors/roots/ok.conf", problem));
	DO(registry_load(&read, "tests/vectors/registry/ok--authority.conf", roots, problem));
	text = registry_text(read, &len);
	DO(registry_sign(&signed_text, &len, text, len, &root));
	DO(registry_admit(fd, read));
out:
	free(signed_text);
	registry_free(read);
	roots_free(roots);
	io_close(fd);
	return result;
}

static int papers_work(const char *dir)
{
	(void)dir;
	static uint8_t bytes[MANDATE_BYTES_MAX];
	static const uint8_t seed[SUITE_KEY_BYTES] = {5};
	static const struct bundle_id ids[] = {{5, 1, 1}, {5, 2, 1}};
	char text[RECEIPT_BYTES_MAX];
	struct receipt receipt = {.kind = RECEIPT_OPENED, .bundle = "tax-000123", .epoch = 5, .recipient = "tax-agency",
				  .at = world_now}, read;
	struct mandate m = {.kind = MANDATE_PURGE, .time = world_now, .person = "wang-mei", .count = 2, .bundles = ids};
	struct mandate again = {.count = 0};
	size_t len;
	int result;
	DO(receipt_encode(text, &len, &receipt, seed));
	DO(receipt_decode(&read, text, len));
	DO(signature_make(&m.signature, MANDATE_DOMAIN, bytes, mandate_signed(bytes, &m), seed));
	DO(mandate_decode(&again, bytes, mandate_encode(bytes, &m)));
	/* nobody of this name has this key; but without memory that cannot be said */
	result = mandate_judge(&again, registry, again.box_key, world_now);
	DO(result > 0 ? 0 : result == 0 ? -EBADMSG : result);
out:
	mandate_bundles_free(&again);
	return result;
}

int main(int argc, char **argv)
{
	(void)argc;
	static const struct every_piece pieces[] = {
		{"sealing and opening", seal_work}, {"the same on two cores", seal_by_two}, {"an open bundle", open_work},
		{"what an officer sees", dossier_work}, {"pre-shared keys", psks_work}, {"the erasure code", erasure_work},
		{"repair rows and repairing", encode_work}, {"a manifest", manifest_work}, {"JSON", json_work}, {"keys", key_work},
		{"a registry", registry_work}, {"receipts and orders", papers_work},
	};
	struct fault_page *page = every_begin(argv);
	if (suite_start() != 0)
		return 2;
	registry = world_registry();
	for (size_t i = 0; i < sizeof(content); i++)
		content[i] = (uint8_t)(i * 31 >> 3);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
		if (getenv("ONLY") == NULL || strcmp(getenv("ONLY"), pieces[i].name) == 0)
			every_call(page, &pieces[i]);
	registry_free(registry);
	return done_testing();
}
