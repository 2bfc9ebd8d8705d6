#!/usr/bin/env -S python3 -S -B
"""weir.py: writes and reads every format of Weir, from its format pages alone.

    weir.py card KEY [--passphrase-file F]  its public card, from its secret
    weir.py make-world DIR                  keys, roots and a registry for a route 'tax'
    weir.py seal DIR OUT FILE...            a .weir file on that route
    weir.py open FILE.weir --roots R --key K --psk P [--passphrase-file F] -o DIR
    weir.py listen --address A --port N --link K --roots R --registry G --lose PERMILLE
            --seed N --number N -o DIR      what crosses the link, some of it thrown away,
                                            until the bundle of this number is there
    weir.py transmit DIR FILE.weir --address A --port N --lose PERMILLE --seed N
                                            as a sender would, some of it left out

Refusals are printed as VERDICT on stderr, with exit status 1.
"""

import argparse
import os
import random
import socket
import sys
import time
from types import SimpleNamespace

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import bundle  # noqa: E402
import endorsement  # noqa: E402
import link  # noqa: E402
import registry  # noqa: E402
import suite  # noqa: E402

SO_RCVBUFFORCE = 33  # the socket module does not name it
DATE = "%Y-%m-%dT%H:%M:%SZ"


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, data, mode=0o644):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), "wb") as file:
        file.write(data)


def passphrase_of(options):
    return read(options.passphrase_file).split(b"\n")[0] if options.passphrase_file else None


def card(options):
    print(registry.load_key(options.key, passphrase_of(options)).text(), end="")


def make_world(options):
    now = int(time.time())
    kinds = (("root", "root-1"), ("person", "wang-mei"), ("sender", "inside-1"),
             ("receiver", "outside-1"), ("recipient", "tax-agency"), ("psk", "tax-agency"),
             ("link", "l1"), ("machine", "nightly"))
    os.makedirs(options.dir, mode=0o700)
    keys = {kind: registry.Key(kind, name) for kind, name in kinds}
    for kind, key in keys.items():
        write(os.path.join(options.dir, f"{kind}.key"), key.encode(), 0o600)
    text = ("[registry]\nformat = 1\nname = independent\nversion = 1\n"
            f"issued = {time.strftime(DATE, time.gmtime(now - 60))}\n"
            f"expires = {time.strftime(DATE, time.gmtime(now + 86400))}\n")
    for kind in ("person", "machine", "sender", "receiver", "recipient"):
        text += "\n" + keys[kind].text() + ("roles = operator\n" if kind == "person" else "")
    text += (f"psk = {keys['psk'].public.hex()}\n\n[route tax]\nid = 1\nrecipients = tax-agency\n"
             "operators = wang-mei\nformat = lines\nrecords = waived\ndestroy_after_days = 30\n"
             "priority = 4\n\n")
    write(os.path.join(options.dir, "registry.conf"), registry.sign(text.encode(), [keys["root"]]))
    write(os.path.join(options.dir, "roots.conf"),
          (keys["root"].text() + "\n[roots]\nquorum = 1\n").encode())


def seal(options):
    def load(kind):
        return registry.load_key(os.path.join(options.dir, f"{kind}.key"))

    text, now = read(os.path.join(options.dir, "registry.conf")), int(time.time())
    registry.Registry(text, registry.Roots(read(os.path.join(options.dir, "roots.conf"))))
    person, box = load("person"), load("sender")
    members = [bundle.member_of(os.path.basename(path), read(path), 1, int(os.stat(path).st_mtime))
               for path in options.files]
    body, s = bundle.seal_body("tax", [(load("recipient").card, load("psk").secret)], members)
    s.__dict__.update(person=person.name, person_key=person.id, registry_version=1, created=now,
                      destroy_by=now + 86400, policy_version=0, content_rules=0, scan=0)
    statement = bundle.encode_statement(s)
    length = (s.segments + 1) * suite.SEGMENT
    row_len, k, repair = link.choose_geometry(length)
    r = SimpleNamespace(route_id=1, epoch=random.SystemRandom().getrandbits(64) or 1, number=1,
                        released_at=now, row_len=row_len, k=k, r=repair,
                        box=box.name, box_key=box.id)
    release = bundle.encode_release(r, statement,
                                    [endorsement.encode_push(statement, person.secret)], box.secret)
    write(options.out, bundle.encode_object(body, release) + text)


