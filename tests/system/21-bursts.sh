#!/usr/bin/env bash
# Bursts of every length up to the repair rows at every position of a small bundle: a sample of them,
# or, with BUDGET, one after another as long as the time allows, from a seeded start.
#
# Each bundle that is pushed meets a burst of its own.  A burst is of consecutive datagrams, and as long
# as one to r rows; a column of the block then loses at most r symbols, wherever the burst begins.  Counts on time.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
link_start 1500
bytes=60000
read -r k r row _ datagrams _ < <("$build/tests/lib/failure" 114688 0 1500)
per_row=$(((row + 1407) / 1408))
all=$((datagrams * r * per_row))
count=150
[[ -n ${BUDGET:-} ]] && count=$all
note "k=$k r=$r, $per_row datagrams a row, $datagrams in the bundle: $all bursts; at most $count of them here"

# Position and length of the n-th: a step that shares no factor with their number visits all of them.
step=7919
while ((all % step == 0)); do step=$((step + 2)); done
start=$((SEED % all))
burst() {
	local i=$(((start + $1 * step) % all))
	echo "$((1 + i % datagrams)) $((1 + i / datagrams))"
}
for ((n = 0; n < count; n++)); do burst $n; done >"$tmp/bursts"
relay_start --bursts "$tmp/bursts"
site_make
receiver_up
sender_up

"$build/tests/lib/export" --random $bytes --seed "$SEED" >"$tmp/in"
tried=0 pushed_all=0
while ((tried < count)) && ((tried == 0 || SECONDS < ${BUDGET:-600})); do
	push files "$tmp/in" || { pushed_all=1; note "$pushed"; break; }
	tried=$((tried + 1))
done
check $pushed_all "$tried bundles are pushed, each with a burst of its own"
arrived() { (($(find "$receiver/vault/bundles" -name 'files-*.weir' | wc -l) >= tried)); }
ok "all $tried bursts are repaired in one pass" until_true 60 arrived ||
	note "$(inbox gaps --config "$receiver/receiver.conf")"
is "the object has the length that the bursts are counted by" "$(object_bytes "$bundle")" 114688
wrong=0
for file in "$receiver"/vault/bundles/*/files-*.weir; do
	open_bundle "$(basename "$file" .weir)" - 2>>"$tmp/open.err" | cmp -s - "$tmp/in" || wrong=$((wrong + 1))
	((tried > 200 && SECONDS > ${BUDGET:-600} + 60)) && break
done
is "and not one byte differs" "$wrong" 0
relay_stop
ok "bursts were lost" test "$(relay_says lost)" -ge $tried
nothing_came_back
done_testing
