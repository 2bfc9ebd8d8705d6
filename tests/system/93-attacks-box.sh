#!/usr/bin/env bash
# The table of attacks, at what the sending box believes: registries that it must not load, people who may no more,
# and its ledger in the hands of somebody who may write there.
# shellcheck source=tests/lib/attacks.sh
. "$(dirname "$0")/../lib/attacks.sh"
seed_line
link_start 1500
attack_site
receiver_up
sender_up

# ---- registries ----
version=5 first_version=5
# made SED-EXPRESSION: the text of the next registry, changed, in $made
made=$site/registry.made
registry_text $version >"$tmp/text"
text() { sed -E "s/^version = $first_version\$/version = ${2:-$((version + 1))}/; $1" "$tmp/text" >"$made"; }
# installs: $made is put in place; whether weir-hold loads it is its entry, and what this says.
installs() {
	local from
	from=$(newest)
	mv "$made" "$site/registry"
	kill -HUP "$(pid_of weir-hold)" # it would find it by itself, two seconds later
	heard() { loaded=$(entries | jq -r "select(.n > $from and .event == \"registry.loaded\").result" | head -n 1); [[ -n $loaded ]]; }
	until_true 10 heard
	echo "registry: $loaded"
	[[ $loaded == ok ]]
}
# The one in use, in its place again; the next one is the twin of the row.
cp "$site/registry" "$tmp/in-use"
good_one() {
	text "${1:-}"
	sign_by "$made" root-a root-2 && cp "$made" "$tmp/in-use" && installs && version=$((version + 1))
}
# signs FILE KEY…: any text, also one that 'registry sign' would not take
signs() {
	python3 -S - "$top/tests/independent" "$@" <<-'END'
		import sys
		sys.dont_write_bytecode = True
		sys.path.insert(0, sys.argv[1])
		import registry
		text = open(sys.argv[2], "rb").read()
		keys = [registry.load_key(path) for path in sys.argv[3:]]
		open(sys.argv[2], "wb").write(registry.sign(text, keys))
	END
}
text ''
sign_by "$made" root-a
attempt "one root of two" "has a registry loaded" "own key, one signature" too-few-signatures registry.loaded ".version == $version" installs
twin "two roots sign" good_one
text ''
sign_by "$made" root-a
sed -i 's/^root-1 = \(.*\)/&\nroot-2 = \1/' "$made"
attempt "one root of two" "signs as another root, too" "own signature under two names" too-few-signatures registry.loaded true installs
twin "two roots sign" good_one
text ''
sign_by "$made" root-a
sed -i 's/^root-1 = .*/&\n&/' "$made"
attempt "one root of two" "signs twice" "own signature, twice" bad-registry registry.loaded true installs
twin "two roots sign" good_one
text ''
sign_by "$made" "$tmp/thief/root-1.key" "$tmp/thief/root-2.key"
attempt "outsider" "has a registry loaded" "keys with the names of roots" too-few-signatures registry.loaded true installs
twin "the roots sign" good_one
text ''
sign_by "$made" root-a "$keys/root-2.key"
sed -i 's/^quorum = 2/quorum = 1/' "$made"
attempt "installer" "lowers a quorum in a registry that is signed" "access to the file" bad-signature registry.loaded true installs
twin "the roots sign it" good_one
text '' 4
sign_by "$made" root-a root-2
attempt "installer" "puts an older registry in place" "what the roots once signed" older-registry registry.loaded true installs
twin "a newer one" good_one
text 's/^name = test$/name = lab/' 99
sign_by "$made" root-a root-2
attempt "installer" "puts the registry of another installation in place" "what the same roots signed" other-registry registry.loaded true installs
twin "one of this installation" good_one
text "/^\\[person chen-yi\\]/i [person chen-too]\\n$(key_public "$keys/lee-hao.key" | sed 's/^/public = /')\\nroles = operator officer"
signs "$made" "$keys/root-a.key" "$keys/root-2.key"
attempt "careless roots" "name one key twice, under two names" "their signatures" bad-registry registry.loaded true installs
twin "each key once" good_one
good_one_and_a_push() { good_one && push_as wang-mei plain "$good"; }
# While something else lies there, weir-seal goes by what lies there.
text ''
sign_by "$made" root-a
installs >/dev/null
attempt "operator" "pushes while a registry lies there that is not signed" "own key" too-few-signatures push.refused '.who.uid == 0 and .proven == false' \
	push_as wang-mei plain "$good"
