#!/usr/bin/env bash
# A machine pushes and the sender box releases at night, under orders that people have signed; what exceeds an
# order waits for people, what is not covered by any is refused, and what is revoked has ended.
# runs under the sanitizers
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
link_start 1500

# ---- the site: machines, and three routes ----
mkdir -p "$keys"
for name in night-job day-job; do key_new machine $name "$keys/$name.key" --unprotected; done
# The same name, another key: of somebody who has no business here.
mkdir "$tmp/thief" && key_new machine night-job "$tmp/thief/night-job.key" --unprotected
key_new sender inside-2 "$keys/inside-2.key" --unprotected
suspended=''
machines() {
	key_card "$keys/night-job.key" && printf '%s\n' "$suspended"
	key_card "$keys/day-job.key"
	key_card "$keys/inside-2.key"
}
route() { # NAME ID LINE…
	printf '[route %s]\nid = %d\nrecipients = tax-agency\nformat = csv\nrecords = required\n' "$1" "$2"
	printf 'destroy_after_days = 30\npriority = 4\n'
	printf '%s\n' "${@:3}"
}
rest() {
	machines
	route nightly 20 'operators = wang-mei lee-hao' 'officers = chen-yi lin-jun wu-ting' 'quorum = 2'
	route plain 21 'operators = wang-mei lee-hao'
	route capped 23 'operators = wang-mei' 'max_records_a_day = 100'
	route other 22 'operators = tsai-kai' 'officers = liu-an hsu-wen' 'quorum = 1'
}
routes_more=$(rest)
site_make
receiver_up
sender_up
config=(--config "$sender/sender.conf")
known=(--registry "$site/registry" --roots "$site/roots")

# The day must not end between the first push of a day and the last: it is counted by UTC days.
calm() { (($(date -u +%s) % 86400 < 86400 - 240)); }
ok "the UTC day lasts as long as this test" until_true 300 calm

day() { date -u -d "$1" +%F; }
clock() { date -u -d "$1" +%H:%M; }
open_window=$(clock '1 hour ago')-$(clock '3 hours')
closed_window=$(clock '2 hours')-$(clock '3 hours')
# new FILE OPTION…: an order of 30 days whose window is open; the last of an option counts
new() {
	"$build/weir-outbox" order new "${known[@]}" --route nightly --from "$(day today)" --until "$(day '29 days')" \
		--window "$open_window" --max-bytes '1 MiB' --max-records 100 --pushes 2 -o "$@" >"$tmp/made" 2>&1 ||
		note "order new: $(cat "$tmp/made")"
}
push_order() { new "$1" --kind push --machine night-job "${@:2}"; }
release_order() { new "$1" --kind release --machine inside-1 "${@:2}"; }
# sign FILE PERSON…
sign() {
	local name
	for name in "${@:2}"; do
		"$build/weir-outbox" order sign "$1" --key "$keys/$name.key" >/dev/null || note "$name cannot sign $1"
	done
}
id_of() { "$build/weir-outbox" order show "${known[@]}" --json "$1" 2>/dev/null | jq -r .id; }
load() { outbox order load "${config[@]}" "$@"; }
orders() { outbox order list "${config[@]}" --json; }

# refused_by SENTENCE STATUS REGEX COMMAND…: one line that matches, and this exit code
refused_by() {
	local sentence=$1 wanted=$2 pattern=$3 said status
	shift 3
	said=$("$@" 2>&1 >"$tmp/stdout")
	status=$?
	is "$sentence: exit code $wanted" "$status" "$wanted"
	like "$sentence: the message" "$said" "^weir-outbox: .*$pattern"
	is "$sentence: one message" "$(grep -c '^weir-' <<<"$said")" 1
	note "$said"
}

