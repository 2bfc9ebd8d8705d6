/*
 * local: the messages between weir-outbox, weir-seal and weir-hold over local sockets (channel.h).
 *
 * outbox -> seal (seal.sock):   PUSH; PROOF (a signature, signature.h) after CHALLENGE; then for each member
 *                               MEMBER, DATA…, END; then FINISH.
 * seal -> outbox:               CHALLENGE (32 random bytes) after PUSH, READY after PROOF; SIGN with the statement after FINISH;
 *                               ACCEPTED or REFUSED at the end; REFUSED at any time.
 * outbox -> seal:               ENDORSEMENT (one record, endorsement.h) after SIGN.
 * seal -> hold (intake.sock):   INTAKE (who calls), BODY…, COMMIT (statement, registry and dossier); or at any time NOTE:
 *                               that seal has refused the push, and why, for the ledger.
 * hold -> seal:                 READY after INTAKE; ACCEPTED or REFUSED.
 * outbox -> hold (control.sock): LIST, SHOW, APPROVE, DENY; answers ITEM…, then DONE, or REFUSED.  CASE asks for
 *                               what an officer decides on; answers CASE, BODY… (the manifest segments), DONE.
 *                               ORDER_LOAD (ORDER.md) and ORDER_REVOKE (SPOOL.md 5) answer DONE;
 *                               ORDER_LIST answers ORDER…, REVOKED…, DONE.
 *                               RESEND_FIND (a resend code, or a bundle's name) answers RESEND_FOUND, DONE; then on the
 *                               same connection RESEND (RESEND.md 6), which answers RESEND_TAKEN, DONE.
 *                               Nothing comes of a question whose asker has left before it was read.
 *
 * Payloads are little-endian, encoded with cursor.h.  Every decoder is total: it gives 0 and fills its
 * output, or VERDICT_BAD_PROTOCOL (VERDICT_BAD_NAME for a name that is none) and leaves it alone.
 * READY, LIST have no payload; DATA and BODY are nothing but bytes, at least one.
 */
#ifndef WEIR_LOCAL_H
#define WEIR_LOCAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bundle.h"
#include "common/channel.h"
#include "common/judgement.h"
#include "common/manifest.h"
#include "resendorder.h"
#include "spool.h"

#define SEAL_SOCKET "seal.sock"
#define INTAKE_SOCKET "intake.sock"
#define CONTROL_SOCKET "control.sock"

enum local_type {
	LOCAL_PUSH = 1,
	LOCAL_MEMBER,
	LOCAL_DATA,
	LOCAL_END,
	LOCAL_FINISH,
	LOCAL_SIGN,
	LOCAL_ENDORSEMENT,
	LOCAL_READY,
	LOCAL_ACCEPTED,
	LOCAL_REFUSED,
	LOCAL_INTAKE,
	LOCAL_BODY,
	LOCAL_COMMIT,
	LOCAL_LIST,
	LOCAL_SHOW,
	LOCAL_ITEM,
	LOCAL_DONE,
	LOCAL_CHALLENGE,
	LOCAL_PROOF,
	LOCAL_APPROVE,
	LOCAL_DENY,
	LOCAL_CASE,
	LOCAL_ORDER_LOAD,
	LOCAL_ORDER_LIST,
	LOCAL_ORDER_REVOKE,
	LOCAL_ORDER,
	LOCAL_NOTE,
	LOCAL_REVOKED,
	LOCAL_RESEND_FIND,
	LOCAL_RESEND_FOUND,
	LOCAL_RESEND,
	LOCAL_RESEND_TAKEN,
};

/* Where an export comes from: a bare pipe may end early unseen. */
enum local_origin { LOCAL_FILES = 0, LOCAL_PIPE = 1, LOCAL_COMMAND = 2 };

