/*
 * registryparts: what the files that make up the registry module share; nobody else includes it.
 *
 * registry.c       lookups and judgements
 * registryfile.c   the bytes: where the signed part ends, signatures, roots, loading
 * registryparse.c  from the lines of the signed text to drafts of parties and routes
 * registrysettle.c what holds between the drafts, and from them to a struct registry
 */
#ifndef WEIR_REGISTRYPARTS_H
#define WEIR_REGISTRYPARTS_H

#include "ini.h"
#include "registry.h"

enum {
	PEOPLE_MAX = 4096,
	SENDERS_MAX = 16,
	RECEIVERS_MAX = 16,
	RECIPIENTS_MAX = 1024,
	ROUTES_MAX = 1024,
	SIGNATURES_MAX = 16,
	DESTROY_DAYS_MAX = 1825,
	PRIORITY_MAX = 9,
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

enum section { SECTION_NONE, SECTION_REGISTRY, SECTION_PARTY, SECTION_ROUTE };

/* What a section has stated; one bit a key that may stand once. */
enum seen {
	SEEN_FORMAT = 1 << 0,
	SEEN_NAME = 1 << 1,
	SEEN_VERSION = 1 << 2,
	SEEN_ISSUED = 1 << 3,
	SEEN_EXPIRES = 1 << 4,
	SEEN_SUSPENDED = 1 << 5,
	SEEN_PUBLIC = 1 << 6,
	SEEN_PSK = 1 << 7,
	SEEN_ID = 1 << 8,
	SEEN_RECIPIENTS = 1 << 9,
	SEEN_OPERATORS = 1 << 10,
	SEEN_RECORD_FORMAT = 1 << 11,
	SEEN_RECORDS = 1 << 12,
	SEEN_DESTROY = 1 << 13,
	SEEN_PRIORITY = 1 << 14,
};

/* The struct comes first, so that a draft sorts as what it holds. */
struct party_draft {
	struct party party;
	int line;
	unsigned int seen;
};

struct route_draft {
	struct route route;
	int line;
	unsigned int seen;
};

/* A name in a route's list, resolved when all parties are known. */
struct word {
	char name[NAME_BYTES];
	size_t route;
	int line;
	enum key_kind kind; /* of the party it names */
};

struct vector {
	void *items;
	size_t count;
	size_t size;
};

struct builder {
	struct registry *registry;
	enum section section;
	bool has_head;
	int head_line;
	unsigned int seen; /* in [registry] */
	int line;          /* being read; in the later checks, the one to be blamed */
	struct vector parties;
	struct vector routes;
	struct vector words;
	size_t kind_count[KEY_KIND_END];
	int result; /* -ENOMEM when that was it */
	char wrong[PROBLEM_BYTES - 16];
};

/* Gives the sentence back, which lives as long as the builder. */
const char *builder_complain(struct builder *b, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* NULL when good, else what is wrong, with b->line to blame; b->result when it is not the text. */
const char *builder_finish(struct builder *b);
/* The first key of a section that is needed and was not seen; NULL when all were. */
const char *builder_missing_key(enum section section, unsigned int needed, unsigned int seen);

#endif
