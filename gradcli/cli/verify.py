"""Whether a formula gives the gradient: both are evaluated in float64, at the point given and at another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradcli.api import Session
from gradcli.cli.meant import meant, outputs_of
from gradcli.cli.problem import Derivative, Problem
from gradcli.errors import GradcliError
from gradcli.language.syntax import ast

LIMIT = 20_000  # elements of the variables together; larger ones are not checked
LONGEST = 32  # an integer of a program that may be an index
DRAWS = 20  # how often a point is looked for where the gradient is finite
STEEP = 1e7  # a gradient that is larger at a point drawn here comes from a matrix that is singular there
SMALL = 3  # the first size of unknown shapes, beyond what the program indexes


class Check:
    """Points, and the gradient by a variable there, which formulas are compared with."""

    def __init__(self, problem: Problem, name: str) -> None:
        self.problem = problem
        self.name = name
        arrays = {n: v for n, v in problem.values.items() if isinstance(v, np.ndarray)}
        self.others = {n: v for n, v in problem.values.items() if not isinstance(v, np.ndarray)}
        self.points: list[tuple[dict[str, Any], Any, Any]] = []  # variables, seed, gradient
        if not problem.sizes and sum(v.size for v in arrays.values()) > LIMIT:
            return
        random = np.random.default_rng(5)
        for at in (0, 1):
            point = {n: _moved(n, v, at, random, problem) for n, v in arrays.items()}
            try:
                seed, wanted = _gradient(problem, name, point, self.others, random)
            except GradcliError:
                continue  # not a point where there is a gradient to compare with
            if wanted is not None and not (problem.sizes and np.abs(wanted).max(initial=0) > STEEP):
                self.points.append((point, seed, wanted))

    def agrees(self, text: str) -> bool:
        """Whether a formula gives the gradient at every point."""
        return all(self._agrees_at(text, *point) for point in self.points)

    def agrees_with_other_rank(self, text: str) -> bool:
        """Whether vectors could be matrices in the formula, or matrices vectors, if they could in the program."""
        random = np.random.default_rng(7)
        least = _least_size(self.problem)
        shape = (least,) if self.problem.same_rank == 2 else (least, least + 1)
        point = {n: random.uniform(0.2, 0.9, shape) for n in self.problem.values}
        try:
            seed, wanted = _gradient(self.problem, self.name, point, self.others, random)
        except GradcliError:
            return True
        return wanted is None or self._agrees_at(text, point, seed, wanted)

    def _agrees_at(self, text: str, point: dict[str, Any], seed: Any, wanted: Any) -> bool:
        try:
            session = _session(point, self.others)
            if self.problem.seed is not None:
                session.set(self.problem.seed, seed)
            found = session.eval(text)
            got = np.asarray(found.numpy() if hasattr(found, "numpy") else found, dtype=np.float64)
        except GradcliError:
            return False
        if got.shape != wanted.shape:
            return False
        fine = np.isfinite(wanted)
        scale = float(np.abs(wanted[fine]).max()) if fine.any() else 0.0
        return bool(np.allclose(got[fine], wanted[fine], rtol=1e-8, atol=1e-11 * max(scale, 0.1)))


def point_and_gradient(problem: Problem, derivative: Derivative) -> tuple[dict[str, Any], Any]:
    """A point (the one given, or a small one of fitting shapes), the seed among it, and the gradient there."""
    random = np.random.default_rng(5)
    arrays = {n: v for n, v in problem.values.items() if isinstance(v, np.ndarray)}
    others = {n: v for n, v in problem.values.items() if not isinstance(v, np.ndarray)}
    for draw in range(DRAWS):
        drawn = {n: _moved(n, v, 0 if n in problem.known else draw % 2, random, problem) for n, v in arrays.items()}
        point = {n: np.array(v) for n, v in drawn.items()}
        point = {n: v.astype(np.float64) if v.dtype.kind == "f" else v for n, v in point.items()}
        try:
            seed, wanted = _gradient(problem, derivative.name, point, others, random)
        except GradcliError:
            if draw + 1 < DRAWS and len(problem.known) < len(problem.values):
                continue
            raise
        if wanted is None:
            wanted = np.zeros(point[derivative.name].shape)
        steep = not np.isfinite(wanted).all() or np.abs(wanted).max(initial=0) > STEEP
        if len(problem.known) == len(problem.values) or not steep:
            break
    if problem.seed is not None:
        point[problem.seed] = seed
    return point, wanted


def _least_size(problem: Problem) -> int:
    """A size that every index and length of the program fits in: in x[:5] there are five elements to take."""
    literals = [part.value for part in ast.walk(problem.module) if isinstance(part, ast.Literal)]
    return SMALL + max((n for n in literals if type(n) is int and n <= LONGEST), default=0)


def _moved(name: str, value: Any, at: int, random: Any, problem: Problem) -> Any:
    """A value in float64, moved a little at the second point; in place of an unknown one another of a small shape."""
    if name not in problem.known:
        known = sorted((n for n in problem.sizes if n < 2000), reverse=bool(at))  # wide matrices, then tall ones
        places = {n: _least_size(problem) + i for i, n in enumerate(known)}
        shape = tuple(places.get(n, n) for n in value.shape)
        if value.dtype.kind == "i":
            return random.integers(0, SMALL, shape)
        drawn = random.uniform(0.2, 0.9, shape)
        if drawn.ndim > 1 and drawn.shape[-1] == drawn.shape[-2]:  # a positive determinant, which formulas assume
            drawn += np.eye(drawn.shape[-1]) * drawn.shape[-1]
        return drawn
    if value.dtype.kind != "f":
        return value
    wide = value.astype(np.float64)
    return wide * random.uniform(0.95, 1.05, wide.shape) + random.uniform(0, 0.02, wide.shape) if at else wide


def _gradient(
    problem: Problem, target: str, point: dict[str, Any], others: dict[str, Any], random: Any
) -> tuple[Any, Any]:
    """The seed and the gradient, by running the program backward."""
    session = _session(point, others, problem.recorded())
    given = session.after()
    outputs = [o for o in outputs_of(session.eval(problem.module)) if o.dtype.floating]
    seeds = [np.ones(o.shape) for o in outputs]
    if problem.seed is not None:
        seeds = [random.uniform(0.2, 0.9, outputs[0].shape)]
    elif isinstance(problem.seed_value, np.ndarray):
        seeds = [problem.seed_value.astype(np.float64)]
    pairs = [(o, s) for o, s in zip(outputs, seeds, strict=True) if o.requires_grad]
    session._variables["target__"] = meant(target, given, session.after())
    session._variables["outputs__"] = [o for o, _ in pairs]
    session._variables["seeds__"] = [session._tensor(s) for _, s in pairs]
    session._variables["again__"] = problem.order > 1
    found = session.eval(
        "torch.autograd.grad(outputs__, target__, seeds__, create_graph=again__, allow_unused=True)[0]"
    )
    for _ in range(problem.order - 1):
        if found is None or not found.requires_grad:
            return seeds[0], None
        session._variables["found__"] = found
        found = session.eval("torch.autograd.grad(found__.sum(), target__, create_graph=True, allow_unused=True)[0]")
    return seeds[0], None if found is None else found.numpy()


def _session(point: dict[str, Any], others: dict[str, Any], recorded: Sequence[str] = ()) -> Session:
    session = Session(dtype="float64")
    for name, value in point.items():
        session.set(name, value, requires_grad=name in recorded and value.dtype.kind == "f")
    for name, value in others.items():
        session[name] = value
    return session