enum {
	LOCAL_PUSH_BYTES = 144,
	LOCAL_CHALLENGE_BYTES = 32,
	LOCAL_MEMBER_MAX = 12 + MEMBER_NAME_MAX,
	LOCAL_END_BYTES = 8,
	LOCAL_FINISH_BYTES = 16,
	LOCAL_CALLER_BYTES = 12 + LOCAL_PUSH_BYTES,
	LOCAL_NOTE_MAX = LOCAL_CALLER_BYTES + 6 + 512,
	LOCAL_COMMIT_MAX = STATEMENT_BYTES + SUITE_DIGEST_BYTES + DOSSIER_BYTES_MAX,
	LOCAL_PROVEN_BYTES = LOCAL_PUSH_BYTES + LOCAL_CHALLENGE_BYTES,
	LOCAL_APPROVE_MAX = PUSH_ID_BYTES + 64 + SIGNATURE_ENCODED_MAX,
	LOCAL_DENY_MAX = PUSH_ID_BYTES + NAME_BYTES + KEY_ID_BYTES + 10 + REASON_BYTES_MAX +
			 SIGNATURE_ENCODED_MAX,
	LOCAL_ACCEPTED_BYTES = PUSH_ID_BYTES + BUNDLE_NAME_BYTES + 32,
	LOCAL_WHERE_BYTES = 512,
	LOCAL_REFUSED_MAX = 6 + LOCAL_WHERE_BYTES,
	LOCAL_ITEM_BYTES = 276,
	LOCAL_DONE_BYTES = 4,
	LOCAL_RESEND_FOUND_BYTES = RESEND_CHALLENGE_BYTES + BUNDLE_NAME_BYTES + NAME_BYTES + 32,
	LOCAL_RESEND_TAKEN_BYTES = 16,
	LOCAL_ORDER_MAX = 8 + ORDER_BYTES_MAX,
	LOCAL_REVOKED_BYTES = ORDER_ID_BYTES + 2 * NAME_BYTES + 8,
	LOCAL_KEYWORD_BYTES = BUNDLE_NAME_BYTES, /* of SHOW, with its zero */
};

/*
 * PUSH: route name32, person name32, key id, machine name32 and key id (zero but under a standing order),
 * u8 origin, u8 whether records are stated, 6 reserved bytes, u64 records stated (0 when not).
 */
struct local_push {
	char route[NAME_BYTES];
	char person[NAME_BYTES]; /* under a standing order, who signed it */
	uint8_t person_key[KEY_ID_BYTES];
	char machine[NAME_BYTES]; /* "" when the person pushes */
	uint8_t machine_key[KEY_ID_BYTES];
	enum local_origin origin;
	bool has_records;
	uint64_t records;
};

/*
 * What PROOF signs, under local_proof_domain: the payload of PUSH and the challenge.  It shows that whoever
 * calls has the key, before a worker and room in the spool are spent on the push.
 */
extern const char local_proof_domain[];
void local_proven(uint8_t out[static LOCAL_PROVEN_BYTES], const struct local_push *push,
		  const uint8_t challenge[static LOCAL_CHALLENGE_BYTES]);
/* A signature that is all of a payload. */
size_t local_signature_encode(uint8_t out[static SIGNATURE_ENCODED_MAX], const struct signature *signature);
int local_signature_decode(struct signature *out, const uint8_t *in, size_t len);

/* MEMBER: i64 and u32 modification time, the name. */
struct local_member {
	int64_t mtime_s;
	uint32_t mtime_ns;
	char name[MEMBER_NAME_MAX + 1];
};

/* END: u64 bytes of the member.  FINISH: u64 members, u64 bytes of all of them. */
struct local_finish {
	uint64_t members;
	uint64_t bytes;
};

/* ACCEPTED: push id, bundle name (56 bytes, zero-filled; empty when not yet released), then u64s. */
struct local_accepted {
	uint8_t push_id[PUSH_ID_BYTES];
	char name[BUNDLE_NAME_BYTES];
	uint64_t object_len;
	uint64_t content_len; /* these three: 0 from hold, filled in by seal */
	uint64_t members;
	uint64_t records;
};

/* REFUSED: i32 result, u16 length, and the bytes of what it is about ("" for the push as a whole). */
struct local_refused {
	int result; /* never 0 */
	char where[LOCAL_WHERE_BYTES + 1]; /* raw: whoever shows it escapes it */
};

