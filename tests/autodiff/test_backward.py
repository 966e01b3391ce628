"""The reverse walk on nodes: sums over paths, fitting, freeing, and the checks."""

import numpy as np
import pytest

from gradcli.autodiff.backward import vjp
from gradcli.errors import GradError
from gradcli.graph.op import leaf
from gradcli.ops.elementwise.explog import exp
from gradcli.ops.elementwise.rounding import floor


def tracked(array):
    node = leaf(np.asarray(array))
    node.requires_grad = True
    return node


def ones_like(node):
    return leaf(np.ones(node.shape, node.dtype.numpy))


def pull(output, *inputs, **options):
    found = vjp([output], [ones_like(output)], inputs or None, **options)
    return [found[i].value for i in inputs] if inputs else found


def test_paths_to_the_same_input_add_up():
    x = tracked([2.0, 3.0])
    (g,) = pull(x * x + 3 * x, x)
    assert g.tolist() == [7.0, 9.0]


def test_a_cotangent_takes_the_shape_and_dtype_of_its_primal():
    row, column = tracked(np.ones((1, 3), np.float32)), tracked(np.ones((2, 1)))
    row_g, column_g = pull(row * column, row, column)
    assert (row_g.shape, row_g.dtype, row_g.tolist()) == ((1, 3), np.float32, [[2, 2, 2]])
    assert (column_g.shape, column_g.dtype) == ((2, 1), np.float64)


def test_a_derivative_can_be_differentiated_again():
    x = tracked([0.5])
    first = vjp([exp(x) * x], [ones_like(x)], [x], create_graph=True)[x]
    second = vjp([first], [ones_like(x)], [x], create_graph=True)[x]
    assert np.allclose(first.value, np.exp(0.5) * 1.5)
    assert np.allclose(second.value, np.exp(0.5) * 2.5)


def test_only_paths_to_the_inputs_asked_for_are_walked():
    x, other = tracked([1.0]), tracked([2.0])
    y = x * other
    assert set(vjp([y], [ones_like(y)], [x], retain_graph=True)) == {x}
    assert set(vjp([y], [ones_like(y)])) == {x, other}


def test_a_freed_graph_is_refused_and_a_graph_that_saved_nothing_is_not():
    x = tracked([1.0])
    saved, nothing_saved = x * x, x + 1
    for output in (saved, nothing_saved):
        pull(output)
    with pytest.raises(GradError, match="freed by an earlier backward pass"):
        pull(saved)
    assert pull(nothing_saved, x)[0].tolist() == [1.0]


def test_a_freed_part_of_the_graph_is_refused_even_where_another_path_is_whole():
    x = tracked([1.0])
    part = exp(x)
    pull(part * 2)
    with pytest.raises(GradError, match="freed"):
        pull(part * 3 + x * 2, x)


def test_retain_graph_keeps_it():
    x = tracked([1.0])
    y = x * x
    assert pull(y, x, retain_graph=True)[0].tolist() == pull(y, x)[0].tolist() == [2.0]


def test_a_step_function_passes_zeros_on():
    x = tracked([1.5])
    assert pull(floor(x) + x, x)[0].tolist() == [1.0]


def test_a_graph_of_any_depth_is_walked_without_recursion():
    x = tracked([1.0])
    y = x
    for _ in range(100_000):
        y = y * 1.0
    assert pull(y, x)[0].tolist() == [1.0]
