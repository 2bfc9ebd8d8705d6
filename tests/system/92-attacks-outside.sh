#!/usr/bin/env bash
# The table of attacks, outside: who holds the link, the receiving box, a recipient's keys, or keys of the sending
# box, tries what none of these is enough for; against the receiver's programs.
# shellcheck source=tests/lib/attacks.sh
. "$(dirname "$0")/../lib/attacks.sh"
seed_line
link_start 1500
attack_site
receiver_up
sender_up
ledger=$receiver/vault/ledger
vault() { inbox "$1" --config "$rconf" "${@:2}"; }
delivered() { push_as wang-mei plain "$good" >"$tmp/pushed" && bundle=$(grep -oE "\bplain-[0-9]{6}\b" "$tmp/pushed" | tail -n 1) && wait_delivered "$bundle" 10; }
delivered || note "$(cat "$tmp/pushed")"
first=$bundle
delivered
second=$bundle
vault copy "$first" "$tmp/first.weir" || give_up "there is no bundle to attack"
vault copy "$second" "$tmp/second.weir"

# ---- recipients ----
open_with() { # KEY PSK [BUNDLE]
	rm -rf "$tmp/opened"
	inbox open --config "$rconf" --key "$1" --psk "$2" "${3:-$first}" -o "$tmp/opened"
}
opened() { printf '.verb == "open" and .exit == 1 and .who.person == "%s"' "$1"; }
attempt "another recipient" "opens a bundle that is not theirs" "own key and pre-shared key" wrong-recipient command "$(opened health-office)" \
	open_with "$(k health-office)" "$keys/psk/health-office.key"
twin "its recipient opens it" open_with "$(k tax-agency)" "$keys/psk/tax-agency.key"
attempt "another recipient" "opens it with the pre-shared key of its recipient" "own key, a stolen pre-shared key" wrong-key command "$(opened health-office)" \
	open_with "$(k health-office)" "$keys/psk/tax-agency.key"
twin "its recipient opens it" open_with "$(k tax-agency)" "$keys/psk/tax-agency.key"
attempt "thief" "opens it with the key of its recipient" "a stolen key, another pre-shared key" wrong-key command "$(opened tax-agency)" \
	open_with "$(k tax-agency)" "$keys/psk/health-office.key"
