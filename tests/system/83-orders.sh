#!/usr/bin/env bash
# Standing orders as files: made, signed by people one after the other, shown, and refused, each in one line.
# runs under the sanitizers
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
cd "$tmp" || exit 1

outbox() { "$build/weir-outbox" "$@"; }
day() { date -u -d "$1" +%F; }
(umask 077 && echo "a passphrase for tests" >passphrase)
export WEIR_PASSPHRASE_FILE=$tmp/passphrase
unset WEIR_CONFIG WEIR_KEY
outbox key new root root-1 -o root-1.key >/dev/null
people="wang-mei lee-hao chen-yi lin-jun"
for name in $people stranger; do outbox key new person "$name" -o "$name.key" --unprotected >/dev/null; done
outbox key new person wu-ting -o wu-ting.key >/dev/null
for name in nightly spare; do outbox key new machine $name -o $name.key --unprotected >/dev/null; done
outbox key new sender inside-1 -o inside-1.key --unprotected >/dev/null
outbox key new recipient tax-agency -o tax-agency.key --unprotected >/dev/null
{ outbox key show root-1.key && printf '[roots]\nquorum = 1\n'; } >roots

# registry VERSION POLICY-VERSION [LINE]: signed, as `registry`; the line goes to wang-mei.
registry() {
	local name
	{
		printf '[registry]\nformat = 1\nname = test\nversion = %d\nissued = %s\nexpires = %s\n' "$1" \
			"$(day yesterday)" "$(day '1 year')"
		outbox key show wang-mei.key && printf 'roles = operator\n%s\n' "${3:-}"
		for name in lee-hao chen-yi lin-jun; do outbox key show $name.key && echo "roles = officer"; done
		outbox key show wu-ting.key && echo "roles = operator officer"
		for name in nightly inside-1 tax-agency; do outbox key show $name.key; done
		printf 'psk = %064x\n' 7
		for name in tax vehicle; do
			printf '[route %s]\nid = %d\nrecipients = tax-agency\noperators = wang-mei wu-ting\nformat = csv\n' \
				$name ${#name}
			printf 'records = required\ndestroy_after_days = 30\npriority = 4\npolicy = people\n'
			printf 'officers = lee-hao chen-yi wu-ting\nquorum = 2\n'
		done
		printf '[policy people]\nversion = %d\ncolumns = id name\n' "$2"
	} >registry.new
	outbox registry sign registry.new --key root-1.key >/dev/null && mv registry.new registry
}
registry 1 3
check $? "a registry with machines and officers is signed" || exit 1
known=(--registry registry --roots roots)

# refused SENTENCE STATUS REGEX COMMAND…: one line of its own on stderr, and this exit code.
refused() {
	local sentence=$1 wanted=$2 pattern=$3 said status
	shift 3
	said=$("$@" 2>&1 >stdout)
	status=$?
	is "$sentence: exit code $wanted" "$status" "$wanted"
	like "$sentence: the message" "$said" "^weir-outbox: .*$pattern"
	is "$sentence: one message" "$(wc -l <<<"$said")" 1
	note "$said"
}

from=$(day today)T00:00:00Z
until=$(day '29 days')T12:00:00Z
bounds=(--route tax --from "$from" --until "$until" --window 18:00-04:00 --days "mon,Tue,sun"
	--max-bytes '20 GiB' --max-records 25000000 --pushes 2)
new() { outbox order new "${bounds[@]}" "${known[@]}" "$@"; }
sign() { outbox order sign "${@:2}" --key "$1.key"; }
show() { outbox order show "${known[@]}" "$@"; }
field() { show --json "$1" 2>/dev/null | jq -r "$2"; }

# ---- an order to push ----
made=$(new --kind push --machine nightly -o push.order)
check $? "an order to push is made" || note "$made"
like "who, on which route" "$made" "what +the machine 'nightly' pushes on route 'tax' without a person"
like "when" "$made" "window +18:00 to 04:00 UTC the next day, from Mon Tue Sun"
like "from when" "$made" "from +$from"
like "until when" "$made" "until +$until \(29 d 12 h\)"
like "how much" "$made" "a push +at most 20\.0 GiB \(21,474,836,480 bytes\)"
like "how many" "$made" "and 25,000,000 records"
like "how often" "$made" "a day +at most 2 pushes \(UTC\)"
like "by which rules" "$made" "rules +version 3 of the route's policy"
like "with which key" "$made" "machine +nightly, fingerprint $(outbox key show nightly.key | sed -n 's/^; fingerprint //p')"
like "by nobody yet" "$made" "signatures +none yet"
is "an unsigned order has 200 bytes" "$(stat -c %s push.order)" 200
refused "an unsigned order counts nothing" 1 "order 'push.order' does not count: .*\[too-few-approvals\]" show push.order
cp push.order unsigned.order

said=$(sign wang-mei push.order)
check $? "an operator signs it" || note "$said"
like "and is shown what before" "$said" "^order .*state +not judged, for want of a registry.*signed by 'wang-mei'$"
said=$(show push.order)
check $? "then it counts" || note "$said"
like "and says who answers" "$said" "answers +wang-mei, [0-9T:-]+Z: good"
like "under which registry" "$said" "state +under version 1 of the registry: in force"
is "its mode stays" "$(stat -c %a push.order)" 644
is "nothing else is left beside it" "$(find . -name '.*.new')" ""
is "JSON says the same" "$(field push.order '[.kind, .route, .policy_version, .verdict, .signers[0].name, .signers[0].verdict, .begun] | @csv')" \
	'"push","tax",3,"ok","wang-mei","ok",true'
is "and its days and caps" "$(field push.order '[.weekdays[], .window_start_minute, .window_minutes, .max_bytes, .max_records, .max_pushes_a_day] | @csv')" \
	'"Mon","Tue","Sun",1080,600,21474836480,25000000,2'
is "and its key" "$(field push.order '[.machine.kind, .machine.name, .machine.public] | @csv')" \
	"\"machine\",\"nightly\",\"$(outbox key show nightly.key | sed -n 's/^public = //p')\""
outbox order new --kind push --machine nightly -o daily.order --route tax --from "$from" --until "$until" \
	--window 00:00-24:00 --max-bytes 1 --max-records 1 --pushes 1 "${known[@]}" >made
like "without --days it is for every day" "$(cat made)" "window +00:00 to 24:00 UTC, every day"
like "one push is one" "$(cat made)" "a day +at most 1 push \(UTC\)"
first=$(field push.order .id)
sign wang-mei push.order >/dev/null
check $? "who has signed can sign again"
is "and still stands once" "$(field push.order '.signers | length')" 1
refused "a second person who answers" 1 "'wang-mei' answers for it already.*\[bad-limit\]" sign wu-ting push.order
is "every order has an id of its own" "$(new --kind push --machine nightly -o other.order --json | jq -r .id | grep -vc "$first")" 1

# ---- an order to release ----
new --kind release --machine inside-1 -o release.order >made
check $? "an order to release is made"
like "and says so" "$(cat made)" "the sender box 'inside-1' releases on route 'tax' without the officers"
sign lee-hao release.order >/dev/null
check $? "an officer signs it"
refused "one officer is too few" 1 "\[too-few-approvals\]" show release.order
is "though the signature is good" "$(field release.order '.signers[0].verdict')" ok
sign wu-ting release.order >/dev/null
check $? "a second officer signs it, with a passphrase"
show release.order >shown
check $? "two are enough"
is "both are named" "$(grep -c '^approved by .*: good$' shown)" 2
cp release.order two.order
sign stranger two.order >/dev/null
check $? "without a registry anybody can sign"
refused "but a stranger under it spoils it" 1 "\[unknown-key\]" show two.order
like "and is shown" "$(show two.order 2>&1)" "approved by +stranger, .*\[unknown-key\]"

# ---- signing with a registry at hand ----
cp unsigned.order copy.order
refused "an officer who is no operator" 1 "cannot sign order 'copy.order'.*\[not-allowed\]" sign lee-hao copy.order "${known[@]}"
refused "a stranger" 1 "\[unknown-key\]" sign stranger copy.order "${known[@]}"
ok "nothing was signed by it" cmp copy.order unsigned.order
sign wang-mei copy.order "${known[@]}" >/dev/null
check $? "an operator may"
refused "a key of another kind" 1 "\[wrong-key\]" sign nightly unsigned.order
refused "a key of another person" 1 "\[wrong-key\]" sign wang-mei unsigned.order --person lee-hao
refused "no key file" 3 "No such file" sign nobody unsigned.order
(umask 077 && echo "another passphrase" >wrong)
refused "a wrong passphrase" 1 "\[wrong-passphrase\]" sign wu-ting unsigned.order --passphrase-file wrong
chmod 644 lin-jun.key
refused "a key file that others can read" 1 "\[loose-permissions\]" sign lin-jun unsigned.order
chmod 600 lin-jun.key
HOME=$tmp/home
mkdir -p "$HOME/.weir" && cp wang-mei.key "$HOME/.weir/person.key"
cp unsigned.order home.order
ok "the key is found at home" outbox order sign home.order
is "and is whose it is" "$(field home.order '.signers[0].name')" wang-mei

# ---- tampered ----
# poke FILE OFFSET BYTE
poke() { printf '%b' "\\x$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }
cp push.order tampered.order && poke tampered.order 104 7f
refused "another cap" 1 "\[bad-signature\]" show tampered.order
like "and the signature is named" "$(show tampered.order 2>&1)" "answers +wang-mei, .*: a signature is wrong \[bad-signature\]"
cp push.order tampered.order && poke tampered.order 168 00
refused "another key of the machine" 1 "\[wrong-key\]" show tampered.order
cp push.order tampered.order && poke tampered.order 92 ff
refused "an eighth day of the week" 1 "\[bad-limit\]" show tampered.order
head -c 300 push.order >tampered.order
refused "an order cut off" 1 "\[truncated\]" show tampered.order
{ cat push.order && echo; } >tampered.order
refused "an order with more behind it" 1 "\[trailing-bytes\]" show tampered.order
refused "what is no order" 1 "\[bad-magic\]" show registry
refused "signing what is no order" 1 "\[bad-magic\]" sign wang-mei registry
refused "a missing order" 3 "No such file" show none.order
ln -s push.order link.order
refused "signing through a link" 1 "\[not-regular\]" sign wang-mei link.order

# ---- what 'new' refuses ----
no_new() { # SENTENCE STATUS REGEX OPTION…: the last of an option counts
	refused "$1" "$2" "$3" new --kind push --machine nightly -o no.order "${@:4}"
}
no_new "31 days" 1 "30 days at most.*\[bad-limit\]" --until "$(day '31 days')"
no_new "an end before the beginning" 2 "until comes after" --until "$(day yesterday)"
no_new "a time that is none" 2 "--from and --until read" --from tomorrow
no_new "a window of no length" 2 "no length" --window 04:00-04:00
no_new "a window beyond the day" 2 "--window reads" --window 04:00-24:01
no_new "a window that begins with the next day" 2 "--window reads" --window 24:00-24:00
no_new "a window of words" 2 "--window reads" --window night
no_new "minutes that are none" 2 "--window reads" --window 04:60-05:00
no_new "a day twice" 2 "--days reads" --days mon,tue,mon
no_new "a day that is none" 2 "--days reads" --days mon,day
no_new "an empty list of days" 2 "--days reads" --days ''
no_new "no bytes" 2 "--max-bytes" --max-bytes 0
no_new "more bytes than a bundle has" 2 "--max-bytes" --max-bytes '65 TiB'
no_new "no cap on records" 2 "--max-records" --max-records 9223372036854775807
no_new "no pushes" 2 "--pushes" --pushes 0
no_new "another kind" 2 "push or release" --kind approve
no_new "an unknown route" 1 "'nowhere'.*\[unknown-route\]" --route nowhere
no_new "a route that is no name" 2 "--route" --route Tax
no_new "an unknown machine" 1 "machine 'spare'.*\[unknown-key\]" --machine spare
no_new "a sender box that pushes" 1 "machine 'inside-1'.*\[unknown-key\]" --machine inside-1
no_new "an option of 'sign'" 2 "'order new' takes no --key" --key wang-mei.key
no_new "two registries" 2 "exclude each other" --config sender.conf
refused "an order that is there" 3 "exists" new --kind push --machine nightly -o push.order
refused "no machine" 2 "needs --machine" new --kind push -o no.order
refused "no file" 2 "needs -o" new --kind push --machine nightly
refused "a registry without roots" 2 "go together" outbox order show push.order --registry registry
refused "no registry at all" 3 "cannot load configuration" outbox order show push.order --config none.conf
refused "no word" 2 "needs 'new', 'sign', 'show', 'load', 'list' or 'revoke'" outbox order
refused "an unknown word" 2 "there is no 'order make'" outbox order make
ok "nothing was made by all this" test ! -e no.order

# ---- the machine by its card, also before the registry knows it ----
outbox key show spare.key >spare.card
new --kind push --machine ./spare.card -o card.order >/dev/null
check $? "an order is made for a card in a file"
is "for the key on it" "$(field card.order .machine.public)" "$(sed -n 's/^public = //p' spare.card)"
sign wang-mei card.order >/dev/null
refused "which the registry has to know" 1 "\[unknown-key\]" show card.order
outbox key show inside-1.key >box.card
no_new "the card of a box that pushes" 1 "is the card of a sender; a push order needs a machine: .*\[wrong-key\]" --machine ./box.card
printf '[machine spare]\n' >no.card
no_new "a card without a key" 1 "\[bad-key\]" --machine ./no.card
printf '[machine spare]\npublic = 12\n' >no.card
no_new "a card with half a key" 1 "no.card:2: .*64 hex digits.*\[bad-key\]" --machine ./no.card
cat spare.card box.card >no.card
no_new "two cards" 1 "more than one card.*\[bad-key\]" --machine ./no.card

# ---- what the registry changes ----
new --kind push --machine nightly -o later.order --from "$(day tomorrow)" >/dev/null && sign wang-mei later.order >/dev/null
said=$(show later.order)
check $? "an order that begins tomorrow is good"
like "and says when" "$said" "state +under version 1 of the registry: good, not begun yet"
new --kind push --machine nightly -o far.order --from "$(day '31 days')" --until "$(day '40 days')" >/dev/null
refused "signing what begins in more than 30 days" 1 "begins in more than 30 days; sign it then.*\[bad-time\]" \
	sign wang-mei far.order
new --kind push --machine nightly -o past.order --from "$(day '3 days ago')" --until "$(day yesterday)" >/dev/null
refused "signing what has ended" 1 "\[expired\]" sign wang-mei past.order
registry 2 4
refused "an order made for older rules" 1 "\[wrong-policy\]" show push.order
registry 3 3 "suspended = $(day yesterday)"
refused "an order of somebody who is suspended" 1 "\[suspended\]" show push.order
ok "does not concern those who are not" show release.order
registry 4 3
ok "with the registry as it was it counts again" show push.order
printf '[paths]\nregistry = registry\nroots = roots\nspool = spool\n[keys]\nbox = inside-1.key\nlink = l\npsks = p\n[link]\naddress = 127.0.0.1\nrate = 1 Gbit/s\nabsent = all\n' >sender.conf
chmod 600 sender.conf
ok "the registry of the sender's configuration serves as well" outbox order show push.order --config sender.conf
WEIR_CONFIG=sender.conf outbox order show push.order >/dev/null
check $? "also by WEIR_CONFIG"
done_testing
