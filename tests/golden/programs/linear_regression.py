import torch
import numpy as np

torch.manual_seed(1)
true_w = torch.tensor([2, -3.4])
true_b = 4.2


def synthetic_data(w, b, num_examples):
    """y = Xw + b + noise."""
    X = torch.normal(0, 1, (num_examples, len(w)))
    y = torch.matmul(X, w) + b
    y += torch.normal(0, 0.01, y.shape)
    return X, y.reshape((-1, 1))


features, labels = synthetic_data(true_w, true_b, 100)
print('features:', features[0], '\nlabel:', labels[0])
print(features.shape, labels.shape)


def data_iter(batch_size, features, labels):
    num_examples = len(features)
    order = torch.randperm(num_examples)
    for i in range(0, num_examples, batch_size):
        rows = order[i:min(i + batch_size, num_examples)]
        yield features[rows], labels[rows]


for X, y in data_iter(4, features, labels):
    print(X, '\n', y)
    break

w = torch.normal(0, 0.01, size=(2, 1), requires_grad=True)
b = torch.zeros(1, requires_grad=True)


def linreg(X, w, b):
    return torch.matmul(X, w) + b


def squared_loss(y_hat, y):
    return (y_hat - y.reshape(y_hat.shape)) ** 2 / 2


def sgd(params, lr, batch_size):
    with torch.no_grad():
        for param in params:
            param -= lr * param.grad / batch_size
            param.grad.zero_()


lr, num_epochs, batch_size = 0.1, 4, 10
for epoch in range(num_epochs):
    for X, y in data_iter(batch_size, features, labels):
        l = squared_loss(linreg(X, w, b), y)
        l.sum().backward()
        sgd([w, b], lr, batch_size)
    with torch.no_grad():
        train_l = squared_loss(linreg(features, w, b), labels)
        print(f'epoch {epoch + 1}, loss {float(train_l.mean()):f}')

print(f'w error: {torch.abs(true_w - w.reshape(true_w.shape)).max().item():.3f}')
print(f'b error: {abs(true_b - b.item()):.3f}')
