"""Shapes for variables that were given none: sizes that can be told apart, under which the expression makes sense.

Every size is a large prime of its own, so a number in the gradient that comes from a size is recognised, and the
formula says `x.numel()` or `x.size(0)` in its place. Variables share a size only where the expression needs it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, product

from gradcli.shapes import Shape

PRIMES = (1009, 1013, 1019, 1021, 1031, 1033, 1039, 1049)
TRIES = 400


def guesses(names: Sequence[str]) -> Iterator[dict[str, Shape]]:
    """Shapes to try, the likeliest first: all alike, then combinations of ranks, with ever more sizes alike."""
    for rank in (2, 1):
        yield dict.fromkeys(names, PRIMES[:rank])
    yield from islice(_mixed(names), TRIES)
    yield dict.fromkeys(names, ())


def _mixed(names: Sequence[str]) -> Iterator[dict[str, Shape]]:
    ranks = sorted(product((0, 1, 2), repeat=len(names)), key=lambda r: (-min(r), sum(r) > 2 * len(r), sum(r)))
    for combination in ranks:
        total = sum(combination)
        for sizes in sorted(_partitions(total), key=lambda p: -len(set(p))):
            at, shapes = 0, {}
            for name, rank in zip(names, combination, strict=True):
                shapes[name] = tuple(PRIMES[i] for i in sizes[at : at + rank])
                at += rank
            yield shapes


def _partitions(count: int) -> list[tuple[int, ...]]:
    """All ways to say which of so many sizes are alike (at most 5 sizes: 52 ways; of more, the simplest)."""
    if count > 5:
        return [tuple(range(min(count, len(PRIMES))))[:count], (0,) * count]
    found: list[tuple[int, ...]] = [()]
    for _ in range(count):
        found = [(*p, n) for p in found for n in range(max(p, default=-1) + 2)]
    return found


def size_texts(shapes: dict[str, Shape], like: Sequence[str]) -> dict[int, str]:
    """What each size, and each number of elements, is called."""
    texts: dict[int, str] = {}
    for name in [*like, *[n for n in shapes if n not in like]]:
        shape, count = shapes[name], 1
        for n in shape:
            count *= n
        if shape:
            texts.setdefault(count, f"{name}.numel()")
        for at, n in enumerate(shape):
            texts.setdefault(n, f"{name}.size({at})")
    return texts
