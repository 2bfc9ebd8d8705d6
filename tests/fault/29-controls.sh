#!/usr/bin/env bash
# Negative controls: each takes one safeguard out of a copy of one source file, and a named test must fail then.  A
# test that passes without what it is there for would be no test; a safeguard that is not found here by its line
# any more needs its control mended.  That forgetting every fsync is noticed is shown by 20-power-cut.sh itself.
# Keeps a processor busy.
export TMPDIR=/dev/shm # none of these tests asks for a disk
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/mutant.sh
. "$(dirname "$0")/../lib/mutant.sh"
export TMPDIR=$tmp # a test that is cut off leaves its folder
cd "$top" || exit 1

# control WHAT TEST FILE SED: without WHAT, tests/unit/TEST.c fails.
control() {
	local mutant=$tmp/$tests_run said
	said=$(make_mutant "$3" "$4" "$mutant" 2>&1 && link_mutant "$mutant.t" "$mutant.o" \
		"$build/tests/unit/$2.o" "$build/tests/lib/tap.o" 2>&1) || {
		check 1 "$1: a program without it can be made"
		note "$said"
		return
	}
	# the first sentence that is not true any more is enough
	said=$(timeout 60 "$mutant.t" 2>/dev/null | grep -m 1 '^not ok')
	[[ -n $said ]]
	check $? "$1: without it tests/unit/$2.c fails"
	note "$said"
	rm -f "$mutant"*
}

# ---- one fsync each ----
control "every fsync" durable common/io.c 's/return fsync\(fd\) < 0 \? -errno : 0;/(void)fd; return 0;/'
control "fsync of a file before its name" durable common/io.c \
	'/^static int write_and_sync/,/^}/ s/result = io_fsync\(fd\);/result = 0;/'
control "fsync of the folder behind the name" durable common/io.c \
	'/^static int put_file/,/^}/ s/return io_fsync\(dir_fd\);/return 0;/'
control "fsync of a pushed body" durable sender/spool_change.c 's/result = io_fsync\(incoming->fd\);/result = 0;/'
control "fsync of the folder that a bundle moves to" durable sender/spool_change.c \
	'/^static int rename_new/,/^}/ s/int result = io_fsync\(.*/int result = 0;/'
control "fsync of the folder that a bundle comes from" durable sender/spool_change.c \
	'/^static int rename_new/,/^}/ s/: io_fsync\(.*;/: 0;/'
control "fsync of a release" durable sender/spool_change.c \
	'/^static int write_release/,/^}/ s/result = io_fsync\(fd\);/result = 0;/'
control "fsync of the counters" durable sender/numbers.c 's/result = io_fsync\(fd\);/result = 0;/'
control "fdatasync of the ledger" durable common/ledger.c 's/if \(fdatasync\(ledger->fd\) < 0\)/if (0)/'
control "fsync of the folder that a delivery moves to" durable receiver/vault.c 's/result = io_fsync\(to_dir\);/result = 0;/'
control "fsync of the folder that a delivery comes from" durable receiver/vault.c \
	's/result = io_fsync\(from_dir\);/result = 0;/'
control "fdatasync of what a map claims" durable receiver/partial.c 's/fdatasync\(fd\) < 0 \? -errno : 0/0/'

# ---- everything else ----
control "the tag of a datagram" receive receiver/receive.c \
	's/if \(!datagram_tag_is_right\(.*\)\) \{/if (0) {/'
control "the signature" suite common/suite.c \
	'/^int suite_verify/,/^}/ s/return .*VERDICT_BAD_SIGNATURE.*;/return VERDICT_OK;/'
control "the signature of pages and heartbeats" catalogue common/catalogue.c \
	's/return suite_verify\(message \+ signed_len,/return 0 \& suite_verify(message + signed_len,/'
control "the root of the content at delivery" intake receiver/accept.c 's/return VERDICT_BAD_ROOT;/return 0;/'
control "the root of the content at opening" unpack receiver/unpack.c 's/: VERDICT_BAD_ROOT;/: VERDICT_OK;/'
control "what is settled as lost is listed" intake receiver/intake_life.c \
	's/if \(lost_owes\(in->o.lost\) \|\| in->clerk.is_catalogue_owed\) \{/if (0) {/'
