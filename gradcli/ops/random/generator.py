"""Random numbers as PyTorch's CPU generator gives them, bit for bit: numpy arrays, no tensors and no ops.

`mersenne.py` makes the words, `boxmuller.py` normal numbers from uniform ones, `multiplyadd.py` has the arithmetic that
rounds as PyTorch's. Checking what a user asked for (a negative deviation, a probability above 1) is left to the ops.
Source: the distributions of ATen (DistributionTemplates, DistributionsHelper, TransformationHelper) in PyTorch 2.13.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcli.errors import ValueError_
from gradcli.ops.elementwise.multiplyadd import fused32, fused64
from gradcli.ops.random.boxmuller import BLOCK, blocks32, blocks64, mapped, pairs64
from gradcli.ops.random.mersenne import SIZE, MersenneTwister

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from gradcli.ops.elementwise.multiplyadd import Double

    Array = NDArray[Any]
    Shape = int | tuple[int, ...]

DEFAULT_SEED = 67280421310721  # of a new torch.Generator()
WIDE_RANGE = 1 << 28  # integers from a range this wide take 64 bits
LOWEST = -(1 << 63)  # from here up, Tensor.random_ gives every 64-bit integer
MANY = 0xFFFFFFFF // 20  # a permutation this long takes 64 bits an element

QUIET = np.errstate(all="ignore")  # numbers may overflow the dtype: that is the user's choice, and no warning

STATE = np.dtype(
    [
        ("seed", "<u8"),
        ("left", "<i4"),
        ("seeded", "<i4"),
        ("next", "<u8"),
        ("state", "<u8", SIZE),
        ("normal_x", "<f8"),
        ("normal_y", "<f8"),
        ("normal_rho", "<f8"),
        ("normal_is_valid", "<i4"),
        ("unused", "V12"),
    ]
)


class Generator:
    """One stream of random numbers. Without a seed it begins at one that the operating system draws.

    `seed` is any integer that fits 64 bits, signed or unsigned; the numbers depend on its lowest 32 bits.
    """

    __slots__ = ("_engine", "_seed", "_spare")

    def __init__(self, seed: int | None = None) -> None:
        self._seed = drawn_seed() if seed is None else unsigned_seed(seed)
        self._engine = MersenneTwister(self._seed)
        self._spare: float | None = None  # the second number of a Box-Muller pair

    def seed(self, seed: int) -> None:
        """Start the stream of a seed, as torch.manual_seed does. Raises: ValueError_ when it does not fit 64 bits."""
        self._seed = unsigned_seed(seed)
        self._engine.seed(self._seed)
        self._spare = None

    def reseed(self) -> int:
        """Start at a seed that the operating system draws, as torch.seed does, and say which."""
        self.seed(drawn_seed())
        return self._seed

    def initial_seed(self) -> int:
        """The seed of the stream, as torch.initial_seed gives it: never negative."""
        return self._seed

    def get_state(self) -> NDArray[np.uint8]:
        """The whole state in the 5056 bytes of torch.get_rng_state."""
        state = np.zeros(1, STATE)
        state["seed"] = self._seed
        state["left"], state["seeded"], state["next"] = self._engine.left, 1, self._engine.next
        state["state"] = self._engine.state
        if self._spare is not None:
            state["normal_y"], state["normal_is_valid"] = self._spare, 1
        return state.view(np.uint8)

    def set_state(self, state: NDArray[np.uint8]) -> None:
        """Go on from a state. Raises: ValueError_ when the bytes are not those of a state."""
        if state.dtype != np.uint8 or state.shape != (STATE.itemsize,):
            raise ValueError_(
                f"a generator's state is a uint8 tensor of {STATE.itemsize} elements, "
                f"not a {state.dtype} tensor of shape {state.shape}"
            )
        fields = np.ascontiguousarray(state).view(STATE)[0]
        if not fields["seeded"] or not 0 < fields["left"] <= SIZE + 1 or fields["next"] > SIZE:
            raise ValueError_("these bytes are not the state of a generator")
        self._seed = int(fields["seed"])
        self._engine.state = fields["state"].astype(np.uint32)
        self._engine.left, self._engine.next = int(fields["left"]), int(fields["next"])
        self._spare = float(fields["normal_y"]) if fields["normal_is_valid"] else None

    # Words and uniform numbers

    def _words64(self, count: int) -> NDArray[np.uint64]:
        pairs = self._engine.words(2 * count).reshape(count, 2).astype(np.uint64)
        return (pairs[:, 0] << np.uint64(32)) | pairs[:, 1]

    def _uniform64(self, count: int) -> Double:
        """Doubles in [0, 1) with 53 random bits."""
        return (self._words64(count) & np.uint64((1 << 53) - 1)).astype(np.float64) * 2.0**-53

    def _uniform32(self, count: int) -> Double:
        """Singles in [0, 1) with 24 random bits, held as doubles."""
        return (self._engine.words(count) & np.uint32((1 << 24) - 1)).astype(np.float64) * 2.0**-24

    def rand(self, shape: Shape, dtype: DTypeLike = np.float32) -> Array:
        """Numbers from [0, 1), as torch.rand."""
        return self.uniform(shape, dtype)

    @QUIET
    def uniform(self, shape: Shape, dtype: DTypeLike = np.float32, low: float = 0.0, high: float = 1.0) -> Array:
        """Numbers from [low, high), as Tensor.uniform_: one fused multiply-add each."""
        kind = np.dtype(dtype)
        if kind == np.float64:
            values: Array = fused64(self._uniform64(_count(shape)), high - low, low)
        else:
            low32, high32 = np.float32(low), np.float32(high)
            values = fused32(self._uniform32(_count(shape)), float(high32 - low32), float(low32))
        values = values.astype(kind)
        values[values == np.asarray(high, kind)] = low  # rounded up to the bound that is excluded
        return values.reshape(shape)

    # Normal numbers

    def randn(self, shape: Shape, dtype: DTypeLike = np.float32) -> Array:
        """Standard normal numbers, as torch.randn."""
        return self.normal(shape, dtype)

    @QUIET
    def normal(
        self,
        shape: Shape,
        dtype: DTypeLike = np.float32,
        mean: float = 0.0,
        std: float = 1.0,
        *,
        contiguous: bool = True,
    ) -> Array:
        """Normal numbers, as Tensor.normal_.

        16 and more go into a contiguous tensor in blocks of 16; otherwise they come one by one.
        """
        kind, count = np.dtype(dtype), _count(shape)
        if count >= BLOCK and contiguous:
            return self._normal_blocks(count, kind, mean, std).reshape(shape)
        return _cast(fused64(self._normal_singly(count), std, mean), kind).reshape(shape)

    def _normal_singly(self, count: int) -> Double:
        """Standard normal doubles; of each pair the second waits for the next call."""
        if count == 0:
            return np.empty(0)
        values = [] if self._spare is None else [self._spare]
        pairs = (count - len(values) + 1) // 2
        values += pairs64(self._uniform64(2 * pairs).tolist())
        self._spare = values.pop() if len(values) > count else None
        return np.array(values, np.float64)

    def _normal_blocks(self, count: int, kind: np.dtype[Any], mean: float, std: float) -> Array:
        """Blocks of 16 from 16 uniform numbers each; a rest overwrites the last 16 with a block of its own.

        Single and double precision draw uniform numbers for the rest too, and then draw again; half precision does not.
        """
        fill = blocks64 if kind == np.float64 else blocks32
        draw = self._uniform64 if kind == np.float64 else self._uniform32
        whole = count // BLOCK * BLOCK
        uniform = draw(whole if kind == np.float16 else count)
        if whole == count:
            return fill(uniform, mean, std).astype(kind)
        values = fill(np.concatenate([uniform[:whole], draw(BLOCK)]), mean, std).astype(kind)
        return np.concatenate([values[: count - BLOCK], values[whole:]])

    @QUIET
    def normal_around(self, mean: Array | float, std: Array | float) -> Array:
        """Normal numbers of given means and deviations, as torch.normal of tensors.

        The result has the dtype of the mean, else of the deviation; at least one is an array.
        """
        like = mean if isinstance(mean, np.ndarray) else np.asarray(std)
        shape = np.broadcast_shapes(np.shape(mean), np.shape(std))
        if not isinstance(std, np.ndarray):
            return self.normal(shape, like.dtype, 0.0, std) + mean
        values = self.randn(shape, like.dtype)
        values *= std
        values += mean
        return values

    # Integers

    def randint(self, low: int, high: int, shape: Shape, dtype: DTypeLike = np.int64) -> Array:
        """Integers from [low, high), as torch.randint, in any dtype.

        For floating dtypes a bound that the dtype has not moves inwards, so that rounding does not reach it.
        """
        kind = np.dtype(dtype)
        if kind.kind == "f":
            low, high = _move_up(low, kind), _move_down(high, kind)
        return self._integers(low, high - low, shape, kind)

    def _integers(self, low: int, width: int, shape: Shape, kind: np.dtype[Any]) -> Array:
        count = _count(shape)
        words: Array = self._words64(count) if width >= WIDE_RANGE else self._engine.words(count).astype(np.uint64)
        if width < 1 << 64:
            words %= np.uint64(width)
        words += np.uint64(low % (1 << 64))  # wraps round, as a signed sum would
        return words.view(np.int64).astype(kind).reshape(shape)

    def random(
        self, shape: Shape, dtype: DTypeLike = np.float32, low: int | None = None, high: int | None = None
    ) -> Array:
        """Integers as Tensor.random_ gives them: up to the greatest the dtype holds exactly when no bound is given."""
        kind = np.dtype(dtype)
        if high is not None:
            return self.randint(low or 0, high, shape, kind)
        greatest = _greatest_integer(kind)
        if low is not None and kind.kind == "f":
            low = _move_up(low, kind)
        if low == LOWEST:
            return self._integers(0, 1 << 64, shape, kind)
        if low is not None:
            return self._integers(low, greatest + 1 - low, shape, kind)
        wide = kind.itemsize == 8
        words: Array = self._words64(_count(shape)) if wide else self._engine.words(_count(shape)).astype(np.uint64)
        return (words % np.uint64(greatest + 1)).astype(kind).reshape(shape)

    def randperm(self, n: int, dtype: DTypeLike = np.int64) -> Array:
        """The numbers below n in random order, as torch.randperm. Source: R. Durstenfeld's shuffle, 1964."""
        if n >= MANY:
            return self._long_permutation(n).astype(dtype)
        if n < 2:
            return np.arange(n).astype(dtype)
        steps = self._engine.words(n - 1) % np.arange(n, 1, -1, dtype=np.uint32)
        places = (steps + np.arange(n - 1, dtype=np.uint32)).tolist()
        values = list(range(n))
        for place, other in enumerate(places):
            values[place], values[other] = values[other], values[place]
        return np.array(values, dtype)

    def _long_permutation(self, n: int) -> Array:
        """The shuffle that grows the permutation by one number at a time."""
        values = np.empty(n, np.int64)
        for start in range(0, n, 1 << 20):
            numbers = np.arange(start, min(start + (1 << 20), n), dtype=np.uint64)
            others = (self._words64(numbers.size) % (numbers + np.uint64(1))).tolist()
            for place, other in enumerate(others, start):
                values[place] = values[other] if other != place else place
                values[other] = place
        return values

    # Other distributions

    def bernoulli(self, p: Array | float, dtype: DTypeLike | None = None, shape: Shape | None = None) -> Array:
        """1 with probability p, else 0, as torch.bernoulli and Tensor.bernoulli_.

        An array of single or half precision compares numbers of 24 bits; doubles and a plain p, 53.
        The dtype is that of p when none is given; `shape` is needed for a plain p and may broadcast an array.
        """
        chance = np.asarray(p, np.float64)
        shape = chance.shape if shape is None else shape
        narrow = isinstance(p, np.ndarray) and p.dtype != np.float64
        draw = self._uniform32 if narrow else self._uniform64
        kind = dtype if dtype is not None else np.asarray(p).dtype
        return (draw(_count(shape)).reshape(shape) < chance).astype(kind)

    def dropout_mask(self, p: float, shape: Shape, dtype: DTypeLike = np.float32) -> Array:
        """What dropout multiplies by when it drops with probability p: 0, or 1 / (1 - p)."""
        kind = np.dtype(dtype)
        mask = self.bernoulli(1.0 - p, kind, shape)
        if p < 1.0:
            wide = np.promote_types(kind, np.float32).type  # half precision divides in single
            mask *= (wide(1.0) / wide(1.0 - p)).astype(kind)
        return mask

    @QUIET
    def exponential(self, shape: Shape, dtype: DTypeLike = np.float32, rate: float = 1.0) -> Array:
        """Waiting times of a rate, as Tensor.exponential_."""
        scale = -1.0 / rate
        return self._one_by_one(shape, dtype, lambda u: scale * math.log1p(-u))

    @QUIET
    def geometric(self, p: float, shape: Shape, dtype: DTypeLike = np.float32) -> Array:
        """Trials up to the first success of probability p, as Tensor.geometric_."""
        values = self._one_by_one(shape, np.float64, lambda u: math.log(u) if u else -math.inf)
        return _cast(np.ceil(values / math.log1p(-p)), dtype)

    @QUIET
    def cauchy(self, shape: Shape, dtype: DTypeLike = np.float32, median: float = 0.0, sigma: float = 1.0) -> Array:
        """Cauchy numbers, as Tensor.cauchy_."""
        values = self._one_by_one(shape, np.float64, lambda u: math.tan(math.pi * (u - 0.5)))
        return _cast(fused64(values, sigma, median), dtype)

    @QUIET
    def log_normal(self, shape: Shape, dtype: DTypeLike = np.float32, mean: float = 1.0, std: float = 2.0) -> Array:
        """Numbers whose logarithm is normal, as Tensor.log_normal_."""
        values = fused64(self._normal_singly(_count(shape)), std, mean)
        return _cast(mapped(_exp, values), dtype).reshape(shape)

    def _one_by_one(self, shape: Shape, dtype: DTypeLike, function: Callable[[float], float]) -> Array:
        return _cast(mapped(function, self._uniform64(_count(shape))), dtype).reshape(shape)

    @QUIET
    def multinomial(self, weights: Array, count: int, replacement: bool = False) -> NDArray[np.int64]:
        """Indices drawn by weight, as torch.multinomial.

        Shapes: weights (n,) or (rows, n) -> (count,) or (rows, count).
        Without replacement the largest of weight / waiting time are drawn; equal ones, which occur in half precision,
        by their index, where PyTorch's order is that of its sorting.
        """
        if not replacement or count == 1:
            scores = weights / self.exponential(weights.shape, weights.dtype)
            return np.argsort(-scores, axis=-1, kind="stable")[..., :count]
        rows = weights.reshape(-1, weights.shape[-1])
        drawn = [self._pick(row, count) for row in rows]
        return np.array(drawn, np.int64).reshape(*weights.shape[:-1], count)

    def _pick(self, weights: Array, count: int) -> NDArray[np.int64]:
        """Places of uniform numbers in the running sum of one row's weights."""
        sums = np.cumsum(weights, dtype=np.promote_types(weights.dtype, np.float32))
        sums /= sums[-1]
        sums[-1] = 1
        return np.searchsorted(sums.astype(np.float64), self._uniform64(count), side="left")


