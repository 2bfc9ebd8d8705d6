#!/usr/bin/env bash
# The table of attacks, inside: everybody who is near the sending box tries what they may not, with their own
# keys and access, against the programs themselves.
# shellcheck source=tests/lib/attacks.sh
. "$(dirname "$0")/../lib/attacks.sh"
seed_line
link_start 1500
attack_site
receiver_up
sender_up

# The day must not end between the first push of a day and the last: it is counted by UTC days.
calm() { (($(date -u +%s) % 86400 < 86400 - 120)); }
ok "the UTC day lasts as long as this test" until_true 180 calm

printf 'id,name,income\n1,王小明,900000\n' >"$tmp/columns.csv"
printf 'id,name\n1,A123456789\n' >"$tmp/identity.csv"
rows_of() { { echo id,name; seq "$1" | sed 's/$/,x/'; } >"$2"; }
rows_of 51 "$tmp/51.csv"
rows_of 40 "$tmp/40.csv"
rows_of 20 "$tmp/20.csv"

# ---- who may push ----
attempt "operator" "pushes to another operator's route" "own key" not-allowed push.refused "$(by wang-mei) and .route == \"other\"" \
	push_as wang-mei other "$good"
twin "its operator pushes" push_as chen-yi other "$good"
attempt "officer" "pushes on the route whose bundles they approve" "own key" not-allowed push.refused "$(by lin-jun)" \
	push_as lin-jun guarded "$good"
twin "its operator pushes" push_as wang-mei guarded "$good"
attempt "operator" "pushes as the registry, which is sealed to nobody" "own key" unknown-route push.refused "$(by wang-mei)" push_as wang-mei registry "$good"
twin "their own route" push_as wang-mei plain "$good"
attempt "operator" "pushes as the ledger" "own key" not-allowed push.refused "$(by wang-mei)" push_as wang-mei ledger "$good"
send_ledger() { outbox ledger send "${config[@]}"; }
twin "the box pushes its ledger" send_ledger
attempt "weir-hold that was taken over" "pushes on an operator's route" "the box's key" not-allowed push.refused "$(by inside-1)" raw_push plain key="$(k inside-1)"
twin "the operator pushes there" raw_push plain key="$(k wang-mei)"
for role in in-stall au-dit re-ceive re-cipe; do
	what="$(sed -n "/^\[person $role\]/,/^roles/s/^roles = //p" "$site/registry")"
	attempt "$what" "pushes" "own key" not-allowed push.refused "$(by $role)" push_as $role plain "$good"
	twin "an operator pushes" push_as wang-mei plain "$good"
done
attempt "outsider" "pushes" "a key that nobody knows" unknown-key push.refused "$(by stranger) and .proven == false" \
	push_as stranger plain "$good"
twin "an operator pushes" push_as wang-mei plain "$good"
attempt "outsider" "pushes as an operator" "a key of that name, of another registry" unknown-key push.refused "$(by wang-mei)" \
	push_as ../../thief/wang-mei plain "$good"
twin "the operator pushes" push_as wang-mei plain "$good"
attempt "other operator" "pushes as the operator" "own key, the operator's name and key id" bad-signature \
	push.refused "$(by wang-mei) and .proven == false" raw_push capped person="$(k wang-mei)" key="$(k lee-hao)"
twin "the operator's key" raw_push capped key="$(k wang-mei)"
attempt "other operator" "pushes as the operator" "own key and key id, the operator's name" unknown-key \
	push.refused "$(by wang-mei) and .proven == false" raw_push capped key="$(k lee-hao)" name=wang-mei
