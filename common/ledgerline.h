/*
 * ledgerline: a line of the ledger, a checkpoint, and the names of its files.  Format: LEDGER.md 1 to 3.
 * What writer, reader and verifier share; daemons need ledger.h alone.
 */
#ifndef WEIR_LEDGERLINE_H
#define WEIR_LEDGERLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "key.h"
#include "suite.h"

enum {
	LEDGER_LINE_MAX = 4096,          /* bytes of a line, with its line feed */
	LEDGER_EVENT_MAX = 40,
	LEDGER_RESULT_MAX = 32,
	LEDGER_CHECKPOINT_ENTRIES = 256, /* never more entries without a checkpoint among them */
	LEDGER_FILE_NAME_BYTES = 32,     /* "0000000000000001-20261123.jsonl" and a zero */
	LEDGER_FILES_MAX = 65536,
};

#define LEDGER_DOMAIN "weir1 ledger"
/* What every JSON reader holds exactly. */
#define LEDGER_N_MAX ((UINT64_C(1) << 53) - 1)

/* The hash of the line of entry n, which stands for all entries up to it.  n 0, zeros: nothing yet. */
struct ledger_head {
	uint64_t n;
	uint8_t hash[SUITE_DIGEST_BYTES];
};

/* The fields that every line begins with; event and result borrow from it, and end with no zero. */
struct ledger_line {
	uint64_t n;
	uint64_t at;
	uint8_t before[SUITE_DIGEST_BYTES];
	const char *event;
	size_t event_len;
	const char *result;
	size_t result_len;
};

/* len without the line feed.  Total: VERDICT_BAD_ENTRY for everything that is no line of a ledger. */
int ledger_line_parse(struct ledger_line *out, const char *text, size_t len);
bool ledger_line_is(const struct ledger_line *line, const char *event);
void ledger_line_hash(uint8_t out[static SUITE_DIGEST_BYTES], const char *text, size_t len);

/*
 * The line of an entry behind `before`, with its line feed: rest is a JSON object that begins with
 * event and result.  VERDICT_BAD_LENGTH when it is longer than a line may be.
 */
int ledger_line_compose(char out[static LEDGER_LINE_MAX], size_t *len, const struct ledger_head *before,
			uint64_t at, const char *rest, size_t rest_len);

struct ledger_checkpoint {
	char box[NAME_BYTES];
	uint8_t key_id[KEY_ID_BYTES];
	uint8_t signature[SUITE_SIGNATURE_BYTES];
};

/* The checkpoint behind `before`, with its line feed.  0 or -ENOMEM. */
int ledger_checkpoint_compose(char out[static LEDGER_LINE_MAX], size_t *len,
			      const struct ledger_head *before, uint64_t at, const struct key *box);
/* VERDICT_BAD_ENTRY unless the line is, byte for byte, what a box writes there. */
int ledger_checkpoint_parse(struct ledger_checkpoint *out, const struct ledger_line *line,
			    const char *text, size_t len);
/* Whether a line ends as checkpoints alone do. */
bool ledger_line_is_signed(const char *text, size_t len);
/* VERDICT_BAD_SIGNATURE, VERDICT_UNKNOWN_KEY when it is another box's; -ENOMEM. */
int ledger_checkpoint_check(const struct ledger_checkpoint *checkpoint, const struct ledger_line *line,
			    const struct card *box);

/* A file of a ledger: the number of its first entry, and the day on which it was made, as 20261123. */
struct ledger_file {
	uint64_t first;
	uint32_t day;
};

void ledger_file_name(char out[static LEDGER_FILE_NAME_BYTES], const struct ledger_file *file);
/* False for a name that no file of a ledger has. */
bool ledger_file_parse(struct ledger_file *out, const char *name);
uint32_t ledger_day(uint64_t time_s);
/*
 * The files of a ledger in their order, in *out, which the caller frees; other names do not count.
 * -errno; VERDICT_BAD_LIMIT when there are more than LEDGER_FILES_MAX.
 */
int ledger_file_list(int dir_fd, struct ledger_file **out, size_t *count);
/* For reading or also appending.  The descriptor, or -errno; -EINVAL for what is no regular file. */
int ledger_file_open(int dir_fd, const struct ledger_file *file, int flags);

#endif
