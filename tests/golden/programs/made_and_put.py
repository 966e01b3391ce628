# What torch.tensor makes of lists, numbers and tensors in them; out=; calls that do not fit, in PyTorch's words.
import torch
import torch.nn.functional as F


def attempt(action):
    try:
        print(action())
    except Exception as e:
        print(type(e).__name__, "-", e)


for data in (
    [torch.tensor(1), torch.tensor(2.5)],
    [1, torch.tensor(2.5)],
    [torch.tensor(1.5, dtype=torch.float64), 1],
    [torch.ones(1), torch.ones(1, 1)],
    [torch.ones(2)],
    [[1, 2], [3]],
    [[[1], [2, 3]]],
    [[1, 2], 3],
    [1, [2]],
    [1, None],
    {},
    "text",
    2**70,
):
    attempt(lambda: torch.tensor(data))
for number, dtype in ((300, torch.uint8), (-1, torch.uint8), (-1.5, torch.uint8), (float("nan"), torch.int64)):
    attempt(lambda: torch.tensor([number], dtype=dtype))
attempt(lambda: torch.tensor([1], dtype=float))
attempt(lambda: torch.tensor([1.5], dtype=int))
attempt(lambda: torch.tensor([1.5], dtype="float"))

c = torch.empty(2)
print(torch.add(torch.ones(2), 1, out=c) is c, c)
d = torch.empty(0)
torch.exp(torch.zeros(2, 2), out=d)
print(d, torch.sum(d, 0, out=None))
values, indices = torch.empty(0), torch.empty(0, dtype=torch.long)
print(torch.max(torch.tensor([[1.0, 3.0], [5.0, 2.0]]), 1, out=(values, indices)), values)
attempt(lambda: torch.add(torch.ones(2, requires_grad=True), 1, out=c))
attempt(lambda: torch.add(torch.ones(2), 1.5, out=torch.empty(2, dtype=torch.long)))

attempt(lambda: torch.zeros(2.5))
attempt(lambda: torch.ones(3).softmax("a"))
attempt(lambda: torch.softmax(torch.ones(3), dim="a"))
attempt(lambda: torch.softmax(torch.ones(2)))
attempt(lambda: torch.ones(2, foo=1))
attempt(lambda: torch.ones(4).diag(1, 2))
attempt(lambda: torch.exp(torch.ones(2), 1))
attempt(lambda: F.mse_loss(torch.ones(2)))
attempt(lambda: torch.cat(torch.ones(2)))
