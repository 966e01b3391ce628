"""Internal ops in public words: for each, the composition of public ops that gives the same values.

`FORMS` is the table; `simplify/convert.py` looks ops up in it and calls `form(builder, args, node)`. An op that is
neither public nor here has no formula, and `diff` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import prod
from typing import Any

from gradcli.graph.node import Node
from gradcli.graph.op import leaf_op
from gradcli.graph.terms import Arg, Term
from gradcli.shapes import Shape, normal_dims
from gradcli.simplify import pieces, sliding, wholes
from gradcli.simplify.build import Builder
from gradcli.simplify.noform import NoForm
from gradcli.simplify.normal import bare

Form = Callable[[Builder, Sequence[Term], Node], Any]  # a term, or a tuple of them for an op of several outputs
HALF = Fraction(1, 2)


def _first(b: Builder, args: Sequence[Term], node: Node) -> Term:
    return args[0]


def _zeros(b: Builder, args: Sequence[Term], node: Node) -> Term:
    return b.zeros(node.shape)


def _add(b: Builder, args: Sequence[Term], node: Node) -> Term:
    scale = b.number(node.params.get("alpha", 1)).value
    return b.add([(1, args[0]), (scale, args[1])])


def _sub(b: Builder, args: Sequence[Term], node: Node) -> Term:
    scale = b.number(node.params.get("alpha", 1)).value
    return b.add([(1, args[0]), (-scale, args[1])])


def _rsub(b: Builder, args: Sequence[Term], node: Node) -> Term:
    scale = b.number(node.params.get("alpha", 1)).value
    other = args[1] if len(args) > 1 else b.number(node.params["other"])
    return b.add([(1, other), (-scale, args[0])])


def _mul(b: Builder, args: Sequence[Term], node: Node) -> Term:
    return b.multiply(args)


def _div(b: Builder, args: Sequence[Term], node: Node) -> Term:
    if node.params.get("rounding_mode"):
        params = (("rounding_mode", node.params["rounding_mode"]),)
        return b.elementwise("div", args, node.dtype, params)
    return b.divide(args[0], args[1])


def _pow(b: Builder, args: Sequence[Term], node: Node) -> Term:
    base = args[0] if "input" not in node.params else b.number(node.params["input"])
    exponent = args[-1] if len(args) > 1 or "input" in node.params else b.number(node.params["exponent"])
    power = bare(exponent)
    if power.head == "number" and isinstance(power.value, Fraction) and bare(base).head != "number":
        whole = power.value.denominator == 1
        if whole or power.value == HALF or power.value == -HALF:
            return b.broadcast(b.power(base, power.value), [base, exponent])
    return b.elementwise("pow", [base, exponent], node.dtype)


def _where(b: Builder, args: Sequence[Term], node: Node) -> Term:
    return b.where(*args)


def _sum(b: Builder, args: Sequence[Term], node: Node) -> Term:
    dim = node.params.get("dim")
    dims = None if dim is None else normal_dims(dim, len(args[0].shape))
    result = b.total(args[0], dims or None, bool(node.params.get("keepdim", False)))
    return result if node.dtype.floating == args[0].floating or not node.dtype.floating else b.cast(result, node.dtype)


def _mean(b: Builder, args: Sequence[Term], node: Node) -> Term:
    dim = node.params.get("dim")
    dims = () if dim is None else normal_dims(dim, len(args[0].shape))
    if len(dims) in (0, len(args[0].shape)):
        return b.expand(b.call("mean", args, (), node.dtype), node.shape)
    keepdim = {"keepdim": True} if node.params.get("keepdim") else {}
    return b.call("mean", args, node.shape, node.dtype, *_given(dims, node), **keepdim)


def _given(dims: Sequence[int], node: Node) -> list[Any]:
    keepdim = bool(node.params.get("keepdim", False))
    return [dims[0] if len(dims) == 1 else tuple(dims)] if dims else [None] if keepdim else []


def _matmul(b: Builder, args: Sequence[Term], node: Node) -> Term:
    return b.matmul(args[0], args[1])


def _reshape(b: Builder, args: Sequence[Term], node: Node) -> Term:
    return b.reshape(args[0], node.shape)


def _expand(b: Builder, args: Sequence[Term], node: Node) -> Term:
    return b.expand(args[0], node.shape)


def _transpose(b: Builder, args: Sequence[Term], node: Node) -> Term:
    rank = len(args[0].shape)
    if rank < 2:
        return args[0]
    first, second = (node.params.get(name, at) % rank for name, at in (("dim0", 0), ("dim1", 1)))
    if {first, second} == {rank - 1, rank - 2}:
        return b.transpose(args[0])
    dims = list(range(rank))
    dims[first], dims[second] = dims[second], dims[first]
    return b.permute(args[0], tuple(dims))


def _permute(b: Builder, args: Sequence[Term], node: Node) -> Term:
    rank = len(args[0].shape)
    return b.permute(args[0], tuple(d % rank for d in node.params["dims"]))


def _turned(b: Builder, args: Sequence[Term], node: Node) -> Term:
    rank = len(args[0].shape)
    return b.transpose(args[0]) if rank == 2 else b.permute(args[0], tuple(range(rank))[::-1])


def _mT(b: Builder, args: Sequence[Term], node: Node) -> Term:
    return b.transpose(args[0])


# Parts of tensors, and their way back


def _select(b: Builder, args: Sequence[Term], node: Node) -> Term:
    dim = node.params["dim"] % len(args[0].shape)
    return b.index(args[0], (*[slice(None)] * dim, node.params["index"]), node.shape)


def _slice(b: Builder, args: Sequence[Term], node: Node) -> Term:
    p = node.params
    return b.index(args[0], _sliced(p, args[0].shape), node.shape)


def _sliced(p: Any, shape: Shape) -> tuple[slice, ...]:
    dim = p["dim"] % len(shape)
    start, end, step = p.get("start"), p.get("end"), p.get("step", 1)
    start = None if start == 0 else start
    end = None if end is None or end >= shape[dim] else end
    return (*[slice(None)] * dim, slice(start, end, None if step == 1 else step))


def _spread(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """Zeros in which a chain of views shows a source: one step after another, from the last to the first."""
    steps, shapes = node.params["steps"], [node.params["shape"]]
    for op, params in steps[:-1]:
        shapes.append(op.shape((_blank(shapes[-1], node),), params))
    term = args[0]
    for (op, params), shape in zip(reversed(steps), reversed(shapes), strict=True):
        term = _spread_step(b, term, op.name, params, shape)
    return term


def _blank(shape: Shape, like: Node) -> Node:
    return Node(leaf_op, (), {}, shape, like.dtype)


def _spread_step(b: Builder, term: Term, name: str, p: Any, shape: Shape) -> Term:
    rank = len(shape)
    if name in ("select", "_unbind"):
        return b.scattered("select_scatter", shape, term, p["dim"] % rank, p["index"])
    if name in ("_slice", "_split", "_split_with_sizes"):
        dim, start = p["dim"] % rank, p.get("start", 0)
        end, step = p.get("end", shape[p["dim"] % rank]), p.get("step", 1)
        end = shape[dim] if end is None else min(end, shape[dim])
        if step == 1 and isinstance(start, int) and start >= 0:
            ends = [0, 0] * (rank - 1 - dim) + [start, shape[dim] - end]
            return b.settle(b.make("pad", (term,), (("", tuple(ends)),), shape, b.dtype))
        return b.scattered("slice_scatter", shape, term, dim, start, end, step)
    if name == "diagonal":
        dims = p.get("dim1", 0) % rank, p.get("dim2", 1) % rank
        return b.scattered("diagonal_scatter", shape, term, p.get("offset", 0), *dims)
    if name in ("transpose", "t", "_transpose"):
        node = Node(leaf_op, (), p, term.shape, None)
        return _transpose(b, [term], node)
    if name == "permute":
        order = [d % rank for d in p["dims"]]
        return b.permute(term, tuple(order.index(d) for d in range(rank)))
    if name in ("_reshape", "reshape", "view", "unsqueeze", "squeeze", "_squeeze", "_reshape_rows"):
        return b.reshape(term, shape)
    raise NoForm(name)


def _index(b: Builder, args: Sequence[Term], node: Node) -> Term:
    return b.index(args[0], _pointed(node.params["dims"]), node.shape, args[1:])


def _pointed(dims: Sequence[int]) -> tuple[Any, ...]:
    places: list[Any] = [slice(None)] * (max(dims) + 1)
    for at, dim in enumerate(dims):
        places[dim] = Arg(at + 1)
    return tuple(places)


def _spread_index(b: Builder, args: Sequence[Term], node: Node) -> Term:
    dims, shape = tuple(node.params["dims"]), node.shape
    if dims != tuple(range(len(dims))):  # bring the indexed dimensions to the front, and back
        adjacent = dims == tuple(range(dims[0], dims[0] + len(dims)))
        source = args[0]
        order = [*dims, *[d for d in range(len(shape)) if d not in dims]]
        if adjacent:
            width = len(source.shape) - (len(shape) - len(dims))
            moved = [*range(dims[0], dims[0] + width)]
            source = b.permute(source, (*moved, *[d for d in range(len(source.shape)) if d not in moved]))
        put = _put(b, source, args[1:], tuple(shape[d] for d in order))
        return b.permute(put, tuple(order.index(d) for d in range(len(shape))))
    return _put(b, args[0], args[1:], shape)


def _put(b: Builder, source: Term, indices: Sequence[Term], shape: Shape) -> Term:
    places = tuple(Arg(at + 1) for at in range(len(indices)))
    args = (b.zeros(shape), *indices, source)
    return b.call("index_put", args, shape, b.dtype, places, Arg(len(indices) + 1), accumulate=True)


def _copy_slices(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """input with what one view shows replaced: torch's *_scatter ops."""
    steps = node.params["steps"]
    if len(steps) != 1:
        raise NoForm(node.op.name)
    (op, p), rank = steps[0], len(node.shape)
    value = b.expand(args[1], op.shape((_blank(node.shape, node),), p))
    if op.name == "select":
        return b.call("select_scatter", (args[0], value), node.shape, node.dtype, p["dim"] % rank, p["index"])
    if op.name == "_slice":
        given = [p["dim"] % rank, p.get("start", 0), p.get("end"), p.get("step", 1)]
        return b.call("slice_scatter", (args[0], value), node.shape, node.dtype, *given)
    if op.name == "diagonal":
        given = [p.get("offset", 0), p.get("dim1", 0), p.get("dim2", 1)]
        return b.call("diagonal_scatter", (args[0], value), node.shape, node.dtype, *given)
    if op.name in ("alias", "_slice_of_all"):
        return value
    raise NoForm(node.op.name)


