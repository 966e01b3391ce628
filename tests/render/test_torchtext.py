"""The text of tensors: recorded PyTorch output, single cases whole, properties, and a live PyTorch."""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gradcli.render.torchtext import PrintOptions, tensor_text

CORPUS = Path(__file__).parent.parent / "conformance" / "printing.jsonl"
NONFINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def corpus_by_family() -> dict[str, list[dict]]:
    """The recorded cases that are plain data; those with an expression need the whole engine."""
    families = defaultdict(list)
    for line in CORPUS.read_text().splitlines():
        case = json.loads(line)
        if "data" in case and "source" not in case:
            families[case["id"].rsplit(".", 1)[0]].append(case)
    return families


FAMILIES = corpus_by_family()


def recorded_array(case: dict) -> np.ndarray:
    flat, rest = [], [case["data"]]
    while rest:
        item = rest.pop()
        if isinstance(item, list):
            rest.extend(reversed(item))
        else:
            flat.append(NONFINITE[item] if isinstance(item, str) else item)
    return np.array(flat, case["dtype"]).reshape(case["shape"])


@pytest.mark.parametrize("family", FAMILIES)
def test_prints_what_pytorch_printed(family: str) -> None:
    for case in FAMILIES[family]:
        text = tensor_text(
            recorded_array(case), case["dtype"], requires_grad=case.get("suffix", "").startswith("requires_grad")
        )
        assert text == case["printed"], case["id"]


def test_the_corpus_is_there() -> None:
    assert sum(map(len, FAMILIES.values())) == 1214


def floats(*values: object) -> np.ndarray:
    return np.array(values, np.float32)


SINGLE_CASES = [
    (np.float32(27), {"grad_fn": "MeanBackward1"}, "tensor(27., grad_fn=<MeanBackward1>)"),
    (np.full((2, 2), 4.5, np.float32), {}, "tensor([[4.5000, 4.5000],\n        [4.5000, 4.5000]])"),
    (
        floats(2.2441, 1.7583, -1.2006),
        {"requires_grad": True},
        "tensor([ 2.2441,  1.7583, -1.2006], requires_grad=True)",
    ),
    (
        floats(1148.9792, 900.2496, -614.7072),
        {"grad_fn": "MulBackward0"},
        "tensor([1148.9792,  900.2496, -614.7072], grad_fn=<MulBackward0>)",
    ),
    (floats(51.2, 512, 0.0512), {}, "tensor([5.1200e+01, 5.1200e+02, 5.1200e-02])"),
    (floats(), {}, "tensor([])"),
    (np.zeros((2, 0), np.float64), {}, "tensor([], size=(2, 0), dtype=torch.float64)"),
    (np.array([], np.int64), {}, "tensor([], dtype=torch.int64)"),
    (np.array(True), {}, "tensor(True)"),
    (np.array([True, False]), {}, "tensor([ True, False])"),
    (floats(1, math.inf, -math.inf, math.nan), {}, "tensor([1., inf, -inf, nan])"),
    (floats(-0.0, 0.0), {}, "tensor([-0., 0.])"),
    (floats(-0.0, 0.5), {}, "tensor([-0.0000, 0.5000])"),
    (np.float32(1e8), {}, "tensor(100000000.)"),
    (np.float32(1.1e8), {}, "tensor(1.1000e+08)"),
    (np.float16(0.1), {}, "tensor(0.1000, dtype=torch.float16)"),
    (np.arange(1001), {}, "tensor([   0,    1,    2,  ...,  998,  999, 1000])"),
    (np.ones(2), {"default_dtype": "float64"}, "tensor([1., 1.])"),
    (np.ones(2, np.float32), {"default_dtype": "float64"}, "tensor([1., 1.], dtype=torch.float32)"),
    (
        np.zeros((2, 1, 2), np.int16),
        {},
        "tensor([[[0, 0]],\n\n        [[0, 0]]], dtype=torch.int16)",
    ),
]


@pytest.mark.parametrize(("array", "given_", "text"), SINGLE_CASES)
def test_single_cases(array: np.ndarray, given_: dict, text: str) -> None:
    array = np.asarray(array)
    assert tensor_text(array, str(array.dtype), **given_) == text


