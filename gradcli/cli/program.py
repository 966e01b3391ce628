"""What eval and the commands like it have in common: the program's text, the session, the variables, what they name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gradcli.api import Session
from gradcli.cli.arguments import Arguments, split_names
from gradcli.cli.datafiles import read_bytes
from gradcli.cli.options import RESERVED
from gradcli.cli.values import bind, value_of
from gradcli.environment import Environment
from gradcli.errors import FileError, NameError_, UsageError
from gradcli.graph.node import Node
from gradcli.language.syntax import ast
from gradcli.language.syntax.parse import parse_program
from gradcli.source import Source, Span
from gradcli.suggest import nearest

DEFAULT_DTYPE = "float32"
DEFAULT_NAMES = "torch1"  # the tutorial's version; the Python API has torch2


def read_source(arguments: Arguments, environment: Environment) -> Source:
    """The text of the program: the argument, `-f FILE`, or standard input with `-`. Raises: FileError."""
    file = arguments.values.get("program_file")
    name = file if file is not None else arguments.operands[0]
    if name == "-":
        return Source(read_text("-", environment), "standard input")
    if file is not None:
        return Source(read_text(file, environment), file)
    return Source(name)


def read_text(path: str, environment: Environment) -> str:
    """A text file, or standard input with `-`. Raises: FileError."""
    data = environment.stdin.buffer.read() if path == "-" else read_bytes(path)
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as problem:
        name = "standard input" if path == "-" else path
        raise FileError(f"{name} is not UTF-8 text (byte {problem.start})") from None


def check_stdin_once(arguments: Arguments) -> None:
    """Refuse a command line in which two things would read standard input."""
    texts = [binding.text for binding in arguments.bindings] + arguments.lists.get("seed", [])
    readers = [text for text in texts if text == "@-" or text.startswith("@-:")]
    readers += [text for text in [*arguments.operands, arguments.values.get("program_file")] if text == "-"]
    if len(readers) > 1:
        raise UsageError(f"standard input is read once, and {len(readers)} things ask for it: {' '.join(readers)}")


def open_program(arguments: Arguments, environment: Environment) -> tuple[Session, ast.Module]:
    """The program of the command line, and a session in which its variables are bound; nothing of it has run.

    Raises: SyntaxError_; UsageError for variables that it does not name, and where it has no value.
    """
    check_stdin_once(arguments)
    module = parse_with_value(read_source(arguments, environment))
    check_variables_are_named(module, arguments)
    session = open_session(arguments)
    wrt = wanted_names(arguments)
    bound = {binding.name for binding in arguments.bindings}
    bind_variables(session, arguments, environment, wrt if wrt is not None and bound.issuperset(wrt) else None)
    return session, module


def run_program(session: Session, module: ast.Module) -> tuple[Any, list[str]]:
    """Run a program; its value, and what it printed."""
    printed: list[str] = []
    try:
        return session.eval(module, write=printed.append), printed
    except NameError_ as error:
        tell_how_to_bind(error)
        raise


def tell_how_to_bind(error: NameError_) -> None:
    """Add to an unknown name's error that the command line can give it a value."""
    span = error.span
    if span is None or span.source.name is not None or not span.text.isidentifier():
        return
    if not span.source.text[span.end :].lstrip().startswith("("):  # what is called is no variable
        option = f"--var {span.text}=VALUE" if span.text in RESERVED else f"--{span.text} VALUE"
        error.hint = f"{error.hint} Or give it a value: {option}" if error.hint else f"give it a value: {option}"


def open_session(arguments: Arguments) -> Session:
    """A session with the settings of the command line."""
    session = Session(
        dtype=arguments.values.get("dtype", DEFAULT_DTYPE), names=arguments.values.get("names", DEFAULT_NAMES)
    )
    seed = arguments.values.get("manual_seed")
    if seed is not None:
        session.run(Source(f"torch.manual_seed({int(seed)})", "--manual-seed"))
    threads = arguments.values.get("threads")
    if threads is not None:
        from gradcli.engine.threads import set_threads  # start-up: few ask

        if int(threads) < 1:
            raise UsageError(f"--threads needs a number above 0, and got {threads!r}")
        set_threads(int(threads))
    if "no_grad" in arguments.flags:
        session.run("torch.set_grad_enabled(False)")
    return session


def bind_variables(session: Session, arguments: Arguments, environment: Environment, wrt: list[str] | None) -> None:
    """Evaluate the variables in order and bind them; those outside `wrt` (None: all are in it) do not require grad."""
    dtype = arguments.values.get("dtype", DEFAULT_DTYPE)
    for binding in arguments.bindings:
        value = value_of(binding, session, dtype, environment)
        bind(session, binding.name, value, "no_grad" not in arguments.flags and (wrt is None or binding.name in wrt))


