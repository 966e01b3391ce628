"""Singular values and eigenvalues as LAPACK computes them, for kernels that need them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradcli.errors import LinalgError


def not_converged(name: str) -> LinalgError:
    """The refusal of an iteration that found no end."""
    return LinalgError(
        "it did not converge",
        hint="look for values that are nan or infinite: torch.isfinite(x).all()",
        torch=f"{name}: The algorithm failed to converge because the input matrix contained non-finite values.",
    )


def singular(a: Any, full_matrices: bool = False, compute_uv: bool = True) -> Any:
    """U, S and V^T (or S alone); nan for matrices with infinities, on which LAPACK's iteration would never end.

    Raises: LinalgError where there is a nan.
    """
    svd: Callable[..., Any] = np.linalg.svd
    endless = np.isinf(a).any(axis=(-2, -1))
    try:
        if not endless.any():
            return svd(a, full_matrices, compute_uv)
        parts = svd(np.where(np.isinf(a), a.dtype.type(0), a), full_matrices, compute_uv)
    except np.linalg.LinAlgError:
        raise not_converged("linalg.svd") from None
    for part in parts if compute_uv else (parts,):
        part[endless] = np.nan
    return parts


def _ending(name: str, compute: Callable[..., Any]) -> Callable[..., Any]:
    """Numpy's function, refusing in the user's words where its iteration does not converge."""

    def refusing(*args: Any, **params: Any) -> Any:
        try:
            return compute(*args, **params)
        except np.linalg.LinAlgError:
            raise not_converged(name) from None

    return refusing


symmetric = _ending("linalg.eigh", np.linalg.eigh)  # (a, "L" or "U") -> ascending eigenvalues, eigenvectors
symmetric_values = _ending("linalg.eigh", np.linalg.eigvalsh)
general = _ending("linalg.eig", np.linalg.eig)  # (a) -> eigenvalues, eigenvectors, which may be complex
general_values = _ending("linalg.eig", np.linalg.eigvals)
