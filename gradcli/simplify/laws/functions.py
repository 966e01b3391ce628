"""Functions: exponentials, softmax, sigmoid."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from gradcli.graph.terms import Term
from gradcli.shapes import Shape
from gradcli.simplify.build import Builder
from gradcli.simplify.law import law, one
from gradcli.simplify.normal import ONE, bare, factor_of, is_number


@law("softmax log_softmax", "softmax(x, 0) -> 1, log_softmax(x, 0) -> 0", "x is a finite number")
def _softmax_of_number(b: Builder, t: Term) -> Term | None:
    return b.number(int(t.head == "softmax")) if not t.shape and b.finite() else None


AT_ZERO = {
    **dict.fromkeys("exp exp2 cos cosh erfc special.i0 sinc".split(), 1),
    **dict.fromkeys("sin tan sinh tanh asin atan asinh atanh expm1 log1p erf relu abs sign".split(), 0),
    "sigmoid": Fraction(1, 2),
}  # fmt: skip


@law(" ".join([*AT_ZERO, "log"]), "exp(0) -> 1, log(1) -> 0", "always")
def _at_zero(b: Builder, t: Term) -> Term | None:
    if t.head == "log":
        return b.zeros(t.shape) if one(t.args[0]) else None
    return b.expand(b.number(AT_ZERO[t.head]), t.shape) if one(t.args[0], 0) else None


@law("exp", "exp(log_softmax(x)) -> softmax(x)", "always")
def _exp_log_softmax(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    return b.settle(b.make("softmax", x.args, x.params, t.shape, t.dtype)) if x.head == "log_softmax" else None


@law("log", "log(softmax(x)) -> log_softmax(x)", "always")
def _log_of_softmax(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    return b.settle(b.make("log_softmax", x.args, x.params, t.shape, t.dtype)) if x.head == "softmax" else None


@law("exp", "exp(x - logsumexp(x, d)) -> softmax(x, d)", "the logsumexp keeps d, or d is the first dimension")
def _exp_logsumexp(b: Builder, t: Term) -> Term | None:
    x, sign = t.args[0], ONE
    if x.head == "product" and len(x.args) == 1 and x.param("powers") == (1,):
        x, sign = x.args[0], x.param("factor")
    if x.head != "sum":
        return None
    for c, total in zip(x.param("factors"), x.args, strict=True):
        lse = total.args[0] if total.head == "reshape" else total
        if c * sign != -1 or lse.head != "logsumexp":
            continue
        z = lse.args[0]
        if bare(b.add([(sign, x), (1, total)])) is not z:
            continue
        return b.number(1) if not z.shape else _softmax(b, t, z, lse.params[0][1], total.shape)
    return None


def _softmax(b: Builder, t: Term, z: Term, dims: Any, shape: Shape) -> Term | None:
    """softmax(z), if a logsumexp of a shape broadcasts along its one dimension."""
    dims = dims if isinstance(dims, tuple) else (dims,)
    if len(dims) != 1:
        return None
    dim = dims[0] % len(z.shape)
    kept = tuple(1 if d == dim else n for d, n in enumerate(z.shape))
    if shape != kept and (len(shape) == len(z.shape) or dim != 0):
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


@law("product", "(1, P[0], P[1], ...) / P -> 1 / x, where P = cumprod(x)", "no x is 0, as the quotient needs")
def _products_before(b: Builder, t: Term) -> Term | None:
    pairs = list(zip(t.args, t.param("powers"), strict=True))
    for before, p in pairs:
        whole = _moved_on(before)
        if p != 1 or whole is None or (whole, -ONE) not in pairs:
            continue
        x = whole.args[0]
        if whole.head == "flip":
            x = x.args[0].args[0]
        rest = [pair for pair in pairs if pair not in ((before, p), (whole, -ONE))]
        return b.power_product([(b.number(t.param("factor")), ONE), *rest, (x, -ONE)])
    return None


@law("product", "products of all before and of all after each x -> prod(x) / x", "no x is 0")
def _product_of_others(b: Builder, t: Term) -> Term | None:
    pairs = list(zip(t.args, t.param("powers"), strict=True))
    found = [(a, _moved_on(a)) for a, p in pairs if p == 1]
    scans = [(a, whole) for a, whole in found if whole is not None]
    for before, first in scans:
        for after, second in scans:
            if first.head != "cumprod" or second.head != "flip" or second.args[0].args[0].args[0] is not first.args[0]:
                continue
            if first.params[0][1] != second.params[0][1][0] or not b.assume("no factor is 0"):
                continue
            rest = [pair for pair in pairs if pair[0] not in (before, after)]
            x, dim = first.args[0], first.params[0][1]
            shape = tuple(1 if d == dim else n for d, n in enumerate(x.shape))
            if len(shape) == 1:
                product = b.call("prod", (x,), (), x.dtype)
            else:
                product = b.call("prod", (x,), shape, x.dtype, dim, keepdim=True)
            return b.power_product([(b.number(t.param("factor")), ONE), *rest, (product, ONE), (x, -ONE)])
    return None


def _moved_on(t: Term) -> Term | None:
    """The cumulative product (from the start, or from the end) that was moved on by one step, 1 coming in."""
    if t.head != "pad" or t.param("value") != 1 or t.args[0].head != "index":
        return None
    whole, ends = t.args[0].args[0], t.params[0][1]
    scan = whole.args[0] if whole.head == "flip" else whole
    if scan.head != "cumprod" or whole.shape != t.shape or (whole.head == "flip" and scan.args[0].head != "flip"):
        return None
    dim = len(t.shape) - 1 - next((at for at, n in enumerate(ends) if n), 0) // 2
    wanted = [0, 0] * (len(t.shape) - 1 - dim) + ([0, 1] if whole.head == "flip" else [1, 0])
    if whole.head == "flip" and (whole.params[0][1] != (dim,) or scan.args[0].params[0][1] != (dim,)):
        return None
    return whole if list(ends) == wanted and scan.params[0][1] % len(t.shape) == dim else None


@law("product", "x * x**(y - 1) -> x**y", "x is not 0, as the power needs")
def _joined_power(b: Builder, t: Term) -> Term | None:
    pairs = list(zip(t.args, t.param("powers"), strict=True))
    for power, p in pairs:
        if power.head != "pow" or p != 1 or len(power.args) != 2:
            continue
        base, exponent = power.args
        own = next((q for x, q in pairs if x is base and q >= 1 and q.denominator == 1), None)
        if own is None or exponent.head != "sum" or exponent.param("constant") > -1 or not b.finite():
            continue
        raised = b.elementwise("pow", [base, b.add([(1, exponent), (1, b.number(1))])], power.dtype)
        rest = [(x, q - 1 if x is base else q) for x, q in pairs if x is not power]
        return b.power_product([(b.number(t.param("factor")), ONE), *rest, (raised, ONE)])
    return None


@law("product", "x * sign(x) -> abs(x)", "always")
def _size_of(b: Builder, t: Term) -> Term | None:
    pairs = list(zip(t.args, t.param("powers"), strict=True))
    for sign, p in pairs:
        if sign.head == "sign" and p == 1 and (sign.args[0], ONE) in pairs:
            rest = [(x, q) for x, q in pairs if x is not sign and x is not sign.args[0]]
            return b.power_product([(b.number(t.param("factor")), ONE), *rest, (b.unary("abs", sign.args[0]), ONE)])
    return None


@law("linalg.vector_norm", "norm(x[:, None] - y, dim=-1) -> cdist(x, y)", "x and y are matrices of rows")
def _distances(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if t.param("dim") not in (-1, 2) or len(x.shape) != 3 or x.head != "sum" or x.param("factors") != (1, -1):
        return None
    (m, n, k), (first, second) = x.shape, x.args
    columns = second.args[0] if second.head == "reshape" and second.shape == (1, n, k) else second
    if x.param("constant") or t.param("keepdim") or first.head != "reshape" or first.shape != (m, 1, k):
        return None
    rows = first.args[0]
    if (rows.shape, columns.shape) != ((m, k), (n, k)):
        return None
    order = [v for name, v in t.params if not name]
    return b.call("cdist", (rows, columns), t.shape, t.dtype, *order)


@law("product", "sinh(x) / cosh(x) -> tanh(x), sin(x) / cos(x) -> tan(x)", "always")
def _tangent(b: Builder, t: Term) -> Term | None:
    pairs = list(zip(t.args, t.param("powers"), strict=True))
    for above, p in pairs:
        other, name = TANGENTS.get(above.head, ("", ""))
        under, q = next(((x, q) for x, q in pairs if x.head == other and q < 0 and x.args == above.args), (None, ONE))
        if p <= 0 or under is None:
            continue
        both = min(p, -q)
        rest = [(x, r) for x, r in pairs if x is not above and x is not under]
        rest += [(above, p - both), (under, q + both), (b.unary(name, above.args[0]), both)]
        return b.power_product([(b.number(t.param("factor")), ONE), *[(x, r) for x, r in rest if r]])
    return None


TANGENTS = {"sinh": ("cosh", "tanh"), "sin": ("cos", "tan")}


@law("product", "(1 + exp(z)) * sigmoid(-z) -> 1", "always")
def _logistic_cancels(b: Builder, t: Term) -> Term | None:
    pairs = list(zip(t.args, t.param("powers"), strict=True))
    for a, p in pairs:
        if a.head != "sum" or a.param("constant") != 1 or a.param("factors") != (1,) or a.args[0].head != "exp":
            continue
        mirror = b.unary("sigmoid", b.scale(-ONE, a.args[0].args[0]))
        both = min(p, next((q for x, q in pairs if x is mirror and q > 0), Fraction(0)))
        if both > 0:
            left = [(x, q - both if x is a or x is mirror else q) for x, q in pairs]
            return b.power_product([(b.number(t.param("factor")), ONE), *[(x, q) for x, q in left if q]])
    return None


@law("product", "sigmoid(z) * sigmoid(-z) -> sigmoid(z) * (1 - sigmoid(z))", "always")
def _both_sigmoids(b: Builder, t: Term) -> Term | None:
    pairs = list(zip(t.args, t.param("powers"), strict=True))
    for a, p in pairs:
        if a.head != "sigmoid" or p <= 0 or factor_of(a.args[0]) < 0:
            continue
        mirror = b.unary("sigmoid", b.scale(-ONE, a.args[0]))
        power = next((q for x, q in pairs if x is mirror and q > 0), None)
        if power is not None:
            rest = [(x, q) for x, q in pairs if x is not mirror]
            other = b.add([(1, b.number(1)), (-1, a)])
            return b.power_product([(b.number(t.param("factor")), ONE), *rest, (other, power)])
    return None


@law("product", "(1 - sigmoid(z)) / sigmoid(-z) -> 1", "always")
def _other_sigmoid_cancels(b: Builder, t: Term) -> Term | None:
    pairs = list(zip(t.args, t.param("powers"), strict=True))
    for under, p in pairs:
        if under.head != "sigmoid" or p >= 0:
            continue
        other = bare(b.add([(1, b.number(1)), (-1, b.unary("sigmoid", b.scale(-ONE, under.args[0])))]))
        power = next((q for x, q in pairs if x is other and q > 0), None)
        if power is not None:
            rest = [(x, q) for x, q in pairs if x is not other and x is not under]
            return b.power_product([(b.number(t.param("factor")), ONE), *rest, (under, p + power)])
    return None


@law("product", "sigmoid(x) * (x <= 20) -> sigmoid(x)", "x is at most 20: there softplus is cut off")
def _softplus_cut(b: Builder, t: Term) -> Term | None:
    pairs = list(zip(t.args, t.param("powers"), strict=True))
    for mask in (a for a, _ in pairs if a.head == "mask"):
        condition = mask.args[0]
        if condition.head not in ("le", "lt") or not one(condition.args[1], 20):
            continue
        slope = b.unary("sigmoid", condition.args[0])
        if any(a is slope for a, _ in pairs) and b.assume("no element of a softplus is above 20"):
            rest = [(a, q) for a, q in pairs if a is not mask]
            return b.power_product([(b.number(t.param("factor")), ONE), *rest])
    return None


@law("product", "(a/s + 1) / (a + s) -> 1/s", "no divisor is 0")
def _cancelled_sum(b: Builder, t: Term) -> Term | None:
    pairs = list(zip(t.args, t.param("powers"), strict=True))
    for above, p in pairs:
        if above.head != "sum" or p != 1:
            continue
        for s, q in _divisors(above):
            whole, addends = b.power(s, -q), zip(above.param("factors"), above.args, strict=True)
            parts = [(c, b.multiply([a, whole])) for c, a in addends]
            under = bare(b.add([*parts, (above.param("constant"), whole)]))
            if (under, -ONE) in pairs:
                rest = [pair for pair in pairs if pair not in ((above, p), (under, -ONE))]
                return b.power_product([(b.number(t.param("factor")), ONE), *rest, (s, q)])
    return None


def _divisors(x: Term) -> list[tuple[Term, Fraction]]:
    """The negative powers in the addends of a sum."""
    products = [a for a in x.args if a.head == "product"]
    return [(s, q) for a in products for s, q in zip(a.args, a.param("powers"), strict=True) if q < 0]


@law("product", "exp(z) * (1 - sigmoid(z)) -> sigmoid(z)", "always")
def _exponential_of_rest(b: Builder, t: Term) -> Term | None:
    pairs = list(zip(t.args, t.param("powers"), strict=True))
    for e, p in pairs:
        if e.head != "exp" or p <= 0:
            continue
        slope = b.unary("sigmoid", e.args[0])
        other = bare(b.add([(1, b.number(1)), (-1, slope)]))
        both = min(p, next((q for x, q in pairs if x is other and q > 0), Fraction(0)))
        if both > 0:
            rest = [(x, q - both if x is e or x is other else q) for x, q in pairs] + [(slope, both)]
            return b.power_product([(b.number(t.param("factor")), ONE), *[(x, q) for x, q in rest if q]])
    return None


@law("xlogy", "xlogy(c, x) -> c * log(x)", "c is a number but 0")
def _logarithm_of_number(b: Builder, t: Term) -> Term | None:
    c = t.args[0]
    if not is_number(c) or one(c, 0):
        return None
    x = t.args[1] if len(t.args) == 2 else b.number(t.params[0][1])
    return b.expand(b.multiply([c, b.unary("log", x)]), t.shape)
