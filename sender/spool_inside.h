/*
 * spool_inside: what the parts of the spool share: spool.c (opening, loading, finding), spool_change.c
 * (one state to the next), spool_number.c (numbers and epochs).  Nobody else includes it.
 */
#ifndef WEIR_SPOOL_INSIDE_H
#define WEIR_SPOOL_INSIDE_H

#include "epochs.h"
#include "sequences.h"
#include "spool.h"

enum { SPOOL_FILE_MODE = 0640, SPOOL_NAME_BYTES = 64 };

enum folder { INCOMING, HELD, READY, SENT, SEQUENCE, DOSSIER, FOLDER_END };

struct spool {
	int dir_fd;
	int lock_fd;
	int folders[FOLDER_END];
	struct epochs epochs;
	struct sequences sequences;
	uint32_t disk_full_percent;
	struct counters counters;
	uint64_t next_incoming;
	size_t intakes;
	enum folder walking; /* while it is loaded */
	bool has_unloaded; /* something in held, ready or sent is not what it should be */
	size_t count;
	size_t size;
	struct spool_item **items;
	spool_tell *tell;
	void *context;
	spool_forget *forget;
	void *forget_context;
};

/* The name in held/: the push id in hex. */
void spool_held_name(char out[static SPOOL_NAME_BYTES], const struct statement *statement);
struct spool_item *spool_find_push(struct spool *spool, const uint8_t push_id[static PUSH_ID_BYTES]);
/* What an item shows of those who stand for it. */
void spool_note(struct spool_item *item, const struct endorsements *endorsements);
/* Room for one more item; -ENOMEM. */
int spool_reserve(struct spool *spool);
void spool_sort(struct spool *spool);
/* The number under which a held item is to be released, durable when the result is 0. */
int spool_take_number(struct spool *spool, const struct spool_item *item, uint16_t route_id, uint64_t *number);
/* VERDICT_SPOOL_FULL above the configured fill. */
int spool_check_room(const struct spool *spool);

#endif
