#!/usr/bin/env bash
# The capture that ends every system test sees what it is there to see.
# shellcheck source=tests/lib/link.sh
. "$(dirname "$0")/../lib/link.sh"
link_start 1500
if [[ $link != namespaces ]]; then
	skip "a frame sent back on purpose is seen" "network namespaces need root"
	done_testing
fi

nothing_came_back
# A UDP datagram from the receiver's own stack: its rule drops and counts it.
in_receiver ip neigh replace 10.77.0.1 lladdr 02:00:00:00:00:01 nud permanent dev "$device"
in_receiver bash -c 'echo back >/dev/udp/10.77.0.1/9'
in_receiver "$build/tests/lib/sniff" send "$device"
is "the receiver's rule drops and counts a datagram and a raw frame" "$(frames_dropped)" 2
is "neither reaches the sender's end" "$(frames_back)" 0

# Without the rule the same two arrive, and the capture sees them.
in_receiver nft delete table netdev weir_receiver
in_receiver bash -c 'echo back >/dev/udp/10.77.0.1/9'
seen() { (($(frames_back) >= $1)); }
ok "a datagram sent back on purpose is seen" until_true 5 seen 1
in_receiver "$build/tests/lib/sniff" send "$device"
ok "a raw frame sent back on purpose is seen" until_true 5 seen 2
is "no other frame is counted" "$(frames_back)" 2
done_testing
