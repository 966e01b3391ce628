# The autograd chapter of a textbook: a dot product, non-scalar outputs, detaching, control flow.
# torch1: MulBackward0=MulBackward0 SumBackward0=SumBackward0 DotBackward0=DotBackward PowBackward0=PowBackward0 AddBackward0=AddBackward0
import torch

x = torch.arange(4.0)
print(x)
x.requires_grad_(True)  # the same as torch.arange(4.0, requires_grad=True)
print(x.grad)
y = 2 * torch.dot(x, x)
print(y)
y.backward()
print(x.grad)
print(x.grad == 4 * x)
x.grad.zero_()
y = x.sum()
y.backward()
print(x.grad)

x.grad.zero_()
y = x * x
y.backward(gradient=torch.ones(len(y)))
print(x.grad)

x.grad.zero_()
y = x * x
u = y.detach()
z = u * x
z.sum().backward()
print(x.grad == u)
x.grad.zero_()
y.sum().backward()
print(x.grad == 2 * x)


def f(a):
    b = a * 2
    while b.norm() < 1000:
        b = b * 2
    if b.sum() > 0:
        c = b
    else:
        c = 100 * b
    return c


torch.manual_seed(4)
a = torch.randn(size=(), requires_grad=True)
d = f(a)
d.backward()
print(a.grad == d / a)

# what the graph looks like from its end
q = ((x + 1) ** 2).sum()
node, depth = q.grad_fn, 0
while node is not None:
    print('  ' * depth + node.name())
    node = node.next_functions[0][0] if node.next_functions else None
    depth += 1
print(q.grad_fn.next_functions[0][1], isinstance(q, torch.Tensor), type(q))

# sums of gradients over two paths
a = torch.tensor([2., 3.], requires_grad=True)
b = torch.tensor([6., 4.], requires_grad=True)
Q = 3 * a ** 3 - b ** 2
Q.backward(gradient=torch.tensor([1., 1.]))
print(9 * a ** 2 == a.grad)
print(-2 * b == b.grad)
print(a.grad.dtype, a.grad.shape == a.shape)
m, n = torch.rand(5, 5), torch.rand((5, 5), requires_grad=True)
print((m + m).requires_grad, (m + n).requires_grad)
