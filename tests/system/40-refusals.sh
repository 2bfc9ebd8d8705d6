#!/usr/bin/env bash
# What is refused, in which words and with which exit code; and that nothing is lost by it and nothing
# is half there.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
link_start 1500
yesterday=$(date -u -d yesterday +%F)
site_make
receiver_up
sender_up
echo "one record" >"$tmp/file"
push files "$tmp/file"
check $? "a first bundle is pushed" || note "$pushed"
good=$bundle
ok "the first bundle is delivered" wait_delivered "$good"

push_as() { outbox push --config "$sender/sender.conf" --key "$1" "${@:2}"; }
open_as() { inbox open --config "$receiver/receiver.conf" --key "$1" --psk "$2" "${@:3}"; }
# Bundles move from ready/ to sent/ meanwhile; names and sizes stay.  Ledgers grow: a refusal is an entry.
state() { find "$sender/spool" "$receiver/vault" -type f ! -name status.json ! -name catalogue ! -name heard ! -path '*/ledger/*' -printf '%f %s\n' | sort; }
# A bundle is in the vault a moment before the ledger says so; the rest of what arrived goes behind that.
none_arrives() { [[ -z $(ls "$receiver/vault/partial") ]]; }
until_true 10 none_arrives
before=$(state)

# ---- keys ----
(umask 077 && echo "another passphrase" >"$tmp/wrong-passphrase")
key_new person wang-mei "$tmp/protected.key"
refused "a wrong passphrase" 1 'wrong-passphrase' \
	push_as "$tmp/protected.key" --passphrase-file "$tmp/wrong-passphrase" --route files "$tmp/file"
refused "a key that the registry does not know" 1 'unknown-key' \
	push_as "$tmp/protected.key" --route files "$tmp/file"
key_new person stranger "$tmp/stranger.key" --unprotected
refused "a person whom the registry does not know" 1 'unknown-key' \
	push_as "$tmp/stranger.key" --route files "$tmp/file"
chmod 644 "$tmp/stranger.key"
refused "a key file that others may read" 1 'loose-permissions' \
	push_as "$tmp/stranger.key" --route files "$tmp/file"
refused "a missing key file" 3 'No such file' push_as "$tmp/none.key" --route files "$tmp/file"
refused "a wrong recipient" 1 'wrong-recipient' \
	open_as "$keys/health-office.key" "$keys/psk/health-office.key" "$good" -o "$tmp/out"
refused "a wrong pre-shared key" 1 'wrong-key' \
	open_as "$keys/tax-agency.key" "$keys/psk/health-office.key" "$good" -o "$tmp/out"
refused "no key at all" 2 'key' inbox open --config "$receiver/receiver.conf" "$good" -o "$tmp/out"

# ---- pushes ----
refused "an unknown route" 1 'unknown-route' push_as "$keys/wang-mei.key" --route nowhere "$tmp/file"
refused "a missing file" 3 'No such file' push_as "$keys/wang-mei.key" --route files "$tmp/none"
refused "no route" 2 'route' push_as "$keys/wang-mei.key" "$tmp/file"
refused "no file" 2 '.' push_as "$keys/wang-mei.key" --route files
refused "a bare pipe without --records" 1 'records-not-stated' \
	push_as "$keys/wang-mei.key" --route tax - <"$tmp/file"
refused "a bare pipe with a wrong number of records" 1 'bad-count' \
	push_as "$keys/wang-mei.key" --route tax --records 7 - <"$tmp/file"
mkfifo "$tmp/fifo"
refused "a file that is no file" 1 'not-regular' push_as "$keys/wang-mei.key" --route files "$tmp/fifo"
refused "a command that is not there" 1 'cannot be started: No such file.*command-failed' \
	push_as "$keys/wang-mei.key" --route tax - -- "$tmp/no-such-command"
if ((EUID == 0)); then
	install -m 000 "$tmp/file" "$tmp/unreadable"
	refused "an unreadable file" 3 'Permission denied' in_sender \
		setpriv --bounding-set=-dac_override,-dac_read_search --inh-caps=-all \
		"$build/weir-outbox" push --config "$sender/sender.conf" --key "$keys/wang-mei.key" \
		--route files "$tmp/unreadable"
else
	install -m 000 "$tmp/file" "$tmp/unreadable"
	refused "an unreadable file" 3 'Permission denied' \
		push_as "$keys/wang-mei.key" --route files "$tmp/unreadable"
fi
like "without a route for the ledger nothing is sent, which is no failure" \
	"$(outbox ledger send --config "$sender/sender.conf" 2>&1) $?" "^nothing is sent: the registry has no route 'ledger' 0$"

