#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "order.h"
#include "text.h"
#include "verdict.h"

enum { DAY_S = 86400, THURSDAY = 3, WEEK_DAYS = 7 };

static const char *const day_names[WEEK_DAYS] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

const char *order_day_name(unsigned int day)
{
	return day < WEEK_DAYS ? day_names[day] : NULL;
}

/* 1970-01-01 was a Thursday. */
static unsigned int weekday_of(uint64_t day)
{
	return (unsigned int)((day % WEEK_DAYS + THURSDAY) % WEEK_DAYS);
}

/* The party of this kind, name and key, in force: ORDER.md 4. */
static int find_party(const struct party **out, const struct registry *registry, enum key_kind kind,
		      const char *name, const uint8_t key_id[static KEY_ID_BYTES], uint64_t at)
{
	const struct party *party = registry_party(registry, kind, name);
	if (party == NULL || memcmp(party->card.id, key_id, KEY_ID_BYTES) != 0)
		return VERDICT_UNKNOWN_KEY;
	*out = party;
	return party_check(party, at);
}

int order_check_signer(const struct order *order, size_t index, const struct registry *registry,
		       uint64_t at)
{
	const struct order_signer *signer = &order->signers[index];
	const struct route *route = registry_route(registry, order->route);
	const struct party *person;
	uint8_t input[ORDER_INPUT_BYTES];
	if (route == NULL)
		return VERDICT_UNKNOWN_ROUTE;
	int result = find_party(&person, registry, KEY_PERSON, signer->name, signer->key_id, at);
	if (result != 0)
		return result;
	result = order->kind == ORDER_PUSH ? route_allows_operator(route, person)
					   : route_allows_officer(route, person);
	if (result != 0)
		return result;
	order_sign_input(input, order, signer);
	result = signature_verify(&signer->signature, ORDER_DOMAIN, input, sizeof(input), person);
	if (result == 0 && signer->signed_at > at)
		result = VERDICT_BAD_TIME;
	return result;
}

/* Approvals that a release needs on this route; none at all is no order. */
static uint32_t approvals_needed(const struct order *order, const struct route *route)
{
	return order->kind == ORDER_PUSH || route->quorum == 0 ? 1 : route->quorum;
}

static int check_frame(const struct order *order, const struct registry *registry,
		       const struct route *route, uint64_t at, uint64_t policy_version)
{
	int result = registry_check(registry, at);
	if (result == 0)
		result = route_check(route, at);
	if (result != 0)
		return result;
	if (at < order->not_before)
		return VERDICT_BAD_TIME;
	if (at > order->not_after)
		return VERDICT_EXPIRED;
	return order->policy_version == policy_version ? VERDICT_OK : VERDICT_WRONG_POLICY;
}

int order_check(const struct order *order, const struct registry *registry, uint64_t at)
{
	const struct route *route = registry_route(registry, order->route);
	if (route == NULL)
		return VERDICT_UNKNOWN_ROUTE;
	return order_check_under(order, registry, at,
				 route->policy == NULL ? 0 : route->policy->version);
}

int order_check_under(const struct order *order, const struct registry *registry, uint64_t at,
		      uint64_t policy_version)
{
	const struct route *route = registry_route(registry, order->route);
	const struct party *machine;
	if (route == NULL)
		return VERDICT_UNKNOWN_ROUTE;
	int result = check_frame(order, registry, route, at, policy_version);
	/* the key id is that of the public key, since the order could be read */
	if (result == 0)
		result = find_party(&machine, registry, order->machine.kind, order->machine.name,
				    order->machine.id, at);
	for (size_t i = 0; result == 0 && i < order->signer_count; i++)
		result = order_check_signer(order, i, registry, at);
	if (result == 0 && order->signer_count < approvals_needed(order, route))
		result = VERDICT_TOO_FEW_APPROVALS;
	return result;
}

