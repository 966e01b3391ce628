"""Integers as bits and as multiples: and, or, shifts, gcd; the parts of a floating-point number."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.dtypes import BOOL, FLOATING
from gradcli.errors import DtypeError
from gradcli.graph.node import Node
from gradcli.graph.op import DtypeRule, Op, draw, floating, op, promoted
from gradcli.ops.declare import binary, unary
from gradcli.ops.dtyperules import new, refusing
from gradcli.ops.elementwise.explog import exp2, power_based

OPERANDS = "Operand input, Operand other"
TENSORS = "Tensor input, Tensor other"


def _integers(kernel: str, *more: int) -> DtypeRule:
    return refusing(promoted, kernel, FLOATING, *more)


bitwise_and: Op = binary(
    "bitwise_and",
    "The bits set in both; of bools, whether both hold.",
    np.bitwise_and,
    arguments=OPERANDS,
    dtype=_integers("bitwise_and_cpu"),
    wrong=[("ones(2) & ones(2)", "float32")],
)
bitwise_or: Op = binary(
    "bitwise_or",
    "The bits set in one of both; of bools, whether one holds.",
    np.bitwise_or,
    arguments=OPERANDS,
    dtype=_integers("bitwise_or_cpu"),
)
bitwise_xor: Op = binary(
    "bitwise_xor",
    "The bits set in exactly one of both; of bools, whether exactly one holds.",
    np.bitwise_xor,
    arguments=OPERANDS,
    dtype=_integers("bitwise_xor_cpu"),
)
bitwise_not: Op = unary(
    "bitwise_not",
    "The bits turned round; of bools, whether it does not hold.",
    np.invert,
    dtype=_integers("bitwise_not_cpu"),
    wrong=[("~ones(2)", "float32")],
)
bitwise_left_shift: Op = binary(
    "bitwise_left_shift",
    "input times 2^other, in bits.",
    np.left_shift,
    arguments=OPERANDS,
    dtype=_integers("lshift_cpu", BOOL),
)
bitwise_right_shift: Op = binary(
    "bitwise_right_shift",
    "input divided by 2^other, rounded down, in bits.",
    np.right_shift,
    arguments=OPERANDS,
    dtype=_integers("rshift_cpu", BOOL),
)
gcd: Op = binary("gcd", "The greatest common divisor.", np.gcd, arguments=TENSORS, dtype=_integers("gcd_cpu", BOOL))
lcm: Op = binary("lcm", "The least common multiple.", np.lcm, arguments=TENSORS, dtype=_integers("lcm_cpu", BOOL))

# torch's derivative has 2^other in the dtype of other: 0 for a negative integer
ldexp: Op = binary(
    "ldexp",
    "input times 2^other.",
    lambda x, other: x * np.exp2(other),
    [lambda g, y, x, other: g * power_based(other, input=2), lambda g, y, x, other: g * y * math.log(2.0)],
    arguments=TENSORS,
    dtype=floating,
    grad_fn=new("LdexpBackward0"),
)


def _frexp_dtype(inputs: tuple[Node, ...], params: Any) -> Any:
    dtype = inputs[0].dtype
    if not dtype.floating:
        raise DtypeError(
            f"it takes floating-point tensors, not {dtype.name}",
            hint="convert it first: x.float()",
            torch="torch.frexp() only supports floating-point dtypes",
        )
    return None, (dtype, dtypes.int32)


def _frexp_rule(g: Any, y: Any, x: Node) -> Any:
    return None if g[0] is None else g[0] / exp2(y[1])


frexp: Op = op(
    "frexp(Tensor input)",
    "mantissa and exponent: input = mantissa 2^exponent, 1/2 <= |mantissa| < 1.",
    kernel=np.frexp,
    grad=_frexp_rule,
    shape=lambda inputs, params: (inputs[0].shape, inputs[0].shape),
    dtype=_frexp_dtype,
    grad_fn=new("FrexpBackward0"),
    outputs=("mantissa", "exponent"),
    samples=[draw(3, low=0.3, high=0.45), draw((2, 3), low=-3.9, high=-2.1)],
)
