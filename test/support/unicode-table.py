"""Writes assembly/text/unicode-table.ts to stdout, from what Python itself knows. Unicode 14: Python 3.11."""

import unicodedata

END = 0x110000
NOTHING_KNOWN = ("Cn", "Co", "Cs")

# Bits of a record, as in assembly/text/unicode.ts; above them the distance to the other case
ALPHA, NUMERIC, DIGIT, DECIMAL, LOWER, UPPER, TITLE, SPACE, IGNORABLE, SPECIAL, IS_OWN_TITLE = (1 << i for i in range(11))
DISTANCE_SHIFT = 11

# Records 0 and 1 are those of letters that alternate; a run of them has one of these numbers, by its first
UPPER_FIRST, LOWER_FIRST = 254, 255


def is_ignorable(char):
    """Looked through by the rule of the final sigma, when the word goes on or began on its other side."""
    return ("a" + char + "Σ").lower()[-1] == "ς" and (char + "Σ").lower()[-1] == "σ"


def record(code):
    char = chr(code)
    if unicodedata.category(char) in NOTHING_KNOWN:
        return 0
    upper, lower, title = char.upper(), char.lower(), char.title()
    bits = 0
    if char.isalpha():
        bits |= ALPHA
    elif char.isalnum():
        bits |= NUMERIC
    if char.isdigit():
        bits |= DIGIT
    if char.isdecimal():
        bits |= DECIMAL
    if char.islower():
        bits |= LOWER
    if char.isupper():
        bits |= UPPER
    if unicodedata.category(char) == "Lt":
        bits |= TITLE
    if char.isspace():
        bits |= SPACE
    if is_ignorable(char):
        bits |= IGNORABLE
    distance = 0
    if is_special(char):
        bits |= SPECIAL
        if len(lower) == 1:
            distance = ord(lower) - code
    elif lower != char:
        distance = ord(lower) - code
        assert bits & UPPER and upper == title == char
    elif upper != char:
        distance = ord(upper) - code
        assert not bits & (UPPER | TITLE)
        if title == char:
            bits |= IS_OWN_TITLE
        else:
            assert title == upper
    return distance << DISTANCE_SHIFT | bits


def is_special(char):
    """Becomes several characters, or has a form of its own at the begin of a word."""
    upper, lower, title = char.upper(), char.lower(), char.title()
    return len(upper + lower + title) > 3 or title not in (upper, char) or (lower != char != upper)


def runs(records):
    """(length, record), or the number of an alternation instead of the record."""
    upper_first, lower_first = records[0x100], records[0x101]
    found = []
    at = 0
    while at < END:
        pair = records[at : at + 2]
        if pair in ([upper_first, lower_first], [lower_first, upper_first]):
            length = 2
            while at + length < END and records[at + length] == pair[length & 1]:
                length += 1
            found.append((length, UPPER_FIRST if pair[0] == upper_first else LOWER_FIRST))
        else:
            length = 1
            while at + length < END and records[at + length] == records[at]:
                length += 1
            found.append((length, records[at]))
        if records[at] & DECIMAL:
            assert unicodedata.decimal(chr(at)) == 0 and length % 10 == 0
        at += length
    return found


def lines(numbers, indent="  ", width=118):
    text, line = "", indent
    for number in numbers:
        if len(line) + len(number) + 1 > width:
            text += line.rstrip() + "\n"
            line = indent
        line += number + ", "
    return text + line.rstrip()


def main():
    records = [record(code) for code in range(END)]
    distinct = [records[0x100], records[0x101]]
    packed = bytearray()
    count = 0
    found = runs(records)
    for length, which in found[:-1]:  # the last one is what no character has been given yet
        if which in (UPPER_FIRST, LOWER_FIRST):
            number = which
        else:
            if which not in distinct:
                distinct.append(which)
            number = distinct.index(which)
        while length >= 0x80:
            packed.append(length & 0x7F | 0x80)
            length >>= 7
        packed += bytes((length, number))
        count += 1
    assert len(distinct) < UPPER_FIRST and found[-1][1] == 0 and distinct[2] == 0
    packed += bytes(-len(packed) % 8)
    words = [int.from_bytes(packed[i : i + 8], "little") for i in range(0, len(packed), 8)]

    specials = []
    for code in range(END):
        if unicodedata.category(chr(code)) in NOTHING_KNOWN or not is_special(chr(code)):
            continue
        forms = [[ord(c) for c in form] for form in (chr(code).upper(), chr(code).title())]
        specials.append([code] + [c for form in forms for c in form + [0] * (3 - len(form))])

    print(f"""// Made by `test/support/unicode-table.py` from what Python knows of Unicode {unicodedata.unidata_version}: what characters are, and their
// other case. Read by `unicode.ts`.

/** Kinds of character: the distance to the other case above the bits of `unicode.ts`. */
export const KINDS: usize = memory.data<i32>([
{lines(str(r) for r in distinct)}
]);

export const RUNS_COUNT: i32 = {count};

/** Runs of characters of one kind, from U+0000 on: the length, seven bits a byte from the lowest, then the kind. */
export const RUNS: usize = memory.data<u64>([
{lines(hex(w) for w in words)}
]);

export const SPECIALS_COUNT: i32 = {len(specials)};

/** A character, then what it becomes in upper case and at the begin of a word, up to three characters each. */
export const SPECIALS: usize = memory.data<u16>([
{lines(hex(c) for row in specials for c in row)}
]);""")


main()
