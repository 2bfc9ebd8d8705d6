#!/usr/bin/env bash
# An older copy of the sender's spool is put back: the sender sees it, and where it cannot, the receiver does; no
# number is given again, nothing is delivered twice, and what is missing has a name.  Also: bundles that came and
# went while the receiver was down.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
link_start 1500
site_make
conf=$sender/sender.conf
rconf=$receiver/receiver.conf
witness=$sender/spool.witness
tells() { grep -q "$2" "$1/log"; }
count_of() { grep -cE "$2" "$1/log"; }
delivered() { compgen -G "$receiver/vault/bundles/*/files-*.weir" | wc -l; }
push_file() { echo "record $1 $RANDOM" >"$tmp/file" && push files "$tmp/file"; }
crosses() {
	push_file "$1"
	check $? "$1 is pushed" || note "$pushed"
	ok "$1 is delivered as $bundle" wait_delivered "$bundle"
}
record() {
	"${at_receiver[@]}" "$top/tests/lib/tape" record "$device" "$listen_port" "$tmp/tape" >"$tmp/tape.log" 2>&1 &
	tape_pid=$!
	on_exit "kill $tape_pid 2>/dev/null; wait $tape_pid 2>/dev/null"
	until_true 10 grep -qs ready "$tmp/tape.log"
}

receiver_up
[[ $link == namespaces ]] && record
sender_up
crosses one
sender_down
cp -a "$sender/spool" "$sender/copy"
cp "$witness" "$tmp/witness"
sender_up
crosses two
crosses three
promised() { [[ $(inbox heads --config "$rconf" | sed -n 's/^files //p') == "$1" ]]; }
ok "the receiver knows that three numbers were given" until_true 20 promised 3
sender_down
[[ -n ${tape_pid:-} ]] && kill "$tape_pid"

# ---- the sender sees it ----
mv "$sender/spool" "$sender/lost"
cp -a "$sender/copy" "$sender/spool"
hold_refuses() {
	local said status
	"${at_sender[@]}" timeout 1 "$build/weir-sender" run --config "$conf" >"$tmp/refusal" 2>&1
	said=$(cat "$tmp/refusal")
	like "$1" "$said" "$2"
	like "$1, and says what to do" "$said" "weir-hold: .*weir-sender epoch --heads FILE"
}
hold_refuses "with the page of its life before, hold refuses" "E1050 spool: it was put back to an older state"
rm -f "$runtime/sender/orders" "$runtime/sender/progress"
hold_refuses "after the machine was started again, the witness says so" "E1050 spool: it was put back to an older state"
is "nothing was written to the spool" "$(diff -rq "$sender/copy" "$sender/spool" | grep -cv ledger)" 0

# ---- the receiver sees it ----
cp "$tmp/witness" "$witness"
sender_up
ok "with an older witness hold starts, and the receiver tells of it" until_true 15 tells "$receiver" E2084
push_file "again"
check $? "what is pushed there"
is "has a number that was given before" "$bundle" files-000002
until_true 10 grep -q "E1006 link: 'files-000002' sent" "$sender/log"
says_so() {
	[[ $(inbox gaps --json --config "$rconf" | jq -c '[.sender_went_back, .sender_silent]') == "[true,false]" ]]
}
ok "gaps says so, and that it is no silence" until_true 10 says_so
like "also in words" "$(inbox gaps --config "$rconf")" "the sender was put back to an older state"
receiver_down
receiver_up
ok "it is so after a restart of the receiver" until_true 15 says_so
is "nothing that is not believed was delivered" "$(delivered)" 3
is "the ledger has each alarm" "$(cat "$receiver/vault/ledger"/* | grep -c '"E2084"')" "$(count_of "$receiver" E2084)"

# ---- a new epoch ----
refused "while hold runs no epoch begins" 3 "stop it first" in_sender "$build/weir-sender" epoch --config "$conf" --yes
sender_down
refused "an unknown route is refused" 1 "unknown-route" in_sender "$build/weir-sender" epoch --config "$conf" --past file=3 --yes
printf 'files 3\n\n@%s\n' "$(inbox heads --json --config "$rconf" | jq -r '.[0].epoch')" >"$tmp/heads"
is "heads are printed as they are typed" "$(inbox heads --config "$rconf" | grep -v ^registry)" "$(grep . "$tmp/heads")"
for line in 'files' 'files three' 'files=3' '@0123' '@0000000000000000' '@0123456789abcdeg' "$(tail -n 1 "$tmp/heads")"; do
	{ cat "$tmp/heads" && echo "$line"; } >"$tmp/bad"
	refused "a line '$line' is refused" 1 "bad:4: a line is ROUTE NUMBER or @EPOCH.*\[bad-entry\]" \
		in_sender "$build/weir-sender" epoch --config "$conf" --heads "$tmp/bad" --yes
