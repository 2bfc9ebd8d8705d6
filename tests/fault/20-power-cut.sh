#!/usr/bin/env bash
# The power goes, at any moment, while bundles cross: what was accepted is there, nothing is torn, no number is given
# twice, and what was delivered stays delivered.  Both boxes work on disks whose writes are recorded; then every
# judged disk is one that a cut may have left.  The same work without a single fsync must be seen to lose.
# 1,000 cuts; with BUDGET from 600 seconds on 10,000.
#
# And it goes once more while a box recovers from that: the writes of some recoveries are recorded, and cut in turn.  The
# witness of the spool, on the same disk, never keeps hold from starting with its own spool, and never lets an older copy start.
TMPDIR=/dev/shm
# Mounts of its own: whoever makes a namespace meanwhile would copy them, and a disk that is mounted somewhere
# cannot be cut.
if ((EUID == 0)) && [[ -z ${WEIR_MOUNTS:-} ]]; then
	export WEIR_MOUNTS=$$
	# shellcheck disable=SC2016 # the inner shell expands it
	exec unshare --mount --propagation slave sh -c 'mount --make-rshared / && exec "$0"' "$0"
fi
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
seed_line
((EUID == 0)) || { skip "a power cut loses nothing" "it takes root to mount a disk"; done_testing; }
rate='20 Mbit/s' # so that a map is stored before the large one is whole
link_start 1500
site_make
cuts=1000 recoveries=6 again=10
((${BUDGET:-0} >= 600)) && cuts=10000 recoveries=100 again=20
sconf=$sender/sender.conf
rconf=$receiver/receiver.conf

# The disk of the sender has the spool, and beside it the witness.
sed -i "s|^spool = .*|spool = $sender/disk/spool|" "$sconf"
mkdir "$sender/disk"
rmdir "$sender/spool" && ln -s disk/spool "$sender/spool"

# The receiver does not know this person any more; what he pushes is refused there.
stranger=kuo-min
(people=${people/ $stranger/} && registry_text 2 >"$site/registry.outside")
"$build/weir-outbox" registry sign "$site/registry.outside" --key "$keys/root-1.key" >/dev/null ||
	give_up "the registry of the receiver cannot be signed"
sed -i "s|^registry = .*|registry = $site/registry.outside|" "$rconf"

for size in 0 5000 70000 700000 5000000; do
	"$build/tests/lib/export" --random "$size" --seed "$SEED" >"$tmp/file-$size"
done
"$build/tests/lib/export" --records 50 --seed "$SEED" >"$tmp/records.csv"

# disk_up NAME FOLDER: a new disk, mounted at FOLDER, whose writes go to $tmp/NAME.log.
disk_up() {
	local base=$tmp/$1.base
	mkdir "$tmp/$1"
	truncate -s 40M "$base"
	mkfs.ext4 -q -b 4096 -J size=4 -E lazy_itable_init=0,lazy_journal_init=0,nodiscard "$base" ||
		give_up "no file system can be made"
	cp --sparse=always "$base" "$tmp/$1.disk"
	"$build/tests/lib/recorder" "$tmp/$1" "$tmp/$1.disk" "$tmp/$1.log" >"$tmp/$1.ready" 2>"$tmp/$1.err" &
	on_exit "umount '$tmp/$1' 2>/dev/null"
	until_true 10 grep -qs ready "$tmp/$1.ready" || give_up "no recorder: $(cat "$tmp/$1.err")"
	# without the help that ext4 gives to programs which forget an fsync
	mount -o loop,noauto_da_alloc "$tmp/$1/disk" "$2" || give_up "no disk can be mounted"
	on_exit "umount '$2' 2>/dev/null"
}
disk_down() {
	until_true 10 umount "$2" || give_up "$2 cannot be unmounted"
	until_true 10 umount "$tmp/$1" || give_up "$tmp/$1 cannot be unmounted"
}

# What somebody has been told, in the order of the writes.
spool_mark() { echo "$*" >>"$tmp/$run-spool/marks"; }
vault_mark() { echo "$*" >>"$tmp/$run-vault/marks"; }

