#!/usr/bin/env bash
# Several bundles travel at once: a small one does not wait behind a big one, and what the big one loses
# harms no other.  Counts on time.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
rate='20 Mbit/s'
link_start 1500
# Of every bundle number 1, also that of the registry, more rows than can be repaired.
relay_start --drop-row 1:0:0:40
site_make
receiver_up
sender_up

"$build/tests/lib/export" --random 30000000 --seed "$SEED" >"$tmp/big"
"$build/tests/lib/export" --random 20000 --seed "$SEED" >"$tmp/small"
push files "$tmp/big"
check $? "a big bundle is pushed" || note "$pushed"
big=$bundle
# The small ones are number 2 and up, on the same route and on another.
smalls=()
for route in files three three files files; do
	push $route "$tmp/small"
	check $? "a small one is pushed on route $route" || note "$pushed"
	[[ $bundle == three-000001 ]] || smalls+=("$bundle")
done
for bundle in "${smalls[@]}"; do
	ok "$bundle is delivered" wait_delivered "$bundle" 20
done
state_is() { # of the big one; list knows it to a fifth of a second
	[[ $(outbox list --json --config "$sender/sender.conf" | jq -r --arg n "$big" '.[] | select(.name == $n) | .state') == "$1" ]]
}
ok "the big one is still on its way then" until_true 2 state_is sending
for bundle in "${smalls[@]}"; do
	is "$bundle is the same bytes" "$(open_bundle "$bundle" - 2>/dev/null | b2sum)" "$(b2sum <"$tmp/small")"
done

ok "the big one is sent to its end" until_true 60 state_is sent
push three "$tmp/small"
check $? "another is pushed" || note "$pushed"
ok "and delivered" wait_delivered "$bundle" 20
inbox gaps --config "$receiver/receiver.conf" >"$tmp/gaps"
is "what the big one lost is known" "$?" 4
is "and no other number is missing" "$(grep -oE '^[a-z]+-[0-9]{6}' "$tmp/gaps" | sort | tr '\n' ' ')" "$big registry-000001 three-000001 "
relay_stop
nothing_came_back
done_testing
