"""Calling ops from a program: bind the arguments, apply the op, wrap what comes out.

Views share memory with their first argument; a name that ends in `_` puts the result into it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gradcli.errors import GradcliError, TypeError_
from gradcli.graph.node import Node, recording
from gradcli.graph.op import Op
from gradcli.language.context import Context
from gradcli.language.python.mathmodule import MATH
from gradcli.language.tensors.binding import bind
from gradcli.language.tensors.outputs import put_out
from gradcli.language.tensors.tensor import Tensor
from gradcli.ops.catalog import catalog, spellings_of
from gradcli.ops.shapes.memory import before_change
from gradcli.ops.updates import Updates


class OpFunction:
    """A public spelling as a value of the language: `torch.mean`, `F.softplus`, a bound `x.mean`."""

    __slots__ = ("context", "inplace", "name", "overloads", "owner")
    type_name = "builtin_function_or_method"

    def __init__(
        self, name: str, overloads: Sequence[Op], context: Context, owner: Tensor | None = None, inplace: bool = False
    ) -> None:
        self.name = name
        self.overloads = overloads
        self.context = context
        self.owner = owner
        self.inplace = inplace

    def __repr__(self) -> str:
        return f"<built-in function {self.name}>"

    def bound(self, owner: Tensor) -> OpFunction:
        """The method of a tensor."""
        return OpFunction(self.name, self.overloads, self.context, owner, self.inplace)

    def call(self, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Call it with values of the language."""
        if self.owner is not None:
            args = [self.owner, *args]
        requires_grad = any(map(_is_factory, self.overloads)) and bool(kwargs.pop("requires_grad", False))
        out = kwargs.pop("out", None) if "out" in kwargs and self._takes_out() else None
        op, inputs, params = bind(self.overloads, args, kwargs, self.context, self.name, self.owner is not None)
        if self.inplace and inputs and not op.view:
            inputs[0] = before_change(inputs[0])
        try:
            result = op(*inputs, **params)
        except GradcliError as error:
            if error.op == op.shown:
                error.op = self.name
            raise
        first = _first_tensor(args, kwargs)
        if isinstance(result, Updates):
            self._update(op, result, args, kwargs)
            result = result.result
        if self.inplace or _asks_inplace(op, args, kwargs):
            return self._put(first, result, op)
        wrapped = wrap(result, op, self.context, first, params)
        if requires_grad:
            wrapped.set_requires_grad(True)
        return wrapped if out is None else put_out(out, wrapped, self.name)

    def _takes_out(self) -> bool:
        """Whether `out=` is an argument of the function: methods, views and the functions of F have none."""
        of_torch = any(not spelling.startswith("F.") for op in self.overloads for spelling in spellings_of(op))
        return self.owner is None and of_torch and not any(op.view for op in self.overloads)

    def _update(self, op: Op, updates: Updates, args: list[Any], kwargs: dict[str, Any]) -> None:
        """Put new values into arguments that the call changes (the running statistics of batch_norm)."""
        given = {p.name: a for p, a in zip(op.signature.parameters, args, strict=False)} | kwargs
        with recording(False):
            for name, node in updates.changed.items():
                given[name].assign(node, name=self.name)

    def _put(self, target: Tensor | None, result: Any, op: Op) -> Tensor:
        if target is None:
            raise TypeError_("an in-place operation needs a tensor to change", op=self.name)
        steps = view_steps(target.node, result) if op.view else None
        if steps is not None:
            target.become_view(steps, result)
        else:
            target.assign(result, name=self.name)
        return target


