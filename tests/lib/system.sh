# shellcheck shell=bash disable=SC2034 # what it sets is for its callers
# system.sh: a whole site in a directory of its own: keys, registry, both boxes, the link between.
#
#   site_make              keys, cards, registry (signed), roots: in $site
#   receiver_up, sender_up start a box and wait until it answers; _down ends it
#   sender_fails REGEX     starts one that does not come up
#   push ROUTE ARGUMENT…   weir-outbox push; the bundle's name in $bundle
#   wait_delivered NAME [SECONDS]
#   no_gaps                weir-inbox gaps finds nothing wrong, within 45 seconds
#   inbox COMMAND…, outbox COMMAND…   with the box's configuration
#   open_bundle NAME [OPTION…]        as $recipient (tax-agency), with its keys
#   as_officer NAME COMMAND…          weir-outbox COMMAND with the key of this person
#   spooled                what the spool has of what people pushed, to be compared
#   refused SENTENCE STATUS REGEX COMMAND…   a program says one line that matches, and ends so
#
# Before site_make a test may set: start_within (seconds in which a box answers; 20), sender_absent, receiver_absent (link_side), rate, mtu (by link_start), heal (percent of the rate; 0, so that a test sees
# what its own passes do), link_lines, sender_lines, receiver_lines (more lines for the sections [link] and [limits] of
# the sender, and [link] of the receiver), routes_more (more text for the registry).

# shellcheck source=tests/lib/link.sh
. "$(dirname "${BASH_SOURCE[0]}")/link.sh"

site=$tmp/site
keys=$site/keys
sender=$site/sender
receiver=$site/receiver
rate=${rate:-} heal=0
sender_lines='' receiver_lines='' link_lines='' routes_more=''
person=wang-mei
recipient=tax-agency
boxes="inside-1 outside-1"
recipients="tax-agency health-office audit-office"
people="wang-mei lee-hao chen-yi lin-jun wu-ting tsai-kai liu-an hsu-wen cheng-yu kuo-min"
officers="lin-jun wu-ting tsai-kai" # of the routes approved (two of them release) and shared-duty
passphrase_file=$keys/passphrase

outbox() { in_sender "$build/weir-outbox" "$@"; }
inbox() { in_receiver "$build/weir-inbox" "$@"; }
export WEIR_PASSPHRASE_FILE=$passphrase_file

# ---- keys and registry ----

# key_new KIND NAME FILE [OPTION…]
key_new() { "$build/weir-outbox" key new "$1" "$2" -o "$3" "${@:4}" >/dev/null; }
key_card() { "$build/weir-outbox" key show "$1"; }
# "public = …" of a key file
key_public() { key_card "$1" | sed -n 's/^public = //p'; }

site_keys() {
	local name
	mkdir -p "$keys/psk" "$sender" "$receiver"
	(umask 077 && echo "a passphrase for tests" >"$passphrase_file")
	# A passphrase costs its half second each time that this key signs; tests of keys have one.
	key_new root root-1 "$keys/root-1.key" --unprotected
	for name in $people; do key_new person "$name" "$keys/$name.key" --unprotected; done
	for name in $boxes; do
		local kind=receiver
		[[ $name == inside-* ]] && kind=sender
		key_new "$kind" "$name" "$keys/$name.key" --unprotected
	done
	key_new link link-1 "$keys/link.key" --unprotected
	for name in $recipients; do
		key_new recipient "$name" "$keys/$name.key" --unprotected
		key_new psk "$name" "$keys/psk/$name.key" --unprotected
	done
}

# registry_text VERSION: the registry without signatures, on stdout.
registry_text() {
	local name
	printf '[registry]\nformat = 1\nname = test\nversion = %d\nissued = %s\nexpires = %s\n' "$1" \
		"$(date -u -d yesterday +%F)" "$(date -u -d '1 year' +%F)"
	for name in $people; do
		key_card "$keys/$name.key"
		echo "roles = operator officer"
	done
	for name in $boxes; do key_card "$keys/$name.key"; done
	for name in $recipients; do
		key_card "$keys/$name.key"
		echo "psk = $(key_public "$keys/psk/$name.key")"
	done
	cat <<-END
		[route tax]
		id = 1
		recipients = tax-agency
		operators = $people
		format = csv
		records = required
		destroy_after_days = 30
		priority = 4
		[route files]
		id = 2
		recipients = tax-agency
		operators = $people
		format = opaque
		records = waived
		destroy_after_days = 30
		priority = 4
		[route three]
		id = 3
		recipients = $recipients
		operators = $people
		format = opaque
		records = waived
		destroy_after_days = 30
		priority = 3
		[route lines]
		id = 4
		recipients = tax-agency
		operators = $people
		format = lines
		records = required
		destroy_after_days = 30
		priority = 4
		[route approved]
		id = 5
		recipients = tax-agency
		operators = wang-mei lee-hao
		officers = $officers
		quorum = 2
		format = csv
		records = required
		destroy_after_days = 30
		priority = 4
		[route shared-duty]
		id = 6
		recipients = tax-agency
		operators = $people
		officers = wang-mei $officers
		quorum = 1
		pusher_may_approve = yes
		format = opaque
		records = waived
		destroy_after_days = 30
		priority = 4
		$routes_more
	END
}

