# dataclasses, copies, parameters, forked random numbers, checkpoints.
import copy
from dataclasses import FrozenInstanceError, asdict, dataclass, field, replace

import torch
import torch.optim as optim
from torch import nn
from torch.utils.checkpoint import checkpoint


@dataclass
class Config:
    lr: float = 0.1
    steps: int = 3
    losses: list = field(default_factory=list)
    kind = "plain"

    def __post_init__(self):
        self.scaled = self.lr * 10


@dataclass
class Momentum(Config):
    beta: float = 0.9


@dataclass(frozen=True, order=True)
class Point:
    x: int
    label: str = field(default="", compare=False, repr=False)


config = Momentum(0.5, beta=0.8)
config.losses.append(1.0)
print(config, Config(), config.scaled, config.kind)
print(asdict(config), replace(config, steps=7), config == Momentum(0.5, 3, [1.0], 0.8))
print(sorted([Point(3), Point(1, "a")]), {Point(1): "one"}[Point(1, "b")])
for attempt in (lambda: setattr(Point(1), "x", 2), lambda: Point(), lambda: Point(1, 2, 3), lambda: Point(1, y=2)):
    try:
        attempt()
    except (FrozenInstanceError, TypeError) as e:
        print(type(e).__name__, e)

p = nn.Parameter(torch.tensor([1.0, 2.0]))
print(p, type(p), isinstance(p, torch.Tensor), isinstance(torch.ones(1), nn.Parameter))
print([nn.Parameter(torch.zeros(1), requires_grad=False)], p.data, p * 2)
(p * p).sum().backward()
with torch.no_grad():
    p -= config.lr * p.grad
print(f"{p} {p.grad}")

q = copy.deepcopy(p.detach().requires_grad_())
state = {"p": [q, q], "n": (1, 2)}
twin = copy.deepcopy(state)
twin["p"][0].data[0] = 9
print(state, twin, twin["p"][0] is twin["p"][1], twin["n"] is state["n"])
rows = [[1], [2]]
shallow, deep = copy.copy(rows), copy.deepcopy(rows)
rows[0].append(5)
print(shallow, deep)
try:
    copy.deepcopy(p * 2)
except RuntimeError as e:
    print(e)

torch.manual_seed(0)
with torch.random.fork_rng():
    torch.rand(5)
print(torch.rand(2))
x = torch.ones(2, requires_grad=True)
checkpoint(lambda t: t.sin().exp(), x, use_reentrant=False).sum().backward()
print(x.grad, type(torch.max(x, 0)).__name__)
