"""Arrays as JSON read back to the same numbers, with no more digits than that takes."""

import json

import numpy as np
import pytest

from gradcli.render.jsontext import array_json, tensor_json


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.float32(0.1), "0.1"),
        (np.array([0.1, 1e20], "float32"), "[0.1, 1e+20]"),
        (np.array([0.1], "float16"), "[0.1]"),
        (np.array([1 / 3]), "[0.3333333333333333]"),
        (np.array([[1, 2], [3, 4]]), "[[1, 2], [3, 4]]"),
        (np.array([True, False]), "[true, false]"),
        (np.array([np.nan, np.inf, -np.inf]), '["NaN", "Infinity", "-Infinity"]'),
        (np.zeros(0), "[]"),
        (np.zeros((2, 0, 3)), "[[], []]"),
        (np.zeros((0, 2)), "[]"),
        (np.zeros((1, 1, 2)), "[[[0.0, 0.0]]]"),
    ],
)
def test_text(array, text):
    assert array_json(np.asarray(array)) == text


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_round_trip(dtype):
    bits = np.random.default_rng(0).integers(0, 2**63, 500, dtype="uint64")
    array = np.frombuffer(bits.tobytes(), dtype)
    array = array[np.isfinite(array)]
    np.testing.assert_array_equal(np.array(json.loads(array_json(array)), dtype), array)


def test_tensor():
    text = tensor_json(np.ones((1, 2), "float32"), requires_grad="true", grad_fn='"A"')
    expected = {"dtype": "float32", "shape": [1, 2], "requires_grad": True, "grad_fn": "A", "data": [[1.0, 1.0]]}
    assert json.loads(text) == expected
    assert list(json.loads(text)) == list(expected)
