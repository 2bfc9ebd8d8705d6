#!/usr/bin/env bash
# This version reads what each version before it left: spool, vault, ledgers, keys, registry, and what crossed.  What is of a newer
# one is refused in words that say what to do, and is left as it is.
# shellcheck source=tests/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
cd "$top" || exit 1

# ---- of a newer one ----

# newer FILE AT: a copy of the file with this byte set to 2; its path
newer() {
	cp "$1" "$tmp/newer" && chmod 600 "$tmp/newer"
	printf '\002' | dd of="$tmp/newer" bs=1 seek="$2" conv=notrunc status=none
	echo "$tmp/newer"
}
words='upgrade Weir here \[unknown-version\]'
refuses() { # SENTENCE COMMAND…
	local said status
	said=$("${@:2}" 2>&1)
	status=$?
	like "$1 is refused, and it is said what to do" "$said" "$words"
	is "with the exit code of what is refused" "$status" 1
}

link_start 1500
site_make
conf=$sender/sender.conf rconf=$receiver/receiver.conf
key_new person other "$tmp/other.key" --unprotected
refuses "a key file of the next version" "$build/weir-outbox" key show "$(newer "$tmp/other.key" 8)"
head -c 1000 /dev/zero >>"$tmp/newer"
refuses "also one that is longer than those of this version" "$build/weir-outbox" key show "$tmp/newer"

# ---- what each version before left ----

archives=(tests/compat/*.tar.gz)
ok "there are some" test -s "${archives[0]}"
for archive in "${archives[@]}"; do
	of=$(basename "$archive" .tar.gz)
	left=$tmp/left-$of
	mkdir "$left"
	tar -C "$left" -xzf "$archive" || give_up "'$archive' cannot be unpacked"
	rm -rf "$site/registry" "$site/roots" "$keys" "$sender"/spool* "$receiver"/vault*
	cp -rp "$left/registry" "$left/roots" "$left/keys" "$site/"
	cp -rp "$left"/spool* "$sender/"
	cp -rp "$left"/vault* "$receiver/"
	for side in sender receiver; do
		name=$([[ $side == sender ]] && echo outbox || echo inbox)
		store=$([[ $side == sender ]] && echo "$sender/spool" || echo "$receiver/vault")
		said=$("$build/weir-$name" ledger verify --registry "$site/registry" --roots "$site/roots" "$store/ledger" 2>&1)
		check $? "version $of: the ledger of the $side verifies" || note "$said"
	done
	cp "$site/registry" "$tmp/registry"
	ok "a key file with a passphrase opens" \
		"$build/weir-outbox" registry sign "$tmp/registry" --key "$keys/with-passphrase.key" --passphrase-file "$passphrase_file"
	like "the bundle that lies in the vault is listed" "$(inbox list --config "$rconf" 2>&1)" tax-000001
	ok "and verifies" inbox verify --config "$rconf" tax-000001
	receiver_up
	ok "and opens" open_bundle tax-000001 -o "$tmp/opened-$of"
	ok "and is what was pushed" cmp "$left/people.csv" "$tmp/opened-$of/people.csv"
	# what had still to cross crosses when the link is idle
	sed -i 's/^heal_percent = .*/heal_percent = 50/' "$conf"
	sender_up
	ok "what lay in the spool is delivered" wait_delivered tax-000002
	waiting=$(outbox list --config "$conf" --waiting --json | jq -r '.[0].push_id')
	for officer in lin-jun wu-ting; do
		said=$(as_officer $officer approve "$waiting" 2>&1)
		check $? "officer $officer approves what waited in it" || note "$said"
	done
	ok "then it is delivered" wait_delivered approved-000001
	push tax "$left/people.csv"
	is "the numbers go on" "$bundle" tax-000003
	ok "and what is pushed crosses" wait_delivered "$bundle"
	sender_down
	receiver_down
	for side in sender receiver; do
		name=$([[ $side == sender ]] && echo outbox || echo inbox)
		store=$([[ $side == sender ]] && echo "$sender/spool" || echo "$receiver/vault")
		ok "the ledger of the $side goes on, and verifies" \
			"$build/weir-$name" ledger verify --registry "$site/registry" --roots "$site/roots" "$store/ledger"
	done
	# what crossed, into a vault that has nothing
	rm -rf "$receiver"/vault* "$runtime/receiver" && mkdir "$receiver/vault" "$runtime/receiver"
	receiver_up
	in_sender "$top/tests/lib/tape" play "$left/tape" "$to_address" "$to_port" >/dev/null
	ok "what crossed is received as it is now" wait_delivered tax-000001
	ok "and opens, too" open_bundle tax-000001 -o "$tmp/received-$of"
	receiver_down
done

# ---- a spool and a vault of a newer one ----

bytes_of() { (cd "$1" && find . -type f -exec sha256sum {} + | sort -k2); }
echo 'weir-spool 2' >"$sender/spool/lock"
echo 'weir-vault 2' >"$receiver/vault/lock"
spool_before=$(bytes_of "$sender/spool") vault_before=$(bytes_of "$receiver/vault")
said=$(sender_fails "weir-hold: cannot open spool .*: .*$words")
check $? "weir-hold does not open the spool of the next version, and says what to do" || note "$said"
is "nothing in it is touched" "$(bytes_of "$sender/spool")" "$spool_before"
"${at_receiver[@]}" "$build/weir-receiver" run --config "$rconf" >"$tmp/receiver.log" 2>&1 &
pid=$!
said_so() { grep -qE "weir-keep: vault .*: .*$words" "$tmp/receiver.log"; }
ok "weir-keep does not open the vault of the next version, and says what to do" until_true 20 said_so || note "$(cat "$tmp/receiver.log")"
kill "$pid" && wait "$pid"
is "nothing in it is touched" "$(bytes_of "$receiver/vault")" "$vault_before"
refuses "weir-inbox does not read it either: it" inbox list --config "$rconf"
echo 'weir-vault 1' >"$receiver/vault/lock"
ok "with a vault of this version it does" inbox list --config "$rconf"

# ---- the page ----

page=common/VERSIONS.md
while IFS='|' read -r _ what _ _ shown _; do
	while read -r file; do
		ok "'$(xargs <<<"$what")': $file is there" test -s "$file"
	done < <(grep -oE 'tests/[a-z0-9/.-]+' <<<"$shown")
	ok "'$(xargs <<<"$what")' has a test" grep -q 'tests/' <<<"$shown"
done < <(grep -E '^\| ' $page | tail -n +2)
nothing_came_back
done_testing
