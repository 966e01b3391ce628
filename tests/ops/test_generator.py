"""Random numbers: recorded PyTorch streams, the state, properties, and a live PyTorch, all bit for bit."""

from __future__ import annotations

import ast
import json
import math
import operator
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcli.errors import ValueError_
from gradcli.ops.random.generator import DEFAULT_SEED, Generator

CORPUS = Path(__file__).parent.parent / "conformance" / "rng.jsonl"
CASES = [json.loads(line) for line in CORPUS.read_text().splitlines()]


# Just enough of torch to read the expressions of the corpus: functions of a generator, what stands before the point,
# and the arguments.


def flat(size: tuple) -> tuple[int, ...]:
    return tuple(size[0]) if isinstance(size[0], tuple) else size


def randint(
    g: Generator, x: None, *args: object, low: int = 0, high: int = 0, size: tuple = (), dtype: type = np.int64
):
    if args:
        *bounds, size = args
        low, high = bounds if len(bounds) == 2 else (0, bounds[0])
    return g.randint(low, high, size, dtype)


def randint_like(g: Generator, x: None, like: np.ndarray, *bounds: int) -> np.ndarray:
    low, high = bounds if len(bounds) == 2 else (0, bounds[0])
    return g.randint(low, high, like.shape, like.dtype)


def normal(g: Generator, x: None, mean: object, std: object, size: tuple | None = None, dtype: type = np.float32):
    return g.normal_around(mean, std) if size is None else g.normal(size, dtype, mean, std)


