"""Why a variable has no gradient, in words, and the place in the program."""

from __future__ import annotations

from collections.abc import Iterator

from gradcli.cli.explaintrace import Traced
from gradcli.cli.problem import Problem
from gradcli.language import ast
from gradcli.source import Span

CUTS = {
    "detach": "detached here", "detach_": "detached here", "data": "taken out of the graph here (.data)",
    "item": "made a Python number here", "tolist": "made Python numbers here", "numpy": "made an array here",
    "no_grad": "nothing is recorded inside no_grad", "requires_grad_": "recording is switched off here",
    "set_grad_enabled": "recording is switched off here",
}  # fmt: skip
NUMBERS = frozenset({"float", "int", "bool"})  # Python's functions, which leave the graph
FLAT = frozenset({
    "floor", "ceil", "round", "trunc", "sign", "argmax", "argmin", "argsort", "heaviside", "long", "int", "bool",
    "zeros_like", "ones_like", "numel", "size", "shape", "dim", "ndim", "one_hot", "bincount", "unique", "nonzero",
    "isnan", "isinf", "isfinite", "eq", "ne", "lt", "le", "gt", "ge", "searchsorted", "bucketize", "signbit",
})  # fmt: skip
Reason = tuple[int, int, str, int]  # rank (a cut comes before what is flat), where it starts, why, where it ends


def why_missing(problem: Problem, traced: Traced, name: str) -> tuple[str, Span | None]:
    """The reason, and the place to underline."""
    source = problem.source
    parts = list(ast.walk(problem.module))
    first = next((p for p in parts if isinstance(p, ast.Name) and p.id == name), None)
    place = None if first is None else Span(source, first.start, first.end)
    node = traced.node(name)
    if not node.dtype.floating:
        return f"it is {node.dtype.name}, and only floating-point tensors have gradients", place
    found = sorted(_reasons(parts, _made_of(parts, name)))
    if found:
        _, start, why, end = found[0]
        return why, Span(source, start, end)
    return "it is not used on the way to the output", place


def _made_of(parts: list[ast.Node], name: str) -> set[str]:
    """The names of what a program makes of a variable, itself among them."""
    made = {name}
    pairs = [pair for part in parts for pair in _assignments(part)]
    before = 0
    while len(made) != before:
        before = len(made)
        for targets, value in pairs:
            if _mentions(value, made):
                made |= targets
    return made


def _assignments(part: ast.Node) -> Iterator[tuple[set[str], ast.Node]]:
    if isinstance(part, ast.NamedExpr):
        yield {part.target_name}, part.value
    elif isinstance(part, ast.Assign):
        yield {name.id for target in part.targets for name in _names(target)}, part.value
    elif isinstance(part, ast.For):
        yield {name.id for name in _names(part.target)}, part.iter
    elif isinstance(part, ast.AugAssign | ast.AnnAssign) and part.value is not None:
        yield {name.id for name in _names(part.target)}, part.value


def _names(part: ast.Node) -> Iterator[ast.Name]:
    return (name for name in ast.walk(part) if isinstance(name, ast.Name))


def _mentions(part: ast.Node, names: set[str]) -> bool:
    return any(name.id in names for name in _names(part))


def _reasons(parts: list[ast.Node], made: set[str]) -> Iterator[Reason]:
    """What ends a path from some names."""
    for part in parts:
        if isinstance(part, ast.With):
            for item in part.items:
                word = _called(item.context)
                if word in CUTS and any(_mentions(statement, made) for statement in part.body):
                    yield 0, item.context.start, CUTS[word], item.context.end
        elif isinstance(part, ast.Compare):
            if _mentions(part, made):
                yield 1, part.start, _flat("a comparison"), part.end
        elif isinstance(part, ast.Attribute) and _mentions(part.value, made):
            yield from _of_word(part.name, part, False)
        elif isinstance(part, ast.Call) and any(_mentions(arg, made) for arg in part.args):
            yield from _of_word(_called(part), part.func, isinstance(part.func, ast.Name))


def _called(part: ast.Node) -> str:
    """The last word of what a call calls."""
    func = part.func if isinstance(part, ast.Call) else part
    return func.name if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""


def _of_word(word: str, place: ast.Node, bare: bool) -> Iterator[Reason]:
    if bare and word in NUMBERS:
        yield 0, place.start, "made a Python number here", place.end
    elif word in CUTS:
        yield 0, place.start, CUTS[word], place.end
    elif word in FLAT:
        yield 1, place.start, _flat(word), place.end


def _flat(word: str) -> str:
    return f"{word} is flat, so nothing flows through it"
