# shellcheck shell=bash disable=SC2034,SC2154 # part of tests/bench/run
# smallfiles_part: many small files as one push, from the folder to the folder, beside tar and zstd.
#
# Each figure is the median of ROUNDS.  push ends when the bundle is durable in the spool, and open when the files are
# durable in their folder; tar waits for no disk: the rows with 'sync' do.

tar_made() { tar -C "$tmp" -cf - small | zstd -q -1 -T2 >"$tmp/small.tar.zst"; }
tar_opened() { mkdir "$1" && zstd -q -dc "$tmp/small.tar.zst" | tar -C "$1" -xf -; } # DIR
small_opened() { open_bundle "$bundle" -o "$1"; }

# From the end of the push, which measure has just seen.
small_crossed() {
	local before
	before=$(cpu_here)
	until_true 60 is_delivered "$bundle" || fail "the small files did not arrive"
	echo "$(elapsed "$measured_until" "$(now)") $(minus "$(cpu_here)" "$before")" >>"$tmp/measured/crossed"
}

small_same() { diff -r "$tmp/small" "$1" >&2 || fail "what was opened is not what was pushed: '$1'"; }

# A file system of its own for what is opened, on which nothing is removed: ext4 passes over inodes that were freed
# within the last seconds, one by one, which made whoever makes files up to eight times slower; and syncfs would wait
# for what others have written.
small_disk() {
	local copies=$((2 * $1 + 1))
	disk=$tmp/disk
	truncate -s $((copies * files * 8192 + (256 << 20))) "$disk.img"
	mkdir -p "$disk"
	if ! mkfs.ext4 -q -N $((copies * files + 10000)) -E lazy_itable_init=0,lazy_journal_init=0,nodiscard "$disk.img" ||
		! mount -o loop "$disk.img" "$disk"; then
		fail "no file system for what is opened"
	fi
	on_exit "umount -l $disk 2>/dev/null" # somebody may still be in it
}

# small_round NUMBER
small_round() {
	settle
	measure push push files "$tmp/small"
	small_crossed
	settle
	measure open small_opened "$disk/opened-$1"
	small_same "$disk/opened-$1/small"
	settle
	measure_file tar "$tmp/small.tar.zst" tar_made
	measure_file untar "$disk/untarred-$1" tar_opened "$disk/untarred-$1"
	small_same "$disk/untarred-$1/small"
}

# small_row WHAT NAME [PEER]
small_row() {
	local peer=''
	[[ -z ${3:-} ]] || printf -v peer %.2f "$(measured_ratio "$2" "$3")"
	printf '  %-44s %10.0f %10.2f %10s\n' "$1" "$(ratio "$files" "$(measured_seconds "$2")")" "$(measured_cpu "$2")" "$peer"
}

smallfiles_part() {
	local i rounds=${ROUNDS:-3}
	"$build/tests/bench/small" "$tmp/small" "$files" "${SEED:0:9}" || fail "no files"
	link_start 9000
	rm -rf "$site" "$tmp/measured"
	rate="1 Gbit/s" heal=50 routes_more=''
	receiver_lines="ring_mib = 512"
	site_make
	receiver_up
	sender_up
	small_disk "$rounds"
	for ((i = 0; i < rounds; i++)); do small_round "$i"; done
	printf '  %-44s %10s %10s %10s\n' "$(nproc) cores, $files files, $(du -s --apparent-size -B1M "$tmp/small" | cut -f1) MiB" files/s "CPU s" "to peer"
	small_row "push, until durable" push tar
	small_row "tar | zstd -1 -T2 >file" tar
	small_row "push, beside the archive that is synced" push tar-sync
	small_row "tar | zstd -1 -T2 >file, sync" tar-sync
	small_row "spool to vault, at $rate" crossed
	small_row "open -o DIR, until durable" open untar
	small_row "zstd -d | tar -x" untar
	small_row "open, beside the files that are synced" open untar-sync
	small_row "zstd -d | tar -x, sync" untar-sync
	sender_down
	receiver_down
	unset sender_pid receiver_pid
	link_stop
	umount "$disk"
	rm -rf "$site" "$tmp"/small* "$disk.img"
}
