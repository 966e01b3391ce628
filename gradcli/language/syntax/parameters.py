"""Nodes of parameters and arguments, whose order the grammar leaves open: builders as in `build.py`."""

from __future__ import annotations

from typing import Any, NoReturn

from gradcli.language.syntax import ast
from gradcli.language.syntax.lexer import Tokens
from gradcli.language.syntax.targets import refuse

_BARE_STAR, _SLASH = "*", "/"  # kinds of what stands among parameters and is none


def parameter(tokens: Tokens, c: Any, start: int, end: int) -> ast.Param:
    return ast.Param(tokens.texts[c[0]], "pos", c[2], c[1], start, end)


def lambda_parameter(tokens: Tokens, c: Any, start: int, end: int) -> ast.Param:
    return ast.Param(tokens.texts[c[0]], "pos", c[1], None, start, end)


def star_parameter(tokens: Tokens, c: Any, start: int, end: int) -> ast.Param:
    return ast.Param(tokens.texts[c[0]], "star", None, c[1] if len(c) > 1 else None, start, end)


def double_star_parameter(tokens: Tokens, c: Any, start: int, end: int) -> ast.Param:
    return ast.Param(tokens.texts[c[0]], "dstar", None, c[1] if len(c) > 1 else None, start, end)


def bare_star(tokens: Tokens, c: Any, start: int, end: int) -> ast.Param:
    return ast.Param("", _BARE_STAR, None, None, start, end)


def slash(tokens: Tokens, c: Any, start: int, end: int) -> ast.Param:
    return ast.Param("", _SLASH, None, None, start, end)


def parameters(tokens: Tokens, c: Any, start: int, end: int) -> list[ast.Param]:
    """The parameters with their final kinds; `*` and `/` on their own only say what the others are."""
    order = _Order(tokens)
    for one in c:
        order.add(one)
    if order.star is c[-1]:
        order.refuse_lonely_star()
    return order.found


class _Order:
    """The parameters read so far, and what may follow them."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.found: list[ast.Param] = []
        self.names: set[str] = set()
        self.star: ast.Param | None = None  # `*` or `*args`, once it came
        self.last: ast.Param | None = None
        self.slashed = False
        self.defaults = False

    def add(self, one: ast.Param) -> None:
        """Take the next parameter, if it may come next."""
        if one.name in self.names:
            self._refuse(one, f"parameter '{one.name}' comes twice")
        if self.last is not None and self.last.kind == "dstar":
            self._refuse(one, f"nothing can follow '**{self.last.name}'")
        if one.kind == _SLASH:
            self._add_slash(one)
        elif one.kind in (_BARE_STAR, "star"):
            if self.star is not None:
                self._refuse(one, "'*' comes twice among the parameters")
            self.star = one
        elif one.kind == "pos":
            self._add_plain(one)
        elif self.last is self.star:
            self.refuse_lonely_star()
        self.last = one
        if one.name:
            self.names.add(one.name)
            self.found.append(one)

    def _add_slash(self, slash: ast.Param) -> None:
        if self.slashed:
            self._refuse(slash, "'/' comes twice")
        if self.star is not None:
            self._refuse(slash, "'/' must come before '*'")
        if not self.found:
            self._refuse(slash, "nothing is before '/'")
        self.slashed = True
        for earlier in self.found:
            earlier.kind = "posonly"

    def _add_plain(self, one: ast.Param) -> None:
        if self.star is not None:
            one.kind = "kw"
        elif one.default is not None:
            self.defaults = True
        elif self.defaults:
            self._refuse(one, f"parameter '{one.name}' without a default follows one with a default")

    def refuse_lonely_star(self) -> None:
        """Refuse a `*` that no named parameter follows."""
        if self.star is not None and self.star.kind == _BARE_STAR:
            self._refuse(self.star, "a named parameter must follow '*'")

    def _refuse(self, one: ast.Param, message: str) -> NoReturn:
        refuse(self.tokens, message, one.start, one.end)


def argument(tokens: Tokens, c: Any, start: int, end: int) -> ast.Arg:
    return ast.Arg("pos", None, c[0], start, end)


def keyword_argument(tokens: Tokens, c: Any, start: int, end: int) -> ast.Arg:
    return ast.Arg("kw", tokens.texts[c[0]], c[1], start, end)


def star_argument(tokens: Tokens, c: Any, start: int, end: int) -> ast.Arg:
    return ast.Arg("star", None, c[0], start, end)


def double_star_argument(tokens: Tokens, c: Any, start: int, end: int) -> ast.Arg:
    return ast.Arg("dstar", None, c[0], start, end)


def arguments(tokens: Tokens, c: Any, start: int, end: int) -> list[ast.Arg]:
    if len(c) == 1:
        return [c[0]]
    names: set[str] = set()
    after = ""  # what was seen that no positional argument can follow
    for one in c:
        if one.kind == "pos" and after:
            refuse(tokens, f"a positional argument follows {after}", one.start, one.end, "name it, or put it first")
        elif one.kind == "star" and after.startswith("**"):
            refuse(tokens, f"'*' follows {after}", one.start, one.end)
        elif one.kind == "kw":
            if one.name in names:
                refuse(tokens, f"argument '{one.name}' is given twice", one.start, one.end)
            names.add(one.name)
            after = after or f"the keyword argument '{one.name}'"
        elif one.kind == "dstar":
            after = "**" + tokens.source.text[one.value.start : one.value.end]
    return list(c)
