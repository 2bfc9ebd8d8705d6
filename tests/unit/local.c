#include "sender/local.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/verdict.h"
#include "sender/flow.h"
#include "tests/lib/night.h"
#include "tests/lib/endorse.h"
#include "tests/lib/tap.h"

/* One decoder under one signature, with where its bytes may not change unseen. */
struct format {
	const char *name;
	int (*decode)(const uint8_t *in, size_t len);
	const uint8_t *valid;
	size_t len;
	int longer; /* the verdict with a byte more; 0: any length may be right */
};

static int decode_push(const uint8_t *in, size_t len)
{
	struct local_push out;
	return local_push_decode(&out, in, len);
}

static int decode_member(const uint8_t *in, size_t len)
{
	struct local_member out;
	return local_member_decode(&out, in, len);
}

static int decode_end(const uint8_t *in, size_t len)
{
	uint64_t out;
	return local_end_decode(&out, in, len);
}

static int decode_finish(const uint8_t *in, size_t len)
{
	struct local_finish out;
	return local_finish_decode(&out, in, len);
}

static int decode_accepted(const uint8_t *in, size_t len)
{
	struct local_accepted out;
	return local_accepted_decode(&out, in, len);
}

static int decode_refused(const uint8_t *in, size_t len)
{
	struct local_refused out;
	return local_refused_decode(&out, in, len);
}

static int decode_commit(const uint8_t *in, size_t len)
{
	struct local_commit out;
	return local_commit_decode(&out, in, len);
}

static int decode_approve(const uint8_t *in, size_t len)
{
	struct local_approve out;
	return local_approve_decode(&out, in, len);
}

static int decode_deny(const uint8_t *in, size_t len)
{
	struct local_deny out;
	return local_deny_decode(&out, in, len);
}

static int decode_signature(const uint8_t *in, size_t len)
{
	struct signature out;
	return local_signature_decode(&out, in, len);
}

static int decode_item(const uint8_t *in, size_t len)
{
	struct local_item out;
	return local_item_decode(&out, in, len);
}

static int decode_order(const uint8_t *in, size_t len)
{
	struct local_order out;
	return local_order_decode(&out, in, len);
}

static int decode_revoked(const uint8_t *in, size_t len)
{
	struct local_revoked out;
	return local_revoked_decode(&out, in, len);
}

static int decode_done(const uint8_t *in, size_t len)
{
	uint32_t out;
	return local_done_decode(&out, in, len);
}

/* A payload of the wrong length is refused; one byte more or less, or any cut. */
static void lengths(const struct format *f)
{
	uint8_t longer[8192] = {0};
	size_t cuts_refused = 0;
	memcpy(longer, f->valid, f->len);
	for (size_t len = 0; len < f->len; len++) {
		uint8_t *exact = malloc(len + 1); /* so that a sanitizer sees a read behind it */
		memcpy(exact, f->valid, len);
		cuts_refused += f->decode(exact, len) != 0;
		free(exact);
	}
	is_number(f->decode(f->valid, f->len), 0, "a right %s is taken", f->name);
	if (f->longer != 0) {
		is_number((int64_t)cuts_refused, (int64_t)f->len, "every truncated %s is refused",
			  f->name);
		is_number(f->decode(longer, f->len + 1), f->longer,
			  "a %s with a byte more is refused", f->name);
	}
}

static void push_is_what_it_was(void)
{
	struct local_push in = {
		.route = "tax",
		.person = "wang-mei",
		.person_key = {1, 2, 3},
		.origin = LOCAL_PIPE,
		.has_records = true,
		.records = 77,
	};
	struct local_push out = {0};
	uint8_t bytes[LOCAL_PUSH_BYTES];
	local_push_encode(bytes, &in);
	struct format f = {"PUSH", decode_push, bytes, sizeof(bytes), VERDICT_BAD_PROTOCOL};
	lengths(&f);
	local_push_decode(&out, bytes, sizeof(bytes));
	is_text(out.route, "tax", "PUSH keeps the route");
	is_text(out.person, "wang-mei", "PUSH keeps the person");
	is_bytes(out.person_key, in.person_key, KEY_ID_BYTES, "PUSH keeps the key id");
	ok(out.origin == LOCAL_PIPE && out.has_records && out.records == 77,
	   "PUSH keeps origin and records");

	static const struct {
		size_t at;
		uint8_t value;
		int verdict;
		const char *what;
	} wrong[] = {
		{0, 'T', VERDICT_BAD_NAME, "a route that is no name"},
		{31, 'x', VERDICT_BAD_NAME, "a route without its end"},
		{32, 0, VERDICT_BAD_NAME, "no person"},
		{80, 'N', VERDICT_BAD_NAME, "a machine that is no name"},
		{112, 1, VERDICT_BAD_PROTOCOL, "the key of no machine"},
		{128, 3, VERDICT_BAD_PROTOCOL, "an unknown origin"},
		{129, 2, VERDICT_BAD_PROTOCOL, "a flag that is not 0 or 1"},
		{129, 0, VERDICT_BAD_PROTOCOL, "records that are given and not stated"},
		{130, 1, VERDICT_BAD_PROTOCOL, "a reserved byte, the first"},
		{135, 1, VERDICT_BAD_PROTOCOL, "a reserved byte, the last"},
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		uint8_t copy[LOCAL_PUSH_BYTES];
		memcpy(copy, bytes, sizeof(copy));
		copy[wrong[i].at] = wrong[i].value;
		struct local_push untouched = {.records = 5};
		is_number(local_push_decode(&untouched, copy, sizeof(copy)), wrong[i].verdict,
			  "PUSH with %s is refused", wrong[i].what);
		is_number((int64_t)untouched.records, 5, "and its output is left alone");
	}
}

