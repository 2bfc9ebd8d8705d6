#!/usr/bin/env bash
# Ten people push at once; this file runs under the sanitizers too, and under the thread sanitizer.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
link_start 1500
site_make
receiver_up
sender_up

# push_as PERSON SIZE: in the background; what came of it in files.
push_as() {
	person=$1
	"$build/tests/lib/export" --random "$2" --seed "$SEED$2" >"$tmp/$person.in"
	push files "$tmp/$person.in"
	echo "$? $bundle" >"$tmp/$person.done"
	echo "$pushed" >"$tmp/$person.log"
}

size=1000
pids=()
for name in $people; do
	push_as "$name" $size &
	pids+=($!)
	size=$((size * 3))
done
wait "${pids[@]}"

for name in $people; do
	read -r status bundle <"$tmp/$name.done"
	is "$name's push is accepted" "$status" 0 || note "$(cat "$tmp/$name.log")"
	ok "$name's bundle is delivered" wait_delivered "$bundle" 60
	is "$name's bytes are the same" "$(open_bundle "$bundle" - | b2sum)" "$(b2sum <"$tmp/$name.in")"
	is "$name is who pushed it" \
		"$(inbox show --json --config "$receiver/receiver.conf" "$bundle" | jq -r .person)" "$name"
done
is "each has a number of its own" "$(cut -d' ' -f2 "$tmp"/*.done | sort -u | wc -l)" 10
ok "there are no gaps" no_gaps
nothing_came_back
done_testing
