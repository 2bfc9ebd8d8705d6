#!/usr/bin/env bash
# What the receiving box writes down: its life, its bundles, what it hears of the sender's ledger; and
# that nothing is delivered while it cannot.  This file runs under the sanitizers too.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
link_start 1500
site_make
conf=$receiver/receiver.conf
ledger=$receiver/vault/ledger
echo "one record" >"$tmp/one"

# entries FILTER: those for which the filter of jq is true, as they stand.
entries() { cat "$ledger"/*.jsonl | jq -c "select($1)"; }
count() { entries "$1" | wc -l; }
has() { [[ $(count "$1") -ge 1 ]]; }
ran() { inbox "$@" --config "$conf" >"$tmp/ran" 2>&1; }
wait_entry() { until_true "${2:-20}" has "$1" || { note "$(tail -n 5 "$ledger"/*.jsonl)"; logs; return 1; }; }

# ---- a disk of its own for the ledger, which can be full without the vault being so ----

mkdir -p "$ledger"
mount -t tmpfs -o size=1216k,mode=750 ledger "$ledger" || give_up "a small disk cannot be mounted"
on_exit "umount $ledger"
fill() { dd if=/dev/zero of="$ledger/filling" bs=4096 2>/dev/null; true; }

# ---- life ----

receiver_up
sender_up
ok "the start is entered" wait_entry '.event == "start" and (.program | startswith("weir-keep "))'
is "with the key of the box" "$(entries '.event == "key.loaded"' | jq -r .box)" outside-1
is "and the registry" "$(entries '.event == "registry.loaded" and .result == "ok"' | jq .version)" 1

# ---- a bundle ----

push tax "$tmp/one" --records 1 2>/dev/null || push files "$tmp/one"
ok "a bundle is pushed" test -n "$bundle" || note "$pushed"
first=$bundle
ok "and delivered" wait_delivered "$first"
of() { entries ".bundle == \"$1\"" | jq -r .event | tr '\n' ' '; }
is_told() { [[ $(of "$1") == "named verified delivered " ]]; }
ok "it was named, verified and delivered" until_true 5 is_told "$first" || note "$(of "$first")"
root=$(cat "$sender"/spool/ledger/*.jsonl | jq -r "select(.event == \"release\" and .bundle == \"$first\") | .root")
is "every entry has its root" "$(entries ".bundle == \"$first\" and .root == \"$root\"" | wc -l)" 3
id=$(outbox show --json --config "$sender/sender.conf" "$first" | jq -r .push_id)
# Beside the registry, which crosses by itself.
delivered_first() { entries ".event == \"delivered\" and .bundle == \"$first\""; }
is "the push id is the one by which the sender's ledger calls it" \
	"$(entries ".event == \"delivered\" and .bundle == \"$first\"" | jq -r .push_id)" "$id"
is "whose it is stands there" "$(entries ".event == \"delivered\" and .bundle == \"$first\"" | jq -r .person)" "$person"

# ---- what is heard of the sender's ledger ----

ok "the sender's newest entry was heard" wait_entry '.event == "witness" and .box == "inside-1" and .head > 0'
n=$(entries '.event == "witness"' | head -n 1 | jq .head)
hash=$(entries '.event == "witness"' | head -n 1 | jq -r .hash)
next() { cat "$sender"/spool/ledger/*.jsonl | jq -r "select(.n == $((n + 1))) | .before"; }
has_next() { [[ -n $(next) ]]; }
outbox list --config "$sender/sender.conf" >"$tmp/list" # leaves an entry
until_true 10 has_next
is "its hash is what the next one names as the hash before it" "$hash" "$(next)"

# ---- a registry that is refused, and one that is not ----

cp "$site/registry" "$tmp/good"
sed 's/^version = 1$/version = 2/' "$site/registry" >"$tmp/forged" && cp "$tmp/forged" "$site/registry"
kill -HUP "$receiver_pid"
ok "a forged registry is entered with its verdict" \
	wait_entry '.event == "registry.loaded" and .result != "ok" and .result != "environment" and .version == 1'
ok "and is an alarm" wait_entry '.event == "alarm" and .id == "E2003"'
registry_install 2
kill -HUP "$receiver_pid" "$sender_pid"
ok "the next one is loaded" wait_entry '.event == "registry.loaded" and .result == "ok" and .version == 2'

# ---- killed ----

before=$(count '.event == "start"')
kill -9 "$(pid_of weir-keep)"
again() { [[ $(count '.event == "start"') -gt $before ]]; }
ok "a keep that was killed is started again, which is entered" until_true 20 again
push files "$tmp/one"
check $? "a bundle is pushed" || note "$pushed"
ok "and delivered" wait_delivered "$bundle"
ok "and entered" until_true 5 is_told "$bundle"
is "the one before was not entered again" "$(of "$first")" "named verified delivered "

# ---- no room ----

# Pages are taken whole: it is low when a few entries have filled the last one.
fill
ledger_is_low() { kill -HUP "$receiver_pid"; grep -q 'E2052 ' "$receiver/log"; }
ok "a full disk is an alarm before nothing more fits" until_true 20 ledger_is_low
push files "$tmp/one"
check $? "a bundle is pushed" || note "$pushed"
waits() { inbox gaps --json --config "$conf" >"$tmp/gaps"; grep -q '"waiting-for-ledger"' "$tmp/gaps"; }
ok "all of it is here, and waits for the ledger" until_true 30 waits || { note "$(cat "$tmp/gaps")"; logs; }
inbox gaps --config "$conf" >"$tmp/gaps"
is "gaps says so" "$? $(grep -c "$bundle.*waiting-for-ledger" "$tmp/gaps")" "4 1"
said=$(inbox copy --config "$conf" "$first" "$tmp/second.weir" 2>&1)
is "meanwhile nothing is copied" "$? $(ls "$tmp/second.weir" 2>/dev/null)" "3 "
like "and why is said" "$said" "weir-keep cannot enter this in its ledger, so it is not done: No space left"
ran list
is "'list' works" "$?" 0
is "it is not delivered" "$(vault_file "$bundle")" ""
rm -f "$ledger/filling"
ok "when there is room it is delivered by itself" wait_delivered "$bundle"
ok "and entered" until_true 5 is_told "$bundle" || note "$(of "$bundle")"
ok "there are no gaps" no_gaps

# ---- silence ----

sender_down
check $? "the sender ends in order" || logs

# ---- what people do, while the sender is silent ----

# done_once FILTER: exactly one entry of a command since now, by this user, for which the filter holds.
since=$(entries true | tail -n 1 | jq .n)
is_once() {
	local found
	found=$(entries ".n > $since and .event == \"command\" and ($1)")
	[[ -n $found && $found != *$'\n'* && $found == *"\"uid\":$UID,\"pid\":"[1-9]* ]]
}
done_once() { until_true 5 is_once "$1"; }
goal=$tmp/goal
ran list
ok "'list' is entered" done_once '.verb == "list" and .exit == 0'
ran show "$first"
ok "'show' is entered" done_once ".verb == \"show\" and .about == \"$first\" and .exit == 0"
ran show files-000099
ok "also of a bundle that is not there" done_once '.verb == "show" and .result == "no-such-bundle" and .exit == 1'
ran verify "$first"
ok "'verify' is entered" done_once ".verb == \"verify\" and .about == \"$first\" and .exit == 0"
before=$(count '.verb == "gaps"')
ran gaps
more_gaps() { [[ $(count '.verb == "gaps"') -gt $before ]]; }
ok "'gaps' is entered" until_true 5 more_gaps
ran copy "$first" "$tmp/copy.weir"
ok "'copy' is entered before" done_once '.verb == "copy" and .phase == "begin"'
ok "and behind" done_once '.verb == "copy" and .phase == "end" and .exit == 0'
ran open "$first" -o "$goal" --key "$keys/$recipient.key" --psk "$keys/psk/$recipient.key"
ok "'open' is entered before, with whose key" done_once ".verb == \"open\" and .phase == \"begin\" and .who.person == \"$recipient\" and (.who.key | length) == 32"
ok "and behind, with what came out" done_once '.verb == "open" and .phase == "end" and .result == "ok" and .bytes == 11'
ran open "$first" -o "$goal.other" --key "$keys/health-office.key" --psk "$keys/psk/health-office.key"
ok "who is refused is entered with the verdict" done_once '.verb == "open" and .phase == "end" and .result != "ok" and .exit == 1 and .who.person == "health-office"'
WEIR_CONFIG=$conf inbox key show "$keys/outside-1.key" >/dev/null 2>&1
ok "'key show' is entered where there is a configuration" done_once '.verb == "key show" and .exit == 0'
WEIR_CONFIG=$conf inbox registry check "$site/registry" --roots "$site/roots" >/dev/null 2>&1
ok "'registry check' is entered" done_once '.verb == "registry check" and .exit == 0'
ran ledger verify
ok "'ledger verify' is entered" done_once '.verb == "ledger verify" and .exit == 0'
ran ledger show
ok "'ledger show' is entered" done_once '.verb == "ledger show" and .exit == 0'
ran destroyed "$first" --receipt "$tmp/gone.receipt" --key "$keys/$recipient.key"
ok "'destroyed' is entered" done_once '.verb == "destroyed" and .phase == "end" and .exit == 0' || note "$(cat "$tmp/ran")"
ran receipt "$tmp/gone.receipt"
ok "'receipt' is entered" done_once '.verb == "receipt" and .exit == 0' || note "$(cat "$tmp/ran")"
ran purge "$first" --count 7 --key "$keys/$person.key"
ok "'purge' is entered, also when it is refused" done_once '.verb == "purge" and .exit == 1' || note "$(cat "$tmp/ran")"
ran heads
ok "'heads' is entered" done_once '.verb == "heads" and .exit == 0' || note "$(cat "$tmp/ran")"
known=$("$build/weir-inbox" --help | sed -nE 's/^  ([a-z]+) .*/\1/p' | sort | tr '\n' ' ')
is "these are all commands that there are" "$(entries '.event == "command"' | jq -r .verb | cut -d' ' -f1 | sort -u | tr '\n' ' ')" "$known"

ok "that nothing is heard is an alarm" wait_entry '.event == "alarm" and .id == "E2043"' 60

# ---- the sender's ledger begins anew ----

mv "$sender/spool/ledger" "$tmp/ledger"
cp -a "$ledger" "$tmp/heard"
receiver_down
check $? "the receiver ends in order" || logs
receiver_up
# The box itself takes it for an older state; its administrator says that it is to go on.
in_sender "$build/weir-sender" epoch --yes --config "$sender/sender.conf" >"$tmp/epoch" 2>&1
check $? "the sender goes on in a new epoch" || note "$(cat "$tmp/epoch")"
sender_up
ok "a ledger that has fewer entries than were heard of is an alarm, also after a restart of both" \
	wait_entry '.event == "alarm" and .id == "E2045"'
is "what was heard before does not fit to what it is now" \
	"$(outbox ledger verify --config "$sender/sender.conf" --witness "$ledger" >"$tmp/verified" 2>&1; echo $?)" 4
is "and fits to what it was" "$(outbox ledger verify --config "$sender/sender.conf" --witness "$tmp/heard" "$tmp/ledger" >"$tmp/verified" 2>&1; echo $?)" 0 ||
	note "$(cat "$tmp/verified")"

# ---- the end ----

receiver_down
check $? "the receiver ends in order" || logs
said=$(inbox list --config "$conf" 2>&1 >/dev/null)
is "without weir-keep 'list' works, and says once that it is not entered" "$? $(grep -c 'it is not in its ledger' <<<"$said")" "0 1"
said=$(open_bundle "$first" -o "$tmp/never" 2>&1)
is "'open' does not" "$? $(ls "$tmp/never" 2>/dev/null)" "3 "
is "its end is the last that is entered" \
	"$(entries '.event != "checkpoint"' | tail -n 1 | jq -r .event)" stop
verify() { inbox ledger verify --config "$conf" "$@" >"$tmp/verified" 2>&1; }
ok "the ledger is whole" verify || note "$(cat "$tmp/verified")"
rm -rf "$tmp/edited" && cp -a "$ledger" "$tmp/edited"
sed -i "0,/\"event\":\"delivered\".*\"person\":\"$person\"/s/\"person\":\"$person\"/\"person\":\"lee-hao\"/" "$tmp"/edited/*.jsonl
is "something in a copy of it is changed" "$(cmp -s <(cat "$ledger"/*.jsonl) <(cat "$tmp"/edited/*.jsonl); echo $?)" 1
verify "$tmp/edited"
is "which is found" "$? $(grep -c "bad-chain" "$tmp/verified")" "4 2" || note "$(cat "$tmp/verified")"
nothing_came_back
done_testing
