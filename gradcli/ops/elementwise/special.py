"""Error functions, normal distribution, and products with logarithms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradcli.dtypes import float16
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, floating, op
from gradcli.ops.declare import binary, unary
from gradcli.ops.dtyperules import floating_with, new, refusing
from gradcli.ops.elementwise import errorfunction
from gradcli.ops.elementwise.compare import eq, le, logical_and, where
from gradcli.ops.elementwise.explog import exp, log
from gradcli.ops.fromscipy import special

ROOT_PI = math.sqrt(math.pi)
ROOT_2_PI = math.sqrt(2 * math.pi)
ROOT_HALF = math.sqrt(0.5)

erf: Op = unary(
    "erf",
    "2 / sqrt(pi) times the integral of exp(-t^2) from 0 to input.",
    errorfunction.erf,
    lambda g, y, x: 2 / ROOT_PI * exp(-(x * x)) * g,
    grad_fn="ErfBackward0",
    spelled=["erf", "special.erf"],
)
erfc: Op = unary(
    "erfc",
    "1 - erf(input).",
    errorfunction.erfc,
    lambda g, y, x: -2 / ROOT_PI * exp(-(x * x)) * g,
    grad_fn="ErfcBackward0",
    spelled=["erfc", "special.erfc"],
)
unary(
    "erfcx",
    "exp(input^2) erfc(input).",
    errorfunction.erfcx,
    lambda g, y, x: (2 * x * y - 2 / ROOT_PI) * g,
    grad_fn=new("SpecialErfcxBackward0"),
    dtype=refusing(floating, "erfcx_cpu", float16),
    spelled=["special.erfcx"],
    inplace=False,
)
erfinv: Op = unary(
    "erfinv",
    "The number whose erf is input.",
    lambda x: np.copysign(special("erfinv")(x), x),
    lambda g, y, x: 0.5 * ROOT_PI * exp(y * y) * g,
    grad_fn="ErfinvBackward0",
    spelled=["erfinv", "special.erfinv"],
    domain=(-0.9, 0.9),
)
op(
    "ndtr(Tensor input)",
    "The share of a standard normal distribution below input: (1 + erf(input / sqrt(2))) / 2.",
    expands=lambda x: (1 + erf(x * ROOT_HALF)) * 0.5,
    grad_fn=new("MulBackward1"),
    spelled=["special.ndtr"],
    samples=[draw(3), draw((2, 3))],
)


def _log_ndtr(x: Any) -> Any:
    if x.dtype == np.float16:
        return _log_ndtr(x.astype(np.float32)).astype(np.float16)
    t = x * x.dtype.type(ROOT_HALF)
    far = np.log(errorfunction.erfcx(-t) / 2) - t * t
    return np.where(x < -1, far, np.log1p(-errorfunction.erfc(t) / 2))


unary(
    "log_ndtr",
    "log(ndtr(input)), without cancellation.",
    _log_ndtr,
    lambda g, y, x: g / ROOT_2_PI * exp(-(y + x * x / 2)),
    grad_fn=new("SpecialLogNdtrBackward0"),
    dtype=refusing(floating, "log_ndtr_cpu", float16),
    spelled=["special.log_ndtr"],
    inplace=False,
    samples=[draw(3), draw((2, 3), low=-8, high=-1)],
)
unary(
    "ndtri",
    "The number below which this share of a standard normal distribution lies.",
    special("ndtri"),
    lambda g, y, x: g * ROOT_2_PI * exp(y * y / 2),
    grad_fn=new("SpecialNdtriBackward0"),
    dtype=refusing(floating, "ndtri_cpu", float16),
    spelled=["special.ndtri"],
    inplace=False,
    domain=(0.1, 0.9),
)
unary(
    "entr",
    "-input log(input); 0 at 0, -inf below.",
    special("entr"),
    lambda g, y, x: g * -(1 + log(x)),
    grad_fn=new("SpecialEntrBackward0"),
    spelled=["special.entr"],
    inplace=False,
    domain=(0.1, 3.0),
)


def _product(logarithm: Any) -> Any:
    """The kernel input * logarithm(other): 0 where input is 0, whatever other is, but nan where other is nan."""

    def kernel(x: Any, other: Any) -> Any:
        product = x * logarithm(other)
        kept = np.where((np.asarray(x) == 0) & ~np.isnan(other), 0, product)
        return np.asarray(kept, product.dtype)

    return kernel


def _log_products(name: str, formula: str, logarithm: Any, shift: float, grad_fn: str, names: list[str]) -> Op:
    """Declare input * log(other + shift) for two tensors, a number first, a number second; the op of two tensors."""
    kernel = _product(logarithm)
    doc = f"{formula}; 0 where input is 0."

    def first_rule(g: Node, y: Node, x: Node, other: Node) -> Node:
        """torch: nothing flows where input is 0 and the logarithm is not finite."""
        return where(logical_and(eq(x, 0), le(other, -shift)), 0.0, both(g, other))

    def second_rule(g: Node, y: Node, x: Any, other: Node) -> Node:
        result: Node = g * x / (other + shift if shift else other)
        return result

    def number_first(g: Node, y: Node, other: Node, input: float) -> Node:
        return g * input / (other + shift if shift else other)

    def number_second(g: Node, y: Node, x: Node, other: float) -> Node:
        result: Node = by_number(g, other=other)
        return result if other > -shift else where(eq(x, 0), 0.0, result)

    both: Op = binary(
        name,
        doc,
        kernel,
        [first_rule, second_rule],
        arguments="Tensor input, Tensor other",
        dtype=floating,
        grad_fn=new(f"{grad_fn}0"),
        spelled=names,
        samples=[draw(3, 3, low=0.2, high=2), draw((2, 3), 3, low=0.2, high=2)],
    )
    op(
        f"{name}(Scalar input, Tensor other)",
        doc,
        kernel=lambda other, input: kernel(np.asarray(input, other.dtype), other),
        grad=number_first,
        dtype=floating_with("input"),
        grad_fn=new(f"{grad_fn}1"),
        spelled=[s if "." in s else f"torch.{s}" for s in names],
        elementwise=True,
        samples=[draw(3, low=0.2, input=2), draw(3, low=0.2, input=0)],
    )
    by_number: Op = op(
        f"{name}(Tensor input, Scalar other)",
        doc,
        kernel=lambda x, other: kernel(x, np.asarray(other, x.dtype)),
        grad=number_second,
        dtype=floating_with("other"),
        grad_fn=new(f"{grad_fn}2"),
        spelled=names,
        elementwise=True,
        inplace=True,
        samples=[draw(3, other=2), draw((2, 3), other=0.5)],
    )
    return both


xlogy: Op = _log_products("xlogy", "input log(other)", np.log, 0, "XlogyBackward", ["xlogy", "special.xlogy"])
xlog1py: Op = _log_products(
    "xlog1py", "input log(1 + other)", np.log1p, 1, "SpecialXlog1PyBackward", ["special.xlog1py"]
)
