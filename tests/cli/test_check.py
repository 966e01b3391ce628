"""`gradcli check`: what agrees, what does not, kinks, functions of one's own, json, exit status."""

import json

import pytest

SQUARE = """\
class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x
    @staticmethod
    def backward(ctx, g):
        x, = ctx.saved_tensors
        return g * {factor} * x
Square.apply(x).sum()
"""


OWN = """\
class Own(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return {forward}
    @staticmethod
    def backward(ctx, g):
        x, = ctx.saved_tensors
        return {backward}
Own.apply(x).sum()
"""


def test_second_derivatives_of_vectors_say_of_what_they_are(call):
    ended = call("check", "x**2", "--x", "2,3")
    assert "second derivatives of sum(w*y), w = 1, 17/16, " in ended.out
    assert "x         x[1]     x[1]       2.125              2.125" in ended.out


def test_infinite_points_are_undefined(call):
    ended = call("check", "asinh(x)", "--x", "[3., -inf]")
    assert ended.status == 0
    assert "undefined" in ended.out


def test_the_table(call):
    ended = call("check", "(x**2).sum()", "--x", "1,3")
    assert (ended.status, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0] == "first derivatives"
    assert lines[1].split() == [
        "variable",
        "element",
        "derivative",
        *"finite difference relative error verdict".split(),
    ]
    assert lines[2].split()[:4] == ["x", "x[0]", "2", "2"]
    assert lines[2].endswith("ok")
    assert "second derivatives" in lines
    assert lines[-1] == "6 derivatives checked, all agree"


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        ("softplus(x).sum()", ["--x", "randn:4"]),
        ("torch.linalg.det(x)", ["--x", "randn:3,3"]),
        ("x.softmax(0)", ["--x", "randn:3"]),
        ("cross_entropy(x, t)", ["--x", "randn:3,4", "--t", "tensor([0, 3, 1])"]),
        ("(x, x.exp() * y)", ["--x", "1,2", "--y", "3"]),
        ("dropout(x, 0.5).sum()", ["--x", "1,2,3,4"]),
        ("x = x * 2; x.sin()", ["--x", "1,2"]),
        ("x.log()", ["--x", "[1e-6, 1e6]"]),
        ("layer_norm(x, (4,)) @ w", ["--x", "randn:2,4", "--w", "randn:4"]),
    ],
)
def test_what_agrees(call, expression, values):
    ended = call("check", expression, *values, "--manual-seed", "0", "--json")
    found = json.loads(ended.out)
    wrong = [row for row in found["rows"] if row["verdict"] != "ok"]
    assert (ended.status, wrong) == (0, [])
    assert {row["order"] for row in found["rows"]} == {1, 2}


def test_a_function_of_ones_own(call, tmp_path):
    (tmp_path / "right.py").write_text(SQUARE.format(factor=2))
    (tmp_path / "wrong.py").write_text(SQUARE.format(factor=2.002))
    right = call("check", "-f", str(tmp_path / "right.py"), "--x", "1,2")
    assert (right.status, right.out.splitlines()[-1]) == (0, "6 derivatives checked, all agree")
    wrong = call("check", "-f", str(tmp_path / "wrong.py"), "--x", "1,2")
    assert (wrong.status, wrong.err) == (1, "")
    assert wrong.out.splitlines()[2].split() == ["x", "x[0]", "2.002", "2", "1.0e-03", "mismatch"]
    assert wrong.out.splitlines()[-1].endswith("2 do not agree")


def test_a_backward_that_is_wrong_in_second_order_alone(call, tmp_path):
    text = (
        SQUARE.format(factor=2)
        .replace("* x\n", "* x.detach()\n")
        .replace("ctx.saved_tensors\n        return", "ctx.saved_tensors\n        return")
    )
    (tmp_path / "f.py").write_text(text)
    found = json.loads(call("check", "-f", str(tmp_path / "f.py"), "--x", "1,2", "--json").out)
    assert {row["verdict"] for row in found["rows"] if row["order"] == 1} == {"ok"}
    assert found["verdict"] == "mismatch"


