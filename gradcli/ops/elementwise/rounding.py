"""Rounding: floor, ceil, round, trunc and what is left over (frac). Flat between their steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradcli.dtypes import BOOL, INTEGER
from gradcli.graph.op import Op, draw, op, promoted
from gradcli.ops.declare import unary
from gradcli.ops.dtyperules import new, refusing
from gradcli.ops.elementwise.arithmetic import flat

BETWEEN_STEPS = (draw(3, low=0.1, high=0.4), draw((2, 3), low=-0.4, high=-0.1), draw((), low=1.6, high=1.9))


def step(name: str, doc: str, rounded: Callable[[Any], Any], grad_fn: str, **more: Any) -> Op:
    """A rounding; integers stay as they are."""
    return unary(
        name,
        doc,
        lambda x: rounded(x) if x.dtype.kind == "f" else x,
        flat,
        dtype=refusing(promoted, f"{name}_vml_cpu", BOOL),
        grad_fn=grad_fn,
        samples=BETWEEN_STEPS,
        **more,
    )


floor = step("floor", "The largest integer at most input.", np.floor, "FloorBackward0")
ceil = step("ceil", "The smallest integer at least input.", np.ceil, "CeilBackward0")
trunc = step("trunc", "The integer part of input, towards zero.", np.trunc, "TruncBackward0")
op(
    "fix(Tensor input)",
    "The integer part of input, towards zero.",
    expands=trunc,
    grad_fn=new("TruncBackward0"),
    inplace=True,
    samples=BETWEEN_STEPS,
)
round_ = step("round", "The nearest integer; halves go to the even one.", np.rint, "RoundBackward0")


def _round_to(x: Any, decimals: int) -> Any:
    """torch's way: scale, round, scale back."""
    if x.dtype.kind != "f":
        return x
    if decimals == 0:
        return np.rint(x)
    power = x.dtype.type(np.power(10.0, abs(decimals)))
    return np.rint(x * power) / power if decimals > 0 else np.rint(x / power) * power


for default, names in (("", ["round"]), ("=0", ["special.round"])):
    op(
        f"round(Tensor input, *, int decimals{default})",
        "input rounded to this many decimals (negative: to tens, hundreds, ...).",
        kernel=_round_to,
        grad=lambda g, y, x, decimals: flat(g, y),
        dtype=refusing(promoted, "round_cpu", BOOL, INTEGER),
        grad_fn=new("RoundBackward1"),
        elementwise=True,
        inplace=names == ["round"],
        spelled=names,
        samples=[
            draw(3, low=0.11, high=0.14, decimals=1),
            draw((2, 3), low=0.1, high=0.4, decimals=0),
            draw(3, low=6, high=12, decimals=-1),
        ],
    )
frac: Op = unary(
    "frac",
    "input - trunc(input).",
    lambda x: x - np.trunc(x),
    lambda g, y, x: g,
    dtype=refusing(promoted, "frac_cpu", BOOL, INTEGER),
    grad_fn="FracBackward0",
    samples=BETWEEN_STEPS,
)
