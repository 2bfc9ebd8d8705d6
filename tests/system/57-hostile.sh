#!/usr/bin/env bash
# Root on the receiving box, and whoever else is on the link, tries every way to send to the inside; and the sender does
# the same whatever the other side is or sends.  Each attack is shown to work where nothing stands in its way.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
link_start 1500
if [[ $link != namespaces ]]; then
	skip "nobody sends to the inside" "network namespaces need root"
	done_testing
fi
# shellcheck disable=SC2034 # read by link_side
sender_absent=''
site_make
receiver_up
sender_up

attack() { in_receiver "$build/tests/lib/hostile" "$@"; }
# What the layers of the sender have counted, and what got past them to whoever listens there.
counted() { sed -n "s/^frames $1 //p" "$runtime/sender/link"; }
seen() { frames_back; }
# Frames that XDP is to have counted by now.
expected=0
all_counted() { (($(counted xdp) == expected)); }
ways=(udp raw icmp packet bypass xdp)
count=50
# Beside them the receiver's kernel says that nobody listens, once what keeps it quiet is gone.
grew() { (($(counted xdp) >= before + count)); }

push files /etc/services
check $? "a bundle is pushed while nothing is wrong" || note "$pushed"
ok "and delivered" wait_delivered "$bundle"
is "no frame has come from the receiver until now" "$(counted xdp) $(seen)" "0 0"

# ---- root of the receiving box, with the layers of that box in place: only AF_XDP passes below them ----

in_receiver ip neigh replace 10.77.0.1 lladdr 02:00:00:00:00:01 nud permanent dev "$device"
for way in "${ways[@]}"; do
	taken=$(attack "$way" "$device" $count 2>"$tmp/said")
	note "$way: the receiver's kernel took ${taken:-nothing: $(cat "$tmp/said")}"
	[[ $way != xdp ]] || expected=$((expected + count))
	ok "$way, against the receiver's layers: only AF_XDP leaves the box" until_true 5 all_counted ||
		note "counted $(counted xdp), expected $expected"
	is "$way: nothing gets past the sender's XDP program" "$(seen)" 0
done

# ---- and without them ----

receiver_down
in_receiver nft delete table netdev weir_receiver
for way in "${ways[@]}" bridge; do
	on=$device by=$way
	if [[ $way == bridge ]]; then
		in_receiver ip link add br0 type bridge
		in_receiver ip link set "$device" master br0
		in_receiver ip link set br0 up
		on=br0 by=packet
		sleep 0.2
	fi
	before=$(counted xdp)
	taken=$(attack "$by" "$on" $count)
	is "$way, without the receiver's layers: the kernel takes all" "$taken" "$count"
	ok "$way: the sender counts all" until_true 5 grew || note "counted $(counted xdp), before $before"
	is "$way: nothing gets past the sender's XDP program" "$(seen)" 0
done
in_receiver ip link del br0

# ---- frames of each kind ----

"$build/tests/lib/hostile" kinds >"$tmp/kinds"
ok "there are twelve kinds of frames at least" test "$(wc -l <"$tmp/kinds")" -ge 12
sockets() { in_sender awk '/^(Ip|Icmp|Udp|Tcp|IpExt|Ip6)/' /proc/net/snmp | awk '$2 !~ /[0-9]/ { split($0, names) } $2 ~ /[0-9]/ { for (i = 2; i <= NF; i++) if (names[i] ~ /^In(Msgs|Receives|Delivers|Datagrams|Errors|Segs|Echos|NoPorts)|NoPorts/) print $1, names[i], $i }'; }
neighbours() { in_sender ip neigh show dev "$device"; in_sender ip -6 neigh show; in_sender ip maddr show dev "$device"; }
sockets >"$tmp/sockets.before"
neighbours >"$tmp/neighbours.before"
before=$(counted xdp) sent=0
while read -r kind; do
	is "$kind: the receiver's kernel takes all" "$(attack "$kind" "$device" $count)" $count
	sent=$((sent + count))
done <"$tmp/kinds"
grew_by_all() { (($(counted xdp) >= before + sent)); }
ok "the sender counts all of them" until_true 5 grew_by_all || note "counted $(counted xdp), before $before, sent $sent"
is "none of them gets past the sender's XDP program" "$(seen)" 0
sockets >"$tmp/sockets.after"
neighbours >"$tmp/neighbours.after"
is "no socket of the sender has seen any" "$(diff "$tmp/sockets.before" "$tmp/sockets.after")" ""
is "and its neighbours are what they were" "$(diff "$tmp/neighbours.before" "$tmp/neighbours.after")" ""
alarms() { cat "$sender"/spool/ledger/*.jsonl | jq -r 'select(.event == "alarm" and .id == "E1071").text'; }
ok "the sender's ledger has the alarm" test "$(alarms | wc -l)" -ge 1

# ---- the sender does the same, whatever the other side is ----

# watch NAME: the system calls of weir-emit, and what came of them, while a bundle goes out.  Their number is the
# clock's; which there are, and with what result, is not.
watch() {
	strace -f -o "$tmp/calls.$1" -e status=all -p "$(pid_of weir-emit)" 2>/dev/null &
	local tracer=$!
	until_true 5 test -s "$tmp/calls.$1"
	push files /etc/services || note "$pushed"
	sleep 2
	kill $tracer
	wait $tracer 2>/dev/null
	sed -E 's/^[0-9]+ +//; /resumed>|^[-+]{3}/d; s/^([a-z0-9_]+)\(.*= (-1 E[A-Z]+|\?|-?[0-9a-fx]+).*$/\1 \2/; s/^([a-z0-9_]+)\(.*unfinished.*$/\1 pending/' "$tmp/calls.$1" |
		awk '{ print $1, ($2 == "-1" ? $3 : "done") }' | grep -vE '^restart_syscall|pending|[(]' | sort -u >"$tmp/results.$1"
}
receiver_up
watch open
receiver_down
# weir-link leaves its rules behind: without them the kernel itself answers that the port is closed
in_receiver nft delete table netdev weir_receiver
before=$(counted xdp)
watch closed
answered() { (($(counted xdp) > before)); }
ok "the receiver's kernel does answer, when nothing keeps it from that" until_true 5 answered
(while [[ -e $tmp/frames ]]; do attack unreachable "$device" 200 >/dev/null 2>&1 || break; done) &
flood=$!
watch unreachable
kill $flood
in_receiver ip link set "$device" down
watch down
in_receiver ip link set "$device" up
ok "the transmitter was seen to send" grep -q '^sendmsg done' "$tmp/results.open"
for state in closed unreachable down; do
	is "the receiver is $state: the same system calls of the transmitter, and the same results" \
		"$(diff "$tmp/results.open" "$tmp/results.$state")" ""
done
is "and none fails" "$(grep -vE ' done$|EINTR' "$tmp/results.open")" "" || note "$(cat "$tmp/results.open")"

# ---- what stands in the way is what stands between ----

sender_down
in_sender ip link set dev "$device" xdp off
in_sender nft delete table netdev weir_sender 2>/dev/null
in_receiver ip neigh replace 10.77.0.1 lladdr 02:00:00:00:00:01 nud permanent dev "$device"
for way in "${ways[@]}"; do
	before=$(seen)
	attack "$way" "$device" $count >/dev/null
	arrived() { (($(seen) >= before + count)); }
	ok "$way: without any layer all of it arrives, and would be seen" until_true 5 arrived || note "before $before, now $(seen)"
done
done_testing
