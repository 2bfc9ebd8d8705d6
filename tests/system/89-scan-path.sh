#!/usr/bin/env bash
# Virus scanning on the way of a real push, by a real clamd: what is clean is delivered and says so, what is not, or
# was not looked into, is refused with its member, and a route that demands no scanning needs no clamd.
# Keeps a processor busy.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
# shellcheck source=tests/lib/clamd.sh
. "$(dirname "$0")/../lib/clamd.sh"
link_start 1500
in=$tmp/in
mkdir "$in"
clamd_start main
timeout_s=30 # a busy machine takes its time for 25 MiB; below, where it is waited for, it is short
scan_mib=25
sender_lines="[scan]
socket = $socket
temporary = $volatile/main
timeout_s = $timeout_s
max_mib = $scan_mib"
routes_more="[policy scanned]
version = 4
scan = required
[policy both]
version = 1
encoding = utf-8
columns = id note
deny = note [0-9]{4,}
scan = required
$(for each in "scanned 11 opaque policy=scanned" "both 12 csv policy=both" "table 13 csv policy=scanned" "plain 14 opaque"; do
	read -r name id format policy <<<"$each"
	printf '[route %s]\nid = %d\nrecipients = tax-agency\noperators = %s\nformat = %s\nrecords = waived\n' \
		"$name" "$id" "$people" "$format"
	printf 'destroy_after_days = 30\npriority = 4\n%s\n' "${policy/=/ = }"
done)"
site_make
receiver_up
sender_up
conf=$sender/sender.conf
ledger=$sender/spool/ledger

