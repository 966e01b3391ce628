"""Norms of vectors and matrices, of every order, and distances."""

from __future__ import annotations

from math import inf, isinf
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.errors import DtypeError, ShapeError, TypeError_
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, op
from gradcli.ops.dtyperules import TITLES
from gradcli.ops.elementwise.arithmetic import abs_, sign, sub
from gradcli.ops.elementwise.compare import eq, ne, where
from gradcli.ops.elementwise.explog import pow_
from gradcli.ops.linalg.svd import svdvals
from gradcli.ops.reductions.extremes import amax, amin
from gradcli.ops.reductions.reduce import half_in_single, reduced, sum_, sum_dim
from gradcli.ops.shapes.convert import to_dtype
from gradcli.ops.shapes.order import permute
from gradcli.ops.shapes.shape import expand_reduced, unsqueeze
from gradcli.shapes import Shape, normal_dim, normal_dims


@half_in_single
def _norm(x: Any, ord: float, dim: Any, keepdim: bool) -> Any:
    """The p-norm; float32 is added up in double precision, so that squares neither overflow nor lose digits."""
    dims = normal_dims(dim, x.ndim)
    if isinf(ord):
        if ord > 0:
            return np.max(np.abs(x), axis=dims, keepdims=keepdim, initial=0)
        return np.min(np.abs(x), axis=dims, keepdims=keepdim)
    if ord == 0:
        return np.sum(x != 0, axis=dims, keepdims=keepdim).astype(x.dtype)
    size = np.abs(x.astype(np.float64))
    if ord == 2:
        total = np.sqrt(np.sum(size * size, axis=dims, keepdims=keepdim))
    elif ord == 1:
        total = np.sum(size, axis=dims, keepdims=keepdim)
    else:
        total = np.sum(size**ord, axis=dims, keepdims=keepdim) ** (1.0 / ord)
    return np.asarray(total).astype(x.dtype)


def _norm_rule(g: Node, y: Node, x: Node, ord: float, dim: Any, keepdim: bool) -> Any:
    """Masked where the norm is 0, as torch does it: the gradient there is 0."""
    g, y = expand_reduced(g, x.shape, dim, keepdim), expand_reduced(y, x.shape, dim, keepdim)
    if ord == 0:
        return None
    if ord == 1:
        return g * sign(x)
    if ord == 2:
        return g * where(eq(y, 0), 0.0, x / y)
    if isinf(ord):
        mask = to_dtype(where(ne(x, x), ne(x, x), eq(abs_(x), y)), x.dtype)
        return sign(x) * (g / sum_(mask, dim=dim, keepdim=True)) * mask
    if ord < 1:
        scaled = sign(x) * where(eq(x, 0), 0.0, pow_(abs_(x), ord - 1))
        return scaled * g * pow_(y, 1 - ord)
    if ord < 2:
        scaled = sign(x) * pow_(abs_(x), ord - 1)
    else:
        scaled = x * pow_(abs_(x), ord - 2)
    return scaled * where(eq(y, 0), 0.0, g / pow_(y, ord - 1))


def _norm_shape(inputs: tuple[Node, ...], params: Any) -> Shape:
    """As `reduced`, but the largest and the smallest of nothing are refused."""
    ord, x = params["ord"], inputs[0]
    dims = normal_dims(params["dim"], x.ndim)
    if (ord == inf or ord < 0) and 0 in (x.shape[dim] for dim in dims):
        raise ShapeError(
            f"a tensor of shape {x.shape} has no elements to take the {ord} norm of",
            torch=f"linalg.vector_norm cannot compute the {ord} norm on an empty tensor because the operation does "
            "not have an identity",
        )
    return reduced(inputs, params)


def _norm_dtype(inputs: tuple[Node, ...], params: Any) -> tuple[dtypes.DType | None, Any]:
    dtype: dtypes.DType = inputs[0].dtype
    if not dtype.floating:
        raise DtypeError(
            f"a tensor of {dtype!r} has no norm in its own dtype",
            hint="convert it first: x.float()",
            torch=f"linalg.vector_norm: Expected a floating point or complex tensor as input. Got {TITLES[dtype.name]}",
        )
    return dtype, dtype


