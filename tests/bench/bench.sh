# shellcheck shell=bash disable=SC2034,SC2154 # what it sets is for its callers
# bench.sh: what the parts of tests/bench/run share: what processes cost, rows of a table, both boxes anew.
#
# MB/s       bytes of the file, from the spool (or the file) to the verified vault (or the file)
# CPU s/GB   user and system time of all processes of a side, for a billion bytes of the file
# MiB        the peak of resident memory, of all processes of a side together
# shellcheck source=tests/lib/system.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/system.sh"

ticks=$(getconf CLK_TCK)

now() { date +%s%N; }
elapsed() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", (b - a) / 1e9 }'; }

# What else runs beside a part that is interrupted: who is measured, and who measures.
end_jobs() {
	local pid
	for pid in $(jobs -rp); do kill "$pid" 2>/dev/null; done
	wait
}
on_exit end_jobs

# ---- what processes cost ----

# cpu_of PID…: seconds of these processes, their threads and their waited-for children so far.
cpu_of() {
	local pid
	for pid in "$@"; do
		sed 's/^.*) //' "/proc/$pid/stat" 2>/dev/null
	done | awk -v t="$ticks" '{ sum += $12 + $13 + $14 + $15 } END { printf "%.2f", sum / t }'
}
# memory_of PID…: MiB of peak resident memory; what catch and keep share, the ring, is counted once.  Who starts them has looked
# at it, too, before: it is in the peak of who maps it no more.
memory_of() {
	local pid
	for pid in "$@"; do
		sed -n 's/^\(VmHWM\|RssShmem\):[[:space:]]*\([0-9]*\) kB/\1 \2/p' "/proc/$pid/status" 2>/dev/null
	done | awk '$1 == "VmHWM" { peak[++n] = $2 + 0 }
		$1 == "RssShmem" { shares[n] = $2 + 0; if (shares[n] > ring) ring = shares[n] }
		END {
			for (i = 1; i <= n; i++) sum += peak[i] - (shares[i] > 0 ? shares[i] : peak[i] >= ring ? ring : 0)
			print int((sum + ring) / 1024)
		}'
}
# The same of a whole box: the process that runs it, and its children.
box_cpu() { mapfile -t box < <(pgrep -P "$1"); cpu_of "$1" "${box[@]}"; }
box_memory() { mapfile -t box < <(pgrep -P "$1"); memory_of "$1" "${box[@]}"; }

row() { printf '  %-34s %-8s %12s %8s %10s %10s %8s %8s\n' "$@"; }
# result WHAT WHO RATE BYTES SECONDS CPU_TX CPU_RX MEM_TX MEM_RX
result() {
	awk -v b="$4" -v s="$5" -v t="$6" -v r="$7" 'BEGIN { printf "%.0f %.2f %.2f\n", b / s / 1e6, t / b * 1e9, r / b * 1e9 }' |
		{ read -r speed tx rx; row "$1" "$2" "$3" "$speed" "$tx" "$rx" "$8" "$9"; }
}
minus() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a - b }'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }
load() { cut -d' ' -f1-3 /proc/loadavg; }

# holds VALUE OP BOUND: a word for the end of a line; a bound that does not hold is seen in the status of the run.  Not in a
# pipe, where it could not tell.
failed=0
holds() {
	if awk -v a="$1" -v b="$3" -v op="$2" 'BEGIN { exit !(a != "" && (op == ">=" ? a >= b : a <= b)) }'; then
		held="wanted $2 $3: holds"
	else
		held="wanted $2 $3: DOES NOT HOLD"
		failed=1
	fi
}

# ---- Weir ----

# weir_configure RATE: of both boxes, with nothing in spool and vault.
weir_configure() {
	rate=$1
	receiver_lines="ring_mib = 512"$'\n'"rate = $1"
	rm -rf "$sender/spool" "$sender/spool.witness" "$receiver/vault" "$receiver/vault.witness"
	site_configure
}
boxes_up() { receiver_up && sender_up; }
weir_up() { weir_configure "$1" && boxes_up; } # RATE
weir_down() {
	sender_down
	receiver_down
	rm -rf "$runtime" # the ring is memory
}

