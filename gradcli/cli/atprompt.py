"""`:explain`, `:diff` and `:check` at the prompt: the commands of these names, on the variables of the conversation."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from gradcli.api import Session
from gradcli.cli.arguments import Arguments, Binding, check_operands, read_arguments
from gradcli.cli.options import COMMANDS
from gradcli.cli.settings import apply_settings
from gradcli.environment import Environment
from gradcli.errors import NameError_, UsageError
from gradcli.language.syntax import ast
from gradcli.language.syntax.parse import parse_program
from gradcli.language.tensors.tensor import Tensor
from gradcli.repl.colon import ColonCommand
from gradcli.repl.conversation import Conversation
from gradcli.repl.loop import converse
from gradcli.repl.recall import Recalled, recall
from gradcli.source import Source
from gradcli.suggest import nearest

OPTIONS = re.compile(r"(?:^|\s)--[A-Za-z]")
Run = Callable[[Arguments, Environment], int]


def talk(session: Session, environment: Environment, past: Sequence[ast.Module] = ()) -> int:
    """Converse, with these commands. past: what has run before."""
    return converse(session, environment, COLON, past)


def _on_session(name: str, find: Callable[[], Run]) -> Callable[[Conversation, str], bool]:
    def act(conversation: Conversation, argument: str) -> bool:
        arguments = _read(name, argument, conversation)
        find()(arguments, conversation.environment)
        return True

    return act


def _read(name: str, argument: str, conversation: Conversation) -> Arguments:
    """The arguments of a command for an expression and options, as on the command line."""
    from gradcli.cli.problem import free_names  # start-up: few conversations come to this

    options = OPTIONS.search(argument)
    expression = argument[: options.start()] if options else argument
    try:
        words = shlex.split(argument[options.start() :]) if options else []
    except ValueError as problem:
        raise UsageError(f":{name}: {str(problem).lower()}") from None
    arguments = read_arguments(COMMANDS[name], words)
    if arguments.operands or "program_file" in arguments.values or arguments.bindings:
        raise UsageError(f":{name} takes an expression and options", hint=f":{name} mean(x**2) --wrt x")
    session = conversation.session
    found = recall(session, conversation.past, expression.strip())
    missing = free_names(parse_program(Source(found.text)), found.values)
    if missing:
        near = nearest(missing[0], session.variables())
        raise NameError_(f"name '{missing[0]}' is not defined", hint=f"did you mean {near}?" if near else None)
    arguments.operands.append(found.text)
    check_operands(arguments)
    arguments.bindings = [Binding(key, "", value) for key, value in _values(found).items()]
    tensors = [value for value in found.values.values() if isinstance(value, Tensor)]
    if found.leaves and not all(tensor.requires_grad for tensor in tensors):
        arguments.values.setdefault("wrt", ",".join(found.leaves))
    if name != "diff":
        arguments.values.setdefault("dtype", session.dtype)
    apply_settings(arguments, conversation.environment)
    return arguments


def _values(found: Recalled) -> Mapping[str, object]:
    """Tensors as arrays; numbers, too, where no tensor is named."""
    tensors = any(isinstance(value, Tensor) for value in found.values.values())
    values: dict[str, object] = {}
    for name, value in found.values.items():
        if isinstance(value, Tensor):
            values[name] = np.array(value.detached().numpy())
        else:
            values[name] = np.array(value) if type(value) is float and not tensors else value
    return values


def _explain() -> Run:
    from gradcli.cli.explain import run_explain  # start-up: few conversations come to this

    return run_explain


def _diff() -> Run:
    from gradcli.cli.diff import run_diff  # start-up, as above

    return run_diff


def _check() -> Run:
    from gradcli.cli.check import run_check  # start-up, as above

    return run_check


COLON = {
    "explain": ColonCommand("EXPR", "the chain rule step by step (--wrt, --to)", _on_session("explain", _explain)),
    "diff": ColonCommand("EXPR", "the derivative as a formula (--wrt, --to)", _on_session("diff", _diff)),
    "check": ColonCommand("EXPR", "derivatives against finite differences", _on_session("check", _check)),
}
