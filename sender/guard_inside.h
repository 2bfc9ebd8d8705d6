/*
 * guard_inside: what the files of the guard share: guard.c (members, caps, findings), guard_setup.c (from a
 * policy to a guard), guard_control.c (control files), guard_rows.c (bytes to rows), guard_csv.c, guard_json.c and
 * guard_fixed.c (rows to values) and guard_value.c (values).  Nobody else includes it.
 */
#ifndef WEIR_GUARD_INSIDE_H
#define WEIR_GUARD_INSIDE_H

#include "common/manifest.h"
#include "common/suite.h"
#include "guard.h"
#include "guard_pattern.h"
#include "guard_unique.h"

enum {
	PATTERN_WORDS = POLICY_PATTERNS_MAX / 64,
	PENDING_MAX = 64,
	COLUMN_WORDS = POLICY_COLUMNS_MAX / 64,
	CONTROL_BYTES_MAX = 24, /* 20 digits and a line end */
	/* the longest escape is read before it is seen that the value has become too long */
	PLAIN_BYTES_MAX = GUARD_VALUE_BYTES_MAX + 12,
	TEXT_BYTES_MAX = ENCODING_GROWTH * GUARD_ROW_BYTES_MAX,
};

/* What the values of a column are judged by. */
struct guard_column {
	const char *name; /* the policy's; NULL: it names none */
	uint32_t width;
	bool judges_identity;
	bool has_patterns;
	uint64_t patterns[PATTERN_WORDS]; /* a bit each */
	struct unique *unique;            /* NULL: not unique */
};

/* Columns side by side, the last one included. */
struct stretch {
	uint32_t first, last;
};

/* Bytes of a row, or of a buffer. */
struct span {
	const uint8_t *data;
	size_t len;
	bool has_doubled; /* quotes, which stand for one each */
};

/* A value of a unique column that has not been looked up yet, so that the memory it needs has time to come. */
struct pending {
	struct unique *unique;
	uint64_t hash;
	uint64_t line;
	int column;
};

/* A member whose control file has not come. */
struct awaited {
	char *control; /* its name */
	uint64_t records;
};

struct guard {
	struct guard_options options;
	const struct policy *policy;
	enum policy_encoding encoding; /* JSON is UTF-8 whatever the policy says */
	struct patterns *patterns;
	uint8_t *plain;                /* a value with its quotes or escapes undone */
	uint8_t *text;                 /* a row or value in UTF-8, when it comes in another encoding */
	size_t plain_most;             /* bytes of both that were used, to be wiped */
	size_t text_most;

	/* columns: of the policy, or of the member's header when the policy names none */
	size_t column_count;
	struct guard_column *columns;  /* POLICY_COLUMNS_MAX */
	size_t judged_count;
	uint32_t *judged;              /* those that anything is judged by */
	size_t busy_count;
	uint32_t *busy;                /* those of them with patterns, or that are unique */
	size_t stretch_count;
	struct stretch *stretches;     /* where identity numbers do not belong, side by side */
	/* JSON, when the policy names none: the key looked at, and hashes of the keys of this row */
	struct guard_column other;
	uint8_t keys[POLICY_COLUMNS_MAX][SUITE_TAG_BYTES];

	/* the push */
	int result;
	struct guard_finding finding;
	uint64_t bytes;
	uint64_t records;
	uint64_t unique_count;
	size_t pending_count;
	struct pending pending[PENDING_MAX]; /* of this member */
	size_t awaited_count;
	size_t awaited_size;
	struct awaited *awaited;       /* each one's name begins with the one's before */

	/* the member */
	char name[MEMBER_NAME_MAX + 1];
	bool in_member;
	bool is_control;
	uint64_t records_before;
	uint32_t columns_found;
	struct record_counter counter; /* where nothing but caps is judged */
	uint8_t control[CONTROL_BYTES_MAX];
	size_t control_len;

	/* the row */
	uint64_t line;
	bool has_header;
	bool in_quotes;
	bool has_quotes;
	bool is_converted;             /* the spans are UTF-8 already */
	bool has_no_identity;          /* in any column where none belongs: it has been looked at as a whole */
	size_t row_max;
	uint8_t *row;                  /* a row that came in pieces */
	size_t row_len;
	size_t row_size;
	size_t span_count;
	struct span *spans;            /* POLICY_COLUMNS_MAX + 1 */
};

/*
 * Writes the finding; column from 0, or NO_COLUMN.  Gives VERDICT_AGAINST_POLICY.  A value that stands twice and
 * has not been looked up yet comes first: then that is the finding.
 */
enum { NO_COLUMN = -1 };
int guard_refuse(struct guard *guard, enum guard_rule rule, int column);

/* guard_setup.c */
void guard_set_column(struct guard *guard, struct guard_column *column, const uint8_t *name, size_t len);
void guard_find_judged(struct guard *guard);

/* guard_control.c */
int guard_control_expect(struct guard *guard, const char *name);
int guard_control_add(struct guard *guard, const uint8_t *data, size_t len);
int guard_control_end(struct guard *guard);
int guard_control_await(struct guard *guard);
int guard_control_finish(struct guard *guard);

/* guard_rows.c */
void guard_rows_begin(struct guard *guard);
int guard_rows_add(struct guard *guard, const uint8_t *data, size_t len);
int guard_rows_end(struct guard *guard);

/* A row without its line end; is_cut: only the beginning of one that is too long. */
int guard_csv_row(struct guard *guard, const uint8_t *data, size_t len, bool is_cut);
int guard_json_row(struct guard *guard, const uint8_t *data, size_t len);
int guard_fixed_row(struct guard *guard, const uint8_t *data, size_t len);
int guard_line_row(struct guard *guard, const uint8_t *data, size_t len);

/* guard_value.c */
/*
 * A row from another encoding to UTF-8, as a whole, which is several times faster than value by value.  When
 * it cannot be, it stays as it is, and guard_judge_row says which value is to blame.
 */
void guard_convert_row(struct guard *guard, const uint8_t **row, size_t *len);
/* The value as it is judged; false when it is not in the encoding.  Uses guard->plain and guard->text. */
bool guard_decode(struct guard *guard, const struct span *raw, struct span *text);
int guard_judge(struct guard *guard, const struct guard_column *column, int index,
		const struct span *text);
/* Looks up the values of unique columns that wait, in the order in which they came. */
int guard_settle_unique(struct guard *guard);
/* All spans of a row that has as many as there are columns; row: the whole of it. */
int guard_judge_row(struct guard *guard, const uint8_t *row, size_t len);

#endif