pushes() {
	push "$@" || { note "$pushed"; return 1; }
	spool_mark accepted "$push_id" "${bundle:--}"
	spool_mark beat "$(jq .generation "$receiver/vault/status.json")"
	names+=(${bundle:+"$bundle"})
}
# An officer decides, and is told.
approves() {
	local said
	said=$(as_officer "$1" approve "$2" 2>&1) || { note "$said"; return 1; }
	bundle=$(grep -oE "\bapproved-[0-9]{6,}\b" <<<"$said")
	return 0
}

# Marks each delivery that somebody can see and that is done with.
watch_vault() {
	local file name seen=" "
	while sleep 0.02; do
		for file in "$receiver"/vault/bundles/*/*.weir; do
			name=$(basename "$file" .weir)
			[[ -e $file && $seen != *" $name "* ]] || continue
			inbox ledger show --config "$rconf" --json 2>/dev/null |
				jq -e --arg name "$name" 'select(.event == "delivered" and .bundle == $name)' >/dev/null || continue
			vault_mark delivered "$name"
			seen+="$name "
		done
	done
}

died() { [[ $(pid_of "$1") != "$2" ]] && [[ -n $(pid_of "$1") ]]; }
kill_one() {
	local pid
	pid=$(pid_of "$1")
	kill -KILL "$pid" && until_true 20 died "$1" "$pid"
}
# More than the header of a map: symbols that are durable.
has_map() { [[ -n $(find "$receiver/vault/partial" -name map -size +1k) ]]; }
# The registry of the sender, which is older there, and what the stranger pushed.
are_refused_there() { (($(find "$receiver/vault/refused" -type f | wc -l) == 2)); }
all_sent() { [[ -z $(find "$sender/spool/ready" -type f -name "[!r]*") ]]; }
none_sent() { [[ -z $(find "$sender/spool/sent" -type f -name "[!r]*") ]]; }

# record RUN [VARIABLE]: the work, with what makes the programs careless in their environment.
record() {
	run=$1
	names=()
	# another pair of boxes: nobody remembers the one before
	rm -rf "$receiver/vault" "$receiver"/*.witness
	find "$runtime" -type f -delete
	mkdir "$receiver/vault"
	disk_up "$run-spool" "$sender/disk"
	disk_up "$run-vault" "$receiver/vault"
	mkdir "$sender/disk/spool"
	local sender_before=("${at_sender[@]}") receiver_before=("${at_receiver[@]}")
	at_sender+=(env LD_PRELOAD="$build/tests/lib/careless.so" WEIR_MARKS="$tmp/$run-spool/marks" "${@:2}")
	at_receiver+=(env LD_PRELOAD="$build/tests/lib/careless.so" "${@:2}")
	receiver_up
	sender_up
	watch_vault &
	local watcher=$!
	on_exit "kill $watcher 2>/dev/null"
	work
	check $? "$run: the work was done"
	kill "$watcher"
	wait "$watcher" 2>/dev/null
	mkdir "$tmp/$run-truth"
	cp "$receiver"/vault/bundles/*/*.weir "$tmp/$run-truth/"
	sender_down
	spool_mark later
	at_sender+=(WEIR_DAYS_AHEAD=20)
	sender_up
	until_true 10 none_sent
	check $? "$run: what was sent is removed at the end of its retention"
	sender_down
	receiver_down
	at_sender=("${sender_before[@]}")
	at_receiver=("${receiver_before[@]}")
	disk_down "$run-spool" "$sender/disk"
	disk_down "$run-vault" "$receiver/vault"
}

