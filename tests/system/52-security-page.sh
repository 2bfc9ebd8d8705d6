#!/usr/bin/env bash
# The list of section 5 of common/SECURITY.md is what sources and programs say.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
cd "$top" || exit 1

tests/lib/security-table "$build" >"$tmp/is"
sed -n '/^    weir-/,/^$/p' common/SECURITY.md | sed '/^$/d' >"$tmp/said"
is "libraries and system calls of every process are as common/SECURITY.md says" \
	"$(diff "$tmp/said" "$tmp/is")" ""
is "ten programs are in it" "$(grep -c '^    weir-' "$tmp/said")" 10

# What the tables must never hold, whoever writes them.
never() { # PROGRAM CALL…
	local program=$1 call
	shift
	for call in "$@"; do
		is "weir-$program cannot $call" \
			"$(sed -n "/^    weir-$program\$/,/^    weir-/p" "$tmp/is" | grep -cw -- "$call")" 0
	done
}
never emit read readv recvfrom recvmsg recvmmsg socket connect bind listen accept4 write pwrite64 execve
never catch open openat openat2 sendto sendmsg sendmmsg socket connect write writev execve
never keep recvfrom recvmsg socket connect bind listen execve
never hold socket connect bind listen execve fork clone
never seal bind listen accept4 socket connect execve pwrite64
never inbox socket connect bind sendto sendmsg execve
never link socket bind connect listen accept4 recvfrom execve ioctl unlinkat pwrite64 fork clone thread
never sender read readv pread64 recvfrom recvmsg recvmmsg socket connect bind listen accept4 execve fork clone thread
never receiver sendto sendmsg sendmmsg socket connect bind listen accept4 writev execve fork clone thread
limit() { # PROGRAM: how many it allows, base included
	local base
	base=$(sed -n '/confine_base\[\] = {/,/^};/p' common/confine.c | grep -oE '"[a-z0-9_]+"' | wc -l)
	echo $((base + $(sed -n "/^    weir-$1\$/,/^    weir-/p" "$tmp/is" | sed -n 's/^      [a-z_]*calls: //p' | wc -w)))
}
for program in emit catch; do
	ok "weir-$program allows at most 30 calls ($(limit $program))" test "$(limit $program)" -le 30
done
done_testing
