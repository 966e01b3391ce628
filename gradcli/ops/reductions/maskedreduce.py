"""torch.masked: sums, extremes, spreads and softmaxes of the elements that a mask lets through.

What the mask leaves out is first replaced by what does not change the result (0 in a sum, -inf in a maximum); where
nothing is let through, that is the result, or nan for a mean. A mask broadcasts to the input; None lets all through.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, nan
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.dtypes import DType
from gradcli.engine.run import value
from gradcli.errors import IndexError_, NotImplementedError_, ShapeError, ValueError_
from gradcli.graph.node import Node
from gradcli.graph.op import draw, leaf, op
from gradcli.ops.elementwise.arithmetic import div, mul, neg, sub
from gradcli.ops.elementwise.compare import isnan, maximum, where
from gradcli.ops.elementwise.explog import logaddexp, sqrt
from gradcli.ops.linalg.norms import vector_norm
from gradcli.ops.reductions.extremes import amax, amin, argmax, argmin
from gradcli.ops.reductions.reduce import prod_dim, sum_as, sum_dim
from gradcli.ops.reductions.scan import cumprod, cumsum
from gradcli.ops.reductions.softmax import log_softmax, logsumexp, softmax
from gradcli.ops.reductions.sort import nanmedian_along
from gradcli.ops.shapes.convert import to_dtype
from gradcli.ops.shapes.shape import expand, reshape
from gradcli.shapes import Shape, normal_dim

REDUCING = "Tensor input, dims? dim=None, *, bool? keepdim=False, dtype? dtype=None, Tensor? mask=None"
ALONG = "Tensor input, int dim, *, dtype? dtype=None, Tensor? mask=None"
SPREADING = (
    "Tensor input, dims? dim=None, bool? unbiased=None, *, Scalar? correction=None, bool? keepdim=False, "
    "dtype? dtype=None, Tensor? mask=None"
)


def _lowest(dtype: DType) -> float:
    return -inf if dtype.floating else int(_limits(dtype).min)


def _highest(dtype: DType) -> float:
    return inf if dtype.floating else int(_limits(dtype).max)


def _limits(dtype: DType) -> Any:
    if dtype is dtypes.bool_:
        raise NotImplementedError_("bools have no extremes under a mask", torch=f"identity of amax on {dtype!r} input")
    return np.iinfo(dtype.numpy)


def _let_through(mask: Node, shape: Shape) -> Node:
    """The mask as bools, in the shape of the input.

    Raises: IndexError_ for a mask of more dimensions.
    """
    if mask.ndim > len(shape):
        raise IndexError_(
            f"the mask has {mask.ndim} dimensions, the input {len(shape)}",
            torch="_input_mask expected broadcastable mask (got mask dimensionality higher than of the input)",
        )
    if mask.shape != shape:
        mask = expand(mask, size=shape)
    return to_dtype(mask, dtypes.bool_)


def _masked(x: Node, mask: Node | None, otherwise: float) -> Node:
    """The input with a number where the mask does not hold."""
    if mask is None:
        return x
    return where(_let_through(mask, x.shape), x, leaf(np.full((), otherwise, x.dtype.numpy)))


def _dims(dim: Any, ndim: int) -> tuple[int, ...]:
    """The dimensions in order; all of them for None and ().

    Raises: ShapeError for one that comes twice; IndexError_ out of range.
    """
    if dim is None or dim == ():
        return tuple(range(ndim))
    found = tuple(normal_dim(d, ndim) for d in ((dim,) if isinstance(dim, int) else dim))
    if len(set(found)) < len(found):
        raise ShapeError(f"dim names a dimension twice: {dim}", torch=f"dim={dim[-1]} appears multiple times in the "
                         "list of dims")  # fmt: skip
    return tuple(sorted(found))


def _adding(dtype: DType) -> DType:
    """The dtype that sums and products have: integers add up as int64."""
    return dtype if dtype.floating else dtypes.int64


def _sum(x: Node, mask: Node | None, *, dim: Any, keepdim: bool | None, dtype: DType | None) -> Any:
    masked = _masked(x, mask, 0)
    return sum_as(masked, dim=_dims(dim, x.ndim), keepdim=bool(keepdim), dtype=dtype or _adding(x.dtype))


def _prod(x: Node, mask: Node | None, *, dim: Any, keepdim: bool | None, dtype: DType | None) -> Any:
    result = to_dtype(_masked(x, mask, 1), dtype or _adding(x.dtype))
    for at in reversed(_dims(dim, x.ndim)):
        result = prod_dim(result, dim=at, keepdim=bool(keepdim))
    return result


def _extreme(reduce: Callable[..., Any], otherwise: Callable[[DType], float]) -> Callable[..., Any]:
    def extreme(x: Node, mask: Node | None, *, dim: Any, keepdim: bool | None, dtype: DType | None) -> Any:
        masked = _masked(x, mask, otherwise(x.dtype)) if mask is not None else x
        return to_dtype(reduce(masked, dim=_dims(dim, x.ndim), keepdim=bool(keepdim)), dtype or x.dtype)

    return extreme


def _place(find: Callable[..., Any], otherwise: Callable[[DType], float]) -> Callable[..., Any]:
    def place(x: Node, mask: Node | None, *, dim: int | None, keepdim: bool | None, dtype: DType | None) -> Any:
        masked = _masked(x, mask, otherwise(x.dtype)) if mask is not None else x
        return to_dtype(find(masked, dim=dim, keepdim=bool(keepdim)), dtype or x.dtype)

    return place


def _counted(x: Node, mask: Node | None, dim: Any, keepdim: bool) -> Any:
    """How many elements are let through."""
    through = _let_through(mask, x.shape) if mask is not None else leaf(np.ones(x.shape, np.int64))
    return sum_dim(through, dim=_dims(dim, x.ndim), keepdim=keepdim)


def _mean(x: Node, mask: Node | None, *, dim: Any, keepdim: bool | None, dtype: DType | None) -> Any:
    if not (dtype or x.dtype).floating:
        named = "Input" if dtype is None else "Optional"
        raise ValueError_(
            f"a mean needs a floating dtype, not {dtype or x.dtype!r}",
            hint="convert it first: x.float()",
            torch=f"mean(): Could not infer output dtype. {named} dtype must be either a floating point or complex "
            f"dtype. Got: {dtype or x.dtype!r}",
        )
    total = _sum(x, mask, dim=dim, keepdim=keepdim, dtype=dtype or x.dtype)
    return div(total, _counted(x, mask, dim, bool(keepdim)))


def _median(x: Node, mask: Node | None, *, dim: int, keepdim: bool, dtype: DType | None) -> Any:
    floating = to_dtype(x, x.dtype if x.dtype.floating else dtypes.float32)
    found = nanmedian_along(_masked(floating, mask, nan), dim=dim, keepdim=keepdim)[0]
    if x.dtype.floating:
        return found
    if bool(value(isnan(found)).any()):
        raise ValueError_(
            "a row has no element that is let through, and an integer cannot be nan",
            torch="masked median expects no fully masked out rows if dtype is not floating point",
        )
    return to_dtype(found, dtype or x.dtype)


def _log_sum(x: Node, mask: Node | None, *, dim: Any, keepdim: bool | None, dtype: DType | None) -> Any:
    masked = _masked(x, mask, _lowest(x.dtype)) if mask is not None else x
    return to_dtype(logsumexp(masked, dim=_dims(dim, x.ndim), keepdim=bool(keepdim)), dtype or x.dtype)


def _log_add(x: Node, other: Node, input_mask: Node | None, other_mask: Node | None, *, dtype: DType | None) -> Any:
    one, two = (_masked(i, m, -inf) for i, m in ((x, input_mask), (other, other_mask)))
    return to_dtype(logaddexp(one, two), dtype or x.dtype)


def _norm(x: Node, mask: Node | None, *, ord: float | None, dim: Any, keepdim: bool | None, dtype: DType | None) -> Any:
    masked = _masked(x, mask, inf if ord == -inf else 0)
    return vector_norm(masked, ord, _dims(dim, x.ndim), bool(keepdim), dtype or x.dtype)


def _spread(root: bool) -> Callable[..., Any]:
    def spread(
        x: Node,
        mask: Node | None,
        *,
        dim: Any,
        unbiased: bool | None,
        correction: float | None,
        keepdim: bool | None,
        dtype: DType | None,
    ) -> Any:
        dtype = dtype or (x.dtype if x.dtype.floating else dtypes.float32)
        less = float(correction) if correction is not None else float(unbiased is None or unbiased)
        count = _counted(x, mask, dim, True)
        away = sub(x, div(_sum(x, mask, dim=dim, keepdim=True, dtype=dtype), count))
        total = _sum(mul(away, away), mask, dim=dim, keepdim=keepdim, dtype=dtype)
        if not keepdim:
            count = reshape(count, shape=total.shape)
        if less:
            count = maximum(sub(to_dtype(count, dtype), less), leaf(np.zeros((), dtype.numpy)))
        result = to_dtype(div(total, count), dtype)
        return sqrt(result) if root else result

    return spread


def _along(apply: Callable[..., Any], otherwise: Callable[[DType], float], cast: bool = False) -> Callable[..., Any]:
    """An op along one dimension; cast: what it makes of integers is brought back to their dtype."""

    def along(x: Node, mask: Node | None, *, dim: int, dtype: DType | None) -> Any:
        masked = _masked(x, mask, otherwise(x.dtype)) if mask is not None else x
        result = apply(masked, dim=normal_dim(dim, x.ndim), dtype=dtype or x.dtype)
        return to_dtype(result, dtype or x.dtype) if cast else result

    return along


def _always(number: float) -> Callable[[DType], float]:
    return lambda dtype: number


def _softmin(x: Node, dim: int, dtype: DType | None) -> Any:
    return softmax(neg(x), dim=dim, dtype=dtype)


def _normalized(x: Node, mask: Node | None, *, ord: float, dim: int, eps: float, dtype: DType | None) -> Any:
    length = _norm(x, mask, ord=ord, dim=dim, keepdim=True, dtype=dtype)
    return div(_masked(x, mask, 0), maximum(length, leaf(np.full((), eps, length.dtype.numpy))))


for _name, _doc, _expands in (
    ("sum", "The sum of the elements that the mask lets through.", _sum),
    ("prod", "The product of the elements that the mask lets through.", _prod),
    ("amax", "The largest element that the mask lets through.", _extreme(amax, _lowest)),
    ("amin", "The smallest element that the mask lets through.", _extreme(amin, _highest)),
    ("mean", "The mean of the elements that the mask lets through; nan where there are none.", _mean),
    ("logsumexp", "log(sum(exp(input))) of the elements that the mask lets through.", _log_sum),
):
    op(
        f"{_name}({REDUCING})",
        _doc,
        spelled=[f"masked.{_name}"],
        expands=_expands,
        samples=[draw((2, 3), dim=1, keepdim=False, dtype=None)],
    )
for _name, _find, _otherwise in (("argmax", argmax, _lowest), ("argmin", argmin, _highest)):
    op(
        f"{_name}({REDUCING.replace('dims?', 'int?')})",
        f"The index of what masked.{_name.replace('arg', 'a')} finds, in the dtype of input.",
        spelled=[f"masked.{_name}"],
        expands=_place(_find, _otherwise),
    )
for _name, _root, _doc in (("var", False, "The variance"), ("std", True, "The standard deviation")):
    op(
        f"{_name}({SPREADING})",
        f"{_doc} of the elements that the mask lets through.",
        spelled=[f"masked.{_name}"],
        expands=_spread(_root),
        samples=[draw((2, 3), dim=1, unbiased=None, correction=0, keepdim=False, dtype=None)],
    )
for _name, _apply, _otherwise, _doc in (
    ("softmax", softmax, _lowest, "exp(input) / sum(exp(input)) of the elements let through, 0 elsewhere."),
    ("log_softmax", log_softmax, _lowest, "The logarithm of masked.softmax."),
    ("softmin", _softmin, _highest, "masked.softmax of -input."),
):
    op(
        f"{_name}({ALONG})",
        _doc,
        spelled=[f"masked.{_name}"],
        expands=_along(_apply, _otherwise),
        samples=[draw((2, 3), dim=1, dtype=None)],
    )
for _name, _apply, _neutral in (("cumsum", cumsum, 0), ("cumprod", cumprod, 1)):
    op(
        f"{_name}({ALONG})",
        f"The {_name[3:]} of each element that the mask lets through and those before it.",
        spelled=[f"masked.{_name}"],
        expands=_along(_apply, _always(_neutral), cast=True),
        samples=[draw((2, 3), dim=1, dtype=None)],
    )
op(
    "median(Tensor input, int dim=-1, *, bool keepdim=False, dtype? dtype=None, Tensor? mask=None)",
    "The median of the elements that the mask lets through (of an even count the lower one).",
    spelled=["masked.median"],
    expands=_median,
    samples=[draw((2, 3), dim=1, keepdim=False, dtype=None)],
)
op(
    "norm(Tensor input, Scalar? ord=2.0, dims? dim=None, *, bool? keepdim=False, dtype? dtype=None, Tensor? mask=None)",
    "The norm of the elements that the mask lets through.",
    spelled=["masked.norm"],
    expands=_norm,
    samples=[draw((2, 3), ord=2.0, dim=1, keepdim=False, dtype=None)],
)
op(
    "normalize(Tensor input, Scalar ord, int dim, *, float eps=1e-12, dtype? dtype=None, Tensor? mask=None)",
    "The elements that the mask lets through by their norm along dim, 0 elsewhere.",
    spelled=["masked.normalize"],
    expands=_normalized,
    samples=[draw((2, 3), ord=2.0, dim=1, eps=1e-12, dtype=None)],
)
op(
    "logaddexp(Tensor input, Tensor other, *, dtype? dtype=None, Tensor? input_mask=None, Tensor? other_mask=None)",
    "log(exp(input) + exp(other)) of the elements that the masks let through.",
    spelled=["masked.logaddexp"],
    expands=_log_add,
    samples=[draw((2, 3), (2, 3), dtype=None)],
)
