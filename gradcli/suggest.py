"""The nearest known word to a mistyped one."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate fewest edits away, at most two; words under three letters are not guessed at."""
    if len(word) < 3:
        return None
    best: tuple[int, str] | None = None
    for candidate in candidates:
        if len(candidate) < 3 or abs(len(candidate) - len(word)) > 2:
            continue
        distance = edits(word, candidate)
        if distance <= min(2, len(word) - 2) and (best is None or distance < best[0]):
            best = (distance, candidate)
    return best[1] if best else None


def edits(first: str, second: str) -> int:
    """How many letters have to be put in, left out, replaced or swapped with their neighbour."""
    before: list[int] = []
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, 1):
        before, last, row = row, before, [i]
        for j, b in enumerate(second, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == second[j - 2] and first[i - 2] == b:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]
