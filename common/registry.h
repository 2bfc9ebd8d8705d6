/*
 * registry: who may do what, signed by the root keys.  Format: REGISTRY.md 3 and 4.
 *
 * A registry is opaque and never changes once loaded; pointers into it live as long as it does.
 */
#ifndef WEIR_REGISTRY_H
#define WEIR_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundle.h"
#include "key.h"
#include "policy.h"
#include "records.h"

/* The route on which the sending box itself pushes its ledger, when the registry has it: REGISTRY.md 3. */
#define LEDGER_ROUTE "ledger"

struct registry;
struct roots; /* the trust anchor: root cards and a quorum */

enum { REGISTRY_BYTES_MAX = 4194304, PROBLEM_BYTES = 512 };

/* What a person may be named for; a list of a route names only people who have its role. */
enum role {
	ROLE_OPERATOR = 1 << 0,
	ROLE_OFFICER = 1 << 1,
	ROLE_RECEIVING_ADMIN = 1 << 2,
	ROLE_RECIPIENT = 1 << 3,
	ROLE_AUDITOR = 1 << 4,
	ROLE_INSTALLER = 1 << 5,
	ROLE_REVIEWER = 1 << 6,
};

/* "operator", …; NULL outside the enum.  The reverse gives 0 for an unknown word. */
const char *role_name(enum role role);
unsigned int role_from_name(const char *name);

enum {
	RSA_MODULUS_BYTES = 256,
	QUORUM_MAX = 16,
	LABEL_BYTES = 128,
	OFFICERS_MAX = 64, /* of a route */
	NEEDS_MAX = 8,
	REVIEW_BYTES = 104,
};

/* One party: person, machine, sender, receiver or recipient. */
struct party {
	struct card card;
	uint8_t psk_public[SUITE_KEY_BYTES]; /* recipients */
	unsigned int roles;                  /* people: of enum role */
	const uint8_t *rsa_modulus;          /* people: RSA_MODULUS_BYTES when the key is RSA, else NULL */
	char office[LABEL_BYTES];            /* people: for a reader's eye; "" when not stated */
	uint64_t expires;                    /* never 0 */
	uint64_t suspended;                  /* 0: not suspended */
};

struct route {
	char name[NAME_BYTES];
	uint16_t id;
	enum record_rule rule;
	bool records_required;
	uint32_t destroy_after_days;
	uint8_t priority; /* 1 first … 9 */
	uint64_t expires;
	uint64_t suspended;
	size_t recipient_count;
	const struct party *const *recipients; /* ascending by key id */
	size_t operator_count;
	const struct party *const *operators;
	/* who releases */
	size_t officer_count;
	const struct party *const *officers;
	uint32_t quorum;              /* 0: released without approval; at most QUORUM_MAX and officer_count */
	bool pusher_may_approve;
	/* what may leave; policy NULL: no rules */
	enum record_format format;
	const struct policy *policy;
	uint64_t max_records;         /* these four: 0 for no cap */
	uint64_t max_bytes;
	uint64_t max_records_a_day;   /* UTC days */
	uint64_t max_bytes_a_day;
	/* by whose leave; "" when not stated */
	char authority[LABEL_BYTES];
	char approval[LABEL_BYTES];
	char data_class[LABEL_BYTES];
	char expect[LABEL_BYTES];     /* `daily 06:00`, UTC */
	size_t need_count;
	char needs[NEEDS_MAX][NAME_BYTES]; /* offices */
	bool is_reviewed;             /* every office in `needs` has reviewed this route and policy as they stand */
	uint8_t digest[SUITE_DIGEST_BYTES]; /* of the text of route and policy, which a review signs */
};

/* A review of a route by an office, as a [review NAME] section states it. */
struct review {
	char name[NAME_BYTES];
	const struct route *route;
	char office[NAME_BYTES];
	const struct party *person;
	uint64_t date;
	int check; /* VERDICT_OK; VERDICT_BAD_SIGNATURE; VERDICT_EXPIRED or VERDICT_SUSPENDED: the person, then */
};

/*
 * On a refusal, problem (when not NULL) holds "LINE: what is wrong", or "" when the verdict says
 * all; callers put the file's name in front.
 */
int roots_parse(struct roots **out, const uint8_t *text, size_t len,
		char problem[static PROBLEM_BYTES]);
int roots_load(struct roots **out, const char *path, char problem[static PROBLEM_BYTES]);
void roots_free(struct roots *roots);
size_t roots_quorum(const struct roots *roots);

/*
 * Checks the signatures first (roots NULL: does not; for 'registry sign'), then parses.
 * VERDICT_BAD_REGISTRY, VERDICT_BAD_SIGNATURE, VERDICT_TOO_FEW_SIGNATURES.
 */
