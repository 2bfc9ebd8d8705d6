#!/usr/bin/env bash
# Two boxes under a real systemd: what people push crosses; in each process's sandbox every probe is refused; a restart loses
# nothing; what hangs is started again, and somebody is told.  With BUDGET the boxes are Debian as debootstrap makes it.
[[ -z ${BUDGET:-} ]] || from=debootstrap
# shellcheck source=tests/lib/boot.sh
. "$(dirname "$0")/../lib/boot.sh"
seed_line

# ---- the boxes, as an installer leaves them ----

mkdir -p "$keys"
key_new machine night-job "$keys/night-job.key" --unprotected
routes_more=$(
	key_card "$keys/night-job.key"
	printf '[route ledger]\nid = 100\nrecipients = audit-office\nformat = lines\nrecords = waived\n'
	printf 'destroy_after_days = 1825\npriority = 8\n'
)
boxes_make

# person SIDE NAME GROUP: a user of that box, in this group; files from stdin lines "FILE NAME" lie at home.
person() {
	local home=${root[$1]}/home/$2 from to
	printf 'u %s 1000 - /home/%s /bin/sh\nm %s %s\n' "$2" "$2" "$2" "$3" >"${root[$1]}/etc/sysusers.d/people.conf"
	mkdir -p "$home"
	while read -r from to; do install -m 600 "$from" "$home/$to"; done
	chown -R 1000:1000 "$home"
	chmod 700 "$home"
}
person sender wang weir-callers <<<"$keys/wang-mei.key person.key"
person receiver chen weir-keep <<-END
	$keys/tax-agency.key tax.key
	$keys/psk/tax-agency.key tax.psk
END
for side in sender receiver; do
	# shellcheck disable=SC2016 # the hook's own
	printf '#!/bin/sh\necho "the hook is told of $1"\n' >"${root[$side]}/etc/weir/failure-hook"
	chmod 755 "${root[$side]}/etc/weir/failure-hook"
	install -m 755 "$build/tests/lib/probe" "${root[$side]}/opt/"
done

# ---- a probe in front of each program, and in a unit that takes nothing away ----

declare -A units=([sender]="weir-link weir-hold weir-emit weir-seal@ weir-ledger-send weir-drop@"
	[receiver]="weir-link weir-keep weir-catch")
for side in sender receiver; do
	for unit in ${units[$side]}; do
		printf '[Service]\nExecStartPre=/opt/probe %s\n' "$unit" | drop_in $side "$unit.service" probe
	done
	printf '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/opt/probe twin\n' \
		>"${root[$side]}/etc/systemd/system/twin.service"
done
printf '[Socket]\nMaxConnections=2\n' | drop_in sender weir-seal.socket
printf '[Service]\nWatchdogSec=3\n' | drop_in sender weir-hold.service watchdog
printf '[Service]\nWatchdogSec=3\n' | drop_in receiver weir-keep.service watchdog

# ---- they come up ----

since=$SECONDS
for side in sender receiver; do box_boot $side; done
for side in sender receiver; do ok "the $side's box is booted" until_true 60 booted $side; done
note "after $((SECONDS - since)) s"
runs() { local unit; for unit in "${@:2}"; do is_active "$1" "$unit.service" || return 1; done; }
daemons_of() { [[ $1 == sender ]] && echo weir-hold weir-emit weir-link || echo weir-keep weir-catch weir-link; }
for side in sender receiver; do
	# shellcheck disable=SC2046 # words
	ok "the daemons of the $side run" until_true 30 runs $side $(daemons_of $side) || box_logs 40
done
nic() { at "$1" ip -o link show "$device"; }
for side in sender receiver; do
	like "the .network file has switched ARP off at the $side's NIC" "$(nic $side)" NOARP
	is "and multicast" "$(nic $side | grep -c '[<,]MULTICAST[,>]')" 0
	is "and IPv6" "$(at $side cat "/proc/sys/net/ipv6/conf/$device/disable_ipv6") $(at $side ip -6 addr show "$device")" "1 "
done
like "the sender knows its neighbour" "$(at sender ip neigh show dev "$device")" \
	"^192.0.2.2 lladdr 02:57:65:69:72:02 PERMANENT *$"
is "the receiver knows none" "$(at receiver ip neigh show dev "$device")" ""

for side in sender receiver; do
	said=$(at $side weir-link check 2>&1)
	check $? "every layer of the $side holds" || note "$said"
	is "none is absent" "$(at $side cat "/run/weir-$side/link" | grep -c '^layer .* absent$')" 0
done

# ---- a bundle crosses ----

