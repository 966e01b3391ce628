"""Jacobians, Hessians and products of tensors that have been computed: what the commands ask for."""

from __future__ import annotations

from collections.abc import Sequence

from gradcli.autodiff import functional
from gradcli.engine.run import run
from gradcli.graph.node import Node
from gradcli.language.tensors.tensor import Tensor
from gradcli.ops.shapes.convert import detach


def jacobian(outputs: Sequence[Tensor], wrt: Sequence[Tensor]) -> list[list[Tensor]]:
    """The Jacobian of each output by each tensor, of shape output.shape + tensor.shape."""
    with outputs[0].context.active():
        blocks = [functional.jacobian(y.node, [x.node for x in wrt]) for y in outputs]
        return [_tensors(row, outputs[0]) for row in blocks]


def hessian(output: Tensor, wrt: Sequence[Tensor]) -> list[list[Tensor]]:
    """The second derivatives by each pair of tensors, of shape first.shape + second.shape. Raises: ShapeError."""
    with output.context.active():
        return [_tensors(row, output) for row in functional.hessian(output.node, [x.node for x in wrt])]


def jvp(outputs: Sequence[Tensor], tangents: Sequence[tuple[Tensor, Tensor]]) -> list[Tensor]:
    """The Jacobian of each output times the tangents, given as (tensor, tangent)."""
    with outputs[0].context.active():
        given = {x.node: t.node for x, t in tangents}
        return _tensors(functional.tangents([y.node for y in outputs], given), outputs[0])


def hvp(output: Tensor, wrt: Sequence[Tensor], vectors: Sequence[Tensor]) -> list[Tensor]:
    """The Hessian times the vectors, by each tensor. Raises: ShapeError."""
    with output.context.active():
        found = functional.hessian_product(output.node, [x.node for x in wrt], [v.node for v in vectors])
        return _tensors(found, output)


def _tensors(nodes: Sequence[Node], like: Tensor) -> list[Tensor]:
    """Tensors of nodes, without their history."""
    run([node for node in nodes if node.value is None])
    return [Tensor(detach(node) if node.requires_grad else node, like.context) for node in nodes]
