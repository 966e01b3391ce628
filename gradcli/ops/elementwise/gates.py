"""Smooth activation functions: an input times, or passed through, a sigmoid or a tanh."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcli.errors import ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, op
from gradcli.ops.declare import unary
from gradcli.ops.elementwise.activations import derivative, floats
from gradcli.ops.elementwise.arithmetic import abs_, div, neg, sub
from gradcli.ops.elementwise.compare import where
from gradcli.ops.elementwise.explog import sigmoid
from gradcli.ops.elementwise.trig import tanh
from gradcli.ops.shapes.part import narrow
from gradcli.shapes import normal_dim


def _softplus_kernel(x: Any, beta: float, threshold: float) -> Any:
    scaled = x * beta
    return np.where(scaled > threshold, x, np.log1p(np.exp(scaled)) / beta)


_softplus_backward = derivative(
    "softplus",
    "grad sigmoid(beta input), or grad itself where beta input > threshold.",
    "Scalar beta, Scalar threshold",
    lambda g, x, beta, threshold: g * where(x * beta > threshold, 1.0, sigmoid(x * beta)),
    "SoftplusBackwardBackward0",
)
softplus: Op = unary(
    "softplus",
    "log(1 + exp(beta input)) / beta; input itself where beta input > threshold.",
    _softplus_kernel,
    lambda g, y, x, beta, threshold: _softplus_backward(g, x, beta=beta, threshold=threshold),
    arguments="Scalar beta=1, Scalar threshold=20",
    spelled=["F.softplus"],
    dtype=floats("softplus_cpu"),
    inplace=False,
    grad_fn="SoftplusBackward0",
    samples=[draw(3), draw((2, 3), low=-30, high=30), draw(4, beta=2.0, threshold=1.0)],
)


def _silu_slope(g: Node, y: Node, x: Node) -> Any:
    s = sigmoid(x)
    return g * (s * (x * (1 - s) + 1))


silu: Op = unary(
    "silu",
    "input sigmoid(input).",
    lambda x: x / (1 + np.exp(-x)),
    _silu_slope,
    arguments="ignored inplace=False",
    spelled=["F.silu"],
    dtype=floats("silu_cpu"),
    grad_fn=("SiluBackward0", "SiluBackward0"),
    samples=[draw(4, low=-4, high=4)],
)


def _mish_slope(g: Node, y: Node, x: Node) -> Any:
    bent = tanh(softplus(x, beta=1, threshold=20))
    return g * (bent + x * sigmoid(x) * (1 - bent * bent))


mish: Op = unary(
    "mish",
    "input tanh(softplus(input)).",
    lambda x: x * np.tanh(np.logaddexp(0, x).astype(x.dtype)),
    _mish_slope,
    arguments="ignored inplace=False",
    spelled=["F.mish"],
    dtype=floats("mish_cpu"),
    grad_fn=("MishBackward0", "MishBackward0"),
    samples=[draw(4, low=-4, high=4)],
)
softsign: Op = op(
    "softsign(Tensor input)",
    "input / (1 + |input|).",
    spelled=["F.softsign"],
    expands=lambda x: div(x, abs_(x) + 1),
    samples=[draw(3, low=0.2, high=2), draw((2, 3), low=-2, high=-0.2)],
)
_logsigmoid_backward = derivative(
    "logsigmoid",
    "grad sigmoid(-input).",
    "",
    lambda g, x: g * sigmoid(neg(x)),
    "LogSigmoidBackwardBackward0",
)
logsigmoid: Op = unary(
    "logsigmoid",
    "log(1 / (1 + exp(-input))).",
    lambda x: np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x))),
    lambda g, y, x: _logsigmoid_backward(g, x),
    spelled=["F.logsigmoid"],
    dtype=floats("log_sigmoid_cpu"),
    inplace=False,
    grad_fn="LogSigmoidBackward0",
    samples=[draw(4, low=-4, high=4)],
)
tanhshrink: Op = op(
    "tanhshrink(Tensor input)",
    "input - tanh(input).",
    spelled=["F.tanhshrink"],
    expands=lambda x: sub(x, tanh(x)),
    samples=[draw(3)],
)


def _glu_expanded(x: Node, dim: int) -> Any:
    floats("glu_cpu")((x,), {})
    if not x.shape:
        raise ShapeError("a 0-d tensor has no halves", torch="glu does not support 0-dimensional tensors")
    dim = normal_dim(dim, x.ndim)
    if x.shape[dim] % 2:
        raise ShapeError(
            f"the size of dimension {dim} must be even to be halved: {x.shape}",
            torch=f"Halving dimension must be even, but dimension {dim} is size {x.shape[dim]}",
        )
    half = x.shape[dim] // 2
    return _gated(x, dim=dim, half=half)


_gated = op(
    "_glu(Tensor input, int dim, int half)",
    "The first half along dim times the sigmoid of the second.",
    spelled=["_"],
    expands=lambda x, dim, half: (
        narrow(x, dim=dim, start=0, length=half) * sigmoid(narrow(x, dim=dim, start=half, length=half))
    ),
    grad_fn="GluBackward0",
)
glu: Op = op(
    "glu(Tensor input, int dim=-1)",
    "The first half of input along dim times the sigmoid of the second half.",
    spelled=["F.glu"],
    expands=_glu_expanded,
    samples=[draw((2, 4), dim=-1), draw((4, 3), dim=0)],
)
