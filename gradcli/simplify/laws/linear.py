"""Functions that are linear in an argument: factors of one element come out in front of them, zeros make zeros."""

from __future__ import annotations

from gradcli.graph.terms import Term
from gradcli.simplify.build import Builder
from gradcli.simplify.law import is_scalar, law, one, without_scalars
from gradcli.simplify.normal import ONE, bare

# by head the arguments that each of them is linear in, while the others stay
LINEAR: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(
        "tril triu diagonal diag diag_embed roll rot90 fold unfold .unfold avg_pool1d avg_pool2d avg_pool3d "
        "adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d gather index index_select take_along_dim "
        "cholesky_solve".split(),
        (0,),
    ),
    **dict.fromkeys("linalg.solve linalg.solve_triangular embedding".split(), (1,)),
    **dict.fromkeys(
        "conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d linalg.cross cross kron outer".split(),
        (0, 1),
    ),
    "einsum": tuple(range(26)),
}  # fmt: skip


@law(" ".join(LINEAR), "f(c * x) -> c * f(x), f(0) -> 0", "f is linear in x, and c is one element")
def _scaled_argument(b: Builder, t: Term) -> Term | None:
    args, outer = list(t.args), list[Term]()
    for at in LINEAR[t.head]:
        if at >= len(args):
            break
        x = args[at]
        if one(x, 0):
            return b.zeros(t.shape)
        inner: Term | None = None
        scalars: list[Term] = []
        if x.head == "product":
            inner, scalars = without_scalars(b, x)
        elif x.shape and is_scalar(x) and not one(x):
            inner, scalars = b.expand(b.number(1), x.shape), [bare(x)]
        if inner is not None and scalars and inner.shape == x.shape:
            args[at], outer = inner, outer + scalars
    if not outer:
        return None
    return b.multiply([*outer, b.settle(b.make(t.head, args, t.params, t.shape, t.dtype))])


@law("linalg.solve linalg.solve_triangular", "solve(A, y - x) -> -solve(A, x - y)", "x - y is there already")
def _solved_opposite(b: Builder, t: Term) -> Term | None:
    matrix, side = t.args
    if side.head != "sum" or len(t.args) != 2:
        return None
    opposite = b.scale(-ONE, side)
    if opposite.serial > side.serial or opposite.shape != side.shape:
        return None
    return b.scale(-ONE, b.settle(b.make(t.head, (matrix, opposite), t.params, t.shape, t.dtype)))
