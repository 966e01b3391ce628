# Gradients clipped by torch.nn.utils, gradients of gradients in .grad, and the limits of dtypes.
# torch1: CopyBackwards=CloneBackward AddBackward0=AddBackward0 CatBackward0=CatBackward
import torch
from torch.nn.utils import clip_grad_norm_, clip_grad_value_, parameters_to_vector, vector_to_parameters

w = torch.tensor([3.0, 4.0], requires_grad=True)
b = torch.tensor(1.0, requires_grad=True)
unused = torch.zeros(2, requires_grad=True)
loss = (w**2).sum() * 10 + b * 3
loss.backward()
print(clip_grad_norm_([w, b, unused], 0.5), w.grad, b.grad)
print(clip_grad_norm_([w, b], max_norm=100.0, norm_type=float("inf")), w.grad)
print(torch.nn.utils.clip_grad_norm_(w, 0.1, norm_type=1), clip_grad_norm_([unused], 1.0))
clip_grad_value_([w, b], 0.04)
print(w.grad, b.grad)
print(parameters_to_vector([w, b]))
vector_to_parameters(torch.tensor([1.0, 2.0, 3.0]), [w, b])
print(w, b, w.is_leaf)

x = torch.tensor([1.0, 2.0], requires_grad=True)
for _ in range(2):
    (x**2).sum().backward(create_graph=True)
    print(x.grad)
g = x.grad.sum()
x.grad = None
g.backward()
print(x.grad)
y = (x**1).sum()
y.backward()
try:
    y.backward()
except RuntimeError:
    print("x ** 1 keeps x as well")
try:
    torch.autograd.grad(x.sum(), [])
except RuntimeError as error:
    print(error)

print(torch.finfo(torch.float32), torch.finfo(torch.float16), torch.finfo(torch.float64).tiny)
print(torch.iinfo(torch.int32), torch.iinfo(torch.uint8).max, type(torch.finfo(torch.float32)))
print(torch.zeros_like(x, memory_format=torch.preserve_format), x.layout, torch.strided, x.is_cpu)
print(x.type(torch.DoubleTensor).dtype, torch.backends.mps.is_available())
torch.backends.cudnn.deterministic = True
print(hasattr(torch, "foo"), hasattr(torch.nn, "Foo"))
