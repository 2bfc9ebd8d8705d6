# shellcheck shell=bash disable=SC2034,SC2154 # part of tests/bench/run
# stalls_part: while 2 GiB arrive
stalls_part() {
	row "$(nproc) cores, MTU 1500" "" "at rate" "away ms" "fill MiB" "of MiB" "dropped" ""
	"$build/tests/lib/export" --random $((2 << 30)) --seed "$SEED" >"$tmp/long"
	link_start 1500
	[[ -d $keys ]] || site_make
	for speed in "400 Mbit/s" "1 Gbit/s"; do
		weir_up "$speed"
		push files "$tmp/long" || echo "$pushed" >&2
		until_true 90 is_delivered "$bundle" || echo "not delivered" >&2
		sleep 1.1
		jq -r '"\(.ring.away_max_ms) \(.ring.fill_max / 1048576 | floor) \(.ring.bytes / 1048576 | floor) \(.counters.link_lost)"' \
			"$receiver/vault/status.json" | {
			read -r away fill size dropped
			row "longest absence from the ring, 2 GiB" Weir "$speed" "$away" "$fill" "$size" "$dropped" ""
		}
		weir_down
	done
	link_stop
}
