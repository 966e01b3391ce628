# Looking at gradients on their way through the graph, and changing them.
import torch

log = []


def watcher(name):
    def hook(grad):
        log.append((name, grad.tolist()))
    return hook


x = torch.tensor([0.5, -1.5], requires_grad=True)
h = x * 4
out = torch.relu(h)
h.register_hook(watcher('h'))
handle = x.register_hook(watcher('x'))
out.sum().backward()
for name, value in log:
    print(f"{name:>3} -> {value}")
print(x.grad)

handle.remove()
log.clear()
x.grad = None
torch.relu(x * 4).sum().backward()
print(len(log), x.grad)

# a hook may return another gradient
x.grad = None
doubled = x.register_hook(lambda g: 2 * g)
(x ** 2).sum().backward()
print(x.grad)
doubled.remove()

# .grad of a tensor in the middle is kept on request
a = torch.ones(2, requires_grad=True)
b = a * 3
b.retain_grad()
c = (b ** 2).mean()
c.backward()
print(b.grad, a.grad)
print(b.is_leaf, b.grad_fn is not None, c.grad_fn)
clipped = torch.full((3,), 10., requires_grad=True)
clipped.register_hook(lambda g: g.clamp(-1, 1))
(clipped * torch.tensor([0.5, 5., -50.])).sum().backward()
print(clipped.grad)
