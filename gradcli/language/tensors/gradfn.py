"""What `y.grad_fn` gives: a recorded op, by the name of the session's version of PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from gradcli.graph.node import Node
from gradcli.graph.op import PROGRAM, leaf_op, pick_op
from gradcli.language.python.values import Builtin, no_attribute
from gradcli.ops.shapes.memory import before_change

if TYPE_CHECKING:
    from gradcli.language.tensors.tensor import Tensor


class GradFn:
    """What `t.grad_fn` gives: a recorded op. `grad_fn_of` makes it, the same one for the same op while it is held."""

    __slots__ = ("__weakref__", "names", "node")

    def __init__(self, node: Node, names: str) -> None:
        self.node = node
        self.names = names

    @property
    def type_name(self) -> str:
        """What `type(y.grad_fn).__name__` shows."""
        return grad_fn_name(self.node, self.names)

    def name(self) -> str:
        """Its name in the session's version of PyTorch."""
        name = grad_fn_name(self.node, self.names)
        return f"torch::autograd::{name}" if name == "AccumulateGrad" else name

    @property
    def next_functions(self) -> tuple[tuple[GradFn | None, int], ...]:
        """For each input the recorded op it came from (None: no gradient flows there) and which output of it."""
        node = self.node.inputs[0] if self.node.op is pick_op and self.node.inputs else self.node
        found: list[tuple[GradFn | None, int]] = []
        for given in node.inputs:
            i = given.inputs[0] if given.op is before_change and given.inputs else given
            at = i.params["at"] if i.op is pick_op else 0
            found.append((grad_fn_of(i, self.names) if i.requires_grad else None, at))
        return tuple(found)

    @property
    def variable(self) -> Tensor | None:
        """The leaf that an AccumulateGrad adds to."""
        owner = self.node.extra.owner if self.node.extra is not None else None
        tensor: Tensor | None = owner() if owner is not None else None
        return tensor

    def get_attribute(self, name: str) -> Any:
        """`y.grad_fn.name`, as programs reach it."""
        if name == "name":
            return Builtin("name", lambda args, kwargs: self.name())
        if name == "next_functions":
            return self.next_functions
        if name == "variable" and self.node.op is leaf_op:
            return self.variable
        raise no_attribute(self.name(), name, ("name", "next_functions"))

    def __repr__(self) -> str:
        module = "torch.autograd.function." if self.node.op.family == PROGRAM else ""
        return f"<{module}{grad_fn_name(self.node, self.names)}>"


_held: WeakValueDictionary[tuple[int, str], GradFn] = WeakValueDictionary()


def grad_fn_of(node: Node, names: str) -> GradFn:
    """The recorded op of a node."""
    made = node.inputs[0] if node.op is pick_op and node.inputs else node  # the outputs of one op have it in common
    key = (made.serial, names)
    found = _held.get(key)
    if found is None:
        found = _held[key] = GradFn(node, names)
    return found


def grad_fn_name(node: Node, names: str) -> str:
    """The name torch shows for the op that made a node."""
    if node.op is leaf_op:
        return "AccumulateGrad"
    op = node.inputs[0].op if node.op is pick_op and node.inputs else node.op
    name = op.torch1 if names == "torch1" else op.torch2
    return name or f"{op.shown.title().replace('_', '')}Backward0"
