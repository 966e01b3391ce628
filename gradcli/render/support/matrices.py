"""Linear algebra; `linalg` is scipy's or jax.scipy's."""

import numpy as np
from scipy import linalg


def solve(a, b, left=True):
    return np.linalg.solve(a, b) if left else np.linalg.solve(a.mT, b.mT).mT


def solve_triangular(a, b, upper, left=True, unitriangular=False):
    a = np.triu(a) if upper else np.tril(a)
    if unitriangular:
        a = a + (1 - a) * np.eye(a.shape[-1])
    return solve(a, b, left)


def addmm(c, a, b, beta=1, alpha=1):
    return beta * c + alpha * (a @ b)


def addmv(c, a, b, beta=1, alpha=1):
    return beta * c + alpha * (a @ b)


def addr(c, a, b, beta=1, alpha=1):
    return beta * c + alpha * np.outer(a, b)


def addbmm(c, a, b, beta=1, alpha=1):
    return beta * c + alpha * (a @ b).sum(0)


def baddbmm(c, a, b, beta=1, alpha=1):
    return beta * c + alpha * (a @ b)


def chain_matmul(*parts):
    return np.linalg.multi_dot(parts)


def block_diag(*parts):
    return linalg.block_diag(*map(np.atleast_2d, parts))


def logdet(a):
    return np.linalg.slogdet(a)[1]


def cross(a, b, axis=-1):
    return np.cross(a, b, axis=axis)


def cdist(a, b, p=2.0):
    return np.linalg.vector_norm(a[..., :, None, :] - b[..., None, :, :], ord=p, axis=-1)


def pdist(x, p=2.0):
    return cdist(x, x, p)[np.triu_indices(len(x), 1)]


def eigvals(a):
    return np.linalg.eigvals(a).real


def eig(a):
    values, vectors = np.linalg.eig(a)
    return values.real, vectors.real


def cholesky(a, upper=False):
    lower = np.linalg.cholesky(a)
    return lower.mT if upper else lower


def cholesky_inverse(a, upper=False):
    return np.linalg.inv(a.mT @ a if upper else a @ a.mT)


def cholesky_solve(b, a, upper=False):
    return np.linalg.solve(a.mT @ a if upper else a @ a.mT, b)


def matrix_exp(a):
    return linalg.expm(a)


def lu(a):
    return linalg.lu(a)


def lu_factor(a):
    """L below the diagonal and U on and above it, and the rows that were swapped, counted from 1."""
    both, swapped = linalg.lu_factor(a)
    return both, swapped + 1


def lu_unpack(both, swapped):
    """The permutation, L and U."""
    n, m = both.shape[-2:]
    k = min(n, m)
    order = np.broadcast_to(np.arange(n), (*both.shape[:-2], n))
    for i in range(k):
        j = swapped[..., i : i + 1] - 1
        there = np.take_along_axis(order, j, -1)
        order = np.where(np.arange(n) == j, order[..., i : i + 1], np.where(np.arange(n) == i, there, order))
    permutation = (order[..., None, :] == np.arange(n)[:, None]).astype(both.dtype)
    return permutation, np.tril(both, -1)[..., :k] + np.eye(n, k), np.triu(both)[..., :k, :]


def solve_factored(both, swapped, b, left=True, adjoint=False):
    permutation, lower, upper = lu_unpack(both, swapped)
    a = permutation @ lower @ upper
    return solve(a.mT if adjoint else a, b, left)


def lu_solve(b, both, swapped):
    return solve_factored(both, swapped, b)


def geqrf(a):
    both, scales = np.linalg.qr(a, mode="raw")
    return both.mT, scales


def ormqr(vectors, scales, x, left=True, transpose=False):
    """The product with an orthogonal matrix, which is a product of Householder reflections."""
    if not left:
        return ormqr(vectors, scales, x.mT, True, not transpose).mT
    steps, rows = range(scales.shape[-1]), np.arange(vectors.shape[-2])
    for i in steps if transpose else reversed(steps):
        v = np.where(rows == i, 1, np.where(rows > i, vectors[..., i], 0))[..., None]
        x = x - scales[..., i, None, None] * v @ (v.mT @ x)
    return x


def orgqr(vectors, scales):
    return ormqr(vectors, scales, np.eye(*vectors.shape[-2:]))


def householder_product(vectors, scales):
    return orgqr(vectors, scales)
