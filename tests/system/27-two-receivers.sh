#!/usr/bin/env bash
# Two receivers listen to one fibre, each with its own name, keys and ledger.  Either may be away while bundles
# cross, and is whole again without anybody acting; neither knows of the other.  What an idle link does not heal is asked
# for by the code that either of them prints.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
if ((EUID != 0)); then
	skip "two receivers on one fibre" "network namespaces need root"
	done_testing
	exit
fi
splitter=yes
link_start 1500
boxes="inside-1 outside-1 outside-2"
heal=50
site_make
first=$receiver
second=$site/second

# The second box, in the place of the first for all that follows.
second_box() { receiver=$second at_receiver=(ip netns exec "$ns_second"); }
first_box() { receiver=$first at_receiver=(ip netns exec "$ns_receiver"); }
mkdir -p "$second/vault" "$runtime/second"
sed "s|$first/|$second/|; s|$runtime/receiver|$runtime/second|; s|outside-1.key|outside-2.key|" \
	"$first/receiver.conf" >"$second/receiver.conf"
chmod 600 "$second/receiver.conf"

receiver_up
first_pid=$receiver_pid
second_box
receiver_up
second_pid=$receiver_pid
sender_up
"$build/tests/lib/export" --random 60000 --seed 7 >"$tmp/in"
push_one() {
	push files "$tmp/in"
	check $? "$1" || note "$pushed"
}
both_have() {
	first_box
	ok "the first receiver has bundle $1" wait_delivered "files-00000$1" "${2:-30}"
	second_box
	ok "so has the second" wait_delivered "files-00000$1" "${2:-30}"
}

push_one "a bundle is pushed"
both_have 1
second_box
receiver_pid=$second_pid
receiver_down
push_one "one more while the second receiver is away"
first_box
ok "the first has it" wait_delivered files-000002
second_box
receiver_up
second_pid=$receiver_pid
first_box
receiver_pid=$first_pid
receiver_down
push_one "and one while the first is away"
second_box
ok "the second has it" wait_delivered files-000003
first_box
receiver_up
first_pid=$receiver_pid
both_have 2 60
both_have 3 60

# Each vouches for itself: its own name in its own chain.
of_ledger() { inbox ledger verify --config "$receiver/receiver.conf" 2>&1; }
first_box
ok "gaps finds nothing missing at the first" no_gaps
like "the first one's ledger is its own" "$(of_ledger)" "outside-1"
second_box
ok "nor at the second" no_gaps
like "and so is the second one's" "$(of_ledger)" "outside-2"
ok "the bundle opens from the second" open_bundle files-000003 -o "$tmp/out"
ok "byte by byte" cmp "$tmp/in" "$tmp/out/in"

# ---- resend codes, of the second alone ----

sender_down
sed -i 's/^heal_percent = .*/heal_percent = 0/' "$sender/sender.conf"
sender_up
# Of what comes to the second receiver, this is lost: nft's words for it.
loses() {
	ip netns exec "$ns_second" nft -f - <<-END
		table netdev loss { chain in { type filter hook ingress device "$device" priority 0; $1 drop; }; }
	END
}
loses_nothing() { ip netns exec "$ns_second" nft delete table netdev loss; }
code() { inbox gaps --json --config "$receiver/receiver.conf" | jq -r ".missing[] | select(.name == \"$1\" and .kind == \"$2\").resend // empty"; }
has_code() { [[ -n $(code "$1" "$2") ]]; }
is_sent() { [[ $(shown "$1" .state) == sent && $(shown "$1" .resends) == 0 ]]; }
entries_of() { cat "$receiver"/vault/ledger/*.jsonl | jq -r 'select(.event != "checkpoint" and .event != "witness") | "\(.event) \(.bundle)"'; }
of_vault() { find "$receiver/vault/bundles" -type f -printf '%p %i %T@ %C@\n' | sort; }

"$build/tests/lib/export" --random 600000 --seed 8 >"$tmp/larger"
second_box
loses ""
push_one "a bundle is pushed, all of which the second receiver loses"
ok "it is sent" until_true 20 is_sent files-000004
loses_nothing
loses "numgen inc mod 2 0"
push files "$tmp/larger"
check $? "and one of which it loses a half" || note "$pushed"
ok "that is sent" until_true 20 is_sent files-000005
loses_nothing
first_box
ok "the first has both" wait_delivered files-000005
ok "without a gap" no_gaps
entries_of >"$tmp/ledger.before"
of_vault >"$tmp/vault.before"
events=$(wc -l <"$receiver/log")
second_box
ok "the second names what it lost as a whole, with a code" until_true 30 has_code files-000004 whole
ok "and what it lost a part of" until_true 30 has_code files-000005 part || note "$(inbox gaps --config "$receiver/receiver.conf")"
whole=$(code files-000004 whole) part=$(code files-000005 part)
resend() { outbox resend --config "$sender/sender.conf" --key "$keys/$person.key" "$@"; }
like "the code of the one is typed at the sender" "$(resend "$whole")" "^files-000004: all blocks, a whole pass, .* will be sent once more"
ok "by it the second has that" wait_delivered files-000004
ok "and not the other" has_code files-000005 part
like "the code of the other is for rows of a block" "$(resend "$part")" "^files-000005: block 0, [0-9]+ further repair rows, "
ok "by it the second has that, too" wait_delivered files-000005
ok "and lacks nothing" no_gaps
ok "it opens" open_bundle files-000005 -o "$tmp/healed"
ok "byte by byte" cmp "$tmp/larger" "$tmp/healed/larger"
first_box
ok "the sender is done with it" until_true 20 is_sent files-000005
is "the first has entered nothing more of it" "$(entries_of | diff "$tmp/ledger.before" - | grep -v command | grep -c '^[<>]')" 0
is "its vault is as it was" "$(of_vault | diff "$tmp/vault.before" - | wc -l)" 0
is "and it tells of nothing" "$(tail -n "+$((events + 1))" "$receiver/log")" ""
ok "nor lacks anything" no_gaps
nothing_came_back
done_testing
