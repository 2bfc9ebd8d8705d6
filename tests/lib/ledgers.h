/*
 * ledgers: what the tests of the ledger share: a box with a known key, a directory of a ledger as one
 * file of lines, and what a verification finds.
 */
#ifndef WEIR_LEDGERS_H
#define WEIR_LEDGERS_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io.h"
#include "common/ledger.h"
#include "common/ledgerverify.h"
#include "tests/lib/tap.h"

enum { LEDGERS_FINDINGS_MAX = 64 };

static const uint64_t ledgers_start = 1795420800; /* 2026-11-23T08:00:00Z */

static inline struct key *ledgers_key(enum key_kind kind, const char *name, uint8_t seed)
{
	struct key *key = key_new(kind, name);
	if (key == NULL)
		abort();
	memset(key->secret, seed, sizeof(key->secret));
	suite_sign_public(key->card.public_key, key->secret);
	card_identify(&key->card);
	return key;
}

static inline struct ledger *ledgers_open(const char *path, const struct key *box, uint64_t now)
{
	struct ledger *ledger = NULL;
	const struct ledger_options options = {.path = path, .box = box};
	int result = ledger_open(&ledger, &options, now);
	if (result != 0)
		note("ledger_open gives %d", result);
	return ledger;
}

/* Entries of four kinds, one a second. */
static inline int ledgers_write(struct ledger *ledger, unsigned int count, uint64_t now)
{
	int result = 0;
	for (unsigned int i = 0; i < count && result == 0; i++) {
		struct ledger_entry *e = ledger_entry_new(i % 2 == 0 ? "release" : "sent", 0);
		ledger_set_text(e, "bundle", i % 3 == 0 ? "tax-000001" : "船-2");
		ledger_set_number(e, "passes", i);
		result = ledger_write(ledger, e, now + i);
	}
	return result;
}

/* ---- what lies on the disk ---- */

/* The i-th file's name; "" when there are not so many.  A negative i counts from the end. */
static inline const char *ledgers_file(const char *path, int i)
{
	static char ring[4][8300];
	static unsigned int at;
	char *out = ring[at++ % 4], name[LEDGER_FILE_NAME_BYTES];
	struct ledger_file *files = NULL;
	size_t count = 0;
	int dir = io_open_dir(AT_FDCWD, path);
	out[0] = 0;
	if (dir >= 0 && ledger_file_list(dir, &files, &count) == 0) {
		size_t index = i >= 0 ? (size_t)i : count - (size_t)-i;
		if (index < count) {
			ledger_file_name(name, &files[index]);
			snprintf(out, sizeof(ring[0]), "%s/%s", path, name);
		}
	}
	free(files);
	io_close(dir < 0 ? -1 : dir);
	return out;
}

static inline size_t ledgers_count(const char *path)
{
	size_t count = 0;
	while (ledgers_file(path, (int)count)[0] != 0)
		count++;
	return count;
}

static inline uint8_t *ledgers_read(const char *file, size_t *len)
{
	uint8_t *data = NULL;
	if (io_read_file(AT_FDCWD, file, 1 << 28, &data, len) != 0)
		abort();
	return data;
}

/* In its place, without a rename: what a vandal does. */
static inline void ledgers_put(const char *file, const void *data, size_t len)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0 || io_write(fd, data, len) != 0 || io_close(fd) != 0)
		abort();
}

static inline void ledgers_remove(const char *path)
{
	for (const char *file; (file = ledgers_file(path, 0))[0] != 0;)
		if (unlink(file) < 0)
			abort();
	rmdir(path);
}

/* The beginning of line i, from 0; NULL behind the last. */
static inline char *ledgers_line(uint8_t *data, size_t len, size_t i)
{
	char *at = (char *)data;
	while (at != NULL && i-- > 0) {
		at = memchr(at, '\n', len - (size_t)(at - (char *)data));
		at = at == NULL || at + 1 == (char *)data + len ? NULL : at + 1;
	}
	return at;
}

/* ---- what a verification says ---- */

struct ledgers_found {
	int result;
	struct ledger_summary summary;
	unsigned int count;
	struct ledger_finding findings[LEDGERS_FINDINGS_MAX];
	char what[LEDGERS_FINDINGS_MAX][LEDGER_FINDING_BYTES];
	char file[LEDGERS_FINDINGS_MAX][LEDGER_FILE_NAME_BYTES];
};

static inline void ledgers_report(void *context, const struct ledger_finding *finding)
{
	struct ledgers_found *found = context;
	if (found->count == LEDGERS_FINDINGS_MAX)
		return;
	unsigned int i = found->count++;
	found->findings[i] = *finding;
	snprintf(found->what[i], sizeof(found->what[i]), "%s", finding->what);
	snprintf(found->file[i], sizeof(found->file[i]), "%s", finding->file);
}

static inline struct ledgers_found *ledgers_verify(const char *path, const struct key *box,
						   const struct ledger_witness *witness)
{
	static struct ledgers_found found;
	const struct card *boxes[] = {&box->card};
	const struct ledger_verifying verifying = {.boxes = boxes,
						   .box_count = 1,
						   .witness = witness,
						   .report = ledgers_report,
						   .context = &found};
	memset(&found, 0, sizeof(found));
	int dir = io_open_dir(AT_FDCWD, path);
	found.result = dir < 0 ? dir : ledger_verify(dir, &verifying, &found.summary);
	io_close(dir < 0 ? -1 : dir);
	return &found;
}

/* A verification that finds nothing wrong, and so many notes. */
static inline bool ledgers_are_good(const char *path, const struct key *box, unsigned int notes,
				    const char *sentence)
{
	const struct ledgers_found *found = ledgers_verify(path, box, NULL);
	bool good = ok(found->result == 0 && found->summary.wrong == 0 && found->count == notes, "%s",
		       sentence);
	if (!good)
		note("result %d", found->result);
	for (unsigned int i = 0; !good && i < found->count; i++)
		note("%s:%llu: %s", found->file[i], (unsigned long long)found->findings[i].line,
		     found->what[i]);
	return good;
}

#endif
