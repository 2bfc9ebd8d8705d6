# shellcheck shell=bash disable=SC2034,SC2154 # part of tests/bench/run
# ---- starting ----

# Out of the memory of the machine, so that a start reads the disk, as the first one of a day does.
evict() {
	sync
	python3 - "$@" <<-'END'
		import os, sys
		for top in sys.argv[1:]:
		    for folder, _, files in os.walk(top):
		        for name in files:
		            fd = os.open(os.path.join(folder, name), os.O_RDONLY)
		            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
		            os.close(fd)
	END
}
# started WHAT FOLDER EVENT LOG COMMAND: milliseconds until it says that it is ready, beside the 5,000 that it may take.
started() {
	local from watcher ms held
	evict "$2"
	from=$(now)
	{ until grep -qs "^$3 " "$4"; do sleep 0.01; done; now >"$tmp/ready"; } &
	watcher=$!
	"$5"
	wait "$watcher"
	ms=$((($(cat "$tmp/ready") - from) / 1000000))
	holds $ms "<=" 5000
	printf '  %-34s %8d ms   %s\n' "$1" $ms "$held"
}
start_part() {
	printf '\nstart with 10,000 bundles, from the disk\n'
	link_start 1500
	rm -rf "${site:?}" # what others have left there
	site_make
	"$build/tests/lib/fill" "$sender/sender.conf" "$receiver/receiver.conf" "$keys/wang-mei.key" 10000 ||
		give_up "spool and vault cannot be filled"
	started weir-hold "$sender/spool" E1001 "$sender/log" sender_up
	started weir-keep "$receiver/vault" E2001 "$receiver/log" receiver_up
	sender_down
	receiver_down
	rm "$receiver/vault/annals"
	: >"$receiver/log"
	started "weir-keep, its annals lost" "$receiver/vault" E2001 "$receiver/log" receiver_up
	receiver_down
	link_stop
}
