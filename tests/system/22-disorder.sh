#!/usr/bin/env bash
# Reordering, duplicates, damaged datagrams, alone and together.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
link_start 1500
rate='160 Mbit/s'
relay_start --seed "$SEED"
site_make
receiver_up
sender_up
"$build/tests/lib/export" --random 20000000 --seed "$SEED" >"$tmp/in"

# through WHAT LOSS_PERMILLE OPTION…: a bundle crosses a relay that does this.
through() {
	local what=$1 loss=$2
	shift 2
	relay_stop
	relay_start "$@"
	push files "$tmp/in"
	check $? "$what: pushed" || note "$pushed"
	ok "$what: delivered" wait_delivered "$bundle" 60
	is "$what: the same bytes" "$(open_bundle "$bundle" - | b2sum)" "$(b2sum <"$tmp/in")"
	failure_line "$(object_bytes "$bundle")" "$loss"
}

through "reordered among 10,000 datagrams" 0 --reorder 10000
through "every third datagram twice" 0 --duplicate 333
through "one datagram of 50 damaged" 20 --damage 20
through "all of it at once" 20 --reorder 1000 --duplicate 200 --damage 10 --loss 10
ok "there are no gaps" no_gaps
is "nothing is refused" "$(ls "$receiver/vault/refused" 2>/dev/null)" ""
relay_stop
nothing_came_back
done_testing
