#!/usr/bin/env bash
# Release under control: what officers see of a bundle that waits, who may approve it and who not, that
# nothing crosses before enough of them have, and what becomes of approvals when people, registry or
# programs change meanwhile.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
link_start 1500
yesterday=$(date -u -d yesterday +%F)
routes_more="[route own]
id = 7
recipients = tax-agency
operators = wang-mei
officers = wang-mei lin-jun
quorum = 1
format = opaque
records = waived
destroy_after_days = 30
priority = 4
[route capped]
id = 8
recipients = tax-agency
operators = wang-mei
format = csv
records = required
max_records_a_day = 1000
destroy_after_days = 30
priority = 4"
site_make
receiver_up
sender_up
conf=$sender/sender.conf
rconf=$receiver/receiver.conf
key_new person stranger "$keys/stranger.key" --unprotected
"$build/tests/lib/export" --records 1234 --seed "$SEED" >"$tmp/households.csv"
bytes=$(stat -c %s "$tmp/households.csv")

# has ID FILTER VALUE: what show says of it in the spool.
has() { [[ $(shown "$1" "$2" 2>/dev/null) == "$3" ]]; }
waits() { has "$1" '"\(.state) \(.approvals)/\(.quorum)"' "waiting $2"; }
# pushed_waits WHAT ROUTE [FILE]: a push that waits, its push id in $push_id.
pushed_waits() {
	push "$2" "${3:-$tmp/households.csv}"
	check $? "$1 is accepted" || note "$pushed"
	is "$1 gets no number" "$bundle" ""
}
# approves NAME ID SENTENCE REGEX
approves() {
	local said status
	said=$(as_officer "$1" approve "$2" 2>&1)
	status=$?
	is "$3: exit code 0" "$status" 0
	like "$3: the message" "$said" "^approved $2: .*$4"
	bundle=$(grep -oE "\b[a-z-]+-[0-9]{6,}\b" <<<"$said" | tail -n 1)
}
# What lies in spool and dossiers for a push id, and whether any number was taken on a route.
files_of() { find "$sender/spool" -name "$1" -printf '%P\n' | sort | xargs; }
numbers_of() { cut -d' ' -f1 "$sender/spool/sequence/$1" 2>/dev/null || echo none; }
# Registries cross by themselves and are not counted.  Until one that was replaced is gone on both sides, the
# numbers of both may differ by it.
without_registries() { jq '[.[] | select((.name // "") | startswith("registry-") | not)]'; }
was_promised() {
	local promised registries
	promised=$(inbox gaps --json --config "$rconf" | jq .promised)
	registries=$(outbox list --json --config "$conf" | jq '[.[] | select(.route == "registry")] | length')
	((promised - registries == $1))
}
# nothing_crossed SENTENCE COUNT: the receiver has heard the sender since now, and knows of COUNT bundles.
nothing_crossed() {
	local since=$EPOCHSECONDS
	heard() { (($(inbox gaps --json --config "$rconf" | jq '(.last_heartbeat // "1970-01-01T00:00:00Z") | fromdate') > since)); }
	until_true 10 heard
	check $? "$1: the receiver has heard the sender since"
	is "$1: the receiver lists $2" "$(inbox list --json --config "$rconf" | without_registries | jq length)" "$2"
	ok "$1: and was promised $2" until_true 10 was_promised "$2"
}

# ---- a push waits ----
pushed_waits "a push to a route with a quorum" approved
first=$push_id
like "push says where to look" "$pushed" "it waits, 'weir-outbox show $push_id' says for whom"
is "list --waiting shows it" "$(outbox list --waiting --json --config "$conf" | jq -r '.[].push_id')" "$first"
is "list shows how many approvals it has" \
	"$(outbox list --json --config "$conf" | without_registries | jq -r '.[] | "\(.state) \(.approvals)/\(.quorum) \(.name)"')" "waiting 0/2 null"
like "list --waiting prints it for a person" "$(outbox list --waiting --config "$conf")" \
	"- +waiting 0/2 .* wang-mei +$first"
like "show says what it waits for" "$(outbox show --config "$conf" "$first")" 'approvals +0 of 2; it waits .*officers'
is "show counts bytes, members and records" "$(shown "$first" '"\(.bytes) \(.members) \(.records)"')" "$bytes 1 1234"
is "it has a dossier, and lies where nothing is sent from" "$(files_of "$first")" "dossier/$first held/$first"
nothing_crossed "while it waits" 0

