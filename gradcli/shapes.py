"""Shapes: broadcasting, dimensions and index arithmetic. Pure functions on tuples of int."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod

from gradcli.errors import IndexError_, ShapeError, TypeError_

Shape = tuple[int, ...]


def broadcast_shapes(*shapes: Shape) -> Shape:
    """The shape that all broadcast to: aligned at the last dimension, sizes equal or 1.

    Raises: ShapeError with both sizes where they differ.
    """
    if len(shapes) == 2:
        first, second = shapes
        if first == second or not second:
            return first
        if not first:
            return second
    ndim = max(map(len, shapes), default=0)
    result = [1] * ndim
    for shape in shapes:
        for at, size in enumerate(shape, ndim - len(shape)):
            if size == 1 or size == result[at]:
                continue
            if result[at] != 1:
                raise _no_broadcast(shapes, result[at], size, at)
            result[at] = size
    return tuple(result)


def _no_broadcast(shapes: Sequence[Shape], a: int, b: int, at: int) -> ShapeError:
    listed = " and ".join(map(str, shapes[:2])) if len(shapes) == 2 else ", ".join(map(str, shapes))
    return ShapeError(
        f"the shapes do not broadcast: {listed}",
        detail=f"dimension {at} has {a} and {b}: sizes must be equal, or one of them 1",
        torch=f"The size of tensor a ({a}) must match the size of tensor b ({b}) at non-singleton dimension {at}",
    )


def normal_dim(dim: int, ndim: int) -> int:
    """A dimension counted from 0, from one that may count from the end. A 0-d tensor has dimension 0 (and -1).

    Raises: IndexError_ when there is no such dimension.
    """
    count = max(ndim, 1)
    if not -count <= dim < count:
        raise IndexError_(
            f"dimension {dim} is out of range for a tensor of {ndim} dimension{'' if ndim == 1 else 's'}",
            detail=f"it can be {-count} to {count - 1}",
            torch=f"Dimension out of range (expected to be in range of [{-count}, {count - 1}], but got {dim})",
        )
    return dim + count if dim < 0 else dim


def normal_dims(dims: int | Iterable[int] | None, ndim: int) -> Shape:
    """The dimensions a reduction runs over, counted from 0, sorted; None and () mean all.

    Raises: IndexError_ when one is out of range, ShapeError when one is given twice.
    """
    if dims is None:
        return tuple(range(ndim))
    if isinstance(dims, int):
        return (normal_dim(dims, ndim),) if ndim else _checked_scalar_dim(dims)
    listed = [normal_dim(dim, ndim) for dim in dims]
    if not listed:
        return tuple(range(ndim))
    if len(set(listed)) < len(listed):
        twice = next(dim for dim in listed if listed.count(dim) > 1)
        raise ShapeError(
            f"dimension {twice} is listed twice in {tuple(dims)}",
            torch=f"dim {twice} appears multiple times in the list of dims",
        )
    return tuple(sorted(listed)) if ndim else ()


def _checked_scalar_dim(dim: int) -> Shape:
    normal_dim(dim, 0)
    return ()


def reduced_shape(shape: Shape, dims: Shape, keepdim: bool) -> Shape:
    """The shape after the (normal) dims were reduced."""
    if keepdim:
        return tuple(1 if at in dims else size for at, size in enumerate(shape))
    return tuple(size for at, size in enumerate(shape) if at not in dims)


def element_count(shape: Shape) -> int:
    """How many elements a shape has."""
    return prod(shape)


def reshaped_shape(shape: Shape, wanted: Sequence[int]) -> Shape:
    """The wanted shape with its one -1 worked out.

    Raises: ShapeError when the number of elements differs or more than one size is -1.
    """
    wanted = tuple(wanted)
    size = prod(shape)
    unknown = [at for at, n in enumerate(wanted) if n == -1]
    if len(unknown) > 1:
        raise ShapeError(f"only one size of {wanted} can be -1", torch="only one dimension can be inferred")
    if any(n < -1 for n in wanted):
        raise ShapeError(f"{wanted} has a negative size", torch=f"invalid shape dimension {min(wanted)}")
    known = prod(n for n in wanted if n != -1)
    if unknown and known and size % known == 0:
        return tuple(size // known if n == -1 else n for n in wanted)
    if unknown and not known:
        raise ShapeError(f"the -1 in {wanted} could be any size: the other sizes have no elements")
    if known != size or unknown:
        raise ShapeError(
            f"a tensor of shape {shape} has {size} element{'' if size == 1 else 's'}, which do not fill {wanted}",
            torch=f"shape '{list(wanted)}' is invalid for input of size {size}",
        )
    return wanted


def matmul_shape(a: Shape, b: Shape) -> Shape:
    """The shape of a @ b: vectors, matrices, batches that broadcast.

    Shapes: (..., n, k) @ (..., k, m) -> (..., n, m); a vector on the left is a row, on the right a column.
    Raises: ShapeError when the inner sizes differ, or an operand has no dimensions.
    """
    if not a or not b:
        raise ShapeError(
            f"both operands need at least one dimension: {a} @ {b}",
            hint="use * to multiply by a number",
            torch=f"both arguments to matmul need to be at least 1D, but they are {len(a)}D and {len(b)}D",
        )
    inner_a, inner_b = a[-1], b[-2] if len(b) > 1 else b[0]
    if inner_a != inner_b:
        raise ShapeError(
            f"the inner sizes differ: {a} @ {b}",
            detail=f"the left side has {inner_a} columns, so the right side needs {inner_a} rows; it has {inner_b}",
            hint=_fitting_product(a, b),
            torch=_torch_matmul_text(a, b),
        )
    batch = broadcast_shapes(a[:-2], b[:-2])
    return batch + (a[-2:-1] if len(a) > 1 else ()) + (b[-1:] if len(b) > 1 else ())


def _fitting_product(a: Shape, b: Shape) -> str | None:
    if len(a) == 2 and len(b) == 2 and b[1] == a[0]:
        return "the other order would fit"
    if len(b) == 2 and b[-1] == a[-1]:
        return "the right side transposed (.T) would fit"
    if len(a) == 2 and a[0] == b[0]:
        return "the left side transposed (.T) would fit"
    return None


def _torch_matmul_text(a: Shape, b: Shape) -> str:
    if len(a) == 1 and len(b) == 1:
        return (
            f"inconsistent tensor size, expected tensor [{a[0]}] and src [{b[0]}] to have the same number of elements, "
            f"but got {a[0]} and {b[0]} elements respectively"
        )
    if len(b) > 2:
        count = prod(broadcast_shapes(a[:-2], b[:-2]))
        return (
            f"Expected size for first two dimensions of batch2 tensor to be: [{count}, {a[-1]}] but got: "
            f"[{count}, {b[-2]}]."
        )
    rows = prod(a[:-1])
    if len(b) == 1:
        return f"size mismatch, got input ({rows}), mat ({rows}x{a[-1]}), vec ({b[0]})"
    return f"mat1 and mat2 shapes cannot be multiplied ({rows}x{a[-1]} and {b[0]}x{b[1]})"


def contiguous_strides(shape: Shape) -> Shape:
    """Strides in elements of a row-major tensor."""
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))


def checked_size(shape: Iterable[int]) -> Shape:
    """A shape given by the user, refused when a size is negative."""
    sizes = tuple(shape)
    for size in sizes:
        if not isinstance(size, int) or isinstance(size, bool):
            raise TypeError_(f"a size must be an integer, not {type(size).__name__}")
        if size < 0:
            raise ShapeError(
                f"a size cannot be negative: {sizes}",
                torch=f"Trying to create tensor with negative dimension {size}: {list(sizes)}",
            )
    return sizes
