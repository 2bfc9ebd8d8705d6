#!/usr/bin/env bash
# hardware-notes/: what its pages name is there (files, sections, manuals, commands, options, settings, events), what they
# compute is right, the drawings are whole and ask for nothing outside, and the key ceremony can be done as it is written.
# Each check is also made with a copy in which one thing is wrong.
# shellcheck disable=SC2016 # backticks are what the pages have
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
cd "$top" || exit 1
notes=hardware-notes

# spoilt NAME SED FILE: a copy of the folder in which FILE was changed, in $bad.
spoilt() {
	bad=$tmp/$1
	cp -r "$notes" "$bad"
	sed -i "$2" "$bad/$3"
	! cmp -s "$notes/$3" "$bad/$3" || check 1 "the twin '$1' changes $3"
	[[ ${4:-} != alone ]] || find "$bad" -name '*.md' ! -name "$3" -delete
}
# twin SENTENCE CHECK SED FILE PATTERN [alone]: CHECK finds what SED has done; alone: where there is no other page.
twins=0
twin() {
	spoilt "twin-$((++twins))" "$3" "$4" "${6:-}"
	like "$1 is found" "$("$2" "$bad")" "$5"
}
none() { is "$1" "$("$2" "$notes")" ""; }

# ---- files, links, sections, manuals ----

not_in_index() { (cd "$1" && for file in *; do grep -qF "]($file)" README.md || [[ $file == README.md ]] || echo "$file"; done); }
none "every file is named in the index" not_in_index
twin "a page that the index does not name" not_in_index 's/\[spares.md\](spares.md)/spares/' README.md '^spares.md$'

dead_links() {
	grep -ohE '\]\([^)]+\)' "$1"/*.md | sed 's/^](//; s/)$//' | sort -u | grep -v '^https\?:' |
		while read -r link; do [[ -e $1/$link ]] || echo "$link"; done
	grep -ohE '`(common|sender|receiver|tests|systemd)/[A-Za-z0-9./-]+`' "$1"/*.md | tr -d '\140' | sort -u |
		while read -r path; do [[ -e $path ]] || echo "$path"; done
}
none "every link within the tree leads somewhere" dead_links
twin "a link to nothing" dead_links 's/(tuning.md)/(tunning.md)/' boxes.md '^tunning.md'
twin "a path of nothing" dead_links 's|common/LEDGER.md|common/LEGDER.md|' boxes.md '^common/LEGDER.md'

# "[page.md](page.md) 3" is a section of that page, or a step; "`common/X.md` 3" a section of that document.
dead_sections() {
	grep -ohE '\]\([a-z-]+\.md\) [0-9]+' "$1"/*.md | sed -E 's/^\]\(//; s/\) / /' | sort -u | while read -r file number; do
		grep -qE "^(## )?${number}[. ]" "$1/$file" || echo "$file $number"
	done
	grep -ohE '`(common|sender|receiver)/[A-Z]+\.md` [0-9]+' "$1"/*.md | tr -d '\140' | sort -u | while read -r file number; do
		grep -qE "^## $number " "$file" || echo "$file $number"
	done
}
none "every section that is referred to is there" dead_sections
twin "a section that there is not" dead_sections 's/(link.md) 4/(link.md) 14/' boxes.md '^link.md 14'
twin "a section of another document" dead_sections 's|LEDGER.md` 5|LEDGER.md` 50|' boxes.md '^common/LEDGER.md 50'

dead_manuals() {
	local page name
	grep -ohE '[a-z][a-z.-]+\([1-8]\)' "$1"/*.md | grep -v '^log(' | sort -u | while read -r page; do
		[[ $page == "socket(7)" ]] && continue # Debian's
		name=${page%(*}
		compgen -G "*/$name.${page: -2:1}" >/dev/null || echo "$page"
	done
}
none "every manual page that is referred to is there" dead_manuals
twin "a manual page that there is not" dead_manuals 's/weir-units(7)/weir-units(8)/' README.md 'weir-units.8'

dead_events() { grep -ohE '\bE[0-9]{4}\b' "$1"/*.md | sort -u | while read -r id; do grep -qE "\b$id\b" ./*/weir-*.8 || echo "$id"; done; }
none "every event that is named is in a manual page" dead_events
twin "an event that there is not" dead_events 's/E1050/E1950/' recovery.md '^E1950$'

# ---- commands ----

