# shellcheck shell=bash disable=SC2034 # what it sets is for its callers
# link.sh: the one-way link of a system test; brings tap.sh with it.
#
# As root: two network namespaces and a veth pair between them, as an installer leaves a box: ARP, multicast, IPv6 and
# forwarding are off, the sender's neighbour is static, the receiver has none.  The rest is weir-link's, which each box
# runs, and which a receiver has started before its link is up: what leaves the receiver's interface is dropped and counted.
# Frames that nevertheless come in at the sender's
# end are counted there (sniff).  Without root: loopback, and the promise that nothing comes back is skipped.
#
#   splitter=yes               before link_start: two receivers on one fibre; the second one is in $ns_second
#   link_start MTU             makes it; in_sender and in_receiver run a command at one end; so do
#                              "${at_sender[@]}" and "${at_receiver[@]}", whose $! is the command's own
#   relay_start OPTION…        a lossy relay in front of it, on the sender's side; relay_stop, relay_says
#   nothing_came_back          the check that ends every test
#   layers_absent SIDE         the layers that a box of this link does without
#
# Address and port that a sender sends to: $to_address $to_port; that a receiver listens at:
# $listen_address $listen_port.

# shellcheck source=tests/lib/tap.sh
. "$(dirname "${BASH_SOURCE[0]}")/tap.sh"

link=none
at_sender=() at_receiver=()
device=weir0
receiver_address=10.77.0.2

link_start() {
	link_mtu=$1
	listen_port=$((20000 + $$ % 20000))
	relay_port=$((listen_port + 20000))
	if ((EUID == 0)) && [[ -z ${LOOPBACK:-} ]]; then
		link_start_namespaces
	else
		link=loopback
		listen_address=127.0.0.1
	fi
	to_address=$listen_address
	to_port=$listen_port
}

link_start_namespaces() {
	local end
	link=namespaces
	ns_sender=weir-s-$$
	ns_receiver=weir-r-$$
	listen_address=$receiver_address
	at_sender=(ip netns exec "$ns_sender")
	at_receiver=(ip netns exec "$ns_receiver")
	on_exit link_stop
	for end in "$ns_sender" "$ns_receiver"; do namespace_new "$end"; done
	if [[ -n ${splitter:-} ]]; then
		splitter_start
	else
		ip -n "$ns_sender" link add "$device" mtu "$link_mtu" address 02:00:00:00:00:01 type veth \
			peer name "$device" mtu "$link_mtu" address 02:00:00:00:00:02 netns "$ns_receiver"
	fi
	for end in "$ns_receiver" ${splitter:+"$ns_second"}; do receiving_end "$end"; done
	ip -n "$ns_sender" link set "$device" arp off multicast off
	ip -n "$ns_sender" addr add 10.77.0.1/30 dev "$device"
	sniff_start
	for end in "$ns_sender" "$ns_receiver" ${splitter:+"$ns_second"}; do
		ip -n "$end" link set "$device" up
	done
	ip -n "$ns_sender" neigh replace $receiver_address lladdr 02:00:00:00:00:02 \
		nud permanent dev "$device"
}

namespace_new() {
	ip netns add "$1"
	ip netns exec "$1" sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.disable_ipv6=1 \
		net.ipv6.conf.default.disable_ipv6=1
	ip -n "$1" link set lo up
}

receiving_end() {
	ip -n "$1" link set "$device" arp off multicast off
	ip -n "$1" addr add $receiver_address/30 dev "$device"
	rules_load "$1"
}

# As at boot, before anything can leave: rules stay when their weir-link ends.
rules_load() {
	local at=$tmp/boot pid
	rm -rf "$at" && mkdir "$at"
	printf '[paths]\nregistry = r\nroots = r\nvault = v\nruntime = .\n[keys]\nbox = k\nlink = k\n[link]\ninterface = %s\n' \
		"$device" >"$at/conf"
	ip netns exec "$1" "$build/weir-link" run --config "$at/conf" >"$at/log" 2>&1 &
	pid=$!
	until_true 10 test -s "$at/link" || note "weir-link: $(cat "$at/log")"
	kill $pid && wait $pid
}

