#!/usr/bin/env bash
# Every call of what spool and vault are made of fails once (tests/fault/stores.c).
export TMPDIR=/dev/shm # whether it is durable is for other tests
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
cd "$top" && exec "$build/tests/fault/stores" 2>"$tmp/events"
