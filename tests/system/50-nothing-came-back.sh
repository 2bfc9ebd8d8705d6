#!/usr/bin/env bash
# Whatever is thrown at the receiver, nothing comes back: 20,000 datagrams to its port, to a closed one, pings, ARP and
# the like, with BUDGET a million of each; while its link comes up and behind that, with its daemons down, up and being
# started again.  The capture that ends every test sees what it is there to see, and the same questions are answered by
# an interface that is without the layers.  Keeps a processor busy.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
link_start 1500
if [[ $link != namespaces ]]; then
	skip "a frame sent back on purpose is seen" "network namespaces need root"
	done_testing
fi
# shellcheck disable=SC2034 # read by link_side and site_configure
heal=50 receiver_lines='ring_mib = 16'
# The port that hostile sends datagrams to.
listen_port=4747 to_port=4747
each=20000
[[ -z ${BUDGET:-} ]] || each=1000000
share=$((each / 4)) # in each of the four states
site_make
# A kernel spares its answers; this one is to try each time.
in_receiver sysctl -qw net.ipv4.icmp_ratemask=0

mapfile -t questions < <("$build/tests/lib/hostile" questions)
taken() { awk -v kind="$1" '$1 == kind { sum += $2 } END { print sum + 0 }' "$tmp/taken"; }
throw() { # KIND COUNT
	echo "$1 $(in_sender "$build/tests/lib/hostile" "$1" "$device" "$2")" >>"$tmp/taken"
}
throw_each() { local kind; for kind in "${questions[@]}"; do throw "$kind" "$1"; done; }
nic() { in_receiver cat "/sys/class/net/$device/statistics/$1_packets"; }
has_received() { (($(nic rx) >= $1)); }
silent() { # STATE
	is "$1: the capture at the sender's end has seen 0 frames, the receiver's NIC has sent 0" \
		"$(frames_back) $(nic tx)" "0 0"
}

# ---- the link comes up under it, with the rules that weir-link has loaded ----

ups=$((each > 20000 ? 10 : 1)) came_up=0
for kind in "${questions[@]}"; do
	for ((up = 0; up < ups; up++)); do
		in_receiver ip link set "$device" down
		"${at_sender[@]}" "$build/tests/lib/hostile" "$kind" "$device" 0 >"$tmp/while-up" &
		thrower=$!
		before=$(nic rx)
		in_receiver ip link set "$device" up
		until_true 60 has_received $((before + share / ups)) && came_up=$((came_up + 1))
		kill $thrower
		wait $thrower
		echo "$kind $(cat "$tmp/while-up")" >>"$tmp/taken"
	done
