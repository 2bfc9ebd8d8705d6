#!/usr/bin/env bash
# Both boxes start with 10,000 bundles in spool and vault, as after a power cut: they are ready, and have all of
# them.  How long that takes is measured by `tests/bench/run` (ONLY=start).  Keeps a processor busy.
TMPDIR=/dev/shm
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
link_start 1500
site_make
count=10000
ok "spool and vault are filled" "$build/tests/lib/fill" "$sender/sender.conf" "$receiver/receiver.conf" \
	"$keys/wang-mei.key" $count

# What of that is the processor's.
cost() { sed 's/^.*) //' "/proc/$(pid_of "$1")/stat" | awk -v t="$(getconf CLK_TCK)" '{ printf "%.2f s of processor", ($12 + $13) / t }'; }

started=$(date +%s%N)
sender_up
note "weir-hold answers after $((($(date +%s%N) - started) / 1000000)) ms: $(cost weir-hold)"
# One look at each of these lists: so long a one keeps jq busy for seconds.
read -r approved files < <(outbox list --json --config "$sender/sender.conf" |
	jq -r '[.[].route] | "\(map(select(. == "approved")) | length) \(map(select(. == "files")) | length)"')
is "the sender has those that wait for officers" "$approved" 100
is "the sender has all that have a number" "$files" 9900
is "no file of the spool was unusable" "$(grep -c E1002 "$sender/log")" 0

started=$(date +%s%N)
receiver_up
note "weir-keep writes its status after $((($(date +%s%N) - started) / 1000000)) ms: $(cost weir-keep)"
look() {
	read -r delivered there < <(inbox list --json --config "$receiver/receiver.conf" |
		jq -r '[.[].state] | "\(map(select(. == "delivered")) | length) \(map(select(. != "promised")) | length)"')
}
look
ok "the receiver has all that were delivered" test "$delivered" -ge 8900
# Some of those that were arriving may be whole by now, and then they are refused: what fills them is no bundle.
all_there() { ((there >= 9900)) || { look && ((there >= 9900)); }; }
ok "the receiver goes on with those that were arriving" until_true 20 all_there
push files "$sender/sender.conf"
check $? "a push is accepted" || note "$pushed"
is "it has the next number" "$bundle" files-009901
# behind all that is still to go
ok "what is pushed now is delivered" wait_delivered files-009901 120

# What the annals tell can be read from the bundles, too.
receiver_down
rm "$receiver/vault/annals"
receiver_up
ok "a vault that has lost its annals has them again" test "$(stat -c %s "$receiver/vault/annals")" -ge $((128 * 8900))
nothing_came_back
done_testing
