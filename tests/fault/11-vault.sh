#!/usr/bin/env bash
# What weir-keep keeps: killed at every call of its work and of the recovery from that, and with every call failing,
# once and for ever (tests/fault/vault.c).  A few seconds of it; everything within BUDGET seconds.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
case=$(mktemp -d /dev/shm/weir-test.XXXXXX)
on_exit "rm -rf $case"
cd "$top" || exit 1
"$build/tests/fault/vault" "$case/case" 2>"$tmp/events" | tee "$tmp/report" | sed '/^1\.\.[0-9]*$/d'
tests_run=$(grep -cE '^(not )?ok ' "$tmp/report")
tests_failed=$(grep -c '^not ok ' "$tmp/report")
grep -q '^1\.\.' "$tmp/report" || { echo "Bail out! the sweep has not come to its end"; tail -n 3 "$tmp/events"; exit 1; }
done_testing