def _take_along(b: Builder, args: Sequence[Term], node: Node) -> Term:
    return b.call("take_along_dim", args, node.shape, node.dtype, dim=node.params["dim"])


def _put_along(b: Builder, args: Sequence[Term], node: Node) -> Term:
    dim = node.params["dim"] % len(node.shape)
    return _scatter_add(b, args[0], args[1], dim, node.shape)


def _place_along(b: Builder, args: Sequence[Term], node: Node) -> Term:
    return _scatter_add(b, args[0], args[1], node.params["dim"] % max(len(node.shape), 1), node.shape)


def _scatter_add(b: Builder, source: Term, index: Term, dim: int, shape: Shape) -> Term:
    if index.shape != source.shape:
        index = b.expand(index, source.shape)
    return b.call("scatter_add", (b.zeros(shape), index, source), shape, b.dtype, dim, Arg(1), Arg(2))


def _place_rows(b: Builder, args: Sequence[Term], node: Node) -> Term:
    dim = node.params["dim"] % max(len(node.shape), 1)
    return b.call("index_add", (b.zeros(node.shape), args[1], args[0]), node.shape, node.dtype, dim, Arg(1), Arg(2))


def _place_flat(b: Builder, args: Sequence[Term], node: Node) -> Term:
    count = prod(node.shape)
    source, index = (b.reshape(t, (prod(t.shape),)) for t in args)
    return b.reshape(_put(b, source, [index], (count,)), node.shape)


