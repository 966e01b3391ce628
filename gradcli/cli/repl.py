"""`gradcli repl`: the prompt."""

from __future__ import annotations

from gradcli.cli.arguments import Arguments
from gradcli.cli.program import bind_variables, check_stdin_once, open_session
from gradcli.environment import Environment
from gradcli.errors import UsageError


def run_repl(arguments: Arguments, environment: Environment) -> int:
    """Run `gradcli repl` with the variables of the command line bound."""
    if arguments.operands:
        raise UsageError(
            f"gradcli repl takes no file, and got '{arguments.operands[0]}'",
            hint=f"gradcli run {arguments.operands[0]} -i",
        )
    check_stdin_once(arguments)
    from gradcli.repl.loop import converse

    session = open_session(arguments)
    bind_variables(session, arguments, environment, None)
    return converse(session, environment)
