# Hooks after accumulation, inference mode, anomalies, views and what they are views of, one grad_fn for one operation.
import torch

x = torch.tensor([1.0, 2.0], requires_grad=True)


def step(p):
    with torch.no_grad():
        p -= 0.1 * p.grad
    print("updated with", p.grad)
    p.grad = None


handle = x.register_post_accumulate_grad_hook(step)
(x * 3).sum().backward()
(x * x).sum().backward()
print(x, x.grad)
handle.remove()
(x * x).sum().backward()
print(x.grad)
try:
    (x * 2).register_post_accumulate_grad_hook(step)
except RuntimeError as e:
    print(e)

with torch.inference_mode():
    y = x * 2
    print(y.requires_grad, y.is_inference(), torch.is_inference_mode_enabled())
    y += 1
print(y, y[0].is_inference(), y.clone().is_inference(), x.is_inference())
for change in (lambda: y.add_(1), lambda: y.requires_grad_()):
    try:
        change()
    except RuntimeError as e:
        print(e)


@torch.inference_mode()
def predict(t):
    return t * x


print(predict(torch.ones(2)).requires_grad)

a = torch.tensor([0.0, 1.0], requires_grad=True)
try:
    with torch.autograd.detect_anomaly():
        (a / a).sum().backward()
except RuntimeError as e:
    print(e)
try:
    with torch.autograd.set_detect_anomaly(True):
        torch.where(a > 0, a.log() * a, torch.zeros(2)).sum().backward()
except RuntimeError as e:
    print(e)
(a / a).sum().backward()
print(a.grad)

b = torch.arange(12.0).view(3, 4)
print(b._is_view(), b[1]._base is b._base, b.detach()._is_view(), torch.ones(2)._base)
print(b[1].storage_offset(), b[:, 2].storage_offset(), b.t()[1].storage_offset(), b[1:, 2:].storage_offset())

u = x * 2
v = u.sum()
print(v.grad_fn.next_functions[0][0] is u.grad_fn, u.grad_fn is u.grad_fn, u.grad_fn is v.grad_fn)


class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, t):
        return t * 2

    @staticmethod
    def backward(ctx, g):
        return g * 2


w = Double.apply(x)
print(w)
print(w.grad_fn, w.sum().grad_fn.next_functions)
