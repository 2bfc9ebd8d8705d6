#!/usr/bin/env bash
# A registry crosses the link by itself: nobody touches the receiver, and it has new routes, new people and
# suspensions within a minute; one that is older, or that the roots have not signed, changes nothing there.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
rate='40 Mbit/s'
link_start 1500
yesterday=$(date -u -d yesterday +%F)
people="$people hsieh-new" # who has a key from the start
site_make
# Nobody touches the receiver's own file again.
mkdir "$site/outside"
cp "$site/registry" "$site/outside/registry"
sed -i "s|^registry = .*|registry = $site/outside/registry|" "$receiver/receiver.conf"
conf=$sender/sender.conf
rconf=$receiver/receiver.conf
receiver_up
sender_up
echo "one record" >"$tmp/one"

# make VERSION [SED-EXPRESSION]: a signed registry with a route more, in $made.
make() {
	made=$site/registry.$1
	{
		registry_text "$1"
		printf '[route late]\nid = 9\nrecipients = tax-agency\noperators = hsieh-new\nformat = opaque\n'
		printf 'records = waived\ndestroy_after_days = 30\npriority = 4\n'
	} | sed -E "${2:-}" >"$made"
	"$build/weir-outbox" registry sign "$made" --key "$keys/root-1.key" >/dev/null || give_up "a registry cannot be signed"
}
put() { cp "$1" "$2.new" && mv "$2.new" "$2"; }
in_use() { jq -r .registry_version "$receiver/vault/status.json"; }
uses() { [[ $(in_use) == "$1" ]]; }
file_version() { sed -n 's/^version = //p' "$1"; }

# ---- the first one ----
ok "the registry of the start crosses" wait_delivered registry-000001
ok "it is the one in use, so nothing else comes of it" test ! -e "$receiver/vault/registry"

# ---- a new operator and a new route ----
make 2
put "$made" "$site/registry"
loads() { grep -q "E1012 registry: version $1 loaded" "$sender/log"; }
ok "the sender loads a registry that was put in place" until_true 10 loads 2
person=hsieh-new push late "$tmp/one"
check $? "a push by a new operator on a new route is accepted" || note "$pushed"
ok "it is delivered with nobody touching the receiver" wait_delivered "$bundle"
ok "the receiver uses the new registry" until_true 5 uses 2
ok "the bundle that brought it is in the vault" wait_delivered registry-000002
ok "it is the same text" cmp "$made" "$receiver/vault/registry"
is "the receiver's own file is as it was" "$(file_version "$site/outside/registry")" 1
ok "there are no gaps" no_gaps
one_left() { [[ $(outbox list --json --config "$conf" | jq -r '.[] | select(.route == "registry").name') == registry-000002 ]]; }
ok "of the two the sender keeps the newer" until_true 20 one_left || note "$(outbox list --config "$conf")"

# ---- what people see of it ----
shows() { inbox "$@" --config "$rconf"; }
like "list knows it" "$(shows list | grep registry-000002)" "registry-000002 +registry +inside-1 .*registry version 2"
is "also as JSON" "$(shows list --json | jq -r '.[] | select(.name == "registry-000002") | "\(.kind) \(.carries_version)"')" "registry 2"
like "show tells what it is" "$(shows show registry-000002)" "kind +registry"
is "and its version" "$(shows show --json registry-000002 | jq -r '"\(.kind) \(.carries_version) \(.verified)"')" "registry 2 true"
like "verify takes it" "$(shows verify registry-000002)" "registry-000002: good"
ok "so does copy, and the copy is good without the box" shows copy registry-000002 "$tmp/copy.weir"
ok "for anybody who has the roots" "$build/weir-inbox" verify --roots "$site/roots" "$tmp/copy.weir"
refused "it is for nobody to open" 1 "registry-000002.*registry.*\\[wrong-recipient\\]" \
	open_bundle registry-000002 -o "$tmp/opened"
is "nothing is left of that" "$(ls "$tmp/opened" 2>/dev/null)" ""

# ---- a suspension, in a registry that ends tomorrow ----
make 3 "/^\[person hsieh-new\]/a suspended = $yesterday
s/^expires = .*/expires = $(date -u -d tomorrow +%F)/"
started=$SECONDS
put "$made" "$site/registry"
ok "a suspension crosses" until_true 60 uses 3
note "after $((SECONDS - started)) s"
person=hsieh-new push late "$tmp/one"
is "who is suspended in it pushes no more" "$?" 1
warns() { grep -q "$1 .*registry 'test' expires at .*, within 1 day; have the registry renewed" "$2"; }
ok "the sender warns of its end" until_true 70 warns E1034 "$sender/log"
ok "the receiver too" until_true 10 warns E2006 "$receiver/log"
like "check prints it on the sender" "$(in_sender "$build/weir-sender" check --config "$conf")" "amber registry-expiry +registry 'test' expires at"
like "and on the receiver" "$(in_receiver "$build/weir-receiver" check --config "$rconf")" "amber registry-expiry +registry 'test' expires at"
like "as an alarm it stands in the ledger" "$(outbox ledger show --config "$conf" --event alarm)" "E1034"
is_entered() { inbox ledger show --config "$rconf" --event alarm >"$tmp/alarms"; grep -q E2006 "$tmp/alarms"; }
ok "and in that of the receiver" until_true 10 is_entered || note "$(cat "$tmp/alarms")"

# ---- a restart, an older one ----
receiver_down
receiver_up
is "after a restart of the receiver it is in use still" "$(in_use)" 3
make 4
put "$made" "$site/outside/registry"
ok "one that is put in place by hand and is newer is used" until_true 20 uses 4
sender_down
sender_anew
sender_up
# gap FILTER: of what gaps says, whose exit code tells that something is missing.
gap() { inbox gaps --json --config "$rconf" >"$tmp/gaps"; jq -r "$1" "$tmp/gaps"; }
refused_older() { gap '.missing[] | "\(.name) \(.verdict)"' | grep -qx 'registry-000001 older-registry'; }
ok "the older one of a sender that begins anew is refused" until_true 30 refused_older || note "$(shows gaps)"
is "and changes nothing" "$(in_use) $(file_version "$receiver/vault/registry")" "4 3"
put "$made" "$site/registry"
ok "when the sender has the same, nothing is missing" until_true 40 no_gaps || note "$(shows gaps)"
push files "$tmp/one"
check $? "pushes go on" || note "$pushed"
ok "and are delivered" wait_delivered "$bundle"

# ---- one that is not signed by the receiver's roots ----
key_new root root-2 "$keys/root-2.key"
cp "$site/roots" "$site/outside/roots"
sed -i "s|^roots = .*|roots = $site/outside/roots|" "$rconf"
receiver_down
receiver_up
make 5
{ key_card "$keys/root-2.key"; printf '[roots]\nquorum = 1\n'; } >"$site/roots"
sed -i '/^\[signatures\]/,$d' "$made"
"$build/weir-outbox" registry sign "$made" --key "$keys/root-2.key" >/dev/null
sender_down
put "$made" "$site/registry"
sender_up
strange() { gap '.missing[].verdict' | grep -qx too-few-signatures; }
ok "one that other roots have signed is refused" until_true 30 strange || note "$(shows gaps)"
is "and changes nothing either" "$(in_use) $(file_version "$receiver/vault/registry")" "4 3"
nothing_came_back
done_testing
