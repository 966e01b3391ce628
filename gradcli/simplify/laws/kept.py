"""Reductions that keep their dimensions, and those that do not: each as what it meets needs it."""

from __future__ import annotations

from gradcli.graph.terms import Term
from gradcli.shapes import Shape
from gradcli.simplify.build import Builder
from gradcli.simplify.law import arithmetic_on, law
from gradcli.simplify.normal import bare


@law("reshape", "reshape(sum(x, d, keepdim=True) / sqrt(var(y, d, keepdim=True))) -> sum(x, d) / sqrt(var(y, d))",
     "the shape is that without the dimensions kept")  # fmt: skip
def _reshape_kept(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    return _without_kept(b, x, t.shape, NESTED) if x.head == "product" else None


NESTED = 4  # how deep sums and products of reductions are looked through
REDUCTIONS = frozenset("mean var std linalg.vector_norm logsumexp amax amin prod".split())


def _without_kept(b: Builder, x: Term, shape: Shape, depth: int) -> Term | None:
    """Arithmetic on reductions, in the shape that it has when these keep no dimensions."""
    if x.shape in ((), shape):
        return x
    if x.head == "reshape":
        return x.args[0] if x.args[0].shape == shape else None
    if x.head == "total" and x.param("keepdim"):
        plain = b.total(x.args[0], x.param("dims"), False)
        return plain if plain.shape == shape else None
    if x.head in REDUCTIONS and x.param("keepdim"):
        lost = [n for n, whole in zip(x.shape, x.args[0].shape, strict=True) if n == whole]
        params = tuple(p for p in x.params if p[0] != "keepdim")
        return b.settle(b.make(x.head, x.args, params, shape, x.dtype)) if tuple(lost) == shape else None
    if x.head not in ("sum", "product") or not depth:
        return None
    parts = [_without_kept(b, a, shape, depth - 1) for a in x.args]
    known = [a for a in parts if a is not None]
    if len(known) < len(parts):
        return None
    return arithmetic_on(b, x, known)


@law(
    "reshape",
    "reshape(sum(x, d, keepdim=True)) -> reshape(sum(x, d))",
    "over those of one element too, if they go",
)
def _reshape_total(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head != "total" or not x.param("keepdim"):
        return None
    inner, dims = x.args[0], x.param("dims")
    single = tuple(d for d, n in enumerate(inner.shape) if n == 1)
    plain = b.total(inner, dims, False)
    if plain.shape != t.shape and single:
        wider = b.total(inner, tuple({*dims, *single}), False)
        plain = wider if wider.shape == t.shape else plain
    return b.reshape(plain, t.shape)


@law("reshape", "reshape(sum(x, d)) -> sum(x, d, keepdim=True)", "the shape is that with the summed dimensions")
def _reshape_keeping(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head != "total" or x.param("keepdim") or not x.shape:
        return None
    inner, dims = x.args[0], x.param("dims")
    kept = tuple(1 if d in dims else n for d, n in enumerate(inner.shape))
    return b.total(inner, dims, True) if kept == t.shape and kept[0] != 1 else None


ELEMENTWISE = frozenset("exp log sqrt sign abs relu tanh sigmoid mask cast gt ge lt le eq ne clamp clamp_min".split())


@law("reshape", "reshape(norm(x, dim=1) > c) -> norm(x, dim=1, keepdim=True) > c",
     "the shape is that with the reduced dimensions, and f goes element by element")  # fmt: skip
def _reshape_to_kept(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if not x.shape or len(t.shape) <= len(x.shape) or t.shape[0] == 1:
        return None
    return _with_kept(b, x, t.shape, NESTED)


def _with_kept(b: Builder, x: Term, shape: Shape, depth: int) -> Term | None:
    """Arithmetic on reductions, in the shape that it has when these keep their dimensions."""
    if x.shape == ():
        return x
    if x.head in ("total", *REDUCTIONS):
        return _keeping(b, x, shape)
    if x.head not in ("sum", "product", *ELEMENTWISE) or not depth:
        return None
    parts = [_with_kept(b, a, shape, depth - 1) for a in x.args]
    known = [a for a in parts if a is not None]
    if len(known) < len(parts):
        return None
    if x.head in ("sum", "product"):
        return arithmetic_on(b, x, known)
    return b.elementwise(x.head, known, x.dtype, x.params) if x.head != "mask" else b.mask(known[0])


def _keeping(b: Builder, x: Term, shape: Shape) -> Term | None:
    """A reduction that keeps its dimensions, if it has the shape then."""
    if x.param("keepdim"):
        return None
    inner = x.args[0]
    if x.head == "total":
        kept = b.total(inner, x.param("dims"), True)
        return kept if kept.shape == shape else None
    reduced = reduced_dims(x)
    if not reduced or shape != tuple(1 if d in reduced else n for d, n in enumerate(inner.shape)):
        return None
    return b.settle(b.make(x.head, x.args, (*x.params, ("keepdim", True)), shape, x.dtype))


def reduced_dims(x: Term) -> set[int]:
    """The dimensions that a reduction of one argument names."""
    rank = len(x.args[0].shape)
    dims = x.param("dim", None if x.head == "linalg.vector_norm" else x.param(""))
    if dims is None:
        return set()
    return {d % rank for d in (dims if isinstance(dims, tuple) else (dims,))}


@law("product sum", "sum(x, 0, keepdim=True) * A -> sum(x, 0) * A", "only leading dimensions are kept, A has as many")
def _leading_kept(b: Builder, t: Term) -> Term | None:
    rank = len(t.shape)
    if rank < 2 or not any(len(a.shape) == rank and a.shape[0] != 1 for a in t.args):
        return None
    parts = [_narrowed(b, a, rank) for a in t.args]
    if all(p is a for p, a in zip(parts, t.args, strict=True)):
        return None
    return arithmetic_on(b, t, parts)


@law("expand", "expand(sum(x, 0, keepdim=True)) -> expand(sum(x, 0))", "only leading dimensions are kept")
def _leading_expanded(b: Builder, t: Term) -> Term | None:
    x = bare(t)
    narrow = _narrowed(b, x, len(t.shape)) if len(x.shape) == len(t.shape) > 1 else x
    return b.expand(narrow, t.shape) if narrow is not x else None


def _narrowed(b: Builder, a: Term, rank: int) -> Term:
    """A factor without the leading dimensions that reductions in it keep, if it has such."""
    lead = next((d for d, n in enumerate(a.shape) if n != 1), 0)
    if len(a.shape) != rank or not lead:
        return a
    return _without_kept(b, a, a.shape[lead:], NESTED) or a
