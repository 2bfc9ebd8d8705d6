/*
 * weir-outbox: the person's side of sending.
 */
#include "outbox.h"

#include <errno.h>

#include "common/command.h"
#include "common/keycommand.h"
#include "common/registrycommand.h"
#include "common/text.h"
#include "common/verdict.h"
#include "setup.h"

int outbox_config(struct config *out, const char *config_path)
{
	struct setup_problem problem = {{0}, {0}};
	char text[SETUP_TEXT_BYTES];
	const char *path = setup_config_path(config_path);
	int result = config_load(out, CONFIG_SENDER, path, problem.text);
	if (result == 0)
		return 0;
	setup_name_file(&problem, path);
	return command_fail(result, "cannot load configuration %s", setup_describe(text, &problem));
}

int outbox_cannot_reach(int result, const char *program, const char *runtime, const char *socket)
{
	char escaped[2 * CONFIG_PATH_BYTES];
	const char *next = result == -EACCES
				   ? "join the group that may use it, or ask the operator of this box"
				   : "start weir-sender";
	command_say("cannot reach %s at '%s/%s': %s; %s", program,
		    text_escape_name(escaped, sizeof(escaped), runtime), socket,
		    verdict_explain(result), next);
	return EXIT_ENVIRONMENT;
}

int main(int argc, char **argv)
{
	static const struct command commands[] = {
		{"push", "--route ROUTE [OPTION…] FILE… | DIR | - | - -- COMMAND…",
		 "seal an export and hand it over to be sent", outbox_push_help, outbox_push},
		{"list", "[--json] [--config FILE]", "what is in the spool, and how far it is", NULL,
		 outbox_list},
		{"show", "PUSHID|NAME [--json] [--config FILE]", "all about one bundle", NULL,
		 outbox_show},
		KEY_COMMAND,
		REGISTRY_COMMAND,
		{NULL, NULL, NULL, NULL, NULL},
	};
	return command_main("weir-outbox", "pushes exports to the other side", commands, argc, argv);
}
