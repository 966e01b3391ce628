"""torch.autograd.functional, torch.func, vmap and the gradient checks: results, their structure, refusals in "
"PyTorch's words.

What is expected was printed by PyTorch 2.13; the last test asks a live one.
"""

from __future__ import annotations

import numpy as np
import pytest

from gradcli import GradcliError, Session

SETUP = """
import torch
from torch.autograd.functional import jacobian, hessian, vhp, hvp
from torch.autograd import gradcheck, gradgradcheck
from torch.func import grad, grad_and_value, jacrev, jacfwd, vmap, linearize
product = torch.autograd.functional
func = torch.func
x = torch.tensor([1., 2.])
y = torch.tensor([3., 4.])
w = torch.tensor([2., 3.], requires_grad=True)
tracked = x.clone().requires_grad_()
double = torch.tensor([1., 2.], dtype=torch.double, requires_grad=True)
both = lambda a, b: (a * b, a.sum())
class Bad(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a):
        ctx.save_for_backward(a)
        return (a ** 2).sum()
    @staticmethod
    def backward(ctx, g):
        a, = ctx.saved_tensors
        return 2 * a
class Once(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a):
        ctx.a = a.detach()
        return a ** 2
    @staticmethod
    def backward(ctx, g):
        return 2 * ctx.a * g
class Marked(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a):
        ctx.save_for_backward(a)
        return a ** 2
    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, g):
        a, = ctx.saved_tensors
        return 2 * a * g
"""


@pytest.fixture
def session() -> Session:
    made = Session()
    made.run(SETUP)
    return made


def shown(session: Session, expression: str) -> str:
    """The value of an expression as PyTorch would print it, on one line."""
    return " ".join(repr(session.eval(expression)).split())


