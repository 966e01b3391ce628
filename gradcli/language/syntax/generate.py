"""Lark's LALR tables of the grammar, as the text that is saved.

Runs when the saved tables are written, or are missing or stale: the only module of the language that imports Lark.
"""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

import lark
from lark.grammar import Rule
from lark.indenter import Indenter

from gradcli.errors import SyntaxError_
from gradcli.language.syntax import lalr
from gradcli.language.syntax.lexer import BRACKETS, FIRST_WORD, read_program
from gradcli.language.syntax.saved import MISTAKES, decode
from gradcli.source import Source

STARTS = ("program", "expression")

# The tokens whose kinds the lexer knows by number.
_NAMED_KINDS = {
    "$END": 0,
    "_NEWLINE": 2,
    "_INDENT": 3,
    "_DEDENT": 4,
    "NAME": 12,
    "NUMBER": 13,
    "STRING": 14,
    "FSTRING": 15,
}


class Blocks(Indenter):
    """Lark's own reading of lines and blocks, as the tests use it too."""

    NL_type = "_NEWLINE"
    OPEN_PAREN_types = ["LPAR", "LSQB", "LBRACE"]  # noqa: RUF012
    CLOSE_PAREN_types = ["RPAR", "RSQB", "RBRACE"]  # noqa: RUF012
    INDENT_type = "_INDENT"
    DEDENT_type = "_DEDENT"
    tab_len = 8

    # Tokens to keep although no rule may take them.
    always_accept = ("_NEWLINE", "RESERVED")


def load_with_lark(grammar: str) -> lark.Lark:
    """The grammar as Lark reads it."""
    return lark.Lark(
        grammar, parser="lalr", lexer="basic", postlex=Blocks(), start=list(STARTS), maybe_placeholders=True
    )


