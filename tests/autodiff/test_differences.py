"""Differences that choose their step: exact to many digits at every scale, and aware of kinks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from gradcli.autodiff.differences import (
    LAST,
    Place,
    Rounding,
    averaged,
    closer,
    everywhere,
    farther,
    jumps,
    lasting,
    seen_rounding,
    slopes,
    steps,
)

EPSILON = float(np.finfo(float).eps)
Function = Callable[[np.ndarray], np.ndarray]


def at(function: Function, *point: float, element: int = 0) -> tuple[float, float, bool]:
    """The estimate, its error, and whether it is a kink, for the first element of the value."""
    where = np.array(point)
    with np.errstate(all="ignore"):
        value = np.atleast_1d(function(where))
        rounding, scale = Rounding(EPSILON, abs(value)), abs(where[element]) or 1.0
        place = Place(lambda x: np.atleast_1d(function(x)), where, element, value, rounding, scale)
        found = slopes(place)
        other = farther(place)
        if other is not None and other.error[0] < found.error[0] and found.error[0] > 1e-4 * abs(found.estimate[0]):
            found.estimate, found.error = other.best, other.error  # too flat to be seen near the point
    return float(found.estimate[0]), float(found.error[0]), bool(found.kink[0])


@pytest.mark.parametrize("x", [1e-8, 1e-3, 0.7, -3.0, 1e5, 0.0])
@pytest.mark.parametrize(
    ("function", "derivative"),
    [
        (lambda x: x**3, lambda x: 3 * x**2),
        (lambda x: np.exp(x / 1e5), lambda x: np.exp(x / 1e5) / 1e5),
        (lambda x: 1 / (1 + x**2), lambda x: -2 * x / (1 + x**2) ** 2),
        (np.arctan, lambda x: 1 / (1 + x**2)),
    ],
)
def test_smooth_functions_at_every_scale(function: Function, derivative: Callable[[float], float], x: float) -> None:
    estimate, error, kink = at(function, x)
    assert abs(estimate - derivative(x)) <= 1e-6 * abs(derivative(x)) + max(8 * error, 1e-10)
    assert abs(estimate - derivative(x)) < 1e-9 * max(1.0, abs(derivative(x)))
    assert not kink


@pytest.mark.parametrize("x", [1e-8, 1e-4, 0.3, 20.0])
def test_a_pole_beside_the_point_makes_the_step_small(x: float) -> None:
    estimate, _, kink = at(np.log, x)
    assert estimate == pytest.approx(1 / x, rel=1e-7)
    assert not kink or x < 1e-4  # so near the pole the two sides do differ


@pytest.mark.parametrize(
    "function", [np.abs, lambda x: np.maximum(x, 0), np.floor, np.sqrt, lambda x: np.maximum(x, 2 * x)]
)
def test_kinks_jumps_and_edges(function: Function) -> None:
    assert at(function, 0.0)[2]


@pytest.mark.parametrize("function", [lambda x: x * np.abs(x), lambda x: x**2, np.sin, lambda x: np.abs(x) ** 1.5])
def test_what_is_no_kink(function: Function) -> None:
    assert not at(function, 0.0)[2]


def test_a_kink_nearby_is_stepped_around() -> None:
    estimate, _, kink = at(np.abs, 1e-3)
    assert estimate == pytest.approx(1.0, rel=1e-9)
    assert not kink


def test_elements_and_outputs_are_kept_apart() -> None:
    def function(x: np.ndarray) -> np.ndarray:
        return np.array([x[0] * x[1], np.abs(x[1]), x[0]])

    point = np.array([2.0, 0.0])
    found = slopes(Place(function, point, 1, function(point), Rounding(EPSILON, abs(function(point))), 1.0))
    assert found.estimate[0] == pytest.approx(2.0)
    assert found.kink.tolist() == [False, True, False]
    assert (found.left[1], found.right[1]) == (-1.0, 1.0)


@pytest.mark.parametrize("x", [1.0, 1e5, 1e8])
def test_a_wave_much_shorter_than_the_point_is_seen_from_close(x: float) -> None:
    point = np.array([x])
    place = Place(np.sin, point, 0, np.sin(point), Rounding(EPSILON, abs(point)), x)
    found = closer(place)
    assert abs(found.best[0] - np.cos(x)) <= 8 * found.error[0] < 1e-4
    assert not slopes(place).kink[0]


def test_steps_shrink_by_the_same_factor_and_are_few() -> None:
    assert steps(1.0, 2.0**-5) == [1.0, 2.0**-2, 2.0**-4, 2.0**-6]
    assert all(len(steps(x, LAST * 1e-8)) <= 25 for x in (1.0, 1e-300, 1e300))


def place_of(function: Function, x: float, level: float = 0.0) -> Place:
    point = np.array([x])
    return Place(function, point, 0, function(point), Rounding(EPSILON, np.array([level])), abs(x) or 1.0)


@pytest.mark.parametrize(("large", "x"), [(1e4, 0.7), (1e6, 0.3), (1e7, -5.0)])
def test_rounding_is_measured(large: float, x: float) -> None:
    found = seen_rounding(place_of(lambda x: np.sin(x) + large - large, x), np.array([True]))
    assert EPSILON * large / 10 < found[0] < EPSILON * large


def test_where_neighbours_are_the_same_there_is_no_rounding() -> None:
    assert seen_rounding(place_of(np.floor, 2.5), np.array([True])) == [0.0]


@pytest.mark.parametrize("x", [0.3, 1e-8, 1e8])
def test_estimates_from_everywhere(x: float) -> None:
    """A wave that is much longer than the point, or much shorter."""
    found = everywhere(place_of(np.sin, x), np.array([True]), np.array([x]))
    assert abs(found.best[0] - np.cos(x)) <= 8 * found.error[0] < 1e-3


@pytest.mark.parametrize(("function", "jump"), [(np.sign, True), (np.floor, True), (np.abs, False), (np.sin, False)])
def test_jumps(function: Function, jump: bool) -> None:
    assert jumps(place_of(function, 0.0, 1.0))[0] == jump


def test_what_only_rounding_bends_is_no_lasting_kink() -> None:
    noisy = place_of(lambda x: np.sin(x) + 1e10 - 1e10, 0.3)
    seen = slopes(noisy)
    seen.kink[:] = True
    assert not lasting(noisy, seen)[0]
    kinked = place_of(np.abs, 0.0)
    assert lasting(kinked, slopes(kinked))[0]


def test_averages_are_the_derivative_where_it_is_nearly_a_polynomial() -> None:
    def derivative(x: float) -> np.ndarray:
        return np.array([3 * x**2, np.cos(1e6 * x)])

    found = averaged(derivative, 0.7, 1e-2)
    assert found[0] == pytest.approx(3 * 0.7**2)
    assert abs(found[1] - np.cos(0.7e6)) > 0.1