twin "the operator's own" raw_push capped key="$(k wang-mei)" name=wang-mei
attempt "operator" "pushes after their key has ended" "expired key" expired push.refused "$(by old-key)" push_as old-key guarded "$good"
twin "an operator in force" push_as lee-hao guarded "$good"
attempt "operator" "pushes after they were suspended" "suspended key" suspended push.refused "$(by gone-key)" push_as gone-key guarded "$good"
twin "an operator in force" push_as lee-hao guarded "$good"
for kind in tax-agency outside-1 root-a; do
	attempt "holder of the key of $kind" "pushes as a person" "that key" unknown-key push.refused ".proven == false" \
		raw_push plain key="$(k $kind)"
	twin "an operator's key" raw_push plain key="$(k wang-mei)"
done
attempt "machine" "pushes as a person" "own key" unknown-key push.refused "$(by night-job)" raw_push plain key="$(k night-job)"
twin "an operator's key" raw_push plain key="$(k wang-mei)"
attempt "machine" "pushes without an order" "own key" bad-protocol push.refused '.machine == "night-job" and .proven' \
	raw_push plain person="$(k wang-mei)" machine="$(k night-job)" key="$(k night-job)"
twin "the person's key" raw_push plain key="$(k wang-mei)"

# ---- signatures that were made for something else ----
attempt "operator" "proves the key with a signature of another domain" "own key" bad-signature push.refused "$(by wang-mei) and .proven == false" \
	raw_push plain key="$(k wang-mei)" proof-domain="weir1 push"
twin "in the right domain" raw_push plain key="$(k wang-mei)" proof-to="$tmp/proof"
attempt "outsider" "shows a proof that was recorded" "an operator's old proof" bad-signature push.refused "$(by wang-mei) and .proven == false" \
	raw_push plain person="$(k wang-mei)" key="$(k stranger)" proof-from="$tmp/proof"
twin "a fresh proof" raw_push plain key="$(k wang-mei)"
attempt "operator" "signs the push in another domain" "own key" bad-signature push.refused "$(by wang-mei) and .proven" \
	raw_push plain key="$(k wang-mei)" push-domain="weir1 approve"
twin "in the right domain" raw_push plain key="$(k wang-mei)" record-to="$tmp/record"
attempt "operator" "uses the signature of one push for another" "own old signature" bad-signature push.refused "$(by wang-mei) and .proven" \
	raw_push plain key="$(k wang-mei)" record-from="$tmp/record"
twin "a fresh signature" raw_push plain key="$(k wang-mei)"
attempt "officer" "signs a push that an operator began" "officer's signature as an operator's" bad-signature push.refused "$(by wang-mei) and .proven" \
	raw_push guarded key="$(k wang-mei)" signer="$(k lin-jun)"
twin "the operator signs" raw_push guarded key="$(k wang-mei)" signer="$(k wang-mei)"
attempt "operator" "gives an approval where the push is to be signed" "own key" bad-protocol push.refused "$(by wang-mei) and .proven" \
	raw_push own key="$(k wang-mei)" record=approval
twin "a signature of the push" raw_push own key="$(k wang-mei)" record=push
# Somebody sits in the place of weir-seal and wants a signature for another route than the one that was asked for.
mkdir "$tmp/squat" && sed "s|^runtime = .*|runtime = $tmp/squat|" "$conf" >"$tmp/squat.conf" && chmod 600 "$tmp/squat.conf"
squatted() {
	rm -f "$tmp/squat/seal.sock"
	in_sender "$build/tests/lib/attacker" seal "$tmp/squat" "$1" >"$tmp/squat.said" 2>&1 &
	local squatter=$!
	until_true 5 test -S "$tmp/squat/seal.sock"
	outbox push --config "$tmp/squat.conf" --key "$keys/wang-mei.key" --route plain "$good"
	wait "$squatter"
}
attempt "false weir-seal" "has an operator sign for another route" "the operator's trust" wrong-route - "the person's program refuses to sign" squatted nightly
twin "a signature for the route that was asked for" squatted plain