class Generated:
    """The parts of the saved tables, as lines of text."""

    def __init__(self, grammar: str) -> None:
        parser = load_with_lark(grammar)
        self.terminals = {terminal.name: terminal.pattern for terminal in parser.terminals}
        self.kinds = self._number_kinds()
        self.words = self._words()
        self.plain, self.full = self._patterns()
        self._origins: dict[str, int] = {}
        self._rule_numbers: dict[tuple[str, tuple[str, ...]], int] = {}
        self.rules = [f"0 1 {lalr.ACCEPT} 0"]  # rule 0 ends the parsing: the last thing read is the result
        self._follows: dict[tuple[int, ...], int] = {}
        accepted = self._follow({0})
        table: Any = parser.parser.parser._parse_table
        order = _in_order(table)
        numbers = {state: number for number, state in enumerate(order)}
        self.starts = {name: numbers[table.start_states[name]] for name in STARTS}
        self.states = [
            f"|0 {accepted}|" if state in table.end_states.values() else self._state(table.states[state], numbers)
            for state in order
        ]

    @property
    def follows(self) -> list[str]:
        """The sets of kinds of tokens that a rule is reduced before."""
        return [" ".join(map(str, follow)) for follow in self._follows]

    def _number_kinds(self) -> dict[str, int]:
        """The kind of each terminal of the grammar."""
        kinds = dict(_NAMED_KINDS)
        literals = {pattern.value: name for name, pattern in self.terminals.items() if pattern.type == "str"}
        kinds.update({literals.pop(bracket): 6 + place for place, bracket in enumerate(BRACKETS)})
        kinds.update({literals[text]: FIRST_WORD + place for place, text in enumerate(sorted(literals))})
        return kinds

    def _words(self) -> dict[str, int]:
        """The kind of each operator and keyword; 1, an error, for words that are kept out of the language."""
        words = {pattern.value: self.kinds[name] for name, pattern in self.terminals.items() if pattern.type == "str"}
        reserved = re.findall(r"\w+", self.terminals["RESERVED"].value.replace(r"\b", ""))
        return words | dict.fromkeys(reserved, 1)

    def _patterns(self) -> tuple[str, str]:
        """The pattern of a token with the blanks before it: for texts without strings, and for all."""
        operators = [word for word in self.words if not word[0].isalpha()]
        name, number, string, fstring, newline, continuation = (
            self.terminals[terminal].to_regexp()
            for terminal in ("NAME", "NUMBER", "STRING", "FSTRING", "_NEWLINE", "_CONTINUATION")
        )
        # The commonest first. A point may begin a number, so operators with one come after numbers.
        others = [
            _any_of([word for word in operators if word[0] != "."]),
            number,
            _any_of([word for word in operators if word[0] == "."]),
            newline,
            continuation,
            r"[^ \t\f]",
        ]
        plain = [name, *others]
        # What looks like a name may be the prefix of a string.
        full = [rf"(?>{name})(?![\"'])", string, fstring, rf"{name}[\"']", *others]
        return tuple(r"[ \t\f]*+(?:" + "|".join(choice) + ")" for choice in (plain, full))  # type: ignore[return-value]

    def _state(self, actions: dict[str, tuple[Any, Any]], numbers: dict[int, int]) -> str:
        """A state as "kind state ...|rule follow ...|origin state ..."."""
        shifts: dict[int, int] = {}
        gotos: dict[int, int] = {}
        reductions: dict[int, set[int]] = {}
        for symbol, (action, argument) in sorted(actions.items(), key=_symbol):
            if action.name == "Reduce":
                reductions.setdefault(self._rule(argument), set()).add(self.kinds[symbol])
            elif symbol in self.kinds:
                shifts[self.kinds[symbol]] = numbers[argument]
            else:
                gotos[self._origin(symbol)] = numbers[argument]
        follows = {rule: self._follow(kinds) for rule, kinds in reductions.items()}
        return "|".join(
            " ".join(f"{key} {value}" for key, value in sorted(part.items())) for part in (shifts, follows, gotos)
        )

    def _origin(self, name: str) -> int:
        """The number of a nonterminal; 0 is none."""
        return self._origins.setdefault(name, len(self._origins) + 1)

    def _rule(self, rule: Rule) -> int:
        key = (rule.origin.name, tuple(symbol.name for symbol in rule.expansion))
        if key not in self._rule_numbers:
            self._rule_numbers[key] = len(self.rules)
            picks = _picks(rule)
            name = rule.alias or rule.origin.name
            if rule.origin.name.startswith("_"):
                alone = len(picks) == 1 and picks[0].startswith(lalr.SPREAD)
                name = lalr.AS_CHILD if alone else lalr.AS_LIST
                picks = [picks[0].lstrip(lalr.SPREAD)] if alone else picks
            elif rule.options.expand1 and not rule.alias and len(picks) == 1 and picks[0].isdigit():
                name = lalr.AS_CHILD
            self.rules.append(" ".join([str(self._origin(rule.origin.name)), str(len(rule.expansion)), name, *picks]))
        return self._rule_numbers[key]

    def _follow(self, kinds: set[int]) -> int:
        """The number of a set of kinds of tokens."""
        return self._follows.setdefault(tuple(sorted(kinds)), len(self._follows))


def _in_order(table: Any) -> list[int]:
    """The states in an order that depends on the grammar alone; Lark's depends on the hashes of strings."""
    order = [table.start_states[name] for name in STARTS]
    seen = set(order)
    for state in order:  # grows meanwhile
        for _, (action, argument) in sorted(table.states[state].items(), key=_symbol):
            if action.name == "Shift" and argument not in seen:
                seen.add(argument)
                order.append(argument)
    return order


def _symbol(item: tuple[str, object]) -> str:
    return item[0]