class NumberFunction(OpFunction):
    """A free name that is an op of tensors, and on a Python number the function of `math`: log(2), sqrt(2*pi)."""

    __slots__ = ()

    def call(self, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Call it with values of the language."""
        if len(args) == 1 and not kwargs and type(args[0]) in (int, float):
            return MATH.get_attribute(self.name).call(args, kwargs)
        return super().call(args, kwargs)


ON_NUMBERS = frozenset(
    "sqrt exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh erf erfc "
    "lgamma".split()
)


def _is_factory(op: Op) -> bool:
    """Whether the op makes a tensor out of no tensors, or one like another: those take requires_grad=."""
    return "requires_grad" in op.signature.by_name


def _asks_inplace(op: Op, args: list[Any], kwargs: dict[str, Any]) -> bool:
    """Whether a call such as `F.relu(x, inplace=True)` wants its result in the input's memory."""
    if "inplace" not in op.signature.by_name:
        return False
    at = [p.name for p in op.signature.parameters].index("inplace")
    return bool(kwargs.get("inplace", args[at] if at < len(args) else False))


def _first_tensor(args: list[Any], kwargs: dict[str, Any]) -> Tensor | None:
    for value in (*args[:1], *kwargs.values()):
        if isinstance(value, Tensor):
            return value
        if isinstance(value, list | tuple) and value and isinstance(value[0], Tensor):
            return value[0]
    return None


def wrap(result: Any, op: Op, context: Context, first: Tensor | None, params: dict[str, Any]) -> Any:
    """Nodes as values of the language: a tensor, a named tuple of them, or a plain tuple."""
    if isinstance(result, Node):
        if first is not None and result is first.node:
            return first  # nothing had to be done: x.contiguous(), x.to(x.dtype)
        if first is not None and result.op.view:
            steps = view_steps(first.node, result)
            if steps is not None:
                return first.view(steps, result)
        return Tensor(result, context, is_array=first is not None and first.is_array)
    if isinstance(result, tuple | list):
        parts = [wrap(part, op, context, first, params) for part in result]
        if op.outputs:
            return named_results(op, parts)
        return type(result)(parts)
    return result


def view_steps(base: Node, view: Node) -> tuple[tuple[Op, dict[str, Any]], ...] | None:
    """The view ops that lead from a base to a node made of it, or None where one of them copies."""
    steps: list[tuple[Op, dict[str, Any]]] = []
    node = view
    while node is not base:
        if node.via is not None:
            node = node.via
        elif node.op.view and node.inputs:
            steps.append((node.op, dict(node.params)))
            node = node.inputs[0]
        else:
            return None
    return tuple(reversed(steps))


def named_results(op: Op, parts: list[Any]) -> Any:
    """Several outputs under their names: torch.return_types.max(values=..., indices=...)."""
    from gradcli.language.tensors.results import Results  # few ops have several outputs

    return Results(op.shown, op.outputs, parts)


def op_function(name: str, module: str, context: Context) -> OpFunction | None:
    """What a module of the language has under a name: 'torch', 'F', 'linalg', 'special' or '' for free names."""
    key = f"{module}.{name}"
    known: OpFunction | None = context.functions.get(key)
    if known is not None:
        return known
    found = catalog()
    table = found.modules[module] if module else found.free
    if not module and name in ON_NUMBERS:
        function: OpFunction | None = NumberFunction(name, table[name], context)
    else:
        function = _lookup(name, table, context)
    if function is not None:
        context.functions[key] = function
    return function


def method(tensor: Tensor, name: str) -> OpFunction | None:
    """The op that is a method of tensors under a name."""
    context = tensor.context
    key = f"method {name}"
    known: OpFunction | None = context.functions.get(key)
    if known is None:
        known = _lookup(name, catalog().methods, context)
        if known is None:
            return None
        context.functions[key] = known
    return known.bound(tensor)


def _lookup(name: str, table: Mapping[str, list[Op]], context: Context) -> OpFunction | None:
    if name in table:
        inplace = name.endswith("_") and not name.endswith("__")
        return OpFunction(name, table[name], context, inplace=inplace)
    if name.endswith("_") and name[:-1] in table:
        changing = [op for op in table[name[:-1]] if op.inplace]
        if changing:
            return OpFunction(name, changing, context, inplace=True)
    return None
