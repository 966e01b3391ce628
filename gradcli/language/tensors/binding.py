"""Binding a call to an op's signature: which overload, which tensors, which other arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradcli.dtypes import ALIASES, DType
from gradcli.engine.run import value as node_value
from gradcli.errors import TypeError_, ValueError_
from gradcli.graph.op import Op, number
from gradcli.graph.signature import MISSING, TENSOR_KINDS, Parameter
from gradcli.language.context import Context
from gradcli.language.python.mathmodule import MATH_NAMES
from gradcli.language.tensors.devices import check_device
from gradcli.language.tensors.tensor import Tensor

# torch takes numpy's names for these
_ALIASES = {"axis": "dim", "keepdims": "keepdim", "x": "input", "a": "input", "x1": "input", "x2": "other"}
_ABSENT = object()


class Misfit(Exception):
    """An argument does not fit a signature: what is wrong with it. torch: the same in torch's words after `name()`."""

    def __init__(self, message: str, torch: str = "") -> None:
        super().__init__(message)
        self.torch = torch


Bound = tuple[Op, list[Any], dict[str, Any]]


def bind(
    overloads: Sequence[Op],
    args: list[Any],
    kwargs: dict[str, Any],
    context: Context,
    name: str,
    method: bool = False,
) -> Bound:
    """The first overload that the arguments fit, its tensor inputs in order, and its other arguments by name.

    method: the first argument is the tensor whose method it is, which torch does not count.
    Raises: TypeError_ that says what does not fit, or lists the signatures when there are several.
    """
    misfits = []
    for op in overloads:
        try:
            inputs, params = fit_arguments(op, args, kwargs, context, method)
        except Misfit as misfit:
            misfits.append((str(misfit), misfit.torch))  # the exception itself would keep the arguments alive
        else:
            return op, inputs, params
    if len(overloads) == 1:
        only, torch = misfits[0]
        hint = _hint(overloads[0], args)
        raise TypeError_(only, op=name, hint=hint, torch=f"{name}(){torch}" if torch else None)
    given = [kind_name(a) for a in args] + [f"{k}={kind_name(v)}" for k, v in kwargs.items()]
    listed = "\n        ".join(dict.fromkeys(op.signature.shown for op in overloads))
    raise TypeError_(
        f"these arguments do not fit: ({', '.join(given)})",
        op=name,
        hint=f"it can be called as\n        {listed}",
        torch=f"{name}() received an invalid combination of arguments - got ({', '.join(given)}), but expected one of:"
        + "".join(f"\n * ({op.signature.text.split('(', 1)[1]}" for op in overloads),
    )


def _hint(op: Op, args: list[Any]) -> str:
    """What would be right; a number where a tensor is taken may be meant for the function of math."""
    if op.elementwise and len(args) == 1 and isinstance(args[0], int | float) and op.name in MATH_NAMES:
        return f"for a number there is math.{op.name}({args[0]}); a tensor is tensor({float(args[0])})"
    return f"the call is {op.signature.shown}"


def fit_arguments(
    op: Op, args: list[Any], kwargs: dict[str, Any], context: Context, method: bool = False
) -> tuple[list[Any], dict[str, Any]]:
    """The arguments as the op takes them.

    Raises: Misfit.
    """
    parameters = op.signature.parameters
    given = _place_positional(parameters, args, method)
    by_name = op.signature.by_name
    for key, value in kwargs.items():
        name = key if key in by_name else _ALIASES.get(key, key)
        if name not in by_name:
            raise Misfit(f"there is no argument {key!r}", f" got an unexpected keyword argument {key!r}")
        if name in given:
            raise Misfit(f"the argument {key!r} is given twice", f" got multiple values for argument {key!r}")
        given[name] = value
    inputs: list[Any] = []
    params: dict[str, Any] = {}
    for parameter in parameters:
        value = given.get(parameter.name, _ABSENT)
        if value is _ABSENT:
            if parameter.default is MISSING and parameter.kind != "generator":
                raise Misfit(f"the argument {parameter.name!r} is missing", _missing(op, given))
            value = parameter.default
        elif parameter.kind != "ignored":
            value = _converted(value, parameter, context, args[method:])
        elif parameter.name == "device":
            check_device(value)
        if parameter.kind in TENSOR_KINDS:
            _add_input(inputs, value, op)
        elif parameter.kind == "generator":
            params[parameter.name] = getattr(value, "generator", None) or context.generator
        elif parameter.kind != "ignored":
            params[parameter.name] = value
    return inputs, params