# ---- what an officer sees, and nobody else ----
as_officer lin-jun show "$first" >"$tmp/seen"
is "show --key of an officer: exit code 0" "$?" 0
like "an officer sees the members" "$(cat "$tmp/seen")" '1[0-9]{2},[0-9]{3} +1,234 .* csv .*households\.csv'
like "an officer sees content rules and virus scan" "$(cat "$tmp/seen")" 'content rules none, policy version 0.*virus scan +not asked for'
as_officer lin-jun show --json "$first" >"$tmp/seen.json"
is "also in JSON: names, sizes, records" \
	"$(jq -r '.contents[] | "\(.name) \(.size) \(.records) \(.counting)"' "$tmp/seen.json")" "households.csv $bytes 1234 csv"
is "and digests" "$(jq -r '.contents[].digest' "$tmp/seen.json")" "$(sha256sum "$tmp/households.csv" | cut -d' ' -f1)"
is "and who stands for it, under which rules" \
	"$(jq -c '[.approved_by, .content_rules, .policy_version, .virus_scan]' "$tmp/seen.json")" '[[],"none",0,"not asked for"]'
is "no record is in it" "$(grep -c "$(sed -n 2p "$tmp/households.csv" | cut -d, -f1)" "$tmp/seen.json")" 0
refused "show --key of who pushed it" 1 'wrong-recipient' as_officer wang-mei show "$first"
refused "show --key of another operator" 1 'wrong-recipient' as_officer lee-hao show "$first"
refused "show --key of a stranger" 1 'wrong-recipient' as_officer stranger show "$first"
refused "show --key of what is not there" 1 'no-such-bundle' as_officer lin-jun show "${first//[0-9]/0}"

# ---- who may approve ----
refused "an approval by who pushed it" 1 'wrong-recipient' as_officer wang-mei approve "$first"
refused "an approval by a person who is no officer" 1 'wrong-recipient' as_officer hsu-wen approve "$first"
refused "an approval by a stranger" 1 'wrong-recipient' as_officer stranger approve "$first"
refused "a refusal by who pushed it" 1 'not-allowed' as_officer wang-mei refuse "$first" --reason "mine"
refused "a refusal by a stranger" 1 'unknown-key' as_officer stranger refuse "$first" --reason "no"
refused "an approval with another person's key than said" 1 'wrong-key' \
	as_officer lin-jun approve "$first" --person wu-ting
refused "an approval of what is not there" 1 'no-such-bundle' as_officer lin-jun approve "${first//[0-9]/0}"
refused "an approval without a push id" 2 'push id' as_officer lin-jun approve
refused "an approval of no possible name" 1 'bad-name' as_officer lin-jun approve '../held'
refused "an approval with a key that is not there" 3 'No such file' as_officer nobody approve "$first"
refused "a refusal without a reason" 2 'reason' as_officer lin-jun refuse "$first"
refused "a reason that is too long" 2 'reason' as_officer lin-jun refuse "$first" --reason "$(printf '%401s' .)"
ok "none of these changed anything" waits "$first" 0/2

approves lin-jun "$first" "the first officer approves" "1 of 2 approvals and waits for more"
is "approving it gave it no name" "$bundle" ""
refused "the same officer again" 1 'already-approved' as_officer lin-jun approve "$first"
ok "it has one of two approvals" waits "$first" 1/2
as_officer wu-ting show --json "$first" >"$tmp/seen.json"
is "the next officer sees who approved before" "$(jq -r '.approved_by[].person' "$tmp/seen.json")" lin-jun
nothing_crossed "with one approval of two" 0
as_officer wu-ting approve --json "$first" >"$tmp/approved.json"
is "the second officer approves: exit code 0" "$?" 0
is "and it is released" \
	"$(jq -r '"\(.decision) \(.person) \(.route) \(.pushed_by) \(.name) \(.approvals)/\(.quorum)"' "$tmp/approved.json")" \
	"approved wu-ting approved wang-mei approved-000001 2/2"
