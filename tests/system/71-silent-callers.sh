#!/usr/bin/env bash
# A push by somebody whose fellow users call weir-seal and say nothing, or begin and stop, or name a person
# whose key they do not have.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
rate="200 Mbit/s"
link_start 1500
site_make
receiver_up
sender_up

# More than weir-sender runs seals for: a third of each kind.
printf 'import socket, sys, time
path, route, person, key = sys.argv[1:]
push = route.encode().ljust(32, b"\\0") + person.encode().ljust(32, b"\\0") + bytes.fromhex(key) + bytes(64)
frame = len(push).to_bytes(4, "little") + (1).to_bytes(2, "little") + bytes(2) + push
callers = []
for i in range(48):
    caller = socket.socket(socket.AF_UNIX)
    caller.connect(path)
    if i %% 3 == 1:
        caller.send(frame[:1])
    if i %% 3 == 2:
        caller.send(frame)
    callers.append(caller)
print("called", flush=True)
answer = callers[2].recv(8)
print("answer", int.from_bytes(answer[4:6], "little"), flush=True)
time.sleep(100)
' >"$tmp/callers.py"
key_id=$("$build/weir-outbox" key show --json "$keys/$person.key" | jq -r .key_id)
python3 -B "$tmp/callers.py" "$runtime/sender/seal.sock" files "$person" "$key_id" >"$tmp/callers.log" 2>&1 &
callers=$!
on_exit "kill $callers 2>/dev/null; wait $callers 2>/dev/null"
ok "48 callers are there" until_true 10 grep -q called "$tmp/callers.log" || note "$(cat "$tmp/callers.log")"
echo "a record" >"$tmp/file"
push files "$tmp/file"
check $? "a push gets its turn beside them" || note "$pushed"
ok "it is delivered" wait_delivered "$bundle"
is "who names a person is asked to prove it" "$(grep answer "$tmp/callers.log")" "answer 18"
nothing_came_back
done_testing
