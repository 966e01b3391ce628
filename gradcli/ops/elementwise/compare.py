"""Comparisons, logic, closeness, and choosing by a condition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.engine.run import value
from gradcli.errors import DtypeError, RefusedValue, ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, boolean, comparing, draw, number, op, promote_inputs, same
from gradcli.ops.declare import binary, comparison, unary
from gradcli.ops.dtyperules import check_same, new
from gradcli.ops.elementwise.arithmetic import install_symbols

OPERANDS = "Tensor input, Operand other"
eq = comparison("eq", "Whether input equals other.", np.equal, arguments=OPERANDS)
ne = comparison("ne", "Whether input differs from other.", np.not_equal, arguments=OPERANDS, spelled=["not_equal"])
lt = comparison("lt", "Whether input is less than other.", np.less, arguments=OPERANDS, spelled=["less"])
le = comparison("le", "Whether input is at most other.", np.less_equal, arguments=OPERANDS, spelled=["less_equal"])
gt = comparison("gt", "Whether input is greater than other.", np.greater, arguments=OPERANDS, spelled=["greater"])
ge = comparison(
    "ge", "Whether input is at least other.", np.greater_equal, arguments=OPERANDS, spelled=["greater_equal"]
)
install_symbols(gt=gt, lt=lt, ge=ge, le=le)

TENSORS = "Tensor input, Tensor other"
logical_and = comparison("logical_and", "Whether both are nonzero.", np.logical_and, arguments=TENSORS)
logical_or = comparison("logical_or", "Whether one of both is nonzero.", np.logical_or, arguments=TENSORS)
logical_xor = comparison("logical_xor", "Whether exactly one of both is nonzero.", np.logical_xor, arguments=TENSORS)
logical_not = unary("logical_not", "Whether input is zero.", np.logical_not, dtype=boolean)

isnan = unary("isnan", "Whether input is not a number.", np.isnan, dtype=boolean, inplace=False)
isinf = unary("isinf", "Whether input is infinite.", np.isinf, dtype=boolean, inplace=False)
isfinite = unary("isfinite", "Whether input is a finite number.", np.isfinite, dtype=boolean, inplace=False)
unary("isposinf", "Whether input is plus infinity.", lambda x: x == np.inf, dtype=boolean, inplace=False)
unary("isneginf", "Whether input is minus infinity.", lambda x: x == -np.inf, dtype=boolean, inplace=False)
unary(
    "isreal", "Whether input is a real number: always.", lambda x: np.ones(x.shape, bool), dtype=boolean, inplace=False
)
unary(
    "signbit",
    "Whether the sign of input is minus, for -0.0 too.",
    lambda x: np.signbit(x) if x.dtype.kind == "f" else np.less(x, 0),
    dtype=boolean,
    inplace=False,
)


def _close(x: Any, y: Any, rtol: float, atol: float, equal_nan: bool) -> Any:
    close = np.equal(x, y)
    if equal_nan:
        close = close | (np.isnan(x) & np.isnan(y))
    if x.dtype.kind == "b" or (rtol == 0 and atol == 0):
        return close
    if x.dtype.kind != "f":
        x, y = x.astype(np.float64), y.astype(np.float64)
    off = np.abs(x - y)
    return close | (np.isfinite(off) & (off <= atol + np.abs(rtol * y)))


def _closeness(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Any:
    check_same(inputs, "{first} did not match {second}")
    for name in ("rtol", "atol"):
        if not params[name] >= 0:
            raise RefusedValue(
                f"{name} is {params[name]}; a tolerance cannot be negative",
                torch=f"{name} must be greater than or equal to zero, but got {params[name]:g}",
            )
    return None, dtypes.bool_


isclose: Op = op(
    "isclose(Tensor input, Tensor other, float rtol=1e-05, float atol=1e-08, bool equal_nan=False)",
    "Whether |input - other| <= atol + rtol |other|.",
    kernel=_close,
    dtype=_closeness,
    elementwise=True,
    samples=[draw(3, 3, rtol=1e-5, atol=1e-8, equal_nan=False), draw((2, 3), 3, rtol=0.1, atol=0.5, equal_nan=True)],
    wrong=[("isclose(tensor(1.), tensor(1))", "dtypes differ"), ("isclose(ones(2), ones(2), -1.)", "negative")],
)
op(
    "allclose(Tensor input, Tensor other, float rtol=1e-05, float atol=1e-08, bool equal_nan=False)",
    "Whether every element of input is close to that of other, as a Python bool.",
    expands=lambda x, y, **how: bool(value(isclose(x, y, **how)).all()),
    samples=[draw(3, 3, rtol=1e-5, atol=1e-8, equal_nan=False)],
)


def _equal(x: Node, y: Node) -> bool:
    return x.shape == y.shape and bool(np.array_equal(value(x), value(y)))


op(
    "equal(Tensor input, Tensor other)",
    "Whether both have the same shape and the same elements, as a Python bool.",
    expands=_equal,
    samples=[draw(3, 3), draw((2, 3), 3)],
)

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


def _chosen(condition: Node, x: Any, y: Any) -> Node:
    if condition.dtype not in (dtypes.bool_, dtypes.uint8):
        raise DtypeError(
            f"the condition is {condition.dtype.name}; it must be bool",
            hint="compare it: condition != 0",
            torch="where expected condition to be a boolean tensor, but got a tensor with dtype "
            + {"int64": "Long", "float32": "Float", "float64": "Double"}.get(
                condition.dtype.name, condition.dtype.name
            ),
        )
    return where(condition, x, y)


op(
    "where(Tensor condition, Operand input, Operand other)",
    "input where condition holds, else other.",
    expands=_chosen,
    spelled=["torch.where"],
    wrong=[("where(tensor([1, 0]), 1., 2.)", "must be bool"), ("where(ones(2) > 0, ones(2), ones(3))", "broadcast")],
)


op(
    "where(Tensor input, Tensor condition, Operand other)",
    "input where condition holds, else other.",
    expands=lambda x, condition, other: _chosen(condition, x, other),
    spelled=[".where"],
)


def larger(x: Any, y: Any) -> Any:
    """The larger; x of two equal ones (which shows for -0.0 and 0.0), as torch has it for small tensors."""
    # of two equal ones numpy's vector loops give the second, and its loop for half precision the first
    return np.maximum(x, y) if _is_half(x) else np.maximum(y, x)


def smaller(x: Any, y: Any) -> Any:
    """The smaller; x of two equal ones."""
    return np.minimum(x, y) if _is_half(x) else np.minimum(y, x)


def _is_half(x: Any) -> bool:
    return getattr(x, "dtype", None) == np.float16


def _taken(g: Node, lost: Node, tied: Node) -> Node:
    """A cotangent for an operand, 0 where it lost; ties share it evenly. (nan neither loses nor ties.)"""
    return where(lost, 0.0, where(tied, g * 0.5, g))


maximum: Op = binary(
    "maximum",
    "The larger of both, element by element; ties share the gradient.",
    larger,
    [lambda g, y, a, b: _taken(g, lt(a, b), eq(a, b)), lambda g, y, a, b: _taken(g, gt(a, b), eq(a, b))],
    arguments=TENSORS,
    grad_fn=new("MaximumBackward0"),
    inplace=False,
)
minimum: Op = binary(
    "minimum",
    "The smaller of both, element by element; ties share the gradient.",
    smaller,
    [lambda g, y, a, b: _taken(g, gt(a, b), eq(a, b)), lambda g, y, a, b: _taken(g, lt(a, b), eq(a, b))],
    arguments=TENSORS,
    grad_fn=new("MinimumBackward0"),
    inplace=False,
)
op(
    "max(Tensor input, Tensor other)",
    "The larger of both, element by element; ties share the gradient.",
    expands=maximum,
    grad_fn=("MaxBackward2", "MaximumBackward0"),
    samples=[draw(3, 3), draw((2, 3), 3)],
)
op(
    "min(Tensor input, Tensor other)",
    "The smaller of both, element by element; ties share the gradient.",
    expands=minimum,
    grad_fn=("MinBackward2", "MinimumBackward0"),
    samples=[draw(3, 3), draw((2, 3), 3)],
)


def _among(x: Any, test: Any, assume_unique: bool, invert: bool) -> Any:
    return np.isin(x, test, assume_unique=assume_unique, invert=invert)


ISIN = "Whether each of elements is among the test elements (not among them, if inverted)."
op(
    "isin(Tensor elements, Tensor test_elements, *, bool assume_unique=False, bool invert=False)",
    ISIN,
    kernel=_among,
    shape=same,
    dtype=comparing,
    spelled=["torch.isin"],
    samples=[draw(3, 4), draw((2, 3), (2, 2), invert=True)],
)
op(
    "isin(Tensor elements, Scalar test_element, *, bool assume_unique=False, bool invert=False)",
    ISIN,
    kernel=lambda x, test_element, **how: _among(x, np.asarray(test_element), **how),
    shape=same,
    dtype=boolean,
    spelled=["torch.isin"],
    samples=[draw(3, test_element=1)],
)
op(
    "isin(Scalar element, Tensor test_elements, *, bool assume_unique=False, bool invert=False)",
    ISIN,
    kernel=lambda test, element, **how: _among(np.asarray(element), test, **how),
    shape=lambda inputs, params: (),
    dtype=boolean,
    spelled=["torch.isin"],
    samples=[draw(3, element=1)],
)


def _is_nonzero(x: Node) -> bool:
    if x.size != 1:
        raise ShapeError(
            f"a tensor of shape {x.shape} has no single truth",
            hint="say which: (x != 0).all() or (x != 0).any()",
            torch="Boolean value of Tensor with more than one value is ambiguous",
        )
    return bool(value(x).item())


op("is_nonzero(Tensor input)", "Whether the one element of input is not zero, as a Python bool.", expands=_is_nonzero)
