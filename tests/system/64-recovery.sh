#!/usr/bin/env bash
# Disaster recovery of either side, from the manual alone: the commands are those of hardware-notes/recovery.md, block by
# block, in its order.  What stands in for a box under systemd: systemctl starts and stops the boxes of the test, runuser
# stays who it is, and editor does what the page says is to be edited.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
page=$top/hardware-notes/recovery.md
heal=50
link_start 1500
site_make

# ---- the blocks of the page: SECTION.NUMBER.SIDE ----

mkdir "$tmp/blocks"
blocks_of() { # PAGE FOLDER
	awk -v to="$2" '/^## / { section = $2 + 0; n = 0 }
		/^```sh / { out = sprintf("%s/%d.%02d.%s", to, section, ++n, $2); next }
		/^```/ { out = ""; next }
		out != "" { print >out }' "$1"
}
blocks_of "$page" "$tmp/blocks"
rm -f "$tmp"/blocks/*.by-hand

# ---- two boxes that have nothing in common, and a desk ----

desk=$tmp/desk
copy=$tmp/copy
mkdir -p "$desk" "$copy" "$sender/etc/keys" "$receiver/etc/keys"
for name in root-2 root-3; do key_new root $name "$keys/$name.key" --unprotected; done
{ for name in root-1 root-2 root-3; do key_card "$keys/$name.key"; done; printf '[roots]\nquorum = 2\n'; } >"$desk/roots"
cp "$keys"/root-?.key "$desk/"
cp "$site/registry" "$desk/registry"
"$build/weir-outbox" registry sign "$desk/registry" --key "$keys/root-2.key" >/dev/null
for side in sender receiver; do
	etc=$site/$side/etc
	cp "$desk"/{registry,roots} "$etc/"
	cp "$keys/link.key" "$etc/keys/"
	cp "$keys/$([[ $side == sender ]] && echo inside || echo outside)-1.key" "$etc/keys/box.key"
	sed -i "s|^registry = .*|registry = $etc/registry|; s|^roots = .*|roots = $etc/roots|; s|^box = .*|box = $etc/keys/box.key|;
		s|^link = .*|link = $etc/keys/link.key|; s|^psks = .*|psks = $etc/keys/psks|" "$site/$side/$side.conf"
done
cp -r "$keys/psk" "$sender/etc/keys/psks"

# ---- what stands in ----

declare -A is_up=([sender]=no [receiver]=no)
systemctl() {
	local side=${2#weir-}
	side=${side%.target}
	case "$1 ${is_up[$side]}" in
	start\ no) "${side}_up" && is_up[$side]=yes ;;
	stop\ yes) "${side}_down" && is_up[$side]=no ;;
	start\ yes | stop\ no) ;;
	*) return 1 ;;
	esac
}
dies() { # SIDE: as when its power goes
	local pid=$1_pid
	kill -KILL $(pgrep -P "${!pid}") "${!pid}" 2>/dev/null
	wait "${!pid}" 2>/dev/null
	is_up[$1]=no
}
runuser() { shift 3 && "$@"; }
weir-sender() { in_sender "$build/weir-sender" "$@"; }
weir-outbox() { in_sender "$build/weir-outbox" "$@"; }
weir-receiver() { in_receiver "$build/weir-receiver" "$@"; }
weir-inbox() { in_receiver "$build/weir-inbox" "$@"; }
# What the page says is to be edited: the sender's new public key, the roots without the first and with the fourth, and the version.
editor() {
	case $1 in
	registry)
		local version public
		version=$(sed -n 's/^version = //p' "$1" | head -n 1)
		public=$(key_public "$sender/etc/keys/box.key")
		sed -i "0,/^version = .*/s//version = $((version + 1))/; /^\[sender inside-1\]/,/^public/s/^public = .*/public = $public/" "$1"
		;;
	roots) { for name in root-2 root-3 root-4; do key_card "$name.key"; done; printf '[roots]\nquorum = 2\n'; } >"$1" ;;
	esac
}

# ---- playing it ----

