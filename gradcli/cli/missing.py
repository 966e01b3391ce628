"""Why a variable has no gradient, in words, and the place in the program."""

from __future__ import annotations

from gradcli.cli.problem import Problem
from gradcli.cli.tracing import Trace
from gradcli.language import ast
from gradcli.source import Span

CUTS = {
    "detach": "detached here", "detach_": "detached here", "data": "taken out of the graph here (.data)",
    "item": "made a Python number here", "tolist": "made Python numbers here", "numpy": "made an array here",
    "no_grad": "nothing is recorded inside no_grad", "requires_grad_": "recording is switched off here",
    "set_grad_enabled": "recording is switched off here",
}  # fmt: skip
FLAT = frozenset({"floor", "ceil", "round", "trunc", "sign", "argmax", "argmin", "argsort", "heaviside", "long", "int",
                  "bool", "zeros_like", "ones_like", "numel", "size", "shape"})  # fmt: skip


def why_missing(problem: Problem, trace: Trace, name: str) -> tuple[str, Span | None]:
    """The reason, and the place to underline."""
    source = problem.source
    first = next((p for p in ast.walk(problem.module) if isinstance(p, ast.Name) and p.id == name), None)
    place = None if first is None else Span(source, first.start, first.end)
    node = trace.node(name)
    if not node.dtype.floating:
        return f"it is {node.dtype.name}, and only floating-point tensors have gradients", place
    for part in ast.walk(problem.module):
        word = part.name if isinstance(part, ast.Attribute) else part.id if isinstance(part, ast.Name) else None
        if word in CUTS:
            assert word is not None
            return CUTS[word], Span(source, part.start, part.end)
    for part in ast.walk(problem.module):
        word = part.name if isinstance(part, ast.Attribute) else part.id if isinstance(part, ast.Name) else None
        if word in FLAT or isinstance(part, ast.Compare):
            shown = word or "a comparison"
            return f"nothing flows through {shown}: it is flat, or gives no real numbers", Span(
                source, part.start, part.end
            )
    return "it is not used on the way to the output", place
