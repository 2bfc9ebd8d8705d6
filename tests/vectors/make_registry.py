"""Vectors of REGISTRY.md: key, card, roots, registry."""

import re

import registry
import suite
from world import (CREATED, MACHINE, MACHINES, OFFICERS, PASSPHRASE, PEOPLE, PSKS, LINK, RECEIVER, RECIPIENTS, REGISTRY_TEXT, ROOTS,
                   ROOTS_TEXT, SENDERS, fixed, flip, le, key, party, put, registry_text,
                   roots_text, route, section, time)

FOLDERS = ("key", "card", "roots", "registry", "review")


def make(vectors):
    _keys(vectors)
    _cards(vectors)
    _roots(vectors)
    _registries(vectors)
    _reviews(vectors)


def _protected(each, **changes):
    values = dict(operations=1, memory_kib=8192, salt=fixed("salt", 16), nonce=fixed("nonce", 24))
    return each.encode(PASSPHRASE, **dict(values, **changes))


def _keys(vectors):
    def judge(raw):
        registry.read_key(raw, PASSPHRASE)

    def write(name, raw):
        vectors.write(f"key/{name}.bin", raw, judge)

    def changed(name, at, value):
        """An unprotected key with this change, and the right check behind it."""
        front = put(plain, at, value)[:192]
        write(name, front + registry.key_check(front[160:], front[:160]))

    person = PEOPLE["wang-mei"]
    plain, locked = person.encode(), _protected(person)
    for kind, each in (("root", ROOTS[0]), ("person", person), ("sender", SENDERS["inside-1"]),
                       ("receiver", RECEIVER), ("recipient", RECIPIENTS["tax-agency"]),
                       ("link", LINK), ("psk", PSKS["tax-agency"]), ("machine", MACHINE)):
        write(f"ok--{kind}", each.encode())
    write("ok--with-passphrase", locked)
    write("ok--name-of-31", key("person", "a" * 31).encode())
    changed("bad-magic", 0, b"w")
    changed("unknown-version", 8, le(2, 2))
    changed("unknown-suite", 10, le(2, 2))
    changed("bad-type--kind-0", 12, 0)
    changed("bad-type--kind-9", 12, 9)
    changed("bad-type--protection-2", 13, 2)
    changed("bad-reserved--header", 14, le(1, 2))
    changed("bad-reserved--salt", 56, 1)
    changed("bad-reserved--nonce", 72, 1)
    write("wrong-key--check", flip(plain, 207))
    write("wrong-key--another-name", put(plain, 16, b"wang-fei"))
    changed("bad-name--empty", 16, bytes(32))
    changed("bad-name--capital", 16, b"W")
    changed("bad-name--digit-first", 16, b"9")
    changed("bad-name--not-zero-filled", 40, b"x")
    changed("bad-name--of-32", 16, b"a" * 32)
    write("bad-limit--operations-0", put(locked, 48, le(0, 4)))
    write("bad-limit--operations-17", put(locked, 48, le(17, 4)))
    write("bad-limit--memory-8191", put(locked, 52, le(8191, 4)))
    write("bad-limit--memory-1048577", put(locked, 52, le(1048577, 4)))
    changed("bad-limit--operations-of-unprotected", 48, le(1, 4))
    changed("bad-limit--memory-of-unprotected", 52, le(8192, 4))
    changed("wrong-key--unprotected", 96, PEOPLE["lee-hao"].public)
    changed("wrong-key--second-of-another", 128, PEOPLE["lee-hao"].second)
    changed("wrong-key--no-second", 128, bytes(32))
    root = put(ROOTS[0].encode(), 128, PEOPLE["lee-hao"].second)[:192]
    write("bad-reserved--second-of-a-root", root + registry.key_check(root[160:], root[:160]))
    person.public = PEOPLE["lee-hao"].public
    write("wrong-key--with-passphrase", _protected(person))
    person.public = person.card.public
    write("wrong-passphrase--other", person.encode(b"incorrect", salt=fixed("salt", 16),
                                                   nonce=fixed("nonce", 24)))
    write("wrong-passphrase--sealed-part-damaged", flip(locked, 182))
    write("wrong-passphrase--header-damaged", flip(locked, 96))
    write("truncated", plain[:-1])
    write("trailing-bytes", plain + b"\0")


