"""Sums and means over dimensions."""

from __future__ import annotations

from fractions import Fraction
from math import prod
from typing import Any

from gradcli.graph.terms import Term, below
from gradcli.simplify.build import Builder
from gradcli.simplify.law import law, one, without_scalars
from gradcli.simplify.normal import ONE, bare, factor_of, is_number


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


@law("mean", "mean(c * x) -> c * mean(x)", "c does not vary along the dimensions of the mean")
def _mean_of_product(b: Builder, t: Term) -> Term | None:
    x, dims = t.args[0], _mean_dims(t)
    if x.head != "product":
        return None
    kept = bool(t.param("keepdim")) or not t.shape
    outer, inner = list[tuple[Term, Fraction]](), list[tuple[Term, Fraction]]()
    for a, p in zip(x.args, x.param("powers"), strict=True):
        offset = len(x.shape) - len(a.shape)
        fixed = all(d < offset or a.shape[d - offset] == 1 for d in dims) and (kept or not a.shape)
        (outer if fixed and (t.shape or not a.shape) else inner).append((a, p))
    if not inner or (not outer and factor_of(x) == 1):
        return None
    rest = b.power_product(inner)
    if rest.shape != x.shape:
        return None
    mean = b.settle(b.make("mean", (rest,), t.params, t.shape, t.dtype))
    return b.expand(b.power_product([(b.number(factor_of(x)), ONE), *outer, (mean, ONE)]), t.shape)


def _mean_dims(t: Term) -> set[int]:
    """The dimensions of a mean."""
    rank, given = len(t.args[0].shape), t.params[0][1] if t.params and not t.params[0][0] else None
    if given is None:
        return set(range(rank))
    return {d % rank for d in (given if isinstance(given, tuple) else (given,))}


@law("product", "sum(x)/n -> mean(x)", "n is the number of elements that are summed, which is not known")
def _mean_of_total(b: Builder, t: Term) -> Term | None:
    pairs = list(zip(t.args, t.param("powers"), strict=True))
    for total, p in pairs:
        if total.head != "total" or p != 1:
            continue
        x, dims = total.args[0], total.param("dims")
        count = b.sized(prod(x.shape[d] for d in dims))
        if count.head != "size" or (count, -1) not in pairs:
            continue
        every = len(dims) == len(x.shape)
        given = [] if every and not total.param("keepdim") else [dims[0] if len(dims) == 1 else dims]
        kept = {"keepdim": True} if total.param("keepdim") else {}
        mean = b.call("mean", (x,), total.shape, total.dtype, *given, **kept)
        rest = [pair for pair in pairs if pair not in ((total, p), (count, -1))]
        return b.power_product([(b.number(t.param("factor")), ONE), *rest, (mean, ONE)])
    return None


@law("mean", "mean(c) -> c", "c is one element")
def _mean_of_number(b: Builder, t: Term) -> Term | None:
    return b.expand(bare(t.args[0]), t.shape) if bare(t.args[0]).shape == () else None


