#!/usr/bin/env bash
# What happens to a sending box while it runs: its key is suspended, it is told to load the registry, it
# is started a second time, a file of its spool vanishes.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
rate='20 Mbit/s'
link_start 1500
site_make
receiver_up
sender_up
"$build/tests/lib/export" --random 5000000 --seed "$SEED" >"$tmp/large"
echo "one record" >"$tmp/small"

# ---- SIGHUP in the middle of a bundle ----
push files "$tmp/large"
check $? "a bundle is pushed" || note "$pushed"
large=$bundle
emit=$(pid_of weir-emit)
on_its_way() { [[ $(outbox list --config "$sender/sender.conf") == *sending* ]]; }
ok "it is on its way" until_true 10 on_its_way
kill -HUP "$sender_pid"
loaded() { grep -q 'E1012 registry: version 1 loaded' "$sender/log"; }
ok "SIGHUP has the registry loaded" until_true 10 loaded
is "weir-emit goes on with the bundle it is sending" "$(pid_of weir-emit)" "$emit"

# ---- a second weir-sender ----
said=$(in_sender timeout 10 "$build/weir-sender" run --config "$sender/sender.conf" 2>&1)
is "a second weir-sender is refused" "$?" 3
like "and says what to do" "$said" "another weir-sender runs in .*; stop that one first"
ok "the first still answers" sender_answers
ok "the bundle is delivered" wait_delivered "$large" 30

# ---- a file vanishes from ready/ ----
# The next bundle is on the link when somebody removes it there.
push files "$tmp/large"
gone=$bundle
rm "$sender/spool/ready/$gone" 2>/dev/null
check $? "a file is removed from ready/ while it is sent"
push files "$tmp/small"
check $? "another push is accepted" || note "$pushed"
ok "and is delivered" wait_delivered "$bundle" 30
beats() { inbox gaps --json --config "$receiver/receiver.conf" | jq -r .last_heartbeat; }
before=$(beats)
goes_on() { [[ $(beats) > $before ]]; }
ok "the heartbeat goes on" until_true 10 goes_on

# ---- seal dies when hold has the whole push ----
"${at_sender[@]}" "$build/weir-outbox" push --json --config "$sender/sender.conf" --key "$keys/$person.key" \
	--route lines - -- bash -c "echo one; touch $tmp/half; until [ -e $tmp/go ]; do sleep 0.02; done" \
	>"$tmp/unknown.json" 2>"$tmp/unknown.err" &
pusher=$!
until_true 20 test -e "$tmp/half"
kill -STOP "$(pid_of weir-hold)"
touch "$tmp/go"
# seal reads from its second socket, the one to hold: the COMMIT is sent, and the person has signed.
both_wait() { [[ $(cat "/proc/$(pid_of weir-seal | head -n 1)/syscall" 2>/dev/null) == "0 0x4 "* ]]; }
ok "a push waits for weir-hold alone" until_true 20 both_wait
kill -9 "$(pid_of weir-seal | head -n 1)"
wait $pusher
is "when weir-seal dies then, push fails" "$?" 3
like "and says that nobody knows" "$(cat "$tmp/unknown.err")" "not known whether push [0-9a-f]{32} was accepted"
is "also in JSON" "$(jq .accepted "$tmp/unknown.json")" null
kill -CONT "$(pid_of weir-hold)"
id=$(jq -r .push_id "$tmp/unknown.json")
listed() { outbox show --config "$sender/sender.conf" "$id" >"$tmp/shown" 2>&1; }
ok "show tells by the push id that it was" until_true 10 listed || note "$(cat "$tmp/shown")"
ok "and it is delivered" wait_delivered lines-000001 30

# ---- the key of the box is suspended, and counts again ----
suspended=$(date -u -d yesterday +%F)
registry_text 2 | sed "/^\\[sender inside-1\\]/a suspended = $suspended" >"$site/registry.2"
registry_install 2 "$site/registry.2"
kill -HUP "$sender_pid" "$receiver_pid"
told() { grep -q 'E1014 registry: the key of this box, .inside-1., does not count' "$sender/log"; }
ok "a suspended key of the box is told of" until_true 10 told
push files "$tmp/small"
is "a push is refused then" "$?" 1
like "and it is said why" "$pushed" "'inside-1': .*\\[suspended\\]"
like "check shows it" "$(in_sender "$build/weir-sender" check --config "$sender/sender.conf")" "red +box-key .*\\[suspended\\]"
registry_install 3
kill -HUP "$sender_pid" "$receiver_pid"
again() { grep -q 'E1014 registry: the key of this box, .inside-1., counts again' "$sender/log"; }
ok "a good key counts again" until_true 10 again
push files "$tmp/small"
check $? "a push is accepted again" || note "$pushed"
ok "and is delivered" wait_delivered "$bundle" 30
nothing_came_back
done_testing