twin "with both" open_with "$(k tax-agency)" "$keys/psk/tax-agency.key"
for pair in inside-1:tax-agency outside-1:tax-agency wang-mei:tax-agency tax-agency:link; do
	key=${pair%:*} psk=$keys/psk/${pair#*:}.key
	[[ -e $psk ]] || psk=$(k "${pair#*:}")
	attempt "holder of $key and ${pair#*:}" "opens it" "these keys" wrong-key command '.verb == "open" and .exit == 1' open_with "$(k "$key")" "$psk"
	twin "its recipient opens it" open_with "$(k tax-agency)" "$keys/psk/tax-agency.key"
done

# ---- root of the receiving box: the vault, the link secret, the box's key ----
file=$(vault_file "$first")
cp "$file" "$tmp/whole"
verified() { printf '.verb == "verify" and .exit != 0 and .about == "%s"' "$first"; }
with_file() { # COMMAND…: does it to the bundle in the vault; it is verified, and put back
	local status
	"$@" "$file"
	vault verify "$first"
	status=$?
	cp "$tmp/whole" "$file"
	return "$status"
}
length=$(($(stat -c %s "$tmp/whole") - $(stat -c %s "$site/registry")))
flip() { printf '\377' | dd of="$2" bs=1 seek="$1" conv=notrunc status=none; }
put_head() { dd if="$tmp/second.weir" of="$1" bs=16384 count=1 conv=notrunc status=none; }
put_registry() { truncate -s "$length" "$2" && cat "$1" >>"$2"; }
sed 's/^name = test$/name = lab/' "$site/registry" | sed '/^\[signatures\]/,$d' >"$tmp/thief/registry"
sign_by "$tmp/thief/registry" "$tmp/thief/root-1.key" "$tmp/thief/root-2.key"
result=damaged attempt "root of the receiving box" "changes a byte of a bundle" "access to the vault" bad-root command "$(verified)" with_file flip 40000
twin "as it was it verifies" vault verify "$first"
result=damaged attempt "root of the receiving box" "cuts a bundle off" "access to the vault" truncated command "$(verified)" with_file truncate -s 40000
twin "as it was it verifies" vault verify "$first"
result=damaged attempt "root of the receiving box" "appends a registry of their own" "own root keys" too-few-signatures command "$(verified)" with_file put_registry "$tmp/thief/registry"
twin "as it was it verifies" vault verify "$first"
result=damaged attempt "root of the receiving box" "puts the release of another bundle in front" "access to the vault" bad-name command "$(verified)" with_file put_head
twin "as it was it verifies" vault verify "$first"
result=damaged attempt "root of the receiving box" "gives another bundle its name" "access to the vault" bad-name command "$(verified)" with_file cp "$tmp/second.weir"
twin "as it was it verifies" vault verify "$first"
forge() { "$top/tests/lib/forge" "$@"; }
sign_release() { # BOX FILE
	forge release "$tmp/first.weir" "$2" --box "$1" --route-id 25 --number 1 --epoch "$(cat "$sender/spool/epoch")" --registry "$site/registry"
}
result=damaged attempt "root of the receiving box" "signs a release" "the receiving box's key" unknown-key command "$(verified)" with_file sign_release "$(k outside-1)"
twin "the sending box's key" with_file sign_release "$(k inside-1)"
result=damaged attempt "outsider" "signs a release" "a key of the sending box's name" unknown-key command "$(verified)" with_file sign_release "$tmp/thief/sender.key"
twin "the sending box's key" with_file sign_release "$(k inside-1)"
# On a recipient's own host there is no box that could hear of it.
host() { "$build/weir-inbox" verify --roots "$site/roots" "$1"; }
cp "$tmp/first.weir" "$tmp/edited.weir" && put_head "$tmp/edited.weir"
attempt "who carries a bundle" "puts the release of another in front" "a copy" bad-root - "no box is there" host "$tmp/edited.weir"
twin "as it was it verifies" host "$tmp/first.weir"
without_registry() { head -c "$length" "$tmp/first.weir" >"$tmp/edited.weir" && host "$tmp/edited.weir"; }
with_registry() { cp "$tmp/first.weir" "$tmp/edited.weir" && put_registry "$1" "$tmp/edited.weir" && host "$tmp/edited.weir"; }
attempt "who carries a bundle" "leaves its registry out" "a copy" too-few-signatures - "no box is there" without_registry
twin "as it was it verifies" host "$tmp/first.weir"
sed '/^\[signatures\]/,$d' "$site/registry" | sed 's/^version = 5$/version = 4/' >"$tmp/registry.4" && sign_by "$tmp/registry.4" root-a root-2
attempt "who carries a bundle" "puts an older registry behind it" "a copy, what the roots once signed" older-registry - "no box is there" \
	with_registry "$tmp/registry.4"
twin "as it was it verifies" host "$tmp/first.weir"
if ((EUID == 0)); then
	attempt "local user of the receiving box" "tells weir-keep of commands that nobody gave" "own access" 'Permission denied' - "the kernel keeps others from the socket" \
		as_nobody python3 -c "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])" "$runtime/receiver/control.sock"
	twin "weir-inbox tells of those that were" vault list
fi

# ---- receipts ----
elsewhere() { (cd "$tmp" && env -u WEIR_CONFIG WEIR_ROOTS="$site/roots" "$build/weir-inbox" "$@"); }
elsewhere open --key "$(k tax-agency)" --psk "$keys/psk/tax-agency.key" first.weir -o opened.elsewhere >/dev/null 2>&1
elsewhere open --key "$(k tax-agency)" --psk "$keys/psk/tax-agency.key" --receipt again.receipt first.weir -o opened.again >/dev/null 2>&1
bring() { vault receipt "$1"; }
sed 's/"bytes":[0-9]*/"bytes":0/' "$tmp/first.receipt" >"$tmp/less.receipt"
forge receipt "$tmp/first.receipt" "$tmp/other.receipt" --key "$(k health-office)"
forge receipt "$tmp/first.receipt" "$tmp/thief.receipt" --key "$tmp/thief/recipient.key"
forge receipt "$tmp/again.receipt" "$tmp/same.receipt" --key "$(k tax-agency)"
attempt "recipient" "says afterwards that less was opened" "a changed receipt" bad-signature command '.verb == "receipt"' bring "$tmp/less.receipt"
twin "as it was signed" bring "$tmp/first.receipt"
result=environment attempt "recipient" "has one opening counted twice" "own receipt, again" "already" command '.verb == "receipt"' bring "$tmp/first.receipt"
twin "another opening counts" bring "$tmp/same.receipt"
attempt "another recipient" "says that they have opened it" "own receipt key" wrong-recipient command '.verb == "receipt"' bring "$tmp/other.receipt"
elsewhere destroyed --key "$(k tax-agency)" first.weir >/dev/null 2>&1
twin "its recipient says that it is destroyed" bring "$tmp/first.destroyed.receipt"
attempt "outsider" "says that they have opened it" "a key that nobody knows" unknown-key command '.verb == "receipt"' bring "$tmp/thief.receipt"
elsewhere destroyed --key "$(k tax-agency)" --receipt twice.receipt first.weir >/dev/null 2>&1
twin "its recipient says again that it is destroyed" bring "$tmp/twice.receipt"

# ---- a weir-hold that was taken over: it has the box's key, and the spool ----
next=1
life=$(cat "$sender/spool/epoch")
# What the receiver has refused, from its vault; a life of the sender is an epoch.
verdict_of() {
	local id
	case $1 in guarded-*) id=20 ;; plain-*) id=25 ;; *) id=65535 ;; esac
	cat "$receiver/vault/refused/$life.$id.$((10#${1##*-}))" 2>/dev/null
}
settled() { is_delivered "$1" || [[ -n $(verdict_of "$1") ]]; }
place() { # PUSHID OPTION…: among what is ready to be sent, as $placed
	placed=$(printf 'guarded-%06d' $next)
	next=$((next + 1))
	forge release "$sender/spool/held/$1" "$sender/spool/ready/$placed" --box "$(k inside-1)" --route-id 20 --number $((next - 1)) \
		--epoch "$(cat "$sender/spool/epoch")" "${@:2}" && rm "$sender/spool/held/$1"
}
arrives() {
	until_true 20 settled "$1"
	echo "$1: $(verdict_of "$1")"
	is_delivered "$1"
}
# What is released without what it needs, each beside one that two officers have approved; all of them go out together.
forged=(
	"releases without approvals | the box's key | too-few-approvals"
	"releases with one of two | the box's key, one approval | too-few-approvals | lin-jun"
	"releases with the approval of a suspended officer | the box's key, a suspended officer's | suspended | lin-jun gone-key"
	"releases with the approval of an officer whose key has ended | the box's key, an expired key | expired | lin-jun old-key"
	"releases with the approval of another route's officer | the box's key, another officer's | not-allowed | lin-jun liu-an"
	"releases with the pusher's approval | the box's key, the operator's | not-allowed | lin-jun wang-mei"
	"signs in the officers' names | the box's key | bad-signature | lin-jun wu-ting | --signer $(k inside-1)"
	"releases with the approvals of another bundle | the box's key, old approvals | bad-signature | | --approvals-of $sender/spool/ready/guarded-000002"
)
ids=()
for _ in "${forged[@]}" "${forged[@]}"; do waiting guarded && ids+=("$push_id"); done
sender_down
bad=() honest=()
for row_of in "${forged[@]}"; do
	IFS='|' read -r _ _ _ officers options <<<"$row_of"
	approvals=()
	for name in $officers; do approvals+=(--approve "$(k "$name")"); done
	# shellcheck disable=SC2086 # words
	place "${ids[$((next - 1))]}" "${approvals[@]}" $options
	bad+=("$placed")
	place "${ids[$((next - 1))]}" --approve "$(k lin-jun)" --approve "$(k wu-ting)"
	honest+=("$placed")
