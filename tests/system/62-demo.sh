#!/usr/bin/env bash
# `make demo` as root, and as somebody who is not: with fewer records, the same program.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
seed_line
export SEED

# A copy of what the demo needs, so that another user can read it.
tree=$(mktemp -d /tmp/weir-demo.XXXXXX)
on_exit "rm -rf $tree"
mkdir -p "$tree/build/tests" "$tree/tests"
cp "$build"/weir-* "$tree/build"
cp -r "$build/tests/lib" "$tree/build/tests"
cp -r "$top/tests/lib" "$top/tests/system" "$tree/tests"
chmod -R go+rX "$tree"

# says SENTENCE REGEX: of the output in $shown.
says() { like "$1" "$shown" "$2"; }
shows_all() {
	says "$1: what was sent" 'sent +20,000 records, .* as households-000001 by wang-mei'
	says "$1: what was lost" 'lost +[1-9][0-9,]* of [0-9,]+ datagrams'
	says "$1: what was repaired" 'repaired +[1-9][0-9,]* symbols'
	says "$1: who approved it" 'approved +by lin-jun and wu-ting.*released as households-000001'
	says "$1: that it was verified and opened" 'verified +signatures of wang-mei, lin-jun and wu-ting and the box, .*opened +by tax-agency'
	says "$1: how fast" 'MB/s of records'
}

if ((EUID == 0)); then
	shown=$(RECORDS=20000 BUILD=$tree/build bash "$tree/tests/system/demo.sh" 2>&1)
	check $? "the demo ends well in namespaces" || note "$shown"
	shows_all "in namespaces"
	says "in namespaces: which layers hold" 'layers +10 of the sender and 11 of the receiver hold, and are watched; .*: neighbour, route, xdp'
	says "in namespaces: that nothing came back" 'came back +0 frames'
	shown=$(cd / && RECORDS=20000 BUILD=$tree/build TMPDIR=/tmp HOME=/ \
		setpriv --reuid=65534 --regid=65534 --clear-groups bash "$tree/tests/system/demo.sh" 2>&1)
else
	shown=$(RECORDS=20000 BUILD=$tree/build bash "$tree/tests/system/demo.sh" 2>&1)
fi
check $? "the demo ends well without root" || note "$shown"
shows_all "without root"
says "without root: what it could not show" 'not shown: that nothing comes back'
done_testing
