"""The tree: it is the one Python's own parser makes, node for node and offset for offset.

Python's `ast` is asked for every text that both languages have: the corpus, and programs made up by hypothesis.
"""

from __future__ import annotations

import ast as python
import sys
import warnings
from pathlib import Path
from typing import Any
from unicodedata import normalize

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gradcli.errors import SyntaxError_
from gradcli.language.syntax import ast
from gradcli.language.syntax.parse import parse_expression, parse_program
from gradcli.source import Source

CORPUS = Path(__file__).parent / "corpus"
SEPARATOR = "# ----\n"
# Before 3.12 Python gives the inside of an f-string offsets that are only roughly right.
F_STRING_OFFSETS = sys.version_info >= (3, 12)


def corpus(name: str) -> list[str]:
    return (CORPUS / name).read_text(encoding="utf-8").split(SEPARATOR)


def tree(text: str) -> ast.Module:
    return parse_program(Source(text))


# ---- Python's tree in our shape ------------------------------------------------------------------------------------

OPERATORS = {
    "Add": "+", "Sub": "-", "Mult": "*", "Div": "/", "FloorDiv": "//", "Mod": "%", "Pow": "**", "MatMult": "@",
    "BitAnd": "&", "BitOr": "|", "LShift": "<<", "RShift": ">>", "USub": "-", "UAdd": "+", "Invert": "~", "Not": "not",
    "And": "and", "Or": "or", "Eq": "==", "NotEq": "!=", "Lt": "<", "LtE": "<=", "Gt": ">", "GtE": ">=", "In": "in",
    "NotIn": "not in", "Is": "is", "IsNot": "is not",
}  # fmt: skip
SAME_FIELDS = {
    "If": "If", "While": "While", "For": "For", "Break": "Break", "Continue": "Continue", "Pass": "Pass",
    "Return": "Return", "Global": "Global", "Nonlocal": "Nonlocal", "Delete": "Delete",
    "IfExp": "IfExp", "Name": "Name", "Starred": "Starred", "Slice": "Slice", "Try": "Try",
    "With": "With", "Import": "Import", "Assign": "Assign",
}  # fmt: skip
RENAMED = {
    "Expr": ("ExprStmt", ["value"]),
    "List": ("ListExpr", ["elts"]),
    "Tuple": ("TupleExpr", ["elts"]),
    "Set": ("SetExpr", ["elts"]),
    "Dict": ("DictExpr", ["keys", "values"]),
    "Subscript": ("Subscript", ["value", "slice"]),
    "Assert": ("Assert", ["test", "msg"]),
    "Attribute": ("Attribute", ["value", "attr"]),
    "AnnAssign": ("AnnAssign", ["target", "annotation", "value"]),
    "ImportFrom": ("ImportFrom", ["module", "names"]),
    "alias": ("Alias", ["name", "asname"]),
    "ExceptHandler": ("Handler", ["type", "name", "body"]),
    "Raise": ("Raise", ["exc", "cause"]),
    "comprehension": ("Clause", ["target", "iter", "ifs"]),
    "withitem": ("WithItem", ["context_expr", "optional_vars"]),
}
NO_OFFSETS = {"Clause", "WithItem", "Param", "Module", "FormatPart"}


