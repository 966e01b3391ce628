"""Shapes for variables that were given none: sizes that can be told apart, under which the expression makes sense.

Every size is a large prime of its own, so a number in the gradient that comes from a size is recognised, and the
formula says `x.numel()` or `x.size(0)` in its place. Variables share a size only where the expression needs it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import combinations, islice, product

from gradcli.shapes import Shape

# far apart, so that 64 more or less than one is told from any other
PRIMES = (1009, 1153, 1297, 1439, 1579, 1721, 1867, 1999)
TRIES = 400


def guesses(
    names: Sequence[str], matrices: bool = False, indexed: bool = False, classes: Collection[str] = ()
) -> Iterator[dict[str, Shape]]:
    """Shapes to try, the likeliest first: all alike, then combinations of ranks, with ever more sizes alike.

    matrices: the expression has a matrix product; a name in capitals is then first taken for a matrix, else x.
    indexed: something is indexed, so vectors come before matrices. classes: vectors that hold a class for each row.
    """
    if classes and not matrices:
        for vector in (None, *names):  # one of the others may be a vector, too, as the weights of classes
            ranks = [1 if n in classes or n == vector else 2 for n in names]
            yield from islice(_of_ranks(names, ranks), TRIES // 2)
    if matrices and len(names) > 1:
        capital = any(n[0].isupper() for n in names)
        ranks = [2 if (n[0].isupper() if capital else n == "x") else 1 for n in names]
        yield from _of_ranks(names, ranks)
        for at, rank in enumerate(ranks):  # one of the vectors may be a number, as lam in lam*sum(w**2)
            if rank == 1:
                yield from _of_ranks(names, [*ranks[:at], 0, *ranks[at + 1 :]])
        if not capital:
            yield from _of_ranks(names, [2 if n == "x" else 0 if n == "b" else 1 for n in names])
            yield from _of_ranks(names, [1 if n in ("x", "b", "y") else 2 for n in names])
            for count in range(len(names) - 1):  # all vectors, or some of them numbers, as b in w @ x + b
                for numbers in combinations(range(len(names)), count):
                    yield from _of_ranks(names, [0 if at in numbers else 1 for at in range(len(names))])
    for rank in (1, 2) if indexed else (2, 1):
        yield dict.fromkeys(names, PRIMES[:rank])
    yield from islice(_mixed(names), TRIES)
    yield dict.fromkeys(names, PRIMES[:3])
    yield dict.fromkeys(names, ())


def _mixed(names: Sequence[str]) -> Iterator[dict[str, Shape]]:
    ranks = sorted(product((0, 1, 2), repeat=len(names)), key=lambda r: (not any(r), 2 in r, r.count(0), sum(r)))
    for combination in ranks[:-1]:
        yield from _of_ranks(names, combination)


def _of_ranks(names: Sequence[str], ranks: Sequence[int]) -> Iterator[dict[str, Shape]]:
    for sizes in sorted(_partitions(sum(ranks)), key=lambda p: -len(set(p))):
        at, shapes = 0, {}
        for name, rank in zip(names, ranks, strict=True):
            shapes[name] = tuple(PRIMES[i] for i in sizes[at : at + rank])
            at += rank
        yield shapes


def _partitions(count: int) -> list[tuple[int, ...]]:
    """All ways to say which of so many sizes are alike (at most 6 sizes: 203 ways; of more, the simplest)."""
    if count > 6:
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