@pytest.mark.parametrize(
    ("expression", "left", "right", "agreed", "named"),
    [
        ("relu(x).sum()", 0, 1, 0, ["relu at 0"]),
        ("x.abs().sum()", -1, 1, 0, ["abs at 0"]),
        ("leaky_relu(x).sum()", 0.01, 1, 0.01, ["leaky_relu at 0"]),
        ("torch.maximum(x, 2 * x).sum()", 1, 2, 1.5, []),
    ],
)
def test_kinks_are_named_with_both_sides(call, expression, left, right, agreed, named):
    ended = call("check", expression, "--x", "0,1", "--json")
    found = json.loads(ended.out)
    assert ended.status == 0
    (row,) = [row for row in found["rows"] if row["verdict"] == "kink"]
    assert row["element"] == "x[0]"
    assert (row["left"], row["right"], row["derivative"]) == pytest.approx((left, right, agreed))
    assert found["kinks"] == named
    text = call("check", expression, "--x", "0,1").out
    assert f"x[0] is on a kink{f' ({named[0]})' if named else ''}: the derivative is {left:g} from the left" in text


def test_a_derivative_outside_both_sides_is_wrong(call, tmp_path):
    text = (
        SQUARE.format(factor=2).replace("x * x", "x.abs()").replace("g * 2 * x", "g * (torch.sign(x) + 3 * (x == 0))")
    )
    (tmp_path / "f.py").write_text(text)
    ended = call("check", "-f", str(tmp_path / "f.py"), "--x", "0,1")
    assert ended.status == 1
    assert "is neither" in ended.out


def test_names_that_the_program_assigns(call):
    ended = call(
        "check", "h = torch.tanh(w @ x); h.softmax(0)", "--w", "randn:3,2", "--x", "1,2", "--wrt", "h", "--json"
    )
    found = json.loads(ended.out)
    assert (ended.status, found["verdict"]) == (0, "ok")
    assert {row["variable"] for row in found["rows"]} == {"h"}
    assert len(found["rows"]) == 18
    kinked = call("check", "h = x * 2; (relu(h) + h.exp() * x).sum()", "--x", "0,1", "--wrt", "x,h")
    assert kinked.status == 0
    assert "h[0] is on a kink (relu at 0)" in kinked.out
    assert "x[0] is on a kink (relu at 0)" in kinked.out


def test_first_derivatives_alone(call):
    found = json.loads(call("check", "sin(x).sum()", "--x", "1,2", "--order", "1", "--json").out)
    assert {row["order"] for row in found["rows"]} == {1}
    refused = call("check", "sin(x).sum()", "--x", "1,2", "--order", "3")
    assert refused.err.startswith("error: --order of check is 1 or 2")


def test_a_jump(call):
    ended = call("check", "floor(x).sum()", "--x", "1,2.5")
    assert ended.status == 0
    assert "x[0] is at a jump" in ended.out


def test_a_jump_with_the_value_in_the_middle(call):
    """The slopes on both sides are the same, and have no end."""
    ended = call("check", "sin(sign(x)).sum()", "--x", "0,2.5")
    assert ended.status == 0
    assert "x[0] is at a jump" in ended.out


def test_a_kink_of_several_elements_together(call):
    """No element alone moves the median of four that are the same."""
    ended = call("check", "median(x)", "--x", "2,2,1,2,2,3")
    assert ended.status == 0
    assert "x[0] is on a kink: around it the derivative is between 0 and 1, and 0.25 by convention" in ended.out
    assert "4 on a kink" in ended.out


def test_a_derivative_that_is_nan_where_the_function_has_one(call):
    ended = call("check", "where(x > 0, x.sqrt(), 0).sum()", "--x", "1,-1")
    assert ended.status == 1
    assert ended.out.splitlines()[3].split() == ["x", "x[1]", "nan", "0", "nan", "not", "finite"]
    assert "1 not finite where the function has one" in ended.out.splitlines()[-1]
    found = json.loads(call("check", "where(x > 0, x.sqrt(), 0).sum()", "--x", "1,-1", "--json").out)
    assert (found["verdict"], found["mismatches"], found["not_finite"]) == ("mismatch", 0, 1)


