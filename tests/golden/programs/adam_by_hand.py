from math import sqrt

import torch


class Adam:
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        self.params = list(params)
        self.lr, self.eps = lr, eps
        self.beta1, self.beta2 = betas
        self.m = [torch.zeros_like(p) for p in self.params]
        self.v = [torch.zeros_like(p) for p in self.params]
        self.t = 0

    def zero_grad(self):
        for p in self.params:
            if p.grad is not None:
                p.grad.zero_()

    @torch.no_grad()
    def step(self):
        self.t += 1
        for i, p in enumerate(self.params):
            g = p.grad
            self.m[i].mul_(self.beta1).add_(g, alpha=1 - self.beta1)
            self.v[i].mul_(self.beta2).addcmul_(g, g, value=1 - self.beta2)
            m_hat = self.m[i] / (1 - self.beta1 ** self.t)
            v_hat = self.v[i] / (1 - self.beta2 ** self.t)
            p.addcdiv_(m_hat, v_hat.sqrt() + self.eps, value=-self.lr)


class Momentum(Adam):
    def __init__(self, params, lr, mu=0.9):
        super().__init__(params, lr)
        self.mu = mu

    def step(self):
        with torch.no_grad():
            for p, m in zip(self.params, self.m):
                m.copy_(self.mu * m + p.grad)
                p -= self.lr * m


def minimise(make, steps=100):
    xy = torch.tensor([-3.0, 2.0], requires_grad=True)
    opt = make([xy])
    for i in range(steps):
        opt.zero_grad()
        loss = (xy[0] ** 2 + 10 * xy[1] ** 2) / 2
        loss.backward()
        opt.step()
    return xy, loss


for name, make in {"adam": lambda p: Adam(p, lr=0.1), "momentum": lambda p: Momentum(p, 0.02)}.items():
    xy, loss = minimise(make)
    print(f"{name:10s} {loss.item():.4f} [{xy[0].item():.3f}, {xy[1].item():.3f}]")
print(sqrt(16), isinstance(Momentum([], 1), Adam))
