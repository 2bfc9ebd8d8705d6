#include "verdict.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

enum { ERRNO_MAX = 4095 }; /* of the kernel */

static const struct {
	const char *name;
	const char *explanation;
} table[VERDICT_COUNT_END] = {
	[VERDICT_OK] = {"ok", "all is well"},
	[VERDICT_TRUNCATED] = {"truncated", "it ends too early; get a whole copy"},
	[VERDICT_TRAILING_BYTES] = {"trailing-bytes", "there are bytes behind its end; get a clean copy"},
	[VERDICT_BAD_MAGIC] = {"bad-magic", "it is not a file of this kind"},
	[VERDICT_UNKNOWN_VERSION] = {"unknown-version", "it has a format version that this program does not know; upgrade Weir here"},
	[VERDICT_UNKNOWN_SUITE] = {"unknown-suite", "it uses a cryptographic suite that this program does not know; upgrade Weir here"},
	[VERDICT_BAD_RESERVED] = {"bad-reserved", "reserved bytes are not zero; it is damaged or newer than this program"},
	[VERDICT_BAD_LIMIT] = {"bad-limit", "a field is outside its limits"},
	[VERDICT_BAD_LENGTH] = {"bad-length", "a length does not fit"},
	[VERDICT_BAD_TYPE] = {"bad-type", "it has an unknown type"},
	[VERDICT_BAD_NAME] = {"bad-name", "a name is not allowed; see BUNDLE.md for the rules"},
	[VERDICT_BAD_ORDER] = {"bad-order", "entries are out of order or stand twice"},
	[VERDICT_BAD_TIME] = {"bad-time", "its times contradict each other"},
	[VERDICT_BAD_MANIFEST] = {"bad-manifest", "the manifest contradicts itself or the bundle"},
	[VERDICT_BAD_FRAME] = {"bad-frame", "a compressed frame declares a size or window that it may not have"},
	[VERDICT_BAD_GEOMETRY] = {"bad-geometry", "the geometry of the erasure code is impossible or differs from the catalogue"},
	[VERDICT_BAD_TAG] = {"bad-tag", "the datagram's tag is wrong"},
	[VERDICT_BAD_SIGNATURE] = {"bad-signature", "a signature is wrong"},
	[VERDICT_BAD_COMMITMENT] = {"bad-commitment", "the key that was sealed is not the one it was sealed under"},
	[VERDICT_BAD_ROOT] = {"bad-root", "the content is not what was signed"},
	[VERDICT_BAD_KEY] = {"bad-key", "it is not a usable public key"},
	[VERDICT_BAD_DIGEST] = {"bad-digest", "the content differs from its digest"},
	[VERDICT_BAD_COUNT] = {"bad-count", "the number of records differs from what was stated"},
	[VERDICT_DAMAGED] = {"damaged", "a sealed segment does not open; get another copy"},
	[VERDICT_WRONG_PASSPHRASE] = {"wrong-passphrase", "the passphrase is wrong, or the key file is damaged; try again"},
	[VERDICT_WRONG_KEY] = {"wrong-key", "this key does not fit; compare fingerprints, also of the pre-shared key"},
	[VERDICT_WRONG_RECIPIENT] = {"wrong-recipient", "it is not sealed to this key; only a recipient of its route can open it, and while it waits an officer"},
	[VERDICT_WRONG_ROUTE] = {"wrong-route", "it belongs to another route"},
	[VERDICT_BAD_REGISTRY] = {"bad-registry", "the registry is malformed"},
	[VERDICT_BAD_CONFIGURATION] = {"bad-configuration", "the configuration is malformed"},
	[VERDICT_TOO_FEW_SIGNATURES] = {"too-few-signatures", "fewer root keys signed it than the roots file demands; have it signed with 'registry sign'"},
	[VERDICT_OLDER_REGISTRY] = {"older-registry", "a newer registry has been loaded before; install that one or a newer one"},
	[VERDICT_UNKNOWN_KEY] = {"unknown-key", "the registry does not name this key; compare its fingerprint with 'registry show'"},
	[VERDICT_UNKNOWN_ROUTE] = {"unknown-route", "the registry has no such route; 'registry show' lists them"},
	[VERDICT_NOT_ALLOWED] = {"not-allowed", "the registry does not allow this person to do it on this route"},
	[VERDICT_EXPIRED] = {"expired", "it has expired; have the registry renewed"},
	[VERDICT_SUSPENDED] = {"suspended", "it is suspended in the registry"},
	[VERDICT_NOT_REVIEWED] = {"not-reviewed", "a review that the route demands is missing or was made of another text; 'registry show' says which, 'registry review' makes one"},
	[VERDICT_LOOSE_PERMISSIONS] = {"loose-permissions", "others can read or change it; chown it to its user or root, then chmod 600 a secret, chmod go-w anything else"},
	[VERDICT_LOOSE_DIRECTORY] = {"loose-directory", "others can put another file in its place; 'namei -l' shows by which directory or link: chown that to root, and chmod go-w"},
	[VERDICT_NOT_REGULAR] = {"not-regular", "it is not a regular file"},
	[VERDICT_CHANGED_WHILE_READ] = {"changed-while-read", "it changed while it was read; push it again when it is at rest"},
	[VERDICT_RECORDS_NOT_STATED] = {"records-not-stated", "a bare pipe may end early unseen; state --records N, or push with -- COMMAND"},
	[VERDICT_COMMAND_FAILED] = {"command-failed", "the command failed, so nothing was pushed or kept"},
	[VERDICT_SPOOL_FULL] = {"spool-full", "the disk is too full to accept it; free space and push again"},
	[VERDICT_NO_SUCH_BUNDLE] = {"no-such-bundle", "there is no such bundle here; 'list' shows them"},
	[VERDICT_BAD_PROTOCOL] = {"bad-protocol", "the other side of the local socket broke the protocol; are both programs of one version?"},
	[VERDICT_WRONG_POLICY] = {"wrong-policy", "it was made under other rules than the route has now; push it again"},
	[VERDICT_TOO_FEW_APPROVALS] = {"too-few-approvals", "fewer officers stand for it than the route demands; ask the route's officers to 'approve'"},
	[VERDICT_ALREADY_APPROVED] = {"already-approved", "this officer has approved it already; it needs different officers"},
	[VERDICT_OWN_PUSH] = {"own-push", "who pushed it may not approve it on this route; another officer must"},
	[VERDICT_NOT_WAITING] = {"not-waiting", "it does not wait for anybody: it was released or refused before"},
	[VERDICT_CAP_REACHED] = {"cap-reached", "it would exceed what may leave on this route; push less, or tomorrow (UTC)"},
	[VERDICT_BEYOND_ORDER] = {"beyond-order", "it exceeds its standing order; people have to sign for it"},
	[VERDICT_REVOKED] = {"revoked", "this standing order was revoked; have a new one made and signed"},
	[VERDICT_BAD_ENTRY] = {"bad-entry", "a line of the ledger is not an entry; 'ledger verify' shows where"},
	[VERDICT_BAD_CHAIN] = {"bad-chain", "the ledger's entries do not follow one another; 'ledger verify' shows where"},
	[VERDICT_MISSING_ENTRIES] = {"missing-entries", "entries of the ledger are missing; 'ledger verify' shows where"},
	[VERDICT_WEAK_PASSPHRASE] = {"weak-passphrase", "the passphrase is or contains a number that others know; take words that have nothing to do with a person's papers"},
	[VERDICT_BAD_POLICY] = {"bad-policy", "the route's policy cannot be kept as it is written; have the registry corrected"},
	[VERDICT_AGAINST_POLICY] = {"against-policy", "the route's policy does not let it leave; take out or correct what the rule names, and push again"},
	[VERDICT_INFECTED] = {"infected", "the virus scanner found something in it, so nothing was sent; see SCANNING.md for what to do with the file"},
	[VERDICT_NOT_SCANNED] = {"not-scanned", "it could not be scanned for viruses, so nothing was sent; 'weir-sender check' shows what is wrong with the scanner"},
	[VERDICT_OTHER_REGISTRY] = {"other-registry", "it is the registry of another installation, or not the one in use; install the one that was made for this box"},
	[VERDICT_BAD_CODE] = {"bad-code", "a character of the resend code is wrong, missing or too many, or it is another installation's; have it read again"},
	[VERDICT_NOT_KEPT] = {"not-kept", "the sender does not keep it any more: its retention has ended; push the export again"},
	[VERDICT_NOT_SENT] = {"not-sent", "it has still to be sent, or waits for people; only what was sent can be purged"},
	[VERDICT_ALREADY_DELIVERED] = {"already-delivered", "the same push was delivered before, under another number; nothing is missing"},
	[VERDICT_ON_HOLD] = {"on-hold", "an investigation holds it; 'weir-inbox ledger holds' says which"},
};

const char *verdict_name(int verdict)
{
	if (verdict < 0 || verdict >= VERDICT_COUNT_END)
		return "unknown";
	return table[verdict].name;
}

int verdict_from_name(const char *name)
{
	for (int i = 0; i < VERDICT_COUNT_END; i++)
		if (strcmp(table[i].name, name) == 0)
			return i;
	return -ENOENT;
}

const char *verdict_explain(int result)
{
	/* it may have come from another process, and the lowest number has no positive one */
	if (result < -ERRNO_MAX || result >= VERDICT_COUNT_END)
		return "unknown";
	if (result < 0)
		return strerror(-result);
	return table[result].explanation;
}
