"""Every line that `gradcli explain` prints is true: its formulas are evaluated, its products multiplied again."""

import io
import json
import re

import numpy as np
import pytest

from gradcli import Session
from gradcli.cli.arguments import read_arguments
from gradcli.cli.explain import explanation_of
from gradcli.cli.main import COMMANDS
from gradcli.environment import Environment
from tests.simplify.test_generated_formulas import point, programs

SQUARE = """\
class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a):
        ctx.save_for_backward(a)
        return a * a
    @staticmethod
    def backward(ctx, g):
        a, = ctx.saved_tensors
        return 2 * a * g
"""
X, Y, M = "tensor([0.5, -1.0, 2.0])", "tensor([1.0, 3.0, -0.5])", "tensor([[0.5, -1.0, 2.0], [1.0, 0.25, -3.0]])"
PROGRAMS = [
    ("x = torch.ones(2,2, requires_grad=True)\ny = x + 2\nz = y * y * 3\nout = z.mean()\nout", {}),
    ("x - x", {"x": X}),
    ("x/x", {"x": "tensor([0.0, 2.0])"}),
    ("x**0 + x*0", {"x": X}),
    ("x.detach()*x", {"x": X}),
    ("y = x.detach(); z = exp(y)*x; z.sum() + y.sum()", {"x": X}),
    ("with torch.no_grad():\n    y = x*2\n    z = y + 1\nz*x", {"x": X}),
    ("y = x * 2\nwhile y.data.norm() < 100:\n    y = y * 2\ny", {"x": X}),
    ("y = x\nfor i in range(3):\n    y = tanh(y*w)\ny.sum()", {"x": X, "w": Y}),
    ("x = x*2; x = x.sin(); x.sum()", {"x": X}),
    ("y = x*w; w = y + 1; w.sum()", {"x": X, "w": Y}),
    ("g = x*2; v = g*x; softmax(v, 0)", {"x": X}),
    ("y = x*2; y[0] = w.sum(); y.add_(1); y.prod()", {"x": X, "w": Y}),
    (SQUARE + "y = x*3\nz = Square.apply(y)\n(z/z.norm()).sum()", {"x": X}),
    ("x.prod() + x.cumprod(0).sum()", {"x": "tensor([2.0, 0.0, 3.0])"}),
    ("x.abs().sqrt().sum()", {"x": "tensor([0.0, 4.0])"}),
    ("where(x > 0, log(x), 0*x).sum()", {"x": "tensor([0.0, 1.0])"}),
    ("layer_norm(x, (3,)).pow(2).sum()", {"x": X}),
    ("k = torch.tensor([0, 2, 2]); c = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0]); x[k].sum() * c.max()", {"x": X}),
    ("cross_entropy(m, t) + (m @ x).norm()", {"m": M, "x": X, "t": "tensor([2, 0])"}),
    ("m.max(1)[0] * m.sum(1) / m.amax()", {"m": M}),
    ("dropout(x, 0.5)*w", {"x": X, "w": Y}),
    ("conv1d(m[None], w[None, None].expand(1, 2, 3)).sum()", {"m": M, "w": Y}),
    ("(m @ m.T).logdet(), m.std(0)", {"m": M}),
    ("nanmean(x)", {"x": "tensor([1.0, float('nan'), 3.0])"}),
    ("w.register_hook(lambda g: g*2); prod(x)", {"x": X, "w": Y}),
]  # fmt: skip


def explained(program, values):
    words = [program, "--dtype", "float64", "--manual-seed", "3"]
    words += [part for name, text in values.items() for part in (f"--{name}", text)]
    streams = (io.StringIO() for _ in range(3))
    with np.errstate(all="ignore"):
        return explanation_of(read_arguments(COMMANDS["explain"], words), Environment(*streams, {}))


