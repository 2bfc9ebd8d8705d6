# shellcheck shell=bash disable=SC2034 # what it sets is for its callers
# attacks.sh: the table of attacks: who tries what they may not, with what; the refusal; its entry in the
# ledger; and the twin, the same thing done by who may.  Brings system.sh with it.
#
#   attempt WHO WHAT WITH VERDICT EVENT FILTER COMMAND…
#       begins a row: the command fails and names the verdict, and the box's ledger has a new entry EVENT with
#       that result ($result: another one), for which the jq FILTER is true ($since: since that entry).  EVENT "-" is for what no box can hear of; FILTER then
#       says why.
#   waits WHO WHAT WITH STATE EVENT FILTER ID COMMAND…
#       begins a row: the command succeeds, the push ID ("-": the one that it names) is in STATE ("waiting 1/2") behind it, EVENT is entered,
#       and no decision
#   twin WHAT COMMAND…     ends the row: this succeeds
#   attacks_done           prints the table, and checks that every row is whole
#
#   attack_site            a site with everybody who may try something; a stranger's and a thief's keys
#   push_as PERSON ROUTE FILE…, raw_push, attack, smuggle, decide, waiting ROUTE, sign_by FILE ROOT…
#
# $ledger is the directory of the ledger in question, $said what the attack said, $entry its entry.

# shellcheck source=tests/lib/system.sh
. "$(dirname "${BASH_SOURCE[0]}")/system.sh"

ledger=$sender/spool/ledger
rows=() rows_refused=0 rows_entered=0 rows_unheard=0 rows_twins=0
row='' row_verdict='' row_entry=''

entries() { "$build/weir-outbox" ledger show --json "$ledger" 2>/dev/null; }
# The number of the newest entry, checkpoints aside.
newest() { entries | tail -n 1 | sed -nE 's/^\{"n":([0-9]+),.*/\1/p'; }
# find_entry EVENT RESULT FILTER: since $before
find_entry() {
	entry=$(entries | jq -c --argjson before "${before:-0}" --arg event "$1" --arg result "$2" \
		"select(.n > \$before and .event == \$event and .result == \$result and ($3))" | head -n 1)
	[[ -n $entry ]]
}

row_begins() { # WHO WHAT WITH
	[[ -z $row ]] || check 1 "the row '$row' has a twin"
	row="$1 | $2 | $3"
	before=${since:-$(newest)}
}

