#!/usr/bin/env bash
# weir-sender setup and weir-receiver setup: what is asked and what is not, what is shown, written, and kept.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
((EUID == 0)) || { skip "boxes are set up" "network namespaces need root"; done_testing; }

space=weir-setup-$$
ip netns add "$space" || give_up "a network namespace cannot be made"
on_exit "ip netns del $space"
ip -n "$space" link add fib0 type veth peer name fib1
ip -n "$space" link add eth0 type veth peer name eth9
ip -n "$space" link set eth9 up
ip -n "$space" addr add 198.51.100.2/24 dev eth0
ip -n "$space" link set eth0 up
ip -n "$space" route add default via 198.51.100.1 dev eth0
inside=(ip netns exec "$space")
# setup SIDE ROOT ARGUMENT…
setup() { mkdir -p "$tmp/$2" && "${inside[@]}" "$build/weir-$1" setup --root "$tmp/$2" "${@:3}" 2>&1 </dev/null; }
files() { (cd "$tmp/$1" && find . -type f | sort | tr '\n' ' '); }
answers() { (umask 022 && printf '[answers]\n' >"$tmp/answers" && printf '%s\n' "$@" >>"$tmp/answers"); }

# ---- one file of answers for both boxes ----

answers "sender_nic = fib0" "receiver_nic = fib1" "mtu = 9000" "rate = 2.5 Gbit/s"
said=$(setup sender s --answers "$tmp/answers" --show)
check $? "what would be written is shown" || note "$said"
is "and nothing is written" "$(files s)" ""
like "the rate is in it" "$said" $'\n +rate = 2\.5 Gbit/s\n'
said=$(setup sender s --answers "$tmp/answers")
is "without a terminal nothing is written either, unless --yes says so" "$? $(files s)" "1 "
like "which is said" "$said" "nothing was written; say --yes"
said=$(setup sender s --answers "$tmp/answers" --yes)
check $? "the sending box is set up" || note "$said"
is "its files are there" "$(files s)" \
	"./etc/systemd/network/10-weir.link ./etc/weir/answers ./etc/weir/inside-1.card ./etc/weir/keys/box.key ./etc/weir/keys/link.key ./etc/weir/sender.conf "
said=$(setup receiver r --answers "$tmp/answers" --yes)
check $? "the receiving box is set up" || note "$said"
is "its files are there, and no link key, which comes from the sender" "$(files r)" \
	"./etc/systemd/network/10-weir.link ./etc/weir/answers ./etc/weir/keys/box.key ./etc/weir/outside-1.card ./etc/weir/receiver.conf "
like "which is said" "$said" "bring the sending box's link.key"
is "keys are for root alone" "$(stat -c '%a %U' "$tmp"/s/etc/weir/keys{,/psks,/box.key,/link.key} | tr '\n' ' ')" "700 root 700 root 600 root 600 root "
like "the card is that of the key" "$(cat "$tmp/s/etc/weir/inside-1.card")" "$("$build/weir-outbox" key show "$tmp/s/etc/weir/keys/box.key" | tail -n 1)"
for side in sender receiver; do
	is "the configuration of the $side is the example, but for what was answered" \
		"$(diff "$top/systemd/$side.conf" "$tmp/${side:0:1}/etc/weir/$side.conf" | sed -n 's/^> //p' | tr '\n' ' ')" \
		"$([[ $side == sender ]] && echo "source = 192.0.2.1 mtu = 9000 rate = 2.5 Gbit/s " ||
			echo "mtu = 9000 rate = 2.5 Gbit/s ride_out_stall_ms = 2000 ")"
done
like "both NICs take its packets" "$(cat "$tmp"/[sr]/etc/systemd/network/10-weir.link | grep -c '^MTUBytes=9000$')" "^2$"

# ---- again ----

