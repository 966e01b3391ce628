"""Pieces that are put side by side: sums of them are `cat` and `stack`, and what is taken out of these is a piece."""

from __future__ import annotations

from fractions import Fraction

from gradcli.graph.terms import Arg, Term
from gradcli.simplify.build import Builder
from gradcli.simplify.law import law, one
from gradcli.simplify.normal import ONE

ROWS = 16  # more rows than this are not written one by one

Tile = tuple[str, int, int, int, Term]  # what joins it (stack, cat), the dimension, where it begins, its length, itself


@law("sum", "pad(a, (0, n)) + pad(b, (m, 0)) -> cat([a, b]); of rows a stack", "the pieces fill the whole")
def _side_by_side(b: Builder, t: Term) -> Term | None:
    if t.param("constant") or not t.floating:
        return None
    found = [(c, a, _tiles(b, a)) for c, a in zip(t.param("factors"), t.args, strict=True) if a.shape == t.shape]
    keys = {tile[:2]: None for _, _, tiles in found for tile in tiles}
    for kind, dim in keys:
        alike = [(c, a, tiles) for c, a, tiles in found if tiles and tiles[0][:2] == (kind, dim)]
        pieces = _joined(b, [(c, tile) for c, _, tiles in alike for tile in tiles], t.shape[dim])
        if len(alike) < 2 or len(pieces) < 2:
            continue
        used = {a.serial for _, a, _ in alike}
        rest = [(c, a) for c, a in zip(t.param("factors"), t.args, strict=True) if a.serial not in used]
        return b.add([*rest, (1, _whole(b, kind, dim, pieces, t))])
    return None


def _joined(b: Builder, tiles: list[tuple[Fraction, Tile]], size: int) -> list[Term]:
    """The pieces in their order, those in one place added; none where they do not fill the whole or overlap."""
    places: dict[tuple[int, int], list[tuple[Fraction, Term]]] = {}
    for c, (_, _, start, length, piece) in tiles:
        places.setdefault((start, length), []).append((c, piece))
    pieces, end = list[Term](), 0
    for (start, length), parts in sorted(places.items(), key=lambda place: place[0]):
        if start != end:
            return []
        pieces.append(b.add(parts))
        end += length
    return pieces if end == size and any(p.floating for p in pieces) else []


def _whole(b: Builder, kind: str, dim: int, pieces: list[Term], t: Term) -> Term:
    """The pieces side by side, or on top of each other."""
    if kind == "stack":
        shape = (*t.shape[:dim], *t.shape[dim + 1 :])
        pieces = [b.expand(p, shape) for p in pieces]
    named = (("dim", dim),) if dim else ()
    return b.settle(b.make(kind, pieces, (("", [Arg(at) for at in range(len(pieces))]), *named), t.shape, t.dtype))


def _tiles(b: Builder, a: Term) -> list[Tile]:
    """The pieces that an addend puts into zeros, or joins."""
    scalars: list[tuple[Term, Fraction]] = []
    if a.head == "product":
        pairs = list(zip(a.args, a.param("powers"), strict=True))
        placed = [(x, p) for x, p in pairs if x.shape]
        if len(placed) != 1 or placed[0][1] != 1:
            return []
        scalars = [(b.number(a.param("factor")), ONE), *[(x, p) for x, p in pairs if not x.shape]]
        a = placed[0][0]
    found = _tiles_of_sum(b, a) if a.head == "sum" else _own_tiles(b, a)
    return [(*tile[:4], b.power_product([*scalars, (tile[4], ONE)])) for tile in found] if scalars else found


def _tiles_of_sum(b: Builder, a: Term) -> list[Tile]:
    """The pieces of a sum, if there is nothing else in it."""
    each = [(c, _tiles(b, x)) for c, x in zip(a.param("factors"), a.args, strict=True) if x.head != "sum"]
    if a.param("constant") or len(each) < len(a.args) or not all(tiles for _, tiles in each):
        return []
    found = [(*tile[:4], b.scale(c, tile[4])) for c, tiles in each for tile in tiles]
    return found if len({tile[:2] for tile in found}) == 1 else []


