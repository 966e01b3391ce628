"""`gradcli eval`: the value of an expression, its grad_fn and the gradient of each variable."""

from __future__ import annotations

from gradcli.api import Session
from gradcli.cli.arguments import Arguments
from gradcli.cli.gradients import Gradients, differentiate
from gradcli.cli.program import (
    bind_variables,
    check_stdin_once,
    check_variables_are_named,
    open_session,
    parse_with_value,
    read_source,
    wanted_names,
)
from gradcli.cli.result import render_result
from gradcli.cli.timelimit import time_limit
from gradcli.cli.writing import write_result
from gradcli.environment import Environment
from gradcli.errors import NameError_, UsageError
from gradcli.language import ast
from gradcli.render.errortext import note_text


def run_eval(arguments: Arguments, environment: Environment) -> int:
    """Run `gradcli eval`; nothing is written before everything has been computed."""
    form = arguments.values.get("format", "text")
    path = arguments.values.get("output_file")
    if form == "npz" and path is None and environment.stdout_is_terminal:
        raise UsageError("npz is not for a terminal", hint="-o FILE")
    check_stdin_once(arguments)
    if "show" in arguments.values:
        write_result(plan_text(arguments, environment), path, environment)
        return 0
    with time_limit(arguments.values.get("timeout"), environment):
        module = parse_with_value(read_source(arguments, environment))
        session, value, gradients, printed = evaluate(module, arguments, environment)
        text = "".join(printed)
        result = render_result(value, gradients, form)
    if form == "text" and isinstance(result, str) and path is None:
        environment.stdout.write(text)
    else:  # what the program prints must not get into the data
        environment.stderr.write(text)
    write_result(result, path, environment)
    color = environment.color_allowed(environment.stderr)
    for note in gradients.notes:
        print(note_text(note, color), file=environment.stderr)
    if "keep_session" in arguments.flags:
        from gradcli.cli.atprompt import talk

        return talk(session, environment, [module])
    return 0


def plan_text(arguments: Arguments, environment: Environment) -> str:
    """How the value and the gradients would be computed."""
    module = parse_with_value(read_source(arguments, environment))
    check_variables_are_named(module, arguments)
    session = open_session(arguments)
    bind_variables(session, arguments, environment, None)
    return session.plan(module, wanted_names(arguments))


def evaluate(
    module: ast.Module, arguments: Arguments, environment: Environment
) -> tuple[Session, object, Gradients, list[str]]:
    """The session after the program, its value, the gradients, and what it printed."""
    wrt = wanted_names(arguments)
    check_variables_are_named(module, arguments)
    session = open_session(arguments)
    bound = {binding.name for binding in arguments.bindings}
    bind_variables(session, arguments, environment, wrt if wrt is not None and bound.issuperset(wrt) else None)
    given = session.after()
    printed: list[str] = []
    try:
        value = session.eval(module, write=printed.append)
    except NameError_ as error:
        tell_how_to_bind(error)
        raise
    gradients = differentiate(session, module, value, given, wrt, arguments, environment)
    return session, value, gradients, printed


def tell_how_to_bind(error: NameError_) -> None:
    """Add to an unknown name's error that the command line can give it a value."""
    span = error.span
    if span is None or span.source.name is not None or not span.text.isidentifier():
        return
    if not span.source.text[span.end :].lstrip().startswith("("):  # what is called is no variable
        advice = f"give it a value: --{span.text} VALUE"
        error.hint = f"{error.hint} Or {advice}" if error.hint else advice