def _cards(vectors):
    """KIND NAME SECRET PUBLIC SECOND KEYID FINGERPRINT, one a line; SECOND is "-" when there is none."""
    lines = []
    for each in (*ROOTS, *PEOPLE.values(), *OFFICERS.values(), *SENDERS.values(), RECEIVER, *RECIPIENTS.values(), LINK,
                 MACHINE, *MACHINES.values(), *PSKS.values()):
        second = each.second.hex() if any(each.second) else "-"
        lines.append(f"{each.card.kind} {each.name} {each.secret.hex()} {each.public.hex()} {second} "
                     f"{each.id.hex()} {each.card.fingerprint()}\n")
    vectors.write("card/ok.txt", "".join(lines).encode(), lambda raw: None)


def _roots(vectors):
    def write(name, text):
        vectors.write(f"roots/{name}.conf", text.encode(), registry.Roots)

    good = ROOTS_TEXT.decode()
    write("ok", good)
    write("ok--one-of-one", roots_text(ROOTS[:1], 1))
    write("bad-registry--quorum-0", roots_text(quorum=0))
    write("bad-registry--quorum-above-the-cards", roots_text(quorum=4))
    write("bad-registry--quorum-no-number", roots_text(quorum="two"))
    write("bad-registry--no-quorum", good.replace("quorum = 2\n", ""))
    write("bad-registry--no-roots-section", good.partition("[roots]")[0])
    write("bad-registry--no-card", "[roots]\nquorum = 1\n")
    write("bad-registry--other-kind-of-card", good + PEOPLE["wang-mei"].card.text())
    write("bad-registry--root-twice", good + ROOTS[0].card.text())
    write("bad-registry--unknown-key", good + "extra = 1\n")
    write("bad-registry--key-twice", good + "quorum = 2\n")
    write("bad-registry--public-short", good.replace(ROOTS[0].public.hex(), ROOTS[0].public.hex()[2:]))
    write("bad-registry--public-no-hex", good.replace(ROOTS[0].public.hex(), "xy" * 32))
    write("bad-registry--no-public", good.replace(f"public = {ROOTS[0].public.hex()}\n", ""))
    write("bad-registry--name", good.replace("[root root-1]", "[root Root-1]"))


def _signature_line(root, signed, name=None):
    signature = suite.sign("weir1 registry", signed.encode(), root.secret)
    return f"{name or root.name} = {root.id.hex()} {signature.hex()}\n"


def _registries(vectors):
    roots = registry.Roots(ROOTS_TEXT)

    def judge(raw):
        registry.Registry(raw, roots)

    def write(name, raw):
        vectors.write(f"registry/{name}.conf", raw, judge)

    def signed(name, text):
        raw = text if isinstance(text, bytes) else text.encode()
        write(name, registry.sign(raw, ROOTS[:2]))

    _signatures(write)
    _good(signed)
    good = registry_text()
    for case, old, new in _REPLACEMENTS:
        text = good.replace(old, new, 1)
        assert text != good, case
        signed(f"bad-registry--{case}", text)
    signed("ok--authority", registry_text(AUTHORITY))
    signed("ok--reviews-of-another-text", _change(_reviewed(registry_text(AUTHORITY)), "quorum = 2", "quorum = 1"))
    for case, old, new in _AUTHORITY:
        text = AUTHORITY.replace(old, new, 1)
        assert text != AUTHORITY, case
        signed(case if case.startswith("ok--") else f"bad-registry--{case}", registry_text(text))
    reviewed = _reviewed(registry_text(AUTHORITY))
    for case, old, new in _REVIEWS:
        signed(f"bad-registry--{case}", _change(reviewed, old, new))
    for case, extra in _EXTRAS:
        signed(f"bad-registry--{case}", good + extra)
    signed("bad-registry--not-utf-8", good.encode() + b"; \xff\n")
    signed("bad-registry--overlong-utf-8", good.encode() + b"; \xc0\xaf\n")
    signed("bad-registry--byte-order-mark", b"\xef\xbb\xbf" + good.encode())
    signed("bad-registry--no-registry-section", good[good.index("[person"):])
    signed("bad-registry--key-before-any-section", "version = 7\n" + good)
    _too_many(signed)


