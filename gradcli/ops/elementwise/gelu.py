"""gelu: the input times the normal distribution function of the input."""

from __future__ import annotations

from math import pi, sqrt
from typing import Any

import numpy as np

from gradcli.errors import RefusedValue
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, op
from gradcli.ops.declare import unary
from gradcli.ops.elementwise.activations import derivative, floats
from gradcli.ops.elementwise.errorfunction import erf
from gradcli.ops.elementwise.explog import exp
from gradcli.ops.elementwise.trig import tanh

# gelu's tanh approximation: 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).
GELU_TANH_SCALE = sqrt(2 / pi)
GELU_TANH_CUBIC = 0.044715


def _normal_pdf(x: Node) -> Any:
    return exp(x * x * -0.5) * (1 / sqrt(2 * pi))


_normal_cdf = op(
    "_normal_cdf(Tensor input)",
    "The normal distribution function, (1 + erf(input / sqrt(2))) / 2.",
    spelled=["_"],
    kernel=lambda x: 0.5 * (1 + erf(x * sqrt(0.5))),
    grad=lambda g, y, x: g * _normal_pdf(x),
    dtype=floats("ndtr"),
    elementwise=True,
    samples=[draw(4)],
)


def _gelu_kernel(x: Any, approximate: str) -> Any:
    if approximate == "tanh":
        inner = GELU_TANH_SCALE * (x + GELU_TANH_CUBIC * (x * x * x))
        return 0.5 * x * (1 + np.tanh(inner))
    if approximate != "none":
        raise RefusedValue(
            f"approximate is {approximate!r}; it can be 'none' or 'tanh'",
            torch="approximate argument must be either none or tanh.",
        )
    return 0.5 * x * (1 + erf(x * sqrt(0.5)))


def _gelu_slope(g: Node, x: Node, approximate: str) -> Any:
    """The normal distribution's cdf(x) + x pdf(x), or the derivative of its tanh form."""
    if approximate == "tanh":
        bent = tanh((x + x * x * x * GELU_TANH_CUBIC) * GELU_TANH_SCALE)
        inner = (x * x * (3 * GELU_TANH_CUBIC) + 1) * GELU_TANH_SCALE
        return g * (((bent + 1) + x * (1 - bent * bent) * inner) * 0.5)
    return g * (_normal_cdf(x) + x * _normal_pdf(x))


_gelu_backward = derivative(
    "gelu",
    "grad times the slope of gelu.",
    "str approximate",
    _gelu_slope,
    "GeluBackwardBackward0",
)
gelu: Op = unary(
    "gelu",
    "input times the normal distribution function of input (approximate='tanh': a formula with tanh).",
    _gelu_kernel,
    lambda g, y, x, approximate: _gelu_backward(g, x, approximate=approximate),
    arguments="*, str approximate='none'",
    spelled=["F.gelu"],
    dtype=floats("GeluKernelImpl"),
    inplace=False,
    grad_fn=("GeluBackward0", "GeluBackward0"),
    samples=[draw(4), draw((2, 3), approximate="tanh")],
)