control "what is settled as named is in a complete generation" known receiver/known.c 's/if \(account_note\(known/if (account_name(known/'
control "what came before a power cut is not lost" intake receiver/intake_life.c \
	'/^static bool is_dealt_with/,/^}/ s/return vault/return 0 \&\& vault/'
control "what is not written holds what it came in" gather receiver/gather.c \
	'/^uint64_t gather_oldest/,/^}/ s/return gather->oldest;/return GATHER_NOTHING;/'
control "what is being written stays as it is" gather receiver/gather.c \
	's/if \(w != NULL && here == span->count\)/if (0)/; s/\(w->state == WINDOW_FLYING \|\| here > 0 /(here > 999999 /'
control "a window is hashed by what was noted" gather receiver/gather.c 's/if \(w->is_piece && is_noted\(w\)\)/if (w->is_piece)/'
control "the memory of what was delivered" intake receiver/vault.c \
	'/^int vault_is_delivered/,/^}/ s/return 1;/return 0;/'
control "a delivered bundle is not replaced" vault receiver/vault.c 's/, file, RENAME_NOREPLACE\) < 0\)/, file, 0) < 0)/'
control "the table of system calls" confine common/confine.c 's/result = seccomp_load\(filter\);/result = 0;/'
control "the quorum" judgement common/judgement.c 's/approvals >= route->quorum/1/'
control "nobody approves an own push" judgement common/judgement.c 's/return VERDICT_OWN_PUSH;/return VERDICT_OK;/'
control "suspension" registryrules common/registry.c 's/return VERDICT_SUSPENDED;/return VERDICT_OK;/'
control "expiry" registryrules common/registry.c 's/return at > expires \? VERDICT_EXPIRED : VERDICT_OK;/return VERDICT_OK;/'
control "an older registry is not taken" registry common/registry.c 's/return VERDICT_OLDER_REGISTRY;/return VERDICT_OK;/'
control "a number is kept" durable sender/sequences.c \
	's/int result = io_write_file\(s->dir_fd, sequence->route, .*;/int result = 0;/'
control "a counter is kept" spool sender/numbers.c 's/int result = save_counters\(counters\);/int result = 0;/'
control "the digest of a stored map" partial receiver/mapfile.c \
	's/memcmp\(digest, stored, sizeof\(digest\)\) != 0/0/'
control "one life of the machine" partial receiver/mapfile.c \
	's/memcmp\(f->live, wanted, sizeof\(wanted\)\) == 0/memcmp(f->live, wanted, 48) == 0/'
control "the chain of the ledger" ledgerverify common/ledgerverify.c 's/memcmp\([^;]*before[^;]*\) != 0/0/'
control "a torn end of the ledger is cut off" ledger common/ledgeropen.c 's/if \(torn > 0 && /if (0 \&\& /'
control "the limit of what is decompressed" compress common/compress.c 's/header.windowSize <= UINT64_C\(1\) << WINDOW_LOG_MAX/1/'
control "a spool that was put back is seen" lifeline sender/testimony.c 's/return is_back \? LAPSE_BACK : LAPSE_NONE;/return LAPSE_NONE;/'
control "a socket whose callers cannot be taken is left alone" acceptor common/acceptor.c \
	's/acceptor->again_ms = now_ms \+ acceptor->pause_ms;/;/'
control "nothing comes of what somebody asked who has left" porter common/channel.c \
	'/^bool channel_has_ended/,/^}/ s/return poll\(.*;/return false;/'
control "the mode of key files" key common/trusted.c 's/\? 0 : VERDICT_LOOSE_PERMISSIONS;/? 0 : 0;/'
control "the mode of directories on the way" trusted common/trusted.c 's/\? 0 : VERDICT_LOOSE_DIRECTORY;/? 0 : 0;/'
control "whose a link on the way is" trusted common/trusted.c '/^static int follow/,/^}/ s/if \(!is_ours\(st\)\)/if (false)/'
control "a second name among what others have made" trusted common/trusted.c 's/st_nlink > 1/st_nlink > 9/'
control "the mode of directories whose files count" trusted common/trusted.c '/^static int open_judged/,/^}/ s/result = fstat.*;/result = 0;/'
done_testing
