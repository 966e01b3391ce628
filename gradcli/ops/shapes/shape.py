"""Shapes: the same elements in another shape. Reshaping, flattening, sizes of 1 added and taken away, expanding.

Nearly all are views. Reordering dimensions is in order.py, taking parts in part.py, joining in join.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradcli.dtypes import DType
from gradcli.errors import DtypeError, IndexError_, ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, kept, op, same
from gradcli.ops.shapes.convert import contiguous_copy
from gradcli.ops.shapes.strides import is_contiguous, strides_of, view_strides
from gradcli.shapes import (
    Shape,
    broadcast_shapes,
    element_count,
    normal_dim,
    normal_dims,
    reduced_shape,
    reshaped_shape,
)

# Reshaping. Which of torch's four ops runs depends on how the elements lie in memory, and gives the name.


def _reshaping(name: str, doc: str, grad_fn: str | tuple[str, str], view: bool = True) -> Op:
    def reshaped(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
        return reshaped_shape(inputs[0].shape, params["shape"])

    return op(
        f"{name}(Tensor input, ints* shape)",
        doc,
        spelled=["_"],
        kernel=lambda x, shape: np.reshape(x, reshaped_shape(np.shape(x), shape)),
        grad=lambda g, y, x, shape: reshape(g, shape=x.shape),
        shape=reshaped,
        dtype=kept,
        grad_fn=grad_fn,
        linear=True,
        view=view,
        samples=[draw((2, 3), shape=(3, 2)), draw((2, 3), shape=(-1,))],
    )


reshape: Op = _reshaping("_reshape", "input, viewed in another shape.", "ViewBackward0")
_reshape_rows: Op = _reshaping(
    "_reshape_rows", "input, which is row-major, in another shape.", ("AsStridedBackward", "ViewBackward0")
)
reshape_alias: Op = _reshaping(
    "_reshape_alias",
    "input, which is not row-major, viewed in another shape.",
    ("AsStridedBackward", "ReshapeAliasBackward0"),
)
_unsafe_view: Op = _reshaping("_unsafe_view", "A copy of input in another shape.", "UnsafeViewBackward0", view=False)


def reshape_like_torch(x: Node, shape: Shape) -> Node:
    """The node of `x.reshape(shape)`: a view where memory allows it, else a copy."""
    shape = reshaped_shape(x.shape, shape)
    result: Node
    if is_contiguous(x):
        result = _reshape_rows(x, shape=shape)
    elif view_strides(x.shape, strides_of(x), shape) is not None:
        result = reshape_alias(x, shape=shape)
    else:
        result = _unsafe_view(contiguous_copy(x), shape=shape)
    return result


def view_like_torch(x: Node, shape: Shape) -> Node:
    """The node of `x.view(shape)`.

    Raises: ShapeError when the elements do not lie so in memory that the shape needs no copy.
    """
    shape = reshaped_shape(x.shape, shape)
    if view_strides(x.shape, strides_of(x), shape) is None:
        raise ShapeError(
            f"a tensor of shape {x.shape} whose elements lie in another order cannot be viewed as {shape}",
            hint=f".reshape{shape} copies where it has to",
            torch="view size is not compatible with input tensor's size and stride (at least one dimension spans "
            "across two contiguous subspaces). Use .reshape(...) instead.",
        )
    result: Node = reshape(x, shape=shape)
    return result


def _view_dtype(x: Node, dtype: DType) -> Node:
    if dtype is x.dtype:
        return x
    if dtype.itemsize != x.dtype.itemsize:
        raise DtypeError(f"a view in {dtype} of a tensor of {x.dtype} is not available: their sizes in bytes differ")
    result: Node = _reinterpret(x, dtype=dtype)
    return result


_reinterpret: Op = op(
    "_view_dtype(Tensor input, dtype dtype)",
    "The same bytes, read as another dtype of that size.",
    spelled=["_"],
    kernel=lambda x, dtype: x.view(dtype.numpy),
    shape=same,
    dtype=lambda inputs, params: (None, params["dtype"]),
)
op(
    "reshape(Tensor input, ints* shape)",
    "The elements of input, in their order, in another shape; one size may be -1.",
    expands=reshape_like_torch,
    samples=[draw((2, 3), shape=(3, 2)), draw((2, 3), shape=(-1,)), draw((), shape=(1, 1)), draw((0, 3), shape=(3, 0))],
    wrong=[("ones(2, 3).reshape(4, 2)", "do not fill"), ("ones(2, 3).reshape(-1, -1)", "only one size")],
)
op(
    "view(Tensor input, ints* size)",
    "The elements of input, in their order, in another shape, sharing memory.",
    spelled=[".view"],
    expands=lambda x, size: view_like_torch(x, size),
    samples=[draw((2, 3), size=(3, 2)), draw((2, 3), size=(-1,))],
    wrong=[("ones(2, 3).T.view(6)", "cannot be viewed")],
)
op(
    "view(Tensor input, dtype dtype)",
    "The same bytes, read as another dtype of that size.",
    spelled=[".view"],
    expands=_view_dtype,
)
op(
    "view_as(Tensor input, Tensor other)",
    "input in the shape of other, sharing memory.",
    spelled=[".view_as"],
    expands=lambda x, other: view_like_torch(x, other.shape),
)
op(
    "reshape_as(Tensor input, Tensor other)",
    "input in the shape of other.",
    spelled=[".reshape_as"],
    expands=lambda x, other: reshape_like_torch(x, other.shape),
)


def flattened_shape(shape: Shape, start_dim: int, end_dim: int) -> Shape:
    """The shape with the dimensions from start_dim to end_dim made one.

    Raises: ShapeError when they come in the wrong order.
    """
    start, end = normal_dim(start_dim, len(shape)), normal_dim(end_dim, len(shape))
    if start > end:
        raise ShapeError(
            f"start_dim {start_dim} comes after end_dim {end_dim} in a tensor of {len(shape)} dimensions",
            torch="flatten() has invalid args: start_dim cannot come after end_dim",
        )
    return (*shape[:start], element_count(shape[start : end + 1]), *shape[end + 1 :])


def _flatten(x: Node, start_dim: int, end_dim: int) -> Node:
    shape = flattened_shape(x.shape, start_dim, end_dim)
    return x if x.ndim == len(shape) else reshape_like_torch(x, shape)


op(
    "flatten(Tensor input, int start_dim=0, int end_dim=-1)",
    "input with the dimensions from start_dim to end_dim made one.",
    expands=_flatten,
    samples=[draw((2, 3, 2), start_dim=0, end_dim=-1), draw((2, 3, 2), start_dim=1, end_dim=2)],
)
op(
    "ravel(Tensor input)",
    "The elements of input as one vector.",
    expands=lambda x: reshape(x if is_contiguous(x) else contiguous_copy(x), shape=(-1,)),
    samples=[draw((2, 3))],
)


def _unflatten(x: Node, dim: int, sizes: Shape) -> Node:
    at = normal_dim(dim, x.ndim)
    if not x.shape:
        raise IndexError_("a tensor without dimensions has none to unflatten")
    try:
        inner = reshaped_shape((x.shape[at],), sizes)
    except ShapeError:
        raise ShapeError(
            f"the sizes {tuple(sizes)} do not multiply to dimension {at}'s {x.shape[at]}",
            torch=f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {at} "
            f"({x.shape[at]}) in the input tensor",
        ) from None
    return view_like_torch(x, (*x.shape[:at], *inner, *x.shape[at + 1 :]))


op(
    "unflatten(Tensor input, int dim, ints sizes)",
    "input with one dimension made into several.",
    expands=_unflatten,
    samples=[draw((2, 6), dim=1, sizes=(2, 3)), draw((6,), dim=0, sizes=(-1, 2))],
    wrong=[("unflatten(ones(2, 3), 1, (2, 2))", "do not multiply")],
)

# Sizes of 1


def _squeezed(shape: Shape, dims: Shape) -> Shape:
    return tuple(size for at, size in enumerate(shape) if size != 1 or at not in dims)


def _squeezing(name: str, parameter: str, dims_of: Callable[[Any, int], Shape], grad_fn: tuple[str | None, str]) -> Op:
    return op(
        f"{name}(Tensor input{parameter})",
        "input without its dimensions of size 1 (dim: those of them).",
        spelled=["_"],
        kernel=lambda x, **p: np.reshape(x, _squeezed(x.shape, dims_of(p.get("dim"), x.ndim))),
        grad=lambda g, y, x, **p: reshape(g, shape=x.shape),
        shape=lambda inputs, p: _squeezed(inputs[0].shape, dims_of(p.get("dim"), inputs[0].ndim)),
        dtype=kept,
        grad_fn=grad_fn,
        linear=True,
        view=True,
    )


def _listed(dims: Shape, ndim: int) -> Shape:
    return normal_dims(dims, ndim) if dims else ()


squeeze_all: Op = _squeezing("_squeeze", "", lambda dim, ndim: tuple(range(ndim)), ("SqueezeBackward0",) * 2)
squeeze_dim: Op = _squeezing("_squeeze", ", int dim", lambda dim, n: (normal_dim(dim, n),), ("SqueezeBackward1",) * 2)
squeeze_dims: Op = _squeezing("_squeeze", ", ints dim", _listed, (None, "SqueezeBackward2"))


def squeeze(x: Node, dim: int | Shape | None = None) -> Node:
    """The node of x without dimensions of size 1: all, one, or those listed."""
    if dim is None:
        result: Node = squeeze_all(x)
    else:
        result = squeeze_dim(x, dim=dim) if isinstance(dim, int) else squeeze_dims(x, dim=dim)
    return result


op(
    "squeeze(Tensor input, dims dim=None)",
    "input without its dimensions of size 1, or without those of dim that have size 1.",
    expands=squeeze,
    view=True,
    inplace=True,
    samples=[draw((1, 3, 1)), draw((1, 3, 1), dim=0), draw((1, 3, 1), dim=(0, -1)), draw((2, 3), dim=1)],
    wrong=[("squeeze(ones(2, 3), 4)", "out of range")],
)


def _unsqueezed(shape: Shape, dim: int) -> Shape:
    at = normal_dim(dim, len(shape) + 1)
    return (*shape[:at], 1, *shape[at:])


unsqueeze: Op = op(
    "unsqueeze(Tensor input, int dim)",
    "input with a dimension of size 1 put in at dim.",
    kernel=lambda x, dim: np.expand_dims(x, dim),
    grad=lambda g, y, x, dim: squeeze_dim(g, dim=dim),
    shape=lambda inputs, params: _unsqueezed(inputs[0].shape, params["dim"]),
    dtype=kept,
    grad_fn=("UnsqueezeBackward0", "UnsqueezeBackward0"),
    linear=True,
    view=True,
    inplace=True,
    samples=[draw((2, 3), dim=1), draw((2, 3), dim=-1), draw((), dim=0)],
    wrong=[("unsqueeze(ones(2, 3), 4)", "out of range")],
)


def _atleast(x: Node, ndim: int) -> Node:
    if x.ndim >= ndim:
        return x
    if not x.ndim:
        row: Node = reshape(x, shape=(1,) * ndim)
        return row
    result: Node = unsqueeze(x, dim=0) if x.ndim == 1 else x
    if ndim == 3:
        result = unsqueeze(result, dim=-1)
    return result


for _ndim in (1, 2, 3):
    op(
        f"atleast_{_ndim}d(Tensor input)",
        f"input with dimensions of size 1 added until it has {_ndim}.",
        spelled=[f"torch.atleast_{_ndim}d"],
        expands=lambda x, ndim=_ndim: _atleast(x, ndim),
        samples=[draw(()), draw(3), draw((2, 3))],
    )
    op(
        f"atleast_{_ndim}d(Tensors* tensors)",
        f"Each tensor with dimensions of size 1 added until it has {_ndim}.",
        spelled=[f"torch.atleast_{_ndim}d"],
        expands=lambda tensors, ndim=_ndim: tuple(_atleast(x, ndim) for x in tensors),
    )

# Expanding


def expanded_shape(shape: Shape, size: Shape) -> Shape:
    """The size asked for, with -1 meaning the size that is there.

    Raises: ShapeError when an existing size other than 1 would change.
    """
    lead = len(size) - len(shape)
    if lead < 0:
        raise ShapeError(
            f"a tensor of shape {shape} cannot expand to fewer dimensions: {size}",
            torch=f"expand(torch.FloatTensor{{{list(shape)}}}, size={list(size)}): the number of sizes "
            f"provided ({len(size)}) must be greater or equal to the number of dimensions in "
            f"the tensor ({len(shape)})",
        )
    result = list(size)
    for at in reversed(range(len(size))):
        wanted = size[at]
        own = shape[at - lead] if at >= lead else 1
        if wanted < 0 and (at < lead or wanted < -1):
            raise ShapeError(
                f"the new dimension {at} of {size} cannot be {wanted}: there is no size to keep",
                torch=f"The expanded size of the tensor ({wanted}) isn't allowed in a leading, "
                f"non-existing dimension {at}",
            )
        if wanted not in (-1, own) and own != 1:
            raise ShapeError(
                f"a tensor of shape {shape} does not expand to {size}",
                detail=f"dimension {at} has {own}; only a size of 1 can become {wanted}",
                torch=f"The expanded size of the tensor ({wanted}) must match the existing size ({own}) at "
                f"non-singleton dimension {at}.  Target sizes: {list(size)}.  Tensor sizes: {list(shape)}",
            )
        if wanted == -1:
            result[at] = own
    return tuple(result)


expand: Op = op(
    "_expand(Tensor input, ints size)",
    "input repeated along dimensions of size 1, without copying.",
    spelled=["_"],
    kernel=lambda x, size: np.broadcast_to(x, expanded_shape(np.shape(x), tuple(size))),
    grad=lambda g, y, x, size: g,  # the walk sums a cotangent to the shape of its primal
    shape=lambda inputs, params: expanded_shape(inputs[0].shape, tuple(params["size"])),
    dtype=kept,
    grad_fn="ExpandBackward0",
    linear=True,
    view=True,
    samples=[draw((1, 3), size=(2, 3)), draw(3, size=(2, -1))],
)
op(
    "expand(Tensor input, ints* size, *, ignored implicit=False)",
    "input repeated along dimensions of size 1, without copying; -1 keeps a size.",
    spelled=[".expand"],
    expands=lambda x, size: expand(x, size=size),
    samples=[draw((1, 3), size=(2, 3)), draw(3, size=(2, -1)), draw((), size=(2, 2))],
    wrong=[("ones(2, 3).expand(4, 3)", "does not expand")],
)
op(
    "broadcast_to(Tensor input, ints size)",
    "input repeated along dimensions of size 1, without copying.",
    expands=lambda x, size: expand(x, size=size),
    samples=[draw((1, 3), size=(2, 3))],
)
op(
    "expand_as(Tensor input, Tensor other)",
    "input expanded to the shape of other.",
    spelled=[".expand_as"],
    expands=lambda x, other: expand(x, size=other.shape),
)


def broadcast_nodes(nodes: list[Node]) -> tuple[Node, ...]:
    """The nodes, each expanded to the shape all broadcast to; one that has it is itself."""
    shape = broadcast_shapes(*[x.shape for x in nodes])
    return tuple(x if x.shape == shape else expand(x, size=shape) for x in nodes)


op(
    "broadcast_tensors(Tensors* tensors)",
    "Each tensor, expanded to the shape they broadcast to.",
    spelled=["torch.broadcast_tensors"],
    expands=broadcast_nodes,
)


def expand_reduced(g: Node, shape: Shape, dim: Any, keepdim: bool) -> Node:
    """The cotangent of a reduction, spread over the dimensions that were reduced."""
    dims = normal_dims(dim, len(shape))
    if not keepdim and len(dims) < len(shape):
        g = reshape(g, shape=reduced_shape(shape, dims, True))
    result: Node = expand(g, size=shape)
    return result
