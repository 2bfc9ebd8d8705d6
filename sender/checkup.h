/*
 * checkup: `weir-sender check`, whether everything is in place: weir-check(7).
 */
#ifndef WEIR_CHECKUP_H
#define WEIR_CHECKUP_H

/* The command; an exit code. */
int checkup(int argc, char **argv);

#endif