def _declare(name: str, torch1: str) -> Op:
    return op(
        f"{name}(Tensor input, Scalar ord, dims? dim, bool keepdim)",
        "sum(|input|^ord)^(1/ord) over dim; the largest or smallest |input| for inf and -inf.",
        spelled=["_"],
        kernel=_norm,
        grad=_norm_rule,
        shape=_norm_shape,
        dtype=_norm_dtype,
        grad_fn=(torch1, "LinalgVectorNormBackward0"),
        samples=[
            draw((2, 3), ord=p, dim=dim, keepdim=keep)
            for p, dim, keep in (
                (2, None, False),
                (1, 1, True),
                (3, (0, 1), False),
                (1.5, 0, False),
                (0.5, 0, False),
                (inf, 1, False),
                (-inf, None, False),
                (0, None, False),
            )
        ],
    )


vector_norm_: Op = _declare("_linalg_vector_norm", "LinalgVectorNormBackward0")
_norm_all: Op = _declare("_norm", "NormBackward0")
_norm_dim: Op = _declare("_norm_along", "NormBackward1")


def _in_dtype(x: Node, dtype: dtypes.DType | None) -> Node:
    if dtype is None:
        return x
    if not x.dtype.floating or not dtype.floating:
        _norm_dtype((x,), {})
    return to_dtype(x, dtype)


def _check_number(order: Any, name: str) -> None:
    """Refuse an order of a norm of vectors that is no number."""
    if isinstance(order, bool) or not isinstance(order, int | float):
        raise TypeError_(
            f"{name} is a number, not {order!r}",
            torch=f"linalg_vector_norm(): argument '{name}' (position 2) must be Number, not {type(order).__name__}",
        )


def vector_norm(x: Node, ord: Any, dim: Any, keepdim: bool, dtype: dtypes.DType | None) -> Any:
    """The node of linalg.vector_norm."""
    _check_number(ord, "ord")
    return vector_norm_(_in_dtype(x, dtype), ord=ord, dim=dim, keepdim=keepdim)


op(
    "_vector_norm(Tensor input, any ord=2, dims? dim=None, bool keepdim=False, *, dtype? dtype=None)",
    "sum(|input|^ord)^(1/ord) over dim; the largest or smallest |input| for inf and -inf.",
    spelled=["linalg.vector_norm"],
    expands=vector_norm,
    samples=[draw((2, 3), ord=2, dim=None, keepdim=False, dtype=None)],
)

MATRIX_ORDERS = ("fro", "nuc", inf, -inf, 1, -1, 2, -2)


def matrix_norm(x: Node, ord: Any, dim: Any, keepdim: bool, dtype: dtypes.DType | None) -> Any:
    """The node of linalg.matrix_norm: of the singular values ('nuc', 2, -2), or of sums along rows or columns."""
    if x.ndim < 2:
        raise ShapeError(
            f"it takes matrices, not a tensor of shape {x.shape}",
            torch="linalg.matrix_norm: The input tensor A must have at least 2 dimensions.",
        )
    if isinstance(dim, int) or len(dim) != 2:
        raise ShapeError(
            f"dim has to name two dimensions, not {dim}",
            torch=f"linalg.matrix_norm: dim must be a 2-tuple. Got {dim}",
        )
    if ord not in MATRIX_ORDERS:
        raise ShapeError(
            f"matrices have no norm of order {ord!r}",
            hint="there are 'fro', 'nuc', inf, -inf, 1, -1, 2, -2; linalg.vector_norm takes any number",
            torch=f"linalg.matrix_norm: Order {ord} not supported.",
        )
    first, second = normal_dim(dim[0], x.ndim), normal_dim(dim[1], x.ndim)
    if first == second:
        raise ShapeError(
            f"dim names dimension {first} twice",
            torch=f"linalg.matrix_norm: dims must be different. Got ({dim[0]}, {dim[1]})",
        )
    x = _in_dtype(x, dtype)
    if ord == "fro":
        return vector_norm_(x, ord=2, dim=(first, second), keepdim=keepdim)
    if ord in ("nuc", 2, -2):
        return _spectral_norm(x, ord, first, second, keepdim)
    if abs(ord) == inf:
        first, second = second, first
    lengths = vector_norm_(x, ord=1, dim=first, keepdim=keepdim)
    if not keepdim and second > first:
        second -= 1
    return (amax if ord > 0 else amin)(lengths, dim=second, keepdim=keepdim)


