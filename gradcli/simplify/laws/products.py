"""Matrix and outer products."""

from __future__ import annotations

from fractions import Fraction

from gradcli.graph.terms import Term
from gradcli.simplify.build import Builder
from gradcli.simplify.law import is_scalar, law, one, without_scalars
from gradcli.simplify.normal import ONE, bare


@law("matmul", "(c * A) @ B -> c * (A @ B)", "c is one element")
def _scaled_matrices(b: Builder, t: Term) -> Term | None:
    outer: list[Term] = []
    inner = []
    for a in t.args:
        if a.head == "product":
            left, scalars = without_scalars(b, a)
            if left is not None and scalars and left.shape == a.shape:
                outer += scalars
                a = left
        elif a.head == "expand" and not one(a) and is_scalar(a):
            outer.append(bare(a))
            a = b.expand(b.number(1), a.shape)
        inner.append(a)
    if not outer:
        return None
    return b.multiply([*outer, b.matmul(inner[0], inner[1])])


@law("matmul", "A @ ones -> sums of the rows of A", "the ones are a vector or a matrix")
def _times_ones(b: Builder, t: Term) -> Term | None:
    left, right = t.args
    if one(right) and len(left.shape) >= 1 and len(right.shape) <= 2:
        rows = b.total(left, (len(left.shape) - 1,), len(right.shape) > 1)
        return b.expand(rows, t.shape)
    if one(left) and len(left.shape) <= 2:
        if len(right.shape) == 1:
            return b.expand(b.total(right, None, False), t.shape)
        columns = b.total(right, (len(right.shape) - 2,), len(left.shape) > 1)
        return b.expand(columns, t.shape)
    return None


@law("matmul", "A @ eye -> A", "always")
def _times_identity(b: Builder, t: Term) -> Term | None:
    left, right = t.args
    if right.head == "eye" and right.shape[0] == right.shape[1]:
        return left
    return right if left.head == "eye" and left.shape[0] == left.shape[1] else None


@law("matmul", "reshape(u, (n, 1)) @ reshape(v, (1, m)) -> outer(u, v)", "u and v are vectors")
def _outer(b: Builder, t: Term) -> Term | None:
    left, right = (_vector(a) for a in t.args)
    if left is None or right is None or t.args[0].shape[1:] != (1,) or t.args[1].shape[:1] != (1,):
        return None
    return b.call("outer", (left, right), t.shape, t.dtype)


def _vector(x: Term) -> Term | None:
    return x.args[0] if x.head == "reshape" and len(x.args[0].shape) == 1 and len(x.shape) == 2 else None


@law("sum", "A @ v + v @ B -> (A + B.T) @ v", "v is a vector, both have one coefficient")
def _same_vector(b: Builder, t: Term) -> Term | None:
    found: dict[tuple[int, Fraction], tuple[int, Term]] = {}
    factors = t.param("factors")
    for at, (c, a) in enumerate(zip(factors, t.args, strict=True)):
        if a.head != "matmul" or len(a.shape) != 1:
            continue
        left, right = a.args
        vector, matrix = (right, left) if len(right.shape) == 1 else (left, b.transpose(right))
        first = found.get((vector.serial, c))
        if first is None:
            found[vector.serial, c] = at, matrix
            continue
        pair = sorted((first[1], matrix), key=lambda m: m.head == "mT")  # A + A.T, not A.T + A
        both = b.matmul(b.add([(1, m) for m in pair]), vector)
        rest = [(f, s) for i, (f, s) in enumerate(zip(factors, t.args, strict=True)) if i not in (at, first[0])]
        return b.add([*rest, (c, both), (t.param("constant"), b.number(1))])
    return None


@law("sum", "A @ u - A @ v -> A @ (u - v)", "the same A; u and v have the same shape")
def _same_matrix(b: Builder, t: Term) -> Term | None:
    if len(t.args) != 2 or t.param("constant") or any(a.head != "matmul" for a in t.args):
        return None
    (a, u), (c, v) = (x.args for x in t.args)
    first, second = t.param("factors")
    if a is c and u.shape == v.shape:
        return b.matmul(a, b.add([(first, u), (second, v)]))
    if u is v and a.shape == c.shape and len(u.shape) > 1:
        pair = sorted(((first, a), (second, c)), key=lambda part: part[1].head == "mT")
        return b.matmul(b.add(pair), u)
    return None


@law("product", "reshape(u, (n, 1)) * v -> outer(u, v)", "u and v are vectors, v as a row")
def _outer_product(b: Builder, t: Term) -> Term | None:
    if len(t.shape) != 2:
        return None
    for a, p in zip(t.args, t.param("powers"), strict=True):
        column = _vector(a)
        if column is None or p != 1 or a.shape != (t.shape[0], 1):
            continue
        rest = [(x, q) for x, q in zip(t.args, t.param("powers"), strict=True) if x is not a]
        rows = [(x, q) for x, q in rest if x.shape not in ((), (1,), (1, 1))]
        if len(rows) != 1 or rows[0][1] != 1:
            return None
        row = _vector(rows[0][0]) if len(rows[0][0].shape) == 2 else rows[0][0]
        if row is None or row.shape != t.shape[1:]:
            return None
        outer = b.call("outer", (column, row), t.shape, t.dtype)
        others = [(x, q) for x, q in rest if x is not rows[0][0]]
        return b.power_product([(b.number(t.param("factor")), ONE), *others, (outer, ONE)])
    return None