def evaluated(lines, names, program):
    session = Session(dtype="float64")
    session.run(program[: len(SQUARE)] if program.startswith("class") else "")
    for name, array in names.items():
        session.set(name, np.array(array))
    found = session.eval("\n".join(lines))
    return np.asarray(found.numpy() if hasattr(found, "numpy") else found)


def close(a, b):
    a, b = np.asarray(a, float), np.asarray(b, float)
    return np.allclose(np.broadcast_to(a, b.shape) if a.size == 1 else a, b, rtol=1e-7, atol=1e-12, equal_nan=True)


def check_lines(e, program):
    """Evaluate every formula of an explanation, and multiply and add again what it says is multiplied and added."""
    names = {name: array for name, (array, _) in e.given.items()} | {step.name: step.value for step in e.steps}
    assert len(names) == len(e.given) + len(e.steps), "two things have one name"

    def holds(term, numbers, **more):
        lines = e.formula(term)
        return lines == ["(no formula)"] or close(evaluated(lines, names | more, program), numbers)

    for step in e.steps:
        step.complete()
        assert holds(step.formula, step.value), step.name
        if len(step.came) > 1 and not step.hooked:
            assert close(sum(g for _, g in step.came), step.cotangent), step.name
        for passed in step.passed:
            if passed.factor is None:
                assert holds(passed.formula, passed.numbers, **{e.cotangent: step.cotangent}), (step.name, passed.name)
                continue
            assert passed.local is None or holds(passed.local, passed.factor), (step.name, passed.name)
            with np.errstate(invalid="ignore"):
                product = step.cotangent * passed.factor
            assert passed.repeated or close(product, passed.numbers), (step.name, passed.name)
    weights = dict(zip(e.weights, (seed for _, seed in e.seeds), strict=True)) if e.seeded else {}
    for result in e.results:
        if result.formula and result.holds:
            assert close(evaluated(result.formula.split("\n"), names | weights, program), result.numbers), result.name


@pytest.mark.parametrize(("program", "values"), PROGRAMS, ids=lambda part: part if isinstance(part, str) else "")
def test_every_line_is_true(program, values):
    check_lines(explained(program, values), program)


@pytest.mark.slow
@pytest.mark.parametrize(("at", "text"), list(programs()), ids=str)
def test_every_line_of_generated_programs_is_true(at, text):
    values = {name: v for name, v in point(at).items() if re.search(rf"\b{name}\b", text)}
    check_lines(
        explained(text, {name: f"tensor({v.tolist()}, dtype=torch.{v.dtype})" for name, v in values.items()}), text
    )


@pytest.mark.parametrize(("program", "values"), PROGRAMS, ids=lambda part: part if isinstance(part, str) else "")
def test_what_arrives_is_the_gradient(program, values):
    session = Session(dtype="float64")
    session.run("torch.manual_seed(3)")
    for name, text in values.items():
        session.set(name, np.array(session.eval(text).numpy()), requires_grad="." in text)
        session.run(f"{name}_given = {name}")
    output = session.eval(program)
    outputs = [y for y in (output if isinstance(output, tuple) else (output,)) if y.requires_grad]
    session["outputs"] = outputs
    for result in explained(program, values).results:
        name = f"{result.name}_given" if result.name in values and result.shown == result.name else result.name
        found = session.eval(f"torch.autograd.grad(sum([y.sum() for y in outputs]), {name}, retain_graph=True)[0]")
        assert close(found.numpy(), result.numbers), result.shown


SAME = "(where what the program reads from values (for branches, loops, numbers) is the\nsame)"


