#!/usr/bin/env bash
# weir-sender link-test and weir-receiver link-test: a limit on the way is found, and so are losses, outages and sizes;
# who comes late, alone or twice is told so.  Counts on time.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
((EUID == 0)) || {
	skip "a link test measures a link" "network namespaces need root"
	done_testing
}
splitter=yes
link_start 9000
link_mtu=1500
site_make

# Layers are watched as in a box in use; a relay takes the place of the neighbour.
watch_layers() {
	"${at_receiver[@]}" "$build/weir-link" run --config "$receiver/receiver.conf" >"$tmp/link-r" 2>&1 &
	on_exit "kill $! 2>/dev/null; wait $! 2>/dev/null"
	"${at_sender[@]}" "$build/weir-link" run --config "$sender/sender.conf" >"$tmp/link-s" 2>&1 &
	on_exit "kill $! 2>/dev/null; wait $! 2>/dev/null"
}
watch_layers

# test_begin NAME [OPTION…]: a receiver that waits; test_send NAME OPTION…: the sender; test_end NAME: both are done.
# Their sheets are $tmp/NAME.r and $tmp/NAME.s, as JSON; their exit codes $received and $sent.
test_begin() {
	"${at_receiver[@]}" "$build/weir-receiver" link-test --config "$receiver/receiver.conf" --json "${@:2}" \
		>"$tmp/$1.r" 2>"$tmp/$1.r.log" &
	listener=$!
	on_exit "kill $listener 2>/dev/null"
	until_true 20 grep -qs waits "$tmp/$1.r.log" || note "$(cat "$tmp/$1.r.log")"
}
test_send() {
	in_sender "$build/weir-sender" link-test --config "$sender/sender.conf" --json --yes "${@:2}" \
		>"$tmp/$1.s" 2>"$tmp/$1.s.log"
	sent=$?
}
test_end() {
	wait "$listener"
	received=$?
	note "$1: $(cat "$tmp/$1.r.log")"
}
whole_test() {
	test_begin "$1"
	test_send "$@"
	test_end "$1"
}
key_print() { key_card "$1" | sed -n 's/^; fingerprint //p' | cut -c 1-23; }
found() { jq -r "$2" "$tmp/$1.r"; }
# between NAME LOW FILTER HIGH: what was found lies there
between() { found "$1" "($3) as \$it | if \$it >= $2 and \$it <= $4 then \"yes\" else \"\\(\$it)\" end"; }

# ---- a limit of 3 Gbit/s before the receiver ----

if tc -n "$ns_splitter" qdisc add dev port1 root tbf rate 3gbit burst 80k limit 128k 2>"$tmp/tc"; then
	test_begin cap --report "$tmp/cap.sheet" --svg "$tmp/cap.svg"
	test_send cap --from "700 Mbit/s" --to "6 Gbit/s" --steps 6 --seconds 0.3 --sizes 1500 --report "$tmp/cap.sent"
	test_end cap
	is "the sender ends well" "$sent" 0
	is "the link is accepted" "$received $(found cap .accepted)" "0 true"
	is "a limit of 3 Gbit/s is found within 10 %" "$(between cap 2700000000 .knee_bits_per_s 3300000000)" yes
	note "capacity $(found cap .capacity_bits_per_s), clean $(found cap .clean_bits_per_s); steps:"
	note "$(found cap '.steps[] | "\(.packet_bytes) B \(.rate_bits_per_s) offered \(.offered_bits_per_s) through \(.goodput_bits_per_s) lost \(.lost_per_million) ppm \(.where)"')"
	is "less than that is recommended" "$(between cap 1000000000 .recommended.rate_bits_per_s 2640000000)" yes
	is "what was lost was lost before this box" "$(found cap '.steps[-1].where')" before
	ok "the picture is well-formed XML" python3 -c "import sys, xml.dom.minidom as x; x.parse(sys.argv[1])" "$tmp/cap.svg"
	is "and has no script, and nothing from elsewhere" \
		"$(grep -cE '<script|href|url\(|@import' "$tmp/cap.svg")" 0
	test_id=$(found cap .test_id)
	is "both sheets name the same test" "$(grep -c "$test_id" "$tmp/cap.sheet" "$tmp/cap.sent" | cut -d: -f2 | tr '\n' ' ')" "1 1 "
	for what in "ACCEPTED at" "Signature" "rate = " "mtu = 1500" "repair_percent = " "survive_outage_ms = " \
		"$(key_print "$keys/outside-1.key")" "$(key_print "$keys/link.key")" "driver veth" "Linux $(uname -r)"; do
		ok "the receiver's sheet says '$what'" grep -qF "$what" "$tmp/cap.sheet"
	done
	for what in "Signature" "All 7 steps were sent" "$(key_print "$keys/inside-1.key")" "driver veth"; do
		ok "the sender's sheet says '$what'" grep -qF "$what" "$tmp/cap.sent"
	done
	is "no line of a sheet is wider than a page, nor ends with blanks" "$(python3 -c 'import sys, unicodedata as u