ok "it is delivered" wait_delivered approved-000001
is "the receiver shows who approved it" \
	"$(inbox show --json --config "$rconf" approved-000001 | jq -r '[.approvals[].person] | sort | join(" ")')" "lin-jun wu-ting"
like "and prints it" "$(inbox show --config "$rconf" approved-000001)" 'approved by +(lin-jun|wu-ting), 2.*approved by +(lin-jun|wu-ting), 2'
ok "it verifies" inbox verify --config "$rconf" approved-000001
is "its bytes are the same" "$(open_bundle approved-000001 - | b2sum)" "$(b2sum <"$tmp/households.csv")"
refused "an approval of what was released" 1 'not-waiting' as_officer tsai-kai approve "$first"
refused "a refusal of what was released" 1 'not-waiting' as_officer tsai-kai refuse "$first" --reason "late"

# ---- the pusher's own approval ----
echo "one record" >"$tmp/one"
pushed_waits "a push by an officer of its route" own "$tmp/one"
refused "an approval by the officer who pushed it" 1 'own-push' as_officer wang-mei approve "$push_id"
approves lin-jun "$push_id" "another officer approves it" "released as own-000001"
pushed_waits "a push where duties may be shared" shared-duty "$tmp/one"
approves wang-mei "$push_id" "who pushed it approves it there" "released as shared-duty-000001"
ok "it is delivered" wait_delivered shared-duty-000001
push capped "$tmp/households.csv"
is "a push beyond what may leave on its route is refused" "$?" 1
like "and it is said why" "$pushed" "'capped': .*\\[cap-reached\\]"

# ---- refusing ----
pushed_waits "a push that will be refused" approved
approves lin-jun "$push_id" "an officer approves it" "1 of 2"
(cd "$sender/spool" && cp --parents "held/$push_id" "dossier/$push_id" "$tmp") # before it is removed
as_officer tsai-kai refuse "$push_id" --json --reason $'wrong month \e[31m' >"$tmp/refused.json"
is "another officer refuses it: exit code 0" "$?" 0
is "it is removed" "$(jq -r '"\(.decision) \(.person) \(.state) \(.name)"' "$tmp/refused.json")" "refused tsai-kai removed null"
is "nothing of it is left in the spool, but that it does not come back" "$(files_of "$push_id")" "spent/$push_id"
refused "who asks for it then" 1 'no-such-bundle' outbox show --config "$conf" "$push_id"
like "the journal has the reason, escaped" "$(grep E1016 "$sender/log")" \
	"E1016 spool: push $push_id refused by 'tsai-kai': wrong month .x1b.31m"
is "no number was used" "$(numbers_of approved)" 1
denied=$push_id

# ---- two wait, and one is approved ----
pushed_waits "a push" approved
a=$push_id
pushed_waits "another push" approved
b=$push_id
approves lin-jun "$a" "an officer approves the first" "1 of 2"
approves lin-jun "$b" "the same officer approves the second" "1 of 2"
approves wu-ting "$a" "a second officer approves the first" "released as approved-000002"
ok "the first is delivered" wait_delivered approved-000002
ok "the second still waits" waits "$b" 1/2
like "check counts what waits" "$(in_sender "$build/weir-sender" check --config "$conf")" 'green hold +1 wait for people, 0 held'

# ---- restarts ----
sender_down
# A power cut may take back that a refused bundle was removed; that it was refused is on the disk before.
cp -r "$tmp/held" "$tmp/dossier" "$sender/spool/"
refused "an approval while nobody runs" 3 'weir-sender' as_officer wu-ting approve "$b"
sender_up
gone() { [[ $(files_of "$denied") == "spent/$denied" ]]; }
ok "what was refused and lies there again after a power cut is removed" until_true 5 gone
ok "what waited waits after a restart, with its approval" waits "$b" 1/2
hold=$(pid_of weir-hold)
kill -9 "$hold"
comes_back() { [[ $(pid_of weir-hold) != "$hold" ]] && sender_answers; }
ok "weir-hold comes back after it was killed" until_true 20 comes_back
ok "what waited waits, with its approval" waits "$b" 1/2
refused "the officer who had approved approves again" 1 'already-approved' as_officer lin-jun approve "$b"
approves tsai-kai "$b" "another officer approves it" "released as approved-000003"
ok "it is delivered" wait_delivered approved-000003