/* INTAKE: u32 uid and i32 pid of the caller, u8 whether it has shown its key, 3 reserved bytes, the payload of PUSH. */
struct local_caller {
	uint32_t uid;
	int32_t pid;
	bool is_proven;
	struct local_push push; /* zeros when it was not read */
};

/* NOTE: the caller, then the payload of REFUSED. */
struct local_note {
	struct local_caller caller;
	struct local_refused refused;
};

/* COMMIT: the statement, the digest of the registry's file, and the dossier with the endorsement of the push. */
struct local_commit {
	struct statement statement;
	uint8_t registry[SUITE_DIGEST_BYTES]; /* by whose rules it was sealed; of CASE, zeros */
	struct dossier dossier;
};

/* APPROVE: the push id and one endorsement record.  DENY: push id, name32, key id, u64 time, u16 length and bytes of the reason, signature. */
struct local_approve {
	uint8_t push_id[PUSH_ID_BYTES];
	struct endorsement approval;
};
struct local_deny {
	uint8_t push_id[PUSH_ID_BYTES];
	struct refusal refusal;
};

enum local_state {
	LOCAL_HELD = 1,  /* durable, no number yet */
	LOCAL_READY_TO_SEND,
	LOCAL_SENDING,
	LOCAL_SENT,
	LOCAL_WAITING,   /* for people */
	LOCAL_STATE_END
};

/*
 * ITEM: the fields of the struct in their order, names zero-filled, u8 state, approvals, quorum and waits,
 * i32 held_for, u32 resends.
 */
struct local_item {
	uint8_t push_id[PUSH_ID_BYTES];
	char name[BUNDLE_NAME_BYTES]; /* "" when it has no number */
	char route[NAME_BYTES];
	char person[NAME_BYTES];
	uint64_t created;
	uint64_t released_at;
	uint64_t destroy_by;
	uint64_t registry_version;
	uint64_t object_len;
	uint64_t sent_bytes;  /* of this pass, with repair rows */
	uint64_t total_bytes;
	uint64_t passes_done;
	uint64_t passes;
	uint64_t content_len;
	uint64_t members;
	uint64_t records;
	uint8_t root[SUITE_DIGEST_BYTES];
	enum local_state state;
	uint8_t approvals;   /* that it has, or was released with */
	uint8_t quorum;      /* of its route now */
	enum waits waits;    /* for whom, in state LOCAL_WAITING */
	int held_for;        /* verdict or -errno: why it is not released, in states LOCAL_HELD and LOCAL_WAITING */
	uint32_t resends;    /* that people have asked for and that have not gone whole */
};

/* ORDER: u8 whether it is revoked, 3 reserved bytes, u32 bundles released under it today (UTC), the order. */
struct local_order {
	bool is_revoked;
	uint32_t released_today;
	struct order order;
};

/* REVOKED: order id, route name32, person name32 (empty when it is not known any more), u64 time. */
struct local_revoked {
	uint8_t order_id[ORDER_ID_BYTES];
	char route[NAME_BYTES];
	char person[NAME_BYTES];
	uint64_t at;
};

/*
 * RESEND_FOUND: challenge, bundle name (56 bytes), route name32, u64 epoch, u64 number, u16 route id, u8 rows,
 * u8 whether a code was given, u32 block, u32 blocks, u8 further rows, 3 reserved bytes.
 */
struct local_resend_found {
	uint8_t challenge[RESEND_CHALLENGE_BYTES];
	char name[BUNDLE_NAME_BYTES];
	char route[NAME_BYTES];
	uint64_t epoch;
	struct resendcode what; /* of a name: all blocks, a whole pass */
	bool by_code;
	uint32_t blocks;        /* that the bundle has */
	uint8_t further_rows;   /* of each */
};

/* RESEND_TAKEN: u64 bytes of payload that are to go, u8 whether the same was waiting before, 7 reserved bytes. */
struct local_resend_taken {
	uint64_t bytes;
	bool was_there;
};

