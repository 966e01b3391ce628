"""The laws by which terms are simplified, as a table. Values stay what they were to the rounding of torch's tolerance.

A law says what becomes what and where that holds. They apply to floating-point terms only, when a term is made.
"""

from __future__ import annotations

from collections.abc import Callable
from math import frexp
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gradcli.engine import layout
from gradcli.engine.kernels import ABS, ADD, ADD_ENTRIES, DIV, ISFINITE, NEG, SUB, WHERE

if TYPE_CHECKING:
    from gradcli.engine.term import Builder, Term

DOUBLE = np.dtype(np.float64)
Rewrite = Callable[["Builder", Any], "Term | None"]


class Law(NamedTuple):
    """What becomes what (`says`), where it holds (`where`), and how it is done: None where it does not apply."""

    says: str
    where: str
    rewrite: Rewrite


def _number(x: Term) -> float | None:
    return float(x.value) if x.kind == "const" else None


def _is(x: Term, name: str) -> bool:
    return x.kind == "elementwise" and x.fn.name == name


def factor_of(x: Term) -> tuple[float, Term] | None:
    """c and y of a term c * y or y / (1 / c), where c is a number of moderate size."""
    if _is(x, "mul") and x.args[0].kind == "const" and moderate(float(x.args[0].value)):
        return float(x.args[0].value), x.args[1]
    if _is(x, "div") and x.args[1].kind == "const" and moderate(float(x.args[1].value)):
        return 1 / float(x.args[1].value), x.args[0]
    return None


def moderate(c: float) -> bool:
    """Whether products with a number overflow or underflow only where inputs are extreme."""
    return 1e-16 < abs(c) < 1e16


def _times_one(b: Builder, args: Any) -> Term | None:
    return args[1] if _number(args[0]) == 1 else None


def _times_minus_one(b: Builder, args: Any) -> Term | None:
    return b.ew(NEG, args[1]) if _number(args[0]) == -1 else None


def _join_factors(b: Builder, args: Any) -> Term | None:
    c, inner = _number(args[0]), factor_of(args[1])
    if c is None or inner is None or not moderate(c):
        return None
    return b.scale(inner[1], c * inner[0])


def _factor_out(b: Builder, args: Any) -> Term | None:
    x, y = args
    for one, other in ((x, y), (y, x)):
        inner = factor_of(one)
        if inner is not None and other.kind != "const":
            return b.scale(b.mul(inner[1], other), inner[0])
    return None


def _signs_out(b: Builder, args: Any) -> Term | None:
    for x, y in (args, args[::-1]):
        if _is(y, "neg") and y.size >= x.size:
            c = _number(x)
            return b.scale(y.args[0], -c) if c is not None else b.ew(NEG, b.mul(x, y.args[0]))
    return None


def _smaller(product: Term) -> tuple[Term, Term] | None:
    """The factors of a product if the first is smaller than the second, which has the shape of the product."""
    if not _is(product, "mul"):
        return None
    small, large = sorted(product.args, key=lambda a: a.size)
    return (small, large) if small.kind != "const" and small.size < large.size == product.size else None


def _small_factors_first(b: Builder, args: Any) -> Term | None:
    for x, y in (args, args[::-1]):
        inner = _smaller(y)
        if inner is not None and x.kind != "const" and x.size < y.size:
            small = b.mul(x, inner[0])
            return b.mul(small, inner[1]) if small.size < y.size else None
    return None


def _negated_factor(b: Builder, args: Any) -> Term | None:
    inner = _smaller(args[0])
    return b.mul(b.ew(NEG, inner[0]), inner[1]) if inner is not None else None


def _negated_twice(b: Builder, args: Any) -> Term | None:
    return args[0].args[0] if _is(args[0], "neg") else None


def _negated_product(b: Builder, args: Any) -> Term | None:
    inner = factor_of(args[0])
    return b.scale(inner[1], -inner[0]) if inner is not None else None


def _add_negated(b: Builder, args: Any) -> Term | None:
    x, y = args
    if _is(y, "neg"):
        return b.ew(SUB, x, y.args[0])
    return b.ew(SUB, y, x.args[0]) if _is(x, "neg") else None


def _subtract_negated(b: Builder, args: Any) -> Term | None:
    return b.ew(ADD, args[0], args[1].args[0]) if _is(args[1], "neg") else None


