#!/usr/bin/env -S python3 -S -B
"""ledger.py: writes and verifies ledgers, from LEDGER.md alone.

    ledger.py verify DIR KIND:NAME:PUBLIC... [--witness N:HASH]...
                                        what is wrong, a line each; then the head; exit status 4
                                        when something is
    ledger.py make DIR KEY ENTRIES [--files N]
                                        a ledger as the box of this key file would write it
"""

import argparse
import datetime
import json
import os
import re
import struct
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import registry  # noqa: E402
import suite  # noqa: E402

DOMAIN = "weir1 ledger"
LINE_MAX = 4096
SIGN_EVERY = 256
ZEROS = "0" * 64
FORM = "%Y-%m-%dT%H:%M:%SZ"
FILE = re.compile(r"([0-9]{16})-([0-9]{8})\.jsonl")
HEAD = re.compile(
    rb'\{"n":([1-9][0-9]{0,15}),"at":"([^"]*)","before":"([0-9a-f]{64})",'
    rb'"event":"([a-z][a-z0-9.-]{0,39})","result":"([a-z][a-z0-9-]{0,31})"[,}]')
CHECKPOINT = re.compile(
    rb'[^,]*,[^,]*,[^,]*,"event":"checkpoint","result":"ok","box":"([a-z][a-z0-9-]{0,30})",'
    rb'"key":"([0-9a-f]{32})","signature":"([0-9a-f]{128})"\}')
SIGNED_END = re.compile(rb'"signature":"(?s:.{128})"\}')


def digest(line):
    return suite.blake(32, DOMAIN, data=line).hex()


def signed(box, n, before, at):
    """The 80 bytes of section 3."""
    return struct.pack("<32sQ32sQ", box.encode(), n - 1, bytes.fromhex(before), at)


def parse_time(text):
    try:
        time = datetime.datetime.strptime(text.decode("ascii"), FORM)
    except (ValueError, UnicodeDecodeError):
        return None
    if time.year < 1970 or time.strftime(FORM).rjust(20, "0").encode() != text:
        return None
    return int(time.replace(tzinfo=datetime.timezone.utc).timestamp())


class Entry:
    def __init__(self, line):
        """Section 1; ValueError when it is none."""
        match = HEAD.match(line)
        if not match or len(line) >= LINE_MAX or not line.endswith(b"}"):
            raise ValueError
        if any(byte < 0x20 or byte == 0x7f for byte in line):
            raise ValueError
        line.decode("utf-8")
        self.n, self.at = int(match[1]), parse_time(match[2])
        if self.n >= 2**53 or self.at is None:
            raise ValueError
        self.before, self.event = match[3].decode(), match[4].decode()
        self.line = line


class Verifier:
    """Section 7."""

    def __init__(self, cards, witness):
        self.cards, self.witness = cards, witness
        self.wrong, self.notes = [], []
        self.n, self.hash, self.at = 0, None, 0
        self.start, self.trimmed, self.says = None, (0, ""), (0, "")
        self.box, self.signed_n, self.unsigned = None, None, 0
        self.entries, self.rotated = 0, None

    def find(self, verdict, what):
        self.wrong.append((verdict, what))

    def run(self, folder):
        names = sorted(name for name in os.listdir(folder)
                       if FILE.fullmatch(name) and 0 < int(name[:16]) < 2**53)
        for i, name in enumerate(names):
            with open(os.path.join(folder, name), "rb") as file:
                self.file(name, file.read(), names[i + 1:], folder)
        self.end()

    def file(self, name, data, others, folder):
        *lines, rest = data.split(b"\n")
        if not lines and not others:
            self.rotated = None
            if not self.n < int(name[:16]) <= self.n + 3:
                self.find("missing-entries", f"{name}: nothing leads there")
        for number, line in enumerate(lines, 1):
            self.line(f"{name}:{number}", line, int(name[:16]) if number == 1 else None)
        if rest or not data:
            # the last file may be empty behind a torn one
            empty_last = len(others) == 1 and lines and \
                os.path.getsize(os.path.join(folder, others[0])) == 0
            if others and not empty_last:
                self.find("truncated", f"{name}: it ends, and others follow")
            else:
                self.notes.append(f"{name}: torn")

    def line(self, place, line, first):
        try:
            entry = Entry(line)
        except ValueError:
            self.find("bad-entry", f"{place}: not an entry")
            self.n, self.hash = self.n + 1, None
            return
        if self.entries == 0:
            self.start = (entry.n - 1, entry.before)
            if entry.n == 1 and entry.before != ZEROS:
                self.find("bad-chain", f"{place}: entry 1 without zeros")
        elif entry.n != self.n + 1:
            verdict = "missing-entries" if entry.n > self.n + 1 else "bad-chain"
            self.find(verdict, f"{place}: entry {entry.n} where {self.n + 1} belongs")
        elif self.hash not in (None, entry.before):
            self.find("bad-chain", f"{place}: entry {entry.n} does not follow")
        if first not in (None, entry.n):
            self.find("bad-chain", f"{place}: another number in the name")
        if entry.at + 5 < self.at:
            self.notes.append(f"{place}: the clock went back")
        self.event(place, entry)
        self.entries += 1
        self.n, self.hash, self.at = entry.n, digest(line), entry.at
        if self.witness.get(self.n, self.hash) != self.hash:
            self.find("bad-chain", f"{place}: the witness has seen another entry {self.n}")

    def event(self, place, entry):
        rotated, self.rotated = self.rotated, None
        if entry.event == "checkpoint":
            if self.checkpoint(place, entry) and rotated == ("rotate", entry.n - 1):
                self.rotated = ("file", entry.n + 1)
            return
        if SIGNED_END.fullmatch(entry.line[-143:]):
            self.find("bad-entry", f"{place}: signed, and no checkpoint")
        self.unsigned += 1
        if self.unsigned == SIGN_EVERY + 1:
            self.find("bad-signature", f"{place}: too many entries without a checkpoint")
        if entry.event == "rotate":
            self.rotated = ("rotate", entry.n)
        elif entry.event == "trimmed":
            fields = json.loads(entry.line)
            if isinstance(fields.get("through"), int) and isinstance(fields.get("hash"), str):
                self.says = (fields["through"], fields["hash"])

    def checkpoint(self, place, entry):
        match = CHECKPOINT.fullmatch(entry.line)
        if not match:
            self.find("bad-entry", f"{place}: not the form of a checkpoint")
            return False
        box, key_id, signature = match[1].decode(), match[2].decode(), bytes.fromhex(match[3].decode())
        known = [card for card in self.cards if card.name == box and card.id.hex() == key_id]
        if not known:
            self.find("unknown-key", f"{place}: by '{box}' with an unknown key")
            return False
        data = signed(box, entry.n, entry.before, entry.at)
        if not suite.verify(DOMAIN, data, signature, known[0].public):
            self.find("bad-signature", f"{place}: wrong signature")
            return False
        if self.box not in (None, box):
            self.find("bad-signature", f"{place}: by '{box}'")
        self.box, self.signed_n, self.unsigned = self.box or box, entry.n - 1, 0
        self.trimmed = max(self.trimmed, self.says)
        return True

    def end(self):
        if self.entries and self.signed_n is None:
            self.find("bad-signature", "no checkpoint")
        if self.entries and self.start[0] > 0:
            if self.trimmed[0] < self.start[0]:
                self.find("missing-entries", "it does not begin with entry 1")
            elif self.trimmed[0] == self.start[0] and self.trimmed[1] != self.start[1]:
                self.find("bad-chain", "it does not begin behind what was removed")
        if self.rotated and self.rotated[0] == "file":
            self.find("missing-entries", f"no file begins with entry {self.rotated[1]}")
        if self.witness and max(self.witness) > self.n:
            self.find("missing-entries", f"the witness has seen entry {max(self.witness)}")