done
started=$(newest)
sender_up
for i in "${!forged[@]}"; do
	IFS='|' read -r what with verdict _ <<<"${forged[i]}"
	since=$started attempt "weir-hold that was taken over" "${what% }" "$(sed "s|^ *||; s| *$||" <<<"$with")" "${verdict// /}" delivery.refused ".bundle == \"${bad[i]}\"" arrives "${bad[i]}"
	twin "two officers have approved" wait_delivered "${honest[i]}"
done

# ---- on the link, in the place of the sender ----
sender_down
sent_at=$EPOCHSECONDS
mkdir "$tmp/true" "$tmp/false" "$tmp/strange"
cp "$(k link)" "$tmp/true/link.key" && cp "$(k inside-1)" "$tmp/true/sender.key"
cp "$(k link)" "$tmp/false/link.key" && cp "$tmp/thief/sender.key" "$tmp/false/sender.key"
key_new link link-1 "$tmp/strange/link.key" --unprotected && cp "$(k inside-1)" "$tmp/strange/sender.key"
# Each of these is a life of its own of the sender: no message of another life counts that is not newer.
is_later() { ((EPOCHSECONDS > sent_at)); }
is_here() { compgen -G "$receiver/vault/bundles/$life/$1.weir" >/dev/null; }
is_settled() { is_here "$1" || [[ -n $(verdict_of "$1") ]]; }
# transmits KEYS NAME: with link secret and box key from a folder; 0 when it is delivered
transmits() {
	until_true 3 is_later
	in_sender "$top/tests/independent/weir.py" transmit "$1" "$tmp/$2.weir" --address "$listen_address" --port "$listen_port" || return 2
	sent_at=$EPOCHSECONDS
	until_true "${patience:-10}" is_settled "$2" || echo "$2: not heard"
	echo "$2: $(verdict_of "$2")"
	is_here "$2"
}
lives=0
upcoming() { printf '%s-%06d' "$1" $((lives + 1)); } # each has a number of its own
made() { # COMMAND ROUTE OPTION…
	made=$(upcoming "$2")
	lives=$((lives + 1))
	life=$(head -c 8 /dev/urandom | od -An -tx1 | tr -d ' \n')
	forge "$1" "$tmp/$made.weir" "${@:3}" --box "$(k inside-1)" --epoch "$life" --number "$lives"
}
# A bundle that is made and sent with the keys of an operator and of the box, for whom one likes.
seals_for() { # RECIPIENT-KEY PSK KEYS
	made seal plain "$good" --person "$(k wang-mei)" --route plain --route-id 25 --registry "$site/registry" \
		--for "$1" --psk "$2" && transmits "$3" "$made"
}
own=("$(k tax-agency)" "$keys/psk/tax-agency.key")
patience=1 result=ok attempt "outsider on the link" "sends a bundle" "the box's key, no link secret" "not heard" alarm '.id == "E2032"' seals_for "${own[@]}" "$tmp/strange"
twin "with the link secret and the box's key" seals_for "${own[@]}" "$tmp/true"
patience=1 result=ok attempt "who has the link secret" "sends a bundle" "a key of the box's name" "not heard" alarm '.id == "E2041" and (.text | contains("unknown-key"))' \
	seals_for "${own[@]}" "$tmp/false"
