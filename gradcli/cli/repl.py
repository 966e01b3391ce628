"""`gradcli repl`: the prompt."""

from __future__ import annotations

from gradcli.cli.arguments import Arguments
from gradcli.cli.program import bind_variables, check_stdin_once, open_session
from gradcli.environment import Environment


def run_repl(arguments: Arguments, environment: Environment) -> int:
    """Run `gradcli repl` with the variables of the command line bound."""
    check_stdin_once(arguments)
    from gradcli.cli.atprompt import talk

    session = open_session(arguments)
    bind_variables(session, arguments, environment, None)
    return talk(session, environment)