"$build/tests/lib/export" --records 50 --seed "$SEED" >"$tmp/small.csv"
"$build/tests/lib/export" --records 101 --seed "$SEED" >"$tmp/many.csv"
# as_machine ORDER FILE [OPTION…]: nobody types anything; on the route of the order
as_machine() {
	pushed=$(outbox push "${config[@]}" --json --route "${machine_route:-nightly}" --order "$1" \
		--key "$keys/${machine_key:-night-job}.key" "${@:2}" 2>"$tmp/said" </dev/null)
	pushed_status=$?
	push_id=$(jq -r '.push_id // empty' <<<"$pushed")
	bundle=$(jq -r '.name // empty' <<<"$pushed")
	return $pushed_status
}
# From weir-outbox without its own checks: PERSON MACHINE KEY ORDER FILE
push_raw() {
	in_sender env -u WEIR_PASSPHRASE_FILE "$build/tests/lib/pusher" "$runtime/sender/seal.sock" "${machine_route:-nightly}" \
		"$keys/$1.key" "$([[ $2 == - ]] && echo - || echo "$keys/$2.key")" "$3" "$4" "$5" 2>&1
}
shown() { outbox show "${config[@]}" --json "$1" | jq -r "$2"; }
in_inbox() { inbox show --config "$receiver/receiver.conf" --json "$1" | jq -r "$2"; }

# ---- a night ----
# Some of these are for later: no order counts for what was pushed before it was signed.
push_order "$tmp/closed.order" --window "$closed_window" && sign "$tmp/closed.order" wang-mei
release_order "$tmp/one.order" && sign "$tmp/one.order" chen-yi
release_order "$tmp/box.order" --machine inside-2 && sign "$tmp/box.order" chen-yi lin-jun
push_order "$tmp/no-operator.order" && sign "$tmp/no-operator.order" tsai-kai
push_order "$tmp/few.order" --max-records 49 && sign "$tmp/few.order" wang-mei
push_order "$tmp/push.order" && sign "$tmp/push.order" wang-mei
release_order "$tmp/release.order" && sign "$tmp/release.order" chen-yi lin-jun
said=$(load "$tmp/release.order" 2>&1)
check $? "officers' order is loaded" || note "$said"
like "and it is said until when" "$said" "^order $(id_of "$tmp/release.order") for route 'nightly' is loaded: in force until $(day '29 days')T"
unset WEIR_PASSPHRASE_FILE
as_machine "$tmp/push.order" "$tmp/small.csv"
check $? "a machine pushes under a person's order" || note "$(cat "$tmp/said")"
like "and it is released under the officers'" "$bundle" "^nightly-000001$"
is "the answer names machine and person" "$(jq -r '.machine + " " + .person' <<<"$pushed")" "night-job wang-mei"
export WEIR_PASSPHRASE_FILE=$passphrase_file
ok "it is delivered" wait_delivered nightly-000001
is "the person who answers for it is named" "$(in_inbox nightly-000001 .person)" wang-mei
is "with the order under which it was pushed" "$(in_inbox nightly-000001 .push_order.id)" "$(id_of "$tmp/push.order")"
is "the machine that did" "$(in_inbox nightly-000001 .push_order.machine)" night-job
is "and who signed it" "$(in_inbox nightly-000001 '[.push_order.signers[].name] | join(" ")')" wang-mei
is "the order under which it was released" "$(in_inbox nightly-000001 .release_order.id)" "$(id_of "$tmp/release.order")"
is "and who signed that" "$(in_inbox nightly-000001 '[.release_order.signers[].name] | sort | join(" ")')" "chen-yi lin-jun"
said=$(inbox show --config "$receiver/receiver.conf" nightly-000001)
like "in words, too" "$said" "pushed under +order $(id_of "$tmp/push.order"), by the machine 'night-job', signed by wang-mei"
like "both of them" "$said" "released under +order $(id_of "$tmp/release.order"), signed by (chen-yi, lin-jun|lin-jun, chen-yi)"
is "list names both" \
	"$(inbox list --config "$receiver/receiver.conf" --json | jq -r '.[] | select(.name == "nightly-000001") | .push_order.id + " " + .release_order.id')" \
	"$(id_of "$tmp/push.order") $(id_of "$tmp/release.order")"
is "verify names both" "$(inbox verify --config "$receiver/receiver.conf" --json nightly-000001 | jq -r '.[0] | .push_order.id + " " + .release_order.id')" \
	"$(id_of "$tmp/push.order") $(id_of "$tmp/release.order")"
is "its recipient opens it" "$(open_bundle nightly-000001 - | b2sum)" "$(b2sum <"$tmp/small.csv")"
is "hold counts it" "$(orders | jq -r '.orders[0] | .released_today, .revoked, .verdict' | tr '\n' ' ')" "1 false ok "

