"""What an exported module defines and imports for itself: the functions of `support` that it calls, and no more."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

SUPPORT = Path(__file__).parent / "support"
SHARED = ("activations", "reductions", "matrices", "windows", "places")
FILES = {"torch": ("torch_only",), "numpy": (*SHARED, "numpy_only"), "jax": (*SHARED, "jax_only")}
LIBRARIES = {
    "torch": {"torch": "import torch", "F": "import torch.nn.functional as F"},
    "numpy": {"np": "import numpy as np", "linalg": "from scipy import linalg", "special": "from scipy import special"},
    "jax": {
        "jax": "import jax", "jnp": "import jax.numpy as jnp", "linalg": "from jax.scipy import linalg",
        "special": "from jax.scipy import special",
    },
}  # fmt: skip
PRECISE = 'jax.config.update("jax_enable_x64", True)'  # formulas count in float64
_NUMPY = re.compile(r"(?<![.\w])np\.")
_CALLED = re.compile(r"(?<![.\w])([a-z_]\w*)\b")
_OWNER = re.compile(r"(?<![.\w])([A-Za-z]\w*)\.")


@cache
def functions(to: str) -> dict[str, str]:
    """The definitions that there are for a library, by name."""
    found = {}
    for name in FILES[to]:
        text = (SUPPORT / f"{name}.py").read_text(encoding="utf-8")
        for part in ast.parse(text).body:
            if isinstance(part, ast.FunctionDef):
                found[part.name] = ast.get_source_segment(text, part) or ""
    return found


def module_text(to: str, body: str) -> str:
    """A module of a body: before it the imports, and the definitions of what it calls."""
    text = _definitions(to, body) + body
    if to == "jax":
        text = _NUMPY.sub("jnp.", text)
    used = set(_OWNER.findall(text))
    standard = "import math\n\n" if "math" in used else ""
    lines = [line for name, line in LIBRARIES[to].items() if name in used or name == to]
    return standard + "\n".join([*lines, *(["", PRECISE] if to == "jax" else []), ""]) + text


def _definitions(to: str, body: str) -> str:
    """The definitions of what a body calls, and of what these call."""
    known = functions(to)
    wanted: set[str] = set()
    texts = [body]
    while texts:
        for name in _CALLED.findall(texts.pop()):
            if name in known and name not in wanted:
                wanted.add(name)
                texts.append(known[name].partition(":\n")[2])
    return "".join(f"\n\n{text}\n" for name, text in known.items() if name in wanted)
