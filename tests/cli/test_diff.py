"""`gradcli diff`: what it prints, and that eval reads it back."""

import subprocess
import sys

import pytest


def out(ended):
    assert ended.status == 0, ended
    return ended.out


def test_the_tutorial(call):
    ended = call("diff", "mean(3*(x+2)**2)", "--wrt", "x", "--x", "ones:2,2")
    assert (ended.out, ended.err) == ("1.5*(x + 2)\n", "")


def test_an_unknown_shape(call):
    ended = call("diff", "mean(3*(x+2)**2)", "--wrt", "x")
    assert (ended.out, ended.err) == ("6*(x + 2)/x.numel()\n", "")


def test_a_constant_gradient_of_an_unknown_shape(call):
    assert out(call("diff", "mean(x)", "--wrt", "x")) == "full_like(x, 1/x.numel())\n"


def test_a_call_of_the_language_is_no_variable(call):
    ended = call("diff", "sum(tensor([1., 5.])*x)", "--wrt", "x", "--x", "1,2")
    assert out(ended) == "tensor([1.0, 5.0], dtype=torch.float64)\n"


def test_the_formula_is_read_back(call):
    formula = out(call("diff", "mean(3*(x+2)**2)", "--wrt", "x"))
    ended = call("eval", formula, "--x", "ones:2,2", "--no-grad")
    assert ended.out == "tensor([[4.5000, 4.5000],\n        [4.5000, 4.5000]])\n"


def test_a_name_that_the_expression_assigns(call):
    assert out(call("diff", "y = x + 2; mean(3*y*y)", "--wrt", "y", "--x", "ones:2,2")) == "y = x + 2\n1.5*y\n"


def test_a_symbolic_seed(call):
    assert out(call("diff", "x**2", "--wrt", "x", "--x", "ones:3", "--seed", "v")) == "2*v*x\n"


def test_a_seed_for_what_a_mask_holds(call):
    given = ["diff", "x[m]", "--wrt", "x", "--x", "1,2,3", "--m", "tensor([True, False, True])"]
    assert out(call(*given, "--seed", "v")) == out(call(*given, "--seed", "v", "--v", "1,1"))
    assert out(call(*given, "--seed", "v")) == "masked_scatter(zeros_like(x), m, v)\n"
    assert "tensor([1.0, 2.0]" in out(call(*given, "--seed", "1,2"))
    assert "the output has more than one element" in call(*given).err


@pytest.mark.parametrize(
    ("order", "formula"), [("1", "3*x**2"), ("2", "6*x"), ("3", "full_like(x, 6.0)"), ("4", "zeros_like(x)")]
)
def test_the_order(call, order, formula):
    assert out(call("diff", "sum(x**3)", "--wrt", "x", "--x", "ones:3", "--order", order)) == formula + "\n"


def test_an_output_that_is_no_scalar_is_summed_and_said_so(call):
    ended = call("diff", "x**2", "--wrt", "x", "--x", "ones:3")
    assert ended.out == "2*x\n"
    assert "the derivative of the sum of its elements" in ended.err


def test_what_a_law_takes_for_granted_is_said(call):
    ended = call("diff", "norm(x)", "--wrt", "x", "--x", "1,2")
    assert ended.out == "x/norm(x)\n"
    assert ended.err == "note: the formula holds where the norm is not 0 (there the gradient is taken to be 0)\n"


def test_what_varies_smoothly_but_has_no_rule_is_not_taken_for_zero(call):
    ended = call("diff", "special.bessel_j0(x).sum()", "--wrt", "x")
    assert (ended.status, ended.out) == (1, "")
    assert ended.err == (
        "error: special.bessel_j0: there is no rule for the derivative, so that by x is not known\n"
        "  hint: PyTorch has none either: it takes the result for a constant\n"
    )
    beside = call("diff", "special.bessel_j0(x) + 2*x", "--wrt", "x", "--x", "1")
    assert beside.out == "2\n"
    assert "special.bessel_j0 has no rule for its derivative" in beside.err
    for constant in ("sum(sign(x))", "sum((x > 0).double())", "special.bessel_j0(x.detach()).sum()"):
        assert out(call("diff", constant, "--wrt", "x")) == "zeros_like(x)\n"


def test_unknown_variables_that_are_classes_or_indices_are_integers(call):
    ended = call("diff", "x[k]**2", "--wrt", "x")
    assert ended.out == "2*x[k]*one_hot(k, x.numel())\n"
    assert "note: taken: k holds integers\n" in ended.err


def test_a_name_that_is_no_variable(call):
    ended = call("diff", "x**2", "--wrt", "z", "--x", "1")
    assert ended.status == 1
    assert ended.err.startswith("error: --wrt: there is no variable z")


