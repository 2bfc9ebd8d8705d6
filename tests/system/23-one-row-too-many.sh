#!/usr/bin/env bash
# One row more is lost than can be repaired: gaps says so, and nothing wrong is delivered.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
link_start 1500
read -r k r _ < <("$build/tests/lib/failure" 114688 0 1500)
# Of bundle 2 as many rows as can be repaired, of bundle 3 one more, of bundle 4 repair rows too.
relay_start --drop-row "2:0:0:$((r - 1))" --drop-row "3:0:0:$r" --drop-row "4:0:$((k - 1)):$((k + r - 1))"
site_make
receiver_up
sender_up

"$build/tests/lib/export" --random 60000 --seed "$SEED" >"$tmp/in"
for n in 1 2 3 4 5; do
	push files "$tmp/in"
	check $? "bundle $n is pushed" || note "$pushed"
done
for n in 1 2 5; do
	ok "bundle $n is delivered" wait_delivered "files-00000$n"
	is "bundle $n is the same bytes" "$(open_bundle "files-00000$n" - | b2sum)" "$(b2sum <"$tmp/in")"
done

is "the object has the length that the rows are counted by" "$(object_bytes files-000001)" 114688

# Heartbeats go on: two of them after the last datagram, and what is missing is known.
gaps() { inbox gaps --config "$receiver/receiver.conf" 2>&1; }
names_both() {
	local said
	said=$(gaps) # on their way until a pass has ended, and a grace
	[[ $? == 4 && $said == *files-000003* && $said == *files-000004* && $said != *"no heartbeat"* ]]
}
ok "gaps names both bundles that lack a row" until_true 20 names_both
gaps >"$tmp/gaps"
is "gaps ends with the exit code for something missing" "$?" 4
note "$(cat "$tmp/gaps")"
is "gaps names no other bundle" "$(grep -oE 'files-[0-9]+' "$tmp/gaps" | sort -u | tr '\n' ' ')" \
	"files-000003 files-000004 "
is "neither is in the vault" "$(vault_file files-000003)$(vault_file files-000004)" ""
open_bundle files-000003 - >"$tmp/out" 2>"$tmp/err"
is "opening it is refused" "$(($? != 0))" 1
is "opening it gives no byte" "$(wc -c <"$tmp/out")" 0
relay_stop
nothing_came_back
done_testing
