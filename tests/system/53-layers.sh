#!/usr/bin/env bash
# The layers that keep the link one-way (common/LAYERS.md): when one is missing, nothing starts and what runs ends, with
# the cause and the command that mends it; mended by that command, all goes on and nothing is lost.  A frame that goes
# the wrong way is an alarm on that box.  With BUDGET set every mutant is tried on both boxes.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
link_start 1500
if [[ $link != namespaces ]]; then
	skip "layers that are missing are noticed" "network namespaces need root"
	done_testing
fi
# shellcheck disable=SC2034 # both are read by link_side
sender_absent='' receiver_absent=''
heal=50 receiver_lines='ring_mib = 16' # a new one is made after each end
site_make

# ---- what a box says ----

conf_of() { echo "$site/$1/$1.conf"; }
log_of() { echo "$site/$1/log"; }
state_of() { cat "$runtime/$1/link"; }
is_missing() { grep -qx "layer $2 missing" "$runtime/$1/link"; }
all_hold() { ! grep -qE ' missing$' "$runtime/$1/link"; }
# What to type for a layer that is missing, for all of them.
mend_of() { sed -n "/^layer $2 missing/,/^mend/s/^mend //p" "$runtime/$1/link"; }
mends_of() { sed -n "s/^mend //p" "$runtime/$1/link" | sed 's/MAC-OF-THE-RECEIVER/02:00:00:00:00:02/'; }
inside() { case $1 in sender) in_sender "${@:2}" ;; receiver) in_receiver "${@:2}" ;; esac; }
daemons_of() { case $1 in sender) echo weir-hold weir-emit ;; receiver) echo weir-keep weir-catch ;; esac; }
event_of() { case $1 in sender) echo E1070 ;; receiver) echo E2110 ;; esac; }
ledger_of() { find "$site/$1"/*/ledger -name '*.jsonl' -exec cat {} +; }
alarms() { ledger_of "$1" | jq -r --arg id "$2" 'select(.event == "alarm" and .id == $id).text'; }

# What is said of layer by a daemon that ends, or does not start.
said_of() { echo "layer $1 is missing: .*$2.*; type: .+"; }
tells() { tail -n "+$2" "$(log_of "$1")" | grep -qE "^$3"; }
# A daemon of the box has ended by itself since line N of the log.
has_ended() { tail -n "+$2" "$(log_of "$1")" | grep -qE "$3 \(pid [0-9]+\) ended with status 3"; }

# ---- mutants: plant_NAME and, where typing what is said does not do it, mend_NAME, inside the box ----

# With its flag the kernel takes neighbours away as well.
plant_arp() { inside "$1" ip link set dev "$device" arp on; }
mend_arp() { [[ $1 != sender ]] || neighbour; }
neighbour() { in_sender ip neigh replace "$receiver_address" lladdr 02:00:00:00:00:02 nud permanent dev "$device"; }
plant_multicast() { inside "$1" ip link set dev "$device" multicast on; }
plant_group() { inside "$1" ip maddress add 01:00:5e:01:02:03 dev "$device"; }
mend_group() { inside "$1" ip maddress del 01:00:5e:01:02:03 dev "$device"; }
plant_ipv6() { inside "$1" sysctl -qw "net.ipv6.conf.$device.disable_ipv6=0"; }
plant_dynamic() { inside "$1" ip neigh replace 10.77.0.3 lladdr 02:00:00:00:00:03 nud stale dev "$device"; }
plant_stranger() { inside "$1" ip neigh del "$receiver_address" dev "$device"; }
plant_gateway() { inside "$1" ip route replace "$receiver_address/32" via 10.99.0.1 dev "$device" onlink; }
plant_detour() { inside "$1" ip route replace "$receiver_address/32" dev lo; }
plant_forwarding() { inside "$1" sysctl -qw net.ipv4.ip_forward=1; }
plant_proxy() { inside "$1" sysctl -qw "net.ipv4.conf.$device.proxy_arp=1"; }
plant_bridge() { inside "$1" bash -c "ip link add br0 type bridge; ip link set dev $device master br0"; }
mend_bridge() { inside "$1" ip link del br0; }
plant_macvlan() { inside "$1" ip link add mv0 link "$device" type macvlan; }
plant_lldp() {
	local -n at=at_$1 # so that $! is the program itself
	"${at[@]}" python3 -c 'import socket, sys, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88cc)); s.bind((sys.argv[1], 0x88cc)); time.sleep(60)' \
		"$device" &
	lldp_pid=$!
}
mend_lldp() { kill "$lldp_pid"; }
plant_gone() { inside "$1" nft delete table netdev "weir_$1"; }
plant_rule() { inside "$1" nft insert rule netdev "weir_$1" "$([[ $1 == sender ]] && echo in || echo out)" accept; }
plant_dormant() { inside "$1" nft add table netdev "weir_$1" '{ flags dormant; }'; }
plant_detached() { inside "$1" ip link set dev "$device" xdp off; }
plant_program() { inside "$1" "$build/tests/lib/otherxdp" "$device"; }
plant_role() {
	local other=receiver hook=egress
	[[ $1 == sender ]] || other=sender hook=ingress
	inside "$1" nft "table netdev weir_$other { chain x { type filter hook $hook device \"$device\" priority 0; }; }"
}

# By the document.
layers_of() { sed -nE "s/^\| .([a-z0-9]+). \| (both|$1) .*/\1/p" "$top/common/LAYERS.md"; }

# NAME LAYER FOUND SIDES: the first of the sides is tried in every run, the others with BUDGET.
mutants() {
	cat <<-END
		arp arp ARP sender,receiver
		multicast multicast multicast receiver,sender
		group multicast 01:00:5e:01:02:03 sender,receiver
		ipv6 ipv6 IPv6 receiver,sender
		dynamic neighbour 10.77.0.3 receiver,sender
		stranger neighbour 10.77.0.2 sender
		gateway route gateway sender
		detour route lo sender
		forwarding forwarding forwards sender,receiver
		proxy forwarding answers receiver,sender
		bridge bridge br0 receiver,sender
		macvlan bridge mv0 sender,receiver
		lldp lldp LLDP receiver,sender
		gone nft gone receiver,sender
		rule nft loaded receiver,sender
		dormant nft loaded sender,receiver
		detached xdp attached sender
		program xdp another sender
		program role XDP receiver
		role role table sender,receiver
	END
}

# ---- one mutant on one box ----

# Results of a box, which are checked in the end: both boxes are tried at the same time.
noted() { printf '%s\t%s\n' "$1" "$2" >>"$tmp/results.$box"; }
try() { local sentence=$1; shift; "$@"; noted $? "$sentence"; }

refuses_start() { # LAYER FOUND: each daemon of the box
	local daemon said
	for daemon in $(daemons_of "$box"); do
		said=$(inside "$box" timeout 5 "$build/$daemon" --config "$(conf_of "$box")" 2>&1)
		[[ $? == 3 && $said =~ ^$daemon:\ $(said_of "$1" "$2") ]] || { note "$daemon: $said"; return 1; }
	done
}

ends() { # LAYER FOUND LINE: the running daemons
	local daemon
	until_true 5 tells "$box" "$3" "$(event_of "$box") .*$(said_of "$1" "$2")" || return 1
	for daemon in $(daemons_of "$box"); do
		until_true 5 has_ended "$box" "$3" "$daemon" || return 1
	done
	alarms "$box" "$(event_of "$box")" | tail -n 1 | grep -qE "layer $1 is missing"
}

# What the state file says to type for each layer that is missing, and what is to be done by hand.
mend() { # NAME
	inside "$box" bash -c "$(mends_of "$box")" >/dev/null
	if declare -F "mend_$1" >/dev/null; then "mend_$1" "$box"; fi
}

mutant() { # NAME LAYER FOUND
	local name=$1 layer=$2 found=$3 line
	line=$(($(wc -l <"$(log_of "$box")") + 1))
	"plant_$name" "$box" || { noted 1 "$name can be planted on the $box"; return; }
	try "$name on the $box: the running daemons end, and say so, also in the ledger" ends "$layer" "$found" "$line"
	try "$name on the $box: no daemon starts, and each says why and what to type" refuses_start "$layer" "$found"
	mend "$name"
	# another start at once, without the growing pauses of the one before
	"${box}_down"
	try "$name on the $box: mended by what was said, it starts" "${box}_up"
	try "$name on the $box: and every layer holds" all_hold "$box"
}

pids=()
box_mutants() {
	local name layer found sides
	"${box}_up"
	while read -r name layer found sides; do
		[[ $sides == "$box"* || (-n ${BUDGET:-} && $sides == *$box*) ]] || continue
		mutant "$name" "$layer" "$found" </dev/null
	done < <(mutants)
	"${box}_down"
}

for box in sender receiver; do
	: >"$(log_of $box)"
	box_mutants >"$tmp/said.$box" 2>&1 &
	pids[${#pids[@]}]=$!
done
wait "${pids[@]}"
note "mutants: $SECONDS s"
for box in sender receiver; do
	while IFS=$'\t' read -r status sentence; do
		check "$status" "$sentence"
	done <"$tmp/results.$box"
	note "$(cat "$tmp/said.$box")"
done
is "every layer of the document has its mutant" "$(mutants | cut -d' ' -f2 | sort -u)" \
	"$({ layers_of sender; echo role; } | grep -vx pause | sort)"

# ---- all goes on ----

receiver_up
sender_up
push lines "$0"
check $? "after all of it a push is accepted" || note "$pushed"
ok "and delivered" wait_delivered "$bundle"

# ---- a watch that stands still ----

link_of() { local parent=${1}_pid; pgrep -P "${!parent}" -x weir-link; }
sender_line=$(($(wc -l <"$(log_of sender)") + 1)) receiver_line=$(($(wc -l <"$(log_of receiver)") + 1))
kill -STOP "$(link_of sender)" "$(link_of receiver)"
stale="weir-link does not watch the link: its last look was [0-9]+ s ago; start it again"
push lines "$0"
before=$bundle
ok "the sender ends when nobody looks any more" until_true 10 tells sender "$sender_line" "E1070 .*$stale"
ok "the receiver ends, too" until_true 10 tells receiver "$receiver_line" "E2110 .*$stale"
for name in weir-hold weir-emit; do
	ok "$name does not start" until_true 8 tells sender "$sender_line" "$name: $stale"
done
for name in weir-keep weir-catch; do
	ok "$name does not start" until_true 8 tells receiver "$receiver_line" "$name: $stale"
done
kill -CONT "$(link_of sender)" "$(link_of receiver)"
ok "when somebody looks again, the sender answers" until_true 15 sender_answers
push lines "$0"
check $? "a push is accepted" || note "$pushed"
ok "it is delivered, with nobody doing anything" wait_delivered "$bundle" 40
ok "so is what was pushed before the end" wait_delivered "$before" 40

# ---- frames that go the wrong way ----

# While rules were missing, some came through: told of before.
# shellcheck disable=SC2034 # read by its name
had_sender=$(alarms sender E1071 | wc -l) had_receiver=$(alarms receiver E2111 | wc -l)
has_alarm() { # SIDE ID REGEX
	local had=had_$1
	alarms "$1" "$2" | tail -n "+$((${!had} + 1))" | grep -qE "$3"
}
in_receiver "$build/tests/lib/sniff" send "$device"
ok "a frame that the receiver was to send is an alarm there within 5 s" \
	until_true 5 has_alarm receiver E2111 "^keep: 1 frame dropped on the way out by $device, the wrong way"
ok "in its journal as well" grep -qE "^E2111 keep: 1 frame" "$(log_of receiver)"
is "it did not reach the sender" "$(alarms sender E1071 | wc -l)" "$had_sender"
in_receiver nft delete table netdev weir_receiver # which the receiver notices, too
in_receiver "$build/tests/lib/sniff" send "$device"
ok "what left the receiver is an alarm there, too" until_true 5 has_alarm receiver E2111 "^keep: 1 frame left by $device, "
ok "a frame that comes in at the sender is an alarm there within 5 s" \
	until_true 5 has_alarm sender E1071 "^1 frame came in at $device, the wrong way"
ok "in its journal as well" grep -qE "^E1071 link: 1 frame" "$(log_of sender)"
is "its XDP program has counted it" "$(grep '^frames xdp' "$runtime/sender/link")" "frames xdp 1"
ok "the receiver sees that its rules are gone" until_true 5 is_missing receiver nft
said=$(in_sender "$build/weir-link" check --config "$(conf_of sender)")
is "weir-link check says that every layer holds" $? 0
like "and what came in" "$said" 'warn frames +1 the wrong way, by the counter of XDP'
said=$(in_receiver "$build/weir-link" check --config "$(conf_of receiver)")
is "on the receiver it says that one does not" $? 3
like "with cause and reason and what to type" "$said" \
	'BAD  nft .*why: +they drop and count.*found: table netdev weir_receiver is gone.*type: +kill [0-9]+'
is "also as JSON" "$(in_receiver "$build/weir-link" check --json --config "$(conf_of receiver)" |
	jq -r '.layers[] | select(.state == "missing") | .layer + ": " + .mend')" "nft: $(mend_of receiver nft)"
for box in sender receiver; do
	is "the names of the $box's layers are those of the document" \
		"$(inside $box "$build/weir-link" check --json --config "$(conf_of $box)" | jq -r '.layers[].layer' | tr '\n' ' ')" \
		"nic role $(layers_of $box | tr '\n' ' ')"
done
in_receiver bash -c "$(mend_of receiver nft)"
push lines "$0"
ok "after that a push is delivered" wait_delivered "$bundle" 40
ok "nothing is missing" no_gaps
is "no layer is absent in any entry of a start" \
	"$({ ledger_of sender; ledger_of receiver; } | jq -r 'select(.event == "start").absent' | sort -u)" null

# ---- layers that are named as absent ----

back=$(frames_back)

sender_down
receiver_down
# shellcheck disable=SC2034 # as above
sender_absent="arp xdp" receiver_absent="multicast lldp"
site_configure
plant_arp sender
neighbour
plant_multicast receiver
receiver_up
sender_up
ok "the sender starts without layers that its configuration names as absent" sender_answers
ok "and says so" grep -qx "E1072 link: absent by the configuration: arp xdp" "$(log_of sender)"
absent_of() { jq -r '.findings[] | select(.id | startswith("layer-")) | select(.what | startswith("absent ")) | "\(.state) \(.id)"' | xargs; }
is "they stand in what weir-sender check says" \
	"$(in_sender "$build/weir-sender" check --json --config "$(conf_of sender)" | absent_of)" "amber layer-arp amber layer-xdp"
is "and in the ledger's entry of the start" \
	"$(ledger_of sender | jq -r 'select(.event == "start").absent' | tail -n 1)" "arp xdp"
ok "so does the receiver" grep -q "^E2112 keep: .*: multicast lldp" "$(log_of receiver)"
is "in what weir-receiver check says" \
	"$(in_receiver "$build/weir-receiver" check --json --config "$(conf_of receiver)" | absent_of)" \
	"amber layer-multicast amber layer-lldp"
is "in its status" "$(jq -r .link.absent "$receiver/vault/status.json")" "multicast lldp"
is "and in its ledger" "$(ledger_of receiver | jq -r 'select(.event == "start").absent' | tail -n 1)" "multicast lldp"
push lines "$0"
ok "and a push is delivered" wait_delivered "$bundle"
# Mutants of both boxes at a time let frames through, as they should.
is "nothing came back since every layer held" "$(frames_back)" "$back"
done_testing