def _missing(op: Op, given: dict[str, Any]) -> str:
    """That required arguments are missing: functions of torch.nn.functional are Python's, the others are not."""
    names = [p.name for p in op.signature.parameters if p.default is MISSING and p.name not in given]
    if all(spelling.startswith("F.") for spelling in op.spelled):
        listed = " and ".join(repr(name) for name in names)
        return f" missing {len(names)} required positional argument{'s' * (len(names) > 1)}: {listed}"
    return f" missing {len(names)} required positional arguments: " + ", ".join(f'"{name}"' for name in names)


def _converted(value: Any, parameter: Parameter, context: Context, args: list[Any]) -> Any:
    try:
        return convert(value, parameter, context)
    except Misfit as misfit:
        blamed = value[0] if parameter.kind.endswith("*") and isinstance(value, tuple) and value else value
        at = next((f" (position {at + 1})" for at, given in enumerate(args) if given is blamed or given is value), "")
        shown = kind_name(blamed).replace("None", "NoneType")
        word = _TORCH_WORDS.get(parameter.kind.rstrip("?"))
        if word is not None:
            misfit.torch = f": argument '{parameter.name}'{at} must be {word}, not {shown}"
        raise


def _add_input(inputs: list[Any], value: Any, op: Op) -> None:
    if isinstance(value, list) and op.expands is None:
        inputs.extend(value)
    elif isinstance(value, bool | int | float):  # a default such as other=1
        inputs.append(number(value))
    else:
        inputs.append(value)


def _place_positional(parameters: tuple[Parameter, ...], args: list[Any], method: bool) -> dict[str, Any]:
    positional = [p for p in parameters if not p.keyword_only]
    given: dict[str, Any] = {}
    for at, parameter in enumerate(positional):
        if at >= len(args):
            break
        if parameter.kind.endswith("*") and _is_spread(parameter, args[at]):
            # the bare values belong to one argument: x.view(2, 3), torch.broadcast_tensors(a, b)
            given[parameter.name] = tuple(args[at:])
            return given
        given[parameter.name] = args[at]
    if len(args) > len(positional):
        count = len(positional)
        least, most, came = sum(p.default is MISSING for p in positional) - method, count - method, len(args) - method
        many = f"from {least} to {most} positional arguments" if least < most else _counted(most)
        raise Misfit(
            f"it takes {_counted(count)}, {len(args)} were given",
            f" takes {many} but {came} {'was' if came == 1 else 'were'} given",
        )
    return given


def _counted(count: int) -> str:
    return f"{count} positional argument{'' if count == 1 else 's'}"


def _is_spread(parameter: Parameter, first: Any) -> bool:
    if parameter.kind == "Tensors*":
        return isinstance(first, Tensor)
    return not isinstance(first, list | tuple)


def convert(value: Any, parameter: Parameter, context: Context) -> Any:
    """A value of the language as the kind of argument a parameter takes.

    Raises: Misfit.
    """
    kind = parameter.kind
    if kind.endswith("?"):
        if value is None:
            return None
        kind = kind[:-1]
    converter = _CONVERTERS.get(kind)
    if converter is None:
        return value
    converted = converter(value, context)
    if converted is _ABSENT:
        raise Misfit(f"{parameter.name!r} must be {_WORDS[kind]}, not {kind_name(value)}")
    return converted


def _tensor(value: Any, context: Context) -> Any:
    return value.node if isinstance(value, Tensor) else _ABSENT


def _operand(value: Any, context: Context) -> Any:
    if isinstance(value, Tensor):
        return value.node
    return number(value) if isinstance(value, bool | int | float) else _ABSENT


