"""Random ops: order of the draws in memory, no gradient, refusals. The numbers themselves: test_generator.py."""

from __future__ import annotations

import numpy as np
import pytest

from gradcli.api import Session
from gradcli.errors import GradcliError


def drawn(program: str, expression: str) -> np.ndarray:
    session = Session()
    session.run("torch.manual_seed(0)\n" + program)
    return session.eval(expression).numpy()


def test_numbers_fill_a_transposed_tensor_in_the_order_of_its_memory() -> None:
    straight = drawn("x = torch.zeros(5, 3).uniform_()", "x")
    assert np.array_equal(drawn("x = torch.zeros(5, 3)\nx.T.uniform_()", "x"), straight)
    assert np.array_equal(drawn("x = torch.zeros(5, 3)", "torch.rand_like(x.T)"), straight.T)


def test_normal_numbers_of_a_tensor_with_gaps_come_one_by_one() -> None:
    singly = drawn("", "torch.cat([torch.randn(10), torch.randn(10)])")
    assert np.array_equal(drawn("x = torch.zeros(20, 2)\nx[:, 0].normal_()", "x[:, 0]"), singly)


def test_no_gradient_flows_through_a_draw() -> None:
    session = Session()
    session.run("x = torch.ones(3, requires_grad=True)\ny = (x * 1).uniform_()\ny.sum().backward()")
    assert session["y"].grad_fn.name() == "UniformBackward0"
    assert session["x"].grad.numpy().tolist() == [0, 0, 0]


def test_dropout_scales_what_it_keeps() -> None:
    session = Session()
    session.run(
        "torch.manual_seed(0)\nx = torch.ones(100, requires_grad=True)\ny = F.dropout(x, 0.2)\ny.sum().backward()"
    )
    assert sorted(set(session["y"].numpy().tolist())) == [0, 1.25]
    assert np.array_equal(session["x"].grad.numpy(), session["y"].numpy())


def test_channels_are_dropped_whole() -> None:
    kept = drawn("", "F.dropout2d(torch.ones(2, 8, 3, 3))").reshape(16, 9)
    assert all(len(set(channel)) == 1 for channel in kept.tolist())


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("torch.rand(2, dtype=torch.int64)", "does not take int64"),
        ("torch.randint(5, 5, (2,))", "no integers from 5"),
        ("torch.randint(0, 300, (2,), dtype=torch.uint8)", "299 does not fit"),
        ("torch.normal(torch.zeros(2), -1.)", "cannot be negative"),
        ("torch.bernoulli(torch.tensor([1.5]))", "from 0 to 1"),
        ("torch.multinomial(torch.ones(2), 3)", "without putting them back"),
        ("torch.multinomial(torch.zeros(2), 1)", "all 0"),
        ("torch.zeros(2).uniform_(2, 1)", "is empty"),
        ("torch.zeros(2).exponential_(0)", "above 0"),
        ("F.dropout(torch.ones(2), -0.1)", "from 0 to 1"),
    ],
)
def test_refused(expression: str, message: str) -> None:
    with pytest.raises(GradcliError, match=message):
        Session().eval(expression)
