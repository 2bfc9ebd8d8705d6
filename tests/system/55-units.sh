#!/usr/bin/env bash
# The units: exposure, exceptions, and that they say what programs, users, sockets and the manual say.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
cd "$top" || exit 1

units=(systemd/*.service)
all=(systemd/*.service systemd/*.socket systemd/*.target systemd/*.timer systemd/*.path)

# ---- exposure ----

exposure() {
	systemd-analyze security --offline=yes --no-pager "$1" 2>/dev/null | sed -nE 's/.*Overall exposure level.*: ([0-9.]+) .*/\1/p'
}
for unit in "${units[@]}"; do
	ok "exposure of ${unit#*/} is at most 1.2" \
		systemd-analyze security --offline=yes --threshold=12 --no-pager "$unit"
	note "${unit#*/}: $(exposure "$unit")"
done
# The twin: the same program in a unit that says nothing.
mkdir "$tmp/open"
printf '[Service]\nExecStart=/usr/bin/weir-hold --config /etc/weir/sender.conf\n' >"$tmp/open/weir-hold.service"
exposed() { ! systemd-analyze security --offline=yes --threshold=12 --no-pager "$1"; }
ok "a unit that takes nothing away is found too exposed" exposed "$tmp/open/weir-hold.service"
note "a unit that takes nothing away: $(exposure "$tmp/open/weir-hold.service")"

# ---- every exception has its comment ----

# What each unit says unless a comment above says why not.
walls="CapabilityBoundingSet= DevicePolicy=closed IPAddressDeny=any KeyringMode=private LimitCORE=0 LockPersonality=yes
	MemoryDenyWriteExecute=yes MemorySwapMax=0 NoNewPrivileges=yes PrivateDevices=yes PrivateIPC=yes PrivateMounts=yes
	PrivateNetwork=yes PrivateTmp=yes PrivateUsers=yes ProcSubset=pid ProtectClock=yes ProtectControlGroups=yes
	ProtectHome=yes ProtectHostname=yes ProtectKernelLogs=yes ProtectKernelModules=yes ProtectKernelTunables=yes
	ProtectProc=invisible ProtectSystem=strict RemoveIPC=yes RestrictAddressFamilies=none RestrictNamespaces=yes
	RestrictRealtime=yes RestrictSUIDSGID=yes SystemCallArchitectures=native SystemCallErrorNumber=EPERM
	SystemCallFilter=@system-service SystemCallFilter=~@privileged"
# Those of a unit that neither stand there, nor have a comment that begins with "Exception" and names the key, or stands above
# the line of that key.
without_reason() {
	local wall key
	for wall in $walls; do
		key=${wall%%=*}
		grep -qE "^$wall( |$)" "$1" || grep -qE "^# Exception: no $key=" "$1" ||
			awk -v key="$key=" 'index($0, key) == 1 && said { found = 1 } /^#/ { said = said || /^# Exception/; next }
				{ said = 0 } END { exit !found }' "$1" || echo "$key"
	done
}
for unit in "${units[@]}"; do
	is "what ${unit#*/} leaves open has its reason beside it" "$(without_reason "$unit")" ""
done
sed '/PrivateDevices/d; /# Exception: no PrivateUsers/d' systemd/weir-hold.service >"$tmp/open/half.service"
is "a wall that was taken away without a word is found" "$(without_reason "$tmp/open/half.service" | paste -sd' ')" \
	"PrivateDevices PrivateUsers"

# What has plaintext or keys in its memory: no disk may get it, whatever the reason.
leaky() { local unit; for unit in "$@"; do grep -qx MemorySwapMax=0 "$unit" && grep -qx LimitCORE=0 "$unit" || echo "${unit##*/}"; done; }
is "no unit has its memory written to a disk, neither as swap nor as a core, and none has a reason to" "$(leaky "${units[@]}")" ""
sed 's/^MemorySwapMax=0/# Exception: it is large.\nMemorySwapMax=1G/' systemd/weir-hold.service >"$tmp/open/swapped.service"
sed 's/^LimitCORE=0/# Exception: no LimitCORE=, for its developers/' systemd/weir-hold.service >"$tmp/open/cored.service"
is "one that has is found" "$(leaky "$tmp"/open/{swapped,cored}.service | paste -sd' ')" "swapped.service cored.service"

# ---- what is installed ----

