#!/usr/bin/env bash
# The ledger as people meet it: shown, verified, damaged, witnessed, and verified by somebody who knows
# LEDGER.md alone; this file runs under the sanitizers too.  Keeps a processor busy.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
seed_line
cd "$tmp" || exit 1
outbox=$build/weir-outbox inbox=$build/weir-inbox
write=$build/tests/lib/ledger
unset WEIR_CONFIG WEIR_ROOTS
start=1795420800 # 2026-11-23T08:00:00Z

# ---- two boxes, and a registry that names them ----

key() { "$outbox" key new "$1" "$2" -o "$3.key" --unprotected >/dev/null; }
key root root-1 root
key sender inside-1 inside
key sender inside-1 inside-new
key receiver outside-1 outside
public() { "$outbox" key show "$1.key" | sed -n 's/^public = //p'; }
registry() { # FILE SENDERKEY
	{
		printf '[registry]\nformat = 1\nname = test\nversion = 1\nissued = 2026-01-01\nexpires = 2030-01-01\n'
		"$outbox" key show "$2.key"
		"$outbox" key show outside.key
	} >"$1"
	"$outbox" registry sign "$1" --key root.key >/dev/null
}
{ "$outbox" key show root.key; printf '[roots]\nquorum = 1\n'; } >roots
registry registry inside
registry registry-new inside-new
mkdir -p sender/spool receiver/vault

"$write" sender/spool/ledger inside.key 100 $start >first
check $? "the sender's ledger is written"
head=$(sed -n 2p first)
"$write" sender/spool/ledger inside.key 100 $((start + 86400 * 10)) >second
check $? "it goes on in another month"
echo "inside-1 $head" | "$write" receiver/vault/ledger outside.key 10 $((start + 200)) 1 heads >/dev/null
check $? "the receiver's is, with what it has heard of the sender's"
printf 'inside-1 %s\nnobody 1 %064d\n' "$(sed -n 2p second)" 0 |
	"$write" receiver/vault/ledger outside.key 10 $((start + 86400 * 11)) 1 heads >/dev/null
