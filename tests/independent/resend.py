"""RESEND.md: resend codes, written from the page alone."""

import suite

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ALL = 65535
NUMBERS = {12: 2, 16: 6, 20: 10}  # digits of the number, by the length of the code


def times(a, b):
    product = 0
    for bit in range(5):
        if b >> bit & 1:
            product ^= a << bit
    for bit in range(9, 4, -1):
        if product >> bit & 1:
            product ^= 0b100101 << (bit - 5)
    return product


POWERS = [1]
while len(POWERS) < 31:
    POWERS.append(times(POWERS[-1], 2))


def sums(digits):
    plain = weighted = 0
    for place, digit in enumerate(reversed(digits)):
        plain ^= digit
        weighted ^= times(digit, POWERS[place])
    return plain, weighted


def wanted(epoch):
    first, second = suite.blake(16, "weir1 resendcode", b"", epoch.to_bytes(8, "little"))[:2]
    return first & 31, second & 31


def length_for(number):
    return min(length for length, digits in NUMBERS.items() if number < 32 ** digits)


def digits_of(value, count):
    return [value >> 5 * place & 31 for place in reversed(range(count))]


def encode(route_id, number, block, rows, epoch):
    length = length_for(number)
    data = digits_of(number, NUMBERS[length]) + digits_of(route_id << 24 | block << 8 | rows, 8)
    # there is one pair that fits; whoever has 1,024 tries needs no algebra
    for pair in range(1024):
        digits = data + [pair >> 5, pair & 31]
        if sums(digits) == wanted(epoch):
            break
    text = "".join(ALPHABET[digit] for digit in digits)
    return text if length == 20 else "-".join(text[i:i + 4] for i in range(0, length, 4))


def decode(text, epoch):
    meant = text.upper().replace("-", "").replace(" ", "").translate(str.maketrans("ILO", "110"))
    suite.require(len(meant) in NUMBERS and all(character in ALPHABET for character in meant), "bad-code")
    digits = [ALPHABET.index(character) for character in meant]
    suite.require(sums(digits) == wanted(epoch), "bad-code")
    value = 0
    for digit in digits[:-2]:
        value = value << 5 | digit
    number, rest = value >> 40, value & (1 << 40) - 1
    suite.require(1 <= number < 1 << 48 and length_for(number) == len(digits), "bad-code")
    return rest >> 24, number, rest >> 8 & 0xffff, rest & 0xff
