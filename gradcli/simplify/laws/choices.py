"""where, comparisons and masks."""

from __future__ import annotations

from gradcli.graph.terms import Term
from gradcli.simplify.build import Builder
from gradcli.simplify.law import law, one
from gradcli.simplify.normal import bare, is_number


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
    return y if found and b.finite() else None


@law("where", "where(x == 0 and y >= 0, 0, x**y * log(x)) -> x**y * log(x)", "x is not 0")
def _power_of_zero(b: Builder, t: Term) -> Term | None:
    condition, x, y = t.args
    if condition.head != "logical_and" or condition.args[0].head != "eq" or not one(x, 0):
        return None
    if y.head != "product" or not any(a.head == "log" for a in y.args):
        return None
    return y if b.assume("the base is not 0") else None


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
    same = condition.head == "ne" and condition.args[0] is condition.args[1]
    return t.args[2] if same and b.finite() else None


@law("where", "where(norm(x) == 0, 0, y) -> y", "norm(x) is not 0")
def _norm_is_positive(b: Builder, t: Term) -> Term | None:
    condition, x, y = t.args
    norm = condition.args[0] if condition.head == "eq" and one(condition.args[1], 0) else None
    if norm is None or norm.head not in ("norm", "linalg.vector_norm", "std") or not one(x, 0):
        return None
    what = "standard deviation" if norm.head == "std" else "norm"
    return y if b.assume(f"the {what} is not 0 (there the gradient is taken to be 0)") else None


@law("where", "where(det(x) < 0, nan, y) -> y", "the determinant is positive")
def _determinant_is_positive(b: Builder, t: Term) -> Term | None:
    condition = t.args[0]
    if condition.head != "lt" or condition.args[0].head != "item" or not one(condition.args[1], 0):
        return None
    if "slogdet" not in condition.args[0].args[0].head:
        return None
    return t.args[2] if b.assume("the determinant is positive") else None


@law("where", "where(t == -100, 0, x) -> x", "no class is the ignored one")
def _nothing_ignored(b: Builder, t: Term) -> Term | None:
    condition, x, y = t.args
    if condition.head != "eq" or not one(x, 0) or not one(condition.args[1], -100):
        return None
    classes = condition.args[0]
    if classes.dtype is None or classes.floating:
        return None
    return y if b.assume("no class is the ignored one (-100)") else None


@law("where", "where(c, n, 0) -> n * (c)", "n is a number")
def _mask(b: Builder, t: Term) -> Term | None:
    condition, x, y = t.args
    if is_number(x) and one(y, 0):
        return b.multiply([x, b.mask(condition)])
    if one(x, 0) and is_number(y) and condition.head in NEGATED and b.finite():
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


@law("cast", "a cast there and back -> x", "nothing is rounded on the way")
def _cast_twice(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head == "cast" and x.args[0].dtype is t.dtype and x.floating and not x.param("named"):
        return x.args[0]
    return None
