#!/usr/bin/env bash
# The tree itself: headers, directions, libraries, the layout list.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
cd "$top" || exit 1

for header in common/*.h sender/*.h receiver/*.h tests/lib/*.h; do
	ok "$header compiles alone" "${CC:-cc}" -std=c17 -D_GNU_SOURCE -I. -Wall -Wextra -Werror \
		-fsyntax-only -x c "$header"
done

# Includes of a side that it must not see.
sees() { grep -HnE "^#[[:space:]]*include \"(\.\./)*($2)/" "$1"/*.[ch]; }
is "sender/ does not see receiver/" "$(sees sender receiver)" ""
is "receiver/ does not see sender/" "$(sees receiver sender)" ""
is "common/ sees neither side" "$(sees common 'sender|receiver')" ""

# one_file FILE REGEX: a library is included by this file and no other.
one_file() {
	is "only $1 includes <$2>" \
		"$(grep -lE "^#[[:space:]]*include <($2)>" common/*.[ch] sender/*.[ch] receiver/*.[ch] |
			sort -u)" "$1"
}
one_file common/suite.c 'sodium.*'
one_file common/compress.c 'zstd.*'
one_file common/erasure.c 'isa-l.*|erasure_code\.h'
one_file common/confine.c 'seccomp\.h|cap-ng\.h'
one_file common/service.c 'systemd/.*'
one_file common/ini.c 'ini\.h'
one_file common/json.c 'jansson\.h'
one_file sender/guard_pattern.c 'pcre2\.h'
one_file sender/guard_encoding.c 'iconv\.h'
one_file common/libcrypto.c 'openssl/.*'
one_file common/libipsec_mb.c 'intel-ipsec-mb\.h'
one_file common/token.c 'p11-kit/.*'
one_file common/rules.c 'nftables/.*'
one_file common/xdp.c 'bpf/.*'

# The layout list of the README: "    path/    what it is".
if grep -q '^## Layout' README.md 2>/dev/null; then
	listed=$(sed -n '/^## Layout/,/^## [^L]/p' README.md | grep -oE '^    [A-Za-z.-]+/? ' | tr -d ' /' | sort)
	there=$(git ls-files | sed 's|/.*||' | grep -v '^\.' | sort -u)
	is "the layout list of the README equals ls" "$listed" "$there"
else
	check 1 "the README has a layout list"
fi

is "no source file is longer than 500 lines" \
	"$(wc -l common/*.[ch] sender/*.[ch] receiver/*.[ch] | awk '$2 != "total" && $1 > 500')" ""
is "no man page is missing" \
	"$(grep -lE '^(int )?main\(' common/*.c sender/*.c receiver/*.c | while read -r main; do
		compgen -G "${main%/*}/weir-$(basename "${main%.c}").[18]" >/dev/null || echo "$main"
	done)" ""
done_testing
