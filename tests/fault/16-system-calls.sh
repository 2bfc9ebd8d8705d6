#!/usr/bin/env bash
# kill -9 at every system call of push, seal, hold, emit, catch, keep and open, and of the recovery from that, which is
# killed once more before it may end: what was accepted arrives, nothing of it can be seen in part, nothing comes twice.
# strace sees the calls that libc makes by itself, and those of which tests/lib/fault.c does not know; that one in turn
# makes calls fail.  Some of the cases; everything that changes something, then everything else, within BUDGET seconds; of
# one program alone with ONLY=NAME.
# shellcheck source=tests/lib/kills.sh
. "$(dirname "$0")/../lib/kills.sh"
# shellcheck source=tests/lib/mutant.sh
. "$(dirname "$0")/../lib/mutant.sh"
cd "$top" || exit 1
seed_line
((EUID == 0)) || { skip "a kill at any system call loses nothing" "it takes root to trace what cannot be dumped"; done_testing; }
# What an outage of a second costs comes behind it, and the idle link brings the rest.
link_lines="survive_outage_ms = 1000"
rate='50 Mbit/s' heal=10
most=60         # of a call in one thread: what comes oftener is the same loop
ROUND_CASES=100 # then a new site, so that lists stay short
link_start 1500
site_make
sconf=$sender/sender.conf rconf=$receiver/receiver.conf

# ---- the controls' programs are made while others run ----
# An answer before the bundle has its place.
early='s/^\tint result = local_commit_decode\(commit, .*/&\n\tstruct local_accepted early = {0}; uint8_t told[LOCAL_ACCEPTED_BYTES];'
early+='\n\tmemcpy(early.push_id, commit->statement.push_id, PUSH_ID_BYTES); local_accepted_encode(told, \&early);'
early+='\n\t(void)channel_send(gate->fd, LOCAL_ACCEPTED, told, sizeof(told));/'
# A delivery that copies and does not rename.
copies='s/renameat2\(from_dir, from, to_dir, file, RENAME_NOREPLACE\)/copy(from_dir, from, to_dir, file)/; '
copies+='s/^int vault_deliver\(/static int copy(int a, const char *x, int b, const char *y) { char p[4096]; ssize_t n;'
copies+=' int from = openat(a, x, O_RDONLY), to = openat(b, y, O_WRONLY | O_CREAT | O_EXCL, 0640);'
copies+=' while ((n = read(from, p, sizeof(p))) > 0 \&\& write(to, p, (size_t)n) == n) continue;'
copies+=' close(from); return close(to); }\n&/'
{
	make_mutant sender/gate.c "$early" "$tmp/early" &&
		side=sender link_mutant "$tmp/weir-hold-early" "$tmp/early.o" "$build/sender/hold.o" &&
		make_mutant receiver/vault.c "$copies" "$tmp/copies" &&
		side=receiver link_mutant "$tmp/weir-keep-copies" "$tmp/copies.o" "$build/receiver/keep.o"
} >"$tmp/mutants" 2>&1 &
mutants_pid=$!
kills_start

# ---- pushes, and what their people were told ----
traced=()
try_push() {
	local status answer=refused
	echo "push $1" >"$tmp/push"
	pushed=$(timeout -k 1 40 "${at_sender[@]}" "${traced[@]}" "$build/weir-outbox" push --json --config "$sconf" \
		--key "$keys/$person.key" --route files "$tmp/push" 2>"$tmp/said")
	status=$?
	bundle=$(grep -oE '\bfiles-[0-9]{6,}\b' <<<"$pushed" | head -n 1)
	# one that was killed has told nobody anything, or all
	((status == 137)) || grep -q 'not known whether' "$tmp/said" && answer=unknown
	((status == 124 || (status > 128 && status != 137))) && answer=crashed
	{ ((status == 0)) || grep -q '"accepted": *true' <<<"$pushed" ||
		grep -qE 'push [0-9a-f]{32} was accepted, do not push' "$tmp/said"; } && answer=accepted
	echo "$1 $answer $status ${case:-}: $(tr '\n' ' ' <"$tmp/said")" >>"$tmp/answers"
	[[ $answer == accepted ]]
}
next_push() { number=$((number + 1)); try_push $number; }
works() { until_true 10 next_push && until_true 20 is_delivered "$bundle"; }

# ---- a round: two boxes that begin with nothing, and what has become of all that was pushed ----
SHOWN=10 # of each kind
lost=0 partly=0 twice=0 other=0 is_control=''
complain() {
	local kind=$1
	declare -g "$kind=$((${!kind} + 1))"
	((${!kind} > SHOWN)) || note "${is_control:+wanted: }BREACH ($kind): ${*:2}"
}

