#include <inttypes.h>

#include "check.h"
#include "linkwatch.h"
#include "text.h"

static void add_layer(const struct check *check, enum layer layer, const struct layer_finding *seen)
{
	enum finding_id id = (enum finding_id)(FINDING_LAYER + (int)layer);
	char text[LAYER_TEXT_BYTES * 4];
	if (layer_is_absent(layer, check->config)) {
		finding_type(report_add(check->report, id, FINDING_AMBER, "absent by the configuration: nobody looks whether %s",
					layer_what(layer)),
			     "when this box can have it, take it out of 'absent' in [link], and start the box again");
	} else if (seen->state == LAYER_HOLDS) {
		report_add(check->report, id, FINDING_GREEN, "%s", layer_what(layer));
	} else if (seen->state == LAYER_ABSENT) {
		finding_type(report_add(check->report, id, FINDING_RED, "it is named as absent to weir-link, and not here"),
			     "start weir-link again with this configuration");
	} else {
		struct finding *f = report_add(check->report, id, FINDING_RED, "%s",
					       text_escape_name(text, sizeof(text), seen->found));
		if (layer == LAYER_PAUSE)
			finding_remedy(f, REMEDY_PAUSE, check->config->interface, "off");
		else
			finding_type(f, "%s", text_escape_name(text, sizeof(text), seen->mend));
	}
}

/* The most that a source has counted: each sees the same frames, or some of them. */
static void add_frames(const struct check *check, const struct linkstate *state)
{
	uint64_t frames = 0;
	for (int i = 0; i < FRAMES_SOURCES; i++)
		if (state->frames.is_counted[i] && state->frames.count[i] > frames)
			frames = state->frames.count[i];
	struct finding *f = report_add(check->report, FINDING_WRONG_WAY, frames == 0 ? FINDING_GREEN : FINDING_AMBER,
				       "%" PRIu64 " frame%s went the wrong way at %s since it is there", frames,
				       frames == 1 ? "" : "s", state->interface);
	finding_type(f, "weir-link check; then look in the ledger when the alarms were: weir-%s ledger show --event alarm",
		     check->config->side == CONFIG_SENDER ? "outbox" : "inbox");
}

void check_link(const struct check *check)
{
	const struct config *config = check->config;
	struct linkstate state = {.at_ms = 0};
	char text[LINKWATCH_TEXT_BYTES] = "";
	if (config->is_unwatched) {
		finding_type(report_add(check->report, FINDING_LINK_WATCH, FINDING_AMBER, "absent = all: no layer is looked at"),
			     "name the link NIC in [link] interface, and take 'absent = all' out");
		return;
	}
	int read_result = linkwatch_read(&state, config->runtime);
	int result = linkwatch_judge_file(text, config, read_result, &state, linkwatch_now_ms());
	if (result != 0) {
		/* what is to be typed stands behind the cause */
		finding_type(report_add(check->report, FINDING_LINK_WATCH, FINDING_RED, "%s", text),
			     "systemctl restart weir-link");
		return;
	}
	report_add(check->report, FINDING_LINK_WATCH, FINDING_GREEN, "weir-link watches %s", config->interface);
	for (int i = 0; i < LAYER_COUNT; i++)
		if (layer_is_of((enum layer)i, config->side))
			add_layer(check, (enum layer)i, &state.layers[i]);
	add_frames(check, &state);
}
