# shellcheck shell=bash disable=SC2034,SC2154 # part of tests/bench/run
# The ledger beside b2sum, which only hashes: entries are written 200 at a time and verified by the command.
ledger_part() {
	local start mib wrote verified hashed
	mkdir "$tmp/ledger" && (
		cd "$tmp/ledger" || exit 1
		outbox=$build/weir-outbox
		"$outbox" key new root root-1 -o root.key --unprotected >roots
		"$outbox" key new sender inside-1 -o inside.key --unprotected >card
		printf '[roots]\nquorum = 1\n' >>roots
		{ printf '[registry]\nformat = 1\nname = bench\nversion = 1\nissued = 2026-01-01\nexpires = 2030-01-01\n'; cat card; } >registry
		"$outbox" registry sign registry --key root.key >/dev/null
		wrote=$("$build/tests/lib/ledger" ledger inside.key "$entries" 1795420800 200 | sed -n '1s/.* //p')
		mib=$(($(cat ledger/* | wc -c) >> 20))
		start=$(now)
		"$outbox" ledger verify --registry registry --roots roots ledger >verified || { cat verified; exit 1; }
		verified=$(elapsed "$start" "$(now)")
		start=$(now)
		b2sum -l 256 ledger/* >/dev/null
		hashed=$(elapsed "$start" "$(now)")
		printf '  %-34s %8s s\n' "$entries entries ($mib MiB), written" "$wrote" \
			"verified" "$verified" "b2sum -l 256 of the same bytes" "$hashed"
		awk -v v="$verified" -v h="$hashed" 'BEGIN { printf "  %-34s %8.1f\n", "verified / b2sum", v / h }'
	)
}
