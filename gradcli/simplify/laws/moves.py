"""Shapes: what only moves elements (reshape, transpose, permute)."""

from __future__ import annotations

from gradcli.graph.terms import Term
from gradcli.simplify.build import Builder
from gradcli.simplify.law import arithmetic_on, is_scalar, law, one, without_scalars
from gradcli.simplify.normal import bare


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
        inner, outer = without_scalars(b, x)
    else:
        return None
    if inner is None or not outer:
        return None
    return b.multiply([*outer, b.settle(b.make(t.head, (b.expand(inner, x.shape),), t.params, t.shape, t.dtype))])


@law("reshape", "reshape(x) -> x", "the shape is that of x")
def _reshape_nothing(b: Builder, t: Term) -> Term | None:
    return t.args[0] if t.args[0].shape == t.shape else None


@law("reshape", "reshape(reshape(x)) -> reshape(x)", "always")
def _reshape_twice(b: Builder, t: Term) -> Term | None:
    inner = t.args[0]
    return b.reshape(inner.args[0], t.shape) if inner.head == "reshape" else None


@law("reshape", "reshape(1/x) -> 1/reshape(x)", "always")
def _reshape_of_inverse(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head != "product" or len(x.args) != 1 or x.param("powers")[0] >= 0 or x.args[0].shape != x.shape:
        return None
    return b.scale(x.param("factor"), b.power(b.reshape(x.args[0], t.shape), x.param("powers")[0]))


@law("reshape", "reshape(reshape(x)**p * reshape(y)**q) -> x**p * y**q, sums alike", "x and y have the shape wanted")
def _reshape_arithmetic(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head not in ("product", "sum") or x.shape == t.shape:
        return None
    inner = [a if a.shape == () else a.args[0] if a.head == "reshape" else None for a in x.args]
    parts = [a for a in inner if a is not None and a.shape in ((), t.shape)]
    if len(parts) < len(inner) or all(a.shape == () for a in parts):
        return None
    return arithmetic_on(b, x, parts)


@law("prod mean max min norm var std total", "f(reshape(x)) -> f(x)", "f is over all elements")
def _reduced_reshape(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head != "reshape" or t.shape != () or x.args[0].shape == ():
        return None
    if t.head == "total":
        return b.total(x.args[0], None, False)
    return None if t.params else b.settle(b.make(t.head, x.args, (), (), t.dtype))


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


@law("mT", "expand(x).T -> expand(x.T)", "x is a matrix; a vector becomes a column")
def _transposed_expand(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head != "expand" or not x.args[0].shape:
        return None
    inner = x.args[0]
    if len(inner.shape) == 1:
        return b.expand(b.reshape(inner, (*inner.shape, 1)), t.shape)
    return b.expand(b.transpose(inner), t.shape)


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


@law("flip", "flip(flip(x, d), d) -> x", "always")
def _flipped_twice(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    return x.args[0] if x.head == "flip" and x.params == t.params else None


@law("reshape", "reshape(x.T) -> reshape(x)", "x is a row or a column")
def _reshape_of_turned(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    return b.reshape(x.args[0], t.shape) if x.head == "mT" and 1 in x.shape[-2:] else None


@law("reshape", "reshape(expand(c)) -> expand(c)", "c has one element")
def _reshape_of_one(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    inner = bare(x)
    if x.head != "expand" or not inner.shape or any(n != 1 for n in inner.shape):
        return None
    return b.expand(b.reshape(inner, ()), t.shape)


@law("mT", "sum(x, 1, keepdim=True).T -> reshape(sum(x, 1), (1, n)), and of columns", "x is a matrix")
def _turned_total(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head != "total" or len(x.shape) != 2 or not x.param("keepdim") or len(x.param("dims")) != 1:
        return None
    return b.reshape(b.total(x.args[0], x.param("dims"), False), t.shape)


@law("index", "x[:2][:, 1:] -> x[:2, 1:]", "both are slices, of different dimensions")
def _sliced_twice(b: Builder, t: Term) -> Term | None:
    x, outer = t.args[0], t.param("index")
    if x.head != "index" or len(t.args) > 1 or len(x.args) > 1:
        return None
    inner, plain = x.param("index"), slice(None)
    if any(not isinstance(p, slice) for p in (*inner, *outer)):
        return None
    count = max(len(inner), len(outer))
    first, second = ((*p, *[plain] * (count - len(p))) for p in (inner, outer))
    if any(p != plain and q != plain for p, q in zip(first, second, strict=True)):
        return None
    places = tuple(q if p == plain else p for p, q in zip(first, second, strict=True))
    return b.index(x.args[0], places, t.shape)


@law("index", "x[1][2] -> x[1, 2]", "the first index takes single places and whole dimensions")
def _indexed_twice(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head != "index" or len(t.args) > 1 or len(x.args) > 1:
        return None
    inner, outer = x.param("index"), list(t.param("index"))
    if any(p != slice(None) and not isinstance(p, int) for p in inner) or slice(None) in inner[-1:]:
        return None
    if any(not isinstance(p, int | slice) for p in outer):
        return None
    places = [p if isinstance(p, int) else outer.pop(0) if outer else p for p in inner]
    return b.index(x.args[0], (*places, *outer), t.shape)


@law("index", "x[:, :] -> x", "every part is taken whole")
def _all_taken(b: Builder, t: Term) -> Term | None:
    whole = len(t.args) == 1 and all(p == slice(None) for p in t.param("index"))
    return t.args[0] if whole and t.args[0].shape == t.shape else None


@law("index", "stack([x, y], -1)[..., 1] -> y", "the last dimension is that of the stack")
def _out_of_stack(b: Builder, t: Term) -> Term | None:
    x, place = t.args[0], t.param("index")
    if x.head != "stack" or len(t.args) > 1 or len(place) != 2 or place[0] is not ... or not isinstance(place[1], int):
        return None
    last = len(x.params) == 2 and x.params[1][1] == -1 and len(x.params[0][1]) == len(x.args)
    return b.expand(x.args[place[1]], t.shape) if last else None