twin "when a good one is there" good_one_and_a_push
# The same version, other rules: what weir-seal finds must be what weir-hold has in use, to the byte.
text 's/^columns = id name/columns = id name income/' "$version"
sign_by "$made" root-a root-2
mkdir "$tmp/lax" && cp "$made" "$tmp/lax/registry"
attempt "weir-seal that was taken over" "goes by another registry of the same version" "what the roots once signed" other-registry push.refused "$(by wang-mei)" \
	smuggle push guarded "$good" registry="$tmp/lax/registry" psks="$keys/psk" key="$(k wang-mei)"
twin "by the one in use" smuggle push guarded "$good" registry="$site/registry" psks="$keys/psk" key="$(k wang-mei)"
cp "$site/roots" "$tmp/lax/roots" && chmod 666 "$tmp/lax/roots"
attempt "local user" "names other roots" "a roots file that others may write" loose-permissions - "no box starts with it" \
	"$build/weir-outbox" registry check "$site/registry" --roots "$tmp/lax/roots"
twin "a roots file that nobody else may write" "$build/weir-outbox" registry check "$site/registry" --roots "$site/roots"

# ---- people who may no more ----
waiting guarded && a=$push_id
waiting guarded && b=$push_id
as_officer lin-jun approve "$a" >/dev/null
as_officer lin-jun approve "$b" >/dev/null
good_one "/^\\[person lin-jun\\]/a suspended = $yesterday" >/dev/null
attempt "suspended officer" "approves" "own key" suspended approve "$(by lin-jun)" decide approve "$a" key="$(k lin-jun)"
twin "an officer in force" as_officer tsai-kai approve "$b"
waits "suspended officer and another" "have it released" "an approval of before the suspension" "waiting 1/2" approve "$(by wu-ting)" "$a" as_officer wu-ting approve "$a"
twin "two officers in force" as_officer wu-ting approve "$b"
is "which are enough" "$(shown "$b" .name)" guarded-000001
as_officer tsai-kai approve "$a" >/dev/null
good_one >/dev/null
waiting guarded && a=$push_id
good_one "/^\\[recipient tax-agency\\]/a suspended = $yesterday" >/dev/null
attempt "operator" "pushes to a recipient who was suspended" "own key" suspended push.refused "$(by wang-mei) and .about == \"tax-agency\"" push_as wang-mei plain "$good"
twin "to one in force" good_one_and_a_push
# A recipient, or who pushed it, is suspended while it waits.
held() { # SED-EXPRESSION ID
	good_one "$1" && as_officer lin-jun approve "$2" && as_officer wu-ting approve "$2" && [[ $(shown "$2" .name) != null ]]
}
goes() { good_one >/dev/null && until_true 5 eval "[[ \$(shown $1 .name) != null ]]"; }
waits_again() { [[ $(shown "$1" .state) == waiting ]]; } # it is judged again within a second
until_true 5 waits_again "$a"
attempt "two officers" "release what is sealed to a recipient who was suspended" "own keys" suspended held ".push_id == \"$a\"" \
	held "/^\\[recipient tax-agency\\]/a suspended = $yesterday" "$a"
twin "when the recipient is in force again" goes "$a"
person=lee-hao push guarded "$good"
a=$push_id
attempt "two officers" "release what a suspended operator has pushed" "own keys" suspended held ".push_id == \"$a\"" \
	held "/^\\[person lee-hao\\]/a suspended = $yesterday" "$a"
twin "when the operator is in force again" goes "$a"

