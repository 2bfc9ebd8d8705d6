#!/usr/bin/env bash
# weir-emit, weir-catch and weir-keep are killed at each of their calls, each of these fails or is short, and each
# allocation fails: the next bundle is there ten seconds behind the cure, and what was accepted meanwhile has arrived,
# once, or is named as missing until the idle link brings it.  And 100,000 datagrams make none of them allocate.  Some of the cases; as many as there is time for
# within BUDGET seconds.
# shellcheck source=tests/lib/faults.sh
. "$(dirname "$0")/../lib/faults.sh"
seed_line
link_start 1500
faults_start
site_make
receiver_up
sender_up

# ---- faults ----
most=60
number=0
has_fired() { (($(fired) > 0)); }
sweep() {
	local program=$1 case tried=0 missed=0 late=0 refused=0 wanted=$3
	[[ -z ${BUDGET:-} ]] || wanted=$(wc -l <"$2")
	sweep_starts 6
	# of those that are not reached, others are tried in the place
	while { has_time || ((tried == missed)); } && ((tried - missed < wanted)) && read -r case; do
		number=$((number + 1))
		echo "push $number" >"$tmp/push-$number"
		# shellcheck disable=SC2086
		arm "$program" $case
		push files "$tmp/push-$number" || { refused=$((refused + 1)); note "refused: $pushed"; cure; continue; }
		until_true 1 has_fired || missed=$((missed + 1))
		cure
		# it works again; what it lost comes with the next pass, after a pause of the idle link
		number=$((number + 1))
		echo "push $number" >"$tmp/push-$number"
		push files "$tmp/push-$number"
		until_true 10 is_delivered "$bundle" || { late=$((late + 1)); note "LATE $program $case: $bundle"; }
		tried=$((tried + 1))
	done < <(some $(($3 * 4)) <"$2")
	note "$program: $tried of $(wc -l <"$2") cases, $missed of them not reached"
	is "$program: ten seconds behind the cure the next bundle is there" "$late" 0
	is "$program: no push minds" "$refused" 0
	ok "$program: cases were tried" test "$tried" -gt "$missed"
}
for program in weir-emit weir-catch weir-keep; do
	number=$((number + 1))
	echo "push $number" >"$tmp/push-$number"
	arm nobody any 0 count
	push files "$tmp/push-$number"
	ok "a bundle is counted for $program" wait_delivered "$bundle"
	sleep 1 # what a second brings
	cure
	cases_of $program >"$tmp/cases"
	cases_of $program memory >"$tmp/cases.memory"
	sweep $program "$tmp/cases" 5
	[[ ! -s $tmp/cases.memory ]] || sweep $program "$tmp/cases.memory" 3
done

for file in "$receiver"/vault/bundles/*/files-*.weir; do
	open_bundle "$(basename "$file" .weir)" -
done 2>"$tmp/errors" | sort >"$tmp/arrived"
is "each file in the vault opens" "$(grep -v ' opened ' "$tmp/errors")" ""
is "nothing has arrived twice, and nothing that was not pushed" \
	"$(comm -23 "$tmp/arrived" <(cat "$tmp"/push-* | sort))" ""
inbox gaps --json --config "$receiver/receiver.conf" >"$tmp/gaps"
named() { grep -oE '"files-[0-9]{6}"' "$tmp/gaps" | sort -u | wc -l; }
note "$(wc -l <"$tmp/arrived") of $number have arrived, and $(named) are named as missing"
is "what was accepted has arrived, or is named as missing" $(($(wc -l <"$tmp/arrived") + $(named))) "$number"
is "no program was ended by a signal" "$(grep -hE 'signal' "$sender/log" "$receiver/log")" ""
ok "the receiver's ledger verifies" "$build/weir-inbox" ledger verify --config "$receiver/receiver.conf"
# ---- no allocation per datagram ----
"$build/tests/lib/export" --random 170000000 --seed "$SEED" >"$tmp/large"
arm nobody any 0 count
push files "$tmp/large"
check $? "a bundle of more than 100,000 datagrams is pushed" || note "$pushed"
ok "and delivered" wait_delivered "$bundle" 90
datagrams=$(jq .counters.datagrams "$receiver/vault/status.json")
ok "in more than 100,000 datagrams" test "$datagrams" -gt 100000
allocations() { counts "$1" | awk '$1 == "alloc" { n += $2 } END { print n + 0 }'; }
for program in weir-emit weir-catch weir-keep; do
	n=$(allocations $program)
	ok "$program: $n allocations in $datagrams datagrams are none for each of them" test $((n * 50)) -lt "$datagrams"
done
ok "allocations are counted: the pusher's are there" test "$(allocations weir-outbox)" -gt 0
cure
rm "$tmp/large"
nothing_came_back
done_testing
