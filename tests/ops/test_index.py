"""Indexing: shapes and names of what is picked, writes, refusals; and a live PyTorch on random indices."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import pytest

from gradcli.api import Session
from gradcli.errors import GradcliError

X = "x = torch.arange(24.).reshape(2, 3, 4).requires_grad_()\nm = x[0] * 1\n"


def session(names: str = "torch2") -> Session:
    made = Session(names=names)
    made.run(X)
    return made


@pytest.mark.parametrize(
    ("expression", "shape", "torch1", "torch2"),
    [
        ("x[0]", (3, 4), "SelectBackward", "SelectBackward0"),
        ("x[:]", (2, 3, 4), "SliceBackward", "SliceBackward0"),
        ("x[:, :]", (2, 3, 4), "SliceBackward", "AliasBackward0"),
        ("x[...]", (2, 3, 4), "AliasBackward", "AliasBackward0"),
        ("x[1, :]", (3, 4), "SliceBackward", "SelectBackward0"),
        ("x[None, :]", (1, 2, 3, 4), "SliceBackward", "UnsqueezeBackward0"),
        ("x[..., None]", (2, 3, 4, 1), "UnsqueezeBackward0", "UnsqueezeBackward0"),
        ("x[True]", (1, 2, 3, 4), "IndexBackward", "IndexBackward0"),
        ("x[torch.tensor(1)]", (3, 4), "SelectBackward", "SelectBackward0"),
        ("x[[0, 1], :, [1, 3]]", (2, 3), "IndexBackward", "IndexBackward0"),
        ("x[0, :, [1, 2]]", (3, 2), "IndexBackward", "IndexBackward0"),
        ("x[:, [[0], [1]], [2, 3]]", (2, 2, 2), "IndexBackward", "IndexBackward0"),
        ("x[:, [torch.tensor([1]), 2]]", (2, 2, 4), "IndexBackward", "IndexBackward0"),
        ("x[[[0, 1], [1, 0]]]", (2, 4), "IndexBackward", "IndexBackward0"),
        ("x[x > 20]", (3,), "IndexBackward", "IndexBackward0"),
        ("x[5:2]", (0, 3, 4), "SliceBackward", "SliceBackward0"),
    ],
)
def test_picked(expression: str, shape: tuple[int, ...], torch1: str, torch2: str) -> None:
    for names, wanted in (("torch1", torch1), ("torch2", torch2)):
        found = session(names).eval(expression)
        assert tuple(found.shape) == shape
        assert found.grad_fn.name() == wanted


@pytest.mark.parametrize(
    ("statement", "places", "torch2"),
    [
        ("m[0] = 70", np.s_[0], "CopySlices"),
        ("m[:, ::2] = 70", np.s_[:, ::2], "CopySlices"),
        ("m[[0, 2]] = 70", np.s_[[0, 2]], "IndexPutBackward0"),
        ("m[1, [0, 3]] = 70", np.s_[1, [0, 3]], "CopySlices"),
        ("m[m > 5] = 70", np.arange(12.0).reshape(3, 4) > 5, "IndexPutBackward0"),
        ("m.T[0, 1:] = 70", np.s_[1:, 0], "CopySlices"),
        ("m.view(-1)[2:4] = 70", np.s_[0, 2:4], "CopySlices"),
    ],
)
def test_written(statement: str, places: object, torch2: str) -> None:
    expected = np.arange(12.0, dtype=np.float32).reshape(3, 4)
    expected[places] = 70
    made = session()
    made.run(statement)
    assert np.array_equal(made["m"].numpy(), expected)
    assert made["m"].grad_fn.name() == torch2
    made.run("m.sum().backward()")
    assert np.array_equal(made["x"].grad.numpy()[0], expected != 70)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("x[2]", "index 2 is out of range for a dimension of size 2"),
        ("x[0, 0, 0, 0]", "4 indices are too many for a tensor of 3 dimensions"),
        ("x[::-1]", "the step of a slice is -1"),
        ("x[torch.tensor([0.5])]", "cannot be an index"),
        ("x[:, [3]]", "index 3 is out of range for dimension 1 of size 3"),
        ("x[torch.ones(3) > 0]", "a mask of shape (3,) does not fit"),
        ("x[[0, 1], [0, 1, 2]]", "do not broadcast: (2,) and (3,)"),
        ("x.sum()[0]", "without dimensions"),
        ("x[:, [torch.tensor([1, 2]), 2]]", "a tensor is one integer, not torch.int64 of shape (2,)"),
        ("x[:, [x, 2]]", "a tensor is one integer, not torch.float32 of shape (2, 3, 4)"),
    ],
)
def test_refused(expression: str, message: str) -> None:
    with pytest.raises(GradcliError, match=message.replace("(", r"\(").replace(")", r"\)").replace("[", r"\[")):
        session().eval(expression)


@pytest.mark.parametrize(
    "statement", ["m[0] = torch.ones(3)", "m[[0, 1]] = torch.ones(3)", "m[[0]] = torch.ones(1).double()"]
)
def test_values_that_do_not_fit(statement: str) -> None:
    with pytest.raises(GradcliError):
        session().run(statement)


def indices(shape: tuple[int, ...], count: int, seed: int) -> Iterator[str]:
    """Random indices for a shape: integers, slices, None, `...`, bools, lists, tensors and masks mixed."""
    chance = random.Random(seed)

    def bound() -> str:
        return chance.choice(["", "", "0", "1", "2", "-1", "-2", "5", "-7"])

    def part(size: int) -> str:
        listed = [chance.randint(-size, size - 1) for _ in range(chance.randint(1, 3))]
        mask = [chance.random() < 0.5 for _ in range(size)]
        forms = [
            str(chance.randint(-size, size - 1)),
            f"{bound()}:{bound()}",
            f"{bound()}:{bound()}:{chance.randint(1, 3)}",
            str(listed),
            f"torch.tensor([{listed}, {listed}])",
            f"torch.tensor({mask})",
            f"torch.tensor({chance.randint(0, size - 1)})",
        ]
        return chance.choice(forms)

    for _ in range(count):
        parts = [part(size) for size in shape[: chance.randint(1, len(shape))]]
        for extra in ("None", "True", "..."):
            if chance.random() < 0.2:
                parts.insert(chance.randint(0, len(parts)), extra)
        yield ", ".join(parts)


@pytest.mark.torch
@pytest.mark.parametrize("seed", range(4))
def test_against_torch(seed: int) -> None:
    import torch

    reference = torch.arange(24.0).reshape(2, 3, 4)
    for text in indices((2, 3, 4), 100, seed):
        leaf = reference.clone().requires_grad_()
        made = session()
        try:
            # the index is one that this file made
            wanted = eval(f"leaf[{text}]", {"torch": torch, "leaf": leaf})  # noqa: S307
        except (IndexError, RuntimeError, ValueError):
            with pytest.raises(GradcliError):
                made.eval(f"x[{text}]")
            continue
        found = made.eval(f"x[{text}]")
        assert np.array_equal(found.numpy(), wanted.detach().numpy()), text
        assert found.grad_fn.name() == wanted.grad_fn.name(), text
        (wanted**2).sum().backward()
        made.run(f"(x[{text}] ** 2).sum().backward()")
        assert np.array_equal(made["x"].grad.numpy(), leaf.grad.numpy()), text
