"""Gradients add up until they are cleared."""
# torch1: AddBackward0=AddBackward0 SumBackward0=SumBackward0 MulBackward0=MulBackward0
import torch

w = torch.tensor([1.0, -2.0, 0.5], requires_grad=True)
print("before:", w.grad)

for step in range(3):
    loss = (w * w).sum()
    loss.backward()
    print("pass {}: {}".format(step, w.grad))

w.grad.zero_()
print("cleared", w.grad)

y = 3 * w + 1
print(y, y.requires_grad, y.is_leaf, w.is_leaf)
y.backward(torch.tensor([1., 10., 100.]))
print(w.grad)

w.grad = None
total = y.detach().sum() + (w ** 3).sum()
print(total)
total.backward()
print(w.grad)

try:
    total.backward()
except RuntimeError as err:
    print(type(err).__name__, str(err).split(" (")[0])

z = (w.exp() * 2).sum()
z.backward(retain_graph=True)
first = w.grad.clone()
z.backward()
print(w.grad - first)
print(torch.allclose(w.grad - first, 2 * w.exp()))
