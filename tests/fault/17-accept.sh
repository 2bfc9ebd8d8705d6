#!/usr/bin/env bash
# accept fails, and goes on failing, in weir-sender, weir-hold and weir-keep: they leave the socket alone for a while instead
# of asking again and again, tell of it once, and are at work again a moment after the cure; who called ends with an error
# that says what to do, and nothing comes of what ended so.
# shellcheck source=tests/lib/faults.sh
. "$(dirname "$0")/../lib/faults.sh"
seed_line
link_start 1500
faults_start
site_make
receiver_up
sender_up
echo "a record" >"$tmp/file"
"$build/tests/lib/export" --records 5 --seed "$SEED" >"$tmp/records.csv"
push approved "$tmp/records.csv"
check $? "a push waits for two officers" || note "$pushed"
waiting=$push_id
day() { date -u -d "$1" +%F; }
ok "and an order would release it" outbox order new --registry "$site/registry" --roots "$site/roots" --route approved --kind release \
	--machine inside-1 --from "$(day today)" --until "$(day '29 days')" --window 00:00-23:59 --max-bytes '1 MiB' \
	--max-records 100 --pushes 9 -o "$tmp/order"
for name in lin-jun wu-ting; do ok "which $name signs" outbox order sign "$tmp/order" --key "$keys/$name.key"; done
push files "$tmp/file"
ok "a bundle is delivered" wait_delivered "$bundle"
delivered=$bundle

# Its last line goes to FILE.said, its exit status to FILE.status.
in_background() {
	local name=$1
	shift
	{ "$@" >"$tmp/$name.said" 2>&1; echo $? >"$tmp/$name.status"; } &
}
ended() { [[ -s $tmp/$1.status ]]; }
# ends SENTENCE NAME SECONDS STATUS REGEX
ends() {
	ok "$1: it ends" until_true "$3" ended "$2"
	is "$1: exit code $4" "$(cat "$tmp/$2.status" 2>/dev/null)" "$4"
	like "$1: the message" "$(cat "$tmp/$2.said")" "$5"
	is "$1: one message" "$(wc -l <"$tmp/$2.said")" 1
	note "$(cat "$tmp/$2.said")"
}
a_push() { outbox push --config "$sender/sender.conf" --key "$keys/$person.key" --route files "$tmp/file"; }
told() { grep -c "^$2 " "$1/log"; }
accepts() { counts "$1" | awk '$1 == "accept" { n += $2 } END { print n + 0 }'; }
alarms() { jq -r 'select(.event == "alarm").id' "$sender"/spool/ledger/*.jsonl "$receiver"/vault/ledger/*.jsonl | grep -c "$1"; }

# ---- weir-hold alone: weir-seal has taken the push, and waits for it ----
arm weir-hold accept 1 EMFILE on
in_background hold a_push
until_true 10 grep -q "^E1026 intake" "$sender/log"
check $? "weir-hold tells that it cannot take weir-seal"
generation() { jq .generation "$receiver/vault/status.json"; }
before=$(generation)
goes_on() { (($(generation) > before)); }
ok "and goes on with everything else" until_true 10 goes_on

# ---- and all others: nobody takes anything ----
arm "" accept 1 ENFILE on
in_background seal a_push
in_background list outbox list --config "$sender/sender.conf"
in_background load outbox order load --config "$sender/sender.conf" "$tmp/order"
in_background copy inbox copy --config "$receiver/receiver.conf" "$delivered" "$tmp/copy.weir"
sleep 3 # in which nobody may ask again and again
for program in weir-sender weir-hold weir-keep; do
	n=$(accepts $program)
	ok "$program asked $n times in three seconds, and not again and again" test "$n" -lt 100
	ok "but it asked" test "$n" -gt 0
done
ends "weir-outbox list" list 15 3 "weir-hold at '.*' has not answered in time; look into the journal for E1026"
ends "weir-outbox order load" load 15 3 "weir-hold at '.*' has not answered in time; .* with 'weir-outbox list' whether it was done before"
ends "weir-inbox copy" copy 15 3 "so it is not done: no answer within 10 s; look into the journal for E2007"
ok "and there is no copy" test ! -e "$tmp/copy.weir"
ends "a push that weir-hold does not take" hold 45 3 "weir-hold has not answered in time, so nothing was pushed; .* E1026"
ends "a push that nobody takes" seal 45 3 "weir-seal has not answered in time, so nothing was pushed; .* E1202"
is "both sockets of weir-hold are told of, once each" "$(told "$sender" E1026)" 2
is "that of weir-sender once" "$(told "$sender" E1202)" 1
is "that of weir-keep once" "$(told "$receiver" E2007)" 1

# ---- after the cure ----
in_background later a_push
cure
works_again() { ended later && [[ $(cat "$tmp/later.status") == 0 ]]; }
ok "who called before the cure is served behind it" until_true 5 works_again
note "$(cat "$tmp/later.said")"
bundle=$(grep -oE "\bfiles-[0-9]{6,}\b" "$tmp/later.said")
ok "and what it pushed arrives" wait_delivered "$bundle"
ok "weir-hold answers" sender_answers
ok "weir-keep, too" inbox copy --config "$receiver/receiver.conf" "$delivered" "$tmp/copy.weir"
is "the order whose loading ended with an error is not loaded" "$(outbox order list --config "$sender/sender.conf" --json | jq '.orders | length')" 0
is "and what waits for it still waits" "$(shown "$waiting" .state)" waiting
is "it is known that it was asked for" "$(jq -r 'select(.event == "command" and .verb == "unanswered").result' "$sender"/spool/ledger/*.jsonl | sort -u)" environment
ok "when the order is loaded again" outbox order load --config "$sender/sender.conf" "$tmp/order"
is "it is released" "$(shown "$waiting" .name)" approved-000001
is "only what was accepted is in the spool" "$(outbox list --json --config "$sender/sender.conf" | jq '[.[] | select(.route == "files")] | length')" 2
for id in E1027 E1203; do ok "$id tells that callers are taken again" grep -q "^$id " "$sender/log"; done
ok "and E2008" grep -q "^E2008 " "$receiver/log"
is "both ledgers have the alarms" "$(alarms E1026) $(alarms E2007)" "2 1"
is "no program was ended by a signal" "$(grep -hE 'signal' "$sender/log" "$receiver/log")" ""
nothing_came_back
done_testing