# Every command of ours, one a line: from the boxes, and from what stands between backticks.
commands_in() {
	{
		awk '/^```sh/ { is_in = 1; next } /^```/ { is_in = 0 } is_in' "$1"/*.md
		awk '/^```/ { is_in = !is_in; next } !is_in' "$1"/*.md | grep -ohE '`[^`]+`' | tr -d '\140'
		sed -n 's/^    \(weir-\)/\1/p' "$1"/*.md
	} | grep -oE 'weir-(outbox|inbox|sender|receiver|link) [^;|>]*' | sort -u
}
dead_commands() {
	local program command rest help option
	commands_in "$1" | while read -r program command rest; do
		[[ $command == --version ]] && continue
		help=$("$build/$program" "$command" --help 2>&1)
		"$build/$program" --help | grep -qE "^  $command( |$)" || { echo "$program $command"; continue; }
		[[ ! $command =~ ^(key|registry|ledger|order)$ ]] || grep -qE "(usage: $program $command| \|) ${rest%% *}( |$)" <<<"$help" ||
			echo "$program $command ${rest%% *}"
		grep -oE -- '(^| )--[a-z-]+' <<<"$rest" | while read -r option; do
			grep -qE -- "$option([^a-z-]|$)" <<<"$help" || echo "$program $command $option"
		done
	done
}
note "$(commands_in "$notes" | wc -l) commands"
none "every command, and each option of it, is known to its program" dead_commands
twin "a command that there is not" dead_commands 's/weir-inbox heads/weir-inbox head/' recovery.md '^weir-inbox head$' alone
twin "one of a group that there is not" dead_commands 's/weir-outbox ledger verify/weir-outbox ledger verity/' recovery.md 'ledger verity' alone
twin "an option that there is not" dead_commands 's/--heads/--head/' recovery.md 'epoch --head$' alone

# ---- settings ----

dead_settings() {
	grep -ohE '`[a-z]+(_[a-z]+)+( = [^`]*)?`' "$1"/*.md | tr -d '\140' | sed 's/ =.*//' | sort -u | while read -r key; do
		grep -qE "^[;#]?$key = |^\.It Ic $key$" systemd/*.conf systemd/registry.example sender/*.conf.5 receiver/*.conf.5 || echo "$key"
	done
	grep -ohE '^(net|vm)\.[a-z0-9_.]+ =|`(net|vm)\.[a-z0-9_.]+`' "$1"/*.md | tr -d ' =\140' | sort -u | while read -r key; do
		# a network namespace other than the first does not show all of them
		[[ -e /proc/sys/${key//.//} || ($key == net.core.* && ! -e /proc/sys/net/core/rmem_max) ]] || echo "$key"
	done
}
none "every setting is one of a configuration, of the registry or of the kernel" dead_settings
twin "a setting that there is not" dead_settings 's/`ride_out_stall_ms`/`ride_out_stall_s`/' tuning.md '^ride_out_stall_s$'
twin "one that the kernel has not" dead_settings 's/^net.ipv4.udp_mem/net.ipv4.udp_memory/' tuning.md '^net.ipv4.udp_memory$'

# ---- what is computed ----

wrong_sums() {
	awk '/^```example/ { is_in = 1; next } /^```/ { is_in = 0 } is_in' "$1"/*.md | while read -r line; do
		awk "BEGIN { is = ${line% = *}; said = ${line##* = }
			if ((is - said) ^ 2 > (0.005 * said) ^ 2) printf \"%s (it is %g)\n\", \"$line\", is }"
	done
}
note "$(awk '/^```example/ { is_in = 1; next } /^```/ { is_in = 0 } is_in' $notes/*.md | wc -l) examples"
none "every example comes out as it says" wrong_sums
twin "one that does not" wrong_sums 's/= 136.4e6$/= 138.4e6/' tuning.md '138.4e6 .it is 1.36'

# The rings of section 2 are those that the program would make.
ring_of() { # RATE MTU
	mkdir -p "$tmp/run"
	printf '[paths]\nregistry = r\nroots = r\nvault = v\nruntime = run\n[keys]\nbox = k\nlink = k\n[link]\nabsent = all\nrate = %s\nmtu = %s\nride_out_stall_ms = 2000\n' \
		"$1" "$2" >"$tmp/receiver.conf"
	"$build/weir-receiver" check --config "$tmp/receiver.conf" | grep -oE '^[a-zA-Z]+ +ring .*' | grep -oE '[0-9.]+ [MG]iB' | head -n 1
}
rings="$(ring_of "2 Gbit/s" 1500 | sed 's/\..*//') MiB, $(ring_of "500 Mbit/s" 1500 | sed 's/\..*//') MiB and $(ring_of "10 Gbit/s" 9000)"
other_rings() { grep -oE '^[0-9.]+ MiB, [0-9.]+ MiB and [0-9.]+ GiB' "$1/tuning.md" | grep -vxF "$rings"; }
like "the receiver says how large its ring would be" "$rings" '^[0-9]+ MiB, [0-9]+ MiB and [0-9.]+ GiB$'
none "the rings of the examples are those that the receiver would make" other_rings
twin "another ring" other_rings 's/^519 MiB, /518 MiB, /' tuning.md '^518 MiB'

# ---- the twelve ways ----

ways_differ() { # the headings of the page, and the rows of the table
	diff <(sed -nE 's/^## ([0-9]+) (.*)$/\1 \2/p' "$1/return-paths.md") \
		<(sed -n '/^## 8 /,$p' common/SECURITY.md | sed -nE 's/^\| ([0-9]+) \| ([^|]*[^ |]) \|.*/\1 \2/p')
	diff <(seq 12) <(grep -oE '^\| \[[0-9]+\]' "$1/acceptance.md" | tr -dc '0-9\n')
}
none "the twelve ways back have the numbers and names of SECURITY.md, and all are on the sheet" ways_differ
twin "another name" ways_differ 's/^## 6 a common/## 6 the common/' return-paths.md '6 the common'
twin "a way that is not on the sheet" ways_differ '/^| \[7\]/d' acceptance.md '7'

# ---- drawings ----

cat >"$tmp/drawing.py" <<'END'
import re, sys
import xml.etree.ElementTree as tree
SVG = "{http://www.w3.org/2000/svg}"
allowed = {SVG + name for name in "svg title desc defs marker path rect circle text g".split()}
for file in sys.argv[1:]:
    try:
        root = tree.parse(file).getroot()
    except tree.ParseError as error:
        print(file, error)
        continue
    texts = 0
    for node in root.iter():
        texts += node.tag == SVG + "text"
        if node.tag not in allowed:
            print(file, "element", node.tag)
        for name, value in node.attrib.items():
            if name.startswith("on") or "href" in name or name == "style" or re.search(r"url\((?!#)", value):
                print(file, name, value)
    if root.find(SVG + "title") is None or texts < 5 or "viewBox" not in root.attrib:
        print(file, "no title, text or size")
END
drawing_faults() {
	python3 "$tmp/drawing.py" "$1"/*.svg
	grep -lE '<!(DOCTYPE|ENTITY)|<\?xml-stylesheet|<!\[CDATA' "$1"/*.svg
}
none "the drawings are well-formed, and hold lines and text alone" drawing_faults
twin "a script in one" drawing_faults 's|</defs>|</defs><script>1</script>|' keys.svg 'element .*script'
twin "an image from elsewhere" drawing_faults 's|</defs>|</defs><image href="http://192.0.2.9/x"/>|' keys.svg 'href http'
twin "a fill from elsewhere" drawing_faults 's|url(#tip)|url(http://192.0.2.9/#tip)|' keys.svg 'url.http'
twin "one that is cut off" drawing_faults '$d' boxes.svg 'boxes.svg .*line'

# ---- the ceremony ----

# Of nine-point type an A4 page has room for 112 characters in 68 lines.
too_long() {
	local lines
	lines=$(sed -E 's/[`*]//g; s/\[([^]]*)\]\([^)]*\)/\1/g' "$1/ceremony.md" | fold -s -w 112 | wc -l)
	(($(wc -l <"$1/ceremony.md") <= 60 && lines <= 68)) || echo "$lines lines"
}
none "the ceremony fits on a page" too_long
twin "one that does not" too_long 's/^29\. .*/&\n\n\n\n\n\n\n\n\n/' ceremony.md 'lines'
misnumbered() { diff <(seq 30) <(grep -oE '^[0-9]+\.' "$1/ceremony.md" | tr -dc '0-9\n'); }
none "its steps are numbered" misnumbered
twin "a step that was left out" misnumbered '/^16\./d' ceremony.md '< 16'
steps() { grep -oE '`(sender|receiver|desk)# [^`]+`' "$1/ceremony.md" | tr -d '\140'; }
# A pre-shared key, and all of /etc/weir of the sender, go on no stick that the receiving box sees; white is not blue: it has the card.
astray() {
	local seen
	seen=$(steps "$1" | grep '^receiver' | grep -oE '/media/[a-z]+' | sort -u | paste -sd'|')
	steps "$1" | grep '^sender' | grep -E '(psks/|/etc/weir )' | grep -E "($seen)/"
	steps "$1" | grep -E '^(sender|desk)' | grep -v -- '--unprotected' | grep psks | grep /media/white
}
none "a pre-shared key goes on no stick that the receiving box sees" astray
twin "one that does" astray 's|/media/blue/|/media/red/|' ceremony.md 'psks/tax-agency.key /media/red'
twin "a copy of the sender on one that does" astray 's|/media/grey/|/media/black/|' ceremony.md '/etc/weir /media/black'

if ((EUID != 0)); then
	skip "the ceremony is held" "network namespaces need root"
	done_testing
fi
space=weir-notes-$$
ip netns add "$space" || exit 1
on_exit "ip netns del $space"
ip -n "$space" link add fib0 type veth peer name fib1
(umask 077 && echo "a passphrase for tests" >"$tmp/passphrase")
export WEIR_PASSPHRASE_FILE=$tmp/passphrase

# hold_ceremony NOTES AT: its commands, each on its box, below AT: /etc/weir and /media are there, setup has answers in place
# of somebody who types.  systemd is not there, and check is made afterwards; prints what fails.
hold_ceremony() {
	local at=$2 box command
	mkdir -p "$at"/{sender,receiver,desk} "$at"/media/{white,black,red,blue,grey,cards}
	(umask 022 && printf '[answers]\nsender_nic = fib0\nreceiver_nic = fib1\n' >"$at/answers")
	for name in "person wang-mei" "person lin-jun" "recipient tax-agency"; do
		# shellcheck disable=SC2086 # kind and name
		[[ -e $at/${name#* }.key ]] || "$build/weir-outbox" key new $name -o "$at/${name#* }.key" --unprotected >"$at/media/cards/${name#* }.card"
	done
	while read -r box command; do
		box=${box%#}
		[[ ! $command =~ ^(systemctl|weir-(sender|receiver)\ check) ]] || continue
		command=${command//\/media\//$at/media/}
		command=${command//\/etc\/weir/$at/$box/etc/weir}
		[[ $command != *setup ]] || command+=" --root $at/$box --answers $at/answers --yes"
		(cd "$at/desk" && PATH=$build:$PATH ip netns exec "$space" bash -c "$command") >"$at/said" 2>&1 ||
			echo "$box# $command: $(cat "$at/said")"
	done < <(steps "$1")
}
is "every step of the ceremony can be done" "$(hold_ceremony $notes "$tmp/c")" ""
# box_lines SIDE: what check says of its files, as if they lay in /etc/weir.
box_lines() {
	local etc=$tmp/c/$1/etc/weir
	sed "s|/etc/weir|$etc|; s|^runtime.*||; s|/var/lib/weir-[a-z]*|$tmp/c/$1|" "$etc/$1.conf" >"$etc/check.conf"
	"$build/weir-$1" check --config "$etc/check.conf" 2>&1
}
for side in sender receiver; do
	said=$(box_lines $side)
	for what in registry box-key link-key pre-shared-key; do
		[[ $side$what != receiverpre* ]] || continue
		like "afterwards the $what of the $side is good" "$said" "(^|"$'\n'")green $what "
	done
	is "and nobody asks for a virus scanner that no route has use for" "$(grep -c '^red *virus-scanner' <<<"$said")" 0
done
is "both boxes have the same link key" "$(cat "$tmp"/c/{sender,receiver}/etc/weir/keys/link.key | sha256sum)" \
	"$(cat "$tmp"/c/sender/etc/weir/keys/link.key{,} | sha256sum)"
has_psk() { find "$tmp/c/$1" -type f -exec cmp -s "$tmp/c/sender/etc/weir/keys/psks/tax-agency.key" {} \; -print; }
is "the pre-shared key is where it belongs" "$(for at in receiver media/black media/red; do has_psk $at; done)" ""
is "and found where it is" "$(has_psk media/blue | wc -l)" 1
spoilt twin-ceremony '/^1[024]\./!d' ceremony.md # what comes before and behind is there
cp -a "$tmp/c" "$tmp/d" && rm "$tmp"/d/desk/{registry,roots}
like "a ceremony in which a root key does not sign is found" "$(hold_ceremony "$bad" "$tmp/d")" "registry check .*\[too-few-signatures\]"

done_testing