def _signatures(write):
    text = registry_text()
    lines = [_signature_line(root, text) for root in ROOTS]
    stranger = _signature_line(key("root", "stranger"), text)
    head = text + "[signatures]\n"
    write("ok", REGISTRY_TEXT)
    write("ok--three-signatures", (head + "".join(lines)).encode())
    write("ok--a-stranger-signed-too", (head + "".join(lines[1:]) + stranger).encode())
    write("bad-signature--text-changed", REGISTRY_TEXT.replace(b"priority = 4", b"priority = 3", 1))
    write("bad-signature--of-another-root", (head + lines[0]
          + lines[1].replace(lines[1].split()[3], lines[2].split()[3])).encode())
    write("bad-signature--one-digit", REGISTRY_TEXT[:-2] + (b"0" if REGISTRY_TEXT[-2:-1] != b"0" else b"1") + b"\n")
    write("too-few-signatures--one", (head + lines[0]).encode())
    write("too-few-signatures--none", head.encode())
    write("too-few-signatures--no-section", text.encode())
    write("too-few-signatures--a-stranger", (head + lines[0] + stranger).encode())
    write("ok--a-root-under-another-name-signed-too",
          (head + lines[0] + lines[1] + _signature_line(ROOTS[2], text, "root-4")).encode())
    write("too-few-signatures--a-root-under-another-name",
          (head + lines[0] + _signature_line(ROOTS[1], text, "root-4")).encode())
    write("too-few-signatures--a-root-under-two-names",
          (head + lines[0] + _signature_line(ROOTS[0], text, "root-2")).encode())
    write("bad-registry--a-root-signs-twice", (head + lines[0] + lines[1] + lines[1]).encode())
    both = head + lines[0] + lines[1]
    write("bad-registry--behind-the-signatures", (both + "\n[registry]\nversion = 9\n").encode())
    write("bad-registry--signature-short", (both + lines[2][:-3] + "\n").encode())
    write("bad-registry--signature-no-hex", (both + "root-3 = " + "x" * 32 + " " + "y" * 128 + "\n").encode())
    write("bad-registry--signature-without-id", (both + "root-3 = " + "0" * 128 + "\n").encode())
    write("bad-registry--last-line-without-its-end", REGISTRY_TEXT[:-1])
    many = "".join(_signature_line(key("root", f"other-{i}"), text) for i in range(15))
    write("bad-registry--signatures-17", (both + many).encode())


def _good(signed):
    good = registry_text()
    signed("ok--comments", "# first\n; second\n" + good.replace("version = 7", "version = 7   ; the seventh"))
    signed("ok--list-key-again", good.replace("operators = wang-mei lee-hao",
                                              "operators = wang-mei\noperators = lee-hao", 1))
    signed("ok--times", good.replace("issued = 2026-01-01", "issued = 2026-01-01T00:00:00Z"))
    signed("ok--line-of-198", good + "; " + "x" * 196 + "\n")
    signed("ok--tabs-and-blanks", good.replace("version = 7", "version\t=  7\t"))
    signed("ok--expires-in-five-years", good.replace("expires = 2027-01-01", "expires = 2031-01-02"))
    signed("ok--chinese-comment", good + "; 內政部戶政司\n")


