#!/usr/bin/env bash
# weir-keep is killed again and again while a large bundle arrives: not one datagram is lost, though much of what had come was
# gathered in its memory and neither written nor noted.  The disk loses nothing either, so the bundle is whole after one pass.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
mib=120 kills=4
((${BUDGET:-0} >= 120)) && mib=800 kills=30
rate='200 Mbit/s'
receiver_lines="rate = $rate"$'\n'"ride_out_stall_ms = 3000"
link_start 9000
site_make
receiver_up
sender_up
status() { jq -r "$1" "$receiver/vault/status.json"; }
"$build/tests/lib/export" --random $((mib << 20)) --seed "$SEED" >"$tmp/in"
push files "$tmp/in"
check $? "a large bundle is pushed" || note "$pushed"
direct() { # PID: whether it has the object open past the cache (O_DIRECT is 040000)
	local fd flags
	for fd in /proc/"$1"/fd/*; do
		[[ $(readlink "$fd") == */partial/*/object ]] || continue
		flags=$(sed -n 's/^flags:[[:space:]]*//p' "/proc/$1/fdinfo/${fd##*/}" 2>/dev/null)
		(((8#${flags:-0} & 8#40000) != 0)) && return 0
	done
	return 1
}
seen=0 killed=0
another() {
	local now
	now=$(pid_of weir-keep)
	[[ -n $now && $now != "${keep:-}" ]] && keep=$now
}
for ((i = 0; i < kills; i++)); do
	until_true 20 another || note "no other weir-keep"
	until_true 10 direct "$keep" && seen=$((seen + 1))
	sleep "0.$((RANDOM % 5 + 2))"
	kill -KILL "$keep" && killed=$((killed + 1))
done
is "it was killed so often" "$killed" "$kills"
ok "while it gathered, mostly: $seen times" test $((seen * 2)) -gt "$kills"
ok "the bundle is delivered" wait_delivered "$bundle" $((mib / 10))
is "in one pass, of which nothing was lost in ring and socket" \
	"$(status '[.counters.ring_drops, .counters.kernel_drops] | map(tostring) | join(" ")')" "0 0"
like "and nothing had to be repaired" "$(grep E2010 "$receiver/log")" "'$bundle' is in the vault: [0-9]* bytes, 0 symbols repaired"
ok "it is the same" cmp <(open_bundle "$bundle" -) "$tmp/in"
nothing_came_back
done_testing