def verify(options):
    cards = [registry.Card(kind, name, bytes.fromhex(public))
             for kind, name, public in (card.split(":") for card in options.card)]
    witness = {int(n): head for n, head in (each.split(":") for each in options.witness)}
    verifier = Verifier(cards, witness)
    verifier.run(options.dir)
    for verdict, what in verifier.wrong:
        print(f"{verdict}: {what}")
    print(f"head {verifier.n} {verifier.hash or ZEROS}")
    return 4 if verifier.wrong else 0


class Maker:
    def __init__(self, folder, key):
        self.folder, self.key = folder, key
        self.n, self.hash, self.at = 0, ZEROS, 1795420800
        self.file = None

    def begin(self):
        day = datetime.datetime.fromtimestamp(self.at, datetime.timezone.utc).strftime("%Y%m%d")
        self.file = open(os.path.join(self.folder, f"{self.n + 1:016d}-{day}.jsonl"), "xb")

    def put(self, event, result="ok", **fields):
        at = datetime.datetime.fromtimestamp(self.at, datetime.timezone.utc).strftime(FORM)
        entry = {"n": self.n + 1, "at": at, "before": self.hash, "event": event, "result": result,
                 **fields}
        line = json.dumps(entry, separators=(",", ":"), ensure_ascii=False).encode()
        self.file.write(line + b"\n")
        self.n, self.hash = self.n + 1, digest(line)

    def sign(self):
        data = signed(self.key.name, self.n + 1, self.hash, self.at)
        self.put("checkpoint", box=self.key.name, key=self.key.id.hex(),
                 signature=suite.sign(DOMAIN, data, self.key.secret).hex())


def make(options):
    os.makedirs(options.dir)
    maker = Maker(options.dir, registry.load_key(options.key))
    maker.begin()
    maker.sign()
    maker.put("start", version="elsewhere")
    maker.sign()
    for i in range(options.entries):
        if i and options.files > 1 and i % (options.entries // options.files) == 0:
            maker.put("rotate", next=maker.n + 3)
            maker.sign()
            maker.file.close()
            maker.begin()
        maker.at += 1
        maker.put("release", bundle=f"tax-{i:06d}", route="稅", note="a\\x1b[2J")
        if i % 200 == 199:
            maker.sign()
    maker.put("stop")
    maker.sign()
    maker.file.close()
    print(f"head {maker.n} {maker.hash}")
    return 0


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("verify")
    command.set_defaults(run=verify)
    command.add_argument("dir")
    command.add_argument("card", nargs="+")
    command.add_argument("--witness", action="append", default=[])
    command = commands.add_parser("make")
    command.set_defaults(run=make)
    command.add_argument("dir")
    command.add_argument("key")
    command.add_argument("entries", type=int)
    command.add_argument("--files", type=int, default=1)
    options = parser.parse_args()
    return options.run(options)


if __name__ == "__main__":
    sys.exit(main())
