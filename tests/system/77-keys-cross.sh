#!/usr/bin/env bash
# Keys are replaced on the sending box while people push, and nobody touches the receiver: a person's, a
# recipient's with its pre-shared key, the sending box's own.  Nothing that was accepted is lost, and what was
# sealed to old keys still opens.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
rate='40 Mbit/s'
link_start 1500
site_make
mkdir "$site/outside"
cp "$site/registry" "$site/outside/registry"
sed -i "s|^registry = .*|registry = $site/outside/registry|" "$receiver/receiver.conf"
conf=$sender/sender.conf
rconf=$receiver/receiver.conf
receiver_up
sender_up
echo "one record" >"$tmp/one"

# load VERSION: a new registry on the sending box alone.
load() {
	registry_text "$1" >"$site/registry.$1"
	"$build/weir-outbox" registry sign "$site/registry.$1" --key "$keys/root-1.key" >/dev/null || give_up "a registry cannot be signed"
	cp "$site/registry.$1" "$site/registry.new" && mv "$site/registry.new" "$site/registry"
}
in_use() { jq -r .registry_version "$receiver/vault/status.json"; }
uses() { [[ $(in_use) == "$1" ]]; }
check_says() { in_receiver "$build/weir-receiver" check --config "$rconf" >"$tmp/check"; grep -q "version $1," "$tmp/check"; }
# replace_key FILE: the old key is FILE.old from then on.
replace_key() { mv "$1" "$1.old" && mv "$1.new" "$1"; }

# Everybody pushes without a pause; what was accepted is written down.
pusher() {
	person=$1
	while [[ ! -e $tmp/enough ]]; do
		if push files "$tmp/one"; then echo "$bundle" >>"$tmp/accepted"; else echo "$person $pushed" >>"$tmp/not"; fi
		sleep 0.05
	done
}
accepted() { wc -l <"$tmp/accepted"; }
more_come() { (($(accepted) >= $1)); }
goes_on() { until_true 20 more_come $(($(accepted) + 15)); }
: >"$tmp/accepted"
: >"$tmp/not"
for name in chen-yi lee-hao; do
	pusher "$name" &
	pushers+=($!)
done
ok "two people push" goes_on

# ---- a person ----
key_new person wang-mei "$keys/wang-mei.key.new" --unprotected
replace_key "$keys/wang-mei.key"
load 2
ok "the receiver has a registry with a person's new key" until_true 30 uses 2
push files "$tmp/one"
check $? "the new key pushes" || note "$pushed"
new_person=$bundle
ok "what it pushed is delivered" wait_delivered "$new_person"
refused "the old key" 1 'unknown-key' \
	outbox push --config "$conf" --key "$keys/wang-mei.key.old" --route files "$tmp/one"

# ---- a recipient, and its pre-shared key ----
push files "$tmp/one"
before=$bundle
ok "a bundle for the old recipient's key is delivered" wait_delivered "$before"
key_new recipient tax-agency "$keys/tax-agency.key.new" --unprotected
key_new psk tax-agency "$keys/psk/tax-agency.key.new" --unprotected
replace_key "$keys/tax-agency.key"
replace_key "$keys/psk/tax-agency.key"
mv "$keys/psk/tax-agency.key.old" "$keys/tax-agency.psk.old"
load 3
ok "the receiver has a registry with a recipient's new keys" until_true 30 uses 3
pushes() { outbox push --config "$conf" --key "$keys/wang-mei.key" --route files "$tmp/one" >"$tmp/said" 2>&1; }
ok "pushes are sealed to them" until_true 10 pushes || note "$(cat "$tmp/said")"
after=$(grep -oE 'files-[0-9]{6}' "$tmp/said" | tail -n 1)
ok "such a bundle is delivered" wait_delivered "$after"
ok "it opens with the new keys" open_bundle "$after" -o "$tmp/after"
ok "the old bundle opens with the old ones" inbox open --config "$rconf" --key "$keys/tax-agency.key.old" \
	--psk "$keys/tax-agency.psk.old" "$before" -o "$tmp/before"
is "both are what was pushed" "$(cat "$tmp/after/one" "$tmp/before/one")" "one record"$'\n'"one record"
refused "the old bundle, with the new ones" 1 'unknown-key|wrong-recipient' open_bundle "$before" -o "$tmp/none"

# ---- the sending box ----
key_new sender inside-2 "$keys/inside-2.key" --unprotected
boxes="inside-1 outside-1 inside-2"
load 4
ok "a registry with both keys of the box crosses under the old one" until_true 30 uses 4
ok "check says so on the receiver" check_says 4 || note "$(cat "$tmp/check")"
sed -i "s|^box = .*|box = $keys/inside-2.key|" "$conf"
sender_down
sender_up
ok "pushes go on under the new key" goes_on
last=$(tail -n 1 "$tmp/accepted")
ok "the last one is delivered" wait_delivered "$last"
is "and is released by the new key" "$(inbox show --json --config "$rconf" "$last" | jq -r .box)" inside-2
boxes="outside-1 inside-2"
load 5
ok "a registry without the old key crosses under the new one" until_true 30 uses 5
ok "pushes go on" goes_on
touch "$tmp/enough"
wait "${pushers[@]}"
note "$(accepted) pushes were accepted, $(wc -l <"$tmp/not") were not: $(sort -u "$tmp/not" | head -n 3)"

lost() { while read -r name; do is_delivered "$name" || echo "$name"; done <"$tmp/accepted"; }
none_lost() { [[ -z $(lost) ]]; }
ok "every push that was accepted is delivered" until_true 30 none_lost || note "$(lost | xargs)"
is "no number was given twice" "$(sort "$tmp/accepted" | uniq -d)" ""
ok "what was delivered under all these keys verifies" inbox verify --config "$rconf"
is "the receiver's own file is as it was" "$(sed -n 's/^version = //p' "$site/outside/registry")" 1
receiver_down
receiver_up
is "and after a restart it uses what crossed" "$(in_use)" 5
nothing_came_back
done_testing