def _shared_number(sign: int) -> Rewrite:
    """c x + c y and c x - c y, and with -c for one of them."""

    def rewrite(b: Builder, args: Any) -> Term | None:
        first, second = (factor_of(a) for a in args)
        if first is None or second is None or abs(first[0]) != abs(second[0]):
            return None
        alike = first[0] == second[0] * sign
        return b.scale(b.ew(ADD if alike else SUB, first[1], second[1]), first[0])

    return rewrite


def _add_minus_zero(b: Builder, args: Any) -> Term | None:
    for one, other in (args, args[::-1]):
        if _number(one) == 0 and np.signbit(one.value):
            found: Term = other
            return found
    return None


def _subtract_zero(b: Builder, args: Any) -> Term | None:
    zero = _number(args[1]) == 0 and not np.signbit(args[1].value)
    return args[0] if zero else None


def _minus_row_entries(b: Builder, args: Any) -> Term | None:
    x, y = args
    if not _is(x, "put") or y.shape != x.shape or y.kind == "expand" or x.size == 1:
        return None
    return b.shaped(ADD_ENTRIES, (b.ew(NEG, y), *x.args), x.shape)


def _exponential_again(b: Builder, args: Any) -> Term | None:
    """What log_softmax is made of (lower.py) is there already."""
    x = args[0]
    if not _is(x, "sub") or not _is(x.args[0], "sub") or not _is(x.args[1], "log"):
        return None
    row = x.args[1].args[0]
    if row.kind != "reduce" or row.fn != "sum" or not _is(row.args[0], "exp from"):
        return None
    exponentials = row.args[0]
    if exponentials.args != x.args[0].args:
        return None
    if x.size <= layout.FUSE_ABOVE:
        return b.ew(DIV, exponentials, row)
    return b.mul(exponentials, b.ew(DIV, b.const(1, x.dtype), row))


def _divide_by_number(b: Builder, args: Any) -> Term | None:
    c = _number(args[1])
    if c is None or not moderate(c) or (factor_of(args[0]) is None and frexp(c)[0] not in (0.5, -0.5)):
        return None
    return b.scale(args[0], 1 / c)


def _divide_by_multiple(b: Builder, args: Any) -> Term | None:
    inner = factor_of(args[1])
    return b.scale(b.ew(DIV, args[0], inner[1]), 1 / inner[0]) if inner is not None else None


def _divide_multiple(b: Builder, args: Any) -> Term | None:
    inner = factor_of(args[0])
    return b.scale(b.ew(DIV, inner[1], args[1]), inner[0]) if inner is not None else None


def _divide_negated(b: Builder, args: Any) -> Term | None:
    return b.ew(NEG, b.ew(DIV, args[0].args[0], args[1])) if _is(args[0], "neg") else None


def _sum_of_multiple(b: Builder, args: Any) -> Term | None:
    x, axes, dtype = args
    inner = factor_of(x)
    if inner is None:
        return None
    return b.scale(b.reduce("sum", inner[1], axes, dtype=dtype), inner[0])


def _sum_of_negated(b: Builder, args: Any) -> Term | None:
    x, axes, dtype = args
    return b.ew(NEG, b.reduce("sum", x.args[0], axes, dtype=dtype)) if _is(x, "neg") else None


def _small_parts(x: Term) -> tuple[Term, Term] | None:
    """a and b of a large a + b or a - b, each of which varies where the other does not."""
    if not (_is(x, "add") or _is(x, "sub")):
        return None
    a, b = x.args
    ndim = len(x.shape)
    shapes = [(1,) * (ndim - len(t.shape)) + t.shape for t in (a, b)]
    apart = all(m == 1 or n == 1 for m, n in zip(*shapes, strict=True))
    return (a, b) if apart and a.size > 1 and b.size > 1 else None


def _sum_of_parts(b: Builder, args: Any) -> Term | None:
    x, axes, dtype = args
    parts = _small_parts(x)
    if parts is None or not axes:
        return None
    sums = [b.reduce("sum", b.expand(b.cast(part, DOUBLE), x.shape), axes) for part in parts]
    return b.cast(b.ew(x.fn, *sums), dtype)


