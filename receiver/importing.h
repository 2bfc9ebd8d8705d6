/*
 * importing: takes a recipient's receipt (RECEIPT.md) into the ledger of the receiving box.
 */
#ifndef WEIR_IMPORTING_H
#define WEIR_IMPORTING_H

#include "common/registry.h"
#include "diary.h"

struct import_site {
	int vault_fd;
	struct diary *diary;
	const struct registry *registry; /* in use now */
};

/*
 * Judges it, compares it with the bundle in the vault, writes the entry, and keeps the text as
 * vault/receipts/HASH, so that it is taken once.  peer: who brings it.
 *
 * 0: the entry is durable.  -EEXIST: it is there already.  Verdicts of receipt_decode and receipt_judge;
 * VERDICT_NO_SUCH_BUNDLE; VERDICT_BAD_ROOT, VERDICT_BAD_DIGEST when it is about another bundle of that name; VERDICT_WRONG_RECIPIENT
 * when that is sealed to others.  -errno.
 */
int import_receipt(const struct import_site *site, const struct ledger_who *peer, const char *text, size_t len,
		   uint64_t now_s);

#endif
