/*
 * deliver: where opened members go: below a directory, to a stream, or to a command's input.
 *
 * The same calls whatever the goal: plan, then begin, data …, end for each member of the plan, then
 * commit.  Without a commit that was content nothing that looks whole is left (folder.h), a command
 * is killed without having seen the end of its input (feed.h); only what a stream has been given
 * cannot be taken back.
 */
#ifndef WEIR_DELIVER_H
#define WEIR_DELIVER_H

#include <stddef.h>
#include <stdint.h>

#include "common/manifest.h"

struct deliver;

int deliver_to_folder(struct deliver **out, const char *path);
int deliver_to_stream(struct deliver **out, int fd); /* fd stays the caller's */
/* Before secrets are loaded and threads made: see feed_start. */
int deliver_to_command(struct deliver **out, char *const argv[]);

/* From now on, data and commit stop with -ECANCELED when stop_fd is readable. */
void deliver_set_stop(struct deliver *deliver, int stop_fd);

/* As folder_plan; a command is started here.  A stream and a command take one member (asserted). */
int deliver_plan(struct deliver *deliver, const struct member *const *members, uint32_t count,
		 uint32_t *culprit);

int deliver_begin(struct deliver *deliver);
int deliver_data(void *deliver, const void *data, size_t len); /* an unpack_sink */
int deliver_end(struct deliver *deliver);
int deliver_commit(struct deliver *deliver, uint32_t *culprit);

/* Bytes given by deliver_data so far. */
uint64_t deliver_bytes(const struct deliver *deliver);
/* How a command ended, as feed_describe; "" for the others. */
void deliver_describe(const struct deliver *deliver, char *out, size_t size);

void deliver_free(struct deliver *deliver); /* takes back what was not committed; NULL is fine */

#endif
