#!/usr/bin/env bash
# A first registry from cards: what is made can be signed and loaded as it is; what would not do is refused, and nothing is made.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
cd "$tmp" || exit 1

mkdir keys cards
(umask 077 && echo "correct horse battery" >passphrase)
make_key() { "$build/weir-outbox" key new "$1" "$2" -o "keys/$2.$1" --unprotected >"cards/$2.$1"; }
for name in root-1 root-2 root-3; do make_key root $name; done
make_key person wang-mei
make_key person lin-jun
make_key sender inside-1
make_key receiver outside-1
make_key recipient tax-agency
make_key psk tax-agency
make_key link link-1
make_key machine nightly
registry() { "$build/weir-outbox" registry "$@" 2>&1; }
new() { registry new "$1" --roots "$2" --name moi "${@:3}"; }

said=$(new registry roots --route tax --route files=opaque --officer lin-jun cards/*)
check $? "a registry is made of cards" || note "$said"
like "it says what comes next" "$said" "registry sign 'registry' --key ROOTKEY"
is "anybody can read it, and nobody else write" "$(stat -c %a registry roots | sort -u)" 644
like "unsigned it does not count" "$(registry check registry --roots roots)" '\[too-few-signatures\]'
registry sign registry --key keys/root-1.root >/dev/null
like "nor with one of three root keys" "$(registry check registry --roots roots)" '\[too-few-signatures\]'
registry sign registry --key keys/root-3.root >/dev/null
said=$(registry check registry --roots roots)
check $? "signed by two of three it does" || note "$said"
shown=$("$build/weir-outbox" registry show registry --roots roots --json)
is "who is no officer may push" "$(jq -c '[.routes[].operators] | unique' <<<"$shown")" '[["wang-mei"]]'
is "an officer must approve" "$(jq -c '[.routes[] | [.officers, .quorum]] | unique' <<<"$shown")" '[[["lin-jun"],1]]'
is "every recipient gets every route" "$(jq -c '[.routes[].recipients] | unique' <<<"$shown")" '[["tax-agency"]]'
is "the routes have their formats" "$(jq -c '[.routes[] | [.name, .format, .id]]' <<<"$shown")" '[["files","opaque",2],["tax","csv",1]]'
is "it is in force for a year" "$(grep -E '^expires' registry)" "expires = $(date -u -d "$(sed -n 's/^issued = //p' registry) +365 days" +%F)"
is "no secret is in it" "$(grep -cE '^\[(psk|link|root) ' registry)" 0

# refused SENTENCE PATTERN ARGUMENT…: and nothing is made
refused() {
	local said code
	said=$(new other others "${@:3}")
	code=$?
	like "$1 is refused" "$code $said" "^[123] .*$2"
	is "and nothing is made" "$(compgen -G 'other*')" ""
}
without() { printf '%s\n' cards/* | grep -v "$1"; }
for kind in root person sender receiver recipient; do
	# shellcheck disable=SC2046 # words
	refused "a registry without a card of kind $kind" "none of kind '$kind'|officer|pre-shared" --route tax $(without "\\.$kind\$")
done
# shellcheck disable=SC2046 # words
refused "a recipient without a pre-shared key" "pre-shared key of recipient 'tax-agency'" --route tax $(without '\.psk$')
refused "an officer without a card" "none of officer 'chen-yi'" --route tax --officer chen-yi cards/*
refused "a registry in which nobody may push" "nobody may push" --route tax --officer lin-jun --officer wang-mei cards/*
refused "a card that is there twice" "two cards name 'wang-mei'" --route tax cards/* cards/wang-mei.person
refused "an unknown format" "format of a route" --route tax=xml cards/*
refused "a name that is none" "not a route" --route Tax cards/*
refused "a route that is there twice" "\[bad-registry\]" --route tax --route tax cards/*
refused "a registry for ever" "1 to 1827" --route tax --days 1828 cards/*
refused "a registry without a route" "needs FILE" cards/*
printf 'public = 00\n' >bad
refused "what is no card" "bad:1: .*\[bad-registry\]" --route tax cards/* bad
printf '[person li]\npublic = 00\n' >bad
refused "a card with a bad key" "make no registry: .*\[bad-registry\]" --route tax cards/* bad
refused "a secret key in the place of its card" "\[bad-registry\]" --route tax cards/* keys/wang-mei.person
cp cards/wang-mei.person bad && chmod 666 bad
# shellcheck disable=SC2046 # words
refused "a card that anybody can write" "\[loose-permissions\]" --route tax $(without wang-mei) bad
refused "a card that is not there" "No such file" --route tax cards/* nobody
before=$(cat registry roots | sha256sum)
like "a registry that is there is not replaced" "$(new registry others --route tax cards/*)" "never replaced"
like "nor are roots" "$(new other roots --route tax cards/*)" "never replaced"
is "and nothing is made or changed" "$(compgen -G 'other*')$(cat registry roots | sha256sum)" "$before"

done_testing
