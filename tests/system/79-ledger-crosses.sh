#!/usr/bin/env bash
# The sender's ledger crosses the link as a bundle for auditors: the box pushes it, nobody else can; what is new
# follows; an auditor verifies it outside, compares it with what came, and sees what was changed inside afterwards.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
link_start 1500
routes_more="[route ledger]
id = 100
recipients = audit-office
format = lines
records = waived
destroy_after_days = 1825
priority = 8"
site_make
conf=$sender/sender.conf
rconf=$receiver/receiver.conf
receiver_up
sender_up
echo "one record" >"$tmp/one"
recipient=audit-office

# send: weir-outbox ledger send, as the box; what it says in $said, the bundle's name in $bundle.
send() {
	said=$(outbox ledger send --config "$conf" 2>&1)
	local status=$?
	bundle=$(grep -oE '\bledger-[0-9]{6}\b' <<<"$said")
	return $status
}

# ---- the box sends it ----
for n in 1 2 3; do
	push files "$tmp/one"
	check $? "push $n is accepted" || note "$pushed"
	ok "and delivered" wait_delivered "$bundle"
done
push none "$tmp/one"
is "one is refused" "$?" 1
# weir-sender does it by itself within seconds when it was never done, so the bundle may be its own.
is_sent() { [[ -s $sender/spool/ledger-sent ]]; }
ok "weir-sender sends the ledger by itself" until_true 30 is_sent
ok "it is delivered" wait_delivered ledger-000001
is "its person is the box" "$(inbox show --json --config "$rconf" ledger-000001 | jq -r '"\(.person) \(.box)"')" "inside-1 inside-1"

# ---- an auditor opens and verifies it ----
ok "an auditor opens it" open_bundle ledger-000001 -o "$tmp/first"
verify() { "$build/weir-inbox" ledger verify --registry "$site/registry" --roots "$site/roots" "$@"; }
verify "$tmp/first" >"$tmp/verified" 2>&1
check $? "it is whole" || note "$(cat "$tmp/verified")"
is "each of its lines is JSON" "$(jq -e .n "$tmp"/first/*.jsonl >/dev/null && echo yes)" yes
events() { cat "$1"/*.jsonl | jq -r "$2"; }
is "every release in it is in the vault, with this root" "$(events "$tmp/first" 'select(.event == "release" and .result == "ok") | "\(.bundle) \(.root)"' |
	while read -r name root; do
		[[ $(inbox show --json --config "$rconf" "$name" | jq -r .tree_root) == "$root" ]] || echo "$name"
	done)" ""
for n in 1 2 3; do
	is "files-00000$n is among them" "$(events "$tmp/first" "select(.event == \"release\") | .bundle" | grep -cx "files-00000$n")" 1
done
is "the push that was refused is in it" "$(events "$tmp/first" 'select(.event == "push.refused") | "\(.route) \(.result)"')" "none unknown-route"
recipient=tax-agency
refused "another recipient" 1 'unknown-key|wrong-recipient' open_bundle ledger-000001 -o "$tmp/none"
recipient=audit-office

# ---- nobody else pushes there ----
push ledger "$tmp/one"
is "a person is refused" "$?" 1
like "and told why" "$pushed" '\[not-allowed\]'
box_pushes() { "$build/weir-outbox" push --config "$conf" --key "$keys/inside-1.key" "$@"; }
refused "push takes no key of a box" 1 'wrong-key' box_pushes --route files "$tmp/one"

# ---- the next one has what is new ----
push files "$tmp/one"
check $? "another push is accepted" || note "$pushed"
ok "and delivered" wait_delivered "$bundle"
send
check $? "ledger send sends what is new" || note "$said"
second=$bundle
is "as the next bundle" "$second" ledger-000002
ok "it is delivered" wait_delivered "$second"
ok "and opened" open_bundle "$second" -o "$tmp/second"
is "the files have the names they have inside" "$(ls "$tmp/second")" "$(ls "$sender/spool/ledger")"
verify "$tmp/second" >"$tmp/verified" 2>&1
check $? "it is whole, too" || note "$(cat "$tmp/verified")"
file=$(ls "$tmp/first")
ok "what was sent first is its beginning" cmp -n "$(stat -c %s "$tmp/first/$file")" "$tmp/first/$file" "$tmp/second/$file"
like "it knows of the push since" "$(events "$tmp/second" 'select(.event == "release") | .bundle' | tr '\n' ' ')" "files-000004"

# A file that is complete does not cross again: the ledger goes on in a new one, as it does each month.
sender_down
rm "$sender/spool/ledger-sent"
head -c 100 "$sender/spool/ledger/$file" >"$tmp/begin"
printf 'nonsense' >"$sender/spool/ledger-sent"
sender_up
send
check $? "when it is not known what was sent, all of it is" || note "$said"
ok "it is delivered" wait_delivered "$bundle"
ok "and opened" open_bundle "$bundle" -o "$tmp/third"
is "from the first line on" "$(head -c 100 "$tmp/third/$file" | cmp - "$tmp/begin" && echo same)" same
sent_file() { cut -d' ' -f1 "$sender/spool/ledger-sent"; }
is "what was sent is remembered" "$(sent_file)" "$file"
later=0000000999999999-20991231.jsonl
sed -i "s/^[^ ]*/$later/" "$sender/spool/ledger-sent"
send
check $? "with all files sent there is nothing new" || note "$said"
like "and it says so" "$said" "nothing new"

verify --witness "$receiver/vault/ledger" --until "$(events "$tmp/third" .at | tail -n 1)" "$tmp/third" >"$tmp/verified" 2>&1
check $? "the receiving box has heard of just this ledger" || note "$(cat "$tmp/verified")"

# ---- a hand that changes it afterwards ----
head_line() { verify "$1" | sed -nE 's/.*head[: ]+([0-9]+) ([0-9a-f]{64}).*/\1 \2/p' | head -n 1; }
head_line "$tmp/third" >"$tmp/heads"
note "the auditor's note: $(cat "$tmp/heads")"
like "the auditor has the head of what crossed" "$(cat "$tmp/heads")" '^[0-9]+ [0-9a-f]{64}$'
sender_down
cp -r "$sender/spool/ledger" "$tmp/kept"
sed -i 's/"files-000002"/"files-000009"/' "$sender/spool/ledger/$file"
verify "$sender/spool/ledger" >"$tmp/verified" 2>&1
is "an entry that was changed is found" "$?" 4
# Who owns the box, its key and its programs can make another ledger that is whole in itself.
rm -r "$sender/spool/ledger" "$sender/spool/ledger-sent"
sender_forgets
sender_up
send
check $? "a ledger that was made anew is sent" || note "$said"
ok "and delivered" wait_delivered "$bundle"
ok "and opened" open_bundle "$bundle" -o "$tmp/forged"
verify "$tmp/forged" >"$tmp/verified" 2>&1
check $? "in itself it is whole" || note "$(cat "$tmp/verified")"
verify --witness "$tmp/heads" "$tmp/forged" >"$tmp/verified" 2>&1
is "but it is not the one that crossed before" "$?" 4
like "and it is said how" "$(cat "$tmp/verified")" "missing-entries|bad-chain"
# So does the receiving box, which heard of its head with every heartbeat.
verify --witness "$receiver/vault/ledger" "$tmp/forged" >"$tmp/verified" 2>&1
is "the receiving box has heard of another one" "$?" 4
like "and its ledger says how" "$(cat "$tmp/verified")" "missing-entries|bad-chain"
nothing_came_back
done_testing
