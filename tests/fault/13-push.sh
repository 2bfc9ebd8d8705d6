#!/usr/bin/env bash
# weir-outbox push, weir-seal and weir-hold are killed at each of their calls, each of these fails or is short, and each
# allocation fails: an accepted push arrives, a refused one never, none twice; and ten seconds behind each fault the
# sender works.  Some of the cases; all of them with BUDGET, if that is enough seconds.
# shellcheck source=tests/lib/faults.sh
. "$(dirname "$0")/../lib/faults.sh"
seed_line
link_start 1500
faults_start
site_make
receiver_up
sender_up
: >"$tmp/answers"

# try_push NUMBER: pushes a file that says so, and notes what its person was told
try_push() {
	local status answer=refused
	echo "push $1" >"$tmp/push-$1"
	# weir-seal waits 30 s for a weir-hold that does not answer
	pushed=$(timeout -k 1 40 "${at_sender[@]}" "$build/weir-outbox" push --json --config "$sender/sender.conf" \
		--key "$keys/$person.key" --route files "$tmp/push-$1" 2>"$tmp/said")
	status=$?
	((status == 0)) && answer=accepted
	grep -q 'not known whether' "$tmp/said" && answer=unknown
	# it failed to say so on standard output, and says it here
	grep -qE 'push [0-9a-f]{32} was accepted, do not push' "$tmp/said" && answer=accepted
	# a push that was killed has told nobody anything
	((status == 137)) && answer=unknown
	((status == 124 || (status > 128 && status != 137))) && answer=crashed
	echo "$1 $answer $status ${case:-}: $(tr '\n' ' ' <"$tmp/said")" >>"$tmp/answers"
	[[ $answer == accepted ]]
}

# everything that is tried with one program, N of the cases of a kind
number=0
sweep() {
	local program=$1 case tried=0 missed=0 late=0
	sweep_starts 6
	while has_time && read -r case; do
		number=$((number + 1))
		# shellcheck disable=SC2086
		arm "$program" $case
		try_push $number
		(($(fired) > 0)) || missed=$((missed + 1))
		cure
		number=$((number + 1))
		until_true 10 try_again || { late=$((late + 1)); note "LATE $program $case: $(cat "$tmp/said")"; }
		tried=$((tried + 1))
	done < <(some "$3" <"$2")
	note "$program: $tried of $(wc -l <"$2") cases, $missed of them not reached"
	is "$program: ten seconds behind each fault a push is accepted" "$late" 0
	ok "$program: cases were tried" test "$tried" -gt "$missed"
}
try_again() { number=$((number + 1)); try_push "$number"; }

number=1
for program in weir-outbox weir-seal weir-hold; do
	arm $program any 0 count
	number=$((number + 1))
	ok "a push is counted for $program" try_push $number
	cure
	renamed=$(counts $program) # at last those of weir-hold
	cases_of $program >"$tmp/cases"
	cases_of $program memory >"$tmp/cases.memory"
	sweep $program "$tmp/cases" 5
	sweep $program "$tmp/cases.memory" 3
done

# weir-hold ends behind each rename that a push takes: the one that releases it comes before its entry.
renames=$(awk '$1 == "rename" { print $2 }' <<<"$renamed" | sort -n | tail -n 1)
ok "a push renames" test "${renames:-0}" -ge 3
for ((n = 1; n <= ${renames:-0}; n++)); do
	arm weir-hold rename "$n" die-after
	number=$((number + 1))
	try_push "$number"
	cure
	until_true 10 try_again || note "$(cat "$tmp/said")"
done

# ---- what has arrived ----
delivered_count() { find "$receiver/vault/bundles" -name 'files-*.weir' | wc -l; }
at_rest() { [[ $(outbox list --json --config "$sender/sender.conf" | jq '[.[] | select(.state != "sent" and .person != "inside-1")] | length') == 0 ]]; }
ok "everything was sent" until_true 60 at_rest
# what is on its way is not missing, and may take its time on a busy machine
all_there() { [[ $(delivered_count) == $(outbox list --json --config "$sender/sender.conf" | jq '[.[] | select(.state == "sent" and .route == "files")] | length') ]]; }
ok "and all of it is there" until_true 60 all_there
quietly() { "$@" >/dev/null 2>&1; }
ok "nothing is missing" quietly no_gaps || note "$(inbox gaps --config "$receiver/receiver.conf")"
for file in "$receiver"/vault/bundles/*/files-*.weir; do
	open_bundle "$(basename "$file" .weir)" - 2>>"$tmp/opened" || basename "$file" >>"$tmp/unopened"
done | sed 's/push //' | sort -n >"$tmp/arrived"
told() { awk -v answer="$1" '$2 == answer { print $1 }' "$tmp/answers" | sort; }
note "pushes: $(cut -d' ' -f2 "$tmp/answers" | sort | uniq -c | tr '\n' ' '); arrived: $(wc -l <"$tmp/arrived")"
is "no program crashed" "$(grep " crashed " "$tmp/answers")" ""
is "what was accepted has arrived" "$(comm -23 <(told accepted) <(sort "$tmp/arrived"))" "" ||
	note "$(join <(comm -23 <(told accepted) <(sort "$tmp/arrived")) <(sort "$tmp/answers"))"
is "what was refused has not" "$(comm -12 <(told refused) <(sort "$tmp/arrived"))" "" ||
	note "$(join <(comm -12 <(told refused) <(sort "$tmp/arrived")) <(sort "$tmp/answers"))"
is "nothing came twice" "$(uniq -d "$tmp/arrived")" ""
jq -r 'select(.event == "release" and .result == "ok").bundle' "$sender"/spool/ledger/*.jsonl | sort >"$tmp/released"
is "each has its release in the ledger, once" "$(sort "$tmp/released" | grep -v '^registry-' | tr '\n' ' ')" \
	"$(cd "$receiver/vault/bundles" && find . -name 'files-*.weir' -printf '%f\n' | sed 's/\.weir$//' | sort | tr '\n' ' ')" ||
	note "$(jq -c '{n, time, event, result, bundle, push_id, found}' "$sender"/spool/ledger/*.jsonl) $(cat "$tmp/answers")"
note "$(jq -c 'select(.event == "release" and .found)' "$sender"/spool/ledger/*.jsonl | wc -l) of them were found"
is "each file in the vault opens" "$(cat "$tmp/unopened" 2>/dev/null)" "" || note "$(grep -v " opened " "$tmp/opened" | head)"
is "and holds one push" "$(delivered_count)" "$(wc -l <"$tmp/arrived")"
for box in sender receiver; do
	program=weir-outbox
	[[ $box == sender ]] || program=weir-inbox
	ok "the $box's ledger verifies" "$build/$program" ledger verify --config "${!box}/$box.conf"
done
is "one that is lost would be seen" "$(comm -23 <(told accepted) <(sed 1d "$tmp/arrived" | sort) | wc -l)" 1
nothing_came_back
done_testing
