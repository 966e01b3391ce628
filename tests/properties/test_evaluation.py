"""When something is computed does not change what comes out; what is printed can be read back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from gradcli import Session
from gradcli.graph import op as ops
from tests.properties.expressions import chain, points, reductions, steps

IMMEDIATELY, NEVER = 1 << 62, -1


def value_and_gradient(program: list[str], point: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray]:
    """The value and gradient of a chain, when nodes of more elements than the limit are deferred."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ops, "DEFER_ABOVE", limit)
        s = Session(dtype="float64")
        s.set("x", point.copy(), requires_grad=True)
        # one statement: nothing is settled before its end
        s.run("def f(x):\n    " + chain(program).replace("\n", "\n    ") + "\n    return y\n")
        s.run("y = f(x)\ny.backward()")
        return s["y"].numpy(), s["x"].grad.numpy()


@given(steps, reductions, points)
def test_deferred_work_gives_the_same(program: list[str], reduction: str, point: np.ndarray) -> None:
    now = value_and_gradient([*program, reduction], point, IMMEDIATELY)
    later = value_and_gradient([*program, reduction], point, NEVER)
    for a, b in zip(now, later, strict=True):
        assert np.array_equal(a, b, equal_nan=True)


@given(steps, points)
def test_functions_and_statements_give_the_same(program: list[str], point: np.ndarray) -> None:
    """A program as statements, and the same in one function."""
    s = Session(dtype="float64")
    s.set("x", point.copy())
    direct = s.eval(chain(program) + "\ny").numpy()
    s.run("def f(x):\n    " + chain(program).replace("\n", "\n    ") + "\n    return y\n")
    assert np.array_equal(direct, s.eval("f(x)").numpy(), equal_nan=True)


shapes = arrays.array_shapes(min_dims=0, max_dims=3, min_side=1, max_side=4)
four_digits = st.integers(-(10**7), 10**7).map(lambda n: n / 10**4)
special = st.sampled_from([float("nan"), float("inf"), float("-inf"), 0.0])
floats = st.one_of(
    arrays.arrays(np.float64, shapes, elements=four_digits),
    arrays.arrays(np.float32, shapes, elements=four_digits.map(lambda v: float(np.float32(v)))),
    arrays.arrays(np.float64, shapes, elements=st.one_of(four_digits, special)),
)
integers = st.one_of(arrays.arrays(np.int64, shapes), arrays.arrays(np.bool_, shapes), arrays.arrays(np.uint8, shapes))


def read_back(text: str) -> np.ndarray:
    return Session().eval(text).numpy()


@given(floats, st.booleans())
def test_printed_floats_can_be_read(array: np.ndarray, requires_grad: bool) -> None:
    s = Session()
    s.set("x", array, requires_grad=requires_grad)
    text = repr(s["x"])
    again = read_back(text)
    assert again.shape == array.shape
    assert again.dtype == array.dtype
    assert np.allclose(again, array, rtol=6e-5, atol=6e-5, equal_nan=True)
    assert ("requires_grad=True" in text) == requires_grad


@given(integers)
def test_printed_integers_can_be_read(array: np.ndarray) -> None:
    s = Session()
    s.set("x", array)
    again = read_back(repr(s["x"]))
    assert again.dtype == array.dtype
    assert np.array_equal(again, array)


@given(arrays.arrays(np.float64, shapes, elements=st.floats(allow_nan=False, allow_infinity=False)))
def test_lists_keep_every_digit(array: np.ndarray) -> None:
    s = Session()
    s.set("x", array)
    s.run("text = str(x.tolist())\nagain = torch.tensor(x.tolist(), dtype=torch.float64)")
    assert np.array_equal(s["again"].numpy(), array)
    assert np.array_equal(read_back(f"torch.tensor({s['text']}, dtype=torch.float64)"), array)
