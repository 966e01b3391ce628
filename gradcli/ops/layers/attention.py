"""scaled_dot_product_attention."""

from __future__ import annotations

from math import inf, sqrt
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.errors import DtypeError, RefusedValue, ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, leaf, op
from gradcli.ops.dtyperules import TITLES, new
from gradcli.ops.elementwise.compare import eq, where
from gradcli.ops.linalg.products import matmul
from gradcli.ops.random.dropout import dropped
from gradcli.ops.random.random import FROM
from gradcli.ops.reductions.extremes import amax
from gradcli.ops.reductions.softmax import softmax
from gradcli.ops.shapes.order import transpose
from gradcli.ops.shapes.shape import expand, reshape


def _attend(
    query: Node,
    key: Node,
    value: Node,
    mask: Node | None,
    scale: float,
    dropout_p: float = 0.0,
    generator: Any = None,
) -> Any:
    """softmax(query @ key.T scale + mask) @ value; a row that the mask leaves nothing is 0."""
    scores = matmul(query * scale, transpose(key, dim0=-2, dim1=-1))
    if mask is None:
        weights = softmax(scores, dim=-1, dtype=None)
    else:
        scores = where(mask, scores, -inf) if mask.dtype is dtypes.bool_ else scores + mask
        empty = eq(amax(scores, dim=(-1,), keepdim=True), -inf)
        weights = where(empty, 0.0, softmax(where(empty, 0.0, scores), dim=-1, dtype=None))
    return matmul(dropped(weights, dropout_p, True, generator), value)


# torch takes a fused routine for batches of heads
_fused = op(
    "_attention(Tensor query, Tensor key, Tensor value, Tensor? mask, float scale)",
    "softmax(query @ key.T scale + mask) @ value.",
    spelled=["_"],
    expands=_attend,
    grad_fn=new("ScaledDotProductFlashAttentionForCpuBackward0"),
)


def _is_fused(query: Node, key: Node, value: Node, mask: Node | None, dropout_p: float) -> bool:
    return (
        dropout_p == 0
        and query.ndim == key.ndim == value.ndim == 4
        and query.shape[:2] == key.shape[:2] == value.shape[:2]
        and query.shape[-1] == key.shape[-1] == value.shape[-1]
        and all(query.shape + key.shape)
        and (mask is None or (not mask.requires_grad and mask.ndim in (2, 4)))
    )


def _check_operands(query: Node, key: Node, value: Node, mask: Node | None) -> None:
    for name, given in (("query", query), ("key", key), ("value", value)):
        if given.ndim < 2:
            raise ShapeError(
                f"the {name} needs at least 2 dimensions; its shape is {given.shape}",
                torch="Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: "
                f"{query.ndim} key.dim: {key.ndim} and value.dim: {value.ndim} instead.",
            )
        if given.dtype is not query.dtype:
            raise DtypeError(
                f"the dtypes differ: query is {query.dtype.name}, {name} is {given.dtype.name}",
                torch="Expected query, key, and value to have the same dtype, but got query.dtype: "
                f"{TITLES[query.dtype.name]} key.dtype: {TITLES[key.dtype.name]} and value.dtype: "
                f"{TITLES[value.dtype.name]} instead.",
            )
    if mask is not None and mask.dtype not in (dtypes.bool_, dtypes.float32, query.dtype):
        raise DtypeError(
            f"attn_mask must be bool or {query.dtype.name}, not {mask.dtype.name}",
            torch="Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: "
            f"{TITLES[mask.dtype.name]} and  query.dtype: {TITLES[query.dtype.name]} instead.",
        )


def _heads(x: Node, count: int) -> Any:
    """Each head of key or value used for several of the query."""
    lead, heads, rest = x.shape[:-3], x.shape[-3], x.shape[-2:]
    if heads == count:
        return x
    if not heads or count % heads:
        raise ShapeError(
            f"{count} heads of the query do not divide into {heads} of key and value",
            torch="Number of heads in key and value must divide the number of heads in query",
        )
    repeated = expand(reshape(x, shape=(*lead, heads, 1, *rest)), size=(*lead, heads, count // heads, *rest))
    return reshape(repeated, shape=(*lead, count, *rest))


def _attention(
    query: Node,
    key: Node,
    value: Node,
    mask: Node | None = None,
    *,
    dropout_p: float,
    is_causal: bool,
    scale: float | None,
    enable_gqa: bool,
    generator: Any,
) -> Any:
    _check_operands(query, key, value, mask)
    if is_causal and mask is not None:
        raise RefusedValue(
            "attn_mask does not go with is_causal=True",
            torch="_scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True",
        )
    if enable_gqa and query.ndim > 2:
        key, value = _heads(key, query.shape[-3]), _heads(value, query.shape[-3])
    if scale is None:
        scale = 1 / sqrt(query.shape[-1]) if query.shape[-1] else 1.0
    fused = _is_fused(query, key, value, mask, dropout_p)
    if is_causal:
        mask = leaf(np.tril(np.ones((query.shape[-2], key.shape[-2]), bool)))
    if fused:
        return _fused(query, key, value, mask, scale=scale)
    return _attend(query, key, value, mask, scale, dropout_p, generator)


scaled_dot_product_attention: Op = op(
    "scaled_dot_product_attention(Tensor query, Tensor key, Tensor value, Tensor? attn_mask=None, float dropout_p=0.0, "
    f"bool is_causal=False, *, float? scale=None, bool enable_gqa=False, {FROM})",
    "softmax(query @ key.T scale + attn_mask) @ value, with scale 1 / sqrt(size of a query).",
    spelled=["F.scaled_dot_product_attention"],
    expands=_attention,
    samples=[
        draw((2, 3), (4, 3), (4, 2)),
        draw((2, 3, 2), (2, 3, 2), (2, 3, 2), is_causal=True),
        draw((1, 2, 3, 2), (1, 2, 3, 2), (1, 2, 3, 2), scale=0.5),
        draw((2, 2), (3, 2), (3, 2), attn_mask=[[True, False, True], [False, False, False]]),
        draw((1, 4, 2, 2), (1, 2, 3, 2), (1, 2, 3, 2), enable_gqa=True),
    ],
)