# ---- an officer is suspended who had approved ----
# install VERSION SED-EXPRESSION: a registry, put in place whole, with no signal to anybody.
install() {
	registry_text "$1" | sed -E "$2" >"$site/registry.$1"
	"$build/weir-outbox" registry sign "$site/registry.$1" --key "$keys/root-1.key" >/dev/null &&
		mv "$site/registry.$1" "$site/registry"
}
pushed_waits "a push" approved
approves lin-jun "$push_id" "an officer approves it" "1 of 2"
install 2 "/^\\[person lin-jun\\]/a suspended = $yesterday"
ok "the approval of an officer who is suspended then counts no more" until_true 10 waits "$push_id" 0/2
refused "a suspended officer approves" 1 'suspended' as_officer lin-jun approve "$push_id"
approves wu-ting "$push_id" "a second officer approves it" "1 of 2 approvals"
approves tsai-kai "$push_id" "a third officer approves it" "released as approved-000004"
ok "it is delivered" wait_delivered approved-000004
is "without the suspended officer's approval" \
	"$(inbox show --json --config "$rconf" approved-000004 | jq -r '[.approvals[].person] | sort | join(" ")')" "tsai-kai wu-ting"

# ---- the quorum is raised, and lowered ----
pushed_waits "a push" approved
approves wu-ting "$push_id" "an officer approves it" "1 of 2"
install 3 '/^\[route approved\]/,/^\[/s/^quorum = 2/quorum = 3/'
ok "a quorum that is raised counts for what waits" until_true 10 waits "$push_id" 1/3
approves tsai-kai "$push_id" "a second officer approves it" "2 of 3"
approves lin-jun "$push_id" "the third, who counts again" "released as approved-000005"
ok "it is delivered" wait_delivered approved-000005
pushed_waits "a push" approved
approves wu-ting "$push_id" "an officer approves it" "1 of 3"
install 4 '/^\[route approved\]/,/^\[/s/^quorum = 2/quorum = 1/'
ok "a quorum that is lowered releases what has enough" wait_delivered approved-000006 10

# ---- who pushed it counts no more ----
person=lee-hao
pushed_waits "a push by another operator" approved
install 5 "/^\\[person lee-hao\\]/a suspended = $yesterday"
told() { grep -q "E1005 spool: push $push_id of 'lee-hao' stays held: .*\\[suspended\\]" "$sender/log"; }
ok "that its pusher is suspended is told" until_true 10 told
approves wu-ting "$push_id" "an officer approves it" "1 of 2"
approves tsai-kai "$push_id" "a second officer approves it" "2 of 2 approvals, and is held all the same: .*\\[suspended\\]"
is "it is held" "$(shown "$push_id" '"\(.state) \(.approvals)/\(.quorum) \(.held_for)"')" "held 2/2 suspended"
like "and show says why" "$(outbox show --config "$conf" "$push_id")" 'held +.*suspended.*\[suspended\]'
refused "a suspended operator pushes" 1 'suspended' \
	outbox push --config "$conf" --key "$keys/lee-hao.key" --route approved "$tmp/households.csv"
is "it was told once" "$(grep -c "E1005 spool: push $push_id" "$sender/log")" 1
install 6 ''
ok "when the operator counts again it is released" wait_delivered approved-000007 10
pushed_waits "a push by that operator" approved
install 7 "/^\\[person lee-hao\\]/a expires = $yesterday"
expired() { grep -q "E1005 spool: push $push_id of 'lee-hao' stays held: .*\\[expired\\]" "$sender/log"; }
ok "that its operator's key has expired is told" until_true 10 expired
approves wu-ting "$push_id" "an officer approves it" "1 of 2"
approves tsai-kai "$push_id" "a second officer approves it" "2 of 2 approvals, and is held all the same: .*\\[expired\\]"
nothing_crossed "approvals alone do not release it" 9
ok "an officer refuses it" as_officer wu-ting refuse "$push_id" --reason "the operator has left"
is "nothing waits" "$(outbox list --waiting --json --config "$conf" | jq length)" 0
is "list --waiting says so" "$(outbox list --waiting --config "$conf")" "nothing waits for approval"
is "every number is that of a delivered bundle" "$(numbers_of approved)" 7
ok "there are no gaps" no_gaps
nothing_came_back
done_testing