def _any_of(operators: list[str]) -> str:
    """A pattern of operators that tries few alternatives: those that go on in the same ways share one."""
    endings: dict[str, set[str]] = {}
    for operator in operators:
        endings.setdefault(operator[0], set()).add(operator[1:])
    firsts: dict[tuple[str, ...], str] = {}
    for first, rests in sorted(endings.items()):
        key = tuple(sorted(rests, key=lambda rest: (-len(rest), rest)))
        firsts[key] = firsts.get(key, "") + first
    alternatives = []
    for key, letters in sorted(firsts.items(), key=lambda item: len(item[0])):
        letter = f"[{re.escape(letters)}]" if len(letters) > 1 else re.escape(letters)
        longer = "|".join(re.escape(rest) for rest in key if rest)
        optional = "?" if "" in key else ""
        alternatives.append(letter + (f"(?:{longer}){optional}" if longer else ""))
    return "|".join(alternatives)


def _picks(rule: Rule) -> list[str]:
    """Which of the symbols a rule reads are handed to its builder, as Lark's own tree would have them."""
    empty = "".join("1" if flag else "0" for flag in rule.options.empty_indices) or "0" * len(rule.expansion)
    absent = [len(run) for run in empty.split("0")]
    picks: list[str] = []
    for number, symbol in enumerate(rule.expansion):
        picks += [lalr.ABSENT] * absent[number]
        if not symbol.is_term and symbol.name.startswith("_"):
            picks.append(f"{lalr.SPREAD}{number}")
        elif not symbol.is_term or rule.options.keep_all_tokens or not symbol.filter_out:  # type: ignore[attr-defined]
            picks.append(str(number))
    return picks + [lalr.ABSENT] * absent[-1]


def tables_text(grammar: str, mistakes: str) -> str:
    """The saved tables of a grammar and its known mistakes, without their first line."""
    made = Generated(grammar)
    parts = [
        _escaped(made.plain),
        _escaped(made.full),
        "\n".join(f"{word} {kind}" for word, kind in sorted(made.words.items())),
        "\n".join(f"{name} {state}" for name, state in made.starts.items()),
        "\n".join(made.rules),
        "\n".join(made.follows),
        "\n".join(made.states),
    ]
    advice = _place_mistakes(decode("\n\n".join([*parts, ""])), tomllib.loads(mistakes).get("mistake", []))
    return "\n\n".join([*parts, json.dumps(advice, ensure_ascii=False)])


def _place_mistakes(tables: lalr.Tables, mistakes: list[dict[str, Any]]) -> dict[str, Any]:
    """Each mistake's advice, by the places where the parser gets stuck in it or by the token at which it does."""
    places: dict[str, list[int]] = {}
    anywhere: dict[str, list[int]] = {}
    advice = []
    for number, mistake in enumerate(mistakes):
        advice.append({key: mistake[key] for key in ("message", "hint", "at", "after") if key in mistake})
        if mistake.get("anywhere"):
            for text in mistake["at"]:
                anywhere.setdefault(text, []).append(number)
        for wrong in mistake["wrong"]:
            numbers = places.setdefault(_place_of(tables, wrong), [])
            if number not in numbers:
                numbers.append(number)
    return {"places": places, "anywhere": anywhere, "advice": advice}


def _place_of(tables: lalr.Tables, wrong: str) -> str:
    """The state of the parser where it gets stuck, and the kind of the token there.

    Raises: ValueError if it does not get stuck.
    """
    tokens = read_program(Source(wrong), tables.vocabulary)
    try:
        lalr.run(tables, tokens, "program")
    except lalr.Stuck as stuck:
        return f"{stuck.state // lalr.STATE} {tokens.kinds[stuck.index]}"
    except SyntaxError_ as error:
        raise ValueError(f"{MISTAKES}: what is wrong with {wrong!r} is not in the grammar: {error}") from None
    raise ValueError(f"{MISTAKES}: nothing is wrong with {wrong!r}")


def _escaped(pattern: str) -> str:
    """A pattern on one line."""
    return "".join({"\n": r"\n", "\r": r"\r", "\t": r"\t", "\f": r"\f"}.get(letter, letter) for letter in pattern)
