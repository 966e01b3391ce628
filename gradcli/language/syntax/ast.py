"""The abstract syntax tree: what `parse.py` builds and the compiler reads.

Every node knows the stretch of the source it came from: `start` and `end` are offsets in characters, end excluded.
A parenthesised expression has the span of what is inside; a tuple in parentheses includes them, as in Python.
The fields of a class are its `__slots__`, in the order its constructor takes them, before `start` and `end`.
Constructors are written out: parsing a long program spends much of its time in them, and dataclasses would cost at
every start.
"""

# ruff: noqa: RUF023 (the order of the slots is the order of the constructor)

from __future__ import annotations

from collections.abc import Iterator

from gradcli.source import Source

Constant = object  # int, float, str, bool, None or Ellipsis


class Node:
    """Anything in the tree."""

    __slots__ = ("end", "start")

    start: int
    end: int

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.start}:{self.end}>"


class Expr(Node):
    """Something with a value."""

    __slots__ = ()


class Stmt(Node):
    """Something that is done."""

    __slots__ = ()


# ---- Expressions -----------------------------------------------------------------------------------------------------


class Literal(Expr):
    """A number, a string (concatenated), True, False, None or Ellipsis."""

    __slots__ = ("value",)

    def __init__(self, value: Constant, start: int, end: int) -> None:
        self.value = value
        self.start = start
        self.end = end


class Name(Expr):
    """A name that is read, or bound where it stands as a target."""

    __slots__ = ("id",)

    def __init__(self, id: str, start: int, end: int) -> None:
        self.id = id
        self.start = start
        self.end = end


class FormatPart(Node):
    """One {...} of an f-string; `text` is printed before the value (`x=` in f"{x=}"), else empty."""

    __slots__ = ("value", "conversion", "spec", "text")

    def __init__(
        self, value: Expr, conversion: str | None, spec: JoinedStr | None, text: str, start: int, end: int
    ) -> None:
        self.value = value
        self.conversion = conversion
        self.spec = spec
        self.text = text
        self.start = start
        self.end = end


class JoinedStr(Expr):
    """An f-string: stretches of text and replacement fields."""

    __slots__ = ("parts",)

    def __init__(self, parts: list[Literal | FormatPart], start: int, end: int) -> None:
        self.parts = parts
        self.start = start
        self.end = end


class BinOp(Expr):
    """`left op right`, op one of + - * / // % ** @ & | ^ << >>; op_at is where the operator stands."""

    __slots__ = ("op", "left", "right", "op_at")

    def __init__(self, op: str, left: Expr, right: Expr, op_at: int, start: int, end: int) -> None:
        self.op = op
        self.left = left
        self.right = right
        self.op_at = op_at
        self.start = start
        self.end = end


class UnaryOp(Expr):
    """`op operand`, op one of - + ~ not."""

    __slots__ = ("op", "operand")

    def __init__(self, op: str, operand: Expr, start: int, end: int) -> None:
        self.op = op
        self.operand = operand
        self.start = start
        self.end = end


class BoolOp(Expr):
    """`a and b and c`: op is and/or, two values or more, flat."""

    __slots__ = ("op", "values")

    def __init__(self, op: str, values: list[Expr], start: int, end: int) -> None:
        self.op = op
        self.values = values
        self.start = start
        self.end = end


class Compare(Expr):
    """`left < b <= c`: ops of == != < <= > >= in 'not in' is 'is not'; op_at is where the first stands."""

    __slots__ = ("left", "ops", "operands", "op_at")

    def __init__(self, left: Expr, ops: list[str], operands: list[Expr], op_at: int, start: int, end: int) -> None:
        self.left = left
        self.ops = ops
        self.operands = operands
        self.op_at = op_at
        self.start = start
        self.end = end


class IfExp(Expr):
    """`body if test else orelse`."""

    __slots__ = ("test", "body", "orelse")

    def __init__(self, test: Expr, body: Expr, orelse: Expr, start: int, end: int) -> None:
        self.test = test
        self.body = body
        self.orelse = orelse
        self.start = start
        self.end = end


class Starred(Expr):
    """`*value` in a display, a target or a subscript."""

    __slots__ = ("value",)

    def __init__(self, value: Expr, start: int, end: int) -> None:
        self.value = value
        self.start = start
        self.end = end


class ListExpr(Expr):
    """`[a, b, *c]`."""

    __slots__ = ("items",)

    def __init__(self, items: list[Expr], start: int, end: int) -> None:
        self.items = items
        self.start = start
        self.end = end


