/*
 * stopping: the one flag of a program that goes round until a signal says that it is to end.
 */
#ifndef WEIR_STOPPING_H
#define WEIR_STOPPING_H

#include <signal.h>
#include <stdbool.h>

enum stopping_hangup { STOPPING_HANGUP_IGNORED, STOPPING_HANGUP_ENDS };

/* From now on SIGTERM and SIGINT set the flag; SIGHUP as well, or is ignored.  0 or -errno. */
int stopping_catch(enum stopping_hangup hangup);
bool stopping_is_due(void);
/* The flag itself, for who looks at it without this module; 0 until it is due. */
const volatile sig_atomic_t *stopping_flag(void);

#endif
