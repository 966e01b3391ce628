"""Lines of styled pieces as they go to a terminal, by rich."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.text import Text

Piece = tuple[str, str]  # text, style


def styled_text(lines: Iterable[Sequence[Piece]], width: int) -> str:
    """Lines in colour. The lines are as wide as they are: what is too wide the terminal wraps."""
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=True, color_system="standard", highlight=False)
    for line in lines:
        console.print(Text.assemble(*line), soft_wrap=True)
    return file.getvalue()