ONE_JACOBIAN = "tensor([[2., 0.], [0., 4.]])"
RESULTS = {
    # one tensor or a tuple of them, in and out
    "jacobian(lambda a: a ** 2, x)": ONE_JACOBIAN,
    "jacobian(lambda a: a * 2, (x,))": "(tensor([[2., 0.], [0., 2.]]),)",
    "jacobian(lambda a: (a * 2,), x)": "(tensor([[2., 0.], [0., 2.]]),)",
    "jacobian(both, (x, y))": "((tensor([[3., 0.], [0., 4.]]), tensor([[1., 0.], [0., 2.]])), "
    "(tensor([1., 1.]), tensor([0., 0.])))",
    "jacobian(lambda a: a.sum(), torch.ones(2, 2))": "tensor([[1., 1.], [1., 1.]])",
    "jacobian(lambda a: a, torch.tensor(2.))": "tensor(1.)",
    "jacobian(lambda a: torch.ones(2), x)": "tensor([[0., 0.], [0., 0.]])",
    "jacobian(lambda a: a ** 2, x, vectorize=True)": ONE_JACOBIAN,
    "jacobian(lambda a: a ** 2, x, strategy='forward-mode', vectorize=True)": ONE_JACOBIAN,
    # history is kept when it is asked for and there is one
    "jacobian(lambda a: a ** 2, tracked)": ONE_JACOBIAN,
    "jacobian(lambda a: a ** 2, tracked, create_graph=True)": "tensor([[2., 0.], [0., 4.]], grad_fn=<ViewBackward0>)",
    "jacobian(lambda a: a * w, x)": "tensor([[2., 0.], [0., 3.]])",
    "hessian(lambda a: (a ** 3).sum(), x)": "tensor([[ 6., 0.], [ 0., 12.]])",
    "hessian(lambda a: (a ** 3).sum().reshape(1), x)": "tensor([[ 6., 0.], [ 0., 12.]])",
    "hessian(lambda a: a.sum(), x)": "tensor([[0., 0.], [0., 0.]])",
    "hessian(lambda a, b: (a * b ** 2).sum(), (x, y))": "((tensor([[0., 0.], [0., 0.]]), tensor([[6., 0.], [0., "
    "8.]])), "
    "(tensor([[6., 0.], [0., 8.]]), tensor([[2., 0.], [0., 4.]])))",
    "product.vjp(lambda a: a ** 2, x, y)": "(tensor([1., 4.]), tensor([ 6., 16.]))",
    "product.vjp(lambda a: (a ** 2).sum(), x)": "(tensor(5.), tensor([2., 4.]))",
    "product.vjp(both, (x, y), (y, torch.tensor(1.)))": "((tensor([3., 8.]), tensor(3.)), "
    "(tensor([10., 17.]), tensor([3., 8.])))",
    "product.jvp(lambda a: a ** 2, x, y)": "(tensor([1., 4.]), tensor([ 6., 16.]))",
    "product.jvp(both, (x, y), (y, x))": "((tensor([3., 8.]), tensor(3.)), (tensor([10., 20.]), tensor(7.)))",
    "product.jvp(lambda a: a ** 2, torch.tensor(3.))": "(tensor(9.), tensor(6.))",
    "product.jvp(lambda a: torch.ones(2), x, y)": "(tensor([1., 1.]), tensor([0., 0.]))",
    "hvp(lambda a: (a ** 3).sum(), x, y)": "(tensor(9.), tensor([18., 48.]))",
    "vhp(lambda a, b: (a * b ** 2).sum(), (x, y), (x, y))": "(tensor(41.), (tensor([18., 32.]), tensor([12., 32.])))",
    "hvp(lambda a: a.sum(), x, y)": "(tensor(3.), tensor([0., 0.]))",
    # torch.func
    "grad(lambda a: (a ** 2).sum())(x)": "tensor([2., 4.])",
    "grad(lambda a, b: (a * b).sum(), argnums=1)(x, y)": "tensor([1., 2.])",
    "grad(lambda a, b: (a * b).sum(), argnums=(0, 1))(x, y)": "(tensor([3., 4.]), tensor([1., 2.]))",
    "grad(lambda a, b: (a * b).sum(), argnums=-1)(x, y)": "tensor([1., 2.])",
    "grad(lambda a, n: (a ** n).sum())(x, 3)": "tensor([ 3., 12.])",
    "grad(lambda a, *, k: (a * k).sum())(x, k=5)": "tensor([5., 5.])",
    "grad(lambda d: (d['a'] ** 2).sum() * d['b'])({'a': x, 'b': y[0]})": "{'a': tensor([ 6., 12.]), 'b': tensor(5.)}",
    "grad(lambda a: ((a ** 2).sum(), a * 2), has_aux=True)(x)": "(tensor([2., 4.]), tensor([2., 4.]))",
    "grad_and_value(lambda a: (a ** 2).sum())(x)": "(tensor([2., 4.]), tensor(5.))",
    "grad_and_value(lambda a: ((a ** 2).sum(), {'k': a}), has_aux=True)(x)": "(tensor([2., 4.]), "
    "(tensor(5.), {'k': tensor([1., 2.])}))",
    "grad(grad(torch.sin))(torch.tensor(1.))": "tensor(-0.8415)",
    "grad(lambda a: (a * grad(lambda b: (a * b ** 2).sum())(a)).sum())(x)": "tensor([ 6., 24.])",
    "grad(lambda a: a.detach().sum())(x)": "tensor([0., 0.])",
    "grad(lambda a: (a * w).sum())(x)": "tensor([2., 3.], grad_fn=<MulBackward0>)",
    "grad(lambda a: (a ** 2).sum())(tracked)": "tensor([2., 4.], grad_fn=<MulBackward0>)",
    "func.vjp(lambda a: a * 2, x)[0]": "tensor([2., 4.])",
    "func.vjp(lambda a: a * 2, x)[1](y)": "(tensor([6., 8.]),)",
    "func.vjp(lambda a, b: a * b, x, y)[1](x)": "(tensor([3., 8.]), tensor([1., 4.]))",
    "func.vjp(lambda a: (a * 2, a ** 2), x)[1]((x, y))": "(tensor([ 8., 20.]),)",
    "func.jvp(lambda a: (a ** 2, a), (x,), (y,))": "((tensor([1., 4.]), tensor([1., 2.])), "
    "(tensor([ 6., 16.]), tensor([3., 4.])))",
    "jacrev(lambda a: a ** 2)(x)": ONE_JACOBIAN,
    "jacfwd(lambda a: a ** 2)(x)": ONE_JACOBIAN,
    "jacrev(lambda a: (a ** 2, a.sum()))(x)": f"({ONE_JACOBIAN}, tensor([1., 1.]))",
    "jacrev(lambda a, b: a * b, argnums=(0, 1))(x, y)": "(tensor([[3., 0.], [0., 4.]]), tensor([[1., 0.], [0., 2.]]))",
    "jacrev(lambda d: d['a'] ** 2)({'a': x})": "{'a': " + ONE_JACOBIAN + "}",
    "jacfwd(lambda a: {'r': a ** 2})(x)": "{'r': " + ONE_JACOBIAN + "}",
    "func.hessian(lambda a: (a ** 3).sum())(x)": "tensor([[ 6., 0.], [ 0., 12.]])",
    "jacfwd(jacrev(lambda a: a ** 2))(x)": "tensor([[[2., 0.], [0., 0.]], [[0., 0.], [0., 2.]]])",
    "linearize(lambda a: a ** 2, x)[1](y)": "tensor([ 6., 16.])",
    # vmap
    "vmap(lambda a: a * 2)(x)": "tensor([2., 4.])",
    "vmap(torch.dot)(torch.ones(2, 2), torch.stack([x, y]))": "tensor([3., 7.])",
    "vmap(torch.dot, in_dims=(0, None))(torch.stack([x, y]), y)": "tensor([11., 25.])",
    "vmap(lambda a: a.sum(), in_dims=1)(torch.ones(2, 3))": "tensor([2., 2., 2.])",
    "vmap(lambda a: a, in_dims=-1, out_dims=1)(torch.arange(6).view(2, 3))": "tensor([[0, 1, 2], [3, 4, 5]])",
    "vmap(lambda a: (a, a.sum()), out_dims=(1, 0))(torch.ones(2, 3))": "(tensor([[1., 1.], [1., 1.], [1., 1.]]), "
    "tensor([3., 3.]))",
    "vmap(lambda d: d['a'] * d['b'][0])({'a': x, 'b': [y]})": "tensor([3., 8.])",
    "vmap(lambda d, e: d['a'] * e, in_dims=({'a': 0}, None))({'a': x}, y)": "tensor([[3., 4.], [6., 8.]])",
    "vmap(lambda a: torch.ones(1))(x)": "tensor([[1.], [1.]])",
    "vmap(lambda a: [a, a])(x)": "[tensor([1., 2.]), tensor([1., 2.])]",
    "vmap(lambda a: a * 2)(torch.ones(0, 3))": "tensor([], size=(0, 3))",
    "vmap(vmap(lambda a, b: a * b, in_dims=(None, 0)), in_dims=(0, None))(x, y)": "tensor([[3., 4.], [6., 8.]])",
    "vmap(grad(lambda a: a ** 3))(x)": "tensor([ 3., 12.])",
    "torch.autograd.grad(x * tracked, tracked, torch.eye(2), is_grads_batched=True)": "(tensor([[1., 0.], [0., 2.]]),)",
    # gradient checks
    "gradcheck(torch.sin, (double,))": "True",
    "gradcheck(lambda a, n: a ** n, (double, 3))": "True",
    "gradcheck(torch.sin, double, check_forward_ad=True)": "True",
    "gradcheck(lambda a: a.detach() * a, double, raise_exception=False)": "False",
    "gradcheck(Once.apply, (double,))": "True",
    "gradcheck(Marked.apply, (double,))": "True",
    "torch.autograd.grad(Marked.apply(double).sum(), double, create_graph=True)": "(tensor([2., 4.], "
    "dtype=torch.float64),)",
    "gradgradcheck(torch.sin, (double,))": "True",
    "gradgradcheck(lambda a: a ** 3, (double,), torch.ones(2, dtype=torch.double))": "True",
}


