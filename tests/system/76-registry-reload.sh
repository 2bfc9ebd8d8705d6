#!/usr/bin/env bash
# A registry that somebody puts in place is loaded by both boxes within seconds, with no signal and no push;
# one that is broken or older is told of once, and the one before stays in use; and keys are replaced while
# people push, with nothing lost.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
rate='40 Mbit/s'
link_start 1500
yesterday=$(date -u -d yesterday +%F)
site_make
# Each box has a file of its own, so that one can be ahead of the other.
mkdir "$site/outside"
cp "$site/registry" "$site/outside/registry"
sed -i "s|^registry = .*|registry = $site/outside/registry|" "$receiver/receiver.conf"
receiver_up
sender_up
conf=$sender/sender.conf
rconf=$receiver/receiver.conf
echo "one record" >"$tmp/one"

inside=$site/registry
outside=$site/outside/registry
# make VERSION [SED-EXPRESSION]: a signed registry, in $made.
make() {
	made=$site/registry.$1
	registry_text "$1" | sed -E "${2:-}" >"$made"
	"$build/weir-outbox" registry sign "$made" --key "$keys/root-1.key" >/dev/null || give_up "a registry cannot be signed"
}
# put FILE BOX…: whole, as an installer should, and without a signal.
put() {
	local file=$1 to
	shift
	for to in "$@"; do cp "$file" "$to.new" && mv "$to.new" "$to"; done
}
told() { grep -cE "$1" "$2"; }
is_told() { (($(told "$1" "$2") >= ${3:-1})); }
sender_loads() { is_told "E1012 registry: version $1 loaded" "$sender/log"; }
receiver_loads() { is_told "E2002 keep: registry version $1 is loaded" "$receiver/log"; }
both_load() { sender_loads "$1" && receiver_loads "$1"; }
# looks_pass N: so many heartbeats arrive, and weir-hold and weir-keep have looked as often.
beat_time() { jq -r .last_heartbeat "$receiver/vault/status.json"; }
looks_pass() {
	local from
	from=$(beat_time)
	past() { (($(beat_time) >= from + $1)); }
	until_true 20 past "$1" || give_up "there is no heartbeat"
}

# ---- a person is suspended ----
push files "$tmp/one"
check $? "a push is accepted" || note "$pushed"
ok "it is delivered" wait_delivered "$bundle"
make 2 "/^\[person wang-mei\]/a suspended = $yesterday"
put "$made" "$inside" "$outside"
started=$SECONDS
ok "both boxes load a registry that was put in place" until_true 10 both_load 2
note "after $((SECONDS - started)) s"
push files "$tmp/one"
is "a person who is suspended in it cannot push" "$?" 1
like "and is told why" "$pushed" "'wang-mei': .*\\[suspended\\]"
touch "$inside" "$outside"
looks_pass 4
is "the sender tells of a new version once" "$(told 'E1012' "$sender/log")" 1
is "the receiver tells of a new version once" "$(told 'E2002' "$receiver/log")" 1
is "nothing was wrong with it" "$(told 'E1013|E2003' "$sender/log") $(told 'E1013|E2003' "$receiver/log")" "0 0"