make -s BUILD="$build" DESTDIR="$tmp/both" PREFIX=/usr install >"$tmp/log" 2>&1
check $? "make install installs them" || note "$(tail "$tmp/log")"
for side in sender receiver; do
	make -s BUILD="$build" DESTDIR="$tmp/$side" PREFIX=/usr install-$side >"$tmp/log" 2>&1
	check $? "make install-$side installs one side" || note "$(tail "$tmp/log")"
done
there() { (cd "$tmp/$1" && find . -type f -printf '%P\n' | sort); }
is "both sides together are the whole" "$({ there sender; there receiver; } | sort -u)" "$(there both)"
is "a box has no program of the other side" \
	"$({ there sender | grep -E 'bin/weir-(catch|keep|inbox|receiver)$'; there receiver | grep -E 'bin/weir-(outbox|seal|hold|emit|sender)$'; })" ""
for side in sender receiver; do
	is "the $side has all hardware notes, for who stands before it when the other is dead" \
		"$(ls "$tmp/$side/usr/share/doc/weir/hardware-notes")" "$(ls hardware-notes)"
done
is "every unit is installed" "$(cd "$tmp/both/usr/lib/systemd/system" && ls)" "$(printf '%s\n' "${all[@]##*/}" | sort)"
make -s BUILD="$build" DESTDIR="$tmp/local" PREFIX=/usr/local install-sender >/dev/null 2>&1
is "with another PREFIX units name the programs there" \
	"$(grep -rhoE '[=+]/usr/(local/)?(bin|lib/weir)/[a-z-]+' "$tmp/local/usr/local/lib/systemd/system" | grep -v '/usr/local/')" ""

# systemd finds nothing wrong but for programs, which are not in place here.
verify() {
	SYSTEMD_UNIT_PATH=$tmp/both/usr/lib/systemd/system: systemd-analyze verify --man=no "$@" 2>&1 | grep weir |
		grep -v 'is not executable: No such file'
}
is "systemd-analyze verify finds nothing wrong with them" "$(verify "$tmp"/both/usr/lib/systemd/system/weir-*)" ""
sed 's/^PrivateTmp=/PrivateTemp=/' systemd/weir-hold.service >"$tmp/open/weir-hold.service"
like "and it finds a word that is none" "$(verify "$tmp/open/weir-hold.service")" PrivateTemp
while read -r program; do
	ok "$program, which a unit starts, is installed" test -x "$tmp/both$program"
done < <(sed -nE 's/^Exec[A-Za-z]+=\+?(\/usr[^ ]*).*/\1/p' "${units[@]}" | sort -u)

# ---- users ----

for side in sender receiver; do
	sysusers=(systemd/weir.sysusers "systemd/weir-$side.sysusers")
	for unit in "$tmp/$side"/usr/lib/systemd/system/*; do
		while read -r name; do
			ok "$name, of ${unit##*/}, is made on a $side" grep -qE "^[ug] $name " "${sysusers[@]}"
		done < <(sed -nE 's/^(User|SocketUser|SocketGroup|SupplementaryGroups)=//p' "$unit" | grep -vx root)
	done
	while read -r name; do
		ok "$name, of the tmpfiles of a $side, is made on a $side" grep -qE "^[ug] $name " "${sysusers[@]}"
	done < <(awk '/^[dfL]/ { print $4; print $5 }' systemd/weir.tmpfiles "systemd/weir-$side.tmpfiles" | sort -u | grep -vx -e root -e -)
done
is "no two processes are one user, but for what the box signs itself" \
	"$(grep -H '^User=' "${units[@]}" | sort -t= -k2 | awk -F= '$2 == last { print $2 } { last = $2 }')" "weir-hold"
if ((EUID == 0)); then
	for side in sender receiver; do
		mkdir -p "$tmp/$side/etc"
		systemd-sysusers --root="$tmp/$side" >"$tmp/log" 2>&1 &&
			systemd-tmpfiles --root="$tmp/$side" --create >>"$tmp/log" 2>&1
		check $? "systemd makes the users and directories of a $side" || note "$(tail "$tmp/log")"
		is "and complains of nothing" "$(grep -vE '^Creating (user|group) ' "$tmp/log")" ""
	done
else
	skip "systemd makes users and directories" "only root can"
fi

# ---- sockets ----

