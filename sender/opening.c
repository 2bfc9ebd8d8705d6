#include "opening.h"

#include <errno.h>
#include <fcntl.h>
#include <syslog.h>

#include "common/command.h"
#include "common/io.h"
#include "common/service.h"
#include "common/text.h"
#include "common/trusted.h"
#include "common/verdict.h"

static void tell_of_file(void *context, const char *file, int result)
{
	(void)context;
	char name[512];
	service_event(LOG_ERR, "E1002", "spool: '%s' is left where it is and not used: %s [%s]",
		      text_escape_name(name, sizeof(name), file), verdict_explain(result),
		      result > 0 ? verdict_name(result) : "environment");
}

int opening_spool(struct spool **out, const struct config *config)
{
	struct spool_options options = {
		.path = config->spool,
		.disk_full_percent = config->disk_full_percent,
		.tell = tell_of_file,
	};
	char path[2 * CONFIG_PATH_BYTES];
	int dir = -1;
	/* its orders, counts and numbers count because they lie here */
	int result = trusted_open_dir(&dir, AT_FDCWD, config->spool);
	io_close(dir);
	if (result == 0)
		result = spool_open(out, &options);
	text_escape_name(path, sizeof(path), config->spool);
	if (result == -EBUSY) {
		command_say("spool '%s' is in use by another weir-hold; stop that one first", path);
		return EXIT_ENVIRONMENT;
	}
	return result == 0 ? 0 : command_fail(result, "cannot open spool '%s'", path);
}

int opening_allowance(struct standing **standing, struct spent **spent, struct spool *spool)
{
	size_t bad = 0;
	int result = standing_open(standing, spool_dir(spool), &bad);
	if (result != 0)
		return command_fail(result, "cannot read the standing orders in 'orders' of the spool");
	if (bad > 0)
		service_event(LOG_ERR, "E1019",
			      "spool: %zu of the files in orders/ cannot be read: an order does not count then, a revocation does",
			      bad);
	result = spent_open(spent, spool_dir(spool), &bad);
	if (result != 0)
		return command_fail(result, "cannot read what was sent and removed");
	if (bad > 0)
		service_event(LOG_ERR, "E1019",
			      "spool: %zu of the files in spent/ cannot be read and count for nothing", bad);
	return 0;
}
