"""Judges what the machine made of expressions: evaluates each in Python and compares.

One request per line of stdin, one answer per line of stdout, both JSON:

    {"expressions": [text, ...], "type": of a field that keeps the values | null, "events": [JSON text, ...],
     "ours": [[{"value"|"fault"|"problem": text}, ...] per event]}
    [[null | "skip: <reason>" | "<what Python gives>", ...] per event]

null: they agree. The expression is rewritten so that every operation goes through a function here, which adds what
differs on purpose (see `differential.test.ts`) and notices what has no meaning to compare: integers beyond 64 bits, the
order of a set, iterators that are kept.
"""

import ast
import calendar
import datetime as dt
import json
import math
import operator
import re
import struct
import sys
import warnings

warnings.simplefilter("ignore")

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


# Operators

BINARY = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mult": operator.mul,
    "Div": operator.truediv,
    "FloorDiv": operator.floordiv,
    "Mod": operator.mod,
    "Pow": operator.pow,
    "BitOr": operator.or_,
    "BitAnd": operator.and_,
    "BitXor": operator.xor,
}


def binary(op, a, b):
    kept(a)
    kept(b)
    if isinstance(a, str) and op == "Mod":
        raise TypeError("no formatting")
    if beyond(a) or beyond(b):
        raise Skip("beyond 64 bits", "OverflowError")
    if op == "Mult":
        for sequence, count in ((a, b), (b, a)):
            if isinstance(sequence, (str, list, tuple)) and isinstance(count, int) and len(sequence) * count > ITEMS_MAX:
                raise Skip("limit", "limit")
    if op == "Pow":
        if isinstance(a, int) and isinstance(b, int) and b > 0 and abs(a) > 1 and b * math.log2(abs(a)) > 64:
            raise Skip("beyond 64 bits", "OverflowError")
        if isinstance(b, float) and not b.is_integer() and isinstance(a, (int, float)) and -math.inf < a < 0 and abs(b) < math.inf:
            raise ValueError("complex")
        value = a**b
        if isinstance(value, float):
            State.inexact = True
        return checked(value)
    return checked(BINARY[op](a, b))


def unary(op, a):
    kept(a)
    if beyond(a) and not (op == "USub" and a == -INT_MIN):
        raise Skip("beyond 64 bits", "OverflowError")
    return checked(-a if op == "USub" else +a)


COMPARISONS = {
    "Eq": operator.eq,
    "NotEq": operator.ne,
    "Lt": operator.lt,
    "LtE": operator.le,
    "Gt": operator.gt,
    "GtE": operator.ge,
    "In": lambda a, b: a in b,
    "NotIn": lambda a, b: a not in b,
    "Is": operator.is_,
    "IsNot": operator.is_not,
}


def chain(ops, operands):
    left = kept(operands[0]())
    value = True
    for op, operand in zip(ops, operands[1:]):
        right = operand()
        if op in ("In", "NotIn"):
            if isinstance(right, (Lazy, *VIEWS)):
                right = list(right)
        else:
            kept(right)
        if op in ("Is", "IsNot") and not any(x is None or isinstance(x, bool) for x in (left, right)):
            raise Skip("identity")
        value = COMPARISONS[op](left, right)
        if not value:
            return value
        left = right
    return value


def item(whole, index):
    if isinstance(whole, Record):
        hash(index)
    if isinstance(whole, VIEWS + (Lazy,)) or isinstance(index, slice) and isinstance(whole, range):
        State.lazy = True
    return whole[index]


def attribute(whole, name):
    if isinstance(whole, Record):
        return wrapped(dict.get(whole, name))
    value = getattr(whole, name)
    if callable(value) and not isinstance(value, type):
        raise Skip("a method as a value")
    return value


# Functions


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


# Rewriting


def named(name):
    return ast.Name(name, ast.Load())


def invoke(name, *args, keywords=()):
    return ast.Call(named(name), list(args), list(keywords))