# One fibre and two receivers: what the sender sends comes out at both, frame by frame.  A bridge that learns nothing
# is what a splitter is.
splitter_start() {
	local end port=0
	ns_second=weir-2-$$
	ns_splitter=weir-x-$$
	namespace_new "$ns_second"
	namespace_new "$ns_splitter"
	ip -n "$ns_splitter" link add split mtu "$link_mtu" type bridge ageing_time 0 mcast_snooping 0
	for end in "$ns_sender" "$ns_receiver" "$ns_second"; do
		ip -n "$ns_splitter" link add "port$port" mtu "$link_mtu" type veth peer name "$device" \
			mtu "$link_mtu" address "02:00:00:00:00:0$((port == 0 ? 1 : 2))" netns "$end"
		ip -n "$ns_splitter" link set "port$port" master split up
		((++port))
	done
	ip -n "$ns_splitter" link set split up
}

# XDP, so that sniff sees every frame that comes in; neighbour and route, when the sender sends to a relay.
layers_absent() {
	if [[ $link == loopback ]]; then
		echo all
	elif [[ $1 == sender ]]; then
		echo "xdp$([[ $to_address == 127.* ]] && echo ' neighbour route')"
	fi
}

# The counter stands before the link is up, so that not even a first frame is missed.
sniff_start() {
	frames_file=$tmp/frames
	ip netns exec "$ns_sender" "$build/tests/lib/sniff" count "$device" "$frames_file" \
		>"$tmp/sniff.log" 2>&1 &
	sniff_pid=$!
	end_on_exit "$sniff_pid"
	until_true 10 grep -qs ready "$tmp/sniff.log" || note "sniff: $(cat "$tmp/sniff.log")"
}

link_stop() {
	ip netns del "$ns_sender" 2>/dev/null # a test may have stopped it already
	ip netns del "$ns_receiver" 2>/dev/null
	[[ -z ${splitter:-} ]] || { ip netns del "$ns_second"; ip netns del "$ns_splitter"; } 2>/dev/null
}

in_sender() { "${at_sender[@]}" "$@"; }
in_receiver() { "${at_receiver[@]}" "$@"; }

relay_start() {
	relay_report=$tmp/relay.json
	rm -f "$relay_report"
	"${at_sender[@]}" "$build/tests/lib/relay" --listen "127.0.0.1:$relay_port" \
		--to "$listen_address:$listen_port" --report "$relay_report" --seed "$SEED" "$@" \
		>"$tmp/relay.log" 2>&1 &
	relay_pid=$!
	end_on_exit "$relay_pid"
	until_true 10 grep -qs ready "$tmp/relay.log" || note "relay: $(cat "$tmp/relay.log")"
	to_address=127.0.0.1
	to_port=$relay_port
}

# Ends the relay; it must have lost nothing that it was not told to lose.
relay_stop() {
	kill "$relay_pid"
	wait "$relay_pid"
	note "relay: $(cat "$relay_report")"
	is "the relay lost nothing of its own" "$(relay_says overflow) $(relay_says send_errors)" "0 0"
}

relay_says() { grep -oE "\"$1\": [0-9]+" "$relay_report" | grep -oE '[0-9]+$'; }

frames_back() { cat "$frames_file"; }
frames_dropped() {
	in_receiver nft list counter netdev weir_receiver back | grep -oE 'packets [0-9]+' | cut -d' ' -f2
}

nothing_came_back() {
	if [[ $link != namespaces ]]; then
		skip "nothing came back" "network namespaces need root"
		return
	fi
	kill -0 "$sniff_pid" 2>/dev/null
	check $? "the capture on the sender's end ran to the end"
	is "nothing came back: 0 frames from the receiver at the sender's end" "$(frames_back)" 0
	note "frames that the receiver's own rule dropped: $(frames_dropped)"
}
