# shellcheck shell=bash disable=SC2034 # what it sets is for its callers
# boot.sh: two boxes with a systemd of their own, and the fibre between them.  Brings system.sh with it.
#
# Each box is a container (systemd-nspawn) with its own network namespace.  Its root is empty but for /usr: that of this
# machine, with what `make install-SIDE` installs in front of it, and nobody can write there; with from=debootstrap it is Debian as
# debootstrap makes it, which takes minutes.  etc is as the manual says that an installer leaves it.
#
#   boxes_make                 before it: from, conf_sender and conf_receiver (more lines for [link])
#   box_boot SIDE              starts it; booted SIDE: it is up
#   at SIDE COMMAND…           in it, as root; with a time limit
#   as USER SIDE COMMAND…      in it, as this user with all groups of it
#   shown SIDE UNIT PROPERTY   what its systemd says
#   journal SIDE ARGUMENT…
#   drop_in SIDE UNIT          a drop-in, from stdin
#   box_logs LINES             for the reader of a failed test

# shellcheck source=tests/lib/system.sh
. "$(dirname "${BASH_SOURCE[0]}")/system.sh"

from=${from:-machine}
conf_sender='' conf_receiver=''
declare -A root=([sender]=$tmp/box-sender [receiver]=$tmp/box-receiver) leader=() nspawn=()
ns_sender=weir-bs-$$ ns_receiver=weir-br-$$
declare -A namespace=([sender]=$ns_sender [receiver]=$ns_receiver)

# ---- roots ----

install_weir() {
	make -s -C "$top" BUILD="$build" DESTDIR="$tmp/installed-$1" PREFIX=/usr "install-$1" >"$tmp/install.log" 2>&1 ||
		give_up "make install-$1 fails: $(tail -n 5 "$tmp/install.log")"
}

root_of_machine() {
	local name at=${root[$1]}
	mkdir -p "$at"/{usr,etc,var,run,tmp,proc,sys,dev,root,home,mnt,opt}
	for name in bin sbin lib lib64; do ln -s "usr/$name" "$at/$name"; done
	mount -t overlay overlay -o "lowerdir=$tmp/installed-$1/usr:/usr" "$at/usr" || give_up "a root cannot be made"
	on_exit "umount -l $at/usr"
}

root_of_debootstrap() {
	local libraries
	if [[ ! -d $tmp/debian ]]; then
		libraries=$(ldd "$build"/weir-* | sed -nE 's/.* => ([^ ]+) .*/\1/p' | sort -u | xargs -n 1 realpath |
			xargs -n 1 dpkg -S 2>/dev/null | cut -d: -f1 | sort -u | paste -sd,)
		debootstrap --variant=minbase --include="systemd,iproute2,$libraries" bookworm "$tmp/debian" \
			>"$tmp/debootstrap.log" 2>&1 || give_up "debootstrap: $(tail -n 5 "$tmp/debootstrap.log")"
	fi
	cp -a "$tmp/debian" "${root[$1]}"
	cp -a "$tmp/installed-$1/usr" "${root[$1]}/"
}

# What boots, and has nothing for a person at a screen.
root_prepare() {
	local name etc=${root[$1]}/etc
	mkdir -p "$etc"/{systemd/system,sysusers.d}
	tr -d - </proc/sys/kernel/random/uuid >"$etc/machine-id"
	cp /usr/lib/os-release "$etc/os-release"
	for name in getty.target systemd-logind.service systemd-user-sessions.service systemd-update-utmp.service \
		systemd-update-utmp-runlevel.service dbus.service dbus.socket systemd-tmpfiles-clean.timer console-getty.service; do
		ln -sf /dev/null "$etc/systemd/system/$name"
	done
	ln -sf /usr/lib/systemd/system/multi-user.target "$etc/systemd/system/default.target"
}

# What an installer does: the manual's steps (weir-units(7)).
root_configure() {
	local side=$1 name etc=${root[$1]}/etc more=conf_$1
	mkdir -p "$etc"/weir/{keys/psks,drop}
	chmod 700 "$etc/weir/keys" "$etc/weir/keys/psks"
	cp "$site/registry" "$site/roots" "$etc/weir/"
	install -m 600 "$keys/link.key" "$etc/weir/keys/link.key"
	install -m 600 "$keys/$([[ $side == sender ]] && echo inside-1 || echo outside-1).key" "$etc/weir/keys/box.key"
	[[ $side == receiver ]] || for name in $recipients; do
		install -m 600 "$keys/psk/$name.key" "$etc/weir/keys/psks/$name.key"
	done
	# as it is shipped, with the lines of this test behind those of its section
	awk -v more="${!more}" '{ print } /^\[link\]/ { print more }' "$top/systemd/$side.conf" >"$etc/weir/$side.conf"
}
root_enable() {
	systemctl --quiet --root="${root[$1]}" enable systemd-networkd.service "weir-$1.target" >/dev/null 2>&1 ||
		give_up "weir-$1.target cannot be enabled"
}