class TupleExpr(Expr):
    """`(a, b)` or `a, b`; also the index of `x[1:, ::2]`."""

    __slots__ = ("items",)

    def __init__(self, items: list[Expr], start: int, end: int) -> None:
        self.items = items
        self.start = start
        self.end = end


class SetExpr(Expr):
    """`{a, b}`."""

    __slots__ = ("items",)

    def __init__(self, items: list[Expr], start: int, end: int) -> None:
        self.items = items
        self.start = start
        self.end = end


class DictExpr(Expr):
    """`{k: v, **more}`: the key of `**more` is None."""

    __slots__ = ("keys", "values")

    def __init__(self, keys: list[Expr | None], values: list[Expr], start: int, end: int) -> None:
        self.keys = keys
        self.values = values
        self.start = start
        self.end = end


class Clause(Node):
    """`for target in iterable if c1 if c2` of a comprehension."""

    __slots__ = ("target", "iterable", "conditions")

    def __init__(self, target: Expr, iterable: Expr, conditions: list[Expr], start: int, end: int) -> None:
        self.target = target
        self.iterable = iterable
        self.conditions = conditions
        self.start = start
        self.end = end


class Comprehension(Expr):
    """kind is list, set, dict or generator; for a dict `element` is the key and `value` the value."""

    __slots__ = ("kind", "element", "value", "clauses")

    def __init__(
        self, kind: str, element: Expr, value: Expr | None, clauses: list[Clause], start: int, end: int
    ) -> None:
        self.kind = kind
        self.element = element
        self.value = value
        self.clauses = clauses
        self.start = start
        self.end = end


class Param(Node):
    """A parameter: kind is posonly, pos, star (*args), kw (keyword only) or dstar (**kwargs)."""

    __slots__ = ("name", "kind", "default", "annotation")

    def __init__(
        self, name: str, kind: str, default: Expr | None, annotation: Expr | None, start: int, end: int
    ) -> None:
        self.name = name
        self.kind = kind
        self.default = default
        self.annotation = annotation
        self.start = start
        self.end = end


class Lambda(Expr):
    """`lambda x, y=1: body`."""

    __slots__ = ("params", "body")

    def __init__(self, params: list[Param], body: Expr, start: int, end: int) -> None:
        self.params = params
        self.body = body
        self.start = start
        self.end = end


class Slice(Expr):
    """`lower:upper:step`, inside a subscript only."""

    __slots__ = ("lower", "upper", "step")

    def __init__(self, lower: Expr | None, upper: Expr | None, step: Expr | None, start: int, end: int) -> None:
        self.lower = lower
        self.upper = upper
        self.step = step
        self.start = start
        self.end = end


class Subscript(Expr):
    """`value[index]`: the index is an expression, a Slice, or a TupleExpr of them."""

    __slots__ = ("value", "index")

    def __init__(self, value: Expr, index: Expr, start: int, end: int) -> None:
        self.value = value
        self.index = index
        self.start = start
        self.end = end


class Arg(Node):
    """An argument of a call or class: kind is pos, kw (name=value), star (*value) or dstar (**value)."""

    __slots__ = ("kind", "name", "value")

    def __init__(self, kind: str, name: str | None, value: Expr, start: int, end: int) -> None:
        self.kind = kind
        self.name = name
        self.value = value
        self.start = start
        self.end = end


class Call(Expr):
    """`func(args)`."""

    __slots__ = ("func", "args")

    def __init__(self, func: Expr, args: list[Arg], start: int, end: int) -> None:
        self.func = func
        self.args = args
        self.start = start
        self.end = end


class Attribute(Expr):
    """`value.name`; name_at is where the name stands."""

    __slots__ = ("value", "name", "name_at")

    def __init__(self, value: Expr, name: str, name_at: int, start: int, end: int) -> None:
        self.value = value
        self.name = name
        self.name_at = name_at
        self.start = start
        self.end = end


class NamedExpr(Expr):
    """`target_name := value`."""

    __slots__ = ("target_name", "value")

    def __init__(self, target_name: str, value: Expr, start: int, end: int) -> None:
        self.target_name = target_name
        self.value = value
        self.start = start
        self.end = end


class Yield(Expr):
    """`yield value`; delegates: `yield from value`."""

    __slots__ = ("value", "delegates")

    def __init__(self, value: Expr | None, delegates: bool, start: int, end: int) -> None:
        self.value = value
        self.delegates = delegates
        self.start = start
        self.end = end


# ---- Statements ------------------------------------------------------------------------------------------------------


class ExprStmt(Stmt):
    """An expression that stands as a statement."""

    __slots__ = ("value",)

    def __init__(self, value: Expr, start: int, end: int) -> None:
        self.value = value
        self.start = start
        self.end = end


