#!/usr/bin/env bash
# under-valgrind: a bundle crosses, and both boxes end, while each of their daemons but weir-link runs under valgrind, as
# do the commands that people give.  `make test-valgrind` calls it.  The tables of system calls are not loaded
# (tests/lib/untabled.c), since valgrind makes memory executable; that the programs keep to them is for the other tests.
# weir-link runs as it is: what it asks of the kernel with bpf and netlink is more than valgrind 3.19 knows.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
start_within=120
rate='10 Mbit/s' # slower than a weir-catch that is twenty times as slow as it is
seed_line
link_start 1500
site_make
found=$tmp/found
mkdir "$found"
under=(env LD_PRELOAD="$build/tests/lib/untabled.so" valgrind --quiet --error-exitcode=66 --leak-check=full --show-leak-kinds=definite
	--errors-for-leak-kinds=definite --num-callers=20
	--trace-children=yes --trace-children-skip='*/weir-link' --suppressions="$top/tests/lib/valgrind.supp"
	--log-file="$found/%p")
at_sender+=("${under[@]}")
at_receiver+=("${under[@]}")

# weir-seal comes with each push; the others are daemons.  Their processes are called as valgrind is.
daemons() { pgrep -P "$sender_pid,$receiver_pid" -f "$build/weir-(hold|emit|catch|keep) " | wc -l; }
nothing_found() {
	local report bad=0
	for report in "$found"/*; do
		[[ -s $report ]] || continue
		bad=1
		note "$(cat "$report")"
	done
	((bad == 0))
}

receiver_up
sender_up
all_run() { (($(daemons) == 4)); }
ok "four daemons run under valgrind" until_true 30 all_run
"$build/tests/lib/export" --random 100000 --seed "$SEED" >"$tmp/file"
push files "$tmp/file"
check $? "a file is pushed" || note "$pushed"
ok "it is delivered" wait_delivered "$bundle" 60
ok "it verifies" inbox verify --config "$receiver/receiver.conf" "$bundle"
ok "it opens" open_bundle "$bundle" -o "$tmp/out"
ok "it is the same bytes" cmp "$tmp/file" "$tmp/out/file"

push approved - -- "$build/tests/lib/export" --records 20 --seed "$SEED"
check $? "one that has to be approved is pushed" || note "$pushed"
for officer in lin-jun wu-ting; do
	ok "$officer approves it" as_officer "$officer" approve "$push_id"
done
bundle=approved-000001
ok "it is delivered, too" wait_delivered "$bundle" 60
ok "it opens, too" open_bundle "$bundle" -o "$tmp/approved"

# Not by wait: bash takes a process that valgrind lets go on for one that has ended.
gone() { ! kill -0 "$1" 2>/dev/null; }
ends() { kill "$1" && until_true 60 gone "$1"; }
ended_well() { grep -cE "weir-(hold|emit|catch|keep) \(pid [0-9]+\) ended with status 0$" "$sender/log" "$receiver/log"; }
ok "the sender ends" ends "$sender_pid" || logs
ok "the receiver ends" ends "$receiver_pid" || logs
is "each of the four has ended well" "$(ended_well | cut -d: -f2 | xargs)" "2 2"
ok "there is a report of every program" test "$(find "$found" -type f | wc -l)" -ge 10
ok "valgrind has found nothing" nothing_found
nothing_came_back
done_testing
