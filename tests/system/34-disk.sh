#!/usr/bin/env bash
# Disks fill, and run out of inodes: that is told before anything is refused; what was accepted is sent, nothing that was
# accepted is lost, the ledgers are still written, and when there is room it goes on by itself.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
if ((EUID != 0)); then
	skip "disks that fill" "mounting a small disk needs root"
	done_testing
	exit
fi
link_start 1500
heal=50
site_make
# What system.sh writes is for the machine's own disk.
sed -i 's/^disk_full_percent = 98/disk_full_percent = 90/' "$sender/sender.conf" "$receiver/receiver.conf"
small_disk() {
	mount -t tmpfs -o "size=32m,nr_inodes=400,mode=750" "$1" "$2" || give_up "a small disk cannot be mounted"
	on_exit "umount -l $2"
}
small_disk spool "$sender/spool"
small_disk vault "$receiver/vault"
receiver_up
sender_up
"$build/tests/lib/export" --random 60000 --seed 3 >"$tmp/in"
in_log() { grep -q "$2" "$1/log"; }
in_ledger() { cat "$1"/ledger/*.jsonl | jq -c "select(.event == \"alarm\" and .id == \"$2\")" | grep -q .; }
# fill DIRECTORY PERCENT
fill() {
	local blocks used
	rm -f "$1/filling"
	read -r blocks used < <(df --output=size,used -k "$1" | tail -n 1)
	head -c "$(((blocks * $2 / 100 - used) * 1024))" /dev/zero >"$1/filling"
}

push files "$tmp/in"
check $? "a bundle is pushed" || note "$pushed"
ok "and delivered" wait_delivered "$bundle"

# ---- the sender's ----
fill "$sender/spool" 83
ok "from ten percent before the limit on the sender tells of it" until_true 5 in_log "$sender" E1023
ok "so does its ledger" until_true 5 in_ledger "$sender/spool" E1023
push files "$tmp/in"
check $? "a push is accepted all the same" || note "$pushed"
ok "and delivered" wait_delivered "$bundle"
fill "$sender/spool" 92
ok "at the limit it tells of that" until_true 5 in_log "$sender" E1024
refused "a push" 1 spool-full outbox push --config "$sender/sender.conf" --key "$keys/$person.key" --route files "$tmp/in"
ok "which the ledger has" until_true 5 in_ledger "$sender/spool" E1024
rm "$sender/spool/filling"
ok "with room it says so" until_true 5 in_log "$sender" E1025
push files "$tmp/in"
check $? "and a push is accepted at once" || note "$pushed"
ok "and delivered" wait_delivered "$bundle"
mkdir "$sender/spool/inodes"
for ((i = 0; i < 400; i++)); do : >"$sender/spool/inodes/$i" || break; done 2>/dev/null
refused "without inodes a push" 1 spool-full outbox push --config "$sender/sender.conf" --key "$keys/$person.key" --route files "$tmp/in"
rm -r "$sender/spool/inodes"
push files "$tmp/in"
check $? "with inodes it is accepted at once" || note "$pushed"
ok "and delivered" wait_delivered "$bundle"

# ---- the receiver's ----
fill "$receiver/vault" 83
ok "the receiver tells of it, too" until_true 5 in_log "$receiver" E2022
ok "so does its ledger" until_true 5 in_ledger "$receiver/vault" E2022
fill "$receiver/vault" 92
ok "at the limit it tells of that" until_true 5 in_log "$receiver" E2020
push files "$tmp/in"
check $? "what is pushed now" || note "$pushed"
sleep 2
ok "is not begun" test -z "$(vault_file "$bundle")"
like "gaps names it" "$(inbox gaps --config "$receiver/receiver.conf")" "$bundle"
rm "$receiver/vault/filling"
ok "with room the idle link brings it, and nobody acts" wait_delivered "$bundle" 60
mkdir "$receiver/vault/inodes"
for ((i = 0; i < 400; i++)); do : >"$receiver/vault/inodes/$i" || break; done 2>/dev/null
push files "$tmp/in"
check $? "what is pushed while the vault has no inodes" || note "$pushed"
sleep 2
ok "is not begun either" test -z "$(vault_file "$bundle")"
rm -r "$receiver/vault/inodes"
ok "and comes when it has" wait_delivered "$bundle" 60
ok "gaps finds nothing missing" no_gaps
is "all that was accepted is here" "$(find "$receiver/vault/bundles" -name 'files-*.weir' | wc -l)" 6
ok "the sender's ledger is whole" outbox ledger verify --config "$sender/sender.conf"
ok "and so is the receiver's" inbox ledger verify --config "$receiver/receiver.conf"
nothing_came_back
done_testing