/* DONE: u32 how many items were given or, after ORDER_LOAD, released. */
void local_done_encode(uint8_t out[static LOCAL_DONE_BYTES], uint32_t count);
int local_done_decode(uint32_t *count, const uint8_t *in, size_t len);

void local_push_encode(uint8_t out[static LOCAL_PUSH_BYTES], const struct local_push *push);
int local_push_decode(struct local_push *out, const uint8_t *in, size_t len);
/* Gives the number of bytes; the name has at most MEMBER_NAME_MAX. */
size_t local_member_encode(uint8_t out[static LOCAL_MEMBER_MAX], const struct local_member *member);
int local_member_decode(struct local_member *out, const uint8_t *in, size_t len);
void local_end_encode(uint8_t out[static LOCAL_END_BYTES], uint64_t bytes);
int local_end_decode(uint64_t *bytes, const uint8_t *in, size_t len);
void local_finish_encode(uint8_t out[static LOCAL_FINISH_BYTES], const struct local_finish *finish);
int local_finish_decode(struct local_finish *out, const uint8_t *in, size_t len);
void local_accepted_encode(uint8_t out[static LOCAL_ACCEPTED_BYTES],
			   const struct local_accepted *accepted);
int local_accepted_decode(struct local_accepted *out, const uint8_t *in, size_t len);
/* Gives the number of bytes; a longer `where` is cut. */
size_t local_refused_encode(uint8_t out[static LOCAL_REFUSED_MAX], int result, const char *where);
int local_refused_decode(struct local_refused *out, const uint8_t *in, size_t len);
void local_caller_encode(uint8_t out[static LOCAL_CALLER_BYTES], const struct local_caller *caller);
int local_caller_decode(struct local_caller *out, const uint8_t *in, size_t len);
size_t local_note_encode(uint8_t out[static LOCAL_NOTE_MAX], const struct local_note *note);
int local_note_decode(struct local_note *out, const uint8_t *in, size_t len);
/* Gives the number of bytes. */
size_t local_commit_encode(uint8_t out[static LOCAL_COMMIT_MAX], const struct local_commit *commit);
/* Also the verdicts of statement_decode and dossier_decode.  CASE has the same payload. */
int local_commit_decode(struct local_commit *out, const uint8_t *in, size_t len);
void local_item_encode(uint8_t out[static LOCAL_ITEM_BYTES], const struct local_item *item);
int local_item_decode(struct local_item *out, const uint8_t *in, size_t len);
/* SHOW: a push id in hex or a bundle name; letters, digits and '-' only. */
int local_show_decode(char out[static LOCAL_KEYWORD_BYTES], const uint8_t *in, size_t len);

size_t local_approve_encode(uint8_t out[static LOCAL_APPROVE_MAX], const struct local_approve *approve);
int local_approve_decode(struct local_approve *out, const uint8_t *in, size_t len);
size_t local_deny_encode(uint8_t out[static LOCAL_DENY_MAX], const struct local_deny *deny);
int local_deny_decode(struct local_deny *out, const uint8_t *in, size_t len);

/* Gives the number of bytes. */
size_t local_order_encode(uint8_t out[static LOCAL_ORDER_MAX], const struct local_order *order);
/* Also the verdicts of order_decode. */
int local_order_decode(struct local_order *out, const uint8_t *in, size_t len);
void local_revoked_encode(uint8_t out[static LOCAL_REVOKED_BYTES], const struct local_revoked *revoked);
int local_revoked_decode(struct local_revoked *out, const uint8_t *in, size_t len);

void local_resend_found_encode(uint8_t out[static LOCAL_RESEND_FOUND_BYTES], const struct local_resend_found *found);
int local_resend_found_decode(struct local_resend_found *out, const uint8_t *in, size_t len);
void local_resend_taken_encode(uint8_t out[static LOCAL_RESEND_TAKEN_BYTES], const struct local_resend_taken *taken);
int local_resend_taken_decode(struct local_resend_taken *out, const uint8_t *in, size_t len);

/* Sends REFUSED. */
int local_refuse(int fd, int result, const char *where);

/* "held", "ready", "sending", "sent", "waiting" */
const char *local_state_name(enum local_state state);

#endif
