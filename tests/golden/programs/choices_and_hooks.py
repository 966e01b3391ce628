# Choices by chance with a gradient, derivatives that are taken once, hooks that return what they must not, parts of one
# result.
import torch
import torch.nn.functional as F
from torch.autograd.function import once_differentiable

torch.manual_seed(0)
x = torch.tensor([[1.0, 2.0, 0.5], [0.0, 0.0, 3.0]], requires_grad=True)
y = F.gumbel_softmax(x, tau=0.7)
print(y)
y[:, 0].sum().backward()
print(x.grad)
z = F.gumbel_softmax(x, hard=True, dim=0)
print(z)
z[0].sum().backward()
print(x.grad)


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, t):
        ctx.save_for_backward(t)
        return t**3

    @staticmethod
    @once_differentiable
    def backward(ctx, g):
        (t,) = ctx.saved_tensors
        return 3 * t**2 * g


class Parts(torch.autograd.Function):
    @staticmethod
    def forward(ctx, t):
        return t * 2, t * 3

    @staticmethod
    def backward(ctx, g, h):
        return 2 * g + 3 * h


t = torch.tensor(2.0, requires_grad=True)
(g,) = torch.autograd.grad(Cube.apply(t), t, create_graph=True)
print(g, g.requires_grad)
a, b = Parts.apply(t)
print(a.grad_fn is b.grad_fn, a.grad_fn is Parts.apply(t)[0].grad_fn)


def attempt(action):
    try:
        action()
    except Exception as e:
        print(type(e).__name__, "-", e)


def wrong_size(g):
    return torch.ones(3)


for hook in (wrong_size, lambda g: 3):
    u = torch.ones(2, requires_grad=True)
    u.register_hook(hook)
    attempt(lambda: u.sum().backward())
v = torch.ones(4, requires_grad=True)
attempt(lambda: v.unbind()[1].add_(1))
attempt(lambda: v.clone().chunk(2)[1].mul_(2))
