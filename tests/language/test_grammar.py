"""The grammar: Lark reads it as we do, its saved tables are those it makes, and its examples and advice hold."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zlib
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lark import Lark
from lark.common import ParserConf
from lark.exceptions import LarkError
from lark.parsers.lalr_analysis import LALR_Analyzer

from gradcli.errors import FileError, SyntaxError_
from gradcli.language.syntax import saved, tables
from gradcli.language.syntax.build import BUILDERS
from gradcli.language.syntax.generate import STARTS, load_with_lark
from gradcli.language.syntax.lalr import Stuck, Tables, run
from gradcli.language.syntax.lexer import BAD_TABS, read_program
from gradcli.language.syntax.parse import parse_program
from gradcli.source import Source

CORPUS = Path(__file__).parent / "corpus"
GRAMMAR = Path(tables.grammar_folder())
MISTAKES = tomllib.loads((GRAMMAR / saved.MISTAKES).read_text(encoding="utf-8"))["mistake"]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def lark() -> Lark:
    return load_with_lark((GRAMMAR / saved.GRAMMAR).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def bare() -> Tables:
    """Our tables with builders that build nothing and refuse nothing."""
    real = tables.load_tables()
    rules, actions = real.rules, real.actions
    nothing = dict.fromkeys(BUILDERS, lambda tokens, children, start, end: None)
    starts = {name: state // 65536 for name, state in real.starts.items()}
    follows = [" ".join(map(str, follow)) for follow in actions.follows]
    return Tables(real.vocabulary, starts, rules.lines, follows, actions.lines, nothing)


def lark_accepts(lark: Lark, text: str) -> bool:
    try:
        lark.parse(text + "\n", start="program")
    except (LarkError, AssertionError):  # its Indenter asserts that brackets were opened
        return False
    return True


def grammar_accepts(bare: Tables, text: str) -> bool:
    try:
        run(bare, read_program(Source(text + "\n"), bare.vocabulary), "program")
    except Stuck:
        return False
    return True


def corpus() -> list[str]:
    accepted = (CORPUS / "accepted.txt").read_text(encoding="utf-8").split("# ----\n")
    rejected = (CORPUS / "rejected.txt").read_text(encoding="utf-8").split("# ----\n")
    return accepted + [case.partition("\n# =>\n")[0] for case in rejected]


# ---- Lark ----------------------------------------------------------------------------------------------------------


def test_the_grammar_has_no_conflicts(lark: Lark) -> None:
    analyzer = LALR_Analyzer(ParserConf(lark.rules, {}, list(STARTS)), strict=True)
    analyzer.compute_lalr()


@pytest.mark.parametrize("text", corpus())
def test_lark_accepts_what_we_accept(text: str, lark: Lark, bare: Tables) -> None:
    if text.startswith((" ", "\n  ")) or BAD_TABS in read_program(Source(text), bare.vocabulary).texts:
        pytest.skip("about indentation Lark's Indenter knows less")
    if text == "x² + 1":
        pytest.skip("Lark has no word for what Python calls a letter")
    if text.endswith("\\"):
        pytest.skip("the newline that is put after the text makes it right")
    assert lark_accepts(lark, text) == grammar_accepts(bare, text)


SIGNS = ["1", "'s'", *"()()[]{},,:=+-*/@.;~|", "**", ":=", "->", "==", "+=", "...", "\n", "\n", "\n    "]
KEYWORDS = """x f if else for in not and is lambda def return class import from as del assert None pass while try except
with"""
WORDS = st.sampled_from([*SIGNS, *KEYWORDS.split()])


@given(text=st.lists(WORDS, max_size=12).map(" ".join))
def test_lark_accepts_the_words_in_any_order_that_we_accept(text: str, lark: Lark, bare: Tables) -> None:
    text = text.lstrip()
    assert lark_accepts(lark, text) == grammar_accepts(bare, text)


def test_every_builder_has_a_rule_and_every_rule_a_builder(lark: Lark) -> None:
    named = {line.split()[2] for line in tables.load_tables().rules.lines}
    assert named - {"[]", "=", "!"} == set(BUILDERS)


# ---- Saved tables --------------------------------------------------------------------------------------------------


def read(name: str) -> bytes:
    return (GRAMMAR / name).read_bytes()


build_once = cache(tables.build_text)


def test_the_saved_tables_are_those_of_the_grammar() -> None:
    head, _, body = read(saved.SAVED).partition(b"\n")
    why = "python -m gradcli.language.syntax.tables writes them anew"
    assert head == tables.stamp(read(saved.GRAMMAR), read(saved.MISTAKES), body), why
    assert build_once(read(saved.GRAMMAR), read(saved.MISTAKES)) == body, why


def test_the_tables_do_not_depend_on_hashes() -> None:
    script = """