int registry_parse(struct registry **out, const uint8_t *text, size_t len,
		   const struct roots *roots, char problem[static PROBLEM_BYTES]);
int registry_load(struct registry **out, const char *path, const struct roots *roots,
		  char problem[static PROBLEM_BYTES]);
void registry_free(struct registry *registry);

/*
 * Adds the signature line of this root key, in place of an older one of this key or name; the lines
 * of others stay.  *out is the new text, the caller frees it.  VERDICT_WRONG_KEY when it is no root
 * key.
 */
int registry_sign(uint8_t **out, size_t *out_len, const uint8_t *text, size_t len,
		  const struct key *root);

const char *registry_name(const struct registry *registry);
uint64_t registry_version(const struct registry *registry);
uint64_t registry_issued(const struct registry *registry);
uint64_t registry_expires(const struct registry *registry);
/* The file as it was read. */
const uint8_t *registry_text(const struct registry *registry, size_t *len);
/* Of the file as it was read. */
void registry_digest(uint8_t out[static SUITE_DIGEST_BYTES], const struct registry *registry);
/* Whether they are the same file, byte by byte. */
bool registry_equals(const struct registry *a, const struct registry *b);

/* NULL when there is none. */
const struct route *registry_route(const struct registry *registry, const char *name);
const struct route *registry_route_by_id(const struct registry *registry, uint16_t id);
const struct party *registry_party(const struct registry *registry, enum key_kind kind,
				   const char *name);
const struct party *registry_party_by_key(const struct registry *registry, enum key_kind kind,
					  const uint8_t key_id[static KEY_ID_BYTES]);
/*
 * Who stands as the person of a push: a person with this name and key, or a sending box, which may push its ledger;
 * NULL.  route_allows_operator tells who may push where.
 */
const struct party *registry_pusher(const struct registry *registry, const char *name,
				    const uint8_t key_id[static KEY_ID_BYTES]);
size_t registry_route_count(const struct registry *registry);
const struct route *registry_route_at(const struct registry *registry, size_t index);
const struct policy *registry_policy(const struct registry *registry, const char *name);
size_t registry_policy_count(const struct registry *registry);
const struct policy *registry_policy_at(const struct registry *registry, size_t index);
size_t registry_review_count(const struct registry *registry);
const struct review *registry_review_at(const struct registry *registry, size_t index);
size_t registry_party_count(const struct registry *registry);
const struct party *registry_party_at(const struct registry *registry, size_t index);

/* VERDICT_OK, VERDICT_EXPIRED or VERDICT_SUSPENDED at this time; of a route also VERDICT_NOT_REVIEWED. */
int party_check(const struct party *party, uint64_t at);
int route_check(const struct route *route, uint64_t at);
int registry_check(const struct registry *registry, uint64_t at);
/*
 * VERDICT_NOT_ALLOWED unless the person is an operator, or an officer, of the route.  Of LEDGER_ROUTE the
 * sending boxes are the operators, and nobody else.
 */
int route_allows_operator(const struct route *route, const struct party *person);
int route_allows_officer(const struct route *route, const struct party *person);

/*
 * Tells of everything in force that ends within 30 days, and gives their number: the registry, then
 * parties, then routes.  kind is a word ("registry", "person", …, "route"); days_left is 30, 7 or 1, the
 * least of them within which it ends, so that who asks often can tell each stage once.  tell may be NULL.
 */
typedef void registry_warning(void *context, const char *kind, const char *name, uint64_t expires,
			      unsigned int days_left);
int registry_expiring(const struct registry *registry, uint64_t now, registry_warning *tell,
		      void *context);

/* What a review signs (REGISTRY.md 5), under REVIEW_DOMAIN. */
#define REVIEW_DOMAIN "weir1 review"
void review_encode(uint8_t out[static REVIEW_BYTES], const struct route *route, const char *office,
		   const struct party *person, uint64_t date);

/*
 * A box remembers the highest version it has loaded, in the file "registry-version" of a directory
 * (REGISTRY.md 4).  VERDICT_OLDER_REGISTRY when that is higher than this one; otherwise this one is
 * there durably on return.  -EBADMSG when the file is damaged: it is not taken for a fresh box.
 */
int registry_remember(int dir_fd, uint64_t version);
/*
 * The same, and the name, in the file "registry-name": root keys may sign for several installations, and what was
 * made for another one is VERDICT_OTHER_REGISTRY.  To be called before a registry is used.
 */
int registry_admit(int dir_fd, const struct registry *registry);

#endif
