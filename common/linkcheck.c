#include "linkcheck.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "command.h"
#include "json.h"
#include "linkread.h"
#include "linkstate.h"
#include "linkwatch.h"
#include "text.h"
#include "verdict.h"

#define SENDER_CONFIG "/etc/weir/sender.conf"
#define RECEIVER_CONFIG "/etc/weir/receiver.conf"

static const char *find_config(const char *given)
{
	const char *path = given != NULL ? given : getenv("WEIR_CONFIG");
	if (path != NULL)
		return path;
	bool has_sender = access(SENDER_CONFIG, F_OK) == 0, has_receiver = access(RECEIVER_CONFIG, F_OK) == 0;
	if (has_sender && has_receiver)
		return NULL;
	return has_receiver ? RECEIVER_CONFIG : SENDER_CONFIG;
}

int linkcheck_config(struct config *config, int argc, char **argv, bool *json)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"json", no_argument, NULL, 'j'},
		{NULL, 0, NULL, 0},
	};
	char problem[PROBLEM_BYTES] = "", escaped[2 * CONFIG_PATH_BYTES];
	const char *given = NULL;
	opterr = 0;
	optind = 0;
	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (c == 'c')
			given = optarg;
		else if (c == 'j' && json != NULL)
			*json = true;
		else
			return command_usage("the only option%s --config FILE%s", json == NULL ? " is" : "s are",
					     json == NULL ? "" : " and --json");
	}
	if (optind != argc)
		return command_usage("it takes no arguments");
	const char *path = find_config(given);
	if (path == NULL)
		return command_usage("there are both " SENDER_CONFIG " and " RECEIVER_CONFIG ": say --config FILE");
	int result = config_load_any(config, path, problem);
	if (result == 0)
		return 0;
	return problem[0] != 0 ? command_fail_file(result, path, problem)
			       : command_fail(result, "configuration '%s'",
					      text_escape_name(escaped, sizeof(escaped), path));
}

/* ---- looking ---- */

struct seen {
	const struct config *config;
	struct layer_finding layers[LAYER_COUNT];
	struct frames frames;
	char watch[LINKWATCH_TEXT_BYTES]; /* what is wrong with weir-link itself; "": it runs */
};

/* What takes rights to see stands in what weir-link has written. */
static void take_from_watch(struct seen *seen, int read_result, const struct linkstate *state)
{
	static const enum layer theirs[] = {LAYER_ROLE, LAYER_NFT, LAYER_XDP};
	const struct config *config = seen->config;
	struct config lenient = *config; /* layers are ours to look at here */
	lenient.absent = UINT32_MAX;
	bool is_known = linkwatch_judge(seen->watch, &lenient, read_result, state, linkwatch_now_ms()) == 0;
	for (size_t i = 0; i < sizeof(theirs) / sizeof(theirs[0]); i++) {
		enum layer layer = theirs[i];
		struct layer_finding *finding = &seen->layers[layer];
		if (!layer_is_of(layer, config->side) || layer_is_absent(layer, config))
			continue;
		if (is_known && state->layers[layer].state != LAYER_ABSENT) {
			*finding = state->layers[layer];
		} else if (layer != LAYER_ROLE) {
			*finding = (struct layer_finding){.state = LAYER_MISSING};
			snprintf(finding->found, sizeof(finding->found), "weir-link has not loaded it");
			snprintf(finding->mend, sizeof(finding->mend), "systemctl start weir-link");
		}
	}
	if (is_known)
		seen->frames = state->frames;
}

static int look(struct seen *seen)
{
	struct linkread reader;
	struct link_reading reading;
	struct linkstate state = {.at_ms = 0};
	int result = linkread_open(&reader);
	if (result != 0)
		return result;
	linkread_look(&reader, seen->config, &reading, &seen->frames);
	linkread_close(&reader);
	layers_judge(seen->layers, &reading, seen->config, "systemctl restart weir-link");
	take_from_watch(seen, linkwatch_read(&state, seen->config->runtime), &state);
	return 0;
}

/* ---- showing ---- */

static const char *const source_names[FRAMES_SOURCES] = {"NIC", "nft", "XDP"};

