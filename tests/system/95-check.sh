#!/usr/bin/env bash
# `weir-sender check` and `weir-receiver check`: what they find, why and what to type (weir-check(7)).  Every finding is in
# the page, with the reason that the programs give, and has a test that plants its fault.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"

# ---- findings, the page and the tests ----

# names_of FINDING.C: the names of all findings.
names_of() { sed -nE 's/^\t\[FINDING_[A-Z0-9_ +]+\] = \{"([a-z0-9-]+)".*/\1/p' "$1" | sort; }
page=$tmp/page
mandoc -T utf8 -O width=999 "$top/common/weir-check.7" | col -bx >"$page"
listed() { sed -n '/^\.Sh FINDINGS/,$s/^\.It Sy //p' "$top/common/weir-check.7" | sort; }
is "weir-check(7) lists the findings that there are" "$(listed)" "$(names_of "$top/common/finding.c")"
sed 's/{"swap"/{"swop"/' "$top/common/finding.c" >"$tmp/finding.c"
is "twin: one that is named otherwise is seen" "$(diff <(listed) <(names_of "$tmp/finding.c") | grep '^[<>]')" $'< swap\n> swop'

# Sentences behind a name: of a finding its reason, of a layer its own.
reasons() {
	sed -nE 's/^\t\[FINDING_[A-Z_]+\] = \{"[a-z0-9-]+", "(.*)"\},/\1/p' "$top/common/finding.c"
	sed -nE '/^\} layers/,/^};/s/^.*, "([^"]*)"\},$/\1/p; /^\} layers/,/^};/s/^\t+ *"([^"]*)"\},$/\1/p' "$top/common/layers.c"
}
reasons_missing() { while read -r reason; do grep -qF "Why: $reason." "$page" || echo "$reason"; done; }
is "and gives the reason that the programs give" "$(reasons | reasons_missing)" ""
is "for each of them" "$(reasons | wc -l)" "$(names_of "$top/common/finding.c" | wc -l)"
is "twin: another reason is seen" "$(echo "another one" | reasons_missing)" "another one"
is "each says what to type" "$(grep -c '^ *Type: ' "$page")" "$(names_of "$top/common/finding.c" | wc -l)"

# planted NAMES FILE…: those that no test has seen amber or red.  Two are told of and never wrong: a refused configuration
# ends the check, and whether an outage is provided for is a choice.
planted() {
	local name
	while read -r name; do
		[[ $name =~ ^(configuration|outage)$ ]] || grep -qE "(amber|red) +\+?$name([^a-z0-9-]|$)" "${@:2}" || echo "$name"
	done <<<"$1"
}
is "each has a test that plants its fault" "$(planted "$(names_of "$top/common/finding.c")" "$top"/tests/unit/*.c "$top"/tests/system/*.sh)" ""
is "twin: one without is seen" "$(planted "no-such-finding" "$top"/tests/unit/*.c "$top"/tests/system/*.sh)" no-such-finding

# ---- two boxes ----

link_start 1500
site_make
rconf=$receiver/receiver.conf
checks() { "in_$1" "$build/weir-$1" check --config "$site/$1/$1.conf" "${@:2}" 2>&1; }
# states_of SIDE [JQ]: "red hold", of those that JQ selects
states_of() { checks "$1" --json | jq -r ".findings[] | select(${2:-true}) | \"\(.state) \(.id)\"" | sort -u; }
state_of() { states_of "$1" ".id == \"$2\""; }
has_link() { [[ $link == loopback || "$(state_of sender carrier) $(state_of receiver carrier)" == "green carrier green carrier" ]]; }
ok "both have a link" until_true 10 has_link
said=$(checks sender)
is "a sender that does not run is red, and the exit code says so" "$?" 3
like "weir-hold is missing" "$said" "red   hold +weir-hold does not answer: .*why:  .*type: systemctl start"
like "and weir-emit" "$said" "red   emit +it has not been heard of yet"
said=$(checks receiver)
is "so is a receiver" "$?" 3
like "weir-keep is missing" "$said" "red   keep +it has not run yet: no status.json"
like "the last line counts" "$(tail -n 1 <<<"$said")" "^[0-9]+ red, [0-9]+ amber, [0-9]+ green$"
is "every line that is not green has its reason and what to type" "$(grep -cE '^(amber|red) ' <<<"$said")" \
	"$(grep -A 1 '^      why:  ' <<<"$said" | grep -c '^      type: ')"
is "without a terminal nothing is coloured" "$(grep -c $'\033' <<<"$said")" 0
is "on one it is" "$("$top/tests/lib/on-terminal" "" /bin/bash -c "${at_receiver[*]} $build/weir-receiver check --config $rconf" </dev/null | grep -c $'\033\[1;31mred')" \
	"$(grep -c '^red ' <<<"$said")"