work() {
	local name first
	pushes files "$tmp/file-5000000" && pushes files "$tmp/file-0" || return
	pushes approved "$tmp/records.csv" || return
	first=$push_id
	pushes approved "$tmp/records.csv" || return
	until_true 5 has_map || return
	kill_one weir-keep || return
	as_officer lin-jun refuse "$push_id" --reason "not today" >/dev/null && spool_mark refused "$push_id" || return
	approves lin-jun "$first" && approves wu-ting "$first" || return
	spool_mark decided "$first" "$bundle"
	names+=("$bundle")
	kill_one weir-hold || return
	until_true 20 sender_answers || return
	pushes files "$tmp/file-700000" && pushes tax "$tmp/records.csv" || return
	person=$stranger
	push files "$tmp/file-5000" && spool_mark accepted "$push_id" "$bundle" || return
	person=wang-mei
	pushes files "$tmp/file-70000" && pushes files "$tmp/file-5000" || return
	for name in "${names[@]}"; do
		wait_delivered "$name" || return
	done
	until_true 20 are_refused_there && vault_mark refused && vault_mark refused || return
	until_true 20 all_sent
}

# cut_power RUN SIDE NAME COUNT [AGAIN [VARIABLE]]: cuts the power of a disk; what is said is in $tmp/RUN-SIDE-NAME.said.
cut_power() {
	local extra=$keys/wang-mei.key config=$sconf
	[[ $2 == spool ]] || extra=$tmp/$1-truth config=$rconf
	# shellcheck disable=SC2086 # no AGAIN is no argument
	TMPDIR=$tmp WEIR_CARELESS=${6:-} LD_PRELOAD=$build/tests/lib/careless.so "$build/tests/lib/powercut" "$2" "$tmp/$1-$2.base" \
		"$tmp/$1-$2.log" "$config" "$extra" "$4" "${SEED: -9}" ${5:-} >"$tmp/$1-$2-$3.said" 2>&1
}
# Disks are waited for more than anything else, so as many as may be at a time.
cutters=()
cut_beside() { cut_power "$@" & cutters+=($!); }
cuts_end() { wait "${cutters[@]}"; cutters=(); }
# said RUN SIDE NAME [LINES]
said() { note "$1 $2 $3: $(cut -c1-400 "$tmp/$1-$2-$3.said" | tail -n "${4:-30}")"; }
# figure RUN SIDE NAME FIGURE: of the last line that powercut said.
figure() { sed -n "\$ s/.*\b$4 \([0-9.]*\).*/\1/p" "$tmp/$1-$2-$3.said"; }

record careful
for side in spool vault; do
	cut_beside careful $side cut $((cuts / 2))
	cut_beside careful $side again "$recoveries" "$again"
	cut_beside careful $side forgets 4 6 WEIR_NO_SYNC
done
cut_beside careful spool ahead 4 6 WEIR_NO_DATASYNC
cuts_end
for side in spool vault; do
	said careful $side cut
	is "$side: $((cuts / 2)) power cuts were judged" "$(figure careful $side cut states)" $((cuts / 2))
	is "$side: no cut lost, tore or doubled anything" "$(figure careful $side cut bad)" 0
	said careful $side again
	is "$side: $((recoveries * again)) power cuts in $recoveries recoveries from one were judged" \
		"$(figure careful $side again states)" $((recoveries * again))
	is "$side: nor did they" "$(figure careful $side again bad)" 0
done
ok "there were maps of half-received bundles to be judged" test "$(figure careful vault cut claims)" -gt 0
ok "in recoveries, too" test "$(figure careful vault again claims)" -gt 0
for name in cut again; do
	ok "there were witnesses, none of which kept its own spool from starting" test "$(figure careful spool $name witnesses)" -gt 0
done
ok "none of them missed an older spool that was put back" test "$(figure careful spool cut put_back)" -gt 0

record careless WEIR_NO_SYNC=1
for side in spool vault; do cut_beside careless $side cut 40; done
cuts_end
for side in spool vault; do
	said careless $side cut 3
	ok "$side: the same work without fsync loses, so a loss would be seen" test "$(figure careless $side cut bad)" -gt 0
	said careful $side forgets 3
	ok "$side: so does a recovery without fsync" test "$(figure careful $side forgets bad)" -gt 0
done
said careful spool ahead 3
ok "where the ledger alone is not synchronised the witness is ahead of it, which would be seen" \
	test "$(figure careful spool ahead unwitnessed)" -gt 0
nothing_came_back
done_testing
