#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cursor.h"
#include "registryparts.h"
#include "rsa.h"
#include "text.h"

static const struct {
	size_t max;
	const struct schema *schema;
} kinds[KEY_KIND_END] = {
	[KEY_PERSON] = {PEOPLE_MAX, &person_schema},
	[KEY_SENDER] = {SENDERS_MAX, &box_schema},
	[KEY_RECEIVER] = {RECEIVERS_MAX, &box_schema},
	[KEY_RECIPIENT] = {RECIPIENTS_MAX, &recipient_schema},
	[KEY_MACHINE] = {MACHINES_MAX, &box_schema},
};

const char *open_party(struct builder *b, enum key_kind kind, const char *name)
{
	struct card card = {.kind = kind};
	const char *wrong = take_name(b, card.name, name);
	if (wrong != NULL)
		return wrong;
	if (b->kind_count[kind]++ == kinds[kind].max)
		return builder_complain(b, "there are more than %zu sections [%s …]", kinds[kind].max,
					key_kind_name(kind));
	struct party_draft *draft = builder_extend(b, &b->parties, sizeof(*draft));
	if (draft == NULL)
		return "no memory";
	draft->party.card = card;
	draft->draft = (struct draft){.schema = kinds[kind].schema, .line = b->line};
	b->current = &draft->draft;
	return NULL;
}

static struct party_draft *last(const struct builder *b)
{
	return vector_last(&b->parties, sizeof(struct party_draft));
}

static const char *take_public(struct builder *b, const char *value)
{
	last(b)->has_public = true;
	return take_key(b, last(b)->party.card.public_key, value);
}

static const char *take_rsa(struct builder *b, const char *value)
{
	return take_hex_chunk(b, &last(b)->rsa, value);
}

/* Zero stands for none. */
static const char *take_second(struct builder *b, const char *value)
{
	const char *wrong = take_key(b, last(b)->party.card.second, value);
	if (wrong == NULL && bytes_are_zero(last(b)->party.card.second, SUITE_KEY_BYTES))
		return "it is zero; leave the line out";
	return wrong;
}

static const char *take_psk(struct builder *b, const char *value)
{
	return take_key(b, last(b)->party.psk_public, value);
}

static const char *take_roles(struct builder *b, const char *value)
{
	char word[NAME_BYTES];
	for (const char *at = value; (at = next_word(word, sizeof(word), at)) != NULL;) {
		unsigned int role = role_from_name(word);
		if (role == 0)
			return "a role is operator, officer, receiving-admin, recipient, auditor, "
			       "installer or reviewer";
		if ((last(b)->party.roles & role) != 0)
			return builder_complain(b, "'%s' stands twice in the list", word);
		last(b)->party.roles |= role;
	}
	return NULL;
}

static const char *take_office(struct builder *b, const char *value)
{
	return take_label(b, last(b)->party.office, value);
}

static const char *take_expires(struct builder *b, const char *value)
{
	return take_time(b, &last(b)->party.expires, value);
}

static const char *take_suspended(struct builder *b, const char *value)
{
	return take_time(b, &last(b)->party.suspended, value);
}

const struct schema person_schema = {7, {
	{"public", take_public, FIELD_OPTIONAL, FIELD_ONCE}, /* or rsa */
	{"rsa", take_rsa, FIELD_OPTIONAL, FIELD_AGAIN},
	{"reading", take_second, FIELD_OPTIONAL, FIELD_ONCE},
	{"roles", take_roles, FIELD_NEEDED, FIELD_AGAIN},
	{"office", take_office, FIELD_OPTIONAL, FIELD_ONCE},
	{"expires", take_expires, FIELD_OPTIONAL, FIELD_ONCE},
	{"suspended", take_suspended, FIELD_OPTIONAL, FIELD_ONCE},
}};

/* Both boxes and machines have a key and a life, and no more. */
const struct schema box_schema = {3, {
	{"public", take_public, FIELD_NEEDED, FIELD_ONCE},
	{"expires", take_expires, FIELD_OPTIONAL, FIELD_ONCE},
	{"suspended", take_suspended, FIELD_OPTIONAL, FIELD_ONCE},
}};

const struct schema recipient_schema = {5, {
	{"public", take_public, FIELD_NEEDED, FIELD_ONCE},
	{"receipts", take_second, FIELD_OPTIONAL, FIELD_ONCE},
	{"psk", take_psk, FIELD_NEEDED, FIELD_ONCE},
	{"expires", take_expires, FIELD_OPTIONAL, FIELD_ONCE},
	{"suspended", take_suspended, FIELD_OPTIONAL, FIELD_ONCE},
}};