static void push_of_a_machine(void)
{
	struct local_push in = {
		.route = "tax",
		.person = "wang-mei",
		.person_key = {1, 2, 3},
		.machine = "nightly",
		.machine_key = {4, 5, 6},
		.origin = LOCAL_COMMAND,
	};
	struct local_push out = {0};
	uint8_t bytes[LOCAL_PUSH_BYTES], proven[LOCAL_PROVEN_BYTES], challenge[LOCAL_CHALLENGE_BYTES];
	local_push_encode(bytes, &in);
	is_number(local_push_decode(&out, bytes, sizeof(bytes)), 0, "PUSH of a machine is read");
	is_text(out.machine, "nightly", "with the machine");
	is_bytes(out.machine_key, in.machine_key, KEY_ID_BYTES, "and its key id");
	is_text(out.person, "wang-mei", "beside the person who answers for it");
	memset(challenge, 0xc4, sizeof(challenge));
	local_proven(proven, &in, challenge);
	is_bytes(proven, bytes, sizeof(bytes), "a proof is of the push");
	is_bytes(proven + sizeof(bytes), challenge, sizeof(challenge), "and the challenge");
	is_text(local_proof_domain, "weir1 caller", "in a domain of its own");
}

static void signature_is_what_it_was(void)
{
	static const struct signature all[] = {{.algorithm = SIGNATURE_ED25519, .len = 64, .bytes = {1, 2, 3}},
					       {.algorithm = SIGNATURE_RSA_2048, .len = 256, .bytes = {4, 5, 6}}};
	for (size_t i = 0; i < 2; i++) {
		struct signature out = {0};
		uint8_t bytes[SIGNATURE_ENCODED_MAX];
		size_t len = local_signature_encode(bytes, &all[i]);
		is_number((int64_t)len, (int64_t)signature_encoded_len(&all[i]), "PROOF is a signature");
		struct format f = {"PROOF", decode_signature, bytes, len, VERDICT_BAD_PROTOCOL};
		lengths(&f);
		is_number(local_signature_decode(&out, bytes, len), 0, "it is read back");
		ok(out.algorithm == all[i].algorithm && out.len == all[i].len &&
			   memcmp(out.bytes, all[i].bytes, out.len) == 0,
		   "as it was");
		bytes[0] = 9;
		is_number(decode_signature(bytes, len), VERDICT_BAD_PROTOCOL,
			  "by an algorithm that is known");
	}
}

static void member_is_what_it_was(void)
{
	struct local_member in = {.mtime_s = -5, .mtime_ns = 999999999, .name = "表/戶籍.csv"}, out;
	uint8_t bytes[LOCAL_MEMBER_MAX];
	size_t len = local_member_encode(bytes, &in);
	struct format f = {"MEMBER", decode_member, bytes, len, 0};
	lengths(&f);
	is_number(local_member_decode(&out, bytes, len), 0, "MEMBER is read back");
	ok(out.mtime_s == -5 && out.mtime_ns == 999999999, "MEMBER keeps the time");
	is_text(out.name, in.name, "MEMBER keeps the name");
	is_number(decode_member(bytes, 12), VERDICT_BAD_NAME, "MEMBER without a name is refused");
	is_number(decode_member(bytes, 11), VERDICT_BAD_PROTOCOL, "MEMBER without its time is refused");
	bytes[12] = '/';
	is_number(decode_member(bytes, len), VERDICT_BAD_NAME, "an absolute name is refused");
	bytes[12] = 0;
	is_number(decode_member(bytes, len), VERDICT_BAD_NAME, "a zero in a name is refused");
	bytes[12] = 'a';
	bytes[8] = 0, bytes[9] = 0xca, bytes[10] = 0x9a, bytes[11] = 0x3b; /* 10^9 */
	is_number(decode_member(bytes, len), VERDICT_BAD_PROTOCOL, "10^9 nanoseconds are refused");
	uint8_t *large = calloc(1, LOCAL_MEMBER_MAX + 1);
	memset(large + 12, 'a', MEMBER_NAME_MAX + 1);
	for (size_t i = 12 + 200; i < LOCAL_MEMBER_MAX; i += 200)
		large[i] = '/';
	is_number(decode_member(large, LOCAL_MEMBER_MAX), 0, "a name of 4,096 bytes is taken");
	is_number(decode_member(large, LOCAL_MEMBER_MAX + 1), VERDICT_BAD_PROTOCOL,
		  "a name of 4,097 bytes is refused");
	free(large);
}

