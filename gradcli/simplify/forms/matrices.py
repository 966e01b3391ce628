"""Norms and linear algebra: internal ops in public words, as in `simplify/forms`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradcli.graph.node import Node
from gradcli.graph.terms import Term
from gradcli.shapes import Shape, normal_dims
from gradcli.simplify.build import Builder
from gradcli.simplify.forms.arithmetic import given_dims
from gradcli.simplify.forms.form import Form


def norm(b: Builder, args: Sequence[Term], node: Node) -> Term:
    p = node.params
    dims = () if p.get("dim") is None else normal_dims(p["dim"], len(args[0].shape))
    ord, given = p.get("ord", 2), given_dims(dims, node)
    if ord == 2 and not given:
        return b.call("norm", args, node.shape, node.dtype)
    named = {"dim": given[0]} if given else {}
    keepdim = {"keepdim": True} if p.get("keepdim") else {}
    return b.call("linalg.vector_norm", args, node.shape, node.dtype, *([] if ord == 2 else [ord]), **named, **keepdim)


def distance(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """The norm along the last dimension."""
    p = node.params["p"]
    return b.call("linalg.vector_norm", args, node.shape, node.dtype, *([] if p == 2 else [float(p)]), dim=-1)


def distances(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """cdist, pdist"""
    p = node.params["p"]
    return b.call(node.op.name.lstrip("_"), args, node.shape, node.dtype, *([] if p == 2 else [float(p)]))


def cofactors(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """det(A) A^-T; in general U diag(products of the other singular values) V^T, with the sign of U and V."""
    a = args[0]
    if not b.assume("the matrix is invertible"):
        return singular_cofactors(b, a)
    det = b.call("det", [a], a.shape[:-2], a.dtype)
    inverse = b.transpose(b.call("inv", [a], a.shape, a.dtype))
    return b.multiply([b.reshape(det, (*a.shape[:-2], 1, 1)) if len(a.shape) > 2 else det, inverse])


def singular_cofactors(b: Builder, a: Term) -> Term:
    n, lead = a.shape[-1], a.shape[:-2]
    svd = b.call("linalg.svd", (a,), (), None)
    shapes = (a.shape, a.shape[:-1], a.shape)
    u, s, v = (b.make("item", (svd,), (("at", at),), shape, a.dtype) for at, shape in enumerate(shapes))
    own = b.compare("gt", b.call("eye", (), (n, n), a.dtype, n), b.number(0))
    row = b.reshape(s, (*lead, 1, n))
    others = b.call("prod", (b.where(own, b.number(1), row),), a.shape[:-1], a.dtype, -1)
    sign = b.call("det", (b.matmul(u, v),), lead, a.dtype)
    if lead:
        sign = b.reshape(sign, (*lead, 1, 1))
    return b.multiply([sign, b.matmul(b.multiply([u, b.reshape(others, (*lead, 1, n))]), v)])


def solve(b: Builder, args: Sequence[Term], node: Node) -> Term:
    named: dict[str, Any] = {} if node.params.get("left", True) else {"left": False}
    if node.params.get("vector") and len(args[0].shape) > 2:
        column = b.reshape(args[1], (*args[1].shape, 1))
        solved = b.call("linalg.solve", (args[0], column), (*node.shape, 1), node.dtype, **named)
        return b.reshape(solved, node.shape)
    return b.call("linalg.solve", args, node.shape, node.dtype, **named)


def public(name: str) -> Form:
    return lambda b, args, node: b.call(name, args, node.shape, node.dtype)


def factored(b: Builder, args: Sequence[Term], node: Node) -> Any:
    """L and U in one matrix, and the exchanges of rows."""
    named = {} if node.params["pivot"] else {"pivot": False}
    return b.several(node, b.call("linalg.lu_factor", args, (), None, **named))


def _of_factored(b: Builder, x: Term, at: int, shape: Shape) -> Term | None:
    """A part of linalg.lu(A), where x is an output of linalg.lu_factor(A)."""
    whole = x.args[0] if x.head == "item" else x
    if whole.head != "linalg.lu_factor":
        return None
    parts = b.call("linalg.lu", whole.args, (), None, **dict(whole.params))
    return b.make("item", (parts,), (("at", at),), shape, b.dtype)


def permutation(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """P of P L U."""
    found = _of_factored(b, args[0], 0, node.shape)
    if found is not None:
        return found
    rows = b.expand(b.call("eye", (), node.shape[-2:], node.dtype, node.shape[-1]), node.shape)
    parts = b.call("lu_unpack", (rows, args[0]), (), None)
    return b.make("item", (parts,), (("at", 0),), node.shape, node.dtype)


def unpacked(b: Builder, args: Sequence[Term], node: Node) -> Any:
    """L and U of one matrix that holds both."""
    packed = args[0]
    found = [_of_factored(b, packed, at + 1, shape) for at, shape in enumerate(node.shape)]
    if found[0] is not None:
        return tuple(found)
    m, n = packed.shape[-2:]
    k, every = min(m, n), [slice(None)] * (len(packed.shape) - 2)
    tall = packed if n == k else b.index(packed, (*every, slice(None), slice(None, k)), node.shape[0])
    wide = packed if m == k else b.index(packed, (*every, slice(None, k)), node.shape[1])
    unit = b.call("eye", (), (m, k), b.dtype, *dict.fromkeys((m, k)))
    lower = b.add([(1, b.call("tril", (tall,), tall.shape, b.dtype, -1)), (1, unit)])
    return lower, b.call("triu", (wide,), wide.shape, b.dtype)


def least_squares(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """pinv(A) @ b"""
    a, rcond = args[0], node.params["rcond"]
    named = {} if rcond is None else {"rtol": float(rcond)}
    inverse = b.call("linalg.pinv", (a,), (*a.shape[:-2], a.shape[-1], a.shape[-2]), node.dtype, **named)
    return b.matmul(inverse, args[1])


def unit_columns(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """The identity, or its first columns."""
    shape = node.shape[-2:]
    return b.expand(b.call("eye", (), shape, node.dtype, *dict.fromkeys(shape)), node.shape)