int order_releases_for(const struct order *order, const struct route *route,
		       const uint8_t pusher_key[static KEY_ID_BYTES])
{
	uint32_t count = order->signer_count;
	for (size_t i = 0; i < order->signer_count && !route->pusher_may_approve; i++)
		if (memcmp(order->signers[i].key_id, pusher_key, KEY_ID_BYTES) == 0)
			count--;
	return order->kind == ORDER_RELEASE && count >= approvals_needed(order, route)
		       ? VERDICT_OK
		       : VERDICT_TOO_FEW_APPROVALS;
}

/* ORDER.md 5: a window belongs to the day it starts, which is today or yesterday. */
static bool is_in_window(const struct order *order, uint64_t at)
{
	unsigned int minute = (unsigned int)(at % DAY_S / 60);
	for (unsigned int back = 0; back <= 1; back++) {
		/* a week more, so that yesterday is a day also on the first one of 1970 */
		unsigned int weekday = weekday_of(at / DAY_S % WEEK_DAYS + WEEK_DAYS - back);
		unsigned int since_midnight = minute + back * ORDER_DAY_MINUTES;
		if ((order->weekdays >> weekday & 1) != 0 && since_midnight >= order->window_start &&
		    since_midnight - order->window_start < order->window_len)
			return true;
	}
	return false;
}

char *order_window_text(char out[static ORDER_WINDOW_TEXT_BYTES], const struct order *order)
{
	unsigned int end = order->window_start + order->window_len;
	bool crosses = end > ORDER_DAY_MINUTES;
	unsigned int shown = crosses ? end - ORDER_DAY_MINUTES : end;
	int n = snprintf(out, ORDER_WINDOW_TEXT_BYTES, "%02u:%02u to %02u:%02u UTC%s",
			 order->window_start / 60U, order->window_start % 60U, shown / 60, shown % 60,
			 crosses ? " the next day, from" : ",");
	size_t at = (size_t)n;
	if (order->weekdays == ORDER_EVERY_DAY) {
		snprintf(out + at, ORDER_WINDOW_TEXT_BYTES - at, " every day");
		return out;
	}
	for (unsigned int day = 0; day < WEEK_DAYS; day++)
		if ((order->weekdays >> day & 1) != 0) {
			snprintf(out + at, ORDER_WINDOW_TEXT_BYTES - at, " %s", day_names[day]);
			at += strlen(out + at);
		}
	return out;
}

/* One more reason, parted from the one before. */
__attribute__((format(printf, 2, 3))) static void complain(char problem[static PROBLEM_BYTES],
							   const char *format, ...)
{
	size_t at = strlen(problem);
	va_list arguments;
	if (at > 0)
		at += (size_t)snprintf(problem + at, PROBLEM_BYTES - at, "; ");
	va_start(arguments, format);
	vsnprintf(problem + at, PROBLEM_BYTES - at, format, arguments);
	va_end(arguments);
}

int order_covers(const struct order *order, const struct order_use *use,
		 char problem[static PROBLEM_BYTES])
{
	char got[32], most[32], window[ORDER_WINDOW_TEXT_BYTES];
	problem[0] = 0;
	if (!is_in_window(order, use->at))
		complain(problem, "it is %s %s, and the order's window is %s",
			 day_names[weekday_of(use->at / DAY_S)], text_time(got, sizeof(got), use->at),
			 order_window_text(window, order));
	if (use->bytes > order->max_bytes)
		complain(problem, "it has %s bytes, and the order covers %s",
			 text_count(got, sizeof(got), use->bytes),
			 text_count(most, sizeof(most), order->max_bytes));
	if (use->records > order->max_records)
		complain(problem, "it has %s records, and the order covers %s",
			 text_count(got, sizeof(got), use->records),
			 text_count(most, sizeof(most), order->max_records));
	if (use->pushes_today >= order->max_pushes)
		complain(problem, "%" PRIu32 " were pushed under it today (UTC), and it covers %" PRIu32
			 " a day", use->pushes_today, order->max_pushes);
	return problem[0] == 0 ? VERDICT_OK : VERDICT_BEYOND_ORDER;
}
