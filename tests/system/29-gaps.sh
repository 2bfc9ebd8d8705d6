#!/usr/bin/env bash
# What the link loses is named within seconds, by its kind, and nothing else is; then it heals, and nothing is missing.
# What nobody offers any more stays named until a person says that it is known.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
link_start 1500
read -r k r _ _ datagrams _ < <("$build/tests/lib/failure" 114688 0 1500)
row=$((datagrams / (k + r)))

# Of which datagrams, by number of the bundle: of its first pass, what is healed passes.  Number 1 is a registry's, too.
declare -A kind=([3]=tail [4]=whole [5]=part [8]=tail [9]=whole [10]=part [13]=tail [14]=whole [15]=part [20]=whole)
for n in $(seq 20); do
	case ${kind[$n]:-} in
	whole) echo "1 $datagrams" ;;
	tail) echo "$((n % 5 == 3 ? datagrams / 2 : 10)) $datagrams" ;;
	part) echo "$((row * 3 + 1)) $((row * (r + 2)))" ;;
	*) echo "$((n % 2 == 0 ? row * 2 : datagrams)) $((n == 1 ? 0 : row))" ;; # what a pass repairs by itself
	esac
done >"$tmp/bursts"
relay_start --bursts "$tmp/bursts" --lose-beats 200

due=$(($(date +%s) / 60 * 60 - 12 * 3600))
routes_more=$(
	cat <<-END
		[route daily]
		id = 9
		recipients = tax-agency
		operators = $people
		format = opaque
		records = waived
		destroy_after_days = 30
		priority = 4
		expect = daily $(date -u -d "@$due" +%H:%M)
	END
)
site_make
printf 'weir-expected 1\ndaily %d 0 0 0\n' "$due" >"$receiver/vault/expected" # as one that was off since then
receiver_up
sender_up
conf=$receiver/receiver.conf
gaps() { inbox gaps "$@" --config "$conf"; }
# Exit code in $status, the answer in $tmp/gaps.
look() { gaps "$@" >"$tmp/gaps"; status=$?; }

"$build/tests/lib/export" --random 60000 --seed "$SEED" >"$tmp/in"
declare -A id
for n in $(seq 20); do
	push files "$tmp/in" || check 1 "bundle $n is pushed" || note "$pushed"
	id[$n]=$push_id
done
pushed_at=$(date +%s%N)
is "the object has the length that datagrams are counted by" "$(wait_delivered files-000001 && object_bytes files-000001)" 114688

# ---- named ----
wanted=$(for n in "${!kind[@]}"; do printf 'files-%06d %s no\n' "$n" "${kind[$n]}"; done | sort)
named() { look --json; jq -r '.missing[] | "\(.name) \(.kind) \(.more)"' "$tmp/gaps" | sort; }
all_are_named() { [[ $(named) == "$wanted" ]]; }
ok "each loss is named by its kind, and that no more comes of it" until_true 20 all_are_named
note "all were named $((($(date +%s%N) - pushed_at) / 1000000)) ms after the last was pushed"
named >"$tmp/named"
is "those and no others" "$(cat "$tmp/named")" "$wanted"
is "gaps ends with the exit code for something missing" "$status" 4
is "a loss in one bundle harms no other" \
	"$(for n in $(seq 20); do [[ -n ${kind[$n]:-} ]] || is_delivered "files-$(printf %06d "$n")" || echo "$n"; done)" ""
