"""What a declaration says of an op, as a sheet for a person and as data: all of it derived, nothing written for any op.

The derivative is the op's own rule, applied to named nodes and printed as a formula; the example is one of the op's
samples, run when the sheet is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from gradcli.autodiff.backward import vjp
from gradcli.engine.run import value
from gradcli.errors import GradcliError
from gradcli.graph.node import MODE, Node
from gradcli.graph.op import Op, leaf
from gradcli.graph.signature import TENSOR_KINDS
from gradcli.ops.catalog import spellings_of
from gradcli.ops.sampling import Drawn
from gradcli.render.style import Style
from gradcli.render.termtext import formula_lines
from gradcli.render.torchtext import tensor_text
from gradcli.simplify.formula import builder, simplified
from gradcli.simplify.noform import NoForm


def sheet(op: Op) -> dict[str, Any]:
    """What there is to say of an op: signature, doc, spellings, derivative, domain, kinks, grad_fn names, example."""
    with np.errstate(all="ignore"):
        return {
            "signature": public_name(op) + op.signature.shown[op.signature.shown.index("(") :],
            "doc": op.doc,
            "spelled": list(spellings_of(op)),
            "in_place": f"{op.name}_" if op.inplace else None,
            "derivative": derivatives(op),
            "domain": list(op.domain) if op.differentiable and op.elementwise else None,
            "kinks": [list(kink) for kink in op.kinks],
            "grad_fn": None if op.torch2 is None else {"torch1": op.torch1, "torch2": op.torch2},
            "example": example(op),
        }


def public_name(op: Op) -> str:
    """The spelling an op is shown by."""
    first = next(spellings_of(op), op.name)
    return f"x{first}" if first.startswith(".") else first.removeprefix("torch.")


def derivatives(op: Op) -> dict[str, str] | None:
    """The vector-Jacobian product for each tensor argument, g the cotangent and y the result; None without one.

    Where the rule depends on the shapes, they are those of the op's first sample.
    """
    if not op.differentiable or not op.samples:
        return None
    drawn = Drawn(op, 0, op.samples[0])
    MODE.deferring = True
    try:
        return dict(_pulled(op, drawn))
    except GradcliError as error:
        return {"": f"none: {error.message}"}
    finally:
        MODE.deferring = False


def _pulled(op: Op, drawn: Drawn) -> Iterator[tuple[str, str]]:
    leaves = [leaf(array) for array in drawn.arrays]
    for node in leaves:
        node.requires_grad = True
    outputs = [node for node in _nodes(drawn.call(leaves)) if node.requires_grad]
    seeds = [leaf(np.ones(node.shape)) for node in outputs]
    names = dict(zip(leaves, _argument_names(op, len(leaves)), strict=True))
    several = len(outputs) > 1
    labels = names | {seed: f"g{at}" if several else "g" for at, seed in enumerate(seeds)}
    if op.grads is not None or op.joint is not None:
        labels |= {node: f"y{at}" if several else "y" for at, node in enumerate(outputs)}
    found = vjp(outputs, seeds, leaves, create_graph=True)
    for node in leaves:
        if node in found:
            yield names[node], _formula(found[node], labels)


def _formula(node: Node, labels: dict[Node, str]) -> str:
    """A node in terms of the labelled ones, on one line: shared parts come first."""
    shapes = {label: node.shape for node, label in labels.items()}
    try:
        term = simplified(node, labels, builder(node.dtype))
    except NoForm as missing:
        return f"computed by {missing.name.strip('_')}, which is not public"
    return "; ".join(f"{name} = {text}" if name else text for name, text in formula_lines(term, Style(shapes)))


def _argument_names(op: Op, count: int) -> list[str]:
    names = [p.name for p in op.signature.parameters if p.kind in TENSOR_KINDS]
    if len(names) < count:  # a list of tensors
        names = [f"{names[0]}[{at}]" for at in range(count)]
    return names[:count]


def _nodes(result: Any) -> Iterator[Node]:
    for part in result if isinstance(result, tuple | list) else (result,):
        if isinstance(part, Node):
            yield part


def example(op: Op) -> str | None:
    """The op on its first sample (numbers rounded to two digits), and what came out."""
    if not op.samples or op.random:
        return None
    drawn = Drawn(op, 0, op.samples[0])
    arrays = [np.round(array, 2).astype(np.float32) for array in drawn.arrays]
    try:
        results = [_shown(value(node)) for node in _nodes(drawn.call([leaf(array) for array in arrays]))]
    except GradcliError:
        return None
    names = _argument_names(op, len(arrays))
    given = [f"{name}={_literal(array)}" for name, array in zip(names, arrays, strict=True)]
    given += [f"{name}={item!r}" for name, item in op.samples[0].params.items()]
    return f"{public_name(op)}({', '.join(given)})\n" + "\n".join(results)


def _literal(array: np.ndarray) -> str:
    return str(array.round(2).astype(np.float64).round(2).tolist())


def _shown(array: np.ndarray) -> str:
    return tensor_text(array, array.dtype.name)


def sheet_text(described: dict[str, Any]) -> str:
    """A sheet as lines."""
    lines = [described["signature"], f"  {described['doc']}"]
    rows = [("spelled", ", ".join(described["spelled"]))]
    if described["in_place"]:
        rows.append(("in place", f"x.{described['in_place']}()"))
    for name, text in (described["derivative"] or {"": "none: nothing flows through it"}).items():
        rows.append((f"d/d{name}" if name else "derivative", text))
    if described["domain"]:
        low, high = described["domain"]
        rows.append(("checked on", f"{low:g} to {high:g}"))
    for point, agreed in described["kinks"]:
        rows.append(("kink", f"at {point:g} the derivative is taken to be {agreed:g}"))
    if described["grad_fn"]:
        names = described["grad_fn"]
        rows.append(("grad_fn", f"{names['torch2']} (torch1: {names['torch1']})"))
    if described["example"]:
        call, *results = described["example"].split("\n")
        rows.append(("example", call))
        rows += [("", line) for line in results]
    lines += [f"  {label:<12}{text}".rstrip() for label, text in rows]
    return "\n".join(lines) + "\n"
