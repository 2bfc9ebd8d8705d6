#!/usr/bin/env bash
# The Debian packages: built twice, elsewhere and at another time, they are the same bytes; lintian finds nothing; from the bundle
# for a site without a network they are installed on Debian as debootstrap makes it, and there, under its systemd, configured,
# upgraded, removed, installed again, purged.  make check-packages runs it.
# Counts on time.
# shellcheck disable=SC2016 # dpkg-query expands its own
# shellcheck source=tests/lib/boot.sh
. "$(dirname "$0")/../lib/boot.sh"
cd "$top" || exit 1
sides="sender receiver"
version=$(sed -n '1s/.*(\(.*\)).*/\1/p' debian/changelog)
offline=$build/offline/weir-$version

tree_state() { git status --porcelain --ignored debian; }
tree_before=$(tree_state)

# ---- two builds, and meanwhile a Debian ----

if ((EUID == 0)); then
	debootstrap --variant=minbase bookworm "$tmp/debian" >"$tmp/debootstrap.log" 2>&1 &
	debootstrap=$!
fi
# Another folder, deeper and with other modes; a month later, further east; another home; one job.
elsewhere() {
	local far=$tmp/quite/another/place
	umask 077
	mkdir -p "$far/tree" && cp -r Makefile README.md debian common sender receiver systemd hardware-notes "$far/tree/" &&
		mkdir -p "$far/tree/tests" && cp -r tests/packages tests/lib "$far/tree/tests/" &&
		HOME=$far TZ=Pacific/Kiritimati LC_ALL=C LANGUAGE=zh_TW:zh \
			faketime -f +40d make -s -C "$far/tree" JOBS=1 BUILD=b deb >"$tmp/elsewhere.log" 2>&1
}
(elsewhere) &
second=$!
make -s BUILD="$build" offline >"$tmp/offline.log" 2>&1
check $? "make offline makes the packages, and the bundle of all that they need" || note "$(tail "$tmp/offline.log")"
wait "$second"
check $? "and make deb makes them in another place, at another time" || note "$(tail "$tmp/elsewhere.log")"
sums() { (cd "$1" && sha256sum -- *.deb); }
is "both times they are the same bytes" "$(sums "$tmp/quite/another/place/tree/b/deb")" "$(sums "$build/deb")"
cp "$build/deb/weir-common_${version}_"*.deb "$tmp/other.deb"
printf x | dd of="$tmp/other.deb" bs=1 seek=3000 conv=notrunc status=none
is "one other byte would be seen" "$(cmp -s "$tmp/other.deb" "$build/deb/weir-common_${version}_"*.deb; echo $?)" 1
is "nothing is left in the tree" "$(tree_state)" "$tree_before"

note "built after $SECONDS s"

# ---- what is in them ----

is "lintian finds nothing" "$(lintian -I --pedantic --allow-root "$build"/deb/*.changes 2>&1)" ""
repacked() { # DEB VERSION FOLDER [COMMAND]: as this version, in the folder; COMMAND changes what is in it
	local of=$tmp/repacked to
	rm -rf "$of"
	dpkg-deb -R "$1" "$of" && sed -i -e "s/^Version: .*/Version: $2/" -e "s/(= $version)/(= $2)/" "$of/DEBIAN/control" &&
		(cd "$of" && eval "${4:-:}") && to=$3/$(basename "$1") &&
		dpkg-deb --root-owner-group -b "$of" "${to/_${version}_/_$2_}" >/dev/null
}
mkdir "$tmp/bad"
repacked "$build/deb/weir-sender_${version}_"*.deb "$version" "$tmp/bad" "rm usr/share/man/man1/*; chmod 777 usr/bin/weir-seal"
like "a missing page and a loose program are found" "$(lintian --allow-root "$tmp"/bad/*.deb 2>&1)" \
	"(non-standard-executable-perm.*no-manual-page|no-manual-page.*non-standard-executable-perm)"
files_of() { dpkg-deb -c "$build/deb/weir-$1_${version}_"*.deb | awk '$1 !~ /^d/ { print substr($6, 2) }' | sort; }
is "no file is in two of them" "$(for package in common $sides; do files_of "$package"; done | sort | uniq -d)" ""
is "programs of the sending box are in the package of the sending box alone" \
	"$(for package in common receiver; do files_of "$package"; done | grep -E 'outbox|seal|hold|emit|sender|drop')" ""
