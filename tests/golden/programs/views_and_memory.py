# One memory, several tensors; and gradients through indexing.
import torch

x = torch.arange(6.).view(2, 3)
row = x[0]
row += 10
print(x)
x.t()[2, 1] = -1
print(x, x.is_contiguous(), x.t().is_contiguous())

p = torch.zeros(2, 3, requires_grad=True)
q = p * 1
q[:, 0] = 2.
q[1].mul_(3)
mask = q > 1
print(mask)
q[mask].sum().backward()
print(p.grad)

e = torch.randn(3, 1).expand(3, 4)
print(e.shape, e.stride())
v = torch.tensor([1., 2., 3., 4.], requires_grad=True)
picked = v[[0, 0, 3]]
picked.sum().backward()
print(v.grad)
v.grad.zero_()
torch.gather(v, 0, torch.tensor([1, 1, 2])).pow(2).sum().backward()
print(v.grad)
a, b = v.split(2)
print(a, b)
m = v.detach().view(2, 2)
m.fill_(0)
print(v)
parts = torch.stack([v, v * 2]).unbind(0)
print([t.shape for t in parts], parts[1].grad_fn is not None)
s = torch.cat((v, torch.ones(1))).cumsum(0)
s[-1].backward()
print(s, v.grad)
w = v.clone()
w[1:3] = torch.tensor([9., 9.])
print(w.sum(), w.numel(), len(w), v.dtype)
k = torch.empty(2, 2).fill_(3.5)
k[k > 3] = 0
print(k, torch.where(k == 0, torch.tensor(1.), k))