class Translation:
    """Python's tree as nested tuples (name of our class, fields ..., start, end)."""

    def __init__(self, text: str) -> None:
        self.lines = [0]
        for line in text.splitlines(keepends=True):
            self.lines.append(self.lines[-1] + len(line))
        self.encoded = [line.encode() for line in text.splitlines(keepends=True)]

    def offset(self, line: int, column: int) -> int:
        return self.lines[line - 1] + len(self.encoded[line - 1][:column].decode())

    def node(self, node: Any) -> Any:
        if isinstance(node, list):
            return [self.node(item) for item in node]
        if not isinstance(node, python.AST):
            return node
        kind = type(node).__name__
        if isinstance(node, (python.operator, python.unaryop, python.cmpop, python.boolop)):
            return OPERATORS[kind]
        special = getattr(self, kind, None)
        if special is not None:
            name, *fields = special(node)
        else:
            name, wanted = RENAMED[kind] if kind in RENAMED else (SAME_FIELDS[kind], None)
            known = ast.fields_of(getattr(ast, name).__new__(getattr(ast, name)))
            fields = [self.node(getattr(node, field)) for field in wanted or known]
        if name in NO_OFFSETS:
            return (name, *fields)
        begin = self.offset(node.lineno, node.col_offset)
        return (name, *fields, begin, self.offset(node.end_lineno, node.end_col_offset))

    def Module(self, node: Any) -> Any:
        return "Module", self.node(node.body)

    def Constant(self, node: Any) -> Any:
        return "Literal", (type(node.value), repr(node.value))

    def BinOp(self, node: Any) -> Any:
        return "BinOp", self.node(node.op), self.node(node.left), self.node(node.right)

    def UnaryOp(self, node: Any) -> Any:
        return "UnaryOp", self.node(node.op), self.node(node.operand)

    def BoolOp(self, node: Any) -> Any:
        return "BoolOp", self.node(node.op), self.node(node.values)

    def Compare(self, node: Any) -> Any:
        return "Compare", self.node(node.left), self.node(node.ops), self.node(node.comparators)

    def NamedExpr(self, node: Any) -> Any:
        return "NamedExpr", node.target.id, self.node(node.value)

    def AugAssign(self, node: Any) -> Any:
        return "AugAssign", self.node(node.target), self.node(node.op), self.node(node.value)

    def Lambda(self, node: Any) -> Any:
        return "Lambda", self.params(node.args), self.node(node.body)

    def FunctionDef(self, node: Any) -> Any:
        return "FunctionDef", node.name, self.params(node.args), self.node(node.body), self.node(node.decorator_list)

    def ClassDef(self, node: Any) -> Any:
        bases = self.arguments(node.bases, node.keywords)
        return "ClassDef", node.name, bases, self.node(node.body), self.node(node.decorator_list)

    def Call(self, node: Any) -> Any:
        return "Call", self.node(node.func), self.arguments(node.args, node.keywords)

    def arguments(self, places: list[Any], names: list[Any]) -> list[Any]:
        found = []
        for item in sorted([*places, *names], key=lambda item: (item.lineno, item.col_offset)):
            begin = self.offset(item.lineno, item.col_offset)
            end = self.offset(item.end_lineno, item.end_col_offset)
            if isinstance(item, python.keyword):
                found.append(("Arg", "kw" if item.arg else "dstar", item.arg, self.node(item.value), begin, end))
            elif isinstance(item, python.Starred):
                found.append(("Arg", "star", None, self.node(item.value), begin, end))
            else:
                found.append(("Arg", "pos", None, self.node(item), None, None))  # without the parentheses around it
        return found

    def params(self, node: Any) -> list[Any]:
        places = [("posonly", arg) for arg in node.posonlyargs] + [("pos", arg) for arg in node.args]
        defaults = [None] * (len(places) - len(node.defaults)) + node.defaults
        found = [(arg, kind, default) for (kind, arg), default in zip(places, defaults, strict=True)]
        found += [(node.vararg, "star", None)] if node.vararg else []
        found += [(arg, "kw", default) for arg, default in zip(node.kwonlyargs, node.kw_defaults, strict=True)]
        found += [(node.kwarg, "dstar", None)] if node.kwarg else []
        return [("Param", arg.arg, kind, self.node(default), self.node(arg.annotation)) for arg, kind, default in found]

    def comprehension_of(self, kind: str, node: Any) -> Any:
        if kind == "dict":
            return "Comprehension", kind, self.node(node.key), self.node(node.value), self.node(node.generators)
        return "Comprehension", kind, self.node(node.elt), None, self.node(node.generators)

    def ListComp(self, node: Any) -> Any:
        return self.comprehension_of("list", node)

    def SetComp(self, node: Any) -> Any:
        return self.comprehension_of("set", node)

    def DictComp(self, node: Any) -> Any:
        return self.comprehension_of("dict", node)

    def GeneratorExp(self, node: Any) -> Any:
        return self.comprehension_of("generator", node)

    def JoinedStr(self, node: Any) -> Any:
        return "JoinedStr", [self.part(part) for part in node.values]

    def part(self, part: Any) -> Any:
        if isinstance(part, python.Constant):
            return part.value
        value = self.node(part.value)
        conversion = None if part.conversion == -1 else chr(part.conversion)
        spec = [self.part(inner) for inner in part.format_spec.values] if part.format_spec else None
        return "FormatPart", value if F_STRING_OFFSETS else without_offsets(value), conversion, spec


