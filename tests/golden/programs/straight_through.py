# Custom gradients: straight-through rounding, gradient reversal, two outputs, None for what has no gradient.
import torch
from torch.autograd import Function


class RoundSTE(Function):
    @staticmethod
    def forward(ctx, x):
        return torch.round(x)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output


class Reverse(Function):
    @staticmethod
    def forward(ctx, x, alpha=1.0):
        ctx.alpha = alpha
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad):
        return grad.neg() * ctx.alpha, None


class SinCos(Function):
    @staticmethod
    def forward(ctx, x):
        s, c = torch.sin(x), torch.cos(x)
        ctx.save_for_backward(s, c)
        return s, c

    @staticmethod
    def backward(ctx, gs, gc):
        s, c = ctx.saved_tensors
        return gs * c - gc * s


class Linear(Function):
    @staticmethod
    def forward(ctx, input, weight, bias=None):
        ctx.save_for_backward(input, weight, bias)
        output = input.mm(weight.t())
        if bias is not None:
            output += bias.unsqueeze(0).expand_as(output)
        return output

    @staticmethod
    def backward(ctx, grad_output):
        input, weight, bias = ctx.saved_tensors
        grad_input = grad_weight = grad_bias = None
        if ctx.needs_input_grad[0]:
            grad_input = grad_output.mm(weight)
        if ctx.needs_input_grad[1]:
            grad_weight = grad_output.t().mm(input)
        if bias is not None and ctx.needs_input_grad[2]:
            grad_bias = grad_output.sum(0)
        return grad_input, grad_weight, grad_bias


def linear(input, weight, bias=None):
    return Linear.apply(input, weight, bias)


x = torch.tensor([0.4, 1.6, -0.7], requires_grad=True)
y = RoundSTE.apply(x * 2) + Reverse.apply(x, 0.5)
print(y)
y.sum().backward()
print(x.grad)

x.grad = None
s, c = SinCos.apply(x)
print(s.detach(), c.detach())
(s * c).sum().backward()
print(torch.allclose(x.grad, torch.cos(2 * x)))
x.grad = None
SinCos.apply(x)[1].sum().backward()
print(torch.allclose(x.grad, -torch.sin(x)))

torch.manual_seed(2)
inp = torch.randn(4, 3, dtype=torch.double, requires_grad=True)
wt = torch.randn(2, 3, dtype=torch.double, requires_grad=True)
bias = torch.randn(2, dtype=torch.double, requires_grad=True)
print(torch.autograd.gradcheck(linear, (inp, wt, bias), eps=1e-6, atol=1e-4))
print(torch.autograd.gradcheck(linear, (inp.detach(), wt)))
linear(inp.detach(), wt, bias).sum().backward()
print(inp.grad, wt.grad.shape, bias.grad)


class Wrong(Function):
    @staticmethod
    def forward(ctx, x, y):
        return x * y

    @staticmethod
    def backward(ctx, g):
        return g


try:
    Wrong.apply(torch.ones(2, requires_grad=True), torch.ones(2)).sum().backward()
except RuntimeError as error:
    print(error)
