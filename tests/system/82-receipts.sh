#!/usr/bin/env bash
# Receipts: what a recipient does on its own host comes into the ledger of the receiving box, once, and
# only under its own signature.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
link_start 1500
site_make
conf=$receiver/receiver.conf
ledger=$receiver/vault/ledger
echo "one record" >"$tmp/one"
receiver_up
sender_up
entries() { cat "$ledger"/*.jsonl | jq -c "select($1)"; }
count() { entries "$1" | wc -l; }
host=$tmp/host
mkdir "$host"
key=$keys/$recipient.key psk=$keys/psk/$recipient.key

# ---- a recipient without a receipt key in the registry ----

# elsewhere COMMAND…: weir-inbox on a host of the recipient's own, which knows the roots alone.
elsewhere() { (cd "$host" && env -u WEIR_CONFIG WEIR_ROOTS="$site/roots" "$build/weir-inbox" "$@"); }
open_elsewhere() { elsewhere open --key "$key" --psk "$psk" "$@"; }
bring() { inbox receipt --config "$conf" "$@"; }

registry_text 2 | sed '/^receipts = /d' >"$site/registry.2"
registry_install 2 "$site/registry.2"
kill -HUP "$sender_pid" "$receiver_pid"
loaded() { [[ $(inbox gaps --json --config "$conf" 2>/dev/null | jq .registry_version) == "$1" ]]; }
until_true 10 loaded 2
push files "$tmp/one"
check $? "a bundle is pushed" || note "$pushed"
ok "and delivered" wait_delivered "$bundle"
inbox copy --config "$conf" "$bundle" "$host/without.weir" >/dev/null
said=$(open_elsewhere without.weir -o out.without 2>&1)
is "where the registry has no receipt key it is opened" "$? $(cat "$host/out.without/one")" "0 one record"
like "without a receipt, which is said" "$said" "has no receipt key of '$recipient', so there will be no receipt"
is "and none is left" "$(ls "$host"/*.receipt 2>/dev/null)" ""

# ---- with one ----

registry_text 3 >"$site/registry.3"
is "the cards of recipients have receipt keys" "$(grep -c '^receipts = ' "$site/registry.3")" 3
registry_install 3 "$site/registry.3"
kill -HUP "$sender_pid" "$receiver_pid"
until_true 10 loaded 3
push files "$tmp/one"
check $? "a bundle is pushed" || note "$pushed"
ok "and delivered" wait_delivered "$bundle"
first=$bundle
inbox copy --config "$conf" "$first" "$host/first.weir" >/dev/null
said=$(open_elsewhere first.weir -o out 2>&1)
is "it is opened on another host" "$? $(cat "$host/out/one")" "0 one record"
like "and the receipt is named" "$said" "receipt 'first.receipt': bring it to the receiving box"
is "it is a line of JSON about this bundle" \
	"$(jq -r '"\(.kind) \(.bundle) \(.recipient) \(.result) \(.bytes)"' "$host/first.receipt")" "opened $first $recipient ok 11"
said=$(open_elsewhere first.weir - 2>&1 >"$host/again")
is "a second opening" "$?" 0
ok "has a second receipt" test -s "$host/first.2.receipt"
said=$(open_elsewhere --receipt first.receipt first.weir - 2>&1)
is "a receipt is never replaced, and without one nothing is opened" "$?" 3
like "which is said" "$said" "cannot make the receipt 'first.receipt': File exists"
before=$(ls "$host")
said=$(elsewhere open --key "$keys/health-office.key" --psk "$keys/psk/health-office.key" first.weir -o out.other 2>&1)
is "who cannot open it leaves none" "$? $(ls "$host")" "1 $before"

# ---- brought ----

is "a receipt is brought to the receiving box" "$(bring "$host/first.receipt" 2>&1)" "$host/first.receipt: entered"
is "it is in the ledger, with the recipient and who brought it" \
	"$(entries '.event == "opened"' | jq -r '"\(.who.person) \(.who.uid) \(.bundle) \(.result) \(.bytes)"')" \
	"$recipient $(id -u) $first ok 11"
said=$(bring "$host/first.receipt" 2>&1)
is "a second time it is refused" "$?" 1
like "as there already" "$said" "is in the ledger already"
is "and entered once" "$(count '.event == "opened"')" 1
bring "$host/first.2.receipt" >/dev/null 2>&1
is "that of the second opening is another" "$? $(count '.event == "opened"')" "0 2"
kill -9 "$(pid_of weir-keep)"
again() { bring "$host/first.receipt" >"$tmp/again" 2>&1; grep -q 'already' "$tmp/again"; }
ok "also after a restart it is there already" until_true 20 again
sed 's/"bytes":11/"bytes":12/' "$host/first.receipt" >"$host/forged.receipt"
said=$(bring "$host/forged.receipt" 2>&1)
is "one that was changed is refused" "$?" 1
like "with its verdict" "$said" 'bad-signature'
echo "nothing" >"$host/nonsense.receipt"
like "so is nonsense" "$(bring "$host/nonsense.receipt" 2>&1)" 'bad-entry'
said=$(bring "$host/absent.receipt" 2>&1)
is "a file that is not there" "$?" 3
refusal_is_entered() { [[ $(count '.event == "command" and .verb == "receipt" and .result == "bad-signature"') == 1 ]]; }
ok "refused ones are entered as commands" until_true 5 refusal_is_entered

# ---- destroyed ----

rm -r "$host/out" "$host/first.weir"
said=$(elsewhere destroyed --key "$key" --how "disk wiped, witnessed by two" first.receipt 2>&1)
is "that it was destroyed is said by the receipt of its opening" "$?" 0
like "and named" "$said" "receipt 'first.destroyed.receipt'"
ok "it is brought" bring "$host/first.destroyed.receipt"
is "and entered" "$(entries '.event == "destroyed.elsewhere"' | jq -r '"\(.who.person) \(.bundle) \(.how)"')" \
	"$recipient $first disk wiped, witnessed by two"
inbox copy --config "$conf" "$first" "$host/copy.weir" >/dev/null
elsewhere destroyed --key "$key" copy.weir >/dev/null 2>&1
is "or by the bundle" "$? $(jq -r .kind "$host/copy.destroyed.receipt")" "0 destroyed"
said=$(elsewhere destroyed --key "$keys/health-office.key" --receipt other first.receipt 2>&1)
is "by another's key it is not" "$? $(ls "$host/other" 2>/dev/null)" "1 "
said=$(elsewhere destroyed --key "$key" --how 'a "quote"' copy.weir 2>&1)
is "words that would have to be escaped are refused" "$?" 1

# ---- suspended ----

registry_text 4 | sed "/^\\[recipient $recipient\\]/a suspended = $(date -u -d yesterday +%F)" >"$site/registry.4"
registry_install 4 "$site/registry.4"
kill -HUP "$receiver_pid"
until_true 10 loaded 4
said=$(bring "$host/copy.destroyed.receipt" 2>&1)
is "a recipient that is suspended is not heard" "$?" 1
like "with its verdict" "$said" 'suspended'
is "nothing more was entered" "$(count '.event == "destroyed.elsewhere"')" 1
registry_text 5 >"$site/registry.5"
registry_install 5 "$site/registry.5"
kill -HUP "$receiver_pid"
until_true 10 loaded 5
rm "$(vault_file "$first")"
like "a bundle that is not in the vault is not known" "$(bring "$host/copy.destroyed.receipt" 2>&1)" 'no-such-bundle'

ok "the ledger is whole" inbox ledger verify --config "$conf"
receiver_down
check $? "the receiver ends in order" || logs
said=$(bring "$host/copy.destroyed.receipt" 2>&1)
is "without weir-keep nothing is entered, and that is said" "$? $(grep -c "^weir-inbox: receipt" <<<"$said")" "3 1"
nothing_came_back
done_testing
