#!/usr/bin/env bash
# What the boxes keep, destroy and remember: holds, purges, a vault that is read again, an older copy of a vault, a push
# that a sender put back releases once more, and what is destroyed on both sides when its date comes.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
heal=50
link_start 1500
routes_more=$(
	cat <<-END
		[route brief]
		id = 9
		recipients = tax-agency
		operators = $people
		format = opaque
		records = waived
		destroy_after_days = 1
		priority = 4
	END
)
site_make
conf=$receiver/receiver.conf
vault=$receiver/vault
entries() { cat "$vault"/ledger/*.jsonl | jq -c "select($1)"; }
count() { entries "$1" | wc -l; }
has() { [[ $(count "$1") -ge 1 ]]; }
order() { inbox "$@" --config "$conf" --key "$keys/$person.key" 2>&1; }
gone() { ! is_delivered "$1"; }

receiver_up
sender_up
declare -a name
for i in 1 2 3 4; do
	printf 'record %s\n' "$i" >"$tmp/$i"
	push files "$tmp/$i" 2>/dev/null
	name[i]=$bundle
	ok "bundle $i is delivered" wait_delivered "${name[i]}"
done

# ---- holds ----

said=$(order ledger hold case-7 "${name[1]}" "${name[2]}")
is "an officer holds two bundles" "$? $said" "0 held for case case-7: 2 bundles, ${said##*, }"
is "the ledger has it, with who and what for" \
	"$(entries '.event == "hold"' | jq -r '"\(.result) \(.who.person) \(.case) \(.bundles)"')" "ok $person case-7 2"
like "they are listed" "$(inbox ledger holds --config "$conf")" "^case-7: by $person since "
is "also as JSON" "$(inbox ledger holds --json --config "$conf" | jq -r '.[0].bundles[].name' | sort | xargs)" \
	"$(printf '%s\n' "${name[1]}" "${name[2]}" | sort | xargs)"
refused "what is not in the vault cannot be held" 1 "no-such-bundle" \
	inbox ledger hold case-8 files-000999 --config "$conf" --key "$keys/$person.key"

# ---- purges ----

refused "what is held is not purged, and named" 1 "'${name[1]}' is held for case case-7, .*on-hold" \
	inbox purge "${name[1]}" --count 1 --config "$conf" --key "$keys/$person.key"
said=$(order purge "${name[3]}" --count 2)
is "another number destroys nothing" "$?" 1
like "and the right one is told" "$said" "not that of the bundles, 1; nothing is destroyed \[bad-count\]"
said=$(order purge "${name[3]}" </dev/null)
is "nor does no number, where nobody can type one" "$?" 2
key_new person "$person" "$tmp/stranger.key" --unprotected
said=$(inbox purge "${name[3]}" --count 1 --config "$conf" --key "$tmp/stranger.key" 2>&1)
is "nor a key that the registry does not know" "$?" 1
like "which is said" "$said" "unknown-key"
is "all are still here" "$(compgen -G "$vault/bundles/*/files-*.weir" | wc -l)" 4
said=$(order purge "${name[3]}" --count 1)
is "with the number it is destroyed" "$?" 0
ok "at once" until_true 10 gone "${name[3]}"
ok "the ledger says how, and by whose order" until_true 5 \
	has ".event == \"destroyed\" and .how == \"purge\" and .bundle == \"${name[3]}\" and .who.person == \"$person\""
ok "the refused orders of strangers stand there, too" has '.event == "purge" and .result == "unknown-key"'
ok "nothing is missing" no_gaps
is "one bundle was destroyed, and is not missing" "$(inbox gaps --json --config "$conf" | jq .destroyed)" 1

# ---- restarts ----

receiver_down
receiver_up
ok "after a restart, while the sender goes on offering it" no_gaps
ok "it does not come again" gone "${name[3]}"
refused "and the hold still counts" 1 "on-hold" inbox purge "${name[2]}" --count 1 --config "$conf" --key "$keys/$person.key"
said=$(order ledger release case-7)
is "the case ends" "$? $said" "0 case case-7 holds nothing any more"
is "and then nothing is held" "$(inbox ledger holds --config "$conf")" "nothing is held"
said=$(order purge --route files --before "$(date -u -d tomorrow +%F)" --count 3)
is "all of a route are purged" "$?" 0
for i in 1 2 4; do ok "${name[i]} is gone" until_true 10 gone "${name[i]}"; done

# ---- the vault is read again ----

flip() {
	python3 - "$1" <<-'END'
		import sys
		with open(sys.argv[1], "r+b") as f:
		    f.seek(20000)
		    byte = f.read(1)[0]
		    f.seek(20000)
		    f.write(bytes([byte ^ 1]))
	END
}

push files "$tmp/1" 2>/dev/null
again=$bundle
ok "another is delivered" wait_delivered "$again"
receiver_down
file=$(vault_file "$again")
cp "$file" "$tmp/right"
flip "$file"
rm -f "$vault/scrub"
receiver_up
ok "a bit that was flipped in the vault is found" until_true 20 has ".event == \"damaged\" and .bundle == \"$again\""
ok "it is told of as an alarm" until_true 10 has '.event == "alarm" and .id == "E2075"'
is_right() { cmp -s "$(vault_file "$again")" "$tmp/right"; }
ok "and the bundle comes again by itself" until_true 60 is_right || logs
ok "so nothing is missing" no_gaps

# one that the sender does not offer any more
push files "$tmp/1" 2>/dev/null
gone=$bundle
ok "another is delivered, and the sender loses it" wait_delivered "$gone"
sender_down
receiver_down
find "$sender/spool" -name "*$push_id*" -delete
flip "$(vault_file "$gone")"
rm -f "$vault/scrub"
sender_up
receiver_up
is_given_up() { inbox gaps --config "$conf" >"$tmp/gaps"; [[ $? == 4 && $(cat "$tmp/gaps") =~ ${gone}[^a-z]+(damaged|lost\ for\ good) ]]; }
ok "when it is found damaged it will not come again" until_true 20 is_given_up || note "$(cat "$tmp/gaps")"
acknowledged() { inbox gaps --acknowledge "$gone" --key "$keys/lee-hao.key" --config "$conf" && inbox gaps --config "$conf" >"$tmp/gaps"; }
ok "a person takes note of that, and nothing is missing" until_true 20 acknowledged || note "$(cat "$tmp/gaps")"
has '.event == "lost.acknowledged" and .result == "ok" and .bundle == "'"$gone"'"'
check $? "which the ledger says"
receiver_down
cp -a "$vault" "$tmp/older"
receiver_up
push brief "$tmp/1" 2>/dev/null
brief=$bundle
ok "one that is to be destroyed soon is delivered" wait_delivered "$brief"

# ---- an older copy of the vault ----

checkup() { in_receiver "$build/weir-receiver" check --config "$conf"; }
is "check says nothing of an older vault" "$(checkup | grep -cE '^red +older-vault')" 0
receiver_down
mv "$vault" "$tmp/newer"
cp -a "$tmp/older" "$vault"
receiver_up
ok "an older copy in the place of the vault is an alarm" until_true 20 has '.event == "alarm" and .id == "E2080"'
said=$(checkup)
is "check ends with the exit code for what is wrong" "$?" 3
like "and says what is older, and what to do" "$said" \
	"red   older-vault +an older copy of it was put back: .*ledger.*type: find out who did, .*then remove $vault/put-back"
like "so does gaps" "$(inbox gaps --config "$conf")" "this vault was put back to an older state: .*ledger.*remove vault/put-back"
rm "$vault/put-back"
is "when it is known they say so no more" "$(checkup | grep -cE '^red +older-vault')" 0
ok "and what the copy lacks comes again" wait_delivered "$brief"
ok "so that nothing is missing" no_gaps

# ---- a sender put back releases a push once more ----

"$build/tests/lib/export" --records 100 --seed "$SEED" >"$tmp/people.csv"
push approved "$tmp/people.csv"
ok "a push waits for its officers" test -n "$push_id" || note "$pushed"
id=$push_id
sender_down
cp -a "$sender/spool" "$tmp/spool"
sender_up
decide() { for officer in $officers; do as_officer "$officer" approve "$id" >/dev/null 2>&1; done; true; }
by_push() { entries ".event == \"delivered\" and .result == \"ok\" and .push_id == \"$id\"" | wc -l; }
is_here() { [[ $(by_push) == 1 ]]; }
decide
ok "a push that waited is approved and delivered" until_true 30 is_here || logs
sender_down
rm -rf "$sender/spool"
cp -a "$tmp/spool" "$sender/spool"
inbox heads --config "$conf" >"$tmp/heads"
in_sender "$build/weir-sender" epoch --config "$sender/sender.conf" --heads "$tmp/heads" --yes >"$tmp/epoch" 2>&1
check $? "a new epoch begins behind what the receiver has heard" || note "$(cat "$tmp/epoch")"
sender_up
decide
ok "put back, the sender releases it again under another number, and that is refused as delivered" until_true 40 \
	has '.event == "delivery.refused" and .result == "already-delivered" and .same_as != null' || logs
is "so it was delivered once" "$(by_push)" 1
ok "and is not missing" no_gaps
is "the ledger is whole" "$(inbox ledger verify --config "$conf" >/dev/null 2>&1; echo $?)" 0

# ---- the date comes ----

spool_has() { compgen -G "$sender/spool/*/$1" >/dev/null; }
removed() { cat "$sender"/spool/ledger/*.jsonl | jq -r "select(.event == \"removed\" and .bundle == \"$1\") | \"\(.result) \(.how)\""; }
is_removed() { [[ $(removed "$brief") == "ok date" ]] && ! spool_has "$brief"; }
ok "before its date it is in the spool" spool_has "$brief"
ok "and in the vault" is_delivered "$brief"
sender_down
receiver_down
later=(env LD_PRELOAD="$build/tests/lib/careless.so" WEIR_DAYS_AHEAD=2)
at_sender+=("${later[@]}")
at_receiver+=("${later[@]}")
sender_up
receiver_up
ok "at its date it is removed from the spool, and the sender's ledger says so" until_true 20 is_removed || note "$(removed "$brief")"
ok "and from the vault, whose ledger says so, too" until_true 20 \
	has ".event == \"destroyed\" and .result == \"ok\" and .how == \"date\" and .bundle == \"$brief\" and .destroy_by < \"$(date -u -d '2 days' +%FT%TZ)\"" || logs
ok "its file is gone there" gone "$brief"
is "and nothing of it is left on either side" \
	"$(find "$sender/spool" "$vault" -path '*ledger*' -prune -o -name "*$brief*" -print)" ""
ok "what has another date is still in the spool" spool_has "$again"
ok "and in the vault" is_delivered "$again"
is "nothing else was destroyed by its date" "$(count '.event == "destroyed" and .how == "date"')" 1
ok "and nothing is missing" no_gaps
is "the sender's ledger is whole" "$(outbox ledger verify --config "$sender/sender.conf" >/dev/null 2>&1; echo $?)" 0
is "so is the receiver's" "$(inbox ledger verify --config "$conf" >/dev/null 2>&1; echo $?)" 0
nothing_came_back
done_testing
