#!/usr/bin/env bash
# A person's key in a PKCS#11 token (SoftHSM2): it signs, the PIN is asked on the terminal, and the key
# never leaves the token.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
token=$tmp/token
export SOFTHSM2_CONF=$token/softhsm.conf
module=/usr/lib/softhsm/libsofthsm2.so
signing=$build/tests/lib/signing
outbox=$build/weir-outbox
pin=246810

ok "a token is made, with keys that are made in it" "$top/tests/lib/make-token" "$token" || note "$(cat "$token/log")"
printf 'weir1 push\0\0\0\0\0\0' >"$tmp/signed"
seq 100 | tee "$tmp/message" >>"$tmp/signed"
uri() { printf 'pkcs11:token=weir;object=%s?module-path=%s' "$1" "$module"; }

# pem KIND FILE: a public key as openssl reads it, from the raw bytes.
pem() {
	local head=302a300506032b6570032100
	{
		if [[ $1 == rsa ]]; then
			printf '30820122300d06092a864886f70d01010105000382010f003082010a0282010100'
			od -An -v -tx1 "$2" | tr -d ' \n'
			printf '0203010001'
		else
			printf '%s' "$head"
			od -An -v -tx1 "$2" | tr -d ' \n'
		fi
	} | perl -pe '$_ = pack "H*", $_' | openssl pkey -pubin -inform der -out "$2.pem"
}
# judge KIND: openssl's word on the last signature, over what was signed, domain and all.
judge() {
	tail -c +5 "$tmp/signature" >"$tmp/bare"
	pem "$1" "$tmp/public" || return
	if [[ $1 == rsa ]]; then
		openssl dgst -sha256 -verify "$tmp/public.pem" -signature "$tmp/bare" "$tmp/signed"
	else
		openssl pkeyutl -verify -pubin -inkey "$tmp/public.pem" -rawin -in "$tmp/signed" -sigfile "$tmp/bare"
	fi
}
sign() { WEIR_PASSPHRASE_FILE=$token/pin "$signing" sign "$(uri "$1")" wang-mei "$tmp/message" "$tmp/public" "${@:2}" >"$tmp/signature" 2>"$tmp/said"; }

for each in rsa:rsa ed:ed25519 again:rsa; do
	label=${each%:*} kind=${each#*:}
	ok "key '$label' signs" sign "$label" || note "$(cat "$tmp/said")"
	is "nothing is said" "$(cat "$tmp/said")" ""
	is "the signature says its algorithm and length" "$(od -An -tx1 -N4 "$tmp/signature" | tr -d ' ')" \
		"$([[ $kind == rsa ]] && echo 02000001 || echo 01004000)"
	ok "openssl finds it good, over domain and data" judge "$kind"
	ok "and so do we" "$signing" verify "$tmp/message" "$tmp/public" <"$tmp/signature"
	echo >>"$tmp/signed"
	check $((! $(judge "$kind" >/dev/null 2>&1; echo $?))) "openssl finds it bad over anything else"
	truncate -s -1 "$tmp/signed"
	pkcs11-tool --module "$module" --token-label weir --read-object --type pubkey --label "$label" \
		-o "$tmp/theirs" >/dev/null 2>&1
	if [[ $kind == rsa ]]; then
		is "the key is the token's, as pkcs11-tool reads it" \
			"$(openssl rsa -pubin -inform der -in "$tmp/theirs" -noout -modulus | sed 's/^Modulus=//' | tr A-F a-f)" \
			"$(od -An -v -tx1 "$tmp/public" | tr -d ' \n')"
	else
		is "the key is the token's, as pkcs11-tool reads it" \
			"$(pkcs11-tool --module "$module" --token-label weir --list-objects --type pubkey --label "$label" 2>/dev/null |
				sed -n 's/.*EC_POINT: *0420//p')" "$(od -An -v -tx1 "$tmp/public" | tr -d ' \n')"
	fi
done

# The calls of SECURITY.md for weir-outbox are enough; the token is opened before the table closes.
mapfile -t calls < <(sed -n '/^    weir-outbox/,/^    weir-inbox/s/^      allowed_calls: //p' "$top/common/SECURITY.md" | tr ' ' '\n')
ok "the list of weir-outbox's calls is found" test "${#calls[@]}" -gt 10
for label in rsa ed; do
	ok "key '$label' signs under the system-call table of weir-outbox" sign "$label" "${calls[@]}" ||
		note "$(cat "$tmp/said")"
done

