#include "marker.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cursor.h"
#include "common/io.h"
#include "common/suite.h"
#include "common/text.h"
#include "common/verdict.h"

#define RUNTIME_FILE "marker"
#define PUT_BACK_FILE "put-back"

enum { FILE_MODE = 0640, VERSION = 1, DIGEST_AT = MARKER_BYTES - ANNALS_DIGEST_BYTES };
static const char magic[8] = {'W', 'E', 'I', 'R', 'M', 'A', 'R', 'K'};

static void digest_of(uint8_t out[static ANNALS_DIGEST_BYTES], const uint8_t *bytes)
{
	suite_hash(out, ANNALS_DIGEST_BYTES, "weir1 marker", NULL, 0, bytes, DIGEST_AT);
}

void marker_encode(uint8_t out[static MARKER_BYTES], const struct marker *m)
{
	struct writer w = writer_of(out, MARKER_BYTES);
	write_bytes(&w, magic, sizeof(magic));
	write_u16(&w, VERSION);
	write_zeros(&w, 6);
	write_bytes(&w, m->box_key, KEY_ID_BYTES);
	write_u64(&w, m->count);
	write_u64(&w, m->ledger.n);
	write_bytes(&w, m->ledger.hash, SUITE_DIGEST_BYTES);
	write_u64(&w, m->annals.n);
	write_u64(&w, m->annals.life);
	write_bytes(&w, m->annals.digest, ANNALS_DIGEST_BYTES);
	write_u64(&w, m->epoch);
	write_u64(&w, m->generation);
	write_u64(&w, m->registry_version);
	assert(!w.overrun && w.at == DIGEST_AT);
	digest_of(out + w.at, out);
}

int marker_decode(struct marker *out, const uint8_t *in, size_t len)
{
	struct marker m;
	uint8_t digest[ANNALS_DIGEST_BYTES];
	if (len != MARKER_BYTES)
		return len < MARKER_BYTES ? VERDICT_TRUNCATED : VERDICT_TRAILING_BYTES;
	struct reader r = reader_of(in, len);
	digest_of(digest, in);
	if (memcmp(digest, in + DIGEST_AT, sizeof(digest)) != 0)
		return VERDICT_BAD_DIGEST;
	if (memcmp(read_view(&r, sizeof(magic)), magic, sizeof(magic)) != 0 || read_u16(&r) != VERSION)
		return VERDICT_BAD_MAGIC;
	if (!read_zeros(&r, 6))
		return VERDICT_BAD_RESERVED;
	read_bytes(&r, m.box_key, KEY_ID_BYTES);
	m.count = read_u64(&r);
	m.ledger.n = read_u64(&r);
	read_bytes(&r, m.ledger.hash, SUITE_DIGEST_BYTES);
	m.annals.n = read_u64(&r);
	m.annals.life = read_u64(&r);
	read_bytes(&r, m.annals.digest, ANNALS_DIGEST_BYTES);
	m.epoch = read_u64(&r);
	m.generation = read_u64(&r);
	m.registry_version = read_u64(&r);
	*out = m;
	return 0;
}

__attribute__((format(printf, 2, 3))) static void add(char problem[static MARKER_PROBLEM_BYTES], const char *format, ...)
{
	size_t at = strlen(problem);
	va_list arguments;
	snprintf(problem + at, MARKER_PROBLEM_BYTES - at, "%s", at > 0 ? ", " : "");
	at = strlen(problem);
	va_start(arguments, format);
	vsnprintf(problem + at, MARKER_PROBLEM_BYTES - at, format, arguments);
	va_end(arguments);
}

static bool ledger_is_older(const struct marker *m, const struct marker *vault)
{
	return vault->ledger.n < m->ledger.n ||
	       (vault->ledger.n == m->ledger.n &&
		memcmp(vault->ledger.hash, m->ledger.hash, SUITE_DIGEST_BYTES) != 0);
}

static bool annals_are_older(const struct marker *m, const struct marker *vault)
{
	if (m->annals.life != vault->annals.life)
		return vault->annals.life < m->annals.life;
	return vault->annals.n < m->annals.n ||
	       (vault->annals.n == m->annals.n &&
		memcmp(vault->annals.digest, m->annals.digest, ANNALS_DIGEST_BYTES) != 0);
}

