# Clip gradients by value and by norm, by hand.
import torch


def clip_by_norm(parameters, max_norm):
    grads = [p.grad for p in parameters if p.grad is not None]
    total = torch.sqrt(sum((g ** 2).sum() for g in grads))
    scale = max_norm / (total + 1e-6)
    if scale < 1:
        for g in grads:
            g.mul_(scale)
    return total


torch.manual_seed(3)
params = {"w": torch.randn(3, 2, requires_grad=True), "b": torch.zeros(2, requires_grad=True)}
x = torch.randn(5, 3) * 10
loss = ((x @ params["w"] + params["b"]) ** 2).mean()
loss.backward()
print({k: tuple(p.grad.shape) for k, p in params.items()})
before = clip_by_norm(params.values(), 1.0)
after = torch.cat([p.grad.view(-1) for p in params.values()]).norm()
print(f"{before:.2f} -> {after:.4f}")

for k, p in params.items():
    p.grad.data.clamp_(-0.1, 0.1)
    print(k, p.grad.abs().max().item() <= 0.1, (p.grad == -0.1).any().item())


def exploding(h, *weights, steps=4, **options):
    for _ in range(steps):
        for w in weights:
            h = torch.tanh(h @ w) if options.get("squash", False) else h @ w
    return h.sum()


for squash in (False, True):
    w = (torch.eye(3) * 3).requires_grad_()
    exploding(torch.ones(1, 3), w, w, squash=squash).backward()
    print(squash, w.grad.norm().item() > 100)
