/*
 * check: what `weir-sender check` and `weir-receiver check` have in common, by subject.  Each function adds its findings
 * to the report; what the machine does not tell is green, with the words that it does not.
 */
#ifndef WEIR_CHECK_H
#define WEIR_CHECK_H

#include "config.h"
#include "finding.h"
#include "registry.h"

/* Of the socket that weir-emit sends by, as its unit has it. */
enum { CHECK_SEND_BUFFER_BYTES = 4 * 1024 * 1024 };

struct check {
	struct report *report;
	const struct config *config;
	const char *config_path; /* by which processes of this box are told from those of another one; NULL: any */
	const char *root;        /* stands before paths of the system: "" but in tests */
};

/* That the registry is in force, and what in it ends within 30 days. */
void check_registry(const struct check *check, const struct registry *registry);
/* The file of an unprotected key of this kind, and its name.  wanted_public: which it has to be; NULL: any. */
void check_key(const struct check *check, enum finding_id id, const char *path, enum key_kind kind,
	       const uint8_t *wanted_public);

/* All that follows which is of the machine and its link, and the same on both boxes, in the order in which it is shown. */
void check_machine(const struct check *check);

/* What weir-link says of each layer, and of frames that went the wrong way. */
void check_link(const struct check *check);

/* The disk at path, which is what: "spool", "vault". */
void check_disk(const struct check *check, const char *what, const char *path);

/* No box has an earlier time: 2026-11-01. */
#define CLOCK_EARLIEST_S UINT64_C(1793491200)

struct clock_facts {
	uint64_t now_s;
	bool is_told, is_set;     /* whether the kernel says, and that a source of time has set it of late */
	uint64_t heard_s, sent_s; /* of the last heartbeat: this box's clock and the sender's; 0: none yet */
};

/* All but the heartbeat. */
struct clock_facts clock_read(void);
/* registry: one that was made before now; NULL: none. */
void check_clock(const struct check *check, const struct clock_facts *facts, const struct registry *registry);

/* The link NIC: nicfacts.h, and what it has counted. */
void check_nic(const struct check *check);

/* Who else takes frames from the link NIC, or listens at its address. */
void check_listeners(const struct check *check);

/* The buffer of the socket of the link; while there is none, what the kernel allows. */
void check_sockets(const struct check *check);

/* Settings of the kernel below /proc/sys, and what it counts of pieces. */
void check_kernel(const struct check *check);

/* Cores, their governor, and where interrupts of the link NIC and what it takes in are handled. */
void check_cores(const struct check *check);

/* The process that sends by the link or takes from it: that it runs, with what priority, and in memory. */
void check_link_process(const struct check *check);

/* "weir-emit", "weir-catch" */
const char *check_link_daemon(const struct check *check);
/* The id of the first process of this name and this configuration; 0: none, -1: others cannot be seen from here. */
long check_find_process(const struct check *check, const char *name);
/* A line of /proc/PID/status, without its name; false when there is none. */
bool check_process_field(const struct check *check, long pid, const char *field, char *out, size_t size);

/* The sensor that is nearest to its limit. */
void check_temperature(const struct check *check);

/* Whether memory can reach a disk. */
void check_swap(const struct check *check);

#endif