def test_what_is_no_tensor_among_the_outputs(call):
    assert out(call("diff", "(torch, y**2)", "--wrt", "y")) == "2*y\n"


@pytest.mark.parametrize("result", ["x*x.item(), sin(x)", "y = [x*x.item(), 3, sin(x)]; y"])
def test_a_call_sums_each_of_several_outputs(call, result):
    printed = out(call("diff", result, "--wrt", "x", "--x", "0.5"))
    assert "torch.func.grad" in printed
    assert out(call("eval", printed, "--x", "0.5", "--no-grad")) == "tensor(1.3776)\n"


def test_long_products_of_few_matrices(call):
    """A power is squared again and again: the products of 10**9 factors have 30 steps."""
    ended = call("diff", "matrix_power(A, 10**9).trace()", "--wrt", "A", "--A", "eye:2")
    assert ended.status == 0
    assert ended.out.count("\n") < 60


def test_a_wrong_order(call):
    assert call("diff", "x**2", "--wrt", "x", "--x", "1", "--order", "0").status == 2


@pytest.mark.parametrize(
    ("expression", "latex"),
    [
        ("mean(3*(x+2)**2)", r"\[ \frac{\partial f}{\partial x} = \frac{3}{2} (x + 2) \]"),
        ("sum(sqrt(x))", r"\[ \frac{\partial f}{\partial x} = \frac{1}{2 \sqrt{x}} \]"),
        ("norm(x)", r"\[ \frac{\partial f}{\partial x} = \frac{x}{\lVert x \rVert} \]"),
        ("sum(exp(-x**2))", r"\[ \frac{\partial f}{\partial x} = -2 x \, e^{-x^{2}} \]"),
    ],
)
def test_latex(call, expression, latex):
    assert out(call("diff", expression, "--wrt", "x", "--x", "ones:2,2", "--to", "latex")) == latex + "\n"


@pytest.mark.parametrize("expression", ["mean(3*(x+2)**2)", "max(x)"])
def test_the_numpy_function_passes_its_own_test(call, tmp_path, expression):
    text = out(call("diff", expression, "--wrt", "x", "--x", "0.5,2,1", "--to", "numpy", "--with-test"))
    file = tmp_path / "exported.py"
    file.write_text(text)
    done = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("ok\n", "")


@pytest.mark.torch
@pytest.mark.parametrize("expression", ["mean(3*(x+2)**2)", "logsumexp(x, 0)", "sum(x[1:]**2)", "prod(x)", "max(x)"])
def test_the_torch_function_passes_its_own_test(call, tmp_path, expression):
    text = out(call("diff", expression, "--wrt", "x", "--x", "0.5,2,1", "--to", "torch", "--with-test"))
    file = tmp_path / "exported.py"
    file.write_text(text)
    done = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("ok\n", "")


def test_what_depends_on_a_value_read_on_the_way_is_written_as_a_call(call):
    ended = call("diff", "sum(x)*x.sum().item()", "--wrt", "x", "--x", "1,2,3")
    assert ended.out == "torch.func.grad(lambda x: sum(sum(x)*x.sum().item()))(x)\n"
    assert "does not hold in general" in ended.err
    assert call("eval", ended.out, "--x", "1,2,3", "--no-grad").out == "tensor([6., 6., 6.])\n"


@pytest.mark.parametrize(
    ("expression", "value", "formula"),
    [
        ("norm(x)", "zeros:2", "where(norm(x) == 0, 0, x/norm(x))"),
        ("cumprod(x, 0)", "1,2", "flip(cumsum(flip(cumprod(x, 0), (0,)), 0), (0,))/x"),
        ("relu(x)", "nan,1", "where(x <= 0, tensor(0.0, dtype=x.dtype), 1)"),
    ],
)
def test_what_holds_at_the_point_given_is_printed(call, expression, value, formula):
    assert out(call("diff", expression, "--wrt", "x", "--x", value)) == formula + "\n"


@pytest.mark.parametrize("expression", ["cumprod(x, 0)", "prod(x)", "det(diag(x))", "sum(x**(x + 2))", "var(x).sqrt()"])
def test_at_zero_too_the_formula_is_the_gradient(call, expression):
    formula = out(call("diff", expression, "--wrt", "x", "--x", "0,2,0"))
    wanted = call("eval", f"torch.func.grad(lambda x: sum({expression}))(x)", "--x", "0,2,0", "--no-grad")
    assert call("eval", formula, "--x", "0,2,0", "--no-grad").out == wanted.out
    assert "torch.func" not in formula


def test_what_draws_random_numbers_is_refused(call):
    ended = call("diff", "sum(dropout(x))", "--wrt", "x", "--x", "1,2,3")
    assert ended.status == 1
    assert "draws random numbers" in ended.err
