#!/usr/bin/env bash
# What the pages say is enough: a reader, a writer and a link receiver that were made from them alone
# (tests/independent) understand the programs, and the programs understand them.  Keeps a processor busy.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
weir() { "$top/tests/independent/weir.py" "$@"; }

# The vectors are what their maker makes, byte for byte.
ok "the vectors can be made again" "$top/tests/vectors/make" "$tmp/vectors"
is "they are the same bytes" "$(diff -rq "$tmp/vectors" "$top/tests/vectors" | grep -v "^Only in $top/tests/vectors: ")" ""

# Written by the independent writer, opened by weir-inbox.
mkdir "$tmp/export"
seq 5000 | sed 's/$/,王小明,臺北市/' >"$tmp/export/people.txt"
"$build/tests/lib/export" --random 3000000 --seed "$SEED" >"$tmp/export/bytes"
: >"$tmp/export/empty"
ok "a world is made elsewhere" weir make-world "$tmp/world"
ok "a bundle is made elsewhere" weir seal "$tmp/world" "$tmp/elsewhere.weir" "$tmp/export"/*
ok "weir-inbox verifies it" "$build/weir-inbox" verify --roots "$tmp/world/roots.conf" "$tmp/elsewhere.weir"
ok "weir-inbox opens it" "$build/weir-inbox" open --roots "$tmp/world/roots.conf" \
	--key "$tmp/world/recipient.key" --psk "$tmp/world/psk.key" "$tmp/elsewhere.weir" -o "$tmp/opened"
ok "it is the same bytes" diff -r "$tmp/export" "$tmp/opened"
for kind in root person machine sender receiver recipient link psk; do
	is "key show reads the $kind key made elsewhere" "$("$build/weir-outbox" key show "$tmp/world/$kind.key")" \
		"$(weir card "$tmp/world/$kind.key")"
done

# Pushed and copied by the programs, opened by the independent reader.
rate="50 Mbit/s"
link_start 1500
site_make
key_new root root-1 "$tmp/protected.key"
is "a key under a passphrase is read elsewhere" \
	"$(weir card "$tmp/protected.key" --passphrase-file "$passphrase_file")" \
	"$("$build/weir-outbox" key show "$tmp/protected.key")"
receiver_up
sender_up
push files "$tmp/export"
check $? "a folder is pushed" || note "$pushed"
ok "it is delivered" wait_delivered "$bundle"
ok "a copy of it is made" inbox copy --config "$receiver/receiver.conf" "$bundle" "$tmp/copy.weir"
mkdir "$tmp/elsewhere"
ok "it is opened elsewhere" weir open "$tmp/copy.weir" --roots "$site/roots" --key "$keys/$recipient.key" \
	--psk "$keys/psk/$recipient.key" -o "$tmp/elsewhere"
ok "it is the same bytes again" diff -r "$tmp/export" "$tmp/elsewhere/export"
is "for another recipient it is none of hers" \
	"$(weir open "$tmp/copy.weir" --roots "$site/roots" --key "$keys/audit-office.key" \
		--psk "$keys/psk/audit-office.key" -o "$tmp/elsewhere" 2>&1)" "weir.py: wrong-recipient"
receiver_down

# The independent receiver in the place of ours, with 2 % of what comes thrown away.
mkdir "$tmp/heard"
"${at_receiver[@]}" "$top/tests/independent/weir.py" listen --address "$listen_address" --port "$listen_port" \
	--link "$keys/link.key" --roots "$site/roots" --registry "$site/registry" --lose 20 --seed "$SEED" \
	--number 2 -o "$tmp/heard" >"$tmp/listen.log" 2>&1 &
listener=$!
on_exit "kill $listener 2>/dev/null"
until_true 10 grep -q listening "$tmp/listen.log"
push files "$tmp/export"
check $? "the folder is pushed again" || note "$pushed"
wait "$listener"
check $? "the independent receiver has a bundle" || note "$(cat "$tmp/listen.log")"
note "$(cat "$tmp/listen.log")"
failure_line "$(($(stat -c %s "$tmp/heard/$bundle.weir") - $(stat -c %s "$site/registry")))" 20
ok "weir-inbox verifies what it received" "$build/weir-inbox" verify --roots "$site/roots" \
	"$tmp/heard/$bundle.weir"
ok "weir-inbox opens what it received" "$build/weir-inbox" open --roots "$site/roots" \
	--key "$keys/$recipient.key" --psk "$keys/psk/$recipient.key" "$tmp/heard/$bundle.weir" -o "$tmp/heard/out"
ok "it is the same bytes a third time" diff -r "$tmp/export" "$tmp/heard/out/export"

# The independent transmitter in the place of ours; 2 % of its datagrams are never sent.
world=$tmp/world
mkdir "$world/vault" "$world/run"
sed -e "s|$site/registry|$world/registry.conf|; s|$site/roots|$world/roots.conf|" \
	-e "s|$keys/outside-1.key|$world/receiver.key|; s|$keys/link.key|$world/link.key|" \
	-e "s|$receiver/|$world/|" "$receiver/receiver.conf" >"$world/receiver.conf"
chmod 600 "$world/receiver.conf"
sender_down
"${at_receiver[@]}" "$build/weir-receiver" run --config "$world/receiver.conf" >"$world/log" 2>&1 &
world_pid=$!
on_exit "kill $world_pid 2>/dev/null; wait $world_pid 2>/dev/null"
until_true 20 test -s "$world/vault/status.json" || note "$(cat "$world/log")"
ok "a bundle is transmitted from elsewhere" in_sender "$top/tests/independent/weir.py" transmit "$world" \
	"$tmp/elsewhere.weir" --address "$listen_address" --port "$listen_port" --lose 20 --seed "$SEED"
arrived() { compgen -G "$world/vault/bundles/*/tax-000001.weir"; }
ok "our receiver has it in its vault" until_true 20 arrived || note "$(cat "$world/log")"
ok "it is the same file, with its registry" cmp "$tmp/elsewhere.weir" "$(arrived)"
kill "$world_pid"
wait "$world_pid"
is "our receiver ends well" "$?" 0
nothing_came_back
done_testing
