#!/usr/bin/env bash
# A push by somebody whose fellow users call weir-seal and say nothing, or begin and stop.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
rate="200 Mbit/s"
link_start 1500
site_make
receiver_up
sender_up

# As many as weir-sender runs seals for, twice: half of them silent, half with one byte of a frame.
python3 -B - "$sender/run/seal.sock" >"$tmp/callers.log" <<-'END' &
	import socket, sys, time
	callers = []
	for i in range(64):
	    caller = socket.socket(socket.AF_UNIX)
	    caller.connect(sys.argv[1])
	    if i % 2:
	        caller.send(b"\x01")
	    callers.append(caller)
	print("called", flush=True)
	time.sleep(100)
END
callers=$!
on_exit "kill $callers 2>/dev/null; wait $callers 2>/dev/null"
until_true 10 grep -q called "$tmp/callers.log"
echo "a record" >"$tmp/file"
push files "$tmp/file"
check $? "a push gets its turn beside 64 callers that never finish a frame" || note "$pushed"
ok "it is delivered" wait_delivered "$bundle"
nothing_came_back
done_testing
