# shellcheck shell=bash disable=SC2034,SC2154 # part of tests/bench/run
# preempt_part: 50 small pushes, one after the other, while a large bundle heals and nothing else is on the link
preempt_part() {
	local mbit
	printf '\nnew work while the link heals: 50 pushes a rate, MTU 1500, %s cores, load %s\n' "$(nproc)" "$(load)"
	printf '  %-12s %6s  %s\n' rate orders "ms, median and worst: order to its page, to its first data, release to data; of the bound of 10"
	"$build/tests/lib/export" --random 20000 --seed "$SEED" >"$tmp/small"
	link_start 1500
	[[ -d $keys ]] || site_make
	for mbit in 1 3 10 100 1000; do
		heal=25
		weir_up "$mbit Mbit/s"
		heal=0
		preempt_at "$mbit"
		weir_down
	done
	link_stop
}
preempt_at() { # MBIT
	local i bound count page page_worst data worst release release_worst healing
	"$build/tests/lib/export" --random $(($1 > 500 ? 512 << 20 : $1 << 20)) --seed "$SEED" >"$tmp/healed"
	push files "$tmp/healed" || echo "$pushed" >&2
	until_true 60 is_sent || echo "'$bundle' is not sent" >&2
	"${at_receiver[@]}" "$build/tests/bench/preempt" "$device" "$listen_port" 1500 "$sender/spool" \
		"$runtime/sender" >"$tmp/preempt" &
	preempt_pid=$!
	until_true 5 grep -qs ready "$tmp/preempt"
	sleep 1.5 # until it heals
	for ((i = 0; i < 50; i++)); do
		push files "$tmp/small" || echo "$pushed" >&2
		until_true 5 is_sent || echo "'$bundle' is not sent" >&2
		sleep "0.$((RANDOM % 100 + 100))"
	done
	kill $preempt_pid
	wait $preempt_pid
	read -r count page page_worst data worst release release_worst healing < <(tail -n 1 "$tmp/preempt")
	bound=$(awk -v mbit="$1" 'BEGIN { ms = 2 * 12 / mbit; print (ms > 10 ? ms : 10) }')
	printf '  %-12s %6d  page %s %s   data %s %s   release %s %s   %s and %s of %s ms, at most %d datagrams of healing\n' \
		"$1 Mbit/s" "$count" "$page" "$page_worst" "$data" "$worst" "$release" "$release_worst" \
		"$(ratio "$data" "$bound")" "$(ratio "$worst" "$bound")" "$bound" "$healing"
}
