#!/usr/bin/env bash
# Documents say what is there: man pages, help texts, example configurations, the README's commands.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
cd "$top" || exit 1

page_of() { compgen -G "*/weir-$1.[18]"; }
plain() { mandoc -T utf8 -O width=200 "$1" | col -bx; }

while read -r page; do
	ok "mandoc finds nothing wrong in $page" mandoc -T lint -W warning "$page"
done < <(compgen -G '*/*.[1-8]')

# Whoever asks a program is told no more and no less than in its manual.
for program in outbox inbox sender receiver seal hold emit catch keep link; do
	is "weir-$program has the version of debian/changelog" "$("$build/weir-$program" --version)" \
		"weir-$program $(sed -n '1s/.*(\(.*\)).*/\1/p' debian/changelog)"
	page=$(page_of $program)
	ok "weir-$program has a man page" test -n "$page" || continue
	text=$(plain "$page")
	for section in NAME SYNOPSIS DESCRIPTION "EXIT STATUS" FILES DIAGNOSTICS EXAMPLES "SEE ALSO"; do
		ok "$page has $section" grep -qx "$section" <<<"$text"
	done
done

commands_of() { "$build/weir-$1" --help | sed -nE 's/^  ([a-z-]+) .*/\1/p'; }
options_in() { grep -oE -- '(^|[^-a-z])--[a-z][a-z-]+' | grep -oE -- '--[a-z-]+' | sort -u; }
for program in outbox inbox link sender receiver; do
	text=$(plain "$(page_of $program)")
	for command in $(commands_of $program); do
		ok "'weir-$program $command' is in the man page" grep -qE "(^|[^a-z])$command([^a-z]|$)" <<<"$text"
		for option in $("$build/weir-$program" "$command" --help | options_in); do
			ok "'weir-$program $command $option' is in the man page" grep -qF -- "$option" <<<"$text"
		done
	done
	known=$(for command in $(commands_of $program); do "$build/weir-$program" "$command" --help; done |
		options_in; printf '%s\n' --help --version)
	for option in $(grep -v "^ *weir-outbox push " <<<"$text" | options_in); do # an example of a neighbour
		ok "$option, of the man page of weir-$program, is in its help" grep -qxF -- "$option" <<<"$known"
	done
done
for program in outbox inbox link sender receiver; do
	text=$(plain "$(page_of $program)" | sed -n '/^EXIT STATUS/,/^EXAMPLES/p')
	for code in 0 1 2 3; do
		ok "exit code $code of weir-$program is in its man page" grep -qE "^ +$code " <<<"$text"
	done
done

# Completion: what bash offers is what --help says.
# offered WORD…: for the last of these words, on a line of bash that has the packages' completion
offered() {
	PATH=$build:$PATH bash --norc -c '. common/weir.bash
		complete -p "$1" >/dev/null || exit
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_weir && printf "%s\n" "${COMPREPLY[@]}"' completion "$@" 2>&1 | sed '/^$/d'
}
for program in outbox inbox sender receiver link; do
	is "bash offers the commands of weir-$program" "$(offered weir-$program "")" \
		"$({ commands_of $program; printf '%s\n' --help --version; } | sort -u)"
	for command in $(commands_of $program); do
		is "and the options of 'weir-$program $command'" "$(offered weir-$program "$command" --)" \
			"$({ "$build/weir-$program" "$command" --help | options_in; echo --help; } | sort -u)"
	done
done
is "bash offers what 'key' can do" "$(offered weir-outbox key "" | paste -sd' ')" "new show"
is "and what 'order' can" "$(offered weir-outbox order "" | paste -sd' ')" "list load new revoke show sign"
is "and of that what fits" "$(offered weir-outbox order l | paste -sd' ')" "list load"
is "the short option as well" "$(offered weir-inbox open -o)" "-o"
is "where a file is due it offers files, as bash does by itself" "$(offered weir-inbox open "")$(offered weir-outbox push FILE "")" ""
is "behind a command that there is not it offers nothing" "$(offered weir-outbox nonsense --)$(offered weir-outbox nonsense "")" ""

# Example configurations: every key is there, commented, and in the manual.
for side in sender receiver; do
	example=systemd/$side.conf
	page=$(compgen -G "*/weir-$side.conf.5")
	ok "there is an example configuration for the $side, and its man page" test -s "$example" -a -s "${page:-/none}" ||
		continue
	text=$(plain "$page")
	while read -r key; do
		ok "'$key' of $example is in $page" grep -qE "(^|[^a-z_])$key([^a-z_]|$)" <<<"$text"
	done < <(sed -nE 's/^[#;]? ?([a-z_]+) = .*/\1/p' "$example" | sort -u)
	# A key without a comment above it, or above the group it stands in, tells nobody anything.
	is "every key of $example is commented" \
		"$(awk '/^[#;] [^=]*$/ { said = 1; next } /^$/ { said = 0; next } /^[#;]?[a-z_]+ = / { if (!said) print }' "$example")" ""
done

# verdicts_without_test: the names that neither a vector nor a test mentions.
verdicts_without_test() {
	local constant name
	sed -nE 's/^\t\[(VERDICT_[A-Z_]+)\] = \{"([a-z-]+)".*/\1 \2/p' common/verdict.c |
		while read -r constant name; do
			grep -rqwE -e "$constant|$name" tests/unit tests/vectors tests/system || echo "$name"
		done
}
is "every verdict is named by a test" "$(verdicts_without_test)" ""

while read -r path; do
	ok "$path, of SECURITY.md, is there" test -e "$path"
done < <(grep -oE 'tests/[a-z]+/[0-9a-z-]+\.(c|sh)' common/SECURITY.md | sort -u)
done_testing