done
is "the link comes up under each kind" $came_up $((ups * ${#questions[@]}))
silent "while the link comes up"

# ---- daemons down, up, and being started again ----

throw_each $share
silent "with the daemons down"

receiver_up
sender_up
throw_each $share &
thrower=$!
push files /etc/services
check $? "a bundle is pushed meanwhile" || note "$pushed"
wait $thrower
ok "the receiver hears the sender through all of it: the bundle is delivered" wait_delivered "$bundle" 60
silent "with the daemons up"

# At least its share, and as long as daemons are being started.
throw_until_enough() {
	local round
	for ((round = 0; round < 4; round++)); do throw_each $((share / 4)); done
	until [[ -e $tmp/enough ]]; do throw_each $((share / 4)); done
}
throw_until_enough &
thrower=$!
for restarts in 1 2 3; do
	receiver_down
	receiver_up
done
touch "$tmp/enough"
wait $thrower
silent "with the daemons started again $restarts times, weir-link with them"
push files /etc/services
ok "and a bundle is delivered behind it" wait_delivered "$bundle" 60

for kind in "${questions[@]}"; do
	sum=$(taken "$kind")
	ok "$sum times $kind was thrown, $each at least" test "$sum" -ge $each
done
# The kernel's own count, by its name.
pings() {
	in_receiver cat /proc/net/snmp |
		awk '$1 == "Icmp:" && !n { for (n = NF; n > 1 && $n != "InEchos"; n--); next } $1 == "Icmp:" { print $n }'
}
ok "the receiver's kernel took $(pings) pings, most of them" test "$(pings)" -ge $((each / 2))
ok "it tried to answer: its rule has dropped $(frames_dropped) frames" test "$(frames_dropped)" -ge $each
ok "its log says so in few lines ($(wc -l <"$receiver/log"))" test "$(wc -l <"$receiver/log")" -le 200
sender_down
receiver_down

# ---- its rules are loaded anew under what leaves ----

loads=60
keep_leaving() { while [[ ! -e $tmp/left ]]; do in_receiver "$build/tests/lib/hostile" udp "$device" 10000; done >/dev/null; }
# loads_while_it_leaves COMMAND…: runs it that many times while the receiver's own stack sends, as fast as it can
loads_while_it_leaves() {
	local load leaver
	rm -f "$tmp/left"
	keep_leaving &
	leaver=$!
	for ((load = 0; load < loads; load++)); do "$@"; done
	touch "$tmp/left"
	wait $leaver
}
leaving_while() { # COMMAND…: leaving, how many its rule dropped meanwhile
	local dropped
	dropped=$(frames_dropped)
	loads_while_it_leaves "$@"
	leaving=$(($(frames_dropped) - dropped))
}
in_receiver ip neigh replace 10.77.0.1 lladdr 02:00:00:00:00:01 nud permanent dev "$device"
leaving_while rules_load "$ns_receiver"
is "weir-link was started $loads times while $leaving frames tried to leave: the sender's end has seen 0" "$(frames_back)" 0
ok "these were as many as would show it" test $leaving -ge $((loads * 100))

# ---- the capture sees what it is there to see ----

nothing_came_back
# A UDP datagram from the receiver's own stack: its rule drops and counts it.
dropped=$(frames_dropped)
in_receiver bash -c 'echo back >/dev/udp/10.77.0.1/9'
in_receiver "$build/tests/lib/sniff" send "$device"
is "the receiver's rule drops and counts a datagram and a raw frame" "$(frames_dropped)" $((dropped + 2))
is "neither reaches the sender's end" "$(frames_back)" 0

# The same table, whose rule counts and leaves it to the policy to drop: it lets frames out while it is loaded.
policy_alone='add table netdev weir_receiver
delete table netdev weir_receiver
table netdev weir_receiver {
	counter back { }
	chain out { type filter hook egress device "'$device'" priority -500; policy drop; counter name back; }
}'
load_policy_alone() { in_receiver nft "$policy_alone"; }
leaving_while load_policy_alone
ok "frames that leave while such a table is loaded are seen ($(frames_back))" test "$(frames_back)" -gt 0
passed=$(frames_back)

# Without the rule the same two arrive, and the capture sees them.
in_receiver nft delete table netdev weir_receiver
in_receiver bash -c 'echo back >/dev/udp/10.77.0.1/9'
seen() { (($(frames_back) >= $1)); }
ok "a datagram sent back on purpose is seen" until_true 5 seen $((passed + 1))
in_receiver "$build/tests/lib/sniff" send "$device"
ok "a raw frame sent back on purpose is seen" until_true 5 seen $((passed + 2))
is "no other frame is counted" "$(frames_back)" $((passed + 2))

# ---- an interface as it is without the layers, of a box that forwards ----

in_receiver ip link set "$device" down arp on multicast on
in_receiver sysctl -qw "net.ipv6.conf.$device.disable_ipv6=0" "net.ipv6.conf.$device.accept_dad=0" net.ipv4.ip_forward=1
in_receiver ip link set "$device" up
ok "without the layers the link's coming up alone is heard" until_true 10 seen $((passed + 3))
in_receiver ip route add 10.88.0.0/16 dev lo
in_receiver ip neigh replace 10.77.0.1 lladdr 02:00:00:00:00:01 nud permanent dev "$device"
has_address() { in_receiver ip -6 addr show dev "$device" | grep -q 'fe80::ff:fe00:2/64 scope link *$'; }
ok "it has the address that is asked for" until_true 10 has_address
for kind in "${questions[@]}"; do
	before=$(frames_back)
	throw "$kind" 100
	ok "without the layers it answers each $kind" until_true 5 seen $((before + 100)) || note "$(frames_back), before $before"
done
ok "and its NIC counts what it sends: $(nic tx)" test "$(nic tx)" -ge "$(frames_back)"

# ---- the sender's rules are loaded anew under what comes in; it has no XDP program, and nobody drops at the receiver ----

taken_in() { in_sender cat /proc/net/snmp | awk '$1 == "Ip:" && $4 ~ /^[0-9]+$/ { print $4 }'; } # InReceives
sender_rules_load() {
	rm -f "$runtime/sender/link"
	"${at_sender[@]}" "$build/weir-link" run --config "$sender/sender.conf" >"$tmp/link.log" 2>&1 &
	local pid=$!
	until_true 10 test -s "$runtime/sender/link" || note "weir-link: $(cat "$tmp/link.log")"
	kill "$pid" && wait "$pid"
}
coming_while() { # COMMAND…: fills came, the frames at the sender's end, and taken, those that its kernel took
	came=$(frames_back) taken=$(taken_in)
	loads_while_it_leaves "$@"
	came=$(($(frames_back) - came)) taken=$(($(taken_in) - taken))
}
coming_while sender_rules_load
is "weir-link of the sender was started $loads times while $came frames came in: its kernel took 0" "$taken" 0
ok "these were as many as would show it, too" test $came -ge $((loads * 100))
load_sender_policy_alone() { in_sender nft "$(sed 's/weir_receiver/weir_sender/; s/chain out/chain in/; s/hook egress/hook ingress/' <<<"$policy_alone")"; }
coming_while load_sender_policy_alone
ok "while a table is loaded that has its policy alone, some are taken ($taken)" test "$taken" -gt 0
done_testing