before=$(cat "$tmp"/s/etc/weir/keys/*.key | sha256sum)
said=$(setup sender s --yes)
check $? "set up again it offers what was answered" || note "$said"
is "so nothing changes" "$(grep -c ': as it is$' <<<"$said") $(grep -cE ': (new|changed)' <<<"$said")" "3 0"
sed -i 's/^rate.*/rate = 100 Mbit\/s/' "$tmp/answers"
echo "retention_days = 9" >>"$tmp/s/etc/weir/sender.conf"
said=$(setup sender s --answers "$tmp/answers" --yes)
check $? "with another answer" || note "$said"
like "the change is shown" "$said" $'- rate = 2\.5 Gbit/s\n.*- retention_days = 9\n.*\+ rate = 100 Mbit/s\n'
like "what was there is kept" "$(cat "$tmp/s/etc/weir/sender.conf.old")" "retention_days = 9"
is "keys are never replaced" "$(cat "$tmp"/s/etc/weir/keys/*.key | sha256sum)" "$before"
echo "sender_name = inside-2" >>"$tmp/answers"
said=$(setup sender s --answers "$tmp/answers" --yes)
is "another name than the key's is refused" $? 1
like "why" "$said" "holds the sender key of 'inside-1', not that of sender 'inside-2'.*\[wrong-key\]"

# ---- what will not do ----

# refused SENTENCE PATTERN LINE…
refused() {
	answers "${@:3}"
	local said
	said=$(setup sender x --answers "$tmp/answers" --yes)
	like "$1 is refused" "$? $said" "^[13] .*$2"
	is "and nothing is written" "$(files x)" ""
}
refused "an answer that is missing" "'sender_nic' has no answer"
refused "an interface that is not there" "no such interface .*\[bad-configuration\]" "sender_nic = fib7"
refused "the interface that leads to everybody" "eth0: this is the way to everybody else" "sender_nic = eth0"
refused "a rate of nothing" "'?rate.*\[bad-configuration\]" "sender_nic = fib0" "rate = 0 Mbit/s"
refused "an MTU that no link has" "answers:3: .*1500 to 9000" "sender_nic = fib0" "mtu = 100"
refused "addresses that cannot see each other" "no network in common" "sender_nic = fib0" "sender_address = 10.0.0.1"
refused "what nobody asked" "answers:2: .*nothing of this name" "colour = red"
answers "sender_nic = fib0"
chmod 666 "$tmp/answers"
like "answers that anybody can write are refused" "$(setup sender x --answers "$tmp/answers" --yes)" "\[loose-permissions\]"
like "there is no --yes with --show" "$(setup sender x --yes --show)" "takes --answers FILE"

# ---- at a terminal ----

typed() { "${inside[@]}" "$top/tests/lib/on-terminal" "$1" "$build/weir-sender" setup --root "$tmp/t" | tr -d '\r'; }
mkdir "$tmp/t"
said=$(typed $'Inside\n\neth0\nfib0\n\n\n9000\nfast\n1 Gbit/s\n\nn')
like "the interfaces are listed" "$said" "fib0 .*eth0 .*the way to everybody else|eth0 .*the way to everybody else.*fib0"
like "a name that is none is asked again" "$said" "registry will have it \[inside-1\]: Inside.*a name is a-z.*\[inside-1\]: "
like "so is the wrong interface" "$said" "link: eth0.*the way to everybody else.*link: fib0"
like "and a rate that is none" "$said" "500 Mbit/s\]: fast.*a rate reads.*500 Mbit/s\]: 1 Gbit/s"
like "it asks before it writes" "$said" "Write these files\? \[y/N\]: n"
is "and writes nothing when nobody says yes" "$(files t)" ""
said=$(typed $'\nfib0\n\n\n9000\n1 Gbit/s\n\ny')
like "with a yes it does" "$(files t) $said" "sender.conf .*This box is set up"
said=$(typed $'\n\n\n\n\n\n\nn')
like "what was answered is offered the next time" "$said" "\[fib0\]: .*\[9000\]: .*\[1 Gbit/s\]: "

# ---- this machine itself, in mounts of its own ----

answers "sender_nic = fib0" "receiver_nic = fib1"
install -m 644 "$tmp/answers" "$tmp/those"
for side in sender receiver; do
	# shellcheck disable=SC2016 # the inner bash expands them
	said=$("${inside[@]}" unshare --mount --propagation private bash -c '
		mkdir -p "$1/"{up,work} && mount -t tmpfs tmpfs "$1/up" && mkdir "$1/up/"{new,work} || exit 9
		mount -t overlay overlay -o "lowerdir=/etc,upperdir=$1/up/new,workdir=$1/up/work" /etc || exit 9
		mount -t tmpfs tmpfs /var/lib && mkdir "/var/lib/weir-$3" || exit 9
		"$2/weir-$3" setup --yes --answers "$1/those"' setup "$tmp" "$build" "$side" 2>&1 </dev/null)
	is "the setup of a $side on its own machine is done, whatever is left to do" $? 0
	like "and ends in check, which tells of what people have not brought yet" "$said" \
		'This box is set up.*green configuration .*red +registry .*[1-9][0-9]* red, .* green'
done
is "this machine has nothing of it" "$(compgen -G '/etc/weir/answers')" ""

done_testing
