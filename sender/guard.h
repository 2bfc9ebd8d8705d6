/*
 * guard: judges a push by its route's policy while it passes, inside weir-seal, so that no tool of an
 * operator's goes round it.  It refuses and never rewrites.  Rules and words: POLICY.md 2.
 *
 * However the bytes are cut into pieces, the result and the finding are the same.  Memory is bounded:
 * a row, as it came and in UTF-8, one value, GUARD_HEAP_KIB_MAX for a pattern, and 10 to 20 bytes for each
 * value of a unique column (POLICY.md 3).  Buffers that held plaintext are wiped by guard_free.
 *
 * guard_new opens no file and needs no system call but those for memory and random numbers; nor does
 * anything after it.  What opens files is encodings_open (guard_encoding.h).
 */
#ifndef WEIR_GUARD_H
#define WEIR_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/policy.h"
#include "guard_encoding.h"

struct guard;

enum {
	GUARD_VALUE_BYTES_MAX = 1048576, /* a value, or a line of FORMAT_LINES, as it is written */
	GUARD_ROW_BYTES_MAX = 4194304,   /* a row with its line end */
	GUARD_UNIQUE_MAX = 67108864,     /* values of all unique columns of a push */
	GUARD_HEAP_KIB_MAX = 16384,      /* what matching a pattern may take */
	GUARD_PROBLEM_BYTES = 256,
	GUARD_DESCRIPTION_BYTES = 512,
};

enum guard_rule {
	GUARD_NOTHING = 0,
	GUARD_BYTES_CAP,
	GUARD_RECORDS_CAP,
	GUARD_BOM,
	GUARD_ENCODING,
	GUARD_HEADER,
	GUARD_COLUMNS,
	GUARD_QUOTING,
	GUARD_JSON,
	GUARD_NESTED,
	GUARD_WIDTH,
	GUARD_VALUE_TOO_LONG,
	GUARD_IDENTITY,
	GUARD_DENY,
	GUARD_DENY_LIMIT,
	GUARD_UNIQUE,
	GUARD_UNIQUE_LIMIT,
	GUARD_CONTROL,
	GUARD_CONTROL_MISSING,
	GUARD_RULE_END
};

/* What was refused, and where; never what it says.  0 or NULL: it is no matter of a line or column. */
struct guard_finding {
	enum guard_rule rule;
	uint32_t pattern;       /* deny, deny-limit: which of the policy's, from 1 */
	const char *file;       /* the member; raw, as it was named */
	uint64_t line;          /* of the record's beginning, from 1 */
	uint32_t column;        /* from 1 */
	const char *column_name; /* as in the policy; a name that it does not have is data */
};

struct guard_options {
	const struct policy *policy;  /* borrowed; NULL: no rules but the caps */
	enum record_format format;
	uint64_t max_records;         /* of the push; 0: none; not counted in FORMAT_OPAQUE */
	uint64_t max_bytes;           /* of the push; 0: none */
	struct encodings *encodings;  /* borrowed; NULL will do for UTF-8 and for no encoding */
};

/*
 * VERDICT_BAD_POLICY when the policy cannot be kept: a pattern that does not compile or names a column that
 * the policy does not have, rules that the format cannot carry; problem says what, "" otherwise.
 * -ENOMEM; -ENOTSUP when the encoding needs `encodings`.
 */
int guard_new(struct guard **out, const struct guard_options *options,
	      char problem[static GUARD_PROBLEM_BYTES]);

/*
 * Members in the order of member_name_compare, each with any number of adds; finish when all have
 * ended.  0, -errno, or VERDICT_AGAINST_POLICY with a finding.  A result other than 0 stays, and only
 * guard_finding and guard_free are left.
 */
int guard_member_begin(struct guard *guard, const char *name);
int guard_add(struct guard *guard, const void *data, size_t len);
int guard_member_end(struct guard *guard);
/* Whether anything could be found in the bytes of this push; if not, guard_add may be left out. */
bool guard_looks(const struct guard *guard);
int guard_finish(struct guard *guard);

/* The member that has begun is the control file of another: it holds a count and no records. */
bool guard_is_control(const struct guard *guard);
/* Columns of the member just ended: of its header, of the policy (JSON, fixed), 1 (lines), 0 when not known. */
uint32_t guard_columns(const struct guard *guard);
/* Records so far, of all members but control files: complete ones. */
uint64_t guard_records(const struct guard *guard);

/* Never NULL; rule GUARD_NOTHING before a refusal. */
const struct guard_finding *guard_finding(const struct guard *guard);
/* The stable word of a rule: "deny", "value-too-long". */
const char *guard_rule_name(enum guard_rule rule);
/*
 * "people.csv:17: column note: rule deny 2".  Names are raw, so that whoever shows the text escapes it
 * once; a long file name loses its beginning.
 */
char *guard_describe(char out[static GUARD_DESCRIPTION_BYTES], const struct guard_finding *finding);

void guard_free(struct guard *guard); /* in any state; NULL is fine */

#endif
