import torch

torch.manual_seed(11)
num_inputs, num_outputs, n = 6, 3, 30
centers = torch.randn(num_outputs, num_inputs) * 3
labels = torch.arange(n) % num_outputs
X = centers[labels] + torch.randn(n, num_inputs)

W = torch.normal(0, 0.01, size=(num_inputs, num_outputs), requires_grad=True)
b = torch.zeros(num_outputs, requires_grad=True)


def softmax(X):
    X_exp = torch.exp(X)
    partition = X_exp.sum(1, keepdim=True)
    return X_exp / partition


def net(X):
    return softmax(torch.matmul(X.reshape((-1, W.shape[0])), W) + b)


def cross_entropy(y_hat, y):
    return - torch.log(y_hat[range(len(y_hat)), y])


def accuracy(y_hat, y):
    if len(y_hat.shape) > 1 and y_hat.shape[1] > 1:
        y_hat = y_hat.argmax(axis=1)
    cmp = y_hat.type(y.dtype) == y
    return float(cmp.type(y.dtype).sum())


class Accumulator:
    """Sums over several variables."""
    def __init__(self, n):
        self.data = [0.0] * n

    def add(self, *args):
        self.data = [a + float(b) for a, b in zip(self.data, args)]

    def reset(self):
        self.data = [0.0] * len(self.data)

    def __getitem__(self, idx):
        return self.data[idx]


probs = softmax(torch.tensor([[1., 2., 3.], [0., 0., 0.]]))
print(probs, probs.sum(1))
y_hat = torch.tensor([[0.1, 0.3, 0.6], [0.3, 0.2, 0.5]])
print(cross_entropy(y_hat, torch.tensor([0, 2])))
for epoch in range(5):
    metric = Accumulator(3)
    for i in range(0, n, 10):
        xb, yb = X[i:i + 10], labels[i:i + 10]
        out = net(xb)
        l = cross_entropy(out, yb)
        l.sum().backward()
        with torch.no_grad():
            for p in (W, b):
                p -= 0.1 * p.grad / len(yb)
                p.grad.zero_()
        metric.add(l.sum(), accuracy(out, yb), yb.numel())
    print(f"epoch {epoch + 1}: loss {metric[0] / metric[2]:.3f}, accuracy {metric[1] / metric[2]:.2f}")

logits = torch.tensor([[2.0, -1.0, 0.5]], requires_grad=True)
loss = torch.nn.functional.cross_entropy(logits, torch.tensor([0]))
loss.backward()
expected = softmax(logits.detach()) - torch.tensor([[1., 0, 0]])
print(loss, torch.allclose(logits.grad, expected))