# ---- what a sending box could make that has gone over to somebody else ----
# box_makes FILE PUSH RELEASE [MACHINE]: the bundle of that night under other orders, signed by machine and box
box_makes() {
	rm -f "$1"
	"$build/tests/lib/reorder" "$(vault_file nightly-000001)" "$1" "$keys/inside-1.key" \
		"$keys/${4:-night-job}.key" "$2" "$3" || note "nothing was made"
}
# not_taken SENTENCE VERDICT PUSH RELEASE [MACHINE]
not_taken() {
	box_makes "$tmp/made.weir" "${@:3}"
	like "$1 is refused" "$("$build/weir-inbox" verify --roots "$site/roots" "$tmp/made.weir" 2>&1)" "refused: .*\[$2\]"
}
box_makes "$tmp/again.weir" "$tmp/push.order" "$tmp/release.order"
ok "under the same orders it is the same bundle" "$build/weir-inbox" verify --roots "$site/roots" "$tmp/again.weir"
not_taken "what was pushed outside the window" beyond-order "$tmp/closed.order" "$tmp/release.order"
not_taken "what was released under an order of one officer" too-few-approvals "$tmp/push.order" "$tmp/one.order"
not_taken "what was released under an order for another box" not-allowed "$tmp/push.order" "$tmp/box.order"
until_true 5 bash -c "[[ \$(date +%s) -gt $(date +%s) ]]"
push_order "$tmp/late.order" && sign "$tmp/late.order" wang-mei
not_taken "what was pushed before its order was signed" bad-time "$tmp/late.order" "$tmp/release.order"
not_taken "what nobody released" too-few-approvals "$tmp/push.order" -
not_taken "what was pushed under the order of somebody else" not-allowed "$tmp/no-operator.order" "$tmp/release.order"
not_taken "what another machine pushed" bad-signature "$tmp/push.order" "$tmp/release.order" day-job
not_taken "what a machine pushed without an order" bad-signature - "$tmp/release.order"
not_taken "what was pushed under an order to release" not-allowed "$tmp/release.order" "$tmp/release.order"
box_makes "$tmp/few.weir" "$tmp/few.order" "$tmp/release.order"
said=$("$build/weir-inbox" open --roots "$site/roots" --key "$keys/tax-agency.key" --psk "$keys/psk/tax-agency.key" \
	"$tmp/few.weir" -o "$tmp/few" 2>&1)
is "what holds more than its order covers is refused when it is opened" $? 1
like "and it is said why" "$said" "\[beyond-order\]"
ok "nothing of it comes out" test ! -e "$tmp/few"

# ---- beyond the order to push ----
as_machine "$tmp/push.order" "$tmp/many.csv"
check $? "one with too many records is accepted" || note "$(cat "$tmp/said")"
many=$push_id
is "and waits for the person who answers" "$(shown "$many" '.state + " " + .waits_for')" "waiting person"
like "show says so" "$(outbox show "${config[@]}" "$many")" "waits for +wang-mei, who answers for the machine"
as_machine "$tmp/push.order" "$tmp/small.csv"
check $? "the third push of the day is accepted" || note "$(cat "$tmp/said")"
third=$push_id
is "and waits, though the second waits as well" "$(shown "$third" '.state + " " + .waits_for')" "waiting person"
as_machine "$tmp/closed.order" "$tmp/small.csv"
check $? "one outside the window is accepted" || note "$(cat "$tmp/said")"
outside=$push_id
is "and waits" "$(shown "$outside" '.state + " " + .waits_for')" "waiting person"
push_order "$tmp/tiny.order" --max-bytes 10 && sign "$tmp/tiny.order" wang-mei
as_machine "$tmp/tiny.order" "$tmp/small.csv"
tiny=$push_id
is "so does one of too many bytes" "$(shown "$tiny" '.state + " " + .waits_for')" "waiting person"
refused_by "another operator does not answer for it" 1 "\[(wrong-recipient|not-allowed)\]" \
	outbox approve "${config[@]}" "$many" --key "$keys/lee-hao.key"
refused_by "nor does the machine" 1 "a machine key, and a person key is needed \[wrong-key\]" \
	outbox approve "${config[@]}" "$many" --key "$keys/night-job.key"
for name in chen-yi lin-jun; do
	outbox approve "${config[@]}" "$many" --key "$keys/$name.key" >/dev/null
