"""Activation functions that are pieces of lines and exponentials, element by element.

The smooth and gated ones (gelu, silu, glu, ...) are in `gates.py` and `gelu.py`; relu, sigmoid and tanh elsewhere. A
derivative that torch gives a name of its own (`EluBackwardBackward0`) is an op here too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradcli.dtypes import BOOL, INTEGER
from gradcli.errors import DtypeError, RefusedValue, ShapeError, ValueError_
from gradcli.graph.node import Node
from gradcli.graph.op import DtypeRule, Op, draw, kept, op, promoted
from gradcli.ops.declare import unary
from gradcli.ops.dtyperules import refusing
from gradcli.ops.elementwise.compare import logical_and, where
from gradcli.ops.elementwise.explog import exp
from gradcli.ops.shapes.shape import reshape
from gradcli.shapes import Shape

SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946


def floats(kernel: str) -> DtypeRule:
    """The dtype rule of ops that torch has for floating-point tensors alone. kernel: the name in torch's refusal."""
    return refusing(promoted, kernel, BOOL, INTEGER)


def derivative(name: str, doc: str, arguments: str, expands: Callable[..., Any], grad_fn: str) -> Op:
    """The derivative of an op as an op of its own, which shows torch's name: a cotangent and the primal in."""
    return op(
        f"_{name}_backward(Tensor grad, Tensor input{', ' if arguments else ''}{arguments})",
        doc,
        spelled=["_"],
        expands=expands,
        grad_fn=grad_fn,
    )


def _clamped(x: Any, min_val: float, max_val: float) -> Any:
    if x.dtype == np.bool_:
        raise DtypeError("a bool tensor has no limits", torch="Bool inputs not supported for hardtanh")
    if x.dtype.kind != "f":
        min_val, max_val = int(min_val), int(max_val)
    if x.dtype == np.uint8 and (min_val < 0 or max_val < 0):
        raise DtypeError(
            "an unsigned tensor cannot have a negative limit",
            torch="cannot do hardtanh on an unsigned type with negative limits",
        )
    if min_val > max_val:
        raise ValueError_(
            f"min_val {min_val} is greater than max_val {max_val}",
            torch="min_val cannot be greater than max_val",
        )
    return np.minimum(np.maximum(x, min_val), max_val)


_hardtanh_backward = derivative(
    "hardtanh",
    "grad where min_val < input < max_val, else 0.",
    "Scalar min_val, Scalar max_val",
    lambda g, x, min_val, max_val: where(x <= min_val, 0.0, where(x >= max_val, 0.0, g)),
    "HardtanhBackwardBackward0",
)
hardtanh: Op = unary(
    "hardtanh",
    "input, limited to min_val and max_val; at both limits the derivative is 0.",
    _clamped,
    lambda g, y, x, min_val, max_val: _hardtanh_backward(g, x, min_val=min_val, max_val=max_val),
    arguments="Scalar min_val=-1.0, Scalar max_val=1.0, ignored inplace=False",
    spelled=["F.hardtanh"],
    dtype=promoted,
    grad_fn=("HardtanhBackward0", "HardtanhBackward0"),
    kinks=[(-1.0, 0.0), (1.0, 0.0)],
    samples=[draw(4, low=-3, high=3), draw((2, 3), low=-0.4, high=0.2, min_val=-0.5, max_val=0.3)],
)
relu6: Op = op(
    "relu6(Tensor input, ignored inplace=False)",
    "min(max(input, 0), 6); at 0 and 6 the derivative is 0.",
    spelled=["F.relu6"],
    expands=lambda x: hardtanh(x, min_val=0, max_val=6),
    kinks=[(0.0, 0.0), (6.0, 0.0)],
    samples=[draw(5, low=-2, high=8)],
)
_leaky_relu_backward = derivative(
    "leaky_relu",
    "grad where input > 0, else negative_slope grad.",
    "Scalar negative_slope",
    lambda g, x, negative_slope: where(x > 0, g, g * negative_slope),
    "LeakyReluBackwardBackward0",
)
leaky_relu: Op = unary(
    "leaky_relu",
    "input where it is positive, else negative_slope input.",
    lambda x, negative_slope: np.where(x > 0, x, x * negative_slope),
    lambda g, y, x, negative_slope: _leaky_relu_backward(g, x, negative_slope=negative_slope),
    arguments="Scalar negative_slope=0.01, ignored inplace=False",
    spelled=["F.leaky_relu"],
    dtype=floats("leaky_relu_cpu"),
    grad_fn=("LeakyReluBackward0", "LeakyReluBackward0"),
    kinks=[(0.0, 0.01)],
    samples=[draw(4), draw((2, 3), negative_slope=0.3)],
)


