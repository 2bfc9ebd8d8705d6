/*
 * linkstate: what weir-link tells the daemons of a box, as text.  LAYERS.md 3.  Nothing here makes a
 * system call.
 */
#ifndef WEIR_LINKSTATE_H
#define WEIR_LINKSTATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layers.h"

enum { LINKSTATE_BYTES_MAX = 16384, LINKSTATE_FRESH_MS = 5000 };
#define LINKSTATE_FILE "link"
#define LINKSTATE_NEW_FILE ".link.new"

enum frames_source { FRAMES_NIC, FRAMES_NFT, FRAMES_XDP, FRAMES_SOURCES };

/* Frames that went the wrong way, as each source counts them. */
struct frames {
	bool is_counted[FRAMES_SOURCES];
	uint64_t count[FRAMES_SOURCES];
};

struct linkstate {
	enum config_side side;
	char interface[INTERFACE_BYTES];
	uint64_t at_ms;     /* of the look; CLOCK_BOOTTIME */
	uint64_t loaded_ms; /* of the rules */
	struct frames frames;
	struct layer_finding layers[LAYER_COUNT];
};

/* At most size bytes with a zero; the length, or -ENOSPC. */
long linkstate_encode(char *out, size_t size, const struct linkstate *state);
/* VERDICT_OK, VERDICT_TRUNCATED, VERDICT_TRAILING_BYTES, VERDICT_UNKNOWN_VERSION, VERDICT_BAD_PROTOCOL. */
int linkstate_decode(struct linkstate *out, const uint8_t *text, size_t len);

bool linkstate_is_fresh(const struct linkstate *state, uint64_t now_ms);
/*
 * The first layer that keeps a daemon of this configuration from working: one that is missing, or that the state
 * leaves out and the configuration does not.  -ENOENT when there is none.
 */
int linkstate_first_missing(const struct linkstate *state, const struct config *config);

#endif
