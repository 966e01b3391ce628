"""Every recorded case, family by family, with the names of both versions of PyTorch; and that the scorer can fail."""

from __future__ import annotations

from functools import cache

import pytest

from gradcli.engine import layout
from gradcli.graph import node, op
from tests.conformance.score import (
    HERE,
    JUDGES,
    THRESHOLDS,
    Score,
    cases,
    decode,
    difference,
    family,
    identical,
    joined,
    judge,
    score,
    similar_text,
)

VERSIONS = ("torch2", "torch1")
FAMILIES = [(kind, name) for kind in JUDGES for name in dict.fromkeys(family(case) for case in cases(kind))]
# ids of cases that are known to fail, one a line: `score.py` says why
OPEN = frozenset((HERE / "open.txt").read_text(encoding="utf-8").split())


@cache
def scores(kind: str, names: str) -> dict[str, Score]:
    return score(kind, names)


@pytest.mark.parametrize("names", [VERSIONS[0], pytest.param(VERSIONS[1], marks=pytest.mark.slow)])
@pytest.mark.parametrize(("kind", "name"), FAMILIES, ids=[f"{kind}-{name}" for kind, name in FAMILIES])
def test_family(kind: str, name: str, names: str) -> None:
    failed = {f"{case}: {wrong}" for case, wrong in scores(kind, names)[name].failed.items() if case not in OPEN}
    assert not failed, "\n".join(sorted(failed))


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        pytest.param(kind, names, marks=[pytest.mark.slow] if (kind, names) == ("ops", "torch1") else [])
        for names in VERSIONS
        for kind in JUDGES
    ],
)
def test_threshold(kind: str, names: str) -> None:
    whole = joined(scores(kind, names))
    assert whole.percent >= THRESHOLDS[kind], f"{whole.passed} of {whole.total}"


def test_every_name_of_pytorch_1() -> None:
    """One case for each function and each of its names; the values of all are compared with the names of PyTorch 2."""
    told_apart = {(family(case), str(case["grad_fn"]), str(case["grad_fn_torch1"])): case for case in cases("ops")}
    failed = [(case["id"], judge("ops", case, "torch1")) for case in told_apart.values() if case["id"] not in OPEN]
    assert not [f"{case}: {wrong}" for case, wrong in failed if wrong]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ops", "errors", "programs"])
def test_everything_planned_in_tiny_blocks(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is computed when it is made, and every array of more than one element goes through passes."""
    for module in (node, op):
        monkeypatch.setattr(module, "DEFER_ABOVE", -1)
    for name, value in (("FUSE_ABOVE", 1), ("BLOCK", 4), ("WIDEST", 6)):
        monkeypatch.setattr(layout, name, value)
    whole = joined(score(kind, "torch2"))
    assert not {case: wrong for case, wrong in whole.failed.items() if case not in OPEN}


# The scorer is scored: each way to be wrong is noticed

ARRAY = {"dtype": "float32", "shape": [2], "data": [1.0, "NaN"]}
CASE = {
    "id": "mul.1",
    "source": "x * 2",
    "inputs": {"x": {"dtype": "float32", "shape": [2], "data": [1.0, 2.0], "requires_grad": True}},
    "seed": {"dtype": "float32", "shape": [2], "data": [1.0, 1.0]},
    "output": {"dtype": "float32", "shape": [2], "data": [2.0, 4.0]},
    "grad_fn": "MulBackward0",
    "grad_fn_torch1": "MulBackward0",
    "grads": {"x": {"dtype": "float32", "shape": [2], "data": [2.0, 2.0]}},
    "printed": "tensor([2., 4.], grad_fn=<MulBackward0>)",
}


def test_a_right_case_passes() -> None:
    assert judge("ops", CASE, "torch2") is None


@pytest.mark.parametrize(
    ("part", "value", "said"),
    [
        ("output", {"dtype": "float32", "shape": [2], "data": [2.0, 4.01]}, "output: 1 of 2 values"),
        ("output", {"dtype": "float64", "shape": [2], "data": [2.0, 4.0]}, "dtype"),
        ("output", {"dtype": "float32", "shape": [1, 2], "data": [[2.0, 4.0]]}, "shape"),
        ("grad_fn", "AddBackward0", "grad_fn MulBackward0"),
        ("printed", "tensor([2., 5.], grad_fn=<MulBackward0>)", "printed"),
        ("grads", {"x": {"dtype": "float32", "shape": [2], "data": [2.0, 2.1]}}, "x.grad"),
        ("grads", {"x": None}, "x.grad is"),
        ("source", "x * undefined", "NameError"),
    ],
)
def test_a_wrong_case_fails(part: str, value: object, said: str) -> None:
    assert said in (judge("ops", CASE | {part: value}, "torch2") or "")


def test_other_kinds_fail_when_they_should() -> None:
    assert judge("errors", {"source": "torch.ones(2)", "inputs": {}, "torch_error": "no"}, "torch2")
    control = {"source": "nothing_of_the_kind", "inputs": {}}
    assert judge("errors", {"source": "1 +", "inputs": {}, "torch_error": "no", "control": control}, "torch2")
    assert judge("printing", {"source": "torch.ones(1)", "printed": "tensor([2.])"}, "torch2")
    assert judge("programs", {"program": "print(1)", "stdout": "2\n", "stdout_torch1": None}, "torch2")
    recorded = {"dtype": "float32", "shape": [1], "data": [0.5]}
    assert judge("rng", {"manual_seed": 1, "source": "torch.rand(1)", "data": recorded, "printed": ""}, "torch2")


def test_comparison() -> None:
    assert difference(decode(ARRAY), ARRAY, (0, 0)) is None
    assert identical(decode(ARRAY), ARRAY)
    assert not identical(-decode(ARRAY | {"data": [0.0, 1.0]}), ARRAY | {"data": [0.0, -1.0]})
    assert similar_text("tensor([1.0001])", "tensor([1.0002])", 1.01e-4)
    assert not similar_text("tensor([1.0001])", "tensor([1.0004])", 1.01e-4)
    assert not similar_text("tensor([1.])", "tensor([1., 2.])", 1.01e-4)
