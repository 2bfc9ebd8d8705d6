# shellcheck shell=bash disable=SC2034 # what it sets is for its callers
# faults.sh: programs of a site whose calls fail or are their last (fault.h); brings system.sh with it.
#
#   faults_start               after link_start: from now on whatever runs at either end can be made to fail
#   arm PROGRAM CALL N ACTION [on], cure, fired, counts PROGRAM      as tests/fault/inject
#   cases_of PROGRAM [memory]  one line "CALL N ACTION [on]" for every case there is, by the counts of a run before
#                              but no call is tried beyond its occurrence number $most
#   some N                     N of the lines on stdin, by SEED; all of them in disorder when BUDGET is set
#   sweep_starts PARTS, has_time     this part of BUDGET seconds is not over

# shellcheck source=tests/lib/system.sh
. "$(dirname "${BASH_SOURCE[0]}")/system.sh"

page=$tmp/faults
most=1000
inject() { "$build/tests/fault/inject" "$page" "$@"; }
arm() { inject arm "$@"; }
cure() { inject cure; }
fired() { inject fired; }
counts() { inject counts "$1"; }

faults_start() {
	inject new || give_up "no page for faults"
	at_sender+=(env "LD_PRELOAD=$build/tests/lib/fault.so" "FAULT_PAGE=$page")
	at_receiver+=(env "LD_PRELOAD=$build/tests/lib/fault.so" "FAULT_PAGE=$page")
}

cases_of() {
	counts "$1" | awk -v memory="${2:-}" -v most="$most" '
		{ n[$1] += $2 }
		END {
			split("EIO ENOSPC EDQUOT EROFS EMFILE EINTR", errors)
			for (call in n)
				for (i = 1; i <= n[call] && i <= most; i++) {
					if (memory != "" && (call == "alloc" || call == "mmap"))
						print call, i, "ENOMEM\n" call, i, "ENOMEM on"
					if (memory != "" || call == "alloc" || call == "mmap")
						continue
					print call, i, "die-before\n" call, i, "die-after"
					for (e in errors)
						print call, i, errors[e] "\n" call, i, errors[e], "on"
					if (call ~ /^(p?read|p?write|recv|send)$/)
						print call, i, "short\n" call, i, "short on"
				}
		}' | sort
}

some() {
	if [[ -n ${BUDGET:-} ]]; then shuf; else shuf -n "$1" --random-source=<(yes "$SEED"); fi
}
sweep_starts() { sweep_ends=$((SECONDS + ${BUDGET:-600} / $1)); }
has_time() { ((SECONDS < sweep_ends)); }
