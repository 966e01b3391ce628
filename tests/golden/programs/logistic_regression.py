import torch
import torch.nn.functional as F


def make_data(n: int, seed: int = 0) -> tuple:
    torch.manual_seed(seed)
    half = n // 2
    a = torch.randn(half, 2) + torch.tensor([1.5, 1.5])
    b = torch.randn(n - half, 2) - 1.5
    points = torch.cat([a, b], dim=0)
    labels = torch.cat((torch.ones(half), torch.zeros(n - half)))
    return points, labels


class LogisticRegression:
    def __init__(self, features: int):
        self.w = torch.zeros(features, requires_grad=True)
        self.b = torch.zeros(1, requires_grad=True)
        self.history = []

    def __call__(self, x):
        return torch.sigmoid(x @ self.w + self.b)

    def parameters(self):
        return [self.w, self.b]

    def fit(self, x, y, *, lr=0.5, steps=50, verbose=False):
        for i in range(steps):
            p = self(x)
            loss = -(y * p.log() + (1 - y) * (1 - p).log()).mean()
            for q in self.parameters():
                if q.grad is not None:
                    q.grad.detach_()
                    q.grad.zero_()
            loss.backward()
            with torch.no_grad():
                for q in self.parameters():
                    q.add_(q.grad, alpha=-lr)
            self.history.append(loss.item())
            if verbose and (i + 1) % 10 == 0:
                print("step %3d  loss %.4f" % (i + 1, loss))
        return self


if __name__ == "__main__":
    x, y = make_data(60)
    model = LogisticRegression(2)
    print(F.binary_cross_entropy(model(x), y).item() == -torch.log(torch.tensor(0.5)).item())
    model.fit(x, y, verbose=True)
    accuracy = ((model(x) > 0.5).float() == y).float().mean()
    print("accuracy", accuracy)
    print(model.w, model.b.item() > 0)
    assert sorted(model.history, reverse=True) == model.history, "the loss went up"
    logits = x @ model.w + model.b
    print(torch.allclose(F.binary_cross_entropy_with_logits(logits, y), F.binary_cross_entropy(model(x), y)))