# The names by which programs ask for descriptors, and systemd's own of a socket that accepts.
is "programs and units call sockets by the same names" \
	"$({ sed -n 's/^FileDescriptorName=//p' systemd/*.socket; echo connection; } | sort -u)" \
	"$(grep -hoE 'service_socket\("[a-z]+"\)' sender/*.c receiver/*.c | sed -E 's/.*"(.*)".*/\1/' | sort -u)"
port_of() { sed -nE 's/^;?port = ([0-9]+)/\1/p' "systemd/$1.conf"; }
is "the receive socket has the port of both configurations" \
	"$(sed -nE 's/^ListenDatagram=.*:([0-9]+)/\1/p' systemd/weir-catch.socket)" "$(port_of sender)"
is "which are the same" "$(port_of receiver)" "$(port_of sender)"
is "the receive buffer is that of the configuration" \
	"$(sed -nE 's/^ReceiveBuffer=([0-9]+)M/\1/p' systemd/weir-catch.socket)" \
	"$(sed -nE 's/^;socket_buffer_mib = ([0-9]+)/\1/p' systemd/receiver.conf)"
of_network() { sed -nE "s/^$2=([^/]*).*/\1/p" "systemd/weir-$1.network" | paste -sd' '; }
is "the sender's neighbour is the receiver" "$(of_network sender LinkLayerAddress)" "$(of_network receiver MACAddress)"
is "at the address of the configuration" "$(sed -n 's/^address = //p' systemd/sender.conf)" "$(of_network receiver Address | cut -d' ' -f1)"
for side in sender receiver; do
	is "the .link file of the $side gives the NIC the address and name of its .network file" \
		"$(sed -nE 's/^(MACAddress|Name)=//p' "systemd/weir-$side.link" | sort)" \
		"$(sed -nE 's/^(MACAddress|Name)=//p' "systemd/weir-$side.network" | sort)"
done

# ---- the .link files, by udev's own code ----

# under_udev SIDE CHANGE: udev configures one end of a veth, which has neither rings nor pause frames, by the side's file.
# shellcheck disable=SC2016 # the inner bash expands them
under_udev() {
	unshare --net --mount bash -c '
		mount -t sysfs sysfs /sys && mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/network /run/udev || exit
		ip link add eth7 type veth peer name eth8 && read -r mac </sys/class/net/eth7/address || exit
		sed "s/^PermanentMACAddress=.*/MACAddress=$mac/; s/^#MTUBytes/MTUBytes/; $2" "$1" >/run/systemd/network/10-weir.link
		udevadm test-builtin net_setup_link /sys/class/net/eth7 2>&1
		ip -o link show eth7' under-udev "systemd/weir-$1.link" "$2"
}
if ((EUID == 0)); then
	for side in sender receiver; do
		said=$(under_udev $side "")
		like "udev takes the .link file of the $side" "$said" 'Config file /run/systemd/network/10-weir.link is applied'
		like "and names the NIC" "$said" 'ID_NET_NAME=weir0'
		like "gives it its address and what the datagrams need" "$said" \
			"mtu 9000 .*$(sed -n 's/^MACAddress=//p' "systemd/weir-$side.link")"
		like "turns off what goes against the way of the data" "$said" 'set flow control'
		like "and what wakes it" "$said" 'WakeOnLan to off'
		is "it knows every key in it" "$(grep -E '10-weir.link:[0-9]+:' <<<"$said")" ""
	done
	like "the receiver's ring is as large as the NIC has it" "$said" 'set ring buffer'
	# The twin.
	like "a key that it does not know would be seen" "$(under_udev sender 's/^WakeOnLan=/WakeOnLane=/')" \
		"10-weir.link:[0-9]+: Unknown key .*'WakeOnLane'"
else
	skip "udev takes the .link files" "network namespaces need root"
fi

# ---- the manual ----

manual=$(mandoc -T utf8 -O width=200 common/weir-units.7 | col -bx)
for unit in "${all[@]##*/}"; do
	ok "$unit is in weir-units(7)" grep -qF -- "$unit" <<<"$manual"
done
while read -r name; do
	ok "user or group $name is in weir-units(7)" grep -qwF -- "$name" <<<"$manual"
done < <(sed -nE 's/^[ug] ([a-z-]+) .*/\1/p' systemd/*.sysusers | sort -u)
while read -r page; do
	ok "$page, which a unit names, is there" test -e "$(compgen -G "*/$page" | head -n 1)"
done < <(sed -nE 's/^Documentation=man:(.*)\(([0-9])\)/\1.\2/p' "${all[@]}" | sort -u)
done_testing
