# shellcheck shell=bash disable=SC2034,SC2154 # part of tests/bench/run
# growth_part: what the work costs as it grows: larger bundles, more of them waiting, more loss, more routes
#
#   GROWTH=FILE                      the same as curves, an SVG; not written without
#   SIZES='1 16 256 960 3840 15360 61440'  MiB of a bundle; the table says which of them the disk has no room for
#   GROWTH_RATE='1 Gbit/s'           at which they cross
#   KEPT='1 100 1000 10000'          bundles in spool and vault
#   LOSSES='0 10 50 100'             permille of the datagrams
#   ROUTES='1 8 64'                  of 64 small bundles
#   GROWTH_ONLY='sizes kept losses routes'  some of these
#
# MiB are peaks of resident memory: of the sender with the weir-seal of the push, and of the receiver beside its ring, of
# which the whole is taken when the box begins, but is resident only where datagrams have been.  Nothing heals, so that what
# an idle box costs is not a share of the rate.
#
# Memory is judged twice.  At every size it stays below what is documented: for the sender 192 MiB of weir-seal and 128 of
# weir-hold (SECURITY.md 5) and 256 of repair rows (weir-emit(8)), for the receiver 768 less the ring of 256 (SECURITY.md 5).
# And it is flat from 960 MiB on; a receiver's whole ring is taken at the start, and counts with it.  As the ring would hide much,
# what is beside it is judged as well: by what may come to one bundle and not to the other, a slow disk (8 windows of gather, 1
# MiB each) and lost datagrams (17 MiB for a repair).
#
# Why not powers of two: blocks have at most 1023 MiB, and all blocks of a bundle the same size.  A bundle of 1 GiB has two of 512
# MiB, with repair rows half as long as those of a bundle of 16 GiB, which has 17 blocks; that is no growth, and would be judged as
# one.  These sizes, with padding, are 1, 4, 16 and 61 blocks of 968 to 1016 MiB.
# shellcheck source=tests/bench/notice.sh
. "$top/tests/bench/notice.sh"

growth_ring=512          # MiB, as weir_up has it
growth_block=960         # MiB of a bundle from which on memory is flat
growth_flat=1.10         # so many times what it is there, at most
growth_more=25           # MiB that it may be more, beside the ring
growth_most_tx=576 growth_most_rx=512 # MiB, documented
growth_file=$tmp/growth  # what is drawn: see curves.awk
growth_idle_s=5
growth_rest_s=10         # after a push, until what it has set going has ended
growth_pushes=7