twin "with the box's key" seals_for "${own[@]}" "$tmp/true"
attempt "who has an operator's and the box's key" "seals a bundle to a thief" "both keys and the link secret" wrong-recipient delivery.refused ".bundle == \"$(upcoming plain)\"" \
	seals_for "$tmp/thief/recipient.key" "$tmp/thief/psk/thief.key" "$tmp/true"
twin "to the recipient of the route" seals_for "${own[@]}" "$tmp/true"
attempt "who has an operator's and the box's key" "seals a bundle to another recipient" "both keys and the link secret" wrong-recipient delivery.refused ".bundle == \"$(upcoming plain)\"" \
	seals_for "$(k health-office)" "$keys/psk/health-office.key" "$tmp/true"
twin "to the recipient of the route" seals_for "${own[@]}" "$tmp/true"
# What was recorded, of a life that has ended: the forged ones have ended it, so the box itself begins another.
in_sender "$build/weir-sender" epoch --yes --config "$sender/sender.conf" >"$tmp/epoch" 2>&1
check $? "the box begins a new epoch" || note "$(cat "$tmp/epoch")"
sender_up
delivered
check $? "and is believed" || note "$(cat "$tmp/pushed")"
sender_down
plays_again() {
	in_sender "$top/tests/independent/weir.py" transmit "$tmp/true" "$tmp/first.weir" --address "$listen_address" --port "$listen_port"
	sent_at=$EPOCHSECONDS
	return 1 # what comes of it is an alarm
}
result=ok attempt "who has recorded the link" "plays an old catalogue and its bundle again" "what the box once signed" "" alarm '.id == "E2041" and (.text | contains("bad-order"))' \
	plays_again
