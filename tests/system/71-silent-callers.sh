#!/usr/bin/env bash
# A push by somebody whose fellow users call weir-seal and say nothing, or begin and stop, or name a person
# whose key they do not have; and one whose own command says nothing for long.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
rate="200 Mbit/s"
link_start 1500
routes_more="[policy two]
version = 1
columns = id name
[route people]
id = 11
recipients = tax-agency
operators = wang-mei
format = csv
policy = two
records = required
destroy_after_days = 30
priority = 4"
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
kill $callers
wait $callers 2>/dev/null

# A command that computes for long after its first line.  What it wrote is judged, and what becomes of weir-seal is seen, meanwhile.
slow_push() { # ROUTE LINES
	outbox push --config "$sender/sender.conf" --key "$keys/$person.key" --route "$1" - -- \
		bash -c "echo \$\$ >'$tmp/command'; printf '$2'; exec sleep 60" >"$tmp/slow" 2>&1
}
command_ends() { until_true 10 test ! -e "/proc/$(cat "$tmp/command")"; }
slow_push people 'id,name\n1,a,b\n' &
slow=$!
ended() { [[ ! -e /proc/$slow ]]; }
ok "a bad record is refused while its command computes" until_true 20 ended
wait $slow
is "with exit code 1" "$?" 1
like "and why" "$(cat "$tmp/slow")" "\[against-policy\]"
ok "the command is ended" command_ends
rm "$tmp/command"
slow_push people 'id,name\n1,a\n' &
slow=$!
ok "another one begins" until_true 10 test -s "$tmp/command"
seals() { pgrep -P "$sender_pid" -x weir-seal; }
ok "with a weir-seal" until_true 10 seals
kill -KILL "$(seals)"
ok "when that dies the push ends while its command computes" until_true 20 ended
wait $slow
is "with exit code 3" "$?" 3
ok "the command is ended, too" command_ends
rm "$tmp/command"
slow_push people 'id,name\n1,a\n' &
slow=$!
ok "a third one begins" until_true 10 test -s "$tmp/command"
ok "with a weir-seal as well" until_true 10 seals
kill -KILL "$(pid_of weir-hold)"
ok "when weir-hold dies the push ends while its command computes" until_true 20 ended
wait $slow
is "with exit code 3, too" "$?" 3
ok "and its command is ended" command_ends

is "who names a person is asked to prove it" "$(grep answer "$tmp/callers.log")" "answer 18"
nothing_came_back
done_testing
