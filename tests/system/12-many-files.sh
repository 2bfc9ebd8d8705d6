#!/usr/bin/env bash
# 100,000 files of 1 to 4 KiB as one bundle.  Keeps a processor busy.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
link_start 1500
site_make
receiver_up
sender_up

# One stream of random bytes, cut into files whose sizes follow from their numbers.  Where they come from is no matter
# of the disk.
many=$runtime/many
mkdir "$many"
"$build/tests/lib/export" --random 260000000 --seed "$SEED" | perl -e '
	my $root = shift;
	foreach my $i (0 .. 99999) {
		my $folder = sprintf "%s/%03d", $root, $i % 250;
		mkdir $folder if $i < 250;
		my $size = 1024 + $i * 7919 % 3073;
		read(STDIN, my $bytes, $size) == $size or die "short";
		open my $out, ">", sprintf("%s/%06d.bin", $folder, $i) or die $!;
		print $out $bytes;
		close $out or die $!;
	}' "$many"
is "there are 100,000 files to push" "$(find "$many" -type f | wc -l)" 100000

names() { (cd "$1" && find . -type f -printf '%P %s\n' | sort | b2sum); }
push files "$many"
check $? "100,000 files are pushed as one bundle" || note "$pushed"
ok "100,000 files are delivered" wait_delivered "$bundle" 120
ok "100,000 files open" open_bundle "$bundle" -o "$tmp/out"
opened=$tmp/out
[[ -d $tmp/out/many ]] && opened=$tmp/out/many
is "100,000 files have the same names and sizes" "$(names "$opened")" "$(names "$many")"
ok "100,000 files have the same bytes" diff -rq "$opened" "$many"
nothing_came_back
done_testing
