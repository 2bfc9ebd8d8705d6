/*
 * policy: what may leave on a route.  Format: REGISTRY.md 3, [policy NAME].  Plain data: the registry
 * parses and owns it, sender/guard.h judges by it.
 */
#ifndef WEIR_POLICY_H
#define WEIR_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundle.h"

enum {
	POLICY_COLUMNS_MAX = 256,
	POLICY_PATTERNS_MAX = 256,
};

/* How a member's bytes are records.  JSON lines and fixed width are counted as lines. */
enum record_format {
	FORMAT_OPAQUE = 0, /* not looked into */
	FORMAT_LINES,
	FORMAT_CSV,        /* RFC 4180 with a header */
	FORMAT_JSON,       /* one object a line */
	FORMAT_FIXED,      /* columns of stated widths in bytes, one record a line */
};

enum policy_encoding {
	ENCODING_ANY = 0,  /* not checked */
	ENCODING_UTF8,
	ENCODING_BIG5,
	ENCODING_CNS11643, /* EUC-TW */
};

struct policy_column {
	const char *name;      /* UTF-8; in the header, or the key of a JSON object */
	uint32_t width;        /* bytes, FORMAT_FIXED alone */
	bool is_unique;        /* no two records of a push have the same value */
	bool may_hold_identity; /* identity numbers belong here */
};

/* A PCRE2 pattern that no value may match. */
struct policy_pattern {
	const char *column; /* "*": in every column; for FORMAT_LINES the line */
	const char *pattern;
};

struct policy {
	char name[NAME_BYTES];
	uint64_t version;      /* only grows; 1 to 2^63 - 1 */
	enum policy_encoding encoding;
	size_t column_count;   /* 0: columns are not checked.  Else all of these, in this order (JSON: any), and no other */
	const struct policy_column *columns;
	size_t pattern_count;
	const struct policy_pattern *patterns;
	bool refuses_identity; /* identity numbers with a right check digit outside their columns */
	bool needs_control;    /* each member X has a member X.count: its record count in decimal */
	bool needs_scan;       /* every member is scanned for viruses */
};

/* "csv", "utf-8", …; NULL outside the enum.  The reverse gives -ENOENT for an unknown word. */
const char *record_format_name(enum record_format format);
int record_format_from_name(const char *name);
const char *policy_encoding_name(enum policy_encoding encoding);
int policy_encoding_from_name(const char *name);

#endif
