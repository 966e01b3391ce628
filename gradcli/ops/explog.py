"""Exponentials, logarithms, roots and powers."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcli.errors import DtypeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, op
from gradcli.ops.arithmetic import install_symbols
from gradcli.ops.compare import eq, where
from gradcli.ops.declare import unary

exp: Op = unary("exp", "e to the power of input.", np.exp, lambda g, y, x: g * y, grad_fn="ExpBackward0")
log: Op = unary(
    "log", "The natural logarithm.", np.log, lambda g, y, x: g / x, grad_fn="LogBackward0", domain=(0.1, 3.0)
)
sqrt: Op = unary(
    "sqrt",
    "The square root.",
    np.sqrt,
    lambda g, y, x: g / (2 * y),
    grad_fn="SqrtBackward0",
    domain=(0.1, 3.0),
)


def _power(x: Any, y: Any) -> Any:
    if getattr(x, "dtype", np.dtype(type(x))).kind in "iu" and np.any(np.less(y, 0)):
        raise DtypeError(
            "an integer tensor to a negative integer power",
            hint="convert it first: x.float() ** -1",
            torch="Integers to negative integer powers are not allowed.",
        )
    return np.power(x, y)


def _base_rule(g: Node, y: Node, x: Node, exponent: Node) -> Node:
    """d x^p / dx = p x^(p-1), and 0 where p is 0 (0 * inf would be nan)."""
    if exponent.op.name == "number":
        p = exponent.value
        return g * 0 if p == 0 else g * (p * pow_(x, p - 1))
    return where(eq(exponent, 0), 0.0, g * (exponent * pow_(x, exponent - 1)))


def _exponent_rule(g: Node, y: Node, x: Node, exponent: Node) -> Node:
    """d x^p / dp = x^p log x, and 0 where x is 0 and p at least 0."""
    return g * where((eq(x, 0) * (exponent >= 0)) > 0, 0.0, y * log(x))


pow_: Op = op(
    "_pow(Operand input, Operand exponent)",
    "input to the power of exponent.",
    spelled=["_"],
    kernel=_power,
    grad=[_base_rule, _exponent_rule],
    grad_fn="PowBackward0",
    elementwise=True,
    samples=[draw(3, 3, low=0.2, high=2)],
)
install_symbols(pow=pow_)
