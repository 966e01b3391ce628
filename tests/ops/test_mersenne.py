"""The words of the Mersenne Twister."""

from __future__ import annotations

import numpy as np
import pytest

from gradcli.ops.random.mersenne import MersenneTwister


def test_the_words_its_authors_published() -> None:
    assert MersenneTwister(5489).words(3).tolist() == [3499211612, 581869302, 3890346734]


def test_the_ten_thousandth_word() -> None:
    """The value that the C++ standard asks of std::mt19937."""
    assert MersenneTwister(5489).words(10000)[-1] == 4123659995


@pytest.mark.parametrize("cuts", [[1] * 1300, [623, 1, 1, 675], [624, 624, 52], [0, 1300], [7, 1293]])
def test_any_cutting_gives_the_same_stream(cuts: list[int]) -> None:
    stream = MersenneTwister(3)
    pieces = np.concatenate([stream.words(count) for count in cuts])
    np.testing.assert_array_equal(pieces, MersenneTwister(3).words(1300))


def test_only_32_bits_of_a_seed_count() -> None:
    np.testing.assert_array_equal(MersenneTwister(7 + (5 << 32)).words(5), MersenneTwister(7).words(5))


def test_as_numpy_has_it() -> None:
    theirs = np.random.RandomState(99).randint(0, 1 << 32, 5000, dtype=np.uint64)
    np.testing.assert_array_equal(MersenneTwister(99).words(5000), theirs)