# The PIN is asked on the terminal, which does not show it.
asked=$("$top/tests/lib/on-terminal" "$pin" "$outbox" key show "$(uri rsa)" --name wang-mei)
check $? "a PIN typed on the terminal opens the token" || note "$asked"
like "it was asked for by the token's name" "$asked" "PIN of token 'weir': "
is "and not shown" "$(grep -c "$pin" <<<"$asked")" 0
like "the card is printed" "$asked" '\[person wang-mei\]'
is "with the modulus in lines that the registry takes" "$(grep -cE '^rsa = [0-9a-f]{128}.?$' <<<"$asked")" 4
wrong=$("$top/tests/lib/on-terminal" 135791 "$outbox" key show "$(uri rsa)" --name wang-mei)
is "a wrong PIN is refused" $? 1
like "in words" "$wrong" "token 'weir': the PIN is wrong.* \[wrong-passphrase\]"
is "and was asked for once" "$(grep -c "PIN of token" <<<"$wrong")" 1
is "without a terminal nobody can be asked" \
	"$(setsid -w "$outbox" key show "$(uri rsa)" --name wang-mei 2>&1 </dev/null | grep -c 'without a terminal')" 1
"$outbox" key show "pkcs11:token=weir;object=rsa?pin-value=$pin&module-path=$module" --name wang-mei >"$tmp/said" 2>&1
is "a PIN on the command line is refused" $? 2
is "and not said again" "$(grep -c "$pin" "$tmp/said")" 0

# The registry takes the card as it is printed.
for label in rsa ed; do
	"$outbox" key show "$(uri $label)" --name "wang-$label" --passphrase-file "$token/pin" >"$tmp/card-$label"
	check $? "the card of key '$label' is shown"
done
"$outbox" key new root root-1 -o "$tmp/root.key" --unprotected >"$tmp/roots"
printf '[roots]\nquorum = 1\n' >>"$tmp/roots"
{
	printf '[registry]\nformat = 1\nname = test\nversion = 1\nissued = %s\nexpires = %s\n' \
		"$(date -u -d yesterday +%F)" "$(date -u -d '1 year' +%F)"
	for label in rsa ed; do cat "$tmp/card-$label" && echo "roles = operator"; done
} >"$tmp/registry"
ok "a registry with both cards is signed" "$outbox" registry sign "$tmp/registry" --key "$tmp/root.key"
ok "and is good" "$outbox" registry check "$tmp/registry" --roots "$tmp/roots"
shown=$("$outbox" registry show "$tmp/registry" --roots "$tmp/roots")
for label in rsa ed; do
	fingerprint=$(sed -n 's/^; fingerprint //p' "$tmp/card-$label")
	is "it has the fingerprint of the card of key '$label'" "$(grep -cF "$fingerprint" <<<"$shown")" 1
done
is "key show gives the same as JSON" \
	"$("$outbox" key show "$(uri rsa)" --name wang-rsa --passphrase-file "$token/pin" --json | jq -r .fingerprint)" \
	"$(sed -n 's/^; fingerprint //p' "$tmp/card-rsa")"

"$outbox" key show "$(uri loose)" --name wang-mei --passphrase-file "$token/pin" >/dev/null 2>"$tmp/said"
is "a key that may leave still signs" $? 0
like "but a person is warned" "$(cat "$tmp/said")" "would give this key away"

# The key never leaves: the token is asked for it in every way there is.
steal() { "$build/tests/lib/steal" "$module" weir "$1" "$pin" 2>&1 | tr '\n' ' '; }
is "of key 'rsa' it gives the modulus alone" "$(steal rsa)" "modulus "
is "of key 'again', too" "$(steal again)" "modulus "
is "of key 'ed' it gives the name of the curve alone" "$(steal ed)" "curve "
is "a key that was made to be taken out is taken out in the same ways" "$(steal loose)" \
	"modulus wrapped unlocked copied "
for label in rsa ed again; do
	like "key '$label' was made in the token, is sensitive and was never to be had" \
		"$(pkcs11-tool --module "$module" --token-label weir --login --pin "$pin" --list-objects \
			--type privkey --label $label 2>/dev/null)" \
		'Access: .*always sensitive, never extractable, local'
done

# A key that we know, put into the token: none of its numbers is in what the programs print or write.
openssl genrsa -traditional -out "$tmp/known.pem" 2048 2>/dev/null
openssl rsa -in "$tmp/known.pem" -outform der -out "$tmp/known.der" 2>/dev/null
ok "a known key is put into the token" pkcs11-tool --module "$module" --token-label weir --login --pin "$pin" \
	--write-object "$tmp/known.der" --type privkey --label known --id 09 --usage-sign
ok "it signs" sign known
ok "openssl finds that good" judge rsa
printed=$tmp/printed
"$outbox" key show "$(uri known)" --name wang-mei --passphrase-file "$token/pin" >"$printed" 2>&1
check $? "its card is shown"
od -An -v -tx1 "$tmp/signature" "$tmp/public" | tr -d ' \n' >>"$printed"
numbers=$(openssl rsa -in "$tmp/known.pem" -noout -text | awk '
	/^[a-z]/ { name = $1 } /^ / { gsub(/[ :]/, ""); value[name] = value[name] $0 }
	END { for (name in value) if (name ~ /private|prime|exponent[12]:|coefficient/) print substr(value[name], length(value[name]) - 31) }')
is "six secret numbers of it are known" "$(wc -l <<<"$numbers")" 6
is "none of them is in any output" "$(grep -cFf <(printf '%s\n' "$numbers") "$printed")" 0
done_testing
