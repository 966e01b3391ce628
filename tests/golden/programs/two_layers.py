# -*- coding: utf-8 -*-
# A network of two layers, three times: gradients by hand, by autograd, and by autograd with .data.
import torch

dtype = torch.float
N, D_in, H, D_out = 16, 10, 12, 4


def setup():
    torch.manual_seed(42)
    x = torch.randn(N, D_in).type(dtype)
    y = torch.randn(N, D_out).type(dtype)
    w1 = torch.randn(D_in, H, dtype=dtype)
    w2 = torch.randn(H, D_out, dtype=dtype)
    return x, y, w1, w2


x, y, w1, w2 = setup()
learning_rate = 5e-4
for t in range(60):
    h = x.mm(w1)
    h_relu = h.clamp(min=0)
    y_pred = h_relu.mm(w2)
    loss = (y_pred - y).pow(2).sum().item()
    if t % 20 == 19:
        print(t, round(loss, 2))
    grad_y_pred = 2.0 * (y_pred - y)
    grad_w2 = h_relu.t().mm(grad_y_pred)
    grad_h_relu = grad_y_pred.mm(w2.t())
    grad_h = grad_h_relu.clone()
    grad_h[h < 0] = 0
    grad_w1 = x.t().mm(grad_h)
    w1 -= learning_rate * grad_w1
    w2 -= learning_rate * grad_w2
by_hand = w1.clone(), w2.clone()

x, y, w1, w2 = setup()
w1.requires_grad_()
w2.requires_grad = True
for t in range(60):
    y_pred = x.mm(w1).clamp(min=0).mm(w2)
    loss = (y_pred - y).pow(2).sum()
    loss.backward()
    with torch.no_grad():
        w1 -= learning_rate * w1.grad
        w2 -= learning_rate * w2.grad
        w1.grad.zero_()
        w2.grad.zero_()
print("autograd agrees:", all(torch.allclose(p, q, atol=1e-4) for p, q in zip(by_hand, (w1, w2))))

x, y, w1, w2 = setup()
w1, w2 = (torch.autograd.Variable(w, requires_grad=True) for w in (w1, w2))
for t in range(60):
    loss = (x.mm(w1).clamp(min=0).mm(w2) - y).pow(2).sum()
    if t > 0:
        w1.grad.data.zero_()
        w2.grad.data.zero_()
    loss.backward()
    w1.data -= learning_rate * w1.grad.data
    w2.data -= learning_rate * w2.grad.data
print("so does .data:", torch.allclose(by_hand[0], w1.data, atol=1e-4))
print(loss.data.item() < 200)
