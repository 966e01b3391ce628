"""gradcli: PyTorch's autograd at the shell prompt, without PyTorch.

Names are loaded when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gradcli.version import __version__

if TYPE_CHECKING:
    from gradcli.api import Session, value_and_grad
    from gradcli.errors import (
        AttributeError_,
        DtypeError,
        GradcliError,
        GradError,
        IndexError_,
        LinalgError,
        NameError_,
        NotImplementedError_,
        ShapeError,
        SyntaxError_,
        TypeError_,
        ValueError_,
    )
    from gradcli.language.tensors.tensor import Tensor

_FROM_API = ("Session", "Tensor", "value_and_grad")

__all__ = [
    "AttributeError_",
    "DtypeError",
    "GradError",
    "GradcliError",
    "IndexError_",
    "LinalgError",
    "NameError_",
    "NotImplementedError_",
    "Session",
    "ShapeError",
    "SyntaxError_",
    "Tensor",
    "TypeError_",
    "ValueError_",
    "__version__",
    "value_and_grad",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'gradcli' has no attribute {name!r}")
    if name in _FROM_API:
        from gradcli import api  # numpy and the language: only who uses them waits for them

        return getattr(api, name)
    from gradcli import errors

    return getattr(errors, name)