# registry_install VERSION [FILE]: writes, signs and gives the registry to both boxes.
registry_install() {
	local file=${2:-$site/registry.new}
	[[ -n ${2:-} ]] || registry_text "$1" >"$file"
	"$build/weir-outbox" registry sign "$file" --key "$keys/root-1.key" >/dev/null &&
		cp "$file" "$site/registry"
}

# Without a site or a box that answers, no check of a test means anything.
give_up() {
	logs
	echo "Bail out! $1"
	exit 1
}

site_make() {
	site_keys || give_up "keys cannot be made"
	{ key_card "$keys/root-1.key"; printf '[roots]\nquorum = 1\n'; } >"$site/roots"
	registry_install 1 || give_up "the registry cannot be signed"
	site_configure
}

# link_side SIDE: the lines of [link] about the interface and its layers; sender_absent and receiver_absent, when set,
# are what is named as absent.
link_side() {
	local given=$1_absent absent
	absent=${!given-$(layers_absent "$1")}
	[[ $link == loopback ]] || echo "interface = $device"
	[[ -z $absent ]] || echo "absent = $absent"
}

site_configure() {
	mkdir -p "$sender/spool" "$receiver/vault"
	# Rings and pages belong on a tmpfs: on a disk, writing them back would stop who writes them.
	runtime=$(mktemp -d /dev/shm/weir-test.XXXXXX)
	on_exit "rm -rf $runtime"
	mkdir "$runtime/sender" "$runtime/receiver"
	cat >"$sender/sender.conf" <<-END
		[paths]
		registry = $site/registry
		roots = $site/roots
		runtime = $runtime/sender
		spool = $sender/spool
		[keys]
		box = $keys/inside-1.key
		link = $keys/link.key
		psks = $keys/psk
		[link]
		$(link_side sender)
		address = $to_address
		port = $to_port
		mtu = $link_mtu
		rate = ${rate:-400 Mbit/s}
		heal_percent = $heal
		$link_lines
		[limits]
		disk_full_percent = 98
		$sender_lines
	END
	cat >"$receiver/receiver.conf" <<-END
		[paths]
		registry = $site/registry
		roots = $site/roots
		runtime = $runtime/receiver
		vault = $receiver/vault
		[keys]
		box = $keys/outside-1.key
		link = $keys/link.key
		[link]
		$(link_side receiver)
		address = $listen_address
		port = $listen_port
		mtu = $link_mtu
		$receiver_lines
		[limits]
		disk_full_percent = 98
	END
	chmod 600 "$sender/sender.conf" "$receiver/receiver.conf"
}

# ---- boxes ----

sender_answers() { outbox list --config "$sender/sender.conf" >/dev/null 2>&1; }
receiver_listens() { [[ -s $receiver/vault/status.json ]]; }

sender_up() {
	"${at_sender[@]}" "$build/weir-sender" run --config "$sender/sender.conf" >>"$sender/log" 2>&1 &
	sender_pid=$!
	end_on_exit "$sender_pid"
	until_true "${start_within:-20}" sender_answers || give_up "the sender does not answer"
}

receiver_up() {
	rm -f "$receiver/vault/status.json"
	"${at_receiver[@]}" "$build/weir-receiver" run --config "$receiver/receiver.conf" >>"$receiver/log" 2>&1 &
	receiver_pid=$!
	end_on_exit "$receiver_pid"
	until_true "${start_within:-20}" receiver_listens || give_up "the receiver does not answer"
}

# Nothing beside the spool remembers what it was; a box that was replaced has an empty one as well.
sender_forgets() { rm -rf "$sender/spool.witness" "$runtime/sender"/*; }
sender_anew() { sender_forgets && rm -rf "$sender/spool" && mkdir "$sender/spool"; }
sender_down() { kill "$sender_pid" && wait "$sender_pid"; }
receiver_down() { kill "$receiver_pid" && wait "$receiver_pid"; }

# sender_fails REGEX: a sender that is started now does not come up: it says so, again when it has tried again, and
# answers nobody.  Prints what it says.
sender_fails() {
	local log=$tmp/fails.log pid status
	"${at_sender[@]}" "$build/weir-sender" run --config "$sender/sender.conf" >"$log" 2>&1 &
	pid=$!
	said_twice() { (($(grep -cE "$1" "$log") >= 2)); }
	until_true 10 said_twice "$1" && ! sender_answers
	status=$?
	kill "$pid" && wait "$pid"
	cat "$log"
	return "$status"
}

# The process id of a program of one box: pid_of weir-hold
pid_of() {
	local parent
	for parent in "${sender_pid:-0}" "${receiver_pid:-0}"; do
		pgrep -P "$parent" -x "$1" && return
	done
}

# Lines of both logs, for the reader of a failed test.
logs() {
	local box
	for box in "$sender" "$receiver"; do
		[[ -e $box/log ]] && note "${box##*/}:"$'\n'"$(tail -n 15 "$box/log")"
	done
}