is "programs of the receiving box are in the package of the receiving box alone" \
	"$(for package in common sender; do files_of "$package"; done | grep -E 'inbox|catch|keep|receiver')" ""
is "none has a file in /etc, where what is a person's lies" "$(for package in common $sides; do files_of "$package"; done | grep '^/etc')" ""
make -s BUILD="$build" DESTDIR="$tmp/made" install >"$tmp/install.log" 2>&1
is "together they have all that make install installs" \
	"$(cd "$tmp/made" && find . ! -type d -printf '/%P\n' | sed 's|^/usr/lib/systemd|/lib/systemd|' | sort)" \
	"$(for package in common $sides; do files_of "$package"; done | grep -vE '/doc/weir-|/lintian/' | sed 's/\.gz$//' | sort)"
((EUID == 0)) || { skip "packages are installed" "containers need root"; done_testing; }

# ---- the bundle, on Debian without a network ----

wait "$debootstrap" || give_up "debootstrap: $(tail -n 5 "$tmp/debootstrap.log")"
# in_root SIDE COMMAND…: in that root, not booted, where no network is
in_root() { unshare --net --mount --pid --fork --mount-proc chroot "${root[$1]}" /usr/bin/env -i PATH=/usr/sbin:/usr/bin LC_ALL=C.UTF-8 "${@:2}" 2>&1; }
bundle_into() { rm -rf "${root[$1]}/opt/weir" && cp -r "$2" "${root[$1]}/opt/weir"; }
for side in $sides; do
	cp -a "$tmp/debian" "${root[$side]}"
	bundle_into "$side" "$offline"
done

alter() { printf x | dd of="$1" bs=1 seek=3000 conv=notrunc status=none; }
alter "$(compgen -G "${root[sender]}/opt/weir/libc6_*.deb")"
said=$(in_root sender /opt/weir/install.sh sender)
like "a bundle with another byte in it is refused" "$said" 'libc6.*FAILED'
is "and nothing is installed" "$(in_root sender dpkg-query -W -f '${Package}\n' 'weir*')" \
	"dpkg-query: no packages found matching weir*"
bundle_into sender "$offline"
for side in $sides; do
	said=$(in_root "$side" /opt/weir/install.sh "$side")
	check $? "install.sh installs the $side without a network" || note "$(tail -n 30 <<<"$said")"
	like "dpkg has nothing to say against weir-$side" "[$(in_root "$side" dpkg --audit)]" '^\[\]$'
done
programs_of() { files_of "$1" | sed -n 's|^/usr/bin/||p'; }
for side in $sides; do
	for program in $(programs_of "$side") $(programs_of common); do
		ok "$program runs there" in_root "$side" "$program" --help
	done
done
left_in() { (cd "${root[$1]}" && find etc lib usr var run home -name '*weir*' ! -path 'var/log/*' | sort); }
for side in $sides; do
	ok "what the $side has is found" grep -qx "usr/share/doc/weir-$side" <<<"$(left_in "$side")"
	said=$(in_root "$side" dpkg -P "weir-$side" weir-common)
	check $? "the packages of a $side that nobody has used are purged" || note "$said"
	is "nothing is left of them" "$(left_in "$side")" ""
	is "and nothing is said of what is left" "$(grep 'left as it is' <<<"$said")" ""
	said=$(in_root "$side" /opt/weir/install.sh "$side")
	check $? "and installed again" || note "$(tail -n 30 <<<"$said")"
done
said=$(in_root sender /opt/weir/install.sh receiver)
check $((! $?)) "a box that is one side does not become the other by itself" || note "$said"
is "and is what it was" "$(in_root sender dpkg-query -W -f '${db:Status-Status}' weir-sender)" installed

note "installed after $SECONDS s"

# ---- booted, not configured ----

fibre_make
is "nothing is enabled" "$(for side in $sides; do find "${root[$side]}/etc/systemd" -name 'weir*'; done)" ""
for side in $sides; do
	root_prepare "$side"
	box_boot "$side"
done
for side in $sides; do ok "the $side's box is booted" until_true 60 booted "$side"; done
running() { at "$1" sh -c 'cat /proc/[0-9]*/comm' 2>/dev/null | grep '^weir-' | grep -vx weir-outbox | sort -u | paste -sd' '; }
failed() { at "$1" systemctl --no-legend --plain --failed list-units 'weir*' 'systemd-tmpfiles*' 'systemd-sysusers*' 'systemd-sysctl*'; }
for side in $sides; do
	is "of a $side without configuration nothing runs" "$(running "$side")" ""
	is "and nothing has failed" "$(failed "$side")" ""
