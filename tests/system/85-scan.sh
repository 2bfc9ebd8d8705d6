#!/usr/bin/env bash
# Virus scanning by a real clamd, which is started here with signatures of its own and the settings of
# SCANNING.md.  Also under the thread sanitizer: weir-seal attends to clamd in one thread and packs in others.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
# shellcheck source=tests/lib/clamd.sh
. "$(dirname "$0")/../lib/clamd.sh"
like "SCANNING.md demands settings" "$demanded" "AlertExceedsMax yes"

# scan OPTION… FILE…: what it says in $said, its exit status in $status.
scan() {
	said=$("$build/tests/lib/scan" --socket "$socket" "$@" 2>"$tmp/scan.err")
	status=$?
}

clamd_start main
main=$socket

# ---- clean and infected ----
"$build/tests/lib/export" --records 2000 --seed "$SEED" >"$tmp/export.csv"
: >"$tmp/empty"
scan "$tmp/export.csv" "$tmp/empty" "$tmp/export.csv"
is "a clean export passes" "$status $said" "0 clean"
scan "$tmp/export.csv" "$eicar" "$tmp/export.csv"
is "the EICAR file is refused, by name" "$status $said" "1 infected $eicar: Eicar-Test.UNOFFICIAL"
head -c 300000 "$tmp/export.csv" | cat - "$eicar" "$tmp/export.csv" >"$tmp/inside.csv"
scan "$tmp/inside.csv"
is "so is one in the middle of an export" "$status $said" "1 infected $tmp/inside.csv: Eicar-Test.UNOFFICIAL"

# ---- windows ----
# Windows of 64 KiB that overlap by 4 KiB: the first ends at 65536, the second at 126976.
for edge in 65536 126976; do
	scan --max 65536 --overlap 4096 --edges $((edge - 80)) $((edge + 12))
	is "EICAR is found at every offset around the edge at $edge" "$status $said" "0 93 of 93 found"
	scan --max 65536 --overlap 4096 --edges $((edge - 4096 - 80)) $((edge - 4096 + 12))
	is "and around the beginning of the next window" "$status $said" "0 93 of 93 found"
done
scan --max 65536 --overlap 16 --edges $((65536 - 80)) $((65536 + 12))
like "without enough overlap it is not: the overlap is what finds it" "$status $said" "^0 4[0-9] of 93 found$"
scan --max 65536 --overlap 4096 "$tmp/export.csv"
is "a clean export of several windows passes" "$status $said" "0 clean"
"$build/tests/lib/export" --random 70000 --seed "$SEED" >"$tmp/binary"
scan --max 65536 --overlap 4096 "$tmp/binary"
like "a binary above the limit is refused, with what to do" "$status $said" \
	"^1 not-scanned $tmp/binary: larger than max_mib .* no text: byte [0-9]+ is 0x[0-9a-f]{2}; raise MaxFileSize"
head -c 65536 "$tmp/binary" >"$tmp/binary.fits"
scan --max 65536 --overlap 4096 "$tmp/binary.fits"
is "one that fits passes as a whole" "$status $said" "0 clean"

# ---- archives ----
python3 - "$tmp" "$eicar" <<'END'
import bz2, gzip, lzma, sys, zipfile
folder, eicar = sys.argv[1:]
with zipfile.ZipFile(folder + '/infected.zip', 'w', zipfile.ZIP_DEFLATED) as z:
    z.write(eicar, 'a/b.txt')
with zipfile.ZipFile(folder + '/large.zip', 'w', zipfile.ZIP_DEFLATED) as z:
    z.writestr('zeros', bytes(101 * 1048576))
for kind, pack in (('gz', gzip.compress), ('bz2', bz2.compress), ('xz', lzma.compress)):
    open(folder + '/large.' + kind, 'wb').write(pack(bytes(101 * 1048576)))
data = bytearray(open(folder + '/infected.zip', 'rb').read())
data[6] |= 1
data[data.index(b'PK\1\2') + 8] |= 1
open(folder + '/encrypted.zip', 'wb').write(data)
END
scan "$tmp/infected.zip"
is "EICAR in an archive is found" "$status $said" "1 infected $tmp/infected.zip: Eicar-Test.UNOFFICIAL"
for kind in zip gz bz2 xz; do
	scan "$tmp/large.$kind"
	like "a .$kind that holds more than clamd looks into is refused" "$status $said" \
		"^1 not-scanned $tmp/large.$kind: Heuristics.Limits.Exceeded"
done
scan "$tmp/encrypted.zip"
is "an encrypted one, too" "$status $said" "1 not-scanned $tmp/encrypted.zip: Heuristics.Encrypted.Zip"

# ---- many ----
scan --small 10000
is "10,000 small members are clean" "$status $said" "0 clean"
note "$(grep members "$tmp/scan.err")"
scan --small 1000 --max 4194304 --overlap 1048576 --text 40
is "so are 40 MiB of text in windows" "$status $said" "0 clean"
note "$(grep MiB "$tmp/scan.err" | tail -n 1)"

# ---- a session lives through silence: clamd hangs up after 7 s ----
mkfifo "$tmp/slow"
"$build/tests/lib/scan" --socket "$main" "$tmp/slow" >"$tmp/slow.out" 2>"$tmp/slow.err" &
slow=$!
(printf 'id,name\n' && sleep 9 && cat "$eicar") >"$tmp/slow" &

# ---- settings that pass what was not looked into ----
refused() { # SENTENCE WORDS
	scan "$tmp/export.csv"
	is "$1" "$status $said" "1 not-scanned clamd: $2"
}
clamd_start blind no-signatures
refused "a clamd without signatures is not believed" \
	"clamd does not find the EICAR test file; it has no signatures: run freshclam, or carry them in"