# ---- what may leave ----
attempt "operator" "pushes a column that may not leave" "own key" against-policy push.refused "$(by wang-mei) and .proven" push_as wang-mei guarded "$tmp/columns.csv"
twin "the allowed columns" push_as wang-mei guarded "$good"
attempt "operator" "hides an identity number in a name" "own key" against-policy push.refused "$(by wang-mei)" push_as wang-mei guarded "$tmp/identity.csv"
twin "names" push_as wang-mei guarded "$good"
attempt "operator" "pushes more records than a push may have" "own key" against-policy push.refused "$(by wang-mei)" push_as wang-mei capped "$tmp/51.csv"
twin "as many as it may" push_as wang-mei capped "$tmp/20.csv"
# Of the hundred of this day, 6 and 20 are spent.
split() {
	local i parts=()
	for i in 1 2 3 4 5; do
		attack push capped "$tmp/40.csv" key="$(k wang-mei)" >"$tmp/part.$i" 2>&1 &
		parts+=($!)
	done
	wait "${parts[@]}"
	cat "$tmp"/part.?
	! grep -q refused "$tmp"/part.?
}
attempt "operator" "splits a push to pass the cap of the day" "own key, five sockets at once" cap-reached push.refused "$(by wang-mei)" split
is "one of the five parts is all that the day had left" "$(grep -c ^accepted <<<"$said")" 1
twin "what the day has left" push_as wang-mei capped "$tmp/20.csv"
# ---- at the socket of weir-hold ----
smuggled() { smuggle push "${route:-plain}" "$good" "$@" registry="$site/registry" psks="$keys/psk" key="$(k wang-mei)"; }
if ((EUID == 0)); then
	attempt "outsider" "pushes past guard and scanner, at the socket of weir-hold" "an operator's stolen key, no access" 'Permission denied' - \
		"the kernel keeps others from the socket" as_nobody \
		python3 -c "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])" "$runtime/sender/intake.sock"
	twin "an operator pushes through weir-seal" push_as wang-mei plain "$good"
	# The mode of the socket was changed, and the tools lie where others can run them.
	chmod 666 "$runtime/sender/intake.sock" && chmod 711 "$runtime"
	install -d -m 755 "$tmp/open" && install -m 755 "$build/tests/lib/smuggler" "$tmp/open/smuggler"
	install -o 65534 -m 600 "$keys/wang-mei.key" "$tmp/open/wang-mei.key"
	chmod 755 "$tmp"
	attempt "outsider" "says in weir-seal's name that an operator was refused" "the operator's name, an open socket" not-allowed push.refused \
		'.who.uid == 65534 and .who.person == null and .about == "intake"' \
		as_nobody "$tmp/open/smuggler" note "$runtime/sender" plain not-allowed key="$tmp/open/wang-mei.key"
	twin "weir-seal says so" smuggle note plain not-allowed key="$(k wang-mei)"
	install -o 65534 -m 600 -D "$keys/psk/tax-agency.key" "$tmp/open/psk/tax-agency.key"
	chown 65534 "$tmp/open/psk"
	cp "$site/registry" "$tmp/open/registry" && chmod 644 "$tmp/open/registry"
	route=guarded
	attempt "outsider" "hands over a bundle that no guard has seen" "an operator's stolen key, an open socket" not-allowed push.refused \
		'.who.uid == 65534 and .about == "intake"' as_nobody "$tmp/open/smuggler" push "$runtime/sender" guarded "$tmp/open/registry" \
		registry="$tmp/open/registry" psks="$tmp/open/psk" key="$tmp/open/wang-mei.key" guard=1
	twin "weir-seal hands it over" smuggled guard=1
	chmod 600 "$runtime/sender/intake.sock"
else
	skip "other users are kept from the socket" "it needs root to be another user"
