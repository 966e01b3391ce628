"""The Python API: a Session that runs programs, and value_and_grad for one expression used again and again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcli.collector import paused
from gradcli.dtypes import ALIASES, from_numpy
from gradcli.engine.run import run as compute
from gradcli.errors import NameError_, TypeError_, ValueError_
from gradcli.graph.op import leaf
from gradcli.language import wiring
from gradcli.language.compiler.code import Code
from gradcli.language.context import Context
from gradcli.language.machine.machine import Machine, compile_program
from gradcli.language.syntax import ast
from gradcli.language.syntax.parse import parse_program
from gradcli.language.tensors.autograd import grad
from gradcli.language.tensors.tensor import Tensor, array_from
from gradcli.source import Source
from gradcli.suggest import nearest

if TYPE_CHECKING:
    from gradcli.replay import ValueAndGrad

Program = str | Source | ast.Module
LONG = 1 << 12  # characters: a text that was made, and may be wanted once


class Session:
    """Variables, random numbers and settings that statements share, as at one prompt.

    dtype: of Python floats and factories: "float32", "float64" or "float16".
    names: whose grad_fn names are shown: "torch1" (PyTorch 1.0) or "torch2".
    """

    def __init__(self, dtype: str = "float32", names: str = "torch2") -> None:
        self._context = Context()
        self.dtype = dtype
        self.names = names
        self._variables: dict[str, Any] = {}
        self._machine: Machine = wiring.machine(self._context)
        self._compiled: tuple[ast.Module, Code] | None = None  # the last program that came parsed

    @property
    def dtype(self) -> str:
        """The default dtype, by name."""
        return self._context.default.name

    @dtype.setter
    def dtype(self, name: str) -> None:
        dtype = ALIASES.get(name)
        if dtype is None or not dtype.floating:
            raise ValueError_(f"the default dtype is float32, float64 or float16, not {name!r}")
        self._context.default = dtype

    @property
    def names(self) -> str:
        """Whose grad_fn names are shown: torch1 or torch2."""
        return self._context.names

    @names.setter
    def names(self, version: str) -> None:
        if version not in ("torch1", "torch2"):
            raise ValueError_(f"names are torch1 or torch2, not {version!r}")
        self._context.names = version

    def set(self, name: str, value: Any, requires_grad: bool = False) -> None:
        """Bind a variable to an array (not copied), an array-like or a Tensor.

        Raises: TypeError_ for an array of a dtype torch lacks; ValueError_ for lists that are no array; GradError when
        an integer should require grad; NameError_ for what is no name.
        """
        _check_name(name)
        with self._context.active():
            tensor = self._tensor(value)
            if requires_grad:
                tensor.set_requires_grad(True)
            self._variables[name] = tensor

    def _tensor(self, value: Any) -> Tensor:
        if isinstance(value, Tensor):
            return value
        array = array_from(value)
        if not isinstance(value, np.ndarray | np.generic) and array.dtype == np.float64:
            array = array.astype(self._context.default.numpy)
        if from_numpy(array.dtype) is None:
            raise TypeError_(f"an array of {array.dtype} cannot be a tensor", hint="use a float, integer or bool array")
        if not array.dtype.isnative:
            array = array.astype(array.dtype.newbyteorder("="))
        return Tensor(leaf(array), self._context)

    def run(self, program: Program, write: Callable[[str], None] | None = None) -> str:
        """Run a program and return what it printed.

        program: its text, a Source, or a parsed module.
        write: called with each piece of text as it is printed; the returned text is then empty.
        Raises: GradcliError.
        """
        printed: list[str] = []
        self._execute(program, write or printed.append)
        return "".join(printed)

    def eval(self, program: Program, write: Callable[[str], None] | None = None) -> Any:
        """The value of the last expression: a Tensor, a tuple, a number ...; None when there is none.

        Raises: GradcliError.
        """
        return self._execute(program, write or _discard, as_expression=True)

    def _execute(self, program: Program, write: Callable[[str], None], as_expression: bool = False) -> Any:
        code = self._code(program)
        with self._context.active():
            before = self._context.write
            self._context.write = write
            self._machine.ops_first = as_expression
            try:
                return self._machine.run(code, self._variables)
            finally:
                self._context.write = before

    def _code(self, program: Program) -> Code:
        if isinstance(program, str):
            program = Source(program)
        if isinstance(program, Source):
            return compile_program(parse_program(program))
        if not isinstance(program, ast.Module):
            raise TypeError_(f"a program is text, not {type(program).__name__}")
        if self._compiled is None or self._compiled[0] is not program:
            self._compiled = program, compile_program(program)
        return self._compiled[1]

    def plan(self, program: Program, wrt: Sequence[str] | None = None) -> str:
        """How the value of an expression and its gradients would be computed from the variables, in words.

        Raises: GradcliError.
        """
        from gradcli.replay import plan_in_words  # start-up

        code = self._code(program)
        self._machine.ops_first = True
        return plan_in_words(self._context, lambda names: self._machine.run(code, names), dict(self._variables), wrt)

    def __getitem__(self, name: str) -> Any:
        """The value of a variable.

        Raises: NameError_ with the nearest name.
        """
        if name not in self._variables:
            near = nearest(str(name), self._variables)
            raise NameError_(f"there is no variable {name!r}", hint=f"did you mean {near}?" if near else None)
        return self._variables[name]

    def __setitem__(self, name: str, value: Any) -> None:
        """Bind a variable to a value as it is: nothing becomes a tensor. Raises: NameError_ for what is no name."""
        _check_name(name)
        self._variables[name] = value

    def __delitem__(self, name: str) -> None:
        """Forget a variable. Raises: NameError_."""
        self._variables.pop(name, self[name])

    def __contains__(self, name: str) -> bool:
        return name in self._variables

    def variables(self) -> list[str]:
        """The names that are bound, in the order they were."""
        return list(self._variables)

    def completions(self, value: Any = None) -> list[str]:
        """Names that can be typed: free names and variables, or what can follow the dot after a value."""
        if value is not None:
            return wiring.names_after(value)
        return [*self._machine.known_names(), *self._machine.builtins, *self._variables]

    def after(self) -> Mapping[str, Any]:
        """The variables and their values, as programs left them."""
        return dict(self._variables)

    def gradients(
        self, outputs: Sequence[Tensor], seeds: Sequence[Any], variables: Mapping[str, Tensor]
    ) -> dict[str, Tensor | None]:
        """The vector-Jacobian product of outputs for variables, None for those they do not depend on.

        Value and gradients are computed together. Raises: GradError.
        """
        with self._context.active():
            given = [None if seed is None else self._tensor(seed) for seed in seeds]
            found = grad(outputs, list(variables.values()), given, allow_unused=True, retain_graph=True)
            compute([t.node for t in (*outputs, *found) if t is not None and t.node.value is None])
            return dict(zip(variables, found, strict=True))


def _check_name(name: object) -> None:
    if not (isinstance(name, str) and name.isidentifier()):
        raise NameError_(f"{name!r} cannot be the name of a variable")


def _discard(text: str) -> None:
    """What an evaluated expression prints is not asked for."""


def value_and_grad(program: str, wrt: Sequence[str] | None = None, *, dtype: str = "float32") -> ValueAndGrad:
    """A function of named arrays, `f(x=array) -> (value, {"x": gradient})`, parsed once.

    program: an expression; statements may come before it.
    wrt: the names differentiated by, default all floating inputs; one name may stand alone.
    dtype: of Python floats, lists of them and factories, as in `Session`.
    Raises: SyntaxError_; ValueError_ for a dtype that is none.
    """
    from gradcli.replay import ValueAndGrad  # start-up: the command line has no use for it

    with paused():
        code = compile_program(parse_program(Source(program)))
    session = Session(dtype=dtype)
    session._machine.ops_first = True
    return ValueAndGrad(
        session._context,
        lambda variables: session._machine.run(code, variables),
        session._tensor,
        [wrt] if isinstance(wrt, str) else wrt,
        patient=len(program) > LONG,
    )
