"""Results of ops with several named outputs: a tuple whose parts also have names, printed as torch.return_types."""

from __future__ import annotations

from typing import Any

from gradcli.language.python.attributes import TYPES
from gradcli.language.python.values import TypeValue, no_attribute


class Results(tuple[Any, ...]):
    """torch.return_types.NAME(values=..., indices=...)."""

    @property
    def language_type(self) -> TypeValue:
        """What `type(x)` gives; it is a tuple, too."""
        return TypeValue(f"torch.return_types.{self.kind}", (), module="torch.return_types", extends=TYPES.get(tuple))

    kind: str
    fields: tuple[str, ...]

    def __new__(cls, kind: str, fields: tuple[str, ...], parts: list[Any]) -> Results:
        made = super().__new__(cls, parts)
        made.kind = kind
        made.fields = fields
        return made

    def get_attribute(self, name: str) -> Any:
        """`torch.max(x, 0).values`.

        Raises: AttributeError_ with the nearest field.
        """
        if name not in self.fields:
            raise no_attribute(f"torch.return_types.{self.kind}", name, self.fields)
        return self[self.fields.index(name)]

    def __repr__(self) -> str:
        parts = ",\n".join(f"{name}={part!r}" for name, part in zip(self.fields, self, strict=True))
        return f"torch.return_types.{self.kind}(\n{parts})"
