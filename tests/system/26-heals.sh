#!/usr/bin/env bash
# The idle link heals: a receiver that was down, that lost a part of a bundle beyond repair, or that lost its whole
# vault, is whole again without anybody acting; and new work goes on meanwhile.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
link_start 1500
read -r k r _ < <("$build/tests/lib/failure" 114688 0 1500)
relay_start --drop-row "2:0:0:$r"
heal=50
site_make
receiver_up
sender_up

"$build/tests/lib/export" --random 60000 --seed "$SEED" >"$tmp/in"
same() { [[ $(open_bundle "$1" - 2>/dev/null | b2sum) == "$(b2sum <"$tmp/in")" ]]; }
push_one() {
	push files "$tmp/in"
	check $? "$1" || note "$pushed"
}

push_one "a bundle is pushed whole"
push_one "of another $((r + 1)) of $k source rows are lost each time they are sent"
ok "the first is delivered" wait_delivered files-000001
ok "the second is mended by further repair rows" wait_delivered files-000002
ok "and is the same bytes" same files-000002

receiver_down
push_one "a bundle is pushed while the receiver is down"
push_one "and another"
are_sent() { [[ -e $sender/spool/sent/files-000003 && -e $sender/spool/sent/files-000004 ]]; }
ok "both are sent in vain" until_true 20 are_sent
receiver_up
push_one "and one when it is up again"
ok "the new one is delivered" wait_delivered files-000005
ok "so is what was sent in vain" wait_delivered files-000003 40
ok "all of it" wait_delivered files-000004 40
ok "byte by byte" same files-000003

receiver_down
rm -rf "$receiver/vault"
mkdir "$receiver/vault"
receiver_up
for n in 1 2 3 4 5; do
	ok "the vault is lost: bundle $n comes again" wait_delivered "files-00000$n" 70
done
ok "byte by byte, too" same files-000001
# That it was lost is told, and stays so until somebody has looked into it.
like "gaps says that the vault is not what it was" "$(inbox gaps --config "$receiver/receiver.conf")" "put back to an older state"
rm "$receiver/vault/put-back"
ok "then gaps finds nothing missing" no_gaps
relay_stop
nothing_came_back
done_testing
