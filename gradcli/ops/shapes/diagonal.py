"""Diagonals and triangles of matrices: taken, put into zeros, summed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.errors import IndexError_, ShapeError, UnsupportedDtype
from gradcli.graph.node import Node
from gradcli.graph.op import Op, ShapeRule, draw, kept, op, same
from gradcli.ops.shapes.shape import expand, reshape_like_torch
from gradcli.ops.shapes.views import part, spread
from gradcli.shapes import Shape, normal_dim

# Triangles


def _matrices(name: str) -> ShapeRule:
    def rule(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
        shape = same(inputs, params)
        if len(shape) < 2:
            raise ShapeError(
                f"it takes matrices; a tensor of shape {shape} has not two dimensions",
                torch=f"{name}: input tensor must have at least 2 dimensions",
            )
        return shape

    return rule


tril: Op = op(
    "tril(Tensor input, int diagonal=0)",
    "The elements on and below a diagonal, zeros above.",
    kernel=lambda x, diagonal: np.tril(x, diagonal),
    grad=lambda g, y, x, diagonal: tril(g, diagonal=diagonal),
    shape=_matrices("tril"),
    dtype=kept,
    grad_fn="TrilBackward0",
    linear=True,
    inplace=True,
    samples=[draw((3, 3), diagonal=0), draw((2, 4), diagonal=1), draw((2, 3, 2), diagonal=-1)],
    wrong=[("tril(ones(3))", "takes matrices")],
)
triu: Op = op(
    "triu(Tensor input, int diagonal=0)",
    "The elements on and above a diagonal, zeros below.",
    kernel=lambda x, diagonal: np.triu(x, diagonal),
    grad=lambda g, y, x, diagonal: triu(g, diagonal=diagonal),
    shape=_matrices("triu"),
    dtype=kept,
    grad_fn="TriuBackward0",
    linear=True,
    inplace=True,
    samples=[draw((3, 3), diagonal=0), draw((2, 4), diagonal=1), draw((2, 3, 2), diagonal=-1)],
    wrong=[("triu(ones(3))", "takes matrices")],
)

# Diagonals


def _plane(dim1: int, dim2: int, ndim: int) -> Shape:
    first, second = normal_dim(dim1, ndim), normal_dim(dim2, ndim)
    if first == second:
        raise ShapeError(
            f"a diagonal runs through two dimensions, not twice through {first}",
            torch=f"diagonal dimensions cannot be identical {dim1}, {dim2}",
        )
    return first, second


def _diagonal_size(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
    shape: Shape = inputs[0].shape
    first, second = _plane(params["dim1"], params["dim2"], len(shape))
    offset = params["offset"]
    length = min(shape[first], shape[second] - offset) if offset >= 0 else min(shape[first] + offset, shape[second])
    return (*(size for at, size in enumerate(shape) if at not in (first, second)), max(length, 0))


def _diagonal_view(x: Any, offset: int, dim1: int, dim2: int) -> Any:
    view = np.diagonal(x, offset, dim1, dim2)
    if x.flags.writeable:
        view.flags.writeable = True
    return view


diagonal: Op = part(
    "diagonal(Tensor input, int offset=0, int dim1=0, int dim2=1)",
    "A diagonal through two dimensions, as the last dimension.",
    kernel=_diagonal_view,
    shape=_diagonal_size,
    grad_fn="DiagonalBackward0",
    samples=[
        draw((3, 3), offset=0, dim1=0, dim2=1),
        draw((2, 4), offset=1, dim1=0, dim2=1),
        draw((2, 3, 4), offset=-1, dim1=-1, dim2=0),
        draw((2, 3), offset=5, dim1=0, dim2=1),
    ],
)
op(
    "linalg.diagonal(Tensor A, *, int offset=0, int dim1=-2, int dim2=-1)",
    "A diagonal of each matrix, as the last dimension.",
    spelled=["linalg.diagonal"],
    expands=lambda A, offset, dim1, dim2: diagonal(A, offset=offset, dim1=dim1, dim2=dim2),
    samples=[draw((2, 3, 3), offset=0, dim1=-2, dim2=-1)],
)


def _embedded_size(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
    shape: Shape = inputs[0].shape
    ndim = len(shape) + 1
    first, second = (normal_dim(params[name], ndim) if shape else _no_vector() for name in ("dim1", "dim2"))
    _plane(params["dim1"], params["dim2"], ndim)
    size = shape[-1] + abs(params["offset"])
    rest = iter(shape[:-1])
    return tuple(size if at in (first, second) else next(rest) for at in range(ndim))


def _no_vector() -> int:
    raise IndexError_(
        "a tensor without dimensions is no diagonal",
        torch="Dimension out of range (expected to be in range of [-1, 0], but got -2)",
    )


def _embed(x: Any, offset: int, dim1: int, dim2: int) -> Any:
    ndim = x.ndim + 1
    first, second = dim1 % ndim, dim2 % ndim
    size = x.shape[-1] + abs(offset)
    rest = iter(x.shape[:-1])
    result = np.zeros([size if at in (first, second) else next(rest) for at in range(ndim)], x.dtype)
    _diagonal_view(result, offset, first, second)[...] = x
    return result


def _embedding(name: str, public: bool, torch1: str) -> Op:
    return op(
        f"{name}(Tensor input, int offset=0, int dim1=-2, int dim2=-1)",
        "Zeros with the last dimension of input as a diagonal through two dimensions.",
        spelled=() if public else ("_",),
        kernel=_embed,
        grad=lambda g, y, x, offset, dim1, dim2: diagonal(g, offset=offset, dim1=dim1, dim2=dim2),
        shape=_embedded_size,
        dtype=kept,
        grad_fn=(torch1, "DiagEmbedBackward0"),
        linear=True,
        samples=[
            draw(3, offset=0, dim1=-2, dim2=-1),
            draw((2, 3), offset=1, dim1=-2, dim2=-1),
            draw((2, 3), offset=-1, dim1=0, dim2=2),
        ],
    )


diag_embed: Op = _embedding("diag_embed", True, "CopySlices")
_diag_of_vector: Op = _embedding("_diag_embed", False, "DiagBackward")
_diag_of_matrix: Op = op(
    "_diagonal_copy(Tensor input, int offset)",
    "A copy of a diagonal of a matrix.",
    spelled=["_"],
    kernel=lambda x, offset: np.diagonal(x, offset).copy(),
    grad=lambda g, y, x, offset: spread(
        g, shape=x.shape, steps=((diagonal, {"offset": offset, "dim1": 0, "dim2": 1}),), overlapping=False
    ),
    shape=lambda inputs, p: _diagonal_size(inputs, {"offset": p["offset"], "dim1": 0, "dim2": 1}),
    dtype=kept,
    grad_fn=("DiagBackward", "DiagonalBackward0_copy"),
    linear=True,
)


def diag(x: Node, offset: int = 0) -> Node:
    """The node of a vector as a diagonal of a matrix, or of a diagonal of a matrix as a vector.

    Raises: ShapeError for other tensors.
    """
    if x.ndim not in (1, 2):
        raise ShapeError(
            f"it takes a vector or a matrix, not a tensor of shape {x.shape}",
            hint="diag_embed and diagonal take more dimensions",
            torch=f"diag(): Supports 1D or 2D tensors. Got {x.ndim}D",
        )
    result: Node = (
        _diag_of_vector(x, offset=offset, dim1=-2, dim2=-1) if x.ndim == 1 else _diag_of_matrix(x, offset=offset)
    )
    return result


op(
    "diag(Tensor input, int diagonal=0)",
    "A vector as a diagonal of a matrix; of a matrix, its diagonal.",
    expands=lambda x, diagonal: diag(x, diagonal),
    samples=[draw(3, diagonal=0), draw(3, diagonal=-1), draw((3, 3), diagonal=0), draw((2, 4), diagonal=1)],
    wrong=[("diag(ones(2, 2, 2))", "a vector or a matrix")],
)
op(
    "diagflat(Tensor input, int offset=0)",
    "The elements of input as a diagonal of a matrix.",
    expands=lambda x, offset: _diag_of_vector(reshape_like_torch(x, (-1,)), offset=offset, dim1=-2, dim2=-1),
    samples=[draw(3, offset=0), draw((2, 2), offset=1)],
)


def _one_matrix(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Shape:
    if inputs[0].ndim != 2:
        raise ShapeError(
            f"it takes a matrix, not a tensor of shape {inputs[0].shape}",
            torch=f"trace: expected a matrix, but got tensor with dim {inputs[0].ndim}",
        )
    return ()


def _trace_dtype(inputs: tuple[Node, ...], params: Mapping[str, Any]) -> tuple[dtypes.DType | None, Any]:
    dtype: dtypes.DType = inputs[0].dtype
    if dtype is dtypes.bool_:
        raise UnsupportedDtype(
            "a bool matrix has no trace",
            hint="convert it first: x.long()",
            torch="\"trace\" not implemented for 'Bool'",
        )
    return (None, dtype) if dtype.floating else (dtypes.int64, dtypes.int64)


def _trace_rule(g: Node, y: Node, x: Node) -> Node:
    node: Node = spread(
        expand(g, size=(min(x.shape),)),
        shape=x.shape,
        steps=((diagonal, {"offset": 0, "dim1": 0, "dim2": 1}),),
        overlapping=False,
    )
    return node


trace: Op = op(
    "trace(Tensor input)",
    "The sum of the diagonal of a matrix.",
    kernel=lambda x: np.trace(x, dtype=x.dtype),
    grad=_trace_rule,
    shape=_one_matrix,
    dtype=_trace_dtype,
    grad_fn="TraceBackward0",
    linear=True,
    samples=[draw((3, 3)), draw((2, 4))],
    wrong=[("trace(ones(2, 2, 2))", "takes a matrix")],
)
