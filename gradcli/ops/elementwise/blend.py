"""Elementwise ops of three tensors: lerp, addcmul, addcdiv."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcli.dtypes import BOOL
from gradcli.errors import DtypeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, op, promote_inputs, promoted
from gradcli.ops.dtyperules import check_same, new, not_taken, refusing, wrapped
from gradcli.ops.elementwise.arithmetic import scaled


def _same_floating(names: tuple[str, ...], kernel: str) -> Any:
    """The dtype rule of lerp: nothing is promoted, and only floating tensors are taken."""

    def rule(inputs: tuple[Node, ...], params: Any) -> Any:
        first = inputs[0].dtype
        for name, other in zip(names, inputs[1:], strict=True):
            check_same((inputs[0], other), f"expected dtype {{first_name}} for `{name}` but got dtype {{second_name}}")
        if not first.floating:
            raise not_taken(first, kernel)
        return first, first

    return rule


def _lerp(x: Any, end: Any, weight: Any) -> Any:
    """From the nearer end, as torch does, so that weight 1 gives the end exactly."""
    return np.where(np.abs(weight) < 0.5, x + weight * (end - x), end - (end - x) * (1 - weight))


op(
    "lerp(Tensor input, Tensor end, Tensor weight)",
    "input + weight (end - input).",
    kernel=_lerp,
    grad=[
        lambda g, y, a, b, w: g * (1 - w),
        lambda g, y, a, b, w: g * w,
        lambda g, y, a, b, w: g * (b - a),
    ],
    dtype=_same_floating(("end", "weight"), "lerp_kernel_tensor"),
    grad_fn=new("LerpBackward1"),
    elementwise=True,
    inplace=True,
    samples=[draw(3, 3, 3), draw((2, 3), 3, ()), draw((2, 1), 3, (2, 3), low=0.6, high=2)],
)
op(
    "lerp(Tensor input, Tensor end, Scalar weight)",
    "input + weight (end - input).",
    kernel=lambda a, b, weight: a + weight * (b - a) if abs(weight) < 0.5 else b - (b - a) * (1 - weight),
    grad=[lambda g, y, a, b, weight: g * (1 - weight), lambda g, y, a, b, weight: g * weight],
    dtype=_same_floating(("end",), "lerp_kernel_scalar"),
    grad_fn="LerpBackward0",
    elementwise=True,
    inplace=True,
    samples=[draw(3, 3, weight=0.3), draw((2, 3), 3, weight=0.8), draw(3, (), weight=-2)],
)


def _addcmul(x: Any, a: Any, b: Any, value: Any) -> Any:
    product = a * b
    return x + (product if value == 1 else wrapped(value, np.result_type(product)) * product)


addcmul: Op = op(
    "addcmul(Tensor input, Tensor tensor1, Tensor tensor2, *, Scalar value=1)",
    "input + value tensor1 tensor2.",
    kernel=_addcmul,
    grad=[
        lambda g, y, x, a, b, value: g,
        lambda g, y, x, a, b, value: g * scaled(b, value),
        lambda g, y, x, a, b, value: g * scaled(a, value),
    ],
    dtype=refusing(promoted, "addcmul_cpu_out", BOOL),
    grad_fn="AddcmulBackward0",
    elementwise=True,
    inplace=True,
    samples=[draw(3, 3, 3, value=1), draw((2, 3), (2, 1), 3, value=-0.5)],
)
op(
    "addcmul(Tensor input, Scalar value, Tensor tensor1, Tensor tensor2)",
    "input + value tensor1 tensor2: the old order of arguments.",
    expands=lambda x, a, b, value: addcmul(x, a, b, value=value),
    inplace=True,
    samples=[draw(3, 3, 3, value=2)],
)


def _addcdiv_dtype(inputs: tuple[Node, ...], params: Any) -> Any:
    if not (inputs[1].dtype.floating or inputs[2].dtype.floating):
        raise DtypeError(
            "two integer tensors are not divided here",
            hint="convert one first: x.float()",
            torch="Integer division with addcdiv is no longer supported, and in a future  release addcdiv will "
            "perform a true division of tensor1 and tensor2. The historic addcdiv behavior can be "
            "implemented as (input + value * torch.trunc(tensor1 / tensor2)).to(input.dtype) for integer "
            "inputs and as (input + value * tensor1 / tensor2) for float inputs. The future addcdiv "
            "behavior is just the latter implementation: (input + value * tensor1 / tensor2), for all "
            "dtypes.",
        )
    dtype = promote_inputs(inputs)
    return dtype, dtype


addcdiv: Op = op(
    "addcdiv(Tensor input, Tensor tensor1, Tensor tensor2, *, Scalar value=1)",
    "input + value tensor1 / tensor2.",
    kernel=lambda x, a, b, value: x + (a if value == 1 else float(value) * a) / b,
    grad=[
        lambda g, y, x, a, b, value: g,
        lambda g, y, x, a, b, value: g * (value / b),
        lambda g, y, x, a, b, value: -g * (scaled(a, value) / (b * b)),
    ],
    dtype=_addcdiv_dtype,
    grad_fn="AddcdivBackward0",
    elementwise=True,
    inplace=True,
    samples=[draw(3, 3, 3, low=0.5, value=1), draw((2, 3), (2, 1), 3, low=-2, high=-0.5, value=-0.5)],
)
op(
    "addcdiv(Tensor input, Scalar value, Tensor tensor1, Tensor tensor2)",
    "input + value tensor1 / tensor2: the old order of arguments.",
    expands=lambda x, a, b, value: addcdiv(x, a, b, value=value),
    inplace=True,
    samples=[draw(3, 3, 3, low=0.5, value=2)],
)