for line in open(sys.argv[1]).readlines() + open(sys.argv[2]).readlines():
    if sum(2 if u.east_asian_width(c) in "WF" else 1 for c in line.rstrip("\n")) > 80 or line != line.rstrip() + "\n": print(line)' "$tmp/cap.sheet" "$tmp/cap.sent")" ""
	refused "a sheet is never written over" 3 "cannot be made there" \
		in_receiver "$build/weir-receiver" link-test --config "$receiver/receiver.conf" --report "$tmp/cap.sheet"
	tc -n "$ns_splitter" qdisc del dev port1 root
else
	skip "a limit of 3 Gbit/s is found within 10 %" "this kernel has no tbf: $(cat "$tmp/tc")"
fi

# ---- packets of more than 4,000 bytes do not pass; then they do ----

ip -n "$ns_splitter" link set port1 mtu 4000
ip -n "$ns_sender" link set "$device" gso_max_segs 1 # a bridge lets trains pass, whatever their size
whole_test small --from "200 Mbit/s" --to "200 Mbit/s" --steps 1 --seconds 0.2 --sizes 1500,4000,9000
is "packets of 9,000 bytes do not pass, those of 4,000 are recommended" \
	"$(found small '.steps[2].received, .recommended.mtu' | tr '\n' ' ')" "0 4000 "
ip -n "$ns_splitter" link set port1 mtu 9000
whole_test again --from "200 Mbit/s" --to "200 Mbit/s" --steps 1 --seconds 0.2 --sizes 1500,9000
is "a second test finds what the first did not: larger packets pass" "$(found again .recommended.mtu)" 9000
is "and nothing is lost" "$(found again '[.steps[].lost] | add')" 0
ok "it is another one" test "$(found again .test_id)" != "${test_id:-}"

# ---- nobody, somebody else, somebody late ----

test_begin nobody --wait 1
wait $listener
is "when nobody sends, the receiver gives up, without a sheet" "$? $(wc -c <"$tmp/nobody.r")" "3 0"
like "and says so" "$(cat "$tmp/nobody.r.log")" "nothing of a link test came in 1 s; is the fibre in"
key_new link other "$keys/other-link.key" --unprotected
mkdir "$runtime/other" "$runtime/twin"
sed "s|link.key|other-link.key|; s|$runtime/sender|$runtime/other|; s|^absent.*||; s|^interface.*|absent = all|" \
	"$sender/sender.conf" >"$sender/other.conf"
sed "s|$runtime/sender|$runtime/twin|; s|^absent.*||; s|^interface.*|absent = all|" "$sender/sender.conf" >"$sender/twin.conf"
chmod 600 "$sender/other.conf" "$sender/twin.conf"
aside() { # NAME OPTION…: another sender beside, of that configuration
	"${at_sender[@]}" "$build/weir-sender" link-test --config "$sender/$1.conf" --json --yes "${@:2}" >"$tmp/$1.s" 2>&1 &
	beside=$!
}
test_begin forged --wait 3
aside other --from "10 Mbit/s" --to "10 Mbit/s" --steps 1 --seconds 0.1 --sizes 1500
test_end forged
wait $beside
is "under another link key nothing of it counts" "$received" 3
like "and the receiver says why" "$(cat "$tmp/forged.r.log")" "the link keys of both boxes differ"

# A test under way is not disturbed by one under another key, nor by one under the same.
test_begin beside
aside other --from "20 Mbit/s" --to "20 Mbit/s" --steps 1 --seconds 1 --sizes 1500
until_true 20 grep -q take "$tmp/other.s"
in_sender "$build/weir-sender" link-test --config "$sender/sender.conf" --json --yes --from "50 Mbit/s" --to "80 Mbit/s" --steps 2 \
	--seconds 0.5 --sizes 1500 >"$tmp/beside.s" 2>"$tmp/beside.s.log" &
