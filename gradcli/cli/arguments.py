"""From argv to variables, options and operands.

Variables are found first: `--NAME` that is no option of the command binds NAME, and the word after it is its value
whatever it looks like. So this is a parser of its own over the options of `options.py`, not argparse: argparse would
read `-1e-3` as an option, and costs more to import than everything else `--help` needs.
"""

from __future__ import annotations

from gradcli.cli.options import RESERVED, Command, Option
from gradcli.errors import UsageError
from gradcli.suggest import nearest

KEYWORDS = frozenset(
    "False None True and as assert async await break class continue def del elif else except finally for from global "
    "if import in is lambda nonlocal not or pass raise return try while with yield".split()
)


class Binding:
    """A variable of the command line and the text of its value, or the value itself where there is no text to read."""

    __slots__ = ("given", "name", "text")

    def __init__(self, name: str, text: str, given: object = None) -> None:
        self.name = name
        self.text = text
        self.given = given


class Arguments:
    """What a command line says: operands in order, variables in order, options by key (absent: not given)."""

    __slots__ = ("bindings", "command", "flags", "lists", "operands", "values")

    def __init__(self, command: Command) -> None:
        self.command = command
        self.operands: list[str] = []
        self.bindings: list[Binding] = []
        self.flags: set[str] = set()
        self.values: dict[str, str] = {}
        self.lists: dict[str, list[str]] = {}

    def bind(self, name: str, text: str) -> None:
        """Note a variable; a name that is a word of the language, or bound before, is refused."""
        if not name.isidentifier():
            raise UsageError(f"'{name}' cannot be a variable's name", hint="--var NAME=VALUE")
        if name in KEYWORDS:
            raise UsageError(f"'{name}' is a word of the language and cannot be a variable", hint=f"--{name}_ VALUE")
        if any(binding.name == name for binding in self.bindings):
            raise UsageError(f"the variable {name} is bound twice")
        self.bindings.append(Binding(name, text))


def read_arguments(command: Command, words: list[str]) -> Arguments:
    """Sort the words after the command's name.

    Raises: UsageError for an option the command does not have, a value that is missing or not allowed.
    """
    arguments = Arguments(command)
    rest = iter(words)
    for word in rest:
        if word == "--":
            arguments.operands.extend(rest)
        elif word.startswith("--"):
            name, equals, text = word.partition("=")
            _read_option(arguments, name, text if equals else None, rest)
        elif word.startswith("-") and word != "-" and not _is_operand(command, word):
            _read_option(arguments, word, None, rest)
        else:
            arguments.operands.append(word)
    return arguments


def check_operands(arguments: Arguments) -> None:
    """Refuse a command line with no expression or file, or with several."""
    command, given = arguments.command, arguments.operands
    file = arguments.values.get("program_file")
    if not command.operand:
        if given:
            raise UsageError(f"gradcli {command.name} takes no file", hint=f"gradcli run {given[0]} -i")
    elif file is not None:
        if given:
            raise UsageError(f"both an expression and -f {file} are given", hint="one of them is enough")
    elif not given and not command.operand.startswith("["):  # brackets: it may be left out
        raise UsageError(f"gradcli {command.name} needs {command.operand}", hint=command.examples.splitlines()[0])
    elif len(given) > 1:
        shown = " ".join(map(repr, given[:4]))
        hint = "put the expression in quotes, so that the shell hands it over as one word"
        raise UsageError(
            f"gradcli {command.name} takes one {command.operand.strip('[]')}, and got {len(given)}: {shown}",
            hint=hint if command.operand == "EXPR" else None,
        )


def _read_option(arguments: Arguments, name: str, text: str | None, rest: object) -> None:
    """Take in one option or variable, and its value from the words that follow."""
    option = arguments.command.option(name)
    if option is None and not _is_variable(name):
        raise _unknown(arguments.command, name)
    if option is not None and not option.takes_value:
        if text is not None:
            raise UsageError(f"{name} takes no value")
        arguments.flags.add(option.key)
        return
    if text is None:
        text = next(rest, None)  # type: ignore[call-overload]
    if text is None:
        raise UsageError(f"{name} needs a value", hint=_example(arguments.command, name, option))
    if option is None:
        arguments.bind(name[2:], text)
    elif option.kind == "binding":
        variable, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"{name} needs NAME=VALUE, and got '{text}'")
        arguments.bind(variable, value)
    elif option.repeated:
        arguments.lists.setdefault(option.key, []).append(text)
    else:
        check_value(option, text, name)
        arguments.values[option.key] = text


def check_value(option: Option, text: str, origin: str) -> None:
    """Refuse a text that the option cannot take; `origin` is where it was given (`--dtype`, GRADCLI_DTYPE)."""
    if option.kind == "choice" and text not in option.choices:
        near = nearest(text, option.choices)
        raise UsageError(
            f"{origin} is one of {', '.join(option.choices)}, not '{text}'",
            hint=f"did you mean {near}?" if near else None,
        )
    if option.kind == "integer" and not _is_integer(text):
        raise UsageError(f"{origin} needs a whole number, and got '{text}'")
    if option.kind == "seconds" and not _is_positive(text):
        raise UsageError(f"{origin} needs a number of seconds above 0, and got '{text}'")
    if option.kind == "names" and not all(part.isidentifier() for part in split_names(text)):
        raise UsageError(f"{origin} needs names separated by commas, and got '{text}'")
    if option.kind == "file" and not text:
        raise UsageError(f"{origin} needs the name of a file")


def split_names(text: str) -> list[str]:
    """The names in `x,y`."""
    return [part.strip() for part in text.split(",")]


def _is_variable(name: str) -> bool:
    return name.startswith("--") and name[2:].isidentifier() and name[2:] not in RESERVED


def _is_operand(command: Command, word: str) -> bool:
    """Whether a word that begins with one minus is an expression (`-x**2`) rather than a wrong option."""
    if command.option(word) is not None or len(word) < 3:
        return False
    return command.option("-" + word.partition("=")[0]) is None


def _unknown(command: Command, name: str) -> UsageError:
    """The error for an option the command does not have, with what was probably meant."""
    word = name.lstrip("-")
    if command.option("-" + name) is not None:
        hint = f"did you mean -{name}?"
    elif word in RESERVED:
        hint = f"for a variable of that name: --var {word}=VALUE"
    elif len(name) == 2:
        hint = f"an expression that begins with a minus goes after --: gradcli {command.name} -- {name}"
    else:
        names = [known for option in command.options for known in option.names]
        near = nearest(name, names)
        known = " ".join(known for known in names if known.startswith("--"))
        hint = f"did you mean {near}?" if near else f"the options are {known}"
    return UsageError(f"gradcli {command.name} has no option {name}", hint=hint)


def _example(command: Command, name: str, option: Option | None) -> str:
    if option is not None:
        return f"{name} {option.metavar or '|'.join(option.choices)}"
    near = nearest(name, (known for option in command.options for known in option.names))
    return f"did you mean {near}?" if near else f"{name} VALUE"


def _is_integer(text: str) -> bool:
    try:
        int(text)
    except ValueError:
        return False
    return True


def _is_positive(text: str) -> bool:
    try:
        return 0 < float(text) < float("inf")
    except ValueError:
        return False
