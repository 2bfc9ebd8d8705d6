#!/usr/bin/env bash
# Every file that a box or a person's program believes is refused when its mode or owner, or those of what holds it, let
# somebody else read a secret or change anything else (CF3; the list is in common/SECURITY.md 4).  Prints the table: file
# by mutant, each beside its twin, the file as it should be, which is accepted.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
if ((EUID != 0)); then
	skip "files of other users are refused" "it needs root to make them"
	done_testing
fi
LOOPBACK=yes # nothing here is about the link
receiver_lines='ring_mib = 16' # what each start of a receiver takes and clears
link_start 1500
somebody=65534
site_make
key_new machine nightly "$keys/nightly.key" --unprotected
registry_text 1 >"$site/registry.new"
key_card "$keys/nightly.key" >>"$site/registry.new"
registry_install 1 "$site/registry.new"
conf=$sender/sender.conf rconf=$receiver/receiver.conf
out=$build/weir-outbox in=$build/weir-inbox

# ---- the table ----

secret="group-readable world-readable group-writable world-writable owned-by-another symlink hard-link"
configured="group-writable world-writable owned-by-another symlink hard-link"
around="second-name folder-group-writable folder-world-writable folder-of-another folder-above"
directory="itself-group-writable itself-world-writable itself-sticky itself-of-another"

# mutate MUTANT FILE MODE: and back again, with the mode it had.  MODE is what loosens this kind of file.
mutate() {
	local folder=${2%/*}
	case $1 in
	group-readable) chmod g+r "$2" ;;
	world-readable) chmod o+r "$2" ;;
	group-writable) chmod g+w "$2" ;;
	world-writable) chmod o+w "$2" ;;
	owned-by-another) chown $somebody "$2" ;;
	symlink) mkdir "$tmp/there" && mv "$2" "$tmp/there/" && ln -s "$tmp/there/${2##*/}" "$2" && chmod "$3" "$2" ;;
	hard-link) ln "$2" "$tmp/second" && chmod "$3" "$tmp/second" ;;
	second-name) ln "$2" "$tmp/second" && chmod 1777 "$folder" ;;
	folder-group-writable) chmod g+w "$folder" ;;
	folder-world-writable) chmod o+w "$folder" ;;
	folder-of-another) chown $somebody "$folder" ;;
	folder-above) chmod o+w "${folder%/*}" ;;
	itself-group-writable) chmod g+w "$2" ;;
	itself-world-writable) chmod o+w "$2" ;;
	itself-sticky) chmod 1777 "$2" ;;
	itself-of-another) chown $somebody "$2" ;;
	above-world-writable) chmod o+w "$folder" ;;
	esac
}
unmute() {
	local folder=${2%/*}
	[[ $1 != symlink ]] || { mv "$tmp/there/${2##*/}" "$2" && rmdir "$tmp/there"; }
	[[ ! -e $tmp/second ]] || rm "$tmp/second"
	[[ $1 != *another ]] || chown 0 "$2" "$folder"
	chmod "$3" "$2"
	[[ $1 == *able && $1 != folder* && $1 != above* ]] || chmod "$4" "$folder"
	[[ $1 != folder-above ]] || chmod "$5" "${folder%/*}"
}

# try COMMAND…: what is said in $said, how it ends in $status, how long it took in $took_ms.
try() {
	local began=${EPOCHREALTIME/./}
	said=$("$@" 2>&1 </dev/null)
	status=$?
	took_ms=$(((${EPOCHREALTIME/./} - began) / 1000))
}

# A refusal: with exit code 1 and a verdict; it names the file, or the directory, and what to type.
is_refused() { # FILE
	((status == 1 && took_ms < 5000)) && [[ $said =~ \[loose-(permissions|directory)\] ]] &&
		[[ $said == *"${1##*/}"* && $said == *chown* && $said == *chmod* ]]
}

