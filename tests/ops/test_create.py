"""Creation: dtypes of numbers, lengths of ranges, rounding of evenly spaced numbers, what follows another tensor."""

from __future__ import annotations

import numpy as np
import pytest

from gradcli.api import Session
from gradcli.errors import GradcliError


@pytest.mark.parametrize(
    ("expression", "values", "dtype"),
    [
        ("torch.arange(3)", [0, 1, 2], "int64"),
        ("torch.arange(2.5)", [0, 1, 2], "float32"),
        ("torch.arange(10, 0, -3)", [10, 7, 4, 1], "int64"),
        ("torch.arange(0, 5.5, 1.5, dtype=torch.int64)", [0, 1, 2, 3, 4], "int64"),
        ("torch.full((2,), 7)", [7, 7], "int64"),
        ("torch.full((2,), True)", [True, True], "bool"),
        ("torch.full((2,), 1.5, dtype=torch.int32)", [1, 1], "int32"),
        ("torch.full((1,), -1, dtype=torch.uint8)", [255], "uint8"),
        ("torch.full_like(torch.tensor([1, 2]), 2.7)", [2, 2], "int64"),
        ("torch.ones(2, dtype=float)", [1, 1], "float64"),
        ("torch.linspace(0, 10, 4, dtype=torch.int64)", [0, 3, 6, 10], "int64"),
        ("torch.linspace(3, 9, 1)", [3], "float32"),
        ("torch.logspace(0, 2, 3, 2)", [1, 2, 4], "float32"),
        ("torch.tensor([1.5]).new_full((2,), 3)", [3, 3], "float32"),
        ("torch.tensor([1]).new_tensor([1.9, 2])", [1, 2], "int64"),
        ("torch.tensor([300, -1]).to(torch.uint8)", [44, 255], "uint8"),
        ("torch.tril_indices(2, 2)", [[0, 1, 1], [0, 0, 1]], "int64"),
        ("torch.eye(2, 3, dtype=torch.int64)", [[1, 0, 0], [0, 1, 0]], "int64"),
    ],
)
def test_values_and_dtypes(expression: str, values: list, dtype: str) -> None:
    found = Session().eval(expression).numpy()
    assert found.tolist() == values
    assert found.dtype == dtype


def test_the_length_of_a_range_of_floats_is_counted_in_doubles() -> None:
    assert Session().eval("torch.arange(0, 1, 0.1)").shape == (10,)
    assert Session().eval("torch.arange(1, 0.01, -0.11)").shape == (9,)


def test_the_default_dtype() -> None:
    session = Session(dtype="float64")
    assert session.eval("torch.zeros(2)").numpy().dtype == np.float64
    assert session.eval("torch.arange(2.)").numpy().dtype == np.float64
    assert session.eval("torch.zeros_like(torch.ones(2).half())").numpy().dtype == np.float16


def test_requires_grad_belongs_to_the_tensor() -> None:
    session = Session()
    session.run("x = torch.ones(2, requires_grad=True)\n(x * torch.rand(2)).sum().backward()")
    assert session["x"].grad is not None
    assert not session.eval("torch.zeros_like(x)").requires_grad


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("torch.arange(0, 3, -1)", "do not lead"),
        ("torch.full((1,), 300, dtype=torch.uint8)", "does not fit"),
        ("torch.zeros(2, -1)", "cannot be negative"),
        ("torch.zeros(2, device='cuda')", "cuda"),
    ],
)
def test_refused(expression: str, message: str) -> None:
    with pytest.raises(GradcliError, match=message):
        Session().eval(expression)
