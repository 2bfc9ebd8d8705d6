#!/usr/bin/env bash
# Small bundles, one after another, over four connections at a time: memory, descriptors and disk of the daemons depend
# on what is kept, not on how many have gone.  When too many are there, an operator purges both sides.
# 480 bundles, purged beyond 120; with BUDGET (seconds) up to 100,000 as the time allows, purged beyond 5,000, with
# the whole site on /dev/shm.
[[ -n ${BUDGET:-} ]] && export TMPDIR=/dev/shm
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
total=480 round=40 most=120 patience=60
[[ -n ${BUDGET:-} ]] && total=100000 round=500 most=5000 patience=300
end=$((SECONDS + ${BUDGET:-600}))
heal=5
link_start 1500
site_make
receiver_up
sender_up

# weir-seal is a process a push: none is left, and who starts them is among these.
programs="weir-sender weir-hold weir-emit weir-receiver weir-catch weir-keep"
declare -A pids
find_pids() {
	local program
	for program in $programs; do pids[$program]=$(pid_of "$program"); done
	pids[weir-sender]=$sender_pid pids[weir-receiver]=$receiver_pid
}
printf 'household,head\n12,wang\n' >"$tmp/in"

# ---- what is done ----

in_vault() { find "$receiver/vault/bundles" -name 'files-*.weir' | wc -l; }
in_spool() { find "$sender/spool/$1" -name 'files-*' | wc -l; }
# All that was pushed is in the vault and nowhere else there, and has left ready/.
have_crossed() {
	(($(in_vault) == kept && $(in_spool ready) == 0)) && [[ -z $(find "$receiver/vault/partial" -type f) ]]
}
is_empty() { (($(in_vault) == 0)); }
bytes_of() { find "$@" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum + 0 }'; }

# push_round: $round more; sets pushed and kept.
push_round() {
	in_sender env -u WEIR_PASSPHRASE_FILE "$build/tests/lib/pusher" "$runtime/sender/seal.sock" files \
		"$keys/wang-mei.key" - "$keys/wang-mei.key" - "$tmp/in" "$round" 4 >"$tmp/said" 2>&1 || return
	pushed=$((pushed + round)) kept=$((kept + round))
	until_true "$patience" have_crossed
}

# purge_all: both sides, by signed orders with the number.
purge_all() {
	local tomorrow
	tomorrow=$(date -u -d '2 days' +%F)
	outbox purge --config "$sender/sender.conf" --key "$keys/wang-mei.key" --route files --before "$tomorrow" \
		--count "$kept" >"$tmp/purged" 2>&1 &&
		inbox purge --config "$receiver/receiver.conf" --key "$keys/wang-mei.key" --route files --before "$tomorrow" \
			--count "$kept" >>"$tmp/purged" 2>&1 && until_true "$patience" is_empty && kept=0 && purges=$((purges + 1))
}

# The files of bundles that are being healed come and go; when one is held open that is gone, it counts.  The least of a few
# looks: what is open for the moment is not what is left open.
descriptors() {
	for _ in 1 2 3 4; do
		find "/proc/$1/fd" -mindepth 1 \( ! -lname '*/spool/sent/*' -o -lname '*(deleted)' \) 2>/dev/null | wc -l
	done | sort -n | head -n 1
}

# A line for each program: PROGRAM GONE KEPT KIB DESCRIPTORS.  What several processes map together (the ring, the pages in
# runtime/) has its size from the start.
sample() {
	local program status fds
	for program in $programs; do
		fds=$(descriptors "${pids[$program]}")
		status=$(awk '/^RssAnon|^RssFile/ { sum += $2 } END { print sum }' "/proc/${pids[$program]}/status")
		echo "$program $pushed $kept ${status:-0} $fds"
	done >>"$tmp/samples"
	echo "$pushed $kept $(bytes_of "$sender"/spool/{ready,sent,dossier,held,incoming} ! -name 'registry-*')" \
		"$(bytes_of "$receiver"/vault/{bundles,partial} ! -name 'registry-*')" \
		"$(bytes_of "$sender"/spool/{ledger,spent} "$receiver"/vault/{ledger,annals})" >>"$tmp/disk"
	[[ -z $(pid_of weir-seal) ]] || left_over=$((left_over + 1))
}