def _place_planes(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """Zeros with a source added at flat indices into the last dimensions (of max pooling)."""
    lead, size = node.shape[: len(node.shape) - len(node.params["size"])], prod(node.params["size"])
    source, index = (b.reshape(t, (*lead, prod(t.shape[len(lead) :]))) for t in args)
    return b.reshape(_scatter_add(b, source, index, len(lead), (*lead, size)), node.shape)


def _pluck(b: Builder, args: Sequence[Term], node: Node) -> Term:
    lead = args[0].shape[: len(args[0].shape) - node.params["rank"]]
    rows, index = (b.reshape(t, (*lead, prod(t.shape[len(lead) :]))) for t in args)
    picked = b.call("gather", (rows, index), index.shape, node.dtype, len(lead), Arg(1))
    return b.reshape(picked, node.shape)


# Scans


def _scan(name: str) -> Form:
    def form(b: Builder, args: Sequence[Term], node: Node) -> Term:
        x, dim = args[0], node.params["dim"]
        if not x.shape:
            return x
        if not node.params.get("reverse"):
            return b.call(name, [x], node.shape, node.dtype, dim)
        flipped = b.call(name, [_flip(b, x, dim)], node.shape, node.dtype, dim)
        return _flip(b, flipped, dim)

    return form


def _flip(b: Builder, x: Term, dim: int) -> Term:
    return b.call("flip", [x], x.shape, x.dtype, (dim,))


def _shift(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """pad(x[:-by], (by, 0)), with a fill where nothing moved in."""
    x, by, fill, shape = args[0], node.params["by"], node.params["fill"], node.shape
    if not shape:
        return b.number(fill) if by else x
    dim = node.params["dim"] % len(shape)
    if abs(by) >= shape[dim]:
        return b.expand(b.number(fill), shape)
    kept = slice(None, -by) if by > 0 else slice(-by, None)
    part = b.index(x, (*[slice(None)] * dim, kept), (*shape[:dim], shape[dim] - abs(by), *shape[dim + 1 :]))
    ends = (*[0, 0] * (len(shape) - 1 - dim), max(by, 0), max(-by, 0))
    named = {"value": float(fill)} if fill else {}
    return b.settle(b.make("pad", (part,), (("", ends), *named.items()), shape, b.dtype))


# Norms, linear algebra, losses


def _norm(b: Builder, args: Sequence[Term], node: Node) -> Term:
    p = node.params
    dims = () if p.get("dim") is None else normal_dims(p["dim"], len(args[0].shape))
    ord, given = p.get("ord", 2), _given(dims, node)
    if ord == 2 and not given:
        return b.call("norm", args, node.shape, node.dtype)
    named = {"dim": given[0]} if given else {}
    keepdim = {"keepdim": True} if p.get("keepdim") else {}
    return b.call("linalg.vector_norm", args, node.shape, node.dtype, *([] if ord == 2 else [ord]), **named, **keepdim)


def _cofactors(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """det(A) A^-T; in general U diag(products of the other singular values) V^T, with the sign of U and V."""
    a = args[0]
    if not b.assume("the matrix is invertible"):
        return _singular_cofactors(b, a)
    det = b.call("det", [a], a.shape[:-2], a.dtype)
    inverse = b.transpose(b.call("inv", [a], a.shape, a.dtype))
    return b.multiply([b.reshape(det, (*a.shape[:-2], 1, 1)) if len(a.shape) > 2 else det, inverse])


def _singular_cofactors(b: Builder, a: Term) -> Term:
    n, lead = a.shape[-1], a.shape[:-2]
    svd = b.call("linalg.svd", (a,), (), None)
    shapes = (a.shape, a.shape[:-1], a.shape)
    u, s, v = (b.make("item", (svd,), (("at", at),), shape, a.dtype) for at, shape in enumerate(shapes))
    own = b.compare("gt", b.call("eye", (), (n, n), a.dtype, n), b.number(0))
    row = b.reshape(s, (*lead, 1, n))
    others = b.call("prod", (b.where(own, b.number(1), row),), a.shape[:-1], a.dtype, -1)
    sign = b.call("det", (b.matmul(u, v),), lead, a.dtype)
    if lead:
        sign = b.reshape(sign, (*lead, 1, 1))
    return b.multiply([sign, b.matmul(b.multiply([u, b.reshape(others, (*lead, 1, n))]), v)])


def _solve(b: Builder, args: Sequence[Term], node: Node) -> Term:
    named: dict[str, Any] = {} if node.params.get("left", True) else {"left": False}
    if node.params.get("vector") and len(args[0].shape) > 2:
        column = b.reshape(args[1], (*args[1].shape, 1))
        solved = b.call("linalg.solve", (args[0], column), (*node.shape, 1), node.dtype, **named)
        return b.reshape(solved, node.shape)
    return b.call("linalg.solve", args, node.shape, node.dtype, **named)


def _public(name: str) -> Form:
    return lambda b, args, node: b.call(name, args, node.shape, node.dtype)


def _softplus_slope(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """g sigmoid(beta x); beyond the threshold the derivative is 1, to float64's last bit where the threshold is 20."""
    scaled = b.multiply([b.number(node.params["beta"]), args[1]])
    plain = b.multiply([args[0], b.unary("sigmoid", scaled)])
    threshold = node.params["threshold"]
    return plain if threshold >= 20 else b.where(b.compare("gt", scaled, b.number(threshold)), args[0], plain)


def _log_sigmoid_slope(b: Builder, args: Sequence[Term], node: Node) -> Term:
    return b.multiply([args[0], b.unary("sigmoid", b.scale(-Fraction(1), args[1]))])


def _class_index(b: Builder, args: Sequence[Term], node: Node) -> Term:
    ignored = node.params["ignore_index"]
    if b.assume(f"no class is the ignored one ({ignored})"):
        return args[0]
    return b.where(b.compare("eq", args[0], b.number(ignored)), b.number(0), args[0])


def _divided(b: Builder, args: Sequence[Term], node: Node) -> Term:
    return b.divide(args[0], b.sized(node.params["other"]))


def _normal_cdf(b: Builder, args: Sequence[Term], node: Node) -> Term:
    return b.unary("special.ndtr", args[0])


def _full(b: Builder, args: Sequence[Term], node: Node) -> Term:
    return b.expand(b.number(node.params["fill_value"]), node.shape)


def _eye(b: Builder, args: Sequence[Term], node: Node) -> Term:
    return b.call("eye", [], node.shape, node.dtype, *dict.fromkeys(node.shape))


def _arange(b: Builder, args: Sequence[Term], node: Node) -> Term:
    p = node.params
    return b.call("arange", [], node.shape, node.dtype, p["start"], p["end"], p["step"])


def _cast(b: Builder, args: Sequence[Term], node: Node) -> Term:
    own = args[0].dtype
    if own is node.dtype or bare(args[0]).head == "number":
        return args[0]
    return b.expand(b.cast(args[0], node.dtype), node.shape)


def _sqrt(b: Builder, args: Sequence[Term], node: Node) -> Term:
    return b.power(args[0], HALF)


def _rsqrt(b: Builder, args: Sequence[Term], node: Node) -> Term:
    return b.power(args[0], -HALF)


def _to_inverse(b: Builder, args: Sequence[Term], node: Node) -> Term:
    return b.power(args[0], -Fraction(1))


def _square(b: Builder, args: Sequence[Term], node: Node) -> Term:
    return b.power(args[0], Fraction(2))


def _limited(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """clamp with tensors as limits"""
    return b.elementwise("minimum", [b.elementwise("maximum", args[:2], node.dtype), args[2]], node.dtype)


FORMS: dict[str, Form] = {
    **dict.fromkeys(("alias", "_data", "detach", "clone", "_clone_rows", "_unchanged", "_before_change", "positive",
                     "_as_strided_view", "_written", "_flat_checked", "_class_number", "_row_number"), _first),
    **dict.fromkeys(("_zero", "_zeros_as", "_no_area", "_ignored"), _zeros),
    **dict.fromkeys(("_reshape", "reshape", "view", "unsqueeze", "squeeze", "_squeeze", "_reshape_rows", "flatten",
                     "_squeezed", "_unsafe_view", "_reshape_alias"), _reshape),
    **dict.fromkeys(("expand", "_expand", "broadcast_to"), _expand),
    **dict.fromkeys(("_matmul", "_matmul_row", "_matmul_clone", "_matmul_transpose", "matmul", "mm", "mv", "bmm", "dot",
                     "vdot"), _matmul),
    **dict.fromkeys(("_sum", "sum"), _sum),
    **dict.fromkeys(("transpose", "t", "_transpose", "swapaxes"), _transpose),
    **dict.fromkeys(("T",), _turned), **dict.fromkeys(("mT",), _mT),
    **dict.fromkeys(("_linalg_vector_norm", "_norm", "_norm_along", "_vector_norm"), _norm),
    **dict.fromkeys(("_linalg_inv", "_inverse_or_inf", "inverse"), _public("inv")),
    "add": _add, "sub": _sub, "rsub": _rsub, "mul": _mul, "div": _div, "pow": _pow, "_rpow": _pow, "neg":
        lambda b, args, node: b.scale(-Fraction(1), args[0]),
    "sqrt": _sqrt, "rsqrt": _rsqrt, "reciprocal": _to_inverse, "square": _square, "mean": _mean, "permute": _permute,
    "where": _where, "_choose": _where, "_to_dtype": _cast, "_full": _full, "_eye": _eye, "_arange": _arange,
    "select": _select, "_slice": _slice, "_spread": _spread, "_index": _index, "_spread_index": _spread_index,
    "_copy_slices": _copy_slices, "_take_along": _take_along, "_put_along": _put_along, "_place_along": _place_along,
    "_place_rows": _place_rows, "_place_flat": _place_flat, "_place": _place_planes, "_pluck": _pluck,
    "_cumsum": _scan("cumsum"), "_cumprod": _scan("cumprod"), "_shift": _shift, "_cofactors": _cofactors,
    "_linalg_solve": _solve, "_softplus_backward": _softplus_slope, "_logsigmoid_backward": _log_sigmoid_slope,
    "_class_index": _class_index, "_divided": _divided, "_normal_cdf": _normal_cdf, "_clamp": _limited,
    **dict.fromkeys(("_einsum", "_einsum_sum", "_einsum_permute", "_einsum_mul"), wholes.einsum),
    **dict.fromkeys(("_floored", "_variance_floor"), wholes.at_least),
    **dict.fromkeys(("_div_floor", "_div_trunc"), wholes.rounded_quotient),
    **dict.fromkeys(("_split", "_split_with_sizes"), _slice),
    **dict.fromkeys(("_max_pool1d", "_max_pool2d", "_max_pool3d"), sliding.max_pool),
    "_unbind": _select, "_difference": _sub, "_standardize": wholes.standardized, "_std": wholes.deviation,
    "_var": wholes.deviation,
    **dict.fromkeys(("_elu", "_celu"), pieces.exponential), **dict.fromkeys(("_prelu", "_rrelu"), pieces.sloped),
    "_huber": pieces.huber, "_bce": pieces.cross_entropy, "_each_soft_margin": pieces.soft_margin,
    "_log_sum": pieces.log_sum, "_diag_embed": pieces.diagonal("diag_embed"),
    "_diagonal_copy": pieces.diagonal("diagonal"), "_identity_power": pieces.identity,
    "_limited": wholes.limited, "_to_rank": wholes.to_rank, "_class_numbers": wholes.class_numbers,
    "_index_put": wholes.index_put, "_embedding_dense": wholes.embedding_back, "_pinv": wholes.pseudoinverse,
    "_qr": wholes.factors("linalg.qr", mode="reduced"), "_svd": wholes.factors("linalg.svd", full_matrices=True),
    "_correlate": sliding.correlate, "_spread_kernel": sliding.spread_kernel,
    "_correlate_output": sliding.correlate_output, "_spread_mean": sliding.spread_mean,
    "_linalg_det": _public("det"), "_linalg_pinv": _public("linalg.pinv"),
}  # fmt: skip
