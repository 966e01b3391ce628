"""Matrices as wholes: triangles and factors, outer products inside others, traces, what is symmetric."""

from __future__ import annotations

from fractions import Fraction

from gradcli.graph.terms import Term
from gradcli.simplify.build import Builder
from gradcli.simplify.law import law, one, without_scalars
from gradcli.simplify.normal import ONE, factor_of


@law("tril triu", "tril(tril(x)) -> tril(x)", "with the same diagonal")
def _triangle_twice(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    return x if x.head == t.head and x.params == t.params else None


@law("triu", "triu(LU) -> U", "LU is that of linalg.lu_factor, of a square matrix")
def _upper_factor(b: Builder, t: Term) -> Term | None:
    return _lu_part(b, t.args[0], 2, t) if not t.params or t.params[0][1] == 0 else None


@law("sum", "tril(LU, -1) + I -> L", "LU is that of linalg.lu_factor, of a square matrix")
def _lower_factor(b: Builder, t: Term) -> Term | None:
    if len(t.args) != 2 or t.param("factors") != (1, 1) or t.param("constant"):
        return None
    below, unit = sorted(t.args, key=lambda a: a.head == "eye")
    if below.head != "tril" or unit.head != "eye" or below.params != (("", -1),) or unit.shape != below.shape:
        return None
    return _lu_part(b, below.args[0], 1, t)


def _lu_part(b: Builder, packed: Term, at: int, t: Term) -> Term | None:
    if packed.head != "item" or packed.args[0].head != "linalg.lu_factor" or packed.param("at") != 0:
        return None
    if packed.shape != t.shape or t.shape[-1] != t.shape[-2]:
        return None
    parts = b.call("linalg.lu", packed.args[0].args, (), None, **dict(packed.args[0].params))
    return b.make("item", (parts,), (("at", at),), t.shape, t.dtype)


@law("outer", "outer(-u, u) -> -outer(u, u)", "always")
def _outer_of_opposites(b: Builder, t: Term) -> Term | None:
    left, right = t.args
    if left is right or b.scale(-ONE, left) is not right:
        return None
    return b.scale(-ONE, b.call("outer", (right, right), t.shape, t.dtype))


@law("diagonal", "diagonal(outer(u, v)) -> u * v", "u and v have as many elements")
def _diagonal_of_outer(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head != "outer" or x.args[0].shape != x.args[1].shape or t.param("offset"):
        return None
    return b.multiply(x.args)


@law("matmul", "A @ outer(u, v) -> outer(A @ u, v), outer(u, v) @ A -> outer(u, A.T @ v)", "A is a matrix or a vector")
def _outer_in_product(b: Builder, t: Term) -> Term | None:
    left, right = t.args
    if right.head == "outer" and len(left.shape) <= 2:
        u, v = right.args
        made = b.matmul(left, u)
        return b.multiply([made, v]) if len(left.shape) == 1 else b.call("outer", (made, v), t.shape, t.dtype)
    if left.head == "outer" and len(right.shape) <= 2:
        u, v = left.args
        if len(right.shape) == 1:
            return b.multiply([u, b.matmul(v, right)])
        return b.call("outer", (u, b.matmul(b.transpose(right), v)), t.shape, t.dtype)
    return None


@law("matmul", "v @ A.T -> A @ v", "v is a vector")
def _vector_first(b: Builder, t: Term) -> Term | None:
    left, right = t.args
    return (
        b.matmul(right.args[0], left) if len(left.shape) == 1 and right.head == "mT" and len(right.shape) == 2 else None
    )


@law(
    "matmul",
    "expand(u, columns) @ A -> outer(u, sums of the columns of A), and of rows",
    "u is a vector or a column of them",
)
def _expanded_matrix(b: Builder, t: Term) -> Term | None:
    left, right = t.args
    if len(left.shape) != 2 or len(right.shape) != 2:
        return None
    if left.head == "expand" and left.args[0].shape == (left.shape[0], 1):
        column = b.reshape(left.args[0], left.shape[:1])
        return b.call("outer", (column, b.total(right, (0,), False)), t.shape, t.dtype)
    if right.head == "expand" and right.args[0].shape in (right.shape[1:], (1, *right.shape[1:])):
        row = b.reshape(right.args[0], right.shape[1:])
        return b.call("outer", (b.total(left, (1,), False), row), t.shape, t.dtype)
    return None


@law("total", "sum(A * I) -> trace(A)", "over all elements of a square matrix A")
def _trace(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head != "product" or len(x.shape) != 2 or len(t.param("dims")) != 2 or t.param("keepdim"):
        return None
    pairs = list(zip(x.args, x.param("powers"), strict=True))
    unit = next((a for a, p in pairs if a.head == "eye" and p == 1 and a.shape == x.shape), None)
    others = [(a, p) for a, p in pairs if a is not unit]
    if unit is None or x.shape[0] != x.shape[1] or any(p < 0 for _, p in others) or not others:
        return None
    inside = b.power_product([(b.number(factor_of(x)), ONE), *others])
    return b.call("trace", (inside,), (), t.dtype) if inside.shape == x.shape else None


@law("trace", "trace(A.T) -> trace(A), trace(c * A) -> c * trace(A), trace(outer(u, v)) -> u @ v", "c is one element")
def _simpler_trace(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head == "mT":
        return b.call("trace", x.args, (), t.dtype)
    if x.head == "outer" and x.args[0].shape == x.args[1].shape:
        return b.matmul(*x.args)
    inner, outer = without_scalars(b, x) if x.head == "product" else (None, [])
    if inner is None or not outer or inner.shape != x.shape:
        return None
    return b.multiply([*outer, b.call("trace", (inner,), (), t.dtype)])


@law("sum", "A @ (B @ C) + A @ B @ C -> 2 * A @ B @ C", "all are matrices")
def _same_chain(b: Builder, t: Term) -> Term | None:
    found: dict[tuple[int, ...], Term] = {}
    parts, again = list[tuple[Fraction, Term]](), False
    for c, a in zip(t.param("factors"), t.args, strict=True):
        if a.head == "matmul" and len(a.shape) == 2:
            first = found.setdefault(tuple(part.serial for part in _chain(a)), a)
            again, a = again or first is not a, first
        parts.append((c, a))
    return b.add([*parts, (t.param("constant"), b.number(1))]) if again else None


@law("total", "sum(A * outer(u, v)) -> u @ A @ v", "over all elements of a matrix A, or of a product of matrices")
def _bilinear(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head != "product" or len(x.shape) != 2 or len(t.param("dims")) != 2 or t.param("keepdim"):
        return None
    pairs = list(zip(x.args, x.param("powers"), strict=True))
    for outer, p in pairs:
        others = [(a, q) for a, q in pairs if a is not outer]
        if outer.head == "outer" and p == 1 and all(a.shape == x.shape for a, _ in others) and others:
            u, v = outer.args
            inside = b.power_product([(b.number(factor_of(x)), ONE), *others])
            return b.matmul(b.matmul(u, inside), v)
    return None


@law("total", "sum(A * v, 1) -> A @ v, and over 0", "A is a matrix, v a vector that goes along the summed dimension")
def _weighted_rows(b: Builder, t: Term) -> Term | None:
    x, dims = t.args[0], t.param("dims")
    if x.head != "product" or len(x.args) != 2 or len(x.shape) != 2 or len(dims) != 1 or t.param("keepdim"):
        return None
    if x.param("powers") != (1, 1) or any(a.head in ("mask", "one_hot") or not a.floating for a in x.args):
        return None
    weights = (x.shape[1:],) if dims == (1,) else ((x.shape[0], 1),)
    matrix, vector = sorted(x.args, key=lambda a: a.shape != x.shape)
    if matrix.shape != x.shape or vector.shape not in weights or x.shape[0] == 1:
        return None
    factor = b.number(factor_of(x))
    if dims == (1,):
        return b.multiply([factor, b.matmul(matrix, vector)])
    return b.multiply([factor, b.matmul(b.transpose(matrix), b.reshape(vector, x.shape[:1]))])


@law("mT", "A.T -> A", "A is symmetric as it is written: X.T @ X, its inverse, a diagonal matrix, and sums of such")
def _symmetric(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    return x if x.head in ("inv", "sum", "product", "diag", "matmul") and _is_symmetric(b, x, NESTED) else None


NESTED = 4  # how deep a matrix is looked into


def _is_symmetric(b: Builder, x: Term, depth: int) -> bool:
    if not depth or len(x.shape) < 2 or x.shape[-1] != x.shape[-2]:
        return not x.shape
    if x.head in ("inv", "sum", "product"):
        return all(_is_symmetric(b, a, depth - 1) for a in x.args)
    if x.head in ("eye", "diag"):
        return len(x.shape) == 2
    chain = _chain(x)
    pairs = zip(chain[: len(chain) // 2], reversed(chain), strict=False)
    if len(chain) < 2 or not all(first.head != "matmul" and b.transpose(first) is last for first, last in pairs):
        return False
    return len(chain) % 2 == 0 or _is_symmetric(b, chain[len(chain) // 2], depth - 1)


FACTORS = 32  # of the longest product whose factors are compared


def _chain(x: Term) -> list[Term]:
    """The factors of a product of matrices; a long one, as x @ x made again and again is, counts as one."""
    found, stack = list[Term](), [x]
    while stack:
        if len(found) + len(stack) > FACTORS:
            return [x]
        part = stack.pop()
        if part.head == "matmul" and all(len(a.shape) == 2 for a in part.args):
            stack += reversed(part.args)
        else:
            found.append(part)
    return found


@law("index", "matrix_exp([[A, c*I], [0, A]])[:n, n:] -> c * matrix_exp(A)", "I commutes with A")
def _exponential_of_block(b: Builder, t: Term) -> Term | None:
    x, n = t.args[0], t.shape[0] if t.shape else 0
    if x.head != "matrix_exp" or t.param("index") != (slice(None, n), slice(n, None)) or x.args[0].head != "torch.cat":
        return None
    rows = x.args[0].args
    if len(rows) != 2 or any(r.head != "torch.cat" or len(r.args) != 2 for r in rows):
        return None
    (a, e), (zero, again) = rows[0].args, rows[1].args
    unit, scalars = without_scalars(b, e) if e.head == "product" else (e, [])
    if a is not again or unit is None or unit.head != "eye" or not one(zero, 0):
        return None
    return b.multiply([*scalars, b.call("matrix_exp", (a,), t.shape, t.dtype)])