def ours(node: Any) -> Any:
    """Our tree as the same nested tuples."""
    if isinstance(node, list):
        return [ours(item) for item in node]
    if not isinstance(node, ast.Node):
        return node
    name = type(node).__name__
    if isinstance(node, ast.Literal):
        return name, (type(node.value), repr(node.value)), node.start, node.end
    if isinstance(node, ast.JoinedStr):
        return name, parts_of(node), node.start, node.end
    if isinstance(node, ast.Arg) and node.kind == "pos":
        return "Arg", "pos", None, ours(node.value), None, None
    hidden = {"op_at", "name_at", "source"}
    fields = [ours(getattr(node, field)) for field in ast.fields_of(node) if field not in hidden]
    return (name, *fields) if name in NO_OFFSETS else (name, *fields, node.start, node.end)


def parts_of(node: ast.JoinedStr) -> list[Any]:
    """The parts as Python has them: the text of `{x=}` goes into the text before it."""
    parts: list[Any] = []
    for part in node.parts:
        text = part.value if isinstance(part, ast.Literal) else part.text
        if text:
            parts[-1:] = [parts[-1] + text] if parts and isinstance(parts[-1], str) else [*parts[-1:], text]
        if isinstance(part, ast.FormatPart):
            value = ours(part.value)
            spec = parts_of(part.spec) if part.spec else None
            parts.append(("FormatPart", value if F_STRING_OFFSETS else without_offsets(value), part.conversion, spec))
    return parts


def without_offsets(value: Any) -> Any:
    if isinstance(value, list):
        return [without_offsets(item) for item in value]
    if isinstance(value, tuple):
        inner = tuple(without_offsets(item) for item in value)
        has_offsets = isinstance(value[0], str) and value[0] not in NO_OFFSETS and isinstance(value[-1], int)
        return inner[:-2] if has_offsets else inner
    return value


