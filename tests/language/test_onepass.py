"""vmap in one pass: the function is called once where it can be, and for each slice where it looks at numbers."""

from __future__ import annotations

import pytest

from gradcli.api import Session

HEAD = "import torch\nfrom torch.func import vmap, grad, jacrev\nx = torch.arange(6.).reshape(3, 2)\n"


def printed(program: str) -> str:
    return Session().run(HEAD + program)


def test_the_function_is_called_once() -> None:
    assert (
        printed("def f(a):\n    print('called', a.shape)\n    return a * 2\nvmap(f)(x)") == "called torch.Size([2])\n"
    )


def test_a_function_that_looks_at_numbers_is_called_for_each_slice() -> None:
    program = "def f(a):\n    print('called')\n    return a * 10 if a.sum() > 2 else a\nprint(vmap(f)(x))"
    assert printed(program) == "called\n" * 3 + "tensor([[ 0.,  1.],\n        [20., 30.],\n        [40., 50.]])\n"


@pytest.mark.parametrize(
    "function",
    [
        "lambda a: a.softmax(0)",
        "lambda a: torch.outer(a, a)",
        "lambda a: a.sort().values.cumsum(0)",
        "lambda a: torch.linalg.inv(torch.outer(a, a) + torch.eye(2))",
        "lambda a: a.clone().add_(1).mul_(a)",
        "lambda a: torch.cat([a, a[:1] ** 2])",
        "lambda a: a @ x.T",
        "lambda a: (a.max(), a.argmax())",
        "grad(lambda a: (a ** 3).sum())",
        "jacrev(lambda a: a.sin() * a)",
        "vmap(lambda b: b * b)",
        "lambda a: a.int() // 2",
    ],
)
def test_the_result_is_that_of_the_slices(function: str) -> None:
    program = f"f = {function}\nr = vmap(f)(x)\ns = [f(row) for row in x]\n"
    program += "r = r if isinstance(r, tuple) else (r,)\ns = [v if isinstance(v, tuple) else (v,) for v in s]\n"
    program += "for at, part in enumerate(r):\n    whole = torch.stack([row[at] for row in s])\n"
    program += "    print(part.dtype == whole.dtype, torch.allclose(part, whole))\n"
    assert set(printed(program).splitlines()) == {"True True"}


def test_gradients_flow_through_it_and_only_where_they_should() -> None:
    program = "x.requires_grad_()\ny = vmap(lambda a: a.exp().sum() * a)(x)\ny.sum().backward()\ng = x.grad.clone()\n"
    program += "x.grad = None\ntorch.stack([a.exp().sum() * a for a in x]).sum().backward()\n"
    program += "print(torch.allclose(g, x.grad))\n"
    program += "w = torch.ones(2)\nslope = grad(lambda w, a: (w * a).sum())\n"
    program += "print(vmap(slope, in_dims=(None, 0))(w, x.detach()).requires_grad)"
    assert printed(program) == "True\nFalse\n"


def test_random_numbers() -> None:
    same = "r = vmap(lambda a: a + torch.rand(2), randomness='same')(x) - x\n"
    same += "print(torch.allclose(r[0], r[2], atol=1e-5))"
    assert printed(same) == "True\n"
    refused = "try:\n    vmap(lambda a: a + torch.rand(2))(x)\nexcept RuntimeError as e:\n    print('refused')"
    assert printed(refused) == "refused\n"


def test_batched_cotangents() -> None:
    program = "x.requires_grad_()\ny = x ** 2\nv = torch.eye(6).reshape(6, 3, 2)\n"
    program += "g, = torch.autograd.grad(y, x, v, is_grads_batched=True)\nprint(g.reshape(6, 6).diagonal())\n"
    program += "try:\n    torch.autograd.grad(y, x, v[0])\nexcept RuntimeError:\n    print('freed')"
    assert printed(program) == "tensor([ 0.,  2.,  4.,  6.,  8., 10.])\nfreed\n"


def test_a_loop_is_no_reason_to_look_at_numbers() -> None:
    program = (
        "def f(a):\n    print('called')\n    for i in range(3):\n        a = a * 2\n    return a\nprint(vmap(f)(x)[2])"
    )
    assert printed(program) == "called\ntensor([32., 40.])\n"


def test_what_is_kept_of_a_slice_has_no_value_outside() -> None:
    program = "kept = []\ndef f(a):\n    kept.append(a * 2)\n    return a\nvmap(f)(x)\n"
    program += "try:\n    print(kept[0])\nexcept RuntimeError as e:\n    print(e)"
    assert printed(program) == "vmap: a tensor from inside the function was kept, and has no value outside\n"
