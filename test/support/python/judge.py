"""Judges what the machine made of expressions: evaluates each in Python and compares.

One request per line of stdin, one answer per line of stdout, both JSON:

    {"expressions": [text, ...], "type": of a field that keeps the values | null, "events": [JSON text, ...],
     "ours": [[{"value"|"fault"|"problem": text}, ...] per event]}
    [[null | "skip: <reason>" | "<what Python gives>", ...] per event]

null: they agree. The expression is rewritten so that every operation goes through a function here, which adds what
differs on purpose (see `test/assembly/differential.test.ts`) and notices what has no meaning to compare: integers beyond 64 bits, the
order of a set, iterators that are kept.
"""

import datetime as dt
import json
import math
import struct
import sys
import warnings

from rewriting import Expression
from values import INT_MIN, LAZIES, Record, Skip, State, Unordered, beyond, checked, is_wide, loose

warnings.simplefilter("ignore")

CLASSES = (
    TypeError,
    ZeroDivisionError,
    OverflowError,
    KeyError,
    IndexError,
    AttributeError,
    ValueError,
    NameError,
    SyntaxError,
)


class AsText(dict):
    """What a `repr` refers to. Every NaN is another one, so that a set may hold several."""

    def __missing__(self, name):
        return {"datetime": dt, "nan": float("nan"), "inf": math.inf, "set": set}[name]


def class_of(error):
    if isinstance(error, Cast):
        return "cast"
    if isinstance(error, OSError):  # of the C library, for a time that it can't represent
        return "OverflowError"
    return next((each.__name__ for each in CLASSES if isinstance(error, each)), type(error).__name__)


def cast(value, kind):
    """What a field keeps: None leaves it as it was."""
    default, accepts, convert = FIELDS[kind]
    if value is None:
        return default
    if isinstance(value, accepts):
        return value.replace(tzinfo=value.tzinfo or dt.timezone.utc) if kind == "datetime" else value
    try:
        cast = convert(value)
    except Exception as error:
        raise Cast from error
    if beyond(cast):
        raise Cast
    return checked(cast)


class Cast(Exception):
    """A value that its field does not take."""


def refuse(value):
    raise TypeError


FIELDS = {
    "integer": (0, int, int),
    "float": (0.0, float, float),
    "string": ("", str, str),
    "boolean": (False, bool, bool),
    "datetime": (None, dt.datetime, refuse),
    "list": ([], list, list),
    "map": ({}, dict, dict),
    "set": (set(), set, lambda value: Unordered(loose(value))),
}


def judge(expression, kind, source, ours):
    State.steps = 0
    State.lazy = State.inexact = False
    State.wide = source.is_wide
    try:
        value = expression.value(source)
        if isinstance(value, LAZIES):
            value = list(value)
        value = plain(value)
        if kind is not None:
            value = cast(value, kind)
    except Skip as skip:
        loosely = skip.fault in (None, "limit") or State.lazy or State.wide
        if loosely or "problem" in ours or ours.get("fault") == skip.fault:
            return f"skip: {skip.reason}"
        return f"{skip.reason}: {skip.fault}"
    except Exception as error:
        if State.lazy:
            return "skip: an iterator kept"
        if "problem" in ours or ours.get("fault") == class_of(error):
            return None
        if State.wide and "fault" in ours:
            return "skip: beyond 64 bits"
        return f"{class_of(error)}: {error}"
    if State.lazy:
        return "skip: an iterator kept"
    if "problem" in ours:
        return None if expression.parts_fail(source) else shown(value)
    if "fault" in ours:
        return "skip: beyond 64 bits" if State.wide else shown(value)
    text = ours["value"]
    if not has_set(value):
        if text == repr(value):
            return None
        if not State.inexact:
            return repr(value)
    return None if same(value, eval(text, {}, AsText())) else shown(value)


def plain(value):
    """With the classes that Python itself would have."""
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in dict.items(value)}
    if isinstance(value, list):
        return [plain(item) for item in list.__iter__(value)]
    if isinstance(value, tuple):
        return tuple(plain(item) for item in value)
    return value


def shown(value):
    """For people."""
    if isinstance(value, set):
        return repr(set(loose(value)))
    try:
        return repr(value)
    except Skip:
        return f"{type(value).__name__} of {', '.join(map(shown, value))}"


def has_set(value):
    if isinstance(value, (list, tuple)):
        return any(map(has_set, value))
    if isinstance(value, dict):
        return any(map(has_set, value.values()))
    return isinstance(value, set)


def same(a, b):
    if isinstance(a, set):
        return isinstance(b, set) and len(a) == len(b) and all(any(same(x, y) for y in b) for x in loose(a))
    if type(a) is not type(b):
        return False
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a.items(), b.items()))
    if isinstance(a, float):
        if a != a or b != b:
            return a != a and b != b
        return abs(ordinal(a) - ordinal(b)) <= (1 if State.inexact else 0)
    return a == b and repr(a) == repr(b)


def ordinal(value):
    """Doubles in their order, numbered."""
    bits = struct.unpack("<q", struct.pack("<d", value))[0]
    return bits if bits >= 0 else INT_MIN - bits


def main():
    for line in sys.stdin:
        request = json.loads(line)
        expressions = [Expression(text) for text in request["expressions"]]
        answer = []
        for event, ours in zip(request["events"], request["ours"]):
            source = Record(json.loads(event))
            source.is_wide = is_wide(source)
            answer.append([judge(each, request["type"], source, mine) for each, mine in zip(expressions, ours)])
        print(json.dumps(answer), flush=True)


main()
