"""The commands of the prompt that begin with a colon, which no expression can."""

from __future__ import annotations

import time
from collections.abc import Callable

from gradcli.api import Session
from gradcli.errors import FileError, UsageError
from gradcli.language.tensors.tensor import Tensor
from gradcli.repl.conversation import Conversation
from gradcli.repl.info import describe, summary
from gradcli.suggest import nearest

Action = Callable[[Conversation, str], bool]


class ColonCommand:
    """One command: the argument its help shows, what it is for, what it does (False: the conversation is over)."""

    __slots__ = ("action", "argument", "help")

    def __init__(self, argument: str, help: str, action: Action) -> None:
        self.argument = argument
        self.help = help
        self.action = action


def run_colon(conversation: Conversation, entry: str) -> bool:
    """Run an entry such as `:info mean`; False when it ends the conversation.

    Raises: UsageError for a command that does not exist, or whose argument is missing.
    """
    name, _, argument = entry[1:].strip().partition(" ")
    known = commands_of(conversation)
    command = known.get(name)
    if command is None:
        near = nearest(name, known)
        raise UsageError(f"there is no command :{name}", hint=f"did you mean :{near}?" if near else ":help lists them")
    argument = argument.strip()
    if command.argument and not argument and not command.argument.startswith("["):
        raise UsageError(f":{name} needs {command.argument}", hint=f":{name} {command.argument}")
    return command.action(conversation, argument)


def commands_of(conversation: Conversation) -> dict[str, ColonCommand]:
    """The commands of a conversation by name: of every one, and those that it was begun with."""
    first, *others = COMMANDS.items()
    return dict([first, *conversation.commands.items(), *others])


def show_help(conversation: Conversation, _: str) -> bool:
    """What can be typed."""
    conversation.write(
        "Statements run, and the value of an expression is shown; _ and ans are the last one.\n"
        "An empty line ends a block. Pasted cells and transcripts may keep their prompts.\n"
        "Tab completes, Ctrl-R searches the history, Ctrl-C clears the line or stops a statement, Ctrl-D leaves.\n\n"
    )
    for name, command in commands_of(conversation).items():
        usage = f":{name} {command.argument}".rstrip()
        conversation.write(f"  {usage:<22}{command.help}\n")
    return True


def show_info(conversation: Conversation, name: str) -> bool:
    """What an operation does, or what a variable is."""
    conversation.write(describe(name, conversation.session))
    return True


def show_variables(conversation: Conversation, _: str) -> bool:
    """The names the user bound, and what they are."""
    session = conversation.session
    for name in session.variables():
        if name not in ("_", "ans"):
            conversation.write(f"{name:<12}{summary(session[name])}\n")
    return True


def show_time(conversation: Conversation, expression: str) -> bool:
    """How long an expression takes: the best of the runs that fit in half a second."""
    session = conversation.session
    best, runs, until = float("inf"), 0, time.perf_counter() + 0.5
    while runs < 1 or (time.perf_counter() < until and runs < 10_000):
        begin = time.perf_counter()
        value = session.eval(expression)
        if isinstance(value, Tensor):
            value.numpy()  # work is deferred until somebody looks
        best = min(best, time.perf_counter() - begin)
        runs += 1
    conversation.write(f"{duration(best)} (best of {runs})\n")
    return True


def duration(seconds: float) -> str:
    """Seconds in a unit that suits them."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def save(conversation: Conversation, path: str) -> bool:
    """Write what was entered as a program."""
    text = "".join(f"{entry}\n" for entry in conversation.entered)
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise FileError(f"{path} exists, and :save does not overwrite") from None
    except OSError as problem:
        raise FileError(f"cannot write {path}: {(problem.strerror or str(problem)).lower()}") from None
    conversation.write(f"saved {len(conversation.entered)} entries: gradcli run {path}, or :load {path}\n")
    return True


def load(conversation: Conversation, path: str) -> bool:
    """Run a file as if it were pasted."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read()
    except OSError as problem:
        raise FileError(f"cannot read {path}: {(problem.strerror or str(problem)).lower()}") from None
    except UnicodeDecodeError:
        raise FileError(f"{path} is not UTF-8 text") from None
    conversation.take(text, name=path, shows="none")
    return True


def set_option(conversation: Conversation, text: str) -> bool:
    """Show the settings of the session, or change one."""
    session = conversation.session
    choices = {"names": ("torch1", "torch2"), "dtype": ("float32", "float64", "float16")}
    name, _, value = text.partition(" ")
    value = value.strip()
    if not name:
        conversation.write(f"names  {session.names}\ndtype  {session.dtype}\n")
        return True
    if name not in choices:
        near = nearest(name, choices)
        raise UsageError(f"there is no setting {name}", hint=f"did you mean {near}?" if near else "names or dtype")
    if value not in choices[name]:
        raise UsageError(
            f"{name} is one of {', '.join(choices[name])}, not '{value}'", hint=f":set {name} {choices[name][0]}"
        )
    if name == "names":
        session.names = value
    else:
        session.dtype = value
    return True


def reset(conversation: Conversation, _: str) -> bool:
    """Forget all variables."""
    session = conversation.session
    conversation.session = Session(dtype=session.dtype, names=session.names)
    conversation.entered.clear()
    conversation.past.clear()
    return True


def leave(conversation: Conversation, _: str) -> bool:
    """End the conversation."""
    return False


COMMANDS = {
    "help": ColonCommand("", "print this", show_help),
    "info": ColonCommand("NAME", "what an operation does, or what a variable is", show_info),
    "vars": ColonCommand("", "the variables", show_variables),
    "time": ColonCommand("EXPR", "how long an expression takes", show_time),
    "save": ColonCommand("FILE", "write what was entered as a program", save),
    "load": ColonCommand("FILE", "run a program, transcript or notebook text", load),
    "set": ColonCommand("[NAME VALUE]", "show or change a setting (names, dtype)", set_option),
    "reset": ColonCommand("", "forget all variables", reset),
    "quit": ColonCommand("", "leave", leave),
}
