#!/usr/bin/env bash
# demo: a million records cross a lossy one-way link, on one screen.  `make demo` calls it.
# As root in two network namespaces; else over loopback, and it says what it could not show.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
records=${RECORDS:-1000000}
loss=20
rate='400 Mbit/s'
routes_more="[route households]
id = 9
recipients = tax-agency
operators = wang-mei
officers = lin-jun wu-ting tsai-kai
quorum = 2
format = csv
records = required
destroy_after_days = 30
priority = 4"

if [[ -t 1 ]]; then bold=$'\e[1m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'; else bold='' green='' red='' plain=''; fi
step() { printf '%s%-12s%s %s\n' "$bold" "$1" "$plain" "$2"; }
now() { date +%s%N; }
seconds() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.1f", (b - a) / 1e9 }'; }
megabytes() { awk -v n="$1" 'BEGIN { printf "%.1f MB", n / 1e6 }'; }
thousands() { LC_ALL=C.UTF-8 sed -E ':a; s/^([0-9]+)([0-9]{3})/\1,\2/; ta' <<<"$1"; }
failed() {
	printf '%s%s%s\n' "$red" "$1" "$plain" >&2
	logs >&2
	exit 1
}

printf '\n%sWeir: %s records cross a link on which nothing comes back%s\n\n' "$bold" "$(thousands "$records")" "$plain"
link_start 1500
if [[ $link == namespaces ]]; then
	step link "two network namespaces, a veth pair; ARP, IPv6, multicast off; no way back"
else
	step link "loopback: without root there are no namespaces to be made"
fi
relay_start --loss $loss
step loss "2 % of all datagrams, at random, seed $SEED"
"$build/tests/lib/export" --records "$records" --seed "$SEED" >"$tmp/households.csv"
step export "$(megabytes "$(stat -c %s "$tmp/households.csv")") of CSV: $(sed -n 2p "$tmp/households.csv")"
site_make || failed "keys and registry could not be made"
step keys "root, people, boxes, recipients; registry signed by 1 of 1 root keys"
receiver_up || failed "the receiving box does not start"
sender_up || failed "the sending box does not start"
step boxes "seal, hold, emit  ═══▶  catch, keep: each confined, without any capability"
layers() { "in_$1" "$build/weir-link" check --json --config "$site/$1/$1.conf" | jq -r "[.layers[] | select(.state == \"$2\").layer] | $3"; }
if [[ $link == namespaces ]]; then
	step layers "$(layers sender holds length) of the sender and $(layers receiver holds length) of the receiver hold, and are watched; left out, for the relay and the count of frames: $(layers sender absent 'join(", ")')"
fi

# What weir-keep knows, as JSON.
status() { jq -r "$1" "$receiver/vault/status.json"; }

# ---- push, with the program's own progress bar ----
pushing=$(now)
pushed=$(outbox push --config "$sender/sender.conf" --key "$keys/$person.key" --route households "$tmp/households.csv") ||
	failed "the push was refused"
accepted=$(now)
push_id=$(grep -oE '\b[0-9a-f]{32}\b' <<<"$pushed" | head -n 1)
step push "durable in the spool; its route demands two of three officers, so it waits"
for officer in lin-jun wu-ting; do
	said=$(as_officer $officer approve "$push_id") || failed "$officer's approval was refused"
done
released=$(now)
bundle=$(grep -oE '\bhouseholds-[0-9]{6,}\b' <<<"$said" | tail -n 1)
step approved "by lin-jun and wu-ting, who saw names, sizes and counts: released as $bundle"

# ---- on its way ----
arrived_bytes() {
	jq -r --arg name "$bundle" '[.bundles[] | select(.name == $name) | 100 * .held_bytes / .object_bytes] | (.[0] // 0) | floor' \
		"$receiver/vault/status.json" 2>/dev/null
}
deadline=$((SECONDS + 60))
until is_delivered "$bundle"; do
	((SECONDS < deadline)) || failed "$bundle did not arrive"
	[[ -t 1 ]] && printf '\r%-12s %s %% is here\e[K' crossing "$(arrived_bytes)"
	sleep 0.05
done
[[ -t 1 ]] && printf '\r\e[K'
delivered=$(now)
has_counted() { (($(status .counters.delivered) > 0)); } # it is written once a second
until_true 5 has_counted || failed "weir-keep does not tell what it did"
step arrived "$bundle is complete in the vault"

# ---- verify, open, compare ----
verifying=$(now)
inbox verify --config "$receiver/receiver.conf" "$bundle" >/dev/null || failed "$bundle does not verify"
verified=$(now)
open_bundle "$bundle" -o "$tmp/opened" >/dev/null || failed "$bundle does not open"
opened=$(now)
cmp "$tmp/households.csv" "$tmp/opened/households.csv" || failed "the bytes differ"
until_true 5 inbox gaps --config "$receiver/receiver.conf" >/dev/null || failed "there are gaps"
object=$(stat -c %s "$(vault_file "$bundle")")
size=$(stat -c %s "$tmp/households.csv")
read -r k r _ blocks _ p < <("$build/tests/lib/failure" "$((object / 16384 * 16384))" $loss)
kill "$relay_pid" && wait "$relay_pid"

line() { printf '  %s✔%s %-10s %s\n' "$green" "$plain" "$1" "$2"; }
printf '\n%s  ─────────────────────────────────────────────────────────────────────────%s\n' "$bold" "$plain"
line sent "$(thousands "$records") records, $(megabytes "$size"), as $bundle by $person"
line sealed "$(megabytes "$object"), compressed and encrypted for $recipient alone"
line lost "$(thousands "$(relay_says lost)") of $(thousands "$(relay_says received)") datagrams, on purpose"
line repaired "$(thousands "$(status .counters.repaired_symbols)") symbols of 128 bytes, in one pass: $r repair rows to $k source rows, $blocks block(s);"
printf '    %-10s computed probability that a pass fails: %s\n' '' "$p"
approvers=$(inbox show --json --config "$receiver/receiver.conf" "$bundle" | jq -r '[.approvals[].person] | sort | join(" and ")')
line verified "signatures of $person, $approvers and the box, and every byte, without a secret key ($(seconds "$verifying" "$verified") s)"
line opened "by $recipient: records counted, digest right, bytes equal ($(seconds "$verified" "$opened") s)"
line fast "$(seconds "$pushing" "$accepted") s to push, $(seconds "$released" "$delivered") s more to arrive at 400 Mbit/s:"
printf '    %-10s %s MB/s of records from export to verified vault\n' '' \
	"$(awk -v n="$size" -v a="$pushing" -v b="$delivered" 'BEGIN { printf "%.0f", n / (b - a) * 1e3 }')"
if [[ $link == namespaces ]]; then
	[[ $(frames_back) == 0 ]] || failed "$(frames_back) frames came back"
	line "came back" "$(frames_back) frames at the sender's end; $(frames_dropped) tried and were dropped"
else
	printf '    %-10s not shown: that nothing comes back needs namespaces; run it as root\n' 'came back'
fi
printf '%s  ─────────────────────────────────────────────────────────────────────────%s\n\n' "$bold" "$plain"