done
is "officers who approve do not stand in for the person" "$(shown "$many" '.state + " " + .waits_for')" "waiting person"
said=$(outbox approve "${config[@]}" "$many" --key "$keys/wang-mei.key" 2>&1)
check $? "the person releases it" || note "$said"
is "as a push of her own that two officers approved" \
	"$(shown "$many" '.name')" nightly-000002
ok "it is delivered" wait_delivered nightly-000002
is "and names no order" "$(in_inbox nightly-000002 '[.push_order, .release_order, (.approvals | length)] | map(tostring) | join(" ")')" "null null 2"
said=$(outbox approve "${config[@]}" "$outside" --key "$keys/wang-mei.key" 2>&1)
check $? "what the person signs is released under the officers' order" || note "$said"
is "which still covers it" "$(shown "$outside" '.name')" nightly-000003
refused_by "twice nobody can" 1 "\[not-waiting\]" outbox approve "${config[@]}" "$outside" --key "$keys/wang-mei.key"
refused_by "nor refuse another's" 1 "\[not-allowed\]" \
	outbox refuse "${config[@]}" "$tiny" --reason "not mine" --key "$keys/lee-hao.key"
said=$(outbox refuse "${config[@]}" "$tiny" --reason "a mistake" --key "$keys/wang-mei.key" 2>&1)
check $? "the person refuses what the machine should not have pushed" || note "$said"
refused_by "then it is gone" 1 "\[no-such-bundle\]" outbox show "${config[@]}" "$tiny"

# ---- beyond the order to release ----
# two were released under it today
push_order "$tmp/push-2.order" && sign "$tmp/push-2.order" lee-hao
as_machine "$tmp/push-2.order" "$tmp/small.csv"
check $? "one that the officers' order does not cover any more is accepted" || note "$(cat "$tmp/said")"
is "and waits for officers" "$(shown "$push_id" '.state + " " + .waits_for')" "waiting officers"
for name in wu-ting lin-jun; do
	outbox approve "${config[@]}" "$push_id" --key "$keys/$name.key" >/dev/null
	check $? "$name approves it"
done
is "two of them release it" "$(shown "$push_id" '.name')" nightly-000004
ok "it is delivered" wait_delivered nightly-000004
is "with the order to push, and two approvals" \
	"$(in_inbox nightly-000004 '[.push_order.id, .release_order, (.approvals | length)] | map(tostring) | join(" ")')" \
	"$(id_of "$tmp/push-2.order") null 2"
as_machine "$tmp/push-2.order" "$tmp/small.csv"
waiting=$push_id
is "the next one waits as well" "$(shown "$waiting" '.state + " " + .waits_for')" "waiting officers"
release_order "$tmp/release-2.order" --pushes 1 && sign "$tmp/release-2.order" wu-ting chen-yi
said=$(load "$tmp/release-2.order" 2>&1)
like "an order that is loaded then releases it at once" "$said" "; 1 bundle that waited is released$"
is "the bundle says so" "$(shown "$waiting" '.name')" nightly-000005
like "once more is fine, and releases nothing" "$(load "$tmp/release-2.order" 2>&1)" "is loaded: in force until [0-9TZ:-]+$"

# ---- many at once ----
push_order "$tmp/rush.order" --route plain --pushes 2 && sign "$tmp/rush.order" wang-mei
for i in 1 2 3 4 5 6; do
	machine_route=plain push_raw wang-mei night-job "$keys/night-job.key" "$tmp/rush.order" "$tmp/small.csv" >"$tmp/rush.$i" &
	rush[i]=$!
done
wait "${rush[@]}"
is "of six pushes at once two go out" "$(cat "$tmp"/rush.? | grep -cE '^accepted plain-[0-9]+$')" 2
is "and four wait" "$(cat "$tmp"/rush.? | grep -c '^accepted waiting$')" 4
for i in 1 2 3; do
	machine_route=capped push_raw wang-mei - "$keys/wang-mei.key" - "$tmp/small.csv" >"$tmp/caps.$i" &
	caps[i]=$!
