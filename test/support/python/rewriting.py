"""The expression rewritten, so that all that it does goes through `operations.py` and `calls.py`."""

import ast

from calls import FUNCTIONS, NAMES, call, method
from operations import attribute, binary, chain, item, unary
from values import Lazy, Skip, beyond, checked, kept, steps


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
