#include "registry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io.h"
#include "registryparts.h"
#include "text.h"
#include "verdict.h"

static const char version_file[] = "registry-version", name_file[] = "registry-name";

static const char *const role_names[] = {
	"operator", "officer", "receiving-admin", "recipient", "auditor", "installer", "reviewer",
};

enum { ROLES = sizeof(role_names) / sizeof(role_names[0]) };

const char *role_name(enum role role)
{
	for (unsigned int i = 0; i < ROLES; i++)
		if ((unsigned int)role == 1U << i)
			return role_names[i];
	return NULL;
}

unsigned int role_from_name(const char *name)
{
	for (unsigned int i = 0; i < ROLES; i++)
		if (strcmp(name, role_names[i]) == 0)
			return 1U << i;
	return 0;
}

void registry_free(struct registry *registry)
{
	if (registry == NULL)
		return;
	free(registry->text);
	free(registry->parties);
	free(registry->parties_by_key);
	free(registry->routes);
	free(registry->listed);
	free(registry->policies);
	free(registry->columns);
	free(registry->patterns);
	free(registry->reviews);
	free(registry->store);
	free(registry);
}

const char *registry_name(const struct registry *registry)
{
	return registry->name;
}

uint64_t registry_version(const struct registry *registry)
{
	return registry->version;
}

uint64_t registry_issued(const struct registry *registry)
{
	return registry->issued;
}

uint64_t registry_expires(const struct registry *registry)
{
	return registry->expires;
}

const uint8_t *registry_text(const struct registry *registry, size_t *len)
{
	*len = registry->len;
	return registry->text;
}

void registry_digest(uint8_t out[static SUITE_DIGEST_BYTES], const struct registry *registry)
{
	suite_hash(out, SUITE_DIGEST_BYTES, "weir1 registry", NULL, 0, registry->text, registry->len);
}

bool registry_equals(const struct registry *a, const struct registry *b)
{
	return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

int party_compare(const void *a, const void *b)
{
	const struct party *x = a, *y = b;
	if (x->card.kind != y->card.kind)
		return x->card.kind < y->card.kind ? -1 : 1;
	return strcmp(x->card.name, y->card.name);
}

int party_compare_key(const void *a, const void *b)
{
	const struct party *const *x = a, *const *y = b;
	return memcmp((*x)->card.id, (*y)->card.id, KEY_ID_BYTES);
}

int route_compare(const void *a, const void *b)
{
	const struct route *x = a, *y = b;
	return strcmp(x->name, y->name);
}

int policy_compare(const void *a, const void *b)
{
	const struct policy *x = a, *y = b;
	return strcmp(x->name, y->name);
}

const struct route *registry_route(const struct registry *registry, const char *name)
{
	struct route wanted = {.id = 0};
	if (!name_is_valid(name) || registry->route_count == 0)
		return NULL;
	memcpy(wanted.name, name, strlen(name));
	return bsearch(&wanted, registry->routes, registry->route_count, sizeof(wanted),
		       route_compare);
}

const struct route *registry_route_by_id(const struct registry *registry, uint16_t id)
{
	for (size_t i = 0; i < registry->route_count; i++)
		if (registry->routes[i].id == id)
			return &registry->routes[i];
	return NULL;
}

const struct party *registry_party(const struct registry *registry, enum key_kind kind,
				   const char *name)
{
	struct party wanted = {.card = {.kind = kind}};
	if (!name_is_valid(name) || registry->party_count == 0)
		return NULL;
	memcpy(wanted.card.name, name, strlen(name));
	return bsearch(&wanted, registry->parties, registry->party_count, sizeof(wanted),
		       party_compare);
}

const struct party *registry_party_by_key(const struct registry *registry, enum key_kind kind,
					  const uint8_t key_id[static KEY_ID_BYTES])
{
	struct party wanted = {.card = {.kind = kind}};
	const struct party *pointer = &wanted;
	if (registry->party_count == 0)
		return NULL;
	memcpy(wanted.card.id, key_id, KEY_ID_BYTES);
	const struct party **found = bsearch(&pointer, registry->parties_by_key,
					     registry->party_count, POINTER_BYTES,
					     party_compare_key);
	/* the kind is part of what a key id is made from */
	return found != NULL && (*found)->card.kind == kind ? *found : NULL;
}

const struct party *registry_pusher(const struct registry *registry, const char *name,
				    const uint8_t key_id[static KEY_ID_BYTES])
{
	static const enum key_kind kinds[] = {KEY_PERSON, KEY_SENDER};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct party *party = registry_party(registry, kinds[i], name);
		if (party != NULL && memcmp(party->card.id, key_id, KEY_ID_BYTES) == 0)
			return party;
	}
	return NULL;
}

size_t registry_route_count(const struct registry *registry)
{
	return registry->route_count;
}

