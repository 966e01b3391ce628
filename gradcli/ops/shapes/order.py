"""Order: dimensions and elements in another order. Transposing, permuting, flipping, rolling, rotating."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradcli.errors import IndexError_, ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, kept, op, same
from gradcli.ops.shapes.convert import alias
from gradcli.shapes import Shape, normal_dim, normal_dims

# Dimensions: views


def _swapped(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
    shape = list(inputs[0].shape)
    a, b = normal_dim(params["dim0"], len(shape)), normal_dim(params["dim1"], len(shape))
    if shape:
        shape[a], shape[b] = shape[b], shape[a]
    return tuple(shape)


transpose: Op = op(
    "transpose(Tensor input, int dim0, int dim1)",
    "input with two dimensions exchanged.",
    kernel=lambda x, dim0, dim1: np.swapaxes(x, dim0, dim1) if x.ndim else x,
    grad=lambda g, y, x, dim0, dim1: transpose(g, dim0=dim0, dim1=dim1),
    shape=_swapped,
    dtype=kept,
    grad_fn=("TransposeBackward0", "TransposeBackward0"),
    linear=True,
    view=True,
    inplace=True,
    samples=[draw((2, 3), dim0=0, dim1=1), draw((2, 3, 4), dim0=-1, dim1=0), draw((), dim0=0, dim1=-1)],
    wrong=[("transpose(ones(2, 3), 0, 2)", "out of range")],
)
op(
    "swapaxes(Tensor input, int axis0, int axis1)",
    "input with two dimensions exchanged.",
    expands=lambda x, axis0, axis1: transpose(x, dim0=axis0, dim1=axis1),
    inplace=True,
    samples=[draw((2, 3), axis0=0, axis1=1)],
)
op(
    "swapdims(Tensor input, int dim0, int dim1)",
    "input with two dimensions exchanged.",
    expands=lambda x, dim0, dim1: transpose(x, dim0=dim0, dim1=dim1),
    inplace=True,
    samples=[draw((2, 3), dim0=0, dim1=1)],
)


def _at_most_matrix(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
    shape: Shape = inputs[0].shape
    if len(shape) > 2:
        raise ShapeError(
            f"it transposes matrices; a tensor of shape {shape} has {len(shape)} dimensions",
            hint="x.mT transposes the last two dimensions, x.permute(...) orders all",
            torch=f"t() expects a tensor with <= 2 dimensions, but self is {len(shape)}D",
        )
    return shape[::-1]


t: Op = op(
    "t(Tensor input)",
    "A matrix transposed; a vector or number as it is.",
    kernel=lambda x: x.T,
    grad=lambda g, y, x: t(g),
    shape=_at_most_matrix,
    dtype=kept,
    grad_fn="TBackward0",
    linear=True,
    view=True,
    inplace=True,
    samples=[draw((2, 3)), draw(3), draw(())],
    wrong=[("ones(2, 2, 2).t()", "transposes matrices")],
)


def transposed(x: Node, name: str = "mT") -> Node:
    """The node with its last two dimensions exchanged. name: the method that asks.

    Raises: ShapeError when it has fewer.
    """
    if x.ndim < 2:
        raise ShapeError(
            f"it transposes matrices; a tensor of shape {x.shape} has {x.ndim} dimension{'s' if x.ndim != 1 else ''}",
            torch=f"tensor.{name} is only supported on matrices or batches of matrices. Got {x.ndim}-D tensor.",
        )
    result: Node = transpose(x, dim0=-2, dim1=-1)
    return result


def _matrix_transposed(x: Node) -> Node:
    if x.ndim not in (0, 2):
        raise ShapeError(
            f"it transposes a matrix; this tensor has shape {x.shape}",
            hint=".mH transposes batches of matrices",
            torch=f"tensor.H is only supported on matrices (2-D tensors). Got {x.ndim}-D tensor."
            + (" For batches of matrices, consider using tensor.mH" if x.ndim > 2 else ""),
        )
    return transposed(x) if x.ndim else x


op(
    "mT(Tensor input)",
    "The last two dimensions exchanged.",
    spelled=[".mT"],
    expands=transposed,
    samples=[draw((2, 3))],
)
op(
    "mH(Tensor input)",
    "The last two dimensions exchanged.",
    spelled=[".mH"],
    expands=transposed,
    samples=[draw((2, 3))],
)
op("H(Tensor input)", "A matrix transposed.", spelled=[".H"], expands=_matrix_transposed, samples=[draw((2, 3))])
op(
    "adjoint(Tensor input)",
    "The last two dimensions exchanged.",
    expands=lambda x: transposed(x, "adjoint") if x.ndim else x,
    samples=[draw((2, 3)), draw((2, 3, 2))],
)


def _order(dims: Sequence[int], ndim: int) -> Shape:
    if len(dims) != ndim:
        raise ShapeError(
            f"{tuple(dims)} names {len(dims)} dimension{'' if len(dims) == 1 else 's'}, the tensor has {ndim}",
            torch="permute(sparse_coo): number of dimensions in the tensor input does not match the length of the "
            f"desired ordering of dimensions i.e. input.dim() = {ndim} is not equal to len(dims) = {len(dims)}",
        )
    order = tuple(normal_dim(dim, ndim) for dim in dims)
    if len(set(order)) < ndim:
        raise ShapeError(f"{tuple(dims)} names a dimension twice", torch="permute(): duplicate dims are not allowed.")
    return order


def _restored(g: Node, dims: Sequence[int]) -> Node:
    order = _order(dims, g.ndim)
    result: Node = permute(g, dims=tuple(order.index(at) for at in range(g.ndim)))
    return result


permute: Op = op(
    "permute(Tensor input, ints* dims)",
    "input with its dimensions in another order.",
    kernel=lambda x, dims: np.transpose(x, dims),
    grad=lambda g, y, x, dims: _restored(g, dims),
    shape=lambda inputs, p: tuple(inputs[0].shape[at] for at in _order(p["dims"], inputs[0].ndim)),
    dtype=kept,
    grad_fn="PermuteBackward0",
    linear=True,
    view=True,
    samples=[draw((2, 3, 4), dims=(2, 0, 1)), draw((2, 3), dims=(-1, 0))],
    wrong=[("permute(ones(2, 3), (0,))", "names 1 dimension"), ("ones(2, 3).permute(0, 0)", "twice")],
)
op(
    "T(Tensor input)",
    "input with its dimensions in reverse order.",
    spelled=[".T"],
    expands=lambda x: permute(x, dims=tuple(reversed(range(x.ndim)))),
    samples=[draw((2, 3))],
)


def move_dim(x: Node, source: int, to: int) -> Node:
    """The node with one dimension at another place."""
    dims = [dim for dim in range(x.ndim) if dim != source]
    dims.insert(to, source)
    moved: Node = permute(x, dims=tuple(dims))
    return moved


def _moved(x: Node, source: int | Shape, destination: int | Shape) -> Node:
    sources = (source,) if isinstance(source, int) else source
    places = (destination,) if isinstance(destination, int) else destination
    if len(sources) != len(places):
        raise ShapeError(
            f"{len(sources)} dimensions are to be moved to {len(places)} places",
            torch=f"movedim: Invalid source or destination dims: source ({list(sources)} dims) should contain the same "
            f"number of dims as destination ({list(places)} dims)",
        )
    moved = [normal_dim(dim, x.ndim) for dim in sources]
    wanted = [normal_dim(dim, x.ndim) for dim in places]
    for word, dims, given in (("source", moved, sources), ("destination", wanted, places)):
        if len(set(dims)) < len(dims):
            raise ShapeError(
                f"a {word} is named twice in {tuple(given)}",
                torch=f"movedim: repeated dim in `{word}` ({list(given)})",
            )
    if not x.ndim:
        return alias(x)  # type: ignore[no-any-return]
    staying = (dim for dim in range(x.ndim) if dim not in moved)
    to_place = dict(zip(wanted, moved, strict=True))
    result: Node = permute(x, dims=tuple(to_place[at] if at in to_place else next(staying) for at in range(x.ndim)))
    return result


op(
    "movedim(Tensor input, dims source, dims destination)",
    "input with some dimensions moved to other places; the others keep their order.",
    spelled=["moveaxis"],
    expands=_moved,
    samples=[draw((2, 3, 4), source=0, destination=2), draw((2, 3, 4), source=(0, 1), destination=(2, 0))],
    wrong=[("movedim(ones(2, 3), 0, 2)", "out of range")],
)

# Elements


def _flip_dims(dims: Sequence[int], ndim: int) -> Shape:
    return normal_dims(tuple(dims), ndim) if dims and ndim else ()


def _flipped(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
    normal_dims(tuple(params["dims"]), inputs[0].ndim)
    return same(inputs, params)


flip: Op = op(
    "flip(Tensor input, ints* dims)",
    "input with its elements in reverse order along dims.",
    kernel=lambda x, dims: np.flip(x, _flip_dims(dims, x.ndim)).copy(),
    grad=lambda g, y, x, dims: flip(g, dims=dims),
    shape=_flipped,
    dtype=kept,
    grad_fn="FlipBackward0",
    linear=True,
    samples=[draw((2, 3), dims=(0,)), draw((2, 3), dims=(0, -1)), draw((), dims=())],
    wrong=[("flip(ones(2, 3), (0, 0))", "listed twice")],
)


def _flip_one(x: Node, dim: int) -> Node:
    if x.ndim <= dim:
        raise ShapeError(
            f"a tensor of shape {x.shape} has no dimension {dim} to flip", torch=f"Input must be >= {dim + 1}-d."
        )
    result: Node = flip(x, dims=(dim,))
    return result


op("fliplr(Tensor input)", "input from right to left.", expands=lambda x: _flip_one(x, 1), samples=[draw((2, 3))])
op("flipud(Tensor input)", "input upside down.", expands=lambda x: _flip_one(x, 0), samples=[draw((2, 3))])


def _rolled(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
    shape = same(inputs, params)
    shifts, dims = params["shifts"], params["dims"]
    if len(dims) != len(shifts) and not (not dims and len(shifts) == 1):
        raise ShapeError(
            f"there are {len(shifts)} shifts for {len(dims)} dimensions",
            torch=f"shifts and dimensions must align. shifts: {len(shifts)}, dims:{len(dims)}",
        )
    if dims and not shape:
        raise IndexError_(
            "a tensor without dimensions has none to roll along",
            torch=f"Dimension specified as {dims[0]} but tensor has no dimensions",
        )
    for dim in dims:
        normal_dim(dim, len(shape))
    return shape


roll: Op = op(
    "roll(Tensor input, ints shifts, ints dims=())",
    "input shifted along dims, what leaves at one end entering at the other; without dims as one vector.",
    kernel=lambda x, shifts, dims: np.roll(x, shifts, dims) if dims else np.roll(x, shifts[0]),
    grad=lambda g, y, x, shifts, dims: roll(g, shifts=tuple(-n for n in shifts), dims=dims),
    shape=_rolled,
    dtype=kept,
    grad_fn="RollBackward0",
    linear=True,
    samples=[
        draw((2, 3), shifts=(1,), dims=()),
        draw((2, 3), shifts=(1, -2), dims=(0, 1)),
        draw(3, shifts=(2,), dims=(0,)),
    ],
)


def _plane(dims: Sequence[int], ndim: int) -> Shape:
    if len(dims) != 2:
        raise ShapeError(
            f"a rotation needs two dimensions, not {tuple(dims)}",
            torch=f"expected total rotation dims == 2, but got dims = {len(dims)}",
        )
    if ndim < 2:
        raise ShapeError(
            f"a tensor of {ndim} dimension{'' if ndim == 1 else 's'} cannot be rotated: two are needed",
            torch=f"expected total dims >= 2, but got total dims = {ndim}",
        )
    first, second = normal_dim(dims[0], ndim), normal_dim(dims[1], ndim)
    if first == second:
        raise ShapeError(
            f"a rotation needs two different dimensions, not {tuple(dims)}",
            torch=f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}",
        )
    return first, second


def _rotated(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
    shape = list(inputs[0].shape)
    first, second = _plane(params["dims"], len(shape))
    if params["k"] % 2:
        shape[first], shape[second] = shape[second], shape[first]
    return tuple(shape)


rot90: Op = op(
    "rot90(Tensor input, int k=1, ints dims=(0, 1))",
    "input rotated k times by 90 degrees, from the first of dims towards the second.",
    kernel=lambda x, k, dims: np.rot90(x, k, dims).copy(),
    grad=lambda g, y, x, k, dims: rot90(g, k=-k, dims=dims),
    shape=_rotated,
    dtype=kept,
    grad_fn="Rot90Backward0",
    linear=True,
    samples=[draw((2, 3), k=1, dims=(0, 1)), draw((2, 3), k=-2, dims=(1, 0))],
    wrong=[("rot90(ones(3))", "two are needed")],
)
