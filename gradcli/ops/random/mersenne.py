"""The Mersenne Twister: the 32-bit words from which `generator.py` makes numbers. Knows no distribution.

Written on numpy arrays rather than taken from `numpy.random`, whose import alone takes 15 ms of start-up.
Source: M. Matsumoto and T. Nishimura, "Mersenne Twister: a 623-dimensionally equidistributed uniform pseudo-random
number generator", 1998 (mt19937, the 2002 seeding), as PyTorch's CPU generator runs it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    Words = np.ndarray[tuple[int], np.dtype[np.uint32]]

SIZE = 624
MIDDLE = 397
UPPER = np.uint32(0x80000000)
LOWER = np.uint32(0x7FFFFFFF)
MATRIX = np.uint32(0x9908B0DF)
ONE = np.uint32(1)


class MersenneTwister:
    """A stream of 32-bit words. `left` and `next` count as PyTorch's engine does, so that states can be exchanged.

    state: the 624 words of the current block, before tempering. next: the word that comes next.
    left: one more than the words that are left in the block.
    """

    __slots__ = ("left", "next", "state")

    def __init__(self, seed: int) -> None:
        self.seed(seed)

    def seed(self, seed: int) -> None:
        """Start the stream of a seed; only its lowest 32 bits count."""
        word = seed & 0xFFFFFFFF
        words = [word]
        for place in range(1, SIZE):
            word = (1812433253 * (word ^ (word >> 30)) + place) & 0xFFFFFFFF
            words.append(word)
        self.state = np.array(words, np.uint32)
        self.left = 1
        self.next = 0

    def words(self, count: int) -> Words:
        """The next words of the stream."""
        out = np.empty(count, np.uint32)
        filled = 0
        while filled < count:
            if self.left == 1:
                self.state = next_block(self.state)
                self.left = SIZE + 1
                self.next = 0
            taken = min(count - filled, self.left - 1)
            out[filled : filled + taken] = self.state[self.next : self.next + taken]
            filled += taken
            self.next += taken
            self.left -= taken
        return temper(out)


def next_block(old: Words) -> Words:
    """The 624 words that follow a block.

    A word depends on one that is 397 before it, so 227 words can be made at once.
    """
    new = np.empty_like(old)
    step = SIZE - MIDDLE
    mixed = _mix(old[:-1], old[1:])
    np.bitwise_xor(old[MIDDLE:], mixed[:step], out=new[:step])
    np.bitwise_xor(new[:step], mixed[step : 2 * step], out=new[step : 2 * step])
    np.bitwise_xor(new[step : MIDDLE - 1], mixed[2 * step :], out=new[2 * step : SIZE - 1])
    new[-1:] = new[MIDDLE - 1 : MIDDLE] ^ _mix(old[-1:], new[:1])
    return new


def _mix(high: Words, low: Words) -> Words:
    joined = (high & UPPER) | (low & LOWER)
    joined >>= ONE
    joined ^= (low & ONE) * MATRIX
    return joined


def temper(words: Words) -> Words:
    """Spread the bits of raw state words, in place."""
    words ^= words >> np.uint32(11)
    words ^= (words << np.uint32(7)) & np.uint32(0x9D2C5680)
    words ^= (words << np.uint32(15)) & np.uint32(0xEFC60000)
    words ^= words >> np.uint32(18)
    return words
