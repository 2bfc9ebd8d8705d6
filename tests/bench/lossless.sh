# shellcheck shell=bash disable=SC2034,SC2154 # part of tests/bench/run
# lossless_part: the highest rate at which nothing at all is lost, found by search, with the settings that a kernel of Debian
# has by itself, and with those that `weir-receiver check` and `weir-sender check` tell an installer to set
#
#   LOSSLESS_BYTES=1073741824  of an incompressible bundle
#   LOSSLESS_TRIES=3           bundles one after the other, of which each has to arrive in one pass without a datagram lost
#   LOSSLESS_START=2000        Mbit/s to begin with: doubled or halved until one rate holds and another does not
#   LOSSLESS_WITHIN=5          percent that may lie between the two in the end
#
# A rate holds when neither the socket nor the ring nor what lies between dropped anything, as status.json counts it behind
# the first heartbeat after the pass, and the sender has kept it: what goes out at less than 95 % of it shows nothing.
#
# Both boxes run without CAP_NET_ADMIN, as units do, so that a socket has what the kernel allows and no more; weir-link,
# which needs it, has laid its rules before and stays away.  Some settings are of the whole machine, whatever the namespace:
# they are what the table says for as long as the part runs, and put back when it ends, or is ended.  It fails when no rate is
# found with what is recommended; that there is one without is promised nowhere.

lossless_default=(net.core.rmem_max=212992 net.core.rmem_default=212992 net.core.wmem_max=212992 net.core.wmem_default=212992
	net.core.netdev_max_backlog=1000 net.core.netdev_budget=300 vm.dirty_ratio=20 vm.dirty_background_ratio=10)
# of what check finds: what is of the kernel, and of the way of the datagrams
lossless_findings='["receive-buffer", "send-buffer", "udp-mem", "rp-filter", "backlog", "poll-budget", "dirty-memory"]'
lossless_least=100 # Mbit/s: below that nothing is looked for

# ---- settings ----

declare -A kernel_was=()

# kernel_set NAME=VALUE: of the whole machine; what was there is put back by kernel_back.
kernel_set() {
	local key=${1%%=*} name value
	key=${key/_bytes/_ratio} name=$key # of vm.dirty_bytes and vm.dirty_ratio one is 0, and is so again when the other is set
	if [[ -z ${kernel_was[$key]:-} ]]; then
		[[ $key != vm.dirty_* || $(sysctl -n "$key") != 0 ]] || name=${key/_ratio/_bytes}
		value=$(sysctl -n "$name") || return 1
		kernel_was[$key]=$name=$value
	fi
	sysctl -qw "$1"
}
kernel_back() {
	local name
	for name in "${!kernel_was[@]}"; do sysctl -qw "${kernel_was[$name]}" || echo "bench: '${kernel_was[$name]}' cannot be put back" >&2; done
	kernel_was=()
}

# The lines of what to type, "NAME=VALUE" each.
lossless_said() { # SIDE COMMAND…
	local side=$1
	shift
	"$@" "$build/weir-$side" check --json --config "$site/$side/$side.conf" |
		jq -r --argjson wanted "$lossless_findings" '.findings[] | select(.id | IN($wanted[])).type // empty' |
		grep -oE "sysctl -w [^=]+=('[^']+'|[0-9 ]+)" | sed "s/^sysctl -w //; s/'//g"
}
# What check says of each box, outside, where the settings of the whole machine are seen, and at its own end of the link.
lossless_recommended() {
	local side namespace setting
	lossless_settings=()
	for side in receiver sender; do
		namespace=ns_$side
		while read -r setting; do
			kernel_set "$setting" || return 1
			lossless_settings+=("$setting")
		done < <(lossless_said $side)
		while read -r setting; do
			ip netns exec "${!namespace}" sysctl -qw "$setting" 2>/dev/null || kernel_set "$setting" || return 1
			lossless_settings+=("$setting")
		done < <(lossless_said $side ip netns exec "${!namespace}")
		[[ -z $(lossless_said $side) ]] || { echo "bench: check of the $side still wants $(lossless_said $side)" >&2; return 1; }
	done
}
lossless_set() { # default|recommended
	local setting
	for setting in "${lossless_default[@]}"; do
		kernel_set "$setting" || { echo "bench: '$setting' cannot be set here" >&2; return 1; }
	done
	[[ $1 == default ]] || lossless_recommended
}

