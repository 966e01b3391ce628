# How autograd was written before 0.4, and still is in many notebooks.
# torch1: PowBackward0=PowBackward0 MeanBackward0=MeanBackward1 ExpBackward0=ExpBackward SumBackward0=SumBackward0
import torch
from torch.autograd import Variable
import torch.nn.functional as F

x = Variable(torch.FloatTensor([[1, 2], [3, 4]]), requires_grad=True)
print(x.data)
print(x.grad)
y = torch.pow(x, 2)
print(y)
m = torch.mean(y)
print(m)
m.backward()
print(x.grad.data)
print(x.grad.data.numpy())

x.grad.data.zero_()
x.data.sub_(1)
print(x)
x.data = torch.Tensor([[0, 1], [2, 3]])
print(x, x.size(), x.size(0), x.dim(), x.nelement())

v = Variable(torch.ones(3))
print(v.requires_grad, v.volatile if hasattr(v, "volatile") else "no volatile")
e = torch.exp(x)
print(e.grad_fn, e.data.sum())
loss = F.mse_loss(x, Variable(torch.zeros(2, 2)))
loss.backward()
print(x.grad)
t = torch.LongTensor([0, 2, 1])
print(t, t.type(), t.float().type())
z = torch.DoubleTensor([0.5]).cuda() if torch.cuda.is_available() else torch.DoubleTensor([0.5])
print(z, z.is_cuda)
print(torch.Tensor(2, 3).size(), torch.ByteTensor([1, 0]).bool())
i = torch.IntTensor([[1], [2]])
print(i.numpy(), i.numpy().dtype, torch.is_tensor(i))
