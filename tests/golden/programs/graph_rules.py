# What may and may not be done: leaves, no_grad, detach, in-place changes, freed graphs.
import torch


def attempt(title, action):
    try:
        print(title, "->", action())
    except RuntimeError as e:
        print(title, "!!", e)


x = torch.ones(3, requires_grad=True)
attempt("vector backward", lambda: (x * 2).backward())
attempt("in-place on a leaf", lambda: x.add_(1))
attempt("numpy of a tracked tensor", lambda: x.numpy())
attempt("integers", lambda: torch.tensor([1, 2], requires_grad=True))
attempt("not tracked", lambda: torch.ones(1).backward())


def modified():
    y = x.exp()
    y.mul_(2)
    y.sum().backward()


def modified_harmlessly():
    y = x + 1
    y.mul_(2)
    y.sum().backward()
    return x.grad


attempt("changed result of exp", modified)
attempt("changed result of +", modified_harmlessly)

with torch.no_grad():
    y = x * 2
    print(y.requires_grad, torch.is_grad_enabled())
    with torch.enable_grad():
        print((x * 2).requires_grad)
print(torch.is_grad_enabled())


@torch.no_grad()
def evaluate(v):
    """No graph in here."""
    return v * 3


print(evaluate(x).requires_grad, evaluate(x))
d = (x * 5).detach()
print(d, d.requires_grad, d.is_leaf, d.grad_fn)
d[0] = 7
print(d)
torch.set_grad_enabled(False)
print((x * 2).requires_grad)
torch.set_grad_enabled(True)
with torch.set_grad_enabled(False):
    print((x * 2).requires_grad)
u = torch.zeros(2, 2, requires_grad=True)
w = u.clone()
w[0, 1] = 5
w[1] = w[1] * 3 + 1
w.sum().backward()
print(w, u.grad, sep="\n")
