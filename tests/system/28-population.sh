#!/usr/bin/env bash
# A whole population as one bundle, at 1 % loss, verified to the record count.  230,000 records; with BUDGET (seconds),
# as the time allows, all 23 million.  Prints how long it takes, and the most memory that each process took.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
records=230000
((${BUDGET:-0} >= 200)) && records=23000000
rate='1 Gbit/s'
link_start 9000
relay_start --loss 10
site_make
receiver_up
sender_up
memory_watch

export_all() { "$build/tests/lib/export" --records $records --seed "$SEED"; }
started=$SECONDS
push tax --records "$records" - -- "$build/tests/lib/export" --records $records --seed "$SEED"
check $? "$records records are pushed" || note "$pushed"
note "pushed after $((SECONDS - started)) s"
ok "they are delivered" wait_delivered "$bundle" 400
note "delivered after $((SECONDS - started)) s"
failure_line "$(object_bytes "$bundle")" 10
inbox verify --config "$receiver/receiver.conf" "$bundle" >"$tmp/verified" 2>&1
check $? "the receiving box verifies every byte, and can read none" || note "$(cat "$tmp/verified")"
open_bundle "$bundle" - 2>"$tmp/opened" | b2sum >"$tmp/sum"
is "they are the same bytes" "$(cat "$tmp/sum")" "$(export_all | b2sum)"
opened=$(tr -d , <"$tmp/opened")
like "and the same number of records" "$opened" "$records records"
note "opened after $((SECONDS - started)) s: $(cat "$tmp/opened")"
for name in weir-seal weir-hold weir-emit weir-catch weir-keep; do
	note "$name: at most $(memory_peak $name) MiB"
done
relay_stop
note "$(relay_says lost) of $(relay_says received) datagrams were lost"
nothing_came_back
done_testing