def unsigned_seed(seed: int) -> int:
    """A seed as 64 bits without a sign. Raises: ValueError_ when it does not fit."""
    if not -(1 << 63) <= seed < 1 << 64:
        raise ValueError_(f"the seed {seed} does not fit 64 bits", torch="Overflow when unpacking long long")
    return seed % (1 << 64)


def drawn_seed() -> int:
    """53 bits from the operating system."""
    return int.from_bytes(os.urandom(8), "little") >> 11


def _exp(x: float) -> float:
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def _cast(values: Double, dtype: DTypeLike) -> Array:
    """Doubles in another dtype; to half precision by way of single, so rounded twice, as PyTorch does."""
    kind = np.dtype(dtype)
    return values.astype(np.float32).astype(kind) if kind == np.float16 else values.astype(kind)


def _count(shape: Shape) -> int:
    return shape if isinstance(shape, int) else math.prod(shape)


def _greatest_integer(kind: np.dtype[Any]) -> int:
    """The greatest integer of a dtype, for floating ones the greatest before they begin to skip."""
    if kind.kind == "f":
        return 1 << (np.finfo(kind).nmant + 1)
    return 1 if kind.kind == "b" else int(np.iinfo(kind).max)


def _move_up(low: int, kind: np.dtype[Any]) -> int:
    """A lower bound, moved up where the next integer would be rounded below it."""
    rounded = int(kind.type(low + 1))
    return rounded + _gap(low + 1, kind) if rounded < low else low


def _move_down(high: int, kind: np.dtype[Any]) -> int:
    """An upper bound, moved down where the integer before it would be rounded to it."""
    rounded = int(kind.type(high - 1))
    return rounded - _gap(high - 1, kind) if rounded >= high else high


def _gap(near: int, kind: np.dtype[Any]) -> int:
    """The distance of neighbouring numbers of a floating dtype around an integer that it cannot hold."""
    return 1 << (abs(near).bit_length() - np.finfo(kind).nmant - 1)