static void show_layer(const struct seen *seen, enum layer layer)
{
	static const char *const marks[] = {[LAYER_HOLDS] = "ok", [LAYER_MISSING] = "BAD", [LAYER_ABSENT] = "-"};
	char found[LAYER_TEXT_BYTES], mend[LAYER_TEXT_BYTES];
	const struct layer_finding *f = &seen->layers[layer];
	printf("%-4s %-10s %s%s\n", marks[f->state], layer_name(layer), layer_what(layer),
	       f->state == LAYER_ABSENT ? ": named as absent" : "");
	if (f->state == LAYER_HOLDS)
		return;
	printf("%-15s why:   %s\n", "", layer_why(layer));
	if (f->state != LAYER_MISSING)
		return;
	printf("%-15s found: %s\n", "", text_escape_name(found, sizeof(found), f->found));
	printf("%-15s type:  %s\n", "", text_escape_name(mend, sizeof(mend), f->mend));
}

static void show(const struct seen *seen)
{
	for (int i = 0; i < LAYER_COUNT; i++)
		if (layer_is_of((enum layer)i, seen->config->side))
			show_layer(seen, (enum layer)i);
	for (int i = 0; i < FRAMES_SOURCES; i++)
		if (seen->frames.is_counted[i])
			printf("%-4s %-10s %" PRIu64 " the wrong way, by the counter of %s\n",
			       seen->frames.count[i] == 0 ? "ok" : "warn", "frames", seen->frames.count[i],
			       source_names[i]);
	if (seen->watch[0] != 0)
		printf("BAD  %-10s %s\n", "weir-link", seen->watch);
	else
		printf("ok   %-10s it watches the link\n", "weir-link");
}

static struct json *layer_json(const struct seen *seen, enum layer layer)
{
	static const char *const states[] = {
		[LAYER_HOLDS] = "holds", [LAYER_MISSING] = "missing", [LAYER_ABSENT] = "absent"};
	const struct layer_finding *f = &seen->layers[layer];
	struct json *object = json_object_new();
	json_set_text(object, "layer", layer_name(layer));
	json_set_text(object, "state", states[f->state]);
	json_set_text(object, "what", layer_what(layer));
	json_set_text(object, "why", layer_why(layer));
	if (f->state == LAYER_MISSING) {
		json_set_text(object, "found", f->found);
		json_set_text(object, "mend", f->mend);
	}
	return object;
}

static int show_json(const struct seen *seen)
{
	static const char *const keys[FRAMES_SOURCES] = {"nic", "nft", "xdp"};
	struct json *object = json_object_new(), *layers = json_array_new(), *frames = json_object_new();
	for (int i = 0; i < LAYER_COUNT; i++)
		if (layer_is_of((enum layer)i, seen->config->side))
			json_append(layers, layer_json(seen, (enum layer)i));
	for (int i = 0; i < FRAMES_SOURCES; i++)
		if (seen->frames.is_counted[i])
			json_set_number(frames, keys[i], seen->frames.count[i]);
	json_set_text(object, "side", seen->config->side == CONFIG_SENDER ? "sender" : "receiver");
	json_set_text(object, "interface", seen->config->interface);
	json_set_child(object, "layers", layers);
	json_set_child(object, "frames", frames);
	json_set_text(object, "weir_link", seen->watch[0] != 0 ? seen->watch : "well");
	int result = json_print(object, stdout);
	json_free(object);
	return result;
}

static bool is_well(const struct seen *seen)
{
	bool is_well = seen->watch[0] == 0;
	for (int i = 0; i < LAYER_COUNT; i++)
		is_well &= seen->layers[i].state != LAYER_MISSING;
	return is_well;
}

int linkcheck(int argc, char **argv)
{
	struct config config = {.port = 0};
	struct seen seen = {.config = &config};
	bool wants_json = false;
	int code = linkcheck_config(&config, argc, argv, &wants_json);
	if (code != 0)
		return code;
	if (config.is_unwatched) {
		command_say("'absent = all' stands in [link]: nothing is looked at");
		return EXIT_DONE;
	}
	int result = look(&seen);
	if (result == 0 && wants_json)
		result = show_json(&seen);
	else if (result == 0)
		show(&seen);
	if (result != 0)
		return command_fail(result, "cannot look at interface '%s'", config.interface);
	return is_well(&seen) ? EXIT_DONE : EXIT_ENVIRONMENT;
}
