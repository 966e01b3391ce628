"""`gradcli eval`: the value of an expression, its grad_fn and the gradient of each variable."""

from __future__ import annotations

from gradcli.cli.arguments import Arguments
from gradcli.cli.gradients import differentiate
from gradcli.cli.program import open_program, run_program, wanted_names
from gradcli.cli.result import render_result
from gradcli.cli.timelimit import time_limit
from gradcli.cli.writing import write_result
from gradcli.environment import Environment
from gradcli.errors import UsageError
from gradcli.render.errortext import note_text


def run_eval(arguments: Arguments, environment: Environment) -> int:
    """Run `gradcli eval`; nothing is written before everything has been computed."""
    form = arguments.values.get("format", "text")
    path = arguments.values.get("output_file")
    if form == "npz" and path is None and environment.stdout_is_terminal:
        raise UsageError("npz is not for a terminal", hint="-o FILE")
    if "show" in arguments.values:
        write_result(plan_text(arguments, environment), path, environment)
        return 0
    with time_limit(arguments.values.get("timeout"), environment):
        session, module = open_program(arguments, environment)
        given = session.after()
        value, printed = run_program(session, module)
        gradients = differentiate(session, module, value, given, wanted_names(arguments), arguments, environment)
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
    session, module = open_program(arguments, environment)
    return session.plan(module, wanted_names(arguments))