# may_fail LINE: what says more than yes or no.
may_fail() { [[ $1 =~ weir-(sender|receiver)\ check|weir-inbox\ gaps ]]; }
typed="" # what was read out, and is typed
# play_block FILE: command by command, at the desk's folder, where what is carried lies; in $said what they print.
play_block() {
	local line status failed=0 input
	said=""
	cd "$desk" || return 1
	while IFS= read -r line; do
		input=""
		[[ $line != cat\ * ]] || input=$typed
		[[ $line != *"weir-sender epoch"* ]] || input="new epoch"
		eval "$line" >"$tmp/said" 2>&1 <<<"$input"
		status=$?
		said+=$(cat "$tmp/said")$'\n'
		((status == 0)) || may_fail "$line" || { failed=1 && note "ended with $status: $line" && note "$(cat "$tmp/said")"; }
	done <"$1"
	cd "$top" || return 1
	return $failed
}
# The names that the page gives, as they are on this side.
names() {
	# shellcheck disable=SC2034 # the page's commands use them
	{
		sender_conf=$sender/sender.conf receiver_conf=$receiver/receiver.conf spool=$sender/spool vault=$receiver/vault
		registry=$site/$1/etc/registry roots=$site/$1/etc/roots heads=$sender/etc/heads
		as_hold="runuser -u weir-hold --" as_keep="runuser -u weir-keep --"
		keys=$site/$1/etc/keys
	}
}
site_keys_dir=$keys
# play SECTION SIDE: its next block, which must be this side's.
declare -A at=()
played=0
play() {
	local file
	((at[$1] = ${at[$1]:-0} + 1))
	file=$(compgen -G "$tmp/blocks/$1.*" | sort | sed -n "${at[$1]}p")
	[[ $2 == desk ]] || names "$2"
	[[ ${file##*.} == "$2" ]] && play_block "$file"
	check $? "section $1, block ${at[$1]}, on the $2: each command does what it is for"
	keys=$site_keys_dir
	((++played))
}

is "the page gives names to what its commands use" \
	"$(sed 's/=.*//' "$tmp"/blocks/0.*.setting | sort | xargs)" \
	"as_hold as_keep copy heads keys receiver_conf registry roots sender_conf spool vault"
lines=$(cat "$tmp"/blocks/[1-9].* | grep -oE '\$[a-z_]{2,}' | tr -d '$' | sort -u | xargs)
is "and its commands use no other" "$(comm -13 <(sed 's/=.*//' "$tmp"/blocks/0.*.setting | sort) <(tr ' ' '\n' <<<"$lines"))" ""

delivered() { compgen -G "$receiver/vault/bundles/*/files-*.weir" | sed 's|.*/||; s|\.weir$||' | sort; }
crosses() { # TEXT NAME
	echo "$1" >"$tmp/file"
	push files "$tmp/file"
	check $? "$1 is pushed" || note "$pushed"
	is "as $2" "$bundle" "$2"
	ok "and delivered" wait_delivered "$bundle"
}
promised() { [[ $(inbox heads --config "$receiver/receiver.conf" | sed -n 's/^files //p') == "$1" ]]; }
tells() { grep -qE "$1" "$receiver/log"; }

# ---- 1: the sender's disk ----

systemctl start weir-receiver.target
systemctl start weir-sender.target
for n in 1 2 3; do crosses "export $n" files-00000$n; done
ok "the receiver knows that three numbers were given" until_true 20 promised 3
dies sender
sender_anew
play 1 receiver
typed=$(inbox heads --config "$receiver/receiver.conf")
like "the receiver reads out a line for each route, and the epoch" "$typed" $'^files 3\nregistry [0-9]+\n@[0-9a-f]{16}$'
play 1 sender
like "the sender shows where the route goes on" "$said" "files goes on with 4, behind what was typed"
ok "the receiver hears a new epoch, that continues the one before" until_true 15 tells "E2040.*that continues"
crosses "export 4" files-000004
is "nothing is there twice" "$(delivered | xargs)" "files-000001 files-000002 files-000003 files-000004"
ok "the receiver sees that the sender's ledger begins anew" until_true 15 tells E2045
play 1 sender
like "the sender's ledger says that the box started in a new epoch" "$said" "the box started: .*epoch [0-9a-f]{16}, bundles 0"
play 1 receiver
like "the receiver's says the same" "$said" "E2040.*that continues"
like "and how many entries there had been" "$said" "E2045.*inside-1 had [0-9]+ entries, and now has [0-9]+"

# ---- 2: the receiver's disk ----

dies receiver
rm -rf "$receiver/vault" "$runtime/receiver"/*
play 2 receiver
ok "an idle link heals it: what the sender offers is here again" wait_delivered files-000004 60
is "and no more than that" "$(delivered)" files-000004
play 2 receiver
like "the ledger says that this vault is an older one" "$said" "the vault was put back to an older state"
ok "and somebody has taken note of it" test ! -e "$receiver/vault/put-back"
play 2 receiver
like "the receiver's ledger says what was delivered anew" "$said" "delivered into the vault: bundle files-000004"
play 2 sender

# ---- 3: an older copy of the spool ----

systemctl stop weir-sender.target
cp -a "$sender/spool" "$copy/"
systemctl start weir-sender.target
for n in 5 6; do crosses "export $n" files-00000$n; done
ok "the receiver knows six numbers" until_true 20 promised 6
dies sender
typed=$(inbox heads --config "$receiver/receiver.conf")
play 3 receiver
before=$(grep -c 'E2040.*that continues' "$receiver/log")
play 3 sender
like "numbers go on behind those of the life that is lost" "$said" "files goes on with 7, behind what was typed"
once_more() { (($(grep -c 'E2040.*that continues' "$receiver/log") > before)); }
ok "the receiver hears that it continues the one before" until_true 15 once_more
crosses "export 7" files-000007
is "nothing is there twice, and nothing is gone" "$(delivered | xargs)" "files-000004 files-000005 files-000006 files-000007"
play 3 receiver
play 3 sender
is "the sender's ledger has both lives, and not the one between" "$(grep -c 'the box started' <<<"$said")" 2
play 3 receiver
like "the receiver's has the alarm" "$said" "E2040.*that continues"

# ---- 4: an older copy of the vault ----

systemctl stop weir-receiver.target
cp -a "$receiver/vault" "$copy/"
systemctl start weir-receiver.target
crosses "export 8" files-000008
noted() { [[ $receiver/vault.witness -nt $(vault_file files-000008) ]]; }
ok "how far the vault is was noted outside it" until_true 10 noted
dies receiver
play 4 receiver
is "that it is an older one is told once more" "$(grep -c "the vault was put back to an older state" <<<"$said")" 2
like "and check says so" "$(weir-receiver check --config "$receiver/receiver.conf")" "red *older-vault"
ok "what came since comes again" wait_delivered files-000008 60
play 4 receiver
is "and check says no more that it is an older one" "$(grep -c '^red *older-vault' <<<"$said")" 0

# ---- 5, 6, 8: keys ----

play 5 sender
play 5 desk
play 5 receiver
play 5 sender
crosses "an export under a new box key" files-000009
play 6 sender
cp "$sender/etc/keys/link.key" "$desk/"
play 6 receiver
play 6 sender
crosses "an export under a new link key" files-000010
play 8 desk
is "the roots are other ones" "$(grep -c '^\[root root-[234]\]' "$desk/roots") $(grep -c 'root-1' "$desk/roots")" "3 0"
play 8 receiver
play 8 sender
crosses "an export under a registry that other roots have signed" files-000011

# ---- 9: the registry ----

sed -i 's/^priority = 3$/priority = 1/' "$sender/etc/registry"
push files "$tmp/file"
is "a push under a damaged registry is refused" "$? $(grep -cE '\[(bad-[a-z]+|too-few-signatures)\]' <<<"$pushed")" "1 1"
play 9 sender
crosses "an export under the registry that was put back" files-000012

is "every block of the page was played" "$played" "$(compgen -G "$tmp/blocks/[1-9].*" | wc -l)"
# A block with a command that does nothing of the kind, or fails, is found.
mkdir "$tmp/spoilt"
sed 's/ledger verify/ledger verity/' "$page" >"$tmp/spoilt.md"
blocks_of "$tmp/spoilt.md" "$tmp/spoilt"
names sender
play_block "$(compgen -G "$tmp/spoilt/1.*.sender" | sort | tail -n 1)" >"$tmp/spoilt.log"
is "a page with a wrong command does not pass" "$? $(grep -c 'ended with 2' "$tmp/spoilt.log")" "1 1"
keys=$site_keys_dir
nothing_came_back
done_testing