class Assign(Stmt):
    """`a = b = value`: targets from left to right."""

    __slots__ = ("targets", "value")

    def __init__(self, targets: list[Expr], value: Expr, start: int, end: int) -> None:
        self.targets = targets
        self.value = value
        self.start = start
        self.end = end


class AugAssign(Stmt):
    """`target op= value`; op is without the `=`."""

    __slots__ = ("target", "op", "value", "op_at")

    def __init__(self, target: Expr, op: str, value: Expr, op_at: int, start: int, end: int) -> None:
        self.target = target
        self.op = op
        self.value = value
        self.op_at = op_at
        self.start = start
        self.end = end


class AnnAssign(Stmt):
    """`target: annotation = value`; annotations are read, not kept."""

    __slots__ = ("target", "annotation", "value")

    def __init__(self, target: Expr, annotation: Expr, value: Expr | None, start: int, end: int) -> None:
        self.target = target
        self.annotation = annotation
        self.value = value
        self.start = start
        self.end = end


class If(Stmt):
    """`if`/`else`; an `elif` is an If alone in `orelse`."""

    __slots__ = ("test", "body", "orelse")

    def __init__(self, test: Expr, body: list[Stmt], orelse: list[Stmt], start: int, end: int) -> None:
        self.test = test
        self.body = body
        self.orelse = orelse
        self.start = start
        self.end = end


class While(Stmt):
    """`while test:` and its `else`."""

    __slots__ = ("test", "body", "orelse")

    def __init__(self, test: Expr, body: list[Stmt], orelse: list[Stmt], start: int, end: int) -> None:
        self.test = test
        self.body = body
        self.orelse = orelse
        self.start = start
        self.end = end


class For(Stmt):
    """`for target in iter:` and its `else`."""

    __slots__ = ("target", "iter", "body", "orelse")

    def __init__(self, target: Expr, iter: Expr, body: list[Stmt], orelse: list[Stmt], start: int, end: int) -> None:
        self.target = target
        self.iter = iter
        self.body = body
        self.orelse = orelse
        self.start = start
        self.end = end


class Break(Stmt):
    """`break`."""

    __slots__ = ()

    def __init__(self, start: int, end: int) -> None:
        self.start = start
        self.end = end


class Continue(Stmt):
    """`continue`."""

    __slots__ = ()

    def __init__(self, start: int, end: int) -> None:
        self.start = start
        self.end = end


class Pass(Stmt):
    """`pass`."""

    __slots__ = ()

    def __init__(self, start: int, end: int) -> None:
        self.start = start
        self.end = end


class FunctionDef(Stmt):
    """`def name(params):`."""

    __slots__ = ("name", "params", "body", "decorators", "name_at")

    def __init__(
        self,
        name: str,
        params: list[Param],
        body: list[Stmt],
        decorators: list[Expr],
        name_at: int,
        start: int,
        end: int,
    ) -> None:
        self.name = name
        self.params = params
        self.body = body
        self.decorators = decorators
        self.name_at = name_at
        self.start = start
        self.end = end


class Return(Stmt):
    """`return value`."""

    __slots__ = ("value",)

    def __init__(self, value: Expr | None, start: int, end: int) -> None:
        self.value = value
        self.start = start
        self.end = end


class WithItem(Node):
    """`context as target`."""

    __slots__ = ("context", "target")

    def __init__(self, context: Expr, target: Expr | None, start: int, end: int) -> None:
        self.context = context
        self.target = target
        self.start = start
        self.end = end


class With(Stmt):
    """`with a as b, c:`."""

    __slots__ = ("items", "body")

    def __init__(self, items: list[WithItem], body: list[Stmt], start: int, end: int) -> None:
        self.items = items
        self.body = body
        self.start = start
        self.end = end


class Delete(Stmt):
    """`del a, b[0]`."""

    __slots__ = ("targets",)

    def __init__(self, targets: list[Expr], start: int, end: int) -> None:
        self.targets = targets
        self.start = start
        self.end = end


class Assert(Stmt):
    """`assert test, message`."""

    __slots__ = ("test", "message")

    def __init__(self, test: Expr, message: Expr | None, start: int, end: int) -> None:
        self.test = test
        self.message = message
        self.start = start
        self.end = end


class ClassDef(Stmt):
    """`class Name(bases):`."""

    __slots__ = ("name", "bases", "body", "decorators", "name_at")

    def __init__(
        self, name: str, bases: list[Arg], body: list[Stmt], decorators: list[Expr], name_at: int, start: int, end: int
    ) -> None:
        self.name = name
        self.bases = bases
        self.body = body
        self.decorators = decorators
        self.name_at = name_at
        self.start = start
        self.end = end


