"""What holds for every differentiable program: the tutorial's claims, and both modes of differentiation."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from gradcli import Session
from tests.properties.expressions import chain, elementwise_steps, points, reductions, seeds, steps


def session(point: np.ndarray, **others: np.ndarray) -> Session:
    made = Session(dtype="float64")
    made.set("x", point.copy(), requires_grad=True)
    for name, value in others.items():
        made.set(name, value)
    return made


def vector(shape: Any, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).round(3)


def output(program: list[str], point: np.ndarray) -> np.ndarray:
    """The value of a chain; chains whose values are not finite or have kinks at hand are left out."""
    value = session(point).eval(chain(program) + "\ny").numpy()
    assume(np.isfinite(value).all() and np.abs(value).max(initial=0) < 1e6)
    return value


def vjp(program: list[str], point: np.ndarray, v: np.ndarray) -> np.ndarray:
    """J^T v, by a backward pass."""
    s = session(point, v=v)
    s.run(chain(program) + "\ny.backward(v)")
    return s["x"].grad.numpy()


def close(a: np.ndarray, b: np.ndarray) -> None:
    scale = max(1.0, np.abs(a).max(initial=0), np.abs(b).max(initial=0))
    assert np.allclose(a, b, rtol=1e-9, atol=1e-9 * scale)


@given(steps, steps, points, seeds)
def test_a_composition_is_the_chain_of_its_products(
    first: list[str], second: list[str], point: np.ndarray, seed: int
) -> None:
    middle = output(first, point)
    assume(middle.ndim == 2)
    v = vector(output(second, middle).shape, seed)
    close(vjp(first + second, point, v), vjp(first, point, vjp(second, middle, v)))


@given(steps, points, seeds, st.floats(-3, 3), st.floats(-3, 3))
def test_the_product_is_linear_in_the_seed(
    program: list[str], point: np.ndarray, seed: int, a: float, b: float
) -> None:
    shape = output(program, point).shape
    u, v = vector(shape, seed), vector(shape, seed + 1)
    close(vjp(program, point, a * u + b * v), a * vjp(program, point, u) + b * vjp(program, point, v))


@given(steps, reductions, points)
def test_backward_of_a_number_has_seed_one(program: list[str], reduction: str, point: np.ndarray) -> None:
    output(program, point)
    text = chain([*program, reduction])
    plain, seeded = session(point), session(point)
    plain.run(text + "\ny.backward()")
    seeded.run(text + "\ny.backward(torch.tensor(1.))")
    assert np.array_equal(plain["x"].grad.numpy(), seeded["x"].grad.numpy(), equal_nan=True)


@given(steps, reductions, points)
def test_the_product_with_a_gradient_is_a_gradient(program: list[str], reduction: str, point: np.ndarray) -> None:
    output(program, point)
    whole, parts = session(point), session(point)
    whole.run(chain([*program, reduction]) + "\ny.backward()")
    parts.run(
        chain(program)
        + "\nmiddle = y.detach().requires_grad_()\n"
        + chain([reduction], "middle", "l")
        + "\nl.backward()\ny.backward(middle.grad)"
    )
    close(whole["x"].grad.numpy(), parts["x"].grad.numpy())


@given(steps, points, seeds)
def test_forward_mode_agrees_with_reverse_mode(program: list[str], point: np.ndarray, seed: int) -> None:
    v = vector(output(program, point).shape, seed)
    t = vector(point.shape, seed + 1)
    s = session(point, v=v, t=t)
    indented = "\n    ".join(chain(program, "x_in").split("\n"))
    s.run(
        f"def f(x_in):\n    {indented}\n    return y\n"
        "pushed = torch.func.jvp(f, (x.detach(),), (t,))[1]\n"
        "pulled = torch.func.vjp(f, x.detach())[1](v)[0]\n"
        "functional = torch.autograd.functional.jvp(f, x.detach(), t)[1]"
    )
    close(s["pushed"].numpy(), s["functional"].numpy())
    close(np.sum(v * s["pushed"].numpy()), np.sum(s["pulled"].numpy() * t))


@given(elementwise_steps, points, seeds)
def test_the_gradient_is_the_slope(program: list[str], point: np.ndarray, seed: int) -> None:
    point = np.where(point < 0, -1.0, 1.0) * (np.abs(point) + 0.25)  # away from the kinks of abs and where
    t = vector(point.shape, seed)
    h = 1e-6
    above, below = output(program, point + h * t), output(program, point - h * t)
    v = np.ones_like(above)
    slope = np.sum(above - below) / (2 * h)
    values = [output(program[:at], point) for at in range(1, len(program))]
    assume(all(np.abs(value).min() > 1e-3 and np.abs(value - 0.1).min() > 1e-3 for value in values))
    assert np.isclose(np.sum(vjp(program, point, v) * t), slope, rtol=1e-5, atol=1e-6)


@given(steps, reductions, points)
def test_a_hessian_is_symmetric(program: list[str], reduction: str, point: np.ndarray) -> None:
    output(program, point)
    assume(reduction != "x.max() + x.min()")
    assume(not any("norm" in step for step in [*program, reduction]))  # no second derivative at 0
    indented = "\n    ".join(chain([*program, reduction], "x_in").split("\n"))
    s = session(point)
    s.run(f"def f(x_in):\n    {indented}\n    return y\nh = torch.autograd.functional.hessian(f, x.detach())")
    size = point.size
    h = s["h"].numpy().reshape(size, size)
    close(h, h.T)