def _elu_kernel(x: Any, alpha: float, scale: float, input_scale: float) -> Any:
    return np.where(x < 0, np.expm1(x * input_scale) * (alpha * scale), x * scale)


def _elu_slope(g: Node, x: Node, alpha: float, scale: float, input_scale: float) -> Any:
    """d/dx alpha scale (e^(s x) - 1) up to 0, scale beyond; the positive side is kept out of exp, where it overflows.

    At 0 the slope is that of the left side, but a constant: the second derivative there is 0, as in torch.
    """
    negative = x < 0
    falling = exp(where(negative, x, 0.0) * input_scale) * (alpha * scale * input_scale)
    return where(negative, g * falling, where(x <= 0, g * (alpha * scale * input_scale), g * scale))


_elu_backward = derivative(
    "elu",
    "grad alpha e^input where input is at most 0, else grad.",
    "Scalar alpha, Scalar scale, Scalar input_scale",
    _elu_slope,
    "EluBackwardBackward0",
)


def _elu_op(name: str, grad_fn: str | tuple[str, str]) -> Op:
    return op(
        f"_{name}(Tensor input, Scalar alpha, Scalar scale, Scalar input_scale)",
        "scale input where it is positive, else scale alpha (e^(input_scale input) - 1).",
        spelled=["_"],
        kernel=_elu_kernel,
        grad=lambda g, y, x, **params: _elu_backward(g, x, **params),
        dtype=floats("elu_cpu"),
        grad_fn=grad_fn,
        elementwise=True,
        samples=[draw(5, alpha=1.3, scale=0.7, input_scale=1.2)],
    )


_elu = _elu_op("elu", "EluBackward0")
_celu = _elu_op("celu", ("EluBackward", "CeluBackward0"))
elu: Op = op(
    "elu(Tensor input, Scalar alpha=1.0, ignored inplace=False)",
    "input where it is positive, else alpha (e^input - 1); at 0 the derivative is alpha.",
    spelled=["F.elu"],
    expands=lambda x, alpha: _elu(x, alpha=alpha, scale=1.0, input_scale=1.0),
    inplace=True,
    kinks=[(0.0, 1.0)],
    samples=[draw(4), draw((2, 3), alpha=1.5)],
)
selu: Op = op(
    "selu(Tensor input, ignored inplace=False)",
    "1.0507 input where it is positive, else 1.7581 (e^input - 1).",
    spelled=["F.selu", "torch.selu"],
    expands=lambda x: _elu(x, alpha=SELU_ALPHA, scale=SELU_SCALE, input_scale=1.0),
    inplace=True,
    kinks=[(0.0, 1.7580993408473766)],
    samples=[draw(4)],
)


def _celu_expanded(x: Node, alpha: float) -> Any:
    if alpha == 0:
        raise RefusedValue("alpha cannot be 0", torch="ZeroDivisionError: alpha cannot be 0 for CELU")
    return _celu(x, alpha=alpha, scale=1.0, input_scale=1.0 / alpha)


