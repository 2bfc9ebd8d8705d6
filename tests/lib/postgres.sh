# shellcheck shell=bash disable=SC2154 # tmp is of tap.sh
# postgres.sh: a PostgreSQL server of the test's own, as a user without privileges, reachable over a
# socket in the test's directory alone.
#
#   postgres_start        $pg is that directory; PGHOST and the like are exported for psql
#   sql TEXT              one statement; what it gives, unaligned
#   checksum_of TABLE     of all rows, and their number

postgres_start() {
	local bin account
	bin=$(compgen -G "/usr/lib/postgresql/*/bin" | sort -V | tail -n 1)
	pg=$tmp/postgres
	mkdir -p "$pg"
	pg_run=()
	account=$(id -un)
	if ((EUID == 0)); then
		chmod 711 "$tmp"
		account=postgres
		chown postgres "$pg"
		pg_run=(setpriv --reuid postgres --regid postgres --clear-groups)
	fi
	"${pg_run[@]}" "$bin/initdb" -D "$pg/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 -N \
		>"$pg/log" 2>&1
	"${pg_run[@]}" "$bin/postgres" -D "$pg/data" -k "$pg" -c listen_addresses= -c fsync=off \
		-c max_wal_size=4GB >>"$pg/log" 2>&1 &
	pg_pid=$!
	on_exit "kill -INT $pg_pid 2>/dev/null; wait $pg_pid 2>/dev/null"
	export PGHOST=$pg PGUSER=postgres PGDATABASE=postgres PGOPTIONS="-c client_min_messages=warning"
	note "PostgreSQL as user '$account'"
	until_true 30 "$bin/pg_isready" -q || note "$(tail -n 20 "$pg/log")"
}

sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 -c "$1"; }
checksum_of() {
	sql "select count(*), md5(string_agg(md5(t::text), '' order by md5(t::text))) from $1 t"
}