class Alias(Node):
    """`dotted as alias` of an import; `*` is Alias('*', None)."""

    __slots__ = ("dotted", "alias")

    def __init__(self, dotted: str, alias: str | None, start: int, end: int) -> None:
        self.dotted = dotted
        self.alias = alias
        self.start = start
        self.end = end


class Import(Stmt):
    """`import torch.nn.functional as F`."""

    __slots__ = ("names",)

    def __init__(self, names: list[Alias], start: int, end: int) -> None:
        self.names = names
        self.start = start
        self.end = end


class ImportFrom(Stmt):
    """`from module import names`."""

    __slots__ = ("module", "names")

    def __init__(self, module: str, names: list[Alias], start: int, end: int) -> None:
        self.module = module
        self.names = names
        self.start = start
        self.end = end


class Handler(Node):
    """`except type as name:`."""

    __slots__ = ("type", "name", "body")

    def __init__(self, type: Expr | None, name: str | None, body: list[Stmt], start: int, end: int) -> None:
        self.type = type
        self.name = name
        self.body = body
        self.start = start
        self.end = end


class Try(Stmt):
    """`try`/`except`/`else`/`finally`."""

    __slots__ = ("body", "handlers", "orelse", "finalbody")

    def __init__(
        self, body: list[Stmt], handlers: list[Handler], orelse: list[Stmt], finalbody: list[Stmt], start: int, end: int
    ) -> None:
        self.body = body
        self.handlers = handlers
        self.orelse = orelse
        self.finalbody = finalbody
        self.start = start
        self.end = end


class Raise(Stmt):
    """`raise exception from cause`."""

    __slots__ = ("exception", "cause")

    def __init__(self, exception: Expr | None, cause: Expr | None, start: int, end: int) -> None:
        self.exception = exception
        self.cause = cause
        self.start = start
        self.end = end


class Global(Stmt):
    """`global a, b`."""

    __slots__ = ("names",)

    def __init__(self, names: list[str], start: int, end: int) -> None:
        self.names = names
        self.start = start
        self.end = end


class Nonlocal(Stmt):
    """`nonlocal a, b`."""

    __slots__ = ("names",)

    def __init__(self, names: list[str], start: int, end: int) -> None:
        self.names = names
        self.start = start
        self.end = end


class Module(Node):
    """A whole program."""

    __slots__ = ("body", "source")

    def __init__(self, body: list[Stmt], source: Source, start: int, end: int) -> None:
        self.body = body
        self.source = source
        self.start = start
        self.end = end


# ---- Walking and showing the tree ------------------------------------------------------------------------------------


def fields_of(node: Node) -> tuple[str, ...]:
    """The names of a node's fields, in the order of its constructor."""
    slots: tuple[str, ...] = type(node).__slots__
    return slots


def children_of(node: Node) -> list[Node]:
    """The nodes right below a node, in the order of its fields."""
    found: list[Node] = []
    for field in fields_of(node):
        value = getattr(node, field)
        if isinstance(value, Node):
            found.append(value)
        elif isinstance(value, list):
            found.extend(item for item in value if isinstance(item, Node))
    return found


def walk(node: Node) -> Iterator[Node]:
    """A node and all below it, parents before children, from left to right."""
    pending = [node]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(children_of(node)))


def dump(node: Node) -> str:
    """The tree as text, for tests and debugging: `BinOp('+', Name('x'), Literal(2))`. Spans are left out."""
    pieces: list[str] = []
    pending: list[object] = [node]  # nodes and lists still to be written, and _Text for what is ready
    while pending:
        item = pending.pop()
        if isinstance(item, _Text):
            pieces.append(item)
        elif isinstance(item, list):
            pending.extend(_between("[", item, "]"))
        elif isinstance(item, Node):
            values = [
                getattr(item, field) for field in fields_of(item) if not field.endswith("_at") and field != "source"
            ]
            pending.extend(_between(type(item).__name__ + "(", values, ")"))
        else:
            pieces.append(repr(item))
    return "".join(pieces)


class _Text(str):
    """Text of a dump that is ready to be written."""

    __slots__ = ()


def _between(opening: str, items: list[object], closing: str) -> list[object]:
    """What `dump` still has to write for a list or node, last first."""
    row: list[object] = [_Text(opening)]
    for index, item in enumerate(items):
        if index:
            row.append(_Text(", "))
        row.append(item)
    row.append(_Text(closing))
    row.reverse()
    return row