# ---- the fibre ----

# The NICs have the names and addresses that the .link files give them; all else is left to the .network files.
fibre_make() {
	local side
	link=namespaces
	device=weir0
	for side in "${!namespace[@]}"; do
		ip netns add "${namespace[$side]}" || give_up "a network namespace cannot be made"
		on_exit "ip netns del ${namespace[$side]}"
	done
	at_sender=(ip netns exec "$ns_sender") at_receiver=(ip netns exec "$ns_receiver")
	ip -n "$ns_sender" link add "$device" address 02:57:65:69:72:01 type veth \
		peer name "$device" address 02:57:65:69:72:02 netns "$ns_receiver"
	sniff_start
}

# Keys, registry, and the fibre.
boxes_site() {
	((EUID == 0)) || { skip "two boxes are booted" "containers need root"; done_testing; }
	site_keys || give_up "keys cannot be made"
	{ key_card "$keys/root-1.key"; printf '[roots]\nquorum = 1\n'; } >"$site/roots"
	registry_install 1 || give_up "the registry cannot be signed"
	fibre_make
}
boxes_make() {
	local side
	boxes_site
	for side in sender receiver; do
		install_weir "$side"
		"root_of_$from" "$side"
		root_prepare "$side"
		root_configure "$side"
		root_enable "$side"
	done
}

# ---- life ----

# Each systemd rules the control groups below the one that it was started in, and all units that are there.
groups_of() { findmnt -rno TARGET -t cgroup2,cgroup | grep -E '/(unified|systemd|cgroup)$' | sed "s|\$|/$1|"; }
group_enter() {
	local group
	for group in $(groups_of "$1"); do
		mkdir -p "$group" && echo "$BASHPID" >"$group/cgroup.procs" || echo "boot: no control group '$group'" >&2
	done
}
group_leave() {
	local group
	for group in $(groups_of "$1"); do find "$group" -depth -type d -exec rmdir {} + 2>/dev/null; done
}

box_boot() {
	local side=$1 name=weir-$1-$$
	box_start "$side" "$name" &
	nspawn[$side]=$!
	on_exit "box_kill $side; group_leave $name; rm -rf /run/systemd/nspawn/propagate/$name"
	has_leader() { leader[$side]=$(pgrep -P "${nspawn[$side]}" -x systemd); }
	until_true 20 has_leader || give_up "systemd-nspawn: $(tail -n 5 "$tmp/console-$side")"
}

box_start() {
	local side=$1 name=$2
	group_enter "$name"
	SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 SYSTEMD_NSPAWN_API_VFS_WRITABLE=network exec systemd-nspawn -q -D "${root[$side]}" \
		-M "$name" --register=no --keep-unit --network-namespace-path="/run/netns/${namespace[$side]}" \
		--capability=CAP_NET_ADMIN,CAP_BPF,CAP_IPC_LOCK --system-call-filter=bpf -b </dev/null >"$tmp/console-$side" 2>&1
}

box_kill() {
	[[ -n ${leader[$1]:-} ]] && kill -KILL "${leader[$1]}" 2>/dev/null
	wait "${nspawn[$1]}" 2>/dev/null
}

at() { timeout -k 5 60 nsenter -t "${leader[$1]}" -a "${@:2}"; }
as() {
	local gid
	gid=$(at "$2" id -g "$1") || return
	at "$2" setpriv --reuid "$1" --regid "$gid" --init-groups env -i HOME="/home/$1" PATH=/usr/bin LC_ALL=C.UTF-8 "${@:3}"
}
shown() { at "$1" systemctl show --value -p "$3" "$2"; }
journal() { at "$1" journalctl --no-pager -q -o cat "${@:2}"; }
drop_in() {
	mkdir -p "${root[$1]}/etc/systemd/system/$2.d"
	cat >"${root[$1]}/etc/systemd/system/$2.d/${3:-test}.conf"
}

is_active() { [[ $(shown "$1" "$2" ActiveState) == active ]]; }
booted() { is_active "$1" multi-user.target; }

frames_dropped() { in_receiver nft list counter netdev weir_receiver back | grep -oE 'packets [0-9]+' | cut -d' ' -f2; }

box_logs() {
	local side
	for side in sender receiver; do
		note "$side: $(at "$side" systemctl --no-pager list-units --state=failed,activating 2>&1)"
		note "$(at "$side" journalctl --no-pager -q 2>&1 | grep -v ' probe weir-' | tail -n "$1")"
	done
}
