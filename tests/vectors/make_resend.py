"""Vectors of RESEND.md: resend."""

import resend
import suite
from resend import ALL, ALPHABET
from world import EPOCH

FOLDERS = ("resend",)
OTHER = EPOCH ^ 1
CODES = {
    "ok": (1, 123, ALL, 0),
    "ok--least": (0, 1, 0, 0),
    "ok--last-of-twelve": (7, 1023, 65534, 255),
    "ok--first-of-sixteen": (7, 1024, 3, 18),
    "ok--last-of-sixteen": (65535, (1 << 30) - 1, ALL, 1),
    "ok--first-of-twenty": (2, 1 << 30, 0, 2),
    "ok--longest": (65535, (1 << 48) - 1, 65534, 255),
}


def judge(line):
    """EPOCH CODE, and of a good one ROUTEID NUMBER BLOCK ROWS."""
    epoch, code, *wanted = line.decode().rstrip("\n").split("\t")
    got = resend.decode(code, int(epoch, 16))
    suite.require(list(got) == [int(each) for each in wanted], "bad-length")


def _line(code, fields=(), epoch=EPOCH):
    return "\t".join([f"{epoch:016x}", code, *map(str, fields)]).encode() + b"\n"


def _with_checks(data, epoch=EPOCH):
    """Digits that no encoder would write, with the check characters they would have."""
    for pair in range(1024):
        digits = data + [pair >> 5, pair & 31]
        if resend.sums(digits) == resend.wanted(epoch):
            return "".join(ALPHABET[digit] for digit in digits)
    raise AssertionError


def make(vectors):
    def write(name, *line, **more):
        vectors.write(f"resend/{name}.txt", _line(*line, **more), judge)

    for name, fields in CODES.items():
        write(name, resend.encode(*fields, EPOCH), fields)
    fields = CODES["ok"]
    code = resend.encode(*fields, EPOCH)
    write("ok--of-another-epoch", resend.encode(*fields, OTHER), fields, epoch=OTHER)
    write("ok--lower-case", code.lower(), fields)
    write("ok--blanks", code.replace("-", "  "), fields)
    write("ok--look-alikes", code.replace("0", "o").replace("1", "l"), fields)
    write("bad-code--other-epoch", resend.encode(*fields, OTHER))
    wrong = ALPHABET[ALPHABET.index(code[5]) ^ 1]
    write("bad-code--wrong-character", code[:5] + wrong + code[6:])
    swapped = next(i for i in range(13) if "-" not in code[i:i + 2] and code[i] != code[i + 1])
    write("bad-code--swapped", code[:swapped] + code[swapped + 1] + code[swapped] + code[swapped + 2:])
    write("bad-code--omitted", code[:-1])
    write("bad-code--twice", code + code[-1])
    write("bad-code--u", "U" + code[1:])
    write("bad-code--empty", "")
    write("bad-code--twenty-one", resend.encode(*CODES["ok--longest"], EPOCH) + "0")
    write("bad-code--number-zero", _with_checks([0] * 10))
    write("bad-code--twelve-in-sixteen", _with_checks([0, 0, 0, 0, *resend.digits_of(123, 2), *[0] * 8]))
    write("bad-code--sixteen-in-twenty", _with_checks([*resend.digits_of((1 << 30) - 1, 10), *[0] * 8]))
    write("bad-code--number-too-great", _with_checks([*resend.digits_of(1 << 48, 10), *[0] * 8]))
