"""Names, numbers and other text as LaTeX, for math mode."""

from __future__ import annotations

import math
import re
import unicodedata
from fractions import Fraction
from itertools import pairwise
from typing import Any

from gradcli.render.lines import ATOM, PLUS, TIMES, Text

GREEK = frozenset(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau phi chi psi "
    "omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega".split()
)
# numbers that rules bring in as decimals; a small fraction may stand before them
CONSTANTS = [
    (r"\pi", math.pi), (r"\sqrt{\pi}", math.sqrt(math.pi)), (r"\sqrt{2\pi}", math.sqrt(2 * math.pi)),
    (r"\sqrt{2}", math.sqrt(2)), (r"\sqrt{3}", math.sqrt(3)), (r"\log 2", math.log(2)), (r"\log 10", math.log(10)),
]  # fmt: skip
TALL = re.compile(r"\\(frac|sum|prod|begin|sqrt|left)\b")
FRACTION = re.compile(r"\\frac\{([^{}]*)\}\{([^{}]*)\}")
COMMAND = re.compile(r"\\(left|right|,|!|bigl|bigr|operatorname|mathrm|mathtt|mathbf|text)|\\[A-Za-z]+")
INVISIBLE = re.compile(r"[{}^_\\ ]")


def name_text(name: str) -> str:
    """A variable: one letter as it is, Greek by name, a number at the end as an index, a word upright."""
    stem = name.rstrip("0123456789")
    digits = name[len(stem) :]
    stem = _greek(stem.rstrip("_") or stem)
    shown = stem if len(stem) == 1 else f"\\{stem}" if stem in GREEK else rf"\mathrm{{{escaped(stem)}}}"
    return f"{shown}_{{{digits}}}" if digits else shown


def _greek(stem: str) -> str:
    """The TeX name of a Greek letter; any other text as it is."""
    words = unicodedata.name(stem, "").split() if len(stem) == 1 and not stem.isascii() else []
    if words[:1] != ["GREEK"] or "WITH" in words or words[-1] == "OMICRON":
        return stem
    name = {"LAMDA": "lambda"}.get(words[-1], words[-1].lower())
    return name.capitalize() if "CAPITAL" in words else name


def escaped(text: str) -> str:
    """Text with TeX's special characters made plain."""
    table = {"\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "\n": r"\\ "}
    return "".join(table.get(c, f"\\{c}" if c in "_%$#&{}" else c) for c in text)


def bracketed(text: str) -> str:
    """A formula in brackets, which grow where it is high."""
    return rf"\left({text}\right)" if TALL.search(text) else f"({text})"


def applied(function: str, inside: str) -> str:
    """A function's name before its argument; growing brackets keep their distance otherwise."""
    return f"{function}{{{bracketed(inside)}}}" if TALL.search(inside) else f"{function}({inside})"


def operator(name: str) -> str:
    """The name of an op that has no notation."""
    return rf"\operatorname{{{escaped(name.rpartition('.')[2].strip('_'))}}}"


def number_latex(value: Any) -> Text:
    """A number: an integer, a small fraction, a multiple of a known constant, or a decimal."""
    if not isinstance(value, Fraction):
        return {"inf": r"\infty", "-inf": r"-\infty"}.get(str(value), r"\mathrm{nan}"), ATOM
    if value.denominator == 1:
        return str(value.numerator), ATOM if value >= 0 else PLUS
    text = _fraction(abs(value)) or _constant(abs(value)) or _decimal(abs(value))
    return f"-{text}" if value < 0 else text, PLUS if value < 0 else TIMES


def _fraction(value: Fraction) -> str:
    small = value.denominator <= 1000 and value.numerator <= 1000
    return rf"\frac{{{value.numerator}}}{{{value.denominator}}}" if small else ""


def _constant(value: Fraction) -> str:
    """c, a/b c or a/(b c) for a constant c, where that is what the digits say."""
    number = float(value)
    for text, constant in CONSTANTS:
        factor, share = _small(number / constant), _small(number * constant)
        if factor is not None:
            return _quotient([factor.numerator, text], [factor.denominator])
        if share is not None:
            return _quotient([share.numerator], [share.denominator, text])
    return ""


def _small(number: float) -> Fraction | None:
    """The fraction of small numbers that a number is to all its digits."""
    near = Fraction(number).limit_denominator(12)
    return near if 0 < near.numerator <= 12 and abs(number - near) < 4e-16 * number else None


def _quotient(above: list[Any], below: list[Any]) -> str:
    top, bottom = (r" \, ".join(str(p) for p in part if p != 1) for part in (above, below))
    return rf"\frac{{{top or 1}}}{{{bottom}}}" if bottom else top


def _decimal(value: Fraction) -> str:
    mantissa, e, exponent = repr(float(value)).partition("e")
    if not e:
        return mantissa
    return f"10^{{{int(exponent)}}}" if float(mantissa) == 1 else rf"{mantissa} \cdot 10^{{{int(exponent)}}}"


def joined(parts: list[str]) -> str:
    """Factors side by side: a dot between numbers, no space behind one, a thin space behind anything else."""
    text = parts[0] if parts else "1"
    for before, part in pairwise(parts):
        if re.match(r"[\d.]|\\frac", part) and before[-1:].isdigit():
            text += r" \cdot "
        else:
            text += " " if re.fullmatch(r"\d+|\\frac\{\d+\}\{\d+\}", before) else r" \, "
        text += part
    return text


def width(text: str) -> int:
    """About how many letters wide a formula is set: commands count as one, and of a fraction the wider part."""
    while (found := FRACTION.search(text)) is not None:
        wider = max(found.groups(), key=len)
        text = text[: found.start()] + wider + text[found.end() :]
    return len(INVISIBLE.sub("", COMMAND.sub("x", text)))
