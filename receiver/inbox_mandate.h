/*
 * inbox_mandate: what `ledger hold`, `ledger release`, `ledger holds`, `purge` and `gaps --acknowledge` share: the
 * bundles that are meant, and a person's signed order about them, brought to weir-keep.  It speaks.
 */
#ifndef WEIR_INBOX_MANDATE_H
#define WEIR_INBOX_MANDATE_H

#include "annals.h"
#include "common/signer.h"
#include "custody.h"
#include "inbox.h"
#include "mandate.h"

/* Bundles of the vault, ascending, each once. */
struct chosen {
	struct annal *all;
	size_t count;
	uint64_t bytes; /* of their files */
};

struct inbox_annals {
	struct annals *annals;
	struct custody *custody;
};
/* An exit code. */
int inbox_annals_open(struct inbox_annals *out, const struct inbox *inbox);
void inbox_annals_close(struct inbox_annals *annals);

/* By name, as in 'list'.  An exit code; what lies in the vault no more is none. */
int chosen_add_name(struct chosen *chosen, const struct inbox_annals *annals, const char *name);
int chosen_add(struct chosen *chosen, const struct annal *annal);
/* Sorts, drops doubles, asks for the sizes of the files. */
int chosen_finish(struct chosen *chosen, const struct inbox *inbox);
void chosen_free(struct chosen *chosen);
/* "tax-000123", or with its epoch when there is another of that name. */
void chosen_name(char out[static INBOX_NAME_BYTES], const struct inbox_annals *annals, const struct annal *annal);

/*
 * Signs the order and brings it to keep, in as many parts as it takes; case_name "" where no case is meant.  The table of system
 * calls closes between.  An exit code.
 */
int inbox_order(struct inbox *inbox, const struct inbox_options *options, enum mandate_kind kind,
		const char *case_name, const struct chosen *chosen);

#endif
