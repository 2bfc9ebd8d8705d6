#!/usr/bin/env bash
# Every parser has a fuzz target that reaches it, as tests/fuzz/README.md says.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
cd "$top" || exit 1
readme=tests/fuzz/README.md

# Functions that other files can call, by their definitions.
grep -hE '^[a-z][a-z0-9_ *]*\b[a-z0-9_]+_(decode|parse)(_[a-z0-9_]+)?\(' common/*.c sender/*.c receiver/*.c |
	grep -vE '^static|;' | grep -oE '[a-z0-9_]+\(' | tr -d '(' | sort -u >"$tmp/parsers"
ok "there are parsers ($(wc -l <"$tmp/parsers"))" test "$(wc -l <"$tmp/parsers")" -gt 50

# "TARGET PARSER", and "- PARSER" for those without one.
awk -F'|' '/^## Without/ { without = 1 } /^\| `/ {
		target = $2; gsub(/[ `]/, "", target)
		if (without) { print "-", target; next }
		n = split($4, words, "`")
		for (i = 2; i <= n; i += 2) if (!(words[i] in targets)) print target, words[i]
	}' "$readme" >"$tmp/rows"
is "each parser stands in $readme" "$(sort -u "$tmp/parsers" | comm -23 - <(cut -d' ' -f2 "$tmp/rows" | sort -u))" ""
is "each target does, and no other" "$(grep -v '^-' "$tmp/rows" | cut -d' ' -f1 | sort -u)" \
	"$(find tests/fuzz -name '*.c' -printf '%f\n' | sed 's/\.c$//' | sort)"
is "each has inputs to begin with" \
	"$(for target in tests/fuzz/*.c; do compgen -G "tests/fuzz/corpus/$(basename "${target%.c}")/*" >/dev/null || echo "$target"; done)" ""
is "and there are none for a target that is gone" \
	"$(for corpus in tests/fuzz/corpus/*; do [[ -e tests/fuzz/$(basename "$corpus").c ]] || echo "$corpus"; done)" ""

# The linker leaves out what nothing calls, so what is in a target is what it reaches.
for file in tests/fuzz/*.c; do
	target=$(basename "${file%.c}")
	nm --defined-only "$build/tests/fuzz/$target.t" | awk '$2 == "T" { print $3 }' | sort >"$tmp/in"
	is "$target reaches what it names" "$(sed -n "s/^$target //p" "$tmp/rows" | sort -u | comm -23 - "$tmp/in")" ""
done
is "what is said to have no target has none" "$(sed -n 's/^- //p' "$tmp/rows" | while read -r parser; do
	for target in "$build"/tests/fuzz/*.t; do nm --defined-only "$target" | grep -qw "T $parser" && echo "$parser"; done
done)" ""
done_testing
