#!/usr/bin/env bash
# An outage of the link, or a restart of weir-keep, at any moment of a transfer costs nothing: nobody acts, and the
# idle link does not heal either.  At how many moments: six, or as many as BUDGET (seconds) allows.  The sweep over
# all moments is the simulator's.  Counts on time.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
RANDOM=$((SEED % 32768))
link_start 1500
relay_start --hold "$tmp/outage"
rate="40 Mbit/s"
# What a shell takes for an outage is longer than what it asks for.
link_lines="survive_outage_ms = 800"
outage=0.5
site_make
receiver_up
sender_up

# Sent in 25 ms, in about half the outage, in three times the outage.
sizes=(60000 1200000 12000000)
for size in "${sizes[@]}"; do "$build/tests/lib/export" --random "$size" --seed "$SEED" >"$tmp/in-$size"; done

# The moment in ms after the push has been accepted; its first datagram may be gone by then.
in_ms() { sleep "$(printf '0.%03d' "$1")"; }
link_outage() { touch "$tmp/outage" && sleep "$outage" && rm "$tmp/outage"; }
keep_restart() { kill -9 "$(pid_of weir-keep)"; }

one_moment() {
	local size=$1 what=$2 ms=$3
	push files "$tmp/in-$size" || { check 1 "a bundle of $size bytes is pushed"; note "$pushed"; return; }
	in_ms "$ms"
	"$what"
	ok "$size bytes, $what after $ms ms: delivered" wait_delivered "$bundle"
	is "the same bytes" "$(open_bundle "$bundle" - 2>"$tmp/err" | b2sum)" "$(b2sum <"$tmp/in-$size")"
}

end=$((SECONDS + ${BUDGET:-0}))
moments=0
while ((moments < 6 || SECONDS < end)); do
	size=${sizes[moments % 3]}
	what=link_outage
	((moments % 5 == 4)) && what=keep_restart
	one_moment "$size" "$what" $((RANDOM % (size == 12000000 ? 999 : 60)))
	((++moments))
done
note "$moments moments"
ok "gaps finds nothing missing" no_gaps

# While it was down: what the vault had stored is not all that is promised, and gaps does not say so for a moment.
receiver_down
lost=()
for n in 1 2 3; do
	push files "$tmp/in-60000" || check 1 "bundle $n is pushed while the receiver is down" || note "$pushed"
	lost+=("$bundle")
done
sleep 2
receiver_up
early=0
all_are_named() {
	inbox gaps --config "$receiver/receiver.conf" >"$tmp/gaps" && ((++early))
	[[ $(grep -cE "^(${lost[0]}|${lost[1]}|${lost[2]}) +lost as a whole" "$tmp/gaps") == 3 ]]
}
ok "what was pushed while it was down is named" until_true 30 all_are_named || note "$(cat "$tmp/gaps")"
is "and until then gaps never says that nothing is missing" "$early" 0

# The same without it: that the outages are ones is seen by what is lost.
sender_down
sed -i 's/^survive_outage_ms.*/survive_outage_ms = 0/' "$sender/sender.conf"
sender_up
push files "$tmp/in-12000000" # takes so long that the outage is in it however late it begins
check $? "a bundle is pushed that no outage is provided for" || note "$pushed"
in_ms 20
link_outage
sleep 2
ok "it is not delivered" test -z "$(vault_file "$bundle")"
like "gaps names it" "$(inbox gaps --config "$receiver/receiver.conf")" "$bundle"
relay_stop
ok "the relay lost what it was told to" test "$(relay_says lost)" -gt 0
nothing_came_back
done_testing
