# Which exception each refusal is, so that a program's except clause catches it as in PyTorch.
import torch
import torch.nn.functional as F

ones = torch.ones(2)


def attempt(action):
    try:
        action()
    except Exception as e:
        print(type(e).__name__, "-", e)


attempt(lambda: ones & ones)
attempt(lambda: F.softmax(torch.tensor([1, 2]), 0))
attempt(lambda: torch.clamp(ones))
attempt(lambda: torch.arange(1, 0))
attempt(lambda: torch.tensor([1]) % 0)
attempt(lambda: F.one_hot(torch.tensor([1, 5]), 3))
attempt(lambda: F.batch_norm(torch.ones(2, 2), None, None))
attempt(lambda: F.binary_cross_entropy(ones * 2, ones))
attempt(lambda: F.binary_cross_entropy(ones, torch.ones(3)))
attempt(lambda: F.dropout(ones, 2.0))
attempt(lambda: F.mse_loss(ones, ones, reduction="average"))
attempt(lambda: torch.multinomial(torch.zeros(2), 1))
attempt(lambda: torch.stack([]))
attempt(lambda: ones.double() @ ones)
attempt(lambda: torch.ones(2, 2) @ ones.double())
attempt(lambda: torch.ones(2, 2) @ torch.ones(2, 2).double())
attempt(lambda: torch.ones(1, 2, 2) @ torch.ones(1, 2, 2).double())
attempt(lambda: torch.tensor([1, 2]).requires_grad_())
attempt(lambda: torch.linalg.cholesky(-torch.eye(2)))

try:
    torch.linalg.inv(torch.zeros(2, 2))
except torch.linalg.LinAlgError as e:
    print(type(e), isinstance(e, RuntimeError))
try:
    torch.ones(2) << 1
except NotImplementedError:
    print("not implemented")

leaf = torch.ones(3, requires_grad=True)


def put(index):
    leaf[index] = 1


for index in (0, slice(None), slice(1, 3), ..., [0, 1], leaf > 0):
    attempt(lambda: put(index))


class Unfinished(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2


class Empty(torch.autograd.Function):
    pass


attempt(lambda: Unfinished.apply(leaf).sum().backward())
attempt(lambda: Empty.apply(leaf))
y = leaf * 2
z = y * y
y[0] = 0
attempt(lambda: z.sum().backward())