push_as() { as "$1" sender weir-outbox push --key "/home/wang/person.key" "${@:2}" 2>&1; }
bundle_in() { grep -oE '\b[a-z-]+-[0-9]{6}\b' <<<"$1" | tail -n 1; }
is_here() { compgen -G "${root[receiver]}/var/lib/weir-receiver/vault/bundles/*/$1.weir" >/dev/null; }
printf 'id,name\n1,李家晴\n2,王麗志\n' >"${root[sender]}/home/wang/people.csv"
said=$(push_as wang --route tax /home/wang/people.csv)
check $? "an ordinary user of group weir-callers pushes" || note "$said"
bundle=$(bundle_in "$said")
ok "the bundle is delivered" until_true 30 is_here "$bundle" || box_logs 40
opened=$(as chen receiver weir-inbox open --key /home/chen/tax.key --psk /home/chen/tax.psk "$bundle" - 2>"$tmp/said")
check $? "an ordinary user of group weir-keep opens it" || note "$(cat "$tmp/said")"
is "and has what was pushed" "$opened" "$(cat "${root[sender]}/home/wang/people.csv")"
said=$(at sender setpriv --reuid 65534 --regid 65534 --clear-groups weir-outbox list 2>&1)
like "who is in no group cannot call the box" "$said" "Permission denied"

# What check finds, but for what is of this machine: what its kernel allows, its disk, its swap.
found_at() { # SIDE JQ
	at "$1" "weir-$1" check --json | jq -r ".findings[] | select(.id | test(\"^(udp-mem|disk-.*|swap|temperature)$\") | not) | $2"
}
none_red() { [[ -z $(found_at "$1" 'select(.state == "red")') ]]; }
for side in sender receiver; do
	ok "check finds nothing red at the $side" until_true 10 none_red $side || note "$(found_at $side 'select(.state == "red") | "\(.id): \(.what)"')"
	is "and the process of the link as its unit asks for it" \
		"$(found_at $side 'select(.id | IN("link-daemon", "priority", "locked-memory", "send-buffer", "receive-buffer", "folder-mode", "rp-filter")) | .state' |
			sort -u)" green
done

# ---- what each process is ----

# status SIDE PID FIELD: of /proc
status() { at "$1" sed -nE "s/^$3:[[:space:]]*//p" "/proc/$2/status"; }
space() { at "$1" readlink "/proc/$2/ns/$3"; }
process() { # SIDE UNIT USER PID
	local side=$1 pid=$4
	is "$2 runs as $3" "$(at "$side" stat -c %U "/proc/$pid")" "$3"
	is "$2 holds no capability" "$(status "$side" "$pid" 'Cap(Inh|Prm|Eff|Bnd|Amb)' | sort -u)" 0000000000000000
	is "$2 gains no privileges, and its table is closed" "$(status "$side" "$pid" '(NoNewPrivs|Seccomp)' | paste -sd' ')" "1 2"
	is "$2 is in a network of its own" "$(($(space "$side" "$pid" net | tr -dc 0-9) != $(space "$side" 1 net | tr -dc 0-9)))" 1
	is "where nothing is but a loopback" \
		"$(at "$side" nsenter -t "$pid" -n ip -o link | sed -nE 's/^[0-9]+: ([^:]*):.*/\1/p')" lo
	ok "$2 has secrets in locked memory" test "$(status "$side" "$pid" VmLck | tr -dc 0-9)" -gt 0
}
process sender weir-hold weir-hold "$(shown sender weir-hold MainPID)"
process sender weir-emit weir-emit "$(shown sender weir-emit MainPID)"
process receiver weir-keep weir-keep "$(shown receiver weir-keep MainPID)"
process receiver weir-catch weir-catch "$(shown receiver weir-catch MainPID)"
for side in sender receiver; do
	pid=$(shown $side weir-link MainPID)
	is "weir-link of the $side runs as weir-link" "$(at $side stat -c %U "/proc/$pid")" weir-link
	# 12 is CAP_NET_ADMIN, 39 CAP_BPF
	is "and holds two capabilities, and can get no other" "$(status $side "$pid" 'Cap(Prm|Eff|Bnd)' | sort -u)" \
		"$(printf '%016x' $((1 << 12 | 1 << 39)))"
	is "it gains no privileges, and its table is closed" "$(status $side "$pid" '(NoNewPrivs|Seccomp)' | paste -sd' ')" "1 2"