def test_where_there_is_no_derivative_at_all(call):
    text = call("check", "x.sqrt().sum()", "--x", "0,4").out
    assert "x[0] is at the edge of where the function is defined: the differences are nan from the left" in text
    found = json.loads(call("check", "x.sqrt()", "--x", "0,4", "--json").out)
    assert found["undefined"] == 2
    assert found["rows"][0]["derivative"] == "Infinity"


def test_a_detached_path_is_found(call):
    ended = call("check", "(x.detach() * x).sum()", "--x", "1,2")
    assert ended.status == 1
    assert "do not agree" in ended.out


def test_float32_data_is_checked_in_float64(call, tmp_path):
    import numpy as np

    np.save(tmp_path / "x.npy", np.array([1, 2], dtype=np.float32))
    found = json.loads(call("check", "x.exp().sum()", "--x", f"@{tmp_path / 'x.npy'}", "--json").out)
    assert max(row["relative_error"] for row in found["rows"]) < 1e-8


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (
            ("check", "h = x * 2; h.register_hook(lambda g: g); h.sum()", "--x", "1", "--wrt", "h"),
            "check cannot start from h",
        ),
        (("check", "ones(2).sum()"), "nothing to derive by"),
        (("check", "x * 2", "--x", "1", "--dtype", "float32"), "has no option --dtype"),
    ],
)
def test_refusals(call, words, part):
    ended = call(*words)
    assert ended.status in (1, 2)
    assert part in ended.err


def test_on_a_terminal(terminal):
    out = terminal("check", "relu(x).sum()", "--x", "1,0")
    assert "variable" in out
    assert "────" in out
    assert "x[1] is on a kink (relu at 0)" in out


@pytest.mark.parametrize(
    ("expression", "x"),
    [
        ("norm(x / norm(x))", "0.3,-1.2,0.8"),  # constant: derivatives are what rounding leaves
        ("logsumexp(log_softmax(x, 0), 0)", "0.3,-1.2,0.8"),
        ("norm(layer_norm(gelu(x), (3,)))", "0.3,-1.2,0.8"),
        ("log(1 + x**2).sum()", "1e-8,-3e-8"),  # too flat to be seen near the point
        ("norm(atan(x))", "1e-8,-3e-8"),  # bent within the distance of the point
        ("(abs(x) * x).sum()", "1e-8,-3e-8"),  # and kinked
        ("(x**3).sum() / 1e20", "1e8,-3e8"),
        ("inverse(x)", "[[1.000001, 1], [1, 0.9999997]]"),  # rounding, a million times as large
        ("sinc(x)", "913173.48,191537.4"),
        ("sin(lerp(x, x * 2, x))", "1e8,-4e7"),  # arguments whose last digit is more than a wave
        ("dist(x, tensor([1e5, 3.0]), 3).sin()", "2,3e-6"),  # steps within the last digit of a number on the way
        ("sin(log1p(ceil(x)))", "1471158.1"),  # flat, in steps that are small beside the number
    ],
)
def test_no_alarm_where_rounding_or_scale_is_in_the_way(call, expression, x):
    ended = call("check", expression, "--x", x, "--json")
    found = json.loads(ended.out)
    assert (ended.status, found["mismatches"]) == (0, 0)
    assert all(row["verdict"] in ("ok", "unclear") for row in found["rows"])


@pytest.mark.parametrize("x", ["1e-8", "0.7", "1e8"])
def test_a_rule_off_by_a_thousandth_is_noticed_at_any_scale(call, x, tmp_path):
    program = tmp_path / "square.txt"
    program.write_text(SQUARE.format(factor="2.002"))
    assert call("check", "-f", str(program), "--x", x, "--json").status == 1


