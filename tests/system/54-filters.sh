#!/usr/bin/env bash
# The filters that the kernel has of each running process, run for every call number, are what common/SECURITY.md
# says in section 5 and confine_base adds: no more and no less.  And whoever makes a forbidden call dies of it.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
link_start 1500
site_make
receiver_up
sender_up

# ---- what the page says ----

base=$(sed -n '/confine_base\[\] = {/,/^};/p' "$top/common/confine.c" | grep -oE '"[a-z0-9_]+"' | tr -d '"')
# said PROGRAM TABLE…: all that it may call, as the page has it, with what narrowed names stand for (confine.h)
said() {
	local program=$1 table words=$base
	shift
	for table in "$@"; do
		words+=" $(sed -n "/^    $program\$/,/^    weir-/p" "$top/common/SECURITY.md" |
			sed -n "s/^      $table: //p" | head -n 1)"
	done
	tr ' ' '\n' <<<"$words" | sed 's/^thread$/clone clone3 set_robust_list rseq sched_getaffinity rt_sigaction/' |
		tr ' ' '\n' | sed '/^$/d' | sort -u
}
narrow='^(mmap|mprotect|socket|prctl|ioctl|ethtool|bpf|clone|clone3)$'

# What arguments do to the narrowed ones: the same in every process.
cat >"$tmp/narrowed" <<'END'
mmap read:allowed write:allowed exec:killed read-exec:killed high-exec:killed
mprotect read:allowed write:allowed exec:killed read-exec:killed
socket unix:allowed inet:killed inet6:killed packet:killed netlink:killed xdp:killed high-inet:killed
prctl name:allowed no-new-privs:allowed dumpable:killed seccomp:killed ambient:killed securebits:killed
clone thread:allowed fork:killed vfork:killed user-namespace:killed
ioctl size:allowed settings:allowed waiting:allowed type:killed console:killed nic:killed flags:killed
ethtool size:killed settings:killed waiting:killed type:killed console:killed nic:allowed flags:killed
bpf lookup:allowed update:killed load:killed high-load:killed
END

# compare LABEL PID COUNT PROGRAM TABLE…: COUNT filters, the oldest of them, against these tables
compare() {
	local label=$1 pid=$2 count=$3 program=$4
	shift 3
	"$build/tests/lib/filter" table "$pid" "$count" >"$tmp/table" 2>"$tmp/trouble" ||
		note "$(cat "$tmp/trouble" "$tmp/table")"
	said "$@" >"$tmp/said"
	is "$label: what it may call whatever the arguments" "$(sed -n 's/^allowed //p' "$tmp/table" | sort)" \
		"$(grep -vE "$narrow" "$tmp/said")"
	is "$label: what it may call with some arguments alone" "$(sed -n 's/^narrowed //p' "$tmp/table" | sort)" \
		"$(while read -r call rest; do grep -qx "$call" "$tmp/said" && echo "${call/ethtool/ioctl} $rest"; done <"$tmp/narrowed" | sort)"
	is "$label: clone3 has no answer but that there is none, everything else kills, by other conventions too" \
		"$(grep -vE '^(allowed|narrowed|threads) ' "$tmp/table")" \
		"$(grep -qx clone3 "$tmp/said" && echo 'answered clone3 ENOSYS'; printf 'x32 killed\ni386 killed')"
	calls=$(grep -cE '^(allowed|narrowed|answered) ' "$tmp/table")
	note "$label: $calls calls, $(sed -n 's/^threads/threads/p' "$tmp/table")"
}
pid_for() { pid_of "$1" | head -n 1; }

# ---- the daemons ----

compare weir-hold "$(pid_for weir-hold)" 9 weir-hold allowed_calls
compare weir-keep "$(pid_for weir-keep)" 9 weir-keep calls
compare weir-emit "$(pid_for weir-emit)" 9 weir-emit calls
ok "weir-emit may make at most 30 calls ($calls)" test "$calls" -le 30
compare weir-catch "$(pid_for weir-catch)" 9 weir-catch calls
ok "weir-catch may make at most 30 calls ($calls)" test "$calls" -le 30

if [[ $link == namespaces ]]; then
	for box in "$sender_pid" "$receiver_pid"; do compare weir-link "$(pgrep -P "$box" -x weir-link)" 9 weir-link calls; done
fi

# ---- a push, and who carries it, in its midst ----

# begin_push: one that has begun and goes on when $tmp/go is there
begin_push() {
	rm -f "$tmp/half" "$tmp/go"
	"${at_sender[@]}" "$build/weir-outbox" push --config "$sender/sender.conf" --key "$keys/$person.key" \
		--route lines - -- bash -c "seq 20000; touch $tmp/half; until [ -e $tmp/go ]; do sleep 0.02; done; seq 9" \
		>"$tmp/push.log" 2>&1 &
	pusher=$!
	until_true 20 test -e "$tmp/half" || note "$(cat "$tmp/push.log")"
	until_true 20 pid_of weir-seal >/dev/null
}
# end_push: lets it go on; its exit status
end_push() {
	touch "$tmp/go"
	wait $pusher
}