def _sum_of_squared_differences(b: Builder, args: Any) -> Term | None:
    """Around the mean m of the second part all terms are positive, so nothing cancels."""
    x, axes, dtype = args
    parts = _small_parts(x.args[0]) if _is(x, "mul") and x.args[0] is x.args[1] else None
    if parts is None or len(axes) < len(x.shape) or not _is(x.args[0], "sub"):
        return None
    first, second = (b.cast(part, DOUBLE) for part in parts)
    mean = b.scale(b.total(second), 1 / second.size)
    squares = [b.total(b.mul(t, t)) for t in (b.ew(SUB, first, mean), b.ew(SUB, second, mean))]
    whole = b.ew(ADD, b.scale(squares[0], second.size), b.scale(squares[1], first.size))
    infinite = b.ew(ADD, b.ew(ABS, mean), b.mul(b.const(0, DOUBLE), b.total(first)))
    is_finite = b.ew(ISFINITE, mean, dtype=np.dtype(bool))
    result = b.ew(WHERE, is_finite, whole, infinite, dtype=DOUBLE)
    return b.reshape(b.cast(result, dtype), (1,) * len(x.shape))


def _sum_of_put(b: Builder, args: Any) -> Term | None:
    x, axes, _ = args
    return x.args[0] if _is(x, "put") and axes == (1,) else None


def _take_apart(b: Builder, args: Any) -> Term | None:
    x, at = args
    if not (_is(x, "add") or _is(x, "sub")):
        return None
    whole, column = x.args
    if whole.shape != x.shape or column.shape != at.shape:
        return None
    return b.ew(x.fn, b.take(whole, at), column)


_ALWAYS = "always"
_MODERATE = "numbers between 1e-16 and 1e16 in size: one rounding more or less, overflow only where inputs are extreme"

ELEMENTWISE: dict[str, tuple[Law, ...]] = {
    "mul": (
        Law("1 * x = x", _ALWAYS, _times_one),
        Law("-1 * x = -x", _ALWAYS, _times_minus_one),
        Law("c * (d * x) = (c * d) * x", _MODERATE, _join_factors),
        Law("(-x) * y = -(x * y), c * (-x) = (-c) * x", "y is not larger than x", _signs_out),
        Law("x * (y * Z) = (x * y) * Z", f"x and y are smaller than Z; {_MODERATE}", _small_factors_first),
        Law("x * (c * y) = c * (x * y)", _MODERATE, _factor_out),
    ),
    "neg": (
        Law("-(-x) = x", _ALWAYS, _negated_twice),
        Law("-(c * x) = (-c) * x", _ALWAYS, _negated_product),
        Law("-(y * Z) = (-y) * Z", "y is smaller than Z", _negated_factor),
    ),
    "add": (
        Law("x + -0.0 = x", "-0.0, not 0.0: -0.0 + 0.0 is 0.0", _add_minus_zero),
        Law("x + (-y) = x - y", _ALWAYS, _add_negated),
        Law("c * x + c * y = c * (x + y), c * x + (-c) * y = c * (x - y)", _MODERATE, _shared_number(1)),
    ),
    "sub": (
        Law("x - 0.0 = x", "0.0, not -0.0", _subtract_zero),
        Law("x - (-y) = x + y", _ALWAYS, _subtract_negated),
        Law("c * x - c * y = c * (x - y), c * x - (-c) * y = c * (x + y)", _MODERATE, _shared_number(-1)),
        Law("(a row with x somewhere, else 0) - y = -y, with x added there", _ALWAYS, _minus_row_entries),
    ),
    "div": (
        Law("x / c = (1 / c) * x", "c a power of two, or x a multiple already", _divide_by_number),
        Law("(c * x) / y = c * (x / y)", _MODERATE, _divide_multiple),
        Law("x / (c * y) = (1 / c) * (x / y)", _MODERATE, _divide_by_multiple),
        Law("(-x) / y = -(x / y)", _ALWAYS, _divide_negated),
    ),
    "exp": (Law("exp((x - s) - log(sum(e^(x - s)))) = e^(x - s) / sum(e^(x - s))", _ALWAYS, _exponential_again),),
}
REDUCING: dict[str, tuple[Law, ...]] = {
    "sum": (
        Law("sum(c * x) = c * sum(x)", _MODERATE, _sum_of_multiple),
        Law("sum(-x) = -sum(x)", _ALWAYS, _sum_of_negated),
        Law("sum(a + b) = sum(a) + sum(b), in double precision", "a and b vary along different axes", _sum_of_parts),
        Law(
            "sum((a - b)^2) = n sum((a - m)^2) + k sum((b - m)^2), in double precision, m the mean of b's n numbers",
            "a and b vary along different axes, and the sum is of all",
            _sum_of_squared_differences,
        ),
        Law("sum(a row with x somewhere, else 0) = x", _ALWAYS, _sum_of_put),
    ),
}
TAKING: tuple[Law, ...] = (
    Law("(x - c)[t] = x[t] - c", "c has one number for each row, t takes one of each row of x", _take_apart),
)
