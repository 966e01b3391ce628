"""From nodes to terms: which op is which elementwise function or reduction, and which are compositions of them.

The table `LOWER` is by the name of an op: a function of the builder, the terms of its inputs and the node, which
returns a term, or None where this case is left to the op's own kernel. An elementwise op that is not in the table is
computed block by block with its kernel; any other op is a call. float16 is left to the kernels, which know how it
rounds.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isinf, pi, prod, sqrt
from typing import Any

import numpy as np

from gradcli.engine import layout
from gradcli.engine.erf import ERF, erf_terms
from gradcli.engine.kernels import (
    ABS,
    ADD,
    DIV,
    EXP,
    EXP_FROM,
    LOG,
    MAXIMUM,
    MINIMUM,
    NEG,
    SQRT,
    SUB,
    TANH,
    WHERE,
    Fn,
    of_node,
    put,
    put_block,
)
from gradcli.engine.term import CALL, Builder, Term, frozen
from gradcli.graph.node import Node, cast_value
from gradcli.shapes import Shape, normal_dim, normal_dims

Lowering = Callable[[Builder, list[Term], Node], Term | None]

LOG1P = Fn("log1p", np.log1p, cost=12)
GREATER = Fn("gt", np.greater)


def term_of(b: Builder, node: Node, args: list[Term]) -> Term:
    """The term of a node, given those of its inputs."""
    op, inputs = node.op, node.inputs
    if op.name == "pick":
        if inputs[0].op.name == "_standardize" and args[0].args and node.dtype.itemsize > 2:
            return standardized(b, args[0].args[0], inputs[0])[node.params["at"]]
        return b.pick(args[0], node.params["at"], node.shape, node.dtype.numpy)
    target = op.dtype(inputs, node.params)[0]
    if target is not None:
        args = [b.cast(a, target.numpy) for a in args]
    if not op.outputs and not (node.dtype.floating and node.dtype.itemsize == 2):
        lower = LOWER.get(op.name)
        term = lower(b, args, node) if lower is not None else None
        if term is None and op.elementwise:
            term = b.ew(of_node(node, frozen(node.params)), *args, dtype=node.dtype.numpy)
        if term is not None:
            assert term.dtype == node.dtype.numpy, (op.name, term.dtype)
            return b.expand(b.reshape(term, node.shape) if term.size == node.size else term, node.shape)
    key = frozen(node.params)
    numbers = tuple([cast_value(i.value, target or i.dtype) if i.op.name == "number" else None for i in inputs])
    known = None if key is None or op.random else (op, key, node.shape, repr(numbers), node.dtype)
    return b.call(node, tuple(args), numbers, known)


def _same(b: Builder, args: list[Term], node: Node) -> Term | None:
    return args[0]


def _reshaped(b: Builder, args: list[Term], node: Node) -> Term | None:
    return b.reshape(args[0], node.shape)


def _expanded(b: Builder, args: list[Term], node: Node) -> Term | None:
    return b.expand(args[0], node.shape)


def _zeros(b: Builder, args: list[Term], node: Node) -> Term | None:
    return b.expand(b.const(0, node.dtype.numpy), node.shape)


def _cast(b: Builder, args: list[Term], node: Node) -> Term | None:
    return b.cast(args[0], node.dtype.numpy)


def _float_ew(fn: Fn) -> Lowering:
    def lowered(b: Builder, args: list[Term], node: Node) -> Term | None:
        return b.ew(fn, *args) if args[0].dtype.kind == "f" else None

    return lowered


def power(b: Builder, x: Term, exponent: int) -> Term:
    """x to a positive integer power by multiplication."""
    result, square = None, x
    while exponent:
        if exponent & 1:
            result = square if result is None else b.mul(result, square)
        exponent >>= 1
        if exponent:
            square = b.mul(square, square)
    assert result is not None
    return result


def _inverse(b: Builder, x: Term) -> Term:
    return b.ew(DIV, b.const(1, x.dtype), x)


def _pow(b: Builder, args: list[Term], node: Node) -> Term | None:
    exponent = node.params.get("exponent")
    x = args[0]
    if exponent is None or x.dtype.kind != "f":
        return None
    if exponent == 0:
        return b.expand(b.const(1, x.dtype), x.shape)
    half = exponent - 0.5
    if exponent == int(exponent) and abs(exponent) <= 16:
        result = power(b, x, abs(int(exponent)))
        return result if exponent > 0 else _inverse(b, result)
    if half in (0, -1):
        root = b.ew(SQRT, x)
        return root if half == 0 else _inverse(b, root)
    return None


def _sigmoid_of(b: Builder, x: Term) -> Term:
    return _inverse(b, b.plus(b.ew(EXP, b.ew(NEG, x)), 1))


def _sigmoid(b: Builder, args: list[Term], node: Node) -> Term | None:
    return _sigmoid_of(b, args[0])


def _silu(b: Builder, args: list[Term], node: Node) -> Term | None:
    return b.ew(DIV, args[0], b.plus(b.ew(EXP, b.ew(NEG, args[0])), 1))


def _softplus(b: Builder, args: list[Term], node: Node) -> Term | None:
    """max(x, 0) + log1p(exp(-|x|)), which is x itself, to the rounding, above the usual threshold."""
    beta, threshold = node.params["beta"], node.params["threshold"]
    if beta <= 0:
        return None
    x = b.scale(args[0], beta)
    tail = b.ew(LOG, b.plus(b.ew(EXP, b.ew(NEG, b.ew(ABS, x))), 1))
    if args[0].dtype != np.float32:
        tail = b.ew(LOG1P, b.ew(EXP, b.ew(NEG, b.ew(ABS, x))))
    result = b.scale(b.ew(ADD, b.largest(x, 0), tail), 1 / beta)
    if threshold == 20 and args[0].dtype == np.float32:
        return result
    return b.ew(
        WHERE, b.ew(GREATER, x, b.const(threshold, x.dtype), dtype=np.dtype(bool)), args[0], result, dtype=x.dtype
    )


def _relu(b: Builder, args: list[Term], node: Node) -> Term | None:
    return b.largest(args[0], 0) if args[0].dtype.kind in "fi" else None


def _clamped(low: str | None, high: str | None) -> Lowering:
    def lowered(b: Builder, args: list[Term], node: Node) -> Term | None:
        x = args[0]
        if x.dtype.kind != "f" or len(args) > 1:
            return None
        for name, fn in ((low, MAXIMUM), (high, MINIMUM)):
            limit = node.params.get(name) if name else None
            if limit is not None:
                x = b.ew(fn, b.const(limit, x.dtype), x)
        return x

    return lowered


def _choose(b: Builder, args: list[Term], node: Node) -> Term | None:
    dtype = node.dtype.numpy
    return b.ew(WHERE, args[0], b.cast(args[1], dtype), b.cast(args[2], dtype), dtype=dtype)


def _erf(b: Builder, args: list[Term], node: Node) -> Term | None:
    return _erf_of(b, args[0]) if args[0].dtype == np.float32 else None


def _erf_of(b: Builder, x: Term) -> Term:
    return erf_terms(b, x) if x.size > layout.FUSE_ABOVE else b.ew(ERF, x)


def _normal_cdf_of(b: Builder, x: Term) -> Term:
    return b.scale(b.plus(_erf_of(b, b.scale(x, sqrt(0.5))), 1), 0.5)


def _normal_cdf(b: Builder, args: list[Term], node: Node) -> Term | None:
    return _normal_cdf_of(b, args[0]) if args[0].dtype == np.float32 else None


def _gelu(b: Builder, args: list[Term], node: Node) -> Term | None:
    x = args[0]
    if node.params["approximate"] == "none" and x.dtype == np.float32:
        return b.mul(x, _normal_cdf_of(b, x))
    if node.params["approximate"] != "tanh":
        return None
    inner = b.scale(b.ew(ADD, x, b.scale(b.mul(x, b.mul(x, x)), 0.044715)), sqrt(2 / pi))
    return b.mul(b.scale(x, 0.5), b.plus(b.ew(TANH, inner), 1))


# Products of a tall matrix and a vector: sums of products along rows or columns

WIDE = 1 << 12  # columns; wider matrices are left to BLAS as a whole


def _tall(x: Term, y: Term) -> bool:
    rows, cols = x.shape
    return x.dtype.kind == "f" and x.dtype == y.dtype and rows >= 4 * cols and 1 < cols <= WIDE


def _product(b: Builder, args: list[Term], node: Node) -> Term | None:
    x, y = args
    if len(x.shape) != 2 or len(y.shape) != 1 or x.size <= layout.FUSE_ABOVE:
        return None
    if _tall(x, y):
        products = b.mul(x, b.reshape(y, (1, x.shape[1])))
        return b.reshape(b.reduce("sum", products, (1,)), node.shape)
    transposed = x.kind == CALL and x.node is not None and x.node.op.name == "transpose"
    if transposed and _tall(x.args[0], y):
        inner = x.args[0]
        products = b.mul(inner, b.reshape(y, (inner.shape[0], 1)))
        return b.reshape(b.reduce("sum", products, (0,)), node.shape)
    return None


# Picking one element of each row, and putting it back


def _take_along(b: Builder, args: list[Term], node: Node) -> Term | None:
    x, at = args
    if len(x.shape) != 2 or x.size == 1 or node.params["dim"] != 1 or at.shape != (x.shape[0], 1):
        return None
    return b.take(x, at)


def _put_along(b: Builder, args: list[Term], node: Node) -> Term | None:
    x, at = args
    if len(x.shape) != 2 or node.params["dim"] != 1 or x.shape[1] != 1 or at.shape != x.shape:
        return None
    size = node.params["size"]
    fn = Fn("put", lambda x, at: put(x, at, size), put_block, cost=1, key=("put", size), inplace=False, rows=True)
    return b.shaped(fn, (x, at), node.shape)


# Reductions


def _axes(x: Term, dim: Any) -> Shape:
    return tuple(sorted(normal_dims(dim, len(x.shape))))


def _reduction(name: str) -> Lowering:
    def lowered(b: Builder, args: list[Term], node: Node) -> Term | None:
        x = args[0]
        axes = _axes(x, node.params.get("dim"))
        if x.dtype.kind not in "fi" or x.size == 0 or "other" in node.params:
            return None
        return b.reshape(b.reduce(name, x, axes), node.shape)

    return lowered


def _mean_of(b: Builder, x: Term, axes: Shape) -> Term:
    return b.scale(b.reduce("sum", x, axes), 1 / prod(x.shape[a] for a in axes))


def _mean(b: Builder, args: list[Term], node: Node) -> Term | None:
    x = args[0]
    if x.size == 0:
        return None
    return b.reshape(_mean_of(b, x, _axes(x, node.params.get("dim"))), node.shape)


def _norm(b: Builder, args: list[Term], node: Node) -> Term | None:
    """Squares are added up in double precision where they would overflow or vanish."""
    x, order = args[0], node.params["ord"]
    axes = _axes(x, node.params["dim"])
    if order not in (1, 2) or x.size == 0 or isinf(order):
        return None
    if order == 1:
        return b.reshape(b.reduce("sum", b.ew(ABS, x), axes), node.shape)
    if len(axes) < len(x.shape):
        return None
    total = b.reduce("sumsq", x, axes, dtype=np.dtype(np.float64))
    return b.reshape(b.cast(b.ew(SQRT, total), x.dtype), node.shape)


def _logsumexp(b: Builder, args: list[Term], node: Node) -> Term | None:
    x = args[0]
    axes = _axes(x, node.params["dim"])
    return b.reshape(b.reduce("lse", x, axes), node.shape) if x.size and axes else None


def _along(x: Term, dim: int) -> Shape:
    return (normal_dim(dim, len(x.shape)),)


def _has_rows(x: Term, axes: Shape) -> bool:
    """Whether x is large and goes through the pass whole rows at a time along axes."""
    along = axes == (len(x.shape) - 1,) and len(x.shape) > 1
    return along and x.size > layout.FUSE_ABOVE and x.shape[-1] <= layout.WIDEST


def _log_softmax(b: Builder, args: list[Term], node: Node) -> Term | None:
    """(x - s) - log(sum(e^(x - s))), with s the largest of a row or nearby: no digit of a large s is lost."""
    x = args[0]
    if not x.shape or x.size == 0:
        return None
    axes = _along(x, node.params["dim"])
    if x.shape[axes[0]] == 1:
        return b.ew(SUB, x, x)
    shift = b.reduce("peak" if _has_rows(x, axes) else "max", x, axes)
    total = b.reduce("sum", b.ew(EXP_FROM, x, shift), axes)
    return b.ew(SUB, b.ew(SUB, x, shift), b.ew(LOG, total))


def _softmax(b: Builder, args: list[Term], node: Node) -> Term | None:
    log = _log_softmax(b, args, node)
    return None if log is None else b.ew(EXP, log)


def standardized(b: Builder, x: Term, node: Node) -> tuple[Term, Term]:
    """The outputs of `_standardize`: centred and divided by the root of the variance, and one over that root."""
    axes = _axes(x, tuple(node.params["dims"]))
    centred = b.ew(SUB, x, _mean_of(b, x, axes))
    scale = _inverse(b, b.ew(SQRT, b.plus(_mean_of(b, b.mul(centred, centred), axes), node.params["eps"])))
    return b.mul(centred, scale), scale


LOWER: dict[str, Lowering] = {
    **dict.fromkeys(("alias", "detach", "_data", "clone", "_clone_rows", "leaf"), _same),
    **dict.fromkeys(
        ("_reshape", "_reshape_rows", "_reshape_alias", "_unsafe_view", "unsqueeze", "_squeeze"), _reshaped
    ),
    "_expand": _expanded,
    **dict.fromkeys(("_zero", "_zeros_as"), _zeros),
    "_to_dtype": _cast,
    "neg": _float_ew(NEG),
    "abs": _float_ew(ABS),
    "pow": _pow,
    "reciprocal": lambda b, args, node: _inverse(b, args[0]),
    "rsqrt": lambda b, args, node: _inverse(b, b.ew(SQRT, args[0])),
    "sigmoid": _sigmoid,
    "silu": _silu,
    "softplus": _softplus,
    "relu": _relu,
    "clamp": _clamped("min", "max"),
    "clamp_min": _clamped("min", None),
    "clamp_max": _clamped(None, "max"),
    "_choose": _choose,
    "erf": _erf,
    "gelu": _gelu,
    "_normal_cdf": _normal_cdf,
    **dict.fromkeys(("sum", "_sum"), _reduction("sum")),
    "mean": _mean,
    "amax": _reduction("max"),
    "amin": _reduction("min"),
    **dict.fromkeys(("_norm", "_norm_along", "_linalg_vector_norm"), _norm),
    "logsumexp": _logsumexp,
    **dict.fromkeys(("mv", "_matmul"), _product),
    "_take_along": _take_along,
    "_put_along": _put_along,
    "log_softmax": _log_softmax,
    "softmax": _softmax,
}
