"""Terms as LaTeX: fractions, powers, transposes, Greek letters; what has no notation is set as a function's name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from gradcli.graph.terms import Term, below
from gradcli.render.termtext import Style, Writer, number_text

ATOM, POWER, TIMES, PLUS, COMPARISON = 100, 80, 60, 50, 40
GREEK = frozenset(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau phi chi psi "
    "omega".split()
)
FUNCTIONS = {
    "sin": r"\sin", "cos": r"\cos", "tan": r"\tan", "exp": r"\exp", "log": r"\log", "sinh": r"\sinh",
    "cosh": r"\cosh", "tanh": r"\tanh", "sigmoid": r"\sigma", "det": r"\det", "max": r"\max", "min": r"\min",
    "asin": r"\arcsin", "acos": r"\arccos", "atan": r"\arctan",
}  # fmt: skip
WORTH_NAMING = 12  # letters: a part that wide is named when it is used twice
WIDE = 60  # letters: a part that wide is named in any case, so that lines fit a page
# what is no part by itself: a condition, a view of something else
WITHIN = frozenset("gt lt ge le eq ne logical_and logical_or cast reshape expand literal".split())
FRACTION = re.compile(r"\\frac\{([^{}]*)\}\{([^{}]*)\}")
COMMAND = re.compile(r"\\(left|right|,|operatorname|mathrm|mathtt|mathbf|text)|\\[A-Za-z]+")
INVISIBLE = re.compile(r"[{}^_\\ ]")
SIGNS = {"gt": ">", "lt": "<", "ge": r"\ge", "le": r"\le", "eq": "=", "ne": r"\ne"}


def latex_lines(name: str, term: Term | None, program: str, sizes: Mapping[int, str]) -> str:
    """A derivative as a displayed formula; shared and wide parts have lines of their own before it. Needs amsmath."""
    derivative = rf"\frac{{\partial f}}{{\partial {name_text(name)}}}"
    if term is None:
        return rf"\[ {derivative} = \texttt{{{escaped(program)}}} \]"
    *parts, (_, whole) = _lines(term, sizes)
    if not parts:
        return rf"\[ {derivative} = {whole} \]"
    rows = [f"{part} &= {text}" for part, text in [*parts, (derivative, whole)]]
    return "\\[ \\begin{aligned}\n  " + " \\\\\n  ".join(rows) + "\n\\end{aligned} \\]"


def latex(root: Term, sizes: Mapping[int, str] | None = None) -> str:
    """A term as LaTeX, for math mode, in one piece."""
    texts: dict[int, tuple[str, int]] = {}
    plain = Writer(root, Style({}, sizes), ())
    for term in below(root):
        plain.texts[term.serial] = plain.write(term)
        texts[term.serial] = _written(term, texts, plain)
    return texts[root.serial][0]


def _lines(root: Term, sizes: Mapping[int, str]) -> list[tuple[str, str]]:
    """The name and text of each part that is set on a line of its own, and the rest."""
    terms = below(root)
    plain = Writer(root, Style({}, sizes), [str(t.param("name")) for t in terms if t.head == "variable"])
    texts: dict[int, tuple[str, int]] = {}
    lines: list[tuple[str, str]] = []
    for term in terms:
        plain.texts[term.serial] = plain.write(term)
        text = _written(term, texts, plain)
        width = _width(text[0])
        if term is not root and term.head not in WITHIN and width >= (WORTH_NAMING if plain.shared(term) else WIDE):
            name = name_text(plain.fresh_name())
            lines.append((name, text[0]))
            text = name, ATOM
        texts[term.serial] = text
    return [*lines, ("", texts[root.serial][0])]


def _width(text: str) -> int:
    """About how many letters wide a formula is set: commands count as one, and of a fraction the wider part."""
    while (found := FRACTION.search(text)) is not None:
        wider = max(found.groups(), key=len)
        text = text[: found.start()] + wider + text[found.end() :]
    return len(INVISIBLE.sub("", COMMAND.sub("x", text)))


def name_text(name: str) -> str:
    """A variable: one letter as it is, Greek by name, a number at the end as an index, a word upright."""
    stem = name.rstrip("0123456789")
    digits = name[len(stem) :]
    stem = stem.rstrip("_") or stem
    shown = stem if len(stem) == 1 else f"\\{stem}" if stem in GREEK else rf"\mathrm{{{escaped(stem)}}}"
    return f"{shown}_{{{digits}}}" if digits else shown


def escaped(text: str) -> str:
    """Text with TeX's special characters made plain."""
    table = {"\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "\n": r"\\ "}
    return "".join(table.get(c, f"\\{c}" if c in "_%$#&{}" else c) for c in text)


def _at(term: Term, precedence: int, texts: Mapping[int, tuple[str, int]]) -> str:
    text, own = texts[term.serial]
    return text if own >= precedence else rf"\left({text}\right)"


def _written(term: Term, texts: Mapping[int, tuple[str, int]], plain: Writer) -> tuple[str, int]:
    head = term.head
    writer = WRITERS.get(head)
    if writer is not None:
        return writer(term, texts)  # type: ignore[no-any-return]
    if head in SIGNS:
        left, right = (_at(a, COMPARISON + 1, texts) for a in term.args)
        return f"{left} {SIGNS[head]} {right}", COMPARISON
    if head in FUNCTIONS and len(term.args) == 1 and not term.params:
        return rf"{FUNCTIONS[head]}\left({texts[term.args[0].serial][0]}\right)", ATOM
    if not term.args:
        return rf"\texttt{{{escaped(plain.texts[term.serial][0])}}}", ATOM
    inside = [texts[a.serial][0] for a in term.args]
    inside += [rf"\mathtt{{{escaped(_parameter(k, v))}}}" for k, v in term.params if "Arg" not in repr(v)]
    name = head.rpartition(".")[2]
    return rf"\operatorname{{{escaped(name).replace('_', '_')}}}\left({', '.join(inside)}\right)", ATOM


def _parameter(name: str, value: Any) -> str:
    shown = number_text(value)[0] if isinstance(value, Fraction) else str(value)
    return f"{name}={shown}" if name else shown


def _number(term: Term, texts: Any) -> tuple[str, int]:
    return number_latex(term.value)


def number_latex(value: Any) -> tuple[str, int]:
    """A number: an integer, a small fraction, or a decimal."""
    if isinstance(value, Fraction):
        if value.denominator == 1:
            return str(value.numerator), ATOM if value >= 0 else PLUS
        if value.denominator <= 1000 and abs(value.numerator) <= 1000:
            sign = "-" if value < 0 else ""
            return rf"{sign}\frac{{{abs(value.numerator)}}}{{{value.denominator}}}", TIMES if value > 0 else PLUS
        text = repr(float(value))
        mantissa, e, exponent = text.partition("e")
        shown = rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if e else text
        return shown, TIMES if value > 0 else PLUS
    shown = {"inf": r"\infty", "-inf": r"-\infty"}.get(str(value), r"\mathrm{nan}")
    return shown, ATOM


def _sum(term: Term, texts: Any) -> tuple[str, int]:
    parts: list[tuple[bool, str]] = []
    for c, a in zip(term.param("factors"), term.args, strict=True):
        shown = _at(a, PLUS + 1 if abs(c) == 1 else TIMES, texts)
        parts.append((c < 0, shown if abs(c) == 1 else f"{number_latex(abs(c))[0]} {shown}"))
    constant = term.param("constant")
    if constant:
        parts.append((constant < 0, number_latex(abs(constant))[0]))
    first = next((at for at, (negative, _) in enumerate(parts) if not negative), 0)
    parts.insert(0, parts.pop(first))
    text = ("-" if parts[0][0] else "") + parts[0][1]
    return text + "".join(f" {'-' if negative else '+'} {part}" for negative, part in parts[1:]), PLUS


def _product(term: Term, texts: Any) -> tuple[str, int]:
    factor: Fraction = term.param("factor")
    size, sign = abs(factor), "-" if factor < 0 else ""
    pairs = list(zip(term.args, term.param("powers"), strict=True))
    above = [(a, p) for a, p in pairs if p > 0]
    under = [(a, -p) for a, p in pairs if p < 0]
    if not under:
        before = [number_latex(size)[0]] if size != 1 else []
        return sign + _joined(before + _factors(above, TIMES - 5, texts)), TIMES if not sign else PLUS
    top = [str(size.numerator)] if size.numerator != 1 or not above else []
    bottom = [str(size.denominator)] if size.denominator != 1 else []
    top += _factors(above, TIMES - 5 if top else 0, texts)
    bottom += _factors(under, TIMES - 5 if bottom else 0, texts)
    return rf"{sign}\frac{{{_joined(top)}}}{{{_joined(bottom)}}}", TIMES if not sign else PLUS


def _factors(pairs: list[tuple[Term, Fraction]], alone: int, texts: Any) -> list[str]:
    """Powers as factors. alone: how tightly the only one has to bind, if it is no power."""
    if len(pairs) == 1 and pairs[0][1] == 1:
        return [_at(pairs[0][0], alone, texts)]
    return [_power(a, p, texts) for a, p in pairs]


def _joined(parts: list[str]) -> str:
    return r" \, ".join(parts)


def _power(base: Term, power: Fraction, texts: Any) -> str:
    if power == 1:
        return _at(base, TIMES + 1, texts)
    if power == Fraction(1, 2):
        return rf"\sqrt{{{texts[base.serial][0]}}}"
    return rf"{_at(base, POWER + 1, texts)}^{{{number_latex(power)[0]}}}"


def _total(term: Term, texts: Any) -> tuple[str, int]:
    x, dims = term.args[0], term.param("dims")
    under = "" if len(dims) == len(x.shape) else "_{" + ",".join(map(str, dims)) + "}"
    return rf"\sum{under} {_at(x, TIMES, texts)}", TIMES - 5


def _subscript(term: Term, texts: Any) -> tuple[str, int]:
    from gradcli.graph.terms import Arg

    places = []
    for place in term.param("index"):
        if isinstance(place, slice):
            ends = ["" if p is None else str(p) for p in (place.start, place.stop)]
            places.append(":".join(ends if place.step is None else [*ends, str(place.step)]))
        else:
            places.append(texts[term.args[place.at].serial][0] if isinstance(place, Arg) else str(place))
    return rf"{_at(term.args[0], ATOM, texts)}_{{{', '.join(places)}}}", ATOM


def _expand(term: Term, texts: Any) -> tuple[str, int]:
    inner = term.args[0]
    if inner.head == "number":
        return (rf"{number_latex(inner.value)[0]} \cdot \mathbf{{1}}" if inner.value != 1 else r"\mathbf{1}"), TIMES
    return texts[inner.serial]  # type: ignore[no-any-return]


def _where(term: Term, texts: Any) -> tuple[str, int]:
    condition, x, y = (texts[a.serial][0] for a in term.args)
    return rf"\begin{{cases}} {x} & {condition} \\ {y} & \text{{otherwise}} \end{{cases}}", PLUS - 5


WRITERS: dict[str, Any] = {
    "variable": lambda t, texts: (name_text(t.param("name")), ATOM),
    "number": _number, "sum": _sum, "product": _product, "total": _total, "index": _subscript, "expand": _expand,
    "where": _where,
    "size": lambda t, texts: (rf"\mathtt{{{escaped(t.param('text'))}}}", ATOM),
    "mT": lambda t, texts: (rf"{_at(t.args[0], ATOM, texts)}^{{\top}}", POWER),
    "inv": lambda t, texts: (rf"{_at(t.args[0], ATOM, texts)}^{{-1}}", ATOM - 1),
    "matmul": lambda t, texts: (rf"{_at(t.args[0], TIMES, texts)} \, {_at(t.args[1], TIMES + 1, texts)}", TIMES),
    "mask": lambda t, texts: (rf"\mathbf{{1}}\left[{texts[t.args[0].serial][0]}\right]", ATOM),
    "cast": lambda t, texts: texts[t.args[0].serial],
    "reshape": lambda t, texts: texts[t.args[0].serial],
    "item": lambda t, texts: (rf"{_at(t.args[0], ATOM, texts)}_{{{t.param('at')}}}", ATOM),
    "norm": lambda t, texts: (rf"\left\lVert {texts[t.args[0].serial][0]} \right\rVert", ATOM),
    "abs": lambda t, texts: (rf"\left| {texts[t.args[0].serial][0]} \right|", ATOM),
    "outer": lambda t, texts: (rf"{_at(t.args[0], TIMES, texts)} \, {_at(t.args[1], ATOM, texts)}^{{\top}}", TIMES),
    "pow": lambda t, texts: (rf"{_at(t.args[0], POWER + 1, texts)}^{{{texts[t.args[1].serial][0]}}}", POWER),
}  # fmt: skip
