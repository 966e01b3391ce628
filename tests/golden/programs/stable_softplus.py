"""log(1 + exp(x)): the naive formula overflows, and its gradient with it; a custom Function does not. Differentiable twice."""
import torch


def naive(x):
    return torch.log(1 + torch.exp(x))


class Log1pExp(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        z = torch.exp(-x.abs())
        ctx.save_for_backward(x)
        return x.clamp(min=0) + torch.log1p(z)

    @staticmethod
    def backward(ctx, grad):
        x, = ctx.saved_tensors
        return grad * torch.sigmoid(x)


log1pexp = Log1pExp.apply


def slope(f, at):
    x = torch.tensor(at, requires_grad=True)
    f(x).backward()
    return x.grad.item()


for at in (0.0, 1.0, 30.0, 100.0, -100.0):
    print(f"x = {at:7.1f}   naive {slope(naive, at):.4f}   stable {slope(log1pexp, at):.4f}")

x = torch.tensor([-2.0, 0.0, 3.0], dtype=torch.float64, requires_grad=True)
(first,) = torch.autograd.grad(log1pexp(x).sum(), x, create_graph=True)
print(first)
(second,) = torch.autograd.grad(first.sum(), x)
print(second)
s = torch.sigmoid(x)
print(torch.allclose(second, s * (1 - s)))
print(torch.autograd.gradcheck(Log1pExp.apply, (x,)))
print(torch.autograd.gradgradcheck(Log1pExp.apply, (x,)))