# weir_transfer FILE ROUTE: fills `took` (spool to vault), `total` (push to vault); fails when it did not
# arrive in one pass.
weir_transfer() {
	local start pushed_at
	start=$(now)
	push "$2" "$1" || { echo "$pushed" >&2; return 1; }
	pushed_at=$(now)
	until_true 30 is_delivered "$bundle" || return 1
	took=$(elapsed "$pushed_at" "$(now)")
	total=$(elapsed "$start" "$(now)")
}

# arrives NAME SECONDS [POLL]: waits for it in the vault, as is_delivered sees it, and looks each millisecond, or each POLL
# seconds where what the looking takes would count.  The shell looks by itself: a process that is started for it would take
# longer than a small bundle.
mkfifo "$tmp/never" && exec {never}<>"$tmp/never" # nobody writes: `read` ends by its time
arrives() {
	local until=$((${EPOCHREALTIME/./} + $2 * 1000000)) found
	until found=("$receiver"/vault/bundles/*/"$1.weir") && [[ -e ${found[0]} ]]; do
		((${EPOCHREALTIME/./} < until)) || { echo "bench: '$1' has not arrived within $2 s" >&2; return 1; }
		read -rt "${3:-0.001}" -u "$never"
	done
	return 0
}

is_sent() { [[ -e $sender/spool/sent/$bundle ]]; }

# ---- a command beside its peer ----

fail() { echo "bench: $*" >&2; exit 1; }

# cpu_here: seconds of all commands of this shell that have ended, and of the boxes that are up.
cpu_here() {
	local pids=()
	[[ -z ${sender_pid:-} ]] || mapfile -t -O "${#pids[@]}" pids < <(echo "$sender_pid"; pgrep -P "$sender_pid")
	[[ -z ${receiver_pid:-} ]] || mapfile -t -O "${#pids[@]}" pids < <(echo "$receiver_pid"; pgrep -P "$receiver_pid")
	cpu_of $$ "${pids[@]}"
}

# settle: what was written before is on the disk; else it would be written meanwhile, and a sync would wait for it.
settle() { sync -f "$tmp"; [[ -z ${disk:-} ]] || sync -f "$disk"; }

# measure NAME COMMAND…: one run more, its seconds and CPU seconds in $tmp/measured/NAME; without the command it ends.
measure() {
	local name=$1 before start
	shift
	mkdir -p "$tmp/measured"
	before=$(cpu_here)
	start=$(now)
	"$@" 2>"$tmp/measured/says" || fail "$name: '$*' failed: ${pushed:-}$(cat "$tmp/measured/says")"
	measured_until=$(now)
	echo "$(elapsed "$start" "$measured_until") $(minus "$(cpu_here)" "$before")" >>"$tmp/measured/$name"
}

# measure_file NAME FILE COMMAND…: the same of what makes a file; NAME-sync has what it takes until it is durable.
measure_file() {
	measure "$1" "${@:3}"
	measure "$1-more" sync -f "$2"
	paste -d' ' "$tmp/measured/$1" "$tmp/measured/$1-more" | awk '{ print $1 + $3, $2 + $4 }' >"$tmp/measured/$1-sync"
}

median() { sort -n | awk '{ all[NR] = $1 } END { print (all[int((NR + 1) / 2)] + all[int(NR / 2) + 1]) / 2 }'; }
measured_seconds() { awk '{ print $1 }' "$tmp/measured/$1" | median; }
measured_cpu() { awk '{ print $2 }' "$tmp/measured/$1" | median; }
# measured_ratio NAME PEER: how fast it is beside the peer; of the runs of one round each, so that other work hits both.
measured_ratio() { paste -d' ' "$tmp/measured/$2" "$tmp/measured/$1" | awk '{ print $1 / $3 }' | median; }