static void short_messages(void)
{
	uint8_t end[LOCAL_END_BYTES], finish[LOCAL_FINISH_BYTES];
	uint64_t bytes = 0;
	struct local_finish in = {.members = 3, .bytes = UINT64_MAX}, out = {0};
	local_end_encode(end, 1234567890123);
	local_finish_encode(finish, &in);
	struct format e = {"END", decode_end, end, sizeof(end), VERDICT_BAD_PROTOCOL};
	struct format f = {"FINISH", decode_finish, finish, sizeof(finish), VERDICT_BAD_PROTOCOL};
	lengths(&e);
	lengths(&f);
	local_end_decode(&bytes, end, sizeof(end));
	is_number((int64_t)bytes, 1234567890123, "END keeps the length");
	local_finish_decode(&out, finish, sizeof(finish));
	ok(out.members == 3 && out.bytes == UINT64_MAX, "FINISH keeps members and bytes");
}

static void accepted_is_what_it_was(void)
{
	struct local_accepted in = {
		.push_id = {9, 8, 7},
		.name = "tax-000123",
		.object_len = 49152,
		.content_len = 5,
		.members = 1,
		.records = 2,
	};
	struct local_accepted out = {0};
	uint8_t bytes[LOCAL_ACCEPTED_BYTES];
	local_accepted_encode(bytes, &in);
	struct format f = {"ACCEPTED", decode_accepted, bytes, sizeof(bytes), VERDICT_BAD_PROTOCOL};
	lengths(&f);
	local_accepted_decode(&out, bytes, sizeof(bytes));
	is_text(out.name, "tax-000123", "ACCEPTED keeps the name");
	ok(memcmp(out.push_id, in.push_id, PUSH_ID_BYTES) == 0 && out.object_len == 49152 &&
		   out.content_len == 5 && out.members == 1 && out.records == 2,
	   "ACCEPTED keeps the numbers");
	bytes[PUSH_ID_BYTES + BUNDLE_NAME_BYTES - 1] = 'x';
	is_number(decode_accepted(bytes, sizeof(bytes)), VERDICT_BAD_PROTOCOL,
		  "a name with something behind its end is refused");
	memset(bytes + PUSH_ID_BYTES, 'a', BUNDLE_NAME_BYTES);
	is_number(decode_accepted(bytes, sizeof(bytes)), VERDICT_BAD_PROTOCOL,
		  "a name without an end is refused");
	memset(bytes + PUSH_ID_BYTES, 0, BUNDLE_NAME_BYTES);
	is_number(decode_accepted(bytes, sizeof(bytes)), 0, "no name at all is taken: not released yet");
	bytes[PUSH_ID_BYTES] = 'T';
	is_number(decode_accepted(bytes, sizeof(bytes)), VERDICT_BAD_NAME,
		  "a name that is no bundle's is refused");
}

static void refused_is_what_it_was(void)
{
	uint8_t bytes[LOCAL_REFUSED_MAX];
	struct local_refused out = {0};
	size_t len = local_refused_encode(bytes, VERDICT_BAD_COUNT, "a \x1b[31m name");
	struct format f = {"REFUSED", decode_refused, bytes, len, VERDICT_BAD_PROTOCOL};
	lengths(&f);
	local_refused_decode(&out, bytes, len);
	is_number(out.result, VERDICT_BAD_COUNT, "REFUSED keeps the verdict");
	is_text(out.where, "a \x1b[31m name", "and what it is about, as it is");
	len = local_refused_encode(bytes, -ENOSPC, "");
	local_refused_decode(&out, bytes, len);
	is_number(out.result, -ENOSPC, "REFUSED keeps a failure of the environment");
	static const int wrong[] = {0, VERDICT_COUNT_END, 100000, -4096};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		len = local_refused_encode(bytes, wrong[i], "");
		is_number(decode_refused(bytes, len), VERDICT_BAD_PROTOCOL, "result %d is refused",
			  wrong[i]);
	}
	char longest[2 * LOCAL_WHERE_BYTES];
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	len = local_refused_encode(bytes, VERDICT_EXPIRED, longest);
	is_number((int64_t)len, LOCAL_REFUSED_MAX, "what is too long is cut");
	is_number(local_refused_decode(&out, bytes, len), 0, "and taken");
	is_number((int64_t)strlen(out.where), LOCAL_WHERE_BYTES, "with its end");
	bytes[10] = 0;
	is_number(decode_refused(bytes, len), VERDICT_BAD_PROTOCOL, "a zero inside is refused");
}