clamd_start exceeds signatures 's/AlertExceedsMax yes/AlertExceedsMax no/'
refused "nor one that passes what is beyond its limits" \
	"clamd passes archives that it has not looked into; set 'AlertExceedsMax yes' in clamd.conf"
clamd_start encrypted signatures 's/AlertEncrypted yes/AlertEncrypted no/'
refused "nor one that passes encrypted archives" \
	"clamd passes encrypted archives; set 'AlertEncrypted yes' in clamd.conf"

# ---- clamd is stopped, or too slow ----
clamd_start fragile
fragile=$clamd
mkfifo "$tmp/held"
# held COMMAND…: a scan has begun and waits for its member when the command is carried out.
held() {
	local scanner
	"$build/tests/lib/scan" --socket "$socket" --timeout-ms 1000 "$tmp/held" >"$tmp/held.out" 2>"$tmp/held.err" &
	scanner=$!
	exec 7>"$tmp/held"
	until_true 10 grep -q 'begun: yes' "$tmp/held.err"
	"$@"
	echo "id,name" >&7
	exec 7>&-
	before=$(date +%s%N)
	wait $scanner
	status=$?
	took_ms=$((($(date +%s%N) - before) / 1000000))
	said=$(cat "$tmp/held.out")
}
held true
is "a scan that waits for its member is clean in the end" "$status $said" "0 clean"
held kill -STOP "$fragile"
is "a clamd that is too slow is not waited for" "$status $said" \
	"1 not-scanned $tmp/held: clamd has not answered within 1000 ms"
ok "but for its timeout ($took_ms ms)" test "$took_ms" -ge 950 -a "$took_ms" -lt 5000
before=$(date +%s%N)
scan --timeout-ms 1000 "$tmp/export.csv"
took_ms=$((($(date +%s%N) - before) / 1000000))
is "nor is one that is too slow from the beginning" "$status $said" \
	"1 not-scanned clamd: clamd has not answered within 1000 ms"
note "after $took_ms ms"
kill -CONT "$fragile"
scan "$tmp/export.csv"
is "when it goes on, so do scans" "$status $said" "0 clean"
die() { kill -9 "$fragile" && wait "$fragile" 2>/dev/null; }
held die
like "a clamd that dies has scanned nothing" "$status $said" \
	"^1 not-scanned clamd: (clamd has hung up|clamd takes no more commands: Broken pipe)"
scan "$tmp/export.csv"
is "without clamd nothing is scanned" "$status $said" \
	"1 not-scanned clamd: cannot reach clamd at '$socket': Connection refused; is clamav-daemon running?"

# ---- check ----
link_start 1500
check_with() { # KEY = VALUE…
	sender_lines=$(printf '%s\n' "$@")
	site_configure
	checked=$(in_sender "$build/weir-sender" check --config "$sender/sender.conf")
}
site_make
checked=$(in_sender "$build/weir-sender" check --config "$sender/sender.conf")
is "check says nothing of scanning where nobody demands it" "$(grep -cE '^[a-z]+ +(virus-scanner|scan-folder)' <<<"$checked")" 0
is "but whether there is swap" "$(grep -cE '^(green|red) +swap ' <<<"$checked")" 1
routes_more='[policy scanned]
version = 1
scan = required
[route scanned]
id = 11
recipients = tax-agency
operators = wang-mei
format = opaque
records = waived
destroy_after_days = 30
priority = 4
policy = scanned'
registry_install 2
checked=$(in_sender "$build/weir-sender" check --config "$sender/sender.conf")
like "a route whose policy demands it is enough" "$checked" "(green|red) +virus-scanner +/run/clamav/clamd.ctl"
check_with '[scan]' "socket = $main" "temporary = $volatile/main"
like "check has clamd find EICAR" "$checked" \
	"green virus-scanner +$main, EICAR found, all four answers in [0-9.]+ ms, files of 25.0 MiB"
like "and sees that its temporary files lie on memory" "$checked" "green scan-folder +$volatile/main"
if [[ $(wc -l </proc/swaps) -gt 1 ]]; then
	like "check says whether there is swap" "$checked" "red +swap +/.* is in use"
else
	like "check says whether there is swap" "$checked" "green swap +none"
fi
check_with '[scan]' "socket = $main" 'temporary = /proc' 'max_mib = 101'
like "temporary files elsewhere are bad" "$checked" \
	"red   scan-folder +/proc is on a disk.*type: mount a tmpfs, "
like "and so is a max_mib above clamd's limits" "$checked" \
	"red   virus-scanner +$main: clamd does not look into archives of max_mib, 101.0 MiB; raise MaxFileSize"
clamd_start small signatures 's/MaxFileSize .*/MaxFileSize 25M/'
check_with '[scan]' "socket = $socket"
like "and a clamd that passes archives which hold too much" "$checked" \
	"red   virus-scanner +$socket: clamd passes archives whose members are larger than it looks into; set MaxFileSize"
kill "$clamd"
wait "$clamd" 2>/dev/null
check_with '[scan]' "socket = $socket"
like "and no clamd" "$checked" "red   virus-scanner +$socket: cannot reach clamd .* \\[not-scanned\\]"

# ---- what was begun above ----
wait $slow
is "a session lives through silence, and still finds EICAR" "$? $(cat "$tmp/slow.out")" \
	"1 infected $tmp/slow: Eicar-Test.UNOFFICIAL"
is "clamd was told no name" "$(grep -cE 'export|inside|zip' "$tmp/main/log")" 0
ok "and logged the probes apart from members" grep -q 'memfd:weir-probe' "$tmp/main/log"
is "and has left nothing in its temporary files" "$(ls -A "$volatile/main")" ""
nothing_came_back
done_testing
