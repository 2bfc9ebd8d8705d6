#!/usr/bin/env bash
# weir-keep or the disk of the vault stands still for ride_out_stall_ms at the full rate, and not one datagram
# is dropped: what comes meanwhile waits in the ring, which was made as large as that takes.  Counts on time.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
stall_ms=2000
[[ -n ${BUDGET:-} ]] && rates=("100 Mbit/s" "400 Mbit/s" "1 Gbit/s") || rates=("200 Mbit/s")
link_start 1500
site_make
status() { jq -r "$1" "$receiver/vault/status.json"; }
flows() { (($(status .counters.bytes) > 1000000)); }

# A vault on a disk of its own, which can be frozen.
disk_start() {
	truncate -s 2G "$tmp/disk"
	mkfs.ext4 -q "$tmp/disk" 2>"$tmp/disk.log" && mount -o loop "$tmp/disk" "$receiver/vault" 2>>"$tmp/disk.log" || return 1
	on_exit "fsfreeze -u $receiver/vault 2>/dev/null; umount $receiver/vault"
	fsfreeze -f "$receiver/vault" 2>>"$tmp/disk.log" && fsfreeze -u "$receiver/vault"
}

stop_keep() { kill -STOP "$1"; }
start_keep() { kill -CONT "$1"; }
freeze() { fsfreeze -f "$receiver/vault"; }
thaw() { fsfreeze -u "$receiver/vault"; }

# rides_out WHAT RATE STOP START: at this rate
rides_out() {
	local what="$1 for $stall_ms ms at $2" keep
	rate=$2
	receiver_lines="rate = $2"$'\n'"ride_out_stall_ms = $stall_ms"
	site_configure
	receiver_up
	sender_up
	# eight seconds of the rate: on a busy machine it is seen late that it flows
	"$build/tests/lib/export" --random $(($(tr -dc 0-9 <<<"${2/1 G/1000 M}") * 1000000)) --seed "$SEED" >"$tmp/in"
	push files "$tmp/in" || note "$pushed"
	until_true 20 flows
	sleep 0.5
	keep=$(pid_of weir-keep)
	$3 "$keep"
	sleep "$(awk -v ms=$stall_ms 'BEGIN { print ms / 1000 }')"
	$4 "$keep"
	ok "$what: all is delivered" wait_delivered "$bundle" 40
	# what was lost is settled a second later
	settled() { (($(status .time) > EPOCHSECONDS - 1)); }
	sleep 1.1
	until_true 10 settled
	is "$what: nothing is lost, in the ring, in the socket or on the link" \
		"$(status '[.counters.ring_drops, .counters.kernel_drops, .counters.link_lost] | map(tostring) | join(" ")')" "0 0 0"
	is "$what: it is the same" "$(open_bundle "$bundle" - | b2sum)" "$(b2sum <"$tmp/in")"
	# The test would show nothing if the ring had not been needed.
	ok "$what: the ring was three quarters full at least" \
		test "$(status '.ring.fill_max * 4 > .ring.bytes * 3')" = true
	ok "$what: which was alarmed" grep -q 'E2061 keep: the ring was [0-9]* % full' "$receiver/log"
	note "$(status .ring | tr -d '\n ')"
	sender_down
	receiver_down
	rm -rf "$runtime" "$receiver/log"
}

for at in "${rates[@]}"; do
	rides_out "weir-keep stands still" "$at" stop_keep start_keep
done
if ((EUID != 0)); then
	skip "the disk of the vault stands still" "mounting needs root"
elif disk_start; then
	for at in "${rates[@]}"; do
		rides_out "the disk stands still" "$at" freeze thaw
	done
else
	skip "the disk of the vault stands still" "no loop device can be frozen here: $(tail -n 1 "$tmp/disk.log")"
fi

# A ring for which there is no room is refused at once, and in words.
if ((EUID == 0)); then
	site_configure
	mount -t tmpfs -o size=32m none "$runtime/receiver"
	on_exit "umount $runtime/receiver"
	config=("--config" "$receiver/receiver.conf")
	refused "a ring that the file system of 'runtime' cannot hold" 3 \
		"ring .*: it takes [0-9.]+ MiB, and the file system of 'runtime' has [0-9.]+ MiB left: lower 'rate' or 'ride_out_stall_ms'" \
		in_receiver "$build/weir-receiver" run "${config[@]}"
	like "check says so, too" "$("$build/weir-receiver" check "${config[@]}")" 'red   ring .*it takes'
fi
nothing_came_back
done_testing
