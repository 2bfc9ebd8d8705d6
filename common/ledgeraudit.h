/*
 * ledgeraudit: `ledger verify`: the keys, the witness, and the report.  Unlike a module this speaks.
 */
#ifndef WEIR_LEDGERAUDIT_H
#define WEIR_LEDGERAUDIT_H

#include "ledgerverify.h"
#include "registry.h"

enum { LEDGER_REGISTRIES_MAX = 16, LEDGER_FINDINGS_SHOWN = 100 };

struct ledger_audit {
	const char *roots;
	const char *registries[LEDGER_REGISTRIES_MAX];
	size_t registry_count;
	const char *witness;    /* the directory of the other box's ledger, or a file; NULL: none */
	uint64_t witness_until; /* what it heard later does not count; 0: all counts */
	bool as_json;
	enum key_kind kind;     /* of the box whose ledger it has to be; 0: any box's */
	/* by ledger_audit_load */
	struct registry *loaded[LEDGER_REGISTRIES_MAX];
	const struct card **boxes;
	size_t box_count;
};

/* Registries, checked with the roots.  An exit code. */
int ledger_audit_load(struct ledger_audit *audit);
/* Reads witness and ledger, and reports.  EXIT_MISSING when anything is wrong. */
int ledger_audit_run(const struct ledger_audit *audit, int dir_fd);
void ledger_audit_free(struct ledger_audit *audit);

#endif
