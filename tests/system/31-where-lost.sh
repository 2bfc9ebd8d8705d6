#!/usr/bin/env bash
# Where was it lost?  A small socket buffer while weir-catch stands still, a NIC that takes no frames of this
# size, a lossy link before this box, and two of these one after the other: each is named right.  With BUDGET also
# a full ring, and two places in the same moment.  Counts on time.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
if ((EUID != 0)); then
	skip "the place of a loss is named right" "a NIC that drops needs network namespaces, and they need root"
	done_testing
fi
rate="200 Mbit/s"
link_start 1500
# Each datagram a packet of its own, as on a real link; the kernel cuts them behind the sender's socket.
ip -n "$ns_sender" link set "$device" gso_max_segs 1
relay_start --hold "$tmp/hold"
receiver_lines=$'socket_buffer_mib = 1\nring_mib = 16'
site_make
sender_up
"$build/tests/lib/export" --random 60000000 --seed "$SEED" >"$tmp/in"

status() { jq -r "$1" "$receiver/vault/status.json"; }
flows() { (($(status .counters.bytes) > ${1:-1000000})); }
# begin MIB: a receiver with this socket buffer whose counts begin anew, and a bundle on its way
begin() {
	sed -i "s/^socket_buffer_mib = .*/socket_buffer_mib = $1/" "$receiver/receiver.conf"
	receiver_up
	push files "$tmp/in" || { note "$pushed"; give_up "a bundle cannot be pushed"; }
	until_true 20 flows || give_up "nothing comes"
	sleep 1.2 # a sample before the fault
}
# named WHAT PLACE EVENT STEP: all that says so, once the losses have been judged
is_judged() { (($(status .lost.datagrams) > 0 && $(status .lost.datagrams) == $(status .counters.link_lost))); }
named() {
	until_true 15 is_judged
	check $? "$1: all that is lost has a place" || note "$(status '.lost, .counters, .nic' | tr -d '\n ')"
	is "$1: status.json says '$2'" "$(status .lost.place)" "$2"
	like "$1: gaps says so" "$(inbox gaps --config "$receiver/receiver.conf" | grep '^in the last hour')" "$4"
	like "$1: check says so" "$(in_receiver "$build/weir-receiver" check --config "$receiver/receiver.conf")" "amber loss +in the last hour lost on the way: .*$4"
	is "$1: also in JSON" "$(inbox gaps --json --config "$receiver/receiver.conf" | jq -r .lost_in_hour.place)" "$2"
	told() { grep -qE "$3 keep: lost on the way: .*$4" <(tail -n +"$log_at" "$receiver/log"); }
	[[ $3 == - ]] || ok "$1: event $3 says so" until_true 5 told "$@"
	note "$(status '.lost' | tr -d '\n ')"
	note "$(grep -oE 'E206[0-9] keep.*' <(tail -n +"$log_at" "$receiver/log"))"
}
end() {
	receiver_down
	rm -f "$runtime/receiver/ring" # its counters go on as long as it is there
	log_at=$(($(wc -l <"$receiver/log") + 1))
}
log_at=1
# A small buffer only where it is to lose something: on a busy machine it does so anywhere.

begin 1
is "the interface is found by its address" "$(status .nic.interface)" "$device"
kill -STOP "$(pid_of weir-catch)" && sleep 0.4 && kill -CONT "$(pid_of weir-catch)"
named "a small socket buffer" socket E2064 "all dropped by this box's socket: raise net.core.rmem_max"
end

begin 64
ip -n "$ns_receiver" link set "$device" mtu 1400 && sleep 0.4 && ip -n "$ns_receiver" link set "$device" mtu 1500
named "a NIC that drops" nic E2065 "all dropped by this box's NIC: give it the sender's MTU"
end

begin 64
touch "$tmp/hold" && sleep 0.4 && rm "$tmp/hold"
named "a link that loses" before E2060 "all that never reached this box: check the sender's rate"
end

begin 1
kill -STOP "$(pid_of weir-catch)" && sleep 0.4 && kill -CONT "$(pid_of weir-catch)"
sleep 3
push files "$tmp/in"
touch "$tmp/hold" && sleep 0.4 && rm "$tmp/hold"
came_second() { (($(status .lost.before) > 1000)); }
until_true 10 came_second
# The second one is told of half a minute after the first.
named "a small buffer and a link that loses" several - "at several places: [0-9,]+ dropped by this box's socket, [0-9,]+ that never"
end

if [[ -n ${BUDGET:-} ]]; then
	begin 64
	kill -STOP "$(pid_of weir-keep)" && sleep 1.2 && kill -CONT "$(pid_of weir-keep)"
	named "a keep that stands still for longer than its ring holds" ring E2063 "all dropped because the ring was full"
	ok "the ring had alarmed" grep -q 'E2061 keep: the ring was' "$receiver/log"
	end

	# A loss that is both at once: the stopped receiver's socket overflows while the link loses, too.
	begin 1
	kill -STOP "$(pid_of weir-catch)"
	sleep 0.2
	ip -n "$ns_receiver" link set "$device" mtu 1400 && sleep 0.2 && ip -n "$ns_receiver" link set "$device" mtu 1500
	kill -CONT "$(pid_of weir-catch)"
	named "socket and NIC in the same moment" several E2067 "this box's socket or its NIC"
	end
fi
nothing_came_back
done_testing
