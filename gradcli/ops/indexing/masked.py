"""Masks: elements chosen, filled or replaced where a bool tensor holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.dtypes import DType
from gradcli.errors import DtypeError, ShapeError
from gradcli.graph.node import Node, cast_value
from gradcli.graph.op import Op, draw, index, kept, leaf, op
from gradcli.ops.dtyperules import C_NAMES, TITLES
from gradcli.ops.elementwise.compare import where
from gradcli.ops.held import held
from gradcli.ops.indexing.gather import place_rows
from gradcli.ops.reductions.reduce import sum_
from gradcli.ops.shapes.convert import zeros_as
from gradcli.ops.shapes.shape import expand, reshape
from gradcli.shapes import Shape, broadcast_shapes


def _check_mask(mask: Node, torch: str) -> None:
    if mask.dtype is not dtypes.bool_:
        raise DtypeError(
            f"the mask is of {mask.dtype}; it has to be a bool tensor",
            hint="compare, or convert it: .bool()",
            torch=torch,
        )


def _filled(x: Any, mask: Any, value: Any) -> Any:
    if not isinstance(value, np.ndarray | np.generic):
        value = cast_value(value, dtypes.from_numpy(x.dtype) or dtypes.float32)
    return np.where(mask, np.asarray(value).astype(x.dtype), x)


def _fill_shape(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
    x, mask, *value = inputs
    named = C_NAMES.get(mask.dtype.name, mask.dtype.name)
    _check_mask(mask, f"masked_fill_ only supports boolean masks, but got mask with dtype {named}")
    if value and value[0].ndim:
        raise ShapeError(
            f"the value to fill with has shape {value[0].shape}; it can only be one number",
            torch="masked_fill_ only supports a 0-dimensional value tensor, but got tensor with "
            f"{value[0].ndim} dimension(s).",
        )
    return broadcast_shapes(x.shape, mask.shape)


def _kept_first(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> tuple[DType | None, Any]:
    return None, inputs[0].dtype


op(
    "masked_fill(Tensor input, Tensor mask, Tensor value)",
    "value where the mask holds, else input.",
    kernel=_filled,
    grad=[
        lambda g, y, x, mask, value: where(mask, 0.0, g),
        None,
        lambda g, y, x, mask, value: sum_(where(mask, g, 0.0), dim=None, keepdim=False),
    ],
    shape=_fill_shape,
    dtype=_kept_first,
    grad_fn=("MaskedFillBackward1", "MaskedFillBackward1"),
    inplace=True,
    samples=[draw((2, 3), (), mask=[[True, False, True], [False, True, False]])],
)
masked_fill: Op = op(
    "masked_fill(Tensor input, Tensor mask, Scalar value)",
    "value where the mask holds, else input.",
    kernel=_filled,
    grad=[lambda g, y, x, mask, value: where(mask, 0.0, g), None],
    shape=_fill_shape,
    dtype=kept,
    grad_fn=("MaskedFillBackward0", "MaskedFillBackward0"),
    inplace=True,
    samples=[
        draw((2, 3), mask=[[True, False, True], [False, True, False]], value=2.5),
        draw((2, 3), mask=[True, False, True], value=0.0),
    ],
)

# masked_select: the places are found when the node is made, since the number of elements depends on them


_holding = op(
    "_mask_places(Tensor mask, int count, any size)",
    "Where the mask, broadcast to a size, holds in the flattened tensor: in count places.",
    spelled=["_"],
    kernel=lambda mask, count, size: np.flatnonzero(np.broadcast_to(mask, size)),
    shape=lambda inputs, params: (params["count"],),
    dtype=index,
)


def _places(mask: Node, shape: Shape) -> Node:
    """Where the mask, broadcast to a shape, holds in the flattened tensor."""
    result: Node = _holding(mask, count=held(mask, shape), size=shape)
    return result


_masked_pick: Op = op(
    "_masked_select(Tensor input, Tensor places)",
    "The elements of the flattened input at places.",
    spelled=["_"],
    kernel=lambda x, places: np.reshape(x, -1)[places],
    grad=[
        lambda g, y, x, places: reshape(place_rows(g, places, dim=0, shape=(x.size,)), shape=x.shape),
        None,
    ],
    shape=lambda inputs, params: inputs[1].shape,
    dtype=kept,
    grad_fn="MaskedSelectBackward0",
)


def _masked_select(x: Node, mask: Node) -> Node:
    _check_mask(mask, "masked_select: expected BoolTensor for mask")
    shape = broadcast_shapes(x.shape, mask.shape)
    whole = x if x.shape == shape else expand(x, size=shape)
    result: Node = _masked_pick(whole, _places(mask, shape))
    return result


op(
    "masked_select(Tensor input, Tensor mask)",
    "The elements of input where the mask holds, as a vector.",
    expands=_masked_select,
    samples=[draw((2, 3), mask=[[True, False, True], [False, True, False]]), draw((2, 3), mask=[True, False, True])],
)

# masked_scatter


def _scatter_kernel(x: Any, source: Any, places: Any, shape: Shape) -> Any:
    result = np.array(np.broadcast_to(x, shape), order="C")
    result.reshape(-1)[places] = np.reshape(source, -1)[: places.size]
    return result


def _scatter_rule(g: Node, y: Node, x: Node, source: Node, places: Node, shape: Shape) -> tuple[Node, Node, None]:
    count = places.shape[0]
    taken: Node = _masked_pick(g, places)
    whole = place_rows(taken, leaf(np.arange(count)), dim=0, shape=(source.size,))
    kept_of_x = _masked_scatter_op(g, zeros_as(source), places, shape=shape)
    return kept_of_x, reshape(whole, shape=source.shape), None


_masked_scatter_op: Op = op(
    "_masked_scatter(Tensor input, Tensor source, Tensor places, any shape)",
    "input with the elements of source, in their order, at places of its flattened form.",
    spelled=["_"],
    kernel=_scatter_kernel,
    joint=_scatter_rule,
    shape=lambda inputs, params: params["shape"],
    dtype=kept,
    grad_fn="MaskedScatterBackward0",
)


def _masked_scatter(x: Node, mask: Node, source: Node) -> Node:
    _check_mask(mask, f"masked_scatter_ only supports boolean masks, but got mask with dtype {TITLES[mask.dtype.name]}")
    if x.dtype is not source.dtype:
        raise DtypeError(
            f"the values are of {source.dtype}, the tensor is of {x.dtype}",
            hint=f"convert them: .to({x.dtype})",
            torch="masked_scatter: expected self and source to have same dtypes but got"
            f"{TITLES[x.dtype.name]} and {TITLES[source.dtype.name]}",
        )
    shape = broadcast_shapes(x.shape, mask.shape)
    places = _places(mask, shape)
    if places.size > source.size:
        raise ShapeError(
            f"the mask holds in {places.size} places, and there are {source.size} values",
            torch="Number of elements of source < number of ones in mask",
        )
    result: Node = _masked_scatter_op(x, source, places, shape=shape)
    return result


op(
    "masked_scatter(Tensor input, Tensor mask, Tensor source)",
    "input with the elements of source, in their order, where the mask holds.",
    expands=_masked_scatter,
    inplace=True,
    samples=[draw((2, 3), 5, mask=[[True, False, True], [False, True, False]])],
)
