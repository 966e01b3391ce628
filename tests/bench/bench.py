"""gradcli beside the peers that are installed, and beside floors, in one run.

    python tests/bench/bench.py [SUITE ...] [--peers torch,jax] [--rounds N] [--quick]

Suites: start (whole processes), small and large (value and gradient of expressions), graph (time for a node of a long
chain), memory (peak beyond what was there, over inputs and results), matrices (Jacobians and Hessians, as ratios to
each peer). Each peer runs in a process of its own; the parent asks them in turn, round after round, and prints the
least time of each, with the ratio of gradcli to the best peer and to the floor (numpy's import; copying the bytes;
numpy without a graph). Only ratios of one run on a quiet machine mean something. Peers: PyTorch, torch.compile,
jax.jit, HIPS autograd, numpy by hand.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import matrices

PEERS = {
    "torch": "torch",
    "compile": "torch",
    "jax": "jax",
    "autograd": "autograd",
    "numexpr": "numexpr",
    "numpy": "numpy",
}
TITLES = {
    "torch": "PyTorch",
    "compile": "torch.compile",
    "jax": "jax.jit",
    "numexpr": "numexpr by hand",
    "numpy": "numpy by hand",
}
SUITES = ("start", "small", "large", "graph", "memory", "matrices")
STEPS = 1000  # of the chain in the suite graph
# name: (gradcli's text, the same for a peer, given its module, shapes of the inputs, names differentiated by)
CASES: dict[str, tuple[str, Callable[..., Any], dict[str, Any], list[str]]] = {
    "seed": ("mean(3*(x+2)**2)", lambda m, x: m.mean(3 * (x + 2) ** 2), {"x": (10**7,)}, ["x"]),
    "waves": (
        "sum(sin(x)*exp(-x*x)+tanh(x))",
        lambda m, x: m.sum(m.sin(x) * m.exp(-x * x) + m.tanh(x)),
        {"x": (10**7,)},
        ["x"],
    ),
    "powers": ("sum(x**5-3*x**3+x)", lambda m, x: m.sum(x**5 - 3 * x**3 + x), {"x": (10**7,)}, ["x"]),
    "distances": (
        "mean((a[:,None]-b[None,:])**2)",
        lambda m, a, b: m.mean((a[:, None] - b[None, :]) ** 2),
        {"a": (4000,), "b": (4000,)},
        ["a", "b"],
    ),
    "regression": (
        "mean(log(1+exp(-y*(X@w))))",
        lambda m, X, y, w: m.mean(m.log(1 + m.exp(-y * (X @ w)))),
        {"X": (10**6, 20), "y": (10**6,), "w": (20,)},
        ["w"],
    ),
    "layers": (
        "mean((tanh(x@v)@w-t)**2)",
        lambda m, x, v, w, t: m.mean((m.tanh(x @ v) @ w - t) ** 2),
        {"x": (512, 1024), "v": (1024, 512), "w": (512, 256), "t": (512, 256)},
        ["v", "w"],
    ),
}
SMALL: dict[str, dict[str, Any]] = {
    "seed": {"x": (2, 2)},
    "waves": {"x": (10,)},
    "layers": {"x": (16, 3), "v": (3, 8), "w": (8, 1), "t": (16, 1)},
}
START = {
    "gradcli": [sys.executable, "-m", "gradcli", "eval", "mean(3*(x+2)**2)", "--x", "ones(2,2)"],
    "torch": [
        sys.executable,
        "-c",
        "import torch; x=torch.ones(2,2,requires_grad=True); y=(3*(x+2)**2).mean(); y.backward(); print(y, x.grad)",
    ],
    "jax": [
        sys.executable,
        "-c",
        "import jax, jax.numpy as m; print(jax.value_and_grad(lambda x: m.mean(3*(x+2)**2))(m.ones((2,2))))",
    ],
    "floor": [sys.executable, "-c", "import numpy"],
}


# --- what a peer does, in its own process


def inputs_of(shapes: dict[str, Any], scale: float) -> dict[str, Any]:
    import numpy as np

    random = np.random.default_rng(1)
    return {name: (random.standard_normal(shape) * scale).astype(np.float32) for name, shape in shapes.items()}


def gradcli_call(text: str, loss: Callable[..., Any], inputs: dict[str, Any], wrt: list[str]) -> Callable[[], Any]:
    import gradcli

    function = gradcli.value_and_grad(text, wrt=wrt)
    return lambda: function(**inputs)


def torch_call(
    text: str, loss: Callable[..., Any], inputs: dict[str, Any], wrt: list[str], compiled: bool = False
) -> Any:
    import torch

    tensors = {name: torch.from_numpy(array).requires_grad_(name in wrt) for name, array in inputs.items()}
    loss = torch.compile(loss) if compiled else loss

    def call() -> Any:
        for name in wrt:
            tensors[name].grad = None
        value = loss(torch, **tensors)
        value.backward()
        return value

    return call


def jax_call(text: str, loss: Callable[..., Any], inputs: dict[str, Any], wrt: list[str]) -> Callable[[], Any]:
    import jax
    import jax.numpy as m

    rest = {name: jax.device_put(array) for name, array in inputs.items() if name not in wrt}
    function = jax.jit(jax.value_and_grad(lambda by: loss(m, **by, **rest)))
    by = {name: jax.device_put(inputs[name]) for name in wrt}
    return lambda: jax.block_until_ready(function(by))


def autograd_call(text: str, loss: Callable[..., Any], inputs: dict[str, Any], wrt: list[str]) -> Callable[[], Any]:
    import autograd
    import autograd.numpy as m

    rest = {name: array for name, array in inputs.items() if name not in wrt}
    function = autograd.value_and_grad(lambda by: loss(m, **by, **rest))
    return lambda: function({name: inputs[name] for name in wrt})


def numpy_call(text: str, loss: Callable[..., Any], inputs: dict[str, Any], wrt: list[str]) -> Callable[[], Any]:
    """By hand, for the first case alone: what numpy costs without a graph, in a straight line."""
    import numpy as np

    if text != CASES["seed"][0]:
        raise NotImplementedError
    x = inputs["x"]

    def call() -> Any:
        y = x + 2
        value = 3 * np.mean(y * y)
        y *= 6 / y.size
        return value, y

    return call


# differentiated by hand: the sum that the value is made of, and the gradient, of x and the number of elements n
BY_HAND = {
    "seed": ("sum((x + 2)**2)", "(x + 2) * (6 / n)"),
    "waves": ("sum(sin(x)*exp(-x*x) + tanh(x))", "(cos(x) - 2*x*sin(x))*exp(-x*x) + 1 - tanh(x)**2"),
    "powers": ("sum(x*(x*x*(x*x - 3) + 1))", "x*x*(5*x*x - 9) + 1"),
}


def numexpr_call(text: str, loss: Callable[..., Any], inputs: dict[str, Any], wrt: list[str]) -> Callable[[], Any]:
    """What numexpr makes of the formulas of value and gradient."""
    import numexpr

    name = next((name for name in BY_HAND if CASES[name][0] == text), None)
    if name is None:
        raise NotImplementedError
    given = {"x": inputs["x"], "n": inputs["x"].size}
    return lambda: [numexpr.evaluate(part, local_dict=given) for part in BY_HAND[name]]


def compile_call(*case: Any) -> Any:
    return torch_call(*case, compiled=True)


CALLS: dict[str, Callable[..., Callable[[], Any]]] = {
    "gradcli": gradcli_call,
    "torch": torch_call,
    "compile": compile_call,
    "jax": jax_call,
    "autograd": autograd_call,
    "numexpr": numexpr_call,
    "numpy": numpy_call,
}


def chain_call(peer: str) -> Callable[[], Any]:
    """A chain of STEPS multiplications and additions, and its gradient."""
    import numpy as np

    x = np.ones(10, np.float32)
    if peer == "gradcli":
        import gradcli

        text = f"y = x\nfor i in range({STEPS}):\n    y = y*1.0001 + 0.0001\ny.sum().backward()\n"

        def run() -> None:
            session = gradcli.Session()
            session.set("x", x, requires_grad=True)
            session.run(text)

        return run
    if peer == "torch":
        import torch

        def run_torch() -> None:
            start = y = torch.ones(10, requires_grad=True)
            for _ in range(STEPS):
                y = y * 1.0001 + 0.0001
            y.sum().backward()
            assert start.grad is not None

        return run_torch
    raise NotImplementedError


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def work(peer: str, quick: bool) -> None:
    """Answer lines of JSON, [suite, case], with seconds (or bytes) or null."""
    for line in sys.stdin:
        suite, name = json.loads(line)
        print(json.dumps(measured(peer, suite, name, quick)), flush=True)


def measured(peer: str, suite: str, name: str, quick: bool) -> float | None:
    try:
        if suite == "matrices":
            how, _, which = name.partition(": ")
            return least(matrices.matrix_call(how, which), 1 if how == "jax first" else 7)
        if suite == "graph":
            return least(chain_call(peer), 5) / (2 * STEPS)
        text, loss, shapes, wrt = CASES[name]
        if suite == "small":
            call = CALLS[peer](text, loss, inputs_of(SMALL[name], 0.3), wrt)
            return least(lambda: [call() for _ in range(200)], 5) / 200
        sizes = {n: tuple(max(k // 10, 1) if k >= 10**6 else k for k in s) if quick else s for n, s in shapes.items()}
        inputs = inputs_of(sizes, 0.3)
        call = CALLS[peer](text, loss, inputs, wrt)
        if suite == "memory":
            before = peak_bytes()
            call()
            results = sum(inputs[n].nbytes for n in wrt)
            given = sum(array.nbytes for array in inputs.values())
            return (peak_bytes() - before + given) / (given + results)
        return least(call, 5)
    except (NotImplementedError, ImportError):
        return None


def least(call: Callable[[], Any], rounds: int) -> float:
    call()
    best = math.inf
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best


# --- the parent


class Worker:
    """A peer in a process of its own."""

    def __init__(self, peer: str, quick: bool) -> None:
        words = [sys.executable, __file__, "--work", peer, *(["--quick"] if quick else [])]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, suite: str, name: str) -> float | None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([suite, name]) + "\n")
        self._process.stdin.flush()
        answer: float | None = json.loads(self._process.stdout.readline() or "null")
        return answer

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def timed_process(words: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(words, check=True, capture_output=True)
    return time.perf_counter() - start


def copying(name: str, quick: bool) -> float:
    """Copying the bytes of the inputs and results once."""
    import numpy as np

    _, _, shapes, wrt = CASES[name]
    size = sum(math.prod(s) for s in shapes.values()) + sum(math.prod(shapes[n]) for n in wrt)
    source = np.ones(size // (20 if quick else 2), np.float32)
    target = np.empty_like(source)
    return least(lambda: np.copyto(target, source), 5)


def shown(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    if unit == "x":
        return f"{value:.2f}x"
    for scale, name in ((1.0, "s"), (1e-3, "ms"), (1e-6, "us")):
        if value >= scale:
            return f"{value / scale:.3g} {name}"
    return f"{value / 1e-9:.3g} ns"


def table(suite: str, rows: dict[str, dict[str, float | None]], unit: str = "s") -> None:
    """Print a suite: a row for each case, a column for each peer, and the two ratios."""
    columns = list(dict.fromkeys(peer for row in rows.values() for peer in row))
    means: list[list[float]] = [[], []]
    lines = [[suite, *[TITLES.get(c, c) for c in columns], "/ best peer", "/ floor"]]
    for name, row in rows.items():
        own = row.get("gradcli")
        peers = [v for p, v in row.items() if v and p not in ("gradcli", "floor", "numexpr", "numpy")]
        ratios = [own / min(peers) if own and peers else None, own / row["floor"] if own and row.get("floor") else None]
        cells = [shown(row.get(c), unit) for c in columns]
        lines.append([name, *cells, *["" if r is None else f"{r:.2f}" for r in ratios]])
        for mean, ratio in zip(means, ratios, strict=True):
            mean += [] if ratio is None else [ratio]
    middle = [f"{math.prod(m) ** (1 / len(m)):.2f}" if m else "" for m in means]
    print_lines([*lines, ["geometric mean", *[""] * len(columns), *middle]])


def print_lines(lines: list[list[str]]) -> None:
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    print()
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=", ".join(SUITES))
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", metavar="TEXT", help="of the matrices, those with this in their names")
    parser.add_argument("--quick", action="store_true", help="a tenth of the size")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.work, options.quick)
        return
    wanted = [p for p in options.peers.split(",") if importlib.util.find_spec(PEERS[p]) is not None]
    for suite in options.suites or SUITES:
        if suite == "start":
            rows: dict[str, dict[str, float | None]] = {"one-liner": {}}
            for _ in range(options.rounds):
                for peer, words in START.items():
                    if peer in ("gradcli", "floor", *wanted):
                        before = rows["one-liner"].get(peer) or math.inf
                        rows["one-liner"][peer] = min(before, timed_process(words))
            table(suite, rows)
            continue
        if suite == "matrices":
            print_lines(matrices.ratios(matrix_times(["gradcli", *wanted], options)))
            continue
        table(suite, asked(suite, ["gradcli", *wanted], options), "x" if suite == "memory" else "s")


def matrix_times(peers: list[str], options: argparse.Namespace) -> dict[str, dict[str, float | None]]:
    """The least of all rounds, for each matrix and peer; a process for each package."""
    workers = {peer: Worker(peer, options.quick) for peer in peers if peer in ("gradcli", *matrices.PEERS)}
    rows: dict[str, dict[str, float | None]] = {name: {} for name in matrices.NAMES if options.only in name}
    for name, row in rows.items():
        for _ in range(options.rounds):
            for peer in ("gradcli", *matrices.PEERS):
                worker = workers.get(peer.partition(" ")[0])
                value = None if worker is None else worker.ask("matrices", f"{peer}: {name}")
                if value is not None:
                    row[peer] = min(row.get(peer) or math.inf, value)
    for worker in workers.values():
        worker.end()
    return rows


def asked(suite: str, peers: list[str], options: argparse.Namespace) -> dict[str, dict[str, float | None]]:
    """The least of all rounds, for each case and peer."""
    names = ["chain"] if suite == "graph" else list(SMALL) if suite == "small" else list(CASES)
    rows: dict[str, dict[str, float | None]] = {}
    for name in names:
        row: dict[str, float | None] = {}
        fresh = suite == "memory"  # a peak is that of a process
        workers = {peer: Worker(peer, options.quick) for peer in peers}
        for _ in range(1 if fresh else options.rounds):
            for peer, worker in workers.items():
                value = worker.ask(suite, name)
                if value is not None:
                    row[peer] = min(row.get(peer) or math.inf, value)
        for worker in workers.values():
            worker.end()
        if suite == "large":
            row["floor"] = copying(name, options.quick)
        elif suite == "memory":
            row["floor"] = 1.0
        rows[name] = row
    return rows


if __name__ == "__main__":
    main()
