# shellcheck shell=bash disable=SC2034,SC2154 # part of tests/bench/run
# content_part: push and open of an export and of bytes that nothing compresses, beside zstd and cp.
#
# Each figure is the median of ROUNDS; in each round everything runs once, one behind the other.  What is read is in the
# page cache.  A push is over when its bundle is durable in the spool, and hashes, counts, seals and hashes again;
# 'zstd' and 'zstd -d' are done when the kernel has the file, and do nothing but that: the rows with 'sync' wait for
# the disk.  'zstd -d' decodes on one thread and writes on another, however many cores there are.  What nothing compresses
# it only copies, where open decrypts and hashes twice: that is told, and not judged.

# Routes whose officers nobody asks: nothing is sent meanwhile.
content_routes() {
	local name format
	while read -r name format; do
		printf '[route %s]\nid = %d\nrecipients = tax-agency\noperators = wang-mei\nofficers = lin-jun\nquorum = 1\n' \
			"$name" $((30 + ${#name}))
		printf 'format = %s\nrecords = waived\ndestroy_after_days = 30\npriority = 4\n' "$format"
	done <<<$'bare csv\nheld-bytes opaque'
}

to_file() { "${@:2}" >"$1"; } # FILE COMMAND…
copied() { cp "$1" "$2" && sync "$2"; }
# As the recipient does, in no namespace: to enter one takes tens of milliseconds, which zstd would not spend either.
open_here() {
	"$build/weir-inbox" open --config "$receiver/receiver.conf" --key "$keys/$recipient.key" --psk "$keys/psk/$recipient.key" "$@"
}
# FILE BUNDLE: the bundle's only member
opened() { open_here "$2" - >"$1"; }
opened_folder() { open_here "$2" -o "$1"; }

content_push() {
	settle
	measure push-export push bare "$tmp/export.csv"
	measure_file zstd "$tmp/export.csv.zst" to_file "$tmp/export.csv.zst" zstd -q -1 -T2 -c "$tmp/export.csv"
	measure push-random push held-bytes "$tmp/random"
	measure sha256 to_file "$tmp/sum" openssl dgst -sha256 "$tmp/random"
	measure cp-sync copied "$tmp/random" "$tmp/copy"
	rm "$tmp/copy"
}

# content_deliver NAME FILE ROUTE: its bundle's name in $delivered_NAME
content_deliver() {
	weir_transfer "$2" "$3" || fail "$1 did not arrive"
	printf -v "delivered_$1" %s "$bundle"
}

content_same() { cmp "$1" "$2" >&2 || fail "what was opened is not what was pushed: '$2'"; }

# content_open NAME FILE: what was written is removed before the kernel writes it back, except where it shall
content_open() {
	local name=delivered_$1
	settle
	measure "open-$1" opened "$tmp/opened" "${!name}"
	content_same "$2" "$tmp/opened"
	rm "$tmp/opened"
	measure_file "unzstd-$1" "$tmp/decoded" to_file "$tmp/decoded" zstd -q -d -T0 -c "$2.zst"
	rm "$tmp/decoded"
}

content_open_folder() {
	measure folder opened_folder "$tmp/folder" "$delivered_export"
	content_same "$tmp/export.csv" "$tmp/folder/export.csv"
	rm -r "$tmp/folder"
}

# content_row WHAT NAME FILE [PEER [BOUND]]: of the ratio to the peer, or "N MB/s"
content_row() {
	local bytes seconds cpu peer='' held='' speed cost
	bytes=$(stat -c %s "$3") seconds=$(measured_seconds "$2") cpu=$(measured_cpu "$2")
	[[ -z ${4:-} ]] || printf -v peer %.2f "$(measured_ratio "$2" "$4")"
	read -r speed cost < <(awk -v b="$bytes" -v s="$seconds" -v c="$cpu" 'BEGIN { printf "%.0f %.2f\n", b / s / 1e6, c / b * 1e9 }')
	case ${5:-} in
		"") ;;
		*MB/s) holds "$speed" ">=" "${5% MB/s}"; held=${held/:/ MB/s:} ;;
		*) holds "$peer" ">=" "$5" ;;
	esac
	printf '  %-44s %8s %10s %10s  %s\n' "$1" "$speed" "$cost" "$peer" "$held"
}

content_table() {
	local export=$tmp/export.csv random=$tmp/random decoder="zstd -d -T0 -c >file (a core and I/O)"
	printf '  %-44s %8s %10s %10s  %s\n' "$(nproc) cores, median of $rounds, load $(load)" MB/s "CPU s/GB" "to peer" ""
	content_row "push, export of $(($(stat -c %s "$export") >> 20)) MiB, until durable" push-export "$export" zstd 0.80
	content_row "zstd -1 -T2 -c >file" zstd "$export"
	content_row "zstd -1 -T2 -c >file, sync" zstd-sync "$export"
	content_row "push, $((bytes >> 20)) MiB random, until durable" push-random "$random" cp-sync "600 MB/s"
	content_row "cp, sync" cp-sync "$random"
	content_row "openssl dgst -sha256, one core" sha256 "$random"
	content_row "open - >file, export" open-export "$export" unzstd-export 0.80
	content_row "$decoder" unzstd-export "$export"
	content_row "open -o DIR, export, until durable" folder "$export" unzstd-export-sync
	content_row "$decoder, sync" unzstd-export-sync "$export"
	content_row "open - >file, random" open-random "$random" unzstd-random
	content_row "$decoder" unzstd-random "$random"
}

content_part() {
	local i records=${RECORDS:-9250000} rounds=${ROUNDS:-5}
	"$build/tests/lib/export" --records "$records" --seed "$SEED" >"$tmp/export.csv"
	"$build/tests/lib/export" --random "$bytes" --seed "$SEED" >"$tmp/random"
	link_start 9000
	rm -rf "$site" "$tmp/measured"
	rate="1 Gbit/s" heal=50 routes_more=$(content_routes)
	receiver_lines="ring_mib = 512"
	site_make
	sender_up
	for ((i = 0; i < rounds; i++)); do content_push; done
	zstd -q -1 -T2 "$tmp/random" -o "$tmp/random.zst"
	receiver_up
	content_deliver export "$tmp/export.csv" tax
	content_deliver random "$tmp/random" files
	sender_down
	unset sender_pid
	for ((i = 0; i < rounds; i++)); do
		content_open export "$tmp/export.csv"
		content_open_folder
		content_open random "$tmp/random"
	done
	content_table
	receiver_down
	unset receiver_pid
	link_stop
	rm -rf "$site" "$tmp"/random* "$tmp"/export*
}
