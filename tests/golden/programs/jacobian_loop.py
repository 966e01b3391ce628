# The Jacobian of a vector function: row by row, from torch, and its products.
import torch
from torch.autograd.functional import jacobian, hessian, vjp, jvp, hvp


def f(x):
    return torch.stack([x[0] ** 2 + x[1], 5 * x[0] + torch.sin(x[1]), x[0] * x[1]])


x = torch.tensor([1.0, 2.0], requires_grad=True)
y = f(x)
print(y)
J = torch.zeros(3, 2)
for i in range(3):
    v = torch.zeros(3)
    v[i] = 1.0
    g, = torch.autograd.grad(y, x, grad_outputs=v, retain_graph=True)
    J[i] = g
print(J)
print(torch.equal(J, jacobian(f, x)))

v = torch.tensor([1.0, 0.1, 0.01])
y.backward(v, retain_graph=True)
print(x.grad, torch.allclose(x.grad, v @ J))
print(vjp(f, x, v))
print(jvp(f, (x,), torch.tensor([1.0, -1.0])))
u = torch.tensor([1.0, -1.0])
print(J @ u)

g = lambda a, b: (a ** 2 * b).sum()
a, b = torch.tensor([1., 2.]), torch.tensor([3., 4.])
print(hessian(g, (a, b)))
print(hvp(g, (a, b), (torch.ones(2), torch.zeros(2))))
print(jacobian(lambda a, b: a * b, (a, b)))
rows = torch.autograd.grad(y, x, torch.eye(3), is_grads_batched=True)[0]
print(torch.equal(rows, J))
print(jacobian(lambda t: t.exp(), x, create_graph=True).sum())