begin_push
seal=$(pid_for weir-seal)
compare "weir-seal, before plaintext comes" "$seal" 1 weir-seal first_calls
compare "weir-seal, when it comes" "$seal" 9 weir-seal second_calls
compare "weir-outbox in a push" $pusher 9 weir-outbox allowed_calls
end_push
check $? "whoever was looked at goes on: the push is accepted" || note "$(cat "$tmp/push.log")"
bundle=$(grep -oE 'lines-[0-9]{6,}' "$tmp/push.log" | tail -n 1)
ok "and delivered" wait_delivered "$bundle"

# ---- weir-inbox, with a pipe that nobody empties yet ----

mkfifo "$tmp/pipe"
"${at_receiver[@]}" "$build/weir-inbox" open --config "$receiver/receiver.conf" --key "$keys/$recipient.key" \
	--psk "$keys/psk/$recipient.key" "$bundle" - >"$tmp/pipe" 2>"$tmp/open.log" &
opener=$!
exec {pipe}<"$tmp/pipe"
has_filter() { grep -q '^Seccomp:.*2' "/proc/$1/status" 2>/dev/null; }
ok "weir-inbox is in the midst of a command" until_true 20 has_filter $opener
compare "weir-inbox open" $opener 9 weir-inbox reading_calls writing_calls
cat <&$pipe >"$tmp/opened"
exec {pipe}<&-
wait $opener
check $? "whoever was looked at goes on: all of it is opened ($(wc -l <"$tmp/opened") lines)" || note "$(cat "$tmp/open.log")"

# ---- whoever makes a forbidden call ----

call() { "$build/tests/lib/filter" call "$@" 2>&1; }
# dies NAME CALL ARG…: the real process makes this call, and another one takes its place
dies() {
	local name=$1 old new
	shift
	old=$(pid_for "$name")
	is "$name dies of $*" "$(call "$old" "$@")" "killed by SIGSYS"
	renewed() { new=$(pid_for "$name") && [[ -n $new && $new != "$old" ]] && has_filter "$new"; }
	ok "and is started again" until_true 20 renewed
}
for name in weir-hold weir-emit weir-catch weir-keep; do
	pid=$(pid_for $name)
	is "$name makes a call that is allowed, and goes on" "$(call "$pid" getpid)" "returned $pid"
done
dies weir-emit recvfrom 0 0 0 0 0 0
dies weir-emit socket 2 2 0
dies weir-emit execve 0 0 0
dies weir-catch sendto 0 0 0 0 0 0
dies weir-catch openat -100 0 0 0
dies weir-catch mmap 0 4096 5 34 -1 0
dies weir-hold socket 2 2 0
dies weir-hold execve 0 0 0
dies weir-hold ptrace 0 0 0 0
dies weir-keep recvfrom 0 0 0 0 0 0
dies weir-keep socket 17 3 0
dies weir-keep execve 0 0 0
if [[ $link == namespaces ]]; then
	dies weir-link socket 2 2 0
	dies weir-link bpf 5 0 0 # loads a program
	dies weir-link execve 0 0 0
fi

# One push for each call: nothing comes of it, and nothing of it stays.
until_true 20 sender_answers
for what in "openat -100 0 0 0" "socket 1 1 0" "connect 0 0 0"; do
	begin_push
	seal=$(pid_for weir-seal)
	# shellcheck disable=SC2086 # words
	is "weir-seal dies of $what" "$(call "$seal" $what)" "killed by SIGSYS"
	end_push
	check $((! $?)) "and its push is refused"
done
push lines "$tmp/opened"
check $? "after all of them a push is accepted" || note "$pushed"
ok "and delivered" wait_delivered "$bundle" 60
ok "there are no gaps" no_gaps

# ---- a link test, in the place of the daemons ----

receiver_down
sender_down
sed 's/^interface.*//; s/^absent.*//; s/^\[link\]/&\nabsent = all/' "$sender/sender.conf" >"$sender/test.conf"
sed 's/^interface.*//; s/^absent.*//; s/^\[link\]/&\nabsent = all/' "$receiver/receiver.conf" >"$receiver/test.conf"
chmod 600 "$sender/test.conf" "$receiver/test.conf"
"${at_receiver[@]}" "$build/weir-receiver" link-test --config "$receiver/test.conf" >"$tmp/listens" 2>&1 &
listens=$!
on_exit "kill $listens 2>/dev/null"
# begins: a sender in its test; refused while the page of weir-emit is fresh
begins() {
	"${at_sender[@]}" "$build/weir-sender" link-test --config "$sender/test.conf" --yes --to "20 Mbit/s" --seconds 600 \
		>"$tmp/sends" 2>&1 &
	sends=$!
	until_true 5 has_filter "$sends"
}
until_true 20 begins
check $? "a link test is under way" || note "$(cat "$tmp/sends")"
on_exit "kill $sends 2>/dev/null"
ok "and somebody listens to it" until_true 20 has_filter $listens
compare "weir-sender link-test" "$sends" 9 weir-sender test_calls
compare "weir-receiver link-test" $listens 9 weir-receiver test_calls
is "whoever sends a link test dies of recvfrom" "$(call "$sends" recvfrom 0 0 0 0 0 0)" "killed by SIGSYS"
is "whoever listens dies of sendto" "$(call $listens sendto 0 0 0 0 0 0)" "killed by SIGSYS"
nothing_came_back
done_testing