is "quietly nothing green is said" "$(checks receiver -q | grep -c '^green')" 0
is "but what is not" "$(checks receiver --quiet)" "$(grep -v '^green' <<<"$said")"
said=$(checks receiver --json)
is "JSON ends with the same exit code" "$?" 3
is "its summary counts its findings" "$(jq -c '.summary | [.red, .amber, .green]' <<<"$said")" \
	"$(jq -c '[("red", "amber", "green") as $s | [.findings[] | select(.state == $s)] | length]' <<<"$said")"
is "each has all its fields" "$(jq -c '[.findings[] | keys_unsorted] | unique' <<<"$said")" '[["id","state","what","why","type","fix","verdict"]]'
is "and what is green alone has nothing to type" "$(jq '[.findings[] | select((.state == "green") != (.type == null))] | length' <<<"$said")" 0
checks receiver --all >"$tmp/said"
is "an option that there is none of is refused" "$? $(grep -c '^weir-receiver: check takes ' "$tmp/said")" "2 1"
checks sender more >/dev/null
is "and so is an argument" "$?" 2
for side in sender receiver; do
	for option in $("$build/weir-$side" check --help | grep -oE -- '(-q|--[a-z]+)' | sort -u); do
		ok "check $option is in the man page of the $side" grep -qF -- "$option" <(mandoc -T utf8 "$top/$side/weir-$side.8" | col -bx)
	done
done
is "WEIR_CONFIG names the configuration" "$(WEIR_CONFIG=$rconf "$build/weir-receiver" check --json | jq -r '.findings[0].id')" configuration

receiver_up
sender_up
emits() { [[ $(state_of sender emit) == "green emit" ]]; }
is "when they run weir-hold is green" "$(state_of sender hold)" "green hold"
ok "and weir-emit" until_true 10 emits
is "and weir-keep" "$(state_of receiver keep)" "green keep"
heard() { [[ $(jq .last_heartbeat_sent "$receiver/vault/status.json") != 0 ]]; }
ok "and the sender's clock is heard" until_true 20 heard
is "which is this one" "$(state_of receiver clocks-apart)" "green clocks-apart"
is "and the ring is not filling" "$(state_of receiver ring-fill)" "green ring-fill"
if [[ $link == namespaces ]]; then
	# What is of the machine and not of the site: how much a kernel allows, what the disk of tests is, swap.
	own='(.id | test("^(receive-buffer|udp-mem|disk-.*|swap|temperature)$") | not)'
	none_red() { [[ -z $(states_of "$1" ".state == \"red\" and $own") ]]; }
	for side in sender receiver; do
		ok "nothing of the $side is red" until_true 10 none_red $side || note "$(checks $side --quiet)"
		checks $side >"$tmp/said"
		is "and the exit code says whether nothing is" "$?" "$(($(grep -c '^red ' "$tmp/said") > 0 ? 3 : 0))"
	done
	in_receiver ip link set dev "$device" mtu 1400
	in_receiver ip addr add 10.77.9.9/32 dev lo
	sed "s/^address = .*/address = 10.77.9.9/" "$rconf" >"$receiver/other.conf" && chmod 600 "$receiver/other.conf"
	is "a NIC that takes less is red" "$(state_of receiver mtu)" "red mtu"
	ok "twin: then something is" test -n "$(states_of receiver ".state == \"red\" and $own")"
	is "and so is the address of another one" "$(in_receiver "$build/weir-receiver" check --config "$receiver/other.conf" | grep -cE \
		"^red   link-route +10.77.9.9 is an address of lo$")" 1
	in_sender ip route add "$receiver_address/32" dev lo
	is "a route that leads elsewhere is red" "$(state_of sender link-route)" "red link-route"
	in_sender ip route del "$receiver_address/32" dev lo
	is "who takes frames from the NIC, as the test itself, is seen" "$(state_of sender listeners)" "amber listeners"
	in_receiver ip link set dev "$device" mtu 1500
fi
receiver_down
sender_down

# What keep would have written.
status=$receiver/vault/status.json
jq '.ring.is_filling = true | .nic = null | .last_heartbeat_sent = .last_heartbeat - 3600' "$status" >"$tmp/status" && cp "$tmp/status" "$status"
is "a ring that fills up is told of" "$(state_of receiver ring-fill)" "amber ring-fill"
is "and that the sender's clock is another hour's" "$(state_of receiver clocks-apart)" "amber clocks-apart"
is "and that no counters are read" "$(state_of receiver counters)" "amber counters"
registry_text 1 | sed -E "s/^(issued = ).*/\12026-01-01/; 0,/^expires = .*/s//expires = $(date -u -d yesterday +%F)/" >"$site/old"
registry_install 1 "$site/old"
is "a registry that has ended is red" "$(state_of receiver registry)" "red registry"
is "on the sender, too" "$(state_of sender registry)" "red registry"
mv "$site/roots" "$site/roots.away"
for side in sender receiver; do
	is "a $side that has no roots yet, as when it is set up, is red of that" "$(state_of $side registry)" "red registry"
	is "and the rest of it is looked at" "$(state_of $side box-key) $(state_of $side link-key)" "green box-key green link-key"