round_begin() {
	number=0 tried_in_round=0
	rm -rf "$KILLS/seen" "$sender/spool" "$receiver/vault" "$sender"/*.witness "$receiver"/*.witness
	rm -f "$KILLS"/*.plan
	find "$runtime" -type f -delete
	mkdir "$KILLS/seen" "$sender/spool" "$receiver/vault"
	: >"$tmp/answers"
	receiver_up
	sender_up
}

listed() { outbox list --json --config "$sconf"; }
# Every bundle in the spool is sent, and in the vault.
is_settled() {
	local name
	listed >"$tmp/listed"
	[[ $(jq '[.[] | select(.state != "sent" and .person != "inside-1")] | length' "$tmp/listed") == 0 ]] || return
	for name in $(jq -r '.[] | select(.person != "inside-1").name' "$tmp/listed"); do
		is_delivered "$name" || return
	done
}
told() { awk -v answer="$1" '$2 == answer { print $1 }' "$tmp/answers" | sort; }
whose() { awk -v n="$1" '$1 == n' "$tmp/answers"; }

judge_arrived() {
	local file n
	: >"$tmp/arrived"
	for file in "$receiver"/vault/bundles/*/files-*.weir; do
		open_bundle "$(basename "$file" .weir)" - 2>"$tmp/why" | sed 's/push //' >>"$tmp/arrived"
		((PIPESTATUS[0] == 0)) || complain partly "$file does not open: $(cat "$tmp/why")"
	done
	sort -o "$tmp/arrived" "$tmp/arrived"
	for n in $(comm -23 <(told accepted) "$tmp/arrived"); do complain lost "$(whose "$n")"; done
	for n in $(comm -12 <(told refused) "$tmp/arrived"); do complain other "refused, and arrived: $(whose "$n")"; done
	for n in $(uniq -d "$tmp/arrived"); do complain twice "$(whose "$n")"; done
}