fi
# From here on it is a weir-seal that was taken over.
attempt "weir-seal that was taken over" "brings approvals along" "an officer's signature" bad-protocol push.refused "$(by wang-mei)" smuggled approval="$(k lin-jun)"
twin "none" smuggled
attempt "weir-seal that was taken over" "says that rules were kept which the route does not have" "own word" wrong-policy push.refused "$(by wang-mei)" smuggled rules=2
twin "the rules of the route" smuggled rules=3
attempt "weir-seal that was taken over" "says that no guard has looked" "own word" wrong-policy push.refused "$(by wang-mei)" smuggled guard=0
twin "that it has" smuggled guard=1
route=plain
attempt "weir-seal that was taken over" "begins twice on one connection" "its socket" bad-protocol push.refused "$(by wang-mei)" smuggled intakes=2
twin "once" smuggled intakes=1
attempt "weir-seal that was taken over" "sends a body before it says for whom" "its socket" bad-protocol push.refused '.who.uid == 0 and .who.pid > 0 and .who.person == null' \
	smuggled body-first=1
twin "says for whom" smuggled
attempt "weir-seal that was taken over" "sends less than the statement says" "its socket" bad-length push.refused "$(by wang-mei)" smuggled short=1
twin "all of it" smuggled
attempt "weir-seal that was taken over" "counts a push for the day before yesterday" "own clock" bad-time push.refused "$(by wang-mei)" smuggled early=172800
twin "for today" smuggled
attempt "weir-seal that was taken over" "seals the bundle to one more recipient" "a thief's public key" wrong-recipient push.refused "$(by wang-mei)" \
	smuggled for="$tmp/thief/recipient.key" psks="$tmp/thief/psk"
twin "to those of the route" smuggled to="$tmp/goods"
attempt "weir-seal that was taken over" "hands over records as a registry, which is sealed to nobody" "an operator's signature" not-allowed push.refused "$(by wang-mei)" \
	smuggled as=registry
twin "as what they are" smuggled as=plain
attempt "weir-seal that was taken over" "hands over as another route what was sealed for one" "an operator's signature" wrong-route push.refused "$(by wang-mei)" \
	smuggled as=guarded rules=3 guard=1
twin "as the route that it is for" smuggled as=plain
attempt "weir-seal that was taken over" "hands over the same push again" "body, statement and signature of before" 'File exists' push.refused "$(by wang-mei)" \
	smuggle replay "$tmp/goods"
twin "another push" smuggled

# ---- who may approve ----
waiting guarded && a=$push_id
waiting guarded && b=$push_id
approve() { as_officer "$1" approve "$2"; }
waiting guarded && c=$push_id
attempt "operator" "approves their own push" "own key" not-allowed approve "$(by wang-mei)" decide approve "$c" key="$(k wang-mei)"
twin "an officer approves it" approve lin-jun "$c"
waits "operator and one officer of two" "have it released" "one approval of two" "waiting 1/2" approve "$(by lin-jun)" "$a" approve lin-jun "$a"
both_approve() { approve lin-jun "$1" && approve wu-ting "$1" && [[ $(shown "$1" .name) == guarded-* ]]; }
twin "two officers approve another one" both_approve "$b"
attempt "officer" "approves twice" "own key" already-approved approve "$(by lin-jun)" approve lin-jun "$a"
twin "another officer approves it" approve wu-ting "$a"
waiting guarded && a=$push_id
# Both are sent before either is answered: one counts.
both() { decide approve "$a" key="$(k lin-jun)" times=2; }
attempt "officer" "approves through two sockets at once" "own key" already-approved approve "$(by lin-jun)" both
is "one of the two counts" "$(grep -c '^accepted waiting 1/2' <<<"$said")" 1
twin "another officer approves it" approve tsai-kai "$a"
waiting own && a=$push_id
attempt "operator who is an officer, too" "approves their own push" "own key" own-push approve "$(by wang-mei)" as_officer wang-mei approve "$a"
twin "another officer approves it" approve lin-jun "$a"
waiting guarded && a=$push_id
attempt "officer of another route" "approves" "own key" not-allowed approve "$(by liu-an)" decide approve "$a" key="$(k liu-an)"
twin "an officer of the route approves" decide approve "$a" key="$(k lin-jun)"
for role in in-stall au-dit re-ceive re-cipe; do
	what="$(sed -n "/^\[person $role\]/,/^roles/s/^roles = //p" "$site/registry")"
	waiting own && a=$push_id
	attempt "$what" "approves" "own key" not-allowed approve "$(by $role)" decide approve "$a" key="$(k $role)"
	twin "an officer approves" decide approve "$a" key="$(k lin-jun)"
