"""Losses: reductions and their old spelling, names of both versions, targets, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from gradcli.api import Session
from gradcli.errors import GradcliError

PAIR = "x = torch.tensor([1., 2., 5.], requires_grad=True)\ny = torch.tensor([1.5, 0., 1.])\n"


def evaluated(program: str, expression: str) -> np.ndarray:
    session = Session()
    session.run(program)
    return session.eval(expression).numpy()


@pytest.mark.parametrize(
    ("arguments", "reduction"),
    [
        ("size_average=False", "sum"),
        ("False", "sum"),
        ("None, False", "none"),
        ("reduce=False", "none"),
        ("size_average=True, reduce=True", "mean"),
        ("size_average=False, reduction='mean'", "sum"),
    ],
)
def test_the_old_arguments(arguments: str, reduction: str) -> None:
    old = evaluated(PAIR, f"F.mse_loss(x, y, {arguments})")
    assert np.array_equal(old, evaluated(PAIR, f"F.mse_loss(x, y, reduction='{reduction}')"))


@pytest.mark.parametrize(
    ("call", "tracked", "plain", "torch2"),
    [
        ("F.mse_loss(x, y)", "MeanBackward1", "MseLossBackward", "MseLossBackward0"),
        ("F.mse_loss(x, y, reduction='sum')", "SumBackward0", "MseLossBackward", "MseLossBackward0"),
        ("F.mse_loss(x, y, reduction='none')", "PowBackward0", "MseLossBackward", "MseLossBackward0"),
        ("F.smooth_l1_loss(x, y, reduction='none')", "SWhereBackward", "SmoothL1LossBackward", "SmoothL1LossBackward0"),
        ("F.kl_div(x, y)", "KlDivBackward", "KlDivBackward", "MeanBackward0"),
        ("F.l1_loss(x, y)", "MeanBackward1", "L1LossBackward", "MeanBackward0"),
    ],
)
def test_names_depend_on_the_reduction_and_in_torch_1_on_the_target(
    call: str, tracked: str, plain: str, torch2: str
) -> None:
    for names, requires_grad, expected in (
        ("torch1", True, tracked),
        ("torch1", False, plain),
        ("torch2", True, torch2),
        ("torch2", False, torch2),
    ):
        session = Session(names=names)
        session.run(f"{PAIR}\ny = y.detach().requires_grad_({requires_grad})")
        assert session.eval(call).grad_fn.name() == expected


class TestClasses:
    PROGRAM = (
        "x = torch.tensor([[1., 2., 0.], [3., 1., 1.]])\nt = torch.tensor([1, 0])\nw = torch.tensor([1., 2., 3.])\n"
    )

    def rows(self) -> np.ndarray:
        x = np.array([[1.0, 2, 0], [3, 1, 1]])
        return x - np.log(np.exp(x).sum(1, keepdims=True))

    def test_the_mean_is_one_of_the_weights(self) -> None:
        taken = -self.rows()[[0, 1], [1, 0]]
        got = evaluated(self.PROGRAM, "F.cross_entropy(x, t, w)")
        assert np.isclose(got, (2 * taken[0] + taken[1]) / 3)

    def test_what_is_ignored_does_not_count(self) -> None:
        got = evaluated(self.PROGRAM, "F.cross_entropy(x, t, ignore_index=1)")
        assert np.isclose(got, -self.rows()[1, 0])

    def test_all_ignored_has_no_mean(self) -> None:
        assert np.isnan(evaluated(self.PROGRAM, "F.cross_entropy(x, t * 0 - 100)"))

    def test_probabilities_of_one_class_are_that_class(self) -> None:
        onehot = evaluated(self.PROGRAM, "F.cross_entropy(x, torch.tensor([[0., 1., 0.], [1., 0., 0.]]))")
        assert np.isclose(onehot, evaluated(self.PROGRAM, "F.cross_entropy(x, t)"))

    def test_smoothing_is_a_mixture(self) -> None:
        smooth = evaluated(self.PROGRAM, "F.cross_entropy(x, t, label_smoothing=0.3)")
        mixed = "F.cross_entropy(x, torch.tensor([[0.1, 0.8, 0.1], [0.8, 0.1, 0.1]]))"
        assert np.isclose(smooth, evaluated(self.PROGRAM, mixed))


def test_logarithms_of_certain_mistakes_are_cut() -> None:
    got = evaluated("", "F.binary_cross_entropy(torch.tensor([0., 1.]), torch.tensor([1., 0.]), reduction='none')")
    assert got.tolist() == [100, 100]


def test_logits_do_not_overflow() -> None:
    got = evaluated("", "F.binary_cross_entropy_with_logits(torch.tensor([1000., -1000.]), torch.tensor([0., 1.]))")
    assert got == 1000


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("F.mse_loss(torch.ones(3), torch.ones(3), reduction='average')", "it can be 'none', 'sum' or 'mean'"),
        ("F.cross_entropy(torch.ones(2, 3), torch.ones(2))", "class numbers must be int64"),
        ("F.cross_entropy(torch.ones(2, 3), torch.tensor([0, 3]))", "there are 3 classes, 0 to 2"),
        ("F.cross_entropy(torch.ones(2, 3), torch.tensor([0]))", "the batches differ"),
        ("F.cross_entropy(torch.ones(2, 3), torch.tensor([0, 1]), torch.ones(2))", "the weight has shape (2,)"),
        ("F.cross_entropy(torch.ones(2, 3), torch.tensor([0, 1]), label_smoothing=2.)", "between 0 and 1"),
        ("F.binary_cross_entropy(torch.tensor([2.]), torch.ones(1))", "probabilities"),
        ("F.binary_cross_entropy_with_logits(torch.ones(2, 3), torch.ones(2, 2))", "they must be equal"),
        ("F.huber_loss(torch.ones(3), torch.ones(3), delta=0)", "it must be positive"),
        ("F.smooth_l1_loss(torch.ones(3), torch.ones(3), beta=-1)", "must not be negative"),
        ("F.multi_margin_loss(torch.ones(2, 3), torch.tensor([0, 5]))", "not one of 0 to 2"),
        ("F.gaussian_nll_loss(torch.ones(2), torch.ones(2), -torch.ones(2))", "negative"),
        (
            "F.soft_margin_loss(torch.ones(2), torch.ones(2, requires_grad=True))",
            "no derivative with respect to target",
        ),
    ],
)
def test_refusals(call: str, message: str) -> None:
    with pytest.raises(GradcliError) as caught:
        Session().run(call)
    assert message in str(caught.value)
