"""Random numbers in place: the result replaces the tensor (uniform_, normal_, exponential_ and their like)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.dtypes import DType
from gradcli.errors import RefusedValue
from gradcli.graph.node import Node
from gradcli.graph.op import op, same
from gradcli.ops.dtyperules import not_taken
from gradcli.ops.random.chances import check_chances
from gradcli.ops.random.random import FROM, check_bounds, check_std, draw_order, drawn, known, zeros_rule
from gradcli.shapes import Shape


def _refilling(
    signature: str,
    doc: str,
    kernel: Callable[..., Any],
    grad_fn: str | tuple[str, str],
    floats: str | None = None,
    pieces: bool = False,
) -> None:
    """An in-place method that fills a tensor with draws.

    floats: torch's words when it takes floating dtypes alone. pieces: the numbers differ when it is not in one piece.
    """

    def result_dtype(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> tuple[None, DType]:
        if floats is not None and not inputs[0].dtype.floating:
            raise not_taken(inputs[0].dtype, floats)
        return None, inputs[0].dtype

    def refilled(x: Any, *others: Any, order: Shape | None, **params: Any) -> Any:
        def draw(shape: Shape) -> Any:
            # what a kernel reads of the tensor: shape, dtype, and whether it lies in one piece
            like = np.broadcast_to(x.dtype.type(0), shape)
            placed = [np.broadcast_to(o, x.shape).transpose(order) if order and o.ndim else o for o in others]
            return kernel(like, *placed, **params, **({"contiguous": order is None} if pieces else {}))

        return drawn(draw, x.shape, order)

    name, parameters = signature.split("(", 1)
    source = op(
        f"_drawn_{signature[:-1]}, any order)",
        doc,
        spelled=["_"],
        kernel=refilled,
        grad=[zeros_rule] * parameters.count("Tensor "),
        shape=same,
        dtype=result_dtype,
        grad_fn=grad_fn,
        random=True,
    )
    op(
        signature,
        doc,
        spelled=[f".{name}"],
        expands=lambda *inputs, **params: source(*known(inputs), **params, order=draw_order(inputs[0])),
    )


def _require(holds: bool, message: str, torch: str) -> None:
    if not holds:
        raise RefusedValue(message, torch=torch)


def _uniform(x: Any, generator: Any, **bounds: float) -> Any:
    low, high = bounds["from"], bounds["to"]
    _require(
        low <= high,
        f"the range from {low:g} to {high:g} is empty",
        f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}",
    )
    return generator.uniform(x.shape, x.dtype, low, high)


def _normal_fill(x: Any, mean: float, std: float, generator: Any, contiguous: bool) -> Any:
    check_std(std)
    return generator.normal(x.shape, x.dtype, mean, std, contiguous=contiguous)


def _random_fill(x: Any, generator: Any, to: int | None = None, **more: int) -> Any:
    low = more.get("from")
    if to is not None:
        check_bounds(low or 0, to, dtypes.from_numpy(x.dtype) or dtypes.int64)
    return generator.random(x.shape, x.dtype, low, to)


def _exponential(x: Any, lambd: float, generator: Any) -> Any:
    torch = f"exponential_ expects lambda > 0.0, but found lambda={lambd:g}"
    _require(lambd > 0, f"the rate is {lambd:g}; it has to be above 0", torch)
    return generator.exponential(x.shape, x.dtype, lambd)


def _geometric(x: Any, p: float, generator: Any) -> Any:
    torch = f"geometric_ expects p to be in (0, 1), but got p={p:g}"
    _require(0 < p < 1, f"the probability is {p:g}; it has to be between 0 and 1", torch)
    return generator.geometric(p, x.shape, x.dtype)


def _cauchy(x: Any, median: float, sigma: float, generator: Any) -> Any:
    torch = f"cauchy_ expects sigma > 0.0, but found sigma={sigma:g}"
    _require(sigma > 0, f"sigma is {sigma:g}; it has to be above 0", torch)
    return generator.cauchy(x.shape, x.dtype, median, sigma)


def _log_normal(x: Any, mean: float, std: float, generator: Any) -> Any:
    torch = f"log_normal_ expects std > 0.0, but found std={std:g}"
    _require(std > 0, f"the deviation is {std:g}; it has to be above 0", torch)
    return generator.log_normal(x.shape, x.dtype, mean, std)


def _bernoulli_fill(x: Any, p: Any, generator: Any) -> Any:
    check_chances(p, "bernoulli_ expects p to be in [0, 1], but got p={p}")
    return generator.bernoulli(p, x.dtype, x.shape)


_refilling(
    f"uniform_(Tensor input, float from=0.0, float to=1.0, *, {FROM})",
    "Numbers drawn evenly from [from, to).",
    _uniform,
    "UniformBackward0",
    "check_uniform_bounds",
)
_refilling(
    f"normal_(Tensor input, float mean=0.0, float std=1.0, *, {FROM})",
    "Normal numbers of a mean and a deviation.",
    _normal_fill,
    ("NormalBackward0", "NormalBackward0"),
    "normal_kernel_cpu",
    pieces=True,
)
_refilling(
    f"bernoulli_(Tensor input, Tensor p, *, {FROM})",
    "1 with the probability p, else 0.",
    _bernoulli_fill,
    ("BernoulliBackward1", "BernoulliBackward1"),
)
_refilling(
    f"bernoulli_(Tensor input, float p=0.5, *, {FROM})",
    "1 with probability p, else 0.",
    _bernoulli_fill,
    ("BernoulliBackward2", "BernoulliBackward2"),
)
_refilling(
    f"random_(Tensor input, *, {FROM})",
    "Integers up to the greatest that the dtype holds exactly.",
    _random_fill,
    ("RandomBackward2", "RandomBackward2"),
)
_refilling(
    f"random_(Tensor input, int to, *, {FROM})",
    "Integers from 0 up to but not including `to`.",
    _random_fill,
    ("RandomBackward1", "RandomBackward1"),
)
_refilling(
    f"random_(Tensor input, int from, int? to, *, {FROM})",
    "Integers from `from` up to but not including `to`.",
    _random_fill,
    ("RandomBackward0", "RandomBackward0"),
)
_refilling(
    f"exponential_(Tensor input, float lambd=1.0, *, {FROM})",
    "Waiting times of a rate.",
    _exponential,
    "ExponentialBackward0",
    "exponential_cpu",
)
_refilling(
    f"geometric_(Tensor input, float p, *, {FROM})",
    "How often something of probability p is tried until it happens.",
    _geometric,
    "GeometricBackward0",
)
_refilling(
    f"cauchy_(Tensor input, float median=0.0, float sigma=1.0, *, {FROM})",
    "Numbers of a Cauchy distribution.",
    _cauchy,
    "CauchyBackward0",
    "cauchy_cpu",
)
_refilling(
    f"log_normal_(Tensor input, float mean=1.0, float std=2.0, *, {FROM})",
    "Numbers whose logarithm is normal.",
    _log_normal,
    "LogNormalBackward0",
    "log_normal_cpu",
)