check $? "and that goes on, too"
is "the sender's has two files" "$(find sender/spool/ledger -name '*.jsonl' | wc -l)" 2
ok "jq reads every line" jq -e . sender/spool/ledger/*.jsonl

ledger=sender/spool/ledger
verify() { "$outbox" ledger verify --registry registry --roots roots "$@"; }
# fails STATUS SENTENCE REGEX COMMAND…: ends so, and says that.
fails() {
	local status=$1 sentence=$2 regex=$3 output
	shift 3
	output=$("$@" 2>&1)
	is "$sentence: exit status" "$?" "$status"
	like "$sentence: words" "$output" "$regex"
}

# ---- shown ----

show() { "$outbox" ledger show "$@" "$ledger"; }
is "checkpoints are not shown" "$(show | grep -c 'signed its ledger')" 0
is "but when they are asked for" "$(show --event checkpoint | grep -vc 'the box signed its ledger: box inside-1$')" 0
is "start and stop are" "$(show | grep -cE '  the box (started|stopped)$')" 4
like "a push is told of in words" "$(show --bundle tax-000001 | head -n 1)" \
	'^2026-11-23T08:00:00Z +4  wang-mei +a push was accepted: route tax, bundle tax-000001, records 0, destroy by 2026-12-23T08:00:00Z$'
like "a refused one, too" "$(show --event push.refused | head -n 1)" \
	'^2026-11-23T08:00:09Z +13  lee-hao +a push was refused: route tax, .*does not allow.*\[not-allowed\]$'
is "people are told apart" "$(show --person lee-hao | wc -l) $(show --person lee | wc -l)" "100 0"
is "events are, by how they begin" "$(show --event push | wc -l) $(show --event push.refused | wc -l)" "200 20"
is "a bundle's story is found" "$(show --bundle tax-000021 | wc -l)" 2
is "and a time's" "$(show --since 2026-11-23T08:00:10Z --until 2026-11-23T08:00:19Z | wc -l)" 10
is "a day is meant as a whole" "$(show --since 2026-11-23 --until 2026-11-23 | wc -l)" \
	"$(show --until 2026-11-30 | wc -l)"
is "as JSON they are the lines that they are" "$(show --json)" "$(cat $ledger/*.jsonl)"
is "no hostile text disturbs a terminal" "$(show | LC_ALL=C grep -c $'\x1b')" 0
like "it is shown escaped" "$(show --event push.refused)" 'where evil\\x1b\[2J name'

# ---- verified ----

like "it is good" "$(verify $ledger)" 'ledger of inside-1: 213 entries in 2 files, .*signed to its end.*all good$'
head_line=$(verify $ledger | grep '^head ')
is "as JSON, too" "$(verify --json $ledger | jq -c '[.good, .box, .entries, .files, .wrong, .notes, .findings]')" \
	'[true,"inside-1",213,2,0,0,[]]'
is "the head is the same" "$(verify --json $ledger | jq -r '"head \(.head.n) \(.head.hash)"')" "$head_line"
like "the other box has heard of it" "$(verify --witness receiver/vault/ledger $ledger)" \
	'the witness has seen it so up to entry 212'
"$inbox" ledger verify --registry registry --roots roots receiver/vault/ledger >verified
is "the receiver's is good" "$?" 0
echo "${head_line#head }" >noted
like "what somebody noted down is a witness" "$(verify --witness noted $ledger)" 'seen it so up to entry 213'
fails 4 "a witness of something else" 'nothing of the ledger of' verify --witness $ledger $ledger
fails 1 "a witness of another form" 'not .N HASH. \[bad-entry\]' verify --witness roots $ledger
fails 3 "a witness that is not there" 'No such file' verify --witness none $ledger

# A copy of the first day.
cp -r $ledger copy
rm copy/*-20261203.jsonl
head -n 106 $ledger/*-20261123.jsonl >copy/0000000000000001-20261123.jsonl
fails 4 "a copy is shorter than what was heard" 'has seen entry 212, and the ledger ends with 106 \[missing-entries\]' \
	verify --witness receiver/vault/ledger copy
fails 0 "until it was made, no more was" 'the witness has seen it so up to entry 105.*all good' \
	verify --witness receiver/vault/ledger --until 2026-11-24 copy

# ---- found ----

damage() { # SENTENCE VERDICT COMMAND…: does it to a copy of the first file
	local sentence=$1 verdict=$2
	shift 2
	rm -rf damaged
	cp -r $ledger damaged
	(cd damaged && "$@" ./*-20261123.jsonl) || check 1 "damage: $sentence"
	fails 4 "$sentence" "$verdict" verify damaged
}
damage "a word that was changed is found" \
	'0000000000000001-20261123.jsonl:21: entry 21: .*was changed.*\[bad-chain\]; next: ' sed -i '20s/wang-mei/wang-mex/'
damage "a line that was taken out is" ':20: entry 20: entries 20 to 20 are missing \[missing-entries\]' sed -i 20d
damage "one that was put in is" ':21: entry 21: entry 20 stands where entry 21 belongs \[bad-chain\]' sed -i '20{p}'
damage "one that is none is" ':20: entry 20: the line is not an entry \[bad-entry\]' sed -i '20s/.*/{}/'
damage "a checkpoint that was forged is" ':3: entry 3: .*signature is wrong.*\[bad-signature\]' \
	sed -i '3s/"}$/0"}/; 3s/"signature":"./"signature":"/'