_REPLACEMENTS = (
    ("format-2", "format = 1", "format = 2"),
    ("no-format", "format = 1\n", ""),
    ("no-name", "name = moi\n", ""),
    ("name", "name = moi", "name = Moi"),
    ("no-version", "version = 7\n", ""),
    ("version-0", "version = 7", "version = 0"),
    ("version-no-number", "version = 7", "version = 7a"),
    ("version-of-2-to-the-63", "version = 7", "version = 9223372036854775808"),
    ("version-negative", "version = 7", "version = -7"),
    ("key-twice", "version = 7", "version = 7\nversion = 8"),
    ("no-issued", "issued = 2026-01-01\n", ""),
    ("no-expires", "expires = 2027-01-01\n", ""),
    ("date-impossible", "issued = 2026-01-01", "issued = 2026-02-30"),
    ("date-with-more", "issued = 2026-01-01", "issued = 2026-01-01 noon"),
    ("time-impossible", "issued = 2026-01-01", "issued = 2026-01-01T24:00:00Z"),
    ("time-not-utc", "issued = 2026-01-01", "issued = 2026-01-01T00:00:00+08:00"),
    ("expires-six-years-later", "expires = 2027-01-01", "expires = 2032-01-01"),
    ("person-expires-six-years-later", "expires = 2026-03-01", "expires = 2032-01-01"),
    ("indented-key", "version = 7", " version = 7"),
    ("indented-section", "[sender inside-1]", "\t[sender inside-1]"),
    ("indented-comment", "version = 7", "version = 7\n  ; more"),
    ("empty-value", "version = 7", "version ="),
    ("section-twice", "[sender inside-1]", "[person wang-mei]"),
    ("unknown-section", "[sender inside-1]", "[server inside-1]"),
    ("section-without-name", "[sender inside-1]", "[sender]"),
    ("section-name", "[sender inside-1]", "[sender Inside-1]"),
    ("section-name-of-32", "[sender inside-1]", "[sender " + "a" * 32 + "]"),
    ("section-not-closed", "[sender inside-1]", "[sender inside-1"),
    ("no-public", f"public = {SENDERS['inside-1'].public.hex()}\n", ""),
    ("public-short", SENDERS["inside-1"].public.hex(), SENDERS["inside-1"].public.hex()[:-1]),
    ("public-long", SENDERS["inside-1"].public.hex(), SENDERS["inside-1"].public.hex() + "0"),
    ("public-no-hex", SENDERS["inside-1"].public.hex(), "g" * 64),
    ("public-in-capitals", SENDERS["inside-1"].public.hex(), SENDERS["inside-1"].public.hex().upper()),
    ("public-of-another", SENDERS["inside-1"].public.hex(), SENDERS["inside-old"].public.hex()),
    ("no-psk", f"psk = {PSKS['census'].public.hex()}\n", ""),
    ("psk-short", PSKS["census"].public.hex(), PSKS["census"].public.hex()[:-1]),
    ("psk-of-a-person", f"public = {PEOPLE['wang-mei'].public.hex()}\n",
     f"public = {PEOPLE['wang-mei'].public.hex()}\npsk = {PSKS['census'].public.hex()}\n"),
    ("no-route-id", "id = 1\n", ""),
    ("route-id-0", "id = 1\n", "id = 0\n"),
    ("route-id-65536", "id = 1\n", "id = 65536\n"),
    ("route-id-reserved", "id = 1\n", "id = 65535\n"),
    ("route-name-reserved", "[route all]", "[route registry]"),
    ("duplicate-route-id", "id = 2\n", "id = 1\n"),
    ("no-recipients", "recipients = tax-agency\n", ""),
    ("recipients-empty", "recipients = tax-agency\n", "recipients =\n"),
    ("unknown-recipient", "recipients = tax-agency\n", "recipients = tax-agency nobody\n"),
    ("recipient-twice", "recipients = tax-agency\n", "recipients = tax-agency tax-agency\n"),
    ("recipient-is-a-person", "recipients = tax-agency\n", "recipients = wang-mei\n"),
    ("unknown-operator", "operators = wang-mei ", "operators = wang-mei nobody "),
    ("operator-twice", "operators = wang-mei ", "operators = wang-mei wang-mei "),
    ("no-operators", "operators = wang-mei lee-hao chen-old wu-stop\n", ""),
    ("route-format-word", "format = csv", "format = xml"),
    ("records-word", "records = required", "records = maybe"),
    ("destroy-0", "destroy_after_days = 30", "destroy_after_days = 0"),
    ("destroy-1826", "destroy_after_days = 30", "destroy_after_days = 1826"),
    ("priority-0", "priority = 4", "priority = 0"),
    ("priority-10", "priority = 4", "priority = 10"),
    ("unknown-key", "priority = 4", "priority = 4\nurgency = 4"),
    ("no-equals-sign", "priority = 4", "priority 4"),
    ("line-of-199", "[sender inside-1]", "; " + "x" * 197 + "\n[sender inside-1]"),
    ("control-byte", "priority = 4", "priority = 4\r"),
    ("zero-byte", "priority = 4", "priority = 4\0"),
    ("escape-byte-in-a-comment", "priority = 4", "priority = 4\n; \x1b[2J"),
)

