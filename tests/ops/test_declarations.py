"""Every op of the table, checked from its declaration alone."""

from __future__ import annotations

import numpy as np
import pytest

from gradcli.errors import GradcliError
from gradcli.graph.op import TABLE, Op, draw, floating, op
from gradcli.ops.catalog import catalog, declare_all, spellings_of
from gradcli.ops.declare import refuse
from gradcli.ops.elementwise.trig import cos, sin
from tests.ops.check_declaration import cases, check, check_gradients

declare_all()


def name_of(declared: Op) -> str:
    return declared.signature.text


@pytest.mark.parametrize("declared", [o for o in TABLE if o.samples], ids=name_of)
def test_declaration(declared: Op) -> None:
    found = check(declared)
    assert not found, "\n".join(found[:5])


def test_spellings() -> None:
    known, astray = catalog(), []
    for declared in TABLE:
        for spelling in spellings_of(declared):
            module, _, name = spelling.rpartition(".")
            table = known.methods if spelling.startswith(".") else known.modules[module or "torch"]
            if declared not in table.get(name, []):
                astray.append(f"{spelling} does not lead to {declared!r}")
    assert not astray, "\n".join(astray)


def has_rule(declared: Op) -> bool:
    return declared.joint is not None or any(rule not in (None, refuse) for rule in declared.grads or ())


def test_a_public_op_with_a_rule_has_samples() -> None:
    public = [o for o in TABLE if any(spellings_of(o)) and not o.name.endswith("_")]
    missing = [o.signature.text for o in public if has_rule(o) and not o.samples]
    assert not missing, "\n".join(missing)


def test_docs_are_sentences() -> None:
    assert not [o.signature.text for o in TABLE if not o.doc.endswith((".", ")"))]


@pytest.mark.parametrize(
    ("declared", "source", "message"),
    [(o, source, message) for o in TABLE for source, message in o.wrong],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_wrong_calls(declared: Op, source: str, message: str) -> None:
    from gradcli.api import Session  # the only test here that needs the language

    with pytest.raises(GradcliError) as caught:
        Session().run(source)
    assert message in str(caught.value)


# --- the check is checked -------------------------------------------------------------------------------------------


SAMPLES = [draw(3), draw(())]


def make(rule: object) -> Op:
    more = {"dtype": floating, "samples": SAMPLES, "listed": False}
    return op("wrong(Tensor input)", "For a test.", kernel=np.sin, grad=rule, **more)


def test_a_right_rule_passes() -> None:
    assert check(make(lambda g, y, x: g * cos(x))) == []


def test_a_rule_off_by_a_thousandth_fails_in_first_order() -> None:
    (found, *_) = check_gradients(cases(make(lambda g, y, x: g * cos(x) * 1.001))[0])
    assert "wrong(Tensor input) sample 0: draw((3,)), input 0, first order" in found
    assert "the rule says" in found
    assert "differences" in found


def test_a_rule_off_by_a_thousandth_fails_in_second_order() -> None:
    off = op("off(Tensor input)", "For a test.", kernel=np.cos, grad=lambda g, y, x: g * -sin(x) * 1.001, listed=False)
    found = check_gradients(cases(make(lambda g, y, x: g * off(x)))[0])
    assert len(found) == 1
    assert "second order" in found[0]


def test_one_input_of_several_is_enough_to_fail() -> None:
    product = op(
        "product(Tensor input, Tensor other)",
        "For a test.",
        kernel=np.multiply,
        grad=[lambda g, y, a, b: g * b, lambda g, y, a, b: g * a * 1.001],
        samples=[draw((2, 3), 3, low=0.5, high=2)],
        listed=False,
    )
    found = check_gradients(cases(product)[0])
    assert "input 1, first order" in found[0]


def test_a_shape_rule_that_lies_fails() -> None:
    lying = op("lying(Tensor input)", "For a test.", kernel=lambda x: x[None], samples=[draw(3)], listed=False)
    assert "the rules say (3,) float64, the kernel gives (1, 3) float64" in check(lying)[0]


def test_a_dtype_rule_that_lies_fails() -> None:
    lying = op("lying(Tensor input)", "For a test.", kernel=lambda x: x * np.float64(2), samples=SAMPLES, listed=False)
    assert any("the rules say (3,) float32, the kernel gives (3,) float64" in line for line in check(lying))