@law("mean", "mean(expand(x), d) -> x", "x has one element along d, where it was broadcast")
def _mean_of_expand(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head != "expand":
        return None
    inner, dims = x.args[0], _mean_dims(t)
    offset = len(x.shape) - len(inner.shape)
    if any(d >= offset and inner.shape[d - offset] != 1 for d in dims):
        return None
    if t.param("keepdim"):
        return b.expand(inner, t.shape)
    return b.expand(b.reshape(inner, tuple(n for d, n in enumerate(inner.shape) if d + offset not in dims)), t.shape)


@law("mean", "mean(x - mean(x)) -> 0", "over the dimensions of the inner mean, which broadcasts back along them")
def _mean_of_centred(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head != "sum" or x.param("factors") != (1, -1) or x.param("constant"):
        return None
    y, mean = x.args
    if mean.head != "mean" or mean.args[0] is not y or not _mean_dims(mean) <= _mean_dims(t):
        return None
    return b.zeros(t.shape) if _broadcasts_back(mean) else None


def _broadcasts_back(mean: Term) -> bool:
    """Whether a mean meets what it is the mean of along the right dimensions."""
    return bool(mean.param("keepdim")) or not mean.shape or _mean_dims(mean) == set(range(len(_mean_dims(mean))))


@law("total", "sum(x - mean(x)) -> 0", "over the dimensions of the mean, which broadcasts back along them")
def _total_of_centred(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head != "sum" or x.param("factors") not in ((1, -1), (-1, 1)) or x.param("constant"):
        return None
    mean, y = sorted(x.args, key=lambda a: a.head != "mean")
    if y.head == "reshape" and not mean.shape and len(t.param("dims")) == len(x.shape):
        return b.zeros(t.shape) if mean.head == "mean" and mean.args[0] is y.args[0] else None
    if mean.head != "mean" or mean.args[0] is not y or not _mean_dims(mean) <= set(t.param("dims")):
        return None
    return b.zeros(t.shape) if _broadcasts_back(mean) else None


@law("cumsum", "cumsum(c * x) -> c * cumsum(x)", "c is one element")
def _scaled_scan(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    inner, outer = without_scalars(b, x) if x.head == "product" else (None, [])
    if inner is None or not outer or inner.shape != x.shape:
        return None
    return b.multiply([*outer, b.settle(b.make("cumsum", (inner,), t.params, t.shape, t.dtype))])


@law("total", "sum(x) -> x", "the summed dimensions have one element each, not as many as a mask happens to hold")
def _total_of_one(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if any(x.shape[d] != 1 for d in t.param("dims")) or any(map(_counted, below(x))):
        return None
    return b.reshape(x, t.shape)


def _counted(x: Term) -> bool:
    """Whether the size of a term is the number of places where a mask holds."""
    return x.head == "index" and any(a.dtype is not None and a.dtype.name == "bool" for a in x.args[1:])


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
    return b.total(b.expand(x.args[2], x.args[1].shape), t.param("dims"), t.param("keepdim"))


@law("total", "sum(x, d) -> sum(x)", "the other dimensions have one element")
def _total_but_ones(b: Builder, t: Term) -> Term | None:
    x, dims = t.args[0], t.param("dims")
    if len(dims) == len(x.shape) or any(n != 1 for d, n in enumerate(x.shape) if d not in dims):
        return None
    return b.expand(b.reshape(b.total(x, None, False), (1,) * len(t.shape)), t.shape)


@law("linalg.vector_norm", "vector_norm(x, dim=(all)) -> norm(x)", "over all dimensions")
def _norm_of_all(b: Builder, t: Term) -> Term | None:
    x, dim = t.args[0], t.param("dim")
    if dim is None or x.head == "reshape":
        return None
    dims = {d % len(x.shape) for d in (dim if isinstance(dim, tuple) else (dim,))} if x.shape else set()
    if len(dims) < len(x.shape):
        return None
    order = [v for name, v in t.params if not name]
    whole = b.call("linalg.vector_norm", (x,), (), t.dtype, *order) if order else b.call("norm", (x,), (), t.dtype)
    return b.expand(whole, t.shape)


@law("total", "sum(one_hot(t) + c, -1) -> 1 + n c", "each t is a class, c is one element")
def _total_of_shares(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head != "sum" or t.param("dims") != (len(x.shape) - 1,):
        return None
    count = b.sized(x.shape[-1])
    parts = [(x.param("constant"), count)]
    for c, a in zip(x.param("factors"), x.args, strict=True):
        if a.shape and not (a.head == "one_hot" and a.shape == x.shape):
            return None
        parts.append((c, b.number(1) if a.shape else b.multiply([count, a])))
    return b.expand(b.add(parts), t.shape)


@law("mean var std", "mean(x, d) -> mean(x)", "over all dimensions; what it meets broadcasts it")
def _statistic_of_all(b: Builder, t: Term) -> Term | None:
    x, dims = t.args[0], _dims(t)
    if (
        not dims
        or not x.shape
        or not (t.shape or t.param("keepdim"))
        or any(n != 1 for d, n in enumerate(x.shape) if d not in dims)
    ):
        return None
    named = {name: v for name, v in t.params if name not in ("", "dim", "keepdim")}
    x = x.args[0] if x.head == "reshape" else x
    return b.expand(b.reshape(b.call(t.head, (x,), (), t.dtype, **named), (1,) * len(t.shape)), t.shape)


def _dims(t: Term) -> set[int]:
    """The dimensions that a call names."""
    given: Any = t.params[0][1] if t.params and not t.params[0][0] else t.param("dim")
    if given is None or not t.args[0].shape:
        return set()
    return {d % len(t.args[0].shape) for d in (given if isinstance(given, tuple) else (given,))}


@law("total", "sum(A @ B, 1) -> A @ sum(B, 1), of columns and of all alike", "A and B are matrices, or vectors")
def _total_of_product_of_matrices(b: Builder, t: Term) -> Term | None:
    x, dims = t.args[0], t.param("dims")
    if x.head != "matmul" or any(len(a.shape) > 2 for a in x.args) or t.param("keepdim"):
        return None
    left, right = x.args
    rows = len(left.shape) == 2 and 0 in dims
    columns = len(right.shape) == 2 and len(x.shape) - 1 in dims
    left = b.total(left, (0,), False) if rows else left
    right = b.total(right, (1,), False) if columns else right
    return b.matmul(left, right)


@law("total", "sum(eye(n), 1) -> ones(n), sum(diag(v), 1) -> v", "the matrix is square; over all n and sum(v)")
def _total_of_diagonal(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head not in ("eye", "diag") or len(x.shape) != 2 or x.shape[0] != x.shape[1] or t.param("keepdim"):
        return None
    if x.head == "diag" and (len(x.params) or len(x.args[0].shape) != 1):
        return None
    v = x.args[0] if x.head == "diag" else b.expand(b.number(1), x.shape[:1])
    return v if len(t.param("dims")) == 1 else b.total(v, None, False)


@law("var std", "std(x, dim=-1, unbiased=False) -> std(x, 1, correction=0)", "what is the same is written alike")
def _one_spelling(b: Builder, t: Term) -> Term | None:
    dims, correction = _dims(t), t.param("correction", 1 if t.param("unbiased", True) else 0)
    given = [sorted(dims)[0] if len(dims) == 1 else tuple(sorted(dims))] if dims else []
    params = [("", d) for d in given]
    params += [("correction", correction)] if correction != 1 else []
    params += [("keepdim", True)] if t.param("keepdim") and dims else []
    known = {"", "dim", "correction", "unbiased", "keepdim"}
    if tuple(params) == t.params or any(name not in known for name, _ in t.params):
        return None
    return b.settle(b.make(t.head, t.args, tuple(params), t.shape, t.dtype))