# ---- one that is broken, missing, older ----
person=lee-hao
push approved "$tmp/one"
check $? "a push that waits is accepted" || note "$pushed"
waiting=$push_id
make 3
sed -i 's/^quorum = 2/quorum = 1/' "$made" # after the roots have signed
put "$made" "$inside" "$outside"
ok "the sender tells of a registry that is not signed" until_true 10 is_told 'E1013 registry: .*bad-signature' "$sender/log"
ok "the receiver too" until_true 10 is_told 'E2003 keep: .*bad-signature' "$receiver/log"
looks_pass 4
is "the sender tells of it once" "$(told 'E1013' "$sender/log")" 1
is "the receiver tells of it once" "$(told 'E2003' "$receiver/log")" 1
push files "$tmp/one"
is "a push is refused, since weir-seal starts with what is there" "$?" 1
like "and names the file" "$pushed" "'[^ ]*registry[^ ]*'.*\\[bad-signature\\]"
ok "an officer approves meanwhile" as_officer wu-ting approve "$waiting"
is "the quorum of the registry in use counts" "$(shown "$waiting" '"\(.state) \(.approvals)/\(.quorum)"')" "waiting 1/2"
ok "a second officer approves" as_officer tsai-kai approve "$waiting"
ok "what they release crosses under the registry that both have in use" wait_delivered approved-000001
printf 'nonsense\n' >"$tmp/broken"
put "$tmp/broken" "$inside" "$outside"
ok "the sender tells of another broken file" until_true 10 is_told 'E1013' "$sender/log" 2
ok "the receiver too" until_true 10 is_told 'E2003' "$receiver/log" 2
rm "$inside" "$outside"
ok "the sender tells that there is none" until_true 10 is_told 'E1013 .*No such file' "$sender/log"
ok "the receiver too" until_true 10 is_told 'E2003 .*No such file' "$receiver/log"
put "$site/registry.2" "$inside" "$outside"
looks_pass 4
is "the one in use again is no news" "$(told 'E1012' "$sender/log") $(told 'E2002' "$receiver/log")" "1 1"
is "each was told of once" "$(told 'E1013' "$sender/log") $(told 'E2003' "$receiver/log")" "3 3"
push files "$tmp/one"
check $? "with it back a push is accepted" || note "$pushed"
ok "and delivered" wait_delivered "$bundle"

make 1
put "$made" "$inside" "$outside"
ok "the sender tells of an older one" until_true 10 is_told 'E1013 registry: .*older-registry' "$sender/log"
ok "the receiver too" until_true 10 is_told 'E2003 keep: .*older-registry' "$receiver/log"
looks_pass 4
is "once each" "$(told 'older-registry' "$sender/log") $(told 'older-registry' "$receiver/log")" "1 1"
is "and goes on with the newer one" "$(jq .registry_version "$receiver/vault/status.json")" 2
push files "$tmp/one"
is "what is sealed under an older one is refused" "$?" 1
like "and it is said why" "$pushed" '\[older-registry\]'
make 4
put "$made" "$inside" "$outside"
ok "both load the next one" until_true 10 both_load 4

# ---- the receiver's registry suspends the key of the sending box ----
make 5 "/^\[sender inside-1\]/a suspended = $yesterday"
put "$made" "$outside"
refuses() { is_told 'E2041 keep: what the sender sends is refused: .*\[suspended\]' "$receiver/log"; }
ok "the receiver refuses a sender whose key is suspended" until_true 15 refuses
person=wang-mei
push files "$tmp/one"
check $? "the sender, whose registry does not say so, accepts a push" || note "$pushed"
unheard=$bundle
# gap FILTER: of what gaps says, whose exit code tells that something is missing.
gap() { inbox gaps --json --config "$rconf" 2>"$tmp/gaps.err" >"$tmp/gaps"; jq -r "$1" "$tmp/gaps"; }
silent() { [[ $(gap .sender_silent) == true ]]; }
ok "gaps says that the sender is not heard" until_true 20 silent
is "nothing of it is taken" "$(vault_file "$unheard")" ""
make 6
put "$made" "$outside" "$inside"
ok "with a registry in which it counts, what was sent meanwhile is known" until_true 10 both_load 6
knows() { is_delivered "$unheard" || gap '.missing[].name' | grep -qx "$unheard"; }
ok "and is here, or named as missing" until_true 20 knows

# ---- keys are replaced while people push ----
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
goes_on() { until_true 20 more_come $(($(accepted) + 20)); }
# Pushes are refused or fail for a moment; which ones does not matter, but none that was accepted is lost.
: >"$tmp/accepted"
for name in wang-mei chen-yi; do
	pusher "$name" &
	pushers+=($!)
