# shellcheck shell=bash
# tap.sh: a test script prints one line a check.  A check's text is a sentence that is true when
# it passes.  Source it first; end with `done_testing`.
#
#   ok SENTENCE COMMAND…      the command succeeds
#   is SENTENCE GOT WANTED    two texts are equal
#   like SENTENCE GOT REGEX   a text matches an extended regular expression
#   check STATUS SENTENCE     STATUS is 0
#   skip SENTENCE REASON      could not be tried here; a failure under CI
#   note TEXT                 something for the reader of the log
#
# $tmp is a fresh directory, removed at the end together with what on_exit was told; end_on_exit PID ends a process.

set -uo pipefail
export LC_ALL=C.UTF-8
tests_run=0 tests_failed=0
exit_commands=()
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${BUILD:-build}
[[ $build == /* ]] || build=$top/$build
tmp=$(mktemp -d "${TMPDIR:-/tmp}/weir-test.XXXXXX")

note() { printf '%s\n' "$*" | sed 's/^/# /'; }

check() {
	tests_run=$((tests_run + 1))
	if (($1 == 0)); then
		echo "ok $tests_run - $2"
	else
		echo "not ok $tests_run - $2"
		tests_failed=$((tests_failed + 1))
	fi
	return "$1"
}

ok() {
	local sentence=$1 output status
	shift
	output=$("$@" 2>&1)
	status=$?
	check "$status" "$sentence" || note "exit status $status of: $*"$'\n'"$output"
	return "$status"
}

is() {
	[[ $2 == "$3" ]]
	check $? "$1" || { note "got    '${2:0:2000}'"; note "wanted '${3:0:2000}'"; return 1; }
}

like() {
	[[ $2 =~ $3 ]]
	check $? "$1" || { note "got    '${2:0:2000}'"; note "wanted something like '$3'"; return 1; }
}

skip() {
	tests_run=$((tests_run + 1))
	echo "ok $tests_run - $1 # SKIP $2"
}

# on_exit COMMAND: runs at the end, last one first, whatever happened.
on_exit() { exit_commands+=("$1"); }
# A process that has ended long before may have left its number to somebody else's: only what is of our process group.
end_on_exit() { on_exit "end_own $1"; }
end_own() {
	[[ $(group_of "$1") == "$(group_of $$)" ]] || return 0
	kill "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}
group_of() { sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f3; }

leave_tidy() {
	local i
	# The deadline of a `read -t` that was interrupted stays with bash 5.2, and its next substitution would crash: a new one ends it.
	read -rt 1 <<<""
	for ((i = ${#exit_commands[@]} - 1; i >= 0; i--)); do
		eval "${exit_commands[i]}"
	done
	if [[ -n ${KEEP:-} ]]; then note "kept: $tmp"; else rm -rf "$tmp"; fi
}
trap leave_tidy EXIT
# Who ends a group of processes may tell its first one twice (timeout(1) does), and a second time would end the leaving.
trap 'trap "" INT TERM HUP; exit 1' INT TERM HUP

done_testing() {
	echo "1..$tests_run"
	exit $((tests_failed > 0))
}

# SEED from the environment, or from the clock; printed, so that a run can be repeated.
SEED=${SEED:-$(date +%s%N)}
seed_line() { note "SEED=$SEED"; }

# until_true SECONDS COMMAND…: asks again until it succeeds; fails after the deadline.  Between two questions pass
# 20 ms; twice what the last one took, since who asks is not to take the processor from who is asked; and a twentieth
# of what has been waited.
until_true() {
	local deadline=$((SECONDS + $1)) began=${EPOCHREALTIME/./} asked pause_us
	shift
	while asked=${EPOCHREALTIME/./} && ! "$@"; do
		((SECONDS < deadline)) || return 1
		pause_us=$(((${EPOCHREALTIME/./} - asked) * 2))
		((pause_us >= (asked - began) / 20)) || pause_us=$(((asked - began) / 20))
		printf -v pause_us '%06d' $((pause_us < 20000 ? 20000 : pause_us > 200000 ? 200000 : pause_us))
		sleep "0.$pause_us"
	done
}
