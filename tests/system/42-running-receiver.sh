#!/usr/bin/env bash
# What happens to a receiving box: a second weir-keep is started, a file of the vault gets another name,
# a registry without a route is loaded, or one with a new route is late.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
link_start 1500
relay_start --drop-row 3:0:0:40 # of every bundle number 3, more rows than can be repaired
site_make
# Its registry is a file of its own, so that the sender can be ahead.
cp "$site/registry" "$site/registry.outside"
sed -i "s|^registry = .*|registry = $site/registry.outside|" "$receiver/receiver.conf"
receiver_up
sender_up
conf=$receiver/receiver.conf
echo "one record" >"$tmp/one"
echo "another" >"$tmp/two"
for file in one two; do
	push files "$tmp/$file"
	check $? "a bundle is pushed" || note "$pushed"
	ok "$bundle is delivered" wait_delivered "$bundle"
done

# ---- a second weir-keep ----
said=$(in_receiver timeout 10 "$build/weir-keep" --config "$conf" 2>&1)
is "a second weir-keep is refused" "$?" 3
like "and says what to do" "$said" "in use by another weir-keep; stop that one first"

# ---- another name ----
cp "$(vault_file files-000001)" "$(dirname "$(vault_file files-000001)")/files-000003.weir"
for command in verify show; do
	said=$(inbox $command --config "$conf" files-000003 2>&1)
	is "$command refuses a bundle under another name" "$(($? != 0))" 1
	like "$command says that it was renamed" "$said" "bad-name"
done
said=$(inbox copy --config "$conf" files-000003 "$tmp/copy.weir" 2>&1)
is "copy refuses it" "$(($? != 0)) $(ls "$tmp/copy.weir" 2>/dev/null)" "1 "
said=$(open_bundle files-000003 -o "$tmp/out" 2>&1)
is "open refuses it" "$(($? != 0)) $(ls "$tmp/out" 2>/dev/null)" "1 "
rm "$(vault_file files-000003)"

# ---- a route that the registry does not name any more ----
registry_text 2 | sed '/^\[route files\]/,/^\[route three\]/{/^\[route three\]/!d}' >"$site/registry.2"
is "the new registry has no route 'files'" "$(grep -c '^\[route files\]' "$site/registry.2")" 0
registry_install 2 "$site/registry.2"
cp "$site/registry" "$site/registry.outside"
kill -HUP "$sender_pid" "$receiver_pid"
loaded() { [[ $(inbox gaps --json --config "$conf" | jq .registry_version) == "$1" ]]; }
ok "the receiver loads a registry without it" until_true 10 loaded 2
ok "that registry crosses, too" wait_delivered registry-000002
ok "what was delivered on it is not missing" until_true 10 inbox gaps --config "$conf"
receiver_down
receiver_up
ok "not after a restart either" until_true 10 inbox gaps --config "$conf"

# ---- a route that the registry here does not name yet ----
# The link swallows the registry that names it, registry-000003, in each of its passes.
registry_text 3 >"$site/registry.3"
cat >>"$site/registry.3" <<-END
	[route late]
	id = 9
	recipients = tax-agency
	operators = $people
	format = opaque
	records = waived
	destroy_after_days = 30
	priority = 4
END
registry_install 3 "$site/registry.3"
kill -HUP "$sender_pid"
push late "$tmp/one"
check $? "a bundle is pushed on a route that the receiver does not know" || note "$pushed"
waits() { inbox gaps --config "$conf" >"$tmp/gaps"; [[ $(cat "$tmp/gaps") == *"route9-000001"*waiting-for-registry* ]]; }
ok "gaps says that it waits for a registry, by the number of its route" until_true 20 waits || note "$(cat "$tmp/gaps")"
like "and that it is all here" "$(cat "$tmp/gaps")" "route9-000001 .* 0 B of 64.0 KiB missing"
cp "$site/registry" "$site/registry.outside"
kill -HUP "$receiver_pid"
ok "with the registry, put in place by hand, it is delivered" wait_delivered late-000001
# The registry of the sender may be sent only now.
lacks_it() { inbox gaps --config "$conf" >"$tmp/gaps"; [[ $(grep -oE '^[a-z]+-[0-9]{6}' "$tmp/gaps") == registry-000003 ]]; }
ok "nothing is missing but what the link swallowed" until_true 20 lacks_it || note "$(cat "$tmp/gaps")"
relay_stop
nothing_came_back
done_testing
