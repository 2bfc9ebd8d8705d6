#!/usr/bin/env bash
# One large bundle, and what it takes of memory: 1 GiB; with BUDGET, as the time allows, 8 GiB.
# The limits are those that common/SECURITY.md states.  Keeps a processor busy.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
seal_limit_mib=192 hold_limit_mib=128 keep_limit_mib=768
gib=1
((${BUDGET:-0} >= 240)) && gib=8
rate='1 Gbit/s'
link_start 9000
site_make
receiver_up
sender_up
memory_watch

large() { "$build/tests/lib/export" --random $((gib << 30)) --seed "$SEED"; }
started=$SECONDS
push files - -- "$build/tests/lib/export" --random $((gib << 30)) --seed "$SEED"
check $? "$gib GiB are pushed" || note "$pushed"
note "pushed after $((SECONDS - started)) s"
ok "$gib GiB are delivered" wait_delivered "$bundle" $((gib * 60))
note "delivered after $((SECONDS - started)) s"
ok "$gib GiB are the same bytes" cmp <(open_bundle "$bundle" -) <(large)
note "opened after $((SECONDS - started)) s"

for name in weir-seal weir-hold weir-emit weir-catch weir-keep; do
	note "$name: at most $(memory_peak $name) MiB"
done
# at_most NAME MIB: it was seen, and stayed below.
at_most() { (($(memory_peak "$1") > 0 && $(memory_peak "$1") <= $2)); }
ok "weir-seal stays under $seal_limit_mib MiB" at_most weir-seal $seal_limit_mib
ok "weir-hold stays under $hold_limit_mib MiB" at_most weir-hold $hold_limit_mib
ok "weir-keep stays under $keep_limit_mib MiB" at_most weir-keep $keep_limit_mib
nothing_came_back
done_testing
