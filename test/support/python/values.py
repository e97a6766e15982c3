"""Values as the machine has them, and what has no meaning to compare: see `judge.py`."""

import datetime as dt

INT_MAX = 2**63 - 1
INT_MIN = -(2**63)
ITEMS_MAX = 2_000
STEPS_MAX = 100_000


class Skip(BaseException):
    """Nothing to compare. `fault`: what ours must end in, if anything."""

    def __init__(self, reason, fault=None):
        super().__init__(reason)
        self.reason = reason
        self.fault = fault


class State:
    steps = 0
    # a value that Python makes on the fly was used as if it were kept
    lazy = False
    # a power that is not exact
    inexact = False
    # the event has an integer beyond 64 bits
    wide = False


def beyond(value):
    return isinstance(value, int) and not INT_MIN <= value <= INT_MAX


def checked(value):
    if isinstance(value, int):
        if beyond(value):
            raise Skip("beyond 64 bits", "OverflowError")
    elif type(value) is set:
        return Unordered(value)
    elif isinstance(value, dt.timedelta):
        if abs(value // dt.timedelta(microseconds=1)) > INT_MAX:
            raise Skip("beyond 64 bits", "OverflowError")
    elif isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value):
        raise Skip("half a surrogate pair")
    return value


# Values


class Record(dict):
    """An object of the event: a missing member is None, its members are attributes too."""

    is_wide = False

    def __getitem__(self, key):
        return wrapped(dict.get(self, key))

    def get(self, *args):
        return wrapped(dict.get(self, *args))


class RecordList(list):
    def __getitem__(self, key):
        return wrapped(list.__getitem__(self, key))


def is_wide(value):
    if isinstance(value, (dict, list)):
        return any(map(is_wide, value.values() if isinstance(value, dict) else value))
    return beyond(value)


def wrapped(value):
    if type(value) is dict:
        return Record(value)
    return RecordList(value) if type(value) is list else value


class Unordered(set):
    """Whoever asks for the order of its elements has nothing to compare."""

    def __iter__(self):
        if len(self) > 1:
            raise Skip("order of a set")
        return set.__iter__(self)

    def __repr__(self):
        return repr(set(iter(self)))


def loose(value):
    """Elements of a set where their order does not matter."""
    return list(set.__iter__(value)) if isinstance(value, set) else value


class Lazy:
    """What zip, enumerate and reversed give."""

    def __init__(self, items):
        self.items = iter(items)

    def __iter__(self):
        return self.items

    def __bool__(self):
        raise Skip("an iterator's truth")


VIEWS = (type({}.keys()), type({}.values()), type({}.items()))
LAZIES = (Lazy, range, *VIEWS)


def kept(value):
    if isinstance(value, LAZIES):
        State.lazy = True
    return value


def steps(items):
    for item in items:
        State.steps += 1
        if State.steps > STEPS_MAX:
            raise Skip("limit", "limit")
        yield item
