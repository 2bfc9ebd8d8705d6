# shellcheck shell=bash disable=SC2034,SC2154 # part of tests/bench/run
# vault_part: an incompressible bundle from the spool to the verified vault, at the rate of the list at which it is there
# soonest, by boxes through which one has gone before: memory that a process has never touched has to be cleared first, which
# takes much longer in a virtual machine.  How soon the first one was there is told, too.
#
# Beside it the bound that follows from what its parts cost alone (parts, bare), in the same run: before the transfers and behind
# them, since a machine that others use as well is not always as fast.  It is that of all processors together: they do nothing
# else, and both sides share them.  Then udpcast, which takes the same file over the same
# link at the highest rate at which that arrives (link.sh).
#
#   VAULT_BYTES=2147483648  of the bundle; its median of RUNS=3.  The disk needs room for two of RUNS + 1 of them
#   VAULT_RATES='4 5 6 …'   Gbit/s; when at two of them not all arrives, it ends
# shellcheck source=tests/bench/link.sh
. "$top/tests/bench/link.sh"

vault_part() {
	local mtu
	make_probe
	"$build/tests/lib/export" --random "${VAULT_BYTES:-$((2 << 30))}" --seed "$SEED" >"$tmp/large"
	for mtu in $mtus; do
		link_start "$mtu"
		[[ -d $keys ]] || site_make
		: >"$tmp/alone-all"
		vault_parts "$mtu"
		vault_measure
		vault_parts "$mtu"
		vault_bound
		vault_judge "$mtu"
		kill "$sniff_pid"
		wait "$sniff_pid" 2>/dev/null
		link_stop
	done
	rm -f "$tmp/large" "$tmp/probe" "$tmp/cast.out"
}

# vault_parts MTU: adds lines "PART CPU-SECONDS-PER-GB" of the object to $tmp/alone-all.  Each part runs on all processors at
# once: those that share units or caches, as two threads of a core do, have less each than one that is alone.
vault_parts() {
	local i pids=()
	for ((i = 0; i < $(nproc); i++)); do
		mkdir -p "$tmp/parts.$i"
		"$build/tests/bench/parts" "$1" "$tmp/parts.$i" >"$tmp/parts.$i/said" &
		pids+=("$!")
	done
	wait "${pids[@]}"
	cat "$tmp"/parts.*/said >>"$tmp/alone-all"
	vault_bare "$1" receive
	vault_bare "$1" ring 512
}

# vault_bare MTU NAME [MIB]: the two parts that need a link.
vault_bare() {
	local len pid
	len=$(($1 == 1500 ? 1472 : $1 - 76)) # of a datagram
	in_receiver "$build/tests/bench/bare" receive "$listen_port" 1 ${3:+"$3"} >"$tmp/bare-in" &
	pid=$!
	until_true 5 grep -qs ready "$tmp/bare-in"
	in_sender "$build/tests/bench/bare" send "$receiver_address:$listen_port" "$len" 4e9 4e8 >"$tmp/bare-out"
	wait "$pid"
	# nine datagrams go for eight of the object
	awk '{ print "send", $3 / $1 * 1e9 * 9 / 8 }' "$tmp/bare-out" >>"$tmp/alone-all"
	awk -v name="$2" 'NF == 3 { print name, $3 / $1 * 1e9 * 9 / 8 }' "$tmp/bare-in" >>"$tmp/alone-all"
}

# vault_bound: from them fills $tmp/alone with the mean of each part, vault_alone with their sum, and vault_bound with MB/s.
vault_bound() {
	awk '{ sum[$1] += $2; n[$1]++; if (!seen[$1]++) name[++names] = $1 }
		END { for (i = 1; i <= names; i++) printf "%s %.4f\n", name[i], sum[name[i]] / n[name[i]] }' "$tmp/alone-all" >"$tmp/alone"
	vault_alone=$(awk '$1 != "ring" { sum += $2 * ($1 == "tag" || $1 == "read" ? 2 : 1) } END { printf "%.3f", sum }' "$tmp/alone")
	vault_bound=$(awk -v s="$vault_alone" -v n="$(nproc)" 'BEGIN { printf "%.0f", n / s * 1000 }')
}

# vault_ticks: of all processors, idle or waiting for a disk in vault_idle, and all in vault_all.  The shell reads by itself: what
# is started while a bundle is under way takes of the same processors.
vault_ticks() {
	local user nice system idle wait irq softirq steal
	read -r _ user nice system idle wait irq softirq steal _ </proc/stat
	vault_idle=$((idle + wait)) vault_all=$((user + nice + system + idle + wait + irq + softirq + steal))
}

# vault_cpu: fills used[NAME] with the clock ticks of the processes vault_pid[NAME].
vault_cpu() {
	local name stat
	for name in "$@"; do
		stat=$(<"/proc/${vault_pid[$name]}/stat")
		read -ra stat <<<"${stat##*) }"
		used[$name]=$((stat[11] + stat[12]))
	done
}

