"""Results of ops with several named outputs: a tuple whose parts also have names, printed as torch.return_types."""

from __future__ import annotations

from typing import Any


class Results(tuple[Any, ...]):
    """torch.return_types.NAME(values=..., indices=...)."""

    kind: str
    fields: tuple[str, ...]

    def __new__(cls, kind: str, fields: tuple[str, ...], parts: list[Any]) -> Results:
        made = super().__new__(cls, parts)
        made.kind = kind
        made.fields = fields
        return made

    def field(self, name: str) -> Any:
        """The part of a name, or None."""
        return self[self.fields.index(name)] if name in self.fields else None

    def __repr__(self) -> str:
        parts = ",\n".join(f"{name}={part!r}" for name, part in zip(self.fields, self, strict=True))
        return f"torch.return_types.{self.kind}(\n{parts})"