def wanted_names(arguments: Arguments) -> list[str] | None:
    """The names of --wrt, or None for all."""
    text = arguments.values.get("wrt")
    return None if text is None else list(dict.fromkeys(split_names(text)))


def names_in(node: ast.Node) -> set[str]:
    """Every name a program reads or binds."""
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def in_order(module: ast.Module, names: Mapping[Node, str]) -> dict[Node, str]:
    """Named nodes as a program mentions them first; before them a seed, which it does not mention."""
    places: dict[str, int] = {}
    for part in ast.walk(module):
        if isinstance(part, ast.Name):
            places[part.id] = min(part.start, places.get(part.id, part.start))
    return dict(sorted(names.items(), key=lambda item: places.get(item[1], -1)))


def factors_in_order(module: ast.Module) -> set[tuple[str, str]]:
    """Pairs of names that stand one before the other in a product of the program: m and g of m*g*h."""
    found: dict[tuple[str, str], None] = {}
    inside: set[int] = set()
    for part in ast.walk(module):
        if not isinstance(part, ast.BinOp) or part.op not in ("*", "/") or id(part) in inside:
            continue
        names: dict[str, None] = {}
        chain: list[ast.Expr] = [part]
        while chain:
            factor = chain.pop()
            if isinstance(factor, ast.BinOp) and factor.op in ("*", "/"):
                inside.add(id(factor))
                chain += [factor.right, factor.left] if factor.op == "*" else [factor.left]
            elif isinstance(factor, ast.BinOp) and factor.op == "**":
                chain.append(factor.left)
            elif isinstance(factor, ast.Name):
                names[factor.id] = None
        order = list(names)[:SIDE_BY_SIDE]
        for at, first in enumerate(order):
            found.update({(first, second): None for second in order[at + 1 :] if (second, first) not in found})
    return set(found)


SIDE_BY_SIDE = 20  # of more names in one product the order is that in which the program mentions them


def taken_names() -> set[str]:
    """Names that mean something before a program assigns them; a letter is a variable: t, not torch.t."""
    return {name for name in Session().completions() if len(name) > 1} | {"F"}


def check_variables_are_named(module: ast.Module, arguments: Arguments) -> None:
    """Refuse a variable that neither the program nor a later value names: most likely a mistyped name or option."""
    named = names_in(module)
    for binding in reversed(arguments.bindings):
        if binding.name not in named:
            raise never_named(binding.name, named, arguments)
        named |= names_in_value(binding.text)


def names_in_value(text: str) -> set[str]:
    """The names in the text of a VALUE; one that does not parse is reported when it is evaluated."""
    word = ""
    found = set()
    for letter in text + " ":
        if (word + letter).isidentifier():
            word += letter
        elif word:
            found.add(word)
            word = ""
    return found


def parse_with_value(source: Source) -> ast.Module:
    """Parse a program whose last statement is an expression: its value is the output.

    Raises: SyntaxError_; UsageError for an empty program or one that ends otherwise.
    """
    module = parse_program(source)
    if not module.body:
        raise UsageError("the expression is empty")
    last = module.body[-1]
    if not isinstance(last, ast.ExprStmt):
        name = _assigned_name(last)
        hint = f"to see {name}, end with it: ...; {name}" if name else "gradcli run is for programs without a value"
        raise UsageError("the last statement has no value", span=Span(source, last.start, last.end), hint=hint)
    return module


def ending(module: ast.Module) -> str | None:
    """What a program that ends with print(out) or out.backward() is to end with, to have out as its value."""
    last = module.body[-1]
    call = last.value if isinstance(last, ast.ExprStmt) else None
    if not isinstance(call, ast.Call):
        return None
    part: ast.Expr | None = None
    if isinstance(call.func, ast.Name) and call.func.id == "print" and call.args:
        part = call.args[0].value
    elif isinstance(call.func, ast.Attribute) and call.func.name == "backward":
        part = call.func.value
    return None if part is None else f"end with what it is about: {module.source.text[part.start : part.end]}"


def _assigned_name(statement: ast.Stmt) -> str | None:
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        return statement.targets[0].id
    return None


def never_named(name: str, named: set[str], arguments: Arguments) -> UsageError:
    """The error for a bound variable that is not used, with the name that was probably meant."""
    options = [known[2:] for option in arguments.command.options for known in option.names if known.startswith("--")]
    free = sorted(named - {binding.name for binding in arguments.bindings} - taken_names())
    text = "expression" if arguments.command.operand == "EXPR" else "program"
    near = nearest(name, [*free, *options])
    if near in free:
        hint = f"did you mean --{near}?"
    elif near:
        hint = f"did you mean the option --{near}?"
    elif free:
        hint = f"it names {', '.join(free[:6])}"
    else:
        hint = f"leave out --{name}, or name it in the {text}"
    return UsageError(f"the variable {name} is bound, but the {text} never names it", hint=hint)
