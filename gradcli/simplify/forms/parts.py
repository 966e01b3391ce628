"""Parts of tensors, and their way back: internal ops in public words, as in `simplify/forms`."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from gradcli.dtypes import int64
from gradcli.graph.node import Node
from gradcli.graph.op import leaf_op
from gradcli.graph.terms import Arg, Term
from gradcli.shapes import Shape
from gradcli.simplify.build import Builder
from gradcli.simplify.forms.moves import transpose
from gradcli.simplify.noform import NoForm
from gradcli.simplify.normal import bare, is_number


def selected(b: Builder, args: Sequence[Term], node: Node) -> Term:
    dim = node.params["dim"] % len(args[0].shape)
    return b.index(args[0], (*[slice(None)] * dim, node.params["index"]), node.shape)


def sliced(b: Builder, args: Sequence[Term], node: Node) -> Term:
    p = node.params
    return b.index(args[0], slices(p, args[0].shape), node.shape)


def slices(p: Any, shape: Shape) -> tuple[slice, ...]:
    dim = p["dim"] % len(shape)
    start, end, step = p.get("start"), p.get("end"), p.get("step", 1)
    start = None if start == 0 else start
    end = None if end is None or end >= shape[dim] else end
    if end is not None and end - shape[dim] == -1 and (start or 0) < end:
        end = -1  # as people write it, and it holds for other sizes
    return (*[slice(None)] * dim, slice(start, end, None if step == 1 else step))


def spread(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """Zeros in which a chain of views shows a source: one step after another, from the last to the first."""
    steps, shapes = node.params["steps"], [node.params["shape"]]
    for op, params in steps[:-1]:
        shapes.append(op.shape((blank(shapes[-1], node),), params))
    term = args[0]
    for (op, params), shape in zip(reversed(steps), reversed(shapes), strict=True):
        term = spread_step(b, term, op.name, params, shape)
    return term


def blank(shape: Shape, like: Node) -> Node:
    return Node(leaf_op, (), {}, shape, like.dtype)


def spread_step(b: Builder, term: Term, name: str, p: Any, shape: Shape) -> Term:
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
        return transpose(b, [term], node)
    if name == "permute":
        order = [d % rank for d in p["dims"]]
        return b.permute(term, tuple(order.index(d) for d in range(rank)))
    if name in ("_reshape", "reshape", "view", "unsqueeze", "squeeze", "_squeeze", "_reshape_rows"):
        return b.reshape(term, shape)
    if name == "unfold":
        return _windows_back(b, term, p["dimension"] % max(rank, 1), p, shape)
    if name == "as_strided":
        places = b.call("arange", (), (prod(shape),), int64, prod(shape))
        flat = b.call("as_strided", (places,), term.shape, int64, *_strided(p))
        return b.reshape(add_rows(b, b.reshape(term, (prod(term.shape),)), _flat(b, flat), 0, (prod(shape),)), shape)
    raise NoForm(name)


def _strided(p: Any) -> tuple[Any, ...]:
    return (tuple(p["size"]), tuple(p["stride"]), *([p["storage_offset"]] if p.get("storage_offset") else []))


def _flat(b: Builder, x: Term) -> Term:
    return b.reshape(x, (prod(x.shape),))


def _windows_back(b: Builder, term: Term, dim: int, p: Any, shape: Shape) -> Term:
    """Zeros with each element of a window added where unfold read it."""
    if not shape:
        return b.reshape(term, shape)
    size, step, rank = p["size"], p["step"], len(shape)
    numbers = b.call("arange", (), (shape[dim],), int64, shape[dim])
    count = term.shape[dim]
    places = _flat(b, b.call(".unfold", (numbers,), (count, size), int64, 0, size, step))
    rows = b.permute(term, (*range(dim + 1), rank, *range(dim + 1, rank)))
    rows = b.reshape(rows, (*shape[:dim], count * size, *shape[dim + 1 :]))
    return add_rows(b, rows, places, dim, shape)


def add_rows(b: Builder, rows: Term, places: Term, dim: int, shape: Shape) -> Term:
    """Zeros with rows added at their places along dim."""
    return b.call("index_add", (b.zeros(shape), places, floating(b, rows)), shape, b.dtype, dim, Arg(1), Arg(2))


def indexed(b: Builder, args: Sequence[Term], node: Node) -> Term:
    places, tensors = pointed(args[1:], node.params["dims"])
    return b.index(args[0], places, node.shape, tensors)


def true_places(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """One dimension of the places where a mask holds: an index of them all is written with the mask itself."""
    return b.make("true_places", args, (("at", node.params["at"]),), node.shape, int64)


def pointed(indices: Sequence[Term], dims: Sequence[int]) -> tuple[tuple[Any, ...], list[Term]]:
    """What stands in the brackets of an index, and its tensors: a mask in place of its places."""
    tensors: list[Term] = []
    places: list[Any] = []
    at = 0
    while at < len(indices):
        places += [slice(None)] * (dims[at] - _dimensions(places, tensors))
        mask = _mask_of(indices[at:])
        tensors.append(indices[at] if mask is None else mask)
        places.append(Arg(len(tensors)))
        at += 1 if mask is None else len(mask.shape)
    return tuple(places), tensors


def _dimensions(places: Sequence[Any], tensors: Sequence[Term]) -> int:
    """How many dimensions an index covers so far."""
    return sum(len(tensors[p.at - 1].shape) if _is_mask(p, tensors) else 1 for p in places)


def _is_mask(place: Any, tensors: Sequence[Term]) -> bool:
    if not isinstance(place, Arg):
        return False
    dtype = tensors[place.at - 1].dtype
    return dtype is not None and dtype.name == "bool"


def _mask_of(indices: Sequence[Term]) -> Term | None:
    """The mask whose places come first."""
    if indices[0].head != "true_places":
        return None
    mask = indices[0].args[0]
    own = indices[: len(mask.shape)]
    whole = [i.head == "true_places" and i.args[0] is mask and i.param("at") == at for at, i in enumerate(own)]
    return mask if all(whole) and len(own) == len(mask.shape) else None


def spread_index(b: Builder, args: Sequence[Term], node: Node) -> Term:
    dims, shape = tuple(node.params["dims"]), node.shape
    if dims != tuple(range(len(dims))):  # bring the indexed dimensions to the front, and back
        adjacent = dims == tuple(range(dims[0], dims[0] + len(dims)))
        source = args[0]
        order = [*dims, *[d for d in range(len(shape)) if d not in dims]]
        if adjacent:
            width = len(source.shape) - (len(shape) - len(dims))
            moved = [*range(dims[0], dims[0] + width)]
            source = b.permute(source, (*moved, *[d for d in range(len(source.shape)) if d not in moved]))
        whole = put(b, source, args[1:], tuple(shape[d] for d in order))
        return b.permute(whole, tuple(order.index(d) for d in range(len(shape))))
    return put(b, args[0], args[1:], shape)


def floating(b: Builder, source: Term) -> Term:
    """What is put into zeros, in their dtype."""
    counts = source.dtype is not None and not source.floating and source.head != "one_hot"
    return b.cast(source, b.dtype) if counts else source


def put(b: Builder, source: Term, indices: Sequence[Term], shape: Shape) -> Term:
    mask = _mask_of(indices)
    if mask is not None and mask.shape == shape:
        return b.call("masked_scatter", (b.zeros(shape), mask, source), shape, b.dtype)
    places, tensors = pointed(indices, range(len(indices)))
    args = (b.zeros(shape), *tensors, floating(b, source))
    return b.call("index_put", args, shape, b.dtype, places, Arg(len(tensors) + 1), accumulate=True)


def copy_slices(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """input with what a view shows replaced, or a view of a view: torch's *_scatter ops."""
    steps = [step for step in node.params["steps"] if step[0].name not in ("alias", "_slice_of_all")]
    if not steps:
        return b.expand(args[1], node.shape)
    shown = [args[0]]
    for op, p in steps[:-1]:
        shown.append(_shown(b, shown[-1], op, p))
    shape = node.shape
    for op, p in steps:
        shape = op.shape((blank(shape, node),), p)
    value = b.expand(args[1], shape)
    for (op, p), whole in zip(reversed(steps), reversed(shown), strict=True):
        value = _replaced(b, whole, value, op.name, p)
    return value


