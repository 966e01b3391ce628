"""Parts of matrices that the rules of factorisations are written in, and the matrices that their samples need."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcli.graph.node import Node
from gradcli.graph.op import leaf
from gradcli.ops.elementwise.arithmetic import add
from gradcli.ops.linalg.products import product
from gradcli.ops.shapes.order import transposed
from gradcli.ops.shapes.part import slice_
from gradcli.ops.shapes.shape import unsqueeze

Cotangents = tuple[Node | None, ...]


def total(*parts: Any) -> Any:
    """The sum of those that are there."""
    result = None
    for part in parts:
        if part is not None:
            result = part if result is None else add(result, part)
    return result


def rows_of(x: Node, start: int, end: int) -> Any:
    """Some rows of matrices."""
    return slice_(x, dim=x.ndim - 2, start=start, end=end, step=1)


def columns_of(x: Node, start: int, end: int) -> Any:
    """Some columns of matrices."""
    return slice_(x, dim=x.ndim - 1, start=start, end=end, step=1)


def eye(x: Node, n: int) -> Node:
    """The identity matrix of a node's dtype."""
    return leaf(np.eye(n, dtype=x.dtype.numpy))


def skew(x: Any) -> Any:
    """A matrix minus its transpose."""
    return x - transposed(x)


def column(x: Node) -> Any:
    """Vectors as matrices of one column."""
    return unsqueeze(x, dim=-1)


def row(x: Node) -> Any:
    """Vectors as matrices of one row."""
    return unsqueeze(x, dim=-2)


# What the samples make of the matrices that are drawn: symmetric ones, positive ones, some with real eigenvalues.


def symmetric_of(a: Node) -> Any:
    """The symmetric part of a matrix."""
    return (a + transposed(a)) * 0.5


def positive_of(a: Node) -> Any:
    """A symmetric matrix with positive eigenvalues."""
    return product(a, transposed(a)) + eye(a, a.shape[-1])


def real_of(a: Node) -> Any:
    """A matrix whose eigenvalues are real and differ: it is nearly diagonal."""
    n = a.shape[-1]
    return a * 0.1 + leaf(np.diag(np.arange(1.0, n + 1) * 2).astype(a.dtype.numpy))
