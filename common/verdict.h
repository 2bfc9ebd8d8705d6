/*
 * verdict: why an input was refused.
 *
 * Results in this tree are one int: 0 when all is well, -errno when the environment failed, and a
 * positive verdict when the input was bad.  Outputs are written only when the result is 0.
 * Refusing is no error: a verdict has a stable name (`bad-root`), which appears in the format
 * documents, in reports and in the test vectors.
 */
#ifndef WEIR_VERDICT_H
#define WEIR_VERDICT_H

enum verdict {
	VERDICT_OK = 0,
	/* formats */
	VERDICT_TRUNCATED = 1,
	VERDICT_TRAILING_BYTES,
	VERDICT_BAD_MAGIC,
	VERDICT_UNKNOWN_VERSION,
	VERDICT_UNKNOWN_SUITE,
	VERDICT_BAD_RESERVED,
	VERDICT_BAD_LIMIT,
	VERDICT_BAD_LENGTH,
	VERDICT_BAD_TYPE,
	VERDICT_BAD_NAME,
	VERDICT_BAD_ORDER,
	VERDICT_BAD_TIME,
	VERDICT_BAD_MANIFEST,
	VERDICT_BAD_FRAME,
	VERDICT_BAD_GEOMETRY,
	/* cryptography */
	VERDICT_BAD_TAG,
	VERDICT_BAD_SIGNATURE,
	VERDICT_BAD_COMMITMENT,
	VERDICT_BAD_ROOT,
	VERDICT_BAD_KEY,
	VERDICT_BAD_DIGEST,
	VERDICT_BAD_COUNT,
	VERDICT_DAMAGED,
	VERDICT_WRONG_PASSPHRASE,
	VERDICT_WRONG_KEY,
	VERDICT_WRONG_RECIPIENT,
	VERDICT_WRONG_ROUTE,
	/* registry and policy */
	VERDICT_BAD_REGISTRY,
	VERDICT_BAD_CONFIGURATION,
	VERDICT_TOO_FEW_SIGNATURES,
	VERDICT_OLDER_REGISTRY,
	VERDICT_UNKNOWN_KEY,
	VERDICT_UNKNOWN_ROUTE,
	VERDICT_NOT_ALLOWED,
	VERDICT_EXPIRED,
	VERDICT_SUSPENDED,
	VERDICT_NOT_REVIEWED,
	VERDICT_LOOSE_PERMISSIONS,
	VERDICT_LOOSE_DIRECTORY,
	VERDICT_NOT_REGULAR,
	VERDICT_CHANGED_WHILE_READ,
	VERDICT_RECORDS_NOT_STATED,
	VERDICT_COMMAND_FAILED,
	VERDICT_SPOOL_FULL,
	VERDICT_NO_SUCH_BUNDLE,
	VERDICT_BAD_PROTOCOL,
	/* release */
	VERDICT_WRONG_POLICY,
	VERDICT_TOO_FEW_APPROVALS,
	VERDICT_ALREADY_APPROVED,
	VERDICT_OWN_PUSH,
	VERDICT_NOT_WAITING,
	VERDICT_CAP_REACHED,
	/* standing orders */
	VERDICT_BEYOND_ORDER,
	VERDICT_REVOKED,
	/* ledger */
	VERDICT_BAD_ENTRY,
	VERDICT_BAD_CHAIN,
	VERDICT_MISSING_ENTRIES,
	VERDICT_WEAK_PASSPHRASE,
	VERDICT_BAD_POLICY,
	VERDICT_AGAINST_POLICY,
	/* virus scanning */
	VERDICT_INFECTED,
	VERDICT_NOT_SCANNED,
	VERDICT_OTHER_REGISTRY,
	/* resending */
	VERDICT_BAD_CODE,
	VERDICT_NOT_KEPT,
	VERDICT_NOT_SENT,
	/* what the receiver remembers */
	VERDICT_ALREADY_DELIVERED,
	VERDICT_ON_HOLD,
	VERDICT_COUNT_END
};

/* The stable name of a verdict, "ok" for 0, "unknown" outside the enum.  Never NULL. */
const char *verdict_name(int verdict);

/* The verdict with this name, or -ENOENT. */
int verdict_from_name(const char *name);

/*
 * One clause for a person, without the subject and without a full stop: what is wrong and, where
 * there is one, the next step.  For -errno results it is strerror's text.  Never NULL.
 */
const char *verdict_explain(int result);

#endif
