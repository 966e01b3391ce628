"""Plans in words."""

from __future__ import annotations

import gradcli

SEED = """\
plan: 1 pass over blocks, 1 step on whole arrays
  pass 1   over [1000, 1000] as 1000000: 8 blocks of 131072 elements, 1 thread
           %1 = add(2, x)
           %2 = dot(%1, %1)
           %3 = mul(6e-06, %1)    stored
           reads x; 0 buffers a thread, 0 B
  whole    %4 = mul(3e-06, %2)    4 B
  results  %4, %3
  bytes    4.0 MB read, 4.0 MB written
  memory   8.0 MB at most, by estimate; 8.0 MB are inputs and results
"""


def plan(program: str, **variables: str) -> str:
    session = gradcli.Session()
    for name, value in variables.items():
        session.run(f"{name} = {value}")
    return session.plan(program)


def test_a_chain_and_its_gradient_are_one_pass() -> None:
    assert plan("mean(3*(x+2)**2)", x="torch.ones(1000, 1000, requires_grad=True)") == SEED


def test_the_mean_and_the_rest_are_two_passes() -> None:
    text = plan("sum((x - x.mean())**2)", x="torch.ones(100000)")
    assert text.startswith("plan: 2 passes over blocks")
    assert "stored" not in text


def test_products_of_matrices_are_calls() -> None:
    text = plan("(x @ w).sum()", x="torch.ones(200, 300)", w="torch.ones(300, 400)")
    assert "whole    %1 = mm(x, w)    320.0 kB" in text


def test_a_tall_matrix_is_read_once() -> None:
    text = plan(
        "softplus(-y * (x @ w)).mean()",
        x="torch.ones(10000, 20)",
        w="torch.ones(20, requires_grad=True)",
        y="torch.ones(10000)",
    )
    assert "row products(x, w)" in text
    assert "column products(x, " in text


def test_what_cannot_be_planned_says_so() -> None:
    assert plan("y = x\nwhile y < 9:\n    y = y * 2\ny", x="torch.tensor(1.)").startswith("no plan: ")