def check_same(text: str) -> None:
    """Our tree of a text is Python's, and what it says of operators and names is where it says."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python's advice on the text
        expected = Translation(text).node(python.parse(text))
    module = tree(text)
    assert ours(module) == expected
    for node in ast.walk(module):
        if isinstance(node, (ast.BinOp, ast.AugAssign)):
            assert text.startswith(node.op, node.op_at)
        elif isinstance(node, ast.Compare):
            assert text.startswith(node.ops[0].split()[0], node.op_at)
        elif isinstance(node, (ast.Attribute, ast.FunctionDef, ast.ClassDef)):
            assert normalize("NFKC", text[node.name_at : node.name_at + 20]).startswith(node.name)


# ---- Against Python ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", corpus("accepted.txt"))
def test_corpus_has_pythons_tree(text: str) -> None:
    check_same(text)


NAMES = st.sampled_from(["x", "y", "grad", "é", "_a1"])
ATOMS = NAMES | st.sampled_from(
    ["1", "2.5", ".5", "1e-3", "0x1F", "1_000", "True", "None", "...", "'s'", "\"a\" 'b'", "f'{x}'", "f'a{x!r:>{y}}b'"]
)
BINARY = st.sampled_from(
    [
        *"is,is not,and,or".split(","),
        "+",
        "-",
        "*",
        "/",
        "//",
        "%",
        "**",
        "@",
        "&",
        "|",
        "<<",
        ">>",
        "==",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "in",
        "not in",
    ]
)
SPACE = st.sampled_from(["", " ", "  ", "\t"])


def grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Expressions one level deeper. Some are of neither language; those are part of the test."""
    several = st.lists(inner | inner.map("*{}".format), min_size=1, max_size=3).map(", ".join)
    return st.one_of(
        st.tuples(inner, SPACE, BINARY, inner).map("{0[0]} {0[2]}{0[1]} {0[3]}".format),
        st.tuples(st.sampled_from(["-", "+", "~", "not "]), inner).map("".join),
        inner.map("({})".format),
        several.map("({},)".format),
        several.map("[{}]".format),
        several.map("{{{}}}".format),
        st.tuples(inner, inner).map("{{{0[0]}: {0[1]}, **x}}".format),
        st.tuples(inner, NAMES).map("{0[0]}.{0[1]}".format),
        st.tuples(inner, several).map("{0[0]}({0[1]})".format),
        st.tuples(inner, inner, NAMES, inner).map("{0[0]}({0[1]}, {0[2]}={0[3]}, *x, **y)".format),
        st.tuples(inner, several).map("{0[0]}[{0[1]}]".format),
        st.tuples(inner, inner, inner).map("{0[0]}[{0[1]}:, ::{0[2]}]".format),
        st.tuples(inner, inner, inner).map("{0[0]} if {0[1]} else {0[2]}".format),
        st.tuples(NAMES, inner).map("(lambda {0[0]}, *, k=1: {0[1]})".format),
        st.tuples(NAMES, inner).map("({0[0]} := {0[1]})".format),
        st.tuples(inner, NAMES, inner, inner).map("[{0[0]} for {0[1]} in {0[2]} if {0[3]}]".format),
        st.tuples(inner, NAMES, inner).map("f({0[0]} for {0[1]}, z in {0[2]})".format),
        st.tuples(inner, inner).map("(\n  {0[0]} +  # why\n{0[1]}\n)".format),
    )


EXPRESSIONS = st.recursive(ATOMS, grow, max_leaves=12)
LINES = st.one_of(
    EXPRESSIONS,
    st.tuples(EXPRESSIONS, EXPRESSIONS).map(" = ".join),
    st.tuples(NAMES, st.sampled_from(["+=", "**=", "//=", "@="]), EXPRESSIONS).map(" ".join),
    st.tuples(NAMES, ATOMS, EXPRESSIONS).map("{0[0]}: {0[1]} = {0[2]}".format),
    st.tuples(EXPRESSIONS, EXPRESSIONS).map("assert {0[0]}, {0[1]}".format),
    EXPRESSIONS.map("del {}".format),
    st.sampled_from(["pass", "import a.b as c, d", "from a import (b as c, d,)", "x; y;", "raise x from y", ""]),
)


def indent(block: str) -> str:
    return "\n".join("    " + line if line else line for line in block.split("\n"))


