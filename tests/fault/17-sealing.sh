#!/usr/bin/env bash
# Every call of formats, sealing and the erasure code fails once (tests/fault/sealing.c).
export TMPDIR=/dev/shm # whether it is durable is for other tests
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
cd "$top" && exec "$build/tests/fault/sealing"
