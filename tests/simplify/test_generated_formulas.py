"""Formulas of random programs: what `diff` prints gives the gradient at the point given and at another one."""

import random

import numpy as np
import pytest

from gradcli.api import Session
from gradcli.cli.diff import differentiate
from gradcli.cli.diffoutput import text_of
from gradcli.cli.problem import Problem
from gradcli.language.syntax.parse import parse_program
from gradcli.source import Source

HEADS = [
    "{}", "sin({})", "tanh({})", "exp(-{}**2)", "sigmoid({})", "softplus({})", "log(1 + {}**2)", "sqrt({}**2 + 1)",
    "{}/(1 + {}**2)", "relu({}) + {}", "where({} > 0.2, 2*{}, -{}/3)", "atan({})", "erf({})", "abs({})*{}", "gelu({})",
    "silu({})", "elu({})", "clamp({}, -0.9, 0.9)", "softmax({}, -1)", "log_softmax({}, -1)", "{} - {}.mean()",
    "{}/norm({})", "{}.cumsum(0)", "{}.flip(0)", "cat([{}, {}])[:2]", "{}.T.T", "{} @ M", "{} * b", "{} + b", "{} - c",
    "{}[:, [2, 0, 1]]", "{}.roll(1, 0)", "layer_norm({}, (3,))", "{} * {}.sum(1, keepdim=True)", "maximum({}, c)",
    "{}.reshape(3, 2).reshape(2, 3)", "einsum('ij,kj->ik', {}, {}) @ c", "leaky_relu({})", "{}**3", "hypot({}, c)",
    "tril({})", "{} * ({} > 0)", "logsumexp({}, 1, keepdim=True) - {}", "stack([{}, c]).mean(0)", "2.5*{} - 1",
]  # fmt: skip
TAILS = [
    "sum({})", "mean({}**2)", "norm({})", "logsumexp({}.flatten(), 0)", "sum({} * c)", "max({}) + sum({}[0])",
    "mse_loss({}, c)", "cross_entropy({}, t)", "sum({} @ b)", "({} @ M).sum(1).prod()", "var({})",
    "smooth_l1_loss({}, c)",
    "binary_cross_entropy_with_logits({}, sigmoid(c))", "trace({} @ {}.T)", "{}.amax(1).sum()", "b @ {}.T @ {} @ b",
    "det({} @ {}.T + eye(2))", "logdet({} @ {}.T + eye(2))", "sum(inv({} @ {}.T + eye(2)))",
    "kl_div({}, softmax(c, 1))",
]  # fmt: skip
COUNT = 300
DAILY = 100


def programs():
    draw = random.Random(11)
    for at in range(COUNT):
        text = "x"
        for _ in range(draw.randint(1, 2)):
            text = draw.choice(HEADS).replace("{}", f"({text})" if text != "x" else text)
        yield at, TAILS[at % len(TAILS)].replace("{}", f"({text})" if text != "x" else text)


def point(seed):
    numbers = np.random.default_rng(seed)
    return {
        "x": numbers.uniform(-1.5, 1.5, (2, 3)), "M": numbers.uniform(-1, 1, (3, 3)), "b": numbers.uniform(-1, 1, 3),
        "c": numbers.uniform(-1, 1, (2, 3)), "t": numbers.integers(0, 3, 2),
    }  # fmt: skip


def gradient(text, values, name):
    session = Session(dtype="float64")
    for key, array in values.items():
        session.set(key, array, requires_grad=array.dtype.kind == "f")
    found = session.eval(f"torch.autograd.grad({text}, {name}, allow_unused=True)[0]")
    return None if found is None else found.numpy()


def differentiated(text, values, name):
    source = Source(text)
    problem = Problem(parse_program(source), source, "float64")
    used = [key for key in values if key in text]
    problem.values = problem.known = {key: values[key] for key in values if key in used or key == name}
    problem.known = dict(problem.values)
    problem.wrt = [name]
    return text_of(problem, differentiate(problem)[0])


@pytest.mark.parametrize(
    ("at", "text"),
    [pytest.param(*case, marks=[pytest.mark.slow] if case[0] >= DAILY else []) for case in programs()],
    ids=lambda part: str(part),
)
def test_the_formula_is_the_gradient(at, text):
    first, second = point(at), point(at + 1000)
    name = "xbc"[at % 3] if at % 3 and "xbc"[at % 3] in text.replace("mse", "").replace("abs", "") else "x"
    if gradient(text, first, name) is None:
        return
    with np.errstate(all="ignore"):
        formula = differentiated(text, first, name)
        for values in (first, second):
            wanted = gradient(text, values, name)
            session = Session(dtype="float64")
            for key, array in values.items():
                session.set(key, array)
            got = session.eval(formula)
            got = np.asarray(got.numpy() if hasattr(got, "numpy") else got)
            scale = np.abs(wanted).max() if wanted.size else 0
            assert got.shape == wanted.shape, formula
            assert np.allclose(got, wanted, rtol=1e-9, atol=1e-12 * max(scale, 1), equal_nan=True), formula
    assert "torch.func" not in formula, formula