# What could be seen when a program had just been killed is what it became in the end.
judge_seen() {
	local file
	for file in "$KILLS"/seen/*; do
		[[ -e $file ]] || continue # nobody was killed who shows anything
		set -- "$sender"/spool/{ready,sent}/"${file##*/}" "$receiver"/vault/bundles/*/"${file##*/}"
		until [[ -e $1 ]] || (($# == 1)); do shift; done
		cmp -s "$file" "$1" || complain partly "${file##*/} was seen before it was whole"
	done
}

judge_ledgers() {
	local line
	"$build/weir-outbox" ledger verify --config "$sconf" >"$tmp/verified" 2>&1 || complain other "ledger: $(cat "$tmp/verified")"
	"$build/weir-inbox" ledger verify --config "$rconf" >"$tmp/verified" 2>&1 || complain other "ledger: $(cat "$tmp/verified")"
	# one push has one number, and one number is of one push
	"$build/weir-outbox" ledger show --json --config "$sconf" |
		jq -r 'select(.event == "release") | "\(.push_id) \(.bundle)"' | sort -u >"$tmp/released"
	for line in $({ cut -d' ' -f1 "$tmp/released" | sort | uniq -d; cut -d' ' -f2 "$tmp/released" | sort | uniq -d; }); do
		complain twice "$line was released twice"
	done
	# an entry that a start has made up for stands beside the one whose writer was killed before he knew that it is there
	"$build/weir-inbox" ledger show --json --config "$rconf" |
		jq -r 'select(.event == "delivered" and .found != true) | .bundle' | sort | uniq -d >"$tmp/delivered"
	while read -r line; do complain twice "$line was delivered twice, by the ledger"; done <"$tmp/delivered"
}

round_end() {
	case=''
	until_true 60 is_settled || complain lost "not in the vault: $(jq -c '[.[] | [.name, .state]]' "$tmp/listed" | cut -c1-2000)"
	no_gaps >/dev/null || complain lost "gaps: $(inbox gaps --config "$rconf")"
	judge_arrived
	judge_seen
	judge_ledgers
	sender_down
	receiver_down
	[[ -z $(find "$sender"/spool/{incoming,held} "$receiver/vault/partial" -mindepth 1) ]] ||
		complain other "left behind: $(find "$sender"/spool/{incoming,held} "$receiver/vault/partial" -mindepth 1)"
	note "pushes: $(cut -d' ' -f2 "$tmp/answers" | sort | uniq -c | tr -s ' \n' ' '); arrived: $(wc -l <"$tmp/arrived");" \
		"kept when seen first: $(find "$KILLS/seen" -type f | wc -l)"
	for n in $(told crashed); do complain other "$(whose "$n")"; done
}

# After each case, before the next one.
round_goes_on() {
	tried_in_round=$((tried_in_round + 1))
	((tried_in_round < ROUND_CASES)) || { round_end; round_begin; }
}

# ---- one case each ----
late=0
declare -A tries tried reached state
# hit WHAT STATUS CASE…: each case counts once, however often it is tried
hit() {
	local key="$1 ${*:3}"
	tries[$1]=$((${tries[$1]:-0} + 1))
	[[ -n ${state[$key]:-} ]] || tried[$1 $3]=$((${tried[$1 $3]:-0} + 1))
	if (($2 == 0)) && [[ ${state[$key]:-} != reached ]]; then
		reached[$1 $3]=$((${reached[$1 $3]:-0} + 1))
		state[$key]=reached
	fi
	: "${state[$key]:=tried}"
}
# report WHAT FILE: of which calls there are in all
report() {
	local class said="${tries[$1]:-0} tries"
	for class in changes other; do
		said+="; ${class/changes/changing something}: ${reached[$1 $class]:-0} of $(grep -c "^$class" "$2")"
		said+=" ($((${tried[$1 $class]:-0} - ${reached[$1 $class]:-0})) more not reached)"
	done
	note "$1, killed at calls: $said"
	was_killed "$1"
	check $? "$1 was killed"
}
was_killed() { ((${reached[$1 changes]:-0} + ${reached[$1 other]:-0} > 0)); }
ends=$((SECONDS + ${BUDGET:-600}))
# sweep PROGRAM PARTS SWEEP ARGUMENT…: one of so many parts of what is left of BUDGET
sweep() {
	[[ -z ${ONLY:-} || $ONLY == "$1" ]] || return
	if [[ -n ${ONLY:-} ]]; then sweep_ends=$ends; else sweep_ends=$((SECONDS + (ends - SECONDS) / $2)); fi
	$3 "$1" "${@:4}"
}

# Within a second, asked more often.
soon() {
	local i
	for ((i = 0; i < 50; i++)); do
		"$@" && return
		sleep 0.01
	done
	return 1
}

is_well() {
	case="$1, afterwards"
	works && return
	late=$((late + 1))
	note "LATE $1: $(cat "$tmp/said") $bundle"
}

try_outbox() {
	# shellcheck disable=SC2207 # options
	traced=(strace -f -qq $(last_call "$3" "$4"))
	next_push
	traced=()
	grep -q "^$number .* 137 " "$tmp/answers"
}
try_seal() {
	local before
	before=$(deaths weir-seal)
	# shellcheck disable=SC2046
	plan_start weir-seal $(last_call "$3" "$4")
	next_push
	has_died weir-seal $((before + 1))
}

# Of a folder with two members.
open_copy() {
	{ timeout -k 1 10 "${traced[@]}" "$build/weir-inbox" open --roots "$site/roots" --key "$keys/tax-agency.key" \
		--psk "$keys/psk/tax-agency.key" "$tmp/copy.weir" -o "$tmp/opened"; } >"$tmp/said" 2>&1
}
is_whole() { diff -r "$tmp/folder" "$tmp/opened/folder" >/dev/null 2>&1; }
try_inbox() {
	local file status
	rm -rf "$tmp/opened" "$tmp"/copy*.receipt
	# shellcheck disable=SC2207
	traced=(strace -f -qq $(last_call "$3" "$4"))
	open_copy
	status=$?
	traced=()
	((status == 137 || status == 0)) || complain other "open at $case: exit status $status"
	((status != 0)) || is_whole || complain partly "open at $case said that it was done"
	while read -r file; do
		cmp -s "$file" "$tmp/folder/${file##*/}" || complain partly "open at $case: ${file##*/}"
	done < <(find "$tmp/opened" -name '.weir-open-*' -prune -o -type f -print 2>/dev/null)
	rm -rf "$tmp/opened"
	{ open_copy && is_whole; } || complain lost "open behind $case: $(cat "$tmp/said")"
	((status == 137))
}

# sweep_one PROGRAM TRY N: what is killed once, and has nothing to recover
sweep_one() {
	local line
	cases_at_start "$tmp/$1.log" >"$tmp/$1.cases"
	while has_time && read -r line; do
		case="$1 $line"
		# shellcheck disable=SC2086 # words
		$2 $line
		# shellcheck disable=SC2086
		hit "$1" $? $line
		[[ $2 == try_inbox ]] || { is_well "$case"; round_goes_on; }
	done < <(in_order "$3" <"$tmp/$1.cases")
	report "$1" "$tmp/$1.cases"
}

# try_daemon PROGRAM CLASS THREAD CALL N CLASS THREAD CALL N: in its work, and in its recovery from that
try_daemon() {
	local program=$1 before pid
	case="$*"
	before=$(deaths "$program")
	pid=$(process "$program")
	# shellcheck disable=SC2046
	[[ $7 != - ]] || plan_start "$program" $(last_call "$8" "$9")
	attach "$program" "$3" "$4" "$5"
	next_push
	soon has_died "$program" $((before + 1))
	hit "$program in its work" $? "${@:2:4}"
	has_died "$program" $((before + 1)) || kill_now "$program"
	detach
	soon is_another "$program" "$pid"
	[[ $7 == - ]] || { soon has_threads "$program" "$(wc -l <"$tmp/$program.work.threads")" && attach "$program" "${@:7}"; }
	# one that recovers without an end to it has work, too
	soon has_died "$program" $((before + 2)) || { next_push; soon has_died "$program" $((before + 2)); }
	hit "$program in its recovery" $? "${@:6:4}"
	has_died "$program" $((before + 2)) || kill_now "$program"
	detach
}

# sample N FILE: and some to take the place of those that are not reached
sample() {
	in_order "$1" <"$2"
	[[ -n ${BUDGET:-} ]] || in_order $(($1 * 4)) <"$2"
}

sweep_daemon() {
	local program=$1 count i
	local -a work recovery
	case="$program, recorded"
	count=$(threads "$program" | wc -l)
	record_start "$program" "$tmp/$program.start" works && until_true 5 has_threads "$program" "$count" &&
		record_work "$program" "$tmp/$program.work" works
	check $? "$program: its calls are recorded"
	cases_in "$tmp/$program.work" >"$tmp/$program.cases"
	# what a start takes up is done in other threads, too
	{ cases_at_start "$tmp/$program.start"; cat "$tmp/$program.cases"; } >"$tmp/$program.starts"
	mapfile -t work < <(sample "$2" "$tmp/$program.cases")
	mapfile -t recovery < <(sample "$2" "$tmp/$program.starts")
	for ((i = 0; i < ${#work[@]} || i < ${#recovery[@]}; i++)); do
		has_time || break
		[[ -z ${BUDGET:-} ]] && ((i >= $2)) && was_killed "$program in its work" &&
			was_killed "$program in its recovery" && break
		# shellcheck disable=SC2086
		try_daemon "$program" ${work[i % ${#work[@]}]} ${recovery[i % ${#recovery[@]}]}
		is_well "$case"
		round_goes_on
	done
	report "$program in its work" "$tmp/$program.cases"
	report "$program in its recovery" "$tmp/$program.starts"
}

# ---- the sweeps ----
mkdir "$tmp/folder"
"$build/tests/lib/export" --random 30000 --seed "$SEED" >"$tmp/folder/first"
echo second >"$tmp/folder/second"
round_begin
works
check $? "a bundle crosses"
traced=(strace -f -qq -o "$tmp/weir-outbox.log")
next_push
check $? "push is recorded"
traced=()
plan_start weir-seal -o "$tmp/weir-seal.log"
next_push
check $? "seal is recorded"
push three "$tmp/folder"
ok "a folder crosses" wait_delivered "$bundle"
ok "a copy of it is taken" inbox copy --config "$rconf" "$bundle" "$tmp/copy.weir"
traced=(strace -f -qq -o "$tmp/weir-inbox.log")
open_copy
check $? "open is recorded"
traced=()

sweep weir-outbox 7 sweep_one try_outbox 3
sweep weir-seal 6 sweep_one try_seal 3
sweep weir-inbox 5 sweep_one try_inbox 6
sweep weir-hold 4 sweep_daemon 4
sweep weir-keep 3 sweep_daemon 4
sweep weir-emit 2 sweep_daemon 2
sweep weir-catch 1 sweep_daemon 2
round_end
is "accepted, and lost" "$lost" 0
is "partly visible" "$partly" 0
is "twice" "$twice" 0
is "refused and there, left behind, or a ledger that does not verify" "$other" 0
is "ten seconds behind the last kill it works" "$late" 0
is "one that came twice would be seen" "$(cat "$tmp/arrived" <(head -n 1 "$tmp/arrived") | sort | uniq -d | wc -l)" 1

# ---- the same with programs that are wrong ----
wait "$mutants_pid"
check $? "the wrong programs can be made" || note "$(cat "$tmp/mutants")"
is_control=yes
echo "$tmp/weir-hold-early" >"$KILLS/weir-hold.program"
echo "$tmp/weir-keep-copies" >"$KILLS/weir-keep.program"
round_begin
next_push
check $? "who is not killed sees nothing wrong with them"
for program in weir-hold weir-keep; do
	if [[ $program == weir-hold ]]; then call="renameat2 1"; else call="write 12"; fi
	before=$(deaths $program)
	# shellcheck disable=SC2046,SC2086
	attach_to -f -p "$(process $program)" $(last_call $call)
	next_push
	ok "$program is killed at $call" until_true 10 has_died $program $((before + 1))
	detach
done
round_end
ok "an answer before a bundle has its place: it would be seen to be lost" test "$lost" -gt 0
ok "a delivery that copies: it would be seen to be there in part" test "$partly" -gt 0
nothing_came_back
done_testing