done
waiting own && a=$push_id
for kind in stranger night-job inside-1 outside-1 root-a; do
	attempt "holder of the key of $kind" "approves" "that key" unknown-key approve '.as == "officer"' decide approve "$a" key="$(k $kind)"
	twin "an officer refuses it, and pushes again" waiting own
	a=$push_id
done
attempt "outsider" "approves as an officer" "a key of that name, of another registry" unknown-key approve "$(by lin-jun)" \
	decide approve "$a" key="$tmp/thief/lin-jun.key"
twin "the officer approves" decide approve "$a" key="$(k lin-jun)"
waiting guarded && a=$push_id
attempt "officer" "approves as another officer" "own key, the other's name and key id" bad-signature approve "$(by wu-ting)" \
	decide approve "$a" key="$(k lin-jun)" person="$(k wu-ting)"
twin "the other approves" decide approve "$a" key="$(k wu-ting)"
attempt "officer" "approves with the key id of another" "own key and name" unknown-key approve "$(by lin-jun)" \
	decide approve "$a" key="$(k lin-jun)" id="$(k wu-ting)"
twin "with their own" decide approve "$a" key="$(k lin-jun)"
for officer in old-key gone-key; do
	waiting guarded && a=$push_id
	attempt "officer" "approves when they may no more" "$officer" "$([[ $officer == old-key ]] && echo expired || echo suspended)" approve "$(by $officer)" \
		decide approve "$a" key="$(k $officer)"
	twin "an officer in force approves" decide approve "$a" key="$(k lin-jun)"
done

# ---- approvals and refusals that were made for something else ----
waiting guarded && a=$push_id
waiting guarded && b=$push_id
decide approve "$a" key="$(k lin-jun)" to="$tmp/approval" >/dev/null
attempt "operator" "has a recorded approval count for another push of the same content" "an officer's approval of the other" bad-signature approve "$(by lin-jun)" \
	decide approve "$b" from="$tmp/approval"
twin "for the one that it was given for" decide approve "$a" from="$tmp/approval"
attempt "operator" "has an approval count for a changed bundle" "an officer's approval with another root in it" bad-signature approve "$(by lin-jun)" \
	decide approve "$b" key="$(k lin-jun)" flip=152
twin "for the bundle as it is" decide approve "$b" key="$(k lin-jun)"
attempt "operator" "has an approval count for another manifest" "an officer's approval with another digest in it" bad-signature approve "$(by wu-ting)" \
	decide approve "$b" key="$(k wu-ting)" flip=184
twin "for the manifest as it is" decide approve "$b" key="$(k wu-ting)"
waiting guarded && b=$push_id
attempt "operator" "has a refusal count as an approval" "an officer's signature in that domain" bad-signature approve "$(by lin-jun)" \
	decide approve "$b" key="$(k lin-jun)" domain="weir1 refuse"
twin "an approval" decide approve "$b" key="$(k lin-jun)"
attempt "officer" "signs the push itself in the place of an approval" "own key" not-waiting approve '.as == "person"' decide approve "$b" key="$(k wu-ting)" record=push
twin "an approval" decide approve "$b" key="$(k wu-ting)"
waiting guarded && b=$push_id
attempt "officer" "approves ahead of time" "own key, a clock two hours fast" bad-time approve "$(by lin-jun)" decide approve "$b" key="$(k lin-jun)" late=7200
twin "a right clock" decide approve "$b" key="$(k lin-jun)"
attempt "officer" "dates an approval before the push" "own key, a clock two hours slow" bad-time approve "$(by wu-ting)" decide approve "$b" key="$(k wu-ting)" early=7200
twin "a right clock" decide approve "$b" key="$(k wu-ting)"
# A refusal is the last word: whoever has kept what weir-seal handed over cannot hand it over again.
route=guarded smuggled to="$tmp/goods" >"$tmp/kept"
a=$(cut -d' ' -f2 "$tmp/kept")
as_officer lin-jun refuse "$a" --reason "no" >/dev/null
attempt "weir-seal that was taken over" "hands over again what an officer has refused" "body, statement and signature of before" 'File exists' push.refused "$(by wang-mei)" \
	smuggle replay "$tmp/goods"
