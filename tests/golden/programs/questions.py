"""Questions people ask about autograd, with the code that shows the answer."""
import torch

# Why is my .grad None? (not a leaf, or never used)
import warnings
warnings.filterwarnings("ignore")
a = torch.ones(2, requires_grad=True)
b = a * 2
unused = torch.zeros(1, requires_grad=True)
b.sum().backward()
print(a.grad, unused.grad, b.is_leaf)

# Why does my loop slow down? Keep numbers, not graphs.
losses = []
w = torch.tensor(0.0, requires_grad=True)
for target in [1.0, 2.0, 3.0]:
    loss = (w - target) ** 2
    losses.append(loss.item())
    loss.backward()
print(losses, sum(losses) / len(losses), w.grad.item())

# Gradient with respect to an input image, and only the largest score
torch.manual_seed(0)
image = torch.rand(1, 4, requires_grad=True)
weights = torch.tensor([[1., 0.], [0., 2.], [-1., 1.], [3., -1.]])
scores = image @ weights
best = scores.argmax(dim=1)
scores[0, best].backward()
saliency, _ = torch.max(image.grad.abs(), dim=0)
print(best, image.grad, saliency)

# Two losses, one graph
x = torch.tensor([1., 2.], requires_grad=True)
shared = torch.exp(x)
loss1, loss2 = shared.sum(), (shared ** 2).sum()
loss1.backward(retain_graph=True)
g1 = x.grad.clone()
x.grad = None
loss2.backward()
g2 = x.grad.clone()
x.grad = None
h = torch.exp(x)
(h.sum() + (h ** 2).sum()).backward()
print(torch.allclose(x.grad, g1 + g2))

# Freezing a part
w1 = torch.ones(2, 2, requires_grad=True)
w2 = torch.ones(2, 2, requires_grad=True)
w1.requires_grad = False
(w1 @ w2).sum().backward()
print(w1.grad, w2.grad)

# max splits ties, indices do not
t = torch.tensor([1., 3., 3.], requires_grad=True)
t.max().backward()
print(t.grad)
t.grad = None
values, indices = t.max(dim=0)
values.backward()
print(t.grad, indices.item())
print(torch.max(t.detach().view(1, 3), dim=1))
t.grad = None
torch.topk(t, 2).values.sum().backward()
print(t.grad, torch.sort(t, descending=True).values)

# sign, round and argmax have no slope; where is safe only if both branches are
s = torch.tensor([-0.5, 0.0, 2.0], requires_grad=True)
(torch.sign(s) * s).sum().backward()
print(s.grad)
s.grad = None
torch.where(s > 0, torch.sqrt(s), torch.zeros_like(s)).sum().backward()
print(s.grad)
s.grad = None
torch.where(s > 0, torch.sqrt(torch.where(s > 0, s, torch.ones_like(s))), torch.zeros_like(s)).sum().backward()
print(s.grad)

# RuntimeErrors
for title, bad in (
    ("twice", lambda: [loss1.backward() for _ in range(2)]),
    ("shapes", lambda: torch.ones(2, 3) + torch.ones(2, 4)),
    ("seed", lambda: (x * 2).backward(torch.ones(3))),
    ("item", lambda: x.item()),
    ("assign", lambda: setattr(x, "grad", torch.ones(3))),
):
    try:
        bad()
    except (RuntimeError, ValueError, TypeError) as error:
        print(f"{title}: {type(error).__name__}: {str(error)[:60]}")
