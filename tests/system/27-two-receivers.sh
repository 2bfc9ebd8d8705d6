#!/usr/bin/env bash
# Two receivers listen to one fibre, each with its own name, keys and ledger.  Either may be away while bundles
# cross, and is whole again without anybody acting; neither knows of the other.
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
first_box
nothing_came_back
done_testing