twin "another push" smuggled
waiting guarded && a=$push_id
waiting guarded && b=$push_id
decide deny "$a" key="$(k tsai-kai)" to="$tmp/refusal" >/dev/null
attempt "outsider" "has a recorded refusal remove another push" "an officer's refusal of the other" bad-signature refuse "$(by tsai-kai)" decide deny "$b" from="$tmp/refusal"
twin "it removes the one that it was given for" decide deny "$a" from="$tmp/refusal"
attempt "outsider" "gives the refusal again" "an officer's refusal of what is gone" no-such-bundle refuse "$(by tsai-kai)" decide deny "$a" from="$tmp/refusal"
twin "an officer refuses the other" decide deny "$b" key="$(k tsai-kai)"
waiting guarded && b=$push_id
attempt "officer of another route" "refuses, so that it does not leave" "own key" not-allowed refuse "$(by liu-an)" decide deny "$b" key="$(k liu-an)"
twin "an officer of the route refuses" decide deny "$b" key="$(k lin-jun)"

# ---- standing orders ----
day() { date -u -d "$1" +%F; }
new() { # FILE KIND MACHINE OPTION…
	"$build/weir-outbox" order new --registry "$site/registry" --roots "$site/roots" --route nightly --kind "$2" --machine "$3" \
		--from "$(day today)" --until "$(day '29 days')" --window 00:00-24:00 --max-bytes '1 MiB' --max-records 30 --pushes 2 \
		-o "$1" "${@:4}" >/dev/null || note "no order $1"
}
sign() {
	local name
	for name in "${@:2}"; do
		"$build/weir-outbox" order sign "$1" --key "$keys/$name.key" >/dev/null || note "$name cannot sign $1"
	done
}
new "$tmp/push.order" push night-job && sign "$tmp/push.order" wang-mei
new "$tmp/one.order" release inside-1 && sign "$tmp/one.order" lin-jun
new "$tmp/strange.order" release inside-1 && sign "$tmp/strange.order" lin-jun liu-an
new "$tmp/release.order" release inside-1 --pushes 20 --max-records 100 && sign "$tmp/release.order" lin-jun wu-ting
cp "$tmp/push.order" "$tmp/more.order" && printf '\377' | dd of="$tmp/more.order" bs=1 seek=106 conv=notrunc status=none
load() { outbox order load "${config[@]}" "$1"; }
under() { # ORDER FILE [WORD…]
	attack push nightly "$2" person="$(k "${answers:-wang-mei}")" machine="$(k "${machine:-night-job}")" key="$(k "${machine:-night-job}")" order="$1" "${@:3}"
}
machine=day-job attempt "machine" "pushes under the order of another machine" "own key, a stolen order" bad-signature push.refused '.machine == "day-job" and .proven' \
	under "$tmp/push.order" "$good"
twin "the machine of the order" under "$tmp/push.order" "$good"
attempt "machine" "raises the cap of its order" "own key, an order that was changed" bad-signature push.refused '.machine == "night-job"' under "$tmp/more.order" "$good"
twin "the order as it was signed" under "$tmp/push.order" "$good"
answers=lee-hao attempt "machine" "pushes in the name of another operator" "own key, an order of somebody else" not-allowed push.refused '.machine == "night-job"' \
	under "$tmp/push.order" "$good"