done
wait "${caps[@]}"
is "of three people's pushes at once two reach the cap of the day" "$(cat "$tmp"/caps.? | grep -cE '^accepted capped-[0-9]+$')" 2
is "and one is refused" "$(cat "$tmp"/caps.? | grep -c '^refused cap-reached: capped$')" 1
# One that began first and ends last is no first one.
mkfifo "$tmp/slow"
push_order "$tmp/slow.order" --route plain --pushes 1 && sign "$tmp/slow.order" wang-mei
machine_route=plain push_raw wang-mei night-job "$keys/night-job.key" "$tmp/slow.order" "$tmp/slow" >"$tmp/slow.said" &
slow=$!
exec 9>"$tmp/slow"
echo "id,name" >&9
machine_route=plain as_machine "$tmp/slow.order" "$tmp/small.csv"
like "a push goes out while another of the order is coming in" "$bundle" "^plain-"
exec 9>&-
wait $slow
is "which then waits" "$(cat "$tmp/slow.said")" "accepted waiting"

# ---- what cannot be loaded ----
refused_by "an order of one officer" 1 "has 1 signature, and route 'nightly' demands more.*\[too-few-approvals\]" load "$tmp/one.order"
refused_by "an order for another box" 1 "is for the sender box 'inside-2' and not for this one.*\[wrong-key\]" load "$tmp/box.order"
release_order "$tmp/tampered.order" && sign "$tmp/tampered.order" chen-yi lin-jun
cp "$tmp/tampered.order" "$tmp/long.order"
# Signed in time, and used when it has ended.
soon=$(date -u -d '3 seconds' +%FT%TZ)
release_order "$tmp/ended.order" --until "$soon" && sign "$tmp/ended.order" chen-yi lin-jun
push_order "$tmp/past.order" --until "$soon" && sign "$tmp/past.order" wang-mei
release_order "$tmp/no-officer.order" && sign "$tmp/no-officer.order" chen-yi liu-an
refused_by "an order of somebody else's officer" 1 "no officer of route 'nightly'.*\[not-allowed\]" load "$tmp/no-officer.order"
# one bit of the cap on bytes, and one more day
printf '\377' | dd of="$tmp/tampered.order" bs=1 seek=97 conv=notrunc status=none
refused_by "a tampered order" 1 "\[bad-signature\]" load "$tmp/tampered.order"
printf '\377\377' | dd of="$tmp/long.order" bs=1 seek=82 conv=notrunc status=none
refused_by "an order of more than 30 days" 1 "\[bad-limit\]" load "$tmp/long.order"
cp "$tmp/release.order" "$tmp/same-id.order" && sign "$tmp/same-id.order" wu-ting
has_ended() { [[ $(date -u +%FT%TZ) > $soon ]]; }
ok "an order comes to its end" until_true 10 has_ended
refused_by "an order that has ended" 1 "ended at $soon.*\[expired\]" load "$tmp/ended.order"
refused_by "another order of an id that is loaded" 3 "another one of its id is loaded for route 'nightly'" load "$tmp/same-id.order"
refused_by "an order to push" 1 "give it with every push, as 'push --order'.*\[not-allowed\]" load "$tmp/push.order"
refused_by "what is no order" 1 "\[bad-magic\]" load "$site/registry"
refused_by "no file" 2 "needs one FILE" load
refused_by "an option of another word" 2 "takes no --key" load "$tmp/one.order" --key "$keys/chen-yi.key"
before=$(orders | jq '.orders | length')
is "none of these is loaded" "$before" 2
release_order "$tmp/later.order" --from "$(day tomorrow)" && sign "$tmp/later.order" chen-yi lin-jun
as_machine "$tmp/push-2.order" "$tmp/small.csv" # its third today
later=$push_id
outbox approve "${config[@]}" "$later" --key "$keys/lee-hao.key" >/dev/null
is "a bundle waits for officers" "$(shown "$later" .waits_for)" officers
like "an order of tomorrow can be loaded" "$(load "$tmp/later.order" 2>&1)" "is loaded: from $(day tomorrow)T00:00:00Z until [0-9TZ:-]+$"
is "and releases nothing today" "$(shown "$later" '.state + " " + .waits_for')" "waiting officers"

# ---- what cannot be pushed ----
refused_by "under an order that has ended" 1 "ended at $soon.*\[expired\]" \
	outbox push "${config[@]}" --route nightly --order "$tmp/past.order" --key "$keys/night-job.key" "$tmp/small.csv"