delivers() { # SENTENCE SCAN ROUTE ARGUMENT…
	push "${@:3}"
	check $? "$1 is accepted" || note "$pushed"
	ok "$1 is delivered" wait_delivered "$bundle"
	is "$1: the receiver sees how it was scanned" \
		"$(inbox show --json --config "$receiver/receiver.conf" "$bundle" | jq -r .virus_scan)" "$2"
}
last_refusal() { grep -h '"event":"push.refused"' "$ledger"/*.jsonl | tail -n 1 | jq -r '"\(.result) \(.route) \(.about)"'; }
is_refused_so() { [[ $(last_refusal) =~ ^$1$ ]]; }
# turned_down SENTENCE VERDICT ABOUT ROUTE ARGUMENT…: refused so within its time limit; took_ms
turned_down() {
	local sentence=$1 verdict=$2 about=$3 before bundles
	shift 3
	bundles=$(spooled)
	before=$(date +%s%N)
	push "$@"
	is "$sentence is refused" $? 1
	took_ms=$((($(date +%s%N) - before) / 1000000))
	like "$sentence: and it is said where and why" "$pushed" "^weir-outbox: push refused: '$about': .*\\[$verdict\\]$"
	is "$sentence: nothing is in the spool" "$(spooled)" "$bundles"
	ok "$sentence: the ledger says the same" until_true 10 is_refused_so "$verdict $1 $about"
}

# ---- clean, infected, unknown ----
"$build/tests/lib/export" --records 2000 --seed "$SEED" >"$in/a-export.csv"
printf 'id,note\n1,fine\n2,"also, fine"\n' >"$in/good.csv"
"$build/tests/lib/export" --random 200000 --seed "$SEED" >"$in/binary"
: >"$in/empty"
delivers "a clean push" clean scanned "$in/a-export.csv" "$in/binary" "$in/empty" "$in/good.csv"
like "and prints it" "$(inbox show --config "$receiver/receiver.conf" "$bundle")" 'virus.scan +clean'
delivers "a push on a route without scanning" "not asked for" plain "$in/a-export.csv"
cp "$eicar" "$in/letter.txt"
signature='Eicar-Test\.UNOFFICIAL'
printf 'id,note\n3,last\n' >"$in/z.csv"
turned_down "EICAR among several members" infected "letter\\.txt: $signature" scanned \
	"$in/a-export.csv" "$in/binary" "$in/letter.txt" "$in/z.csv"
(cd "$in" && python3 -c 'import zipfile; zipfile.ZipFile("archive.zip", "w", zipfile.ZIP_DEFLATED).write("letter.txt")')
turned_down "EICAR in an archive" infected "archive\\.zip: $signature" scanned "$in/a-export.csv" "$in/archive.zip"
delivers "it is not looked for where nobody demands it" "not asked for" plain "$in/letter.txt"
"$build/tests/lib/export" --random $(((scan_mib << 20) + 1)) --seed "$SEED" >"$in/large"
turned_down "a large member that is no text" not-scanned 'large: larger than max_mib of .*' scanned "$in/large"

# ---- content rules and scanner together ----
delivers "what keeps the rules and is clean" clean both "$in/good.csv"
printf 'id,note\n1,"%s"\n' "$(sed 's/"/""/g' "$eicar")" >"$in/sick.csv"
turned_down "what keeps the rules and is infected" infected "sick\\.csv: $signature" both "$in/good.csv" "$in/sick.csv"
printf 'id,note\n1,2345\n' >"$in/bad.csv"
turned_down "what is clean and breaks a rule" against-policy 'bad\.csv:2: column note: rule deny 1' both "$in/bad.csv" "$in/good.csv"
cat "$in/sick.csv" <(echo 2,3456) >"$in/worse.csv"
turned_down "what is infected and breaks a rule" against-policy 'worse\.csv:3: column note: rule deny 1' both "$in/worse.csv"
is "clamd was told no name" "$(grep -cE 'export|letter|sick|z\.csv' "$tmp/main/log")" 0

# ---- 200 MiB of text, in windows ----
"$build/tests/lib/export" --records 1810000 --seed "$SEED" >"$in/table.csv"
ok "a table has 200 MiB" test "$(stat -c %s "$in/table.csv")" -ge $((200 << 20))
# Bytes of the memory files that weir-seal and clamd have open, the most there ever were, each file once.
memory_files() {
	local pid most=0 now
	while sleep 0.05; do
		now=$(for pid in $(pgrep -P "$sender_pid" -x weir-seal) "$clamd"; do
			find "/proc/$pid/fd" -lname '/memfd:weir*' -exec stat -L -c '%i %s' {} + 2>/dev/null
		done | sort -u | awk '{ sum += $2 } END { print sum + 0 }')
		((now > most)) && most=$now && echo "$most" >"$tmp/memory-files"
	done
}
echo 0 >"$tmp/memory-files"
memory_watch
memory_files 2>/dev/null &
watching=$!
on_exit "kill $watching 2>/dev/null"
before=$(date +%s%N)
delivers "a table of 200 MiB" clean table "$in/table.csv"
note "after $((($(date +%s%N) - before) / 1000000)) ms"
peak=$(memory_peak weir-seal)
kill $watching
ok "weir-seal had $peak MiB of at most 192" test "$peak" -gt 0 -a "$peak" -lt 192
if ((EUID == 0)); then
	files=$((($(cat "$tmp/memory-files") + 1048575) >> 20))
	ok "beside $files MiB of memory files, of at most three times max_mib and 1 MiB" \
		test "$files" -gt 0 -a "$files" -le $((3 * scan_mib + 1))
else
	skip "the memory files are bounded" "other processes' descriptors need root"
fi
is "it opens to the same bytes" "$(open_bundle "$bundle" - 2>/dev/null | b2sum)" "$(b2sum <"$in/table.csv")"
{
	sed 1300000q "$in/table.csv"
	printf '1,2,3,4,5,6,7,8,9,"%s"\n' "$(sed 's/"/""/g' "$eicar")"
	tail -n 400000 "$in/table.csv"
} >"$in/hidden.csv"
turned_down "EICAR far inside one" infected "hidden\\.csv: $signature" table "$in/hidden.csv"

# ---- clamd does not answer, or is gone ----
timeout_s=2
sed -i "s/^timeout_s = .*/timeout_s = $timeout_s/" "$conf"
sender_down
sender_up
mkfifo "$tmp/slow"
# meanwhile COMMAND…: a push has begun, and its member goes on when the command is carried out.
meanwhile() {
	exec 7<>"$tmp/slow"
	echo "id,note" >&7
	(until_true 10 pid_of weir-seal && until_true 10 pushing && "$@" && echo "1,end" >&7 && exec 7>&-) >/dev/null &
	turned_down "${sentence:?}" not-scanned "${about:?}" scanned - -- head -n 2 "$tmp/slow"
	exec 7>&-
	wait $!
}
# The command runs only once weir-seal is ready.
pushing() { pgrep -f "^head -n 2 $tmp/slow" >/dev/null; }
within() { ok "$1: within its time limit ($took_ms ms)" test "$took_ms" -lt $(((timeout_s + 3) * 1000)); }
sentence="a push whose clamd stands still meanwhile" about='(stream|clamd): clamd has not answered within 2000 ms'
meanwhile kill -STOP "$clamd"
within "$sentence"
turned_down "a push whose clamd stands still from the beginning" not-scanned 'clamd: clamd has not answered within 2000 ms' \
	scanned "$in/a-export.csv"
within "the same"
delivers "beside it a push on a route without scanning" "not asked for" plain "$in/a-export.csv"
kill -CONT "$clamd"
delivers "when clamd goes on, a push" clean scanned "$in/a-export.csv"
sentence="a push whose clamd dies meanwhile" about='(stream|clamd): clamd (has hung up|takes no more commands).*'
dies() { kill -9 "$clamd"; }
meanwhile dies
within "$sentence"
turned_down "a push without clamd" not-scanned "clamd: cannot reach clamd at .*: Connection refused; .*" scanned "$in/a-export.csv"
within "the same"
delivers "beside it a push on a route without scanning" "not asked for" plain "$in/a-export.csv"
sender_down
sed -i '/^\[scan\]/,$d' "$conf"
sender_up
turned_down "without a scanner in the configuration a push" not-scanned "no virus scanner is configured; .*" scanned "$in/a-export.csv"
is "nothing was left in clamd's temporary files" "$(ls -A "$volatile/main")" ""
ok "there are no gaps" no_gaps
nothing_came_back
done_testing
