"""What torch 2.13 does at the edges of elementwise ops: signs of zero, kinks, dtypes, refusals."""

import pytest

from gradcli import GradcliError, Session

VALUES = [
    # zeros keep the sign that torch gives them
    ("torch.tensor([-1.017]) % 0.5", "tensor([0.4830])"),
    ("torch.tensor([-2., 3., -0.]) % 2", "tensor([-0., 1., -0.])"),
    ("torch.tensor([-0., 0.]).relu()", "tensor([-0., 0.])"),
    ("torch.tensor([-1., -0.]).frac()", "tensor([0., 0.])"),
    ("torch.minimum(torch.tensor([-0.]), torch.tensor(0.))", "tensor([-0.])"),
    # integers: towards which side, of which dtype
    ("torch.tensor([-7, 7]) // 2", "tensor([-4,  3])"),
    ("torch.div(torch.tensor([-7, 7]), 2, rounding_mode='trunc')", "tensor([-3,  3])"),
    ("torch.tensor([-7, 7]) % 3", "tensor([2, 1])"),
    ("torch.fmod(torch.tensor([-7, 7]), 3)", "tensor([-1,  1])"),
    ("torch.tensor([1, 2]) / 2", "tensor([0.5000, 1.0000])"),
    ("torch.tensor([True, False]) ** 2", "tensor([1, 0])"),
    ("torch.pow(torch.tensor([1, -1, 2]), torch.tensor([-1, -3, -1]))", "tensor([ 1, -1,  0])"),
    ("torch.tensor([1, 200], dtype=torch.uint8) * -1", "tensor([255,  56], dtype=torch.uint8)"),
    ("torch.tensor([1, 2]).clamp(0.5, 1.5)", "tensor([1.0000, 1.5000])"),
    ("torch.float_power(torch.tensor([2.]), 2)", "tensor([4.], dtype=torch.float64)"),
    ("torch.add(torch.tensor([True]), torch.tensor([True]), alpha=2)", "tensor([True])"),
    # what is not finite
    ("torch.fmax(torch.tensor([nan, 1.]), torch.tensor([2., nan]))", "tensor([2., 1.])"),
    ("torch.xlogy(torch.tensor([0., 0.]), torch.tensor([0., nan]))", "tensor([0., nan])"),
    ("torch.tensor([nan, inf]).nan_to_num(1., 2.)", "tensor([1., 2.])"),
    ("torch.tensor([1.]) // 0", "tensor([inf])"),
]
REFUSED = [
    ("torch.tensor([1, 2]) // 0", "ZeroDivisionError"),
    ("torch.tensor([1, 2]) ** -1", "Integers to negative integer powers are not allowed."),
    ("torch.tensor([True]) - 1", "Subtraction, the `-` operator, with a bool tensor is not supported."),
    ("torch.frac(torch.tensor([1]))", "\"frac_cpu\" not implemented for 'Long'"),
    ("torch.ones(2) & 1", "\"bitwise_and_cpu\" not implemented for 'Float'"),
    ("torch.add(torch.tensor([1]), 1, alpha=0.5)", "For integral input tensors, argument alpha must not be"),
    ("torch.tensor([1], dtype=torch.uint8) ** 300", "value cannot be converted to type uint8_t without overflow"),
    ("torch.lerp(torch.ones(1), torch.ones(1).double(), 0.5)", "expected dtype float for `end` but got dtype double"),
    ("torch.polygamma(-1, torch.ones(1))", "polygamma(n, x) does not support negative n."),
]
GRADIENTS = [
    ("torch.maximum(x, torch.zeros(3))", [-1.0, 0.0, 1.0], [0.0, 0.5, 1.0]),
    ("torch.fmax(x, torch.zeros(3))", [-1.0, 0.0, 1.0], [0.0, 1.0, 1.0]),
    ("x.clamp(-1, 1)", [-1.0, 2.0, 1.0], [1.0, 0.0, 1.0]),
    ("x.clamp(1, -1)", [0.0, 2.0, -2.0], [0.0, 0.0, 0.0]),
    ("x ** 0", [0.0, 1.0, -1.0], [0.0, 0.0, 0.0]),
    ("0 ** x", [0.0, 1.0, 2.0], [0.0, 0.0, 0.0]),
    ("x.abs() + x.sign() + x.relu()", [0.0, -1.0, 1.0], [0.0, -1.0, 2.0]),
    ("torch.atan2(x, torch.zeros(3))", [0.0, 1.0, -1.0], [0.0, 0.0, 0.0]),
    ("torch.copysign(x, torch.tensor([-1., 1., -1.]))", [1.0, -1.0, 0.0], [-1.0, -1.0, 0.0]),
    ("x.sinc() + torch.special.i1(x)", [0.0, 0.0, 0.0], [0.5, 0.5, 0.5]),
    ("x.logit(0.1)", [0.05, 0.5, 0.95], [0.0, 4.0, 0.0]),
    ("x.logit(0.25)", [0.0, 0.5, 1.0], [0.0, 4.0, 0.0]),
    ("torch.ldexp(x, torch.tensor([-1, 0, 2]))", [1.0, 1.0, 1.0], [0.0, 1.0, 4.0]),
]


@pytest.mark.parametrize(("source", "printed"), VALUES)
def test_values(source: str, printed: str) -> None:
    assert Session().run(f"from math import nan, inf\nprint({source})") == printed + "\n"


@pytest.mark.parametrize(("source", "said"), REFUSED)
def test_refusals(source: str, said: str) -> None:
    with pytest.raises(GradcliError) as caught:
        Session().run(source)
    assert caught.value.said().startswith(said)


@pytest.mark.parametrize(("source", "at", "gradient"), GRADIENTS)
def test_gradients_at_kinks_and_edges(source: str, at: list[float], gradient: list[float]) -> None:
    session = Session()
    session.run(f"x = torch.tensor({at}, requires_grad=True)\n({source}).sum().backward()")
    assert session["x"].grad.numpy().tolist() == gradient
