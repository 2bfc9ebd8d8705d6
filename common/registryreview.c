#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cursor.h"
#include "registryparts.h"
#include "text.h"
#include "verdict.h"

const char *open_review(struct builder *b, const char *name)
{
	char name32[NAME_BYTES];
	const char *wrong = take_name(b, name32, name);
	if (wrong != NULL)
		return wrong;
	if (b->reviews.count == REVIEWS_MAX)
		return builder_complain(b, "there are more than %d reviews", REVIEWS_MAX);
	struct review_draft *draft = builder_extend(b, &b->reviews, sizeof(*draft));
	if (draft == NULL)
		return "no memory";
	memcpy(draft->review.name, name32, NAME_BYTES);
	draft->draft = (struct draft){.schema = &review_schema, .line = b->line};
	b->current = &draft->draft;
	return NULL;
}

static struct review_draft *last(const struct builder *b)
{
	return vector_last(&b->reviews, sizeof(struct review_draft));
}

static const char *take_route(struct builder *b, const char *value)
{
	last(b)->route_line = b->line;
	return take_name(b, last(b)->route, value);
}

static const char *take_office(struct builder *b, const char *value)
{
	return take_name(b, last(b)->review.office, value);
}

static const char *take_person(struct builder *b, const char *value)
{
	last(b)->person_line = b->line;
	return take_name(b, last(b)->person, value);
}

static const char *take_date(struct builder *b, const char *value)
{
	return take_time(b, &last(b)->review.date, value);
}

static const char *take_signature(struct builder *b, const char *value)
{
	return take_hex_chunk(b, &last(b)->signature, value);
}

const struct schema review_schema = {5, {
	{"route", take_route, FIELD_NEEDED, FIELD_ONCE},
	{"office", take_office, FIELD_NEEDED, FIELD_ONCE},
	{"person", take_person, FIELD_NEEDED, FIELD_ONCE},
	{"date", take_date, FIELD_NEEDED, FIELD_ONCE},
	{"signature", take_signature, FIELD_NEEDED, FIELD_AGAIN},
}};

void review_encode(uint8_t out[static REVIEW_BYTES], const struct route *route, const char *office,
		   const struct party *person, uint64_t date)
{
	char office32[NAME_BYTES] = "";
	struct writer w = writer_of(out, REVIEW_BYTES);
	memcpy(office32, office, strnlen(office, NAME_BYTES - 1));
	write_bytes(&w, office32, NAME_BYTES);
	write_bytes(&w, person->card.name, NAME_BYTES);
	write_u64(&w, date);
	write_bytes(&w, route->digest, SUITE_DIGEST_BYTES);
}

/* The signature's algorithm shows in its length; whether it is the person's is for the verifier. */
static const char *settle_signature(struct builder *b, struct signature *out, const struct review_draft *d)
{
	size_t len = d->signature.len / 2;
	if ((len != SUITE_SIGNATURE_BYTES && len != SIGNATURE_BYTES_MAX) ||
	    text_unhex(out->bytes, len, d->signature.digits) != 0)
		return builder_complain(b, "[review %s] has a signature of %zu hex digits, not 128 or 512",
					d->review.name, d->signature.len);
	out->algorithm = len == SUITE_SIGNATURE_BYTES ? SIGNATURE_ED25519 : SIGNATURE_RSA_2048;
	out->len = (uint16_t)len;
	return NULL;
}

/* The reviewer is judged at the date of the review, as others are at that of what they sign. */
static const char *judge(struct builder *b, struct review *review, const struct signature *signature)
{
	uint8_t data[REVIEW_BYTES];
	review_encode(data, review->route, review->office, review->person, review->date);
	int result = signature_verify(signature, REVIEW_DOMAIN, data, sizeof(data), review->person);
	if (result < 0) {
		b->result = result;
		return "no memory";
	}
	review->check = result != 0 ? result : party_check(review->person, review->date);
	return NULL;
}

static const char *settle_review(struct builder *b, struct review_draft *d)
{
	struct review *review = &d->review;
	struct signature signature;
	const char *missing = draft_missing_key(&d->draft);
	b->line = d->draft.line;
	if (missing != NULL)
		return builder_complain(b, "[review %s] has no '%s'", review->name, missing);
	const char *wrong = settle_signature(b, &signature, d);
	if (wrong != NULL)
		return wrong;
	review->route = registry_route(b->registry, d->route);
	review->person = registry_party(b->registry, KEY_PERSON, d->person);
	b->line = d->route_line;
	if (review->route == NULL)
		return builder_complain(b, "there is no [route %s]", d->route);
	b->line = d->person_line;
	if (review->person == NULL)
		return builder_complain(b, "there is no [person %s]", d->person);
	if ((review->person->roles & ROLE_REVIEWER) == 0)
		return builder_complain(b, "'%s' does not have the role reviewer", d->person);
	return judge(b, review, &signature);
}

/* Three offices are three people: nobody reviews a route for two of them. */
static const char *check_pair(struct builder *b, const struct review *x, const struct review *y)
{
	if (strcmp(x->name, y->name) == 0)
		return builder_complain(b, "[review %s] stands twice", x->name);
	if (x->route != y->route)
		return NULL;
	if (strcmp(x->office, y->office) == 0)
		return builder_complain(b, "[review %s] and [review %s] are by the same office of the "
					   "same route", x->name, y->name);
	if (x->person == y->person)
		return builder_complain(b, "[review %s] and [review %s] are by the same person of the "
					   "same route", x->name, y->name);
	return NULL;
}

static bool has_review(const struct registry *r, const struct route *route, const char *office)
{
	for (size_t i = 0; i < r->review_count; i++) {
		const struct review *review = &r->reviews[i];
		if (review->route == route && review->check == 0 && strcmp(review->office, office) == 0)
			return true;
	}
	return false;
}

static void judge_routes(struct registry *r)
{
	for (size_t i = 0; i < r->route_count; i++) {
		struct route *route = &r->routes[i];
		route->is_reviewed = true;
		for (size_t j = 0; j < route->need_count; j++)
			if (!has_review(r, route, route->needs[j]))
				route->is_reviewed = false;
	}
}

const char *settle_reviews(struct builder *b)
{
	struct registry *r = b->registry;
	struct review_draft *drafts = b->reviews.items;
	r->reviews = calloc(b->reviews.count + 1, sizeof(*r->reviews));
	if (r->reviews == NULL) {
		b->result = -ENOMEM;
		return "no memory";
	}
	for (size_t i = 0; i < b->reviews.count; i++) {
		const char *wrong = settle_review(b, &drafts[i]);
		if (wrong != NULL)
			return wrong;
		b->line = drafts[i].draft.line;
		for (size_t j = 0; j < i; j++) {
			wrong = check_pair(b, &r->reviews[j], &drafts[i].review);
			if (wrong != NULL)
				return wrong;
		}
		r->reviews[r->review_count++] = drafts[i].review;
	}
	judge_routes(r);
	return NULL;
}
