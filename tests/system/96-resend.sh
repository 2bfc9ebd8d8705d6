#!/usr/bin/env bash
# A bundle is lost, its resend code is read to the sender, and what the code names goes over the wire: that, and
# nothing else.  The idle link heals nothing here (system.sh), so that every datagram counts.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
link_start 1500
read -r k r _ < <("$build/tests/lib/failure" 114688 0 1500)
row_len=4096
relay_start --drop-row "2:0:0:$r" --hold "$tmp/hold" --rows "$tmp/rows"
site_make
key_new person outsider "$keys/outsider.key" --unprotected
key_new machine night-job "$keys/night-job.key" --unprotected
receiver_up
sender_up

resend() { outbox resend --config "$sender/sender.conf" --key "$keys/$person.key" "$@"; }
# missing NAME FILTER: what gaps says of one bundle.
missing() {
	inbox gaps --json --config "$receiver/receiver.conf" | jq -r --arg name "$1" ".missing[] | select(.name == \$name) | $2"
}
# tells NAME STATE: gaps says so, once keep has
tells() { [[ $(missing "$1" 'select(.resend).state') == "$2" ]]; }
is_sent() { [[ $(shown "$1" .state) == sent && $(shown "$1" .resends) == 0 ]]; }
# From here on the wire is counted.
mark() { marked=$(wc -l <"$tmp/rows"); }
# went ROUTEID NUMBER: "ROWS BYTES" since the mark; went_else: lines of anything but that and the registry
went() {
	tail -n "+$((marked + 1))" "$tmp/rows" | awk -v route="$1" -v number="$2" \
		'$1 == route && $2 == number { rows[$3 " " $4] = 1; bytes += $5 } END { print length(rows), bytes + 0 }'
}
went_else() {
	tail -n "+$((marked + 1))" "$tmp/rows" | awk -v route="$1" -v number="$2" \
		'$1 != 65535 && ($1 != route || $2 != number)' | wc -l
}
code_of() { # ROUTEID NUMBER BLOCK ROWS, by the independent writer
	(cd "$top/tests/independent" && python3 -S -B -c \
		'import resend, sys; print(resend.encode(*map(int, sys.argv[2:]), int(sys.argv[1], 16)))' "$epoch" "$@")
}

"$build/tests/lib/export" --random 60000 --seed "$SEED" >"$tmp/in"
push files "$tmp/in"
ok "bundle 1 is delivered" wait_delivered files-000001
push files "$tmp/in"
ok "bundle 2 has gone, and lacks a row more than can be repaired" until_true 20 tells files-000002 receiving
touch "$tmp/hold"
push files "$tmp/in"
ok "bundle 3 has gone" until_true 20 is_sent files-000003
rm "$tmp/hold"
ok "nothing of it has come" until_true 20 tells files-000003 promised
epoch=$(missing files-000003 .epoch)

released=$(date +%s)
part=$(missing files-000002 .resend) whole=$(missing files-000003 .resend)
note "codes: $part $whole"
is "the code of bundle 2 is for three further rows of its block: one that lacks, and two to spare" "$part" \
	"$(code_of 2 2 0 3)"
is "the code of bundle 3 is for a whole pass of all blocks" "$whole" "$(code_of 2 3 65535 0)"
is "gaps prints them for a person" "$(inbox gaps --config "$receiver/receiver.conf" | grep -cE "resend ($part|$whole)$")" 2

# ---- what is not sent ----
mark
wrong=${whole::1}$([[ ${whole:1:1} == 7 ]] && echo 8 || echo 7)${whole:2}
refused "a code with a wrong character is refused, with the next step" 1 "have it read again \[bad-code\]" resend "$wrong"
refused "so is one that lacks a character" 1 'bad-code' resend "${whole%?}"
refused "and what is no code at all" 1 'bad-code' resend "hello, world"
refused "a code of a block that the bundle does not have is not one that a receiver printed" 1 'bad-code' \
	resend "$(code_of 2 3 1 0)"
refused "a bundle that is not kept is to be pushed again" 1 'push the export again \[not-kept\]' \
	resend "$(code_of 2 99 65535 0)"
