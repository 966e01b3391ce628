import torch
from torch.autograd import Function, Variable


class Rectify(Function):
    """max(0, x), with its derivative written out."""

    @staticmethod
    def forward(ctx, inp):
        ctx.save_for_backward(inp)
        return inp.clamp(min=0)

    @staticmethod
    def backward(ctx, grad_output):
        inp, = ctx.saved_tensors
        grad_input = grad_output.clone()
        grad_input[inp < 0] = 0
        return grad_input


class Scale(Function):
    @staticmethod
    def forward(ctx, x, factor):
        ctx.factor = factor
        return x * factor

    @staticmethod
    def backward(ctx, g):
        return g * ctx.factor, None


rectify = Rectify.apply
x = Variable(torch.Tensor([[-1, 2], [3, -4]]), requires_grad=True)
y = rectify(x)
print(y)
z = Scale.apply(y, 2.5)
print(z)
z.backward(torch.ones(2, 2))
print(x.grad.data)

torch.manual_seed(0)
N, D_in, H, D_out = 8, 6, 5, 3
inputs = torch.randn(N, D_in)
targets = torch.randn(N, D_out)
w1 = torch.randn(D_in, H, requires_grad=True)
w2 = torch.randn(H, D_out, requires_grad=True)
rate = 1e-3
for t in range(40):
    pred = Rectify.apply(inputs.mm(w1)).mm(w2)
    loss = (pred - targets).pow(2).sum()
    if t % 10 == 9:
        print(t, '%.3f' % loss.item())
    loss.backward()
    with torch.no_grad():
        w1 -= rate * w1.grad
        w2 -= rate * w2.grad
        w1.grad.zero_()
        w2.grad.zero_()
print(w2)
