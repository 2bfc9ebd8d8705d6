/*
 * finding: what `weir-sender check` and `weir-receiver check` say: of each thing what it is, why it matters and what to
 * type; and a report of them.  weir-check(7) lists them all.
 *
 * A report holds findings in the order in which they were added.  Adding needs no check: when there was no memory for
 * one, report_print and report_code say so.
 */
#ifndef WEIR_FINDING_H
#define WEIR_FINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "layers.h"

enum finding_state {
	FINDING_GREEN, /* as it should be, or the machine does not tell */
	FINDING_AMBER, /* it works, and somebody should know: it is slower, or less safe, or will end soon */
	FINDING_RED,   /* it leaks or loses, or does not work */
	FINDING_STATES,
};

/* One kind of finding each; there may be several of a kind, as of keys.  Names are stable: see finding_name. */
enum finding_id {
	/* what is configured */
	FINDING_CONFIGURATION,
	FINDING_REGISTRY,
	FINDING_REGISTRY_EXPIRY,
	FINDING_BOX_KEY,
	FINDING_LINK_KEY,
	FINDING_PRE_SHARED_KEY,
	/* the link stays one-way; one for each layer, in the order of layers.h */
	FINDING_LINK_WATCH,
	FINDING_WRONG_WAY,
	FINDING_LAYER,
	/* what runs */
	FINDING_HOLD = FINDING_LAYER + LAYER_COUNT,
	FINDING_EMIT,
	FINDING_KEEP,
	FINDING_LINK_DAEMON,
	FINDING_PRIORITY,
	FINDING_LOCKED_MEMORY,
	FINDING_EXPECTED,
	FINDING_OUTAGE,
	FINDING_HEALING,
	FINDING_VIRUS_SCANNER,
	FINDING_SCAN_FOLDER,
	/* disks and memory */
	FINDING_DISK_SPACE,
	FINDING_DISK_INODES,
	FINDING_FOLDER_MODE,
	FINDING_DISK_MOUNT,
	FINDING_DISK_RESERVE,
	FINDING_DISK_QUEUE,
	FINDING_DISK_HEALTH,
	FINDING_OLDER_VAULT,
	FINDING_SWAP,
	FINDING_DIRTY_MEMORY,
	FINDING_CLOCK,
	FINDING_CLOCK_SET,
	FINDING_CLOCKS_APART,
	FINDING_CORE_DUMPS,
	/* the link NIC */
	FINDING_LINK_NIC,
	FINDING_LINK_ROUTE,
	FINDING_CARRIER,
	FINDING_FAR_END,
	FINDING_MTU,
	FINDING_SPEED,
	FINDING_NEGOTIATION,
	FINDING_OPTICAL_POWER,
	FINDING_NIC_RING,
	FINDING_OFFLOAD,
	FINDING_NIC_ERRORS,
	FINDING_LISTENERS,
	/* cores */
	FINDING_CORES,
	FINDING_GOVERNOR,
	FINDING_INTERRUPTS,
	FINDING_RPS,
	FINDING_TEMPERATURE,
	/* settings of the kernel for the link */
	FINDING_RECEIVE_BUFFER,
	FINDING_SEND_BUFFER,
	FINDING_UDP_MEM,
	FINDING_RP_FILTER,
	FINDING_BACKLOG,
	FINDING_POLL_BUDGET,
	FINDING_FRAGMENTS,
	/* the way in */
	FINDING_RING,
	FINDING_RING_FILL,
	FINDING_COUNTERS,
	FINDING_LOSS,
	FINDING_END,
};

/* "udp-mem", and why it matters: one sentence without its end.  Never NULL. */
const char *finding_name(enum finding_id id);
const char *finding_why(enum finding_id id);
/* "green" */
const char *finding_state_name(enum finding_state state);

enum { FINDING_WHAT_BYTES = 1280, FINDING_TYPE_BYTES = 640, REMEDY_BYTES = 64, REMEDIES_MAX = 2 };

/* What `check --fix` may set: nothing that another program of the box could miss, and no key, file, owner or swap. */
enum remedy_kind {
	REMEDY_NONE,
	REMEDY_SETTING,  /* a setting of the kernel, by its name (machine.h), and its value */
	REMEDY_RX_RING,  /* of a NIC: for so many frames it has room */
	REMEDY_TX_RING,
	REMEDY_PAUSE,    /* of a NIC: no pause frames; value is "off" */
	REMEDY_MTU,      /* of a NIC */
	REMEDY_GOVERNOR, /* of all cores */
};

struct remedy {
	enum remedy_kind kind;
	char name[REMEDY_BYTES], value[REMEDY_BYTES];
};

struct finding {
	enum finding_id id;
	enum finding_state state;
	int result;                      /* the verdict or -errno behind it; 0: none */
	char what[FINDING_WHAT_BYTES];   /* the value seen; names in it are escaped */
	char type[FINDING_TYPE_BYTES];   /* a command, or a sentence when no command mends it; "" when green */
	struct remedy remedies[REMEDIES_MAX]; /* of what `check --fix` mends; the first is REMEDY_NONE when it cannot */
};

struct report;

/* 0 or -ENOMEM. */
int report_new(struct report **out);
void report_free(struct report *report); /* NULL is fine */

/* Valid until the next one is added; never NULL. */
struct finding *report_add(struct report *report, enum finding_id id, enum finding_state state, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Red when result is not 0: behind the text stand what it means and its name; else green. */
struct finding *report_result(struct report *report, enum finding_id id, int result, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* What to type; a finding that is green keeps none. */
void finding_type(struct finding *finding, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* One more remedy of a finding that is not green, and behind what to type the command that does the same by hand. */
void finding_remedy(struct finding *finding, enum remedy_kind kind, const char *name, const char *value_format, ...)
	__attribute__((format(printf, 4, 5)));

size_t report_count(const struct report *report, enum finding_state state);
/* In the order in which they were added; NULL at the end. */
const struct finding *report_at(const struct report *report, size_t index);

enum report_style {
	REPORT_QUIET = 1,  /* what is green is left out */
	REPORT_COLOUR = 2, /* as on a terminal */
	REPORT_JSON = 4,
};
/* 0, or -errno: of writing, or that there was no memory for all. */
int report_print(const struct report *report, FILE *file, unsigned int style);

/* EXIT_ENVIRONMENT when a finding is red, or not all could be added; else EXIT_DONE. */
int report_code(const struct report *report);

#endif
