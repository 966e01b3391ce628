"""The prompt on a terminal: keys, colour, history, pastes. The one file that drives the prompt library."""

from __future__ import annotations

from collections.abc import Callable

from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app
from prompt_toolkit.filters import Condition, has_completions
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.lexers import Lexer, PygmentsLexer
from prompt_toolkit.output import Output
from prompt_toolkit.output.color_depth import ColorDepth
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.styles import Style
from pygments.lexers.python import PythonLexer

from gradcli.environment import Environment
from gradcli.ops.catalog import spellings
from gradcli.repl.colon import commands_of
from gradcli.repl.complete import SessionCompleter
from gradcli.repl.conversation import Conversation, needs_more
from gradcli.repl.history import open_history

# With a colour, since the library leaves out blanks without style at the end of a line: `>>> ` is to be seen as it is.
PROMPT = FormattedText([("class:prompt", ">>> ")])
CONTINUATION = FormattedText([("class:prompt", "... ")])
STYLE = Style([("prompt", "ansigreen")])


def prompt_for(conversation: Conversation) -> Callable[[], str]:
    """A function that asks for one entry. It raises KeyboardInterrupt on Ctrl-C and EOFError on Ctrl-D."""
    environment = conversation.environment
    color = environment.color_allowed(environment.stdout)
    lexer: Lexer | None = PygmentsLexer(PythonLexer) if color else None
    commands = [f":{name}" for name in commands_of(conversation)]
    session: PromptSession[str] = PromptSession(
        history=open_history(environment.history_path),
        completer=SessionCompleter(conversation, spellings(), commands),
        complete_while_typing=False,
        lexer=lexer,
        style=STYLE,
        color_depth=None if color else ColorDepth.DEPTH_1_BIT,
        multiline=True,
        prompt_continuation=lambda width, number, wrapped: "" if wrapped else CONTINUATION,
        key_bindings=_keys(),
        enable_suspend=True,
        output=_output(conversation.environment),
    )
    return lambda: session.prompt(PROMPT)


def _output(environment: Environment) -> Output | None:
    """The terminal as the library drives it; None lets it fall back to plain lines on a dumb one.

    The cursor's position is not asked for: the answer comes late or never on slow lines and recorders.
    """
    if environment.variables.get("TERM", "dumb") in ("dumb", "unknown"):
        return None
    output = Vt100_Output.from_pty(environment.stdout, term=environment.variables.get("TERM"))
    output.enable_cpr = False
    return output


def _keys() -> KeyBindings:
    """Enter ends an entry that is whole, Tab indents at the start of a line, a paste is taken as it is."""
    keys = KeyBindings()
    pasted: list[str] = []

    @keys.add(Keys.BracketedPaste)
    def paste(event: KeyPressEvent) -> None:
        text = event.data.replace("\r\n", "\n").replace("\r", "\n")
        event.current_buffer.insert_text(text)
        pasted[:] = [event.current_buffer.text]

    @keys.add("enter")
    def enter(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        text = buffer.document.text
        at_end = not buffer.document.text_after_cursor.strip()
        pasted_block = "\n" in text and pasted == [text] and not needs_more(text + "\n")
        if pasted_block or (at_end and not needs_more(text)):
            pasted.clear()
            buffer.validate_and_handle()
        else:
            buffer.insert_text("\n")

    @Condition
    def at_line_start() -> bool:
        return not get_app().current_buffer.document.current_line_before_cursor.strip()

    @keys.add("tab", filter=at_line_start & ~has_completions)
    def indent(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("    ")

    return keys
