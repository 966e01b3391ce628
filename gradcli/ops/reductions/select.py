"""Selecting by rank as PyTorch's CPU code does, so that of equal elements the same one is taken.

Both give indices of a vector. They run in Python, on lists: the vectors that are selected from are short.
"""

from __future__ import annotations

from typing import Any

import numpy as np

SHORT = 4096  # longer vectors are sorted by numpy; which of equals is taken is then another


def quick_select(x: Any, k: int) -> int:
    """The index of the k-th smallest element (from 0); nan counts as the largest.

    Source: Sedgewick's quickselect with the median of three, step for step as in torch.kthvalue.
    """
    if len(x) > SHORT:
        return int(np.argsort(x, kind="stable")[k])
    items = [(value != value, value, at) for at, value in enumerate(x.tolist())]

    def above(a: tuple[Any, ...], b: tuple[Any, ...]) -> bool:
        return (a[0] and not b[0]) or bool(a[1] > b[1])

    def swap(i: int, j: int) -> None:
        items[i], items[j] = items[j], items[i]

    left, right = 0, len(items) - 1
    while right > left:
        if right == left + 1:
            if above(items[left], items[right]):
                swap(left, right)
            break
        swap(left + (right - left) // 2, left + 1)
        for i, j in ((left + 1, right), (left, right), (left + 1, left)):
            if above(items[i], items[j]):
                swap(i, j)
        i, j, pivot = left + 1, right, items[left]
        while True:
            i += 1
            while above(pivot, items[i]):
                i += 1
            j -= 1
            while above(items[j], pivot):
                j -= 1
            if j < i:
                break
            swap(i, j)
        swap(left, j)
        if j <= k:
            left = i
        if j >= k:
            right = j - 1
    return int(items[k][2])


def partly_sorted(x: Any, k: int, largest: bool, in_order: bool) -> Any:
    """The indices of the k largest (or smallest) elements in the order torch.topk gives them.

    Source: torch's topk: std::partial_sort for small k, else std::nth_element, then std::sort (of libstdc++).
    """
    if len(x) > SHORT:
        return _by_rank(x, largest)[:k]
    keys = _by_key(x, largest)
    order = list(range(len(keys)))
    if k * 64 <= len(keys):
        _heap_select(order, keys, k)
        return np.array(order[:k], dtype=np.int64)
    _nth_element(order, keys, k - 1)
    if in_order:
        _sort(order, keys, k - 1)
    return np.array(order[:k], dtype=np.int64)


def _by_rank(x: Any, largest: bool) -> Any:
    if not largest:
        return np.argsort(x, kind="stable")
    return len(x) - 1 - np.argsort(x[::-1], kind="stable")[::-1]


def _by_key(x: Any, largest: bool) -> list[tuple[bool, Any]]:
    """A key for each element; the smallest key comes first. nan counts as the largest element."""
    values = x.tolist()
    if largest:
        return [(value == value, -value if value == value else 0) for value in values]
    return [(value != value, value if value == value else 0) for value in values]


def _insertion_sort(order: list[int], keys: list[Any], start: int, end: int) -> None:
    order[start:end] = sorted(order[start:end], key=lambda at: keys[at])


def _sort(order: list[int], keys: list[Any], end: int) -> None:
    """std::sort of libstdc++ on the first elements: partitions until 16 are left, then insertion."""
    parts = [(0, end)]
    while parts:
        first, last = parts.pop()
        while last - first > 16:
            cut = _halved(order, keys, first, last)
            parts.append((cut, last))
            last = cut
    _insertion_sort(order, keys, 0, end)


def _halved(order: list[int], keys: list[Any], first: int, last: int) -> int:
    middle = first + (last - first) // 2
    _median_to_front(order, keys, first, first + 1, middle, last - 1)
    return _partition(order, keys, first + 1, last, keys[order[first]])


def _nth_element(order: list[int], keys: list[Any], n: int) -> None:
    """std::nth_element of libstdc++: partitions around the median of three until three elements are left."""
    first, last = 0, len(order)
    while last - first > 3:
        cut = _halved(order, keys, first, last)
        first, last = (cut, last) if cut <= n else (first, cut)
    _insertion_sort(order, keys, first, last)


def _median_to_front(order: list[int], keys: list[Any], front: int, a: int, b: int, c: int) -> None:
    ka, kb, kc = keys[order[a]], keys[order[b]], keys[order[c]]
    if ka < kb:
        chosen = b if kb < kc else c if ka < kc else a
    else:
        chosen = a if ka < kc else c if kb < kc else b
    order[front], order[chosen] = order[chosen], order[front]


def _partition(order: list[int], keys: list[Any], first: int, last: int, pivot: Any) -> int:
    while True:
        while keys[order[first]] < pivot:
            first += 1
        last -= 1
        while pivot < keys[order[last]]:
            last -= 1
        if not first < last:
            return first
        order[first], order[last] = order[last], order[first]
        first += 1


def _heap_select(order: list[int], keys: list[Any], k: int) -> None:
    """std::partial_sort of libstdc++: a heap of the first k, smaller ones pushed in, then taken apart."""
    for parent in range((k - 2) // 2, -1, -1):
        _sift(order, keys, parent, k, order[parent])
    for at in range(k, len(order)):
        if keys[order[at]] < keys[order[0]]:
            moved = order[at]
            order[at] = order[0]
            _sift(order, keys, 0, k, moved)
    for end in range(k - 1, 0, -1):
        moved = order[end]
        order[end] = order[0]
        _sift(order, keys, 0, end, moved)


def _sift(order: list[int], keys: list[Any], hole: int, size: int, item: int) -> None:
    """std::__adjust_heap: the hole goes down to a leaf, the item up from there."""
    top, child = hole, hole
    while child < (size - 1) // 2:
        child = 2 * (child + 1)
        if keys[order[child]] < keys[order[child - 1]]:
            child -= 1
        order[hole] = order[child]
        hole = child
    if size % 2 == 0 and child == (size - 2) // 2:
        child = 2 * (child + 1)
        order[hole] = order[child - 1]
        hole = child - 1
    parent = (hole - 1) // 2
    while hole > top and keys[order[parent]] < keys[item]:
        order[hole] = order[parent]
        hole = parent
        parent = (hole - 1) // 2
    order[hole] = item