MODULUS = "80" + fixed("modulus", 64).hex() * 3 + fixed("modulus", 62).hex() + "01"
DIGITS = [f"rsa = {MODULUS[at:at + 192]}" for at in range(0, 512, 192)]
READING = {name: key("person", name).second.hex() for name in ("kao-min", "shih-lan", "tseng-li")}
POLICY = section("policy", "household", "version = 3", "encoding = utf-8", "columns = id 姓名",
                 "columns = note", "unique = id", "identity = id", "refuse_identity = yes",
                 "deny = note [0-9]{4,}", "deny = * \\x00 ; no zero bytes", "control = required",
                 "scan = required")
# People, machine, policy and route behind the registry of the other vectors.
AUTHORITY = (
    party("person", key("person", "kao-min"), f"reading = {READING['kao-min']}", "roles = officer reviewer",
          "office = 戶政司")
    + section("person", "shih-lan", *DIGITS, f"reading = {READING['shih-lan']}", "roles = officer")
    + party("person", key("person", "tseng-li"), "roles = reviewer", "expires = 2026-06-30")
    + party("machine", MACHINE) + POLICY
    + route("rolls", 500, "officers = kao-min shih-lan", "quorum = 2", "pusher_may_approve = no",
            "policy = household", "max_records = 23000000", "max_bytes = 20 GiB",
            "max_records_a_day = 30000000", "max_bytes_a_day = 32212254720", "authority = 內政部戶政司",
            "approval = No. 12", "data_class = highest", "expect = daily 06:00", "needs = security legal",
            "suspended = 2026-09-01"))


def _review(text, name, office, person, date="2026-05-04T08:00:00Z", signer=None, about="rolls"):
    """A section [review NAME] about a route of this text."""
    own = registry.sign(text.encode(), ROOTS[:2])
    digest = registry.Registry(own, registry.Roots(ROOTS_TEXT)).route_digest(about)
    data = registry.review_data(office, person, time(date[:-1]), digest)
    signature = suite.sign("weir1 review", data, key("person", signer or person).secret).hex()
    return section("review", name, f"route = {about}", f"office = {office}", f"person = {person}",
                   f"date = {date}", f"signature = {signature[:60]}", f"signature = {signature[60:]}")


def _reviewed(text):
    return text + _review(text, "first", "security", "kao-min") + _review(text, "second", "legal", "tseng-li")


def _change(text, old, new):
    """The first `old` behind what is the same in all vectors."""
    start = text.index("[person kao-min]")
    assert old in text[start:], old
    return text[:start] + text[start:].replace(old, new, 1)


