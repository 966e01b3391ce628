"""The prompt's loop: on a terminal with history, completion and colour; on a pipe silently, statement by statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gradcli.api import Session
from gradcli.environment import Environment
from gradcli.errors import GradcliError
from gradcli.language.syntax import ast
from gradcli.repl.colon import ColonCommand, run_colon
from gradcli.repl.conversation import Conversation
from gradcli.repl.piped import entries
from gradcli.version import __version__


def converse(
    session: Session, environment: Environment, commands: Mapping[str, ColonCommand], past: Sequence[ast.Module] = ()
) -> int:
    """Talk until the input ends or `:quit`; the exit status. commands, past: see `Conversation`."""
    conversation = Conversation(session, environment, commands, past)
    if environment.stdin_is_terminal and environment.stdout_is_terminal:
        return _converse_on_terminal(conversation)
    for entry in entries(environment.stdin):
        if not take_entry(conversation, entry):
            break
    return 1 if conversation.failed else 0


def take_entry(conversation: Conversation, entry: str) -> bool:
    """Run an entry, be it statements or a command with a colon; False when the conversation is over."""
    if not entry.lstrip().startswith(":"):
        conversation.take(entry)
        return True
    try:
        return run_colon(conversation, entry.strip())
    except GradcliError as error:
        conversation.tell(error)
    except KeyboardInterrupt:
        conversation.environment.stderr.write("\ninterrupted\n")
    return True


def _converse_on_terminal(conversation: Conversation) -> int:
    """Ctrl-C clears the line or stops the running statement, Ctrl-D leaves."""
    from gradcli.repl.terminal import prompt_for  # here for start-up: a pipe needs no prompt library

    conversation.write(f"gradcli {__version__}, autograd with PyTorch's names. :help for help, Ctrl-D to leave.\n")
    ask = prompt_for(conversation)
    while True:
        try:
            entry = ask()
        except KeyboardInterrupt:
            continue
        except EOFError:
            return 0
        if entry.strip() and not take_entry(conversation, entry):
            return 0