/* REGISTRY.md 3: of an RSA key the card holds a digest, so that ids and comparisons are those of others. */
static const char *settle_rsa(struct builder *b, struct party_draft *draft)
{
	struct card *card = &draft->party.card;
	uint8_t modulus[RSA_MODULUS_BYTES];
	if (draft->rsa.chunks == 0)
		return NULL;
	if (text_unhex(modulus, sizeof(modulus), draft->rsa.digits) != 0)
		return builder_complain(b, "[person %s] has %zu of the %d hex digits of an RSA-2048 modulus",
					card->name, draft->rsa.len, 2 * RSA_MODULUS_BYTES);
	if (rsa_check_modulus(modulus) != 0)
		return builder_complain(b, "[person %s] has an 'rsa' that is no modulus of 2,048 bits",
					card->name);
	rsa_public(card->public_key, modulus);
	draft->party.rsa_modulus = builder_store(b, modulus, sizeof(modulus));
	return NULL;
}

static const char *check_party(struct builder *b, struct party_draft *draft)
{
	struct party *party = &draft->party;
	const char *kind = key_kind_name(party->card.kind);
	const char *missing = draft_missing_key(&draft->draft);
	b->line = draft->draft.line;
	if (missing != NULL)
		return builder_complain(b, "[%s %s] has no '%s'", kind, party->card.name, missing);
	if (!draft->has_public && draft->rsa.chunks == 0)
		return builder_complain(b, "[%s %s] has neither 'public' nor 'rsa'", kind,
					party->card.name);
	if (draft->has_public && draft->rsa.chunks > 0)
		return builder_complain(b, "[%s %s] has both 'public' and 'rsa'", kind, party->card.name);
	if (party->expires == 0)
		party->expires = b->registry->expires;
	if (lives_too_long(b, party->expires))
		return builder_complain(b, "[%s %s] expires more than five years after 'issued'", kind,
					party->card.name);
	const char *wrong = settle_rsa(b, draft);
	card_identify(&party->card);
	return wrong;
}

/* One of a party's public keys. */
struct holding {
	const uint8_t *key;
	const struct party_draft *draft;
};

static int compare_holdings(const void *a, const void *b)
{
	const struct holding *x = a, *y = b;
	return memcmp(x->key, y->key, SUITE_KEY_BYTES);
}

/* One key for two parties would let one act, or read, as the other. */
static const char *check_shared_keys(struct builder *b)
{
	const struct party_draft *drafts = b->parties.items;
	struct holding *held = calloc(2 * b->parties.count + 1, sizeof(*held));
	const char *wrong = NULL;
	size_t count = 0;
	if (held == NULL) {
		b->result = -ENOMEM;
		return "no memory";
	}
	for (size_t i = 0; i < b->parties.count; i++) {
		const struct card *card = &drafts[i].party.card;
		held[count++] = (struct holding){card->public_key, &drafts[i]};
		if (!bytes_are_zero(card->second, SUITE_KEY_BYTES))
			held[count++] = (struct holding){card->second, &drafts[i]};
	}
	qsort(held, count, sizeof(*held), compare_holdings);
	for (size_t i = 1; i < count && wrong == NULL; i++) {
		if (compare_holdings(&held[i - 1], &held[i]) != 0)
			continue;
		const struct party_draft *p = held[i - 1].draft, *q = held[i].draft;
		b->line = p->draft.line > q->draft.line ? p->draft.line : q->draft.line;
		wrong = builder_complain(b, "[%s %s] and [%s %s] have the same public key",
					 key_kind_name(p->party.card.kind), p->party.card.name,
					 key_kind_name(q->party.card.kind), q->party.card.name);
	}
	free(held);
	return wrong;
}

static const char *check_names(struct builder *b)
{
	struct party_draft *drafts = b->parties.items;
	if (b->parties.count > 0)
		qsort(drafts, b->parties.count, sizeof(*drafts), party_compare);
	for (size_t i = 1; i < b->parties.count; i++) {
		if (party_compare(&drafts[i - 1], &drafts[i]) != 0)
			continue;
		int x = drafts[i - 1].draft.line, y = drafts[i].draft.line;
		b->line = x > y ? x : y;
		return builder_complain(b, "[%s %s] stands twice",
					key_kind_name(drafts[i].party.card.kind),
					drafts[i].party.card.name);
	}
	return NULL;
}

const char *check_parties(struct builder *b)
{
	struct party_draft *drafts = b->parties.items;
	const char *wrong = NULL;
	for (size_t i = 0; wrong == NULL && i < b->parties.count; i++)
		wrong = check_party(b, &drafts[i]);
	if (wrong == NULL)
		wrong = check_shared_keys(b);
	if (wrong == NULL)
		wrong = check_names(b);
	return wrong;
}