is "also by who does not look" "$(push_raw wang-mei night-job "$keys/night-job.key" "$tmp/past.order" "$tmp/small.csv")" "refused expired: wang-mei"
push_order "$tmp/tomorrow.order" --from "$(day tomorrow)" && sign "$tmp/tomorrow.order" wang-mei
refused_by "under an order that has not begun" 1 "begins at $(day tomorrow)T00:00:00Z.*\[bad-time\]" \
	outbox push "${config[@]}" --route nightly --order "$tmp/tomorrow.order" --key "$keys/night-job.key" "$tmp/small.csv"
is "nor by who does not look" "$(push_raw wang-mei night-job "$keys/night-job.key" "$tmp/tomorrow.order" "$tmp/small.csv")" "refused bad-time: wang-mei"
refused_by "with a key of its name that is not its own" 1 "\[unknown-key\]" \
	outbox push "${config[@]}" --route nightly --order "$tmp/push-2.order" --key "$tmp/thief/night-job.key" "$tmp/small.csv"
refused_by "with the key of another machine" 1 "is of 'day-job', not of the person asked for.*\[wrong-key\]" \
	outbox push "${config[@]}" --route nightly --order "$tmp/push-2.order" --key "$keys/day-job.key" "$tmp/small.csv"
is "a stolen order is of no use to another machine" \
	"$(push_raw lee-hao day-job "$keys/day-job.key" "$tmp/push-2.order" "$tmp/small.csv")" "refused bad-signature: lee-hao"
is "nor when it calls itself the one" \
	"$(push_raw lee-hao night-job "$keys/day-job.key" "$tmp/push-2.order" "$tmp/small.csv")" "refused bad-signature: night-job"
is "an order stands for the person who signed it alone" \
	"$(push_raw wang-mei night-job "$keys/night-job.key" "$tmp/push-2.order" "$tmp/small.csv")" "refused not-allowed: wang-mei"
is "a machine is no person" "$(push_raw night-job - "$keys/night-job.key" - "$tmp/small.csv")" "refused unknown-key: night-job"
is "and does not sign as one" "$(push_raw wang-mei - "$keys/night-job.key" - "$tmp/small.csv")" "refused bad-signature: wang-mei"
is "without an order it pushes nothing" "$(push_raw wang-mei night-job "$keys/night-job.key" - "$tmp/small.csv")" "refused bad-protocol: wang-mei"
refused_by "the machine's key as a person's" 1 "a machine key, and a person key is needed \[wrong-key\]" \
	outbox push "${config[@]}" --route nightly --key "$keys/night-job.key" "$tmp/small.csv"
is "officers' orders are none to push" \
	"$(push_raw chen-yi night-job "$keys/night-job.key" "$tmp/release.order" "$tmp/small.csv")" "refused not-allowed: chen-yi"
cp "$tmp/push-2.order" "$tmp/more.order" && printf '\377' | dd of="$tmp/more.order" bs=1 seek=106 conv=notrunc status=none
is "a tampered one is none" "$(push_raw lee-hao night-job "$keys/night-job.key" "$tmp/more.order" "$tmp/small.csv")" "refused bad-signature: lee-hao"
machine_route=plain
is "an order is for its route" "$(push_raw lee-hao night-job "$keys/night-job.key" "$tmp/push-2.order" "$tmp/small.csv")" "refused not-allowed: lee-hao"
machine_route=''
refused_by "which the person's program sees itself" 1 "is no signed push order for this route.*\[not-allowed\]" \
	outbox push "${config[@]}" --route plain --order "$tmp/push-2.order" --key "$keys/night-job.key" "$tmp/small.csv"

# ---- revoked ----
revoke() { outbox order revoke "${config[@]}" "$1" --route "$2" --key "$keys/$3.key"; }
push_order "$tmp/push-3.order" --pushes 9 && sign "$tmp/push-3.order" wang-mei
third_id=$(id_of "$tmp/push-3.order")
release_order "$tmp/release-3.order" --pushes 9 && sign "$tmp/release-3.order" chen-yi lin-jun
load "$tmp/release-3.order" >/dev/null
check $? "an order is loaded for more"
as_machine "$tmp/push-3.order" "$tmp/small.csv"
like "a push goes out under both" "$bundle" "^nightly-"
refused_by "an officer of another route revokes nothing" 1 "'liu-an' is neither operator nor officer of route 'nightly'.*\[not-allowed\]" \
	revoke "$third_id" nightly liu-an
