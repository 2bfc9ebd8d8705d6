#!/usr/bin/env bash
# The registry says when a route is expected: a sender that has released nothing by then says so, and what hinders; a
# receiver to which nothing has come says so, too.  Both remember, whatever is removed meanwhile.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
link_start 1500
now=$(date +%s)
due=$((now / 60 * 60 - 12 * 3600))
at=$(date -u -d "@$due" +%FT%TZ)
next=$(date -u -d "@$((due + 86400))" +%FT%TZ)
route() {
	cat <<-END
		[route $1]
		id = $2
		recipients = tax-agency
		operators = $people
		format = opaque
		records = waived
		destroy_after_days = 30
		priority = 4
		expect = daily $(date -u -d "@$due" +%H:%M)
	END
}
routes_more=$(route daily 9 && route careful 10 && printf 'officers = %s\nquorum = 1\n' "$officers")
site_make
config=(--config "$sender/sender.conf")
conf=$receiver/receiver.conf
checkup() { in_sender "$build/weir-sender" check "${config[@]}" "$@"; }
# check_of ROUTE: what is found of it, and what to do
check_of() {
	checkup --json | jq -r --arg of "route $1," \
		'.findings[] | select(.id == "expected" and (.what | startswith($of))) | "\(.state) \(.what)\(if .type then "; " + .type else "" end)"'
}
overdue() { inbox gaps --json --config "$conf" | jq -r '[.overdue[].route] | sort | join(" ")'; }
overdue_is() { [[ $(overdue) == "$1" ]]; }
tells() { grep -qF "$2" "$1/log"; }
count_of() { grep -cE "$2" "$1/log"; }

# ---- new boxes ----

receiver_up
sender_up
is "a new sender expects from now on" "$(check_of daily)" "green route daily, by $next"
is "a new receiver, too" "$(overdue)" ""
receiver_down
sender_down
is "neither tells of anything" "$(count_of "$sender" E1055) $(count_of "$receiver" E2094)" "0 0"
is "both have noted it" "$(cat "$sender/spool/expected")" "$(cat "$receiver/vault/expected")"

# ---- nothing has come for a day ----

for file in "$sender/spool/expected" "$receiver/vault/expected"; do
	sed -i "s/ $((due + 86400)) 0 0 / $due 0 0 /" "$file"
done
receiver_up
sender_up
ok "a route of which nothing was released is told of" until_true 10 \
	tells "$sender" "E1055 spool: route 'daily': nothing was released that was expected by $at: nothing was pushed"
ok "so is the other" until_true 10 tells "$sender" "E1055 spool: route 'careful': nothing was released"
in_ledger() { [[ $(outbox ledger show --json "${config[@]}" --event alarm | jq -r 'select(.id == "E1055").text' | sort) == "$1" ]]; }
ok "the sender's ledger has it" until_true 10 in_ledger \
	"route careful: nothing was released that was expected by $at: nothing was pushed
route daily: nothing was released that was expected by $at: nothing was pushed"
is "check says so, and what to do" "$(check_of daily)" \
	"red route daily, by $at: nothing was released; push it, or ask who should have"
checkup >/dev/null
is "and ends with the exit code for what is to be mended" "$?" 3
ok "the receiver tells of it, too" until_true 10 overdue_is "careful daily"
is "each once" "$(count_of "$receiver" E2094)" 2

# ---- it waits for people ----

echo 1 >"$tmp/1"
push careful "$tmp/1"
ok "one is pushed that needs an officer" test -n "$push_id" || note "$pushed"
waiting=$push_id
is "check says that it waits" "$(check_of careful)" \
	"red route careful, by $at: nothing was released; it was pushed and waits for people: 'weir-outbox list' says for whom"
sender_down
sender_up
is "after a restart it is so still" "$(check_of careful | cut -c 1-3)" red
is "and not told of again" "$(count_of "$sender" E1055)" 2
as_officer lin-jun approve "$waiting" >/dev/null
ok "approved, it is released late" until_true 10 \
	tells "$sender" "E1056 spool: route 'careful': what was expected by $at was released, 12 h "
push daily "$tmp/1"
ok "so is the other" until_true 10 tells "$sender" "E1056 spool: route 'daily': what was expected by $at was released, 12 h "
ok "and both have come" until_true 10 overdue_is ""
is "which the receiver tells of" "$(count_of "$receiver" "E2095 keep: route '(daily|careful)': what was expected by $at has come, 12 h ")" 2
is_next() { [[ $(check_of daily) == "green route daily, by $1" ]]; }
ok "the next is for the day after" until_true 10 is_next "$next"
push daily "$tmp/1"
is_noted() { [[ $(check_of daily) == "green route daily, by $next, which is released" ]]; }
ok "when it is released, check says that" until_true 10 is_noted
ok "it has come" wait_delivered daily-000002

# ---- what is removed has come all the same ----

came() { grep -q "^daily $((due + 86400)) 0 1 " "$receiver/vault/expected"; }
ok "and is noted there" until_true 10 came
is_sent() { [[ $(shown daily-000002 .state) == sent ]]; }
ok "it is sent" until_true 10 is_sent
outbox purge --route daily --count 2 "${config[@]}" --key "$keys/$person.key" >/dev/null 2>&1
check $? "it is purged at the sender"
inbox purge --route daily --count 2 --config "$conf" --key "$keys/$person.key" >/dev/null 2>&1
check $? "and at the receiver"
gone() { ! is_delivered daily-000002; }
ok "where it is gone" until_true 10 gone
sender_down
receiver_down
later=(env LD_PRELOAD="$build/tests/lib/careless.so" WEIR_DAYS_AHEAD=1)
at_sender+=("${later[@]}")
at_receiver+=("${later[@]}")
receiver_up
sender_up
after=$(date -u -d "@$((due + 2 * 86400))" +%FT%TZ)
ok "a day later the sender knows that it was released in time" until_true 10 is_next "$after" || note "$(check_of daily)"
ok "and that of the other route there was nothing" until_true 10 tells "$sender" \
	"E1055 spool: route 'careful': nothing was released that was expected by $next: nothing was pushed"
ok "so does the receiver" until_true 10 overdue_is careful

# ---- a file that is damaged ----

sender_down
echo x >"$sender/spool/expected"
like "a file that is none is told of by check" "$(checkup)" \
	"red   expected +$sender/spool/expected: .* \[damaged\].*type: systemctl restart weir-hold, which begins it anew"
sender_up
ok "and when it is begun anew" until_true 10 tells "$sender" "E1057 spool: 'expected' cannot be read, and is begun anew"
ok "which it is" until_true 10 is_next "$after"
nothing_came_back
done_testing