def _shown(b: Builder, x: Term, op: Any, p: Any) -> Term:
    """What a view shows."""
    shape = op.shape((Node(leaf_op, (), {}, x.shape, b.dtype),), p)
    if op.name == "select":
        return b.index(x, (*[slice(None)] * (p["dim"] % len(x.shape)), p["index"]), shape)
    if op.name == "_slice":
        return b.index(x, slices(p, x.shape), shape)
    raise NoForm("copy_slices")


def _replaced(b: Builder, x: Term, value: Term, name: str, p: Any) -> Term:
    """x with what one view shows replaced."""
    rank = len(x.shape)
    if name == "select":
        return b.call("select_scatter", (x, value), x.shape, x.dtype, p["dim"] % rank, p["index"])
    if name == "_slice":
        given = [p["dim"] % rank, p.get("start", 0), p.get("end"), p.get("step", 1)]
        return b.call("slice_scatter", (x, value), x.shape, x.dtype, *given)
    if name == "diagonal":
        given = [p.get("offset", 0), p.get("dim1", 0), p.get("dim2", 1)]
        return b.call("diagonal_scatter", (x, value), x.shape, x.dtype, *given)
    raise NoForm("copy_slices")


def from_end(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """Indices counted from 0."""
    if b.assume("no index counts from the end"):
        return args[0]
    return b.elementwise("remainder", [args[0], b.number(node.params["size"])], node.dtype)


def take_along(b: Builder, args: Sequence[Term], node: Node) -> Term:
    return b.call("take_along_dim", args, node.shape, node.dtype, dim=node.params["dim"])


def put_along(b: Builder, args: Sequence[Term], node: Node) -> Term:
    dim = node.params["dim"] % len(node.shape)
    return scatter_add(b, args[0], args[1], dim, node.shape)


def place_along(b: Builder, args: Sequence[Term], node: Node) -> Term:
    return scatter_add(b, args[0], args[1], node.params["dim"] % max(len(node.shape), 1), node.shape)


def scatter_add(b: Builder, source: Term, index: Term, dim: int, shape: Shape) -> Term:
    if is_number(index):
        place = b.make("literal", (), (("value", repr(int(bare(index).value))),), (), int64)
        index = b.expand(place, source.shape)
    elif index.shape != source.shape:
        index = b.expand(index, source.shape)
    source = floating(b, source)
    return b.call("scatter_add", (b.zeros(shape), index, source), shape, b.dtype, dim, Arg(1), Arg(2))


def place_rows(b: Builder, args: Sequence[Term], node: Node) -> Term:
    dim = node.params["dim"] % max(len(node.shape), 1)
    if args[1].head == "places":
        mask = args[1].args[0]
        placed = b.call("masked_scatter", (b.zeros(mask.shape), mask, args[0]), mask.shape, node.dtype)
        return b.reshape(placed, node.shape)
    return add_rows(b, args[0], args[1], dim, node.shape)


def rows_picked(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """index_select; at the places of a mask what the mask picks."""
    x, places = args
    if places.head == "places":
        mask = places.args[0]
        return b.index(b.reshape(x, mask.shape), (Arg(1),), node.shape, (mask,))
    return b.call("index_select", args, node.shape, node.dtype, node.params["dim"], Arg(1))


def place_flat(b: Builder, args: Sequence[Term], node: Node) -> Term:
    count = prod(node.shape)
    source, index = (b.reshape(t, (prod(t.shape),)) for t in args)
    return b.reshape(put(b, source, [index], (count,)), node.shape)


def place_planes(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """Zeros with a source added at flat indices into the last dimensions (of max pooling)."""
    source, index, shape = _planes(b, args, node)
    return b.reshape(scatter_add(b, source, index, len(shape) - 1, shape), node.shape)


def put_planes(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """Zeros with a source put at flat indices into the last dimensions (max_unpool)."""
    source, index, shape = _planes(b, args, node)
    put = (b.zeros(shape), index, source)
    return b.reshape(b.call("scatter", put, shape, node.dtype, len(shape) - 1, Arg(1), Arg(2)), node.shape)


def _planes(b: Builder, args: Sequence[Term], node: Node) -> tuple[Term, Term, Shape]:
    """A source, flat indices, and a shape, each with the last dimensions as one."""
    lead, size = node.shape[: len(node.shape) - len(node.params["size"])], prod(node.params["size"])
    source, index = (b.reshape(t, (*lead, prod(t.shape[len(lead) :]))) for t in args)
    return source, index, (*lead, size)


def pluck(b: Builder, args: Sequence[Term], node: Node) -> Term:
    lead = args[0].shape[: len(args[0].shape) - node.params["rank"]]
    rows, index = (b.reshape(t, (*lead, prod(t.shape[len(lead) :]))) for t in args)
    picked = b.call("gather", (rows, index), index.shape, node.dtype, len(lead), Arg(1))
    return b.reshape(picked, node.shape)


def mask_places(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """Places that a mask holds: what reads or writes there is written with the mask itself."""
    mask = b.expand(args[0], node.params["size"])
    return b.make("places", (mask,), (), node.shape, int64)


def masked_pick(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """x[mask]"""
    x, places = args
    return b.index(x, (Arg(1),), node.shape, (b.reshape(places.args[0], x.shape),))


def masked_scatter(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """x with the elements of a source where a mask holds."""
    x, source, places = args
    mask = b.reshape(places.args[0], node.shape)
    return b.call("masked_scatter", (x, mask, source), node.shape, node.dtype)


def padded(b: Builder, args: Sequence[Term], node: Node) -> Term:
    """pad with a number"""
    value = {"value": float(node.params["value"])} if node.params["value"] else {}
    return b.call("pad", args, node.shape, node.dtype, tuple(node.params["pad"]), **value)
