#!/usr/bin/env bash
# registry pin: a person's certificate is checked once, with its chain; the registry pins the key.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
dir=$tmp/certificates
mkdir "$dir"
ok "certificates are made" "$top/tests/lib/certificates" "$dir" || note "$(cat "$dir/certificates.log")"
pin() { "$build/weir-outbox" registry pin --certificate "$dir/$1.pem" --chain "$dir/${2:-chain}.pem" "${3:-wang-mei}"; }

pin good >"$tmp/rsa"
check $? "a citizen's certificate is taken"
is "its section has the modulus" "$(sed -n 's/^rsa = //p' "$tmp/rsa" | tr -d '\n')" "$(cat "$dir/modulus")"
is "in four lines" "$(grep -cE '^rsa = [0-9a-f]{128}$' "$tmp/rsa")" 4
pin good-ed25519 chain lee-hao >"$tmp/ed"
check $? "so is one with an Ed25519 key"
is "its section has the key" "$(sed -n 's/^public = //p' "$tmp/ed")" "$(cat "$dir/ed25519-public")"
comment() { sed -n "s/^; certificate $1 //p" "$tmp/rsa"; }
is "the subject is told" "$(comment subject)" 'serialNumber=0000000112345678,CN=王美\x5c, 測試,O=內政部,C=TW'
is "the issuer" "$(comment issuer)" "O=Authority of tests,C=TW"
is "the serial number" "$(comment serial)" "$(openssl x509 -in "$dir/good.pem" -noout -serial | sed 's/serial=//')"
is "and the end" "$(date -u -d "$(comment ends)" +%s)" \
	"$(date -u -d "$(openssl x509 -in "$dir/good.pem" -noout -enddate | sed 's/notAfter=//')" +%s)"

# What was pinned is a registry.
"$build/weir-outbox" key new root root-1 -o "$tmp/root.key" --unprotected >"$tmp/roots"
printf '[roots]\nquorum = 1\n' >>"$tmp/roots"
{
	printf '[registry]\nformat = 1\nname = test\nversion = 1\nissued = %s\nexpires = %s\n' \
		"$(date -u -d yesterday +%F)" "$(date -u -d '1 year' +%F)"
	for each in rsa ed; do cat "$tmp/$each" && echo "roles = operator"; done
} >"$tmp/registry"
ok "a registry with both sections, comments and all, is signed" \
	"$build/weir-outbox" registry sign "$tmp/registry" --key "$tmp/root.key"
shown=$("$build/weir-outbox" registry show "$tmp/registry" --roots "$tmp/roots")
for each in rsa ed; do
	is "it has the fingerprint that was printed ($each)" \
		"$(grep -cF "$(sed -n 's/^; fingerprint //p' "$tmp/$each")" <<<"$shown")" 1
done

# refused CERTIFICATE CHAIN WORDS VERDICT: with nothing to paste.
refused() {
	local out
	out=$(pin "$1" "$2" 2>"$tmp/said")
	is "$1 under $2 is refused" $? 1
	is "and nothing is printed" "$out" ""
	like "but why" "$(cat "$tmp/said")" "$3.* \[$4\]\$"
}
refused expired chain "certificate has expired" expired
refused good wrong-chain "above it in the chain" bad-signature
refused good root "unable to get local issuer" bad-signature
refused good middle "the chain has no root" bad-type
refused self-signed chain "self-signed" bad-signature
refused rsa-1024 chain "RSA of 1024 bits; 2048 bits" bad-key
refused exponent-3 chain "exponent 65537" bad-key
refused ec chain "RSA-2048 or Ed25519 is needed" bad-key
refused authority chain "certificate of an authority" bad-type
refused enciphers chain "not for signing: it does not state the key usage digitalSignature" bad-type
refused no-usage chain "not for signing" bad-type
refused sha-1 chain "digest algorithm too weak" bad-signature
refused by-a-person chain-with-person "above it in the chain" bad-signature
refused key chain "0 certificates in PEM" bad-type
refused two chain "2 certificates in PEM" bad-type

# Not even openssl's own configuration changes that.
cat >"$tmp/openssl.cnf" <<-END
	openssl_conf = all
	[all]
	alg_section = algorithms
	providers = providers
	[algorithms]
	default_properties = provider=none
	[providers]
	default = off
	[off]
	activate = 0
END
ok "with openssl's own program it does" bash -c "! OPENSSL_CONF='$tmp/openssl.cnf' openssl verify -CAfile '$dir/chain.pem' '$dir/good.pem'"
ok "a configuration of openssl changes nothing here" \
	env OPENSSL_CONF="$tmp/openssl.cnf" "$build/weir-outbox" registry pin --certificate "$dir/good.pem" \
	--chain "$dir/chain.pem" wang-mei

usage() {
	"$build/weir-outbox" registry pin "${@:2}" >/dev/null 2>&1
	is "$1" $? 2
}
usage "without a certificate the command line is wrong" --chain "$dir/chain.pem" wang-mei
usage "without a chain, too" --certificate "$dir/good.pem" wang-mei
usage "and without a name" --certificate "$dir/good.pem" --chain "$dir/chain.pem"
usage "and with one that is none" --certificate "$dir/good.pem" --chain "$dir/chain.pem" Wang
chmod 666 "$dir/chain.pem"
pin good >"$tmp/out" 2>"$tmp/said"
is "a chain that others can write is not trusted" "$? $(cat "$tmp/out")" "1 "
like "for that" "$(cat "$tmp/said")" "\[loose-permissions\]"
chmod 644 "$dir/chain.pem"
head -c 300000 /dev/zero >"$dir/zeros.pem"
pin zeros >/dev/null 2>&1
is "a file that is too large is not read" $? 3
head -c 300 /dev/zero >"$dir/zeros.pem"
pin zeros >/dev/null 2>"$tmp/said"
is "a file of zeros is no certificate" $? 1
done_testing