static void commit_is_what_it_was(void)
{
	struct local_commit in = {
		.statement = {
			.route = "tax",
			.person = "wang-mei",
			.created = 100,
			.destroy_by = 200,
			.registry_version = 7,
			.segments = 4,
			.manifest_segments = 1,
		},
	};
	struct local_commit out;
	static const uint8_t seed[SUITE_KEY_BYTES] = {0x5a};
	in.dossier.tally = (struct tally){1, 2, 3, 4};
	in.registry[5] = 0xa7;
	endorse_push(&in.dossier.endorsements, &in.statement, seed);
	uint8_t bytes[LOCAL_COMMIT_MAX];
	size_t len = local_commit_encode(bytes, &in);
	struct format f = {"COMMIT", decode_commit, bytes, len, VERDICT_TRAILING_BYTES};
	lengths(&f);
	is_number(local_commit_decode(&out, bytes, len), 0, "COMMIT is read back");
	ok(out.statement.segments == 4 && out.statement.registry_version == 7,
	   "COMMIT keeps the statement");
	is_bytes(out.registry, in.registry, sizeof(in.registry), "and by which registry it was sealed");
	ok(memcmp(&out.dossier.tally, &in.dossier.tally, sizeof(in.dossier.tally)) == 0, "what was counted");
	is_bytes(out.dossier.endorsements.bytes, in.dossier.endorsements.bytes, in.dossier.endorsements.len,
		 "and who stands for it");
	bytes[STATEMENT_BYTES + SUITE_DIGEST_BYTES] ^= 1;
	is_number(decode_commit(bytes, len), VERDICT_BAD_MAGIC, "a dossier that is none has its own verdict");
	bytes[0] ^= 1;
	is_number(decode_commit(bytes, len), VERDICT_BAD_MAGIC,
		  "a statement that is none has its own verdict");
	in.dossier.push_id[3] ^= 1;
	len = local_commit_encode(bytes, &in);
	is_number(decode_commit(bytes, len), VERDICT_BAD_PROTOCOL,
		  "the dossier of another push is refused");
}

static void approve_is_what_it_was(void)
{
	struct local_approve in = {
		.push_id = {9, 8, 7},
		.approval = {
			.type = ENDORSEMENT_APPROVAL,
			.person = "tseng-yu",
			.key_id = {1},
			.at = 1000,
			.signature = {.algorithm = SIGNATURE_RSA_2048, .len = 256, .bytes = {5}},
		},
	};
	struct local_approve out = {0};
	uint8_t bytes[LOCAL_APPROVE_MAX];
	size_t len = local_approve_encode(bytes, &in);
	is_number((int64_t)len, PUSH_ID_BYTES + 4 + 56 + 260, "the largest APPROVE fits");
	ok(len <= LOCAL_APPROVE_MAX, "into what is set aside for it");
	struct format f = {"APPROVE", decode_approve, bytes, len, VERDICT_TRAILING_BYTES};
	lengths(&f);
	is_number(local_approve_decode(&out, bytes, len), 0, "APPROVE is read back");
	is_bytes(out.push_id, in.push_id, PUSH_ID_BYTES, "with the push id");
	ok(out.approval.type == ENDORSEMENT_APPROVAL && out.approval.at == 1000 &&
		   strcmp(out.approval.person, "tseng-yu") == 0 && out.approval.signature.bytes[0] == 5,
	   "and the approval");
	bytes[PUSH_ID_BYTES + 4] = 'T';
	is_number(decode_approve(bytes, len), VERDICT_BAD_NAME, "an approval that is none has its own verdict");
}

static struct local_deny make_deny(const char *reason)
{
	struct local_deny deny = {
		.push_id = {9, 8, 7},
		.refusal = {
			.person = "tseng-yu",
			.key_id = {1},
			.at = 1000,
			.signature = {.algorithm = SIGNATURE_ED25519, .len = 64, .bytes = {5}},
		},
	};
	snprintf(deny.refusal.reason, sizeof(deny.refusal.reason), "%s", reason);
	return deny;
}

