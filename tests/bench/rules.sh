# shellcheck shell=bash disable=SC2034,SC2154 # part of tests/bench/run
# ---- content rules and scanning, beside the same push without ----

rules_routes() {
	local name policy
	printf '[policy %s]\nversion = 1\n' rules
	cat <<-'END'
		encoding = utf-8
		columns = person_id name sex birth_date household_no relation address registered_on status note
		unique = person_id
		identity = person_id
		refuse_identity = yes
		deny = address [0-9]{2,4}-[0-9]{6,8}
		deny = note (?i)password|密碼
		deny = status ^(死亡|失蹤)$
		[policy scan]
		version = 1
		scan = required
	END
	# officers, whom nobody asks: nothing is sent meanwhile
	while read -r name policy; do
		printf '[route %s]\nid = %d\nrecipients = tax-agency\noperators = wang-mei\nofficers = lin-jun\nquorum = 1\n' \
			"$name" $((30 + ${#name}))
		printf 'format = csv\nrecords = waived\ndestroy_after_days = 30\npriority = 4\n%s\n' "${policy:+policy = $policy}"
	done <<<$'bare\nruled rules\nscanned scan'
}

# rules_push ROUTE: MB/s of a push of the export until it is durable, and its CPU s/GB.
rules_push() {
	local start end before
	before=$(box_cpu "$sender_pid")
	start=$(now)
	push "$1" "$tmp/export.csv" || { echo "$pushed" >&2; exit 1; }
	end=$(now)
	awk -v b="$(stat -c %s "$tmp/export.csv")" -v s="$(elapsed "$start" "$end")" \
		-v c="$(minus "$(box_cpu "$sender_pid")" "$before")" 'BEGIN { printf "%.1f %.2f\n", b / s / 1e6, c / b * 1e9 }'
}

# The best of five each, one after the other, so that other work on the machine hits all of them.
rules_part() {
	local route i
	# shellcheck source=tests/lib/clamd.sh
	. "$top/tests/lib/clamd.sh"
	clamd_start scanner
	"$build/tests/lib/export" --records "$records" --seed "$SEED" >"$tmp/export.csv"
	link_start 1500
	rm -rf "$site"
	sender_lines="[scan]
socket = $socket
temporary = $volatile/scanner"
	routes_more=$(rules_routes)
	site_make
	sender_up
	for ((i = 0; i < 5; i++)); do
		for route in bare ruled scanned; do
			rules_push $route >>"$tmp/rules-$route"
		done
	done
	row "$(nproc) cores, push until durable" "" "" MB/s "CPU s/GB" "of bare" "" ""
	for route in bare:"without rules" ruled:"with all rules" scanned:"with scanning"; do
		sort -n "$tmp/rules-${route%%:*}" | tail -n 1 | {
			read -r speed cpu
			[[ $route == bare:* ]] && echo "$speed" >"$tmp/bare"
			row "${route#*:}" Weir "" "$speed" "$cpu" "$(awk -v a="$speed" -v b="$(cat "$tmp/bare")" 'BEGIN { printf "%.2f", a / b }')" "" ""
		}
	done
	sender_down
}
