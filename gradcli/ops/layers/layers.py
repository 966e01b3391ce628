"""The layers without a state of their own: linear and bilinear."""

from __future__ import annotations

from typing import Any

from gradcli.errors import ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, op
from gradcli.ops.dtyperules import check_same
from gradcli.ops.linalg.products import matmul
from gradcli.ops.reductions.reduce import sum_
from gradcli.ops.shapes.order import transpose
from gradcli.ops.shapes.shape import reshape
from gradcli.shapes import Shape, broadcast_shapes


def _times(x: Node, weight: Node) -> Any:
    return matmul(x, transpose(weight, dim0=0, dim1=1) if weight.ndim > 1 else weight)


def _with_bias(x: Node, weight: Node, bias: Node) -> Any:
    return _times(x, weight) + bias


def _named_linear(name: str, grad_fn: tuple[str, str]) -> Op:
    return op(
        f"_{name}(Tensor input, Tensor weight, Tensor bias)",
        "input @ weight.T + bias.",
        spelled=["_"],
        expands=_with_bias,
        grad_fn=grad_fn,
    )


# torch adds the bias within the product of matrices, also of a flattened batch; a bias that is no vector comes after it
_linear_matrix = _named_linear("linear", ("AddmmBackward", "AddmmBackward0"))
_linear_batch = _named_linear("linear", ("AddBackward0", "ViewBackward0"))


def _check_linear(x: Node, weight: Node, bias: Node | None) -> None:
    if weight.ndim not in (1, 2) or not x.ndim:
        raise ShapeError(
            f"the weight must be a matrix (or a vector) and the input have dimensions: {weight.shape} and {x.shape}",
            torch="linear(): input and weight must have compatible dimensions",
        )
    if x.shape[-1] != weight.shape[-1]:
        raise ShapeError(
            f"the input has {x.shape[-1]} features, the weight takes {weight.shape[-1]}: {x.shape} and {weight.shape}",
            hint="the weight is (features out, features in)",
            torch=f"mat1 and mat2 shapes cannot be multiplied ({x.size // max(x.shape[-1], 1)}x{x.shape[-1]} and "
            f"{weight.shape[-1]}x{weight.shape[0]})",
        )
    check_same((x, weight), "expected m1 and m2 to have the same dtype, but got: {first_name} != {second_name}")
    out = (*x.shape[:-1], *weight.shape[:-1])
    if bias is not None:
        check_same((x, bias), "self and mat2 must have the same dtype, but got {first} and {second}")
        if weight.ndim == 1 or broadcast_shapes(out, bias.shape) != out:
            raise ShapeError(
                f"a bias of shape {bias.shape} does not go with an output of shape {out}",
                torch=f"output with shape {list(out)} doesn't match the shape {list(bias.shape)}",
            )


def _linear_expanded(x: Node, weight: Node, bias: Node | None = None) -> Any:
    _check_linear(x, weight, bias)
    if bias is None:
        return _times(x, weight)
    if x.ndim == 2:
        result: Node = _linear_matrix(x, weight, bias)
    elif bias.ndim == 1:
        result = _linear_batch(x, weight, bias)
    else:
        result = _with_bias(x, weight, bias)
    return result


linear: Op = op(
    "linear(Tensor input, Tensor weight, Tensor? bias=None)",
    "input @ weight.T + bias.",
    spelled=["F.linear"],
    expands=_linear_expanded,
    samples=[draw((2, 3), (4, 3), 4), draw(3, (2, 3), 2), draw((2, 2, 3), (2, 3), 2), draw((2, 3), 3)],
    wrong=[("linear(ones(2, 3), ones(4, 2))", "3 features")],
)


def _forms(a: Node, b: Node, weight: Node) -> Any:
    """a_i W_kij b_j, for each k."""
    out: Shape = (*a.shape[:-1], weight.shape[0])
    rows = reshape(a, shape=(-1, 1, 1, a.shape[-1])) if a.size else reshape(a, shape=(a.size, 1, 1, a.shape[-1]))
    half = reshape(matmul(rows, weight), shape=(rows.shape[0], *weight.shape[::2]))
    ends = reshape(b, shape=(rows.shape[0], 1, b.shape[-1]))
    return reshape(sum_(half * ends, dim=-1, keepdim=False), shape=out)


_bilinear = op(
    "_bilinear(Tensor input1, Tensor input2, Tensor weight)",
    "input1 @ weight[k] @ input2, for each k.",
    spelled=["_"],
    expands=_forms,
    grad_fn=("AsStridedBackward", "ViewBackward0"),
)


def _bilinear_expanded(a: Node, b: Node, weight: Node, bias: Node | None = None) -> Node:
    if a.shape[:-1] != b.shape[:-1] or not a.ndim or a.ndim != b.ndim:
        raise ShapeError(
            f"the inputs must be equal but for the last dimension: {a.shape} and {b.shape}",
            torch=f"bilinear(): input batch dimensions do not match: got {list(a.shape)} and {list(b.shape)}",
        )
    for at, given in ((1, a), (2, b)):
        if weight.ndim != 3 or given.shape[-1] != weight.shape[at]:
            raise ShapeError(
                f"input{at} has {given.shape[-1]} features; a weight of shape {weight.shape} does not take them",
                hint="the weight is (features out, features of input1, features of input2)",
                torch=f"bilinear(): input{at} size does not match weight size: got {given.shape[-1]} but expected "
                f"{weight.shape[at] if weight.ndim == 3 else '?'}",
            )
    if bias is not None and bias.shape != (weight.shape[0],):
        raise ShapeError(
            f"the bias has shape {bias.shape}; with {weight.shape[0]} features out it must be ({weight.shape[0]},)",
            torch="bilinear(): bias size does not match weight size",
        )
    result: Node = _bilinear(a, b, weight)
    return result if bias is None else result + bias


bilinear: Op = op(
    "bilinear(Tensor input1, Tensor input2, Tensor weight, Tensor? bias=None)",
    "input1 @ weight[k] @ input2 + bias[k], for each k.",
    spelled=["F.bilinear", "torch.bilinear"],
    expands=_bilinear_expanded,
    samples=[draw((2, 3), (2, 2), (4, 3, 2), 4), draw(3, 2, (2, 3, 2)), draw((2, 2, 3), (2, 2, 2), (1, 3, 2))],
)