refused "also by name" 1 'push the export again \[not-kept\]' resend files-000099
refused "a code says block and rows itself" 2 'is a code' resend "$whole" --rows 3
refused "there is no second block" 1 'has blocks 0 to 0.*\[bad-limit\]' resend files-000003 --block 1
refused "nor so many further rows" 1 'further repair rows of each \[bad-limit\]' resend files-000003 --rows 255
refused "a key that the registry does not name has no say" 1 'unknown-key' \
	outbox resend --config "$sender/sender.conf" --key "$keys/outsider.key" "$whole"
refused "nor has a machine" 1 'machine|wrong-key|bad-type' \
	outbox resend --config "$sender/sender.conf" --key "$keys/night-job.key" "$whole"

# ---- what is ----
ok "the code of bundle 2 is carried out" resend "$part"
ok "bundle 2 is delivered" wait_delivered files-000002
ok "all that was asked for has gone" until_true 20 is_sent files-000002
is "three rows of it went over the wire" "$(went 2 2)" "3 $((3 * row_len))"
is "and of anything else nothing" "$(went_else 2 2)" 0
is "they are the last rows of the code" "$(tail -n "+$((marked + 1))" "$tmp/rows" | awk '$1 == 2 { print $4 }' | sort -nu | tr '\n' ' ')" \
	"$((2 * (k + r) - 3)) $((2 * (k + r) - 2)) $((2 * (k + r) - 1)) "
mark
ok "the code of bundle 3 is carried out, typed as somebody may type it" resend "$(tr 'A-Z-' 'a-z ' <<<"$whole")"
ok "bundle 3 is delivered" wait_delivered files-000003
ok "all that was asked for has gone" until_true 20 is_sent files-000003
is "a whole pass of it went over the wire" "$(went 2 3)" "$((k + r)) $((114688 + r * row_len))"
is "and of anything else nothing, again" "$(went_else 2 3)" 0
is "bundle 2 is the same bytes" "$(open_bundle files-000002 - | b2sum)" "$(b2sum <"$tmp/in")"
is "bundle 3 is the same bytes" "$(open_bundle files-000003 - | b2sum)" "$(b2sum <"$tmp/in")"
ok "nothing is missing any more" no_gaps

# ---- by name, by route and day ----
mark
is "rows of a bundle by its name" "$(resend files-000001 --block 0 --rows 2 2>&1)" \
	"files-000001: block 0, 2 further repair rows, 8.0 KiB, will be sent once more"
ok "they have gone" until_true 20 is_sent files-000001
is "two rows of it went over the wire" "$(went 2 1)" "2 $((2 * row_len))"
mark
is "all of a route's day" "$(resend --route files --day "$(date -u -d "@$released" +%F)" --json 2>&1 | jq -r '.[].name' | sort | tr '\n' ' ')" \
	"files-000001 files-000002 files-000003 "
for n in 1 2 3; do ok "bundle $n has gone" until_true 20 is_sent "files-00000$n"; done
is "three whole passes went" "$(went 2 1) $(went 2 2) $(went 2 3)" \
	"$(for n in 1 2 3; do echo "$((k + r)) $((114688 + r * row_len))"; done | paste -sd' ')"
refused "of a day on which nothing was released there is nothing" 1 'not-kept' resend --route files --day 2020-02-29
refused "a day is a day" 2 'day is a day' resend --route files --day 2020-02-30

# ---- who may, on a route with officers ----
seq 3 | sed '1i n' >"$tmp/three.csv"
push approved --records 3 "$tmp/three.csv"
id=$push_id
as_officer lin-jun approve "$id" >/dev/null && as_officer wu-ting approve "$id" >/dev/null
check $? "a bundle of a route with officers is released" || note "$pushed"
ok "and delivered" wait_delivered approved-000001
ok "and sent" until_true 20 is_sent approved-000001
refused "who is neither operator nor officer of the route may not" 1 'not-allowed' as_officer chen-yi resend approved-000001
ok "an officer may" as_officer lin-jun resend approved-000001
ok "it has gone" until_true 20 is_sent approved-000001

