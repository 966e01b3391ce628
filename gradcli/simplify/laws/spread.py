"""What is broadcast: moved, cut and multiplied before it is broadcast."""

from __future__ import annotations

from math import prod

from gradcli.graph.terms import Term
from gradcli.shapes import Shape
from gradcli.simplify.build import Builder
from gradcli.simplify.law import law
from gradcli.simplify.normal import bare


@law("index", "expand(x)[:2] -> expand(x[:2])", "slices and single places")
def _taken_of_expand(b: Builder, t: Term) -> Term | None:
    x, places = t.args[0], t.param("index")
    if x.head != "expand" or len(t.args) > 1 or not all(isinstance(p, slice | int) for p in places):
        return None
    inner = bare(x)
    offset = len(x.shape) - len(inner.shape)
    taken = _places_in(inner.shape, places[offset:])
    sizes = iter(t.shape[sum(isinstance(p, slice) for p in places[:offset]) :])
    shape = tuple(min(n, next(sizes)) for n, p in zip(inner.shape, taken, strict=True) if not isinstance(p, int))
    whole = all(p == slice(None) for p in taken)
    return b.expand(inner if whole else b.index(inner, taken, shape), t.shape)


def _places_in(shape: tuple[int, ...], places: tuple[slice | int, ...]) -> tuple[slice | int, ...]:
    """Places in what is broadcast to a shape as places in what it is broadcast from."""
    every = (*places, *[slice(None)] * (len(shape) - len(places)))
    return tuple((0 if isinstance(p, int) else slice(None)) if n == 1 else p for n, p in zip(shape, every, strict=True))


@law("reshape", "reshape(expand(x)) -> expand(reshape(x))", "dimensions that are joined or split are broadcast whole")
def _reshape_of_expand(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head != "expand" or not bare(x).shape:
        return None
    inner = bare(x)
    own = (*[1] * (len(x.shape) - len(inner.shape)), *inner.shape)
    made: list[int] = []
    for old, new in _groups(x.shape, t.shape):
        sizes, wide = own[old.start : old.stop], x.shape[old.start : old.stop]
        if all(n == 1 for n in sizes):
            made += [1] * (new.stop - new.start)
        elif sizes == wide:
            made += t.shape[new.start : new.stop]
        else:
            return None
    lead = next((d for d, n in enumerate(made) if n != 1), len(made) - 1)
    return b.expand(b.reshape(inner, tuple(made[lead:])), t.shape)


def _groups(old: Shape, new: Shape) -> list[tuple[slice, slice]]:
    """Dimensions of two shapes with as many elements, side by side."""
    found: list[tuple[slice, slice]] = []
    i = j = 0
    while i < len(old) or j < len(new):
        first, second = i, j
        i, j = min(i + 1, len(old)), min(j + 1, len(new))
        while prod(old[first:i]) != prod(new[second:j]):
            if prod(old[first:i]) < prod(new[second:j]) and i < len(old):
                i += 1
            else:
                j += 1
        found.append((slice(first, i), slice(second, j)))
    return found


@law("diagonal", "diagonal(expand(v)) -> v", "v is a row or a column of a square matrix")
def _diagonal_of_expand(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head != "expand" or len(x.shape) != 2 or x.shape[0] != x.shape[1] or any(not _main(p) for p in t.params):
        return None
    inner = bare(x)
    return b.expand(b.reshape(inner, (max(inner.shape, default=1),)) if inner.shape else inner, t.shape)


def _main(param: tuple[str, object]) -> bool:
    """Whether an argument of `diagonal` is one for the main diagonal of a matrix."""
    return param in (("offset", 0), ("dim1", -2), ("dim2", -1), ("dim1", 0), ("dim2", 1), ("", 0))


@law("matmul", "expand(v) @ B -> expand(v @ B), A @ expand(v, columns) -> expand(A @ v)", "A and B are matrices")
def _product_of_expand(b: Builder, t: Term) -> Term | None:
    left, right = t.args
    if len(left.shape) != 2 or len(right.shape) != 2:
        return None
    n, k = left.shape
    if left.head == "expand" and bare(left).shape in ((k,), (1, k)):
        return b.expand(b.matmul(b.reshape(bare(left), (k,)), right), t.shape)
    if right.head == "expand" and bare(right).shape == (k, 1):
        return b.expand(b.reshape(b.matmul(left, b.reshape(bare(right), (k,))), (n, 1)), t.shape)
    return None
