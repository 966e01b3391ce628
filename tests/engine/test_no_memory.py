"""Tensors that do not fit into memory: what is asked for is told, where, and programs catch it as PyTorch's error."""

import numpy as np
import pytest

import gradcli
from gradcli.errors import NoMemory


def test_what_is_asked_for_is_told_and_where():
    with pytest.raises(NoMemory, match=r"not enough memory for \(1000000, 100000000\) elements of float32") as caught:
        gradcli.Session().run("x = torch.ones(1)\ny = torch.full((10**6, 10**8), 2.0)")
    assert "which take 400.0 TB" in str(caught.value)
    assert caught.value.op == "full"
    assert caught.value.span.text.endswith("torch.full((10**6, 10**8), 2.0)")


def test_a_program_catches_it():
    printed = gradcli.Session().run(
        "try:\n    print(torch.ones(10**6, 10**8) + 1)\nexcept RuntimeError as e:\n    print(str(e)[:45])"
    )
    assert printed == "DefaultCPUAllocator: can't allocate memory: y\n"


def test_in_a_pass():
    f = gradcli.value_and_grad("x * 2 + y", wrt=[])
    with pytest.raises(gradcli.GradcliError, match="not enough memory"):
        f(x=np.broadcast_to(np.float32(1), (10**7, 1)), y=np.broadcast_to(np.float32(1), (1, 10**8)))