@pytest.mark.parametrize(("expression", "expected"), RESULTS.items(), ids=list(RESULTS))
def test_result(session: Session, expression: str, expected: str) -> None:
    assert shown(session, expression) == " ".join(expected.split())


REFUSALS = {
    "jacobian(x, x)": "TypeError: 'Tensor' object is not callable",
    "jacobian(lambda a: 3., x)": "TypeError: The outputs of the user-provided function given to jacobian must be "
    "either a "
    "Tensor or a tuple of Tensors but the given outputs of the user-provided function has type <class 'float'>.",
    "jacobian(lambda a: a, (x, 3))": "TypeError: The inputs given to jacobian must be either a Tensor or a tuple of "
    "Tensors "
    "but the value at index 1 has type <class 'int'>.",
    "jacobian(lambda a, b: a * 2, (x, y), strict=True)": "RuntimeError: Output 0 of the user-provided function is "
    "independent of input 1. This is not allowed in strict mode.",
    "hessian(lambda a: a, x)": "RuntimeError: The Tensor returned by the function given to hessian should contain a "
    "single "
    "element",
    "hessian(lambda a: (a.sum(),), x)": "RuntimeError: The function given to hessian should return a single Tensor",
    "product.vjp(lambda a: a ** 2, x)": "RuntimeError: The vector v can only be None if the user-provided function "
    "returns "
    "a single Tensor with a single element.",
    "product.vjp(lambda a: a, x, torch.ones(3))": "RuntimeError: v has invalid size: should be torch.Size([2]) but got "
    "torch.Size([3]).",
    "product.vjp(both, (x, y), (y, y))": "RuntimeError: Entry 1 in v has invalid size: should be torch.Size([]) but "
    "got "
    "torch.Size([2]).",
    "product.vjp(both, (x, y), (y,))": "RuntimeError: v is a tuple of invalid length: should be 2 but got 1.",
    "product.jvp(lambda a: a, x)": "RuntimeError: The vector v can only be None if the input to the user-provided "
    "function "
    "is a single Tensor with a single element.",
    "grad(lambda a: a ** 2)(x)": "RuntimeError: grad_and_value(f)(*args): Expected f(*args) to return a scalar "
    "Tensor, got "
    "tensor with 1 dims. Maybe you wanted to use the vjp or jacrev APIs instead?",
    "grad(lambda a: 3.)(x)": "RuntimeError: grad_and_value(f)(*args): Expected f(*args) to return a Tensor, got "
    "<class 'float'>",
    "grad(lambda a: a.sum(), argnums=1)(x)": "RuntimeError: Got argnum=1, but only 1 positional inputs",
    "grad(lambda a: a)(2.)": "ValueError: Thing passed to transform API must be Tensor, got <class 'float'>",
    "grad(lambda a: a.sum())(torch.arange(3))": "RuntimeError: only Tensors of floating point dtype can require "
    "gradients",
    "func.jvp(lambda a: a, x, x)": "RuntimeError: jvp(f, primals, tangents): Expected primals to be a tuple. E.g. it "
    "should "
    "be valid to call f(*primals).",
    "func.vjp(lambda a: (a, a), x)[1](x)": "RuntimeError: Expected pytree structure of cotangents to be the same as "
    "pytree "
    "structure of outputs to the function. cotangents: *, primal output: (*, *)",
    "jacrev(lambda a: 3.)(x)": "RuntimeError: vjp(f, *primals): expected f(*primals) to return only tensors, got "
    "unsupported "
    "type <class 'float'>",
    "vmap(lambda a: 3)(x)": "ValueError: vmap(<lambda>, ...): `<lambda>` must only return Tensors, got type <class "
    "'int'>. "
    "Did you mean to set out_dims= to None for output?",
    "vmap(lambda a: a, in_dims=2)(x)": "ValueError: vmap(<lambda>, in_dims=2, ...)(<inputs>): Got in_dim=2 for some "
    "input, "
    "but that input is a Tensor of dimensionality 1 so expected in_dim to satisfy -1 <= in_dim < 1.",
    "vmap(lambda a, b: a)(x, torch.ones(3))": "ValueError: vmap: Expected all tensors to have the same size in the "
    "mapped "
    "dimension, got sizes [2, 3] for the mapped dimension",
    "vmap(lambda a: a)()": "ValueError: vmap(<lambda>)(<inputs>): got no inputs. Maybe you forgot to add inputs, or "
    "you are "
    "trying to vmap over a function with no inputs. The latter is unsupported.",
    "vmap(lambda a: torch.randn(2) * a)(x)": "RuntimeError: vmap: called random operation while in randomness error "
    "mode. "
    "Please either use the 'same' or 'different' randomness flags on vmap or perform the randomness operation out of "
    "vmap",
    "gradcheck(torch.sin, (x,))": "ValueError: gradcheck expects at least one input tensor to require gradient, but "
    "none of "
    "them have requires_grad=True.",
    "gradcheck(Bad.apply, (double,))": "GradcheckError: backward not multiplied by grad_output",
    "gradcheck(torch.sin, (double,), check_backward_ad=False)": "AssertionError: Expected at least one of "
    "check_forward_ad or check_backward_ad to be True",
    "gradcheck(torch.sin, (double,), check_batched_forward_grad=True)": "AssertionError: Setting "
    "check_batched_forward_grad=True requires check_forward_ad to be True",
    "gradcheck(lambda a: 3, (double,))": "AttributeError: 'int' object has no attribute 'requires_grad'",
    "gradgradcheck(Marked.apply, (double,), torch.ones(2, dtype=torch.double))": "GradcheckError: Numerical gradient "
    "for function expected to be zero",
    "gradcheck(lambda a: (a.detach() * a).sum(), double)": "GradcheckError: Jacobian mismatch for output 0 with "
    "respect to "
    "input 0, numerical:tensor([[2.0000], [4.0000]], dtype=torch.float64) analytical:tensor([[1.], [2.]], "
    "dtype=torch.float64)",
    "gradcheck(lambda a: a.detach() * 2, double)": "GradcheckError: Numerical gradient for function expected to be "
    "zero",
}


