"""Text from values: f-strings, `format`, `str.format` and `%`, with tensors as PyTorch formats them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcli.language.context import Context
from gradcli.language.machine.machine import compile_program
from gradcli.language.syntax.parse import parse_program
from gradcli.language.wiring import machine
from gradcli.source import Source

Printed = Callable[[str], str]

# What PyTorch 2.13 answered, for the tensors of START.
TENSORS = [
    ('f"{t}"', "1.5"),
    ('f"{t!r}"', "tensor(1.5000)"),
    ('f"{t:.2f}"', "1.50"),
    ('f"{t:>10}"', "       1.5"),
    ('f"{t!s:>20}"', "      tensor(1.5000)"),
    ('f"{t=}"', "t=tensor(1.5000)"),
    ('f"{[t]}"', "[tensor(1.5000)]"),
    ('f"{r}"', "1.5"),
    ('f"{r!r}"', "tensor(1.5000, requires_grad=True)"),
    ('f"{r:.3f}"', "1.500"),
    ('"%s" % r', "tensor(1.5000, requires_grad=True)"),
    ('"{}".format(t)', "1.5"),
    ('"{:.1e}".format(r)', "1.5e+00"),
    ('"%.3f" % t', "1.500"),
    ('"%d" % t', "1"),
    ('"%5.1f %s" % (t, 1)', "  1.5 1"),
    ('"%s" % t', "tensor(1.5000)"),
    ("str(t)", "tensor(1.5000)"),
    ('f"{v}"', "tensor([1., 2.])"),
    ('"{}".format(v)', "tensor([1., 2.])"),
    ('"%s" % v', "tensor([1., 2.])"),
    ('f"{i}"', "3"),
    ('f"{i:03d}"', "003"),
    ('f"{b}"', "True"),
    ('f"{v.shape}"', "torch.Size([2])"),
    ('f"{t.dtype}"', "torch.float32"),
    ('"{0.shape} {1[0]:.1f}".format(v, v)', "torch.Size([2]) 1.0"),
    ('f"{v.grad}"', "None"),
    ('format(t, ".2f")', "1.50"),
]
REFUSED = [
    ('f"{v:.2f}"', "TypeError: unsupported format string passed to Tensor.__format__"),
    ('f"{v:>10}"', "TypeError: unsupported format string passed to Tensor.__format__"),
    ('f"{t:d}"', "ValueError: Unknown format code 'd' for object of type 'float'"),
    ('"%x" % t', "TypeError: %x format: an integer is required, not Tensor"),
]


@pytest.fixture(scope="module")
def torch_printed() -> Printed:
    def run(program: str) -> str:
        context, pieces = Context(), []
        context.write = pieces.append
        with context.active():
            machine(context).run(compile_program(parse_program(Source(program))), {})
        return "".join(pieces)

    return run


START = (
    "t = torch.tensor(1.5)\nr = torch.tensor(1.5, requires_grad=True)\nv = torch.tensor([1., 2.])\n"
    "i = torch.tensor(3)\nb = torch.tensor(True)\n"
)


@pytest.mark.parametrize(("expression", "text"), TENSORS)
def test_a_tensor_is_formatted_as_pytorch_does(expression: str, text: str, torch_printed: Printed) -> None:
    assert torch_printed(f"{START}print({expression})") == text + "\n"


@pytest.mark.parametrize(("expression", "message"), REFUSED)
def test_what_pytorch_does_not_format_is_refused(expression: str, message: str, torch_printed: Printed) -> None:
    program = f"{START}try:\n    print({expression})\nexcept Exception as e:\n    print(type(e).__name__ + ':', e)"
    assert torch_printed(program) == message + "\n"


values = st.one_of(
    st.integers(-(10**6), 10**6),
    st.floats(allow_nan=True, width=32),
    st.text("ab<>=^{}%é", max_size=6),
    st.booleans(),
    st.none(),
)
specs = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["", "<", ">", "^", "=", "*<", "0>"]),
        st.sampled_from(["", "+", "-", " "]),
        st.sampled_from(["", "#"]),
        st.sampled_from(["", "0", "5", "012"]),
        st.sampled_from(["", ",", "_"]),
        st.sampled_from(["", ".0", ".3"]),
        st.sampled_from(["", "d", "f", "e", "g", "s", "x", "b", "%", "n", "q"]),
    ),
)
flags = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["", "-", "+", " ", "0", "#"]), st.sampled_from(["", "5", "*"]),
        st.sampled_from(["", ".2", ".0"]),
        st.sampled_from(list("dfegsrxXoiucEq")),
    ),
)  # fmt: skip


def _same(printed: Printed, python: Printed, expression: str) -> None:
    program = f"try:\n    print({expression})\nexcept Exception as e:\n    print(type(e).__name__)"
    assert printed(program) == python(program)


@given(values, specs)
def test_specs_mean_what_they_mean_in_python(printed: Printed, python: Printed, value: object, spec: str) -> None:
    shown = (
        repr(value) if value == value and abs(value if isinstance(value, float) else 0) < 1e300 else f"float('{value}')"
    )
    _same(printed, python, f"format({shown}, {spec!r}), '{{:{spec}}}|{{!r:>5}}'.format({shown}, {shown})")


@given(values, values, flags, flags)
def test_percent_means_what_it_means_in_python(
    printed: Printed, python: Printed, one: object, two: object, first: str, second: str
) -> None:
    pair = f"({one!r}, {two!r})".replace("inf", "1e999").replace("nan", "0.0")
    _same(printed, python, f"'%{first} and %{second}' % {pair}")


@given(st.text("{}ab01.[]!rs:>5 ", max_size=10))
def test_format_strings_of_any_text(printed: Printed, python: Printed, template: str) -> None:
    if "[" in template or "." in template:  # attributes are other tables than Python's
        return
    _same(printed, python, f"{template!r}.format(1, 'b', a=2.5)")


def test_a_program_means_python_s_function_where_that_is_what_programs_count_on(torch_printed: Printed) -> None:
    program = (
        "w = torch.tensor([1., 2.], requires_grad=True)\n"
        "print(sum(w), any(w > 1), all(w > 1), max(w[0], 0), max(0, w[1]))\n"
        "print(sum(torch.ones(2, 2)), max(torch.ones(2)), abs(-w), any(torch.zeros(2, 2)))"
    )
    assert torch_printed(program) == (
        "tensor(3., grad_fn=<AddBackward0>) True False tensor(1., grad_fn=<SelectBackward0>) "
        "tensor(2., grad_fn=<SelectBackward0>)\n"
        "tensor(4.) tensor(1.) tensor([1., 2.], grad_fn=<AbsBackward0>) tensor(False)\n"
    )


def test_a_nested_spec_is_filled_in(printed: Printed) -> None:
    assert printed('w, p, x = 9, 2, 3.14159\nprint(f\'{x:{w}.{p}f}|{x:>{w}}|{"a":{"*^" + str(w)}}\')') == (
        "     3.14|  3.14159|****a****\n"
    )


def test_an_object_without_format_refuses_a_spec(printed: Printed) -> None:
    assert "unsupported format string passed to list.__format__" in printed("f'{[]:>5}'")
    assert "unsupported format string passed to A.__format__" in printed("class A: pass\nf'{A():>5}'")


def test_values_print_what_they_are(session: Any) -> None:
    shown = session.printed(
        "def f(): pass\nclass A:\n    def m(self): pass\nprint(print, [].append.__name__, int, A, type(A()), math)\n"
        "print(f'{f}'[:12], repr(A())[:22], repr(A().m)[:18], (lambda: 0).__name__)\n"
        "print(ValueError, [ValueError('a')][0])"
    )
    assert shown == (
        "<built-in function print> append <class 'int'> <class '__main__.A'> <class '__main__.A'> <module 'math'>\n"
        "<function f  <__main__.A object at  <bound method A.m  <lambda>\n<class 'ValueError'> a\n"
    )