done
mkfifo "$tmp/pipe"
push_as wang --route files - <"$tmp/pipe" >"$tmp/pushed" &
pusher=$!
exec 9>"$tmp/pipe"
echo "begins" >&9
seal_pid() {
	local pid
	pid=$(shown sender 'weir-seal@*' MainPID | grep '[1-9]')
	[[ -n $pid && $(at sender cat "/proc/$pid/comm") == weir-seal ]] && echo "$pid"
}
ok "a push has a weir-seal of its own" until_true 10 seal_pid
process sender weir-seal weir-seal "$(seal_pid)"
push_as wang --route files - <"$tmp/pipe" >"$tmp/pushed-too" 9>&- &
second=$!
seals() { shown sender 'weir-seal@*' MainPID | grep -c '[1-9]'; }
are_two() { (($(seals) == 2)); }
ok "a second one has another" until_true 10 are_two
push_as wang --route files /home/wang/people.csv >"$tmp/pushed-third" 9>&- &
third=$!
turned_away() { journal sender -u weir-seal.socket | grep -q 'Too many incoming connections'; }
ok "who comes when as many as may are at work is turned away by systemd" until_true 10 turned_away || box_logs 20
ok "and waits" kill -0 $third
exec 9>&-
wait $third
check $? "until there is room" || note "$(cat "$tmp/pushed-third")"
wait "$second"
check $? "the second ends well" || note "$(cat "$tmp/pushed-too")"
wait "$pusher"
check $? "and ends well" || note "$(cat "$tmp/pushed")"
is "the socket of weir-seal's is for it alone" "$(at sender stat -c '%U %a' /run/weir-sender/intake.sock)" "weir-seal 600"

# ---- the ledger's timer, and a watched folder ----

ok "the timer waits for the night" is_active sender weir-ledger-send.timer
said=$(at sender systemctl start weir-ledger-send.service 2>&1; journal sender -u weir-ledger-send)
bundle=$(bundle_in "$said")
like "what it starts sends the ledger" "$bundle" "^ledger-"
ok "which is delivered" until_true 30 is_here "$bundle"

drop=/var/spool/weir-drop/tax
at sender sh -c "install -d -o weir-drop -g weir-drop -m 751 $drop && install -d -o weir-drop -g wang -m 2770 $drop/in && usermod -a -G wang weir-drop"
"$build/weir-outbox" order new --registry "$site/registry" --roots "$site/roots" --route tax --from "$(date -u +%F)" \
	--until "$(date -u -d '5 days' +%F)" --window 00:00-24:00 --max-bytes '1 MiB' --max-records 100 --pushes 9 --kind push \
	--machine night-job -o "$tmp/tax.order" >"$tmp/said" 2>&1 &&
	"$build/weir-outbox" order sign "$tmp/tax.order" --key "$keys/wang-mei.key" >>"$tmp/said" 2>&1
check $? "a person signs an order for the night" || note "$(cat "$tmp/said")"
install -m 600 "$keys/night-job.key" "${root[sender]}/etc/weir/drop/tax.key"
install -m 644 "$tmp/tax.order" "${root[sender]}/etc/weir/drop/tax.order"
at sender systemctl start weir-drop@tax.path
drop_file() { as wang sender sh -c "cd && cp $1 new.csv && chmod 640 new.csv && mv new.csv $drop/in/$1"; }
drop_file people.csv
is_empty() { [[ -z $(ls -A "${root[sender]}$1") ]]; }
ok "what is moved into the folder is taken away" until_true 20 is_empty $drop/in || box_logs 40
bundle=$(bundle_in "$(journal sender -u 'weir-drop@tax.service')")
ok "and delivered" until_true 30 is_here "$bundle" || note "$(journal sender -u 'weir-drop@tax.service')"
is "nothing of it is left there" "$(cd "${root[sender]}$drop" && find . -type f)" ""
as wang sender ln -s /etc/hostname $drop/in/link.csv
told() { journal "$1" -u "weir-failure@*" | grep -F "the hook is told of $2" >/dev/null; }
ok "of what is refused, as a link to another file, the failure hook is told" until_true 20 told sender weir-drop@tax.service
ok "and it is taken away, too" is_empty $drop/in
is "and lies beside its reason" "$(cd "${root[sender]}$drop" && find refused ! -type d | sed -E 's/[^/]*Z\.[A-Za-z0-9]*/TIME/' | sort)" \
	$'refused/TIME.why\nrefused/TIME/link.csv'

# ---- what hangs is started again ----

restarts() { shown "$1" "$2" NRestarts; }
# hang SIDE UNIT: it stands still; what is started again for it is the daemons of that side.
hang() { at "$1" sh -c "kill -STOP $(shown "$1" "$2" MainPID)"; }
is_another() { local pid; pid=$(shown "$1" "$2" MainPID); is_active "$1" "$2" && ((pid != 0 && pid != $3)); }
for pair in "weir-emit weir-catch" "weir-hold weir-keep"; do
	read -r first second <<<"$pair"
	hung_first=$(shown sender "$first" MainPID) hung_second=$(shown receiver "$second" MainPID)
	since=$SECONDS
	hang sender "$first"
	hang receiver "$second"
	ok "a $first that hangs is started again" until_true 40 is_another sender "$first" "$hung_first" || box_logs 40
	ok "a $second that hangs is started again" until_true 40 is_another receiver "$second" "$hung_second" || box_logs 40
	note "after $((SECONDS - since)) s"