done
sed 's/^files/file/' "$tmp/heads" >"$tmp/bad"
refused "an unknown route in the file is refused" 1 "'file', .*\[unknown-route\]" \
	in_sender "$build/weir-sender" epoch --config "$conf" --heads "$tmp/bad" --yes
said=$(echo no | in_sender "$build/weir-sender" epoch --config "$conf" --heads "$tmp/heads" 2>&1)
like "a number in the file counts" "$said" "files goes on with 4, behind what was typed"
said=$(echo no | in_sender "$build/weir-sender" epoch --config "$conf" --past files=3 2>&1)
is "another answer than the one asked for changes nothing" "$?" 1
like "it shows where each route goes on" "$said" "files goes on with 4, behind what was typed"
mapfile -t past < <(inbox heads --config "$rconf" | sed -n 's/^\([a-z-]*\) \([0-9]*\)$/--past=\1=\2/p')
note "typed: ${past[*]}"
said=$(echo "new epoch" | in_sender "$build/weir-sender" epoch --config "$conf" "${past[@]}" 2>&1)
check $? "with what the receiver shows a new epoch begins" || note "$said"
sender_up
ok "the receiver knows that it continues the one before" until_true 15 tells "$receiver" "E2040.*that continues"
crosses four
is "whose number is above all that were given" "$bundle" files-000004
ok "the number that was given twice is told of" until_true 10 tells "$receiver" "E2086 keep: 'files-000002'"
is "four bundles were delivered, none of them twice" "$(delivered)" 4

# ---- replay ----
before=$(count_of "$receiver" 'E2040|E208[4-7]')
if [[ $link == namespaces ]]; then
	played=$(in_sender "$top/tests/lib/tape" play "$tmp/tape" "$listen_address" "$listen_port")
	ok "all that the old epoch had sent is played again ($played datagrams)" test "$played" -gt 100
	crosses five
	is "nothing is delivered twice" "$(delivered)" 5
	is "and nobody is said to have been put back" "$(count_of "$receiver" 'E2040|E208[4-7]')" "$before"
	receiver_down
	receiver_up
	in_sender "$top/tests/lib/tape" play "$tmp/tape" "$listen_address" "$listen_port" >/dev/null
	crosses six
	is "nor after a restart of the receiver" "$(delivered)" 6
	is "of which nothing is told" "$(count_of "$receiver" 'E2040|E208[4-7]')" "$before"
else
	skip "replays" "recording the link needs root"
fi

# ---- what came and went while the receiver was down ----
last=${bundle#files-}
number() { printf 'files-%06d' $((10#$last + $1)); }
ok "nothing is missing" no_gaps
receiver_down
push_file unheard && push_file unheard
both_sent() { [[ -e $sender/spool/sent/$(number 1) && -e $sender/spool/sent/$(number 2) ]]; }
ok "two bundles are sent while the receiver is down" until_true 15 both_sent
sender_down
rm "$sender/spool/sent/$(number 1)" "$sender/spool/sent/$(number 2)"
sender_up
receiver_up
crosses seven
ok "they are named as lost" until_true 20 tells "$receiver" "E2087 keep: '$(number 1)' to '$(number 2)' were released"
listed() { inbox gaps --json --config "$rconf" | jq -c '[.given_up[] | "\(.name) \(.count) \(.why)"]'; }
lists() { [[ $(listed) == "[\"$(number 1) 2 never-named\"]" ]]; }
ok "gaps lists them" until_true 10 lists
is "once, wherever one looks" "$(inbox gaps --json --config "$rconf" | grep -c "$(number 1)")" 1
said=$(inbox gaps --config "$rconf")
is "and ends with 4" "$?" 4
like "and names them" "$said" "$(number 1)"
is "once" "$(count_of "$receiver" E2087)" 1
receiver_down
receiver_up
crosses eight
is "also after a restart" "$(count_of "$receiver" E2087) $(listed)" "1 [\"$(number 1) 2 never-named\"]"
nothing_came_back
done_testing
