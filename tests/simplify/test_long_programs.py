"""Formulas of loops are as long as the loops: what several steps share has a line of its own."""

import pytest

from tests.simplify.test_golden_formulas import printed

PROGRAMS = {
    "of functions": ("y = sin(y)*0.9 + x", "y = x", "y.sum()", "--x 1,2,3"),
    "of matrices": ("y = y - 0.1*(y @ A - x)", "y = x", "(y**2).sum()", "--x 1,2 --A eye:2"),
    "of neighbours": ("y = y + 0.1*(roll(y, 1) - 2*y + roll(y, -1))", "y = x", "(y**2).sum()", "--x randn:6"),
    "of products": ("y = y*cos(x*y)", "y = x", "y.sum()", "--x 1,2,3"),
}


def length(name, steps):
    step, first, last, values = PROGRAMS[name]
    body = "; ".join([first, *[step] * steps, last])
    return len(printed(f'"{body}" --wrt x {values}'))


@pytest.mark.parametrize("name", PROGRAMS)
def test_twice_the_steps_make_twice_the_text(name):
    assert length(name, 40) < 2.6 * length(name, 20)
