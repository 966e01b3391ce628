"""Limits and replacements by value: relu, clamp, fmax, nan_to_num, heaviside, copysign."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcli.dtypes import BOOL, INTEGER
from gradcli.errors import DtypeError, RefusedValue
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, floating, op, promoted
from gradcli.ops.declare import binary, refuse, unary
from gradcli.ops.dtyperules import check_same, fitted, floating_with, joined_by, new, refusing
from gradcli.ops.elementwise.arithmetic import flat
from gradcli.ops.elementwise.compare import (
    eq,
    ge,
    gt,
    isfinite,
    isnan,
    larger,
    le,
    logical_and,
    logical_or,
    lt,
    smaller,
    where,
)

TENSORS = "Tensor input, Tensor other"
ABOVE_AND_BELOW = (draw(3, low=0.2, high=2), draw((2, 3), low=-2, high=-0.2))


def _relu(x: Any) -> Any:
    if x.dtype == np.bool_:
        raise DtypeError(
            "it does not take bool tensors",
            hint="convert it first: x.float()",
            torch="Boolean inputs not supported for relu",
        )
    return larger(x, 0)


relu: Op = unary(
    "relu",
    "The larger of input and 0.",
    _relu,
    lambda g, y, x: where(le(y, 0), 0.0, g),
    arguments="ignored inplace=False",
    dtype=promoted,
    grad_fn=("ReluBackward0", "ReluBackward0"),
    spelled=["relu", "F.relu"],
    kinks=[(0.0, 0.0)],
    samples=ABOVE_AND_BELOW,
)

clamp_min_to: Op = binary(
    "clamp_min",
    "The larger of input and min.",
    larger,
    [lambda g, y, x, low: where(ge(x, low), g, 0.0), lambda g, y, x, low: where(lt(x, low), g, 0.0)],
    arguments="Tensor input, Tensor min",
    grad_fn=new("ClampMinBackward1"),
)
clamp_max_to: Op = binary(
    "clamp_max",
    "The smaller of input and max.",
    smaller,
    [lambda g, y, x, high: where(le(x, high), g, 0.0), lambda g, y, x, high: where(gt(x, high), g, 0.0)],
    arguments="Tensor input, Tensor max",
    grad_fn=new("ClampMaxBackward1"),
)
clamp_min: Op = unary(
    "clamp_min",
    "The larger of input and min; the gradient passes at min.",
    lambda x, min: larger(x, fitted(min, x.dtype)),
    lambda g, y, x, min: where(ge(x, min), g, 0.0),
    arguments="Scalar min",
    dtype=joined_by("min"),
    grad_fn="ClampMinBackward0",
    samples=[draw(3, low=0.2, high=2, min=0.1), draw((2, 3), low=-2, high=0, min=0.1)],
)
clamp_max: Op = unary(
    "clamp_max",
    "The smaller of input and max; the gradient passes at max.",
    lambda x, max: smaller(x, fitted(max, x.dtype)),
    lambda g, y, x, max: where(le(x, max), g, 0.0),
    arguments="Scalar max",
    dtype=joined_by("max"),
    grad_fn="ClampMaxBackward0",
    samples=[draw(3, low=0.2, high=2, max=0.1), draw((2, 3), low=-2, high=0, max=0.1)],
)


def _between(x: Any, low: Any, high: Any) -> Any:
    return smaller(larger(x, low), high)


def _needs_limit(low: Any, high: Any) -> None:
    if low is None and high is None:
        raise RefusedValue(
            "min or max has to be given", torch="torch.clamp: At least one of 'min' or 'max' must not be None"
        )


_clamp_both = op(
    "_clamp(Tensor input, Tensor min, Tensor max)",
    "input, but at least min and at most max; max where they cross.",
    spelled=["_"],
    kernel=_between,
    grad=[
        lambda g, y, x, low, high: where(logical_and(ge(x, low), le(x, high)), g, 0.0),
        lambda g, y, x, low, high: where(logical_and(lt(x, low), lt(low, high)), g, 0.0),
        lambda g, y, x, low, high: where(logical_or(gt(x, high), lt(high, low)), g, 0.0),
    ],
    grad_fn=new("ClampBackward0"),
    elementwise=True,
    samples=[draw(3, 3, 3), draw((2, 3), 3, (2, 1))],
)


def _clamp_to(x: Node, low: Node | None, high: Node | None) -> Node:
    _needs_limit(low, high)
    if low is not None and high is not None:
        result: Node = _clamp_both(x, low, high)
    elif low is not None:
        result = clamp_min_to(x, low)
    else:
        result = clamp_max_to(x, high)
    return result


def _clamp(x: Any, min: Any, max: Any) -> Any:
    _needs_limit(min, max)
    if min is not None:
        x = larger(x, fitted(min, x.dtype))
    return x if max is None else smaller(x, fitted(max, x.dtype))


def _clamp_rule(g: Node, y: Node, x: Node, min: Any, max: Any) -> Node:
    if max is None:
        return where(ge(x, min), g, 0.0)
    if min is None:
        return where(le(x, max), g, 0.0)
    return where(logical_and(ge(x, min), le(x, max)), g, 0.0)


CLAMP = "input, but at least min and at most max; the gradient passes at the limits."
op(
    "clamp(Tensor input, Tensor? min=None, Tensor? max=None)",
    CLAMP,
    expands=_clamp_to,
    grad_fn=("ClampBackward", "ClampBackward0"),
    inplace=True,
    spelled=["clamp", "clip"],
    samples=[draw(3, 3, 3), draw((2, 3), 3), draw((2, 3), 3, ())],
    wrong=[("clamp(ones(2))", "min or max has to be given")],
)
clamp: Op = unary(
    "clamp",
    CLAMP,
    _clamp,
    _clamp_rule,
    arguments="Scalar? min=None, Scalar? max=None",
    dtype=joined_by("min", "max"),
    grad_fn=("ClampBackward", "ClampBackward1"),
    spelled=["clamp", "clip"],
    samples=[
        draw(3, low=-0.9, high=0.9, min=-1, max=1),
        draw((2, 3), low=1.1, high=2, min=-1, max=1),
        draw((2, 3), low=-2, high=-1.1, min=-1, max=1),
        draw(3, low=0.1, min=0, max=None),
        draw(3, low=0.1, min=None, max=0),
    ],
)
fmax: Op = binary(
    "fmax",
    "The larger of both, the other one where one is nan; a tie goes to input.",
    lambda a, b: np.fmax(b, a),
    [
        lambda g, y, a, b: where(logical_or(ge(a, b), isnan(b)), g, 0.0),
        lambda g, y, a, b: where(logical_or(ge(a, b), isnan(b)), 0.0, g),
    ],
    arguments=TENSORS,
    grad_fn=new("FmaxBackward0"),
    inplace=False,
)
fmin: Op = binary(
    "fmin",
    "The smaller of both, the other one where one is nan; a tie goes to input.",
    lambda a, b: np.fmin(b, a),
    [
        lambda g, y, a, b: where(logical_or(le(a, b), isnan(b)), g, 0.0),
        lambda g, y, a, b: where(logical_or(le(a, b), isnan(b)), 0.0, g),
    ],
    arguments=TENSORS,
    grad_fn=new("FminBackward0"),
    inplace=False,
)


def _replaced(x: Any, nan: float | None, posinf: float | None, neginf: float | None) -> Any:
    if x.dtype.kind != "f":
        return x
    largest = np.finfo(x.dtype).max
    high = largest if posinf is None else posinf
    low = -largest if neginf is None else neginf
    return np.nan_to_num(x, nan=0.0 if nan is None else nan, posinf=high, neginf=low)


nan_to_num: Op = unary(
    "nan_to_num",
    "input with nan and infinities replaced (by 0 and the largest numbers, if nothing is said).",
    _replaced,
    lambda g, y, x, nan, posinf, neginf: where(isfinite(x), g, 0.0),
    arguments="float? nan=None, float? posinf=None, float? neginf=None",
    dtype=promoted,
    grad_fn=new("NanToNumBackward0"),
    samples=[draw(3, nan=None, posinf=None, neginf=None), draw((2, 3), nan=1.0, posinf=2.0, neginf=3.0)],
)


def _stepped(inputs: tuple[Node, ...], params: Any) -> Any:
    check_same(inputs, "heaviside is not yet implemented for tensors with different dtypes.")
    return inputs[0].dtype, inputs[0].dtype


heaviside: Op = binary(
    "heaviside",
    "0 below 0, 1 above, `values` at 0; torch has no derivative for it.",
    lambda x, values: np.where(x == 0, values, (x > 0).astype(x.dtype)),
    [refuse, refuse],
    arguments="Tensor input, Tensor values",
    dtype=_stepped,
    grad_fn=new("NotImplemented"),
)


def _copied_rule(g: Node, y: Node, x: Node, *other: Node, **params: Any) -> Node:
    """1 or -1, as the sign was kept or changed; 0 at 0."""
    return g * where(eq(x, 0), 0.0, y / x)


op(
    "copysign(Tensor input, Tensor other)",
    "|input| with the sign of other.",
    kernel=np.copysign,
    grad=[_copied_rule, flat],
    dtype=floating,
    grad_fn=new("CopysignBackward0"),
    elementwise=True,
    inplace=True,
    kinks=[(0.0, 0.0)],
    samples=[draw(3, 3, low=0.2, high=2), draw((2, 3), 3, low=-2, high=-0.2)],
)
unary(
    "copysign",
    "|input| with the sign of other.",
    lambda x, other: np.copysign(x, x.dtype.type(other)),
    _copied_rule,
    arguments="Scalar other",
    dtype=floating_with("other"),
    grad_fn=new("CopysignBackward1"),
    kinks=[(0.0, 0.0)],
    samples=[draw(3, low=0.2, high=2, other=-1), draw((2, 3), low=-2, high=-0.2, other=3)],
)
op(
    "nextafter(Tensor input, Tensor other)",
    "The next number that the dtype has after input, towards other.",
    kernel=np.nextafter,
    grad=[lambda g, y, a, b: where(eq(a, b), 0.0, g), flat],
    dtype=refusing(promoted, "nextafter_cpu", BOOL, INTEGER),
    grad_fn=new("NextafterBackward0"),
    elementwise=True,
    inplace=True,
    samples=[draw(3, 3), draw((2, 3), 3)],
)