class Rewriter(ast.NodeTransformer):
    def visit_BinOp(self, node):
        return invoke("_binary", ast.Constant(type(node.op).__name__), self.visit(node.left), self.visit(node.right))

    def visit_UnaryOp(self, node):
        if isinstance(node.op, ast.Not):
            return self.generic_visit(node)
        operand = node.operand if isinstance(node.operand, ast.Constant) else self.visit(node.operand)
        return invoke("_unary", ast.Constant(type(node.op).__name__), operand)

    def visit_Constant(self, node):
        return invoke("_checked", node) if beyond(node.value) else node

    def visit_Compare(self, node):
        ops = ast.List([ast.Constant(type(op).__name__) for op in node.ops], ast.Load())
        operands = [ast.Lambda(NO_ARGUMENTS, self.visit(each)) for each in (node.left, *node.comparators)]
        return invoke("_chain", ops, ast.List(operands, ast.Load()))

    def visit_Call(self, node):
        is_lazy = isinstance(node.func, ast.Name) and node.func.id in ("any", "all")
        args = [self.generator(arg) if is_lazy and isinstance(arg, ast.GeneratorExp) else self.visit(arg) for arg in node.args]
        keywords = [ast.keyword(each.arg, self.visit(each.value)) for each in node.keywords]
        if isinstance(node.func, ast.Attribute):
            receiver = self.visit(node.func.value)
            return invoke("_method", receiver, ast.Constant(node.func.attr), *args, keywords=keywords)
        if isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS:
            return invoke("_call", ast.Constant(node.func.id), *args, keywords=keywords)
        return ast.Call(self.visit(node.func), args, keywords)

    def visit_Attribute(self, node):
        return invoke("_attribute", self.visit(node.value), ast.Constant(node.attr))

    def visit_Subscript(self, node):
        if isinstance(node.slice, ast.Slice):
            bounds = (node.slice.lower, node.slice.upper, node.slice.step)
            index = invoke("slice", *(ast.Constant(None) if each is None else self.visit(each) for each in bounds))
        else:
            index = self.visit(node.slice)
        return invoke("_item", self.visit(node.value), index)

    def elements(self, nodes):
        return [self.kept(each) for each in nodes]

    def kept(self, node):
        return invoke("_kept", self.visit(node))

    def visit_List(self, node):
        return ast.List(self.elements(node.elts), ast.Load())

    def visit_Tuple(self, node):
        return ast.Tuple(self.elements(node.elts), ast.Load())

    def visit_Set(self, node):
        return invoke("_checked", ast.Set(self.elements(node.elts)))

    def visit_Dict(self, node):
        return ast.Dict(self.elements(node.keys), self.elements(node.values))

    def comprehension(self, node):
        return [
            ast.comprehension(
                each.target, invoke("_steps", self.visit(each.iter)), [self.visit(test) for test in each.ifs], 0
            )
            for each in node.generators
        ]

    def visit_ListComp(self, node):
        generators = self.comprehension(node)
        return ast.ListComp(self.kept(node.elt), generators)

    def visit_SetComp(self, node):
        generators = self.comprehension(node)
        return invoke("_checked", ast.SetComp(self.kept(node.elt), generators))

    def visit_DictComp(self, node):
        generators = self.comprehension(node)
        return ast.DictComp(self.kept(node.key), self.kept(node.value), generators)

    def generator(self, node):
        generators = self.comprehension(node)
        return ast.GeneratorExp(self.kept(node.elt), generators)

    def visit_GeneratorExp(self, node):
        # ours makes a list of it, but for any and all
        return invoke("_lazy", self.visit_ListComp(node))


NO_ARGUMENTS = ast.arguments([], [], None, [], [], None, [])

GLOBALS = {
    "__builtins__": {"slice": slice},
    **NAMES,
    "_binary": binary,
    "_unary": unary,
    "_checked": checked,
    "_chain": chain,
    "_call": call,
    "_method": method,
    "_attribute": attribute,
    "_item": item,
    "_kept": kept,
    "_steps": steps,
    "_lazy": Lazy,
}


def compiled(node):
    tree = ast.Expression(Rewriter().visit(node))
    return compile(ast.fix_missing_locations(tree), "expression", "eval")


class Expression:
    def __init__(self, text):
        self.text = text
        try:
            self.code = compiled(ast.parse(text.strip(), mode="eval").body)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            self.code = None
            self.error = error

    def value(self, source):
        if self.code is None:
            raise SyntaxError(str(self.error))
        return eval(self.code, {**GLOBALS, "source": source})

    def parts_fail(self, source):
        """Does a part fail, by itself, that is not reached or is never looked at?"""
        tree = ast.parse(self.text.strip(), mode="eval").body
        return any(fails(part, source) for part in isolated(tree, []))


def isolated(node, generators):
    """Every part as an expression: within a comprehension a list of its values."""
    if isinstance(node, ast.expr) and not isinstance(getattr(node, "ctx", None), ast.Store):
        yield (node, list(generators))
    if isinstance(node, ast.Compare):
        operands = [node.left, *node.comparators]
        for left, op, right in zip(operands, node.ops, node.comparators):
            yield (ast.Compare(left, [op], [right]), list(generators))
    if isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
        inner = list(generators)
        for each in node.generators:
            yield from isolated(each.iter, inner)
            inner.append(ast.comprehension(each.target, each.iter, [], 0))
            for test in each.ifs:
                yield from isolated(test, inner)
        for part in (node.elt,) if not isinstance(node, ast.DictComp) else (node.key, node.value):
            yield from isolated(part, inner)
        return
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.expr, ast.keyword)):
            yield from isolated(child, generators)


def fails(part, source):
    node, generators = part
    try:
        # the rewriter changes nodes in place
        node = ast.parse(ast.unparse(node), mode="eval").body
        if generators:
            copies = ast.parse(ast.unparse(ast.ListComp(ast.Constant(1), generators)), mode="eval").body.generators
            node = ast.ListComp(node, copies)
        value = eval(compiled(node), {**GLOBALS, "source": source})
        return bool(generators) and value == []
    except Skip:
        return False
    except Exception:
        return True


# Judging

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
