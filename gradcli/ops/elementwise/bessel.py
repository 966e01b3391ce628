"""Bessel functions, Airy's function and orthogonal polynomials. Kernels are scipy's or recurrences.

torch has derivatives for the modified functions i0, i0e, i1 and i1e alone; nothing flows through the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradcli.dtypes import float16
from gradcli.graph.node import Node
from gradcli.graph.op import Op, floating, op
from gradcli.ops.declare import unary
from gradcli.ops.dtyperules import floating_with, new, refusing
from gradcli.ops.elementwise.arithmetic import sign
from gradcli.ops.elementwise.compare import gt, where
from gradcli.ops.fromscipy import special


def _near_half(g: Node, x: Node, derivative: Callable[[Node], Node]) -> Node:
    """A derivative with 1/x in it, which is 1/2 at 0."""
    tiny = float(np.finfo(x.dtype.numpy).eps)
    away = gt(x * sign(x), tiny)
    return g * where(away, derivative(where(away, x, tiny)), 0.5)


i0: Op = unary(
    "i0",
    "The modified Bessel function of the first kind, of order 0.",
    special("i0"),
    lambda g, y, x: g * i1(x),
    grad_fn=new("I0Backward0"),
    spelled=["i0", "special.i0"],
)
i0e: Op = unary(
    "i0e",
    "exp(-|input|) i0(input).",
    special("i0e"),
    lambda g, y, x: g * (i1e(x) - sign(x) * y),
    grad_fn=new("SpecialI0EBackward0"),
    spelled=["special.i0e"],
    inplace=False,
    kinks=[(0.0, 0.0)],
)
i1: Op = unary(
    "i1",
    "The modified Bessel function of the first kind, of order 1.",
    special("i1"),
    lambda g, y, x: _near_half(g, x, lambda away: i0(away) - y / away),
    grad_fn=new("SpecialI1Backward0"),
    spelled=["special.i1"],
    inplace=False,
)
i1e: Op = unary(
    "i1e",
    "exp(-|input|) i1(input).",
    special("i1e"),
    lambda g, y, x: _near_half(g, x, lambda away: i0e(away) - y * (sign(away) + 1 / away)),
    grad_fn=new("SpecialI1EBackward0"),
    spelled=["special.i1e"],
    inplace=False,
)


def _plain(name: str, doc: str, kernel: Callable[..., Any], argument: str = "input") -> None:
    """A function of one tensor that torch does not differentiate."""
    op(
        f"{name}(Tensor {argument})",
        doc,
        kernel=kernel,
        dtype=refusing(floating, f"{name}_cpu", float16),
        spelled=[f"special.{name}"],
        elementwise=True,
        unruled=True,
    )


_plain("bessel_j0", "The Bessel function of the first kind, of order 0.", special("j0"))
_plain("bessel_j1", "The Bessel function of the first kind, of order 1.", special("j1"))
_plain("bessel_y0", "The Bessel function of the second kind, of order 0.", special("y0"))
_plain("bessel_y1", "The Bessel function of the second kind, of order 1.", special("y1"))
_plain("modified_bessel_i0", "The modified Bessel function of the first kind, of order 0.", special("i0"))
_plain("modified_bessel_i1", "The modified Bessel function of the first kind, of order 1.", special("i1"))
_plain("modified_bessel_k0", "The modified Bessel function of the second kind, of order 0.", special("k0"))
_plain("modified_bessel_k1", "The modified Bessel function of the second kind, of order 1.", special("k1"))
_plain("scaled_modified_bessel_k0", "exp(x) modified_bessel_k0(x).", special("k0e"), "x")
_plain("scaled_modified_bessel_k1", "exp(x) modified_bessel_k1(x).", special("k1e"), "x")


def _spherical(x: Any) -> Any:
    ratio = np.where(x == 0, x.dtype.type(1), np.sin(x) / np.where(x == 0, x.dtype.type(1), x))
    return np.where(np.isinf(x), x.dtype.type(0), ratio)


def _airy(x: Any) -> Any:
    """The first of the four functions that scipy returns together."""
    return np.asarray(special("airy")(np.asarray(x, np.float64))[0], x.dtype)


_plain("spherical_bessel_j0", "sin(x) / x, 1 at 0, 0 at infinity.", _spherical, "x")
_plain("airy_ai", "Airy's function Ai.", _airy, "x")


def _recurrence(first: Callable[[Any], Any], step: Callable[[int, Any, Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """The kernel of polynomials p_0 = 1, p_1 = first(x), p_(k+1) = step(k, x, p_k, p_(k-1)); 0 for negative n."""

    def kernel(x: Any, n: Any) -> Any:
        dtype = next(v.dtype for v in (x, n) if hasattr(v, "dtype"))
        n = np.asarray(n, np.float64)
        x, degrees = np.broadcast_arrays(np.asarray(x, dtype), np.where(np.isfinite(n), np.trunc(n), -1))
        before, now = np.ones_like(x), np.asarray(first(x), dtype)
        result = np.where(degrees == 0, before, np.where(degrees == 1, now, 0)).astype(dtype)
        for k in range(1, int(degrees.max(initial=0))):
            before, now = now, np.asarray(step(k, x, now, before), dtype)
            result = np.where(degrees == k + 1, now, result)
        return result

    return kernel


def _polynomial(name: str, doc: str, kernel: Callable[[Any, Any], Any]) -> None:
    """A family of polynomials: of two tensors, a number and a tensor, a tensor and a number."""
    spelled = [f"special.{name}"]
    refused = f"{name}_cpu", float16
    both = refusing(floating, *refused)
    op(f"{name}(Tensor x, Tensor n)", doc, kernel=kernel, dtype=both, spelled=spelled, unruled=True)
    op(
        f"{name}(Scalar x, Tensor n)",
        doc,
        kernel=lambda n, x: kernel(np.asarray(x, n.dtype), n),
        dtype=refusing(floating_with("x"), *refused),
        spelled=spelled,
    )
    op(
        f"{name}(Tensor x, Scalar n)",
        doc,
        kernel=lambda x, n: kernel(x, n),
        dtype=refusing(floating_with("n"), *refused),
        spelled=spelled,
        unruled=True,
    )


def _chebyshev(k: int, x: Any, now: Any, before: Any) -> Any:
    return 2 * x * now - before


def _shifted(kernel: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda x, n: kernel(2 * x - 1, n)


for letter, start, kind in (
    ("t", lambda x: x, "first"),
    ("u", lambda x: 2 * x, "second"),
    ("v", lambda x: 2 * x - 1, "third"),
    ("w", lambda x: 2 * x + 1, "fourth"),
):
    chebyshev = _recurrence(start, _chebyshev)
    text = f"The Chebyshev polynomial of the {kind} kind, of degree n"
    _polynomial(f"chebyshev_polynomial_{letter}", f"{text}.", chebyshev)
    _polynomial(f"shifted_chebyshev_polynomial_{letter}", f"{text}, at 2 x - 1.", _shifted(chebyshev))
_polynomial(
    "hermite_polynomial_h",
    "The physicists' Hermite polynomial of degree n.",
    _recurrence(lambda x: 2 * x, lambda k, x, now, before: 2 * x * now - 2 * k * before),
)
_polynomial(
    "hermite_polynomial_he",
    "The probabilists' Hermite polynomial of degree n.",
    _recurrence(lambda x: x, lambda k, x, now, before: x * now - k * before),
)
_polynomial(
    "laguerre_polynomial_l",
    "The Laguerre polynomial of degree n.",
    _recurrence(lambda x: 1 - x, lambda k, x, now, before: ((2 * k + 1 - x) * now - k * before) / (k + 1)),
)
_polynomial(
    "legendre_polynomial_p",
    "The Legendre polynomial of degree n.",
    _recurrence(lambda x: x, lambda k, x, now, before: ((2 * k + 1) * x * now - k * before) / (k + 1)),
)
