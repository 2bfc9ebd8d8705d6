#!/usr/bin/env bash
# A link test and the daemons keep out of each other's way: it is refused while they run, and a receiver that runs is not
# harmed by one.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
link_start 1500
site_make
receiver_up
sender_up
seq 1000 >"$tmp/lines"
push lines "$tmp/lines"
check $? "a push is accepted" || note "$pushed"
ok "and delivered" wait_delivered "$bundle"

quick=(--yes --from "10 Mbit/s" --to "10 Mbit/s" --steps 1 --seconds 0.1)
test_sends() { in_sender "$build/weir-sender" link-test --config "${1:-$sender/sender.conf}" "${quick[@]}"; }
test_waits() { in_receiver "$build/weir-receiver" link-test --config "$receiver/receiver.conf" --wait 1; }

refused "while weir-sender runs, it sends no test" 3 "another weir-sender runs in '.*'; stop that one first" test_sends
refused "while weir-catch has the port, nobody listens to one" 3 \
	"port $listen_port is taken: weir-catch, or its socket, has it; stop it first, as by: systemctl stop" test_waits

# Under units nobody holds the lock, but weir-emit writes its page; here a copy of it lies elsewhere.
mkdir "$runtime/units"
sed "s|$runtime/sender|$runtime/units|" "$sender/sender.conf" >"$sender/units.conf"
chmod 600 "$sender/units.conf"
sees_emit() {
	cp "$runtime/sender/progress" "$runtime/units/progress" || return
	[[ $(test_sends "$sender/units.conf" 2>&1) == *"weir-emit uses the link; stop it first, as by: systemctl stop"* ]]
}
ok "while weir-emit runs, no test is sent" until_true 20 sees_emit

# malformed: what the running receiver counts of datagrams that mean nothing to it
malformed() { jq '[.. | .malformed? // empty] | add // 0' "$receiver/vault/status.json"; }
is "the receiver has counted nothing that means nothing" "$(malformed)" 0
sender_down
[[ $link == loopback ]] || {
	"${at_sender[@]}" "$build/weir-link" run --config "$sender/sender.conf" >"$tmp/link.log" 2>&1 &
	watcher=$!
	on_exit "kill $watcher 2>/dev/null"
}
goes() { test_sends >"$tmp/goes" 2>"$tmp/goes.log"; }
ok "when they are stopped, it is sent" until_true 20 goes || note "$(cat "$tmp/goes.log")"
counted() { (($(malformed) > 50)); }
ok "a receiver that runs counts it" until_true 20 counted
note "$(malformed) datagrams"
[[ -z ${watcher:-} ]] || { kill "$watcher" && wait "$watcher"; }
sender_up
push lines "$tmp/lines"
check $? "then a push is accepted" || note "$pushed"
ok "and delivered as before" wait_delivered "$bundle"
ok "there are no gaps" no_gaps

# What is missing is said before anything is sent.
sender_down
ok "a rate without its unit is refused" test "$(in_sender "$build/weir-sender" link-test --to 100 2>&1 | grep -c -- "--to cannot be '100'")" -eq 1
for wrong in "--seconds 0" "--seconds 1.2345" "--sizes 1499" "--sizes 1500," "--steps 0" "--steps 65" "--from 1"; do
	# shellcheck disable=SC2086 # words
	in_sender "$build/weir-sender" link-test --config "$sender/sender.conf" --yes $wrong >/dev/null 2>&1
	is "'$wrong' is refused" $? 2
done
sed 's/^interface.*//; s/^absent.*//; s/^\[link\]/&\nabsent = all/' "$sender/sender.conf" >"$sender/loose.conf"
chmod 600 "$sender/loose.conf"
above() { in_sender "$build/weir-sender" link-test --config "$sender/loose.conf" --yes --from "2 Gbit/s" --to "1 Gbit/s" 2>&1; }
emit_is_old() { [[ $(above) != *"weir-emit uses"* ]]; }
until_true 10 emit_is_old
like "a lowest rate above the highest is refused" "$(above)" "the lowest rate is above the highest"
no() { echo no | in_sender "$build/weir-sender" link-test --config "$sender/loose.conf" 2>&1; }
like "whoever does not say yes sends nothing" "$(no)" "nothing was sent"
sed -i 's/^mtu.*/mtu = 9000/; s/^absent.*/absent = xdp/; s/^\[link\]/&\ninterface = '"$device"'/' "$sender/loose.conf"
[[ $link == loopback ]] || {
	"${at_sender[@]}" "$build/weir-link" run --config "$sender/sender.conf" >"$tmp/link.log" 2>&1 &
	on_exit "kill $! 2>/dev/null; wait $! 2>/dev/null"
	larger() { [[ $(above) == *"'mtu' is 9000, but $device takes packets of 1500 bytes; type: ip link set $device mtu 9000"* ]]; }
	ok "packets larger than the interface takes are refused" until_true 20 larger || note "$(above)"
}
nothing_came_back
done_testing