said=$(revoke "$(id_of "$tmp/release-3.order")" other liu-an 2>&1)
like "on a route of her own it helps nobody" "$said" "is loaded here is for route 'nightly', and goes on"
as_machine "$tmp/push-3.order" "$tmp/small.csv"
like "a push still goes out under both" "$bundle" "^nightly-"
as_machine "$tmp/push-3.order" "$tmp/many.csv"
held=$push_id
is "one waits for the person" "$(shown "$held" .waits_for)" person
said=$(revoke "$third_id" nightly chen-yi 2>&1)
check $? "an officer of the route revokes the order to push" || note "$said"
is "and it is said" "$said" "order $third_id of route 'nightly' is revoked"
as_machine "$tmp/push-3.order" "$tmp/small.csv"
is "at once nothing is pushed under it" "$pushed_status" 1
like "and it is said why" "$(cat "$tmp/said")" "'wang-mei': this standing order was revoked.*\[revoked\]"
is "what waited still waits for the person" "$(shown "$held" .waits_for)" person
ok "who may sign it all the same" outbox approve "${config[@]}" "$held" --key "$keys/wang-mei.key"
ok "and revoke it once more" revoke "$third_id" nightly wang-mei
said=$(revoke "$(id_of "$tmp/release-3.order")" nightly wang-mei 2>&1)
check $? "an operator revokes the order to release" || note "$said"
push_order "$tmp/push-4.order" --pushes 9 && sign "$tmp/push-4.order" wang-mei
as_machine "$tmp/push-4.order" "$tmp/small.csv"
last=$push_id
is "at once nothing is released under it" "$(shown "$last" '.state + " " + .waits_for')" "waiting officers"
refused_by "nor is it loaded again" 1 "was revoked.*\[revoked\]" load "$tmp/release-3.order"
is "list tells what is revoked, and by whom" "$(orders | jq -r '[.revocations[] | .route + " " + .person] | sort | join(", ")')" \
	"nightly chen-yi, nightly wang-mei, other liu-an"
like "also in words" "$(outbox order list "${config[@]}")" "$third_id  route nightly, revoked by chen-yi at "
refused_by "an id that is none" 2 "32 hex digits" revoke 0123 nightly chen-yi
refused_by "a route that is none" 1 "'nowhere'.*\[unknown-route\]" revoke "$third_id" nowhere chen-yi
refused_by "a machine's key" 1 "a person key is needed \[wrong-key\]" revoke "$third_id" nightly night-job
refused_by "no route" 2 "needs --route" outbox order revoke "${config[@]}" "$third_id" --key "$keys/chen-yi.key"

# ---- a restart ----
listed=$(orders)
kill -9 "$(pid_of weir-hold)"
ok "weir-hold dies and is there again" until_true 20 sender_answers
is "orders, revocations and counts are what they were" "$(orders)" "$listed"
is "what waited for officers waits" "$(shown "$last" '.state + " " + .waits_for')" "waiting officers"
is "what exceeded its order is still beyond it" "$(shown "$third" '.state + " " + .waits_for')" "waiting person"
as_machine "$tmp/push-3.order" "$tmp/small.csv"
like "what was revoked is" "$(cat "$tmp/said")" "\[revoked\]"
as_machine "$tmp/push-2.order" "$tmp/small.csv"
is "and the day's pushes are not forgotten" "$(shown "$push_id" .waits_for)" person

# ---- a suspended machine ----
as_machine "$tmp/push-4.order" "$tmp/small.csv"
check $? "the machine still pushes under another order" || note "$(cat "$tmp/said")"
suspended="suspended = $(day yesterday)"
routes_more=$(rest)
registry_install 2
kill -HUP "$sender_pid"
refuses() { ! as_machine "$tmp/push-4.order" "$tmp/small.csv" && grep -q 'suspended' "$tmp/said"; }
ok "suspended it pushes nothing any more" until_true 10 refuses
like "and it is said whom that is about" "$(cat "$tmp/said")" "'night-job': .*\[suspended\]"

ok "there are no gaps" no_gaps
ok "everything in the vault verifies" inbox verify --config "$receiver/receiver.conf"
nothing_came_back
done_testing