_LABEL = "x" * 128
LEDGER = ("[route ledger]\nid = 600\nrecipients = tax-agency\nformat = lines\nrecords = waived\n"
          "destroy_after_days = 1825\npriority = 8\n")

_AUTHORITY = (
    ("ok--route-of-the-ledger", "[route rolls]\n", LEDGER + "[route rolls]\n"),
    ("ledger-with-a-quorum", "[route rolls]\n",
     LEDGER + "officers = kao-min\nquorum = 1\n[route rolls]\n"),
    ("ledger-of-another-format", "[route rolls]\n", LEDGER.replace("lines", "csv") + "[route rolls]\n"),
    ("no-roles", "roles = officer reviewer\n", ""),
    ("role-unknown", "roles = officer reviewer", "roles = officer king"),
    ("role-twice", "roles = officer reviewer", "roles = officer officer"),
    ("office-label-of-128", "office = 戶政司", f"office = {_LABEL}"),
    ("ok--office-label-of-127", "office = 戶政司", f"office = {_LABEL[1:]}"),
    ("officer-without-the-role", "roles = officer\n", "roles = operator\n"),
    ("operator-without-the-role", "operators = wang-mei", "operators = kao-min"),
    ("officer-without-reading", f"reading = {READING['kao-min']}\n", ""),
    ("officer-unknown", "officers = kao-min", "officers = nobody"),
    ("officer-twice", "officers = kao-min", "officers = kao-min kao-min"),
    ("reading-zero", READING["kao-min"], "0" * 64),
    ("reading-of-another", READING["kao-min"], READING["shih-lan"]),
    ("reading-of-a-machine", "[policy household]", f"reading = {READING['tseng-li']}\n[policy household]"),
    ("receipts-of-a-person", f"reading = {READING['kao-min']}", f"receipts = {READING['kao-min']}"),
    ("public-and-rsa", DIGITS[0], f"public = {fixed('another public').hex()}\n{DIGITS[0]}"),
    ("neither-public-nor-rsa", "\n".join(DIGITS) + "\n", ""),
    ("rsa-short", DIGITS[2], DIGITS[2][:-2]),
    ("rsa-long", DIGITS[2], DIGITS[2] + "01"),
    ("rsa-even", DIGITS[2], DIGITS[2][:-1] + "2"),
    ("rsa-of-2047-bits", DIGITS[0], DIGITS[0].replace("rsa = 8", "rsa = 7")),
    ("rsa-in-five-pieces", DIGITS[0], f"{DIGITS[0][:10]}\nrsa = {DIGITS[0][10:12]}\nrsa = {DIGITS[0][12:]}"),
    ("ok--rsa-in-four-pieces", DIGITS[0], f"{DIGITS[0][:10]}\nrsa = {DIGITS[0][10:]}"),
    ("rsa-of-a-machine", f"public = {MACHINE.public.hex()}", DIGITS[0]),
    ("machine-with-roles", f"public = {MACHINE.public.hex()}\n",
     f"public = {MACHINE.public.hex()}\nroles = operator\n"),
    ("no-quorum", "quorum = 2\n", ""),
    ("quorum-above-the-officers", "quorum = 2", "quorum = 3"),
    ("quorum-17", "quorum = 2", "quorum = 17"),
    ("quorum-without-officers", "officers = kao-min shih-lan\n", ""),
    ("ok--quorum-0", "quorum = 2", "quorum = 0"),
    ("pusher-word", "pusher_may_approve = no", "pusher_may_approve = maybe"),
    ("policy-unknown", "policy = household", "policy = none"),
    ("policy-version-0", "version = 3", "version = 0"),
    ("policy-no-version", "version = 3\n", ""),
    ("policy-encoding-word", "encoding = utf-8", "encoding = latin-1"),
    ("column-twice", "columns = note", "columns = id"),
    ("column-star", "columns = note", "columns = *"),
    ("unique-unknown", "unique = id", "unique = none"),
    ("unique-twice", "unique = id", "unique = id id"),
    ("identity-unknown", "identity = id", "identity = *"),
    ("refuse-identity-word", "refuse_identity = yes", "refuse_identity = true"),
    ("deny-without-pattern", "deny = note [0-9]{4,}", "deny = note"),
    ("deny-unknown-column", "deny = note [0-9]{4,}", "deny = notes [0-9]{4,}"),
    ("deny-pattern-is-a-comment", "deny = note [0-9]{4,}", "deny = note ;[0-9]{4,}"),
    ("control-word", "control = required", "control = yes"),
    ("scan-word", "scan = required", "scan = yes"),
    ("widths-of-csv", "unique = id", "widths = 1 2 3\nunique = id"),
    ("widths-too-few", "unique = id", "widths = 1 2\nunique = id"),
    ("width-0", "unique = id", "widths = 1 2 0\nunique = id"),
    ("width-65536", "unique = id", "widths = 1 2 65536\nunique = id"),
    ("fixed-without-widths", "format = csv", "format = fixed"),
    ("lines-with-columns", "format = csv", "format = lines"),
    ("opaque-with-columns", "format = csv", "format = opaque"),
    ("ok--json", "format = csv", "format = json"),
    ("max-records-0", "max_records = 23000000", "max_records = 0"),
    ("max-bytes-unit", "max_bytes = 20 GiB", "max_bytes = 20 GB"),
    ("max-bytes-of-2-to-the-63", "max_bytes = 20 GiB", "max_bytes = 8388608 TiB"),
    ("ok--max-bytes-below-2-to-the-63", "max_bytes = 20 GiB", "max_bytes = 8388607 TiB"),
    ("max-records-a-day-word", "max_records_a_day = 30000000", "max_records_a_day = all"),
    ("max-bytes-a-day-0", "max_bytes_a_day = 32212254720", "max_bytes_a_day = 0 KiB"),
    ("authority-of-128", "authority = 內政部戶政司", f"authority = {_LABEL}"),
    ("approval-of-128", "approval = No. 12", f"approval = {_LABEL}"),
    ("data-class-of-128", "data_class = highest", f"data_class = {_LABEL}"),
    ("expect-hour-24", "daily 06:00", "daily 24:00"),
    ("expect-minute-60", "daily 06:00", "daily 06:60"),
    ("expect-word", "daily 06:00", "monthly"),
    ("ok--expect-none", "daily 06:00", "none"),
    ("needs-twice", "needs = security legal", "needs = security security"),
    ("needs-nine", "needs = security legal", "needs = a b c d e f g h i"),
    ("needs-no-name", "needs = security legal", "needs = Security"),
    ("policy-twice", POLICY, POLICY + POLICY),
)

