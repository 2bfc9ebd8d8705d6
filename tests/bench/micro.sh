# shellcheck shell=bash disable=SC2034,SC2154 # part of tests/bench/run
# micro_part: what one core does of each piece.
micro_part() {
	"$build/tests/bench/micro"
	"$build/tests/lib/export" --records "$records" --seed "$SEED" >"$tmp/guarded.csv"
	"$build/tests/bench/guard" "$tmp/guarded.csv"
}
