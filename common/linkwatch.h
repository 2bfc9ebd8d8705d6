/*
 * linkwatch: a daemon's look at what weir-link has written (LAYERS.md 4).
 *
 * With `absent = all` nothing is looked at and all is well.
 */
#ifndef WEIR_LINKWATCH_H
#define WEIR_LINKWATCH_H

#include "config.h"
#include "linkstate.h"

enum {
	LINKWATCH_WAIT_MS = 2000,    /* for the first file, and for one that is fresh */
	LINKWATCH_TELLINGS_MAX = 10, /* of frames, a minute */
	LINKWATCH_TEXT_BYTES = 512,
};
#define LINKWATCH_TOLD_FILE "link.told"

/*
 * Before a daemon begins: 0 when every layer holds or is named as absent; else an exit code, and it has said
 * what is wrong and what to type.  Waits for a file that is not there or stale.
 */
int linkwatch_require(const struct config *config);

struct linkwatch {
	const struct config *config;
	uint64_t told[FRAMES_SOURCES];   /* frames */
	uint64_t loaded_ms;              /* of the rules that have counted them */
	uint64_t minute;
	uint32_t tellings;               /* in it */
};

/* As linkwatch_require, for a daemon that goes on looking.  config stays the caller's. */
int linkwatch_open(struct linkwatch *watch, const struct config *config);

/* One line each, escaped; "" when there is nothing to tell. */
struct linkwatch_news {
	char frames[LINKWATCH_TEXT_BYTES]; /* frames went the wrong way: how many */
	char broken[LINKWATCH_TEXT_BYTES]; /* what is wrong and what to type: end */
};

/* A look, once a second. */
void linkwatch_look(struct linkwatch *watch, struct linkwatch_news *news);

/*
 * The part of it that looks at nothing: what is to be told of these counters at this time (seconds of any clock
 * that goes on), and notes it as told.  0 when there is nothing to tell now.  *by_nic: the NIC has counted some of
 * them, so that on a receiver they were not dropped, but have left; then it is the number of these.
 */
uint64_t linkwatch_count(struct linkwatch *watch, const struct linkstate *state, uint64_t now_s, bool *by_nic);

/* The file of a runtime directory: 0, -errno, or a verdict of linkstate_decode. */
int linkwatch_read(struct linkstate *out, const char *runtime);
/* Removes the file, for who starts weir-link and the daemons together.  0 or -errno. */
int linkwatch_forget(const struct config *config);
/* Milliseconds of CLOCK_BOOTTIME. */
uint64_t linkwatch_now_ms(void);
/*
 * Why a daemon of this configuration would not work with what linkwatch_read gave: 0 when it would; else text
 * says what is wrong and what to type.
 */
int linkwatch_judge(char text[static LINKWATCH_TEXT_BYTES], const struct config *config, int read_result,
		    const struct linkstate *state, uint64_t now_ms);

/* The part of it that does not look at the layers: whether the file is there, fresh, and of this box.  Not for `absent = all`. */
int linkwatch_judge_file(char text[static LINKWATCH_TEXT_BYTES], const struct config *config, int read_result,
			 const struct linkstate *state, uint64_t now_ms);

/* All of it in one sentence, for a report that people sign: a look by itself.  As linkwatch_judge, but text is always written. */
int linkwatch_describe(char text[static LINKWATCH_TEXT_BYTES], const struct config *config);

#endif
