"""Cases of the suite `matrices`: Jacobians of 1000 inputs in both modes, and Hessians of 300 inputs, in float32.

gradcli and PyTorch run `torch.autograd.functional.jacobian(f, x, vectorize=True)` (gradcli as a program), for `forward`
with strategy="forward-mode", and `hessian`; PyTorch with all its threads and (torch 1) with one, which is faster on a
busy machine. jax runs `jacrev(f)`, `jacfwd(f)` and `hessian(f)`: compiled before (jax), as they are (jax eager), and
compiled for the call (jax first).
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

ROWS, VARIABLES = 1000, 300
DATA: dict[str, tuple[int, ...]] = {
    "W": (ROWS, ROWS),
    "V": (ROWS, 100),
    "U": (100, ROWS),
    "R": (50, 50),
    "N": (25, 40),
    "k": (1, 1, 5),
    "A": (VARIABLES, VARIABLES),
    "B": (100, VARIABLES),
    "X": (64, 10),
    "t": (64, 1),
    "D": (500, VARIABLES),
    "s": (500,),
    "Z": (50, 10),
    "w": (VARIABLES,),
}
# the function's body in the language, in PyTorch and (by the names of `jax_names`) in jax
JACOBIANS = {
    "chain": "sin(x) * exp(-x * x) + tanh(x)",
    "nested": "sin(cos(exp(sin(x))))",
    "polynomial": "x ** 5 - 3 * x ** 3 + x",
    "where": "where(x > 0, x * x, exp(x))",
    "clamped": "clamp(abs(x), 0.1, 1.0)",
    "gelu": "gelu(x)",
    "gate": "x[:500] * sigmoid(x[500:])",
    "affine": "W @ x + x",
    "product": "tanh(W @ x)",
    "layers": "tanh(V @ tanh(U @ x))",
    "recurrent": "tanh(R @ tanh(R @ tanh(R @ x[:50] + x[50:100]) + x[100:150]) + x[150:200])",
    "matrix": "(x.reshape(40, 25) @ N).reshape(-1)",
    "square": "(x[:961].reshape(31, 31) @ x[:961].reshape(31, 31)).reshape(-1)",
    "einsum": "einsum('ij,kj->ik', x.reshape(40, 25), x.reshape(40, 25)).reshape(-1)",
    "outer": "(x[:30, None] * x[30:60]).reshape(-1)",
    "attention": "(softmax(x.reshape(50, 20) @ x.reshape(50, 20).T, 1) @ x.reshape(50, 20)).reshape(-1)",
    "inverse": "linalg.inv(x[:400].reshape(20, 20) + 5 * I[:20, :20]).reshape(-1)",
    "solve": "linalg.solve(W + 3 * eye(1000), x)",
    "softmax": "softmax(x, 0)",
    "logsoftmax": "log_softmax(x, 0)",
    "softmaxes": "softmax(x.reshape(100, 10), 1).reshape(-1)",
    "normalized": "x / sqrt((x * x).sum())",
    "standardized": "layer_norm(x, (1000,))",
    "centred": "(x.reshape(100, 10) - x.reshape(100, 10).mean(0)).reshape(-1)",
    "conv": "conv1d(x.reshape(1, 1, -1), k, padding=2).reshape(-1)",
    "maxpool": "max_pool1d(x.reshape(1, 1, -1), 2).reshape(-1)",
    "cumsum": "cumsum(x * x, 0)",
    "cumprod": "cumprod(1 + 0.01 * x, 0)",
    "sorted": "sort(x)[0] * x",
    "index": "x[p] * x",
    "gather": "gather(x.reshape(100, 10), 1, g).reshape(-1)",
    "added": "zeros(1000).index_add(0, p, x * x)",
    "roll": "roll(x, 1) * x",
    "parts": "cat([x[500:], exp(x[:500])])",
    "differences": "exp(x[1:] - x[:-1] ** 2)",
    "rows": "logsumexp(x.reshape(100, 10), 1)",
    "variances": "var(x.reshape(100, 10), 1)",
    "norms": "norm(x.reshape(100, 10), dim=1)",
    "products": "prod(1 + x.reshape(100, 10), 1)",
    "maxima": "amax(x.reshape(100, 10), 1)",
}
HESSIANS = {
    "chain": "(sin(x) * exp(-x * x)).sum()",
    "where": "where(x > 0, x ** 3, exp(x)).sum()",
    "powers": "(x ** 4).sum()",
    "squared": "(x ** 2).sum() ** 2",
    "quadratic": "x @ A @ x",
    "rosenbrock": "(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()",
    "rastrigin": "(x * x - 10 * cos(6.28 * x) + 10).sum()",
    "zakharov": "(x * x).sum() + (w @ x) ** 2 + (w @ x) ** 4",
    "ackley": "-20 * exp(-0.2 * sqrt((x * x).mean())) - exp(cos(6.28 * x).mean())",
    "kernel": "exp(-((x[:, None] - x) ** 2)).sum()",
    "logsumexp": "logsumexp(B @ x, 0)",
    "softmax": "softmax(A @ x, 0)[0]",
    "entropy": "-(softmax(x, 0) * log_softmax(x, 0)).sum()",
    "norm": "norm(x)",
    "variance": "var(x, 0)",
    "logistic": "softplus(-s * (D @ x)).mean()",
    "huber": "huber_loss(D @ x, s)",
    "likelihood": "(exp(-2 * x[:150]) * (x[150:] - w[:150]) ** 2 + 2 * x[:150]).sum()",
    "mlp": "((tanh(X @ x[:250].reshape(10, 25) + x[250:275]) @ x[275:] - t[:, 0]) ** 2).mean()",
    "crossentropy": "cross_entropy(Z @ x.reshape(10, 30), c)",
    "recurrent": "tanh(R @ tanh(R @ tanh(R @ x[:50] + x[50:100]) + x[100:150]) + x[150:200]).sum()",
    "factors": "((x[:150].reshape(15, 10) @ x[150:].reshape(10, 15) - A[:15, :15]) ** 2).sum()",
    "attention": "((softmax(x.reshape(30, 10) @ x.reshape(30, 10).T, 1) @ x.reshape(30, 10)) ** 2).sum()",
    "standardized": "(layer_norm(x, (300,)) ** 3).sum()",
    "conv": "(tanh(conv1d(x.reshape(1, 1, -1), k)) ** 2).sum()",
    "cumsum": "sin(cumsum(x, 0)).sum()",
    "cumprod": "cumprod(1 + 0.01 * x, 0).sum()",
    "sorted": "(sort(x)[0] ** 2 * w).sum()",
    "index": "(x[q] * x ** 2).sum()",
    "maximum": "amax(x, 0) * (x * x).sum()",
    "logdet": "logdet(x[:289].reshape(17, 17) * 0.1 + 3 * I)",
    "inverse": "linalg.inv(x[:289].reshape(17, 17) * 0.1 + 3 * I).sum()",
    "nuclear": "linalg.svdvals(x[:289].reshape(17, 17)).sum()",
    "prod": "prod(1 + 0.01 * x, 0)",
    "products": "prod(1 + x.reshape(30, 10), 1).sum()",
}
KINDS = {"jacobian": (JACOBIANS, ROWS), "forward": (JACOBIANS, ROWS), "hessian": (HESSIANS, VARIABLES)}
NAMES = [f"{kind} {name}" for kind, (table, _) in KINDS.items() for name in table]
NOT_IN_TORCH = ("forward maxpool",)  # it has no batching rule for that
PEERS = ("torch", "torch 1", "jax", "jax eager", "jax first")


def case_of(name: str) -> tuple[str, str, int]:
    """What is asked for, the body of the function, and of how many variables."""
    kind, _, which = name.partition(" ")
    table, size = KINDS[kind]
    return kind, table[which], size


def data(size: int) -> dict[str, np.ndarray]:
    """The point `x`, and the constants of the functions."""
    random = np.random.default_rng(3)
    found: dict[str, np.ndarray] = {"x": random.standard_normal(size) * 0.5}
    for name, shape in DATA.items():
        found[name] = random.standard_normal(shape) / shape[-1] ** 0.5
    arrays = {name: array.astype(np.float32) for name, array in found.items()}
    places = {"p": random.permutation(ROWS), "q": random.integers(0, VARIABLES, VARIABLES)}
    places |= {"c": random.integers(0, 30, 50), "g": random.integers(0, 10, (100, 10))}
    return arrays | places | {"I": np.eye(40 if size == ROWS else 17, dtype=np.float32)}


def gradcli_matrix(name: str) -> Callable[[], Any]:
    import gradcli
    from gradcli.language.syntax.parse import parse_program
    from gradcli.source import Source

    kind, body, size = case_of(name)
    session = gradcli.Session()
    for key, array in data(size).items():
        session.set(key, array)
    session.run(f"from torch import linalg\nf = lambda x: {body}\n")
    words = {"forward": "jacobian(f, x, strategy='forward-mode', vectorize=True)"}.get(kind, f"{kind}(f, x)")
    call = parse_program(Source(f"torch.autograd.functional.{words}"))
    return lambda: session.eval(call).numpy()


def torch_matrix(name: str, threads: int | None) -> Callable[[], Any]:
    import torch

    torch.set_num_threads(threads or os.cpu_count() or 1)

    kind, body, size = case_of(name)
    scope = {**vars(torch.nn.functional), **vars(torch)}
    scope |= {key: getattr(torch.nn.functional, key) for key in ("gelu", "softplus", "conv1d", "max_pool1d")}
    scope |= {key: torch.from_numpy(array) for key, array in data(size).items()}
    function = eval(f"lambda x: {body}", scope)  # noqa: S307 (a text of ours)
    if kind == "forward":
        return lambda: torch.autograd.functional.jacobian(
            function, scope["x"], strategy="forward-mode", vectorize=True
        ).numpy()
    matrix = getattr(torch.autograd.functional, kind)
    return lambda: matrix(function, scope["x"], vectorize=True).numpy()


def jax_names(arrays: dict[str, Any]) -> dict[str, Any]:
    """PyTorch's names for jax."""
    import jax
    import jax.numpy as jnp

    nn = jax.nn

    def conv1d(x: Any, k: Any, padding: int = 0) -> Any:
        return jax.lax.conv_general_dilated(x, k, (1,), [(padding, padding)])

    def huber_loss(x: Any, y: Any) -> Any:
        far = jnp.abs(x - y)
        return jnp.where(far < 1, 0.5 * far * far, far - 0.5).mean()

    def layer_norm(x: Any, shape: Any) -> Any:
        return (x - x.mean()) / jnp.sqrt(x.var() + 1e-5)

    own = {
        "softmax": nn.softmax,
        "log_softmax": nn.log_softmax,
        "logsumexp": nn.logsumexp,
        "softplus": nn.softplus,
        "sigmoid": nn.sigmoid,
        "gelu": lambda x: nn.gelu(x, approximate=False),
        "clamp": jnp.clip,
        "cat": jnp.concatenate,
        "sort": lambda x: (jnp.sort(x),),
        "gather": lambda x, dim, places: jnp.take_along_axis(x, places, dim),
        "var": lambda x, dim: jnp.var(x, dim, ddof=1),
        "norm": lambda x, dim=None: jnp.sqrt((x * x).sum(dim)),
        "logdet": lambda a: jnp.linalg.slogdet(a)[1],
        "linalg": SimpleNamespace(
            inv=jnp.linalg.inv, solve=jnp.linalg.solve, svdvals=lambda a: jnp.linalg.svd(a, compute_uv=False)
        ),
        "zeros": lambda size: SimpleNamespace(index_add=lambda dim, places, x: jnp.zeros(size).at[places].add(x)),
        "max_pool1d": lambda x, size: x.reshape(*x.shape[:2], -1, size).max(-1),
        "conv1d": conv1d,
        "huber_loss": huber_loss,
        "layer_norm": layer_norm,
        "cross_entropy": lambda x, c: -jnp.take_along_axis(nn.log_softmax(x), c[:, None], 1).mean(),
    }
    return {**vars(jnp), **own, **arrays}


