#!/usr/bin/env bash
# A thousand invented persons are in an export that is pushed with everything on: content rules, scanner, officers.  They
# are nowhere but where the sending and the receiving person wanted them: neither in what crosses, nor in any file that
# anybody has made meanwhile, nor in the memory of a program that must not see them; also when a push is refused, infected,
# cut off, or its programs crash where the system lets them leave cores.  Keeps a processor busy.

# Of its own: mounts, so that nothing can be written but where it is looked for.
if ((EUID == 0)) && [[ -z ${canaries_alone:-} ]]; then
	exec env canaries_alone=yes unshare --mount --propagation private -- "$0" "$@"
fi
here=$(cd "$(dirname "$0")/../.." && pwd)
# alone: nothing but these folders can be written to, and they are new.  The tree may itself lie below one of them.
written=(/tmp /var/tmp /dev/shm /run)
read -r pattern </proc/sys/kernel/core_pattern
# Where else files could be made.
others_written() {
	awk '$4 ~ /^rw(,|$)/ && $3 !~ /^(proc|sysfs|devtmpfs|devpts|cgroup2?|mqueue|hugetlbfs|nsfs|bpf|(debug|trace|config|security|efivar)fs|pstore|binfmt_misc|autofs|rpc_pipefs)$/ { print $2 }' /proc/self/mounts |
		grep -vE "^($(IFS='|'; echo "${written[*]}"))(/|\$)"
}
alone() {
	local tree=("$here") folder i
	[[ ${BUILD:-} != /* || ! -d $BUILD ]] || tree+=("$BUILD")
	[[ $pattern != /* || ! -d ${pattern%/*} ]] || written+=("${pattern%/*}")
	mount -t tmpfs tmpfs /run || return
	for i in "${!tree[@]}"; do mkdir "/run/tree-$i" && mount --bind "${tree[i]}" "/run/tree-$i" || return; done
	for folder in "${written[@]}"; do
		[[ $folder == /run ]] || { mkdir -p "$folder" && mount -t tmpfs tmpfs "$folder" && chmod 1777 "$folder"; } || return
	done
	for i in "${!tree[@]}"; do mkdir -p "${tree[i]}" && mount --move "/run/tree-$i" "${tree[i]}" || return; done
	for folder in "${tree[@]}" $(others_written); do mount -o remount,bind,ro "$folder" || return; done
}
if ((EUID == 0)); then alone || { echo "Bail out! no mounts of its own"; exit 1; }; fi
export TMPDIR=/tmp
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
((EUID == 0)) || { skip "a thousand persons are nowhere" "memory of others and mounts need root"; done_testing; }
# shellcheck source=tests/lib/clamd.sh
. "$(dirname "$0")/../lib/clamd.sh"
is "nothing else is mounted where files can be made" "$(others_written)" ""
unwritable() { local folder; for folder in "$@"; do ! test -w "$folder" || return; done; }
ok "files can be made in ${written[*]} alone" unwritable / /etc /var /var/lib /var/log /home /root "$here" "$build"

in=$tmp/in opened=$tmp/opened said=$tmp/said # plaintext is in the first two, and only there
mkdir "$in" "$opened" "$said" "$tmp/cwd"
cd "$tmp/cwd" || exit 1
ulimit -c unlimited
is "the system lets programs leave cores" "$(ulimit -c)" unlimited

# ---- the persons ----

# Names of four characters and more, in Big5, too: none is found by chance.  One of ten of ten thousand is looked for, for
# weir-outbox hands over a MiB at a time.
"$build/tests/lib/export" --records 10000 --seed "$SEED" | awk -F, -v OFS=, 'BEGIN { split("歐陽 上官 司馬 張簡 諸葛 范姜", more, " ") }
	{ gsub("堃", "堂") } /^[A-Z][0-9]/ { $2 = more[NR % 6 + 1] $2 } { print }' >"$in/households.csv"
iconv -f UTF-8 -t BIG5 "$in/households.csv" >"$in/households-big5.csv"
check $? "the export can be had in Big5"
"$build/tests/lib/export" --random 2500000 --seed "$SEED" >"$in/portrait"
cat "$in"/{portrait,portrait,portrait,portrait} >"$in/album" # so much that weir-hold has some of it before the end
awk -F, '/^[A-Z][0-9]/ && n++ % 10 == 0' "$in/households.csv" >"$in/thousand"
awk -F, '{ print $1; print $2; print $7 }' "$in/thousand" | sort -u >"$in/list"
ok "there are a thousand of them" test "$(grep -cE '^[A-Z][0-9]{9}$' "$in/list")" -eq 1000

# search WHERE…: what is found, a line for each place and form.
search() {
	"$build/tests/lib/canaries" "$in/list" --raw "$in/portrait" --but "$in" --but "$opened" "$@" 2>"$tmp/looked"
	(($? < 2)) || cat "$tmp/looked"
}
# nowhere SENTENCE WHERE…
nowhere() {
	is "$1: no canary" "$(search "${@:2}")" ""
	note "$(tail -n 1 "$tmp/looked")"
}
everywhere() { nowhere "$1: in ${written[*]}" "${written[@]/#\/dev\/shm//dev}"; } # all of /dev

# The twin of all that follows: each form, written by somebody else, is found a thousand times and in each place.
python3 - "$in/list" "$in/portrait" "$in/forms" <<-'END'
	import base64, os, random, sys
	texts = open(sys.argv[1], encoding='utf-8').read().split('\n')[:-1]
	escaped = lambda raw, form: b''.join(bytes([b]) if b < 127 else form(b) for b in raw)
	utf8 = lambda t: t.encode()
	forms = {
	    'plain': utf8, 'big5': lambda t: t.encode('big5'),
	    'utf-16le': lambda t: t.encode('utf-16-le'), 'utf-16be': lambda t: t.encode('utf-16-be'),
	    'hex': lambda t: utf8(t).hex().encode(), 'hex upper': lambda t: utf8(t).hex().upper().encode(),
	    'hex big5': lambda t: t.encode('big5').hex().encode(),
	    'json': lambda t: t.encode('ascii', 'backslashreplace'),
	    'escaped': lambda t: escaped(utf8(t), lambda b: b'\\x%02x' % b),
	    'escaped octal': lambda t: escaped(t.encode('big5'), lambda b: b'\\%03o' % b),
	    'percent': lambda t: escaped(utf8(t), lambda b: b'%%%02X' % b),
	}
	for n in range(3):
	    forms['base64 %d' % n] = lambda t, n=n: base64.b64encode(os.urandom(n) + utf8(t) + os.urandom(2))
	    forms['base64 url %d' % n] = lambda t, n=n: base64.urlsafe_b64encode(os.urandom(n) + t.encode('big5') + os.urandom(2))
	os.mkdir(sys.argv[3])
	for name, form in forms.items():
	    some = [t for t in texts if not t.isascii()] if name.split()[0] in ('big5', 'json', 'escaped', 'percent') else texts
	    with open('%s/%s %d' % (sys.argv[3], name, len(some)), 'wb') as out:
	        for text in some:
	            out.write(os.urandom(random.randrange(2000)) + form(text) + b'\x00')
END
check $? "all of them are written in seventeen forms"
touch "$in/forms/$(sed -n '/^歐陽/{p;q}' "$in/list").csv"
"$build/tests/lib/canaries" "$in/list" "$in/forms" >"$in/found" 2>&1
for file in "$in"/forms/*\ *; do
	form=${file##*/} form=${form% *}
	wanted=${file##* }
	ok "in the form $form each of $wanted is found" grep -qxF "$file: ${form%% *} $wanted" "$in/found"
done
ok "and in the name of a file" grep -qx 'a name: plain 1' "$in/found"
gzip -c "$in/portrait" >"$in/portrait.gz"
like "and what nothing compresses, in what is compressed and not sealed" \
	"$("$build/tests/lib/canaries" "$in/list" --raw "$in/portrait" "$in/portrait.gz" 2>&1)" ': raw 24[0-9]{2}'

# ---- captures on both ends ----

link_start 1500
captures=()
# capture SIDE FILE
capture() {
	local at="at_$1[@]"
	"${!at}" "$build/tests/lib/sniff" keep "$device" "$2" >"$2.log" 2>&1 &
	captures+=($!)
	on_exit "kill $! 2>/dev/null; wait $! 2>/dev/null"
	until_true 10 grep -qs ready "$2.log" || note "$(cat "$2.log")"
}
capture_both() { captures=() && capture sender "$1.sender" && capture receiver "$1.receiver"; }
capture_end() { kill "${captures[@]}" && wait "${captures[@]}"; }
capture_both "$opened/link"
plainly() { in_sender env SHELL="$BASH" split "$@" --filter "cat >/dev/udp/$to_address/$to_port"; } # bash's own path
plainly -C 1400 "$in/thousand"
iconv -t BIG5 "$in/thousand" | plainly -b 1400
capture_end
for side in sender receiver; do
	like "what crosses in plain is found at the end of the $side" \
		"$("$build/tests/lib/canaries" "$in/list" "$opened/link.$side" 2>&1)" 'plain [0-9]{4}.*big5 [0-9]{4}'
done
capture_both "$tmp/link"

# ---- a site with everything on ----

# shellcheck disable=SC2016 # sed's
clamd_start main signatures '$aLogVerbose yes\nLogClean yes\nDebug yes\nExtendedDetectionInfo yes'
sender_lines="[scan]
socket = $socket
temporary = $volatile/main
timeout_s = 30"
receiver_lines="ring_mib = 64"
columns=$(head -n 1 "$in/households.csv" | tr , ' ')
policy() {
	printf '[policy %s]\nversion = 1\nencoding = %s\ncolumns = %s\nunique = person_id\nidentity = person_id\n' "$1" "$2" "$columns"
	printf 'refuse_identity = yes\ndeny = note 密\nscan = required\n'
}
decided() { # NAME ID FORMAT POLICY
	printf '[route %s]\nid = %d\nrecipients = tax-agency\noperators = wang-mei lee-hao\nofficers = %s\nquorum = 2\n' "$1" "$2" "$officers"
	printf 'format = %s\nrecords = waived\npolicy = %s\ndestroy_after_days = 30\npriority = 4\n' "$3" "$4"
}
routes_more="$(policy persons utf-8)
$(policy taiwan big5)
[policy scanned]
version = 1
scan = required
$(decided persons 11 csv persons)
$(decided taiwan 12 csv taiwan)
$(decided portraits 13 opaque scanned)
[route ledger]
id = 100
recipients = audit-office
format = lines
records = waived
destroy_after_days = 30
priority = 8"
site_make
receiver_up
sender_up
conf=$sender/sender.conf
rconf=$receiver/receiver.conf

# say FILE COMMAND…: what it says is kept, and is looked into in the end.
say() { "${@:2}" >>"$said/$1" 2>&1; }
# All processes of both boxes that go on, but weir-seal: none of them has business with plaintext.
others() {
	printf 'pid:%d\n' "$sender_pid" "$receiver_pid" $(pgrep -P "$sender_pid,$receiver_pid" -x 'weir-(hold|emit|link|catch|keep)')
}
memories() {
	local all
	mapfile -t all < <(others)
	is "$1: the memory of this many is looked into" "${#all[@]}" 8
	nowhere "$1: in the memory of every process but weir-seal" "${all[@]}"
}

# half ROUTE FILE: a push that stays in the middle, $pusher, its process in $seal, when all of FILE was handed over; goes on
# with $tmp/go.ROUTE.
half() {
	rm -f "$tmp/half" "$tmp/go.$1"
	"${at_sender[@]}" "$build/weir-outbox" push --config "$conf" --key "$keys/$person.key" --route "$1" - -- bash -c "
		cat '$2'; touch $tmp/half; until [ -e $tmp/go.$1 ]; do sleep 0.02; done" >"$said/half.$1" 2>&1 &
	pusher=$!
	on_exit "touch $tmp/go.$1; kill $pusher 2>/dev/null; wait $pusher 2>/dev/null"
	until_true 20 test -e "$tmp/half" || note "$(cat "$said/half.$1")"
	seal=$(pgrep -P "$sender_pid" -n -x weir-seal)
	# What was handed over has reached it.
	has_plaintext() { search "pid:$seal" | grep -qE '^memory of weir-seal: (plain|raw) [0-9]{3,}$'; }
	until_true 10 has_plaintext
}
limit_of_core() { awk '/^Max core/ { print $5, $6 }' "/proc/$1/limits"; }
seal_gone() { [[ ! -e /proc/$seal ]]; }

# ---- a push, looked at in the middle ----

half persons "$in/households.csv"
found=$(search "pid:$seal")
like "in the middle of a push weir-seal has the persons in its memory" "$found" 'memory of weir-seal: plain [0-9]{3,}'
like "and a memory file for the scanner" "$found" '/memfd:weir[^:]*: plain [0-9]{3,}'
note "$found"
is "nor may the command that makes the export leave a core" "$(limit_of_core "$(pgrep -P $pusher)")" "0 0"
first=$pusher
half portraits "$in/album"
ok "in the middle of another one, what nothing compresses" has_plaintext
arrives() { [[ -n $(find "$sender/spool/incoming" -type f -size +1024k) ]]; }
ok "of which weir-hold has the beginning" until_true 10 arrives
memories "in the middle of two pushes"
everywhere "in the middle of two pushes"
# ends ROUTE PROCESS: its push id in $id
ends() {
	touch "$tmp/go.$1"
	wait "$2"
	check $? "the push to $1 is accepted" || note "$(cat "$said/half.$1")"
	id=$(grep -oE '\b[0-9a-f]{32}\b' "$said/half.$1" | head -n 1)
}
ends persons $first && persons=$id
ends portraits $pusher && portrait=$id

accepted() { # SENTENCE ROUTE FILE
	push "$2" "$3"
	check $? "$1 is accepted" || note "$pushed"
	echo "$pushed" >>"$said/push"
}
accepted "the export in Big5" taiwan "$in/households-big5.csv"
taiwan=$push_id
accepted "a push that an officer will refuse" persons "$in/households.csv"
denied=$push_id
everywhere "while four wait for officers"

# ---- officers look at it, approve and refuse ----

for id in "$persons" "$taiwan" "$portrait"; do
	for name in lin-jun wu-ting; do
		say show as_officer $name show "$id" && say show as_officer $name show --json "$id" && say approve as_officer $name approve "$id"
		check $? "$name looks at it and approves" || note "$(tail -n 3 "$said/show" "$said/approve")"
	done
done
say refuse as_officer tsai-kai refuse "$denied" --reason "twice"
for bundle in persons-000001 taiwan-000001 portraits-000001; do ok "$bundle is delivered" wait_delivered "$bundle"; done

# ---- what is refused ----

who=$(sed -n '1s/^\([^,]*\),\([^,]*\),.*/\2 \1/p' "$in/thousand")
row=$(sed -n '1s/,[^,]*$//p' "$in/thousand")
bad() { { cat "$in/households.csv"; echo "$1"; } >"$in/bad.csv"; }
# turned_down SENTENCE VERDICT [ROUTE [FILE]]
turned_down() {
	push "${3:-persons}" "${4:-$in/bad.csv}"
	is "$1 is refused" $? 1
	like "$1: why" "$pushed" "\\[$2\\]"
	echo "$pushed" >>"$said/refused"
}
other=A100000001
bad "${row/#??????????/$other},密 $who"
turned_down "a denied word beside a person's name" against-policy
bad "${row/#??????????/$other},$who"
turned_down "a person's number in a column where none belongs" against-policy
bad "$row,"
turned_down "a person who stands there twice" against-policy
bad "$row,\"$who\"x"
turned_down "a broken quote beside a person's name" against-policy
sed "1s/name/$who/" "$in/households.csv" >"$in/bad.csv"
turned_down "a person's name as a column" against-policy
sed "s/,\$/,密/" "$in/households.csv" | iconv -t BIG5 >"$in/bad.csv"
turned_down "a denied word in Big5" against-policy taiwan
turned_down "Big5 where UTF-8 is said" against-policy persons "$in/households-big5.csv"
bad "${row/#??????????/$other},\"$(sed 's/"/""/g' "$eicar") ${who% *}\""
turned_down "an infected export" infected
(cd "$in" && python3 -c 'import zipfile; z = zipfile.ZipFile("bad.zip", "w", zipfile.ZIP_DEFLATED); z.write("bad.csv"); z.write("portrait")')
turned_down "an infected archive" infected portraits "$in/bad.zip"
turned_down "what nobody may push there" not-allowed ledger "$in/households.csv"

# ---- what is cut off, and what crashes where cores are allowed ----

# Root without the right to trace, and whether it may read this process: who could, could have its core written.
its_user=(setpriv --bounding-set -sys_ptrace --inh-caps -sys_ptrace)
readable() { "${its_user[@]}" readlink "/proc/$1/exe" >/dev/null; }
unreadable() { ! readable "$1"; }
# crashes SENTENCE SIGNAL VARIABLE ROUTE FILE: a push is in the middle, and the program whose id the variable has gets the
# signal.
crashes() {
	half "$4" "$5"
	ok "$1: weir-seal had plaintext" has_plaintext
	is "$1: the limit of its core is 0" "$(limit_of_core "${!3}")" "0 0"
	ok "$1: no other of its user can read it, nor a handler of cores" unreadable "${!3}"
	# Who waits for the rest of the export hears then that weir-seal is gone.
	{ kill "-$2" "${!3}" && touch "$tmp/go.$4" && wait $pusher; } 2>/dev/null
	like "$1: the push has ended" "$?" '^(3|137|139|134)$'
	ok "$1: weir-seal is gone" until_true 10 seal_gone
	is "$1: no file is left in the working directory" "$(ls -A "$tmp/cwd")" ""
}
crashes "the pushing program is killed" KILL pusher portraits "$in/album"
crashes "the pushing program crashes" SEGV pusher persons "$in/households.csv"
crashes "weir-seal crashes" SEGV seal persons "$in/households.csv"
# The box looks at its ledger by itself meanwhile, and tells the end of that as well.
like "that is seen" "$(grep -a E1201 "$sender/log" | grep -a weir-seal | tail -n 1)" 'killed by signal 11'
crashes "weir-seal aborts" ABRT seal portraits "$in/album"

# An officer's program, which has no table of system calls to close, waits for weir-hold.
kill -STOP "$(pid_of weir-hold)"
"${at_sender[@]}" "$build/weir-outbox" show --config "$conf" --key "$keys/lin-jun.key" "$persons" >>"$said/show" 2>&1 &
officer=$!
asks() { [[ $(cat "/proc/$officer/comm") == weir-outbox ]] && grep -q 'State:.*S' "/proc/$officer/status"; }
until_true 10 asks
is "an officer's program: the limit of its core is 0" "$(limit_of_core $officer)" "0 0"
{ kill -SEGV $officer && wait $officer; } 2>/dev/null
is "it crashes" $? 139
is "and no file is left in the working directory" "$(ls -A "$tmp/cwd")" ""
kill -CONT "$(pid_of weir-hold)"
# The twin: the same crash of a program that takes no care of itself.
careless=$(python3 -c 'import os, signal, sys
child = os.fork()
if child == 0:
    persons = open(sys.argv[1], "rb").read() # in memory, and nowhere else
    os.kill(os.getpid(), signal.SIGSEGV)
print(os.WCOREDUMP(os.waitpid(child, 0)[1]))' "$in/households.csv")
"${its_user[@]}" sleep 60 &
sleeper=$!
on_exit "kill $sleeper 2>/dev/null"
ok "a program that does not forbid it can be read by who is its user" until_true 10 readable $sleeper
is "and leaves a core (core_pattern: $pattern)" "$careless" True
if [[ $pattern != \|* ]]; then # else it is with who handles them
	cores=$(search "${written[@]}")
	like "and the persons are in it" "$cores" '^[^:]*: plain [0-9]{3,}'
	cut -d: -f1 <<<"$cores" | sort -u | xargs rm -f
fi

# ---- what people ask for, on both sides ----

host=$tmp/host
mkdir "$host"
elsewhere() { (cd "$host" && env -u WEIR_CONFIG WEIR_ROOTS="$site/roots" "$build/weir-inbox" "$@"); }
with=(--key "$keys/$recipient.key" --psk "$keys/psk/$recipient.key")
ok "the ledger is sent across" say ledger outbox ledger send --config "$conf"
ok "and delivered" wait_delivered ledger-000001
for bundle in persons-000001 taiwan-000001 portraits-000001; do
	ok "$bundle verifies" say verify inbox verify --config "$rconf" "$bundle"
	ok "$bundle is shown" say show inbox show --config "$rconf" "$bundle"
	ok "$bundle is shown to its recipient, with its members" say show inbox show --config "$rconf" "${with[@]}" --json "$bundle"
	ok "$bundle is copied" say copy inbox copy --config "$rconf" "$bundle" "$host/$bundle.weir"
	ok "$bundle is opened elsewhere" say open elsewhere open "${with[@]}" "$bundle.weir" -o "$opened/$bundle"
	ok "its receipt is brought" say receipt inbox receipt --config "$rconf" "$host/$bundle.receipt"
done
ok "the sender's ledger is opened by the auditor" say open inbox open --config "$rconf" --key "$keys/audit-office.key" \
	--psk "$keys/psk/audit-office.key" ledger-000001 -o "$tmp/ledger-opened"
mkfifo "$tmp/pipe"
"${at_receiver[@]}" "$build/weir-inbox" open --config "$rconf" "${with[@]}" persons-000001 - >"$tmp/pipe" 2>"$said/open" &
opener=$!
exec 8<"$tmp/pipe"
head -c 1000 <&8 >/dev/null # the rest is more than a pipe takes
is "who opens it, in the middle: the limit of the core is 0" "$(limit_of_core $opener)" "0 0"
ok "and no other of that user can read it" unreadable $opener
like "and the persons are in its memory" "$(search "pid:$opener")" 'memory of weir-inbox: plain [0-9]{3,}'
{ kill -SEGV $opener && wait $opener; } 2>/dev/null
is "it crashes" $? 139
exec 8<&-
is "and leaves no core" "$(ls -A "$tmp/cwd")" ""
for command in "outbox list" "outbox list --json" "outbox ledger show" "outbox ledger verify"; do
	# shellcheck disable=SC2086 # words
	say "${command// /-}" $command --config "$conf"
done
for command in "inbox list" "inbox list --json" "inbox gaps --json" "inbox heads" "inbox ledger show" "inbox ledger verify"; do
	# shellcheck disable=SC2086 # words
	say "${command// /-}" $command --config "$rconf"
done
say check in_sender "$build/weir-sender" check --config "$conf"
printf 'Filename Type Size Used Priority\n/dev/other partition 1024 0 -2\n' >"$tmp/swaps"
mount --bind "$tmp/swaps" /proc/swaps
say check in_sender "$build/weir-sender" check --config "$conf"
umount /proc/swaps
like "check sees a disk that memory could be written to" "$(cat "$said/check")" 'red   swap +/dev/other is in use'
say check in_receiver "$build/weir-receiver" check --config "$rconf"
is "nothing is left in clamd's folder" "$(ls -A "$volatile/main")" ""
memories "when all is done"
ok "there are no gaps" no_gaps
receiver_down
check $? "the receiver ends in order" || logs
sender_down
check $? "the sender ends in order" || logs
capture_end
for side in sender receiver; do
	like "the capture of the $side has all that crossed" "$(tail -n 1 "$tmp/link.$side.log")" '^[0-9]{3,} frames kept, 0 lost$'
done
everywhere "when all is done"
# The twin: one person in each place.
places=("$sender/spool/held" "$sender/spool/ledger" "$receiver/vault/bundles" "$receiver/vault/ledger" "$runtime/sender" "$runtime/receiver"
	"$volatile/main" "$said" "$host" "${written[@]}")
for place in "${places[@]}"; do head -n 2 "$in/thousand" >"$place/breach"; done
head -n 1 "$in/thousand" | tee -a "$sender/log" "$receiver/log" "$receiver/vault/status.json" "$sender/spool.witness" \
	"$host/persons-000001.receipt" "$tmp/link.sender" >/dev/null
is "one person in any of them would be found" "$(search "${written[@]}" | grep -c ': plain [0-9]*$')" $((${#places[@]} + 6))

# ---- it was there all the time ----

declare -A sources=([persons]="$in/households.csv" [taiwan]="$in/households-big5.csv" [portraits]="$in/album")
for bundle in "${!sources[@]}"; do
	file=$(ls "$opened/$bundle-000001/")
	ok "what was opened of $bundle is what was pushed" cmp "$opened/$bundle-000001/$file" "${sources[$bundle]}"
done
nothing_came_back
done_testing
