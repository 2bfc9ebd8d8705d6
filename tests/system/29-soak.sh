#!/usr/bin/env bash
# Mixed traffic and random faults on both sides: processes are killed and stopped, boxes go down and come up, the link
# loses one datagram in a hundred and is cut.  When the faults end nobody acts, and the two ledgers agree bundle by
# bundle: all that was released was delivered, once, and what people were told was accepted was released.
# Twenty seconds of faults; with BUDGET (`make soak MINUTES=…`) as long as that.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
RANDOM=$((SEED % 32768))
lasts=${BUDGET:-20}
link_start 1500
relay_start --loss 10 --hold "$tmp/outage"
heal=50
site_make
receiver_up
sender_up

# ---- traffic ----

: >"$tmp/stop-file"
: >"$tmp/accepted"
going_on() { [[ -e $tmp/stop-file ]]; }

# Mostly notices, now and then something that takes seconds.
random_size() {
	case $((RANDOM % 20)) in
	0) echo $((8000000 + RANDOM * 500)) ;;
	[1-4]) echo $((1000000 + RANDOM * 30)) ;;
	*) echo $((1000 + RANDOM)) ;;
	esac
}

# pusher NUMBER: pushes until told to stop.  What nobody was told was accepted may be, or not.
pusher() {
	RANDOM=$(((SEED + $1) % 32768))
	local routes=(files three files) people_of=(wang-mei lee-hao chen-yi)
	person=${people_of[$1 % 3]}
	while going_on; do
		"$build/tests/lib/export" --random "$(random_size)" --seed "$RANDOM" >"$tmp/in.$1"
		if push "${routes[RANDOM % 3]}" "$tmp/in.$1"; then
			echo "$push_id" >>"$tmp/accepted"
			sleep "0.$((RANDOM % 9))" # a link that is always behind shows nothing of one that is idle
		else
			sleep 0.5
		fi
	done
}

# ---- faults ----

kill_one() {
	local names=(weir-seal weir-hold weir-emit weir-catch weir-keep) pid
	pid=$(pid_of "${names[RANDOM % 5]}" | head -n 1) && kill -9 "$pid" 2>/dev/null
}
stop_keep() {
	local pid
	pid=$(pid_of weir-keep) || return
	kill -STOP "$pid" && sleep "1.$((RANDOM % 9))"
	kill -CONT "$pid"
}
cut_link() { touch "$tmp/outage" && sleep "$((RANDOM % 2)).$((RANDOM % 9))" && rm "$tmp/outage"; }
# What is being pushed then is refused, or its fate is not known.
restart_sender() { sender_down && sleep "0.$((RANDOM % 9))" && sender_up; }
restart_receiver() { receiver_down && sleep "$((RANDOM % 3))" && receiver_up; }
restart_both() { sender_down; receiver_down; sender_up; receiver_up; }

faults=(kill_one kill_one kill_one stop_keep cut_link restart_sender restart_receiver restart_both)
declare -A done_faults
for n in 1 2 3; do
	pusher $n &
	pushers+=("$!")
done
on_exit "rm -f $tmp/stop-file"
end=$((SECONDS + lasts))
while ((SECONDS < end)); do
	fault=${faults[RANDOM % 8]}
	"$fault"
	done_faults[$fault]=$((${done_faults[$fault]:-0} + 1))
	sleep "0.$((RANDOM % 9))"
done
rm "$tmp/stop-file"
wait "${pushers[@]}"
for fault in "${!done_faults[@]}"; do note "$fault: ${done_faults[$fault]} times"; done

# ---- what came of it ----

entries() { cat "$1"/ledger/*.jsonl; }
# gaps speaks of what was named, and the last ones may not have been yet
released() { entries "$sender/spool" | jq -r 'select(.event == "release" and .result == "ok").bundle' | sort -u; }
named() { entries "$receiver/vault" | jq -r 'select(.event == "named").bundle' | sort -u; }
all_named() { [[ -z $(comm -23 <(released) <(named)) ]]; }
# and behind a restart it speaks of the catalogue before, until the new one is whole
delivered() { entries "$receiver/vault" | jq -r 'select(.event == "delivered" and .result == "ok").bundle' | sort -u; }
healed() { inbox gaps --config "$receiver/receiver.conf" >"$tmp/gaps" 2>&1 && [[ -z $(comm -23 <(released) <(delivered)) ]]; }
nothing_waits() { [[ -z $(outbox list --json --config "$sender/sender.conf" | jq -r '.[] | select(.state != "sent" and .person != "inside-1").push_id') ]]; }
ok "everything is sent in the end" until_true $((120 + lasts)) nothing_waits
ok "the receiver hears of all that was released" until_true 60 all_named
# What has missed its pass waits for rounds of healing, which are rarer the older it is: gaps says by when.
ok "and everything is whole, without anybody acting" until_true $((lasts < 60 ? 180 : 1800)) healed || note "$(cat "$tmp/gaps")"
note "after $((SECONDS - end)) s"
entries "$sender/spool" | jq -r 'select(.event == "release" and .result == "ok") | .bundle + " " + .root' | grep -v '^registry-' | sort >"$tmp/released"
entries "$receiver/vault" | jq -r 'select(.event == "delivered" and .result == "ok") | .bundle + " " + .root' | grep -v '^registry-' | sort >"$tmp/delivered"
note "$(wc -l <"$tmp/accepted") pushes were told they were accepted, $(sort -u "$tmp/released" | wc -l) bundles were released"
ok "there was traffic" test "$(wc -l <"$tmp/accepted")" -gt 5
is "the two ledgers agree bundle by bundle" "$(diff <(sort -u "$tmp/released") <(sort -u "$tmp/delivered"))" ""
is "no number was given twice" "$(cut -d' ' -f1 <"$tmp/released" | sort -u | wc -l)" "$(sort -u "$tmp/released" | wc -l)"
entries "$receiver/vault" | jq -r 'select(.event == "delivered" and .result == "ok" and (.found | not)) | .bundle' | sort | uniq -d >"$tmp/twice"
is "nothing was delivered twice" "$(cat "$tmp/twice")" ""
entries "$sender/spool" | jq -r 'select(.event == "release" and .result == "ok").push_id' | sort >"$tmp/pushes"
entered_sent() { entries "$sender/spool" | jq -r 'select(.event == "sent" and .result == "ok").bundle' | sort -u; }
is "all of it was entered as sent, too" "$(comm -23 <(cut -d' ' -f1 "$tmp/released" | sort -u) <(entered_sent))" ""
is "all that was told to be accepted was released" "$(comm -23 <(sort "$tmp/accepted") "$tmp/pushes")" ""
inbox verify --config "$receiver/receiver.conf" >"$tmp/verified" 2>&1
check $? "every bundle in the vault is right" || note "$(tail -n 5 "$tmp/verified")"
ok "the sender's ledger is whole" outbox ledger verify --config "$sender/sender.conf"
ok "and so is the receiver's" inbox ledger verify --config "$receiver/receiver.conf"
relay_stop
nothing_came_back
done_testing