def _spectral_norm(x: Node, ord: Any, first: int, second: int, keepdim: bool) -> Any:
    """A norm of the singular values of the matrices that lie in two dimensions."""
    others = tuple(at for at in range(x.ndim) if at not in (first, second))
    values = svdvals(permute(x, dims=(*others, first, second)) if others or first > second else x)
    if ord == "nuc":
        result = sum_dim(values, dim=-1, keepdim=keepdim)
    else:
        result = (amax if ord > 0 else amin)(values, dim=-1, keepdim=keepdim)
    if not keepdim:
        return result
    order = (*others, first, second)
    return permute(unsqueeze(result, dim=-1), dims=tuple(order.index(at) for at in range(x.ndim)))


op(
    "_matrix_norm(Tensor input, any ord='fro', dims dim=(-2, -1), bool keepdim=False, *, dtype? dtype=None)",
    "The norm of the matrices in two dimensions: 'fro', 'nuc', or of order 1, -1, 2, -2, inf, -inf.",
    spelled=["linalg.matrix_norm"],
    expands=matrix_norm,
    samples=[draw((2, 3), ord=p, dim=(-2, -1), keepdim=False, dtype=None) for p in MATRIX_ORDERS],
)


def _linalg_norm(x: Node, ord: Any, dim: Any, keepdim: bool, dtype: dtypes.DType | None) -> Any:
    if ord is None:
        return vector_norm(x, 2, dim, keepdim, dtype)
    count = None if dim is None else 1 if isinstance(dim, int) else len(dim)
    if count not in (None, 1, 2):
        raise ShapeError(
            f"dim names {count} dimensions; a norm of order {ord!r} runs over one or two",
            torch=f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {list(dim)}",
        )
    if count is None and x.ndim not in (1, 2):
        raise ShapeError(
            f"a tensor of shape {x.shape} is neither a vector nor a matrix",
            hint="name the dimensions: dim=",
            torch=f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {x.ndim}D.",
        )
    if isinstance(ord, str) or (count or x.ndim) == 2:
        return matrix_norm(x, ord, (-2, -1) if dim is None else dim, keepdim, dtype)
    return vector_norm(x, ord, dim, keepdim, dtype)


op(
    "_linalg_norm(Tensor input, any ord=None, dims? dim=None, bool keepdim=False, *, dtype? dtype=None)",
    "The norm of vectors or matrices; without ord the root of the sum of squares.",
    spelled=["linalg.norm"],
    expands=_linalg_norm,
    samples=[
        draw((2, 3), ord=None, dim=None, keepdim=False, dtype=None),
        draw((2, 3), ord=3, dim=1, keepdim=True, dtype=None),
        draw((2, 3), ord="nuc", dim=None, keepdim=False, dtype=None),
    ],
)


def norm(x: Node, p: Any, dim: Any, keepdim: bool, dtype: dtypes.DType | None) -> Any:
    """The node of torch.norm: of all elements or along dim; 'fro' is the 2-norm, 'nuc' that of matrices."""
    if isinstance(p, str) and p != "fro":
        return matrix_norm(x, p, (-2, -1) if dim is None else dim, keepdim, dtype)
    chosen = _norm_all if dim is None else _norm_dim
    order = 2 if p is None or p == "fro" else p
    _check_number(order, "p")
    return chosen(_in_dtype(x, dtype), ord=order, dim=dim, keepdim=keepdim)


