"""Square matrices and linear equations: det, inv, solve, triangular solves, powers, the exponential, tensor equations.

Factorisations are in decompose.py; what builds on those (pinv, lstsq, rank, cond) in leastsquares.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from math import prod
from typing import Any

import numpy as np

from gradcli import dtypes
from gradcli.errors import DtypeError, GradcliError, GradError, LinalgError, ShapeError
from gradcli.graph.node import Node
from gradcli.graph.op import Op, draw, fixed, kept, leaf, op
from gradcli.ops.arithmetic import mul
from gradcli.ops.compare import lt, where
from gradcli.ops.convert import clone
from gradcli.ops.diagonal import tril, triu
from gradcli.ops.dtyperules import TITLES, refusing
from gradcli.ops.join import cat
from gradcli.ops.order import permute, transposed
from gradcli.ops.part import slice_
from gradcli.ops.products import matmul, product
from gradcli.ops.reduce import half_in_single, sum_
from gradcli.ops.shape import reshape, unsqueeze
from gradcli.ops.spectra import singular
from gradcli.shapes import Shape, broadcast_shapes

# --- what all of linear algebra asks of its inputs


def check_floats(name: str, *inputs: Node) -> dtypes.DType:
    """The one dtype of the inputs, which has to be float32 or float64."""
    dtype: dtypes.DType = inputs[0].dtype
    for i in inputs:
        if not i.dtype.floating:
            raise DtypeError(
                f"a tensor of {i.dtype!r} has none; it needs a floating dtype",
                hint="convert it first: x.float()",
                torch=f"{name}: Expected a floating point or complex tensor as input. Got {TITLES[i.dtype.name]}",
            )
        if i.dtype is dtypes.float16:
            raise DtypeError(
                "float16 is too coarse for it",
                hint="convert it first: x.float()",
                torch=f"{name}: Low precision dtypes not supported. Got Half",
            )
        if i.dtype is not dtype:
            raise DtypeError(
                f"the dtypes differ: {dtype.name} and {i.dtype.name}",
                hint=f"bring them to one dtype: .to(torch.{dtypes.promote(dtype, i.dtype).name})",
                torch=f"{name}: Expected A and B to have the same dtype, but found A of type {TITLES[dtype.name]} and "
                f"B of type {TITLES[i.dtype.name]} instead",
            )
    return dtype


def floats(name: str, outputs: int = 1) -> Callable[..., Any]:
    """The dtype rule of linear algebra: float32 or float64, the same for all; so many outputs of it."""

    def rule(inputs: tuple[Node, ...], params: Any) -> tuple[None, Any]:
        dtype = check_floats(name, *inputs)
        return None, dtype if outputs == 1 else (dtype,) * outputs

    return rule


def check_matrix(name: str, shape: Shape, square: bool = False, letter: str = "A") -> None:
    """Refuse what is not a matrix or a batch of them, or not square."""
    if len(shape) < 2:
        raise ShapeError(
            f"it takes matrices, not a tensor of shape {shape}",
            torch=f"{name}: The input tensor {letter} must have at least 2 dimensions.",
        )
    if square and shape[-1] != shape[-2]:
        raise ShapeError(
            f"it takes square matrices, not {shape[-2]} by {shape[-1]}",
            torch=f"{name}: {letter} must be batches of square matrices, but they are {shape[-2]} by {shape[-1]} "
            "matrices",
        )


def square(name: str) -> Callable[..., Shape]:
    """The shape rule of ops that take square matrices and keep their shape."""

    def rule(inputs: tuple[Node, ...], params: Any) -> Shape:
        shape: Shape = inputs[0].shape
        check_matrix(name, shape, square=True)
        return shape

    return rule


def refusing_singular(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A kernel whose failures, which numpy reports, become errors in torch's words."""

    def decorate(kernel: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(kernel)
        def checked(a: Any, *others: Any, **params: Any) -> Any:
            try:
                return kernel(a, *others, **params)
            except np.linalg.LinAlgError:
                raise _singular(name, a) from None

        return checked

    return decorate


def _singular(name: str, a: Any) -> GradcliError:
    """The error that names the first zero on the diagonal of the triangular factor, and where in the batch."""
    place = ""
    for at in np.ndindex(a.shape[:-2]):
        zero = _zero_pivot(a[at])
        if zero is not None:
            number = int(np.ravel_multi_index(at, a.shape[:-2])) if at else 0
            place = f"(Batch element {number}): " if at else ""
            break
    what = "inversion" if name == "linalg.inv" else "solve"
    return LinalgError(
        "the matrix is singular",
        detail=f"column {(zero or 1) - 1} depends on those before it",
        hint="linalg.pinv and linalg.lstsq take singular matrices",
        torch=f"{name}: {place}The diagonal element {zero} is zero, the {what} could not be completed because the "
        "input matrix is singular.",
    )


def _zero_pivot(a: Any) -> int | None:
    """The first zero (counted from 1) that elimination with row exchanges leaves on the diagonal."""
    work = a.astype(np.float64)
    for at in range(len(work)):
        pivot = at + int(np.argmax(np.abs(work[at:, at])))
        if work[pivot, at] == 0:
            return at + 1
        work[[at, pivot]] = work[[pivot, at]]
        work[at + 1 :] -= np.outer(work[at + 1 :, at] / work[at, at], work[at])
    return None


def no_derivative(g: Any, y: Any, *inputs: Node, **params: Any) -> Any:
    """The rule of a factorisation that torch, too, has no derivative for.

    Raises: GradError.
    """
    raise GradError(
        "it has no derivative, in torch as here",
        hint="use .detach() where no gradient should flow",
        torch="the derivative for this factorization is not implemented.",
    )


# --- inverses and determinants


def _inverse_rule(g: Node, y: Node, a: Node) -> Any:
    turned = transposed(y)
    return -product(product(turned, g), turned)


inv: Op = op(
    "_linalg_inv(Tensor A)",
    "The matrix that times A is the identity.",
    spelled=["linalg.inv"],
    kernel=refusing_singular("linalg.inv")(np.linalg.inv),
    grad=_inverse_rule,
    shape=square("linalg.inv"),
    dtype=floats("linalg.inv"),
    grad_fn="LinalgInvExBackward0",
    samples=[draw((3, 3)), draw((2, 2, 2)), draw((1, 1))],
    wrong=[("linalg.inv(zeros(2, 2))", "singular"), ("linalg.inv(ones(2, 3))", "square")],
)
op(
    "inverse(Tensor input)",
    "The matrix that times input is the identity.",
    expands=lambda a: inv(a),
    grad_fn=("InverseBackward", "LinalgInvExBackward0"),
    samples=[draw((3, 3))],
)
_info: Op = op(
    "_info(Tensor input)",
    "For each matrix 0, or which pivot was zero.",
    spelled=["_"],
    kernel=lambda a: np.array([_zero_pivot(a[at]) or 0 for at in np.ndindex(a.shape[:-2])], dtype=np.int32).reshape(
        a.shape[:-2]
    ),
    shape=lambda inputs, params: inputs[0].shape[:-2],
    dtype=fixed(dtypes.int32),
)


def _inverse_or_inf(a: Any) -> Any:
    """The inverses; infinite where there is none."""
    result = np.full_like(a, np.inf)
    for at in np.ndindex(a.shape[:-2]):
        if _zero_pivot(a[at]) is None:
            result[at] = np.linalg.inv(a[at])
    return result


inverse_or_inf: Op = op(
    "_inverse_or_inf(Tensor A)",
    "The inverse, or infinities where there is none.",
    spelled=["_"],
    kernel=_inverse_or_inf,
    grad=_inverse_rule,
    shape=square("linalg.inv"),
    dtype=floats("linalg.inv"),
    grad_fn="LinalgInvExBackward0",
    samples=[draw((3, 3))],
)
op(
    "_linalg_inv_ex(Tensor A, *, bool check_errors=False)",
    "The inverse, and for each matrix 0 or which pivot was zero.",
    spelled=["linalg.inv_ex"],
    outputs=("inverse", "info"),
    expands=lambda a, check_errors: ((inv if check_errors else inverse_or_inf)(a), _info(a)),
    samples=[draw((2, 2), check_errors=False)],
)


def _adjugate_turned(a: Any) -> Any:
    """The matrix of cofactors; from the singular values where the matrix has no inverse."""
    if 0 in a.shape:
        return np.zeros_like(a)
    u, s, vh = singular(a.astype(np.float64))
    before = np.cumprod(np.concatenate([np.ones((*s.shape[:-1], 1)), s[..., :-1]], -1), -1)
    after = np.cumprod(np.concatenate([np.ones((*s.shape[:-1], 1)), s[..., :0:-1]], -1), -1)[..., ::-1]
    sign = np.linalg.det(u) * np.linalg.det(vh)
    return ((u * (before * after * sign[..., None])[..., None, :]) @ vh).astype(a.dtype)


def _cofactors_rule(g: Node, y: Node, a: Node) -> Any:
    """The second derivative of the determinant: (sum(g C) C - C g^T C) / det; up to 2 by 2 cofactors are linear."""
    if a.shape[-1] < 3:
        return _cofactors(g) if a.shape[-1] == 2 else None
    total = sum_(g * y, dim=(-2, -1), keepdim=True)
    size = unsqueeze(unsqueeze(det(a), dim=-1), dim=-1)
    return (total * y - product(product(y, transposed(g)), y)) / size


_cofactors: Op = op(
    "_cofactors(Tensor A)",
    "The matrix of cofactors: det(A) times the transposed inverse, also where there is none.",
    spelled=["_"],
    kernel=_adjugate_turned,
    grad=_cofactors_rule,
    shape=square("linalg.det"),
    dtype=floats("linalg.det"),
    samples=[draw((3, 3)), draw((2, 2, 2))],
)


def _determined(name: str) -> Callable[..., Shape]:
    check = square(name)
    return lambda inputs, params: check(inputs, params)[:-2]


def _over_matrices(g: Node, matrix: Any) -> Any:
    return unsqueeze(unsqueeze(g, dim=-1), dim=-1) * matrix


det: Op = op(
    "_linalg_det(Tensor A)",
    "The determinant.",
    spelled=["linalg.det"],
    kernel=lambda a: np.linalg.det(a),
    grad=lambda g, y, a: _over_matrices(g, _cofactors(a)),
    shape=_determined("linalg.det"),
    dtype=floats("linalg.det"),
    grad_fn="LinalgDetBackward0",
    samples=[draw((3, 3)), draw((2, 2, 2)), draw((1, 1))],
)
op(
    "det(Tensor input)",
    "The determinant.",
    expands=lambda a: det(a),
    grad_fn=("DetBackward", "LinalgDetBackward0"),
    samples=[draw((3, 3))],
)


def _slogdet_shape(inputs: tuple[Node, ...], params: Any) -> tuple[Shape, Shape]:
    shape = _determined("linalg.slogdet")(inputs, params)
    return shape, shape


def _slogdet_rule(g: tuple[Node | None, ...], y: tuple[Node, ...], a: Node) -> Any:
    return None if g[1] is None else _over_matrices(g[1], transposed(inv(a)))


for _signature, _spelled, _torch1 in (
    ("_linalg_slogdet(Tensor A)", ["linalg.slogdet"], "LinalgSlogdetBackward0"),
    ("slogdet(Tensor input)", [], "SlogdetBackward"),
):
    slogdet: Op = op(
        _signature,
        "The sign and the logarithm of the size of the determinant.",
        spelled=_spelled,
        outputs=("sign", "logabsdet"),
        kernel=lambda a: tuple(np.asarray(part, dtype=a.dtype) for part in np.linalg.slogdet(a)),
        grad=_slogdet_rule,
        shape=_slogdet_shape,
        dtype=floats("linalg.slogdet", 2),
        grad_fn=(_torch1, "LinalgSlogdetBackward0"),
        samples=[draw((3, 3)), draw((2, 2, 2))],
    )


def _logdet(a: Node) -> Any:
    check_matrix("logdet", a.shape, square=True)
    sign, size = slogdet(a)
    return where(lt(sign, 0), float("nan"), size)


op(
    "logdet(Tensor input)",
    "The logarithm of the determinant; nan where that is negative.",
    expands=_logdet,
    grad_fn=("LogdetBackward", "WhereBackward0"),
    samples=[draw((3, 3), drawn=lambda a: product(a, transposed(a)))],
)


# --- equations


def is_vector(a: Shape, b: Shape) -> bool:
    """Whether torch reads the right side as vectors: one dimension, or one per matrix of the batch."""
    return len(b) == 1 or (len(a) - 1 == len(b) and b == a[:-1])


@refusing_singular("linalg.solve")
def _solve(a: Any, b: Any, left: bool, vector: bool) -> Any:
    if vector:
        return np.linalg.solve(a, b[..., None])[..., 0]
    if left:
        return np.linalg.solve(a, b)
    turned = np.linalg.solve(np.swapaxes(a, -1, -2), np.swapaxes(b, -1, -2))
    return np.ascontiguousarray(np.swapaxes(turned, -1, -2))


def _solve_shape(inputs: tuple[Node, ...], params: Any) -> Shape:
    a, b = inputs[0].shape, inputs[1].shape
    check_matrix("linalg.solve", a, square=True)
    if params["vector"]:
        if not params["left"]:
            raise ShapeError(
                "left=False needs a matrix on the right side, not a vector",
                torch="linalg.solve: Vector broadcasting of the left hand side is not supported for left=False. "
                "In this case linalg.solve is equivalent to B / A.squeeze(-1)",
            )
        if b[-1] != a[-1]:
            raise _unequal(a, (*b, 1), True)
        return (*broadcast_shapes(a[:-2], b[:-1]), b[-1])
    check_matrix("linalg.solve", b, letter="B")
    if a[-1] != b[-2 if params["left"] else -1]:
        raise _unequal(a, b, params["left"])
    return (*broadcast_shapes(a[:-2], b[:-2]), *b[-2:])


def _unequal(a: Shape, b: Shape, left: bool, name: str = "linalg.solve") -> ShapeError:
    form = "AX = B" if left else "XA = B"
    return ShapeError(
        f"the sizes of A and B do not fit {form}: {a} and {b}",
        torch=f"{name}: Incompatible shapes of A and B for the equation {form} ({a[-2]}x{a[-1]} and {b[-2]}x{b[-1]})",
    )


def _right_side_rule(g: Node, y: Node, a: Node, b: Node, left: bool, vector: bool) -> Any:
    return solve_(transposed(a), g, left=left, vector=vector)


def _matrix_rule(g: Node, y: Node, a: Node, b: Node, left: bool, vector: bool) -> Any:
    back = _right_side_rule(g, y, a, b, left, vector)
    if vector:
        return -mul(unsqueeze(back, dim=-1), unsqueeze(y, dim=-2))
    return -(product(back, transposed(y)) if left else product(transposed(y), back))


solve_: Op = op(
    "_linalg_solve(Tensor A, Tensor B, bool left, bool vector)",
    "The X for which A X = B (X A = B, if not left).",
    spelled=["_"],
    kernel=_solve,
    grad=[_matrix_rule, _right_side_rule],
    shape=_solve_shape,
    dtype=floats("linalg.solve"),
    grad_fn="LinalgSolveExBackward0",
    samples=[
        draw((3, 3), (3, 2), left=True, vector=False),
        draw((3, 3), (2, 3), left=False, vector=False),
        draw((2, 2, 2), (2, 2), left=True, vector=True),
    ],
)


def solve(a: Node, b: Node, left: bool = True) -> Any:
    """The node of linalg.solve."""
    check_floats("linalg.solve", a, b)
    return solve_(a, b, left=left, vector=is_vector(a.shape, b.shape))


op(
    "_linalg_solve(Tensor A, Tensor B, *, bool left=True)",
    "The X for which A X = B (X A = B, if not left).",
    spelled=["linalg.solve"],
    expands=solve,
    samples=[draw((3, 3), 3, left=True), draw((3, 3), (3, 2), left=True), draw((3, 3), (2, 3), left=False)],
)
op(
    "_linalg_solve_ex(Tensor A, Tensor B, *, bool left=True, bool check_errors=False)",
    "The solution of A X = B, and for each matrix 0 or which pivot was zero.",
    spelled=["linalg.solve_ex"],
    outputs=("result", "info"),
    expands=lambda a, b, left, check_errors: (solve(a, b, left), _info(a)),
    samples=[draw((3, 3), 3, left=True, check_errors=False)],
)


# --- triangular equations


def _substitute(a: Any, b: Any, upper: bool, unitriangular: bool) -> Any:
    """Row by row: each unknown from those already found. A zero on the diagonal gives inf or nan, as in torch."""
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    x = np.broadcast_to(b, (*batch, *b.shape[-2:])).copy()
    n = a.shape[-1]
    for at in range(n - 1, -1, -1) if upper else range(n):
        known = slice(at + 1, n) if upper else slice(0, at)
        if known.start < known.stop:
            x[..., at, :] -= (a[..., at, None, known] @ x[..., known, :])[..., 0, :]
        if not unitriangular:
            x[..., at, :] /= a[..., at, at, None]
    return x


def _triangular(a: Any, b: Any, upper: bool, left: bool, unitriangular: bool) -> Any:
    if left:
        return _substitute(a, b, upper, unitriangular)
    turned = _substitute(np.swapaxes(a, -1, -2), np.swapaxes(b, -1, -2), not upper, unitriangular)
    return np.ascontiguousarray(np.swapaxes(turned, -1, -2))


def _triangular_shape(inputs: tuple[Node, ...], params: Any) -> Shape:
    a, b = inputs[0].shape, inputs[1].shape
    check_matrix("linalg.solve_triangular", a, square=True)
    check_matrix("linalg.solve_triangular", b, letter="B")
    if a[-1] != b[-2 if params["left"] else -1]:
        raise _unequal(a, b, params["left"], "linalg.solve_triangular")
    return (*broadcast_shapes(a[:-2], b[:-2]), *b[-2:])


def _triangular_side(g: Node, y: Node, a: Node, b: Node, upper: bool, left: bool, unitriangular: bool) -> Any:
    return solve_triangular(transposed(a), g, upper=not upper, left=left, unitriangular=unitriangular)


def _triangular_matrix(g: Node, y: Node, a: Node, b: Node, upper: bool, left: bool, unitriangular: bool) -> Any:
    back = _triangular_side(g, y, a, b, upper, left, unitriangular)
    full = -(product(back, transposed(y)) if left else product(transposed(y), back))
    off = int(unitriangular)
    return triu(full, diagonal=off) if upper else tril(full, diagonal=-off)


solve_triangular: Op = op(
    "_linalg_solve_triangular(Tensor input, Tensor B, *, bool upper, bool left=True, bool unitriangular=False)",
    "The X for which A X = B (X A = B, if not left), where only one triangle of A counts.",
    spelled=["linalg.solve_triangular"],
    kernel=_triangular,
    grad=[_triangular_matrix, _triangular_side],
    shape=_triangular_shape,
    dtype=floats("linalg.solve_triangular"),
    grad_fn="LinalgSolveTriangularBackward0",
    domain=(0.5, 2.0),
    samples=[
        draw((3, 3), (3, 2), upper=True, left=True, unitriangular=False),
        draw((3, 3), (3, 2), upper=False, left=True, unitriangular=True),
        draw((2, 3, 3), (2, 3), upper=False, left=False, unitriangular=False),
    ],
)


def _old_triangular(b: Node, a: Node, upper: bool, transpose: bool, unitriangular: bool) -> Any:
    matrix = transposed(a) if transpose else a
    return solve_triangular(matrix, b, upper=upper != transpose, left=True, unitriangular=unitriangular)


_triangular_solution, _triangular_clone = (
    op(
        f"_triangular_solve(Tensor input{arguments})",
        "One of triangular_solve's outputs.",
        spelled=["_"],
        expands=expands,
        grad_fn=("TriangularSolveBackward0", "TriangularSolveBackward0"),
    )
    for arguments, expands in (
        (", Tensor A, bool upper, bool transpose, bool unitriangular", _old_triangular),
        ("", lambda a: clone(a)),
    )
)
op(
    "triangular_solve(Tensor input, Tensor A, bool upper=True, bool transpose=False, bool unitriangular=False)",
    "The X for which A X = input, where only one triangle of A counts; and A.",
    outputs=("solution", "cloned_coefficient"),
    expands=lambda b, a, **options: (_triangular_solution(b, a, **options), _triangular_clone(a)),
    domain=(0.5, 2.0),
    samples=[draw((3, 2), (3, 3), upper=True, transpose=False, unitriangular=False)],
)


def _cholesky_solve(b: Any, factor: Any, upper: bool) -> Any:
    turned = np.swapaxes(factor, -1, -2)
    lower, higher = (turned, factor) if upper else (factor, turned)
    return _substitute(higher, _substitute(lower, b, False, False), True, False)


def _cholesky_solve_shape(inputs: tuple[Node, ...], params: Any) -> Shape:
    b, factor = inputs[0].shape, inputs[1].shape
    check_matrix("cholesky_solve", factor, square=True)
    check_matrix("cholesky_solve", b, letter="B")
    if factor[-1] != b[-2]:
        raise _unequal(factor, b, True, "cholesky_solve")
    return (*broadcast_shapes(factor[:-2], b[:-2]), *b[-2:])


def _factor_rule(g: Node, y: Node, b: Node, factor: Node, upper: bool) -> Any:
    """As torch has it: the whole of the factor counts, not only its triangle."""
    half = product(cholesky_solve(g, factor, upper=upper), transposed(y))
    both = half + transposed(half)
    return -(product(factor, both) if upper else product(both, factor))


cholesky_solve: Op = op(
    "cholesky_solve(Tensor input, Tensor L, bool upper=False)",
    "The X for which A X = input, where L is the Cholesky factor of A.",
    kernel=_cholesky_solve,
    grad=[lambda g, y, b, factor, upper: cholesky_solve(g, factor, upper=upper), _factor_rule],
    shape=_cholesky_solve_shape,
    dtype=floats("cholesky_solve"),
    grad_fn=("CholeskySolveBackward0", "CholeskySolveBackward0"),
    domain=(0.5, 2.0),
    samples=[
        draw((3, 2), (3, 3), upper=False, drawn=lambda b, a: (b, tril(a, diagonal=0))),
        draw((3, 2), (3, 3), upper=True, drawn=lambda b, a: (b, triu(a, diagonal=0))),
    ],
)


def _cholesky_inverse(factor: Any, upper: bool) -> Any:
    zero = np.diagonal(factor, axis1=-2, axis2=-1) == 0
    if np.any(zero):
        at = int(np.argmax(zero.reshape(-1, zero.shape[-1])[np.argmax(np.any(zero, axis=-1))])) + 1
        raise LinalgError(
            f"element {at - 1} of the diagonal is zero",
            torch=f"cholesky_inverse: The diagonal element {at} is zero, the inversion could not be completed because "
            "the input matrix is singular.",
        )
    eye = np.broadcast_to(np.eye(factor.shape[-1], dtype=factor.dtype), factor.shape)
    return _cholesky_solve(eye, factor, upper)


def _cholesky_inverse_rule(g: Node, y: Node, factor: Node, upper: bool) -> Any:
    """As torch has it: the whole of the factor counts, not only its triangle."""
    both = product(y, product(g + transposed(g), y))
    return -(product(factor, both) if upper else product(both, factor))


op(
    "cholesky_inverse(Tensor input, bool upper=False)",
    "The inverse of the matrix whose Cholesky factor is input.",
    kernel=_cholesky_inverse,
    grad=_cholesky_inverse_rule,
    shape=square("cholesky_inverse"),
    dtype=floats("cholesky_inverse"),
    grad_fn=("CholeskyInverseBackward0", "CholeskyInverseBackward0"),
    domain=(0.5, 2.0),
    samples=[
        draw((3, 3), upper=False, drawn=lambda a: tril(a, diagonal=0)),
        draw((2, 2), upper=True, drawn=lambda a: triu(a, diagonal=0)),
    ],
)


# --- powers and the exponential

_identity: Op = op(
    "_identity_power(Tensor input)",
    "The identity matrix: the zeroth power.",
    spelled=["_"],
    kernel=lambda a: np.broadcast_to(np.eye(a.shape[-1], dtype=a.dtype), a.shape).copy(),
    grad=lambda g, y, a: g * 0,
    dtype=lambda inputs, params: (None, inputs[0].dtype),
    grad_fn=("CopyBackwards", "CopyBackwards"),
    samples=[draw((2, 2))],
)


def matrix_power(a: Node, n: int) -> Any:
    """The node of a matrix to an integer power, by squaring; negative powers are those of the inverse."""
    check_matrix("linalg.matrix_power", a.shape, square=True)
    if n == 0:
        return _identity(a)
    if n == 1:
        return clone(a)
    if n < 0:
        a, n = inv(a), -n
    if n == 3:
        return matmul(matmul(a, a), a)
    power, result = a, None
    while True:
        if n & 1:
            result = power if result is None else matmul(result, power)
        n >>= 1
        if not n:
            return result
        power = matmul(power, power)


for _signature, _spelled in (
    ("matrix_power(Tensor input, int n)", []),
    ("_linalg_matrix_power(Tensor input, int n)", ["linalg.matrix_power"]),
):
    op(
        _signature,
        "The product of n times the matrix; for negative n of its inverse.",
        spelled=_spelled,
        expands=matrix_power,
        samples=[draw((3, 3), n=n) for n in (0, 1, 2, 3, 5, -1, -2)],
    )


@half_in_single
def _exponential(a: Any) -> Any:
    if 0 in a.shape:
        return a.copy()
    from scipy.linalg import expm  # scipy is slow to import

    return np.asarray(expm(a)).astype(a.dtype)


def _exponential_rule(g: Node, y: Node, a: Node) -> Any:
    """The corner of the exponential of [[A^T, g], [0, A^T]]."""
    n, turned = a.shape[-1], transposed(a)
    nothing = leaf(np.zeros(a.shape, a.dtype.numpy))
    block = cat(cat(turned, g, dim=-1), cat(nothing, turned, dim=-1), dim=-2)
    rows = slice_(matrix_exp(block), dim=a.ndim - 2, start=0, end=n, step=1)
    return slice_(rows, dim=a.ndim - 1, start=n, end=2 * n, step=1)


matrix_exp: Op = op(
    "matrix_exp(Tensor input)",
    "The sum of all powers of the matrix, each divided by its factorial.",
    spelled=["matrix_exp", "linalg.matrix_exp"],
    kernel=_exponential,
    grad=_exponential_rule,
    shape=square("linalg.matrix_exp"),
    dtype=refusing(kept, "linalg.matrix_exp", dtypes.BOOL, dtypes.INTEGER),
    grad_fn="LinalgMatrixExpBackward0",
    samples=[draw((3, 3)), draw((2, 2, 2)), draw((1, 1))],
)


# --- tensors as matrices


_reshaped: Op = op(
    "_reshape_columns(Tensor input, ints shape)",
    "input, which LAPACK left column-major, in another shape.",
    spelled=["_"],
    expands=lambda x, shape: reshape(x, shape=shape),
    grad_fn=("ReshapeAliasBackward0", "ReshapeAliasBackward0"),
)


def _tensorinv(a: Node, ind: int) -> Any:
    if ind <= 0 or not a.ndim:
        raise ShapeError(f"ind is {ind}; it must be positive", torch="Expected a strictly positive integer for 'ind'")
    first, second = a.shape[:ind], a.shape[ind:]
    if prod(first) != prod(second):
        raise ShapeError(
            f"the dimensions before and from {ind} hold {prod(first)} and {prod(second)} elements",
            hint="they must be equally many",
            torch="Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), "
            f"but got {prod(second)} != {prod(first)}",
        )
    inverse = inv(reshape(a, shape=(prod(first), prod(second))))
    return (reshape if prod(first) < 2 else _reshaped)(inverse, shape=second + first)


op(
    "_linalg_tensorinv(Tensor input, int ind=2)",
    "The inverse of input as a linear map from its last dimensions to its first ind.",
    spelled=["linalg.tensorinv"],
    expands=_tensorinv,
    samples=[draw((2, 2, 4), ind=2), draw((3, 3), ind=1)],
)


def _tensorsolve(a: Node, b: Node, dims: Sequence[int] | None) -> Any:
    if dims is not None:
        moved = [at % a.ndim for at in dims]
        a = permute(a, dims=tuple(at for at in range(a.ndim) if at not in moved) + tuple(moved))
    shape = a.shape[b.ndim :]
    size = prod(shape)
    if prod(a.shape[: b.ndim]) != size or b.size != size:
        raise ShapeError(
            f"a tensor of shape {a.shape} is no square map to {b.shape}",
            torch="Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == "
            f"prod(self.shape[:other.ndim]), but got {size} != {prod(a.shape[: b.ndim])}",
        )
    return reshape(solve(reshape(a, shape=(size, size)), reshape(b, shape=(size,))), shape=shape)


op(
    "_linalg_tensorsolve(Tensor input, Tensor other, ints? dims=None)",
    "The X for which tensordot(input, X, X.ndim) = other.",
    spelled=["linalg.tensorsolve"],
    expands=_tensorsolve,
    grad_fn=("ViewBackward0", "ViewBackward0"),
    samples=[draw((2, 3, 6), (2, 3), dims=None)],
)
