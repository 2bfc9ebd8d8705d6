/* weir-inbox gaps --acknowledge: a loss of which a person says, signed, that it is known. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "inbox_gaps.h"
#include "inbox_mandate.h"

/* The loss of this name, "tax-000123" or "tax-000123@EPOCH"; NULL, told, when there is none, or more than one. */
static const struct lost_item *find_lost(const struct gaps *g, const char *argument)
{
	char shown[SHOWN_BYTES];
	const struct lost_item *found = NULL;
	text_escape_name(shown, sizeof(shown), argument);
	for (size_t i = 0; i < g->lost_count; i++) {
		char name[BUNDLE_NAME_BYTES], full[BUNDLE_NAME_BYTES + 20];
		gaps_name(name, g, g->lost[i].id.route_id, g->lost[i].id.number);
		snprintf(full, sizeof(full), "%s@%016" PRIx64, name, g->lost[i].id.epoch);
		if (strcmp(argument, full) == 0)
			return &g->lost[i];
		if (strcmp(argument, name) != 0)
			continue;
		if (found != NULL) {
			command_say("'%s' is lost in more than one epoch; say '%s@EPOCH', as 'gaps' shows it", shown, shown);
			return NULL;
		}
		found = &g->lost[i];
	}
	if (found == NULL)
		command_say("'%s' is not lost for good, or that was acknowledged before; 'gaps' lists what is", shown);
	return found;
}

int gaps_acknowledge(struct inbox *inbox, const struct inbox_options *options)
{
	struct gaps g = {.vault = inbox->vault};
	struct chosen chosen = {.count = 0};
	char shown[SHOWN_BYTES];
	int code = gaps_load_registry(&g, inbox);
	int result = code == EXIT_DONE ? lost_load(inbox->vault, &g.lost, &g.lost_count) : 0;
	if (result != 0)
		code = command_fail(result, "cannot read what is lost, the vault's 'lost'");
	const struct lost_item *item = code == EXIT_DONE ? find_lost(&g, options->acknowledge) : NULL;
	if (code == EXIT_DONE && item == NULL)
		code = EXIT_REFUSED;
	if (code == EXIT_DONE)
		code = chosen_add(&chosen, &(struct annal){.id = item->id});
	if (code == EXIT_DONE)
		code = inbox_order(inbox, options, MANDATE_ACKNOWLEDGE, "", &chosen);
	if (code == EXIT_DONE)
		printf("%s: acknowledged, and in the ledger\n",
		       text_escape_name(shown, sizeof(shown), options->acknowledge));
	chosen_free(&chosen);
	free(g.lost);
	registry_free(g.registry);
	return code;
}
