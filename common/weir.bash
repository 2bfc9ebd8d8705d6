# shellcheck shell=bash
# Completion in bash.  All words are those that the program's own --help says at that moment: there is nothing to keep in step.
# What is no command and no option is a file.
_weir() {
	local program=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} help words=
	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		words="$("$program" --help 2>/dev/null | sed -nE 's/^  ([a-z][a-z-]*) .*/\1/p') --help --version"
	elif [[ $word == -* ]]; then
		help=$("$program" "${COMP_WORDS[1]}" --help 2>/dev/null) || return 0
		words="$(grep -oE -- '(^|[^-a-z])--?[a-z][a-z-]*' <<<"$help" | grep -oE -- '--?[a-z-]+$' | grep -E -- '^(--..|-.$)') --help"
	elif ((COMP_CWORD == 2)); then
		# "usage: weir-outbox key new … | show …": the first words of the alternatives, where these are in small letters
		help=$("$program" "${COMP_WORDS[1]}" --help 2>/dev/null) || return 0
		words=$(sed -nE '1s/^usage: [^ ]+ [^ ]+ //p' <<<"$help" | sed 's/ | /\n/g' | sed -nE 's/^([a-z][a-z-]*)( .*)?$/\1/p')
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word" | sort -u)
}
complete -o default -F _weir weir-outbox weir-sender weir-inbox weir-receiver weir-link
