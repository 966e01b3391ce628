"""The saved parser tables: found, checked against the grammar, and rebuilt in memory when they do not fit.

`python -m gradcli.language.syntax.tables` writes them. They are lines of text, because text that is split when it is
needed loads faster than anything that makes all its objects at once, and because a person can see what changed.
"""

from __future__ import annotations

import os
from zlib import crc32

from gradcli.errors import FileError
from gradcli.language.syntax.lalr import Tables
from gradcli.language.syntax.saved import GRAMMAR, MISTAKES, SAVED, decode

_loaded: Tables | None = None


def grammar_folder() -> str:
    """The folder of the grammar: inside the installed package, or beside it in a checkout."""
    package = os.path.abspath(__file__)
    for _ in "gradcli/language/syntax".split("/"):
        package = os.path.dirname(package)
    installed = os.path.join(package, "grammar")
    return installed if os.path.isdir(installed) else os.path.join(os.path.dirname(package), "grammar")


def load_tables() -> Tables:
    """The tables, from the saved file if it belongs to the grammar there is.

    Raises: FileError if there is no grammar.
    """
    global _loaded
    if _loaded is None:
        grammar, mistakes, saved = _read(GRAMMAR), _read(MISTAKES), _read(SAVED)
        if not grammar:
            raise FileError(f"gradcli is not installed whole: no {GRAMMAR} in {grammar_folder()}")
        head, _, body = saved.partition(b"\n")
        if head != stamp(grammar, mistakes, body):
            body = build_text(grammar, mistakes)
        _loaded = decode(body.decode())
    return _loaded


def stamp(grammar: bytes, mistakes: bytes, body: bytes) -> bytes:
    """The first line of the saved file, which tells what the rest was made of and that it is whole."""
    return b"gradcli tables 1 %08x %08x %08x" % (crc32(grammar), crc32(mistakes), crc32(body))


def build_text(grammar: bytes, mistakes: bytes) -> bytes:
    """The text of the tables, made by Lark."""
    from gradcli.language.syntax import generate  # for start-up time: Lark takes longer than everything else together

    return generate.tables_text(grammar.decode(), mistakes.decode()).encode()


def _read(name: str) -> bytes:
    """The bytes of a file of the grammar; none if it is missing."""
    try:
        with open(os.path.join(grammar_folder(), name), "rb") as file:
            return file.read()
    except OSError:
        return b""


def save_tables() -> str:
    """Write the tables anew. Returns: the path of the file."""
    grammar, mistakes = _read(GRAMMAR), _read(MISTAKES)
    body = build_text(grammar, mistakes)
    path = os.path.join(grammar_folder(), SAVED)
    with open(path, "wb") as file:
        file.write(stamp(grammar, mistakes, body) + b"\n" + body)
    return path


if __name__ == "__main__":
    print(save_tables())
