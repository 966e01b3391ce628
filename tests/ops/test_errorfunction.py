"""The error functions against Python's own (math.erf, math.erfc), and where those have no digits, known values."""

import math

import numpy as np
import pytest

from gradcli.ops.elementwise import errorfunction

POINTS = np.concatenate([np.linspace(-6, 6, 2401), [0.46875, -0.46875, 4.0, 1e-300, 26.0]])


def reference(function: object, x: np.ndarray) -> np.ndarray:
    return np.array([function(float(v)) for v in x])


def test_erf_in_double_precision() -> None:
    expected = reference(math.erf, POINTS)
    np.testing.assert_allclose(errorfunction.erf(POINTS), expected, rtol=2e-15, atol=0)


def test_erfc_in_double_precision_keeps_its_digits_in_the_tail() -> None:
    expected = reference(math.erfc, POINTS)
    np.testing.assert_allclose(errorfunction.erfc(POINTS), expected, rtol=1e-14, atol=0)


def test_erf_in_single_precision_is_right_to_its_last_bit() -> None:
    x = np.linspace(-5, 5, 20001, dtype=np.float32)
    exact = reference(math.erf, x)
    off = np.abs(errorfunction.erf(x).astype(np.float64) - exact)
    assert (off <= 0.54 * np.spacing(np.abs(exact).astype(np.float32))).all()


def test_erfcx_is_erfc_without_its_decay() -> None:
    x = np.linspace(-5, 5, 201)
    np.testing.assert_allclose(errorfunction.erfcx(x), np.exp(x * x) * reference(math.erfc, x), rtol=1e-13)
    with np.errstate(over="ignore"):  # as all kernels run: what overflows is not picked
        far = errorfunction.erfcx(np.array([1e10]))  # 1 / (x sqrt(pi)), where erfc itself is 0
    np.testing.assert_allclose(far, 1e-10 / math.sqrt(math.pi), rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_edges_and_dtypes(dtype: type) -> None:
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan], dtype)
    for function, expected in (
        (errorfunction.erf, [0, -0.0, 1, -1, np.nan]),
        (errorfunction.erfc, [1, 1, 0, 2, np.nan]),
        (errorfunction.erfcx, [1, 1, 0, np.inf, np.nan]),
    ):
        with np.errstate(all="ignore"):
            result = function(x)
        assert result.dtype == dtype
        np.testing.assert_array_equal(result, expected)
        assert function(x[:0]).shape == (0,)
        assert np.shape(function(x[0])) == ()
