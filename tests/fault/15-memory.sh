#!/usr/bin/env bash
# Allocation n fails, for every n, in what is parsed and written (tests/fault/memory.c).
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
cd "$top" && exec "$build/tests/fault/memory"
