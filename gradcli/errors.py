"""The errors gradcli raises: what is wrong, where, what was expected, what would be right.

An error holds parts; `render/errortext.py` turns them into the text a person reads. Every error is known to
programs of the language under the name of the Python exception that PyTorch would raise (`except RuntimeError`).
Imports nothing of gradcli but `source`.
"""

from __future__ import annotations

from typing import ClassVar

from gradcli.source import Span


class GradcliError(Exception):
    """Base of everything gradcli raises.

    message: what is wrong, with the user's own values; lower case, no full stop.
    op: the spelling of the operation that refused, put before the message.
    span: where in the source; the interpreter fills it in when whoever raises does not know it.
    detail: text beside the underlined source. hint: what would be right.
    torch: PyTorch's own wording, where programs are known to print it (`except RuntimeError as e: print(e)`); {op} in
    it is the spelling of the operation.
    """

    catches: ClassVar[tuple[str, ...]] = ("RuntimeError", "Exception", "BaseException")
    status: ClassVar[int] = 1

    def __init__(
        self,
        message: str,
        *,
        op: str | None = None,
        span: Span | None = None,
        detail: str | None = None,
        hint: str | None = None,
        torch: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.op = op
        self.span = span
        self.detail = detail
        self.hint = hint
        self.torch = torch

    @property
    def headline(self) -> str:
        """The message with the operation that refused before it."""
        return f"{self.op}: {self.message}" if self.op else self.message

    @property
    def python_name(self) -> str:
        """The Python exception this is for a program of the language."""
        return self.catches[0].rpartition(".")[2]

    def said(self) -> str:
        """What `str(e)` gives inside a program: PyTorch's wording where it is known."""
        return self.headline if self.torch is None else self.torch.replace("{op}", self.op or "")

    def __str__(self) -> str:
        return self.headline


class SyntaxError_(GradcliError):
    """The text is not of the language. `incomplete` tells that more lines could complete it."""

    catches: ClassVar[tuple[str, ...]] = ("SyntaxError", "Exception", "BaseException")
    status = 2

    def __init__(self, message: str, *, incomplete: bool = False, **parts: object) -> None:
        super().__init__(message, **parts)  # type: ignore[arg-type]
        self.incomplete = incomplete


class UsageError(GradcliError):
    """The command line is wrong."""

    catches = ("ValueError", "Exception", "BaseException")
    status = 2


class NameError_(GradcliError):
    """A name that nothing has."""

    catches = ("NameError", "Exception", "BaseException")


class AttributeError_(GradcliError):
    """An attribute that a value does not have."""

    catches = ("AttributeError", "Exception", "BaseException")


class TypeError_(GradcliError):
    """A value of the wrong kind, or a call with the wrong arguments."""

    catches = ("TypeError", "Exception", "BaseException")


class ValueError_(GradcliError):
    """A value of the right kind that is not allowed."""

    catches: ClassVar[tuple[str, ...]] = ("ValueError", "Exception", "BaseException")


class RefusedValue(ValueError_):
    """A value that an op refuses, be it of the right kind; to programs a RuntimeError, as PyTorch raises it."""

    catches = ("RuntimeError", "Exception", "BaseException")


class IndexError_(GradcliError):
    """An index or a dimension out of range."""

    catches = ("IndexError", "LookupError", "Exception", "BaseException")


class KeyError_(GradcliError):
    """A key that a dict does not have."""

    catches = ("KeyError", "LookupError", "Exception", "BaseException")


class ZeroDivisionError_(GradcliError):
    """A Python number divided by zero."""

    catches = ("ZeroDivisionError", "ArithmeticError", "Exception", "BaseException")


class OverflowError_(GradcliError):
    """A Python number too large for what it is needed as."""

    catches = ("OverflowError", "ArithmeticError", "Exception", "BaseException")


class AssertionError_(GradcliError):
    """An assert statement that did not hold."""

    catches = ("AssertionError", "Exception", "BaseException")


class ShapeError(GradcliError):
    """Shapes that do not fit each other or the operation."""


class DtypeError(GradcliError):
    """A dtype that the operation does not take."""


class UnsupportedDtype(DtypeError):
    """A dtype that no kernel of the operation is for."""

    catches: ClassVar[tuple[str, ...]] = ("NotImplementedError", "RuntimeError", "Exception", "BaseException")


class GradError(GradcliError):
    """A backward pass that cannot be made, or a rule of autograd that was broken."""


class LinalgError(GradcliError):
    """A matrix for which the operation is not defined (singular, not positive definite)."""

    catches: ClassVar[tuple[str, ...]] = ("torch._C._LinAlgError", "RuntimeError", "Exception", "BaseException")


class NotImplementedError_(GradcliError):
    """Something PyTorch has and gradcli does not."""

    catches: ClassVar[tuple[str, ...]] = ("NotImplementedError", "RuntimeError", "Exception", "BaseException")


class NoDevice(NotImplementedError_):
    """A device that is not here; PyTorch without it fails an assertion."""

    catches = ("AssertionError", "NotImplementedError", "RuntimeError", "Exception", "BaseException")


class RecursionError_(GradcliError):
    """A program whose functions call each other too deeply."""

    catches = ("RecursionError", "RuntimeError", "Exception", "BaseException")


class MemoryError_(GradcliError):
    """An allocation refused before it was made."""

    catches = ("MemoryError", "Exception", "BaseException")


class NoMemory(MemoryError_):
    """A tensor that does not fit into memory; to programs a RuntimeError, as PyTorch raises it."""

    catches = ("RuntimeError", "Exception", "BaseException")


def no_memory(error: MemoryError, op: str | None = None, span: Span | None = None) -> NoMemory:
    """numpy's error for an array that cannot be made as ours. op, span: what asked for it, and where."""
    shape, dtype = getattr(error, "shape", None), getattr(error, "dtype", None)
    if shape is None or dtype is None:
        return NoMemory("there is not enough memory for this", op=op, span=span)
    size = dtype.itemsize
    for n in shape:
        size *= n
    return NoMemory(
        f"there is not enough memory for {tuple(shape)} elements of {dtype}, which take {size_text(size)}",
        op=op,
        span=span,
        torch=f"DefaultCPUAllocator: can't allocate memory: you tried to allocate {size} bytes. Error code 12 (Cannot "
        "allocate memory)",
    )


def size_text(n: int) -> str:
    """Bytes as people say them: 512 B, 40.0 MB."""
    for unit, name in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if n >= unit:
            return f"{n / unit:.1f} {name}"
    return f"{n} B"


class FileError(GradcliError):
    """A file that cannot be read or written."""

    catches = ("OSError", "Exception", "BaseException")


class TimeoutError_(GradcliError):
    """The time limit was reached; no except clause of a program catches it."""

    catches = ()
    status = 124

    @property
    def python_name(self) -> str:
        return "TimeoutError"


class RaisedError(GradcliError):
    """An exception that a program raised itself, of a Python exception's name."""

    def __init__(self, names: tuple[str, ...], args: tuple[object, ...], text: str) -> None:
        super().__init__(text)
        self.names = names
        self.values = args

    @property
    def python_name(self) -> str:
        return self.names[0]

    @property
    def headline(self) -> str:
        return f"{self.names[0]}: {self.message}" if self.message else self.names[0]

    def said(self) -> str:
        return self.message
