# shellcheck shell=bash disable=SC2034,SC2154 # what it sets is for its callers, what it uses is tap.sh's
# clamd.sh: a real clamd with signatures of its own and the settings that SCANNING.md demands; needs tap.sh.
#
#   clamd_start NAME [SIGNATURES [SED]]   its socket in $socket, its process in $clamd, its files in $tmp/NAME
#       and $volatile/NAME; SED changes its settings; "no-signatures" does not know EICAR
#
# $eicar is the EICAR test file, $demanded the settings.

eicar=$tmp/eicar
# shellcheck disable=SC2016 # nothing in it is a variable
printf '%s%s' 'X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-' 'STANDARD-ANTIVIRUS-TEST-FILE!$H+H*' >"$eicar"
volatile=$(mktemp -d /dev/shm/weir-test.XXXXXX)
on_exit "rm -rf $volatile"

# Signatures: EICAR anywhere in a file, and a program that is known by its first bytes.
mkdir "$tmp/signatures" "$tmp/no-signatures"
echo "Eicar-Test:0:*:$(od -An -tx1 "$eicar" | tr -d ' \n')" >"$tmp/signatures/test.ndb"
echo "Other-Test:0:0:$(printf 'nothing has these bytes' | od -An -tx1 | tr -d ' \n')" >"$tmp/no-signatures/test.ndb"

# Without the directory, which is another one here.
demanded=$(sed -n '/^## 4/,/^## 5/s/^    \([A-Z].*\)/\1/p' "$top/common/SCANNING.md" | grep -v TemporaryDirectory)

# The file is there a moment before anybody listens at it.
clamd_listens() { grep -qE " 00010000 .* $socket\$" /proc/net/unix; }

clamd_start() {
	local folder=$tmp/$1
	mkdir "$folder" "$volatile/$1"
	socket=$folder/socket
	{
		sed "${3:-}" <<<"$demanded"
		printf '%s\n' "Foreground yes" "LocalSocket $socket" "DatabaseDirectory $tmp/${2:-signatures}" \
			"TemporaryDirectory $volatile/$1" "LogFile $folder/log" "ReadTimeout 7" "CommandReadTimeout 7"
	} >"$folder/clamd.conf"
	clamd --config-file "$folder/clamd.conf" >"$folder/out" 2>&1 &
	clamd=$!
	on_exit "kill -CONT $clamd 2>/dev/null; kill $clamd 2>/dev/null; wait $clamd 2>/dev/null"
	until_true 20 clamd_listens || give_up "clamd does not start: $(cat "$folder/out")"
}
command -v clamd >/dev/null || give_up "clamd is not installed"
