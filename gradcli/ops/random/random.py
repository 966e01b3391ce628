"""Random numbers: torch's functions over `generator.py`, whose numbers are torch's bit for bit.

An op here runs when it is called, so that the stream is drawn from in the order of the program. Nothing of a gradient
flows through a draw: its rule gives zeros. Draws by chance are in chances.py, methods in place in refill.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.dtypes import DType
from gradcli.engine.run import value
from gradcli.errors import RefusedValue
from gradcli.graph.node import MODE, Node
from gradcli.graph.op import Op, op
from gradcli.ops.creation.create import LIKE, PLACE, asked_dtype, asked_size
from gradcli.ops.dtyperules import not_taken
from gradcli.ops.shapes.convert import zeros_as
from gradcli.ops.shapes.strides import is_contiguous, strides_of
from gradcli.shapes import Shape, broadcast_shapes, checked_size

FROM = "generator generator=None"


def dense_order(x: Node) -> Shape | None:
    """The dimensions from slow to fast in memory, in which numbers are drawn; None when they are in order.

    It is the order that a tensor "like" this one gets.
    """
    strides = strides_of(x) if x.ndim > 1 else ()
    order = tuple(sorted(range(len(strides)), key=lambda dim: -strides[dim] if x.shape[dim] > 1 else 0))
    sizes = [at for at in order if x.shape[at] > 1]
    return None if sizes == sorted(sizes) else order


def draw_order(x: Node) -> Shape | None:
    """As dense_order, for the tensor itself: None only when it has no gaps either."""
    if is_contiguous(x):
        return None
    return dense_order(x) or tuple(range(x.ndim))


def drawn(draw: Callable[[Shape], Any], shape: Shape, order: Shape | None) -> Any:
    """Numbers of a shape, drawn in an order of its dimensions."""
    if order is None:
        return draw(shape)
    values = draw(tuple(shape[dim] for dim in order))
    return np.transpose(values, np.argsort(order))


def zeros_rule(g: Node, y: Node, *inputs: Node, **params: Any) -> Node:
    """The rule of a draw: no gradient flows."""
    node: Node = zeros_as(g)
    return node


def _floats(word: str) -> Callable[[tuple[Node, ...], Mapping[str, Any]], tuple[None, DType]]:
    """The dtype asked for, else the default, which has to be floating. word: torch's name of the kernel."""

    def rule(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> tuple[None, DType]:
        dtype = params["dtype"] or MODE.default
        if not dtype.floating:
            raise not_taken(dtype, word)
        return None, dtype

    return rule


# Factories

_rand: Op = op(
    "_rand(any size, any dtype, any order, generator generator)",
    "Numbers from [0, 1).",
    spelled=["_"],
    kernel=lambda size, dtype, order, generator: drawn(lambda n: generator.rand(n, dtype.numpy), size, order),
    shape=asked_size,
    dtype=_floats("check_uniform_bounds"),
    random=True,
)
_randn: Op = op(
    "_randn(any size, any dtype, any order, generator generator)",
    "Standard normal numbers.",
    spelled=["_"],
    kernel=lambda size, dtype, order, generator: drawn(
        lambda n: generator.normal(n, dtype.numpy, contiguous=order is None), size, order
    ),
    shape=asked_size,
    dtype=_floats("normal_kernel_cpu"),
    random=True,
)
for _name, _source, _doc in (
    ("rand", _rand, "Numbers drawn evenly from [0, 1)"),
    ("randn", _randn, "Standard normal numbers"),
):
    op(
        f"{_name}(ints* size, *, {FROM}, dtype? dtype=None, {PLACE})",
        f"{_doc}.",
        spelled=[f"torch.{_name}"],
        expands=lambda size, dtype, generator, source=_source: source(
            size=checked_size(size), dtype=dtype or MODE.default, order=None, generator=generator
        ),
    )
    op(
        f"{_name}_like(Tensor input, *, {FROM}, dtype? dtype=None, {LIKE})",
        f"{_doc}, in the shape and dtype of input.",
        spelled=[f"torch.{_name}_like"],
        expands=lambda x, dtype, generator, source=_source: source(
            size=x.shape, dtype=dtype or x.dtype, order=dense_order(x), generator=generator
        ),
    )


def check_bounds(low: int, high: int, dtype: DType) -> None:
    """Refuse an empty range, or one that the dtype has no room for.

    Raises: ValueError_.
    """
    if low >= high:
        raise RefusedValue(
            f"there are no integers from {low} up to but not including {high}",
            torch=f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}",
        )
    if dtype.floating:
        return
    least, greatest = (0, 1) if dtype is dtypes.bool_ else (np.iinfo(dtype.numpy).min, np.iinfo(dtype.numpy).max)
    for word, bound in (("from", low), ("to - 1", high - 1)):
        if not least <= bound <= greatest:
            raise RefusedValue(f"{bound} does not fit {dtype}", torch=f"{word} is out of bounds for {dtype.name}")


def _randint_kernel(low: int, high: int, size: Shape, dtype: DType, order: Shape | None, generator: Any) -> Any:
    check_bounds(low, high, dtype)
    return drawn(lambda n: generator.randint(low, high, n, dtype.numpy), size, order)


_randint: Op = op(
    "_randint(int low, int high, any size, any dtype, any order, generator generator)",
    "Integers from low up to but not including high.",
    spelled=["_"],
    kernel=_randint_kernel,
    shape=asked_size,
    dtype=asked_dtype,
    random=True,
)


