"""Normalisation: statistics, running averages changed in place, names, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from gradcli.api import Session
from gradcli.errors import GradcliError


def test_batch_norm_moves_the_running_statistics() -> None:
    session = Session()
    session.run("x = torch.tensor([[0., 1.], [4., 1.]])\nm, v = torch.zeros(2), torch.ones(2)")
    session.run("y = F.batch_norm(x, m, v, training=True, momentum=0.25)")
    assert np.allclose(session["m"].numpy(), [0.5, 0.25])
    assert np.allclose(session["v"].numpy(), [0.75 + 0.25 * 8, 0.75])  # the variance kept is the unbiased one
    assert np.allclose(session["y"].numpy(), [[-1, 0], [1, 0]], atol=1e-4)


def test_batch_norm_leaves_them_alone_when_it_uses_them() -> None:
    session = Session()
    session.run("m, v = torch.ones(2), torch.ones(2) * 4\ny = F.batch_norm(torch.ones(3, 2) * 3, m, v)")
    assert np.allclose(session["y"].numpy(), 1, atol=1e-4)
    assert session["m"].numpy().tolist() == [1, 1]


@pytest.mark.parametrize(
    ("arguments", "torch1"),
    [("", "ViewBackward"), (", w", "MulBackward0"), (", w, w", "AddcmulBackward")],
)
def test_layer_norm_names(arguments: str, torch1: str) -> None:
    for names, expected in (("torch1", torch1), ("torch2", "NativeLayerNormBackward0")):
        session = Session(names=names)
        session.run("x, w = torch.ones(2, 3, requires_grad=True), torch.ones(3)")
        assert session.eval(f"F.layer_norm(x, (3,){arguments})").grad_fn.name() == expected


def test_a_zero_vector_stays_zero() -> None:
    session = Session()
    session.run("x = torch.zeros(1, 3, requires_grad=True)\ny = F.normalize(x)\ny.sum().backward()")
    assert not session["y"].numpy().any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("F.layer_norm(torch.ones(2, 3), (2,))", "is not the end of the input's shape"),
        ("F.layer_norm(torch.ones(2, 3), ())", "at least one size"),
        ("F.layer_norm(torch.ones(2, 3), (3,), torch.ones(2))", "the weight has shape (2,)"),
        ("F.group_norm(torch.ones(2, 4), 3)", "do not divide into 3 groups"),
        ("F.batch_norm(torch.ones(2, 3), None, None)", "running_mean is None"),
        ("F.batch_norm(torch.ones(1, 3), None, None, training=True)", "has no variance"),
        ("F.batch_norm(torch.ones(2, 3), torch.ones(2), torch.ones(2))", "for 3 channels it must be (3,)"),
        ("F.instance_norm(torch.ones(2, 3, 1))", "has no variance"),
        ("F.local_response_norm(torch.ones(2, 3), 2)", "at least 3 dimensions"),
    ],
)
def test_refusals(call: str, message: str) -> None:
    with pytest.raises(GradcliError) as caught:
        Session().run(call)
    assert message in str(caught.value)
