"""What of a text is code: prompts dropped, prose and recorded output left out."""

import pytest

from gradcli.repl.cells import split_cells

TUTORIAL = """\
In [16]:
import torch
x = torch.ones(2,2, requires_grad=True)
print(x)

tensor([[1., 1.],
        [1., 1.]], requires_grad=True)


Prose about `x`.

In [17]:
out.backward()

print gradients d(out)/dx

In [19]:
# a comment
print(x.grad)

tensor([[4.5000, 4.5000],
        [4.5000, 4.5000]])


Gradients

In [21]:
y = x * 2
while y.data.norm() < 1000:
    y = y * 2

print(y)

True
False
"""


def codes(text):
    return [cell.source.text.strip() for cell in split_cells(text)]


def test_the_tutorial():
    assert codes(TUTORIAL) == [
        "import torch\nx = torch.ones(2,2, requires_grad=True)\nprint(x)",
        "out.backward()",
        "# a comment\nprint(x.grad)",
        "y = x * 2\nwhile y.data.norm() < 1000:\n    y = y * 2\n\nprint(y)",
    ]


def test_lines_are_those_of_the_document():
    assert [cell.source.first_line for cell in split_cells(TUTORIAL)] == [2, 13, 18, 28]


def test_recorded_output():
    first = split_cells(TUTORIAL)[0]
    assert first.recorded.strip().startswith("tensor([[1., 1.],\n        [1., 1.]], requires_grad=True)")
    assert not first.exact
    assert {cell.shows for cell in split_cells(TUTORIAL)} == {"last"}


def test_a_program_is_one_cell():
    text = 'x = 1\n\nprint("In [3]: x")\n"""\n>>> x\n"""\n'
    cells = split_cells(text)
    assert [cell.source.text for cell in cells] == [text]
    assert cells[0].shows == "none"


def test_prompts():
    text = ">>> x = 1\n>>> for i in range(2):\n...     print(i)\n...\n0\n1\n>>> x\n1\nprose\n"
    cells = split_cells(text)
    assert [cell.source.text for cell in cells] == ["x = 1", "for i in range(2):\n    print(i)\n", "x"]
    assert [cell.source.first_line for cell in cells] == [1, 2, 7]
    assert [cell.recorded for cell in cells] == ["", "0\n1", "1\nprose\n"]
    assert {cell.shows for cell in cells} == {"each"}


def test_prompts_amid_prose():
    assert codes("First a tensor, then more:\n>>> x = 1\nThat was it.\n") == ["x = 1"]


def test_console_of_ipython():
    text = "In [1]: x = 1\n\nIn [2]: for i in range(2):\n   ...:     print(i)\n   ...:\n0\n1\n\nIn [3]: x\nOut[3]: 1\n"
    cells = split_cells(text)
    assert codes(text) == ["x = 1", "for i in range(2):\n    print(i)", "x"]
    assert cells[2].recorded.strip() == "1"


def test_output_right_below_the_code():
    assert codes("In [1]:\nx = torch.ones(2)\nprint(x)\ntensor([1., 1.])\nIn [2]:\nx.sum()\nOut[2]:\ntensor(2.)\n") == [
        "x = torch.ones(2)\nprint(x)",
        "x.sum()",
    ]


@pytest.mark.parametrize(
    "after",
    [
        "tensor([2.2441, 1.7583], requires_grad=True)",
        "torch.Size([2, 2])",
        "torch.float32",
        "True\nTrue\nFalse",
        "3.5",
        "[1, 2, 3]",
        "(tensor(1.), tensor(2.))",
        "Gradients",
        "Note: this is prose",
        "don't do that",
        "the sum (see above",
        "# A heading\n\nand prose below it",
        "<MeanBackward1 object at 0x7f>",
        "\\begin{align}\n   J = 1\n\\end{align}",
    ],
)
def test_what_ends_the_code(after):
    code = codes(f"In [1]:\nx = torch.ones(2)\nprint(x)\n\n{after}\n")[0]
    assert [line for line in code.splitlines() if line and not line.startswith("#")] == [
        "x = torch.ones(2)",
        "print(x)",
    ]


@pytest.mark.parametrize(
    "more",
    [
        "print(x)",
        "x.grad",
        "x.backward()",
        "with torch.no_grad():\n    print(x)",
        "y = (x +\n     1)",
        "def f(a):\n    b = a\n\n    return b",
        "torch.manual_seed(0)",
        "for i in range(3):\n    pass\nelse:\n    pass",
        "assert x is not None",
        "@torch.no_grad()\ndef f():\n    pass",
    ],
)
def test_what_goes_on_after_an_empty_line(more):
    assert codes(f"In [1]:\nx = 1\n\n{more}\n\nprose it is\n") == [f"x = 1\n\n{more}"]


@pytest.mark.parametrize("wrong", ["y = x +", "while x < 3\n    x = 4", "print(x y)", "for i in x x:"])
def test_mistakes_are_kept_to_be_reported(wrong):
    assert codes(f"In [1]:\nx = 1\n\n{wrong}\n")[0].startswith(f"x = 1\n\n{wrong}")


def test_magics_are_dropped():
    assert codes("In [1]:\n%matplotlib inline\n!pip install torch\nx = 1\n") == ["x = 1"]
