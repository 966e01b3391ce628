"""Why a variable has no gradient, in words, and the place in the program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gradcli.cli.explaintrace import Traced
from gradcli.cli.problem import Problem
from gradcli.graph.node import Node
from gradcli.graph.op import PROGRAM
from gradcli.graph.walk import ancestors, sources
from gradcli.language.syntax import ast
from gradcli.simplify.convert import spelling
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
    "one_hot", "bincount", "unique", "nonzero", "isnan", "isinf", "isfinite", "eq", "ne", "lt", "le", "gt", "ge",
    "searchsorted", "bucketize", "signbit",
})  # fmt: skip
SIZES = frozenset({
    "shape", "size", "len", "numel", "dim", "ndim", "zeros_like", "ones_like", "full_like", "rand_like", "randn_like",
    "empty_like", "expand_as", "view_as", "reshape_as", "type_as",
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
    if traced.deferring and not _arrives(traced, node):
        found = [reason for reason in found if not _in_the_graph(reason[2])]
    if found:
        _, start, why, end = found[0]
        return why, Span(source, start, end)
    why, words = _in_graph(traced, node)
    at = next((part for word in words for part in parts if _says(part, word)), None)
    return why, place if at is None else Span(source, at.start, at.end)


def _arrives(traced: Traced, start: Node) -> bool:
    """Whether the output is computed from a node, be it without a gradient."""
    return start in ancestors(traced.outputs, lambda node: True)


def _in_the_graph(why: str) -> bool:
    """Whether a reason is that of a node, so that it counts only where the output is computed from it."""
    return why in (CUTS["detach"], CUTS["data"], CUTS["no_grad"]) or why.endswith(_flat(""))


def _in_graph(traced: Traced, start: Node) -> tuple[str, list[str]]:
    """Why the rules pass nothing on, and words of the program that may be where."""
    derived = {start}
    for node in ancestors(traced.outputs, lambda node: True):
        before = [i for i in sources(node) if i in derived]
        if not before:
            continue
        derived.add(node)
        if node.op.family == PROGRAM:
            return f"the backward of {node.op.name} gives None for it", [node.op.name]
        if node.op.unruled:
            return f"{spelling(node.op)} has no rule for its derivative", [node.op.name]
        if not node.requires_grad and any(i.requires_grad for i in before):
            if not node.dtype.floating:
                return _flat(spelling(node.op)), [node.op.name]
            return "nothing is recorded where it is used", ["set_grad_enabled", "no_grad", "detach", "data"]
    return "it is not used on the way to the output", []


def _says(part: ast.Node, word: str) -> bool:
    """Whether a part of a program is a call or an attribute of a name."""
    if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.name == "apply":
        return _called(part.func.value) == word
    return (isinstance(part, ast.Call) and _called(part) == word) or (
        isinstance(part, ast.Attribute) and part.name == word
    )


def _made_of(parts: list[ast.Node], name: str) -> set[str]:
    """The names of what a program makes of a variable, itself among them."""
    made = {name}
    functions = {part.name: part.params for part in parts if isinstance(part, ast.FunctionDef)}
    pairs = [pair for part in parts for pair in [*_assignments(part), *_arguments(part, functions)]]
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


def _arguments(part: ast.Node, functions: Mapping[str, list[ast.Param]]) -> Iterator[tuple[set[str], ast.Node]]:
    """What a call of a function of the program gives to its parameters."""
    if isinstance(part, ast.Call):
        func = part.func
        known = functions.get(_called(part), []) if isinstance(func, ast.Name) else []
        params = func.params if isinstance(func, ast.Lambda) else known
        for arg in part.args if params else []:
            yield {param.name for param in params}, arg


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
        elif isinstance(part, ast.If | ast.While | ast.IfExp):
            if _mentions(part.test, made):
                yield 2, part.test.start, "it only decides which way the program goes", part.test.end
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
    elif word in SIZES:
        yield 3, place.start, "only its size is used here", place.end


def _flat(word: str) -> str:
    return f"{word} is flat, so nothing flows through it"
