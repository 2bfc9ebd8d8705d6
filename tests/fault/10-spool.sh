#!/usr/bin/env bash
# What weir-hold keeps: killed at every call of its work and of the recovery from that, and with every call failing,
# once and for ever (tests/fault/spool.c).  A few seconds of it; everything within BUDGET seconds.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
link_mtu=1500 to_address=127.0.0.1 to_port=1 listen_address=127.0.0.1 listen_port=1
site_make
"$build/tests/fault/spool" "$sender/sender.conf" "$keys" "$runtime/case" 2>"$tmp/events" |
	tee "$tmp/report" | sed '/^1\.\.[0-9]*$/d'
tests_run=$(grep -cE '^(not )?ok ' "$tmp/report")
tests_failed=$(grep -c '^not ok ' "$tmp/report")
grep -q '^1\.\.' "$tmp/report" || give_up "the sweep has not come to its end: $(tail -n 3 "$tmp/events")"
done_testing