# curve TABLE X PANEL CURVE VALUE…: CURVE VALUE as often as there are curves in the panel.
curve() {
	local head=$1$'\t'$2$'\t'$3
	shift 3
	for (( ; $# >= 2; )); do
		printf '%s\t%s\t%s\n' "$head" "$1" "$2" >>"$growth_file"
		shift 2
	done
}
per_gb() { awk -v s="$1" -v b="$2" 'BEGIN { printf "%.2f", s / b * 1e9 }'; }
growth_row() { local what=$1; shift; printf '  %-22s' "$what"; printf ' %10s' "$@"; echo; }

# ---- memory and processor ----

# The peak of a weir-seal, which lives as long as its push: looked at without a process, until the file goes.
seal_watch() {
	local most=0 pid key value children
	while [[ -e $tmp/pushing ]]; do
		read -r children <"/proc/$sender_pid/task/$sender_pid/children"
		for pid in $children; do
			[[ $(<"/proc/$pid/comm") == weir-seal ]] || continue
			while read -r key value _; do
				[[ $key == VmHWM: ]] && ((value > most)) && most=$value
			done <"/proc/$pid/status"
		done
		read -rt 0.01 -u "$never"
	done 2>/dev/null
	echo $((most / 1024)) >"$tmp/seal-peak"
}
# MiB of the receiver without what is resident of its ring.
beside_ring() {
	local touched
	mapfile -t box < <(pgrep -P "$1")
	touched=$(for pid in "${box[@]}"; do sed -n 's/^RssShmem:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$pid/status"; done |
		sort -n | tail -n 1)
	echo $(($(box_memory "$1") - touched / 1024))
}
# Of processes that do hardly anything /proc/PID/stat says nothing: nanoseconds of all threads.
box_ns() {
	local pid
	for pid in "$1" $(pgrep -P "$1"); do cat "/proc/$pid"/task/*/schedstat; done 2>/dev/null | awk '{ s += $1 } END { printf "%.0f", s }'
}
growth_spent() { spent_tx=$(box_ns "$sender_pid") spent_rx=$(box_ns "$receiver_pid") spent_at=$(now); }
spent_since() { awk -v a="$1" -v b="$2" -v at="$3" -v now="$4" 'BEGIN { printf "%.2f", 1000 * (b - a) / (now - at) }'; }
growth_idle() { # fills idle_tx, idle_rx: ms of processor a second
	local tx rx at
	growth_spent
	tx=$spent_tx rx=$spent_rx at=$spent_at
	sleep $growth_idle_s
	growth_spent
	idle_tx=$(spent_since "$tx" "$spent_tx" "$at" "$spent_at") idle_rx=$(spent_since "$rx" "$spent_rx" "$at" "$spent_at")
}
# growth_notices: fills quiet, the median of some notices in ms, and each_tx, each_rx: what one costs in ms of processor, all
# that it sets going with it, beside what the boxes do in as much time without.  What a weir-seal does is not in it.
growth_notices() {
	local tx rx at i
	growth_spent
	tx=$spent_tx rx=$spent_rx at=$spent_at
	: >"$tmp/kept"
	for ((i = 0; i < growth_pushes; i++)); do notice_push files && echo "$notice" >>"$tmp/kept"; done
	sleep $growth_rest_s
	growth_spent
	read -r quiet _ < <(notice_of "$tmp/kept" 3)
	each_tx=$(each_since "$tx" "$spent_tx" "$idle_tx") each_rx=$(each_since "$rx" "$spent_rx" "$idle_rx")
}
each_since() { # NS NS IDLE
	awk -v a="$1" -v b="$2" -v s="$(elapsed "$at" "$spent_at")" -v idle="$3" -v n=$growth_pushes \
		'BEGIN { printf "%.1f", ((b - a) / 1e6 - idle * s) / n }'
}

# growth_transfer ROUTE FILE SECONDS: removes the file when it is accepted, so that the disk needs room for two of them.
# Fills pushed_s, vault_s, cpu_tx, cpu_rx (s/GB), mem_tx, mem_rx (MiB); fails when it does not arrive.
growth_transfer() {
	local began accepted bytes watcher tx rx status
	bytes=$(stat -c %s "$2")
	tx=$(box_cpu "$sender_pid") rx=$(box_cpu "$receiver_pid")
	: >"$tmp/pushing"
	seal_watch &
	watcher=$!
	began=$(now)
	push "$1" "$2"
	status=$?
	accepted=$(now)
	rm -f "$tmp/pushing" "$2"
	wait "$watcher"
	((status == 0)) || { echo "$pushed" >&2; return 1; }
	arrives "$bundle" "$3" || return 1
	vault_s=$(elapsed "$accepted" "$(now)")
	pushed_s=$(elapsed "$began" "$accepted")
	cpu_tx=$(per_gb "$(minus "$(box_cpu "$sender_pid")" "$tx")" "$bytes")
	cpu_rx=$(per_gb "$(minus "$(box_cpu "$receiver_pid")" "$rx")" "$bytes")
	mem_tx=$(($(box_memory "$sender_pid") + $(cat "$tmp/seal-peak")))
	mem_rx=$(beside_ring "$receiver_pid")
}

# ---- larger bundles ----

# growth_room MIB: file and spool, then spool and vault; and what a box does not fill (disk_full_percent).
growth_room() {
	local free=$(($(stat -f -c '%a * %S' "$tmp") >> 20)) want=$(($1 * 17 / 8 + ($(stat -f -c '%b * %S' "$tmp") >> 20) * 3 / 100))
	((want < free)) ||
		{ printf '  %-22s  NOT MEASURED: it takes %s GiB of the disk of %s, which has %s\n' "$1" $((want >> 10)) "${TMPDIR:-/tmp}" $((free >> 10)); return 1; }
}
# growth_judge SIDE RING BOUND MIB:MEMORY…
growth_judge() {
	local side=$1 ring=$2 bound=$3 at mib memory most=0 first='' first_mib='' last='' last_mib='' held
	shift 3
	for at in "$@"; do
		mib=${at%:*} memory=${at#*:}
		((memory <= most)) || most=$memory
		((mib >= growth_block)) || continue
		[[ -n $first ]] || first=$((memory + ring)) first_mib=$mib
		last=$((memory + ring)) last_mib=$mib
	done
	holds "$most" "<=" "$bound"
	printf '  memory of the %s at any size: %s MiB, %s\n' "$side" "$most" "$held"
	[[ -n $last && $last_mib != "$first_mib" ]] || { printf '  whether it is flat: NOT MEASURED, for that takes two sizes from %s MiB on\n' $growth_block; return; }
	holds "$(ratio "$last" "$first")" "<=" $growth_flat
	printf '  memory of the %s%s, %s MiB over %s MiB: %s MiB / %s MiB = %s, %s\n' "$side" "$( ((ring == 0)) || echo " with its ring")" \
		"$last_mib" "$first_mib" "$last" "$first" "$(ratio "$last" "$first")" "$held"
	((ring > 0)) || return
	holds $((last - first)) "<=" $growth_more
	printf '  memory of the %s beside its ring, %s MiB less %s MiB: %s MiB, %s\n' "$side" "$last_mib" "$first_mib" $((last - first)) "$held"
}
growth_sizes() {
	local mib all_tx=() all_rx=() speed=${GROWTH_RATE:-1 Gbit/s}
	printf '\na bundle grows: at %s, MTU 1500, %s cores, load %s; the ring is %s MiB\n' "$speed" "$(nproc)" "$(load)" $growth_ring
	growth_row "" "s push" "s to vault" "CPU s/GB" "CPU s/GB" MiB MiB
	growth_row MiB "" "" sender receiver sender receiver
	for mib in ${SIZES:-1 16 256 960 3840 15360 61440}; do
		growth_room "$mib" || continue
		"$build/tests/lib/export" --random $((mib << 20)) --seed "$SEED" >"$tmp/grown"
		weir_up "$speed"
		if growth_transfer files "$tmp/grown" $((60 + mib / 20)); then
			growth_row "$mib" "$pushed_s" "$vault_s" "$cpu_tx" "$cpu_rx" "$mem_tx" "$mem_rx"
			curve "MiB of the bundle" "$mib" seconds push "$pushed_s" "to vault" "$vault_s"
			curve "MiB of the bundle" "$mib" "CPU s/GB" sender "$cpu_tx" receiver "$cpu_rx"
			curve "MiB of the bundle" "$mib" MiB sender "$mem_tx" receiver "$mem_rx"
			all_tx+=("$mib:$mem_tx") all_rx+=("$mib:$mem_rx")
		else
			growth_row "$mib" failed
			failed=1
		fi
		weir_down
	done
	((${#all_tx[@]} > 0)) || return
	growth_judge sender 0 $growth_most_tx "${all_tx[@]}"
	growth_judge receiver $growth_ring $growth_most_rx "${all_rx[@]}"
}

# ---- more bundles that wait ----

# A registry stays ready, since it is sent again and again.
none_is_ready() { [[ -z $(find "$sender/spool/ready" -name 'files-*' -print -quit) ]]; }
growth_kept() {
	local count began sent_s urgent quiet idle_tx idle_rx each_tx each_rx spent_tx spent_rx spent_at mem_tx mem_rx
	printf '\nbundles wait: half of them to be sent, the others kept; a notice of 10 KiB from push to vault, 1 Gbit/s, load %s\n' "$(load)"
	growth_row "" "ms urgent," "s until all" "ms notice," "idle ms/s" "idle ms/s" "ms each" "ms each" MiB MiB
	growth_row bundles "queue goes" "are sent" "idle link" sender receiver sender receiver sender receiver
	for count in ${KEPT:-1 100 1000 10000}; do
		rate="1 Gbit/s"
		rm -rf "$sender/spool" "$sender/spool.witness" "$receiver/vault" "$receiver/vault.witness"
		site_configure
		"$build/tests/lib/fill" "$sender/sender.conf" "$receiver/receiver.conf" "$keys/wang-mei.key" "$count" ||
			give_up "spool and vault cannot be filled"
		receiver_up
		began=$(now)
		sender_up
		notice_push urgent || notice="- - -"
		urgent=${notice##* }
		until_true 180 none_is_ready || { echo "growth: not all are sent" >&2; failed=1; }
		sent_s=$(elapsed "$began" "$(now)")
		sleep $growth_rest_s
		growth_idle
		growth_notices
		mem_tx=$(box_memory "$sender_pid") mem_rx=$(beside_ring "$receiver_pid")
		urgent=$(awk -v us="$urgent" 'BEGIN { printf "%.1f", us / 1000 }')
		growth_row "$count" "$urgent" "$sent_s" "$quiet" "$idle_tx" "$idle_rx" "$each_tx" "$each_rx" "$mem_tx" "$mem_rx"
		curve "bundles in spool and vault" "$count" "notice, ms" "queue goes" "$urgent" "idle link" "$quiet"
		curve "bundles in spool and vault" "$count" "idle, CPU ms/s" sender "$idle_tx" receiver "$idle_rx"
		curve "bundles in spool and vault" "$count" "a notice, CPU ms" sender "$each_tx" receiver "$each_rx"
		curve "bundles in spool and vault" "$count" MiB sender "$mem_tx" receiver "$mem_rx"
		weir_down
	done
}

# ---- more loss ----

# As many repair rows as the greatest loss asks for, at each of them, so that they differ in nothing but the loss.
growth_losses() {
	local loss mib=256
	printf '\nthe link loses: %s MiB at 400 Mbit/s with 40 %% of repair rows, one pass, load %s\n' "$mib" "$(load)"
	growth_row "" "s to vault" "CPU s/GB" "CPU s/GB" MiB MiB "% lost"
	growth_row "% of datagrams" "" sender receiver sender receiver "by relay"
	link_lines="repair_percent = 40"
	for loss in ${LOSSES:-0 10 50 100}; do
		"$build/tests/lib/export" --random $((mib << 20)) --seed "$SEED" >"$tmp/grown"
		relay_start --loss "$loss"
		weir_up "400 Mbit/s"
		growth_transfer files "$tmp/grown" 90 || { vault_s=failed cpu_tx='' cpu_rx='' mem_tx='' mem_rx=''; failed=1; }
		kill "$relay_pid"
		wait "$relay_pid"
		growth_row "$((loss / 10))" "$vault_s" "$cpu_tx" "$cpu_rx" "$mem_tx" "$mem_rx" \
			"$(awk -v l="$(relay_says lost)" -v n="$(relay_says received)" 'BEGIN { printf "%.2f", 100 * l / n }')"
		[[ $(relay_says overflow) == 0 ]] || echo "growth: the relay itself lost $(relay_says overflow)" >&2
		if [[ $vault_s != failed ]]; then
			curve "% lost" "$((loss / 10))" seconds "to vault" "$vault_s"
			curve "% lost" "$((loss / 10))" "CPU s/GB" sender "$cpu_tx" receiver "$cpu_rx"
			curve "% lost" "$((loss / 10))" MiB sender "$mem_tx" receiver "$mem_rx"
		fi
		weir_down
	done
	link_lines=''
	to_address=$listen_address to_port=$listen_port
}

# ---- more routes ----

growth_routes_text() { # COUNT
	local i
	for ((i = 0; i < $1; i++)); do
		printf '[route way-%d]\nid = %d\nrecipients = tax-agency\noperators = wang-mei\nformat = opaque\n' "$i" $((100 + i))
		printf 'records = waived\ndestroy_after_days = 30\npriority = 4\n'
	done
}
growth_routes() {
	local count i began accepted pushed_s vault_s bundles
	printf '\nroutes: 64 bundles of 10 KiB, pushed one after the other, 1 Gbit/s, load %s\n' "$(load)"
	growth_row "" "s push" "s, the last" MiB MiB
	growth_row routes "of all" "to vault" sender receiver
	for count in ${ROUTES:-1 8 64}; do
		rm -rf "${site:?}"
		routes_more=$(growth_routes_text "$count")
		site_make
		weir_up "1 Gbit/s"
		bundles=()
		began=$(now)
		for ((i = 0; i < 64; i++)); do
			push "way-$((i % count))" "$tmp/notice" || { echo "$pushed" >&2; failed=1; }
			bundles+=("$bundle")
		done
		accepted=$(now)
		for bundle in "${bundles[@]}"; do arrives "$bundle" 30 || failed=1; done
		vault_s=$(elapsed "$accepted" "$(now)") pushed_s=$(elapsed "$began" "$accepted")
		mem_tx=$(box_memory "$sender_pid") mem_rx=$(beside_ring "$receiver_pid")
		growth_row "$count" "$pushed_s" "$vault_s" "$mem_tx" "$mem_rx"
		curve routes "$count" seconds push "$pushed_s" "to vault" "$vault_s"
		curve routes "$count" MiB sender "$mem_tx" receiver "$mem_rx"
		weir_down
	done
	routes_more=''
}

growth_part() {
	local pushed_s vault_s cpu_tx cpu_rx mem_tx mem_rx piece
	: >"$growth_file"
	"$build/tests/lib/export" --random 10240 --seed "$SEED" >"$tmp/notice"
	link_start 1500
	rm -rf "${site:?}"
	routes_more=$(notice_routes)
	site_make
	for piece in ${GROWTH_ONLY:-sizes kept losses routes}; do "growth_$piece"; done
	rm -rf "${site:?}"
	link_stop
	[[ -n ${GROWTH:-} ]] || { printf '  with GROWTH=FILE these curves are drawn\n'; return; }
	awk -f "$top/tests/bench/curves.awk" "$growth_file" >"$GROWTH" && printf "  drawn in '%s'\n" "$GROWTH"
}