is "how much is missing is told of each" "$(jq '[.missing[] | select(.missing_bytes > 0 and .missing_bytes <= 114688)] | length' "$tmp/gaps")" 10
is "and of what came wholly nothing is said" "$(jq '[.missing[] | select(.kind == "whole" and .held_bytes > 0)] | length' "$tmp/gaps")" 0
events() { grep -oE "$1 keep: .*'files-[0-9]+'" "$receiver/log" | grep -oE 'files-[0-9]+' | sort | tr '\n' ' '; }
all_are_told() { [[ $(events 'E209[012]' | wc -w) == 10 ]]; }
ok "each is an event" until_true 10 all_are_told
is "a lost end is one of its own" "$(events E2090)" "files-000003 files-000008 files-000013 "
is "so is one of which nothing came" "$(events E2091)" "files-000004 files-000009 files-000014 files-000020 "
is "and a loss in between" "$(events E2092)" "files-000005 files-000010 files-000015 "
entered() { [[ $(inbox ledger show --config "$conf" --event alarm | grep -cE 'E209[012]') == 10 ]]; }
ok "the ledger has them" until_true 10 entered
look
note "$(cat "$tmp/gaps")"
like "a person is told so" "$(cat "$tmp/gaps")" 'files-000003 +its end was lost +[0-9.]+ KiB of 112.0 KiB missing'

# ---- expected ----
like "a route that expects something is overdue" "$(cat "$tmp/gaps")" 'route daily +overdue +nothing has come that was expected by'
is "that is an event" "$(grep -c "E2094 keep: route 'daily'" "$receiver/log")" 1
push daily "$tmp/in"
check $? "it is pushed, late" || note "$pushed"
ok "and delivered" wait_delivered "$bundle"
met() { grep -q "E2095 keep: route 'daily': what was expected by .* has come, .* late" "$receiver/log"; }
ok "that is an event, too" until_true 10 met
none_is_overdue() { look --json; [[ $(jq '.overdue | length' "$tmp/gaps") == 0 ]]; }
ok "and the route is overdue no more" until_true 10 none_is_overdue

# ---- lost for good ----
sender_down
silent() { look --json; [[ $(jq -r '"\(.sender_silent) \([.missing[].more] | unique | join(","))"' "$tmp/gaps") == "true unknown" ]]; }
ok "while the sender is silent nobody knows what comes" until_true 20 silent
is "what it held of one is removed there" "$(find "$sender/spool" -name "*${id[20]}*" -print -delete | grep -c .)" 1
sed -i 's/^heal_percent = .*/heal_percent = 50/' "$sender/sender.conf"
sender_up
is_lost() { look --json; [[ $(jq -r '.given_up[] | "\(.name) \(.why)"' "$tmp/gaps") == "files-000020 not-offered" ]]; }
ok "what is not offered any more is lost for good" until_true 20 is_lost || note "$(gaps)"
is "the ledger has it" "$(inbox ledger show --json --config "$conf" --event lost | jq -r '"\(.event) \(.bundle) \(.why) \(.held)"')" \
	"lost files-000020 not-offered 0"

# ---- healed ----
is_healed() { look --json; [[ $(jq '.missing | length' "$tmp/gaps") == 0 ]]; }
ok "all that is offered heals, and nobody acts" until_true 40 is_healed || note "$(gaps)"
note "healed $((($(date +%s%N) - pushed_at) / 1000000)) ms after the last was pushed"
heals() { [[ $(events E2093 | wc -w) == 9 ]]; }
ok "each that is whole again is told of" until_true 10 heals || note "$(events E2093)"
for n in 3 4 5; do
	is "bundle $n is the same bytes" "$(open_bundle "files-00000$n" - | b2sum)" "$(b2sum <"$tmp/in")"
done
look
is "what is lost for good is still missing" "$status" 4
note "$(cat "$tmp/gaps")"
receiver_down
receiver_up
ok "also after a restart" until_true 20 is_lost
gaps --acknowledge files-000020 >/dev/null 2>&1 </dev/null
is "nobody takes note of it without a key" "$?" 2
is "a person does" "$(gaps --acknowledge files-000020 --key "$keys/$person.key")" "files-000020: acknowledged, and in the ledger"
is "the ledger says who" "$(inbox ledger show --json --config "$conf" --event lost.acknowledged | jq -r '"\(.bundle) \(.who.person) \(.who.uid)"')" \
	"files-000020 $person $(id -u)"
ok "then nothing is missing" no_gaps
look
note "$(cat "$tmp/gaps")"
relay_stop
nothing_came_back
done_testing