# row_is_entered EVENT RESULT FILTER
row_is_entered() {
	if [[ $1 == - ]]; then
		row_entry="none: $3"
		rows_unheard=$((rows_unheard + 1))
		return
	fi
	row_entry=missing
	until_true 12 find_entry "$1" "$2" "$3" # some alarms are told of every ten seconds
	check $? "$row: it is an entry of the ledger" ||
		{ note "wanted $1 $2 $3; said: $said"; entries | jq -c "select(.n > ${before:-0})" | tail -n 5 | note "$(cat)"; return; }
	[[ $entry =~ ^\{\"n\":([0-9]+),.*\"event\":\"([a-z.]+)\" ]]
	row_entry="${BASH_REMATCH[1]} ${BASH_REMATCH[2]}"
	rows_entered=$((rows_entered + 1))
}

attempt() {
	local event=$5 filter=$6 status wanted=${result:-$4}
	row_begins "$1" "$2" "$3"
	row_verdict=$4
	# what the verdict names is a word; what the kernel says is none
	[[ $wanted != *' '* ]] || wanted=environment
	shift 6
	"$@" >"$tmp/said" 2>&1 # here and in no subshell: what it starts or counts stays
	status=$?
	said=$(<"$tmp/said")
	[[ $status != 0 && $said == *"$row_verdict"* ]]
	if check $? "$row: refused"; then
		rows_refused=$((rows_refused + 1))
	else
		note "exit status $status, wanted $row_verdict: $said"
	fi
	row_is_entered "$event" "$wanted" "$filter"
}

waits() {
	local event=$5 filter=$6 id=$7 state
	row_begins "$1" "$2" "$3"
	row_verdict=$4
	shift 7
	"$@" >"$tmp/said" 2>&1
	check $? "$row: is heard" || note "$(<"$tmp/said")"
	said=$(<"$tmp/said")
	[[ $id != - ]] || id=$(sed -n 's/^accepted \([0-9a-f]\{32\}\).*/\1/p' <<<"$said")
	state=$(shown "$id" '"\(.state) \(.approvals)/\(.quorum)"')
	is "$row: nothing is released" "$state" "$row_verdict" && rows_refused=$((rows_refused + 1))
	row_is_entered "$event" "$([[ $event == held ]] && echo beyond-order || echo ok)" "$filter"
	find_entry decision ok ".push_id == \"$id\""
	is "$row: no decision is entered" "$?" 1
}

twin() {
	local what=$1 status
	shift
	"$@" >"$tmp/output" 2>&1
	status=$?
	check "$status" "$row: $what" || note "exit status $status of: $*"$'\n'"$(<"$tmp/output")"
	((status != 0)) || rows_twins=$((rows_twins + 1))
	rows+=("$row | $row_verdict | $row_entry | $what")
	row=''
}

attacks_done() {
	local line
	[[ -z $row ]] || check 1 "the row '$row' has a twin"
	note "who | tries what | with what | refused | entry | twin"
	for line in "${rows[@]}"; do note "$line"; done
	note "${#rows[@]} rows: $rows_refused refused, $rows_entered with their entry, $rows_unheard that no box can hear of, $rows_twins twins"
	is "every attack is refused" "$rows_refused" "${#rows[@]}"
	is "every attack that a box hears of has its entry" "$((rows_entered + rows_unheard))" "${#rows[@]}"
	is "every twin succeeds" "$rows_twins" "${#rows[@]}"
}

# ---- the site ----

yesterday=$(date -u -d yesterday +%F)
conf=$sender/sender.conf
rconf=$receiver/receiver.conf
config=(--config "$conf")
good=$tmp/good.csv

card() { key_card "$keys/$1.key" && printf '%s\n' "${@:2}"; }
route() { # NAME ID LINE…
	printf '[route %s]\nid = %d\nrecipients = tax-agency\nformat = csv\nrecords = required\n' "$1" "$2"
	printf 'destroy_after_days = 30\npriority = 4\n'
	printf '%s\n' "${@:3}"
}

# Those who have one role alone, and the routes that are attacked.
attacked_text() {
	card old-key 'roles = operator officer' "expires = $yesterday"
	card gone-key 'roles = operator officer' "suspended = $yesterday"
	card in-stall 'roles = installer'
	card au-dit 'roles = auditor'
	card re-ceive 'roles = receiving-admin'
	card re-cipe 'roles = recipient'
	card night-job
	card day-job
	route guarded 20 'operators = wang-mei lee-hao old-key gone-key' 'officers = lin-jun wu-ting tsai-kai old-key gone-key' \
		'quorum = 2' 'policy = names'
	route capped 21 'operators = wang-mei' 'max_records = 50' 'max_records_a_day = 100'
	route other 22 'operators = chen-yi' 'officers = liu-an' 'quorum = 1'
	route own 23 'operators = wang-mei' 'officers = wang-mei lin-jun' 'quorum = 1'
	route nightly 24 'operators = wang-mei lee-hao' 'officers = lin-jun wu-ting' 'quorum = 2'
	route plain 25 'operators = wang-mei lee-hao'
	printf '[route ledger]\nid = 26\nrecipients = audit-office\nformat = lines\nrecords = waived\ndestroy_after_days = 30\npriority = 9\n'
	printf '[policy names]\nversion = 3\ncolumns = id name\nrefuse_identity = yes\ncontrol = none\n'
}

# sign_by FILE ROOT…: root-a, root-2 and root-3 are the roots; a path is another key.
sign_by() {
	local name
	for name in "${@:2}"; do
		[[ $name == */* ]] || name=$keys/$name.key
		"$build/weir-outbox" registry sign "$1" --key "$name" >/dev/null || return 1
	done
}

# In the place of that of system.sh: two of three roots sign.
registry_install() {
	local file=${2:-$site/registry.new}
	[[ -n ${2:-} ]] || registry_text "$1" >"$file"
	sign_by "$file" root-a root-2 && mv "$file" "$site/registry"
}

attack_keys() {
	local name
	mkdir -p "$keys" "$tmp/thief"
	for name in old-key gone-key in-stall au-dit re-ceive re-cipe; do key_new person "$name" "$keys/$name.key" --unprotected; done
	for name in night-job day-job; do key_new machine $name "$keys/$name.key" --unprotected; done
	key_new root root-1 "$keys/root-a.key" --unprotected
	for name in root-2 root-3; do key_new root $name "$keys/$name.key" --unprotected; done
	# Whoever has none of these, and makes keys of the same names.
	key_new person stranger "$keys/stranger.key" --unprotected
	for name in wang-mei lin-jun; do key_new person $name "$tmp/thief/$name.key" --unprotected; done
	for name in root-1 root-2; do key_new root $name "$tmp/thief/$name.key" --unprotected; done
	key_new sender inside-1 "$tmp/thief/sender.key" --unprotected
	key_new recipient thief "$tmp/thief/recipient.key" --unprotected
}

attack_site() {
	local name
	people="wang-mei lee-hao chen-yi lin-jun wu-ting tsai-kai liu-an"
	attack_keys
	routes_more=$(attacked_text)
	site_keys || give_up "keys cannot be made"
	cp -r "$keys/psk" "$tmp/thief/psk" && key_new psk thief "$tmp/thief/psk/thief.key" --unprotected
	{ for name in root-a root-2 root-3; do key_card "$keys/$name.key"; done; printf '[roots]\nquorum = 2\n'; } >"$site/roots"
	registry_install 5 || give_up "the registry cannot be signed"
	site_configure
	printf 'id,name\n1,王小明\n2,李家晴\n' >"$good"
}

# ---- those who try ----

push_as() { outbox push "${config[@]}" --key "$keys/$1.key" --route "$2" "${@:3}"; }
attack() { in_sender "$build/tests/lib/attacker" "$1" "$runtime/sender" "${@:2}"; }
smuggle() { in_sender "$build/tests/lib/smuggler" "$1" "$runtime/sender" "${@:2}"; }
raw_push() { attack push "$1" "$good" "${@:2}"; }
k() { printf '%s' "$keys/$1.key"; }
# A push of wang-mei's that waits; its id in $push_id.
waiting() { person=${2:-wang-mei} push "$1" "$good" || note "$pushed"; }
decide() { attack decide "$1" "$2" "${@:3}"; }
by() { printf '.who.person == "%s"' "$1"; }
as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
