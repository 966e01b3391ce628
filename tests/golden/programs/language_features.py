#!/usr/bin/env python
"""The parts of Python that notebooks use around their tensors."""
from typing import Callable, List, Optional

import torch


def summarise(*tensors, scale: float = 1.0, **named) -> dict:
    result = {f"t{i}": (t * scale).sum().item() for i, t in enumerate(tensors)}
    result.update({k: v.tolist() for k, v in named.items()})
    return result


def compose(*functions: Callable) -> Callable:
    def run(x):
        for f in functions:
            x = f(x)
        return x
    return run


print(summarise(torch.ones(2), torch.arange(3), scale=2, last=torch.tensor([1, 2])))
first, *rest = torch.unbind(torch.eye(3))
print(first, len(rest))
squares: List[int] = [i ** 2 for i in range(6) if i % 2 == 0]
lookup = {n: torch.tensor(float(n)) for n in squares}
print(squares, lookup[4], 16 in lookup, lookup.get(7, "none"))
pipeline = compose(torch.sin, lambda t: t + 1, torch.Tensor.exp)
x = torch.tensor(0.5, requires_grad=True)
out = pipeline(x)
out.backward()
print(out, x.grad)

total, i = 0, 0
while True:
    i += 1
    if i % 2:
        continue
    total += i
    if i >= 10:
        break
else:
    total = -1
print(total, "even" if total % 2 == 0 else "odd")


def fibonacci():
    a, b = 0, 1
    while True:
        yield a
        a, b = b, a + b


gen = fibonacci()
print([next(gen) for _ in range(8)], list(zip("ab", [1, 2])), sorted([3, 1, 2], key=lambda v: -v))


class Polynomial:
    count = 0

    def __init__(self, *coefficients):
        self.coefficients = torch.tensor(coefficients, dtype=torch.float)
        Polynomial.count += 1

    @property
    def degree(self):
        return len(self.coefficients) - 1

    def __call__(self, x):
        return sum(c * x ** k for k, c in enumerate(self.coefficients))

    def __repr__(self):
        return f"Polynomial(degree={self.degree})"


p = Polynomial(1, 0, -2)
x = torch.linspace(0, 1, 3, requires_grad=True)
y = p(x)
y.sum().backward()
print(p, y, x.grad, Polynomial.count)
try:
    torch.ones(2, 3) @ torch.ones(2, 3)
except RuntimeError as e:
    print("caught:", e)
finally:
    print("finally")
try:
    raise ValueError("bad %d" % 3)
except (KeyError, ValueError) as e:
    print(repr(e), e)
assert torch.tensor(1.) > 0, "never"
nested = [[1., 2.], [3., 4.]]
print(max(len(r) for r in nested), any(v > 3 for r in nested for v in r), sum(nested, []))
a = b = torch.zeros(2)
a += 1
print(b is a, b, 0 < a[0] <= 1, not a.sum() == 3)
text = "tensor,grad,graph".split(",")
print(text[::-1], "-".join(text), text[0].upper()[:3], len(text), "%s|%5s|%-5s|" % ("x", "ab", "cd"))
global_step = 0


def tick(by: Optional[int] = None):
    global global_step
    global_step += by or 1
    return global_step


print(tick(), tick(5), global_step)
print(divmod(17, 5), 7 // 2, -7 // 2, -7 % 3, 2 ** 10, 1e3, abs(-2.5), round(2.567, 1), min(3, 1), int("12") + float("1.5"))
