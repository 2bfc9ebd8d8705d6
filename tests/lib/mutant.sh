# shellcheck shell=bash disable=SC2154 # build is that of tap.sh
# mutant.sh: programs without one of their safeguards, for negative controls.
#
#   make_mutant FILE SED OUT      OUT.o: the object of FILE as SED changes it, which must be somewhere
#   link_mutant OUT OBJECT…       what stands before the archives is taken instead of what is in them; a program is of
#                                 one side, and says so: side=sender

mutant_packages=(libsodium libzstd libisal libsystemd libcap-ng libseccomp inih jansson libpcre2-8 libcrypto p11-kit-1)
read -ra mutant_flags < <(pkg-config --cflags-only-I "${mutant_packages[@]}")
read -ra mutant_libraries < <(pkg-config --libs "${mutant_packages[@]}")
[[ $("${CC:-cc}" -dumpmachine) != x86_64* ]] || mutant_libraries+=(-lIPSec_MB)

make_mutant() {
	sed -E "$2" "$1" >"$3.c" || return
	if cmp "$1" "$3.c"; then
		echo "no line of $1 matches: $2"
		return 1
	fi
	"${CC:-cc}" -std=c17 -D_GNU_SOURCE -I. -I"$build" -iquote "${1%/*}" "${mutant_flags[@]}" -O0 -pthread \
		-ffunction-sections -fdata-sections -w -c -o "$3.o" "$3.c"
}

link_mutant() {
	local archives=("$build"/lib{sender,receiver,common}.a)
	[[ -z ${side:-} ]] || archives=("$build/lib$side.a" "$build/libcommon.a")
	"${CC:-cc}" -pthread -Wl,--as-needed,--gc-sections -o "$1" "${@:2}" "${archives[@]}" \
		"${mutant_libraries[@]}" -lm
}