done
ok "two people push" goes_on
# A person: a new key of the same name.
key_new person wang-mei "$tmp/wang-mei.key" --unprotected
mv "$keys/wang-mei.key" "$tmp/wang-mei.old"
mv "$tmp/wang-mei.key" "$keys/wang-mei.key"
make 7
put "$made" "$inside" "$outside"
ok "both load a registry with a person's new key" until_true 10 both_load 7
ok "pushes go on" goes_on
refused "the person's old key" 1 'unknown-key' \
	outbox push --config "$conf" --key "$tmp/wang-mei.old" --route files "$tmp/one"
person=wang-mei
push files "$tmp/one"
check $? "the person's new key counts" || note "$pushed"
echo "$bundle" >>"$tmp/accepted"
# The box: a new key under a new name, beside the old one, until what that has signed is delivered.
key_new sender inside-2 "$keys/inside-2.key" --unprotected
boxes="inside-1 outside-1 inside-2"
make 8
put "$made" "$outside" "$inside"
ok "both load a registry with both keys of the box" until_true 10 both_load 8
sed -i "s|^box = .*|box = $keys/inside-2.key|" "$conf"
sender_down
sender_up
ok "pushes go on under the new key of the box" goes_on
signed_by() { inbox show --json --config "$rconf" "$1" | jq -r .box; }
last=$(tail -n 1 "$tmp/accepted")
ok "the last one is delivered" wait_delivered "$last"
is "and is released by the new key" "$(signed_by "$last")" inside-2
boxes="outside-1 inside-2"
make 9
put "$made" "$inside" "$outside"
ok "both load a registry without the old key of the box" until_true 10 both_load 9
ok "pushes go on without it" goes_on
touch "$tmp/enough"
wait "${pushers[@]}"
note "$(accepted) pushes were accepted, $(wc -l <"$tmp/not") were not"

# Whatever was accepted is in the vault, or gaps names it.
named() { gap '.missing[].name'; }
# The catalogue that is stored may be signed by the old key, until all pages have come that the new one signs.
is_readable() { gap . >/dev/null && [[ -s $tmp/gaps ]]; }
lost() {
	local name
	named >"$tmp/named"
	while read -r name; do
		is_delivered "$name" || grep -qx "$name" "$tmp/named" || echo "$name"
	done <"$tmp/accepted"
}
last=$(tail -n 1 "$tmp/accepted")
ok "the last push is delivered" wait_delivered "$last"
started=$SECONDS
ok "the catalogue can be read" until_true 60 is_readable || note "$(cat "$tmp/gaps.err")"
note "after $((SECONDS - started)) s"
none_lost() { [[ -z $(lost) ]]; }
ok "every push that was accepted is delivered or named" until_true 20 none_lost || note "$(lost)"
is "no number was given twice" "$(sort "$tmp/accepted" | uniq -d)" ""
is "none of them is missing" "$(named)" ""
note "delivered: $(find "$receiver/vault/bundles" -name '*.weir' | wc -l); named: $(named | xargs)"
ok "what was delivered under old keys still verifies" inbox verify --config "$rconf"

# What is on the link while its pusher's key is replaced is refused, and named, so that it is pushed again.
kill -STOP "$(pid_of weir-emit)"
push files "$tmp/one"
check $? "a push is accepted while the link stands still" || note "$pushed"
late=$bundle
key_new person wang-mei "$tmp/wang-mei.key" --unprotected
mv "$tmp/wang-mei.key" "$keys/wang-mei.key"
make 10
put "$made" "$inside" "$outside"
ok "both load a registry in which its pusher has another key" until_true 10 both_load 10
kill -CONT "$(pid_of weir-emit)"
is_refused() { gap '.missing[] | "\(.name) \(.state) \(.verdict)"' | grep -qx "$late refused unknown-key"; }
ok "it is named as refused, with the reason" until_true 20 is_refused || note "$(inbox gaps --config "$rconf")"
push files "$tmp/one"
check $? "it is pushed again with the new key" || note "$pushed"
ok "and delivered" wait_delivered "$bundle"
nothing_came_back
done_testing
