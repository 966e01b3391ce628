"""The operators of the language where an operand is a tensor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradcli.engine.run import value as node_value
from gradcli.errors import GradcliError, TypeError_, ValueError_
from gradcli.graph.node import Node
from gradcli.graph.op import Op, number, number_op
from gradcli.language.context import Context
from gradcli.language.tensors.binding import kind_name
from gradcli.language.tensors.call import op_function
from gradcli.language.tensors.tensor import Tensor
from gradcli.ops.elementwise import arithmetic, compare, explog
from gradcli.ops.shapes.memory import before_change

_DIRECT: dict[str, Op] = {
    "+": arithmetic.add,
    "-": arithmetic.sub,
    "*": arithmetic.mul,
    "/": arithmetic.div,
    "==": compare.eq,
    "!=": compare.ne,
    "<": compare.lt,
    "<=": compare.le,
    ">": compare.gt,
    ">=": compare.ge,
}
# number - x and number / x are other ops to torch: their grad_fn says so
_REFLECTED: dict[str, Callable[[Any, Node], Node]] = {
    "-": lambda value, x: arithmetic.rsub(x, other=value),
    "/": lambda value, x: arithmetic.mul(arithmetic.reciprocal(x), value),
    "**": lambda value, x: explog.rpow(x, input=value),
}
# by public name: these have overloads, or are declared elsewhere
_NAMED = {
    "//": "floor_divide", "%": "remainder", "**": "pow", "@": "matmul",
    "&": "bitwise_and", "|": "bitwise_or", "^": "bitwise_xor", "<<": "bitwise_left_shift", ">>": "bitwise_right_shift",
}  # fmt: skip


def binary(symbol: str, a: Any, b: Any) -> Any:
    """`a symbol b`, one of them a tensor.

    Raises: TypeError_ when the other is neither tensor nor number; what the op refuses, named by its symbol.
    """
    first = a if type(a) is Tensor else b
    context: Context = first.context
    op = _DIRECT.get(symbol)
    if op is None:
        return _named(symbol, a, b, context)
    left, right = _operand(a), _operand(b)
    if left is None or right is None:
        raise _unsupported(symbol, a, b)
    if left.op is number_op and symbol in _REFLECTED:
        node = _REFLECTED[symbol](a, right)
    else:
        try:
            node = op(left, right)
        except GradcliError as error:
            error.op = symbol
            raise
    return Tensor(node, context, is_array=first.is_array)


def _operand(value: Any) -> Node | None:
    kind = type(value)
    if kind is Tensor:
        node: Node = value.node
        return node
    if kind is float or kind is int or kind is bool:
        return number(value)
    return None


def _named(symbol: str, a: Any, b: Any, context: Context) -> Any:
    if (
        _operand(a) is None
        or _operand(b) is None
        or (symbol == "@" and not (isinstance(a, Tensor) and isinstance(b, Tensor)))
    ):
        raise _unsupported(symbol, a, b)
    if symbol == "**" and not isinstance(a, Tensor):
        return Tensor(_REFLECTED[symbol](a, b.node), context, is_array=b.is_array)
    function = op_function(_NAMED[symbol], "torch", context)
    assert function is not None
    return function.call([a, b], {})


def _unsupported(symbol: str, a: Any, b: Any) -> TypeError_:
    names = kind_name(a), kind_name(b)
    return TypeError_(
        f"{symbol} does not work on {names[0]} and {names[1]}",
        torch=f"unsupported operand type(s) for {symbol}: '{names[0]}' and '{names[1]}'",
    )


def inplace(symbol: str, a: Any, b: Any) -> Any:
    """`a symbol= b`: into the memory of a tensor; a plain operation when `a` is none."""
    if type(a) is not Tensor:
        return binary(symbol, a, b)
    before = Tensor(before_change(a.node), a.context, is_array=a.is_array)
    result = binary(symbol, before, b)
    a.assign(result.node, name=f"{symbol}=")
    return a


def unary(symbol: str, a: Tensor) -> Any:
    """`-x`, `+x`, `~x`; `not x` is the truth of x turned round."""
    if symbol == "not":
        return not truth(a)
    if symbol == "-":
        return Tensor(arithmetic.neg(a.node), a.context, is_array=a.is_array)
    name = "positive" if symbol == "+" else "bitwise_not"
    function = op_function(name, "torch", a.context)
    assert function is not None
    return function.call([a], {})


def compare_tensors(symbol: str, a: Any, b: Any) -> Any:
    """A comparison, one side a tensor; == and != with something else than a tensor or a number are plain answers."""
    if symbol == "is":
        return a is b
    if symbol == "is not":
        return a is not b
    if symbol in ("in", "not in"):
        return contains(a, b) == (symbol == "in")
    if _operand(a) is None or _operand(b) is None:
        if symbol in ("==", "!="):
            return symbol == "!="
        raise _unsupported(symbol, a, b)
    return binary(symbol, a, b)


def contains(item: Any, holder: Any) -> bool:
    """Whether a tensor has an element equal to `item`, or a list such an element."""
    if isinstance(holder, Tensor):
        return bool((node_value(holder.node) == (item.numpy() if isinstance(item, Tensor) else item)).any())
    return any(
        item is each or (isinstance(each, Tensor | int | float) and truth(binary("==", item, each))) for each in holder
    )


def truth(a: Tensor) -> bool:
    """The truth of a tensor of one element.

    Raises: ValueError_ (to programs a RuntimeError, as in torch) for several elements.
    """
    if a.node.size != 1:
        raise AmbiguousTruth(
            f"a tensor of shape {a.shape} has no single truth",
            hint="say which: (x > 0).all(), (x > 0).any(), or x.item() for one element",
            torch="Boolean value of Tensor with more than one value is ambiguous"
            if a.node.size
            else "Boolean value of Tensor with no values is ambiguous",
        )
    return bool(node_value(a.node).item())


class AmbiguousTruth(ValueError_):
    """A tensor of several elements where one truth is needed."""

    catches = ("RuntimeError", "Exception", "BaseException")