# ---- one rate ----

gbit() { awk -v m="$1" 'BEGIN { printf "%.2f", m / 1000 }'; } # MBIT
lossless_status() { jq -r "$1" "$receiver/vault/status.json"; }
# The heartbeat says how many datagrams went before it: one that was sent after the pass tells of a loss at its end, too.
lossless_is_counted() { (($(lossless_status .last_heartbeat_sent) > sent_us / 1000000)); }

# Bytes that have left by the sender's NIC, as weir-emit sees it; read without a process, since this is asked all the time.
lossless_gone() {
	local line
	while read -r line; do
		[[ $line == "$device:"* ]] || continue
		read -ra line <<<"${line#*:}"
		gone=${line[8]}
	done <"/proc/$lossless_emit/net/dev"
}
# lossless_pass MBIT FILE: until the pass has ended, or something was lost; fills first_us, last_us, when data went, and sent_us.
# Heartbeats are smaller.
lossless_pass() {
	local gone before until look=0
	until=$((${EPOCHREALTIME/./} + 20000000 + $(stat -c %s "$2") * 12 / $1)) # half as long again as it takes
	lossless_gone
	before=$gone first_us=0 last_us=0
	until is_sent; do
		lossless_gone
		sent_us=${EPOCHREALTIME/./}
		if ((gone - before > 100000)); then
			((first_us > 0)) || first_us=$sent_us
			before=$gone last_us=$sent_us
		fi
		((sent_us < until)) || return 1
		((++look % 100 > 0)) || [[ $(<"$receiver/vault/status.json") =~ \"link_lost\":0, ]] || return 0
		read -rt 0.005 -u "$never"
	done
	sent_us=${EPOCHREALTIME/./}
	return 0
}

# lossless_try MBIT FILE: fills lossless_speed, MB/s from the spool to the vault; else says in lossless_why what came between.
lossless_try() {
	local accepted first_us last_us sent_us bytes datagrams socket ring lost mbit
	read -r bytes datagrams < <(lossless_status '.counters | "\(.bytes) \(.datagrams)"')
	push files "$2" || fail "$pushed"
	accepted=${EPOCHREALTIME/./}
	lossless_why="the pass does not end"
	lossless_pass "$1" "$2" || return 1
	lossless_why="the receiver does not follow"
	until_true 30 lossless_is_counted || return 1
	read -r bytes datagrams socket ring lost < <(lossless_status ".counters |
		\"\(.bytes - $bytes) \(.datagrams - $datagrams) \(.kernel_drops) \(.ring_drops) \(.link_lost)\"")
	lossless_why="$lost lost$( ((socket == 0)) || echo ", socket full")$( ((ring == 0)) || echo ", ring full")"
	((lost + socket + ring == 0)) || return 1
	((last_us > first_us)) || fail "the pass was not seen"
	mbit=$(((bytes + 28 * datagrams) * 8 / (last_us - first_us))) # IP packets, as the rate counts
	lossless_why="the sender keeps $(gbit "$mbit")"
	((mbit * 100 >= $1 * 95)) || return 1
	lossless_why="not in the vault"
	arrives "$bundle" 60 || return 1
	lossless_speed=$(($(stat -c %s "$2") / (${EPOCHREALTIME/./} - accepted)))
}

# lossless_holds MBIT SETTINGS TRIES: all of them, with both boxes anew.  A single try, which finds the way, is shorter at a
# rate at which it would take long: there the socket is what may fill up, and not the ring.
lossless_holds() {
	local i held=0 file=$tmp/lossless
	(($1 >= 1000 || $3 > 1)) || file=$tmp/lossless-part
	weir_configure "$1 Mbit/s"
	lossless_set "$2" || give_up "the settings cannot be made"
	boxes_up
	lossless_emit=$(pid_of weir-emit)
	for ((i = 0; i < $3; i++)); do lossless_try "$1" "$file" || { held=1; break; }; done
	lossless_fill=$(($(lossless_status .ring.fill_max) >> 20))
	weir_down
	return $held
}

# ---- the search ----

# lossless_search SETTINGS: fills lossless_rate, 0 when none holds, with what its tries have said, and lossless_bound: the lowest
# rate that did not hold, and why.  One try finds the way, and what it has found must hold in all of them; else what held
# below is the next to be asked.
lossless_search() {
	local held=() low high=0 at=${LOSSLESS_START:-2000} is_last=0
	lossless_rate=0 lossless_found='- -' lossless_bound=''
	while ((at >= lossless_least)); do
		if lossless_holds "$at" "$1" $((is_last ? ${LOSSLESS_TRIES:-3} : 1)); then
			if ((is_last)); then
				lossless_rate=$at lossless_found="$lossless_speed $lossless_fill"
				return
			fi
			held+=("$at")
		else
			high=$at lossless_bound="$(gbit "$at"): $lossless_why"
			((!is_last)) || unset 'held[-1]'
		fi
		low=0 is_last=0
		((${#held[@]} == 0)) || low=${held[-1]}
		if ((high == 0)); then
			at=$((2 * low))
		elif ((low == 0)); then
			at=$((high / 2))
		elif ((high * 100 > low * (100 + ${LOSSLESS_WITHIN:-5}))); then
			at=$(awk -v a="$low" -v b="$high" 'BEGIN { printf "%.0f", sqrt(a * b) }')
		else
			at=$low is_last=1
		fi
	done
}

lossless_row() { printf '  %-6s %-14s %8s %8s %10s   %s\n' "$@"; }

lossless_mtu() { # MTU
	local settings shown
	local -A found=()
	for settings in default recommended; do
		lossless_search $settings
		found[$settings]=$lossless_rate
		shown=$(gbit "$lossless_rate")
		((lossless_rate > 0)) || shown="< $(gbit $lossless_least)"
		# shellcheck disable=SC2086 # two of them
		lossless_row "$1" $settings "$shown" $lossless_found "$lossless_bound"
	done
	((found[recommended] > 0)) || { failed=1; return; }
	shown=$(ratio "${found[recommended]}" $((found[default] > 0 ? found[default] : lossless_least)))
	((found[default] > 0)) || shown="> $shown"
	lossless_row "$1" ratio "$shown" "" "" ""
}

lossless_part() {
	local mtu lossless_settings=() lossless_rate lossless_found lossless_bound lossless_why lossless_speed lossless_fill lossless_emit
	local sender_absent=all receiver_absent=all
	printf '\nthe highest rate at which %s times %s MiB lose no datagram, %s cores, within %s %%; load %s\n' "${LOSSLESS_TRIES:-3}" \
		"$((${LOSSLESS_BYTES:-$((1 << 30))} >> 20))" "$(nproc)" "${LOSSLESS_WITHIN:-5}" "$(load)"
	"$build/tests/lib/export" --random "${LOSSLESS_BYTES:-$((1 << 30))}" --seed "$SEED" >"$tmp/lossless"
	head -c $((${LOSSLESS_BYTES:-$((1 << 30))} / 4)) "$tmp/lossless" >"$tmp/lossless-part"
	on_exit kernel_back
	lossless_row MTU settings Gbit/s MB/s "MiB of" "the lowest at which it was otherwise,"
	lossless_row "" "" "" "to vault" "the ring" "Gbit/s, and why"
	for mtu in $mtus; do
		link_start "$mtu"
		at_sender+=(setpriv --bounding-set -net_admin --inh-caps -net_admin)
		at_receiver+=(setpriv --bounding-set -net_admin --inh-caps -net_admin)
		[[ -d $keys ]] || site_make
		lossless_mtu "$mtu"
		kill "$sniff_pid"
		wait "$sniff_pid" 2>/dev/null
		link_stop
	done
	kernel_back
	printf '  default: %s\n  recommended: %s\n' "${lossless_default[*]}" "$(printf '%s\n' "${lossless_settings[@]}" | sort -u | xargs)"
	rm "$tmp/lossless" "$tmp/lossless-part"
}