_REVIEWS = (
    ("review-twice", "[review second]", "[review first]"),
    ("review-of-no-route", "[review second]\nroute = rolls", "[review second]\nroute = none"),
    ("review-without-route", "[review second]\nroute = rolls\n", "[review second]\n"),
    ("review-by-one-office-twice", "office = legal", "office = security"),
    ("review-by-one-person-twice", "person = tseng-li", "person = kao-min"),
    ("review-by-nobody", "person = tseng-li", "person = nobody"),
    ("review-by-no-reviewer", "person = tseng-li", "person = shih-lan"),
    ("review-office-no-name", "office = legal", "office = The Law"),
    ("review-date", "date = 2026-05-04T08:00:00Z", "date = yesterday"),
    ("review-signature-long", "date = 2026-05-04T08:00:00Z\n", "date = 2026-05-04T08:00:00Z\nsignature = 00\n"),
    ("review-signature-no-hex", "date = 2026-05-04T08:00:00Z\nsignature = ",
     "date = 2026-05-04T08:00:00Z\nsignature = x"),
)


def _reviews(vectors):
    """Judged: route `rolls` at 2026-06-01T08:00:00Z."""
    roots = registry.Roots(ROOTS_TEXT)
    text = registry_text(AUTHORITY)
    good = _reviewed(text)

    def write(name, changed):
        raw = registry.sign(changed.encode(), ROOTS[:2])
        vectors.write(f"review/{name}.conf", raw, lambda read: registry.Registry(read, roots).judge(
            "route", "rolls", CREATED))

    def with_second(*more, **other):
        return text + _review(text, "first", "security", "kao-min") + _review(text, "second", *more, **other)

    write("ok", good)
    write("ok--suspended-later", _change(good, "suspended = 2026-09-01", "suspended = 2026-10-01"))
    write("ok--comment-and-blanks", _change(good, "quorum = 2", "; a comment\nquorum  =   2 ; another"))
    write("ok--needs-none", _change(text, "needs = security legal\n", ""))
    write("suspended", _change(good, "suspended = 2026-09-01", "suspended = 2026-06-01T08:00:00Z"))
    write("not-reviewed--at-all", text)
    write("not-reviewed--by-one-office", text + _review(text, "first", "security", "kao-min"))
    write("not-reviewed--route-changed", _change(good, "quorum = 2", "quorum = 1"))
    write("not-reviewed--order-changed", _change(good, "quorum = 2\npusher_may_approve = no\n",
                                                      "pusher_may_approve = no\nquorum = 2\n"))
    write("not-reviewed--policy-changed", _change(good, "control = required", "control = none"))
    write("not-reviewed--policy-left-out", _change(good, "policy = household\n", ""))
    write("not-reviewed--another-route", text + _review(text, "first", "security", "kao-min")
          + _review(text, "second", "legal", "tseng-li", about="tax").replace("route = tax", "route = rolls"))
    write("not-reviewed--another-office", _change(good, "office = legal", "office = finance"))
    write("not-reviewed--another-date", _change(good, "2026-05-04T08:00:00Z", "2026-05-04T08:00:01Z"))
    write("not-reviewed--another-key", with_second("legal", "tseng-li", signer="kao-min"))
    write("not-reviewed--after-the-reviewers-end", with_second("legal", "tseng-li", "2026-07-01T00:00:00Z"))