static void deny_is_what_it_was(void)
{
	enum { AT_REASON_LEN = PUSH_ID_BYTES + NAME_BYTES + KEY_ID_BYTES + 8, AT_REASON = AT_REASON_LEN + 2 };
	struct local_deny in = make_deny("欄位太多"), out = {0};
	uint8_t bytes[LOCAL_DENY_MAX], changed[LOCAL_DENY_MAX];
	size_t len = local_deny_encode(bytes, &in);
	struct format f = {"DENY", decode_deny, bytes, len, VERDICT_BAD_PROTOCOL};
	lengths(&f);
	is_number(local_deny_decode(&out, bytes, len), 0, "DENY is read back");
	is_bytes(out.push_id, in.push_id, PUSH_ID_BYTES, "with the push id");
	is_text(out.refusal.person, "tseng-yu", "the officer");
	is_text(out.refusal.reason, "欄位太多", "the reason");
	ok(out.refusal.at == 1000 && out.refusal.key_id[0] == 1 && out.refusal.signature.bytes[0] == 5,
	   "time, key and signature");
	static const struct {
		size_t at;
		uint8_t value;
		int verdict;
		const char *what;
	} wrong[] = {
		{PUSH_ID_BYTES, 'T', VERDICT_BAD_NAME, "an officer that is no name"},
		{AT_REASON_LEN, 11, VERDICT_BAD_PROTOCOL, "a reason that is shorter"},
		{AT_REASON_LEN + 1, 2, VERDICT_BAD_PROTOCOL, "a reason beyond the end"},
		{AT_REASON + 1, 0, VERDICT_BAD_PROTOCOL, "a zero in the reason"},
		{AT_REASON + 1, 'x', VERDICT_BAD_PROTOCOL, "a reason that is no UTF-8"},
		{AT_REASON + 12, 9, VERDICT_BAD_PROTOCOL, "an unknown algorithm"},
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		memcpy(changed, bytes, len);
		changed[wrong[i].at] = wrong[i].value;
		is_text(verdict_name(decode_deny(changed, len)), verdict_name(wrong[i].verdict),
			"DENY with %s is refused", wrong[i].what);
	}
	in = make_deny("");
	len = local_deny_encode(bytes, &in);
	is_number(decode_deny(bytes, len), VERDICT_BAD_PROTOCOL, "a refusal has a reason");
	char longest[REASON_BYTES_MAX + 1];
	memset(longest, 'x', REASON_BYTES_MAX);
	longest[REASON_BYTES_MAX] = 0;
	in = make_deny(longest);
	in.refusal.signature = (struct signature){.algorithm = SIGNATURE_RSA_2048, .len = 256};
	len = local_deny_encode(bytes, &in);
	is_number((int64_t)len, LOCAL_DENY_MAX, "the largest DENY fits");
	is_number(local_deny_decode(&out, bytes, len), 0, "and is read");
	is_number((int64_t)strlen(out.refusal.reason), REASON_BYTES_MAX, "with all of its reason");
	uint8_t larger[LOCAL_DENY_MAX + 1];
	memcpy(larger, bytes, AT_REASON);
	larger[AT_REASON_LEN] = (uint8_t)(REASON_BYTES_MAX + 1);
	larger[AT_REASON] = 'x';
	memcpy(larger + AT_REASON + 1, bytes + AT_REASON, len - AT_REASON);
	is_number(decode_deny(larger, len + 1), VERDICT_BAD_PROTOCOL, "a reason of 401 bytes is refused");
}

static int decode_found(const uint8_t *in, size_t len)
{
	struct local_resend_found out;
	return local_resend_found_decode(&out, in, len);
}

static int decode_taken(const uint8_t *in, size_t len)
{
	struct local_resend_taken out;
	return local_resend_taken_decode(&out, in, len);
}

