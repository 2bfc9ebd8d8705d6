/*
 * setup: what the sender's programs load when they start: configuration, roots, registry, the box's
 * key.  A setup owns what it holds; setup_free releases it.
 */
#ifndef WEIR_SETUP_H
#define WEIR_SETUP_H

#include <stdbool.h>
#include <stddef.h>

#include "common/config.h"
#include "common/key.h"
#include "common/registry.h"

#define SENDER_CONFIG "/etc/weir/sender.conf"

struct setup {
	struct config config;
	struct roots *roots;
	struct registry *registry;
};

/* What a result that is not 0 is about. */
struct setup_problem {
	char file[CONFIG_PATH_BYTES];
	char text[PROBLEM_BYTES]; /* "LINE: what is wrong", or "" */
};

enum { SETUP_TEXT_BYTES = 2 * CONFIG_PATH_BYTES + PROBLEM_BYTES + 8 };

/* config_path, else WEIR_CONFIG, else SENDER_CONFIG. */
const char *setup_config_path(const char *config_path);

/*
 * The command line of a daemon: --config FILE, --help, --version.  -1 when it is to go on, with the
 * configuration's path; else the exit code of a program that has said what there was to say.
 */
int setup_options(int argc, char **argv, const char *program, const char *purpose,
		  const char **config_path);

/* Fills *out only when the result is 0. */
int setup_load(struct setup *out, const char *config_path, struct setup_problem *problem);
/* The part of it behind the configuration, which is in *setup.  Roots may have been loaded also when it fails: setup_free. */
int setup_load_registry(struct setup *setup, struct setup_problem *problem);
/*
 * Reads the registry again: the caller's, for registry_free or setup_use_registry.
 * VERDICT_OLDER_REGISTRY when the one in use is newer.
 */
int setup_read_registry(struct registry **out, const struct setup *setup,
			struct setup_problem *problem);
/* Takes it over in the place of the one before, which is freed. */
void setup_use_registry(struct setup *setup, struct registry *registry);
void setup_free(struct setup *setup);

/* The sender box's key; the registry must have it: VERDICT_UNKNOWN_KEY. */
int setup_box_key(struct key **out, const struct setup *setup, struct setup_problem *problem);

/* Whether the registry that lies there has a route of this name.  0, or as setup_load. */
int setup_has_route(bool *out, const struct config *config, const char *name, struct setup_problem *problem);

/* Puts the file's name into a problem whose text is there already. */
void setup_name_file(struct setup_problem *problem, const char *file);

/* "FILE:LINE: what is wrong" or "'FILE'", escaped.  Returns out. */
char *setup_describe(char out[static SETUP_TEXT_BYTES], const struct setup_problem *problem);

/* Joins folder and name; -ENAMETOOLONG. */
int setup_path(char *out, size_t size, const char *folder, const char *name);

#endif
