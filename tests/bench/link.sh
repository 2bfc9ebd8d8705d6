# shellcheck shell=bash disable=SC2034,SC2154 # part of tests/bench/run
# link_part: a sealed bundle and an export beside udpcast.  For each program the rate is raised as long as two transfers in
# a row lose nothing; what is measured is a transfer of the whole at the last good rate, or, when that fails, at the next
# lower one.  udpcast is `udp-sender --async --fec 8x16/128`, which sends everything once with 16 repair blocks for each
# 128, as Weir does.  It neither seals nor verifies, and its receiver does not wait for the disk; Weir does all three.

weir_rate_is_good() { # RATE FILE
	local good=1
	weir_up "$1"
	weir_transfer "$2" files && weir_transfer "$2" files && good=0
	weir_down
	return "$good"
}

# ---- udpcast ----

cast_transfer() { # FILE RATE
	local start
	rm -f "$tmp/cast.out"
	"${at_receiver[@]}" udp-receiver --file "$tmp/cast.out" --interface "$device" --nokbd \
		--no-progress --nosync --rcvbuf $((64 << 20)) >"$tmp/cast-rx.log" 2>&1 &
	cast_rx=$!
	until_true 5 grep -q 'UDP receiver' "$tmp/cast-rx.log"
	start=$(now)
	"${at_sender[@]}" udp-sender --file "$1" --interface "$device" --async --fec 8x16/128 \
		--max-bitrate "$2" --blocksize $((link_mtu - 44)) --autostart 1 --rexmit-hello-interval 50 \
		--nokbd --no-progress --mcast-data-address "$receiver_address" \
		--mcast-rdv-address "$receiver_address" >"$tmp/cast-tx.log" 2>&1 </dev/null &
	cast_tx=$!
	cast_cost_watch
	wait "$cast_tx"
	ended() { ! kill -0 "$cast_rx" 2>/dev/null; }
	until_true 2 ended || kill "$cast_rx" 2>/dev/null
	wait "$cast_rx" 2>/dev/null
	total=$(elapsed "$start" "$(now)")
	took=$total
	cmp -s "$1" "$tmp/cast.out"
}

# The last reading of both before they end.
cast_cost_watch() {
	while kill -0 "$cast_tx" 2>/dev/null; do
		cast_cost="$(cpu_of "$cast_tx") $(cpu_of "$cast_rx") $(memory_of "$cast_tx") $(memory_of "$cast_rx")"
		sleep 0.1 # who looks takes of the same cores
	done
}

cast_rate_is_good() { cast_transfer "$2" "$1" && cast_transfer "$2" "$1"; } # RATE FILE

# ---- searching ----

# best_rate PROGRAM FILE RATE…: fills `best`, the last of the rising rates at which it is good.
best_rate() {
	local program=$1 file=$2 candidate
	shift 2
	best=''
	for candidate in "$@"; do
		"${program}_rate_is_good" "$candidate" "$file" >&2 || break
		best=$candidate
	done
}

weir_rates=("1 Gbit/s" "2 Gbit/s" "3 Gbit/s" "4 Gbit/s" "5 Gbit/s" "6 Gbit/s" "8 Gbit/s" "10 Gbit/s")
cast_rates=(300m 400m 500m 600m 700m 800m 900m 1000m 1200m 1400m 1600m 2000m)

# up_to RATE RATE…: the rates from RATE down, one a line; a probe is small, and its rate may be too high.
up_to() {
	local best=$1 rate
	local -a down=()
	shift
	for rate in "$@"; do
		down=("$rate" "${down[@]}")
		[[ $rate == "$best" ]] && break
	done
	printf '%s\n' "${down[@]}"
}

# One transfer of the whole file at the highest rate at which it arrives: prints its row.
measure_weir() { # WHAT FILE ROUTE MODE
	local rate tx rx best
	best_rate weir "$tmp/probe" "${weir_rates[@]}"
	while read -r rate; do
		weir_up "$rate"
		tx=$(box_cpu "$sender_pid")
		rx=$(box_cpu "$receiver_pid")
		if weir_transfer "$2" "$3"; then
			[[ $4 == spool ]] || took=$total
			result "$1" Weir "$rate" "$(stat -c %s "$2")" "$took" \
				"$(minus "$(box_cpu "$sender_pid")" "$tx")" \
				"$(minus "$(box_cpu "$receiver_pid")" "$rx")" \
				"$(box_memory "$sender_pid")" "$(box_memory "$receiver_pid")"
			weir_down
			return
		fi
		weir_down
	done < <(up_to "${best:-1 Gbit/s}" "${weir_rates[@]}")
	row "$1" Weir "" failed '' '' '' ''
}

# cast_best FILE: one transfer of it at the highest rate at which it arrives: fills cast_rate, took and cast_cost.
cast_best() {
	local best
	best_rate cast "$tmp/probe" "${cast_rates[@]}"
	while read -r cast_rate; do
		cast_transfer "$1" "$cast_rate" && return
	done < <(up_to "${best:-300m}" "${cast_rates[@]}")
	return 1
}

measure_cast() { # FILE
	if cast_best "$1"; then
		# shellcheck disable=SC2086 # four numbers
		result "" udpcast "${cast_rate%m} Mbit/s" "$(stat -c %s "$1")" "$took" $cast_cost
	else
		row "" udpcast "" failed '' '' '' ''
	fi
}

make_probe() { "$build/tests/lib/export" --random $((256 << 20)) --seed "$SEED" >"$tmp/probe"; }

compare() { # WHAT FILE ROUTE MODE
	measure_weir "$@"
	measure_cast "$2"
}

link_part() {
	local mtu
	"$build/tests/lib/export" --random "$bytes" --seed "$SEED" >"$tmp/random"
	make_probe
	"$build/tests/lib/export" --records "$records" --seed "$SEED" >"$tmp/export.csv"
	row "" "" "" "" "CPU s/GB" "CPU s/GB" MiB MiB
	row "$(nproc) cores, veth" "" "at rate" MB/s sender receiver sender receiver
	for mtu in $mtus; do
		link_start "$mtu"
		[[ -d $keys ]] || site_make
		compare "sealed $((bytes >> 20)) MiB, MTU $mtu" "$tmp/random" files spool
		((mtu == 9000)) || compare "export, end to end, MTU $mtu" "$tmp/export.csv" tax total
		kill "$sniff_pid"
		wait "$sniff_pid" 2>/dev/null
		link_stop
	done
}