def test_a_suffix_that_does_not_fit_begins_a_line() -> None:
    row = np.arange(1.0, 9.0, dtype=np.float64) / 3
    assert tensor_text(row, "float64", grad_fn="DivBackward0") == (
        "tensor([0.3333, 0.6667, 1.0000, 1.3333, 1.6667, 2.0000, 2.3333, 2.6667],\n"
        "       dtype=torch.float64, grad_fn=<DivBackward0>)"
    )


def test_a_summary_cuts_every_long_dimension() -> None:
    table = np.arange(2100.0, dtype=np.float32).reshape(3, 700)
    assert tensor_text(table, "float32") == (
        "tensor([[0.0000e+00, 1.0000e+00, 2.0000e+00,  ..., 6.9700e+02, 6.9800e+02,\n"
        "         6.9900e+02],\n"
        "        [7.0000e+02, 7.0100e+02, 7.0200e+02,  ..., 1.3970e+03, 1.3980e+03,\n"
        "         1.3990e+03],\n"
        "        [1.4000e+03, 1.4010e+03, 1.4020e+03,  ..., 2.0970e+03, 2.0980e+03,\n"
        "         2.0990e+03]])"
    )


class TestPrintOptions:
    def test_each_option(self) -> None:
        options = PrintOptions()
        options.set(precision=2, linewidth=30, threshold=4, edgeitems=1)
        assert tensor_text(np.linspace(0.5, 1, 5), "float32", options=options) == "tensor([0.50,  ..., 1.00])"

    def test_scientific_when_asked(self) -> None:
        options = PrintOptions()
        options.set(sci_mode=True)
        assert tensor_text(floats(1.5), "float32", options=options) == "tensor([1.5000e+00])"
        options.set()  # as in PyTorch, a call without sci_mode leaves it to the numbers again
        assert tensor_text(floats(1.5), "float32", options=options) == "tensor([1.5000])"

    def test_not_scientific_when_refused(self) -> None:
        text = tensor_text(floats(1e9, 0.5), "float32", options=PrintOptions(sci_mode=False))
        assert text == "tensor([1000000000.0000,          0.5000])"

    def test_profiles(self) -> None:
        options = PrintOptions()
        options.set(profile="short")
        assert (options.precision, options.edgeitems) == (2, 2)
        options.set(profile="full", edgeitems=5)
        assert (options.precision, options.threshold, options.edgeitems) == (4, math.inf, 5)
        options.set(profile="no such profile")
        assert options.threshold == math.inf
        options.set(profile="default")
        assert (options.threshold, options.edgeitems, options.linewidth) == (1000, 3, 80)

    def test_no_edge_items(self) -> None:
        options = PrintOptions(threshold=3, edgeitems=0)
        assert tensor_text(np.ones((2, 2), np.float32), "float32", options=options) == "tensor([...], size=(2, 2))"

    def test_a_copy_is_apart(self) -> None:
        options = PrintOptions()
        options.copy().set(precision=1)
        assert options.precision == 4


SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, max_side=8)
FINITE = st.floats(-1e6, 1e6, width=32)


@given(hnp.arrays(np.float32, SHAPES, elements=FINITE))
def test_what_is_printed_reads_back(array: np.ndarray) -> None:
    text = tensor_text(array, "float32", options=PrintOptions(threshold=math.inf))
    numbers = [float(word) for word in re.findall(r"[-+.\de]+", text.removeprefix("tensor"))]
    assert len(numbers) == array.size
    np.testing.assert_allclose(np.array(numbers), array.ravel(), rtol=6e-5, atol=6e-5)
    assert text.count("[") == text.count("]")


@given(hnp.arrays(np.int64, SHAPES))
def test_integers_read_back_exactly(array: np.ndarray) -> None:
    text = tensor_text(array, "int64", options=PrintOptions(threshold=math.inf))
    assert [int(word) for word in re.findall(r"-?\d+", text)] == array.ravel().tolist()


