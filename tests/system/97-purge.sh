#!/usr/bin/env bash
# What was sent is removed from the spool before its time, by a person's signed order: only that, counted, and written
# down.  A receiver that did not have it yet learns that it will not come.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
link_start 1500
relay_start --hold "$tmp/hold" --rows "$tmp/rows"
site_make
receiver_up
sender_up

purge() { outbox purge --config "$sender/sender.conf" --key "$keys/$person.key" "$@"; }
missing() { inbox gaps --json --config "$receiver/receiver.conf" | jq -r ".missing[] | select(.name == \"$1\").state"; }
is_missing() { [[ $(missing "$1") == "${2:-promised}" ]]; }
is_named_no_more() { [[ -z $(missing "$1") ]]; }
is_sent() { [[ $(shown "$1" .state) == sent ]]; }
is_ready() { [[ $(shown "$1" .state) == ready ]]; }
kept() { outbox list --json --config "$sender/sender.conf" | jq -r '.[] | select(.route != "registry" and .name != null) | .name' | sort | xargs; }
entries() { cat "$sender"/spool/ledger/*.jsonl | jq -c "select(.event == \"removed\" and ($1))" | jq -sc "$2"; }

"$build/tests/lib/export" --random 60000 --seed "$SEED" >"$tmp/in"
for n in 1 2; do
	push files "$tmp/in"
	ok "bundle $n is delivered" wait_delivered "files-00000$n"
	ok "and sent" until_true 20 is_sent "files-00000$n"
done
touch "$tmp/hold"
push files "$tmp/in"
ok "bundle 3 has gone" until_true 20 is_sent files-000003
rm "$tmp/hold"
ok "and nothing of it has come" until_true 20 is_missing files-000003
seq 3 | sed '1i n' >"$tmp/three.csv"
push approved --records 3 "$tmp/three.csv"
for officer in lin-jun wu-ting; do as_officer "$officer" approve "$push_id" >/dev/null; done
ok "a bundle of a route with officers is sent" until_true 20 is_sent approved-000001
push approved --records 3 "$tmp/three.csv"
is "another waits for them" "$(shown "$push_id" .state)" waiting
waiting=$push_id
kill -STOP "$(pid_of weir-emit)"
push files "$tmp/in"
ok "bundle 4 is ready" is_ready files-000004
all="approved-000001 files-000001 files-000002 files-000003 files-000004"

# ---- what removes nothing ----

said=$(purge files-000001 --count 2 2>&1)
is "another number removes nothing" "$?" 1
like "it shows what would go, and how large it is" "$said" "files-000001 +[0-9.]+ KiB  released 20.*1 bundle, [0-9.]+ KiB, would be removed"
like "and says that the number is wrong" "$said" "not that of the bundles, 1; nothing is removed \[bad-count\]"
purge files-000001 >/dev/null 2>&1 </dev/null
is "nor does none, where nobody can type one" "$?" 2
said=$("$top/tests/lib/on-terminal" 3 "$build/weir-outbox" purge files-000001 --config "$sender/sender.conf" --key "$keys/$person.key")
is "a wrong number may be typed, too" "$? $(grep -c bad-count <<<"$said")" "1 1"
refused "what is ready has still to be sent" 1 'only what was sent can be purged \[not-sent\]' purge files-000004 --count 1
refused "what waits has no name" 1 'no-such-bundle' purge approved-000002 --count 1
refused "nor is it among what a route has sent before" 1 'nothing that was sent is meant: .*\[no-such-bundle\]' \
	purge --route approved --before 2020-01-01 --count 1
refused "names and a route do not go together" 2 'say which' purge files-000001 --route files --count 1
refused "a time is a time" 2 'is a time' purge --before yesterday --count 1
said=$(person=chen-yi purge approved-000001 --count 1 2>&1)
is "who is neither operator nor officer of the route may not" "$? $(grep -c "'approved-000001': .*\[not-allowed\]" <<<"$said")" "1 1"
key_new person "$person" "$tmp/stranger.key" --unprotected
said=$(outbox purge files-000001 --count 1 --config "$sender/sender.conf" --key "$tmp/stranger.key" 2>&1)
is "nor a key that the registry does not name" "$? $(grep -c "\[unknown-key\]" <<<"$said")" "1 1"
is "all are still here" "$(kept)" "$all"

# ---- weir-hold judges by itself ----

cat >"$tmp/ask.py" <<'END'
import socket, struct, sys
import registry, suite
FIND, FOUND, RESEND, REFUSED = 29, 30, 31, 10
def frame(kind, payload):
    return struct.pack("<IHH", len(payload), kind, 0) + payload
def answer(s):
    n, kind, _ = struct.unpack("<IHH", s.recv(8, socket.MSG_WAITALL))
    return kind, s.recv(n, socket.MSG_WAITALL) if n else b""
key = registry.read_key(open(sys.argv[4], "rb").read())
for name, number, kind, rows in (("files-000004", 4, 1, 0), ("files-000001", 1, 1, 1), ("files-000001", 1, 2, 0)):
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    s.sendall(frame(FIND, name.encode()))
    found, payload = answer(s)
    assert found == FOUND
    answer(s)
    order = struct.pack("<8sHHHBBQQIIQ32s16s32s", b"WEIRSEND", 1, 1, 2, rows, kind, int(sys.argv[2], 16), number, 65535, 0,
                        int(sys.argv[3]), b"wang-mei", key.card.id, payload[:32])
    order += struct.pack("<BBH", 1, 0, 64) + suite.sign("weir1 resend", order, key.secret)
    s.sendall(frame(RESEND, order))
    said, payload = answer(s)
    print("refused" if said == REFUSED else "taken")
END
epoch=$(cat "$sender/spool/epoch")
said=$(PYTHONPATH=$top/tests/independent python3 -B "$tmp/ask.py" "$runtime/sender/control.sock" "$epoch" \
	"$(date +%s)" "$keys/wang-mei.key" 2>&1)
is "what is ready, a part of a bundle, and an order of no kind are refused" "$(xargs <<<"$said")" "refused refused refused"
is "and removed nothing" "$(kept)" "$all"

# ---- what is removed ----

said=$(purge files-000003 files-000003 --count 1 2>/dev/null)
is "what a receiver does not have is purged" "$?" 0
like "which is told in a line" "$said" "^1 bundle, [0-9.]+ KiB: removed from the spool; the ledger has an entry for each$"
kill -CONT "$(pid_of weir-emit)"
ok "the receiver is told that it is no longer offered" until_true 20 \
	grep -q "E2014.*'files-000003' is no longer offered.*nothing of it had come" "$receiver/log"
ok "and waits for it no more" until_true 20 is_named_no_more files-000003
ok "gaps names it as no longer offered, until somebody says that it is known" \
	grep -qE "files-000003 +lost for good +the sender no longer offers it" <(inbox gaps --config "$receiver/receiver.conf")
ok "which somebody does" inbox gaps --acknowledge files-000003 --config "$receiver/receiver.conf" \
	--key "$keys/$person.key"
ok "what was ready comes" wait_delivered files-000004
ok "and is sent" until_true 20 is_sent files-000004
"$top/tests/lib/on-terminal" 1 "$build/weir-outbox" purge files-000004 --config "$sender/sender.conf" --key "$keys/$person.key" >"$tmp/typed"
is "the number may be typed" "$?" 0
refused "what is gone cannot be purged" 1 'no-such-bundle' purge files-000004 --count 1
ok "an officer of the route may purge" as_officer lin-jun purge approved-000001 --count 1
is "the rest is here" "$(kept)" "files-000001 files-000002"
is "what was removed leaves its day's count" "$(find "$sender/spool/spent" -type f | wc -l)" 3
is "and neither file nor dossier" "$(find "$sender"/spool/{ready,sent,dossier} -type f -printf '%f\n' | grep -c .)" \
	"$((2 + 1 + 4))"

# ---- while an idle link heals, and something is asked for ----

sender_down
sed -i 's/heal_percent = .*/heal_percent = 50/' "$sender/sender.conf"
sender_up
marked=$(wc -l <"$tmp/rows")
heals() { tail -n "+$((marked + 1))" "$tmp/rows" | grep -q '^2 1 '; }
ok "the idle link heals" until_true 20 heals
is "which changes no state" "$(shown files-000001 .state)" sent
kill -STOP "$(pid_of weir-emit)"
ok "a resend is under way" outbox resend files-000001 --config "$sender/sender.conf" --key "$keys/$person.key"
is "all of a route, released before a time, as JSON" \
	"$(purge --route files --before "$(date -u -d tomorrow +%F)" --count 2 --json 2>/dev/null | jq -r '.[] | "\(.name) \(.route) \(.person)"' | sort | xargs)" \
	"files-000001 files wang-mei files-000002 files wang-mei"
kill -CONT "$(pid_of weir-emit)"
is "nothing is left" "$(kept)" ""
push files "$tmp/in"
ok "the link goes on" wait_delivered files-000005
is "nothing failed on it" "$(grep -c E1009 "$sender/log")" 0
is "what was delivered stays" "$(compgen -G "$receiver/vault/bundles/*/*.weir" | grep -oE '(files|approved)-[0-9]+' | sort | xargs)" \
	"approved-000001 files-000001 files-000002 files-000004 files-000005"
ok "nothing is missing" no_gaps
is "a push that waited waits" "$(shown "$waiting" .state)" waiting

# ---- the ledger ----

sender_down
is "each purge is in the ledger, with who" "$(entries '.result == "ok"' 'map("\(.bundle) \(.how) \(.who.person)") | sort | join(", ")')" \
	'"approved-000001 purge lin-jun, files-000001 purge wang-mei, files-000002 purge wang-mei, files-000003 purge wang-mei, files-000004 purge wang-mei"'
is "so are those that were refused" "$(entries '.result != "ok"' 'map("\(.number) \(.result) \(.who.person)") | sort | join(", ")')" \
	'"1 not-allowed chen-yi, 1 unknown-key wang-mei, 4 not-sent wang-mei"'
ok "the ledger verifies" outbox ledger verify --config "$sender/sender.conf"
like "and says it in words" "$(outbox ledger show --config "$sender/sender.conf" --event removed 2>&1)" "a bundle was removed from the spool"
relay_stop
nothing_came_back
done_testing
