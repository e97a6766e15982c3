"""Functions and methods, as the rewritten expression calls them."""

import calendar
import datetime as dt
import re

from operations import binary
from values import ITEMS_MAX, Lazy, Skip, beyond, checked, kept, loose

def signs(named):
    """`reverse` is any integer here; Python takes those of C."""
    return {name: value != 0 if name == "reverse" and isinstance(value, int) else value for name, value in named.items()}


ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?", re.ASCII)


def parse(text):
    if not isinstance(text, str):
        raise TypeError
    if ISO.fullmatch(text):
        return dt.datetime.fromisoformat(text)
    if re.search(r"\d", text):
        raise Skip("parse")
    raise ValueError


def total(items, start=0):
    if isinstance(start, str):
        raise TypeError
    if isinstance(items, set) and any(isinstance(x, float) for x in loose(items)):
        raise Skip("order of a set")
    for x in loose(items):
        start = binary("Add", start, x)
    return start


def ordered(function):
    def call(*args, **named):
        if len(args) == 1 and isinstance(args[0], set):
            items = loose(args[0])
            if any(x != x or isinstance(x, (tuple, dt.datetime)) for x in items):
                raise Skip("order of a set")
            args = (items,)
        return function(*args, **named)

    return call


def a_range(*args):
    made = range(*args)
    if (made.stop - made.start) // made.step > ITEMS_MAX:
        raise Skip("limit", "limit")
    return made


def a_round(number, digits=None):
    # Python would raise 10 to that power
    return round(number, max(digits, -400) if isinstance(number, int) and isinstance(digits, int) else digits)


def a_reversed(items):
    return Lazy(list(reversed(items)))


def a_timezone(delta):
    zone = dt.timezone(delta)
    if delta.microseconds:
        raise Skip("a zone's fraction of a second")
    return zone


FUNCTIONS = {
    "len": len,
    "sum": total,
    "float": float,
    "int": int,
    "bool": bool,
    "str": str,
    "max": ordered(max),
    "min": ordered(min),
    "list": list,
    "set": lambda *args: set(*map(loose, args)),
    "tuple": tuple,
    "dict": dict,
    "zip": lambda *args: Lazy(list(zip(*args))),
    "ord": ord,
    "chr": chr,
    "any": lambda x: any(loose(x)),
    "all": lambda x: all(loose(x)),
    "abs": abs,
    "round": a_round,
    "sorted": ordered(sorted),
    "reversed": a_reversed,
    "range": a_range,
    "enumerate": lambda *args, **named: Lazy([(checked(n), x) for n, x in enumerate(*args, **named)]),
    "repr": repr,
    "parse": parse,
    "datetime": dt.datetime,
    "date": dt.date,
    "timedelta": dt.timedelta,
    "timezone": a_timezone,
}
ITERATING = {"len", "sum", "max", "min", "list", "set", "tuple", "dict", "zip", "any", "all", "sorted", "reversed", "enumerate"}


class Tz:
    tzutc = staticmethod(lambda: dt.timezone.utc)
    UTC = dt.timezone.utc


NAMES = {"datetime": dt.datetime, "date": dt.date, "timedelta": dt.timedelta, "timezone": dt.timezone, "tz": Tz}


def call(name, *args, **named):
    function = FUNCTIONS.get(name)
    if function is None:
        raise NameError(name)
    if name not in ITERATING:
        for arg in (*args, *named.values()):
            kept(arg)
    if name in ("max", "min") and len(args) > 1:
        for arg in args:
            kept(arg)
    if any(beyond(arg) for arg in args) and name not in ("str", "float", "repr", "bool"):
        raise Skip("beyond 64 bits", "OverflowError")
    return checked(function(*args, **signs(named)))


# Methods: those that change a collection give the changed one; a None is not added.

CHANGING = {
    list: {"append", "insert", "extend", "remove", "sort", "reverse", "clear"},
    dict: {"update", "setdefault", "clear"},
    set: {
        "add",
        "discard",
        "remove",
        "update",
        "clear",
        "intersection_update",
        "difference_update",
        "symmetric_difference_update",
    },
}
TAKE_ITERABLES = {"join", "extend", "update", "union", "intersection", "difference", "symmetric_difference", "issubset"}
TAKE_ITERABLES |= {"issuperset", "isdisjoint", "intersection_update", "difference_update", "symmetric_difference_update"}


def method(receiver, name, *args, **named):
    if isinstance(receiver, type):
        if receiver is dt.datetime and name in ("fromtimestamp", "utcfromtimestamp", "strptime", "fromisoformat"):
            for arg in args:
                kept(arg)
        if name == "fromtimestamp" and len(args) == 1 and named.get("tz") is None and not set(named) - {"tz"}:
            # the same in the zone UTC, but that Python looks at the day before too
            return receiver.utcfromtimestamp(args[0])
        return checked(getattr(receiver, name)(*args, **named))
    kept(receiver)
    if name not in TAKE_ITERABLES:
        for arg in (*args, *named.values()):
            kept(arg)
    if isinstance(receiver, dt.tzinfo) and name == "utcoffset":
        raise AttributeError
    if name == "zfill" and isinstance(receiver, str) and args and isinstance(args[0], int) and args[0] > ITEMS_MAX:
        raise Skip("limit", "limit")
    kind = next((kind for kind in (list, dict, set) if isinstance(receiver, kind)), None)
    if kind is None:
        if name == "astimezone" and args in ((), (None,)):
            args = (dt.timezone.utc,)
        if isinstance(receiver, dt.datetime) and receiver.tzinfo is None:
            if name == "timestamp" and args == ():
                return calendar.timegm(receiver.timetuple()) + receiver.microsecond / 1e6
            if name == "astimezone":
                receiver = receiver.replace(tzinfo=dt.timezone.utc)
        return checked(getattr(receiver, name)(*args, **named))
    if kind is dict and name in ("set", "increment"):
        return by_key(dict(receiver), name, *args, **named)
    if name == "get":
        return receiver.get(*args)
    if kind is set:
        args = tuple(loose(arg) if name not in ("add", "discard", "remove") else arg for arg in args)
        if name == "pop" and len(receiver) > 1 and not args:
            raise Skip("order of a set")
    copy = kind(loose(receiver))
    if name not in CHANGING[kind]:
        return checked(getattr(copy, name)(*args, **named))
    if name == "insert" and args[1:] == (None,) and not isinstance(args[0], int):
        raise Skip("nothing inserted nowhere")
    if name == "append" and args == (None,) or name == "insert" and args[1:] == (None,) or name == "add" and args == (None,):
        return checked(copy)
    getattr(copy, name)(*args, **signs(named))
    return checked(copy)


def by_key(copy, name, key, value=1, **named):
    if "by" in named:
        value = named["by"]
    if key is not None:
        copy[key] = value if name == "set" else binary("Add", copy.get(key, 0), value)
    return copy