@given(hnp.array_shapes(max_dims=3, max_side=12), st.integers(0, 400), st.integers(1, 5))
def test_a_summary_begins_past_the_threshold(shape: tuple[int, ...], threshold: int, edge: int) -> None:
    array = np.zeros(shape, np.float32)
    text = tensor_text(array, "float32", options=PrintOptions(threshold=threshold, edgeitems=edge))
    assert ("..." in text) == (array.size > threshold and max(shape) > 2 * edge)


@given(hnp.arrays(np.float32, st.integers(1, 40), elements=FINITE.filter(bool)), st.integers(40, 120))
def test_lines_keep_to_the_width(array: np.ndarray, width: int) -> None:
    lines = tensor_text(array, "float32", options=PrintOptions(linewidth=width)).split("\n")
    assert max(map(len, lines)) <= width + 1  # the bracket that closes is not counted, as in PyTorch


def test_views_print_like_their_copies() -> None:
    table = np.arange(24, dtype=np.float32).reshape(4, 6)
    for view in (table.T, table[::-1, ::2], np.broadcast_to(table[:, :1], (4, 6))):
        assert tensor_text(view, "float32") == tensor_text(view.copy(), "float32")


def random_array(rng: np.random.Generator) -> np.ndarray:
    dims = int(rng.integers(0, 6))
    side = (1, 2000, 60, 14, 7, 5)[dims]
    shape = tuple(int(n) for n in rng.integers(0 if rng.random() < 0.05 else 1, side + 1, dims))
    dtype = rng.choice(["float32", "float64", "float16", "int64", "int32", "int16", "int8", "uint8", "bool"])
    if dtype == "bool":
        return np.asarray(rng.random(shape) < 0.5)
    if dtype.startswith(("int", "uint")):
        limits = np.iinfo(dtype)
        size = 10 ** int(rng.integers(1, 19))
        return np.asarray(rng.integers(max(limits.min, -size), min(limits.max, size), shape)).astype(dtype)
    values = rng.standard_normal(shape)
    special = rng.choice([math.inf, -math.inf, math.nan, 0.0, -0.0], shape)
    forms = [
        values,
        np.round(values * 10.0 ** rng.integers(0, 10)),
        values * 10.0 ** rng.integers(-8, 12),
        values * 10.0 ** rng.integers(-4, 5, shape),
        np.where(rng.random(shape) < 0.3, special, values),
        np.where(rng.random(shape) < 0.3, special, np.round(values)),
        np.round(values * 2) / 2 * rng.choice([1, 1000]),
        np.full(shape, rng.choice([0, -0.0, math.nan, math.inf, 1e-5, 1e9, 1e8, 1e-4, 999.99996])),
    ]
    with np.errstate(over="ignore"):
        return np.asarray(forms[int(rng.integers(len(forms)))]).astype(dtype)


def random_settings(rng: np.random.Generator) -> dict:
    if rng.random() < 0.5:
        return {}
    if rng.random() < 0.2:
        return {"profile": str(rng.choice(["default", "short", "full"]))}
    return {
        "precision": int(rng.integers(0, 9)),
        "threshold": int(rng.choice([0, 5, 100, 1000, 10000])),
        "edgeitems": int(rng.integers(0, 6)),
        "linewidth": int(rng.choice([20, 40, 80, 120])),
        "sci_mode": [None, True, False][int(rng.integers(3))],
    }


@pytest.mark.torch
def test_prints_as_a_live_pytorch() -> None:
    torch = pytest.importorskip("torch", reason="compares with a live PyTorch")
    rng = np.random.default_rng(13)
    for _ in range(1500):
        array, settings = random_array(rng), random_settings(rng)
        options = PrintOptions()
        options.set(**settings)
        tensor = torch.from_numpy(array)
        if array.dtype.kind == "f" and rng.random() < 0.4:
            tensor = tensor.requires_grad_()
            tensor = tensor.clone() if rng.random() < 0.5 else tensor
        torch.set_printoptions(profile="default")
        torch.set_printoptions(**settings)
        try:
            expected = repr(tensor)
        finally:
            torch.set_printoptions(profile="default")
        grad_fn = None if tensor.grad_fn is None else type(tensor.grad_fn).__name__
        text = tensor_text(
            array, str(array.dtype), requires_grad=tensor.requires_grad, grad_fn=grad_fn, options=options
        )
        assert text == expected, (array.dtype, array.shape, settings)
