"""The command: which one is asked for, and how it ends.

    0 fine; 1 failed; 2 usage or syntax; 124 out of time; 130 interrupted

Imports neither numpy nor the parser: `--help`, `--version` and usage errors answer before either is needed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from gradcli.cli.options import COMMANDS, Command, command_help, main_help
from gradcli.collector import look_seldom
from gradcli.environment import Environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gradcli.cli.arguments import Arguments
    from gradcli.errors import GradcliError

    Runner = Callable[[Arguments, Environment], int]

INTERRUPTED = 130


def main() -> int:
    """The console script: run with the process's own arguments and streams."""
    look_seldom()
    environment = Environment.of_process()
    status = run_command(sys.argv[1:], environment)
    try:
        environment.stdout.flush()
    except BrokenPipeError:
        _abandon_stdout()
    except OSError as problem:
        return _fail_to_write(environment, problem)
    return status


def run_command(words: list[str], environment: Environment) -> int:
    """Run one command line; errors become text on standard error and an exit status."""
    try:
        return dispatch(words, environment)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _abandon_stdout()
        return 0
    except Exception as problem:  # noqa: BLE001 (the outermost frame: a traceback must not reach the user)
        return report(problem, environment, wants_json(words, environment))


def dispatch(words: list[str], environment: Environment) -> int:
    """Hand the words to the command they name."""
    first = words[0] if words else None
    if first is None:
        words = ["repl"] if environment.stdin_is_terminal else ["run", "-"]
    elif first in ("-h", "--help") or (first == "help" and words[1:2] in ([], ["-h"], ["--help"])):
        environment.stdout.write(main_help())
        return 0
    elif first in ("-V", "--version"):
        from gradcli.version import __version__

        environment.stdout.write(f"gradcli {__version__}\n")
        return 0
    elif first == "help":
        words = [words[1], "--help"]
    command = COMMANDS.get(words[0]) or _unknown_command(words[0])
    if _asks_for_help(command, words[1:]):
        environment.stdout.write(command_help(command))
        return 0
    from gradcli.cli.arguments import check_operands, read_arguments
    from gradcli.cli.settings import apply_settings

    arguments = read_arguments(command, words[1:])
    check_operands(arguments)
    apply_settings(arguments, environment)
    return runner_of(command)(arguments, environment)


def runner_of(command: Command) -> Runner:
    """The function that runs a command; its file is imported now, so each costs what it needs."""
    if command.name == "eval":
        from gradcli.cli.eval import run_eval

        return run_eval
    if command.name == "run":
        from gradcli.cli.run import run_run

        return run_run
    if command.name == "diff":
        from gradcli.cli.diff import run_diff

        return run_diff
    if command.name in ("jacobian", "hessian"):
        from gradcli.cli.jacobian import run_hessian, run_jacobian

        return run_jacobian if command.name == "jacobian" else run_hessian
    if command.name in ("jvp", "hvp"):
        from gradcli.cli.products import run_hvp, run_jvp

        return run_jvp if command.name == "jvp" else run_hvp
    if command.name == "check":
        from gradcli.cli.check import run_check

        return run_check
    if command.name == "explain":
        from gradcli.cli.explain import run_explain

        return run_explain
    if command.name == "ops":
        from gradcli.cli.ops import run_ops

        return run_ops
    from gradcli.cli.repl import run_repl

    return run_repl


def report(problem: Exception, environment: Environment, as_json: bool = False) -> int:
    """Print an error the way it was asked for and give its exit status."""
    if environment.debug:
        import traceback

        traceback.print_exception(problem, file=environment.stderr)
    error = _known_error(problem)
    if as_json:
        import json

        from gradcli.render.errortext import error_parts

        text = json.dumps(error_parts(error), ensure_ascii=False)
    else:
        from gradcli.render.errortext import error_text

        text = error_text(error, environment.color_allowed(environment.stderr), environment.width)
    try:
        print(text, file=environment.stderr, flush=True)
    except OSError:  # nobody reads standard error either
        return error.status
    return error.status


def wants_json(words: list[str], environment: Environment) -> bool:
    """Whether errors are to be JSON; told from the words themselves, since reading them may be what failed."""
    command = COMMANDS.get(words[0]) if words else None
    if command is None or command.option("--json") is None:
        return False
    option = command.option("--format")
    given = environment.variables.get("GRADCLI_FORMAT", "text") if option is not None and option.setting else "text"
    for before, word in zip(["", *words], words, strict=False):
        if word == "--json" or word.startswith("--format=") or before == "--format":
            given = word.removeprefix("--format=").removeprefix("--")
    return given == "json"


def _known_error(problem: Exception) -> GradcliError:
    """The problem itself, or what to tell about one that nobody expected."""
    from gradcli.errors import FileError, GradcliError, no_memory

    if isinstance(problem, GradcliError):
        return problem
    if isinstance(problem, MemoryError):
        return no_memory(problem)
    if isinstance(problem, OSError):
        # files are read and written by functions that name them; what has no name is standard output, when it is full
        where = problem.filename or "cannot write to standard output"
        return FileError(f"{where}: {(problem.strerror or str(problem)).lower()}")
    return GradcliError(
        f"internal error: {type(problem).__name__}: {problem}",
        hint="this is a bug of gradcli: please report it, with what GRADCLI_DEBUG=1 prints",
    )


def _unknown_command(word: str) -> Command:
    from gradcli.errors import UsageError
    from gradcli.suggest import nearest

    if word.startswith("-") and word.strip("-").isidentifier():
        raise UsageError(
            f"gradcli has no option {word}", hint="options follow a command; gradcli --help lists the commands"
        )
    near = nearest(word, COMMANDS)
    if near:
        hint = f"did you mean gradcli {near}?"
    elif not word.isalpha():
        hint = "to evaluate an expression: gradcli eval EXPR"
    else:
        hint = f"the commands are {', '.join(COMMANDS)}; gradcli --help says more"
    raise UsageError(f"gradcli has no command '{word}'", hint=hint)


def _asks_for_help(command: Command, words: list[str]) -> bool:
    """Whether -h or --help stands where an option may stand, and not as an option's value."""
    expects_value = False
    for word in words:
        if expects_value:
            expects_value = False
        elif word == "--":
            return False
        elif word in ("-h", "--help"):
            return True
        elif word.startswith("-") and "=" not in word:
            option = command.option(word)
            expects_value = option.takes_value if option else word.startswith("--")
    return False


def _abandon_stdout() -> None:
    """Point standard output at nothing, so that Python does not complain about the closed pipe when it exits."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):
        return


def _fail_to_write(environment: Environment, problem: OSError) -> int:
    _abandon_stdout()
    reason = (problem.strerror or str(problem)).lower()
    print(f"error: cannot write to standard output: {reason}", file=environment.stderr)
    return 1