@pytest.mark.parametrize(("expression", "words"), REFUSALS.items(), ids=list(REFUSALS))
def test_refusal(session: Session, expression: str, words: str) -> None:
    with pytest.raises(GradcliError) as raised:
        session.eval(expression)
    said = f"{raised.value.python_name}: {' '.join(raised.value.said().split())}"
    assert said == words


def test_second_derivative_of_a_function_that_has_none(session: Session) -> None:
    assert session.eval("gradgradcheck(Once.apply, (double,), raise_exception=False)") is False


def test_a_formula_marked_differentiable_once_refuses_in_torchs_words(session: Session) -> None:
    session.run("first, = torch.autograd.grad(Marked.apply(double), double, double * 1, create_graph=True)")
    assert session.eval("first").grad_fn.name() == "Error"
    with pytest.raises(GradcliError) as caught:
        session.run("first.sum().backward()")
    assert caught.value.torch == "trying to differentiate twice a function that was marked with @once_differentiable"


def test_wrong_arguments_are_named(session: Session) -> None:
    with pytest.raises(GradcliError) as raised:
        session.eval("jacobian(torch.sin, x, graph=True)")
    assert "graph" in str(raised.value)
    assert "jacobian(func, inputs, create_graph=False" in (raised.value.hint or "")


def test_same_random_numbers_for_all_slices(session: Session) -> None:
    rows = session.eval("vmap(lambda a: torch.rand(3) * a, randomness='same')(torch.ones(4))").numpy()
    assert (rows == rows[0]).all()
    rows = session.eval("vmap(lambda a: torch.rand(3) * a, randomness='different')(torch.ones(4))").numpy()
    assert not (rows == rows[0]).all()