twin "a new one counts" seals_for "${own[@]}" "$tmp/true"
# Registries that cross.
crosses() { made crossing registry --registry "$1" && transmits "$tmp/true" "$made"; }
attempt "weir-hold that was taken over" "sends an older registry across" "the box's key" older-registry delivery.refused ".bundle == \"$(upcoming registry)\"" crosses "$tmp/registry.4"
text_of() { sed '/^\[signatures\]/,$d' "$site/registry" | sed "s/^version = 5$/version = $1/"; } # the policies have other versions
next_registry() { text_of "$1" >"$tmp/registry.$1" && sign_by "$tmp/registry.$1" root-a root-2; }
next_registry 6
twin "a newer one" crosses "$tmp/registry.6"
text_of 7 >"$tmp/registry.one" && sign_by "$tmp/registry.one" root-a
attempt "weir-hold that was taken over" "sends a registry across that one root of two has signed" "the box's key" too-few-signatures delivery.refused ".bundle == \"$(upcoming registry)\"" \
	crosses "$tmp/registry.one"
next_registry 7
twin "two roots have signed" crosses "$tmp/registry.7"
text_of 99 | sed 's/^name = test$/name = lab/' >"$tmp/registry.lab" && sign_by "$tmp/registry.lab" root-a root-2
attempt "weir-hold that was taken over" "sends the registry of another installation across" "the box's key" other-registry delivery.refused ".bundle == \"$(upcoming registry)\"" \
	crosses "$tmp/registry.lab"
next_registry 8
twin "one of this installation" crosses "$tmp/registry.8"

# ---- the receiving box's registry and ledger ----
in_use() { [[ -n $(entries | jq "select(.event == \"registry.loaded\" and .result == \"ok\" and .version == $1)") ]]; }
ok "the last of them is in use" until_true 10 in_use 8
loads() { # FILE: is put in place
	local from
	from=$(newest)
	cp "$1" "$site/registry.new" && mv "$site/registry.new" "$site/registry"
	kill -HUP "$(pid_of weir-keep)"
	heard() { loaded=$(entries | jq -r "select(.n > $from and .event == \"registry.loaded\").result" | head -n 1); [[ -n $loaded ]]; }
	until_true 10 heard
	echo "registry: $loaded"
	[[ $loaded == ok ]]
}
next_registry 9
attempt "installer of the receiving box" "has a registry loaded that one root of two has signed" "access to the file" too-few-signatures registry.loaded true loads "$tmp/registry.one"
twin "two roots have signed" loads "$tmp/registry.9"
next_registry 10
attempt "installer of the receiving box" "puts the registry of another installation in place" "access to the file" other-registry registry.loaded true loads "$tmp/registry.lab"
twin "one of this installation" loads "$tmp/registry.10"
verify() { "$build/weir-inbox" ledger verify --registry "$site/registry" --roots "$site/roots" "$@"; }
edited() {
	rm -rf "$tmp/ledger" && cp -r "$ledger" "$tmp/ledger" && sed -i '/"event":"delivered"/s/"plain"/"other"/; /"event":"delivered"/s/wang-mei/lee-hao/' "$tmp"/ledger/*.jsonl &&
		verify "$tmp/ledger"
}
attempt "root of the receiving box" "changes whose bundle was delivered" "access to the ledger" bad-chain - "whoever verifies it finds it" edited
twin "as it was written it is good" verify "$ledger"

# After all this the honest sender goes on.
sender_up
delivered
check $? "after all this a bundle is delivered" || note "$(cat "$tmp/pushed")"
attacks_done
nothing_came_back
done_testing
