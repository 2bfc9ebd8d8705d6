/* weir-inbox gaps --acknowledge: a loss of which a person says, signed, that it is known. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "inbox_gaps.h"
#include "inbox_mandate.h"

/* Which loss a person means; one that was damaged here may be in both lists. */
struct search {
	const char *argument; /* "tax-000123" or "tax-000123@EPOCH" */
	struct bundle_id id;
	size_t found;
};

static void consider(struct search *s, const char *name, const struct bundle_id *id)
{
	char full[BUNDLE_NAME_BYTES + 20];
	bool is_same = s->found > 0 && mandate_compare(&s->id, id) == 0;
	snprintf(full, sizeof(full), "%s@%016" PRIx64, name, id->epoch);
	if (is_same || (strcmp(s->argument, name) != 0 && strcmp(s->argument, full) != 0))
		return;
	s->id = *id;
	s->found++;
}

static void search(struct search *s, const struct gaps *g)
{
	char name[BUNDLE_NAME_BYTES];
	for (size_t i = 0; i < g->lost_count; i++) {
		gaps_name(name, g, g->lost[i].id.route_id, g->lost[i].id.number);
		consider(s, name, &g->lost[i].id);
	}
	for (size_t i = 0; i < annals_count(g->annals); i++) {
		struct annal annal;
		annals_at(g->annals, i, &annal);
		bundle_name(name, annal.route, annal.id.number);
		if (annal_is_open_damage(&annal))
			consider(s, name, &annal.id);
	}
}

static int choose(struct chosen *chosen, const struct gaps *g, const char *argument)
{
	char shown[SHOWN_BYTES];
	struct search s = {.argument = argument};
	text_escape_name(shown, sizeof(shown), argument);
	search(&s, g);
	if (s.found == 1)
		return chosen_add(chosen, &(struct annal){.id = s.id});
	if (s.found > 1)
		command_say("'%s' is lost in more than one epoch; say '%s@EPOCH', as 'gaps' shows it", shown, shown);
	else
		command_say("'%s' is neither lost for good nor damaged, or that was acknowledged before; 'gaps' lists what is",
			    shown);
	return EXIT_REFUSED;
}

static int load_losses(struct gaps *g, const struct inbox *inbox)
{
	struct annals_found found;
	int code = gaps_load_registry(g, inbox);
	if (code != EXIT_DONE)
		return code;
	int result = lost_load(inbox->vault, &g->lost, &g->lost_count);
	if (result != 0)
		return command_fail(result, "cannot read what is lost, the vault's 'lost'");
	result = annals_open(&g->annals, inbox->vault, false, &found);
	return result == 0 ? EXIT_DONE : command_fail(result, "cannot read the annals of the vault");
}

int gaps_acknowledge(struct inbox *inbox, const struct inbox_options *options)
{
	struct gaps g = {.vault = inbox->vault};
	struct chosen chosen = {.count = 0};
	char shown[SHOWN_BYTES];
	int code = load_losses(&g, inbox);
	if (code == EXIT_DONE)
		code = choose(&chosen, &g, options->acknowledge);
	if (code == EXIT_DONE)
		code = inbox_order(inbox, options, MANDATE_ACKNOWLEDGE, "", &chosen);
	if (code == EXIT_DONE)
		printf("%s: acknowledged, and in the ledger\n",
		       text_escape_name(shown, sizeof(shown), options->acknowledge));
	chosen_free(&chosen);
	annals_close(g.annals);
	free(g.lost);
	registry_free(g.registry);
	return code;
}
