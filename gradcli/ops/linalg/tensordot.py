"""tensordot and inner: contractions of dimensions by number."""

from __future__ import annotations

from typing import Any

from gradcli.errors import IndexError_, RefusedValue, ShapeError, TypeError_
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, op
from gradcli.ops.linalg.einsum import contraction
from gradcli.shapes import normal_dim


def _contracted_dims(dims: Any, a: Node, b: Node) -> tuple[list[int], list[int]]:
    if isinstance(dims, int):
        if dims < 0 or dims > min(a.ndim, b.ndim):
            raise ShapeError(
                f"dims is {dims}; the tensors have shapes {a.shape} and {b.shape}",
                torch=f"tensordot expects dims >= 0, but got dims={dims}" if dims < 0 else None,
            )
        return list(range(a.ndim - dims, a.ndim)), list(range(dims))
    first, second = ([d] if isinstance(d, int) else list(d) for d in dims)
    if not all(isinstance(d, int) for d in (*first, *second)):
        raise TypeError_(
            f"dims names dimensions by integers, not {dims!r}",
            torch="tensordot(): argument 'dims_self' must be tuple of ints",
        )
    if len(first) != len(second):
        raise ShapeError(
            f"the lists of dims differ in length: {first} and {second}",
            torch="both dimension lists should have same length",
        )
    pairs = [normal_dim(d, a.ndim) for d in first], [normal_dim(d, b.ndim) for d in second]
    for listed in pairs:
        for d in listed:
            if listed.count(d) > 1:
                raise IndexError_(
                    f"dimension {d} is listed twice", torch=f"dim {d} appears multiple times in the list of dims"
                )
    return pairs


def tensordot(a: Node, b: Node, dims: Any) -> Any:
    """The node of torch.tensordot(a, b, dims): an int (the last of a with the first of b) or a pair of lists."""
    if type(dims) is not int and (not isinstance(dims, list | tuple) or len(dims) != 2):
        raise RefusedValue(f"dims is an integer or a pair of lists of integers, not {dims!r}")
    first, second = _contracted_dims(dims, a, b)
    la = list(range(a.ndim))
    lb = list(range(a.ndim, a.ndim + b.ndim))
    for i, j in zip(first, second, strict=True):
        if a.shape[i] != b.shape[j] and 1 not in (a.shape[i], b.shape[j]):
            raise ShapeError(
                f"dimension {i} of {a.shape} and dimension {j} of {b.shape} differ in size",
                torch=f"contracted dimensions need to match, but first has size {a.shape[i]} in dim {i} and second has "
                f"size {b.shape[j]} in dim {j}",
            )
        lb[j] = la[i]
    output = [label for at, label in enumerate(la) if at not in first]
    output += [label for at, label in enumerate(lb) if at not in second]
    return contraction(a, b, labels=(tuple(la), tuple(lb)), output=tuple(output))


op(
    "tensordot(Tensor a, Tensor b, any dims=2)",
    "The sum of products over the dims of a and those of b that are paired.",
    spelled=["torch.tensordot"],
    expands=tensordot,
    samples=[
        draw((2, 3), (3, 4), dims=1),
        draw((2, 3), (2, 3), dims=2),
        draw((2, 3), (4, 2), dims=([0], [1])),
        draw(2, 3, dims=0),
    ],
)


def _inner_view(a: Node, b: Node) -> Any:
    return tensordot(a, b, ([-1], [-1]))


_inner_product: Op = op(
    "_inner(Tensor input, Tensor other)",
    "The sum of products over the last dimension of both.",
    spelled=["_"],
    expands=_inner_view,
    grad_fn=("ViewBackward0", "ViewBackward0"),
)


def _inner(a: Node, b: Node) -> Any:
    if not a.ndim or not b.ndim:
        return a * b
    if a.shape[-1] != b.shape[-1]:
        raise ShapeError(
            f"the last dimensions differ: {a.shape} and {b.shape}",
            torch="inner() the last dimension must match on both input tensors but got shapes "
            f"{list(a.shape)} and {list(b.shape)}",
        )
    return _inner_product(a, b)


op(
    "inner(Tensor input, Tensor other)",
    "The sum of products over the last dimension of both.",
    expands=_inner,
    samples=[draw(3, 3), draw((2, 3), 3), draw((2, 3), (4, 3)), draw((), 3)],
)