new "$tmp/third.order" push night-job && sign "$tmp/third.order" lee-hao
answers=lee-hao twin "under an order of that operator" under "$tmp/third.order" "$good"
attempt "machine" "pushes under an order to release" "own key" not-allowed push.refused '.machine == "night-job"' under "$tmp/release.order" "$good"
answers=lee-hao twin "under one to push" under "$tmp/third.order" "$good"
attempt "one officer" "loads an order to release" "own key, one signature of two" too-few-approvals order.loaded '.signers == "lin-jun"' load "$tmp/one.order"
twin "two officers" load "$tmp/release.order"
attempt "officer of another route" "stands for an order to release" "own key" not-allowed order.loaded '.signers | contains("liu-an")' load "$tmp/strange.order"
twin "officers of the route" load "$tmp/release.order"
new "$tmp/wide.order" push night-job --pushes 3 && sign "$tmp/wide.order" wang-mei
goes_out() { [[ $("$@") == "accepted "*" nightly-"* ]]; }
waits "machine" "pushes more records than its order covers" "own key" "waiting 0/2" held '.route == "nightly"' - under "$tmp/wide.order" "$tmp/40.csv"
twin "as many as it covers" goes_out under "$tmp/wide.order" "$tmp/20.csv"
waits "machine" "pushes more often than its order covers" "own key" "waiting 0/2" held '.route == "nightly"' - under "$tmp/push.order" "$good"
waiting_id=$(sed -n 's/^accepted \([0-9a-f]*\) .*/\1/p' <<<"$said")
twin "under one that is not spent" goes_out under "$tmp/wide.order" "$good"
attempt "other operator" "releases what waits for the operator who answers" "own key" bad-signature approve '.as == "person"' \
	decide approve "$waiting_id" key="$(k lee-hao)" record=push
twin "who answers signs it" decide approve "$waiting_id" key="$(k wang-mei)" record=push
revoke() { outbox order revoke "${config[@]}" "$("$build/weir-outbox" order show --registry "$site/registry" --roots "$site/roots" --json "$1" | jq -r .id)" \
	--route nightly --key "$keys/$2.key"; }
attempt "officer of another route" "revokes an order" "own key" not-allowed order.revoked "$(by liu-an)" revoke "$tmp/wide.order" liu-an
twin "an officer of the route revokes it" revoke "$tmp/wide.order" lin-jun
attempt "machine" "pushes under an order that was revoked" "own key" revoked push.refused '.machine == "night-job"' under "$tmp/wide.order" "$good"
twin "under another one" under "$tmp/push.order" "$good"

# ---- what nobody has asked in this way before ----
head -c 400 /dev/zero >"$tmp/zeros"
for question in "15 show bad-protocol" "20 approve bad-type" "21 refuse bad-protocol" "22 open_case bad-protocol" "23 order_load bad-magic" \
	"25 order_revoke bad-magic" "99 unknown bad-protocol"; do
	read -r type verb verdict <<<"$question"
	attempt "outsider" "asks weir-hold nonsense" "400 zeros, as ${verb//_/ }" "$verdict" command ".verb == \"${verb//_/ }\"" attack ask "$type" "$tmp/zeros"
	twin "a question" outbox list "${config[@]}"
done

# A flood of one kind hides none of another, and fills no disk.
flood() {
	local i
	for ((i = 0; i < 260; i++)); do decide approve "$a" from="$tmp/approval" >/dev/null; done
	push_as wang-mei other "$good"
}
attempt "operator" "hides a push to another operator's route behind refused approvals" "own key, a recorded approval" not-allowed push.refused "$(by wang-mei)" flood
twin "its operator pushes" push_as chen-yi other "$good"
written=$(entries | jq -c "select(.n > $before and .event == \"approve\")" | wc -l)
ok "of 260 refused approvals no more than 120 a minute are written down ($written)" test "$written" -le 240 -a "$written" -ge 1

attacks_done
nothing_came_back
done_testing