@pytest.mark.parametrize(
    ("program", "x", "shown"),
    [
        ("x - x", "1,2", "  out = x - x = [0, 0]\n"),
        ("x.detach()*x", "3", "  out = x.detach()*x = 9\n"),
        ("x.detach()*x", "3", "    dout/dx = x.detach() = 3\n"),
        ("x**0", "3", "  out = x**0 = 1\n"),
        ("x/x", "0", "(where the steps are finite and smooth, dout/dx = 0)\ndout/dx = nan\n"),
        ("with torch.no_grad():\n    y = x*2\ny*x", "3", "  y = 2*x = 6\n    (nothing flows back through it)\n"),
        ("y = x\nfor i in range(2):\n    y = y*x\ny", "3", "  y1 = x**2 = 9\n  y = y1*x = 27\n"),
        ("g = x*2; g*x", "1", "  (ct = dout/d(step) is what comes in, ct times the local derivative goes on)\n"),
        ("w = torch.tensor([0., 1., 2., 3., 4.]); w*x", "ones:5", "  w = [0, 1, 2, 3, 4]\n    (without a gradient)\n"),
        ("y = x*2\nwhile y < 9:\n    y = y*2\ny", "1", f"\n{SAME}\ndy/dx = 16\n"),
        ("x*2 if x > 0 else x*3", "1", f"\n{SAME}\ndout/dx = 2\n"),
    ],
)
def test_steps_are_written_as_they_are(call, program, x, shown):
    assert shown in call("explain", program, "--x", x).out


NAN = "g * dt1/dx is {} = nan for x[0]"


@pytest.mark.parametrize(
    ("program", "x", "lines"),
    [
        ("where(x > 0, log(x), x).sum()", "0,1", ["t1[0] is -inf in t1 = log(x)", NAN.format("0 * inf")]),
        ("x.abs().sqrt().sum()", "0,4", ["dt2/dt1 = 1/(2*t2) is inf for t1[0]", NAN.format("inf * 0")]),
        ("x/x", "0", ["out is nan in out = x/x", "dout/dx is nan for x"]),
        ("exp(x*1000)", "1", ["out is inf in out = exp(t1)", "dout/dt1 = out is inf for t1"]),
        ("softmax(x, 0).log().sum()", "0,1000", [
            "t2[0] is -inf in t2 = log(t1)", "dt2/dt1 = 1/t1 is inf for t1[0]",
            "what goes to x[0] from t1 = softmax(x, 0) is nan",
        ]),
    ],
)  # fmt: skip
def test_where_a_gradient_that_is_not_finite_comes_from(call, program, x, lines):
    text = "\n".join(["", "Not finite", *(f"  {line}" for line in lines), ""])
    assert text in call("explain", program, "--x", x).out
    assert "Not finite" not in call("explain", program, "--x", "0.01").out
    assert call("explain", program, "--x", x, "--to", "markdown").out.count("**Not finite**") == 1
    assert call("explain", program, "--x", x, "--to", "latex").out.count(r"\paragraph{Not finite:}") == 1


PAGE = """\
**Forward**

| step | formula | value |
| --- | --- | --- |
| `x` | given | `[1, 2]` |
| `y` | `x.detach()` | `[1, 2]`, nothing flows back through it |
| `out` | `y @ x` | `5` |

**Backward**

`g = dout/d(step)` is what comes in; `g` times the local derivative goes on.

| step | `g` | local derivative | goes on |
| --- | --- | --- | --- |
| `out = y @ x` | `1` | `dout/dx = y = [1, 2]` | to `x`: `g * dout/dx` = `[1, 2]` |

The gradient by `x`:

$$
\\frac{\\partial \\mathrm{out}}{\\partial x} = y
$$

```
dout/dx = y
        = [1, 2]
```

"""


def test_a_page_of_markdown(call):
    assert call("explain", "y = x.detach(); y @ x", "--x", "1,2", "--to", "markdown").out == PAGE


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ("y = x.detach(); y @ x", "--x", "1,2"),
            r"  y &= \mathrm{x.detach()} = (1,\ 2) \quad \text{nothing flows back through it} \\",
        ),
        (
            ("x / x", "--x", "0"),
            r"(where the steps are finite and smooth, $\frac{\partial \mathrm{out}}{\partial x} = 0$)",
        ),
        (
            ("g = x*2; g*x", "--x", "3"),
            r"Here $\mathrm{ct}$ is what comes in; $\mathrm{ct}$ times the local derivative goes on.",
        ),
        (("(x*2, x)", "--x", "3", "--seed", "1", "--seed", "2"), r"With the seeds $v_{0}$, $v_{1}$ take"),
    ],
)
def test_what_a_page_of_latex_says(call, words, line):
    assert line in call("explain", *words, "--to", "latex").out


