# shellcheck shell=bash disable=SC2034 # what it sets is for its callers
# kills.sh: the n-th system call of a program is its last, whoever makes it: this code, libc by itself, or the loader
# (strace --inject=CALL:signal=KILL:when=N; the call is not made).  Brings faults.sh and system.sh with it.
#
#   kills_start              after site_make: stand-ins (tests/lib/stand-in) in the place of the programs of both boxes
#   record_start PROGRAM FILE COMMAND…, record_work PROGRAM FILE COMMAND…    what strace has seen: from the next start,
#                            or from now on, until the command has ended; it is killed before and behind the first
#   cases_in FILE, cases_at_start FILE    one line "CLASS THREAD CALL N" each; CLASS is "changes" or "other"; no call is
#                            tried beyond its occurrence number $most
#   in_order N               of the lines on stdin N, two in three of which change something, by SEED; with BUDGET all
#                            of those, then all others
#   last_call CALL N         strace's options for that
#   plan_start PROGRAM OPTION…       the next start of this program is made under strace with these
#   attach PROGRAM THREAD CALL N, detach     from now on, in a thread that runs; strace counts in each thread by itself
#   deaths PROGRAM, has_died PROGRAM COUNT   how many of it were killed
#   kill_now PROGRAM         also that one is counted
#   is_another PROGRAM PID, has_threads PROGRAM COUNT

# shellcheck source=tests/lib/faults.sh
. "$(dirname "${BASH_SOURCE[0]}")/faults.sh"

strace_pid='' # while it is attached
LINGER_S=1     # behind a recorded piece of work: a heartbeat

kills_start() {
	local name
	export KILLS=$tmp/kills KILLS_BUILD=$build KILLS_SPOOL=$sender/spool KILLS_VAULT=$receiver/vault
	mkdir "$KILLS" "$KILLS/seen" "$tmp/programs"
	for name in "$build"/weir-*; do
		[[ $name == *.* ]] || ln -s "$name" "$tmp/programs/"
	done
	ln -s "$build/tests" "$tmp/programs/"
	# who starts the others finds them where it lies itself
	cp --remove-destination "$build"/weir-{sender,receiver} "$tmp/programs/"
	for name in weir-{hold,seal,emit,catch,keep}; do ln -sf "$top/tests/lib/stand-in" "$tmp/programs/$name"; done
	build=$tmp/programs
}

# ---- who is killed ----

process() { cat "$KILLS/$1.pid"; }
deaths() { if [[ -e $KILLS/$1.deaths ]]; then wc -l <"$KILLS/$1.deaths"; else echo 0; fi; }
has_died() { (($(deaths "$1") >= $2)); }
is_another() { [[ $(process "$1") != "$2" ]]; }
has_threads() { (($(threads "$1" | wc -l) >= $2)); }
kill_now() {
	local before
	before=$(deaths "$1")
	kill -KILL "$(process "$1")" 2>/dev/null
	until_true 10 has_died "$1" $((before + 1))
}
# The threads in the order in which they began.
threads() { find "/proc/$(process "$1")/task" -mindepth 1 -maxdepth 1 -printf '%f\n' 2>/dev/null | sort -n; }
thread_at() { threads "$1" | sed -n "$(($2 + 1))p"; }

last_call() { echo "-o /dev/null -e trace=$1 -e inject=$1:signal=KILL:when=$2"; }
plan_start() { echo "${*:2}" >"$KILLS/$1.plan.new" && mv "$KILLS/$1.plan.new" "$KILLS/$1.plan"; }

attach_to() {
	: >"$tmp/strace.said"
	strace "$@" 2>"$tmp/strace.said" &
	strace_pid=$!
	until_true 5 grep -qE 'attached|attach:' "$tmp/strace.said" && grep -q attached "$tmp/strace.said"
}
attach() {
	local thread
	thread=$(thread_at "$1" "$2")
	# shellcheck disable=SC2046 # options
	[[ -n $thread ]] && attach_to -p "$thread" $(last_call "$3" "$4")
}
detach() {
	[[ -n $strace_pid ]] || return 0
	kill "$strace_pid" 2>/dev/null
	wait "$strace_pid" 2>/dev/null
	strace_pid=''
}

# ---- what can be tried ----

record_start() {
	plan_start "$1" -o "$2"
	kill_now "$1" && "${@:3}" && kill_now "$1"
}

record_work() {
	threads "$1" >"$2.threads"
	attach_to -f -p "$(process "$1")" -o "$2" || return
	"${@:3}"
	sleep $LINGER_S
	detach
}

# Which thread a line is of: its place in FILE.threads, or "-", for whichever comes to its N-th call.
cases_of_log() {
	awk -v threads="$2" -v last="$most" '
		BEGIN { while ((getline id <threads) > 0) place[id] = count++ }
		$2 !~ /^[a-z_0-9]+\(/ { next }
		{
			call = $2
			sub(/\(.*/, "", call)
			if (call == "execve") # the one that made it a process; strace kills nobody there
				next
			thread = threads == "" ? "-" : place[$1]
			n = ++seen[$1, call]
			if (thread == "" || n > last || (thread == "-" && n <= highest[call]))
				next
			if (thread == "-")
				highest[call] = n
			changes = call ~ /^(p?writev?|pwrite64|pwritev2|sendto|sendmsg|recvfrom|recvmsg|accept4|connect|close)$/ ||
				call ~ /^(f(data)?sync|syncfs|sync_file_range|fallocate|ftruncate|fchmod|utimensat)$/ ||
				call ~ /^(rename|link|unlink|symlink|mkdir)/ || call ~ /^exit(_group)?$/ ||
				(call ~ /^open/ && /O_(WRONLY|RDWR|CREAT)/) || (call == "mmap" && /MAP_SHARED/)
			print changes ? "changes" : "other", thread, call, n
		}' "$1"
}
cases_in() { cases_of_log "$1" "$1.threads"; }
cases_at_start() { cases_of_log "$1" ""; }

# Each call once, in disorder, then each of them once more, …
in_turn() { shuf --random-source=<(yes "$SEED") | awk '{ print ++seen[$2, $3], $0 }' | sort -s -n -k1,1 | cut -d' ' -f2-; }
in_order() {
	local cases changing=$(($1 * 2 / 3)) others=$(($1 - $1 * 2 / 3))
	cases=$(cat)
	[[ -z ${BUDGET:-} ]] || changing=-0 others=-0
	grep '^changes' <<<"$cases" | in_turn | head -n "$changing"
	grep '^other' <<<"$cases" | in_turn | head -n "$others"
}