done
ok "the failure hook is told of it on the sender" told sender weir-hold.service:watchdog
ok "and on the receiver" told receiver weir-keep.service:watchdog
said=$(push_as wang --route tax /home/wang/people.csv)
bundle=$(bundle_in "$said")
ok "what is pushed then is delivered" until_true 40 is_here "$bundle" || box_logs 40

# ---- a restart loses nothing ----

head -c 60000000 /dev/urandom >"${root[sender]}/home/wang/large"
arrived() { jq -r .counters.bytes "${root[receiver]}/var/lib/weir-receiver/vault/status.json"; }
before=$(arrived)
said=$(push_as wang --route files /home/wang/large)
bundle=$(bundle_in "$said")
is_under_way() { (($(arrived) > before + 5000000)); }
ok "a large bundle is on its way" until_true 20 is_under_way || note "$said"
at receiver systemctl restart weir-keep.service
ok "weir-keep and weir-catch, started again meanwhile, have it whole" until_true 60 is_here "$bundle" || box_logs 40
like "and had nothing of it to repair" "$(journal receiver -u weir-keep | grep "E2010.*'$bundle'")" "."
note "$(journal receiver -u weir-keep | grep "E2010.*'$bundle'")"

has_ended() {
	local unit
	for unit in $(daemons_of "$1"); do [[ $(shown "$1" "$unit" ActiveState) == inactive ]] || return 1; done
}
before=$(arrived)
said=$(push_as wang --route files /home/wang/large)
bundle=$(bundle_in "$said")
ok "another one is on its way" until_true 20 is_under_way
for side in sender receiver; do
	stopped=$(date +%s%N)
	at $side systemctl stop weir-$side.target
	ok "all of the $side stops when it is told to" until_true 10 has_ended $side || box_logs 40
	note "after $((($(date +%s%N) - stopped) / 1000000)) ms"
	for unit in $(daemons_of $side); do
		is "$unit ended by itself" "$(shown $side "$unit" Result)" success
	done
	is "no process of it is left" "$(at $side sh -c 'cat /proc/[0-9]*/comm' 2>/dev/null | grep '^weir-')" ""
done
for side in receiver sender; do at $side systemctl start weir-$side.target; done
ok "started again, they deliver it" until_true 60 is_here "$bundle" || box_logs 40

# ---- a layer that is missing ----

# refuses SIDE UNIT WORDS: it is down, and has said why since the layer went
refuses() { ! is_active "$1" "$2" && journal "$1" -u "$2" --since "@$gone_s" | grep -E "$3" >/dev/null; }
gone_s=$(date +%s)
in_receiver ip link set "$device" multicast on
in_sender nft delete table netdev weir_sender
for unit in weir-keep weir-catch; do
	ok "without the layer multicast $unit does not run, and says what to type" \
		until_true 20 refuses receiver $unit "ip link set dev $device multicast off" || box_logs 40
done
for unit in weir-hold weir-emit; do
	ok "without the layer nft $unit does not run, and says what to type" \
		until_true 20 refuses sender $unit "systemctl restart weir-link" || box_logs 40
done
note "$(journal sender -u weir-emit --since "@$gone_s" | grep -m 1 nft)"
in_receiver ip link set "$device" multicast off
at sender systemctl restart weir-link
for side in sender receiver; do
	# shellcheck disable=SC2046 # words
	ok "when it is back the $side runs" until_true 20 runs $side $(daemons_of $side) || box_logs 40
done

# ---- every probe ----

# Twins of them: in a unit that takes nothing away, and outside the containers, which take some things themselves.
for side in sender receiver; do at $side systemctl start twin.service; done
"$build/tests/lib/probe" outside >"$tmp/outside"
probes() { journal "$1" | sed -nE "s/^probe $2 ([a-z0-9-]+) $3.*/\1/p" | sort -u; }
tried=$(probes sender twin '' | wc -l)
is "as many things are tried as common/SECURITY.md says" "$tried" "$(sed -nE 's/.*56-booted.sh` tries ([0-9]+) things.*/\1/p' "$top/common/SECURITY.md")"
is "without a sandbox each of them succeeds" \
	"$({ probes sender twin could; probes receiver twin could; awk '$4 == "could" { print $3 }' "$tmp/outside"; } | sort -u)" \
	"$(probes sender twin '')"
declare -A expected=([weir-hold]="spool spool-write" [weir-emit]=spool [weir-ledger-send]="spool spool-write"
	[weir-keep]="vault vault-write" [weir-link]="bpf capabilities netlink nic")
for side in sender receiver; do
	for unit in ${units[$side]}; do
		is "$unit: each was tried" "$(probes $side "$unit" '' | wc -l)" "$tried"
		is "$unit: and refused, but what it is for" "$(probes $side "$unit" could | paste -sd' ')" "${expected[$unit]:-}"
	done
done

nothing_came_back
done_testing
