"""The Python API as its callers use it, and misuse it: everything that goes wrong is a GradcliError."""

import numpy as np
import pytest

import gradcli


@pytest.fixture
def session():
    session = gradcli.Session()
    session.set("x", [1.0, 2.0], requires_grad=True)
    return session


def test_a_session_runs_evaluates_and_differentiates(session):
    assert session.run("y = x * 2\nprint(y)") == "tensor([2., 4.], grad_fn=<MulBackward0>)\n"
    total = session.eval("y.sum()")
    assert (total.shape, str(total.dtype), total.requires_grad) == ((), "torch.float32", True)
    assert total.grad_fn.name() == "SumBackward0"
    assert session["x"].grad is None
    total.backward()
    assert session["x"].grad.numpy().tolist() == [2, 2]
    assert session.variables() == ["x", "y"]
    del session["y"]
    assert "y" not in session


def test_text_goes_where_it_is_asked_for(session):
    pieces = []
    assert session.run("print(1)\nprint(2)", write=pieces.append) == ""
    assert "".join(pieces) == "1\n2\n"


def test_numpy_takes_tensors_for_arrays_but_applies_nothing_to_them(session):
    assert np.array_equal(np.asarray(session["x"]), np.float32([1, 2]))
    assert np.asarray(session["x"], dtype=np.float64).dtype == np.float64
    with pytest.raises(TypeError):
        np.ones(2) * session["x"]  # the gradient would be lost


def test_seeds(session):
    y = session.eval("x * x")
    y.backward([1, 10])
    assert session["x"].grad.numpy().tolist() == [2, 40]
    for seed in ([1, 2, 3], [[1], [2, 3]], "text", object()):
        with pytest.raises(gradcli.GradcliError):
            session.eval("x * x").backward(seed)


@pytest.mark.parametrize(
    ("misuse", "error"),
    [
        (lambda s: s.set("x", [[1], [2, 3]]), "ValueError_"),
        (lambda s: s.set("x", "text"), "TypeError_"),
        (lambda s: s.set("x", None), "TypeError_"),
        (lambda s: s.set("x", 1j), "TypeError_"),
        (lambda s: s.set("x", [1, 2], requires_grad=True), "GradError"),
        (lambda s: s.set("a b", 1.0), "NameError_"),
        (lambda s: s.set(3, 1.0), "NameError_"),
        (lambda s: s["z"], "NameError_"),
        (lambda s: s[3], "NameError_"),
        (lambda s: s.__delitem__("z"), "NameError_"),
        (lambda s: s.__setitem__("", 1), "NameError_"),
        (lambda s: s.eval("1 +"), "SyntaxError_"),
        (lambda s: s.eval(None), "TypeError_"),
        (lambda s: s.run(b"x"), "TypeError_"),
        (lambda s: s.eval("x.view(3)"), "ShapeError"),
        (lambda s: s.eval("x * 2").backward(), "GradError"),
        (lambda s: gradcli.Session(dtype="int8"), "ValueError_"),
        (lambda s: gradcli.Session(names="torch3"), "ValueError_"),
        (lambda s: gradcli.value_and_grad("x +"), "SyntaxError_"),
        (lambda s: gradcli.value_and_grad("x + y")(x=1.0), "NameError_"),
        (lambda s: gradcli.value_and_grad("x * 2")(x=[1.0, 2.0]), "GradError"),
        (lambda s: gradcli.value_and_grad("x.sum()")(x=[[1], [2, 3]]), "ValueError_"),
        (lambda s: gradcli.value_and_grad("x", wrt=["z"])(x=1.0), "NameError_"),
    ],
)
def test_what_goes_wrong_is_an_error_of_ours(session, misuse, error):
    with pytest.raises(gradcli.GradcliError) as caught:
        misuse(session)
    assert type(caught.value).__name__ == error


def test_value_and_grad_of_arrays_lists_and_numbers():
    f = gradcli.value_and_grad("(x**2).sum() * k", wrt="x")
    for x in ([1.0, 2.0], np.float32([1, 2])):
        value, gradients = f(x=x, k=2)
        assert value == 10
        assert gradients["x"].tolist() == [4, 8]
        assert list(gradients) == ["x"]