@pytest.mark.parametrize(
    ("forward", "wrong", "x"),
    [
        ("torch.cosh(x)", "g * torch.sinh(x) / 2", "1e-8,2e-8"),  # seen from farther away alone
        ("x ** 2", "g * 2.002 * x", "1e8,1"),  # beside a number that hides it in a sum
        ("torch.log(x)", "g / x.roll(1)", "1e6,1e-6"),
        ("torch.sin(x)", "g * torch.cos(x) * torch.tensor([1, 1.001])", "1e4,1e4"),
        ("torch.round(x)", "g", "1.2,3.7"),  # straight through
    ],
)
def test_wrong_functions_are_noticed_at_mixed_scales(call, tmp_path, forward, wrong, x):
    program = tmp_path / "own.py"
    program.write_text(OWN.format(forward=forward, backward=wrong).replace("Own.apply(x).sum()", "Own.apply(x)"))
    ended = call("check", "-f", str(program), "--x", x, "--json")
    assert ended.status == 1
    assert json.loads(ended.out)["mismatches"]


@pytest.mark.parametrize(
    ("expression", "x"),
    [
        ("sin(x).sum()", "1e8,-3e8"),  # waves much shorter than the number
        ("cross_entropy(sin(x), tensor([0, 2]))", "[[1e8, 2e8, -1e8], [3e8, 5e7, 1e8]]"),
        ("quantile(x + 1, 0.4)", "1e-8,2e-8,-1e-8"),  # kinks just beyond the point
        ("leaky_relu(x).prod()", "1e-8,-3e-8"),
    ],
)
def test_no_alarm_where_only_another_scale_shows_the_derivative(call, expression, x):
    ended = call("check", expression, "--x", x, "--json")
    assert (ended.status, json.loads(ended.out)["mismatches"]) == (0, 0)


@pytest.mark.parametrize("x", ["0.7,-1.3", "3e-4,2e-4", "250,-120"])
@pytest.mark.parametrize(
    ("forward", "right", "wrong"),
    [
        ("torch.sin(x)", "g * torch.cos(x)", "-g * torch.cos(x)"),
        ("x ** 3", "g * 3 * x ** 2", "g * 3.003 * x ** 2"),
        ("torch.tanh(x / 100)", "g * (1 - torch.tanh(x / 100) ** 2) / 100", "g * (1 - torch.tanh(x / 100) ** 2)"),
        ("x.flip(0) * 2", "g.flip(0) * 2", "g * 2 * x"),
        ("x.abs() * x", "g * 2 * x.abs()", "g * 2.1 * x.abs()"),
        ("x / x.norm()", "(g - x * (g @ x) / (x @ x)) / x.norm()", "g / x.norm()"),
        ("torch.exp(-(x / 300) ** 2)", "-2 * x / 300 ** 2 * g * torch.exp(-(x / 300) ** 2)", "g * 0"),
    ],
)
def test_own_functions_right_and_wrong(call, tmp_path, forward, right, wrong, x):
    for backward, status in ((right, 0), (wrong, 1)):
        program = tmp_path / "own.py"
        program.write_text(OWN.format(forward=forward, backward=backward).replace(").sum()", ") @ tensor([1.0, 2.0])"))
        ended = call("check", "-f", str(program), "--x", x)
        assert ended.status == status, ended


def test_a_path_that_is_cut_is_named(call):
    ended = call("check", "(x.detach() * x).sum()", "--x", "1,2")
    assert ended.status == 1
    assert ended.err == "note: differences see the path that detach keeps from the derivative\n"


def test_nothing_to_compare(call):
    ended = call("check", "x[:0] * 2", "--x", "1,2")
    assert (ended.status, ended.out.splitlines()[-1]) == (0, "4 derivatives checked, all agree")


def test_a_formula_that_is_differentiable_once_is_checked_once(call, tmp_path):
    program = tmp_path / "once.py"
    text = SQUARE.format(factor=2).replace(
        "    @staticmethod\n    def backward",
        "    @staticmethod\n    @torch.autograd.function.once_differentiable\n    def backward",
    )
    program.write_text(text)
    ended = call("check", "-f", str(program), "--x", "1,2")
    assert (ended.status, ended.out.splitlines()[-1]) == (0, "2 derivatives checked, all agree")
    assert (
        ended.err
        == "note: second derivatives are not checked: a backward formula is marked with @once_differentiable\n"
    )