def nest(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    block = inner.map(lambda text: indent(text + "\npass"))
    return st.one_of(
        st.tuples(inner, inner).map("\n".join),
        st.tuples(EXPRESSIONS, block, EXPRESSIONS, block).map(
            "if {0[0]}:\n{0[1]}\nelif {0[2]}:\n{0[3]}\nelse: x".format
        ),
        st.tuples(EXPRESSIONS, block).map("while {0[0]}:\n{0[1]}\n# c\nelse:\n    y".format),
        st.tuples(NAMES, EXPRESSIONS, block).map("for {0[0]}, *r in {0[1]}:\n{0[2]}\n\n    break".format),
        st.tuples(EXPRESSIONS, EXPRESSIONS, block).map(
            "@{0[0]}\ndef f(a, /, b: x={0[1]}, *c, d=1, **e) -> y:\n{0[2]}\n    return a".format
        ),
        st.tuples(EXPRESSIONS, block).map("class A(B, m={0[0]}):\n{0[1]}".format),
        st.tuples(EXPRESSIONS, block).map("with {0[0]} as a, b:\n{0[1]}".format),
        st.tuples(block, EXPRESSIONS, block).map(
            "try:\n{0[0]}\nexcept {0[1]} as e:\n{0[2]}\nelse: x\nfinally:\n    y".format
        ),
    )


PROGRAMS = st.recursive(LINES, nest, max_leaves=6)


def python_accepts(text: str) -> bool:
    """Whether Python compiles a text. What it says of `:=` inside comprehensions is for it to know."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(text, "made up", "exec")
        except SyntaxError as error:
            assume("assignment expression" not in str(error))
            return False
    return True


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@given(PROGRAMS)
def test_made_up_programs_have_pythons_tree(text: str) -> None:
    if python_accepts(text):
        check_same(text)
    else:
        with pytest.raises(SyntaxError_):
            tree(text)


SIGNS = [
    *"1()()[]{},,:=+-*/@.;~&|%\n\n\n",
    "2.5",
    "'s'",
    "f'{x}'",
    "==",
    "**",
    ":=",
    "->",
    "<<",
    "!=",
    "+=",
    "...",
    "\n\t",
]
KEYWORDS = """x y f if else for in not and or is lambda def return class import from as del assert None True pass while
try except with global"""
WORDS = st.sampled_from([*SIGNS, *KEYWORDS.split()])


@given(st.lists(WORDS, max_size=12).map(" ".join))
def test_words_in_any_order_are_accepted_as_by_python(text: str) -> None:
    text = text.lstrip()  # a text that is indented as a whole is fine here
    if python_accepts(text):
        check_same(text)
    else:
        with pytest.raises(SyntaxError_):
            tree(text)


# ---- What Python's tree does not say -------------------------------------------------------------------------------


def parts(text: str) -> list[Any]:
    node = parse_expression(Source(text))
    assert isinstance(node, ast.JoinedStr)
    return node.parts


def test_fields_of_f_strings_have_offsets_in_the_whole_text() -> None:
    text = "print(f'''é {x.y!r:>{w + 1}}\n{ z = }''')"
    module = tree(text)
    seen = {text[node.start : node.end] for node in ast.walk(module) if isinstance(node, ast.Expr)}
    assert {"x.y", "w + 1", "w", "1", "z", "x"} <= seen


def test_debugging_fields_keep_their_text() -> None:
    (first, second) = parts("f'{x + 1 = }{y=:.2f}'")
    assert (first.text, first.conversion, first.spec) == ("x + 1 = ", "r", None)
    assert (second.text, second.conversion, ast.dump(second.spec)) == ("y=", None, "JoinedStr([Literal('.2f')])")


def test_quotes_of_the_string_may_stand_in_its_fields() -> None:
    assert ast.dump(parse_expression(Source("f'{d['k']}'"))) == (
        "JoinedStr([FormatPart(Subscript(Name('d'), Literal('k')), None, None, '')])"
    )


def test_dump_names_fields_in_order_and_leaves_offsets_out() -> None:
    assert ast.dump(tree("y = f(x, dim=-1)[1:]")) == (
        "Module([Assign([Name('y')], Subscript(Call(Name('f'), [Arg('pos', None, Name('x')), "
        "Arg('kw', 'dim', UnaryOp('-', Literal(1)))]), Slice(Literal(1), None, None)))])"
    )


def test_walk_goes_from_left_to_right_parents_first() -> None:
    nodes = list(ast.walk(tree("a = b + c\nd")))
    names = [node.id if isinstance(node, ast.Name) else type(node).__name__ for node in nodes]
    assert names == ["Module", "Assign", "a", "BinOp", "b", "c", "ExprStmt", "d"]


def test_walk_and_dump_do_not_recurse() -> None:
    deep = tree("x" + "+x" * 20_000)
    assert sum(1 for _ in ast.walk(deep)) == 40_003
    assert ast.dump(deep).count("BinOp") == 20_000
