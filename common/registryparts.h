/*
 * registryparts: what the files that make up the registry module share; nobody else includes it.
 *
 * registry.c         lookups and judgements
 * registryfile.c     the bytes: where the signed part ends, signatures, roots, loading
 * registryparse.c    from the lines of the signed text to drafts: sections, [registry]
 * registryvalue.c    what all sections read alike: names, numbers, times, hex, lists
 * registryparty.c    the keys of people, machines, boxes, recipients; what holds between them
 * registryroute.c    the keys of [route …]
 * registrypolicy.c   the keys of [policy …]; what holds within one
 * registryreview.c   the keys of [review …]; which of them are good
 * registrysettle.c   what holds between the drafts, and from them to a struct registry
 */
#ifndef WEIR_REGISTRYPARTS_H
#define WEIR_REGISTRYPARTS_H

#include "ini.h"
#include "registry.h"
#include "signature.h"

enum {
	PEOPLE_MAX = 4096,
	MACHINES_MAX = 1024,
	SENDERS_MAX = 16,
	RECEIVERS_MAX = 16,
	RECIPIENTS_MAX = 1024,
	ROUTES_MAX = 1024,
	POLICIES_MAX = 1024,
	REVIEWS_MAX = 4096,
	SIGNATURES_MAX = 16,
	DESTROY_DAYS_MAX = 1825,
	PRIORITY_MAX = 9,
	WIDTH_MAX = 65535,
	HEX_DIGITS_MAX = 512, /* of an RSA modulus or signature, over several lines */
	HEX_CHUNKS_MAX = 4,
	LIFE_DAYS_MAX = 1827, /* five years, two of them leap years */
	POINTER_BYTES = sizeof(void *),
};

struct registry {
	uint8_t *text; /* the file as it was read */
	size_t len;
	char name[NAME_BYTES];
	uint64_t version;
	uint64_t issued;
	uint64_t expires;
	struct party *parties; /* ascending by kind and name */
	size_t party_count;
	const struct party **parties_by_key; /* ascending by key id */
	struct route *routes; /* ascending by name */
	size_t route_count;
	const struct party **listed; /* the routes' lists, one behind the other */
	struct policy *policies; /* ascending by name */
	size_t policy_count;
	struct policy_column *columns; /* of all policies, one behind the other */
	struct policy_pattern *patterns;
	struct review *reviews; /* as they stand in the file */
	size_t review_count;
	char *store; /* names of columns, patterns, RSA moduli */
};

/*
 * Fills everything but text from the signed part.  Results as registry_parse; after a failure the
 * registry is still good for registry_free.
 */
int registry_parse_signed(struct registry *registry, const uint8_t *text, size_t len,
			  char problem[static PROBLEM_BYTES]);

int party_compare(const void *a, const void *b);
int party_compare_key(const void *a, const void *b); /* pointers to pointers */
int route_compare(const void *a, const void *b);
int policy_compare(const void *a, const void *b);

struct builder;

/* A key of a section.  take reads its value into the draft at the end of its vector. */
struct field {
	const char *key;
	const char *(*take)(struct builder *b, const char *value);
	enum { FIELD_OPTIONAL, FIELD_NEEDED } need;
	enum { FIELD_ONCE, FIELD_AGAIN } often; /* again: goes on with its list */
};

enum { FIELDS_MAX = 32 };

/* The keys of one kind of section. */
struct schema {
	size_t count;
	struct field fields[FIELDS_MAX];
};

extern const struct schema person_schema, box_schema, recipient_schema, route_schema, policy_schema,
	review_schema;

/* What every draft of a section has: where it stands, and one bit for each key of its schema seen. */
struct draft {
	const struct schema *schema;
	int line;
	uint32_t seen;
};

/* Hex digits that come in chunks. */
struct hex {
	char digits[HEX_DIGITS_MAX + 1];
	size_t len;
	unsigned int chunks;
};

/* What is held comes first in each, so that a draft sorts as what it holds. */
struct party_draft {
	struct party party;
	struct draft draft;
	bool has_public;
	struct hex rsa;
};

/* A piece of builder.canonical. */
struct piece {
	size_t at;
	size_t len;
};

struct route_draft {
	struct route route;
	struct draft draft;
	char policy[NAME_BYTES]; /* "" when none is named */
	int policy_line;
	int quorum_line; /* 0: not stated */
	struct piece text;
};

