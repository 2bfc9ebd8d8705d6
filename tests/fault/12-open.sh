#!/usr/bin/env bash
# weir-inbox open is killed at each of its calls, each of them fails or is short, and each allocation fails: each member
# is whole or not there, and the next open gives all of them.  Some of the cases; all of them with BUDGET, if that is enough seconds.
# shellcheck source=tests/lib/faults.sh
. "$(dirname "$0")/../lib/faults.sh"
seed_line
link_start 1500
faults_start
site_make
receiver_up
sender_up
mkdir "$tmp/folder"
"$build/tests/lib/export" --records 3000 --seed "$SEED" >"$tmp/folder/first.csv"
"$build/tests/lib/export" --random 300000 --seed "$SEED" >"$tmp/folder/second"
push files "$tmp/folder"
check $? "a bundle is pushed" || note "$pushed"
ok "and delivered" wait_delivered "$bundle"
ok "a copy is taken" inbox copy --config "$receiver/receiver.conf" "$bundle" "$tmp/copy.weir"
sender_down
receiver_down

open_copy() {
	in_receiver timeout -k 1 10 "$build/weir-inbox" open --roots "$site/roots" --key "$keys/tax-agency.key" \
		--psk "$keys/psk/tax-agency.key" "$tmp/copy.weir" -o "$1"
}
# A member that has its name and not all of its bytes.  A folder of numbered ones nobody takes for the members.
has_part() {
	local file
	while IFS= read -r file; do
		cmp -s "$file" "$tmp/folder/${file#"$1/folder/"}" || return 0
	done < <(find "$1" -name '.weir-open-*' -prune -o -type f -print)
	return 1
}
rm_receipts() { rm -f "$tmp"/copy*.receipt; }
is_whole() { diff -r "$tmp/folder" "$1/folder" >/dev/null 2>&1; }

arm weir-inbox any 0 count
ok "the copy opens" open_copy "$tmp/out"
ok "all of it is there" is_whole "$tmp/out"
cure
cases_of weir-inbox >"$tmp/cases"
cases_of weir-inbox memory >"$tmp/cases.memory"

# try WHAT CASE…: one case; what is wrong in $wrong
try() {
	local out=$tmp/out.case status
	rm -rf "$out"
	rm_receipts
	arm weir-inbox "$@"
	open_copy "$out" >"$tmp/said" 2>&1
	status=$?
	tried=$((tried + 1))
	(($(fired) > 0)) || missed=$((missed + 1))
	cure
	wrong=''
	((status < 124 || status == 137)) || wrong="exit status $status"
	((status != 0)) || is_whole "$out" || wrong="said that it was done, and is not whole"
	[[ -e $out ]] && has_part "$out" && wrong="left a part of a member under its name"
	rm -rf "$out"
	if [[ -z $wrong ]] && { ! open_copy "$out" >"$tmp/said" 2>&1 || ! is_whole "$out"; }; then
		wrong="the next open fails: $(cat "$tmp/said")"
	fi
	[[ -z $wrong ]] || { breaches=$((breaches + 1)); note "BREACH $*: $wrong"; }
}

# sweep SENTENCE FILE N: as many as CI has time for
sweep() {
	local case
	tried=0 missed=0 breaches=0
	sweep_starts 2
	while has_time && read -r case; do
		# shellcheck disable=SC2086
		try $case
	done < <(some "$3" <"$2")
	note "$1: $tried of $(wc -l <"$2") cases, $missed of them not reached"
	is "$1: nothing partly visible, nothing lost, no crash" "$breaches" 0
	ok "$1: cases were tried" test "$tried" -gt "$missed"
}
sweep "open, killed or with a call that fails" "$tmp/cases" 60
sweep "open, with an allocation that fails" "$tmp/cases.memory" 40

# the checks themselves
cp -r "$tmp/out" "$tmp/spoilt" && truncate -s 1000 "$tmp/spoilt/folder/second"
ok "a member that is there in part would be seen" has_part "$tmp/spoilt"
rm "$tmp/spoilt/folder/second"
is_whole "$tmp/spoilt"
is "and one that is missing" "$?" 1
nothing_came_back
done_testing