static void resends_are_what_they_were(void)
{
	const struct local_resend_found in = {
		.challenge = {9}, .name = "tax-000123", .route = "tax", .epoch = 5,
		.what = {1, 123, 2, 17}, .by_code = true, .blocks = 3, .further_rows = 17,
	};
	struct local_resend_found out = {.blocks = 0};
	uint8_t bytes[LOCAL_RESEND_FOUND_BYTES], again[LOCAL_RESEND_FOUND_BYTES];
	local_resend_found_encode(bytes, &in);
	struct format f = {"RESEND_FOUND", decode_found, bytes, sizeof(bytes), VERDICT_BAD_PROTOCOL};
	lengths(&f);
	is_number(local_resend_found_decode(&out, bytes, sizeof(bytes)), 0, "RESEND_FOUND is read");
	local_resend_found_encode(again, &out);
	is_bytes(again, bytes, sizeof(again), "RESEND_FOUND encodes to the same bytes again");
	ok(out.epoch == 5 && out.what.route_id == 1 && out.what.number == 123 && out.what.block == 2 &&
	   out.what.rows == 17 && out.by_code && out.blocks == 3 && out.further_rows == 17, "and keeps every number");
	static const struct {
		size_t at;
		uint8_t value;
		int verdict;
	} cases[] = {
		{32, '/', VERDICT_BAD_NAME},       {32 + 55, 'x', VERDICT_BAD_NAME}, {88, ' ', VERDICT_BAD_NAME},
		{128, 0, VERDICT_BAD_PROTOCOL},    {138, 18, VERDICT_BAD_PROTOCOL},  {139, 2, VERDICT_BAD_PROTOCOL},
		{140, 3, VERDICT_BAD_PROTOCOL},    {144, 0, VERDICT_BAD_PROTOCOL},   {146, 1, VERDICT_BAD_PROTOCOL},
		{151, 1, VERDICT_BAD_PROTOCOL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memcpy(again, bytes, sizeof(again));
		again[cases[i].at] = cases[i].value;
		is_number(decode_found(again, sizeof(again)), cases[i].verdict, "RESEND_FOUND with another byte %zu is refused",
			  cases[i].at);
	}
	uint8_t taken[LOCAL_RESEND_TAKEN_BYTES];
	struct local_resend_taken got = {0};
	local_resend_taken_encode(taken, &(struct local_resend_taken){12345, true});
	struct format t = {"RESEND_TAKEN", decode_taken, taken, sizeof(taken), VERDICT_BAD_PROTOCOL};
	lengths(&t);
	ok(local_resend_taken_decode(&got, taken, sizeof(taken)) == 0 && got.bytes == 12345 && got.was_there,
	   "RESEND_TAKEN is what it was");
	taken[8] = 2;
	is_number(decode_taken(taken, sizeof(taken)), VERDICT_BAD_PROTOCOL, "it was there or not");
	taken[8] = 0;
	taken[15] = 1;
	is_number(decode_taken(taken, sizeof(taken)), VERDICT_BAD_PROTOCOL, "and the rest is zero");
}

static void item_is_what_it_was(void)
{
	struct local_item in = {
		.push_id = {1},
		.name = "tax-000001",
		.route = "tax",
		.person = "wang-mei",
		.created = 1,
		.released_at = 2,
		.destroy_by = 3,
		.registry_version = 4,
		.object_len = 5,
		.sent_bytes = 6,
		.total_bytes = 7,
		.passes_done = 8,
		.passes = 9,
		.content_len = 10,
		.members = 11,
		.records = 12,
		.root = {0xaa},
		.state = LOCAL_SENDING,
		.approvals = 1,
		.quorum = 2,
		.held_for = -28,
		.resends = 13,
	};
	struct local_item out = {0};
	uint8_t bytes[LOCAL_ITEM_BYTES];
	local_item_encode(bytes, &in);
	struct format f = {"ITEM", decode_item, bytes, sizeof(bytes), VERDICT_BAD_PROTOCOL};
	lengths(&f);
	local_item_decode(&out, bytes, sizeof(bytes));
	uint8_t again[LOCAL_ITEM_BYTES];
	local_item_encode(again, &out);
	is_bytes(again, bytes, sizeof(again), "ITEM encodes to the same bytes again");
	ok(out.created == 1 && out.released_at == 2 && out.destroy_by == 3 &&
		   out.registry_version == 4 && out.object_len == 5 && out.sent_bytes == 6 &&
		   out.total_bytes == 7 && out.passes_done == 8 && out.passes == 9 &&
		   out.content_len == 10 && out.members == 11 && out.records == 12 &&
		   out.state == LOCAL_SENDING && out.approvals == 1 && out.quorum == 2 &&
		   out.held_for == -28 && out.resends == 13,
	   "ITEM keeps every number");
	is_text(out.person, "wang-mei", "ITEM keeps the person");
	static const uint8_t states[] = {0, LOCAL_WAITING + 1, 255};
	for (size_t i = 0; i < sizeof(states); i++) {
		bytes[LOCAL_ITEM_BYTES - 12] = states[i];
		is_number(decode_item(bytes, sizeof(bytes)), VERDICT_BAD_PROTOCOL,
			  "state %u is refused", states[i]);
	}
	bytes[LOCAL_ITEM_BYTES - 12] = LOCAL_WAITING;
	is_number(decode_item(bytes, sizeof(bytes)), 0, "one that waits for people is taken");
	bytes[LOCAL_ITEM_BYTES - 9] = WAITS_FOR_PERSON + 1;
	is_number(decode_item(bytes, sizeof(bytes)), VERDICT_BAD_PROTOCOL,
		  "one that waits for anybody else is refused");
	bytes[LOCAL_ITEM_BYTES - 9] = WAITS_FOR_PERSON;
	bytes[LOCAL_ITEM_BYTES - 5] = 0x7f;
	is_number(decode_item(bytes, sizeof(bytes)), VERDICT_BAD_PROTOCOL,
		  "and so is a reason that is none");
	static const char *const names[] = {"held", "ready", "sending", "sent", "waiting"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		is_text(local_state_name((enum local_state)(LOCAL_HELD + i)), names[i], "state %zu has a name",
			i + 1);
}

static void order_is_what_it_was(void)
{
	struct night night;
	struct local_order in = {.is_revoked = true, .released_today = 77}, out = {.is_revoked = false};
	uint8_t bytes[LOCAL_ORDER_MAX], again[LOCAL_ORDER_MAX];
	night_make(&night, "");
	in.order = night_release(&night, 5);
	size_t len = local_order_encode(bytes, &in);
	struct format f = {"ORDER", decode_order, bytes, len, VERDICT_TRAILING_BYTES};
	lengths(&f);
	is_number(local_order_decode(&out, bytes, len), 0, "ORDER is read back");
	ok(out.is_revoked && out.released_today == 77, "ORDER keeps what is said of the order");
	ok(local_order_encode(again, &out) == len && memcmp(again, bytes, len) == 0, "and the order");
	bytes[0] = 2;
	is_number(decode_order(bytes, len), VERDICT_BAD_PROTOCOL, "a flag that is not 0 or 1 is refused");
	bytes[0] = 0;
	bytes[3] = 1;
	is_number(decode_order(bytes, len), VERDICT_BAD_PROTOCOL, "so is a reserved byte");
	bytes[3] = 0;
	bytes[8] = 'w';
	is_number(decode_order(bytes, len), VERDICT_BAD_MAGIC, "an order that is none has its own verdict");
	night_end(&night);
}

static void revoked_is_what_it_was(void)
{
	struct local_revoked in = {{1, 2}, "tax", "wang-mei", 77}, out;
	uint8_t bytes[LOCAL_REVOKED_BYTES], done[LOCAL_DONE_BYTES];
	uint32_t count = 0;
	local_revoked_encode(bytes, &in);
	struct format f = {"REVOKED", decode_revoked, bytes, sizeof(bytes), VERDICT_BAD_PROTOCOL};
	lengths(&f);
	is_number(local_revoked_decode(&out, bytes, sizeof(bytes)), 0, "REVOKED is read back");
	is_bytes(&out, &in, sizeof(in), "as it was");
	bytes[ORDER_ID_BYTES] = 'T';
	is_number(decode_revoked(bytes, sizeof(bytes)), VERDICT_BAD_NAME, "a route that is no name is refused");
	memset(in.person, 0, sizeof(in.person));
	local_revoked_encode(bytes, &in);
	is_number(decode_revoked(bytes, sizeof(bytes)), 0, "nobody may be known to have revoked it");
	bytes[ORDER_ID_BYTES + NAME_BYTES + 1] = 'x';
	is_number(decode_revoked(bytes, sizeof(bytes)), VERDICT_BAD_NAME, "but not half a name");
	local_done_encode(done, 4000000000);
	struct format d = {"DONE", decode_done, done, sizeof(done), VERDICT_BAD_PROTOCOL};
	lengths(&d);
	ok(local_done_decode(&count, done, sizeof(done)) == 0 && count == 4000000000, "DONE keeps how many");
}

static void show_takes_names(void)
{
	char out[LOCAL_KEYWORD_BYTES];
	static const char *const good[] = {"tax-000123", "00ff", "x"};
	static const char *const bad[] = {"", "TAX", "a b", "../x", "a\n", "\xe6\x88\xb6"};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		is_number(local_show_decode(out, (const uint8_t *)good[i], strlen(good[i])), 0,
			  "SHOW takes '%s'", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_number(local_show_decode(out, (const uint8_t *)bad[i], strlen(bad[i])),
			  VERDICT_BAD_PROTOCOL, "SHOW refuses text %zu", i + 1);
	uint8_t large[LOCAL_KEYWORD_BYTES];
	memset(large, 'a', sizeof(large));
	is_number(local_show_decode(out, large, sizeof(large)), VERDICT_BAD_PROTOCOL,
		  "SHOW refuses what is too long");
	is_number(local_show_decode(out, large, sizeof(large) - 1), 0, "and takes the longest");
}

static bool views(struct inflow *in, const uint8_t *wanted, size_t len)
{
	const uint8_t *payload;
	return inflow_payload(in, &payload) == 0 && memcmp(payload, wanted, len) == 0;
}

/* So many bytes at a time. */
static bool takes(struct inflow *in, const uint8_t *wanted, size_t len, size_t step)
{
	uint8_t *got = malloc(len + 1);
	bool good = got != NULL;
	for (size_t at = 0, now; good && at < len; at += now) {
		now = len - at < step ? len - at : step;
		good = inflow_take(in, got + at, now) == 0;
	}
	good = good && memcmp(got, wanted, len) == 0;
	free(got);
	return good;
}

/* Frames of random lengths through a socket, sent by a child, arrive as they were. */
static void frames_pass(uint64_t seed)
{
	int pair[2];
	enum { FRAMES = 400 };
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	uint8_t *data = malloc(CHANNEL_BYTES_MAX);
	uint64_t fill = seed;
	test_random_bytes(&fill, data, CHANNEL_BYTES_MAX);
	if (fork() == 0) {
		struct outflow *out;
		uint64_t state = seed;
		close(pair[0]);
		int result = outflow_new(&out, pair[1]);
		for (int i = 0; i < FRAMES && result == 0; i++) {
			size_t max = i % 50 == 0 ? CHANNEL_BYTES_MAX : 3000;
			size_t len = i == 50 ? max : test_random(&state) % (max + 1);
			result = outflow_add(out, (uint16_t)i, data, len);
		}
		_exit(result == 0 && outflow_flush(out) == 0 ? 0 : 1);
	}
	close(pair[1]);
	struct inflow *in;
	uint64_t state = seed;
	size_t right = 0;
	if (inflow_new(&in, pair[0]) != 0)
		abort();
	for (int i = 0; i < FRAMES; i++) {
		size_t max = i % 50 == 0 ? CHANNEL_BYTES_MAX : 3000;
		size_t wanted = i == 50 ? max : test_random(&state) % (max + 1);
		uint16_t type;
		size_t len;
		right += inflow_begin(in, &type, &len) == 0 && type == i && len == wanted &&
			 (i % 3 == 0 ? views(in, data, len) : takes(in, data, len, 1 + (size_t)i * 100));
	}
	is_number((int64_t)right, FRAMES, "frames of all lengths arrive whole and in order, also straight where they shall lie");
	uint16_t type;
	const uint8_t *payload;
	size_t len;
	is_number(inflow_next(in, &type, &payload, &len), -EPIPE, "the end between frames is -EPIPE");
	inflow_free(in);
	free(data);
	close(pair[0]);
}

static int first_of(const void *bytes, size_t count)
{
	int pair[2];
	struct inflow *in;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 ||
	    write(pair[1], bytes, count) != (ssize_t)count || inflow_new(&in, pair[0]) != 0)
		abort();
	close(pair[1]);
	uint16_t type;
	const uint8_t *payload;
	size_t len;
	int result = inflow_next(in, &type, &payload, &len);
	inflow_free(in);
	close(pair[0]);
	return result;
}

/* The header says how much will come. */
static void a_payload_is_taken_piece_by_piece(void)
{
	int pair[2];
	struct inflow *in;
	uint16_t type = 0;
	uint8_t got[4];
	size_t len = 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 || inflow_new(&in, pair[0]) != 0 ||
	    write(pair[1], "\6\0\0\0\5\0\0\0abcd", 12) != 12)
		abort();
	is_number(inflow_begin(in, &type, &len), 0, "a header is taken before its payload is there");
	ok(type == 5 && len == 6, "and says what will come");
	is_number(inflow_take(in, got, 4), 0, "what is there is taken");
	is_bytes(got, "abcd", 4, "as it is");
	close(pair[1]);
	is_number(inflow_take(in, got, 2), VERDICT_TRUNCATED, "what does not come any more is cut");
	inflow_free(in);
	close(pair[0]);
}

static void bad_frames_are_refused(void)
{
	a_payload_is_taken_piece_by_piece();
	is_number(first_of("\1\0\0\0\5\0\0\0x", 9), 0, "a frame of one byte is taken");
	is_number(first_of("\1\0\0\0\5\0\0\0", 8), VERDICT_TRUNCATED, "a frame without its payload is cut");
	is_number(first_of("\1\0\0", 3), VERDICT_TRUNCATED, "a header that ends early is cut");
	is_number(first_of("\1\0\0\0\5\0\1\0x", 9), VERDICT_BAD_PROTOCOL,
		  "a header whose last field is not zero is refused");
	is_number(first_of("\1\0\x10\0\5\0\0\0", 8), VERDICT_BAD_PROTOCOL,
		  "a payload of a byte more than the limit is refused before it comes");
}

static void reserve_and_commit(void)
{
	int pair[2];
	struct outflow *out;
	uint8_t *room, frame[CHANNEL_HEADER_BYTES + 5];
	size_t size;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 ||
	    outflow_new(&out, pair[1]) != 0)
		abort();
	is_number(outflow_reserve(out, &room, &size), 0, "room for a payload is given");
	ok(size >= 65536, "at least 64 KiB of it");
	memcpy(room, "hello", 5);
	outflow_commit(out, 7, 5);
	is_number(outflow_flush(out), 0, "what was committed is sent");
	is_number(read(pair[0], frame, sizeof(frame)), sizeof(frame), "as a frame");
	is_bytes(frame, "\5\0\0\0\7\0\0\0hello", sizeof(frame), "with its header");
	close(pair[0]);
	is_number(outflow_add(out, 1, "x", 1), 0, "a frame waits in memory");
	is_number(outflow_flush(out), -EPIPE, "a peer that has gone is a result, not a signal");
	is_number(outflow_add(out, 1, "x", 1), -EPIPE, "which stays");
	is_number(outflow_reserve(out, &room, &size), -EPIPE, "for every call");
	outflow_free(out);
	close(pair[1]);
	outflow_free(NULL);
	inflow_free(NULL);
}

int main(void)
{
	suite_start();
	push_is_what_it_was();
	push_of_a_machine();
	signature_is_what_it_was();
	member_is_what_it_was();
	short_messages();
	accepted_is_what_it_was();
	refused_is_what_it_was();
	commit_is_what_it_was();
	approve_is_what_it_was();
	deny_is_what_it_was();
	item_is_what_it_was();
	resends_are_what_they_were();
	order_is_what_it_was();
	revoked_is_what_it_was();
	show_takes_names();
	frames_pass(test_seed());
	bad_frames_are_refused();
	reserve_and_commit();
	return done_testing();
}