def open_weir(options):
    o = bundle.Object(read(options.file))
    o.verify(registry.Registry(o.registry_text, registry.Roots(read(options.roots))))
    passphrase = passphrase_of(options)
    recipient = registry.load_key(options.key, passphrase)
    o.unlock(recipient, registry.load_key(options.psk, passphrase).secret)
    for member, data in o.members():
        path = os.path.join(os.fsencode(options.output), member.name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write(path, data)
        print(f"{member.name.decode()} {member.size} {member.records} {member.digest.hex()}")


def transmit(options):
    """Heartbeat and catalogue page four times, then all rows in order, at some 100 Mbit/s."""
    key = link.tag_key(registry.load_key(os.path.join(options.dir, "link.key")).secret)
    box = registry.load_key(os.path.join(options.dir, "sender.key"))
    data, now = read(options.file), int(time.time())
    release = bundle.Object(data).release
    data, sequence = data[:release.object_len], now << 32
    shape = dict(route_id=release.route_id, k=release.k, r=release.r, row_len=release.row_len,
                 number=release.number, object_len=release.object_len)
    entry = SimpleNamespace(**shape, passes=0, epoch=release.epoch,
                            destroy_by=release.statement.destroy_by,
                            offered_until=release.statement.destroy_by,
                            root=release.statement.root)
    page = link.encode_page(SimpleNamespace(epoch=release.epoch, generation=1, time=now, page=0,
                                            pages=1, age=0, entries=[entry]), box)
    beat = link.encode_beat(SimpleNamespace(bundles=1, epoch=release.epoch, beat=1, time=now,
                                            generation=1, pages=1, registry_version=1, sent=0,
                                            entries=0, head=bytes(32), epoch_before=0,
                                            waiting=0, heal_rate=0, heal_round=0), box)
    datagrams = [link.encode_control(message, 1472, release.epoch, sequence + i, key)
                 for i, message in enumerate([beat, page, page, page, page])]
    for block, row, symbols in link.rows_of_object(data, release.row_len, release.k, release.r):
        for at in range(0, len(symbols), 11 * link.SYMBOL):
            d = SimpleNamespace(**shape, block=block, row=row, epoch=release.epoch,
                                sequence=sequence + len(datagrams), first=at // link.SYMBOL)
            datagrams.append(link.encode_data(d, symbols[at:at + 11 * link.SYMBOL], key))
    send(options, datagrams)


def send(options, datagrams):
    chance, lost = random.Random(options.seed), 0
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for i, raw in enumerate(datagrams):
        if i >= 5 and chance.random() < options.lose / 1000:
            lost += 1
            continue
        sender.sendto(raw, (options.address, options.port))
        if i % 16 == 0:
            time.sleep(0.002)
    print(f"sent {len(datagrams) - lost} lost {lost}")


def listen(options):
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
    except PermissionError:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 20)
    listener.bind((options.address, options.port))
    text = read(options.registry)
    book = registry.Registry(text, registry.Roots(read(options.roots)))
    receiver = link.Receiver(registry.load_key(options.link).secret, book)
    chance, taken, lost, done = random.Random(options.seed), 0, 0, set()
    listener.settimeout(options.patience)
    print("listening", flush=True)
    while options.number not in {number for _, _, number in done}:
        raw = listener.recv(65535)
        if chance.random() < options.lose / 1000:
            lost += 1
            continue
        taken += 1
        receiver.take(raw)
        if taken % 64:
            continue
        for bundle_id, partial in receiver.partials.items():
            if bundle_id not in done and partial.is_decodable():
                done.add(bundle_id)
                deliver(options, book, receiver.catalogue[bundle_id], partial, text)
    print(f"taken {taken} lost {lost} heartbeats {receiver.beats} refused {receiver.refused}")


def deliver(options, book, entry, partial, text):
    repaired = partial.missing_count()
    o = bundle.Object(partial.object())
    o.verify(book)
    suite.require(o.release.statement.root == entry.root, "bad-root", "catalogue")
    name = f"{o.release.statement.route}-{o.release.number:06d}"
    write(os.path.join(options.output, name + ".weir"), partial.object() + text)
    print(f"{name} verified, {repaired} symbols repaired, root {entry.root.hex()}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    showing = commands.add_parser("card")
    showing.add_argument("key")
    showing.add_argument("--passphrase-file")
    showing.set_defaults(run=card)
    world = commands.add_parser("make-world")
    world.add_argument("dir")
    world.set_defaults(run=make_world)
    sealing = commands.add_parser("seal")
    sealing.add_argument("dir")
    sealing.add_argument("out")
    sealing.add_argument("files", nargs="+")
    sealing.set_defaults(run=seal)
    opening = commands.add_parser("open")
    opening.add_argument("file")
    for name in ("--roots", "--key", "--psk"):
        opening.add_argument(name, required=True)
    opening.add_argument("--passphrase-file")
    opening.add_argument("-o", "--output", required=True)
    opening.set_defaults(run=open_weir)
    listening = commands.add_parser("listen")
    for name in ("--link", "--roots", "--registry"):
        listening.add_argument(name, required=True)
    listening.add_argument("--address", default="127.0.0.1")
    listening.add_argument("--port", type=int, required=True)
    listening.add_argument("--lose", type=int, default=0)
    listening.add_argument("--seed", type=int, default=1)
    listening.add_argument("--number", type=int, default=1)
    listening.add_argument("--patience", type=float, default=30)
    listening.add_argument("-o", "--output", required=True)
    listening.set_defaults(run=listen)
    sending = commands.add_parser("transmit")
    sending.add_argument("dir")
    sending.add_argument("file")
    sending.add_argument("--address", default="127.0.0.1")
    sending.add_argument("--port", type=int, required=True)
    sending.add_argument("--lose", type=int, default=0)
    sending.add_argument("--seed", type=int, default=1)
    sending.set_defaults(run=transmit)
    options = parser.parse_args()
    try:
        options.run(options)
    except (suite.Refused, OSError) as failure:
        print(f"weir.py: {failure}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
