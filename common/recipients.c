#include "recipients.h"

#include <string.h>

#include "verdict.h"

int recipients_check(const struct route *route, uint64_t at, const char **who)
{
	for (size_t i = 0; i < route->recipient_count; i++) {
		int result = party_check(route->recipients[i], at);
		if (result == 0)
			continue;
		*who = route->recipients[i]->card.name;
		return result;
	}
	return 0;
}

static const struct party *find(const struct route *route, const uint8_t key_id[static KEY_ID_BYTES])
{
	for (size_t i = 0; i < route->recipient_count; i++)
		if (memcmp(route->recipients[i]->card.id, key_id, KEY_ID_BYTES) == 0)
			return route->recipients[i];
	return NULL;
}

int recipients_check_head(const struct route *route, const uint8_t segment[static SEGMENT_BYTES], uint64_t at,
			  bool is_new, const char **who)
{
	struct head head;
	*who = route->name;
	int result = head_decode(&head, segment);
	if (result != 0)
		return result;
	if (strcmp(head.route, route->name) != 0)
		return VERDICT_WRONG_ROUTE;
	for (size_t i = 0; i < head.count; i++) {
		const struct party *recipient = find(route, head.stanzas[i].key_id);
		if (recipient == NULL)
			return VERDICT_WRONG_RECIPIENT;
		result = party_check(recipient, at);
		if (result == 0)
			continue;
		*who = recipient->card.name;
		return result;
	}
	/* no key id stands twice (head_decode) */
	return is_new && head.count != route->recipient_count ? VERDICT_WRONG_RECIPIENT : VERDICT_OK;
}
