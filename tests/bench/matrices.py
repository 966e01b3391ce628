"""Cases of the suite `matrices`: Jacobians of 1000 outputs by 1000 inputs, and Hessians of 300 inputs, in float32.

gradcli and PyTorch (vectorize=True) run `torch.autograd.functional.jacobian(f, x)`, gradcli as a program; jax runs
`jit(jacrev(f))` and `jit(hessian(f))`, compiled before, and in columns of their own `jacrev(f)` and `hessian(f)` as
they are (eager), and compiled for the call (first).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

ROWS, VARIABLES = 1000, 300
DATA: dict[str, tuple[int, ...]] = {
    "W": (ROWS, ROWS),
    "V": (ROWS, 100),
    "U": (100, ROWS),
    "k": (1, 1, 5),
    "A": (VARIABLES, VARIABLES),
    "B": (100, VARIABLES),
    "X": (64, 10),
    "t": (64, 1),
    "D": (500, VARIABLES),
    "s": (500,),
    "Z": (50, 10),
}
# the function's body in the language and in PyTorch, and in jax where OWN has none
JACOBIANS = {
    "chain": "sin(x) * exp(-x * x) + tanh(x)",
    "affine": "W @ x + x",
    "product": "tanh(W @ x)",
    "layers": "tanh(V @ tanh(U @ x))",
    "softmax": "softmax(x, 0)",
    "logsoftmax": "log_softmax(x, 0)",
    "normalized": "x / (x * x).sum().sqrt()",
    "standardized": "layer_norm(x, (1000,))",
    "conv": "conv1d(x.reshape(1, 1, -1), k, padding=2).reshape(-1)",
    "cumsum": "cumsum(x * x, 0)",
    "index": "x[p] * x",
    "differences": "(x[1:] - x[:-1] ** 2).exp()",
    "rows": "logsumexp(x.reshape(100, 10), 1)",
}
HESSIANS = {
    "chain": "(sin(x) * exp(-x * x)).sum()",
    "quadratic": "x @ A @ x",
    "rosenbrock": "(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()",
    "logsumexp": "logsumexp(B @ x, 0)",
    "softmax": "softmax(A @ x, 0)[0]",
    "norm": "x.norm()",
    "logistic": "softplus(-s * (D @ x)).mean()",
    "mlp": "((tanh(X @ x[:250].reshape(10, 25) + x[250:275]) @ x[275:] - t[:, 0]) ** 2).mean()",
    "crossentropy": "cross_entropy(Z @ x.reshape(10, 30), c)",
    "conv": "(conv1d(x.reshape(1, 1, -1), k).tanh() ** 2).sum()",
    "cumsum": "cumsum(x, 0).sin().sum()",
    "index": "(x[q] * x ** 2).sum()",
    "logdet": "torch.logdet(x[:289].reshape(17, 17) * 0.1 + 3 * I)",
    "prod": "(1 + 0.01 * x).prod()",
}
OWN: dict[str, Callable[..., Any]] = {  # m: jax's names, d: the data
    "jacobian softmax": lambda m, x, d: m.softmax(x),
    "jacobian logsoftmax": lambda m, x, d: m.log_softmax(x),
    "jacobian normalized": lambda m, x, d: x / m.sqrt((x * x).sum()),
    "jacobian standardized": lambda m, x, d: (x - x.mean()) / m.sqrt(x.var() + 1e-5),
    "jacobian conv": lambda m, x, d: m.conv(x, d["k"][0, 0]),
    "jacobian cumsum": lambda m, x, d: m.cumsum(x * x),
    "jacobian differences": lambda m, x, d: m.exp(x[1:] - x[:-1] ** 2),
    "hessian logsumexp": lambda m, x, d: m.logsumexp(d["B"] @ x),
    "hessian softmax": lambda m, x, d: m.softmax(d["A"] @ x)[0],
    "hessian norm": lambda m, x, d: m.sqrt((x * x).sum()),
    "hessian crossentropy": lambda m, x, d: m.cross(d["Z"] @ x.reshape(10, 30), d),
    "hessian conv": lambda m, x, d: (m.tanh(m.conv(x, d["k"][0, 0], "valid")) ** 2).sum(),
    "hessian cumsum": lambda m, x, d: m.sin(m.cumsum(x)).sum(),
    "hessian logdet": lambda m, x, d: m.logdet(x[:289].reshape(17, 17) * 0.1 + 3 * d["I"]),
}
NAMES = [*(f"jacobian {name}" for name in JACOBIANS), *(f"hessian {name}" for name in HESSIANS)]
PEERS = ("torch", "jax", "jax eager", "jax first")


def case_of(name: str) -> tuple[str, str, int]:
    """What is asked for, the body of the function, and of how many variables."""
    kind, _, which = name.partition(" ")
    return (kind, JACOBIANS[which], ROWS) if kind == "jacobian" else (kind, HESSIANS[which], VARIABLES)


def data(size: int) -> dict[str, np.ndarray]:
    """The point `x`, and the constants of the functions."""
    random = np.random.default_rng(3)
    found: dict[str, np.ndarray] = {"x": random.standard_normal(size) * 0.5}
    for name, shape in DATA.items():
        found[name] = random.standard_normal(shape) / shape[-1] ** 0.5
    arrays = {name: array.astype(np.float32) for name, array in found.items()}
    places = {"p": random.permutation(ROWS), "q": random.integers(0, VARIABLES, VARIABLES)}
    return arrays | places | {"c": random.integers(0, 30, 50), "I": np.eye(17, dtype=np.float32)}


def gradcli_matrix(name: str) -> Callable[[], Any]:
    import gradcli
    from gradcli.language.parse import parse_program
    from gradcli.source import Source

    kind, body, size = case_of(name)
    session = gradcli.Session()
    for key, array in data(size).items():
        session.set(key, array)
    session.run(f"f = lambda x: {body}\n")
    call = parse_program(Source(f"torch.autograd.functional.{kind}(f, x)"))
    return lambda: session.eval(call).numpy()


def torch_matrix(name: str) -> Callable[[], Any]:
    import torch

    kind, body, size = case_of(name)
    scope = {**vars(torch), **vars(torch.nn.functional), "torch": torch}
    scope |= {key: torch.from_numpy(array) for key, array in data(size).items()}
    function = eval(f"lambda x: {body}", scope)  # noqa: S307 (a text of ours)
    matrix = getattr(torch.autograd.functional, kind)
    return lambda: matrix(function, scope["x"], vectorize=True).numpy()


class JaxNames:
    """What the functions of the table are called in jax."""

    def __init__(self) -> None:
        import jax
        import jax.numpy as jnp

        nn = jax.nn
        self.sin, self.exp, self.tanh, self.sqrt, self.cumsum = jnp.sin, jnp.exp, jnp.tanh, jnp.sqrt, jnp.cumsum
        self.softmax, self.log_softmax, self.softplus, self.logsumexp = (
            nn.softmax, nn.log_softmax, nn.softplus, nn.logsumexp,
        )  # fmt: skip
        self.logdet = lambda a: jnp.linalg.slogdet(a)[1]
        self.conv = lambda x, k, mode="same": jnp.convolve(x, k[::-1], mode)
        self.cross = lambda logits, d: -jnp.take_along_axis(nn.log_softmax(logits), d["c"][:, None], 1).mean()


def jax_matrix(name: str, how: str) -> Callable[[], Any]:
    import jax

    kind, body, size = case_of(name)
    names = JaxNames()
    arrays = {key: jax.numpy.asarray(array) for key, array in data(size).items()}
    plain = eval(f"lambda x: {body}", vars(names) | arrays)  # noqa: S307 (a text of ours)
    function = (lambda x: OWN[name](names, x, arrays)) if name in OWN else plain
    transform = jax.jacrev if kind == "jacobian" else jax.hessian
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
    if peer == "torch":
        return torch_matrix(name)
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