# ---- bundles ----
refused "a bundle that is not there" 1 'no-such-bundle' inbox show --config "$receiver/receiver.conf" files-999999
mkdir "$tmp/there" && echo precious >"$tmp/there/file"
refused "a file that exists already" 3 'exists' open_as "$keys/tax-agency.key" "$keys/psk/tax-agency.key" "$good" -o "$tmp/there"
is "what existed is untouched" "$(cat "$tmp/there/file")" precious
inbox copy --config "$receiver/receiver.conf" "$good" "$tmp/good.weir"
refused "a copy over an existing file" 3 'exists' inbox copy --config "$receiver/receiver.conf" "$good" "$tmp/good.weir"
head -c 40000 "$tmp/good.weir" >"$tmp/short.weir"
refused "a file that was cut off" 1 'truncated' inbox show --roots "$site/roots" "$tmp/short.weir"
is "a failed open leaves no folder" "$(ls -d "$tmp/out" 2>/dev/null)" ""

# ---- configuration ----
sed 's/^mtu = .*/mtu = plenty/' "$sender/sender.conf" >"$tmp/bad.conf"
line=$(grep -n plenty "$tmp/bad.conf" | cut -d: -f1)
refused "a bad value in a configuration" 1 "bad\\.conf:$line: .*" outbox list --config "$tmp/bad.conf"
refused "the same for the daemons" 1 "bad\\.conf:$line: .*" "$build/weir-sender" run --config "$tmp/bad.conf"
{ cat "$receiver/receiver.conf" && echo "colour = blue"; } >"$tmp/bad.conf"
refused "an unknown key in a configuration" 1 "bad\\.conf:[0-9]+: .*colour" \
	"$build/weir-receiver" run --config "$tmp/bad.conf"
refused "a missing configuration" 3 'No such file' inbox list --config "$tmp/none.conf"

is "nothing of all this has changed spool or vault" "$(state)" "$before"
push files "$tmp/file"
check $? "after all this a push is accepted" || note "$pushed"
ok "and delivered" wait_delivered "$bundle"

# ---- a registry that is expired, older, or not signed ----
registry_text 2 | sed "/^\\[person lee-hao\\]/a expires = $yesterday" >"$site/registry.2"
cp "$site/registry" "$site/registry.1"
registry_install 2 "$site/registry.2"
kill -HUP "$receiver_pid"
sender_down
sender_up
refused "an expired key" 1 'expired' push_as "$keys/lee-hao.key" --route files "$tmp/file"
push files "$tmp/file"
check $? "the key of another person still counts" || note "$pushed"
ok "and is delivered under the newer registry" wait_delivered "$bundle"

sed 's/^version = 2/version = 3/' "$site/registry.2" >"$site/registry"
refused "a registry whose signature is wrong" 1 'bad-signature|too-few-signatures' \
	"$build/weir-outbox" registry check "$site/registry" --roots "$site/roots"

sender_down
cp "$site/registry.1" "$site/registry"
ok "an older registry is refused by the box" sender_fails older-registry
refused "a daemon that does not run" 3 'weir-sender' push_as "$keys/wang-mei.key" --route files "$tmp/file"
cp "$site/registry.2" "$site/registry"
kill -HUP "$receiver_pid"
sender_up
push files "$tmp/file"
check $? "with the newer registry back a push is accepted" || note "$pushed"
ok "and delivered" wait_delivered "$bundle"

# ---- a full spool ----
if ((EUID == 0)); then
	sender_down
	mkdir "$tmp/small"
	mount -t tmpfs -o size=24M weir-test "$tmp/small"
	on_exit "umount -l $tmp/small"
	cp -a "$sender/spool" "$tmp/small/spool"
	sed -i "s|^spool = .*|spool = $tmp/small/spool|" "$sender/sender.conf"
	sender_up
	"$build/tests/lib/export" --random 40000000 >"$tmp/large"
	bundles() { find "$tmp/small" -type f -size +10k ! -path '*/ledger/*' -printf '%f %s\n' | sort; }
	files_before=$(bundles)
	refused "a full spool" 1 'spool-full|No space' push_as "$keys/wang-mei.key" --route files "$tmp/large"
	is "a refused push leaves nothing in the spool" "$(bundles)" "$files_before"
	push files "$tmp/file"
	check $? "a small push still has room" || note "$pushed"
	ok "and is delivered" wait_delivered "$bundle"
	# Somebody else fills the disk to the last byte: what is in the spool goes out, also after a restart.
	until_true 10 test -e "$tmp/small/spool/sent/$bundle"
	sender_down
	receiver_down
	mv "$tmp/small/spool/sent/$bundle" "$tmp/small/spool/ready/"
	rm "$(vault_file "$bundle")"
	dd if=/dev/zero of="$tmp/small/filled" bs=4k 2>/dev/null
	is "the disk is full" "$(df --output=avail "$tmp/small" | tail -n 1 | tr -d ' ')" 0
	receiver_up
	sender_up
	ok "a full disk ends neither sending nor heartbeat" wait_delivered "$bundle"
	rm "$tmp/small/filled"
else
	skip "a full spool is refused" "mounting a small file system needs root"
fi
ok "there are no gaps" no_gaps
nothing_came_back
done_testing