rows=0
# row PROGRAM FILE MUTANTS TWIN COMMAND…: each mutant is refused.  TWIN is a regular expression over "STATUS WHAT-IS-SAID" of
# the command when nothing is loose.
row() {
	local program=$1 file=$2 mutants=$3 wanted=$4 mutant modes loosen=go+w bad=''
	shift 4
	modes=("$(stat -c %a "$file")" "$(stat -c %a "${file%/*}")" "$(stat -c %a "$(dirname "${file%/*}")")")
	[[ $mutants != *readable* ]] || loosen=g+r
	try "$@"
	[[ "$status $said" =~ $wanted && $said != *'[loose-'* ]]
	check $? "$program accepts ${file##*/} as it should be" || note "ended with $status: $said"
	for mutant in $mutants; do
		mutate "$mutant" "$file" $loosen
		try "$@"
		unmute "$mutant" "$file" "${modes[@]}"
		((++rows))
		[[ $said =~ \[(loose-[a-z]+)\] ]]
		note "$(printf '%-22s %-18s %-22s %d %-18s %5d ms' "$program" "${file##*/}" "$mutant" "$status" "${BASH_REMATCH[1]:--}" "$took_ms")"
		is_refused "$file" && continue
		bad+=" $mutant"
		note "$said"
	done
	is "and refuses it when it is loose" "$bad" ""
}
row_secret() { row "$1" "$2" "$secret $around" "${@:3}"; }
row_file() { row "$1" "$2" "$configured $around" "${@:3}"; }
# Where a whole box is started for each mutant, or the rule is in use in another row: one of each kind.
row_few() { row "$1" "$2" "group-writable owned-by-another symlink folder-world-writable" "${@:3}"; }
row_few_secret() { row "$1" "$2" "group-readable owned-by-another symlink folder-world-writable" "${@:3}"; }

# ---- nothing else ----

# Where a path is opened but by trusted_read: what a person sends, opens or imports (source, inbox_subject, inbox_receipt), what
# the kernel or networkd says (lldp, swapless, partial, ringroom, nic, machine, nvmehealth), what is set of it (remedy), what setup shows and replaces
# (siteplan), the terminal and /dev/null, a lock (transmitter).
opened() { grep -lE '(^|[^_a-z>.])f?open\([^)]*,|io_read_file\(AT_FDCWD' "$@" | xargs -n 1 basename -s .c | sort | xargs; }
is "no other path is opened" "$(cd "$top" && opened common/*.c sender/*.c receiver/*.c)" \
	"command inbox_receipt inbox_subject lldp machine nic nvmehealth partial remedy ringroom siteplan source supervise swapless transmitter trusted"
echo 'int fd = open(config->registry, O_RDONLY);' >"$tmp/another.c"
is "one more is found" "$(opened "$tmp/another.c")" another

# ---- each daemon by itself; what it believes lies in folders of its own ----

lone=$tmp/lone
mkdir -p "$lone"/{conf,registry,roots,key,link,witness}/d "$lone"/{run-sender,run-receiver} "$lone"/{sender/spool,receiver/vault}
cp "$keys"/{inside-1,outside-1}.key "$lone/key/d/"
cp "$keys/link.key" "$lone/link/d/"
cp "$site/registry" "$lone/registry/d/"
cp "$site/roots" "$lone/roots/d/"
alone() { # SIDE CONF
	sed -e "s|^registry = .*|registry = $lone/registry/d/registry|; s|^roots = .*|roots = $lone/roots/d/roots|" \
		-e "s|^runtime = .*|runtime = $lone/run-$1|; s|^spool = .*|spool = $lone/sender/spool|; s|^vault = .*|vault = $lone/receiver/vault|" \
		-e "s|^\[paths\]|&\nwitness = $lone/witness/d/$1|; s|^box = .*/|box = $lone/key/d/|; s|^link = .*/|link = $lone/link/d/|" "$2" >"$lone/conf/d/$1.conf"
}
alone sender "$conf"
alone receiver "$rconf"
lconf=$lone/conf/d/sender.conf lrconf=$lone/conf/d/receiver.conf
hold_lacks="^3 .*'intake'.* not passed in" keep_lacks="^3 .*'control' was not passed in"

# The receiving box runs: its programs end when they refuse, and are started again.  1 and what they say, or 0 when it keeps.
keeps_or_refuses() { grep -q '\[loose-' "$tmp/box.log" || [[ -s $lone/receiver/vault/status.json ]] || ! kill -0 "$1" 2>/dev/null; }
run_receiver() {
	local pid
	rm -f "$lone/receiver/vault/status.json"
	: >"$tmp/box.log"
	"$build/weir-receiver" run --config "$lrconf" >>"$tmp/box.log" 2>&1 &
	pid=$!
	until_true 10 keeps_or_refuses "$pid"
	kill "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	cat "$tmp/box.log"
	! grep -q '\[loose-' "$tmp/box.log" && [[ -s $lone/receiver/vault/status.json ]]
}

row_file weir-hold "$lconf" "$hold_lacks" "$build/weir-hold" --config "$lconf"
row_file weir-hold "$lone/registry/d/registry" "$hold_lacks" "$build/weir-hold" --config "$lconf"
row_file weir-hold "$lone/roots/d/roots" "$hold_lacks" "$build/weir-hold" --config "$lconf"
row_secret weir-hold "$lone/key/d/inside-1.key" "$hold_lacks" "$build/weir-hold" --config "$lconf"
touch "$lone/witness/d"/{sender,receiver} # one that cannot be read is told of, and kept anew
row_file weir-hold "$lone/witness/d/sender" "$hold_lacks" "$build/weir-hold" --config "$lconf"
row weir-hold "$lone/sender/spool" "$directory above-world-writable" "$hold_lacks" "$build/weir-hold" --config "$lconf"
row weir-hold "$lone/sender/spool/orders" "$directory" "$hold_lacks" "$build/weir-hold" --config "$lconf"
row_file weir-emit "$lconf" "^3 .*socket 'transmit'" "$build/weir-emit" --config "$lconf"
row_secret weir-emit "$lone/link/d/link.key" "^3 .*socket 'transmit'" "$build/weir-emit" --config "$lconf"
row_file weir-catch "$lrconf" "^3 .*socket 'receive'" "$build/weir-catch" --config "$lrconf"
row_secret weir-catch "$lone/link/d/link.key" "^3 .*socket 'receive'" "$build/weir-catch" --config "$lrconf"
row_file weir-keep "$lrconf" "$keep_lacks" "$build/weir-keep" --config "$lrconf"
row_secret weir-keep "$lone/key/d/outside-1.key" "$keep_lacks" "$build/weir-keep" --config "$lrconf"
row_file weir-keep "$lone/witness/d/receiver" "$keep_lacks" "$build/weir-keep" --config "$lrconf"
row weir-keep "$lone/receiver/vault" "$directory above-world-writable" "$keep_lacks" "$build/weir-keep" --config "$lrconf"
row_few weir-keep "$lone/registry/d/registry" "^0 " run_receiver
row_few weir-keep "$lone/roots/d/roots" "^0 " run_receiver
for name in holds purges; do
	row weir-keep "$lone/receiver/vault/$name" itself-group-writable "^0 " run_receiver
done
for each in "$lconf" "$lrconf"; do
	row_file weir-link "$each" "^0 .*nothing to watch" "$build/weir-link" run --config "$each"
done
row_few "weir-link check" "$lconf" "^0 " "$build/weir-link" check --config "$lconf"
row_few "weir-receiver run" "$lrconf" "^0 " run_receiver
row_few "weir-sender run" "$lconf" "^124 " timeout 0.4 "$build/weir-sender" run --config "$lconf"
for name in registry roots; do
	row_few "weir-sender run" "$lone/$name/d/$name" "^124 " timeout 0.4 "$build/weir-sender" run --config "$lconf"
done

# ---- check, which looks at all of them, and ends with 3 when one is bad ----

mkdir -p "$lone/heads/d" && echo "tax 3" >"$lone/heads/d/heads"
row_file "weir-sender epoch" "$lone/heads/d/heads" "^1 .*tax goes on with 4" \
	"$build/weir-sender" epoch --config "$lconf" --heads "$lone/heads/d/heads"
row_few "weir-sender check" "$lconf" "^3 " "$build/weir-sender" check --config "$lconf"
row_few "weir-receiver check" "$lrconf" "^3 " "$build/weir-receiver" check --config "$lrconf"
# check_names PROGRAM FILE COMMAND…: a line is red of this file, and is not there when the file is tight.
check_names() {
	local line="red .*${2##*/}.*\[loose-permissions\]"
	try "${@:3}"
	is "$1 check has nothing against ${2##*/}" "$(grep -cE "$line" <<<"$said")" 0
	chmod g+w "$2"
	try "${@:3}"
	chmod g-w "$2"
	like "and has, when others can write it" "$status $said" "^[13] .*$line"
}
for name in key/d/inside-1.key link/d/link.key registry/d/registry roots/d/roots; do
	check_names weir-sender "$lone/$name" "$build/weir-sender" check --config "$lconf"
done
check_names weir-sender "$keys/psk/tax-agency.key" "$build/weir-sender" check --config "$conf"
for name in key/d/outside-1.key link/d/link.key registry/d/registry roots/d/roots; do
	check_names weir-receiver "$lone/$name" "$build/weir-receiver" check --config "$lrconf"
done

# ---- what a person's programs read ----

own=$tmp/own
mkdir -p "$own"/{key,registry,roots,words,order,card,certificate}/d
key_new root root-2 "$own/key/d/root-2.key"
key_new person mei "$own/key/d/mei.key"
cp "$keys/root-1.key" "$keys/wang-mei.key" "$own/key/d/"
cp "$site/registry" "$own/registry/d/"
cp "$site/roots" "$own/roots/d/"
cp "$passphrase_file" "$own/words/d/words"
key_card "$keys/nightly.key" >"$own/card/d/nightly.card"
known=(--registry "$own/registry/d/registry" --roots "$own/roots/d/roots")
order_new() {
	"$out" order new "${known[@]}" --kind push --route files --from "$(date -u +%F)" --until "$(date -u -d '29 days' +%F)" \
		--window 00:00-24:00 --max-bytes '1 MiB' --max-records 100 --pushes 9 --machine "$1" -o "$2"
}
new_order() { rm -f "$tmp/new.order" && order_new "$1" "$tmp/new.order"; }
order_new nightly "$own/order/d/push.order" >/dev/null
sign_order() { "$out" order sign "$1" "${known[@]}" --key "$own/key/d/wang-mei.key"; }
row_few "order sign" "$own/order/d/push.order" "^0 |^1 .*\[not-regular\]" sign_order "$own/order/d/push.order"
row_file "order show" "$own/order/d/push.order" "^0 " "$out" order show "${known[@]}" "$own/order/d/push.order"
row_few_secret "order sign" "$own/key/d/wang-mei.key" "^0 " sign_order "$own/order/d/push.order"
row_file "order new" "$own/card/d/nightly.card" "^0 " new_order "$own/card/d/nightly.card"
# Root cards and a recipient's are the same to it.
new_registry() { rm -f "$tmp"/new.{registry,roots}; "$out" registry new "$tmp/new.registry" --roots "$tmp/new.roots" --name moi --route tax "$@"; }
row_file "registry new" "$own/card/d/nightly.card" "^1 .*none of kind 'root'" new_registry "$own/card/d/nightly.card"
mkdir -p "$own/answers/d" && printf '[answers]\nmtu = 9000\n' >"$own/answers/d/answers"
row_file setup "$own/answers/d/answers" "^3 .*'sender_nic' has no answer" "$build/weir-sender" setup --show --root "$tmp" --answers "$own/answers/d/answers"
for name in registry roots; do
	row_few "order new" "$own/$name/d/$name" "^0 " new_order nightly
	row_few "registry check" "$own/$name/d/$name" "^0 " "$out" registry check "${known[1]}" --roots "${known[3]}"
done
row_few "registry show" "${known[1]}" "^0 " "$out" registry show "${known[1]}" --roots "${known[3]}"
row_few "registry sign" "${known[1]}" "^0 " "$out" registry sign "${known[1]}" --key "$own/key/d/root-1.key"
row_secret "registry sign" "$own/key/d/root-1.key" "^0 " "$out" registry sign "${known[1]}" --key "$own/key/d/root-1.key"
row_secret "key show" "$own/key/d/mei.key" "^0 " "$out" key show "$own/key/d/mei.key"
row_secret "registry sign" "$own/words/d/words" "^0 " "$out" registry sign "${known[1]}" --key "$own/key/d/root-2.key" --passphrase-file "$own/words/d/words"
new_key() { rm -f "$tmp/new.key" && "$out" key new person mei -o "$tmp/new.key" --passphrase-file "$own/words/d/words"; }
row_few_secret "key new" "$own/words/d/words" "^0 " new_key
row_few_secret "WEIR_PASSPHRASE_FILE" "$own/words/d/words" "^0 " env WEIR_PASSPHRASE_FILE="$own/words/d/words" \
	"$out" registry sign "${known[1]}" --key "$own/key/d/root-2.key"

# A certificate that signs itself is its own chain's end; it is refused for something else, behind the reading.
openssl req -new -x509 -newkey ed25519 -nodes -keyout "$tmp/ca.key" -subj /CN=none -out "$own/certificate/d/leaf.pem" 2>/dev/null
mkdir -p "$own/chain/d" && cp "$own/certificate/d/leaf.pem" "$own/chain/d/chain.pem"
for name in certificate/d/leaf.pem chain/d/chain.pem; do
	row_file "registry pin" "$own/$name" "^1 .*certificate '" "$out" registry pin --certificate "$own/certificate/d/leaf.pem" --chain "$own/chain/d/chain.pem" mei
done

# A module that is none, and the PIN of a card.
mkdir -p "$own/module/d" && echo "no module" >"$own/module/d/module.so"
row_file "a card's module" "$own/module/d/module.so" "^3 .*is no PKCS#11 module" \
	"$out" key show "pkcs11:token=weir?module-path=$own/module/d/module.so" --name mei
mkdir -p "$own/token" "$own/pin/d"
export SOFTHSM2_CONF=$own/token/softhsm.conf
mkdir "$own/token/tokens" && printf 'directories.tokendir = %s/tokens\nlog.level = ERROR\n' "$own/token" >"$SOFTHSM2_CONF"
pkcs11=/usr/lib/softhsm/libsofthsm2.so
{
	softhsm2-util --init-token --free --label weir --so-pin 12345678 --pin 246810
	pkcs11-tool --module $pkcs11 --token-label weir --login --pin 246810 --keypairgen --label ed --id 01 --key-type EC:edwards25519
} >"$tmp/token.log" 2>&1 || note "$(cat "$tmp/token.log")"
(umask 077 && echo 246810 >"$own/pin/d/pin")
row_secret "a card's PIN" "$own/pin/d/pin" "^0 " "$out" key show "pkcs11:token=weir;object=ed?module-path=$pkcs11" --name mei --passphrase-file "$own/pin/d/pin"

# ---- a box that runs ----

receiver_up
sender_up
mkdir -p "$own/conf/d" "$own/recipient/d" "$own/psk/d"
# The person's own copy, so that it is weir-seal that refuses the box's.
cp "$conf" "$own/conf/d/sender.conf"
cp "$rconf" "$own/conf/d/receiver.conf"
pconf=$own/conf/d/sender.conf prconf=$own/conf/d/receiver.conf
cp "$keys/$recipient.key" "$own/recipient/d/recipient.key"
cp "$keys/psk/$recipient.key" "$own/psk/d/psk.key"
cp "$keys/nightly.key" "$own/key/d/nightly.key"
echo one >"$tmp/one"
push_it() { "$out" push --config "$pconf" --key "$own/key/d/wang-mei.key" --route files "$tmp/one"; }
push_machine() { "$out" push --config "$pconf" --key "$own/key/d/nightly.key" --order "$own/order/d/push.order" --route files "$tmp/one"; }
row_few weir-seal "$conf" "^0 " push_it
for name in registry roots; do
	row weir-seal "$site/$name" "$configured" "^0 " push_it
done
row_secret weir-seal "$keys/psk/$recipient.key" "^0 " push_it
row_few "weir-outbox push" "$pconf" "^0 " push_it
row_secret "weir-outbox push" "$own/key/d/wang-mei.key" "^0 " push_it
row_few_secret "weir-outbox push" "$own/key/d/nightly.key" "^0 " push_machine
row_few "weir-outbox push" "$own/order/d/push.order" "^0 " push_machine
row_few "weir-outbox list" "$pconf" "^0 " "$out" list --config "$pconf"
push files "$tmp/one"
ok "a bundle is delivered" wait_delivered "$bundle"
for name in open verify; do
	more=() dash=''
	[[ $name == verify ]] || dash=-
	[[ $name == verify ]] || more=(--key "$own/recipient/d/recipient.key" --psk "$own/psk/d/psk.key")
	for each in "$prconf" "$site/roots"; do
		row_few "weir-inbox $name" "$each" "^0 " "$in" "$name" --config "$prconf" "${more[@]}" "$bundle" $dash
	done
done
for name in recipient psk; do
	row_secret "weir-inbox open" "$own/$name/d/$name.key" "^0 " "$in" open --config "$prconf" \
		--key "$own/recipient/d/recipient.key" --psk "$own/psk/d/psk.key" "$bundle" -
done
row "weir-inbox gaps" "$site/registry" "$configured" "^[04] " "$in" gaps --config "$prconf"
mkdir "$own/heads" "$own/heads/d"
ledger_verify() { "$out" ledger verify --config "$pconf" "$@"; }
ledger_verify --json | jq -r '"\(.head.n) \(.head.hash)"' >"$own/heads/d/heads"
row_file "ledger verify" "$own/heads/d/heads" "^0 " ledger_verify --witness "$own/heads/d/heads"
for name in registry roots; do row "ledger verify" "$site/$name" "$configured" "^0 " ledger_verify; done

# ---- what becomes loose while it is in use ----

told() { grep -cE "$1" "$2"; }
is_told() { (($(told "$1" "$2") > ${3:-0})); }
not_used='E1013 registry: .*/site/registry.* is not used: .*chmod.* \[loose-permissions\]'
not_loaded='E2003 keep: the registry is not loaded again: .*/site/registry.*chmod.* \[loose-permissions\]'
inside=$(told "$not_used" "$sender/log") outside=$(told "$not_loaded" "$receiver/log")
registry_text 2 >"$site/registry.new"
"$out" registry sign "$site/registry.new" --key "$keys/root-1.key" >/dev/null
chmod g+w "$site/registry.new"
mv "$site/registry.new" "$site/registry"
ok "weir-hold does not load a registry that others can write, and says so" until_true 10 is_told "$not_used" "$sender/log" "$inside"
ok "nor does weir-keep" until_true 10 is_told "$not_loaded" "$receiver/log" "$outside"
is "no version 2 is in use" "$(cat "$sender/log" "$receiver/log" | grep -cE 'version 2 (is )?loaded')" 0
ok "both go on with the one before" sender_answers
is "and remember it" "$(cat "$sender/spool/registry-version" "$receiver/vault/registry-version" | xargs)" "1 1"
chmod g-w "$site/registry"
ok "weir-hold loads it when nobody else can" until_true 10 is_told 'E1012 registry: version 2 loaded' "$sender/log"
ok "and weir-keep" until_true 10 is_told 'E2002 keep: registry version 2 is loaded' "$receiver/log"
registry_text 3 >"$site/registry.new"
chmod o+w "$site"
"$out" registry sign "$site/registry.new" --key "$keys/root-1.key" >/dev/null 2>"$tmp/said"
like "nobody signs a registry that others can put another in place of" "$(cat "$tmp/said")" "registry.new.*\[loose-directory\]"
kill -HUP "$(pid_of weir-hold)"
ok "a directory that became loose is found at the next reading" until_true 10 is_told 'E1013 registry: .*\[loose-directory\]' "$sender/log"
chmod o-w "$site"
ok "twin: one is signed when nobody can" "$out" registry sign "$site/registry.new" --key "$keys/root-1.key"
push files "$tmp/one"
check $? "and all goes on when it is tight again" || note "$pushed"

# ---- what belongs to root, and what systemd hands over ----

daemon() { setpriv --reuid "$somebody" --regid "$somebody" --clear-groups env CREDENTIALS_DIRECTORY="$tmp/passed" "$@"; }
chmod 711 "$tmp"
mkdir -m 711 "$tmp/bin" && cp "$build"/weir-{keep,catch,emit} "$tmp/bin/"
mkdir "$tmp/passed" && cp "$lone/key/d/outside-1.key" "$tmp/passed/box.key" && cp "$lone/link/d/link.key" "$tmp/passed/link.key"
chmod 400 "$tmp/passed"/*
chmod 500 "$tmp/passed"
chown $somebody "$lone/receiver/vault" "$lone/run-receiver" "$tmp/passed"/*
rm -rf "${lone:?}"/{run-receiver,receiver/vault}/*
for owner in $somebody 0; do
	# As either systemd has it: the directory of the service's user, or of root, who lets that user in by an ACL.
	chown "$owner" "$tmp/passed"
	[[ $owner != 0 ]] || chmod 711 "$tmp/passed"
	try daemon "$tmp/bin/weir-keep" --config "$lrconf"
	like "weir-keep as a user of its own takes root's configuration and a credential below a directory of user $owner" "$status $said" "$keep_lacks"
	try daemon "$tmp/bin/weir-emit" --config "$lconf"
	like "and so does weir-emit" "$status $said" "^3 .*(spool|socket)"
done
chmod 440 "$tmp/passed/box.key"
try daemon "$tmp/bin/weir-keep" --config "$lrconf"
like "a credential that its group can read is refused" "$status $said" "^1 .*passed/box.key.*\[loose-permissions\]"
note "$rows rows"
done_testing
