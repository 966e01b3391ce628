"""A conversation at the prompt without its terminal: entries in, text out, errors told, `_` and `ans` kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gradcli.api import Session
from gradcli.environment import Environment
from gradcli.errors import GradcliError
from gradcli.language.syntax import ast
from gradcli.language.syntax.parse import is_incomplete, parse_program
from gradcli.render.errortext import error_text
from gradcli.repl.cells import MARKER, PROMPT, PROMPT_CONTINUED, split_cells
from gradcli.repl.execute import run_module


class Conversation:
    """The session, what was entered without an error (for `:save`), and whether anything failed.

    commands: those with a colon, besides the ones that every conversation has. past: the programs that have run.
    """

    def __init__(
        self,
        session: Session,
        environment: Environment,
        commands: Mapping[str, Any] | None = None,
        past: Sequence[ast.Module] = (),
    ) -> None:
        self.session = session
        self.environment = environment
        self.commands = dict(commands or {})
        self.past = list(past)
        self.entered: list[str] = []
        self.failed = False

    def write(self, text: str) -> None:
        """Show text at once."""
        self.environment.stdout.write(text)
        self.environment.stdout.flush()

    def take(self, text: str, name: str | None = None, shows: str = "each") -> None:
        """Run one entry: statements, or a pasted document with its prompts. Errors are told, not raised.

        name is that of the file it comes from; shows is for text without prompts (see `Cell`).
        """
        try:
            for cell in split_cells(text, name):
                module = parse_program(cell.source)
                run_module(self.session, module, shows if cell.shows == "none" else cell.shows, self.write, self.show)
                if module.body:
                    self.past.append(module)
                    self.entered.append(cell.source.text.rstrip("\n"))
        except GradcliError as error:
            self.tell(error)
        except KeyboardInterrupt:
            self.failed = True
            self.environment.stderr.write("\ninterrupted\n")

    def show(self, value: object) -> None:
        """Show a value by its text, and keep it as `_` and `ans`."""
        self.write(f"{value!r}\n")
        self.session["_"] = value
        self.session["ans"] = value

    def tell(self, error: GradcliError) -> None:
        """Print an error and go on."""
        self.failed = True
        environment = self.environment
        color = environment.color_allowed(environment.stderr)
        print(error_text(error, color, environment.width), file=environment.stderr, flush=True)


def needs_more(text: str) -> bool:
    """Whether Enter should begin another line: something is open, or a block has not been ended by an empty line."""
    if text.lstrip().startswith(":"):
        return False
    lines = [_without_prompt(line) for line in text.split("\n")]
    if any(MARKER.match(line) for line in lines):  # a pasted document, or nothing but `In [3]:` so far
        return not any(MARKER.sub("", line).strip() for line in lines)
    return is_incomplete("\n".join(lines))


def _without_prompt(line: str) -> str:
    for prompt in (PROMPT, PROMPT_CONTINUED):
        found = prompt.match(line)
        if found:
            return line[found.end() :]
    return line
