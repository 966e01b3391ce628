"""Joining: tensors put side by side or in a new dimension, and one tensor repeated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations, combinations_with_replacement
from math import prod
from typing import Any

import numpy as np

from gradcli.dtypes import result_type
from gradcli.engine.run import value
from gradcli.errors import DtypeError, RefusedValue, ShapeError, ValueError_
from gradcli.graph.node import MODE, Node
from gradcli.graph.op import Op, draw, leaf, op
from gradcli.ops.creation.create import zeros
from gradcli.ops.indexing.gather import index_select
from gradcli.ops.reductions.reduce import sum_
from gradcli.ops.shapes.convert import contiguous_copy
from gradcli.ops.shapes.part import select, slice_
from gradcli.ops.shapes.shape import expand, reshape, unsqueeze
from gradcli.shapes import Shape, normal_dim

# Side by side


def _skipped(shape: Shape) -> bool:
    """An empty vector fits everywhere, as it always has in torch."""
    return shape == (0,)


def _joined_shape(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
    if not inputs:
        raise ValueError_("there are no tensors to join", torch="torch.cat(): expected a non-empty list of Tensors")
    for at, x in enumerate(inputs):
        if not x.ndim:
            raise ShapeError(
                f"tensor {at} of the list has no dimensions",
                hint="stack puts numbers side by side",
                torch=f"zero-dimensional tensor (at position {at}) cannot be concatenated",
            )
    counted = [(at, x.shape) for at, x in enumerate(inputs) if not _skipped(x.shape)]
    first: Shape = counted[0][1] if counted else (0,)
    dim = normal_dim(params["dim"], len(first))
    for at, shape in counted[1:]:
        if len(shape) != len(first):
            raise ShapeError(
                f"the tensors have different numbers of dimensions: {first} and {shape}",
                torch=f"Tensors must have same number of dimensions: got {len(first)} and {len(shape)}",
            )
        for d, (size, wanted) in enumerate(zip(shape, first, strict=True)):
            if d != dim and size != wanted:
                raise ShapeError(
                    f"the shapes {first} and {shape} do not fit along dimension {dim}: they differ in dimension {d}",
                    torch=f"Sizes of tensors must match except in dimension {dim}. Expected size {wanted} but got size "
                    f"{size} for tensor number {at} in the list.",
                )
    return (*first[:dim], sum(shape[dim] for _, shape in counted), *first[dim + 1 :])


def _joined_dtype(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> tuple[Any, Any]:
    dtype = result_type((x.dtype for x in inputs), (), (), MODE.default)
    return dtype, dtype


def _cat_kernel(*arrays: Any, dim: int) -> Any:
    return np.concatenate([a for a in arrays if not _skipped(a.shape)] or [arrays[0]], dim)


def _cat_rule(g: Node, y: Node, *inputs: Node, dim: int) -> list[Node | None]:
    at = normal_dim(dim, g.ndim)
    parts: list[Node | None] = []
    start = 0
    for x in inputs:
        if _skipped(x.shape):
            parts.append(zeros(x.shape, x.dtype))
            continue
        end = start + x.shape[at]
        parts.append(slice_(g, dim=at, start=start, end=end, step=1) if x.requires_grad else None)
        start = end
    return parts


cat: Op = op(
    "cat(Tensors tensors, int dim=0)",
    "The tensors side by side along dim.",
    spelled=["torch.cat", "torch.concat", "torch.concatenate"],
    kernel=_cat_kernel,
    joint=_cat_rule,
    shape=_joined_shape,
    dtype=_joined_dtype,
    grad_fn="CatBackward0",
    linear=True,
    samples=[draw((2, 3), (1, 3), dim=0), draw((2, 3), (2, 1), (2, 2), dim=-1), draw(3, 0, dim=0)],
    wrong=[("cat([ones(2, 3), ones(3)])", "numbers of dimensions"), ("cat([])", "no tensors")],
)


def _stacked_shape(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
    if not inputs:
        raise RefusedValue("there are no tensors to stack", torch="stack expects a non-empty TensorList")
    first: Shape = inputs[0].shape
    for at, x in enumerate(inputs):
        if x.shape != first:
            raise ShapeError(
                f"the tensors have different shapes: {first} and {x.shape}",
                torch=f"stack expects each tensor to be equal size, but got {list(first)} at entry 0 and "
                f"{list(x.shape)} at entry {at}",
            )
    dim = normal_dim(params["dim"], len(first) + 1)
    return (*first[:dim], len(inputs), *first[dim:])


def _stack_rule(g: Node, y: Node, *inputs: Node, dim: int) -> list[Node | None]:
    return [select(g, dim=dim, index=at) if x.requires_grad else None for at, x in enumerate(inputs)]


stack: Op = op(
    "stack(Tensors tensors, int dim=0)",
    "The tensors, all of one shape, along a new dimension.",
    spelled=["torch.stack"],
    kernel=lambda *arrays, dim: np.stack(arrays, dim),
    joint=_stack_rule,
    shape=_stacked_shape,
    dtype=_joined_dtype,
    grad_fn="StackBackward0",
    linear=True,
    samples=[draw((2, 3), (2, 3), dim=0), draw((2, 3), (2, 3), dim=-1), draw((), (), dim=0)],
    wrong=[("stack([ones(2, 3), ones(3, 2)])", "different shapes"), ("stack([])", "no tensors")],
)


def _deep(x: Node, ndim: int) -> Node:
    """The node with dimensions of size 1 added as atleast_1d, _2d and _3d do."""
    if x.ndim >= ndim:
        return x
    shapes: dict[int, Shape] = {0: (1,) * ndim, 1: (1, x.size, 1)[: max(ndim, 2)], 2: (*x.shape, 1)}
    result: Node = reshape(x, shape=shapes[x.ndim])
    return result


def _side_by_side(nodes: Sequence[Node], dim: int) -> Node:
    result: Node = cat(*nodes, dim=dim)
    return result


def _hstack(tensors: Sequence[Node]) -> Node:
    parts = [_deep(x, 1) for x in tensors]
    return _side_by_side(parts, 0 if not parts or parts[0].ndim == 1 else 1)


def _column_stack(tensors: Sequence[Node]) -> Node:
    return _hstack([x if x.ndim > 1 else reshape(x, shape=(x.size, 1)) for x in tensors])


_STACKS: tuple[tuple[str, str, Callable[[Sequence[Node]], Node]], ...] = (
    ("hstack", "The tensors side by side: vectors end to end, others along their second dimension.", _hstack),
    ("vstack", "The tensors as rows, one below the other.", lambda xs: _side_by_side([_deep(x, 2) for x in xs], 0)),
    ("row_stack", "The tensors as rows, one below the other.", lambda xs: _side_by_side([_deep(x, 2) for x in xs], 0)),
    ("dstack", "The tensors along their third dimension.", lambda xs: _side_by_side([_deep(x, 3) for x in xs], 2)),
    ("column_stack", "The tensors side by side, vectors as columns.", _column_stack),
)
for _name, _doc, _joining in _STACKS:
    op(
        f"{_name}(Tensors tensors)",
        _doc,
        spelled=[f"torch.{_name}"],
        expands=_joining,
        samples=[draw(3, 3), draw((2, 3), (2, 3)), draw((), ())],
    )

# Blocks of a matrix


def _matrix_shape(shape: Shape) -> Shape:
    return shape if len(shape) == 2 else (1, shape[0] if shape else 1)


def _blocks_shape(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
    for at, x in enumerate(inputs):
        if x.ndim > 2:
            raise ShapeError(
                f"tensor {at} has shape {x.shape}; a block has two dimensions or fewer",
                torch="torch.block_diag: Input tensors must have 2 or fewer dimensions. "
                f"Input {at} has {x.ndim} dimensions",
            )
    shapes = [_matrix_shape(x.shape) for x in inputs]
    return sum(rows for rows, _ in shapes), sum(columns for _, columns in shapes)


def _blocks_kernel(*arrays: Any) -> Any:
    shapes = [_matrix_shape(a.shape) for a in arrays]
    result = np.zeros((sum(r for r, _ in shapes), sum(c for _, c in shapes)), arrays[0].dtype)
    row = column = 0
    for array, (rows, columns) in zip(arrays, shapes, strict=True):
        result[row : row + rows, column : column + columns] = array
        row, column = row + rows, column + columns
    return result


def _blocks_rule(g: Node, y: Node, *inputs: Node) -> list[Node]:
    parts = []
    row = column = 0
    for x in inputs:
        rows, columns = _matrix_shape(x.shape)
        part = slice_(g, dim=0, start=row, end=row + rows, step=1)
        part = slice_(part, dim=1, start=column, end=column + columns, step=1)
        parts.append(reshape(part, shape=x.shape))
        row, column = row + rows, column + columns
    return parts


op(
    "block_diag(Tensors* tensors)",
    "A matrix with the tensors as blocks along its diagonal.",
    spelled=["torch.block_diag"],
    kernel=_blocks_kernel,
    joint=_blocks_rule,
    shape=_blocks_shape,
    dtype=_joined_dtype,
    grad_fn="BlockDiagBackward0",
    linear=True,
    samples=[draw((2, 3), 2, ()), draw((1, 2), (2, 2))],
)

# Repeating


def _repeated(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
    shape, repeats = inputs[0].shape, params["repeats"]
    lead = len(repeats) - len(shape)
    if lead < 0:
        raise ShapeError(
            f"a tensor of shape {shape} needs {len(shape)} numbers of repeats or more, not {tuple(repeats)}",
            torch="Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor",
        )
    sizes = tuple(n * size for n, size in zip(repeats, (1,) * lead + shape, strict=True))
    if any(n < 0 for n in repeats):
        raise ShapeError(
            f"a number of repeats cannot be negative: {tuple(repeats)}",
            torch=f"Trying to create tensor with negative dimension {min(sizes)}: {list(sizes)}",
        )
    return sizes


def _repeat_rule(g: Node, y: Node, x: Node, repeats: Shape) -> Node:
    lead = len(repeats) - x.ndim
    paired = [n for pair in zip(repeats, (1,) * lead + x.shape, strict=True) for n in pair]
    folded = reshape(g, shape=tuple(paired))
    summed: Node = sum_(folded, dim=tuple(range(0, len(paired), 2)), keepdim=False) if paired else folded
    result: Node = reshape(summed, shape=x.shape)
    return result


repeat: Op = op(
    "repeat(Tensor input, ints* repeats)",
    "input repeated so many times along each dimension, new ones in front.",
    spelled=[".repeat"],
    kernel=lambda x, repeats: np.tile(x, repeats) if repeats else np.array(x),
    grad=_repeat_rule,
    shape=_repeated,
    dtype=lambda inputs, params: (None, inputs[0].dtype),
    grad_fn="RepeatBackward0",
    linear=True,
    samples=[draw((2, 3), repeats=(2, 1)), draw(3, repeats=(2, 2)), draw((), repeats=(3,)), draw((), repeats=())],
    wrong=[("ones(2, 3).repeat(2)", "numbers of repeats"), ("ones(3).repeat(-1)", "cannot be negative")],
)
op(
    "tile(Tensor input, ints* dims)",
    "input repeated so many times along its last dimensions.",
    expands=lambda x, dims: repeat(x, repeats=(1,) * (x.ndim - len(dims)) + tuple(dims)),
    samples=[draw((2, 3), dims=(2,)), draw((2, 3), dims=(2, 1, 2))],
)


def _interleaved(x: Node, repeats: int, dim: int | None, output_size: int | None) -> Node:
    if repeats < 0:
        raise RefusedValue(
            f"the number of repeats is {repeats}; it cannot be negative", torch="Repeats must be non-negative"
        )
    if dim is None:
        x, dim = reshape(x, shape=(-1,)), 0
    at = normal_dim(dim, x.ndim)
    wide = expand(unsqueeze(x, dim=at + 1), size=(*x.shape[: at + 1], repeats, *x.shape[at + 1 :]))
    result: Node = reshape(contiguous_copy(wide), shape=(*x.shape[:at], x.shape[at] * repeats, *x.shape[at + 1 :]))
    return result


def _interleaved_by(x: Node, repeats: Node, dim: int | None, output_size: int | None) -> Node:
    if dim is None:
        x, dim = reshape(x, shape=(-1,)), 0
    at = normal_dim(dim, x.ndim)
    size = x.shape[at] if x.ndim else 1
    if repeats.size not in (1, size) or repeats.ndim > 1:
        raise ShapeError(
            f"there are {repeats.size} numbers of repeats for dimension {at} of size {size}",
            torch="repeats must have the same size as input along dim, but got repeats.size(0) = "
            f"{repeats.size} and input.size({at}) = {size}",
        )
    result: Node = index_select(x, leaf(_interleaved_places(repeats, size)), dim=at)
    return result


def _interleaved_places(repeats: Node, size: int) -> Any:
    if repeats.dtype.floating or repeats.dtype.category == 0:
        raise DtypeError(
            f"the numbers of repeats are of {repeats.dtype}; they have to be integers",
            torch="repeats has to be Long or Int tensor",
        )
    counts = np.broadcast_to(value(repeats).reshape(-1), (size,))
    if counts.size and counts.min() < 0:
        raise RefusedValue("a number of repeats cannot be negative", torch="repeats can not be negative")
    return np.repeat(np.arange(size), counts)


op(
    "repeat_interleave(Tensor repeats, *, int? output_size=None)",
    "The numbers 0, 1, 2, ..., each repeated so many times.",
    spelled=["torch.repeat_interleave"],
    expands=lambda repeats, output_size: leaf(_interleaved_places(repeats, repeats.size)),
)
op(
    "repeat_interleave(Tensor input, Tensor repeats, int? dim=None, *, int? output_size=None)",
    "input with each element repeated its own number of times along dim.",
    expands=_interleaved_by,
    samples=[
        draw(3, repeats=[1, 0, 2], dim=None, output_size=None),
        draw((2, 3), repeats=[2], dim=0, output_size=None),
    ],
)
op(
    "repeat_interleave(Tensor input, int repeats, int? dim=None, *, int? output_size=None)",
    "input with each element repeated so many times along dim; without dim, flattened.",
    expands=_interleaved,
    samples=[draw((2, 3), repeats=2, dim=None, output_size=None), draw((2, 3), repeats=3, dim=1, output_size=None)],
    wrong=[("repeat_interleave(ones(3), -1)", "cannot be negative")],
)

# Grids and choices


def _meshgrid(tensors: Sequence[Node], indexing: str = "ij") -> tuple[Node, ...]:
    if indexing not in ("ij", "xy"):
        raise RefusedValue(
            f"indexing is {indexing!r}; it can be 'ij' or 'xy'",
            torch=f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}',
        )
    if not tensors:
        raise RefusedValue("there are no tensors to make a grid of", torch="meshgrid expects a non-empty TensorList")
    for x in tensors:
        if x.ndim > 1:
            raise ShapeError(
                f"a grid is made of vectors; one has shape {x.shape}",
                torch=f"torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: {list(x.shape)}",
            )
        if x.dtype is not tensors[0].dtype:
            raise DtypeError(
                f"a grid is made of vectors of one dtype, not of {tensors[0].dtype} and {x.dtype}",
                torch="meshgrid expects all tensors to have the same dtype",
            )
    order = list(range(len(tensors)))
    if indexing == "xy" and len(order) > 1:
        order[:2] = 1, 0
    shape = tuple(tensors[at].size for at in order)
    grids = []
    for at, x in enumerate(tensors):
        place = order.index(at)
        grids.append(expand(reshape(x, shape=(1,) * place + (x.size,) + (1,) * (len(order) - place - 1)), size=shape))
    return tuple(grids)


op(
    "meshgrid(Tensors* tensors, *, str indexing='ij')",
    "The coordinates of the points of a grid: each vector along its own dimension, repeated along the others.",
    spelled=["torch.meshgrid"],
    expands=lambda tensors, indexing: _meshgrid(tensors, indexing),
    samples=[draw(3, 2, indexing="ij"), draw(3, 2, indexing="xy")],
)


def _check_vector(x: Node) -> None:
    if x.ndim != 1:
        raise ShapeError(
            f"it takes vectors; this tensor has shape {x.shape}",
            torch=f"Expect a 1D vector, but got shape {list(x.shape)}",
        )


def _cartesian_prod(tensors: Sequence[Node]) -> Node:
    for x in tensors:
        _check_vector(x)
    if len(tensors) == 1:
        return tensors[0]
    count = prod(x.size for x in tensors)
    result: Node = stack(*[reshape(x, shape=(count,)) for x in _meshgrid(tensors)], dim=1)
    return result


op(
    "cartesian_prod(Tensors* tensors)",
    "Every choice of one element from each vector, a row each.",
    spelled=["torch.cartesian_prod"],
    expands=_cartesian_prod,
    samples=[draw(3, 2)],
)


def _combinations(x: Node, r: int, with_replacement: bool) -> Node:
    _check_vector(x)
    if r < 0:
        raise RefusedValue(
            f"it chooses {r} elements; that cannot be negative", torch=f"Expect a non-negative number, but got {r}"
        )
    if r == 0:
        return zeros((0,), x.dtype)
    chosen = (combinations_with_replacement if with_replacement else combinations)(range(x.size), r)
    places = np.array(list(chosen), np.int64).reshape(-1, r)
    result: Node = stack(*[index_select(x, leaf(places[:, at].copy()), dim=0) for at in range(r)], dim=1)
    return result


op(
    "combinations(Tensor input, int r=2, bool with_replacement=False)",
    "Every choice of r elements of a vector, a row each.",
    expands=_combinations,
    samples=[draw(4, r=2, with_replacement=False), draw(3, r=2, with_replacement=True)],
    wrong=[("combinations(ones(3), -1)", "cannot be negative")],
)
