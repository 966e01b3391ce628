"""Accuracy of sums, memory, and results that are reused only when nobody holds them."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from scipy import special

import gradcli
from gradcli.engine import buffers, fuse

SIZES = [(1 << 13) + 1, (1 << 16) - 1, (1 << 18) + 7]


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("scale", [1.0, 1e-30, 1e18])
def test_sums_are_accurate(n: int, scale: float) -> None:
    x = (np.random.default_rng(n).uniform(0, 1, n) * scale).astype(np.float32)
    exact = math.fsum(x.tolist())
    f = gradcli.value_and_grad("x.sum()")
    assert abs(float(f(x=x)[0]) - exact) <= 2e-7 * exact
    g = gradcli.value_and_grad("x.norm()")
    norm = math.sqrt(math.fsum(float(v) ** 2 for v in x))
    assert abs(float(g(x=x)[0]) - norm) <= 2e-7 * norm


@pytest.mark.parametrize("n", SIZES)
def test_float64_sums_are_accurate(n: int) -> None:
    x = np.random.default_rng(n).standard_normal(n) * 10.0 ** np.random.default_rng(n + 1).integers(-8, 8, n)
    f = gradcli.value_and_grad("x.sum()", dtype="float64")
    assert abs(float(f(x=x)[0]) - math.fsum(x)) <= 4e-16 * math.fsum(np.abs(x))


def test_logarithms_of_sums_keep_large_and_missing_values() -> None:
    for x in ([-1e4] * 9000, [1e4] * 9000, [-math.inf] * 9000, [math.inf] + [0.0] * 9000, [math.nan] + [0.0] * 9000):
        array = np.array(x, np.float32)
        value = gradcli.value_and_grad("logsumexp(x, 0)")(x=array)[0]
        with np.errstate(all="ignore"):
            assert np.allclose(value, np.logaddexp.reduce(array.astype(np.float64)), equal_nan=True)


@pytest.mark.parametrize("shape", [(4, 5), (200, 50), (3000, 100), (40, 3000)])
@pytest.mark.parametrize("offset", [0, 1000, -1e5])
def test_large_logits_keep_their_digits(shape: tuple[int, int], offset: float) -> None:
    """log_softmax and the gradient of cross entropy in float32 are those of float64 for logits far from nought."""
    rng = np.random.default_rng(shape[0])
    x = (rng.normal(size=shape) + offset).astype(np.float32)
    classes = rng.integers(0, shape[1], shape[0])
    shifted = x.astype(np.float64) - x.max()
    exact = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    found = gradcli.value_and_grad("log_softmax(x, 1)", wrt=[])(x=x)[0]
    assert np.all(np.abs(found - exact) <= 2e-7 * (1 + np.abs(exact)))
    loss, grads = gradcli.value_and_grad("cross_entropy(x, c)", wrt=["x"])(x=x, c=classes)
    chosen = np.arange(shape[0]), classes
    gradient = np.exp(exact)
    gradient[chosen] -= 1
    assert float(loss) == pytest.approx(-exact[chosen].mean(), rel=3e-7)
    assert np.all(np.abs(grads["x"] * shape[0] - gradient) <= 1e-6 * np.exp(exact) + 1e-7 * (gradient < 0))


@pytest.mark.parametrize("factor", [1.0, 0.5**0.5, -2.0, 40.0])
def test_large_error_functions_are_accurate(factor: float) -> None:
    x = np.concatenate([np.linspace(-6, 6, 1 << 17), [0.0, -0.0, 1e-30, 1e30, math.inf, -math.inf]]).astype(np.float32)
    f = gradcli.value_and_grad(f"erf(x * {factor!r})", wrt=[])
    found, exact = f(x=x)[0], special.erf((x * np.float32(factor)).astype(np.float64))
    assert np.all(np.abs(found - exact) <= 6e-7 * np.abs(exact))
    assert np.array_equal(np.signbit(found), np.signbit(exact))
    assert np.isnan(f(x=np.full(1 << 17, math.nan, np.float32))[0]).all()


PEAK = """
import resource, sys
import numpy as np
import gradcli
from gradcli.engine import threads
threads.set_threads(2)
f = gradcli.value_and_grad(sys.argv[1])
x = np.ones(int(sys.argv[2]), np.float32)
f(x=np.ones(10**5, np.float32))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
value, gradients = f(x=x)
del value, gradients
value, gradients = f(x=x)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak that Linux keeps")
@pytest.mark.parametrize("program", ["mean(3*(x+2)**2)", "sum(sin(x)*exp(-x*x)+tanh(x))", "logsumexp(x, 0)"])
def test_peak_memory_of_chains(program: str) -> None:
    n = 10**7
    done = subprocess.run([sys.executable, "-c", PEAK, program, str(n)], capture_output=True, text=True, check=True)
    results = 4 * n
    assert int(done.stdout) <= results + 0.15 * 2 * results


def place(array: np.ndarray) -> int:
    start: int = array.__array_interface__["data"][0]
    return start


def test_a_result_that_nobody_holds_is_given_out_again() -> None:
    buffers.forget()
    shape = (buffers.LARGE // 4,)
    first = buffers.empty(shape, np.float32)
    held = place(first)
    assert place(buffers.empty(shape, np.float32)) != held
    del first
    again = [buffers.empty((2, buffers.LARGE // 8), np.float32) for _ in range(3)]
    assert held in [place(array) for array in again]
    buffers.forget()


def test_a_result_of_which_a_part_is_held_is_not_given_out_again() -> None:
    buffers.forget()
    shape = (buffers.LARGE // 4,)
    first = buffers.empty(shape, np.float32)
    held = place(first)
    part = first[10:]
    del first
    assert held not in [place(buffers.empty(shape, np.float32)) for _ in range(3)]
    assert part.size == shape[0] - 10


@pytest.mark.parametrize("n", [1, 1000, buffers.LARGE])
def test_results_begin_where_a_vector_may(n: int) -> None:
    assert place(buffers.empty((n,), np.float64)) % 64 == 0


def test_buffers_of_many_plans_are_not_all_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuse, "KEPT", 1 << 20)
    idle = fuse._Idle()
    monkeypatch.setattr(fuse, "_IDLE", idle)
    x = np.ones(1 << 16, np.float32)
    functions = [gradcli.value_and_grad(f"sum(sin(x) * exp(x * {n}) + tanh(x))") for n in range(20)]
    for _ in range(2):
        for f in functions:
            assert np.isfinite(f(x=x)[0])
    assert idle._size <= (1 << 20) + max(space.size for spaces in idle._spaces.values() for space in spaces)
    assert len(idle._spaces) < 20
