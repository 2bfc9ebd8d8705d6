#!/usr/bin/env bash
# Content rules on the way of a real push: what breaks a rule is refused whole, with file, line, column and rule and
# nothing of what it says anywhere, and its twin that keeps the rule is delivered; caps; control files; rules that
# change while a bundle waits; and nobody goes round the guard by speaking to the sockets.  Keeps a processor busy.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
link_start 1500
in=$tmp/in
mkdir "$in"

# route NAME ID FORMAT [LINE…]: text of one, for the registry.
route() {
	printf '[route %s]\nid = %d\nrecipients = tax-agency\noperators = %s\nformat = %s\nrecords = waived\n' \
		"$1" "$2" "$people" "$3"
	printf 'destroy_after_days = 30\npriority = 4\n'
	printf '%s\n' "${@:4}"
}
rules() { # PEOPLE-VERSION
	cat <<-END
		[policy people]
		version = $1
		encoding = utf-8
		columns = id name note
		unique = id
		identity = id
		refuse_identity = yes
		deny = note [0-9]{4,}
		deny = * (?i)password|密碼
		[policy objects]
		version = 7
		columns = id name
		unique = id
		[policy widths]
		version = 1
		encoding = utf-8
		columns = id name
		widths = 4 9
		[policy words]
		version = 1
		deny = * ^(?:x+x+)+$
		[policy taiwan]
		version = 1
		encoding = big5
		columns = id 姓名
		refuse_identity = yes
		[policy counted]
		version = 1
		control = required
		[policy broken]
		version = 1
		columns = id
		deny = id [a-
		[policy numbers]
		version = 1
		columns = n
		unique = n
	END
	route people 11 csv "policy = people"
	route objects 12 json "policy = objects"
	route widths 13 fixed "policy = widths"
	route words 14 lines "policy = words"
	route sealed 15 opaque "max_bytes = 1 KiB"
	route taiwan 16 csv "policy = taiwan"
	route counted 17 csv "policy = counted"
	route broken 18 csv "policy = broken"
	route small 19 csv "policy = people" "max_records = 3" "max_bytes = 200"
	route daily 20 csv "policy = people" "max_records_a_day = 5"
	route heavy 21 opaque "max_bytes_a_day = 1000"
	route decided 22 csv "policy = people" "officers = lin-jun wu-ting" "quorum = 1"
	route numbers 23 csv "policy = numbers"
}
routes_more=$(rules 1)
site_make
receiver_up
sender_up
conf=$sender/sender.conf
rconf=$receiver/receiver.conf
ledger=$sender/spool/ledger

# ---- refusing and delivering ----

: >"$tmp/secrets"
# secret FILE LINE…: what stands there must be seen nowhere from now on, but for short numbers: digests have those.
secret() {
	local line
	for line in "${@:2}"; do
		sed -n "${line}p" "$1" | LC_ALL=C grep -aoE '[^][",{}: ]{4,}' | LC_ALL=C grep -avxE 'name|note|true|nested'
	done | LC_ALL=C grep -avE '^[0-9a-f]{4,7}$' >>"$tmp/secrets"
}
# Files of both boxes that hold any of it, spool, ledgers, logs, vault and status among them.
leaks() { LC_ALL=C grep -raFl -f "$tmp/secrets" "$sender" "$receiver" "$@"; }
last_refusal() { grep -h '"event":"push.refused"' "$ledger"/*.jsonl | tail -n 1; }
refusals() { cat "$ledger"/*.jsonl | grep -c '"event":"push.refused"'; }

has_refused() { (($(refusals) > $1)); } # COUNT: more than so many

# turned_down SENTENCE VERDICT ABOUT ROUTE ARGUMENT…: refused so, and nothing but the ledger has anything of it.
turned_down() {
	local sentence=$1 verdict=$2 about=$3 route=$4 before bundles
	shift 3
	before=$(refusals)
	bundles=$(spooled)
	push "$@"
	is "$sentence: refused" $? 1
	like "$sentence: and it is said where and why" "$pushed" \
		"^weir-outbox: push refused: '${about//./\\.}': .*\\[$verdict\\]$"
	printf '%s\n' "$pushed" >"$tmp/said"
	is "$sentence: nothing of it shows" "$(leaks "$tmp/said")" ""
	is "$sentence: nothing of it is in the spool" "$(spooled)" "$bundles"
	until_true 10 has_refused "$before"
	is "$sentence: the ledger has who, route and about" \
		"$(last_refusal | jq -r '[.result, .who.person, .proven, .route, .about] | map(tostring) | join("|")')" \
		"$verdict|$person|true|$route|$about"
}
breaks() { turned_down "$1" against-policy "${@:2}"; }
# passes SENTENCE ROUTE RECORDS ARGUMENT…: delivered, with so many records, and the rules stand in it.
passes() {
	local sentence=$1 route=$2 records=$3
	shift 3
	push "$route" "$@"
	check $? "$sentence: accepted" || note "$pushed"
	ok "$sentence: delivered" wait_delivered "$bundle"
	is "$sentence: its records are counted" "$(contents "$bundle" '[.members[].records // 0] | add')" "$records"
}
contents() {
	inbox show --json --config "$rconf" --key "$keys/$recipient.key" --psk "$keys/psk/$recipient.key" "$1" | jq -r "$2"
}
# csv NAME LINE…
csv() { printf '%s\n' "${@:2}" >"$in/$1"; }
head='id,name,note'

csv good.csv "$head" 'A1,李家晴,moved in' 'A2,"王, 麗志","said ""yes"""'
passes "a csv that keeps every rule" people 2 "$in/good.csv"
is "it says so to the receiver" "$(inbox show --json --config "$rconf" "$bundle" | jq -r '"\(.content_rules) \(.policy_version) \(.virus_scan)"')" \
	"passed 1 not asked for"
like "and to who reads it" "$(inbox show --config "$rconf" "$bundle")" 'policy.version +1.*content.rules +passed'
is "its recipient sees its columns" "$(contents "$bundle" '.members[] | "\(.name) \(.columns)"')" "good.csv 3"
is "it opens to the same bytes" "$(open_bundle "$bundle" - | b2sum)" "$(b2sum <"$in/good.csv")"
good_csv() { csv "$1" "$head" "$(printf '%s,someone,nothing' "$2")"; }

{ printf '\xef\xbb\xbf' && printf 'id,name,note\nfirst1,second1,third1\n'; } >"$in/bom.csv"
secret "$in/bom.csv" 2
breaks "a byte order mark" "bom.csv:1: rule bom" people "$in/bom.csv"
printf 'id,name,note\nokay,fine,good\nfirst2,secret2,bro\xffken2\n' >"$in/encoding.csv"
secret "$in/encoding.csv" 3
breaks "bytes that are no UTF-8" "encoding.csv:3: column note: rule encoding" people "$in/encoding.csv"
csv header.csv 'id,note,name' 'first3,second3,third3'
secret "$in/header.csv" 2
breaks "columns in another order" "header.csv:1: column name: rule header" people "$in/header.csv"
csv headless.csv 'first4,second4,third4' 'first5,second5,third5'
secret "$in/headless.csv" 1 2
breaks "a first record in the place of the header" "headless.csv:1: column id: rule header" people "$in/headless.csv"
csv more.csv "$head,salary" 'first6,second6,third6,fourth6'
secret "$in/more.csv" 2
echo salary >>"$tmp/secrets"
breaks "a column that the policy does not have" "more.csv:1: column 4: rule header" people "$in/more.csv"
csv columns.csv "$head" 'A1,a,b' '"first7","second7
second7b"' 'A2,a,b'
secret "$in/columns.csv" 3 4
breaks "a row with too few values" "columns.csv:3: rule columns" people "$in/columns.csv"
csv quoting.csv "$head" 'first8,sec"ond8,third8'
secret "$in/quoting.csv" 2
breaks "a quote in a bare value" "quoting.csv:2: column name: rule quoting" people "$in/quoting.csv"
csv identity.csv "$head" 'A123456789,second9,' 'first9,A123456789,third9'
secret "$in/identity.csv" 3
breaks "an identity number where none belongs" "identity.csv:3: column name: rule identity" people "$in/identity.csv"
csv identity.csv "$head" 'A123456789,second,' 'A12,A123456788,nobody has this'
passes "one where it belongs, and a number that is none" people 2 "$in/identity.csv"
csv deny.csv "$head" 'first10,second10,tel 0912-3456'
secret "$in/deny.csv" 2
breaks "what a pattern forbids in a column" "deny.csv:2: column note: rule deny 1" people "$in/deny.csv"
csv deny.csv "$head" 'first11,我的密碼,third11'
secret "$in/deny.csv" 2
breaks "what a pattern forbids everywhere" "deny.csv:2: column name: rule deny 2" people "$in/deny.csv"
outbox push --json --config "$conf" --key "$keys/$person.key" --route people "$in/deny.csv" >"$tmp/said" 2>"$tmp/said.err"
is "also as JSON" "$? $(jq -r '"\(.accepted) \(.verdict) \(.about)"' "$tmp/said")" \
	"1 false against-policy deny.csv:2: column name: rule deny 2"
is "where nothing of it shows either" "$(leaks "$tmp/said" "$tmp/said.err")" ""
csv deny.csv "$head" '12345,second,tel 091-23'
passes "the same in other columns and shorter" people 1 "$in/deny.csv"
good_csv unique-1.csv first12
csv unique-2.csv "$head" 'A2,x,y' 'first12,second12,third12'
secret "$in/unique-2.csv" 3
breaks "a value twice, in two members" "unique-2.csv:3: column id: rule unique" people "$in/unique-1.csv" "$in/unique-2.csv"
good_csv unique-2.csv A3
good_csv unique-1.csv A2
passes "the same members with two values" people 2 "$in/unique-1.csv" "$in/unique-2.csv"
{ echo "$head" && printf 'first13,second13,"' && head -c 1048577 /dev/zero | tr '\0' z && echo '"'; } >"$in/long.csv"
printf 'first13\nsecond13\nzzzzzzzz\n' >>"$tmp/secrets"
breaks "a value that is too long" "long.csv:2: column note: rule value-too-long" people "$in/long.csv"
{ echo "$head" && printf 'A1,b,"' && head -c 1048576 /dev/zero | tr '\0' z && echo '"'; } >"$in/long.csv"
sed -i /zzzzzzzz/d "$tmp/secrets"
passes "one that is just not" people 1 "$in/long.csv"

csv bad.json '{"id":1,"name":"a"}' '{"id":21,"name":"second21"'
secret "$in/bad.json" 2
breaks "a line that is no JSON" "bad.json:2: column name: rule json" objects "$in/bad.json"
csv bad.json '{"id":{"nested":"first22"},"name":"second22"}'
secret "$in/bad.json" 1
breaks "a value within a value" "bad.json:1: column id: rule nested" objects "$in/bad.json"
csv bad.json '{"id":"first23","nickname23":"second23"}'
secret "$in/bad.json" 1
breaks "a key that the policy does not have" "bad.json:1: rule columns" objects "$in/bad.json"
csv bad.json '{"id":"first24","name":"second24"}' '{"name":"third24","id":"first\u00324"}'
secret "$in/bad.json" 2
breaks "a value twice, written in another way" "bad.json:2: column id: rule unique" objects "$in/bad.json"
csv good.json '{"id":1,"name":"李家晴"}' '{"name":null,"id":2}'
passes "objects that keep the rules" objects 2 "$in/good.json"
is "their columns are counted" "$(contents "$bundle" '.members[0].columns')" 2

printf 'A1  second   \nfirst31, and another\n' >"$in/fixed.txt"
secret "$in/fixed.txt" 2
breaks "a line of another width" "fixed.txt:2: rule width" widths "$in/fixed.txt"
printf 'A1  second   \nA2  李家晴\n' >"$in/fixed.txt"
passes "lines of one width" widths 2 "$in/fixed.txt"
printf 'good\n%s\n' "$(printf 'x%.0s' {1..40})first41" >"$in/words.txt"
secret "$in/words.txt" 2
breaks "a value that makes a pattern work too hard" "words.txt:2: column line: rule deny-limit 1" words "$in/words.txt"
printf 'good\nxxxxxxxx\n' >"$in/words.txt"
secret "$in/words.txt" 2
breaks "what a pattern forbids in a line" "words.txt:2: column line: rule deny 1" words "$in/words.txt"
printf 'good\nxxxxxxxy\n' >"$in/words.txt"
passes "lines that it does not" words 2 "$in/words.txt"
head -c 1025 /dev/urandom >"$in/opaque"
breaks "more bytes than an opaque route allows" "opaque: rule bytes-cap" sealed "$in/opaque"
head -c 1024 "$in/opaque" >"$in/opaque.cut"
passes "just as many" sealed 0 "$in/opaque.cut"

printf 'id,姓名\n1,first51李家晴\n2,A123456789\n' | iconv -f utf-8 -t big5 >"$in/big5.csv"
secret "$in/big5.csv" 3
breaks "an identity number in Big5" "big5.csv:3: column 姓名: rule identity" taiwan "$in/big5.csv"
printf 'id,姓名\n1,first52李家晴\n' >"$in/utf8.csv"
secret "$in/utf8.csv" 2
breaks "UTF-8 on a route for Big5" "utf8.csv:1: column 姓名: rule encoding" taiwan "$in/utf8.csv"
printf 'id,姓名\n1,李家晴\n2,許功蓋\n' | iconv -f utf-8 -t big5 >"$in/big5.csv"
passes "Big5, with characters that hold a backslash" taiwan 2 "$in/big5.csv"
is "it stays as it was" "$(open_bundle "$bundle" - | b2sum)" "$(b2sum <"$in/big5.csv")"

# ---- control files ----
csv people.csv 'id' 'first61' 'first62'
secret "$in/people.csv" 2 3
breaks "a member without its control file" "people.csv: rule control-missing" counted "$in/people.csv"
echo 3 >"$in/people.csv.count"
breaks "a control file with another number" "people.csv.count:1: rule control" counted "$in/people.csv" "$in/people.csv.count"
echo two >"$in/people.csv.count"
breaks "a control file without a number" "people.csv.count:1: rule control" counted "$in/people.csv" "$in/people.csv.count"
csv people.csv 'id' 'A1' 'A2'
echo 2 >"$in/people.csv.count"
passes "the right number" counted 2 "$in/people.csv" "$in/people.csv.count"
is "the control file is delivered and counts for nothing" \
	"$(contents "$bundle" '[.members[] | "\(.name) \(.records) \(.counting)"] | join(", ")')" \
	"people.csv 2 csv, people.csv.count 0 not counted"
is "nor in the whole" "$(contents "$bundle" .records)" 2
turned_down "a push under rules that cannot be kept" bad-policy \
	"broken: deny 1: the pattern does not compile, at its byte 4" broken "$in/good.csv"

# ---- many values: memory that is given back and taken anew, behind the table of system calls ----
for i in 1 2; do
	push numbers - -- bash -c 'echo n && seq 8000000'
	check $? "8,000,000 values of a unique column, time $i" || note "$pushed"
done
ok "they are delivered" wait_delivered "$bundle" 60

# ---- caps a push ----
csv four.csv "$head" 'A1,a,b' 'A2,a,b' 'A3,a,b' 'first71,second71,third71'
secret "$in/four.csv" 5
breaks "more records than the route allows" "four.csv:5: rule records-cap" small "$in/four.csv"
csv first-2.csv "$head" 'A1,a,b' 'A2,a,b'
csv second-2.csv "$head" 'A3,a,b' 'first72,second72,third72'
secret "$in/second-2.csv" 3
breaks "also over all members" "second-2.csv:3: rule records-cap" small "$in/first-2.csv" "$in/second-2.csv"
csv wide.csv "$head" "A1,$(printf 'y%.0s' {1..190}),first73"
secret "$in/wide.csv" 2
breaks "more bytes" "wide.csv:2: rule bytes-cap" small "$in/wide.csv"
csv three.csv "$head" 'A1,a,b' 'A2,a,b' 'A3,a,b'
passes "as many as it allows" small 3 "$in/three.csv"

# ---- caps a day: 5 records, 1,000 bytes ----
caps_of_a_day() {
	passes "the first three records of a day" daily 3 "$in/three.csv"
	turned_down "the same again" cap-reached daily daily "$in/three.csv"
	csv secret.csv "$head" 'A1,a,b' 'first81,second81,9999988888777'
	secret "$in/secret.csv" 3
	breaks "a push that is refused" "secret.csv:3: column note: rule deny 1" daily "$in/secret.csv"
	passes "counts nothing: two more are five" daily 2 "$in/first-2.csv"
	good_csv one.csv A1
	turned_down "a sixth" cap-reached daily daily "$in/one.csv"
	head -c 600 "$in/opaque" >"$in/part-1"
	head -c 400 "$in/opaque" >"$in/part-2"
	passes "600 bytes of a day" heavy 0 "$in/part-1"
	passes "and 400 more" heavy 0 "$in/part-2"
	printf x >"$in/part-3"
	turned_down "one byte more" cap-reached heavy heavy "$in/part-3"
	local before
	before=$(pid_of weir-hold)
	kill -9 "$before"
	lives_again() { local now; now=$(pid_of weir-hold) && [[ $now != "$before" ]] && sender_answers; }
	ok "weir-hold dies and starts again" until_true 20 lives_again
	turned_down "the day's records are still counted" cap-reached daily daily "$in/one.csv"
	turned_down "and its bytes" cap-reached heavy heavy "$in/part-3"
}
if (($(date -u +%s) % 86400 < 86400 - 120)); then
	caps_of_a_day
else
	skip "caps a day" "in two minutes it will be another day"
fi

# ---- what officers see, and rules that change while a bundle waits ----
good_csv decided.csv A1
push decided "$in/decided.csv"
check $? "a push that officers decide on is accepted" || note "$pushed"
waiting=$push_id
as_officer lin-jun show "$waiting" >"$tmp/seen"
like "an officer sees rules and their version" "$(cat "$tmp/seen")" 'content rules passed, policy version 1'
is "and the columns" "$(as_officer lin-jun show --json "$waiting" | jq -r '.contents[] | "\(.name) \(.records) \(.columns)"')" "decided.csv 1 3"
routes_more=$(rules 2)
registry_install 2
is_held() { [[ $(shown "$waiting" '"\(.state) \(.held_for)"') == "held wrong-policy" ]]; }
ok "under rules of another version it is not released any more" until_true 10 is_held
like "show says so" "$(outbox show --config "$conf" "$waiting")" 'held +it was made under other rules.*\[wrong-policy\]'
said=$(as_officer lin-jun approve "$waiting" 2>&1)
check $? "an officer's approval is taken"
like "who is told that it does not help" "$said" '1 of 1 approvals, and is held all the same: .*\[wrong-policy\]'
is "the ledger has it, once" "$(grep -h '"event":"held"' "$ledger"/*.jsonl | jq -r '"\(.result) \(.push_id) \(.route)"' |
	grep -v too-few-approvals)" "wrong-policy $waiting decided"
ok "it can be refused" as_officer wu-ting refuse "$waiting" --reason "made under older rules"
push decided "$in/decided.csv"
check $? "pushed again it is accepted" || note "$pushed"
ok "and approved" as_officer lin-jun approve "$push_id"
ok "and delivered" wait_delivered decided-000001
is "under the new version" "$(inbox show --json --config "$rconf" decided-000001 | jq .policy_version)" 2

# ---- round weir-outbox ----
csv bad.csv "$head" 'A1,a,b' 'first91,second91,99991'
csv good.csv "$head" 'A1,a,b' 'A2,a,b'
secret "$in/bad.csv" 3
around() { went=$(in_sender "$build/tests/lib/around" "$@" 2>&1); }
for piece in 1 7 1048576; do
	around seal "$runtime/sender/seal.sock" "$keys/$person.key" people "$piece" "bad.csv=$in/bad.csv"
	is "frames by hand, $piece bytes each, are guarded" "$? $went" "1 against-policy bad.csv:3: column note: rule deny 1"
	around seal "$runtime/sender/seal.sock" "$keys/$person.key" people "$piece" "good.csv=$in/good.csv"
	like "and what keeps the rules passes" "$? $went" "^0 accepted people-[0-9]{6}$"
done
ok "it is delivered" wait_delivered "${went#accepted }"
around seal "$runtime/sender/seal.sock" "$keys/$person.key" people 0 "good.csv=$in/good.csv"
is "a signature of another statement counts nothing" "$? $went" "1 bad-signature $person"

# ---- more values than a unique column may have: a minute and 1 GiB ----
if [[ -n ${BUDGET:-} ]]; then
	breaks "67,108,865 values of a unique column" "stream:67108866: column n: rule unique-limit" numbers - -- \
		bash -c 'echo n && seq 67108865'
fi

# ---- all of it ----
is "nothing of all that was refused shows anywhere, nor in the shared pages and the ring" "$(leaks "$runtime")" ""
ok "there are no gaps" no_gaps

# ---- round weir-seal: each program as a user of its own, as its unit has it ----
hold_uid=64101 seal_uid=64102 other_uid=64103
as_user() { in_sender setpriv --reuid "$1" --regid "$1" --clear-groups "${@:2}"; }
# own UID PATH…: given to this user, keys and all
own() { chown -R "$1:$1" "${@:2}"; }
intake_as() { # UID
	went=$(as_user "$1" "$tmp/bin/around" intake "$runtime/sender/intake.sock" "$site/registry" "$site/roots" \
		"$tmp/psk-$1" "$tmp/person-$1.key" people "$in/bad.csv" 2>&1)
	went="$? $went"
}
units_up() { # [MODE]
	"${at_sender[@]}" "$top/tests/lib/as-units" "$tmp/bin" "$conf" "$runtime/sender" $hold_uid $seal_uid "$@" >>"$sender/log" 2>&1 &
	units=$!
	on_exit "kill $units 2>/dev/null; wait $units 2>/dev/null"
}
users_apart() {
	local uid refused_before
	sender_down
	mkdir "$tmp/bin"
	cp "$build"/weir-{hold,seal} "$build/tests/lib/around" "$tmp/bin"
	chmod 755 "$tmp" "$site" "$keys" "$sender" "$in" "$runtime"
	chmod 644 "$conf" "$site/registry" "$site/roots"
	for uid in 0 $hold_uid $seal_uid $other_uid; do
		cp -r "$keys/psk" "$tmp/psk-$uid"
		cp "$keys/$person.key" "$tmp/person-$uid.key"
		own "$uid" "$tmp/psk-$uid" "$tmp/person-$uid.key"
	done
	own $hold_uid "$sender/spool" "$keys/inside-1.key" "$runtime/sender"
	own $seal_uid "$keys/psk"
	# weir-link, whose user would be yet another one, has no right to write where others alone may
	chmod 777 "$runtime/sender"
	"${at_sender[@]}" "$build/weir-link" run --config "$conf" >"$tmp/link.log" 2>&1 &
	on_exit "kill $! 2>/dev/null; wait $! 2>/dev/null"
	units_up
	until_true 20 sender_answers || give_up "weir-hold does not answer as a user of its own"
	push people "$in/good.csv"
	check $? "weir-seal and weir-hold, a user each: a push is accepted" || note "$pushed"
	turned_down "and a bad one refused" against-policy "bad.csv:3: column note: rule deny 1" people "$in/bad.csv"
	is "weir-hold knows that seal has a user of its own" "$(tac "$sender/log" | sed '/E1001/q' | grep -c E1022)" 0
	intake_as $other_uid
	is "another user cannot open the socket of weir-hold" "$went" "1 Permission denied intake"
	intake_as $hold_uid
	is "nor can weir-hold's own" "$went" "1 Permission denied intake"
	chmod 666 "$runtime/sender/intake.sock"
	for uid in $other_uid $hold_uid 0; do
		refused_before=$(refusals)
		intake_as "$uid"
		is "where the file lets user $uid in, weir-hold does not" "$went" "1 not-allowed intake"
		like "and tells" "$(tail -n 1 "$sender/log")" "^E1021 intake: process [0-9]+ of user $uid is refused"
		until_true 10 has_refused "$refused_before"
		is "and writes it down" "$(last_refusal | jq -r '"\(.result) \(.about) \(.who.uid) \(.proven)"')" "not-allowed intake $uid false"
	done
	is "nothing of it is in the spool" "$(find "$sender/spool/held" "$sender/spool/incoming" -type f)" ""
	intake_as $seal_uid
	like "the same bytes from the user of weir-seal are believed" "$went" "^0 accepted people-[0-9]{6}$"
	kill $units
	wait $units
	units_up 660
	wait $units
	is "weir-hold does not start with a socket that a group may open" "$?" 1
	like "and says why" "$(tail -n 1 "$sender/log")" "weir-hold: cannot use the socket 'intake', .*\\[loose-permissions\\]"
}
if ((EUID == 0)); then
	users_apart
else
	skip "weir-hold takes nothing from another user than weir-seal" "other users need root"
fi

nothing_came_back
done_testing
