#!/usr/bin/env bash
# From one PostgreSQL table into another across the link at 2 % loss; and nothing of it when a side is
# killed midway.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
# shellcheck source=tests/lib/postgres.sh
. "$(dirname "$0")/../lib/postgres.sh"
seed_line
link_start 1500
relay_start --loss 20
site_make
receiver_up
sender_up
postgres_start

sql "create table persons (person_id text primary key, name text not null, sex text, birth_date date,
	household_no text, relation text, address text, registered_on date, status text, note text)"
"$build/tests/lib/export" --records 200000 --seed "$SEED" |
	psql -X -q -c "copy persons from stdin csv header"
sql "create table arrived (like persons including all)"
is "the table has 200,000 rows" "$(sql 'select count(*) from persons')" 200000

# ---- it crosses ----
push tax - -- psql -X -q -c "copy persons to stdout csv header"
check $? "a table is pushed from psql" || note "$pushed"
table=$bundle
ok "it is delivered" wait_delivered "$table" 60
failure_line "$(object_bytes "$table")" 20
ok "it is opened into psql" open_bundle "$table" - -- psql -X -q -c "copy arrived from stdin csv header"
is "the tables are equal by a checksum of all rows" "$(checksum_of arrived)" "$(checksum_of persons)"

# ---- the sending side is killed midway ----
spooled() { find "$sender/spool" -type f -size +1M | wc -l; }
before=$(spooled)
push tax - -- bash -c 'psql -X -q -c "copy persons to stdout csv header" | head -c 9000000; kill -9 $$'
is "a command that is killed midway refuses the push" "$?" 1
like "and the push says why" "$pushed" "command-failed"
push tax - -- bash -c 'psql -X -q -c "copy persons to stdout csv header" | head -c 9000000; exit 3'
is "a command that fails midway refuses the push" "$?" 1

"${at_sender[@]}" "$build/weir-outbox" push --config "$sender/sender.conf" --key "$keys/$person.key" --route tax - -- bash -c \
	"echo \$\$ >$tmp/command.pid; psql -X -q -c 'copy persons to stdout csv header' | head -c 9000000
	touch $tmp/half; exec sleep 1000" >"$tmp/killed.log" 2>&1 &
killed=$!
until_true 20 test -e "$tmp/half" || note "$(cat "$tmp/killed.log")"
kill -9 $killed
wait $killed 2>/dev/null
gone() { ! kill -0 "$1" 2>/dev/null; }
ok "the command does not outlive a push that is killed" until_true 10 gone "$(cat "$tmp/command.pid")"

push tax - -- psql -X -q -c "copy (select * from persons limit 10) to stdout csv header"
check $? "the next push is accepted" || note "$pushed"
is "and has the next number: nothing of the others was sent" "$bundle" tax-000002
ok "it is delivered" wait_delivered "$bundle"
ok "there are no gaps" no_gaps
is "nothing of the others is left in the spool" "$(spooled)" "$before"

# ---- the receiving side is killed midway ----
# A trigger waits for a lock at one row, so that the copy stands still in the middle of the table.
sql "create table half (like persons including all)"
sql "create function stand_still() returns trigger language plpgsql as \$\$ begin
	perform pg_advisory_lock(1); perform pg_advisory_unlock(1); return new; end \$\$"
row=$(sql "select person_id from persons offset 100000 limit 1")
sql "create trigger stand_still before insert on half for each row when (new.person_id = '$row')
	execute function stand_still()"

lock() {
	psql -X -q -c "select pg_advisory_lock(1)" -c "select pg_sleep(1000)" >/dev/null 2>&1 &
	locker=$!
	until_true 10 holds 1 true
}
holds() { [[ $(sql "select count(*) from pg_locks where locktype = 'advisory' and granted = $2") == "$1" ]]; }
unlock() {
	sql "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted" >/dev/null
	wait $locker 2>/dev/null
	until_true 20 idle
}
idle() { [[ $(sql "select count(*) from pg_stat_activity where query like 'copy half%'") == 0 ]]; }

# killed_midway WHO PID_FILE: `open` into psql, and WHO is killed while the copy stands still.
killed_midway() {
	lock
	"${at_receiver[@]}" bash -c "echo \$\$ >$tmp/open.pid; exec \"\$@\"" open \
		"$build/weir-inbox" open --config "$receiver/receiver.conf" --key "$keys/$recipient.key" \
		--psk "$keys/psk/$recipient.key" "$table" - -- \
		bash -c "echo \$\$ >$tmp/psql.pid; exec psql -X -q -c 'copy half from stdin csv header'" \
		>"$tmp/open.log" 2>&1 &
	local opener=$!
	ok "$1 killed: the copy stands still midway" until_true 30 holds 1 false ||
		note "$(cat "$tmp/open.log")"
	kill -9 "$(cat "$2")"
	wait $opener 2>/dev/null
	is "$1 killed: open has failed" "$(($? != 0))" 1
	ok "$1 killed: psql is gone" until_true 10 gone "$(cat "$tmp/psql.pid")"
	unlock
	is "$1 killed: nothing is committed" "$(sql 'select count(*) from half')" 0
}
killed_midway weir-inbox "$tmp/open.pid"
killed_midway psql "$tmp/psql.pid"

# A bundle that is damaged on the receiving disk never reaches the command.
cp "$(vault_file "$table")" "$tmp/damaged.weir"
printf 'x' | dd of="$tmp/damaged.weir" bs=1 seek=3000000 conv=notrunc status=none
open_bundle "$tmp/damaged.weir" - -- psql -X -q -c "copy half from stdin csv header" 2>"$tmp/err"
is "a damaged bundle is refused" "$?" 1
like "and open says why" "$(cat "$tmp/err")" "bad-root"
is "nothing of it is committed" "$(sql 'select count(*) from half')" 0

# ---- Debian's own package list, as a real record file ----
apt-cache dumpavail >"$tmp/available"
ok "apt-cache dumpavail knows packages" test -s "$tmp/available"
push lines - -- apt-cache dumpavail
check $? "Debian's package list is pushed from apt-cache" || note "$pushed"
ok "it is delivered" wait_delivered "$bundle" 60
failure_line "$(object_bytes "$bundle")" 20
open_bundle "$bundle" - -- bash -c "cat >$tmp/arrived"
check $? "it is opened into a command"
ok "its bytes are the same" cmp "$tmp/available" "$tmp/arrived"
is "its records are its lines" \
	"$(inbox show --json --config "$receiver/receiver.conf" --key "$keys/$recipient.key" \
		--psk "$keys/psk/$recipient.key" "$bundle" | jq '[.. | .records? // empty] | max')" \
	"$(wc -l <"$tmp/available")"

relay_stop
nothing_came_back
done_testing