/* Slices of the builder's vectors; all that a policy names stands in its own section. */
struct policy_draft {
	struct policy policy;
	struct draft draft;
	size_t first_column;
	size_t first_pattern;
	size_t first_width;
	size_t width_count;
	size_t first_mark;
	size_t mark_count;
	int widths_line;
	struct piece text;
};

struct review_draft {
	struct review review;
	struct draft draft;
	char route[NAME_BYTES];
	char person[NAME_BYTES];
	int route_line;
	int person_line;
	struct hex signature;
};

enum list { LIST_RECIPIENTS, LIST_OPERATORS, LIST_OFFICERS };

/* A name in a route's list, resolved when all parties are known. */
struct word {
	char name[NAME_BYTES];
	size_t route;
	int line;
	enum list list;
};

enum mark_kind { MARK_UNIQUE, MARK_IDENTITY, MARK_DENY };

/* A column named by another key of a policy, resolved when its columns are known. */
struct mark {
	const char *column;
	int line;
	enum mark_kind kind;
};

struct vector {
	void *items;
	size_t count;
	size_t size;
};

struct builder {
	struct registry *registry;
	struct draft *current; /* of the section being read; NULL before the first */
	struct draft head;     /* [registry] */
	int line;              /* being read; in the later checks, the one to be blamed */
	struct vector parties;
	struct vector routes;
	struct vector policies;
	struct vector reviews;
	struct vector words;
	struct vector columns;
	struct vector patterns;
	struct vector widths; /* uint32_t */
	struct vector marks;
	size_t kind_count[KEY_KIND_END];
	size_t stored;     /* bytes of registry->store; it has as many as the text */
	char *canonical;   /* the sections of routes and policies as reviews sign them */
	size_t canonical_len;
	struct piece *piece; /* of the section being read; NULL when it is not kept */
	int result; /* -ENOMEM when that was it */
	char wrong[PROBLEM_BYTES - 16];
};

/* Gives the sentence back, which lives as long as the builder. */
const char *builder_complain(struct builder *b, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* A zeroed new item at the end, or NULL with b->result set. */
void *builder_extend(struct builder *b, struct vector *v, size_t item_bytes);
/* The last item of a vector that has one. */
void *vector_last(const struct vector *v, size_t item_bytes);
/* A copy with a zero behind it, which lives as long as the registry. */
const void *builder_store(struct builder *b, const void *data, size_t len);
/* The first needed key of a section that was not seen; NULL when all were. */
const char *draft_missing_key(const struct draft *draft);
/* NULL when good, else what is wrong, with b->line to blame; b->result when it is not the text. */
const char *builder_finish(struct builder *b);

/* Each gives NULL when good, else what is wrong, and writes only when good. */
const char *take_name(struct builder *b, char out[static NAME_BYTES], const char *value);
const char *take_label(struct builder *b, char out[static LABEL_BYTES], const char *value);
const char *take_time(struct builder *b, uint64_t *out, const char *value);
const char *take_key(struct builder *b, uint8_t out[static SUITE_KEY_BYTES], const char *value);
const char *take_u64(struct builder *b, uint64_t *out, const char *value, uint64_t min, uint64_t max);
/* A number of bytes, also as `20 GiB`. */
const char *take_size(struct builder *b, uint64_t *out, const char *value);
const char *take_bool(struct builder *b, bool *out, const char *value, const char *yes, const char *no);
const char *take_hex_chunk(struct builder *b, struct hex *hex, const char *value);
/* The next word of a list, of at most size - 1 bytes (a longer one is cut); NULL at its end. */
const char *next_word(char *out, size_t size, const char *at);

/* Sections' headings: a new draft. */
const char *open_party(struct builder *b, enum key_kind kind, const char *name);
const char *open_route(struct builder *b, const char *name);
const char *open_policy(struct builder *b, const char *name);
const char *open_review(struct builder *b, const char *name);

/* What holds within and between the drafts of a kind, in this order; as builder_finish. */
const char *check_parties(struct builder *b);
const char *check_policies(struct builder *b);
const char *check_routes(struct builder *b);
/* When routes and parties are settled. */
const char *settle_reviews(struct builder *b);
/* True for what ends more than five years after `issued`. */
bool lives_too_long(const struct builder *b, uint64_t expires);

#endif
