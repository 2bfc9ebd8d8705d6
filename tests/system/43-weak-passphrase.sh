#!/usr/bin/env bash
# A new key's passphrase is no number that stands for its owner.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

# key_new PROGRAM PASSPHRASE: $status and $said.
key_new() {
	printf '%s\n' "$2" >"$tmp/words"
	chmod 600 "$tmp/words"
	said=$("$build/weir-$1" key new person wang-mei -o "$tmp/new.key" --passphrase-file "$tmp/words" 2>&1)
	status=$?
}

for program in outbox inbox; do
	for words in A123456789 'my number is a123-456-789' 'Ａ１２３４５６７８９ is my number' \
		'F1234567' 'household F1234567' '19870412' 'born 1987/04/12 in Tainan' '民國87年4月12日'; do
		key_new "$program" "$words"
		is "weir-$program refuses '$words'" "$status" 1
		like "and says why, and what to do" "$said" 'which others know; take words .* \[weak-passphrase\]$'
		is "without repeating it" "$(grep -cF -e "$words" -e 123456 -e 1987 -e 87 <<<"$said")" 0
		ok "and makes no key" test ! -e "$tmp/new.key"
	done
done
for words in 'correct horse battery' 'A123456788 has a wrong check digit' '19870431 is no date, and 1899 too early'; do
	key_new outbox "$words"
	is "'$words' is taken" "$status" 0
	rm -f "$tmp/new.key"
done
done_testing
