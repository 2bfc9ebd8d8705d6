#!/usr/bin/env bash
# The first try by hand that the README describes works as it stands there, command by command.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
cd "$top" || exit 1

mkdir "$tmp/tree"
ln -s "$build" "$tmp/tree/build"
{
	echo 'set -euo pipefail'
	# shellcheck disable=SC2016 # the fence of a block, no command
	sed -n '/^## A first try/,/^## From/p' README.md | sed -n '/^```sh$/,/^```$/p' | grep -v '^```'
} >"$tmp/commands"
ok "the README has commands for a first try" test "$(wc -l <"$tmp/commands")" -gt 40
# A port of its own, so that tests may run side by side.
sed -i "s/address = 127.0.0.1/address = 127.0.0.1\\\\nport = $((20000 + $$ % 20000))/" "$tmp/commands"
(cd "$tmp/tree" && timeout 60 setsid bash -m "$tmp/commands") >"$tmp/log" 2>&1
check $? "they end well" || note "$(tail -n 30 "$tmp/log")"
like "push says the bundle's name" "$(cat "$tmp/log")" 'tax-000001'
like "the recipient is told that every digest is right" "$(cat "$tmp/log")" 'every digest right'
is "what was opened is what was pushed" \
	"$(cat "$tmp/tree/try/opened/people.csv" 2>/dev/null)" $'id,name\n1,李家晴\n2,王麗志'
left() { find /proc/[0-9]*/cwd -maxdepth 0 -lname "$tmp/tree*" 2>/dev/null; }
nothing_left() { [[ -z $(left) ]]; }
ok "no daemon is left a few seconds later" until_true 10 nothing_left
done_testing
