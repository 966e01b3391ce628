"""Weighted sums along a dimension (interpolation, padding by its own elements, adaptive means) in public words.

Each is a product with a matrix, and the matrix is what the public call makes of the identity.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from gradcli.dtypes import int64
from gradcli.graph.node import Node
from gradcli.graph.terms import Arg, Term
from gradcli.ops.layers.resample import Taps
from gradcli.simplify.build import Builder
from gradcli.simplify.forms.parts import add_rows
from gradcli.simplify.noform import NoForm

LITERAL = 1000  # a matrix of more numbers is not written out


def resampled(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """Along dim: x times the matrix, or rows taken."""
    taps: Taps = node.params["taps"]
    dim, x = node.params["dim"] % len(node.shape), args[0]
    if taps.weight is None and taps.made is None:
        return b.index(x, (*[slice(None)] * dim, Arg(1)), node.shape, (_places(b, taps),))
    return _times(b, x, _matrix(b, taps), dim)


def unsampled(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """Along dim: x times the transposed matrix, or rows added where they were taken."""
    taps: Taps = node.params["taps"]
    dim, x = node.params["dim"] % len(node.shape), args[0]
    if taps.weight is None and taps.made is None:
        return add_rows(b, x, _places(b, taps), dim, node.shape)
    return _times(b, x, b.transpose(_matrix(b, taps)), dim)


def _places(b: Builder, taps: Taps) -> Term:
    flat = taps.index.reshape(-1)
    if flat.size > LITERAL or b.sizes:
        raise NoForm("_resample")
    return b.make("literal", (), (("value", repr(flat.tolist())),), flat.shape, int64)


def _matrix(b: Builder, taps: Taps) -> Term:
    """What (..., n) is multiplied by to become (..., out)."""
    n, out = taps.size, taps.count
    if taps.made is not None:
        name, positional, named, lead = taps.made
        eye = b.call("eye", (), (n, n), b.dtype, n)
        whole = b.reshape(eye, (1,) * lead + (n, n))
        return b.reshape(b.call(name, (whole,), (1,) * lead + (n, out), b.dtype, *positional, **named), (n, out))
    if n * out > LITERAL or b.sizes:
        raise NoForm("_resample")
    matrix = np.zeros((n, out))
    np.add.at(matrix, (taps.index, np.arange(out)[:, None]), 1.0 if taps.weight is None else taps.weight)
    return b.make("literal", (), (("value", repr(matrix.tolist())),), (n, out), b.dtype)


def _times(b: Builder, x: Term, matrix: Term, dim: int) -> Term:
    """x with its dimension multiplied by a matrix (n, out)."""
    rank, out = len(x.shape), matrix.shape[1]
    if dim == rank - 1:
        return b.matmul(x, matrix)
    if dim == rank - 2:
        return b.matmul(b.transpose(matrix), x)
    lead, rest = x.shape[:dim], x.shape[dim + 1 :]
    rows = b.matmul(b.transpose(matrix), b.reshape(x, (*lead, x.shape[dim], prod(rest))))
    return b.reshape(rows, (*lead, out, *rest))


def upsampled(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """interpolate"""
    p = node.params
    named: dict[str, Any] = {}
    if any(f is not None for f in p["factors"]):
        named["scale_factor"] = _one_or_all(p["factors"])
    else:
        named["size"] = _one_or_all(p["size"])
    named["mode"] = p["mode"]
    named |= {name: True for name in ("align_corners", "antialias") if p[name]}
    return b.call("interpolate", args, node.shape, node.dtype, **named)


def padded(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """pad with elements of the input"""
    return b.call("pad", args, node.shape, node.dtype, tuple(node.params["pad"]), mode=node.params["mode"])


def adaptive_mean(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """Average pooling to a size."""
    out = node.params["output_size"]
    return b.call(f"adaptive_avg_pool{len(out)}d", args, node.shape, node.dtype, _one_or_all(out))


def _one_or_all(values: Any) -> Any:
    return values[0] if len(set(values)) == 1 else tuple(values)
