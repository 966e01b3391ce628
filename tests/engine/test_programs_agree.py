"""Random programs with their gradients: planned in tiny blocks, replayed, and computed node by node."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import special

import gradcli
from gradcli.engine import layout, threads
from gradcli.graph import op as ops
from tests.properties.expressions import chain, reductions, steps

numbers = st.floats(-2, 2, allow_nan=False).map(lambda v: round(v, 3))
points = arrays.arrays(np.float64, st.tuples(st.integers(1, 5), st.integers(1, 5)), elements=numbers)


def in_session(program: list[str], point: np.ndarray, limit: int, fuse: int, block: int) -> list[np.ndarray]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ops, "DEFER_ABOVE", limit)
        patch.setattr(layout, "FUSE_ABOVE", fuse)
        patch.setattr(layout, "BLOCK", block)
        s = gradcli.Session(dtype="float64")
        s.set("x", point.copy(), requires_grad=True)
        s.run("def f(x):\n    " + chain(program).replace("\n", "\n    ") + "\n    return y\n")
        s.run("y = f(x)\ny.backward()")
        return [s["y"].numpy(), s["x"].grad.numpy()]


def replayed(program: list[str], point: np.ndarray, fuse: int, block: int) -> list[np.ndarray]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "FUSE_ABOVE", fuse)
        patch.setattr(layout, "BLOCK", block)
        f = gradcli.value_and_grad(chain(program) + "\ny", dtype="float64")
        f(x=np.zeros_like(point))
        value, gradients = f(x=point.copy())
        return [value, gradients["x"]]


def one_rounding_apart(program: list[str], point: np.ndarray) -> bool:
    """Whether which element is the largest or the smallest is a matter of how a program's steps round."""
    s = gradcli.Session(dtype="float64")
    s.set("x", point)
    s.run(chain(program))
    y = np.sort(s["y"].numpy(), axis=None)
    return bool(program) and y.size > 1 and min(y[1] - y[0], y[-1] - y[-2]) < 1e-12


def agree(found: list[np.ndarray], expected: list[np.ndarray]) -> bool:
    return all(np.allclose(a, b, rtol=1e-8, atol=1e-10, equal_nan=True) for a, b in zip(found, expected, strict=True))


@given(steps, reductions, points, st.integers(1, 7))
def test_planned_and_plain_agree(program: list[str], reduction: str, point: np.ndarray, block: int) -> None:
    assume("max" not in reduction or not one_rounding_apart(program, point))
    program = [*program, reduction]
    plain = in_session(program, point, 1 << 62, 1 << 62, 1 << 16)
    assert agree(in_session(program, point, 1, 1, block), plain)
    assert agree(in_session(program, point, -1, 1, block), plain)
    assert agree(replayed(program, point, 1 << 13, 1 << 16), plain)
    assert agree(replayed(program, point, 1, block), plain)


@pytest.mark.parametrize("n", [1 << 16, (1 << 16) + 1, 3 * (1 << 16) - 1, (1 << 20) + 17])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_threads_change_nothing(n: int, dtype: type) -> None:
    x = np.random.default_rng(1).standard_normal(n).astype(dtype)
    f = gradcli.value_and_grad("sum(sin(x) * exp(-x * x) + tanh(x) * x.mean())")
    results = []
    for count in (1, 2, 3, 1, 2):
        threads.set_threads(count)
        value, gradients = f(x=x)
        results.append((value.tobytes(), gradients["x"].tobytes()))
    threads.set_threads(0)
    assert len(set(results)) == 1


def test_results_belong_to_the_caller() -> None:
    f = gradcli.value_and_grad("x")
    x = np.array(2.0, np.float32)
    assert not np.shares_memory(f(x=x)[0], x)
    f = gradcli.value_and_grad("(x * 2).sum() + (y * 2).sum()")
    x = np.ones(3, np.float32)
    first = f(x=x, y=x)[1]
    assert not np.shares_memory(first["x"], first["y"])
    first["x"] += 1
    assert np.array_equal(f(x=x, y=x)[1]["x"], [2, 2, 2])


def test_a_program_whose_course_depends_on_values_runs_each_time() -> None:
    f = gradcli.value_and_grad("y = x\nwhile y.norm() < 10:\n    y = y * 2\ny.sum()")
    small, large = np.full(3, 0.1, np.float32), np.full(3, 9.0, np.float32)
    assert np.array_equal(f(x=small)[1]["x"], [64, 64, 64])
    assert np.array_equal(f(x=large)[1]["x"], [1, 1, 1])
    assert f.plan_for(x=small) is None


def test_long_texts_are_planned_when_they_are_used_again() -> None:
    f = gradcli.value_and_grad("+".join(["x * 2.5"] * 5000))
    x = np.array([2.0], np.float32)
    first, again = f(x=x), f(x=x)
    assert first[0] == again[0] == 25000
    assert first[1]["x"] == again[1]["x"] == 12500


def test_random_numbers_are_new_in_every_call() -> None:
    f = gradcli.value_and_grad("(x * rand(3)).sum()")
    x = np.ones(3, np.float32)
    assert not np.array_equal(f(x=x)[1]["x"], f(x=x)[1]["x"])


def test_one_plan_for_each_signature() -> None:
    f = gradcli.value_and_grad("(x ** 2).sum()")
    for x in (np.ones(3, np.float32), np.ones((2, 2), np.float64), np.ones(3, np.float32)):
        value, gradients = f(x=x)
        assert value == x.size
        assert gradients["x"].dtype == x.dtype
        assert np.array_equal(gradients["x"], 2 * x)


def test_strides_of_the_inputs_do_not_matter() -> None:
    f = gradcli.value_and_grad("(x ** 2).sum() + x.t().reshape(-1)[1]")
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    for given_x in (x, np.asfortranarray(x), np.repeat(x, 2, axis=1)[:, ::2]):
        value, gradients = f(x=given_x)
        assert value == 55 + 3
        expected = 2 * x
        expected[1, 0] += 1
        assert np.array_equal(gradients["x"], expected)


def test_one_number_of_several_dimensions_beside_a_vector() -> None:
    g = np.random.default_rng(0)
    x, c, v = g.uniform(0.5, 1.5, (4000, 20)), g.uniform(0.5, 1.5, (4000, 1)), g.uniform(0.5, 1.5, 20)
    f = gradcli.value_and_grad("sum(x - (v*c + erf(v)).mean(0, keepdim=True))", dtype="float64")
    value, gradients = f(x=x, c=c, v=v)
    assert np.allclose(value, (x - (v * c + special.erf(v)).mean(0, keepdims=True)).sum())
    assert np.allclose(gradients["c"], -v.sum())
    assert np.allclose(gradients["v"], -4000 * (c.mean() + 2 / np.sqrt(np.pi) * np.exp(-v * v)))


@pytest.mark.parametrize("shape", [(70000, 1), (1, 70000)])
def test_the_logarithm_of_one_probability_is_nought(shape: tuple[int, int]) -> None:
    x = np.random.default_rng(0).standard_normal(shape)
    assert not gradcli.value_and_grad(f"log_softmax(x, {shape.index(1)})", wrt=[])(x=x)[0].any()
