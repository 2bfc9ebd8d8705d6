#!/usr/bin/env bash
# People with certificate cards on a whole site: a push, an approval and a review are signed by keys in a
# token, RSA-2048 and Ed25519, and count on both boxes.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
token=$tmp/token
ok "a token is made" "$top/tests/lib/make-token" "$token" || note "$(cat "$token/log")"
export SOFTHSM2_CONF=$token/softhsm.conf
export WEIR_PASSPHRASE_FILE=$token/pin
uri() { printf 'pkcs11:token=weir;object=%s?module-path=/usr/lib/softhsm/libsofthsm2.so' "$1"; }
card() { "$build/weir-outbox" key show "$(uri "$1")" --name "$2"; }

# The usual site, with three more people; who approves sees what with a reading key in a file.
routes_more='
[route cards]
id = 11
recipients = tax-agency
operators = card-rsa card-ed
officers = card-rsa card-ed
quorum = 1
pusher_may_approve = no
format = opaque
records = waived
destroy_after_days = 30
priority = 4
needs = security
[route pushes]
id = 12
recipients = tax-agency
operators = card-rsa card-ed card-again
format = opaque
records = waived
destroy_after_days = 30
priority = 4'
link_start 1500
WEIR_PASSPHRASE_FILE=$passphrase_file
site_keys
WEIR_PASSPHRASE_FILE=$token/pin
key_new person reader "$keys/reader.key" --unprotected
key_new person reader-2 "$keys/reader-2.key" --unprotected
reading() { key_card "$keys/$1.key" | grep '^reading = '; }
{
	registry_text 1
	printf '\n'
	card rsa card-rsa
	reading reader
	echo "roles = operator officer"
	card ed card-ed
	reading reader-2
	echo "roles = operator officer"
	card again card-again
	echo "roles = operator reviewer"
} >"$tmp/registry"
"$build/weir-outbox" registry review "$tmp/registry" --route cards --office security --key "$(uri again)" \
	--person card-again >"$tmp/review"
check $? "a review is signed by a card that asks for its PIN again" || note "$(cat "$tmp/review")"
cat "$tmp/review" >>"$tmp/registry"
WEIR_PASSPHRASE_FILE=$passphrase_file
{ key_card "$keys/root-1.key"; printf '[roots]\nquorum = 1\n'; } >"$site/roots"
ok "the registry with three cards is signed" registry_install 1 "$tmp/registry" || give_up "no registry"
site_configure
WEIR_PASSPHRASE_FILE=$token/pin
receiver_up
sender_up

# by LABEL PERSON ROUTE FILE: pushed with the card of this person.
by() { pushed=$(outbox push --config "$sender/sender.conf" --key "$(uri "$1")" --person "$2" --route "$3" "$4" 2>&1); }
# "again" asks for its PIN before each signature, also when the table of system calls has closed.
for each in rsa ed again; do
	"$build/tests/lib/export" --random 300000 --seed "$SEED" >"$tmp/file-$each"
	by "$each" "card-$each" pushes "$tmp/file-$each"
	check $? "card '$each' pushes" || note "$pushed"
	bundle=$(grep -oE '\bpushes-[0-9]{6,}\b' <<<"$pushed")
	ok "it is delivered" wait_delivered "$bundle"
	is "the receiver names who signed it" \
		"$(inbox show --json --config "$receiver/receiver.conf" "$bundle" | jq -r .person)" "card-$each"
	ok "it verifies without any secret" inbox verify --config "$receiver/receiver.conf" "$bundle"
	ok "it opens" open_bundle "$bundle" -o "$tmp/out-$each"
	ok "it is the same bytes" cmp "$tmp/file-$each" "$tmp/out-$each/file-$each"
done
by rsa card-ed pushes "$tmp/file-ed"
is "nobody pushes under another's name" "$?" 1
like "and is told why" "$pushed" "\[(unknown-key|wrong-key|not-allowed|bad-signature)\]"
WEIR_PASSPHRASE_FILE=$token/wrong-pin
by rsa card-rsa pushes "$tmp/file-rsa"
is "nor with a wrong PIN" "$?" 1
WEIR_PASSPHRASE_FILE=$token/pin

# One card pushes, the other approves.
by rsa card-rsa cards "$tmp/file-rsa"
check $? "a card pushes where an approval is needed" || note "$pushed"
push_id=$(grep -oE '[0-9a-f]{32}' <<<"$pushed" | head -1)
approve() {
	outbox approve "$push_id" --config "$sender/sender.conf" --key "$(uri "$1")" --person "card-$1" \
		--reading "$keys/$2.key"
}
approve rsa reader >"$tmp/own" 2>&1
is "who pushed may not approve" $? 1
like "for that" "$(cat "$tmp/own")" "\[own-push\]"
ok "the other card approves" approve ed reader-2
is_released() { bundle=$(outbox show "$push_id" --json --config "$sender/sender.conf" | jq -r '.name // empty'); [[ -n $bundle ]]; }
ok "it gets a number" until_true 20 is_released
ok "it is delivered with its approval" wait_delivered "$bundle"
ok "which the receiver finds good" inbox verify --config "$receiver/receiver.conf" "$bundle"
receiver_down
sender_down
nothing_came_back
done_testing
