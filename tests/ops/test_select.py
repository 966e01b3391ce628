"""Selecting by rank: which of equal elements PyTorch takes."""

from __future__ import annotations

import numpy as np
import pytest

from gradcli.ops.reductions.select import partly_sorted, quick_select


@pytest.mark.parametrize(
    ("n", "k", "expected"),
    [(1, 1, [0]), (4, 2, [2, 3]), (12, 2, [9, 7]), (9, 9, [4, 8, 7, 6, 5, 2, 1, 0, 3]), (64, 1, [0])],
)
def test_the_largest_of_equals(n: int, k: int, expected: list[int]) -> None:
    assert partly_sorted(np.ones(n), k, True, True).tolist() == expected


def test_the_order_is_that_of_the_values() -> None:
    x = np.random.default_rng(0).normal(size=200)
    for k in (1, 2, 3, 50, 200):
        assert partly_sorted(x, k, False, True).tolist() == np.argsort(x)[:k].tolist()
        assert quick_select(x, k - 1) == np.argsort(x)[k - 1]


def test_nan_counts_as_the_largest() -> None:
    x = np.array([1.0, np.nan, 3.0])
    assert partly_sorted(x, 2, True, True).tolist() == [1, 2]
    assert quick_select(x, 2) == 1


def test_long_vectors_are_sorted_by_numpy() -> None:
    x = np.arange(10_000.0)
    assert partly_sorted(x, 3, True, True).tolist() == [9999, 9998, 9997]
    assert quick_select(x, 5) == 5
