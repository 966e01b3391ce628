# torch1: MulBackward0=MulBackward0
import torch

x = torch.tensor(2.0, requires_grad=True)
y = x ** 4
names = []
order = 0
while y.requires_grad:
    y, = torch.autograd.grad(y, x, create_graph=True)
    order += 1
    print(order, y.item())
    if order == 4:
        break

x = torch.tensor([0.3, 0.7], requires_grad=True)
s = torch.sin(x).sum()
g = torch.autograd.grad(s, x, create_graph=True)[0]
print(g)
h = torch.autograd.grad(g.sum(), x, create_graph=True)[0]
print(torch.allclose(h, -torch.sin(x)))

# a penalty on the gradient
w = torch.tensor([[0.5, -0.5], [0.25, 0.5]], requires_grad=True)
inp = torch.tensor([1.0, 2.0], requires_grad=True)
out = torch.tanh(w @ inp).sum()
gi, = torch.autograd.grad(out, inp, create_graph=True)
penalty = (gi.norm(2) - 1) ** 2
penalty.backward()
print(penalty.item() > 0, w.grad)
print(inp.grad)

a = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
b = (a ** 3).sum()
(da,) = torch.autograd.grad(b, a, create_graph=True)
da.sum().backward()
print(a.grad)
c = torch.tensor(1.5, requires_grad=True)
d = torch.tensor(0.5, requires_grad=True)
z = c * d
print(z)
print(torch.autograd.grad(z, [c, d], retain_graph=True))
unused = torch.ones(1, requires_grad=True)
print(torch.autograd.grad(z, [c, unused], allow_unused=True))
try:
    torch.autograd.grad(c * d, unused)
except RuntimeError as e:
    print(e)