done

# ---- the first day ----

# README.md: from two bare boxes to the first delivered export.  Each line is typed as it stands there, by root at a terminal of
# that box, whose questions get the next line of answers; the stick is carried from box to box.
declare -A daemons=([sender]="weir-emit weir-hold weir-link" [receiver]="weir-catch weir-keep weir-link")
runs() { [[ $(running "$1" | sed 's/ weir-seal//') == "${daemons[$1]}" ]]; }
start() { at "$1" systemctl start "weir-$1.target" systemd-networkd.service; }
is_here() { compgen -G "${root[receiver]}/var/lib/weir-receiver/vault/bundles/*/$1.weir" >/dev/null; }
steps() { # SIDE and command of each line
	sed -n '/^## From two bare boxes/,/^## A box/p' README.md | awk '/[Oo]n the (sending|receiving) box/ { side = /sending/ ? "sender" : "receiver" }
		/^```/ { inside = !inside; next } inside { print side " " $0 }'
}
words="correct horse battery"
answers() {
	case $1 in
	*" setup") printf '\n\n\n\n\n1 Gbit/s\n\ny' ;;
	*" key new "*--unprotected*) ;;
	*" key new "*) printf '%s\n%s' "$words" "$words" ;;
	*) printf '%s' "$words" ;;
	esac
}
carry() { cp -a "${root[$1]}/media/stick/." "${root[$2]}/media/stick/"; }
typed() { # SIDE COMMAND
	"$top/tests/lib/on-terminal" "$(answers "$2")" /usr/bin/nsenter -t "${leader[$1]}" -a /usr/bin/env -i HOME=/root TERM=dumb \
		PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 sh -c "cd /root && $2" 2>&1 | tr -d '\r'
	return "${PIPESTATUS[0]}"
}
for side in $sides; do
	mkdir -p "${root[$side]}/media/stick"
	is "the $side has at most ten commands to type" "$(($(steps | grep -c "^$side ") <= 10))" 1
done
printf 'id,name\n1,李家晴\n2,王麗志\n' >"${root[sender]}/root/people.csv"
cp "$build/offline/weir-$version.tar" "${root[sender]}/media/stick/weir.tar"
carry sender receiver
last=receiver
while read -r -u 7 side command; do
	[[ $side == "$last" ]] || carry "$last" "$side"
	last=$side
	# what takes seconds
	[[ $command != *push* ]] || ok "the sender runs" until_true 30 runs sender || box_logs 40
	[[ $command != *verify* ]] || ok "the export arrives" until_true 30 is_here tax-000001 || box_logs 40
	said=$(typed "$side" "$command")
	check $? "$side: $command" || note "$said"
	printf '# %s\n' "$said" >>"$tmp/first-day"
done 7< <(steps)
is "what was opened is what was pushed" "$(cat "${root[receiver]}/root/opened/people.csv")" "$(cat "${root[sender]}/root/people.csv")"
for side in $sides; do
	said=$(at "$side" "weir-$side" check --quiet 2>&1)
	like "check of the $side finds every layer of the link in its place" "[$(grep -E '^red .*layer' <<<"$said")]" '^\[\]$'
	note "$said"
	ok "the $side runs" runs "$side"
done
pushed() {
	said=$(typed sender "weir-outbox push --key wang-mei.key --route tax people.csv") || { note "$said"; return 1; }
	bundle=$(grep -oE '\btax-[0-9]{6}\b' <<<"$said" | tail -n 1)
}
first=tax-000001

note "started after $SECONDS s"

# ---- upgrade ----

next=$version+1
mkdir "$tmp/next"
cp -r "$offline/." "$tmp/next/"
rm "$tmp"/next/weir-*.deb
for deb in "$offline"/weir-*.deb; do repacked "$deb" "$next" "$tmp/next"; done
(cd "$tmp/next" && rm SHA256SUMS && dpkg-scanpackages --multiversion . 2>/dev/null >Packages && sha256sum ./* >SHA256SUMS)
pids() { for unit in ${daemons[$1]}; do shown "$1" "$unit" MainPID; done | paste -sd' '; }
declare -A before
mkfifo "$tmp/pipe"
(umask 077 && echo "$words" >"${root[sender]}/root/words")
at sender weir-outbox push --key /root/wang-mei.key --passphrase-file /root/words --route tax --records 1 - <"$tmp/pipe" >"$tmp/pushed" 2>&1 &
pusher=$!
exec 9>"$tmp/pipe"
printf 'id,name\n1,a\n' >&9
seals() { running sender | grep -q weir-seal; }
ok "a push is under way" until_true 20 seals
for side in $sides; do
	before[$side]=$(pids "$side")
	bundle_into "$side" "$tmp/next"
	said=$(at "$side" /opt/weir/install.sh "$side" 2>&1)
	check $? "the $side is upgraded while it runs" || note "$(tail -n 20 <<<"$said")"
	is "all of it is the next version" "$(at "$side" dpkg-query -W -f '${Version}\n' weir-common "weir-$side" | sort -u)" "$next"
	ok "it runs" until_true 30 runs "$side" || box_logs 40
	is "as processes of the next version, each of them" \
		"$(tr ' ' '\n' <<<"$(pids "$side")" | grep -xF -f <(tr ' ' '\n' <<<"${before[$side]}"))" ""
done
pusher_ended() { [[ ! -e /proc/$pusher ]]; }
ok "the push that was under way ends" until_true 20 pusher_ended
exec 9>&-
wait "$pusher"
is "and can be made again" "$?" 3
note "$(cat "$tmp/pushed")"
until_true 20 pushed
ok "a bundle crosses after it" until_true 30 is_here "$bundle" || box_logs 40
like "and the one before is still known" "$(at sender weir-outbox list 2>&1)" "$first"
like "and nothing is missing" "$(at receiver weir-inbox gaps 2>&1)" "^nothing is (known to be )?missing"
stopped() { [[ -z $(running "$1") ]]; }
stop() { at "$1" systemctl stop "weir-$1.target" && until_true 20 stopped "$1"; }
ok "the sender stops" stop sender
said=$(at sender dpkg -i /opt/weir/weir-common_"$next"_amd64.deb /opt/weir/weir-sender_"$next"_amd64.deb 2>&1)
check $? "it is installed again while it is stopped" || note "$said"
is "what did not run does not run after it" "$(running sender)" ""
start sender
ok "started, it runs" until_true 30 runs sender || box_logs 40

# ---- remove, and install again ----

kept() { (cd "${root[$1]}" && find etc/weir "var/lib/weir-$1" -type f -exec sha256sum {} + | sort -k2); }
for side in $sides; do
	said=$(at "$side" dpkg -r "weir-$side" weir-common 2>&1)
	check $? "the packages of the $side are removed while it runs" || note "$said"
	is "nothing of it runs" "$(running "$side")" ""
	is "nothing has failed" "$(failed "$side")" ""
	said=$(at "$side" /opt/weir/install.sh "$side" 2>&1)
	check $? "the $side is installed again" || note "$(tail -n 20 <<<"$said")"
	is "and runs only when it is started" "$(running "$side")" ""
	start "$side"
	ok "it is" until_true 30 runs "$side" || box_logs 40
done
like "it knows what it knew" "$(at sender weir-outbox list 2>&1)" "$first"
until_true 20 pushed
ok "and a bundle crosses" until_true 30 is_here "$bundle" || box_logs 40

# ---- purge ----

for side in $sides; do
	ok "the $side stops" stop "$side"
	evidence=$(kept "$side")
	said=$(at "$side" dpkg -P "weir-$side" weir-common 2>&1)
	check $? "the packages of the $side are purged" || note "$said"
	is "spool or vault, ledger, keys and configuration are as they were" "$(kept "$side")" "$evidence"
	like "which is said" "$said" "weir-$side: left as it is, for you to keep or to destroy: .*/var/lib/weir-$side"
	is "of the packages nothing else is left" \
		"$(at "$side" find / -xdev -name 'weir*' ! -path '/etc/weir*' ! -path "/var/lib/weir-$side*" ! -path '/opt/*' \
			! -path '/proc/*' ! -path '/sys/*' ! -path '/var/log/*' ! -path '/home/*' ! -path '/media/*' 2>/dev/null)" ""
	is "nothing is enabled" "$(find "${root[$side]}/etc/systemd" -name 'weir*')" ""
done
nothing_came_back
done_testing
