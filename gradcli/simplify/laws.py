"""The laws: a table of rewrites, each with what it needs to hold.

A law looks at one term, whose parts are simplified already, and gives a simpler one or None. `holds` says for which
dtypes, shapes and values: "always" means for all of them. Where it is narrower than what the pattern itself ensures,
the law calls `assume`, and `diff` tells the user. Elements that are not finite are outside all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import prod

from gradcli.dtypes import int64
from gradcli.graph.terms import Arg, Term
from gradcli.simplify.build import Builder
from gradcli.simplify.normal import Arithmetic, bare, factor_of, is_number

Rewrite = Callable[[Builder, Term], "Term | None"]
ONE = Fraction(1)


class Law:
    """One rewrite: the heads it looks at, what it says, when it holds."""

    __slots__ = ("apply", "heads", "holds", "says")

    def __init__(self, heads: tuple[str, ...], says: str, holds: str, apply: Rewrite) -> None:
        self.heads = heads
        self.says = says
        self.holds = holds
        self.apply = apply


TABLE: list[Law] = []
LAWS: dict[str, list[Law]] = {}


def law(heads: str, says: str, holds: str) -> Callable[[Rewrite], Rewrite]:
    """Put a rewrite into the table."""

    def enter(rewrite: Rewrite) -> Rewrite:
        entry = Law(tuple(heads.split()), says, holds, rewrite)
        TABLE.append(entry)
        for head in entry.heads:
            LAWS.setdefault(head, []).append(entry)
        return rewrite

    return enter


def is_scalar(term: Term) -> bool:
    """Whether it is one element, broadcast to its shape."""
    return bare(term).shape == ()


def one(term: Term, value: int = 1) -> bool:
    """Whether it is the number 1 (or another) broadcast to its shape."""
    return is_number(term) and bare(term).value == value


# Shapes


@law("reshape mT permute index flip", "f(expand(c)) -> expand(c)", "c is one element; f only moves elements")
def _moved_scalar(b: Builder, t: Term) -> Term | None:
    return b.expand(t.args[0], t.shape) if is_scalar(t.args[0]) else None


@law("reshape mT permute flip pad", "f(c * x) -> c * f(x)", "c is one element; f moves elements or adds zeros")
def _moved_factor(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if t.param("value"):
        return None
    if t.head == "pad" and is_scalar(x) and not one(x):
        inner: Term | None = b.number(1)
        outer = [bare(x)]
    elif x.head == "product":
        inner, outer = _without_scalars(b, x)
    else:
        return None
    if inner is None or not outer:
        return None
    return b.multiply([*outer, b.settle(b.make(t.head, (b.expand(inner, x.shape),), t.params, t.shape, t.dtype))])


def _without_scalars(b: Builder, x: Term) -> tuple[Term | None, list[Term]]:
    """A product without its number and its factors of one element, and these."""
    outer = [] if factor_of(x) == 1 else [b.number(factor_of(x))]
    inner = []
    for a, p in zip(x.args, x.param("powers"), strict=True):
        if a.shape == ():
            outer.append(b.power(a, p))
        else:
            inner.append((a, p))
    return (b.power_product(inner) if inner else None), outer


@law("reshape", "reshape(x) -> x", "the shape is that of x")
def _reshape_nothing(b: Builder, t: Term) -> Term | None:
    return t.args[0] if t.args[0].shape == t.shape else None


@law("reshape", "reshape(reshape(x)) -> reshape(x)", "always")
def _reshape_twice(b: Builder, t: Term) -> Term | None:
    inner = t.args[0]
    return b.reshape(inner.args[0], t.shape) if inner.head == "reshape" else None


@law("reshape", "reshape(sum(x, keepdim=True)) -> sum(x)", "the shape is that without the summed dimensions")
def _reshape_total(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head != "total" or not x.param("keepdim"):
        return None
    plain = b.total(x.args[0], x.param("dims"), False)
    return plain if plain.shape == t.shape else None


@law("reshape", "reshape(A @ reshape(v, (n, 1))) -> A @ v", "v is a vector, and the column goes")
def _matrix_vector(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head != "matmul" or len(x.args[1].shape) < 2:
        return None
    left, right = x.args
    if right.head == "reshape" and len(right.args[0].shape) == 1 and right.shape == (*right.args[0].shape, 1):
        found = b.matmul(left, right.args[0])
        return found if found.shape == t.shape else None
    if left.head == "reshape" and len(left.args[0].shape) == 1 and left.shape == (1, *left.args[0].shape):
        found = b.matmul(left.args[0], right)
        return found if found.shape == t.shape else None
    return None


@law("mT", "(A @ B).T -> B.T @ A.T", "both are matrices, or batches of them")
def _transposed_product(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head != "matmul" or min(len(a.shape) for a in x.args) < 2:
        return None
    return b.matmul(b.transpose(x.args[1]), b.transpose(x.args[0]))


@law("mT", "expand(x).T -> expand(x.T)", "x is a matrix")
def _transposed_expand(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    return b.expand(b.transpose(x.args[0]), t.shape) if x.head == "expand" and len(x.args[0].shape) > 1 else None


@law("mT", "x.T.T -> x", "always")
def _transposed_twice(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head == "eye" and x.shape[0] == x.shape[1]:
        return x
    return x.args[0] if x.head == "mT" else None


@law("mT", "reshape(v, (n, 1)).T -> reshape(v, (1, n))", "v is a vector")
def _turned_column(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head == "reshape" and len(x.shape) == 2 and len(x.args[0].shape) == 1 and 1 in x.shape:
        return b.reshape(x.args[0], t.shape)
    return None


@law("permute", "permute(x) -> x or x.mT", "the order is that of x, or swaps the last two")
def _permuted(b: Builder, t: Term) -> Term | None:
    dims = t.params[0][1]
    plain = tuple(range(len(dims)))
    if dims == plain:
        return t.args[0]
    if len(dims) > 1 and dims == (*plain[:-2], plain[-1], plain[-2]):
        return b.transpose(t.args[0])
    return None


# Sums over dimensions


@law("total", "sum(expand(x)) -> count * sum(x)", "over the dimensions that were broadcast")
def _total_of_expand(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head == "expand":
        inner = x.args[0]
        offset = len(x.shape) - len(inner.shape)
        wide = {d for d in t.param("dims") if d < offset or inner.shape[d - offset] != x.shape[d]}
    elif is_number(x) and not x.shape:
        inner, wide = x, set(t.param("dims"))
    else:
        return None
    if not wide and x.head != "expand":
        return None
    count = b.sized(prod(x.shape[d] for d in wide))
    left = [d for d in t.param("dims") if d not in wide]
    small = b.reshape(inner, tuple([1] * (len(x.shape) - len(inner.shape))) + inner.shape)
    result = b.total(small, tuple(left), True) if left else small
    kept = tuple(1 if d in t.param("dims") else n for d, n in enumerate(result.shape))
    fitted = b.reshape(result, tuple(n for d, n in enumerate(kept) if t.param("keepdim") or d not in t.param("dims")))
    return b.expand(b.multiply([count, fitted]), t.shape)


@law("total", "sum(x, keepdim=True) -> sum(x)", "over all dimensions: what it meets broadcasts it")
def _total_of_all(b: Builder, t: Term) -> Term | None:
    if not t.param("keepdim") or len(t.param("dims")) < len(t.args[0].shape):
        return None
    return b.expand(b.total(t.args[0], None, False), t.shape)


@law("total", "sum(x.T, 0) -> sum(x, 1)", "x is a matrix")
def _total_of_transposed(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head != "mT" or len(x.shape) != 2:
        return None
    total = b.total(x.args[0], tuple(1 - d for d in t.param("dims")), t.param("keepdim"))
    return b.transpose(total) if t.param("keepdim") else total


@law("total", "sum(select_scatter(zeros, x, d, i), d) -> x", "over the dimension selected from")
def _total_of_placed(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head != "select_scatter" or not one(x.args[0], 0) or t.param("dims") != (x.params[0][1],):
        return None
    return b.reshape(x.args[1], t.shape)


@law("total", "sum(c * x) -> c * sum(x)", "c does not vary along the summed dimensions")
def _total_of_product(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head != "product":
        return None
    dims, rank = set(t.param("dims")), len(x.shape)
    outer: list[tuple[Term, Fraction]] = []
    inner: list[tuple[Term, Fraction]] = []
    for a, p in zip(x.args, x.param("powers"), strict=True):
        offset = rank - len(a.shape)
        fixed = all(d < offset or a.shape[d - offset] == 1 for d in dims)
        (outer if fixed else inner).append((a, p))
    if not outer and factor_of(x) == 1:
        return None
    rest = b.expand(b.power_product(inner), x.shape) if inner else b.expand(b.number(1), x.shape)
    total = b.total(rest, t.param("dims"), t.param("keepdim"))
    fitted = [(_along(b, a, t, rank), p) for a, p in outer]
    return b.expand(b.power_product([(b.number(factor_of(x)), ONE), *fitted, (total, ONE)]), t.shape)


def _along(b: Builder, a: Term, t: Term, rank: int) -> Term:
    """A factor that is 1 along the summed dimensions, as it meets the sum."""
    if t.param("keepdim") or not a.shape:
        return a
    offset = rank - len(a.shape)
    return b.reshape(a, tuple(n for d, n in enumerate(a.shape) if d + offset not in t.param("dims")))


@law("mean", "mean(c * x) -> c * mean(x)", "c is one element")
def _mean_of_product(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    inner, outer = _without_scalars(b, x) if x.head == "product" else (None, [])
    if inner is None or not outer or inner.shape != x.shape:
        return None
    return b.multiply([*outer, b.settle(b.make("mean", (inner,), t.params, t.shape, t.dtype))])


@law("total", "sum(x) -> x", "the summed dimensions have one element each")
def _total_of_one(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    return b.reshape(x, t.shape) if all(x.shape[d] == 1 for d in t.param("dims")) else None


@law("total", "sum(one_hot(t), -1) -> 1", "each t is a class")
def _total_of_one_hot(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    last = len(x.shape) - 1
    return b.expand(b.number(1), t.shape) if x.head == "one_hot" and t.param("dims") == (last,) else None


@law("total", "sum(softmax(x, d), d) -> 1", "always")
def _total_of_softmax(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head != "softmax" or len(t.param("dims")) != 1 or not x.params:
        return None
    return b.expand(b.number(1), t.shape) if x.params[0][1] % len(x.shape) == t.param("dims")[0] else None


@law("total", "sum(scatter_add(zeros, d, i, x), d) -> sum(x, d)", "over the dimension scattered along")
def _total_of_scatter(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head != "scatter_add" or t.param("dims") != (x.params[0][1],) or not one(x.args[0], 0):
        return None
    return b.total(x.args[2], t.param("dims"), t.param("keepdim"))


@law("scatter_add index_add index_put select_scatter slice_scatter diagonal_scatter",
     "put(zeros, c * x) -> c * put(zeros, x)", "c is one element")  # fmt: skip
def _scaled_source(b: Builder, t: Term) -> Term | None:
    source = t.args[1] if t.head.endswith("r") else t.args[-1]
    if not one(t.args[0], 0):
        return None
    if is_scalar(source) and not one(source):
        inner: Term | None = b.expand(b.number(1), source.shape)
        outer = [bare(source)]
    elif source.head == "product":
        inner, outer = _without_scalars(b, source)
    else:
        return None
    if inner is None or not outer or inner.shape != source.shape:
        return None
    args = [inner if a is source else a for a in t.args]
    return b.multiply([*outer, b.settle(b.make(t.head, args, t.params, t.shape, t.dtype))])


# Matrix products


@law("matmul", "(c * A) @ B -> c * (A @ B)", "c is one element")
def _scaled_matrices(b: Builder, t: Term) -> Term | None:
    outer: list[Term] = []
    inner = []
    for a in t.args:
        if a.head == "product":
            left, scalars = _without_scalars(b, a)
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


@law("sum", "(1 - y) * p - y * (1 - p) -> p - y", "multiplied out, it is shorter")
def _multiplied_out(b: Builder, t: Term) -> Term | None:
    parts: list[tuple[Fraction, Term]] = []
    for c, a in zip(t.param("factors"), t.args, strict=True):
        parts += [(c * f, x) for f, x in _addends(b, a)]
    if len(parts) == len(t.args) or len(parts) > 12:
        return None
    found = Arithmetic.add(b, [*parts, (t.param("constant"), b.number(1))])
    inner = bare(found)
    if inner.head not in ("sum", "product") or _leaves(inner) < _leaves(t):
        return found
    return None


def _addends(b: Builder, a: Term) -> list[tuple[Fraction, Term]]:
    """A product of sums as its addends."""
    if a.head != "product" or any(p != 1 for p in a.param("powers")):
        return [(ONE, a)]
    found: list[tuple[Fraction, list[Term]]] = [(a.param("factor"), [])]
    for x in a.args:
        if x.head != "sum":
            found = [(f, [*terms, x]) for f, terms in found]
            continue
        each = [*zip(x.param("factors"), x.args, strict=True)]
        wider = [(f * c, [*terms, y]) for f, terms in found for c, y in each]
        if x.param("constant"):
            wider += [(f * x.param("constant"), terms) for f, terms in found]
        found = wider
        if len(found) > 12:
            return [(ONE, a)]
    return [(f, b.multiply(terms) if terms else b.number(1)) for f, terms in found]


def _leaves(term: Term) -> int:
    """How many parts a sum of products has."""
    if term.head not in ("sum", "product"):
        return 1
    return sum(map(_leaves, term.args)) + (term.head == "sum" and term.param("constant") != 0)


@law("sum", "p * a - p * b -> p * (a - b)", "all terms share p")
def _shared_factor(b: Builder, t: Term) -> Term | None:
    if t.param("constant") or len(t.args) < 2:
        return None
    shared = None
    for a in t.args:
        if a.head == "product":
            own = {x.serial: x for x, p in zip(a.args, a.param("powers"), strict=True) if p == 1}
        else:
            own = {a.serial: a}
        shared = own if shared is None else {s: x for s, x in shared.items() if s in own}
    if not shared:
        return None
    p = next(iter(shared.values()))
    rest = [(c, b.divide(a, p)) for c, a in zip(t.param("factors"), t.args, strict=True)]
    return b.expand(b.multiply([p, b.add(rest)]), t.shape)


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


@law("select_scatter", "select_scatter(zeros, 1, 0, i) -> one_hot(i)", "zeros is a vector, i is not negative")
def _unit_vector(b: Builder, t: Term) -> Term | None:
    zeros, source = t.args
    at = t.params[1][1]
    if len(t.shape) != 1 or at < 0 or not one(zeros, 0) or not one(source):
        return None
    place = b.make("literal", (), (("value", repr(at)),), (), int64)
    return b.call("one_hot", (place,), t.shape, int64, t.shape[0])


@law("where", "where(z >= c, c, where(z <= d, d, z)) -> clamp(z, d, c)", "c and d are numbers")
def _clamped(b: Builder, t: Term) -> Term | None:
    above, high, inner = t.args
    if above.head not in ("ge", "gt") or not is_number(high) or inner.head != "where":
        return None
    under, low, z = inner.args
    if under.head not in ("le", "lt") or not is_number(low) or above.args[0] is not z or under.args[0] is not z:
        return None
    if bare(above.args[1]) is not bare(high) or bare(under.args[1]) is not bare(low):
        return None
    return b.elementwise("clamp", (z,), t.dtype, (("", bare(low).value), ("", bare(high).value)))


@law("where", "where(y == 0, 0, y * z) -> y * z", "z is finite")
def _zero_anyway(b: Builder, t: Term) -> Term | None:
    condition, x, y = t.args
    if condition.head != "eq" or not one(x, 0) or not one(condition.args[1], 0) or y.head != "product":
        return None
    factor = condition.args[0]
    found = any(a is factor and p == 1 for a, p in zip(y.args, y.param("powers"), strict=True))
    return y if found else None


@law("where", "where(x == 0 and y >= 0, 0, x**y * log(x)) -> x**y * log(x)", "x is not 0")
def _power_of_zero(b: Builder, t: Term) -> Term | None:
    condition, x, y = t.args
    if condition.head != "logical_and" or condition.args[0].head != "eq" or not one(x, 0):
        return None
    if y.head != "product" or not any(a.head == "log" for a in y.args):
        return None
    b.assume("the base is not 0")
    return y


@law("diagonal_scatter", "diagonal_scatter(zeros, v) -> diag(v), eye", "zeros is a square matrix, offset 0")
def _diagonal(b: Builder, t: Term) -> Term | None:
    zeros, v = t.args
    if len(t.shape) != 2 or t.shape[0] != t.shape[1] or (t.params and t.params[0][1] != 0) or not one(zeros, 0):
        return None
    if is_scalar(v):
        return b.multiply([bare(v), b.call("eye", (), t.shape, v.dtype or t.dtype, t.shape[0])])
    return b.call("diag", (v,), t.shape, t.dtype)


# Choices


NEGATED = {"gt": "le", "le": "gt", "lt": "ge", "ge": "lt", "eq": "ne", "ne": "eq"}


@law("where", "where(True, x, y) -> x", "the condition compares numbers")
def _decided(b: Builder, t: Term) -> Term | None:
    condition, x, y = t.args
    return b.expand(x if bare(condition).value else y, t.shape) if is_number(condition) else None


@law("where", "where(c, x, x) -> x", "always")
def _same_branches(b: Builder, t: Term) -> Term | None:
    return b.expand(t.args[1], t.shape) if t.args[1] is t.args[2] else None


@law("where", "where(c, exp(where(c, x, y)), z) -> where(c, exp(x), z)", "always")
def _same_condition(b: Builder, t: Term) -> Term | None:
    condition, x, y = t.args
    if x.head != "exp" or x.args[0].head != "where" or x.args[0].args[0] is not condition:
        return None
    return b.where(condition, b.unary("exp", x.args[0].args[1]), y)


@law("where", "where(x != x, y, z) -> z", "x is not nan")
def _no_nan(b: Builder, t: Term) -> Term | None:
    condition = t.args[0]
    return t.args[2] if condition.head == "ne" and condition.args[0] is condition.args[1] else None


@law("where", "where(norm(x) == 0, 0, y) -> y", "norm(x) is not 0")
def _norm_is_positive(b: Builder, t: Term) -> Term | None:
    condition, x, y = t.args
    norm = condition.args[0] if condition.head == "eq" and one(condition.args[1], 0) else None
    if norm is None or norm.head not in ("norm", "linalg.vector_norm", "std") or not one(x, 0):
        return None
    b.assume(
        f"the {'standard deviation' if norm.head == 'std' else 'norm'} is not 0 (there the gradient is taken to be 0)"
    )
    return y


@law("where", "where(det(x) < 0, nan, y) -> y", "the determinant is positive")
def _determinant_is_positive(b: Builder, t: Term) -> Term | None:
    condition = t.args[0]
    if condition.head != "lt" or condition.args[0].head != "item" or not one(condition.args[1], 0):
        return None
    if "slogdet" not in condition.args[0].args[0].head:
        return None
    b.assume("the determinant is positive")
    return t.args[2]


@law("where", "where(t == -100, 0, x) -> x", "no class is the ignored one")
def _nothing_ignored(b: Builder, t: Term) -> Term | None:
    condition, x, y = t.args
    if condition.head != "eq" or not one(x, 0) or not one(condition.args[1], -100):
        return None
    classes = condition.args[0]
    if classes.dtype is None or classes.floating:
        return None
    b.assume("no class is the ignored one (-100)")
    return y


@law("where", "where(c, n, 0) -> n * (c)", "n is a number")
def _mask(b: Builder, t: Term) -> Term | None:
    condition, x, y = t.args
    if is_number(x) and one(y, 0):
        return b.multiply([x, b.mask(condition)])
    if one(x, 0) and is_number(y) and condition.head in NEGATED:
        other = b.compare(NEGATED[condition.head], *condition.args)
        return b.multiply([y, b.mask(other)])
    return None


@law("le gt", "relu(x) > 0 -> x > 0", "always")
def _relu_is_positive(b: Builder, t: Term) -> Term | None:
    x, zero = t.args
    return b.compare(t.head, x.args[0], zero) if x.head == "relu" and one(zero, 0) else None


@law("cast", "a bool as a number -> 1 where it holds, else 0", "the result is floating")
def _cast_mask(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.dtype is not None and x.dtype.name == "bool" and t.dtype is not None and t.dtype.floating:
        return b.mask(x)
    return x if x.head in ("mask", "number") else None


# Functions


@law("exp", "exp(log_softmax(x)) -> softmax(x)", "always")
def _exp_log_softmax(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    return b.settle(b.make("softmax", x.args, x.params, t.shape, t.dtype)) if x.head == "log_softmax" else None


@law("exp", "exp(x - logsumexp(x, d)) -> softmax(x, d)", "the logsumexp keeps d, or d is the first dimension")
def _exp_logsumexp(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head != "sum" or x.param("factors") != (1, -1) or x.param("constant"):
        return None
    z, total = x.args
    lse = total.args[0] if total.head == "reshape" else total
    if lse.head != "logsumexp" or lse.args[0] is not z:
        return None
    dims = lse.params[0][1]
    dims = dims if isinstance(dims, tuple) else (dims,)
    if len(dims) != 1:
        return None
    dim = dims[0] % len(z.shape)
    if len(total.shape) == len(z.shape) and total.shape != tuple(1 if d == dim else n for d, n in enumerate(z.shape)):
        return None
    if len(total.shape) != len(z.shape) and dim != 0:
        return None
    return b.call("softmax", (z,), t.shape, t.dtype, dims[0])


@law("sum", "1 - sigmoid(-x) -> sigmoid(x)", "always")
def _other_sigmoid(b: Builder, t: Term) -> Term | None:
    constant, factors = t.param("constant"), t.param("factors")
    for at, (c, a) in enumerate(zip(factors, t.args, strict=True)):
        if a.head == "sigmoid" and factor_of(a.args[0]) < 0 and c == -constant:
            rest = [(f, s) for i, (f, s) in enumerate(zip(factors, t.args, strict=True)) if i != at]
            return b.add([(constant, b.unary("sigmoid", b.scale(-ONE, a.args[0]))), *rest])
    return None


@law(
    "scatter_add", "scatter_add(zeros, -1, t, x) -> x * one_hot(t)", "one place for each row, along the last dimension"
)
def _one_hot(b: Builder, t: Term) -> Term | None:
    zeros, index, source = t.args
    last = len(t.shape) - 1
    if t.params != (("", last), ("", Arg(1)), ("", Arg(2))) or not one(zeros, 0) or last < 1:
        return None
    if index.shape != (*t.shape[:-1], 1) or source.shape != index.shape:
        return None
    hot = b.call("one_hot", (b.reshape(index, t.shape[:-1]),), t.shape, index.dtype, t.shape[-1])
    return b.multiply([source, hot])


@law("cast", "a cast of a cast -> the cast", "both are floating")
def _cast_twice(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head == "cast" and x.args[0].dtype is t.dtype and x.floating:
        return x.args[0]
    return None


@law("product", "exp(z) / (1 + exp(z)) -> sigmoid(z), 1 / (1 + exp(z)) -> sigmoid(-z)", "always")
def _logistic(b: Builder, t: Term) -> Term | None:
    pairs = list(zip(t.args, t.param("powers"), strict=True))
    for a, p in pairs:
        if a.head != "sum" or a.param("constant") != 1 or a.param("factors") != (1,) or a.args[0].head != "exp":
            continue
        if p > 0 or p.denominator != 1:
            continue
        e = a.args[0]
        above = next((q for x, q in pairs if x is e and q > 0), Fraction(0))
        both = min(above, -p)
        rest = [(x, q) for x, q in pairs if x is not a and not (x is e and q > 0)]
        rest += [(e, above - both), (b.unary("sigmoid", e.args[0]), both)]
        rest.append((b.unary("sigmoid", b.scale(-ONE, e.args[0])), -p - both))
        return b.power_product([(b.number(t.param("factor")), ONE), *[(x, q) for x, q in rest if q]])
    return None


@law("product", "exp(z) * sigmoid(-z) -> sigmoid(z)", "always")
def _logistic_product(b: Builder, t: Term) -> Term | None:
    pairs = list(zip(t.args, t.param("powers"), strict=True))
    for e, q in pairs:
        if e.head != "exp" or q <= 0:
            continue
        mirror = b.unary("sigmoid", b.scale(-ONE, e.args[0]))
        p = next((p for a, p in pairs if a is mirror and p > 0), Fraction(0))
        both = min(p, q)
        if both > 0:
            rest = [(a, p) for a, p in pairs if a is not e and not (a is mirror and p > 0)]
            rest += [(e, q - both), (mirror, p - both), (b.unary("sigmoid", e.args[0]), both)]
            return b.power_product([(b.number(t.param("factor")), ONE), *[(a, p) for a, p in rest if p]])
    return None