damage "a file that was removed is" 'it begins with entry [0-9]+, and no signed entry' rm
remove_last() { rm ./*-20261203.jsonl; }
damage "so is the last" 'goes on in a file that begins with entry [0-9]+, which is missing' remove_last
rm -rf damaged && cp -r $ledger damaged
head -c -7 $ledger/*-20261203.jsonl >"$(echo damaged/*-20261203.jsonl)"
fails 0 "a torn line is told of as torn" 'note: torn: .*\[truncated\]; next: nothing: the box mends it' verify damaged
sed -i '$d' damaged/*-20261203.jsonl
sed -i '$d' damaged/*-20261203.jsonl
fails 0 "an end that was cut off shows nothing here" 'all good' verify damaged
fails 4 "but to the witness" 'has seen entry 212, and the ledger ends with 211 \[missing-entries\]' \
	verify --witness receiver/vault/ledger damaged
sed -i '2s/start/stort/' damaged/*-20261123.jsonl
fails 4 "a ledger that is not whole witnesses nothing" 'is not whole itself; verify it first' \
	verify --witness damaged receiver/vault/ledger
is "a thousand findings are not all printed" \
	"$(for ((i = 0; i < 1000; i++)); do echo rubbish; done >damaged/0000000000000001-20261123.jsonl
		verify damaged | grep -cE 'bad-entry|and [0-9]+ more')" 101
printf '{"n":1,"at":"2026-11-23T08:00:00Z","before":"%064d","event":"start","result":"ok","x":"\u009b2J"}\n' 0 \
	>damaged/0000000000000001-20261123.jsonl
is "what no box has written is escaped where it is shown" \
	"$("$outbox" ledger show damaged | grep -c '\\xc2\\x9b') $("$outbox" ledger show --json damaged | grep -c '\\xc2\\x9b')" "1 1"
echo rubbish >>damaged/0000000000000001-20261123.jsonl
fails 4 "a line that cannot be shown is told of" '20261123.jsonl:2: this line is not an entry' "$outbox" ledger show damaged

# ---- keys and the command line ----

fails 4 "under another key nothing is good" 'a key that is not known \[unknown-key\]' \
	"$outbox" ledger verify --registry registry-new --roots roots $ledger
fails 0 "an older registry is given, too" 'all good' \
	"$outbox" ledger verify --registry registry-new --registry registry --roots roots $ledger
sed 's/name = test/name = text/' registry >registry-forged
fails 1 "a registry that is not signed" 'bad-signature' \
	"$outbox" ledger verify --registry registry-forged --roots roots $ledger
fails 3 "a ledger that is not there" "cannot open the ledger 'nowhere'" "$outbox" ledger show nowhere
mkdir empty
fails 3 "an empty directory" 'cannot read the ledger: No such file' verify empty
fails 2 "no subcommand" "needs 'show' or 'verify'" "$outbox" ledger
fails 2 "an unknown one" "no 'ledger prove'" "$inbox" ledger prove
fails 2 "an option of the other" 'unknown here' "$outbox" ledger show --witness x $ledger
fails 2 "a time that is none" "'tomorrow' is no time" "$outbox" ledger show --since tomorrow $ledger
fails 2 "two directories" 'one DIR at most' "$outbox" ledger show a b

# What is not given comes from the configuration.
paths=$(printf '[paths]\nregistry = %s/registry\nroots = %s/roots\nruntime = %s/run' "$tmp" "$tmp" "$tmp")
cat >sender.conf <<-END
	$paths
	spool = sender/spool
	[keys]
	box = inside.key
	link = link.key
	psks = psk
	[link]
	address = 127.0.0.1
	rate = 1 Mbit/s
	absent = all
END
cat >receiver.conf <<-END
	$paths
	vault = receiver/vault
	[keys]
	box = outside.key
	link = link.key
	[link]
	address = 127.0.0.1
	absent = all
END
chmod 600 sender.conf receiver.conf
like "the sender's own is found by its configuration" "$("$outbox" ledger verify --config sender.conf)" 'of inside-1: .*all good'
like "the receiver's, too" "$(WEIR_CONFIG=receiver.conf "$inbox" ledger verify)" 'of outside-1: .*all good'
mv receiver/vault/ledger outside && cp -r sender/spool/ledger receiver/vault/ledger
fails 4 "the ledger of the other box in its place is found" '\[unknown-key\]' "$inbox" ledger verify --config receiver.conf
rm -r receiver/vault/ledger && mv outside receiver/vault/ledger
is "and shown" "$("$inbox" ledger show --config receiver.conf --event witness | wc -l)" 3
fails 3 "no configuration" 'No such file' "$outbox" ledger show --config none

# ---- at length ----

"$write" long inside.key 200000 $start 200 >/dev/null
check $? "two hundred thousand entries are written"
if [[ $build != *sanitize* ]]; then
	like "they are verified in 64 MiB" "$(ulimit -v 65536 && verify long)" 'all good'
else
	like "they are verified" "$(verify long)" 'all good'
fi

# ---- by somebody else ----

elsewhere() { "$top/tests/independent/ledger.py" "$@"; }
cards=("sender:inside-1:$(public inside)" "receiver:outside-1:$(public outside)")
is "the sender's is good elsewhere" "$(elsewhere verify $ledger "${cards[@]}")" "$head_line"
is "the receiver's is" "$(elsewhere verify receiver/vault/ledger "${cards[@]}")" "$(grep '^head ' verified)"
elsewhere make elsewhere inside.key 1000 --files 4 >made
check $? "one is made elsewhere"
like "it is good here" "$(verify elsewhere)" 'in 4 files, .*all good'
is "with the same head" "$(verify elsewhere | grep '^head ')" "$(cat made)"
ok "it goes on here" "$write" elsewhere inside.key 10 $((start + 2000))
like "and is still good" "$(verify elsewhere)" 'in 4 files, .*all good'

# Damage of every kind, at places that the seed says: both find it, and for the same reason.
cat >spoil.py <<'END_OF_PYTHON'
import os, random, sys
folder, seed = sys.argv[1], sys.argv[2]
r = random.Random(seed)
names = sorted(os.listdir(folder))
path = os.path.join(folder, r.choice(names))
data = open(path, "rb").read()
lines = data.splitlines(keepends=True)
i, k = r.randrange(len(lines)), r.randrange(len(lines))
kind = r.randrange(8)
if kind == 0:
    at = r.randrange(len(data))
    data = data[:at] + bytes([data[at] ^ 1 << r.randrange(8)]) + data[at + 1:]
elif kind == 1:
    data = data[:r.randrange(len(data))]
elif kind == 2:
    del lines[i]
elif kind == 3:
    lines[i], lines[k] = lines[k], lines[i]
elif kind == 4:
    lines.insert(i, lines[k])
elif kind == 5:
    lines = lines[:i]
elif kind == 6:
    lines.insert(i, bytes(r.randrange(256) for _ in range(r.choice((1, 10, 5000)))) + b"\n")
if kind in (2, 3, 4, 5, 6):
    data = b"".join(lines)
if kind == 7:
    os.unlink(path)
else:
    open(path, "wb").write(data)
print(kind, os.path.basename(path), i, k)
END_OF_PYTHON
agreed=0 found=0 differ=''
for ((i = 0; i < 40; i++)); do
	rm -rf spoiled
	cp -r $ledger spoiled
	how=$(python3 -S spoil.py spoiled "$SEED-$i")
	ours=$(verify --json --witness noted spoiled)
	theirs=$(elsewhere verify spoiled "${cards[@]}" --witness "$(tr ' ' : <noted)")
	ours=$(jq -r '.findings[] | select(.wrong) | .verdict' <<<"$ours" | sort)
	theirs=$(grep -v '^head ' <<<"$theirs" | sed 's/:.*//' | sort)
	[[ -n $ours ]] && found=$((found + 1))
	if [[ $ours == "$theirs" ]]; then agreed=$((agreed + 1)); else
		differ+="$i ($how): here ${ours//$'\n'/ }, elsewhere ${theirs//$'\n'/ }"$'\n'
	fi
done
is "40 ledgers that were spoilt are judged alike here and elsewhere" "$agreed" 40 || note "$differ"
note "$found of them are wrong"
ok "most of them are wrong" test "$found" -ge 30

# ---- the page ----

cd "$top" || exit 1
# shellcheck disable=SC2016 # the quotes of the page
listed=$(sed -n '/^## 6 /,/^## 7 /p' common/LEDGER.md | sed -nE 's/^\| `([a-z.-]+)` \| ([^|]+) \|.*/\1 \2/p')
known=$(sed -nE 's/^\t\{"([a-z.-]+)", "([^"]+)",( NULL\},| "[^"]+"\},)?$/\1 \2/p' common/ledgerevent.c)
is "the events of LEDGER.md are those that the program has words for" "$listed" "$known"
written=$(grep -ohE '(ledger_entry_new|book_bundle)\(([a-z>-]+, )?"[a-z.-]+"' common/*.c sender/*.c receiver/*.c | sed 's/.*"\(.*\)"/\1/' | sort -u)
is "every event that a program writes is in LEDGER.md" \
	"$(comm -23 <(echo "$written") <(cut -d' ' -f1 <<<"$listed" | sort))" ""
# shellcheck disable=SC2016 # the quotes of the page
fields=$(sed -n '/^## 6 /,/^## 7 /p' common/LEDGER.md | grep -oE '`[a-z_]+`' | tr -d '`' | sort -u)
is "every field that a program writes is in LEDGER.md" \
	"$(comm -23 <(grep -ohE '(ledger_set_[a-z]+|set_order)\([a-z]+, "[a-z_]+"' common/*.c sender/*.c receiver/*.c |
		sed 's/.*"\(.*\)"/\1/' | sort -u | grep -vx error) <(echo "$fields"))" ""
# shellcheck disable=SC2016 # the quotes of the page
is "every result that LEDGER.md names is a verdict" \
	"$(sed -n '/^## 7 /,/^## 8 /p' common/LEDGER.md | grep -oE '`[a-z]+-[a-z-]+`' | tr -d '\`' | sort -u |
		while read -r name; do grep -q "{\"$name\"," common/verdict.c || echo "$name"; done)" ""
done_testing
