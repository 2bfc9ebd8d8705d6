# shellcheck shell=bash disable=SC2034,SC2154 # part of tests/bench/run
# notice_part: how long a notice of 10 KiB takes while a large bundle is under way on the same link, beside an idle link
#
#   COUNT=200          notices a line
#   RATE='2 Gbit/s'    of the link
#   BYTES=2147483648   of the large bundle, which has priority 4
#
# "accepted" is from the start of weir-outbox to its end, "on way" from there to the file in the vault.  A large bundle is
# under way from its first row in the vault to the end of its pass; when it has gone before there are enough notices, boxes
# with nothing in them get it again.  Notices of both priorities take turns, so that both meet the same.

notice_routes() { # an urgent one beside `files`, which has the priority of the large bundle
	printf '[route urgent]\nid = 30\nrecipients = tax-agency\noperators = wang-mei\nformat = opaque\n'
	printf 'records = waived\ndestroy_after_days = 30\npriority = 1\n'
}
large_is_under_way() { [[ ! -e $sender/spool/sent/$large ]]; }
large_has_begun() { [[ -n $(find "$receiver/vault/partial" -type f) ]] || ! large_is_under_way; }

# notice_push ROUTE: "accepted way total", in µs, in $notice; fails when it has not arrived within 10 s.  Not by `push`,
# which starts processes to read what was said.
notice_push() {
	local began accepted arrived
	began=${EPOCHREALTIME/./}
	"$build/weir-outbox" push --config "$sender/sender.conf" --key "$keys/$person.key" --route "$1" "$tmp/notice" \
		>"$tmp/said" 2>&1 || { cat "$tmp/said" >&2; return 1; }
	accepted=${EPOCHREALTIME/./}
	[[ $(<"$tmp/said") =~ $1-[0-9]{6,} ]] || return 1
	arrives "${BASH_REMATCH[0]}" 10 || return 1
	arrived=${EPOCHREALTIME/./}
	notice="$((accepted - began)) $((arrived - accepted)) $((arrived - began))"
}

# Only a notice that has arrived before the pass of the large bundle ended has met it all the time.
notices_beside_large() { # HOW-MANY
	local large
	push files "$tmp/large" || give_up "the large bundle is not accepted: $pushed"
	large=$bundle
	until_true 30 large_has_begun || give_up "the large bundle does not begin"
	while large_is_under_way && (($(wc -l <"$tmp/urgent") < $1)); do
		for route in files urgent; do
			if notice_push "$route" && large_is_under_way; then echo "$notice" >>"$tmp/$route"; fi
		done
	done
}

# notice_of FILE COLUMN: median and worst, in ms.
notice_of() {
	sort -n -k"$2,$2" "$1" | awk -v c="$2" '{ v[NR] = $c / 1000 } END { printf "%.1f %.1f\n", v[int((NR + 1) / 2)], v[NR] }'
}
notice_columns() { printf '  %-36s %8s %9s %8s %9s %8s %9s %8s %9s %8s\n' "$@"; }
notice_row() { # WHAT FILE
	local accepted worst_accepted way worst_way total worst
	[[ -s $2 ]] || { notice_columns "$1" 0 '' '' '' '' '' '' '' ''; return; }
	read -r accepted worst_accepted < <(notice_of "$2" 1)
	read -r way worst_way < <(notice_of "$2" 2)
	read -r total worst < <(notice_of "$2" 3)
	[[ -n $idle ]] || idle=$total idle_worst=$worst
	notice_columns "$1" "$(wc -l <"$2")" "$accepted" "$worst_accepted" "$way" "$worst_way" "$total" "$worst" \
		"$(ratio "$total" "$idle")" "$(ratio "$worst" "$idle_worst")"
}

notice_part() {
	local notices=${COUNT:-200} large_bytes=${BYTES:-$((2 << 30))} speed=${RATE:-2 Gbit/s} idle='' idle_worst='' rounds route i
	printf '\na notice of 10 KiB at %s, MTU 1500, %s cores, load %s; ms, by looking each ms\n' "$speed" "$(nproc)" "$(load)"
	"$build/tests/lib/export" --random 10240 --seed "$SEED" >"$tmp/notice"
	"$build/tests/lib/export" --random "$large_bytes" --seed "$SEED" >"$tmp/large"
	link_start 1500
	rm -rf "${site:?}" # what others have left there
	routes_more=$(notice_routes)
	site_make
	weir_up "$speed"
	notice_push files # of a box that has just begun; what the others meet has begun before the large bundle
	for ((i = 0; i < notices; i++)); do notice_push files && echo "$notice"; done >"$tmp/idle"
	weir_down
	touch "$tmp/files" "$tmp/urgent"
	for ((rounds = 0; rounds < 20 && $(wc -l <"$tmp/urgent") < notices; rounds++)); do
		weir_up "$speed"
		notices_beside_large "$notices"
		weir_down
	done
	notice_columns "" notices accepted worst "on way" worst total worst "of idle" worst
	notice_row "idle link" "$tmp/idle"
	notice_row "beside $((large_bytes >> 20)) MiB of equal priority" "$tmp/files"
	notice_row "beside $((large_bytes >> 20)) MiB of lower priority" "$tmp/urgent"
	rm "$tmp/large"
	routes_more=''
	rm -rf "${site:?}" # its registry is for this part alone
	link_stop
}