celu: Op = op(
    "celu(Tensor input, Scalar alpha=1.0, ignored inplace=False)",
    "input where it is positive, else alpha (e^(input / alpha) - 1).",
    spelled=["F.celu", "torch.celu"],
    expands=_celu_expanded,
    inplace=True,
    kinks=[(0.0, 1.0)],
    samples=[draw(4), draw((2, 3), alpha=1.5)],
)
_threshold_backward = derivative(
    "threshold",
    "grad where input > threshold, else 0.",
    "Scalar threshold",
    lambda g, x, threshold: where(x <= threshold, 0.0, g),
    "ThresholdBackwardBackward0",
)
threshold_: Op = unary(
    "threshold",
    "input where it is above threshold, else value.",
    lambda x, threshold, value: np.where(x <= threshold, np.asarray(value).astype(x.dtype), x),
    lambda g, y, x, threshold, value: _threshold_backward(g, x, threshold=threshold),
    arguments="Scalar threshold, Scalar value, ignored inplace=False",
    spelled=["F.threshold", "torch.threshold"],
    dtype=refusing(promoted, "threshold_cpu", BOOL),
    grad_fn=("ThresholdBackward0", "ThresholdBackward0"),
    samples=[draw(5, threshold=0.1, value=0.5), draw((2, 3), threshold=-1, value=-3)],
)
_hardshrink_backward = derivative(
    "hardshrink",
    "0 where |input| is at most lambd, else grad.",
    "Scalar lambd",
    lambda g, x, lambd: where(logical_and(x >= -lambd, x <= lambd), 0.0, g),
    "HardshrinkBackwardBackward0",
)
hardshrink: Op = unary(
    "hardshrink",
    "0 where |input| is at most lambd, else input.",
    lambda x, lambd: np.where((x >= -lambd) & (x <= lambd), x.dtype.type(0), x),
    lambda g, y, x, lambd: _hardshrink_backward(g, x, lambd=lambd),
    arguments="Scalar lambd=0.5",
    spelled=["hardshrink", "F.hardshrink"],
    dtype=floats("hardshrink_cpu"),
    inplace=False,
    grad_fn="HardshrinkBackward0",
    kinks=[(-0.5, 0.0), (0.5, 0.0)],
    samples=[draw(5, low=-2, high=2), draw((2, 3), lambd=1.0)],
)


def _softshrunk(x: Any, lambd: float) -> Any:
    if not lambd >= 0:
        raise RefusedValue(
            f"lambd is {lambd}; it must be at least 0",
            torch=f"lambda must be greater or equal to 0, but found to be {lambd:g}.",
        )
    return np.where(x > lambd, x - lambd, np.where(x < -lambd, x + lambd, x * 0))


_softshrink_backward = derivative(
    "softshrink",
    "0 where |input| is at most lambd, else grad.",
    "Scalar lambd",
    lambda g, x, lambd: _hardshrink_backward(g, x, lambd=lambd),
    "SoftshrinkBackwardBackward0",
)
softshrink: Op = unary(
    "softshrink",
    "input moved towards 0 by lambd, and 0 where |input| is at most lambd.",
    _softshrunk,
    lambda g, y, x, lambd: _softshrink_backward(g, x, lambd=lambd),
    arguments="Scalar lambd=0.5",
    spelled=["F.softshrink"],
    dtype=floats("softshrink_check"),
    inplace=False,
    grad_fn="SoftshrinkBackward0",
    kinks=[(-0.5, 0.0), (0.5, 0.0)],
    samples=[draw(5, low=-2, high=2), draw((2, 3), lambd=1.0)],
)
hardsigmoid: Op = unary(
    "hardsigmoid",
    "min(max(input + 3, 0), 6) / 6; at -3 and 3 the derivative is 0.",
    lambda x: np.minimum(np.maximum(x + 3, 0), 6) / 6,
    lambda g, y, x: where(x > -3, where(x < 3, g / 6, 0.0), 0.0),
    arguments="ignored inplace=False",
    spelled=["F.hardsigmoid"],
    dtype=floats("hardsigmoid_cpu"),
    grad_fn="HardsigmoidBackward0",
    kinks=[(-3.0, 0.0), (3.0, 0.0)],
    samples=[draw(6, low=-5, high=5)],
)
_hardswish_backward = derivative(
    "hardswish",
    "grad times 0 up to -3, (2 input + 3) / 6 up to 3, 1 beyond.",
    "",
    lambda g, x: where(x <= -3, 0.0, where(x < 3, g * (x / 3 + 0.5), g)),
    "HardswishBackwardBackward0",
)
hardswish: Op = unary(
    "hardswish",
    "input min(max(input + 3, 0), 6) / 6.",
    lambda x: x * np.minimum(np.maximum(x + 3, 0), 6) / 6,
    lambda g, y, x: _hardswish_backward(g, x),
    arguments="ignored inplace=False",
    spelled=["F.hardswish"],
    dtype=floats("hardswish_cpu"),
    grad_fn="HardswishBackward0",
    kinks=[(-3.0, 0.0), (3.0, 1.0)],
    samples=[draw(6, low=-5, high=5)],
)


