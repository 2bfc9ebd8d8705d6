#include "stopping.h"

#include <errno.h>

/* A handler has nothing else that it may write. */
static volatile sig_atomic_t is_due;

static void stop(int signal)
{
	(void)signal;
	is_due = 1;
}

int stopping_catch(enum stopping_hangup hangup)
{
	struct sigaction action = {.sa_handler = stop}, nothing = {.sa_handler = SIG_IGN};
	sigemptyset(&action.sa_mask);
	sigemptyset(&nothing.sa_mask);
	const struct sigaction *on_hangup = hangup == STOPPING_HANGUP_ENDS ? &action : &nothing;
	if (sigaction(SIGTERM, &action, NULL) < 0 || sigaction(SIGINT, &action, NULL) < 0 ||
	    sigaction(SIGHUP, on_hangup, NULL) < 0)
		return -errno;
	return 0;
}

bool stopping_is_due(void)
{
	return is_due != 0;
}

const volatile sig_atomic_t *stopping_flag(void)
{
	return &is_due;
}
