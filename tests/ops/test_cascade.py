"""Sums in PyTorch's order: the bits it printed, and agreement with exact sums on every layout."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from gradcli.ops.reductions.cascade import cascade_sum


@pytest.mark.parametrize(
    "shape", [(1,), (5,), (7,), (8,), (33,), (600,), (5, 3), (9, 70), (40, 33), (4, 5, 6), (300, 2), (260, 40)]
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_is_the_sum(shape: tuple[int, ...], dtype: type) -> None:
    x = np.random.default_rng(1).normal(size=shape).astype(dtype)
    for count in range(1, x.ndim + 1):
        for dims in combinations(range(x.ndim), count):
            expected = np.sum(x.astype(np.longdouble), axis=dims)
            got = cascade_sum(x, dims)
            assert got.dtype == dtype
            np.testing.assert_allclose(got, expected.astype(dtype), rtol=0, atol=300 * np.finfo(dtype).eps)


@pytest.mark.parametrize(
    ("n", "bits"),
    [
        (3, "0x1.51eb840000000p-2"),
        (5, "0x1.0ccccc0000000p+0"),
        (7, "0x1.15c2900000000p+1"),
        (8, "0x1.170a3e0000000p+1"),
        (13, "0x1.dd70a60000000p+1"),
        (31, "0x1.2051ec0000000p+3"),
        (100, "0x1.e800000000000p+4"),
        (511, "0x1.3cd1ec0000000p+7"),
        (1500, "0x1.d080020000000p+8"),
    ],
)
def test_the_bits_of_torch(n: int, bits: str) -> None:
    x = (np.arange(n) % 7 * 0.1 + 0.01).astype(np.float32)
    assert float(cascade_sum(x, (0,))).hex() == bits