def jax_matrix(name: str, how: str) -> Callable[[], Any]:
    import jax

    kind, body, size = case_of(name)
    arrays = {key: jax.numpy.asarray(array) for key, array in data(size).items()}
    function = eval(f"lambda x: {body}", jax_names(arrays))  # noqa: S307 (a text of ours)
    transform = {"jacobian": jax.jacrev, "forward": jax.jacfwd, "hessian": jax.hessian}[kind]
    call = jax.jit(transform(function)) if how == "jax" else transform(function)
    if how != "jax first":
        return lambda: np.asarray(call(arrays["x"]))

    def first() -> Any:
        jax.clear_caches()
        return np.asarray(jax.jit(transform(function))(arrays["x"]))

    return first


def matrix_call(peer: str, name: str) -> Callable[[], Any]:
    """What a peer does once.

    Raises: NotImplementedError for a peer that has no such thing.
    """
    if peer == "gradcli":
        return gradcli_matrix(name)
    if peer.startswith("torch"):
        if name in NOT_IN_TORCH:
            raise NotImplementedError
        return torch_matrix(name, 1 if peer == "torch 1" else None)
    if peer in PEERS:
        return jax_matrix(name, peer)
    raise NotImplementedError


def ratios(rows: dict[str, dict[str, float | None]]) -> list[list[str]]:
    """For each case the times of gradcli over those of each peer, and their geometric means."""
    peers = [peer for peer in PEERS if any(row.get(peer) for row in rows.values())]
    found: dict[str, list[float]] = {peer: [] for peer in peers}
    lines = [["matrices", "gradcli", *[f"/ {peer}" for peer in peers]]]
    for name, row in rows.items():
        own = row["gradcli"] or math.nan
        cells = []
        for peer in peers:
            value = row.get(peer)
            cells.append(f"{own / value:.2f}" if value else "")
            found[peer] += [own / value] if value else []
        lines.append([name, f"{own * 1e3:.2f} ms", *cells])
    means = [f"{math.exp(sum(map(math.log, found[peer])) / len(found[peer])):.2f}" for peer in peers]
    return [*lines, ["geometric mean", "", *means]]
