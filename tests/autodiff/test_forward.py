"""Forward mode agrees with reverse mode, and with what is known."""

import numpy as np

from gradcli.autodiff.backward import vjp
from gradcli.autodiff.forward import jvp
from gradcli.graph.op import leaf
from gradcli.ops.elementwise.explog import exp
from gradcli.ops.elementwise.trig import sin


def tracked(array):
    node = leaf(np.asarray(array, np.float64))
    node.requires_grad = True
    return node


def test_a_tangent_is_pushed_through():
    x = tracked([0.3, -1.2])
    t = leaf(np.array([2.0, 0.5]))
    (pushed,) = jvp([sin(x) * exp(x)], {x: t})
    assert np.allclose(pushed.value, (np.cos(x.value) + np.sin(x.value)) * np.exp(x.value) * t.value)


def test_tangents_of_several_inputs_add_up_and_unreached_outputs_have_none():
    x, y, z = tracked([1.0, 2.0]), tracked([3.0, 4.0]), tracked([1.0])
    pushed = jvp([x * y, z * 2], {x: leaf(np.array([1.0, 0.0])), y: leaf(np.array([0.0, 1.0]))})
    assert pushed[0].value.tolist() == [3.0, 2.0]
    assert pushed[1] is None


def test_the_pairing_of_both_modes_is_the_same():
    rng = np.random.default_rng(0)
    x, t, v = tracked(rng.normal(size=(2, 3))), leaf(rng.normal(size=(2, 3))), leaf(rng.normal(size=(2, 3)))
    y = exp(sin(x) * x) / (x * x + 1)
    (pushed,) = jvp([y], {x: t})
    pulled = vjp([y], [v], [x])[x]
    assert np.isclose(np.sum(pushed.value * v.value), np.sum(pulled.value * t.value))