# One transfer by boxes that are up: a line "MB/s CPU of emit, catch, keep; percent of the processors that were idle".  It begins
# when the bundle has got its name among those that are ready, which the file system has noted: the push hears of it later.
vault_transfer() {
	local names=(weir-emit weir-catch weir-keep) name began ended line idle all
	local -A used before
	vault_cpu "${names[@]}"
	for name in "${names[@]}"; do before[$name]=${used[$name]}; done
	push files "$tmp/large" || return 1
	vault_ticks
	idle=$vault_idle all=$vault_all
	began=$(stat -c %.9Z "$sender/spool/ready/$bundle") || return 1
	arrives "$bundle" 20 0.01 || return 1
	ended=$EPOCHREALTIME
	vault_ticks
	vault_cpu "${names[@]}"
	for name in "${names[@]}"; do line+=" $((used[$name] - before[$name]))"; done
	awk -v b="$(stat -c %s "$tmp/large")" -v a="$began" -v e="$ended" -v t="$ticks" -v idle="$((100 * (vault_idle - idle) / (vault_all - all)))" \
		'{ printf "%.0f", b / (e - a) / 1e6; for (i = 1; i <= NF; i++) printf " %.3f", $i / t / b * 1e9; print " " idle }' <<<"$line"
}
# vault_run RATE RUNS: the first one, and then so many, in $tmp/vault-now.
vault_run() {
	local i name result=0
	local -A vault_pid
	weir_up "$1"
	for name in weir-emit weir-catch weir-keep; do vault_pid[$name]=$(pid_of "$name"); done
	for ((i = 0; i <= $2; i++)); do vault_transfer || { result=1; break; }; done >"$tmp/vault-now"
	weir_down
	return $result
}

# vault_measure: fills vault_gbit, the rate of the best, 0 for none, and $tmp/vault-rates and -best.
vault_measure() {
	local gbit runs=${RUNS:-3} speed first best=0 missed=0
	vault_gbit=0
	: >"$tmp/vault-rates"
	for gbit in ${VAULT_RATES:-4 5 6 6.5 7 7.5 8 9 9.5 10 10.5}; do
		if ! vault_run "$gbit Gbit/s" "$runs"; then
			printf '  at %s Gbit/s: not all arrived\n' "$gbit" >>"$tmp/vault-rates"
			((++missed < 2)) || break
			continue
		fi
		read -r first _ <"$tmp/vault-now"
		sed 1d "$tmp/vault-now" | sort -n | awk -v n="$runs" 'NR == int((n + 1) / 2)' >"$tmp/vault-median"
		read -r speed _ <"$tmp/vault-median"
		printf '  at %s Gbit/s: %s MB/s (the first: %s)\n' "$gbit" "$speed" "$first" >>"$tmp/vault-rates"
		((speed > best)) || continue
		vault_gbit=$gbit best=$speed
		mv "$tmp/vault-median" "$tmp/vault-best"
	done
}

vault_judge() { # MTU
	local speed emit catch keep idle sum share held
	printf '\nspool to verified vault, %s MiB, MTU %s, %s cores, at %s Gbit/s; load %s\n' \
		"$(($(stat -c %s "$tmp/large") >> 20))" "$1" "$(nproc)" "$vault_gbit" "$(load)"
	[[ ! -s $tmp/vault-rates ]] || cat "$tmp/vault-rates"
	printf '  CPU s/GB:\n'
	if [[ $vault_gbit == 0 ]]; then
		echo "  Weir: it arrives at none of the rates"
		failed=1
		return
	fi
	read -r speed emit catch keep idle <"$tmp/vault-best"
	vault_stage weir-emit "$emit" read encode read tag send
	vault_stage weir-catch "$catch" receive tag
	awk '$1 == "ring" { printf "    (to receive into a ring of 512 MiB, as it does, and not always into the same 64 KiB: %.2f)\n", $2 }' "$tmp/alone"
	vault_stage weir-keep "$keep" copy tree write
	printf '  processors idle: %s %%\n' "$idle"
	sum=$(awk -v c="$emit $catch $keep" 'BEGIN { n = split(c, x); for (i = 1; i <= n; i++) s += x[i]; printf "%.2f", s }')
	share=$(ratio "$speed" "$vault_bound")
	holds "$share" ">=" 0.85
	printf '  %s MB/s, the bound is %s: %s of it (%s); CPU %s s/GB, its parts alone %s: %s of them\n' "$speed" "$vault_bound" \
		"$share" "$held" "$sum" "$vault_alone" "$(ratio "$sum" "$vault_alone")"
	vault_cast "$1" "$speed"
}

# vault_stage PROGRAM CPU-S/GB PART…: beside what its parts cost alone.
vault_stage() {
	local parts
	parts=$(awk -v wanted="${*:3}" '{ cost[$1] = $2 }
		END { n = split(wanted, w); for (i = 1; i <= n; i++) { s += cost[w[i]]; t = t sprintf(" %s %.2f", w[i], cost[w[i]]) } printf "%.3f%s", s, t }' "$tmp/alone")
	printf '  %-10s %6s, its parts %s: %s of them (%s)\n' "$1" "$2" "${parts%% *}" "$(ratio "$2" "${parts%% *}")" "${parts#* }"
}

# vault_cast MTU MB/S: the same file by udpcast, and how many times as fast Weir was.
vault_cast() {
	local -A wanted=([1500]=3.5 [9000]=5)
	local bytes cast times tx rx
	cast_best "$tmp/large" || { echo "  udpcast: it arrives at none of the rates"; failed=1; return; }
	bytes=$(stat -c %s "$tmp/large")
	cast=$(awk -v b="$bytes" -v s="$took" 'BEGIN { printf "%.0f", b / s / 1e6 }')
	times=$(ratio "$2" "$cast")
	held="no bound for this MTU"
	[[ -z ${wanted[$1]:-} ]] || holds "$times" ">=" "${wanted[$1]}"
	read -r tx rx _ <<<"$cast_cost"
	printf '  udpcast at %s Mbit/s, %s MB/s, CPU %s s/GB: Weir is %s times as fast (%s)\n' "${cast_rate%m}" "$cast" \
		"$(awk -v c="$tx" -v d="$rx" -v b="$bytes" 'BEGIN { printf "%.2f", (c + d) / b * 1e9 }')" "$times" "$held"
}