first=$!
# came BYTES: so many have come in since `before`
heard() { in_receiver cat "/sys/class/net/$device/statistics/rx_bytes"; }
before=$(heard)
came() { (($(heard) > before + $1)); }
until_true 20 came 2000000
aside twin --from "20 Mbit/s" --to "20 Mbit/s" --steps 1 --seconds 0.1
wait $first $beside
test_end beside
is "a test is not disturbed by forged datagrams, nor by another test" "$received $(found beside '[.steps[].lost] | add')" "0 0"
note "$(found beside .not_counted)"
is "which are counted" "$(found beside '.not_counted | .bad_tag > 100 and .other_test > 0')" true

# Whoever begins to listen late knows by the first datagram what was missed.
in_sender "$build/weir-sender" link-test --config "$sender/sender.conf" --json --yes --from "50 Mbit/s" --to "50 Mbit/s" --steps 2 \
	--seconds 0.4 --sizes 1500 >"$tmp/late.s" 2>"$tmp/late.s.log" &
first=$!
before=$(heard)
until_true 20 came 3000000
test_begin late
wait $first
test_end late
is "a receiver that was started late does not accept" "$received $(found late '.accepted, .steps[0].heard' | tr '\n' ' ')" "4 false false "
like "and says what it missed" "$(found late .reason)" "^steps? 1( to [0-9])? of 3 (was|were) missed; the receiver was started late"

# ---- stopped in the middle, and away for longer than the socket's buffer lasts ----

cp "$receiver/receiver.conf" "$receiver/usual.conf"
sed -i 's/^port = .*/&\nsocket_buffer_mib = 1/' "$receiver/receiver.conf"
test_begin stopped
"${at_sender[@]}" "$build/weir-sender" link-test --config "$sender/sender.conf" --json --yes --from "100 Mbit/s" --to "100 Mbit/s" \
	--steps 2 --seconds 60 --sizes 1500 >"$tmp/stopped.s" 2>"$tmp/stopped.s.log" &
first=$!
before=$(heard)
until_true 20 came 1000000
kill -STOP $listener
until_true 20 came 8000000
kill -CONT $listener
until_true 20 came 10000000
kill -INT $first
wait $first
is "a sender that is stopped says so" "$? $(jq '.planned, (.steps | length)' "$tmp/stopped.s" | tr '\n' ' ')" "3 3 1 "
kill -INT $listener
test_end stopped
is "so does a receiver, and tells what it measured" "$received $(found stopped '.steps[0].received > 500 and .steps[0].end_heard')" "4 true"
like "and which steps are missing" "$(found stopped .reason)" "^steps 2 to 3 of 3 were missed; the sender fell silent"
is "what its socket had no room for it puts down to the socket" \
	"$(found stopped '.steps[0] | .lost > 1000 and .where == "socket" and .socket_drops > 0')" true
cp "$receiver/usual.conf" "$receiver/receiver.conf"

# ---- what a lossy way does ----

relay_start --loss 10 --damage 1 --lose-beats 1000 --reorder 8
site_configure
watch_layers
whole_test lossy --from "50 Mbit/s" --to "300 Mbit/s" --steps 3 --seconds 0.3 --sizes 1500
relay_stop
is "with 1 % lost the link is accepted" "$received $(found lossy .accepted)" "0 true"
is "1 % is found" "$(between lossy 7000 '([.steps[].lost] | add) * 1e6 / ([.steps[].sent] | add)' 15000)" yes
is "also where the beginning of no step came" "$(found lossy '[.steps[] | .heard and .end_heard] | all')" true
is "disorder is counted, and damage" "$(found lossy '([.steps[].reordered] | add) > 0, .not_counted.bad_tag > 0' | tr '\n' ' ')" "true true "
is "enough repair is recommended for it, and no outage" \
	"$(found lossy '.recommended | .repair_permille >= 125 and .repair_permille <= 220 and .survive_outage_ms == 0')" true
note "loss $(found lossy .loss_per_million) ppm at most: repair $(found lossy .recommended.repair_permille) permille"

# 250 packets of 1,500 bytes at 100 Mbit/s are 30 ms; the first step is the size's.
relay_start --burst 1000:250
site_configure
watch_layers
whole_test outage --from "100 Mbit/s" --to "100 Mbit/s" --steps 1 --seconds 0.3 --sizes 1500
relay_stop
is "an outage of 30 ms is found as one burst" "$(found outage '.steps[0] | .lost, .longest_burst, .bursts_by_length[7]' | tr '\n' ' ')" "250 250 1 "
is "with its length" "$(between outage 28000 '.steps[0].longest_burst_us' 32000)" yes

nothing_came_back
done_testing
