#!/usr/bin/env bash
# 2 % of the datagrams are lost at random, and one pass is enough.  Also under the thread sanitizer: weir-keep repairs in threads.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
link_start 1500
relay_start --loss 20
site_make
receiver_up
sender_up

# The seed of the relay is the test's; files differ in size by a factor of 4,000.
for size in 1 30000 400000 5000000 60000000 200000000; do
	"$build/tests/lib/export" --random $size --seed "$SEED" >"$tmp/in"
	push files "$tmp/in"
	check $? "$size bytes are pushed" || note "$pushed"
	ok "$size bytes arrive in one pass at 2 % loss" wait_delivered "$bundle" 60
	is "$size bytes are the same" "$(open_bundle "$bundle" - | b2sum)" "$(b2sum <"$tmp/in")"
	failure_line "$(object_bytes "$bundle")" 20
done
ok "there are no gaps" no_gaps
relay_stop
ok "the relay lost between 1.8 % and 2.2 %" \
	awk -v l="$(relay_says lost)" -v n="$(relay_says received)" 'BEGIN { exit !(l > n * 0.018 && l < n * 0.022) }'
nothing_came_back
done_testing