_EXTRAS = (
    ("section-name-of-49", "[person " + "a" * 42 + "]\n"),
    ("unknown-section-at-the-end", "[extra]\n"),
)


def _too_many(signed):
    def number(i):
        return le(i, 32).hex()

    def parties(kind, most, *lines):
        have = len(re.findall(rf"^\[{kind} ", registry_text(), re.M))
        return "".join(section(kind, f"n{i}", f"public = {number(i)}", *lines).replace("\n\n", "\n")
                       for i in range(most + 1 - have))

    psk = f"psk = {number(7)}"
    signed("bad-registry--people-4097", registry_text(parties("person", 4096)))
    signed("bad-registry--senders-17", registry_text(parties("sender", 16)))
    signed("bad-registry--receivers-17", registry_text(parties("receiver", 16)))
    signed("bad-registry--recipients-1025", registry_text(parties("recipient", 1024, psk)))
    signed("bad-registry--routes-1025",
           registry_text("".join(route(f"n{i}", i) for i in range(10, 1026))))
    names = [f"n{i}" for i in range(126)]
    listed = "".join(f"recipients = {name}\n" for name in names)
    text = registry_text(parties("recipient", 128).replace("\n[", f"\n{psk}\n[") + psk + "\n")
    signed("bad-registry--recipients-of-a-route-129",
           text.replace("recipients = tax-agency census audit\n",
                        "recipients = tax-agency census audit\n" + listed))
    signed("ok--recipients-of-a-route-128",
           text.replace("recipients = tax-agency census audit\n",
                        "recipients = tax-agency census audit\n" + listed.replace(
                            "recipients = n0\n", "")))