def test_json_for_scripts(call):
    program = "y = x.detach()*w; (y*x).sum() + k.sum()"
    words = ("--x", "1,2", "--w", "3,4", "--k", "tensor([1])", "--json")
    found = json.loads(call("explain", program, *words).out)
    assert [step["name"] for step in found["steps"]] == ["y", "t1", "t2", "out"]
    assert found["steps"][0]["formula"] == "x.detach()*w"
    assert found["steps"][0]["cotangent"]["data"] == [1, 2]
    (passed,) = found["steps"][0]["passes"]
    assert (passed["to"], passed["derivative"]) == ("w", "x.detach()")
    assert (passed["factor"]["data"], passed["cotangent"]["data"]) == ([1, 2], [1, 4])
    assert found["grads"] == json.loads(call("eval", program, *words).out)["grads"]
    assert found["formulas"]["x"] == {"formula": "x*w", "holds": True, "where": []}
    assert found["missing"]["k"]["text"] == "k"
    assert (
        len(
            json.loads(call("explain", "y = x\nfor i in range(50):\n    y = y * 2\ny", *words[:2], "--json").out)[
                "steps"
            ]
        )
        == 50
    )


def test_json_errors_and_forms_that_do_not_go_together(call):
    assert json.loads(call("explain", "x[", "--x", "1", "--json").err)["error"]["status"] == 2
    ended = call("explain", "x", "--x", "1", "--json", "--to", "latex")
    assert (ended.status, "--to latex and --format json do not go together" in ended.err) == (2, True)


def test_an_output_of_several_of_which_one_has_a_gradient(call):
    ended = call("explain", "x.max(0)", "--x", "[[1, 2], [3, 0]]", "--seed", "1,2")
    assert ended.out.endswith("= [[0, 2], [1, 0]]\n")
    assert call("diff", "x.max(0)", "--x", "[[1, 2], [3, 0]]", "--seed", "v").status == 0


def test_only_what_is_asked_for_is_recorded_where_more_is_refused(call):
    words = ("F.soft_margin_loss(a, h)", "--a", "1,2", "--h", "1,-1")
    assert call("explain", *words, "--wrt", "a").out.endswith("= [-0.134471, 0.440399]\n")
    assert "there is no derivative with respect to target" in call("explain", *words).err


@pytest.mark.parametrize(
    ("program", "names"),
    [
        ("ws = [torch.ones(2).requires_grad_() for i in range(2)]\n(ws[0] * ws[1] * x).sum()", ["x", "ws0", "ws1"]),
        ("p = {'w': torch.ones(2, requires_grad=True), 'x': torch.ones(2)}\n(p['w'] * x).sum()", ["x", "w"]),
        ("(torch.ones(2, requires_grad=True) * x).sum()", ["x", "p1"]),
        (
            "class Net:\n    def __init__(self):\n        self.w = torch.ones(2, requires_grad=True)\n"
            "    def __call__(self, x):\n        return x @ self.w\nnet = Net()\nnet(x)",
            ["x", "w"],
        ),
    ],
)
def test_leaves_are_called_what_holds_them(call, program, names):
    found = json.loads(call("explain", program, "--x", "1,2", "--json").out)
    assert list(found["grads"]) == names
    assert {name: tensor["data"] for name, tensor in found["grads"].items() if name != "x"} == {
        name: [1, 2] for name in names[1:]
    }


def test_nothing_to_explain(call):
    ended = call("explain", "torch.ones(2)")
    assert (ended.status, ended.out) == (1, "")
    assert "no gradient flows to any variable" in ended.err