# ---- the ledger ----
verify() { "$build/weir-outbox" ledger verify --registry "$site/registry" --roots "$site/roots" "$@"; }
own=$ledger witness=$receiver/vault/ledger
found="whoever verifies it finds it"
cp -r "$own" "$tmp/older"
push_as wang-mei plain "$good" >/dev/null
receiver_down # which writes down what it has heard
# tampered COMMAND…: does it to a copy, whose file is the last argument; then the copy is verified, with a witness
tampered() {
	rm -rf "$tmp/ledger"
	cp -r "$own" "$tmp/ledger"
	"$@" "$tmp"/ledger/*.jsonl && verify --witness "$witness" "$tmp/ledger"
}
line=$(entries | jq -r 'select(.event == "push.refused").n' | head -n 1)
cut_off() { head -n -12 "$1" >"$1.new" && mv "$1.new" "$1"; }
attempt "root of the sending box" "changes who was refused" "access to the ledger" bad-chain - "$found" tampered sed -i "${line}s/\"uid\":0/\"uid\":7/"
twin "as it was written it is good" verify --witness "$witness" "$own"
attempt "root of the sending box" "takes a refused push out" "access to the ledger" missing-entries - "$found" tampered sed -i "${line}d"
twin "as it was written it is good" verify --witness "$witness" "$own"
attempt "root of the sending box" "changes the order of entries" "access to the ledger" missing-entries - "$found" tampered sed -i "${line}{h;d};$((line + 1)){G}"
twin "as it was written it is good" verify --witness "$witness" "$own"
attempt "root of the sending box" "cuts the end off" "access to the ledger" missing-entries - "the other box has heard more of it" tampered cut_off
twin "as it was written it is good" verify --witness "$witness" "$own"
forge() {
	rm -rf "$tmp/ledger"
	"$build/tests/lib/ledger" "$tmp/ledger" "$tmp/thief/sender.key" 100 >/dev/null && verify "$tmp/ledger"
}
attempt "outsider" "writes a ledger of the box anew" "a key of the box's name" unknown-key - "$found" forge
twin "that of the box's key is good" verify "$own"
swapped() {
	mv "$own" "$tmp/own" && cp -r "$witness" "$own"
	"$build/weir-outbox" ledger verify --config "$conf"
	local status=$?
	rm -r "$own" && mv "$tmp/own" "$own"
	return "$status"
}
sender_down
attempt "root of the sending box" "gives the other box's ledger for its own" "access to both" unknown-key - "$found" swapped
twin "its own is good" "$build/weir-outbox" ledger verify --config "$conf"
damaged() {
	cp -r "$own" "$tmp/own" && sed -i '$s/.$/,/' "$own"/*.jsonl
	local status=0
	sender_fails bad-chain && status=1
	rm -r "$own" && mv "$tmp/own" "$own"
	return "$status"
}
attempt "root of the sending box" "changes the newest entry while nothing runs" "access to the ledger" bad-chain - "weir-hold does not start with it" damaged
twin "with it as it was it starts" sender_up
receiver_up
# Put back whole, with all its checkpoints, it is good by itself.  The other box knows better: it has heard of more
# than a start writes.
for ((i = 0; i < 60; i++)); do outbox list "${config[@]}" >/dev/null; done
now=$(newest)
heard_of() {
	receiver_down && receiver_up # a stop writes down what was heard
	[[ $(jq -r 'select(.event == "witness") | .head' "$witness"/*.jsonl | tail -n 1) -ge $now ]]
}
until_true 20 heard_of
check $? "the other box hears of it"
put_back() {
	sender_down
	cp -r "$own" "$tmp/true" && rm "$own"/* && cp "$tmp"/older/* "$own/"
	sender_forgets # root can have that, too
	sender_up
	verify "$own" >/dev/null && echo "by itself it is good"
	alarm() { find_entry alarm ok '.id == "E2045"'; }
	until_true 20 alarm
	verify --witness "$witness" "$own"
}
cp -r "$witness" "$tmp/heard"
ledger=$witness
result=ok attempt "root of the sending box" "puts back the ledger of an hour ago" "an older copy, with its checkpoints" missing-entries alarm '.id == "E2045"' put_back
like "nobody sees that in the ledger alone" "$said" "by itself it is good"
twin "what was there before is what the other box had heard" verify --witness "$tmp/heard" "$tmp/true"
ledger=$own

# Nothing is accepted that cannot be written down.
if ((EUID == 0)); then
	sender_down
	rm -r "$own" && mkdir "$own"
	sender_forgets
	mount -t tmpfs -o size=1120k,mode=750 ledger "$own" || give_up "a small disk cannot be mounted"
	on_exit "umount -l $own"
	sender_up
	dd if=/dev/zero of="$own/filling" bs=4096 2>/dev/null
	is_low() { kill -HUP "$(pid_of weir-hold)"; ! push_as wang-mei plain "$good" >"$tmp/low" 2>&1; }
	until_true 30 is_low
	check $? "the disk of the ledger fills up" || note "$(tail -n 3 "$sender/log")"
	attempt "root of the sending box" "has a push leave unseen" "a full disk for the ledger" spool-full push.refused "$(by wang-mei)" push_as wang-mei plain "$good"
	rm "$own/filling"
	again() { push_as wang-mei plain "$good"; }
	twin "when it can be written again" until_true 10 again
else
	skip "nothing leaves unseen" "a disk of its own needs root"
fi

attacks_done
nothing_came_back
done_testing
