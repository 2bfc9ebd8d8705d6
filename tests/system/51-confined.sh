#!/usr/bin/env bash
# What the running processes may do, and where plaintext is: common/SECURITY.md 2 and 5.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
link_start 1500
site_make
receiver_up
sender_up

# A push that stays in the middle, so that weir-seal can be looked at.
canary="CANARY-$SEED-甲乙丙丁"
{ for _ in {1..20000}; do echo "$canary"; done; } >"$tmp/canaries"
"${at_sender[@]}" "$build/weir-outbox" push --config "$sender/sender.conf" --key "$keys/$person.key" \
	--route lines - -- bash -c "cat $tmp/canaries; touch $tmp/half
	until [ -e $tmp/go ]; do sleep 0.02; done; cat $tmp/canaries" >"$tmp/push.log" 2>&1 &
pusher=$!
until_true 20 test -e "$tmp/half" || note "$(cat "$tmp/push.log")"

field() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"; }
none=0000000000000000
two=0000008000001000 # CAP_BPF and CAP_NET_ADMIN
# confined NAME PID CAPABILITIES: what every process of both boxes is like
confined() {
	local name=$1 pid=$2 held=$3
	ok "$name runs" test -n "$pid" || return
	is "$name holds $([[ $held == "$none" ]] && echo no capability || echo its two capabilities, and no other)" \
		"$(field "$pid" CapPrm) $(field "$pid" CapEff) $(field "$pid" CapInh) $(field "$pid" CapAmb)" \
		"$held $held $none $none"
	is "$name cannot gain privileges" "$(field "$pid" NoNewPrivs)" 1
	is "$name is under a system-call filter" "$(field "$pid" Seccomp)" 2
	is "$name leaves no core" "$(awk '/Max core file size/ { print $5, $6 }' "/proc/$pid/limits")" "0 0"
}
for name in weir-seal weir-hold weir-emit weir-catch weir-keep; do
	confined $name "$(pid_of $name | head -n 1)" $none
done
if [[ $link == namespaces ]]; then
	for box in "$sender_pid" "$receiver_pid"; do confined weir-link "$(pgrep -P "$box" -x weir-link)" $two; done
	is "weir-catch has asked for the niceness that its page names" "$(ps -o ni= -p "$(pid_of weir-catch)" | tr -d ' ')" -10
	is "and its unit says the same" "$(grep -h ^Nice= "$top/systemd/weir-catch.service")" Nice=-10
	is "and so has weir-keep, with all its threads" "$(ps -L -o ni= -p "$(pid_of weir-keep)" | tr -d ' ' | sort -u)" -5
	is "as its unit says" "$(grep -h ^Nice= "$top/systemd/weir-keep.service")" Nice=-5
fi

# Descriptors that a process has open and what may be done with them.
sockets() { find "/proc/$1/fd" -lname 'socket:*' 2>/dev/null | wc -l; }
written() {
	local fd
	for fd in "/proc/$1"/fdinfo/*; do
		grep -qE '^flags:[[:space:]]*[0-9]*[12]$' "$fd" && readlink "/proc/$1/fd/${fd##*/}"
	done | grep -vE '^(socket|pipe|anon_inode|/dev/null|/memfd)' | grep -vF "$sender/log" | sort -u
}
is "weir-seal has no file open for writing" "$(written "$(pid_of weir-seal | head -n 1)")" ""
is "weir-keep has no socket of a network" \
	"$(for inode in $(find "/proc/$(pid_of weir-keep)/fd" -lname 'socket:*' -printf '%l\n' | tr -dc '0-9\n'); do
		in_receiver grep -wF "$inode" /proc/net/udp /proc/net/tcp /proc/net/raw
	done)" ""

local_sockets() { find "/proc/$1/fd" -lname 'socket:*' -printf '%l\n' | tr -dc '0-9\n' | sort -u; }
is "every socket of weir-keep is a local one" \
	"$(local_sockets "$(pid_of weir-keep)" | while read -r inode; do
		in_receiver grep -qwF "$inode" /proc/net/unix || echo "$inode"
	done)" ""

# found_in DIRECTORY: files below it that hold the plaintext.
found_in() { grep -rlaF "$canary" "$1" 2>/dev/null; }
is "while it is pushed, plaintext is in no file of the sender" "$(found_in "$sender")" ""
touch "$tmp/go"
wait $pusher
check $? "the push is accepted" || note "$(cat "$tmp/push.log")"
bundle=$(grep -oE 'lines-[0-9]{6,}' "$tmp/push.log" | tail -n 1)
ok "it is delivered" wait_delivered "$bundle"
is "after it, plaintext is in no file of the sender" "$(found_in "$sender")" ""
is "plaintext is in no file of the receiver" "$(found_in "$receiver")" ""
is "it is there for its recipient" "$(open_bundle "$bundle" - | grep -cF "$canary")" 40000

# Whoever dies is started again, and nothing is lost by it.
for name in weir-hold weir-emit weir-catch weir-keep; do
	old=$(pid_of $name)
	kill -9 "$old"
	renewed() { local new; new=$(pid_of "$name") && [[ $new != "$old" ]]; }
	ok "$name is started again after a kill" until_true 20 renewed
	until_true 20 sender_answers
	push lines "$tmp/canaries"
	check $? "after a kill of $name a push is accepted" || note "$pushed"
	ok "after a kill of $name it is delivered" wait_delivered "$bundle" 60
done
ok "there are no gaps" no_gaps
receiver_down
check $? "the receiver ends in order" || logs
sender_down
check $? "the sender ends in order" || logs
nothing_came_back
done_testing
