"""Operators, subscripts and attributes, as the rewritten expression calls them."""

import math
import operator

from values import INT_MIN, ITEMS_MAX, Lazy, Record, Skip, State, VIEWS, beyond, checked, kept, wrapped

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