import zlib
from gradcli.language.syntax import saved, tables
print(zlib.crc32(tables.build_text(tables._read(saved.GRAMMAR), tables._read(saved.MISTAKES))))
"""
    environment = dict(os.environ, PYTHONHASHSEED="7", PYTHONPATH=str(ROOT))
    out = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert int(out.stdout) == zlib.crc32(read(saved.SAVED).partition(b"\n")[2])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the grammar's folder, which is used from here on."""
    copy = tmp_path / "grammar"
    shutil.copytree(GRAMMAR, copy)
    monkeypatch.setattr(tables, "grammar_folder", lambda: str(copy))
    monkeypatch.setattr(tables, "_loaded", None)
    monkeypatch.setattr(tables, "build_text", build_once)
    return copy


def was_rebuilt(monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether loading the tables builds them."""
    body = read(saved.SAVED).partition(b"\n")[2]
    built: list[bytes] = []

    def build(grammar: bytes, mistakes: bytes) -> bytes:
        built.append(grammar)
        return body

    monkeypatch.setattr(tables, "build_text", build)
    parse_program(Source("mean(x)"))
    return bool(built)


def test_tables_that_fit_are_not_rebuilt(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not was_rebuilt(monkeypatch)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def other_version(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"tables 1", b"tables 0", 1))


def comment_on(name: str) -> object:
    def comment(path: Path) -> None:
        other = path.with_name(name)
        other.write_bytes(other.read_bytes() + (b"// more\n" if name == saved.GRAMMAR else b"# more\n"))

    return comment


@pytest.mark.parametrize(
    "spoil",
    [Path.unlink, truncate, flip, other_version, comment_on(saved.GRAMMAR), comment_on(saved.MISTAKES)],
    ids=["missing", "truncated", "corrupt", "other version", "grammar changed", "mistakes changed"],
)
def test_tables_that_do_not_fit_are_rebuilt(spoil, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    spoil(folder / saved.SAVED)
    assert was_rebuilt(monkeypatch)


def test_rebuilt_tables_parse(folder: Path) -> None:
    (folder / saved.SAVED).unlink()
    assert len(parse_program(Source("x = 1\nif x: y\n")).body) == 2
    assert not (folder / saved.SAVED).exists()


def test_without_a_grammar_there_is_an_error_and_no_traceback(folder: Path) -> None:
    shutil.rmtree(folder)
    with pytest.raises(FileError, match="not installed whole"):
        parse_program(Source("x"))


def test_saving_writes_what_is_saved(folder: Path) -> None:
    before = (folder / saved.SAVED).read_bytes()
    (folder / saved.SAVED).unlink()
    assert tables.save_tables() == str(folder / saved.SAVED)
    assert (folder / saved.SAVED).read_bytes() == before


def test_parsing_imports_neither_lark_nor_other_large_modules() -> None:
    script = """
import sys
from gradcli.language.syntax.parse import parse_program
from gradcli.source import Source
parse_program(Source("mean(3*(x+2)**2)"))
print(*sys.modules)
"""
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    out = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    loaded = set(out.stdout.split())
    unwanted = {"lark", "json", "dataclasses", "tomllib", "hashlib", "pathlib", "pickle", "argparse", "numpy"}
    lazy = {"complaint", "generate", "literals", "placement"}
    assert not loaded & (unwanted | {f"gradcli.language.{name}" for name in lazy})


# ---- Advice --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mistake", "wrong"), [(mistake, wrong) for mistake in MISTAKES for wrong in mistake["wrong"]], ids=repr
)
def test_a_mistake_gets_its_advice(mistake: dict[str, str], wrong: str) -> None:
    with pytest.raises(SyntaxError_) as caught:
        parse_program(Source(wrong))
    said = {"message": caught.value.message, "hint": caught.value.hint or ""}
    for part in ("message", "hint"):
        if part in mistake:
            pattern = re.escape(mistake[part]).replace(r"\{found\}", ".+").replace(r"\{before\}", ".+")
            assert re.fullmatch(pattern, said[part], re.DOTALL)


# ---- Examples ------------------------------------------------------------------------------------------------------


def examples_of_grammar() -> list[str]:
    """What stands in comments beside the rules; parameters and imported names are no texts of their own."""
    text = (GRAMMAR / saved.GRAMMAR).read_text(encoding="utf-8")
    found = []
    for line in text.split("// ---- Tokens")[0].splitlines():
        rule, _, comment = line.partition(" // ")
        if ("->" in rule or '"' in rule) and comment and not re.search(r"-> (\w*parameter|bare_star|slash)\b", rule):
            found += re.split(r"\s{3,}|, (?=x\[)|, (?=x not)", comment.strip())
    return found


@pytest.mark.parametrize("text", examples_of_grammar())
def test_examples_in_the_grammar(text: str, bare: Tables) -> None:
    assert grammar_accepts(bare, text)


def blocks_of_readme() -> list[str]:
    return re.findall(r"```python\n(.*?)```", (GRAMMAR / "README.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("text", blocks_of_readme())
def test_examples_in_the_readme(text: str) -> None:
    parse_program(Source(text))


@pytest.mark.parametrize("text", ["x^2", "async def f(): pass", "await x", "match x:\n    y", "2j", "b'x'"])
def test_what_the_readme_says_is_not_there(text: str) -> None:
    with pytest.raises(SyntaxError_, match=r"not an operator|not in the language"):
        parse_program(Source(text))
