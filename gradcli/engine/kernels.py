"""What elementwise terms compute, block by block: numpy functions that write into `out`.

`direct` is how a small array is computed, `block` how a block is: it takes the inputs and where to write, and may
write to the place of an input whose value is not needed again (`inplace`). `cost` is the time for an element in units
of a multiplication in cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradcli.graph.node import Node

Block = Callable[..., Any]


class Fn:
    """A function of elements.

    filled: numbers among its inputs are given as blocks full of them, which is faster. rows: it takes whole rows.
    """

    __slots__ = ("block", "commutes", "cost", "direct", "filled", "inplace", "key", "name", "rows")

    def __init__(
        self,
        name: str,
        direct: Callable[..., Any],
        block: Block | None = None,
        *,
        cost: float = 1.0,
        key: Any = None,
        commutes: bool = False,
        filled: bool = False,
        inplace: bool = True,
        rows: bool = False,
    ) -> None:
        self.name = name
        self.direct = direct
        self.block: Block = block or direct
        self.cost = cost
        self.key = key if key is not None else name
        self.commutes = commutes
        self.filled = filled
        self.inplace = inplace
        self.rows = rows

    def __repr__(self) -> str:
        return self.name


def _copy(x: Any, out: Any) -> None:
    np.copyto(out, x, casting="unsafe")


def _maximum(x: Any, y: Any, out: Any) -> None:
    np.maximum(x, y, out=out)


def _minimum(x: Any, y: Any, out: Any) -> None:
    np.minimum(x, y, out=out)


def _where(c: Any, x: Any, y: Any, out: Any) -> None:
    """Chosen by bits, without a branch: y ^ ((x ^ y) & mask). Exact for nan, infinities and -0.0."""
    if out.dtype.itemsize not in (4, 8) or any(a.dtype != out.dtype for a in (x, y)):
        np.copyto(out, np.where(c, x, y), casting="unsafe")
        return
    if c.size == 1:
        np.copyto(out, x if c else y)
        return
    bits = np.int32 if out.dtype.itemsize == 4 else np.int64
    xb, yb, mask = x.view(bits), y.view(bits), out.view(bits)
    np.negative((c if c.dtype == np.bool_ else c != 0).view(np.int8), out=mask)
    if not y.ndim and not yb:
        np.bitwise_and(xb, mask, mask)
    elif not x.ndim and not xb:
        np.bitwise_and(yb, np.invert(mask, mask), mask)
    else:
        mask &= np.bitwise_xor(xb, yb)
        mask ^= yb


def where_small(c: Any, x: Any, y: Any) -> Any:
    """As the block form, of small arrays."""
    return np.where(c, x, y)


def put(x: Any, at: Any, size: int) -> Any:
    """Rows of zeros with x, (rows, 1), at the given columns."""
    out = np.empty((x.size, size), x.dtype)
    put_block(x, at, out)
    return out


def put_block(x: Any, at: Any, out: Any) -> None:
    """As `put`, into a block."""
    out.fill(0)
    np.put_along_axis(out, np.reshape(at, (-1, 1)), np.reshape(x, (-1, 1)), 1)


def add_entries(y: Any, x: Any, at: Any) -> Any:
    """y with x added in each row, at the given columns."""
    out = np.empty_like(y)
    add_entries_block(y, x, at, out)
    return out


def add_entries_block(y: Any, x: Any, at: Any, out: Any) -> None:
    """As `add_entries`, into a block."""
    if out is not y:
        np.copyto(out, y)
    rows, columns = np.arange(out.shape[0]), np.reshape(at, -1)
    out[rows, columns] += np.reshape(x, -1)


def exp_from(x: Any, shift: Any) -> Any:
    """exp(x - shift)."""
    return np.exp(x - shift)


def exp_from_block(x: Any, shift: Any, out: Any) -> None:
    """As `exp_from`, into a block; most often nothing is shifted."""
    if shift.any():
        np.subtract(x, shift, out)
        x = out
    np.exp(x, out)


COPY = Fn("copy", lambda x: x, _copy, cost=1)
ADD = Fn("add", np.add, commutes=True)
SUB = Fn("sub", np.subtract)
MUL = Fn("mul", np.multiply, commutes=True)
DIV = Fn("div", np.true_divide, cost=3)
NEG = Fn("neg", np.negative)
ABS = Fn("abs", np.abs)
EXP = Fn("exp", np.exp, cost=5)
LOG = Fn("log", np.log, cost=5)
SQRT = Fn("sqrt", np.sqrt, cost=3)
TANH = Fn("tanh", np.tanh, cost=6)
MAXIMUM = Fn("maximum", np.maximum, _maximum, filled=True)
MINIMUM = Fn("minimum", np.minimum, _minimum, filled=True)
ADD_ENTRIES = Fn("add entries", add_entries, add_entries_block, rows=True)
EXP_FROM = Fn("exp from", exp_from, exp_from_block, cost=6)
ISFINITE = Fn("isfinite", np.isfinite)
WHERE = Fn("where", where_small, _where, cost=6, inplace=False)

COSTS = {
    "exp": 5, "log": 5, "tanh": 6, "log1p": 12, "expm1": 6, "sin": 12, "cos": 12, "tan": 30, "power": 60,
    "true_divide": 3, "sqrt": 3, "logaddexp": 60, "arctan": 30, "sinh": 30, "cosh": 30, "exp2": 6, "log2": 8,
}  # fmt: skip


def of_node(node: Node, key: Any) -> Fn:
    """The function of an elementwise node: its ufunc if it has one, else its kernel, whose result is copied.

    key: its parameters as a key, or None when they cannot be one (then it is equal to no other).
    """
    kernel, params = node.op.kernel, node.params
    name = node.op.name
    ufunc = kernel if isinstance(kernel, np.ufunc) else getattr(kernel, "ufunc", None)
    if ufunc is not None and (ufunc in _ANY_DTYPE or all(i.dtype.floating for i in node.inputs)):
        if ufunc is np.maximum or ufunc is np.minimum:
            return MAXIMUM if ufunc is np.maximum else MINIMUM
        known = _BY_UFUNC.get(ufunc)
        return known or Fn(name, kernel, ufunc, cost=COSTS.get(ufunc.__name__, 3), key=("ufunc", ufunc))

    def direct(*inputs: Any) -> Any:
        return kernel(*inputs, **params)

    def block(*inputs: Any) -> None:
        np.copyto(inputs[-1], kernel(*inputs[:-1], **params), casting="unsafe")

    return Fn(name, direct, block, cost=12, key=None if key is None else (node.op, key))


_BY_UFUNC = {f.direct: f for f in (ADD, SUB, MUL, DIV, NEG, ABS, SQRT, EXP, LOG, TANH)}
_ANY_DTYPE = frozenset({
    np.add, np.subtract, np.multiply, np.true_divide, np.equal, np.not_equal, np.less, np.less_equal, np.greater,
    np.greater_equal, np.logical_and, np.logical_or, np.logical_xor, np.logical_not,
})  # fmt: skip