# ---- what waits is shown ----
kill -STOP "$(pid_of weir-emit)"
ok "a resend under way" resend files-000001
ok "and one behind it" resend files-000001 --block 0 --rows 1
is "asking once more changes nothing" "$(resend files-000001 --block 0 --rows 1 --json | jq -c '[.[] | .was_waiting]')" "[true]"
is "asking for more takes its place" "$(resend files-000001 --block 0 --json | jq -c '[.[] | .was_waiting]')" "[true]"
is "show tells of them" "$(shown files-000001 .resends)" 2
ok "so does list" grep -q 'files-000001 .*resend' <(outbox list --config "$sender/sender.conf")
kill -CONT "$(pid_of weir-emit)"
ok "they go" until_true 20 is_sent files-000001

# ---- an order counts once, for the connection that asked ----
cat >"$tmp/ask.py" <<'END'
import socket, struct, sys
import registry, suite
FIND, FOUND, RESEND, REFUSED, DONE = 29, 30, 31, 10, 17
def frame(kind, payload):
    return struct.pack("<IHH", len(payload), kind, 0) + payload
def answer(s):
    head = s.recv(8, socket.MSG_WAITALL)
    if len(head) < 8:
        return None, b""
    n, kind, _ = struct.unpack("<IHH", head)
    return kind, s.recv(n, socket.MSG_WAITALL) if n else b""
def connect():
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    return s
def find():
    s = connect()
    s.sendall(frame(FIND, b"files-000001"))
    kind, payload = answer(s)
    assert kind == FOUND and answer(s)[0] == DONE, kind
    return s, payload[:32]
(a, first), (b, second) = find(), find()
print("different" if first != second else "same")
key = registry.read_key(open(sys.argv[4], "rb").read())
order = struct.pack("<8sHHHBBQQIIQ32s16s32s", b"WEIRSEND", 1, 1, 2, 1, 0, int(sys.argv[2], 16), 1, 65535, 0,
                    int(sys.argv[3]), b"wang-mei", key.card.id, first)
order += struct.pack("<BBH", 1, 0, 64) + suite.sign("weir1 resend", order, key.secret)
for s in (b, connect(), a, a, connect()):
    try:
        s.sendall(frame(RESEND, order))
        kind, payload = answer(s)
        if kind not in (REFUSED, None):
            assert answer(s)[0] == DONE
    except OSError:
        kind = None
    print({REFUSED: "refused", None: "closed"}.get(kind, "taken"))
END
said=$(PYTHONPATH=$top/tests/independent python3 -B "$tmp/ask.py" "$runtime/sender/control.sock" "$epoch" \
	"$(date +%s)" "$keys/wang-mei.key" 2>&1)
is "a challenge is new each time, and an order signed for one counts for that connection, and once" \
	"$(tr '\n' ' ' <<<"$said")" "different refused refused taken closed refused "
ok "what was taken goes" until_true 20 is_sent files-000001

# ---- while an idle link heals ----
sender_down
sed -i 's/heal_percent = .*/heal_percent = 50/' "$sender/sender.conf"
sender_up
ok "what an idle link is healing is resent all the same" resend --route files --day "$(date -u -d "@$released" +%F)"
for n in 1 2 3; do ok "bundle $n has gone" until_true 20 is_sent "files-00000$n"; done
is "nothing failed on the link" "$(grep -c E1009 "$sender/log")" 0

# ---- the ledger ----
sender_down
entries() { cat "$sender"/spool/ledger/*.jsonl | jq -c "select(.event == \"$1\")" | jq -s "$2"; }
is "each resend that counted is in the ledger, and each that went" \
	"$(entries resend '[.[] | select(.result == "ok")] | length') $(entries resent length)" "15 13"
is "with the person and what it was" \
	"$(entries resend 'map(select(.result == "ok"))[0] | "\(.who.person) \(.bundle) \(.route_id) \(.number) \(.block) \(.rows)"')" \
	'"wang-mei files-000002 2 2 0 3"'
is "so are those that did not count" "$(entries resend '[.[] | select(.result != "ok") | .result] | unique | join(" ")')" \
	'"bad-signature not-allowed unknown-key"'
is "and what was no code" "$(entries command '[.[] | select(.verb == "resend" and .result == "bad-code")] | length')" 3
ok "the ledger verifies" outbox ledger verify --config "$sender/sender.conf"
relay_stop
nothing_came_back
done_testing