def test_gradients_flow_through_results(session: Session) -> None:
    session.run("""
jacobian(lambda a: a ** 3, tracked, create_graph=True).sum().backward()
first = tracked.grad.clone()
tracked.grad = None
grad(lambda a: (a ** 3).sum())(tracked).sum().backward()
second = tracked.grad.clone()
vmap(lambda a: a ** 2)(w).sum().backward()
""")
    assert session["first"].numpy().tolist() == [6.0, 12.0]
    assert session["second"].numpy().tolist() == [6.0, 12.0]
    assert session["w"].grad.numpy().tolist() == [4.0, 6.0]


def test_inputs_and_what_is_captured_are_left_alone(session: Session) -> None:
    session.run(
        "jacobian(lambda a: (a * w).sum(), tracked)\njacrev(lambda a: a * w)(x)\ngrad(lambda a: (a * w).sum())(x)"
    )
    assert session["tracked"].grad is None
    assert session["w"].grad is None
    assert not session["x"].requires_grad


def test_no_grad_outside_does_not_matter(session: Session) -> None:
    session.run("""
with torch.no_grad():
    a = grad(lambda v: (v ** 2).sum())(tracked)
    b = jacobian(lambda v: v ** 2, tracked)
    c = jacrev(lambda v: v ** 2)(x)
""")
    assert session["a"].numpy().tolist() == [2.0, 4.0]
    assert not session["a"].requires_grad
    assert np.array_equal(session["b"].numpy(), session["c"].numpy())


def test_per_sample_gradients_are_those_of_each_sample(session: Session) -> None:
    session.run("""
torch.manual_seed(0)
data, target, weight = torch.randn(5, 3), torch.randn(5), torch.randn(3)
loss = lambda p, a, b: ((a @ p).tanh() - b) ** 2
together = vmap(grad(loss), in_dims=(None, 0, 0))(weight, data, target)
one = grad(loss)(weight, data[3], target[3])
""")
    assert np.allclose(session["together"].numpy()[3], session["one"].numpy())


@pytest.mark.torch
def test_live_torch_agrees() -> None:
    pytest.importorskip("torch", reason="compares with a live PyTorch")
    different = []
    for expression, expected in (RESULTS | REFUSALS).items():
        names: dict[str, object] = {}
        exec(SETUP, names)  # noqa: S102  (this file's own text)
        try:
            said = repr(eval(expression, names))  # noqa: S307
        except Exception as error:  # noqa: BLE001  (torch's refusals are of many classes)
            said = f"{type(error).__name__}: {error}"
        if " ".join(said.split()) != " ".join(expected.split()):
            different.append(f"{expression}: {said}")
    assert not different, "\n".join(different)