# ---- bundles ----

# push ROUTE ARGUMENT…: as $person; what it says in $pushed, the bundle's name in $bundle, its id in $push_id.
push() {
	local route=$1 status
	shift
	pushed=$(outbox push --config "$sender/sender.conf" --key "$keys/$person.key" --route "$route" "$@" 2>&1)
	status=$?
	bundle=$(grep -oE "\b$route-[0-9]{6,}\b" <<<"$pushed" | tail -n 1)
	push_id=$(grep -oE "\b[0-9a-f]{32}\b" <<<"$pushed" | head -n 1)
	return $status
}

# as_officer NAME COMMAND ARGUMENT…: weir-outbox show, approve or refuse with this person's key.
as_officer() { outbox "$2" --config "$sender/sender.conf" --key "$keys/$1.key" "${@:3}"; }
# shown ID FILTER: what show says of a bundle in the spool, through jq.
shown() { outbox show --json --config "$sender/sender.conf" "$1" | jq -r "$2"; }

# What people have pushed, whatever is on its way in, and dossiers of nothing; the box pushes by itself, too.
spooled() {
	local listed
	listed=$(outbox list --json --config "$sender/sender.conf")
	jq -r '.[] | select(.person != "inside-1").push_id' <<<"$listed" | sort
	find "$sender/spool"/{incoming,held} -type f -printf '%P %s\n' | sort
	find "$sender/spool/dossier" -type f -printf '%f\n' | grep -vxF -f <(jq -r '.[].push_id' <<<"$listed")
}

# The file of a delivered bundle in the vault.
vault_file() { compgen -G "$receiver/vault/bundles/*/$1.weir" | head -n 1; }
is_delivered() { [[ -n $(vault_file "$1") ]]; }
wait_delivered() { until_true "${2:-30}" is_delivered "$1" || { logs; return 1; }; }

# A heartbeat may name a page that is still on its way, and a keep that has just begun must hear one first.  A
# registry of which a relay that was put in another's place has lost a part passes again after half a minute.
no_gaps() { until_true 45 inbox gaps --config "$receiver/receiver.conf"; }

open_bundle() {
	inbox open --config "$receiver/receiver.conf" --key "$keys/$recipient.key" \
		--psk "$keys/psk/$recipient.key" "$@"
}

# The bytes of a bundle's object, for geometry: from its name in the vault.
object_bytes() { inbox show --json --config "$receiver/receiver.conf" "$1" | jq .object_bytes; }

# failure_line OBJECT_BYTES LOSS_PERMILLE [BUNDLES]: prints the computed probability that a pass
# fails, and checks that it is below 10^-4 for all of them together.
failure_line() {
	local k r row blocks datagrams p
	read -r k r row blocks datagrams p < <("$build/tests/lib/failure" "$1" "$2" "$link_mtu")
	note "object of $1 bytes: k=$k r=$r, rows of $row bytes, $blocks blocks, $datagrams datagrams;" \
		"computed probability of failure in one pass at $2 permille: $p for each of ${3:-1}"
	ok "the computed probability of failure is below 10^-4" \
		awk -v p="$p" -v n="${3:-1}" 'BEGIN { exit !(p != "" && p * n < 1e-4) }'
}

# ---- refusals ----

# refused SENTENCE STATUS REGEX COMMAND…: says one line that begins with its name and matches, and ends so.
refused() {
	local sentence=$1 wanted=$2 pattern=$3 said status
	shift 3
	said=$("$@" 2>&1 >"$tmp/stdout")
	status=$?
	is "$sentence: exit code $wanted" "$status" "$wanted"
	like "$sentence: the message" "$said" "^weir-(outbox|inbox|sender|receiver): .*$pattern"
	is "$sentence: one message" "$(grep -c '^weir-' <<<"$said")" 1
	is "$sentence: nothing on standard output" "$(wc -c <"$tmp/stdout")" 0
	note "$said"
}

# ---- memory ----

# memory_watch: samples the peak of every program of both boxes until memory_peak is asked for.
memory_watch() {
	memory_file=$tmp/memory
	: >"$memory_file"
	memory_loop &
	memory_pid=$!
	end_on_exit "$memory_pid"
}

memory_loop() {
	local running
	while sleep 0.05 && [[ ! -e $memory_file.end ]]; do
		mapfile -t running < <(pgrep -P "$sender_pid,$receiver_pid")
		running=("${running[@]/#//proc/}")
		# one that has ended meanwhile has said enough
		grep -hsE '^(Name|VmHWM):' "${running[@]/%//status}" >>"$memory_file"
	done
}

# memory_peak NAME: MiB, rounded up.
memory_peak() {
	: >"$memory_file.end"
	awk -v name="$1" '$1 == "Name:" { its = $2 == name } $1 == "VmHWM:" && its && $2 > most { most = $2 }
		END { print int((most + 1023) / 1024) }' "$memory_file"
}