bool marker_is_ahead(const struct marker *m, const struct marker *vault, char problem[static MARKER_PROBLEM_BYTES])
{
	problem[0] = 0;
	if (ledger_is_older(m, vault))
		add(problem, "its ledger ends at entry %" PRIu64 ", and had %" PRIu64, vault->ledger.n, m->ledger.n);
	if (annals_are_older(m, vault))
		add(problem, "its annals have %" PRIu64 " records, and had %" PRIu64, vault->annals.n, m->annals.n);
	if (vault->registry_version < m->registry_version)
		add(problem, "its registry version is %" PRIu64 ", and was %" PRIu64, vault->registry_version,
		    m->registry_version);
	if (m->epoch != 0 && vault->epoch != m->epoch)
		add(problem, "its catalogue is of epoch %016" PRIx64 ", and was of %016" PRIx64, vault->epoch, m->epoch);
	else if (vault->generation < m->generation)
		add(problem, "its catalogue is generation %" PRIu64 ", and was %" PRIu64, vault->generation, m->generation);
	return problem[0] != 0;
}

static bool load_one(struct marker *best, bool has_one, int dir_fd, const char *path,
		     const uint8_t box_key[static KEY_ID_BYTES])
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	struct marker m;
	bool is_one = io_read_file(dir_fd, path, MARKER_BYTES, &bytes, &len) == 0 &&
		      marker_decode(&m, bytes, len) == 0 && memcmp(m.box_key, box_key, KEY_ID_BYTES) == 0;
	free(bytes);
	if (is_one && (!has_one || m.count > best->count))
		*best = m;
	return is_one || has_one;
}

bool marker_load(struct marker *out, int runtime_fd, const char *path, const uint8_t box_key[static KEY_ID_BYTES])
{
	bool has_one = load_one(out, false, runtime_fd, RUNTIME_FILE, box_key);
	return path[0] == 0 ? has_one : load_one(out, has_one, AT_FDCWD, path, box_key);
}

void marker_guard_registry(uint64_t *remembered, int vault_fd, const struct config *config,
			   const uint8_t box_key[static KEY_ID_BYTES])
{
	uint8_t *text = NULL;
	size_t len = 0;
	struct marker m;
	*remembered = 0;
	if (io_read_file(vault_fd, "registry-version", 32, &text, &len) == 0)
		*remembered = strtoull((const char *)text, NULL, 10);
	free(text);
	int runtime_fd = io_open_dir(AT_FDCWD, config->runtime);
	/* what cannot be remembered now is refused when the registry is admitted, by the same file */
	if (marker_load(&m, runtime_fd, config->witness, box_key) && m.registry_version > 0)
		(void)registry_remember(vault_fd, m.registry_version);
	io_close(runtime_fd);
}

static int store_witness(const char *path, const uint8_t bytes[static MARKER_BYTES])
{
	char folder[4096];
	const char *slash = strrchr(path, '/');
	snprintf(folder, sizeof(folder), "%.*s", slash == NULL ? 1 : (int)(slash - path) + 1, slash == NULL ? "." : path);
	int dir = io_open_dir(AT_FDCWD, folder);
	int result = dir < 0 ? dir
			     : io_write_file(dir, slash == NULL ? path : slash + 1, bytes, MARKER_BYTES, FILE_MODE);
	io_close(dir);
	return result;
}

int marker_store(const struct marker *m, int runtime_fd, const char *path)
{
	uint8_t bytes[MARKER_BYTES];
	marker_encode(bytes, m);
	/* on a tmpfs: it is the nearer one, and the other is what counts */
	int result = io_write_file(runtime_fd, RUNTIME_FILE, bytes, sizeof(bytes), FILE_MODE);
	return path[0] == 0 ? result : store_witness(path, bytes);
}

int marker_note_put_back(int vault_fd, const char *problem)
{
	return io_write_file(vault_fd, PUT_BACK_FILE, problem, strlen(problem), FILE_MODE);
}

bool marker_was_put_back(int vault_fd, char problem[static MARKER_PROBLEM_BYTES])
{
	uint8_t *text = NULL;
	size_t len = 0;
	if (faccessat(vault_fd, PUT_BACK_FILE, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	problem[0] = 0;
	/* whoever can write the vault can have put anything there */
	if (io_read_file(vault_fd, PUT_BACK_FILE, MARKER_PROBLEM_BYTES, &text, &len) == 0)
		text_escape(problem, MARKER_PROBLEM_BYTES, text, len);
	free(text);
	return true;
}
