"""Comparisons, logic, choosing by a condition, and limits (maximum, clamp)."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcli.graph.node import Node
from gradcli.graph.op import Op, boolean, number, op, promote_inputs
from gradcli.ops.arithmetic import install_symbols
from gradcli.ops.declare import binary, comparison, unary

eq = comparison("eq", "Whether input equals other.", np.equal)
ne = comparison("ne", "Whether input differs from other.", np.not_equal, spelled=["not_equal"])
lt = comparison("lt", "Whether input is less than other.", np.less, spelled=["less"])
le = comparison("le", "Whether input is at most other.", np.less_equal, spelled=["less_equal"])
gt = comparison("gt", "Whether input is greater than other.", np.greater, spelled=["greater"])
ge = comparison("ge", "Whether input is at least other.", np.greater_equal, spelled=["greater_equal"])
install_symbols(gt=gt, lt=lt, ge=ge, le=le)

logical_and = comparison("logical_and", "Whether both are nonzero.", np.logical_and)
logical_or = comparison("logical_or", "Whether one of both is nonzero.", np.logical_or)
logical_xor = comparison("logical_xor", "Whether exactly one of both is nonzero.", np.logical_xor)
logical_not = unary("logical_not", "Whether input is zero.", np.logical_not, dtype=boolean)

choose: Op = op(
    "_choose(Tensor condition, Operand input, Operand other, any dtype)",
    "input where condition holds, else other, in a dtype.",
    spelled=["_"],
    kernel=lambda c, x, y, dtype: np.asarray(np.where(c, x, y)).astype(dtype.numpy, copy=False),
    grad=[None, lambda g, y, c, a, b, dtype: where(c, g, 0.0), lambda g, y, c, a, b, dtype: where(c, 0.0, g)],
    dtype=lambda inputs, params: (None, params["dtype"]),
    grad_fn=("SWhereBackward", "WhereBackward0"),
    elementwise=True,
)


def where(condition: Node, x: Any, y: Any) -> Node:
    """The node that is x where the bool node holds, else y, in the dtype that x and y promote to."""
    x, y = (i if type(i) is Node else number(i) for i in (x, y))
    node: Node = choose(condition, x, y, dtype=promote_inputs((x, y)))
    return node


op(
    "where(Tensor condition, Operand input, Operand other)",
    "input where condition holds, else other.",
    expands=where,
)


def _shared(g: Node, taken: Node, tied: Node) -> Node:
    """A cotangent passed where an operand was taken; ties share it evenly."""
    return where(tied, g * 0.5, where(taken, g, 0.0))


maximum: Op = binary(
    "maximum",
    "The larger of both, element by element; ties share the gradient.",
    np.maximum,
    [lambda g, y, a, b: _shared(g, gt(a, b), eq(a, b)), lambda g, y, a, b: _shared(g, gt(b, a), eq(a, b))],
    arguments="Tensor input, Tensor other",
    grad_fn="MaximumBackward0",
)
minimum: Op = binary(
    "minimum",
    "The smaller of both, element by element; ties share the gradient.",
    np.minimum,
    [lambda g, y, a, b: _shared(g, lt(a, b), eq(a, b)), lambda g, y, a, b: _shared(g, lt(b, a), eq(a, b))],
    arguments="Tensor input, Tensor other",
    grad_fn="MinimumBackward0",
)