const struct route *registry_route_at(const struct registry *registry, size_t index)
{
	return index < registry->route_count ? &registry->routes[index] : NULL;
}

const struct policy *registry_policy(const struct registry *registry, const char *name)
{
	struct policy wanted = {.version = 0};
	if (!name_is_valid(name) || registry->policy_count == 0)
		return NULL;
	memcpy(wanted.name, name, strlen(name));
	return bsearch(&wanted, registry->policies, registry->policy_count, sizeof(wanted),
		       policy_compare);
}

size_t registry_policy_count(const struct registry *registry)
{
	return registry->policy_count;
}

const struct policy *registry_policy_at(const struct registry *registry, size_t index)
{
	return index < registry->policy_count ? &registry->policies[index] : NULL;
}

size_t registry_review_count(const struct registry *registry)
{
	return registry->review_count;
}

const struct review *registry_review_at(const struct registry *registry, size_t index)
{
	return index < registry->review_count ? &registry->reviews[index] : NULL;
}

size_t registry_party_count(const struct registry *registry)
{
	return registry->party_count;
}

const struct party *registry_party_at(const struct registry *registry, size_t index)
{
	return index < registry->party_count ? &registry->parties[index] : NULL;
}

/* A statement of the very second of a suspension counts no more; one of the last second does. */
static int life_check(uint64_t expires, uint64_t suspended, uint64_t at)
{
	if (suspended != 0 && at >= suspended)
		return VERDICT_SUSPENDED;
	return at > expires ? VERDICT_EXPIRED : VERDICT_OK;
}

int party_check(const struct party *party, uint64_t at)
{
	return life_check(party->expires, party->suspended, at);
}

int route_check(const struct route *route, uint64_t at)
{
	int result = life_check(route->expires, route->suspended, at);
	return result == 0 && !route->is_reviewed ? VERDICT_NOT_REVIEWED : result;
}

int registry_check(const struct registry *registry, uint64_t at)
{
	return life_check(registry->expires, 0, at);
}

static int allows(const struct party *const *list, size_t count, const struct party *person)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == person)
			return VERDICT_OK;
	return VERDICT_NOT_ALLOWED;
}

int route_allows_operator(const struct route *route, const struct party *person)
{
	if (strcmp(route->name, LEDGER_ROUTE) == 0)
		return person->card.kind == KEY_SENDER ? VERDICT_OK : VERDICT_NOT_ALLOWED;
	return allows(route->operators, route->operator_count, person);
}

int route_allows_officer(const struct route *route, const struct party *person)
{
	return allows(route->officers, route->officer_count, person);
}

int registry_remember(int dir_fd, uint64_t version)
{
	uint8_t *old_text = NULL;
	size_t len = 0;
	uint64_t old = 0;
	int result = io_read_file(dir_fd, version_file, 32, &old_text, &len);
	if (result == 0) {
		/* a memory that cannot be read must not be taken for no memory */
		char *text = (char *)old_text;
		text[strcspn(text, "\n")] = 0;
		result = text_parse_u64(&old, text, INT64_MAX) == 0 ? 0 : -EBADMSG;
		free(old_text);
	} else if (result == -ENOENT) {
		result = 0;
	}
	if (result != 0)
		return result;
	if (version < old)
		return VERDICT_OLDER_REGISTRY;
	if (version == old)
		return 0;
	char text[32];
	int n = snprintf(text, sizeof(text), "%llu\n", (unsigned long long)version);
	return io_write_file(dir_fd, version_file, text, (size_t)n, 0644);
}

/* 0, or VERDICT_OTHER_REGISTRY; *is_first: there is no memory yet. */
static int compare_name(int dir_fd, const char *name, bool *is_first)
{
	uint8_t *text = NULL;
	size_t len = 0;
	int result = io_read_file(dir_fd, name_file, NAME_BYTES, &text, &len);
	*is_first = result == -ENOENT;
	if (result != 0)
		return *is_first ? 0 : result;
	const bool is_whole = len > 0 && text[len - 1] == '\n';
	const bool is_same = is_whole && strlen(name) == len - 1 && memcmp(text, name, len - 1) == 0;
	free(text);
	/* a memory that cannot be read must not be taken for no memory */
	if (!is_whole)
		return -EBADMSG;
	return is_same ? 0 : VERDICT_OTHER_REGISTRY;
}

int registry_admit(int dir_fd, const struct registry *registry)
{
	char line[NAME_BYTES + 1];
	bool is_first = false;
	int result = compare_name(dir_fd, registry->name, &is_first);
	if (result == 0)
		result = registry_remember(dir_fd, registry->version);
	if (result != 0 || !is_first)
		return result;
	int n = snprintf(line, sizeof(line), "%s\n", registry->name);
	return io_write_file(dir_fd, name_file, line, (size_t)n, 0644);
}
