"""Trigonometric and hyperbolic functions, their inverses, angles and lengths."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradcli.dtypes import BOOL, INTEGER
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, floating, promoted
from gradcli.ops.declare import binary, unary
from gradcli.ops.dtyperules import new, refusing
from gradcli.ops.elementwise.arithmetic import reciprocal
from gradcli.ops.elementwise.compare import eq, where
from gradcli.ops.elementwise.explog import rsqrt, sigmoid
from gradcli.ops.elementwise.precise import Precise, PreciseBinary

__all__ = ["acos", "asin", "atan", "atan2", "cos", "cosh", "hypot", "sigmoid", "sin", "sinc", "sinh", "tan", "tanh"]

INSIDE = (-0.9, 0.9)
AWAY = (draw((2, 3), 3, low=0.5, high=2), draw(3, 3, low=-2, high=-0.5), draw((), 2, low=0.5))
TENSORS = "Tensor input, Tensor other"

sin: Op = unary("sin", "The sine, of radians.", Precise(np.sin), lambda g, y, x: g * cos(x), grad_fn="SinBackward0")
cos: Op = unary("cos", "The cosine, of radians.", Precise(np.cos), lambda g, y, x: g * -sin(x), grad_fn="CosBackward0")
tan: Op = unary(
    "tan",
    "The tangent, of radians.",
    Precise(np.tan),
    lambda g, y, x: g * (1 + y * y),
    grad_fn="TanBackward0",
    domain=(-1.2, 1.2),
)
asin: Op = unary(
    "asin",
    "The angle, in radians, whose sine is input.",
    Precise(np.arcsin),
    lambda g, y, x: g * rsqrt(1 - x * x),
    grad_fn="AsinBackward0",
    spelled=["asin", "arcsin"],
    domain=INSIDE,
)
acos: Op = unary(
    "acos",
    "The angle, in radians, whose cosine is input.",
    Precise(np.arccos),
    lambda g, y, x: g * -rsqrt(1 - x * x),
    grad_fn="AcosBackward0",
    spelled=["acos", "arccos"],
    domain=INSIDE,
)
atan: Op = unary(
    "atan",
    "The angle, in radians, whose tangent is input.",
    Precise(np.arctan),
    lambda g, y, x: g / (x * x + 1),
    grad_fn="AtanBackward0",
    spelled=["atan", "arctan"],
)
sinh: Op = unary("sinh", "The hyperbolic sine.", Precise(np.sinh), lambda g, y, x: g * cosh(x), grad_fn="SinhBackward0")
cosh: Op = unary(
    "cosh", "The hyperbolic cosine.", Precise(np.cosh), lambda g, y, x: g * sinh(x), grad_fn="CoshBackward0"
)
tanh: Op = unary(
    "tanh",
    "The hyperbolic tangent.",
    Precise(np.tanh),
    lambda g, y, x: g * (1 - y * y),
    grad_fn="TanhBackward0",
    spelled=["tanh", "F.tanh"],
)
asinh: Op = unary(
    "asinh",
    "The number whose hyperbolic sine is input.",
    Precise(np.arcsinh),
    lambda g, y, x: g * rsqrt(x * x + 1),
    grad_fn=new("AsinhBackward0"),
    spelled=["asinh", "arcsinh"],
)
acosh: Op = unary(
    "acosh",
    "The number whose hyperbolic cosine is input.",
    Precise(np.arccosh),
    lambda g, y, x: g * rsqrt(x * x - 1),
    grad_fn=new("AcoshBackward0"),
    spelled=["acosh", "arccosh"],
    domain=(1.2, 4.0),
)
atanh: Op = unary(
    "atanh",
    "The number whose hyperbolic tangent is input.",
    Precise(np.arctanh),
    lambda g, y, x: g / (1 - x * x),
    grad_fn=new("AtanhBackward0"),
    spelled=["atanh", "arctanh"],
    domain=INSIDE,
)


def _sinc(x: Any) -> Any:
    angle = x * math.pi
    return np.where(x == 0, x.dtype.type(1), np.sin(angle) / np.where(x == 0, x.dtype.type(1), angle))


def _sinc_rule(g: Node, y: Node, x: Node) -> Node:
    angle = x * math.pi
    square = angle * x
    return where(eq(square, 0), 0.0, g * ((angle * cos(angle) - sin(angle)) / square))


sinc: Op = unary(
    "sinc",
    "sin(pi input) / (pi input), 1 at 0.",
    _sinc,
    _sinc_rule,
    grad_fn=new("SincBackward0"),
    spelled=["sinc", "special.sinc"],
    kinks=[(0.0, 0.0)],
    samples=[draw(3, low=0.2, high=2), draw((2, 3), low=-2, high=-0.2)],
)
deg2rad: Op = unary(
    "deg2rad",
    "Degrees in radians.",
    lambda x: x * (math.pi / 180),
    lambda g, y, x: g * (math.pi / 180),
    grad_fn=new("Deg2RadBackward0"),
    linear=True,
)
rad2deg: Op = unary(
    "rad2deg",
    "Radians in degrees.",
    lambda x: x * (180 / math.pi),
    lambda g, y, x: g * (180 / math.pi),
    grad_fn=new("Rad2DegBackward0"),
    linear=True,
)


def _over_square(a: Node, b: Node) -> Node:
    """1 / (a^2 + b^2), 0 at the origin."""
    square = a * a + b * b
    return where(eq(square, 0), 0.0, reciprocal(square))


hypot: Op = binary(
    "hypot",
    "sqrt(input^2 + other^2), without overflow.",
    np.hypot,
    [lambda g, y, a, b: g * (a / y), lambda g, y, a, b: g * (b / y)],
    arguments=TENSORS,
    dtype=refusing(promoted, "hypot_cpu", BOOL, INTEGER),
    grad_fn=new("HypotBackward0"),
    samples=AWAY,
)
atan2: Op = binary(
    "atan2",
    "The angle of the point (other, input), in radians, from -pi to pi.",
    PreciseBinary(np.arctan2),
    [
        lambda g, y, a, b: g * (b * _over_square(a, b)),
        lambda g, y, a, b: g * (-a * _over_square(a, b)),
    ],
    arguments=TENSORS,
    dtype=floating,
    grad_fn="Atan2Backward0",
    spelled=["atan2", "arctan2"],
    samples=AWAY,
)