pushed=0 kept=0 purges=0 went=0 left_over=0 broke=""
started=$(date +%s%N)
while ((pushed < total && SECONDS < end)); do
	push_round || { broke="a round of pushes: $(tail -n 3 "$tmp/said")"; break; }
	((went > 0)) || find_pids
	sample
	went=$pushed
	((kept <= most)) || purge_all || { broke="a purge: $(tail -n 3 "$tmp/purged"), $(in_vault) in the vault, $kept kept"; break; }
done
took=$((($(date +%s%N) - started) / 1000000))
note "$pushed bundles in $((took / 1000)) s, $((pushed * 1000 / (took + 1))) a second, both sides purged $purges times"
is "nothing ended it before its time" "$broke" ""
ok "every bundle crossed" test "$pushed" -gt 0 -a "$went" -eq "$pushed" || { note "$(tail -n 3 "$tmp/said")"; logs; }
ok "both sides were purged in between" test "$purges" -ge $((pushed / (most + round))) ||
	note "$(tail -n 3 "$tmp/purged")"
is "no process of weir-seal is left behind" "$left_over" 0
was=$(declare -p pids)
find_pids
is "no daemon has ended" "$(declare -p pids)" "$was"

# ---- memory and descriptors ----

# flat PROGRAM KEPT_BYTES GONE_BYTES [KIB]: but for so many bytes for each bundle that is kept, and for each that has gone, the
# last third needs no more than the one before it, within 256 KiB or what is given.
flat() {
	awk -v program="$1" -v a_kept="$2" -v a_gone="$3" -v slack_kib="${4:-256}" '
		$1 == program { gone[++n] = $2; kept[n] = $3; kib[n] = $4; fds[n] = $5 }
		END {
			for (i = 1; i <= n; i++) {
				rest = kib[i] - (kept[i] * a_kept + gone[i] * a_gone) / 1024
				third = i > 2 * n / 3 ? 3 : i > n / 3 ? 2 : 1
				if (!(third in most) || rest > most[third]) most[third] = rest
				if (fds[i] > most_fds[third]) most_fds[third] = fds[i]
				if (kib[i] > peak[third]) peak[third] = kib[i]
			}
			printf "# %s: %d KiB after %d bundles, %d after %d; at most %d, %d, %d in each third, descriptors %d, %d, %d\n",
				program, kib[1], gone[1], kib[n], gone[n], peak[1], peak[2], peak[3], most_fds[1], most_fds[2], most_fds[3]
			exit !(n >= 6 && most[3] <= most[2] + slack_kib && most_fds[3] <= most_fds[2])
		}' "$tmp/samples"
	check $? "memory and descriptors of $1 stay what they are: but for $2 bytes for each bundle kept, $3 for each that has gone"
}
flat weir-sender 0 0
flat weir-hold 1024 256
flat weir-emit 0 0 4096 # the room of its encoder is one and the same, and comes in pages of 2 MiB as it is used
flat weir-receiver 0 0
flat weir-catch 0 0
flat weir-keep 1024 192

# ---- disk ----

awk 'NR == 1 { spool = $3 / $2; vault = $4 / $2 }
	{ off += $3 > 1.01 * spool * $2 || $3 < 0.99 * spool * $2 || $4 > 1.01 * vault * $2 || $4 < 0.99 * vault * $2 }
	END { printf "# %d bytes for each bundle in the spool, %d in the vault; at the end %d and %d\n", spool, vault, $3 / $2, $4 / $2; exit off != 0 || NR < 6 }' "$tmp/disk"
check $? "the disk that bundles take, on both sides, is that of those that are kept"
awk 'END { printf "# ledgers, annals and what counts today: %d bytes for each bundle that has gone\n", $5 / $1; exit $5 / $1 >= 8192 }' "$tmp/disk"
check $? "what is written down of a bundle, on both sides together, is less than 8 KiB"
nothing_came_back
done_testing
