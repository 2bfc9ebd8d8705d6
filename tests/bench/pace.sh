# shellcheck shell=bash disable=SC2034,SC2154 # part of tests/bench/run
# pace_part: what a capture behind the veth says of every window of 10 ms (IL9), beside a bare loop that sleeps alike
pace_part() {
	local mbit
	printf '\npacing: windows of 10 ms, MTU 1500, %s cores, load %s\n' "$(nproc)" "$(load)"
	printf '  %-12s %9s %9s %8s %6s %6s %8s %10s %9s %9s %8s\n' rate emptiest fullest "in 5 %" train burst \
		"in 5 %:" "held up by" "in 5 %:" "emit wait" "emit"
	printf '  %-12s %9s %9s %8s %6s %6s %8s %10s %9s %9s %8s\n' "" "of rate" "of rate" Weir "" "" "bare" "machine" \
		"others" "core ms" "CPU %"
	"$build/tests/lib/export" --random $((256 << 20)) --seed "$SEED" >"$tmp/paced"
	link_start 1500
	[[ -d $keys ]] || site_make
	for mbit in 100 400 1000; do
		weir_up "$mbit Mbit/s"
		pace_at "$mbit"
		weir_down
	done
	# as where it is given no real-time priority
	weir_up "400 Mbit/s"
	chrt -o -p 0 "$(pid_of weir-emit)" && pace_at 400
	weir_down
	link_stop
}
pace_at() { # MBIT
	local emit cpu start least most good train burst bare held others waited priority
	emit=$(pid_of weir-emit)
	"${at_receiver[@]}" "$build/tests/bench/pacing" "$device" "$listen_port" "${1}000000" 1472 2 "$emit" >"$tmp/pacing" &
	pacing_pid=$!
	until_true 5 grep -qs ready "$tmp/pacing"
	push files "$tmp/paced" || echo "$pushed" >&2
	start=$(now)
	cpu=$(cpu_of "$emit")
	wait $pacing_pid
	cpu=$(awk -v s="$(elapsed "$start" "$(now)")" -v c="$(minus "$(cpu_of "$emit")" "$cpu")" 'BEGIN { printf "%.0f", 100 * c / s }')
	read -r least most good train burst bare held others waited priority < <(tail -n 1 "$tmp/pacing")
	printf '  %-12s %9s %9s %8s %6s %6s %8s %10s %9s %9s %8s  load %s, priority %s\n' "$1 Mbit/s" "$least" "$most" "$good" \
		"$train" "$burst" "$bare" "$held" "$others" "$waited" "$cpu" "$(load)" "$priority"
}
