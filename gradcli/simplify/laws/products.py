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


@law(
    "sum", "A @ v + v @ B -> (A + B.T) @ v", "v is a vector; both have the same coefficient, or factors of one element"
)
def _same_vector(b: Builder, t: Term) -> Term | None:
    found: dict[tuple[int, Fraction, int], tuple[int, Term]] = {}
    factors = t.param("factors")
    for at, (c, a) in enumerate(zip(factors, t.args, strict=True)):
        product, scalars = _product_with_vector(b, a)
        if product is None:
            continue
        left, right = product.args
        vector, matrix = (right, left) if len(right.shape) == 1 else (left, b.transpose(right))
        key = (vector.serial, c, scalars.serial)
        first = found.get(key)
        if first is None:
            found[key] = at, matrix
            continue
        pair = sorted((first[1], matrix), key=lambda m: m.head == "mT")  # A + A.T, not A.T + A
        both = b.multiply([scalars, b.matmul(b.add([(1, m) for m in pair]), vector)])
        rest = [(f, s) for i, (f, s) in enumerate(zip(factors, t.args, strict=True)) if i not in (at, first[0])]
        return b.add([*rest, (c, both), (t.param("constant"), b.number(1))])
    return None


def _product_with_vector(b: Builder, a: Term) -> tuple[Term | None, Term]:
    """A product of a matrix and a vector, and the factors of one element it comes with."""
    if a.head == "matmul" and len(a.shape) == 1:
        return a, b.number(1)
    if a.head != "product" or len(a.shape) != 1:
        return None, a
    pairs = list(zip(a.args, a.param("powers"), strict=True))
    products = [x for x, p in pairs if x.head == "matmul" and x.shape == a.shape and p == 1]
    rest = [(x, p) for x, p in pairs if x.shape == ()]
    if len(products) != 1 or len(rest) + 1 != len(pairs):
        return None, a
    return products[0], b.power_product([(b.number(a.param("factor")), ONE), *rest])


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


@law("mT", "outer(u, v).T -> outer(v, u)", "always")
def _transposed_outer(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    return b.call("outer", x.args[::-1], t.shape, t.dtype) if x.head == "outer" and len(x.args) == 2 else None


@law("matmul", "V @ V.T -> I", "V holds the eigenvectors of a symmetric matrix")
def _orthogonal(b: Builder, t: Term) -> Term | None:
    left, right = t.args
    inner = left.args[0] if left.head == "mT" else left
    turned = right.args[0] if right.head == "mT" else right
    if inner is not turned or (left.head == "mT") == (right.head == "mT") or inner.head != "item":
        return None
    if inner.args[0].head != "linalg.eigh" or inner.param("at") != 1:
        return None
    eye = b.call("eye", (), t.shape[-2:], t.dtype, t.shape[-1])
    return b.expand(eye, t.shape)


@law("matmul", "diag(d) @ v -> d * v, v @ diag(d) -> v * d", "v is a vector, d is on the main diagonal")
def _times_diagonal(b: Builder, t: Term) -> Term | None:
    diagonal, vector = sorted(t.args, key=lambda a: len(a.shape) == 1)
    if diagonal.head != "diag" or len(vector.shape) != 1 or diagonal.params or len(diagonal.args[0].shape) != 1:
        return None
    return b.multiply([diagonal.args[0], vector])


@law("diag_embed", "diag_embed(v) -> diag(v), of ones the identity", "v is a vector, on the main diagonal")
def _diagonal_matrix(b: Builder, t: Term) -> Term | None:
    v = t.args[0]
    if t.params or len(v.shape) != 1:
        return None
    if is_scalar(v):
        return b.multiply([bare(v), b.call("eye", (), t.shape, v.dtype or t.dtype, t.shape[0])])
    return b.call("diag", (v,), t.shape, t.dtype)


@law("matmul", "ones @ B -> sums of the columns of B", "both are batches of matrices")
def _batch_of_ones(b: Builder, t: Term) -> Term | None:
    left, right = t.args
    if len(t.shape) < 3 or len(left.shape) != len(right.shape):
        return None
    if one(left):
        return b.expand(b.total(right, (len(right.shape) - 2,), True), t.shape)
    return b.expand(b.total(left, (len(left.shape) - 1,), True), t.shape) if one(right) else None


@law("product", "reshape(a) * reshape(b) -> reshape(a * b)", "a and b have one shape, and something cancels")
def _joined_reshapes(b: Builder, t: Term) -> Term | None:
    pairs = list(zip(t.args, t.param("powers"), strict=True))
    for first, _ in pairs:
        if first.head != "reshape":
            continue
        shape = first.args[0].shape
        alike = [(a, p) for a, p in pairs if a.head == "reshape" and (a.args[0].shape, a.shape) == (shape, first.shape)]
        inner = b.power_product([(a.args[0], p) for a, p in alike])
        if inner.shape != shape or _count(inner) >= sum(_count(a.args[0]) for a, _ in alike):
            continue
        rest = [pair for pair in pairs if pair not in alike]
        joined = b.reshape(inner, first.shape)
        return b.power_product([(b.number(t.param("factor")), ONE), *rest, (joined, ONE)])
    return None


def _count(x: Term) -> int:
    return len(x.args) if x.head == "product" else 1


@law("product sum", "reshape(v, (1, n)) * A -> v * A", "A has as many dimensions")
def _leading_one(b: Builder, t: Term) -> Term | None:
    rank = len(t.shape)
    for at, a in enumerate(t.args):
        if a.head != "reshape" or a.shape != (1, *a.args[0].shape) or len(a.shape) < rank:
            continue
        others = [x for i, x in enumerate(t.args) if i != at]
        if max((len(x.shape) for x in others), default=0) < rank:
            continue
        parts = [a.args[0] if i == at else x for i, x in enumerate(t.args)]
        if t.head == "sum":
            constant = (t.param("constant"), b.number(1))
            found = b.add([*zip(t.param("factors"), parts, strict=True), constant])
        else:
            found = b.power_product([(b.number(t.param("factor")), ONE), *zip(parts, t.param("powers"), strict=True)])
        return found if found.shape == t.shape else None
    return None
