"""`gradcli check`: derivatives against finite differences, as a table or as JSON; status 1 when one does not agree."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcli.api import Session
from gradcli.cli.arguments import Arguments
from gradcli.cli.checked import Checked, Inner
from gradcli.cli.checking import Findings, Row
from gradcli.cli.evaluation import Evaluation, evaluate, write_evaluation
from gradcli.cli.missing import CUTS
from gradcli.cli.probing import check
from gradcli.environment import Environment
from gradcli.errors import UsageError
from gradcli.language.syntax import ast
from gradcli.language.tensors.tensor import Tensor

JUMP = 1e4  # a slope this much steeper than the derivative, over a step of 1e-6, is a jump
FEW = 12  # rows: of more than this, zeros that agree are left out
SHOWN = 40  # rows of each order that a table has; those that do not agree come first
ORDERS = {1: "first derivatives", 2: "second derivatives"}
WEIGHTED = " of sum(w*y), w = 1, 17/16, 18/16 ... 22/16 and again"  # so that nothing cancels (checked.py)
STYLES = {"ok": "green", "mismatch": "bold red", "kink": "yellow", "undefined": "yellow", "unclear": "yellow",
          "not finite": "bold red"}  # fmt: skip
TOLD = ("kink", "undefined", "mismatch")  # of these the two sides are told
Cell = tuple[str, str]  # text, style


def run_check(arguments: Arguments, environment: Environment) -> int:
    """Run `gradcli check`."""
    arguments.values["dtype"] = "float64"
    outcome: list[Findings] = []

    def compute() -> tuple[Evaluation, Findings]:
        evaluation, findings = _check(arguments, environment)
        evaluation.notes += findings.notes
        outcome.append(findings)
        return evaluation, findings

    write_evaluation(arguments, environment, compute, _render)
    return 1 if outcome[0].failed else 0


def _check(arguments: Arguments, environment: Environment) -> tuple[Evaluation, Findings]:
    order = int(arguments.values.get("order", 2))
    if order not in ORDERS:
        hint = "1: first derivatives alone; 2: second ones, too"
        raise UsageError(f"--order of check is 1 or 2, not {order}", hint=hint)
    bound: dict[str, Any] = {}

    def keep(session: Session) -> None:
        """Have the variables in float64, and remember them: the program may change them."""
        for binding in arguments.bindings:
            value = session[binding.name]
            if isinstance(value, Tensor):
                array = np.array(value.numpy())
                bound[binding.name] = array.astype(np.float64) if array.dtype.kind == "f" else array
                session.set(binding.name, bound[binding.name].copy(), requires_grad=array.dtype.kind == "f")
            else:
                bound[binding.name] = value

    evaluation = evaluate(arguments, environment, keep)
    wrt = {name: tensor for name, tensor in evaluation.wrt.items() if tensor is evaluation.given.get(name)}
    inner = {name: tensor for name, tensor in evaluation.wrt.items() if name not in wrt}
    names = evaluation.output_names()
    parts = []
    problem = Inner.problem(evaluation.outputs) if inner else None
    if problem is not None:
        first = next(iter(inner))
        message = f"check cannot start from {first}: {problem} comes after it"
        hint = f"give it as a variable: --{first} VALUE, without the statement that assigns it"
        if not wrt or "wrt" in arguments.values:
            raise UsageError(message, hint=hint)
        evaluation.notes.append(message)
    elif inner:
        parts.append(check(Inner(evaluation.outputs, inner), names, order))
    if wrt:
        parts.append(check(Checked(evaluation.session, evaluation.module, bound, wrt), names, order))
    if not parts:
        raise UsageError("there is no variable to check by", hint='gradcli check "x.exp()" --x 1,2,3')
    rows = sorted((row for part in parts for row in part.rows), key=lambda row: row.order)
    kinks = list(dict.fromkeys(kink for part in parts for kink in part.kinks))
    found = Findings(rows, kinks, list(dict.fromkeys(note for part in parts for note in part.notes)))
    found.notes += _about_cuts(evaluation.module) if found.failed else []
    return evaluation, found


def _about_cuts(module: ast.Module) -> list[str]:
    """What in the program keeps a path from the derivative that differences see."""
    words = [part.name for part in ast.walk(module) if isinstance(part, ast.Attribute) and part.name in CUTS]
    return [f"differences see the path that {word} keeps from the derivative" for word in dict.fromkeys(words)]


def _render(found: Findings, form: str, environment: Environment) -> str:
    if form == "json":
        return findings_json(found)
    lines = []
    several = any(row.order == 1 and row.of for row in found.rows)
    for order, title in ORDERS.items():
        rows = [row for row in found.rows if row.order == order]
        if not rows:
            continue
        if order > 1 and all(row.derivative == row.difference == 0 for row in rows):
            zeros = f"all {len(rows)} are 0, and so are the differences" if len(rows) > 1 else "0, as the difference is"
            lines.append(f"{title}: {zeros}\n")
            continue
        shown = _shown(rows)
        title += WEIGHTED if order == 2 and several else ""
        lines.append(f"{title}\n{_table(shown, form, environment)}")
        if len(rows) > len(shown):
            lines.append(f"... and {len(rows) - len(shown)} more that agree\n")
        lines += [_about_kink(row, found) for row in shown if row.left is not None and row.verdict in TOLD]
    return "".join(lines) + summary(found) + "\n"


def _shown(rows: list[Row]) -> list[Row]:
    """The rows that a table has, in order: those that do not agree, and of the others those that are not 0."""
    agreeing = [row for row in rows if row.verdict == "ok"]
    useful = agreeing
    if len(rows) > FEW and rows[0].of:
        useful = [row for row in agreeing if row.derivative or row.difference] or agreeing
    room = max(SHOWN - (len(rows) - len(agreeing)), 0)
    kept = {id(row) for row in [*useful[:room], *[row for row in rows if row.verdict != "ok"][:SHOWN]]}
    return [row for row in rows if id(row) in kept]


def _about_kink(row: Row, found: Findings) -> str:
    """What an element on a kink or an edge looks like from both sides."""
    named = f" ({', '.join(found.kinks)})" if found.kinks else ""
    of = f" of {row.of}" if row.of else ""
    if row.verdict == "undefined":
        sides = f"{row.left:.6g} from the left and {row.right:.6g} from the right"
        return f"{row.element} is at the edge of where the function{of} is defined: the differences are {sides}\n"
    if max(abs(row.left or 0.0), abs(row.right or 0.0)) > JUMP * max(1.0, abs(row.derivative)):
        return f"{row.element} is at a jump{of}{named}: no derivative, and {row.derivative:.6g} by convention\n"
    if row.around:
        sides = f"around it the derivative{of} is between {row.left:.6g} and {row.right:.6g}"
    else:
        sides = f"the derivative{of} is {row.left:.6g} from the left and {row.right:.6g} from the right"
    ends = (
        f"and {row.derivative:.6g} by convention" if row.verdict == "kink" else f"and {row.derivative:.6g} is neither"
    )
    return f"{row.element} is on a kink{named}: {sides}, {ends}\n"


def summary(found: Findings) -> str:
    """The last line: how many were compared, and how many did not agree."""
    parts = [f"{len(found.rows)} derivatives checked"]
    for verdict, words in (
        ("mismatch", "do not agree"),
        ("not finite", "not finite where the function has one"),
        ("kink", "on a kink"),
        ("undefined", "undefined"),
        ("unclear", "hidden by rounding"),
    ):
        count = found.count(verdict)
        if count:
            parts.append(f"{count} {words}")
    if len(parts) == 1:
        parts.append("all agree")
    return ", ".join(parts)


def _headings(rows: list[Row]) -> list[tuple[str, str]]:
    words = [("variable", "left"), ("element", "left")]
    if any(row.of for row in rows):
        words.append(("of" if rows[0].order == 1 else "and", "left"))
    numbers = ["derivative", "finite difference", "relative error"]
    return [*words, *[(word, "right") for word in numbers], ("verdict", "left")]


def _cells(row: Row, with_of: bool) -> list[Cell]:
    texts = [row.variable, row.element, *([row.of] if with_of else [])]
    numbers = [f"{row.derivative:.8g}", f"{row.difference:.8g}", f"{row.error:.1e}" if row.error else "0"]
    return [*[(text, "") for text in (*texts, *numbers)], (row.verdict, STYLES[row.verdict])]


def _table(rows: list[Row], form: str, environment: Environment) -> str:
    headings = _headings(rows)
    cells = [_cells(row, len(headings) > 6) for row in rows]
    if form == "terminal":
        from gradcli.render.tables import rows_table  # start-up: rich is for terminals alone

        return rows_table(headings, cells, environment.width, environment.color_allowed(environment.stdout))
    return _plain(headings, cells)


def _plain(headings: list[tuple[str, str]], cells: list[list[Cell]]) -> str:
    """A table without lines, its columns as wide as they need."""
    texts = [[word for word, _ in headings], *[[text for text, _ in row] for row in cells]]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    lines = []
    for row in texts:
        padded = [
            text.rjust(width) if side == "right" else text.ljust(width)
            for text, width, (_, side) in zip(row, widths, headings, strict=True)
        ]
        lines.append("  ".join(padded).rstrip() + "\n")
    return "".join(lines)


def findings_json(found: Findings) -> str:
    """One object: the verdict, how many rows there are of each kind, the declared kinks, the rows."""
    import json  # start-up: text needs none

    rows = [
        {
            "order": row.order,
            "variable": row.variable,
            "element": row.element,
            "of": row.of or None,
            "derivative": _number(row.derivative),
            "difference": _number(row.difference),
            "relative_error": _number(row.error),
            "verdict": row.verdict,
            **({} if row.left is None else {"left": _number(row.left), "right": _number(row.right)}),
        }
        for row in found.rows
    ]
    whole = {
        "verdict": "mismatch" if found.failed else "ok",
        "checked": len(rows),
        "mismatches": found.count("mismatch"),
        "not_finite": found.count("not finite"),
        "on_a_kink": found.count("kink"),
        "undefined": found.count("undefined"),
        "unclear": found.count("unclear"),
        "kinks": found.kinks,
        "rows": rows,
    }
    return json.dumps(whole, ensure_ascii=False) + "\n"


def _number(value: float | None) -> float | str | None:
    """A number as JSON has it: NaN and infinities as strings."""
    if value is None or np.isfinite(value):
        return value
    return "NaN" if np.isnan(value) else "Infinity" if value > 0 else "-Infinity"
