"""The text of an error: what is wrong, where, the line with its marks, what would be right.

    error: matmul: the inner sizes differ: (2, 3) @ (4, 2)
      line 1, column 8
      mean(x @ w + b)
           ~~^~~

Colour is plain ANSI, so that an error costs no import.
"""

from __future__ import annotations

from gradcli.errors import GradcliError

RED = "\033[1;31m"
CYAN = "\033[36m"
YELLOW = "\033[33m"
RESET = "\033[0m"


def error_text(error: GradcliError, color: bool = False, width: int = 80) -> str:
    """The lines of an error, without a last line end."""
    lines = [_paint("error:", RED, color) + " " + error.headline.replace("\n", "\n  ")]
    if error.span is not None:
        source = error.span.source
        place = f"line {error.span.line}, column {error.span.column}"
        lines.append(f"  {source.name}, {place}" if source.name else f"  {place}")
        line, marks = error.span.underline(max(width - 4, 20))
        if line.strip():
            detail = f"         {error.detail}" if error.detail else ""
            lines += [f"  {line}", "  " + _paint(marks, RED, color) + detail]
        elif error.detail:
            lines.append(f"  {error.detail}")
    elif error.detail:
        lines.append(f"  {error.detail}")
    if error.hint:
        lines.append("  " + _paint("hint:", CYAN, color) + " " + error.hint.replace("\n", "\n  "))
    return "\n".join(lines)


def note_text(note: str, color: bool = False) -> str:
    """A remark that is no error: why a variable has no gradient."""
    return _paint("note:", YELLOW, color) + " " + note


def error_parts(error: GradcliError) -> dict[str, object]:
    """An error as the object that `--format json` writes on standard error."""
    parts: dict[str, object] = {"kind": type(error).__name__.rstrip("_"), "message": error.headline}
    if error.span is not None:
        parts.update(
            source=error.span.source.name, line=error.span.line, column=error.span.column, text=error.span.text
        )
    if error.detail:
        parts["detail"] = error.detail
    if error.hint:
        parts["hint"] = error.hint
    parts["status"] = error.status
    return {"error": parts}


def _paint(text: str, paint: str, color: bool) -> str:
    return f"{paint}{text}{RESET}" if color else text
