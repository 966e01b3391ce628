"""torch.masked: the numbers of PyTorch 2.13, gradients, and masks that do not fit."""

from __future__ import annotations

import pytest

from gradcli.api import Session
from gradcli.errors import GradcliError

GIVEN = (
    "x = torch.tensor([[1., -2., 4.], [0.5, 3., 2.]], requires_grad=True)\n"
    "m = torch.tensor([[True, False, True], [False, False, False]])\n"
    "k = torch.tensor([[3, 1, 2], [5, 4, 6]])\n"
)


@pytest.mark.parametrize(
    ("expression", "printed"),
    [
        ("masked.sum(x, 1, mask=m)", "tensor([5., 0.])"),
        ("masked.sum(k, mask=m)", "tensor(5)"),
        ("masked.prod(x, dim=(0, 1), mask=m)", "tensor(4.)"),
        ("masked.amax(x, -1, mask=m)", "tensor([4., -inf])"),
        (
            "masked.amax(k, 0, keepdim=True, mask=m)",
            "tensor([[                   3, -9223372036854775808,                    2]])",
        ),
        ("masked.amin(x, 1, mask=m[:1])", "tensor([1.0000, 0.5000])"),
        ("masked.argmax(x, 1, mask=m)", "tensor([2., 0.])"),
        ("masked.argmin(k, mask=m)", "tensor(2)"),
        ("masked.mean(x, 1, mask=m)", "tensor([2.5000,    nan])"),
        ("masked.mean(x)", "tensor(1.4167)"),
        ("masked.median(x, 1, mask=m)", "tensor([1., nan])"),
        ("masked.norm(x, 1, 1, mask=m)", "tensor([5., 0.])"),
        ("masked.norm(x, -float('inf'), 1, mask=m)", "tensor([1., inf])"),
        ("masked.var(x, 1, mask=m)", "tensor([4.5000,    nan])"),
        ("masked.std(x, 0, unbiased=False, mask=m[0])", "tensor([0.2500,    nan, 1.0000])"),
        ("masked.softmax(x, 1, mask=m[:1])", "tensor([[0.0474, 0.0000, 0.9526], [0.1824, 0.0000, 0.8176]])"),
        ("masked.log_softmax(x, 1)", "tensor([[-3.0509, -6.0509, -0.0509], [-2.8715, -0.3715, -1.3715]])"),
        ("masked.softmin(x, 1, mask=m[0])", "tensor([[0.9526, 0.0000, 0.0474], [0.8176, 0.0000, 0.1824]])"),
        ("masked.cumsum(x, 1, mask=m)", "tensor([[1., 1., 5.], [0., 0., 0.]])"),
        ("masked.cumprod(k, 1, mask=m)", "tensor([[3, 3, 6], [1, 1, 1]])"),
        ("masked.normalize(x, 2.0, 1, mask=m)", "tensor([[0.2425, 0.0000, 0.9701], [0.0000, 0.0000, 0.0000]])"),
        ("masked.logsumexp(x, 1, mask=m)", "tensor([4.0486,   -inf])"),
        ("masked.logaddexp(x, x, input_mask=m)", "tensor([[ 1.6931, -2.0000,  4.6931], [ 0.5000,  3.0000,  2.0000]])"),
    ],
)
def test_as_torch(expression: str, printed: str) -> None:
    session = Session()
    session.run(GIVEN)
    found = repr(session.eval(f"torch.{expression}.detach()")).replace("\n       ", "")
    assert found == printed


def test_what_is_left_out_has_no_gradient() -> None:
    session = Session(names="torch2")
    session.run(GIVEN)
    mean = session.eval("torch.masked.mean(x, mask=m)")
    assert repr(mean) == "tensor(2.5000, grad_fn=<DivBackward0>)"
    mean.backward()
    assert session["x"].grad.numpy().tolist() == [[0.5, 0, 0.5], [0, 0, 0]]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("torch.masked.sum(x, mask=torch.ones(1, 2, 3).bool())", "the mask has 3 dimensions, the input 2"),
        ("torch.masked.sum(x, (0, -2))", "dim names a dimension twice"),
        ("torch.masked.mean(k)", "a mean needs a floating dtype"),
        ("torch.masked.median(k, 1, mask=m)", "a row has no element that is let through"),
        ("masked.sum(x)", "name 'masked' is not defined"),
    ],
)
def test_wrong_calls(expression: str, message: str) -> None:
    session = Session()
    session.run(GIVEN)
    with pytest.raises(GradcliError, match=message.replace("(", "\\(")):
        session.eval(expression)
