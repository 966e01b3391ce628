"""where, comparisons and masks."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

from gradcli.dtypes import bool_
from gradcli.graph.terms import Term, below
from gradcli.simplify.build import Builder
from gradcli.simplify.law import NEGATED, arithmetic_on, law, one
from gradcli.simplify.normal import ONE, bare, is_number


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


@law("clamp clamp_min clamp_max", "clamp(number, low, high) -> number", "always")
def _clamped_number(b: Builder, t: Term) -> Term | None:
    x = bare(t.args[0])
    if not is_number(x) or len(t.args) > 1:
        return None
    names = ("min", "max") if t.head == "clamp" else (t.head[-3:],)
    limits = {name or names[at]: b.number(v).value for at, (name, v) in enumerate(t.params) if v is not None}
    value = max(x.value, limits.get("min", x.value))
    return b.expand(b.number(min(value, limits.get("max", value))), t.shape)


@law("masked_fill", "masked_fill(x, False, c) -> x", "no element is masked")
def _nothing_masked(b: Builder, t: Term) -> Term | None:
    return b.expand(t.args[0], t.shape) if one(t.args[1], 0) else None


@law("where", "where(y == 0, 0, y * z) -> y * z", "z is finite")
def _zero_anyway(b: Builder, t: Term) -> Term | None:
    condition, x, y = t.args
    if condition.head != "eq" or not one(x, 0) or not one(condition.args[1], 0) or y.head != "product":
        return None
    factor = condition.args[0]
    found = any(a is factor and p == 1 for a, p in zip(y.args, y.param("powers"), strict=True))
    return y if found and b.finite() else None


@law("where", "where(x == 0, 0, x**x) -> x**x", "x is not 0")
def _own_power(b: Builder, t: Term) -> Term | None:
    condition, x, y = t.args
    if condition.head != "eq" or not one(x, 0) or not one(condition.args[1], 0) or y.head != "pow":
        return None
    own = y.args == (condition.args[0], condition.args[0])
    return y if own and b.assume("the base is not 0") else None


@law("where", "where(x == 0 and y >= 0, 0, x**y * log(x)) -> x**y * log(x)", "x is not 0")
def _power_of_zero(b: Builder, t: Term) -> Term | None:
    condition, x, y = t.args
    if condition.head != "logical_and" or condition.args[0].head != "eq" or not one(x, 0):
        return None
    if y.head != "product" or not any(a.head == "log" for a in y.args):
        return None
    return y if b.assume("the base is not 0") else None


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


@law("where", "where(norm(x) == 0, c, y) -> y", "norm(x) is not 0")
def _norm_is_positive(b: Builder, t: Term) -> Term | None:
    condition, x, y = t.args
    if condition.head != "eq" or not one(condition.args[1], 0) or not is_number(x):
        return None
    size = condition.args[0]
    above = [a for a, p in zip(size.args, size.param("powers"), strict=True) if p > 0] if size.head == "product" else []
    whats = [SIZES.get(_unmoved(norm).head) for norm in above or [size]]
    if any(what is None for what in whats):
        return None
    return y if all(b.assume(f"{what} (there the gradient is taken to be 0)") for what in whats) else None


def _unmoved(x: Term) -> Term:
    while x.head in ("reshape", "expand"):
        x = x.args[0]
    return x


SIZES = {
    "norm": "the norm is not 0", "linalg.vector_norm": "the norm is not 0", "std": "the standard deviation is not 0",
    "cdist": "no distance is 0",
}  # fmt: skip


@law("clamp clamp_min", "clamp(norm(x), min=eps) -> norm(x)", "the norm is at least eps, a small number")
def _norm_above(b: Builder, t: Term) -> Term | None:
    norm, least = t.args[0], t.params[0][1] if t.params else None
    if norm.head not in ("norm", "linalg.vector_norm") or len(t.params) != 1 or t.params[0][0] not in ("", "min"):
        return None
    if not isinstance(least, int | float) or not 0 < least <= 1e-4:
        return None
    return norm if b.assume(f"the norm is at least {least}") else None


@law("where", "where(norm(x) >= eps, y, 0) -> y", "the norm is at least eps, a small number")
def _norm_reaches(b: Builder, t: Term) -> Term | None:
    condition, y, x = t.args
    if condition.head != "ge" or not one(x, 0) or not is_number(condition.args[1]):
        return None
    norm, least = condition.args[0], float(bare(condition.args[1]).value)
    if norm.head not in ("norm", "linalg.vector_norm") or not 0 < least <= 1e-4:
        return None
    return y if b.assume(f"the norm is at least {least}") else None


@law("max min", "max(x, y) -> maximum(x, y), min(x, y) -> minimum(x, y)", "x and y are tensors")
def _of_two(b: Builder, t: Term) -> Term | None:
    return b.elementwise(f"{t.head}imum", t.args, t.dtype) if len(t.args) == 2 and not t.params else None


@law("maximum", "maximum(p * (1 - p), eps) -> p * (1 - p)", "eps is a tiny number, p no closer to 0 or 1")
def _probability_inside(b: Builder, t: Term) -> Term | None:
    product, least = t.args
    if not is_number(least) or not 0 < bare(least).value <= Fraction(1, 10**6) or product.head != "product":
        return None
    own = float(bare(least).value)
    return product if b.assume(f"no probability is within {own} of 0 or 1") else None


@law("where", "where(s == 0, 0, y / s) -> y / s", "s is not 0")
def _divisor_not_zero(b: Builder, t: Term) -> Term | None:
    condition, x, y = t.args
    if condition.head != "eq" or not one(x, 0) or not one(condition.args[1], 0) or y.head != "product":
        return None
    divides = any(a is condition.args[0] and p < 0 for a, p in zip(y.args, y.param("powers"), strict=True))
    return y if divides and b.assume("no divisor is 0") else None


@law("where", "where(x <= 0, 0, x) -> relu(x)", "x is finite")
def _ramp(b: Builder, t: Term) -> Term | None:
    condition, x, y = t.args
    if condition.head not in ("le", "lt") or not one(x, 0) or not one(condition.args[1], 0):
        return None
    if y is condition.args[0] and b.finite():
        return b.unary("relu", y)
    parts = zip(y.args, y.param("powers"), strict=True) if y.head == "product" else [(y, 1)]
    held = any(a.head == "relu" and a.args[0] is condition.args[0] and p > 0 for a, p in parts)
    return y if held and b.finite() else None


@law("where", "where(c, 0, 1 where d) -> 1 where not c and d", "c compares")
def _both_masks(b: Builder, t: Term) -> Term | None:
    condition, x, y = t.args
    if not one(x, 0) or y.head != "mask" or condition.head not in NEGATED or not b.finite():
        return None
    other = b.compare(NEGATED[condition.head], *condition.args)
    return b.mask(b.elementwise("logical_and", [other, y.args[0]], bool_))


@law("where", "where(c, y, nan) -> y", "where y is not taken there is no number")
def _nan_elsewhere(b: Builder, t: Term) -> Term | None:
    other = bare(t.args[2])
    nothing = other.head == "number" and other.value != other.value
    return t.args[1] if nothing and t.args[0].head == "logical_and" and b.finite() else None


@law("ge gt le lt", "c - x >= 0 -> x <= c", "x stands alone")
def _compared_with_zero(b: Builder, t: Term) -> Term | None:
    left, right = t.args
    if left.head != "sum" or len(left.args) != 1 or abs(left.param("factors")[0]) != 1 or not one(right, 0):
        return None
    factor = left.param("factors")[0]
    head = t.head if factor > 0 else TURNED[t.head]
    return b.compare(head, left.args[0], b.number(-factor * left.param("constant")))


TURNED = {"ge": "le", "gt": "lt", "le": "ge", "lt": "gt"}


@law("ge gt le lt eq ne", "c * x > 0 -> x > 0, x**2 == 0 -> x == 0", "c is a number")
def _scaled_comparison(b: Builder, t: Term) -> Term | None:
    left, right = t.args
    if left.head != "product" or not one(right, 0):
        return None
    pairs = [(a, p) for a, p in zip(left.args, left.param("powers"), strict=True) if a.head not in ("constant", "log")]
    if len(pairs) != 1:
        return None
    factor, (x, power) = left.param("factor"), pairs[0]
    if t.head in ("eq", "ne") and power > 0:
        return b.compare(t.head, x, right)
    if power != 1:
        return None
    return b.compare(t.head if factor > 0 else TURNED[t.head], x, right)


@law("eq le lt gt ge ne", "exp(x) > 0 -> True", "exp(x) and others that are positive do not underflow to 0")
def _positive(b: Builder, t: Term) -> Term | None:
    x, zero = t.args
    if x.head not in ("exp", "exp2", "softmax", "sigmoid", "cosh", "softplus") or not one(zero, 0) or not b.finite():
        return None
    return b.expand(b.number(t.head in ("gt", "ge", "ne")), t.shape)


@law("product", "n * (n != 0) -> n", "always")
def _zero_anyway_masked(b: Builder, t: Term) -> Term | None:
    pairs = list(zip(t.args, t.param("powers"), strict=True))
    for mask, p in pairs:
        condition = mask.args[0] if mask.head == "mask" else mask
        if p != 1 or condition.head != "ne" or not one(condition.args[1], 0) or mask.head != "mask":
            continue
        if any(x is condition.args[0] and q > 0 for x, q in pairs):
            rest = [(x, q) for x, q in pairs if x is not mask]
            return b.expand(b.power_product([(b.number(t.param("factor")), ONE), *rest]), t.shape)
    return None


SMOOTH = frozenset(
    "variable number size constant expand reshape sum product matmul mT total relu tanh sigmoid softmax sin cos "
    "outer mask one_hot index mean literal eye cast logical_and logical_or gt ge lt le eq ne".split()
)


@law("where", "where(x <= 0, 0, y) -> y * (x > 0)", "y is finite for any finite x, and varies")
def _masked_product(b: Builder, t: Term) -> Term | None:
    condition, x, y = t.args
    if not one(x, 0) or condition.head not in NEGATED or is_number(y) or not y.floating or y.shape != t.shape:
        return None
    parts = below(y)
    if any(p.head not in SMOOTH or (p.head == "product" and min(p.param("powers")) < 0 and _varies(p)) for p in parts):
        return None
    other = b.compare(NEGATED[condition.head], *condition.args)
    return b.multiply([y, b.mask(other)]) if b.finite() else None


def _varies(product: Term) -> bool:
    """Whether a product divides by what is no count of elements."""
    pairs = zip(product.args, product.param("powers"), strict=True)
    return any(p < 0 and not (a.dtype is None and not a.shape) for a, p in pairs)


@law("isnan", "isnan(x) -> False", "x is not nan")
def _not_nan(b: Builder, t: Term) -> Term | None:
    return b.expand(b.number(False), t.shape) if b.finite() else None


@law("logical_or logical_and", "c or False -> c, c and True -> c", "always")
def _settled_part(b: Builder, t: Term) -> Term | None:
    left, right = t.args
    for known, other in ((left, right), (right, left)):
        if is_number(known):
            stays = bool(bare(known).value) == (t.head == "logical_and")
            return b.expand(other, t.shape) if stays else b.expand(known, t.shape)
    return left if left is right else None


@law("sum", "where(c, x, 0) + where(c, 0, y) -> where(c, x, y)", "both have the same coefficient")
def _both_branches(b: Builder, t: Term) -> Term | None:
    pairs = [(f, a) for f, a in zip(t.param("factors"), t.args, strict=True) if a.head == "where"]
    for at, (f, a) in enumerate(pairs):
        for g, c in pairs[at + 1 :]:
            first, second = (a, c) if one(a.args[2], 0) else (c, a)
            if f != g or a.args[0] is not c.args[0] or not (one(first.args[2], 0) and one(second.args[1], 0)):
                continue
            rest = [(h, x) for h, x in zip(t.param("factors"), t.args, strict=True) if x is not a and x is not c]
            joined = b.where(a.args[0], first.args[1], second.args[2])
            return b.add([*rest, (f, joined), (t.param("constant"), b.number(1))])
    return None


@law("any", "any(False) -> False", "always")
def _none_holds(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    return b.expand(b.number(False), t.shape) if is_number(x) and not bare(x).value else None


@law("floor ceil round", "floor(number) -> number", "always")
def _rounded_number(b: Builder, t: Term) -> Term | None:
    x = bare(t.args[0])
    if not is_number(x) or t.params:
        return None
    rounded = floor(x.value) if t.head == "floor" else ceil(x.value) if t.head == "ceil" else round(x.value)
    return b.expand(b.number(rounded), t.shape)


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
    return x if x.head == "mask" or (x.dtype is None and not x.shape) else None


@law("cast", "cast(c * one_hot(t)) -> c * cast(one_hot(t)), sums alike", "the result is floating")
def _cast_counts(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head not in ("sum", "product") or t.param("named") or t.dtype is None or not t.dtype.floating:
        return None
    parts = [a if a.dtype is None else b.cast(a, t.dtype) for a in x.args]
    if x.floating or all(a.dtype is None or a.shape != x.shape for a in x.args):
        return None
    return arithmetic_on(b, x, parts)


@law("cast", "a cast there and back -> x", "nothing is rounded on the way")
def _cast_twice(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head == "cast" and x.args[0].dtype is t.dtype and x.floating and not x.param("named"):
        return x.args[0]
    return None
