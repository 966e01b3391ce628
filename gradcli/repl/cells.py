"""What of a pasted or recorded text is code: cells with prompts, prose and printed output between them.

    In [16]:                     >>> x = ones(2)
    x = torch.ones(2)            >>> x
    print(x)                     tensor([1., 1.])

    tensor([1., 1.])             prose

A text without prompts is one cell. After `In [n]:` the code is told from what follows it by reading one statement at a
time: it goes on as long as statements parse and are of use (bind a name, or speak of one that is bound). A number, a
printed tensor or a sentence ends it; a line that is meant as code but does not parse stays in, to be reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gradcli.errors import SyntaxError_
from gradcli.language.syntax import ast
from gradcli.language.syntax.parse import is_incomplete, parse_program
from gradcli.source import Source

MARKER = re.compile(r"^ {0,3}In ?\[[\d *]*\] ?: ?")
RESULT = re.compile(r"^ {0,3}Out ?\[\d*\] ?: ?")
CONTINUED = re.compile(r"^\s*\.{3,}: ?")
PROMPT = re.compile(r"^(\s*)>>>( |$)")
PROMPT_CONTINUED = re.compile(r"^\s*\.\.\.( |$)")
MAGIC = re.compile(r"^\s*(%|!|\?\w|\w+\?$)")

BLOCK = re.compile(r"^(if|for|while|with|def|class|try|async|@)(\b|(?<=@))")
CLAUSE = re.compile(r"^(elif|else|except|finally)\b")
ASSIGNMENT = re.compile(r"^[A-Za-z_]\w*([.,\[\]\w\s:'\"]*)([-+*/@%]|//|\*\*)?=(?!=)")
STATEMENT = re.compile(r"^(print ?\(|import \w|from \S+ import\b|(if|for|while|with|def|class)\b.*:\s*(#.*)?$)")
PRINTED = re.compile(r"^[\[({]*(tensor\(|array\(|torch\.Size|torch\.((float|int|uint)\d*|bool|strided|device)\b|<)")
USEFUL = frozenset({"print", "torch", "F", "np", "math", "display"})


class Cell:
    """Code of a document.

    shows: which values are shown beside what is printed: "none" (a program), "last" (a notebook's cell),
    "each" (statements at a prompt). recorded: what the document says it prints, None where it says nothing;
    exact: whether that is all of it, or prose may follow.
    """

    __slots__ = ("exact", "recorded", "shows", "source")

    def __init__(self, source: Source, shows: str = "none", recorded: str | None = None, exact: bool = False) -> None:
        self.source = source
        self.shows = shows
        self.recorded = recorded
        self.exact = exact


def split_cells(text: str, name: str | None = None, first_line: int = 1) -> list[Cell]:
    """The cells of a text, its prompts dropped."""
    lines = text.split("\n")
    if any(MARKER.match(line) for line in lines):
        return list(_marked_cells(lines, name, first_line))
    if has_prompts(text):
        return list(_prompted_cells(lines, name, first_line))
    return [Cell(Source(text, name, first_line))]


def has_prompts(text: str) -> bool:
    """Whether a text is a transcript with `>>> `, rather than a program that quotes one."""
    lines = text.split("\n")
    if not any(PROMPT.match(line) for line in lines):
        return False
    first = next(line for line in lines if line.strip() and not line.lstrip().startswith("#"))
    return PROMPT.match(first) is not None or _parsed(text) is None


def _prompted_cells(lines: list[str], name: str | None, first_line: int) -> Iterator[Cell]:
    """A cell for each `>>> `, with the `... ` lines after it; the other lines are what it printed."""
    at = 0
    while at < len(lines):
        prompt = PROMPT.match(lines[at])
        if prompt is None:
            at += 1
            continue
        begin, code = at, [lines[at][prompt.end() :]]
        at += 1
        while at < len(lines) and PROMPT_CONTINUED.match(lines[at]):
            code.append(PROMPT_CONTINUED.sub("", lines[at], count=1))
            at += 1
        after = at
        while at < len(lines) and not PROMPT.match(lines[at]):
            at += 1
        recorded = "\n".join(line.removeprefix(prompt[1]) for line in lines[after:at])
        if any(line.strip() for line in code):
            yield Cell(Source("\n".join(code), name, first_line + begin), "each", recorded)


def _marked_cells(lines: list[str], name: str | None, first_line: int) -> Iterator[Cell]:
    """A cell for each `In [n]:`; text before the first is prose."""
    known: set[str] = set()
    starts = [at for at, line in enumerate(lines) if MARKER.match(line)]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        body = [MARKER.sub("", lines[start], count=1)]
        body += [CONTINUED.sub("", line, count=1) for line in lines[start + 1 : end]]
        result = next((at for at, line in enumerate(body) if RESULT.match(line)), len(body))
        code = without_magics(body[:result])
        length = _code_length(code, known)
        recorded = "\n".join(RESULT.sub("", line, count=1) for line in body[length:])
        skipped = next((at for at in range(length) if code[at].strip()), length)
        if skipped < length:
            yield Cell(Source("\n".join(code[skipped:length]), name, first_line + start + skipped), "last", recorded)


def without_magics(lines: list[str]) -> list[str]:
    """The lines with IPython's own commands (`%matplotlib inline`, `!pip ...`) left empty."""
    return ["" if MAGIC.match(line) else line for line in lines]


def _code_length(lines: list[str], known: set[str]) -> int:
    """How many lines at the top are code; `known` gains the names that they bind."""
    length = 0
    for begin, end in statements(lines):
        text = "\n".join(lines[begin:end])
        module = _parsed(text)
        if module is None:
            if length == 0 or _is_meant_as_code(text):
                length = end
            break
        if length and not _is_of_use(module, text, known):
            break
        known |= _names_bound(module)
        length = end
    return length


def statements(lines: list[str]) -> Iterator[tuple[int, int]]:
    """Where each statement begins and ends, told from brackets, indentation and clauses; blank lines are between."""
    at = 0
    while at < len(lines):
        if not lines[at].strip():
            at += 1
            continue
        begin = at
        at += 1
        while at < len(lines):
            after = _continued(lines, begin, at)
            if after is None:
                break
            at = after
        yield begin, at


def _continued(lines: list[str], begin: int, at: int) -> int | None:
    """The end of a statement that goes on at line `at`, or None where it ends."""
    upcoming = next((i for i in range(at, len(lines)) if lines[i].strip()), None)
    if upcoming is not None and BLOCK.match(lines[begin]):
        line = lines[upcoming]
        if line[0] in " \t" or CLAUSE.match(line) or lines[upcoming - 1].startswith("@"):
            return upcoming + 1
    return at + 1 if has_open_end(lines[begin:at]) else None


def has_open_end(lines: list[str]) -> bool:
    """Whether a bracket, a string or a block's head is still open; a block that has a body is not."""
    return is_incomplete("\n".join(lines) + "\n")


def _parsed(text: str) -> ast.Module | None:
    try:
        return parse_program(Source(text))
    except SyntaxError_:
        return None


def _is_meant_as_code(text: str) -> bool:
    """Whether a text that does not parse is a mistake in a program rather than prose or output."""
    first, _, rest = text.partition("\n")
    if PRINTED.match(first):
        return False
    if ASSIGNMENT.match(first) or STATEMENT.match(first):
        return True
    return BLOCK.match(first) is not None and rest[:1] in (" ", "\t")


def _is_of_use(module: ast.Module, text: str, known: set[str]) -> bool:
    """Whether statements after the first are code, and not the output or a word of prose that happens to parse."""
    for statement in module.body:
        if isinstance(statement, ast.AnnAssign) and statement.value is None:
            return False  # "Note: text" reads as an annotation
        if not isinstance(statement, ast.ExprStmt):
            return True
    if not module.body:
        return True  # comments
    if PRINTED.match(text):
        return False
    names = {node.id for node in ast.walk(module) if isinstance(node, ast.Name)}
    return bool(names & (known | USEFUL))


def _names_bound(module: ast.Module) -> set[str]:
    """The names that statements bind, those in targets included."""
    names: set[str] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Alias):
            names.add((node.alias or node.dotted).partition(".")[0])
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                names |= _names_in(target)
        elif isinstance(node, ast.For | ast.AugAssign | ast.AnnAssign | ast.WithItem) and node.target is not None:
            names |= _names_in(node.target)
    return names


def _names_in(target: ast.Expr) -> set[str]:
    return {node.id for node in ast.walk(target) if isinstance(node, ast.Name)}


def looks_like_program(text: str) -> bool:
    """Whether a text without any label parses and does something."""
    module = _parsed(text)
    return module is not None and bool(module.body) and _is_of_use(module, text, set())
