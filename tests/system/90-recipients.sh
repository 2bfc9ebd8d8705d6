#!/usr/bin/env bash
# Fifty recipients: each opens its own bundle and none of the others', and all of them open one that is for all.
# Keeps a processor busy.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
link_start 1500
site_keys
count=50
names=()
for ((i = 1; i <= count; i++)); do
	name=$(printf 'office-%02d' "$i")
	names+=("$name")
	key_new recipient "$name" "$keys/$name.key" --unprotected
	key_new psk "$name" "$keys/psk/$name.key" --unprotected
done
# A list of the registry, a line for each ten.
list() { # KEY NAME…
	local key=$1
	shift
	while (($# > 0)); do
		echo "$key = ${*:1:10}"
		shift $(($# < 10 ? $# : 10))
	done
}
route() { # NAME ID RECIPIENT…
	printf '[route %s]\nid = %d\noperators = wang-mei\nformat = lines\nrecords = required\n' "$1" "$2"
	printf 'destroy_after_days = 30\npriority = 4\n'
	list recipients "${@:3}"
}
routes_more=$(
	for name in "${names[@]}"; do
		key_card "$keys/$name.key"
		echo "psk = $(key_public "$keys/psk/$name.key")"
	done
	for ((i = 0; i < count; i++)); do route "to-${names[i]}" $((100 + i)) "${names[i]}"; done
	route to-all 99 "${names[@]}"
)
{ key_card "$keys/root-1.key"; printf '[roots]\nquorum = 1\n'; } >"$site/roots"
registry_install 1 || give_up "the registry cannot be signed"
site_configure
receiver_up
sender_up

# ---- a bundle each, and one for all ----
mkdir "$tmp/in" "$tmp/vault" "$tmp/out"
accepted=0 delivered=0
for name in "${names[@]}"; do
	printf 'for %s alone\n' "$name" >"$tmp/in/$name"
	if push "to-$name" "$tmp/in/$name"; then accepted=$((accepted + 1)); else note "$pushed"; fi
done
is "a push for each of $count recipients is accepted" "$accepted" "$count"
echo "for all" >"$tmp/in/all"
push to-all "$tmp/in/all"
check $? "and one for all of them" || note "$pushed"
for name in "${names[@]}" all; do
	wait_delivered "to-$name-000001" && delivered=$((delivered + 1)) &&
		cp "$(vault_file "to-$name-000001")" "$tmp/vault/$name"
done
is "all of them are delivered" "$delivered" $((count + 1))
is "the one for all has $count recipients" \
	"$(inbox show --json --config "$receiver/receiver.conf" to-all-000001 | jq '.recipients | length')" "$count"

# ---- who opens what ----
# opens RECIPIENT BUNDLE…: a line for each: recipient, bundle, and what came of it.
opens() {
	local name=$1 bundle out said
	for bundle in "${@:2}"; do
		out=$tmp/out/$name-$bundle
		if said=$("$build/weir-inbox" open --roots "$site/roots" --key "$keys/$name.key" \
			--psk "$keys/psk/$name.key" "$tmp/vault/$bundle" -o "$out" 2>&1) &&
			[[ $(ls "$out") == "$bundle" ]] && cmp -s "$out/$bundle" "$tmp/in/$bundle"; then
			echo "$name $bundle opened"
		elif [[ ! -e $out ]]; then
			[[ $said =~ \[[a-z-]+\]$ ]]
			echo "$name $bundle ${BASH_REMATCH[0]:-}"
		else
			echo "$name $bundle left something: $said"
		fi
	done
}
started=$(date +%s%N)
workers=()
jobs=$(nproc)
for ((job = 0; job < jobs; job++)); do
	for ((i = job; i < count; i += jobs)); do opens "${names[i]}" "${names[@]}" all; done >"$tmp/opens-$job" &
	workers+=($!)
done
wait "${workers[@]}"
cat "$tmp"/opens-* >"$tmp/opens"
note "$(wc -l <"$tmp/opens") attempts in $((($(date +%s%N) - started) / 1000000)) ms"
is "each recipient opens its own bundle" "$(awk '$1 == $2 && $3 == "opened"' "$tmp/opens" | wc -l)" "$count"
is "each opens the one for all" "$(awk '$2 == "all" && $3 == "opened"' "$tmp/opens" | wc -l)" "$count"
is "none opens one of the $((count * (count - 1))) others" \
	"$(awk '$2 != "all" && $1 != $2 { print $3 }' "$tmp/opens" | sort | uniq -c | sed 's/^ *//')" "$((count * (count - 1))) [wrong-recipient]"
ok "there are no gaps" no_gaps
nothing_came_back
done_testing