def _integers(low: int, high: int, size: Shape, dtype: DType, generator: Any, order: Shape | None = None) -> Node:
    node: Node = _randint(low=low, high=high, size=checked_size(size), dtype=dtype, order=order, generator=generator)
    return node


op(
    f"randint(int high, ints size, *, {FROM}, dtype? dtype=None, {PLACE})",
    "Integers from 0 up to but not including high.",
    spelled=["torch.randint"],
    expands=lambda high, size, dtype, generator: _integers(0, high, size, dtype or dtypes.int64, generator),
)
op(
    f"randint(int low, int high, ints size, *, {FROM}, dtype? dtype=None, {PLACE})",
    "Integers from low up to but not including high.",
    spelled=["torch.randint"],
    expands=lambda low, high, size, dtype, generator: _integers(low, high, size, dtype or dtypes.int64, generator),
)
op(
    f"randint_like(Tensor input, int high, *, {FROM}, dtype? dtype=None, {LIKE})",
    "Integers from 0 up to but not including high, in the shape and dtype of input.",
    spelled=["torch.randint_like"],
    expands=lambda x, high, dtype, generator: _integers(0, high, x.shape, dtype or x.dtype, generator, dense_order(x)),
)
op(
    f"randint_like(Tensor input, int low, int high, *, {FROM}, dtype? dtype=None, {LIKE})",
    "Integers from low up to but not including high, in the shape and dtype of input.",
    spelled=["torch.randint_like"],
    expands=lambda x, low, high, dtype, generator: _integers(
        low, high, x.shape, dtype or x.dtype, generator, dense_order(x)
    ),
)
op(
    f"randperm(int n, *, {FROM}, dtype? dtype=None, {PLACE})",
    "The integers below n in random order.",
    spelled=["torch.randperm"],
    kernel=lambda n, dtype, generator: generator.randperm(n, (dtype or dtypes.int64).numpy),
    shape=lambda inputs, params: checked_size((params["n"],)),
    dtype=lambda inputs, params: (None, params["dtype"] or dtypes.int64),
    random=True,
    wrong=[("randperm(-1)", "cannot be negative")],
)

# Normal numbers of a given mean and deviation


def check_std(std: Any) -> None:
    """Refuse a negative deviation.

    Raises: ValueError_.
    """
    if isinstance(std, np.ndarray | np.generic):
        if np.less(std, 0).any():
            raise RefusedValue("a deviation cannot be negative", torch="normal expects all elements of std >= 0.0")
    elif std < 0:
        raise RefusedValue(
            f"the deviation is {std}; it cannot be negative", torch=f"normal expects std >= 0.0, but found std {std:g}"
        )


def _normal_kernel(size: Shape, mean: float, std: float, dtype: DType, generator: Any) -> Any:
    check_std(std)
    return generator.normal(tuple(size), dtype.numpy, mean, std)


_normal: Op = op(
    "_normal(any size, float mean, float std, any dtype, generator generator)",
    "Normal numbers.",
    spelled=["_"],
    kernel=_normal_kernel,
    shape=asked_size,
    dtype=_floats("normal_kernel_cpu"),
    random=True,
)


def _around_kernel(*given: Any, generator: Any, mean: float | None = None, std: float | None = None) -> Any:
    center, deviation = given if len(given) == 2 else (given[0], std) if mean is None else (mean, given[0])
    check_std(deviation)
    return generator.normal_around(center, deviation)


def _around_dtype(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> tuple[None, DType]:
    if not inputs[0].dtype.floating:
        raise not_taken(inputs[0].dtype, "normal_kernel_cpu")
    return None, inputs[0].dtype


def _around_shape(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
    return broadcast_shapes(*[i.shape for i in inputs])


def _normal_around(parameters: str, doc: str, digit: int) -> None:
    source = op(
        f"_normal_{digit}({parameters}, generator generator)",
        doc,
        spelled=["_"],
        kernel=_around_kernel,
        grad=[zeros_rule] * parameters.count("Tensor"),
        shape=_around_shape,
        dtype=_around_dtype,
        grad_fn=(f"NormalBackward{digit}",) * 2,
        random=True,
    )
    op(
        f"normal({parameters}, *, {FROM})",
        doc,
        spelled=["torch.normal"],
        expands=lambda *inputs, **params: source(*known(inputs), **params),
    )


def known(inputs: tuple[Node, ...]) -> tuple[Node, ...]:
    """The nodes with their values computed: a draw runs at once."""
    for x in inputs:
        value(x)
    return inputs


_normal_around("Tensor mean, Tensor std", "Normal numbers, each of its own mean and deviation.", 3)
_normal_around("Tensor mean, float std=1.0", "Normal numbers, each of its own mean.", 1)
_normal_around("float mean, Tensor std", "Normal numbers, each of its own deviation.", 2)
op(
    f"normal(float mean, float std, ints size, *, {FROM}, dtype? dtype=None, {PLACE})",
    "Normal numbers of a mean and a deviation.",
    spelled=["torch.normal"],
    expands=lambda mean, std, size, dtype, generator: _normal(
        size=checked_size(size), mean=mean, std=std, dtype=dtype or MODE.default, generator=generator
    ),
    wrong=[("normal(0., -1., (3,))", "cannot be negative")],
)