op(
    "norm(Tensor input, any p='fro', dims? dim=None, bool keepdim=False, dtype? dtype=None)",
    "sum(|input|^p)^(1/p) of all elements or along dim; 'nuc' is the sum of singular values.",
    expands=norm,
    samples=[
        draw((2, 3), p="fro", dim=None, keepdim=False, dtype=None),
        draw((2, 3), p=1, dim=0, keepdim=True, dtype=None),
    ],
)
op(
    "dist(Tensor input, Tensor other, Scalar p=2)",
    "The p-norm of input - other.",
    expands=lambda x, y, p: vector_norm_(sub(x, y), ord=p, dim=None, keepdim=False),
    grad_fn="DistBackward0",
    samples=[draw(3, 3, p=2), draw((2, 3), 3, p=3), draw(3, 3, p=1)],
)


def _renorm(x: Node, p: float, dim: int, maxnorm: float) -> Any:
    if x.ndim < 2:
        raise ShapeError(
            f"it takes at least 2 dimensions, not shape {x.shape}",
            torch=f"renorm: input needs at least 2 dimensions, got {x.ndim} dimensions",
        )
    if p <= 0 or maxnorm < 0:
        raise ShapeError(
            f"p must be positive and maxnorm not negative: p={p}, maxnorm={maxnorm}",
            torch="renorm: non-positive-norm not supported"
            if p <= 0
            else f"renorm: expected maxnorm to be >= 0 but got {maxnorm:g}",
        )
    at = normal_dim(dim, x.ndim)
    lengths = vector_norm_(x, ord=p, dim=tuple(d for d in range(x.ndim) if d != at), keepdim=True)
    return x * where(lengths > maxnorm, maxnorm / (lengths + 1e-7), 1.0)


op(
    "renorm(Tensor input, Scalar p, int dim, Scalar maxnorm)",
    "Each slice along dim whose p-norm is above maxnorm, scaled down to it.",
    expands=_renorm,
    grad_fn="RenormBackward0",
    inplace=True,
    samples=[draw((2, 3), p=2, dim=0, maxnorm=1.0), draw((2, 3), p=1, dim=1, maxnorm=100.0)],
)
op(
    "frobenius_norm(Tensor input, dims dim=(), bool keepdim=False)",
    "The root of the sum of squares along dim.",
    spelled=["torch.frobenius_norm"],
    expands=lambda x, dim, keepdim: vector_norm_(x, ord=2, dim=dim, keepdim=keepdim),
    samples=[draw((2, 3), dim=(0, 1), keepdim=False)],
)
op(
    "nuclear_norm(Tensor input, bool keepdim=False)",
    "The sum of the singular values.",
    spelled=["torch.nuclear_norm"],
    expands=lambda x, keepdim: matrix_norm(x, "nuc", (-2, -1), keepdim, None),
    samples=[draw((2, 3), keepdim=False)],
)
op(
    "nuclear_norm(Tensor input, dims dim, bool keepdim=False)",
    "The sum of the singular values of the matrices in two dimensions.",
    spelled=["torch.nuclear_norm"],
    expands=lambda x, dim, keepdim: matrix_norm(x, "nuc", dim, keepdim, None),
    samples=[draw((2, 3, 2), dim=(0, 2), keepdim=True)],
)
op(
    "norm_except_dim(Tensor v, int pow=2, int dim=0)",
    "The norm over all dimensions but one, which is kept.",
    spelled=["torch.norm_except_dim"],
    expands=lambda v, pow, dim: vector_norm_(
        v, ord=pow, dim=tuple(at for at in range(v.ndim) if at != normal_dim(dim, v.ndim)), keepdim=True
    ),
    samples=[draw((2, 3), pow=2, dim=0)],
)