def _tensors(value: Any, context: Context) -> Any:
    if isinstance(value, Tensor) or not isinstance(value, list | tuple):
        return _ABSENT
    nodes = []
    for at, item in enumerate(value):
        if not isinstance(item, Tensor):
            raise Misfit(f"element {at} of the list must be a tensor, not {kind_name(item)}")
        nodes.append(item.node)
    return nodes


def _scalar(value: Any, context: Context) -> Any:
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, Tensor) and not value.shape and not value.requires_grad:
        return node_value(value.node).item()
    return _ABSENT


def _int(value: Any, context: Context) -> Any:
    if isinstance(value, Tensor) and value.node.size == 1 and not value.dtype.floating:
        value = node_value(value.node).item()
    if not isinstance(value, int) or isinstance(value, bool):
        return _ABSENT
    if not -(2**63) <= value < 2**63:
        raise too_large()
    return value


def too_large() -> ValueError_:
    """The refusal of an integer that no tensor or size can be."""
    return ValueError_("an integer is too large for 64 bits", torch="Overflow when unpacking long long")


def _float(value: Any, context: Context) -> Any:
    number_ = _scalar(value, context)
    return number_ if number_ is _ABSENT or isinstance(number_, bool) else float(number_)


def _bool(value: Any, context: Context) -> Any:
    return value if isinstance(value, bool) else _ABSENT


def _str(value: Any, context: Context) -> Any:
    return value if isinstance(value, str) else _ABSENT


def _ints(value: Any, context: Context) -> Any:
    if isinstance(value, list | tuple):
        sizes = tuple(_int(item, context) for item in value)
        return _ABSENT if _ABSENT in sizes else sizes
    one = _int(value, context)
    return one if one is _ABSENT else (one,)


def _dims(value: Any, context: Context) -> Any:
    if isinstance(value, list | tuple):
        return _ints(value, context)
    return _int(value, context)


def _floats(value: Any, context: Context) -> Any:
    if isinstance(value, list | tuple):
        numbers = tuple(_float(item, context) for item in value)
        return _ABSENT if _ABSENT in numbers else numbers
    one = _float(value, context)
    return one if one is _ABSENT else (one,)


def _dtype(value: Any, context: Context) -> Any:
    if isinstance(value, DType):
        return value
    name = getattr(value, "name", None)  # the types float, int and bool of the language
    return (
        ALIASES[{"float": "float64", "int": "int64", "bool": "bool"}[name]]
        if name in ("float", "int", "bool")
        else _ABSENT
    )


_CONVERTERS = {
    "Tensor": _tensor, "Operand": _operand, "Tensors": _tensors, "Tensors*": _tensors, "Scalar": _scalar, "int": _int,
    "float": _float, "bool": _bool, "str": _str, "ints": _ints, "ints*": _ints, "dims": _dims, "floats": _floats,
    "dtype": _dtype,
}  # fmt: skip
_WORDS = {
    "Tensor": "a tensor", "Operand": "a tensor or a number", "Tensors": "a list or tuple of tensors",
    "Tensors*": "tensors", "Scalar": "a number", "int": "an integer", "float": "a number", "bool": "True or False",
    "str": "a string", "ints": "integers", "ints*": "integers", "dims": "a dimension or a tuple of them",
    "floats": "numbers", "dtype": "a dtype such as torch.float64",
}  # fmt: skip
_TORCH_WORDS = {
    "Tensor": "Tensor", "Operand": "Tensor", "Tensors": "tuple of Tensors", "Tensors*": "tuple of Tensors",
    "Scalar": "Number", "int": "int", "float": "float", "bool": "bool", "str": "str", "ints": "tuple of ints",
    "ints*": "tuple of ints", "dims": "tuple of ints", "floats": "tuple of floats", "dtype": "torch.dtype",
}  # fmt: skip


def kind_name(value: Any) -> str:
    """What kind of value it is, in torch's words."""
    if isinstance(value, Tensor):
        return "Tensor"
    if value is None:
        return "None"
    return getattr(value, "type_name", None) or type(value).__name__