def linspace(g: Generator, x: None, start: float, end: float, count: int) -> np.ndarray:
    step = np.float32((end - start) / (count - 1))
    steps = np.arange(count, dtype=np.float32)
    return np.where(steps < count // 2, start + step * steps, end - step * steps[::-1]).astype(np.float32)


FUNCTIONS = {
    "rand": lambda g, x, *size, dtype=np.float32: g.rand(flat(size), dtype),
    "randn": lambda g, x, *size, dtype=np.float32: g.randn(flat(size), dtype),
    "rand_like": lambda g, x, like: g.rand(like.shape, like.dtype),
    "randn_like": lambda g, x, like: g.randn(like.shape, like.dtype),
    "randint": randint,
    "randint_like": randint_like,
    "randperm": lambda g, x, n, dtype=np.int64: g.randperm(n, dtype),
    "normal": normal,
    "normal_": lambda g, x, mean=0.0, std=1.0: g.normal(x.shape, x.dtype, mean, std),
    "uniform_": lambda g, x, low=0.0, high=1.0: g.uniform(x.shape, x.dtype, low, high),
    "bernoulli": lambda g, x, p=None: g.bernoulli(x if p is None else p),
    "zeros": lambda g, x, *size, dtype=np.float32: np.zeros(flat(size), dtype),
    "empty": lambda g, x, *size, dtype=np.float32: np.zeros(flat(size), dtype),
    "ones": lambda g, x, *size: np.ones(flat(size), np.float32),
    "full": lambda g, x, size, value, dtype=np.float32: np.full(size, value, dtype),
    "arange": lambda g, x, stop: np.arange(stop, dtype=np.float32),
    "linspace": linspace,
    "sign": lambda g, x: np.sign(x),
    "round": lambda g, x: np.round(x),
}
DTYPES = {"double": np.float64, "float64": np.float64, "float32": np.float32, "int32": np.int32, "uint8": np.uint8}
SINGLE_SUM = partial(np.add, dtype=np.float32)  # float32 and int64 make float32, other than in numpy
OPERATORS = {ast.Add: SINGLE_SUM, ast.Sub: operator.sub, ast.Mult: operator.mul}


def read(node: ast.expr, g: Generator) -> object:
    """The value of an expression of the corpus."""
    match node:
        case ast.Constant(value):
            return value
        case ast.Tuple(items) | ast.List(items):
            return tuple(read(item, g) for item in items)
        case ast.UnaryOp(ast.USub(), operand):
            return -read(operand, g)
        case ast.BinOp(left, sign, right):
            return OPERATORS[type(sign)](read(left, g), read(right, g))
        case ast.Attribute(ast.Name("torch"), name):
            return DTYPES[name]
        case ast.Call(ast.Name(name) | ast.Attribute(ast.Name("torch"), name)):
            receiver = None
        case ast.Call(ast.Attribute(value, name)):
            receiver = read(value, g)
    options = {word.arg: read(word.value, g) for word in node.keywords if word.arg != "requires_grad"}
    return FUNCTIONS[name](g, receiver, *(read(arg, g) for arg in node.args), **options)


def same_bits(got: np.ndarray, want: np.ndarray) -> bool:
    return got.dtype == want.dtype and got.shape == want.shape and got.tobytes() == want.tobytes()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_gives_what_pytorch_gave(case: dict) -> None:
    g = Generator(case["manual_seed"])
    sources = case.get("sources") or [case["source"]]
    records = case["data"] if "sources" in case else [case["data"]]
    for source, record in zip(sources, records, strict=True):
        want = np.array(record["data"], record["dtype"]).reshape(record["shape"])
        assert same_bits(read(ast.parse(source, mode="eval").body, g), want), source


def test_the_corpus_is_there() -> None:
    assert len(CASES) == 200


class TestSeeds:
    def test_a_seed_starts_the_stream_again(self) -> None:
        g = Generator(5)
        first = g.randn(3)
        g.seed(5)
        assert same_bits(g.randn(3), first)

    def test_seeding_forgets_the_second_of_a_pair(self) -> None:
        g = Generator(5)
        g.randn(1)
        g.seed(5)
        assert same_bits(g.randn(2), Generator(5).randn(2))

    @pytest.mark.parametrize(
        ("seed", "initial"), [(-1, 2**64 - 1), (-(2**63), 2**63), (2**64 - 1, 2**64 - 1), (0, 0), (2**40, 2**40)]
    )
    def test_a_seed_is_64_bits_without_a_sign(self, seed: int, initial: int) -> None:
        assert Generator(seed).initial_seed() == initial

    @pytest.mark.parametrize("seed", [2**64, -(2**63) - 1])
    def test_a_seed_that_does_not_fit(self, seed: int) -> None:
        with pytest.raises(ValueError_, match=f"the seed {seed} does not fit 64 bits"):
            Generator(seed)

    def test_without_a_seed_streams_differ(self) -> None:
        assert not same_bits(Generator().rand(4), Generator().rand(4))

    def test_a_drawn_seed_gives_its_stream(self) -> None:
        g = Generator(0)
        seed = g.reseed()
        assert same_bits(g.rand(4), Generator(seed).rand(4))
        assert g.initial_seed() == seed

    def test_the_seed_of_a_new_torch_generator(self) -> None:
        assert Generator(DEFAULT_SEED).initial_seed() == 67280421310721


class TestState:
    @given(st.integers(0, 1300), st.integers(0, 3))
    def test_goes_on_from_a_state(self, words: int, normals: int) -> None:
        g = Generator(11)
        g.rand(words)
        g.randn(normals)
        other = Generator(12)
        other.set_state(g.get_state())
        assert other.initial_seed() == 11
        assert same_bits(other.randn(5), g.randn(5))
        assert same_bits(other.get_state(), g.get_state())

    def test_has_the_size_of_torchs(self) -> None:
        assert Generator(1).get_state().shape == (5056,)

    def test_something_else_is_refused(self) -> None:
        with pytest.raises(ValueError_, match="a uint8 tensor of 5056 elements, not a float64 tensor of shape"):
            Generator(1).set_state(np.zeros(3))
        with pytest.raises(ValueError_, match="not the state of a generator"):
            Generator(1).set_state(np.zeros(5056, np.uint8))


FLOATS = st.sampled_from(["float16", "float32", "float64"])


class TestProperties:
    @given(st.integers(0, 2**64 - 1), FLOATS, st.floats(-10, 10), st.floats(0.01, 10), st.integers(0, 100))
    def test_uniform_numbers_keep_to_their_interval(
        self, seed: int, dtype: str, low: float, width: float, count: int
    ) -> None:
        kind = np.dtype(dtype).type
        values = Generator(seed).uniform(count, dtype, low, low + width)
        assert values.dtype == dtype
        assert np.all(values >= kind(low))
        assert np.all(values < kind(low + width)) or kind(low) == kind(low + width)

    @given(st.integers(-(2**62), 2**62), st.integers(1, 2**62), st.integers(0, 50))
    def test_integers_keep_to_their_range(self, low: int, width: int, count: int) -> None:
        values = Generator(1).randint(low, low + width, count)
        assert np.all((values >= low) & (values < low + width))

    @given(st.integers(0, 300))
    def test_a_permutation_has_every_number_once(self, n: int) -> None:
        assert sorted(Generator(n).randperm(n).tolist()) == list(range(n))

    @given(st.integers(0, 40), FLOATS)
    def test_nothing_is_drawn_for_no_elements(self, spent: int, dtype: str) -> None:
        g = Generator(2)
        g.randn(spent)
        before = g.get_state()
        g.rand((0, 3), dtype)
        g.randn(0, dtype)
        g.randint(0, 5, (0,))
        g.randperm(1)
        assert same_bits(g.get_state(), before)

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_moments(self, dtype: str) -> None:
        normal = Generator(3).normal(200_000, dtype, 2.0, 3.0)
        assert abs(normal.mean() - 2) < 0.03
        assert abs(normal.std() - 3) < 0.03
        assert abs(Generator(3).bernoulli(0.3, dtype, 200_000).mean() - 0.3) < 0.01
        assert abs(Generator(3).exponential(200_000, dtype, 4.0).mean() - 0.25) < 0.01

    @pytest.mark.parametrize("count", [1, 15, 16, 17, 100])
    def test_no_warning_for_numbers_that_overflow(self, count: int) -> None:
        g = Generator(4)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert not np.isfinite(g.normal(count, "float16", 1e6, 1.0)).any()
            assert not np.isfinite(g.normal(count, "float32", 1e39, 1.0)).any()
            assert np.isinf(g.log_normal(count, "float64", 1e4, 1.0)).all()
            g.multinomial(np.array([1e-45, 3e38], np.float32), 2)

    def test_dropped_elements_are_zero_and_kept_ones_scaled(self) -> None:
        assert set(Generator(1).dropout_mask(0.75, 100).tolist()) == {0.0, 4.0}
        assert not Generator(1).dropout_mask(1.0, 100).any()

    def test_indices_of_weight_zero_are_not_drawn(self) -> None:
        weights = np.array([0.0, 1.0, 0.0, 2.0], np.float32)
        assert set(Generator(1).multinomial(weights, 100, True).tolist()) == {1, 3}
        assert sorted(Generator(1).multinomial(weights, 2).tolist()) == [1, 3]


KINDS = ["float32", "float64", "float16", "int64", "int32", "int16", "int8", "uint8", "bool"]
SIZES = [0, 1, 2, 3, 7, 15, 16, 17, 31, 33, 100, 623, 624, 625, 1000, 5000]


def integer_bounds(rng: np.random.Generator, dtype: str) -> tuple[int, int]:
    limits = {"bool": (0, 2), "uint8": (3, 200), "int8": (-100, 100), "float16": (-1000, 65504)}
    if dtype in limits:
        return limits[dtype]
    low = int(rng.integers(-1000, 1000))
    wide = [2**28 - 1, 2**28, 2**31, 2**62] if dtype in ("int64", "float32", "float64") else [20000]
    return low, low + int(rng.choice([1, 2, 1000, *wide]))


def drawn_pair(kind: int, rng: np.random.Generator, g: Generator, torch) -> tuple[np.ndarray, np.ndarray]:
    """The same numbers from a generator and from PyTorch."""
    size = int(rng.choice(SIZES))
    real, any_kind = str(rng.choice(KINDS[:3])), str(rng.choice(KINDS))
    mean, std = float(rng.standard_normal()), float(rng.random() * 10.0 ** rng.integers(-2, 3)) + 1e-3
    low, high = integer_bounds(rng, any_kind)
    n, p = size % 1000, float(rng.random())
    means, stds, chances = (rng.random(size).astype(real) for _ in range(3))
    blank, anything = torch.empty(size, dtype=getattr(torch, real)), torch.empty(size, dtype=getattr(torch, any_kind))
    as_tensor = torch.from_numpy
    weights = (rng.random(size + 1) + 0.01).astype(np.float32)
    pairs = [
        lambda: (g.rand(size, real), blank.uniform_()),
        lambda: (g.uniform(size, real, mean, mean + std), blank.uniform_(mean, mean + std)),
        lambda: (g.randn(size, real), blank.normal_()),
        lambda: (g.normal(size, real, mean, std), blank.normal_(mean, std)),
        lambda: (g.normal_around(means, stds), torch.normal(as_tensor(means), as_tensor(stds))),
        lambda: (g.normal_around(means, std), torch.normal(as_tensor(means), std)),
        lambda: (g.normal_around(mean, stds), torch.normal(mean, as_tensor(stds))),
        lambda: (g.randint(low, high, size, any_kind), anything.random_(low, high)),
        lambda: (g.random(size, any_kind), anything.random_()),
        lambda: (g.randperm(n), torch.randperm(n)),
        lambda: (g.bernoulli(chances), torch.bernoulli(as_tensor(chances))),
        lambda: (g.bernoulli(p, any_kind, size), anything.bernoulli_(p)),
        lambda: (g.dropout_mask(p, size, real), torch.nn.functional.dropout(torch.ones_like(blank), p)),
        lambda: (g.exponential(size, real, std), blank.exponential_(std)),
        lambda: (g.geometric(max(p, 0.01), size, real), blank.geometric_(max(p, 0.01))),
        lambda: (g.cauchy(size, real, mean, std), blank.cauchy_(mean, std)),
        lambda: (g.log_normal(size, real, mean, 0.7), blank.log_normal_(mean, 0.7)),
        lambda: (g.multinomial(weights, 40, True), torch.multinomial(as_tensor(weights), 40, True)),
        lambda: (g.multinomial(weights, min(size + 1, 9)), torch.multinomial(as_tensor(weights), min(size + 1, 9))),
        lambda: (g.random(size, "int64", -(2**63)), blank.to(torch.int64).random_(-(2**63), None)),
    ]
    ours, theirs = pairs[kind % len(pairs)]()
    return ours, theirs.numpy()


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore:.*out of bounds.*:UserWarning")
@pytest.mark.parametrize("seed", [0, 42, -1, 2**63, 2**64 - 1, 12345678901])
def test_one_stream_with_a_live_pytorch(seed: int) -> None:
    torch = pytest.importorskip("torch", reason="compares with a live PyTorch")
    rng = np.random.default_rng(seed % 2**32)
    g = Generator(seed)
    torch.manual_seed(seed)
    for turn in range(400):
        kind = int(rng.integers(20))
        ours, theirs = drawn_pair(kind, rng, g, torch)
        assert same_bits(ours, theirs), (turn, kind, ours.dtype, ours.shape)
        assert same_bits(g.get_state(), torch.get_rng_state().numpy()), (turn, kind)


@pytest.mark.torch
@pytest.mark.parametrize("dtype", KINDS[:3])
def test_a_million_with_a_live_pytorch(dtype: str) -> None:
    torch = pytest.importorskip("torch", reason="compares with a live PyTorch")
    g = Generator(6)
    torch.manual_seed(6)
    blank = torch.empty(1_000_003, dtype=getattr(torch, dtype))
    assert same_bits(g.normal(blank.shape, dtype, 0.3, 1.7), blank.normal_(0.3, 1.7).numpy())
    assert same_bits(g.uniform(blank.shape, dtype, -0.3, math.pi), blank.uniform_(-0.3, math.pi).numpy())
    turned = torch.empty(40, 30).t()
    assert same_bits(g.normal((40, 30), contiguous=False), turned.normal_().t().contiguous().numpy())
