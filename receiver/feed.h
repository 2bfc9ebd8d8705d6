/*
 * feed: a command that reads what is opened, and never sees an end of it that is not the true end.
 *
 * A transaction around the command commits when its input ends, so the end of input is a promise.
 * A guardian process, in a session of its own, starts the command, holds the input open together
 * with this process, and kills the command's process group before it lets go, unless feed_finish
 * has told it that all is well.  So the command is killed without having seen an end also when this
 * process is killed with SIGKILL.  Processes that the command has put into another group are its
 * own affair.
 *
 * The caller ignores SIGPIPE.
 */
#ifndef WEIR_FEED_H
#define WEIR_FEED_H

#include <stddef.h>

struct feed;

/*
 * Forks the guardian; the command does not run yet.  Call before secrets are loaded and before
 * threads are made.  argv ends with NULL and lives until feed_run.  stop_fd (-1: none) becomes
 * readable when the caller wants feed_write and feed_finish to stop with -ECANCELED.
 */
int feed_start(struct feed **out, char *const argv[]);
void feed_set_stop(struct feed *feed, int stop_fd);

/* Starts the command: 0, or the -errno of running it. */
int feed_run(struct feed *feed);

/* VERDICT_COMMAND_FAILED when the command has ended; -ECANCELED; -errno. */
int feed_write(struct feed *feed, const void *data, size_t len);

/*
 * Ends the input and waits for the command.  VERDICT_COMMAND_FAILED when it ends with another
 * status than 0, by a signal, or without having read everything.
 */
int feed_finish(struct feed *feed);

/* How the command ended: as waitid tells, "exit 1", "signal 9"; "" when it is not known. */
void feed_describe(const struct feed *feed, char *out, size_t size);

/* Kills the command's process group unless feed_finish has seen its end.  NULL is fine. */
void feed_free(struct feed *feed);

#endif
