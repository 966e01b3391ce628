"""What the commands that differentiate have in common: the program run once, its outputs, what they are derived by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from gradcli.api import Session
from gradcli.cli.arguments import Arguments
from gradcli.cli.gradients import checked, differentiable
from gradcli.cli.meant import outputs_of
from gradcli.cli.program import ending, open_program, run_program, wanted_names
from gradcli.cli.timelimit import time_limit
from gradcli.cli.writing import write_result
from gradcli.environment import Environment
from gradcli.errors import GradError, TypeError_, UsageError
from gradcli.language.syntax import ast
from gradcli.language.tensors.tensor import Tensor
from gradcli.render.errortext import note_text

Result = TypeVar("Result")


class Evaluation:
    """A program that has run: its session, its value, the tensors in it, what they are derived by, what was printed.

    given: the variables of the command line, which the program may have assigned anew.
    """

    __slots__ = ("given", "module", "notes", "outputs", "printed", "session", "value", "wrt")

    def __init__(
        self, session: Session, module: ast.Module, given: Mapping[str, Any], value: Any, printed: list[str]
    ) -> None:
        self.session = session
        self.given = given
        self.module = module
        self.value = value
        self.printed = printed
        self.notes: list[str] = []
        self.outputs = outputs_of(value)
        self.wrt: dict[str, Tensor] = {}

    def output_names(self) -> list[str]:
        """What the outputs are called: the variable that the program ends with, else y; in a tuple y_0, y_1."""
        last = self.module.body[-1]
        name = "y"
        if isinstance(last, ast.ExprStmt) and isinstance(last.value, ast.Name):
            name = last.value.id
        elif name in self.wrt:
            name = "output"
        if isinstance(self.value, Tensor):
            return [name]
        return [f"{name}_{at}" for at in range(len(self.outputs))]


def evaluate(
    arguments: Arguments, environment: Environment, before: Callable[[Session], None] | None = None
) -> Evaluation:
    """Run the program of the command line, and find what its outputs are derived by.

    before: called with the session when the variables are bound and the program has not run.
    Raises: TypeError_ when the output is no tensor; GradError when there is nothing to derive by.
    """
    wanted = wanted_names(arguments)
    session, module = open_program(arguments, environment)
    if before is not None:
        before(session)
    given = session.after()
    value, printed = run_program(session, module)
    found = Evaluation(session, module, given, value, printed)
    if not found.outputs:
        raise TypeError_("the expression gives no tensor, so it has no derivatives", hint=ending(module))
    variables = checked(session, given, wanted) if wanted is not None else differentiable(session, given)
    for name, tensor in variables.items():
        if tensor.requires_grad:
            found.wrt[name] = tensor
        elif wanted is not None:
            raise GradError(f"--wrt: {name} does not require grad")
        else:
            found.notes.append(
                f"{name} is left out: it is {tensor.dtype!r}, and only floating-point tensors have derivatives"
            )
    if not found.wrt:
        example = f"bind a variable: {arguments.command.examples.splitlines()[0]}"
        raise GradError("there is nothing to derive by", hint=" and ".join(found.notes) or example)
    return found


def write_evaluation(
    arguments: Arguments,
    environment: Environment,
    compute: Callable[[], tuple[Evaluation, Result]],
    render: Callable[[Result, str, Environment], str | bytes],
) -> int:
    """Compute a result and write it; nothing is written before everything has been computed."""
    form = arguments.values.get("format", "text")
    path = arguments.values.get("output_file")
    terminal = environment.stdout_is_terminal and path is None
    if form == "npz" and terminal:
        raise UsageError("npz is not for a terminal", hint="-o FILE")
    with time_limit(arguments.values.get("timeout"), environment):
        evaluation, result = compute()
        text = render(result, "terminal" if form == "text" and terminal else form, environment)
    plain = form == "text" and path is None
    (environment.stdout if plain else environment.stderr).write("".join(evaluation.printed))
    write_result(text, path, environment)
    color = environment.color_allowed(environment.stderr)
    for note in evaluation.notes:
        print(note_text(note, color), file=environment.stderr)
    return 0