def _channels(x: Node, weight: Node) -> Any:
    """The weight of prelu, laid along dimension 1 of x."""
    if weight.ndim > 1:
        raise ShapeError(
            f"the weight must have at most one dimension, not {weight.shape}",
            torch=f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim}",
        )
    if weight.size == 1:
        return reshape(weight, shape=(1,) * x.ndim) if weight.shape else weight
    count = x.shape[1] if x.ndim > 1 else 1
    if not x.ndim or weight.size != count:
        raise ShapeError(
            f"the weight has {weight.size} elements, and input of shape {x.shape} has {count} channels",
            hint="the weight has one element, or one for each channel (dimension 1)",
            torch="Mismatch of parameter numbers and input channel size. "
            f"Found parameter numbers = {weight.size} and channel size = {count}.",
        )
    shape: Shape = (1, count) + (1,) * (x.ndim - 2)
    return reshape(weight, shape=shape)


_prelu_kernel = op(
    "_prelu(Tensor input, Tensor weight)",
    "input where it is positive, else weight input.",
    spelled=["_"],
    kernel=lambda x, weight: np.where(x > 0, x, x * weight),
    grad=[lambda g, y, x, weight: where(x > 0, g, g * weight), lambda g, y, x, weight: where(x > 0, 0.0, g * x)],
    dtype=floats("prelu_cpu"),
    grad_fn=("PreluBackward", "PreluKernelBackward0"),
    elementwise=True,
)
prelu: Op = op(
    "prelu(Tensor input, Tensor weight)",
    "input where it is positive, else weight input; a weight for each channel (dimension 1) or one for all.",
    spelled=["prelu", "F.prelu"],
    expands=lambda x, weight: _prelu_kernel(x, _channels(x, weight)),
    samples=[draw((2, 3), 3), draw((2, 3, 2), 1), draw(4, ())],
)


def _slopes(x: Any, lower: float, upper: float, generator: Any) -> Any:
    """1 where x is positive, else a number drawn from lower to upper."""
    slopes = np.ones_like(x)
    low = x <= 0
    slopes[low] = generator.uniform((int(low.sum()),), np.float64, lower, upper)
    return slopes


_random_slopes = op(
    "_random_slopes(Tensor input, float lower, float upper, generator generator)",
    "1 where input is positive, else a number drawn from lower to upper.",
    spelled=["_"],
    kernel=_slopes,
    dtype=kept,
    random=True,
)
_random_rrelu = op(
    "_random_rrelu(Tensor input, Tensor slopes)",
    "input times the slopes that were drawn.",
    spelled=["_"],
    expands=lambda x, slopes: x * slopes,
    grad_fn=("RreluWithNoiseBackward0", "RreluWithNoiseBackward0"),
)


def _rrelu_expanded(x: Node, lower: float, upper: float, training: bool, generator: Any = None) -> Any:
    if lower > upper:
        raise RefusedValue(
            f"lower {lower} is greater than upper {upper}",
            torch="Lower bound should be less than or equal to the upper bound",
        )
    if training and upper - lower > 1e-6:  # torch, too, draws none from a narrower range
        floats("rrelu_with_noise_out_cpu")((x,), {})
        return _random_rrelu(x, _random_slopes(x, lower=lower, upper=upper, generator=generator))
    return _rrelu(x, slope=(lower + upper) / 2)


_rrelu_backward = derivative(
    "rrelu",
    "grad where input > 0, else slope grad.",
    "Scalar slope",
    lambda g, x, slope: where(x > 0, g, g * slope),
    "RreluWithNoiseBackwardBackward0",
)
_rrelu = op(
    "_rrelu(Tensor input, Scalar slope)",
    "input where it is positive, else slope input.",
    spelled=["_"],
    kernel=lambda x, slope: np.where(x > 0, x, x * slope),
    grad=lambda g, y, x, slope: _rrelu_backward(g, x, slope=slope),
    dtype=floats("rrelu_with_noise_cpu"),
    grad_fn=("RreluWithNoiseBackward0", "RreluWithNoiseBackward0"),
    elementwise=True,
)
rrelu: Op = op(
    "rrelu(Tensor input, Scalar lower=0.125, Scalar upper=0.3333333333333333, bool training=False, "
    "ignored inplace=False, generator generator=None)",
    "input where it is positive, else input times the mean of lower and upper, or in training a number between them.",
    spelled=["F.rrelu", "torch.rrelu"],
    expands=_rrelu_expanded,
    inplace=True,
    kinks=[(0.0, 0.22916666666666666)],
    samples=[draw(4), draw((2, 3), lower=0.1, upper=0.4)],
)
