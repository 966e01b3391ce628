import torch
import torch.nn.functional as F

torch.manual_seed(1)
X = torch.tensor([[0., 0.], [0., 1.], [1., 0.], [1., 1.]])
Y = torch.tensor([[0.], [1.], [1.], [0.]])


class Layer:
    def __init__(self, n_in, n_out, activation=None):
        bound = 1 / n_in ** 0.5
        self.weight = torch.empty(n_in, n_out).uniform_(-bound, bound).requires_grad_()
        self.bias = torch.zeros(n_out, requires_grad=True)
        self.activation = activation or (lambda x: x)

    def __call__(self, x):
        return self.activation(x @ self.weight + self.bias)

    def parameters(self):
        yield self.weight
        yield self.bias


class Network:
    def __init__(self, *sizes):
        pairs = list(zip(sizes[:-1], sizes[1:]))
        self.layers = [Layer(i, o, torch.tanh if k < len(pairs) - 1 else torch.sigmoid)
                       for k, (i, o) in enumerate(pairs)]

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x

    __call__ = forward

    def parameters(self):
        return [p for layer in self.layers for p in layer.parameters()]


net = Network(2, 8, 1)
print(sum(p.numel() for p in net.parameters()), [tuple(p.shape) for p in net.parameters()])
for epoch in range(1, 301):
    out = net(X)
    loss = F.binary_cross_entropy(out, Y)
    for p in net.parameters():
        p.grad = None
    loss.backward()
    with torch.no_grad():
        for p in net.parameters():
            p -= 1.0 * p.grad
    if epoch % 100 == 0:
        print(f"epoch {epoch:4d} | loss {loss:.3f}")
with torch.no_grad():
    prediction = (net(X) > 0.5).int()
print(prediction.flatten().tolist(), (prediction == Y).all().item())
