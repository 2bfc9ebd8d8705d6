#!/usr/bin/env bash
# Bundles of every awkward size cross the link; this file runs under the sanitizers too, and under the thread sanitizer.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
link_start 1500
site_make
receiver_up
sender_up

# crosses FILE WHAT: pushed, delivered, verified, opened, equal.
crosses() {
	local file=$1 what=$2 out=$tmp/out.$RANDOM
	push files "$file"
	check $? "$what is pushed" || { note "$pushed"; return; }
	ok "$what is delivered" wait_delivered "$bundle" 60 || return
	ok "$what verifies without any secret" inbox verify --config "$receiver/receiver.conf" "$bundle"
	ok "$what opens" open_bundle "$bundle" -o "$out"
	ok "$what is the same bytes" cmp "$file" "$out/$(basename "$file")"
	is "$what keeps its modification time" "$(stat -c %Y "$out/$(basename "$file")")" "$(stat -c %Y "$file")"
	rm -rf "$out"
}

for size in 0 1 1399 1400 1401 1048575 1048576 1048577; do
	"$build/tests/lib/export" --random "$size" --seed "$SEED" >"$tmp/file-$size"
	touch -d "2020-02-02 02:02:02" "$tmp/file-$size"
	crosses "$tmp/file-$size" "a file of $size bytes"
done

"$build/tests/lib/export" --random 20000000 --seed "$SEED" >"$tmp/incompressible"
crosses "$tmp/incompressible" "20 MB that nothing compresses"
"$build/tests/lib/export" --records 50000 --seed "$SEED" >"$tmp/export.csv"
crosses "$tmp/export.csv" "an export of 50,000 records"

# A folder keeps its shape.
mkdir -p "$tmp/folder/a/b" "$tmp/folder/名冊"
echo one >"$tmp/folder/a/b/one"
: >"$tmp/folder/empty"
cp "$tmp/file-1401" "$tmp/folder/名冊/第一冊.bin"
push files "$tmp/folder"
check $? "a folder is pushed" || note "$pushed"
ok "a folder is delivered" wait_delivered "$bundle"
ok "a folder opens" open_bundle "$bundle" -o "$tmp/folder.out"
is "a folder has the same files" \
	"$(cd "$tmp/folder.out" && find . -type f -exec b2sum {} + | sed 's|\./folder/|./|' | sort)" \
	"$(cd "$tmp/folder" && find . -type f -exec b2sum {} + | sort)"

# Records are counted; a stream becomes one member.
records() { "$build/tests/lib/export" --records 1234 --seed "$SEED"; }
push tax - -- "$build/tests/lib/export" --records 1234 --seed "$SEED"
check $? "the output of a command is pushed" || note "$pushed"
ok "the output of a command is delivered" wait_delivered "$bundle"
is "its 1,234 records are what the manifest says" \
	"$(inbox show --config "$receiver/receiver.conf" --key "$keys/$recipient.key" \
		--psk "$keys/psk/$recipient.key" --json "$bundle" | jq '.. | .records? // empty' | sort -u)" 1234
is "its bytes are the same" "$(open_bundle "$bundle" - | b2sum)" "$(records | b2sum)"
stream=$bundle

# Three recipients, each with keys of its own.
push three "$tmp/file-1401"
check $? "a bundle for three recipients is pushed" || note "$pushed"
ok "a bundle for three recipients is delivered" wait_delivered "$bundle"
for recipient in $recipients; do
	is "$recipient opens it" "$(open_bundle "$bundle" - | b2sum)" "$(b2sum <"$tmp/file-1401")"
done
recipient=health-office
open_bundle "$stream" - >"$tmp/wrong" 2>"$tmp/wrong.err"
is "who is not a recipient cannot open" "$?" 1
like "who is not a recipient is told so" "$(cat "$tmp/wrong.err")" "wrong-recipient"
is "who is not a recipient gets no byte" "$(wc -c <"$tmp/wrong")" 0
recipient=tax-agency

# A copy opens anywhere, with the roots alone.
ok "a copy is made" inbox copy --config "$receiver/receiver.conf" "$stream" "$tmp/copy.weir"
ok "the copy verifies away from the vault" \
	"$build/weir-inbox" verify --roots "$site/roots" "$tmp/copy.weir"
is "the copy opens away from the vault" \
	"$("$build/weir-inbox" open --roots "$site/roots" --key "$keys/tax-agency.key" \
		--psk "$keys/psk/tax-agency.key" "$tmp/copy.weir" - | b2sum)" "$(records | b2sum)"

ok "everything in the vault verifies" inbox verify --config "$receiver/receiver.conf"
ok "there are no gaps" no_gaps
is "nothing is left half received" "$(ls "$receiver/vault/partial" 2>/dev/null)" ""
nothing_came_back
done_testing