done
mv "$site/roots.away" "$site/roots"

# ---- what --fix sets ----

if ((EUID != 0)); then
	skip "check --fix sets what is safe to set" "it needs root"
	nothing_came_back
	done_testing
fi
cp "$build/weir-receiver" "$tmp/" && chmod 711 "$tmp"
said=$(setpriv --reuid 65534 --clear-groups "$tmp/weir-receiver" check --fix 2>&1)
like "only root fixes" "$? $said" "^2 weir-receiver: --fix sets what only root may set: say it as root"
# In namespaces of its own, with folders in the place of what is not of a network namespace.
cat >"$tmp/fix" <<'END'
set -e
tmp=$1 build=$2 rconf=$3
shift 3
mkdir -p "$tmp/net/core" "$tmp/vm" "$tmp/kernel" "$tmp/fs" "$tmp/sysctl.d"
for name in dirty_background_bytes dirty_bytes; do echo 0 >"$tmp/vm/$name"; done
for name in dirty_background_ratio dirty_ratio; do echo 90 >"$tmp/vm/$name"; done
echo '|/usr/bin/some %P' >"$tmp/kernel/core_pattern"
echo 0 >"$tmp/fs/suid_dumpable"
echo 1 >"$tmp/net/core/rmem_max"
for name in net/core vm kernel fs; do mount --bind "$tmp/$name" "/proc/sys/$name"; done
mount --bind "$tmp/sysctl.d" /etc/sysctl.d
mkdir -p "$tmp/cpu/cpu0/cpufreq"
echo 0-1 >"$tmp/cpu/online"
echo powersave >"$tmp/cpu/cpu0/cpufreq/scaling_governor"
mount --bind "$tmp/cpu" /sys/devices/system/cpu
ip link add weir9 type veth peer name other9
ip link set weir9 mtu 1400
echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter
echo 1 >/proc/sys/net/ipv4/conf/weir9/rp_filter
code=0
"$build/weir-receiver" check --config "$rconf" "$@" || code=$?
echo "ended with $code"
cat /proc/sys/net/ipv4/conf/weir9/rp_filter
END
sed -E 's/^(absent = all|interface = .*)$/interface = weir9/' "$rconf" >"$tmp/fixed.conf" && chmod 600 "$tmp/fixed.conf"
fixing() { unshare --mount --net bash "$tmp/fix" "$tmp" "$build" "$tmp/fixed.conf" "$@" 2>&1; }
found() { jq -r '.findings[] | select(.id == ("receive-buffer", "rp-filter", "dirty-memory", "core-dumps")) | "\(.state) \(.id) \(.fix)"' | xargs; }
is "what can be set is said" "$(fixing --json | sed -n '/^{/,/^}/p' | found)" "red receive-buffer true red rp-filter true amber dirty-memory true amber core-dumps true"
is "with JSON, what is set is told beside it" \
	"$(unshare --mount --net bash "$tmp/fix" "$tmp" "$build" "$tmp/fixed.conf" --fix --json 2>"$tmp/said" | head -n 1) $(grep -c '^set ' "$tmp/said")" "{ 7"
said=$(fixing --fix)
like "a setting is set, for now and for each start" "$said" \
	"set   rp-filter +net.ipv4.conf.weir9.rp_filter = 0, now, and at each start by /etc/sysctl.d/61-weir-check.conf"
like "and is green then" "$said" "green rp-filter +off at weir9"
like "so is the MTU of the NIC, as long as it is there" "$said" "set   mtu +weir9 = 1500, until the box starts again; .*green mtu +1500 configured, 1500 at weir9"
like "and the governor of its cores" "$said" "set   governor +scaling_governor = performance, until .*green governor +performance at all 1 cores"
like "that it is down is for people" "$said" "red   link-nic +weir9 is down.*type: ip link set dev weir9 up"
like "and so is that another one has the address" "$said" "red   link-route +$listen_address is an address of no interface"
like "of the kernel itself" "$said" "green dirty-memory .*green core-dumps"
is "the kernel has it" "$(tail -n 1 <<<"$said")" 0
is "the settings for each start are in their file" "$(grep -v '^#' "$tmp/sysctl.d/61-weir-check.conf" | tr -d ' ' | sort | xargs)" \
	"kernel.core_pattern=core net.core.rmem_max=268435456 net.ipv4.conf.weir9.rp_filter=0 vm.dirty_background_bytes=268435456 vm.dirty_bytes=1073741824"
like "what it cannot mend stays red, as the exit code says" "$said" "red   registry .*ended with 3"
nothing_came_back
done_testing
