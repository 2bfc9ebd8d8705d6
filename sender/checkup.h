/*
 * checkup: `weir-sender check`, one line for each thing that has to be in place.
 */
#ifndef WEIR_CHECKUP_H
#define WEIR_CHECKUP_H

/* Prints; gives an exit code: that of the first thing that is not in place. */
int checkup(const char *config_path);

#endif