def _own_tiles(b: Builder, a: Term) -> list[Tile]:
    if a.head == "one_hot" and len(a.shape) == 1 and a.args[0].head == "literal" and 1 < a.shape[0] <= ROWS:
        return [("stack", 0, int(a.args[0].param("value")), 1, b.number(1))]
    if a.head == "select_scatter" and one(a.args[0], 0):
        (_, dim), (_, at) = a.params
        size = a.shape[dim]
        return [("stack", dim, at % size, 1, a.args[1])] if 1 < size <= ROWS else []
    if a.head == "pad" and not a.param("value") and len(a.params) == 1:
        ends = a.params[0][1]
        wide = {len(a.shape) - 1 - at // 2 for at, n in enumerate(ends) if n}
        if len(wide) != 1 or min(ends) < 0:
            return []
        (dim,) = wide
        before = ends[2 * (len(a.shape) - 1 - dim)]
        return [("torch.cat", dim, before, a.args[0].shape[dim], a.args[0])]
    dim = a.param("dim", 0)
    if a.head == "stack" and len(a.args) == a.shape[dim]:
        return [("stack", dim % len(a.shape), at, 1, x) for at, x in enumerate(a.args)]
    if a.head == "torch.cat":
        dim, start, found = dim % len(a.shape), 0, list[Tile]()
        for x in a.args:
            found.append((a.head, dim, start, x.shape[dim], x))
            start += x.shape[dim]
        return found
    return []


@law("index", "cat([x, y])[:n] -> x", "x has n rows")
def _out_of_cat(b: Builder, t: Term) -> Term | None:
    x, places = t.args[0], t.param("index")
    if x.head != "torch.cat" or len(t.args) > 1:
        return None
    dim, start = x.param("dim", 0) % len(x.shape), 0
    taken = places[dim] if len(places) == dim + 1 and all(p == slice(None) for p in places[:dim]) else None
    if not isinstance(taken, slice) or taken.step not in (None, 1):
        return None
    first, last, _ = taken.indices(x.shape[dim])
    for part in x.args:
        if (start, start + part.shape[dim]) == (first, last):
            return part
        start += part.shape[dim]
    return None


@law("index", "select_scatter(x, y, 0, i)[i] -> y, at another place x[j]", "along the same dimension")
def _out_of_placed(b: Builder, t: Term) -> Term | None:
    x, places = t.args[0], t.param("index")
    if x.head != "select_scatter" or len(t.args) > 1 or not isinstance(places[-1], int):
        return None
    (_, dim), (_, at) = x.params
    if len(places) != dim + 1 or any(p != slice(None) for p in places[:dim]):
        return None
    size = x.shape[dim]
    if places[-1] % size == at % size:
        return b.expand(x.args[1], t.shape)
    return b.index(x.args[0], places, t.shape)


@law("select_scatter", "select_scatter(select_scatter(x, y, d, i), z, d, i) -> select_scatter(x, z, d, i)", "always")
def _placed_again(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head != "select_scatter" or x.params != t.params:
        return None
    return b.settle(b.make(t.head, (x.args[0], t.args[1]), t.params, t.shape, t.dtype))


@law("select_scatter", "select_scatter(select_scatter(z, x, 0, 0), y, 0, 1) -> stack([x, y])", "every row is put in")
def _all_put(b: Builder, t: Term) -> Term | None:
    (_, dim), _ = t.params
    size, rows, x = t.shape[dim], dict[int, Term](), t
    while x.head == "select_scatter" and x.params[0][1] == dim and len(rows) < ROWS:
        rows.setdefault(x.params[1][1] % size, x.args[1])
        x = x.args[0]
    for kind, along, at, _, row in _tiles(b, x):
        if (kind, along) == ("stack", dim):
            rows.setdefault(at, row)
    if not 1 < size == len(rows) or not any(row.floating for row in rows.values()):
        return None
    return _whole(b, "stack", dim, [rows[at] for at in range(size)], t)


@law("index", "stack([x, y])[1] -> y", "along the dimension that is stacked")
def _row_of_stack(b: Builder, t: Term) -> Term | None:
    x, places = t.args[0], t.param("index")
    if x.head != "stack" or len(t.args) > 1 or not isinstance(places[-1], int):
        return None
    dim = x.param("dim", 0)
    if len(places) != dim + 1 or any(p != slice(None) for p in places[:-1]) or len(x.args) != x.shape[dim]:
        return None
    return b.expand(x.args[places[-1]], t.shape)


@law("index", "slice_scatter(x, y, 0, 1, 3)[1:3] -> y", "the same slice is taken")
def _out_of_slice(b: Builder, t: Term) -> Term | None:
    x, places = t.args[0], t.param("index")
    if x.head != "slice_scatter" or len(t.args) > 1 or len(x.params) != 4:
        return None
    dim, start, end, step = (v for _, v in x.params)
    if len(places) != dim + 1 or any(p != slice(None) for p in places[:dim]) or not isinstance(places[dim], slice):
        return None
    size = x.shape[dim]
    same = places[dim].indices(size) == slice(start, end, step).indices(size)
    return b.expand(x.args[1], t.shape) if same else None


@law(".fill_", "x.clone().fill_(c) -> c", "always")
def _filled(b: Builder, t: Term) -> Term | None:
    if len(t.args) == 1 and isinstance(t.params[0][1], int | float):
        return b.expand(b.known(float(t.params[0][1])), t.shape)
    return b.expand(t.args[1], t.shape) if len(t.args) == 2 and not t.args[1].shape else None


@law("select_scatter", "select_scatter(c * x, 0, d, i) -> c * select_scatter(x, 0, d, i)", "c is one element")
def _cleared(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head != "product" or not one(t.args[1], 0):
        return None
    scalars = [(a, p) for a, p in zip(x.args, x.param("powers"), strict=True) if not a.shape]
    rest = [(a, p) for a, p in zip(x.args, x.param("powers"), strict=True) if a.shape]
    if x.param("factor") == 1 and not scalars:
        return None
    made = b.settle(b.make(t.head, (b.power_product(rest), t.args[1]), t.params, t.shape, t.dtype))
    return b.power_product([(b.number(x.param("factor")), ONE), *scalars, (made, ONE)])


@law("index", "(x**p)[:2] -> x[:2]**p", "x has the shape of its power")
def _taken_of_power(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head != "product" or len(x.args) != 1 or x.args[0].shape != x.shape:
        return None
    part = b.settle(b.make("index", (x.args[0], *t.args[1:]), t.params, t.shape, t.dtype))
    return b.scale(x.param("factor"), b.power(part, x.param("powers")[0]))


@law("pad", "pad(pad(x, p), q) -> pad(x, p + q)", "zeros are put around, or what was put around is taken away")
def _padded_twice(b: Builder, t: Term) -> Term | None:
    x = t.args[0]
    if x.head != "pad" or len(t.params) > 1 or len(x.params) > 1:
        return None
    outer, inner = list(t.params[0][1]), list(x.params[0][1])
    size = max(len(outer), len(inner))
    pairs = list(zip(outer + [0] * (size - len(outer)), inner + [0] * (size - len(inner)), strict=True))
    if any(p < 0 and q < 0 for p, q in pairs) or any(q < 0 < p or (p < 0 and p + q < 0) for p, q in pairs):
        return None
    ends = tuple(p + q for p, q in pairs)
    while ends and not ends[-1] and not ends[-2]:
        ends = ends[:-2]
    if not ends:
        return x.args[0]
    return b.settle(b.make("pad", x.args, (("", ends),), t.shape, t.dtype))
