/*
 * The inside of gather.h, for gather.c and gather_write.c alone.
 */
#ifndef WEIR_GATHERPARTS_H
#define WEIR_GATHERPARTS_H

#include "common/work.h"
#include "gather.h"

enum {
	OPEN_MAX = 2, /* windows of one bundle that are being filled: around an edge datagrams change places */
	WINDOWS_MAX = GATHER_TARGETS_MAX * OPEN_MAX + GATHER_FLIGHT_MAX,
	SPANS_MAX = 256, /* of one window: losses and disorder break them */
	SYMBOLS = GATHER_WINDOW_BYTES / SYMBOL_BYTES,
};

enum window_state { WINDOW_FREE, WINDOW_OPEN, WINDOW_FLYING };

struct target;

struct window {
	enum window_state state;
	struct target *target;
	bool is_repair;
	uint64_t begin, end; /* in the file */
	uint64_t mark;       /* the first that it holds of */
	uint64_t opened;     /* in windows */
	uint64_t added_ms;   /* when something was added last */
	uint32_t count;      /* symbols that are here */
	uint64_t here[SYMBOLS / 64];
	unsigned int span_count;
	struct span span[SPANS_MAX];
	uint8_t *bytes;
	/* of the thread that writes it */
	bool is_piece;       /* of the tree, whole */
	uint8_t hash[SUITE_DIGEST_BYTES];
	bool is_refused;     /* by the file system, which does not know O_DIRECT */
	int result;
};

/* A bundle whose files are open here: object and repair rows. */
struct target {
	struct partial *partial; /* NULL: free */
	void *owner;
	uint64_t used;
	uint32_t repaired;   /* the block of which repair rows came last, and one more */
	bool is_refused[2];  /* its file system does not know O_DIRECT; the descriptor stays while others may be writing */
	int fd[2], direct_fd[2]; /* the latter -1 where there is none */
};

/* A block that has become decodable, to be told of when nothing of it is being written any more. */
struct decodable {
	void *owner;
	uint16_t block;
};

struct gather {
	struct gather_listener listener;
	unsigned int budget; /* windows */
	unsigned int busy;   /* windows that are not free */
	struct window *recent; /* where the last symbols went, as a rule the next ones, too; or NULL */
	uint64_t oldest;     /* mark of a window that is not free, or GATHER_NOTHING, */
	bool is_oldest_known; /* which holds until one opens or closes */
	bool is_stalled;     /* the disk: nothing has landed for a while */
	bool is_behind;      /* the caller */
	uint64_t mark, now_ms, counter;
	struct work *work;
	uint8_t *memory;
	struct target target[GATHER_TARGETS_MAX];
	struct window window[WINDOWS_MAX];
	unsigned int decodable_count;
	struct decodable decodable[(GATHER_FLIGHT_MAX + 1) * SPANS_MAX];
};

/* How many of these symbols of a window are here. */
uint32_t gather_count_here(const struct window *w, uint32_t at, uint32_t count);
/* From now on all of them are, or none. */
void gather_set_here(struct window *w, uint32_t at, uint32_t count, bool is_here);
/* A work_run of windows: hashes, writes, and notifies. */
void gather_run(void *gather, void *window, unsigned int thread);
/* Writes what a window has, past the cache where that is wanted and can be; fills w->result. */
void gather_write(struct window *w, bool is_direct);

/* 0 or -errno. */
int gather_open_target(struct target *t, struct partial *partial, void *owner);
void gather_close_target(struct target *t);

#endif
