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
	const char *root;       /* stands before paths of the system: "" but in tests */
};

/* That the registry is in force, and what in it ends within 30 days. */
void check_registry(const struct check *check, const struct registry *registry);
/* The file of an unprotected key of this kind, and its name.  wanted_public: which it has to be; NULL: any. */
void check_key(const struct check *check, enum finding_id id, const char *path, enum key_kind kind,
	       const uint8_t *wanted_public);

/* What weir-link says of each layer, and of frames that went the wrong way. */
void check_link(const struct check *check);

/* The disk at path, which is what: "spool", "vault". */
void check_disk(const struct check *check, const char *what, const char *path);

/* The link NIC: nicfacts.h, and what it has counted. */
void check_nic(const struct check *check);

/* Settings of the kernel below /proc/sys, and what it counts of pieces. */
void check_kernel(const struct check *check);

/* Whether memory can reach a disk. */
void check_swap(const struct check *check);

#endif
