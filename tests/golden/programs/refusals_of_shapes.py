# What PyTorch says of empty tensors, operands of the wrong shape, devices that are not there and indices that are none.
import torch

ones = torch.ones(2)
empty = torch.ones(0, 2)


def attempt(action):
    try:
        action()
    except Exception as e:
        print(type(e).__name__, "-", e)


attempt(lambda: torch.max(torch.ones(0)))
attempt(lambda: torch.argmax(torch.ones(0)))
attempt(lambda: empty.max(0))
attempt(lambda: empty.amin(0))
attempt(lambda: torch.mm(ones, ones))
attempt(lambda: torch.mm(torch.ones(2, 2), ones))
attempt(lambda: torch.bmm(torch.ones(1, 2, 2), ones))
attempt(lambda: torch.mv(ones, ones))
attempt(lambda: torch.einsum("ij,jk->ik", torch.ones(2, 3), torch.ones(2, 3)))
attempt(lambda: torch.linalg.solve(torch.zeros(2, 2), ones))
attempt(lambda: torch.linalg.solve(torch.zeros(2, 2, 2), torch.ones(2, 2)))
attempt(lambda: torch.bernoulli(ones * 2))
attempt(lambda: ones.masked_fill(ones, 1))
attempt(lambda: ones.masked_fill(torch.tensor([0, 1]), 1))
attempt(lambda: ones.cuda())
attempt(lambda: ones.to("cuda"))
attempt(lambda: torch.ones(2, device="cuda"))
attempt(lambda: range(ones))
attempt(lambda: [1, 2][ones])
attempt(lambda: [1, 2][torch.tensor(1.5)])
attempt(lambda: "a" in ones)
attempt(lambda: setattr(ones, "requires_grad", "a"))
attempt(lambda: setattr(ones, "data", 3))


def put(value):
    ones[0] = value


attempt(lambda: put("a"))
attempt(lambda: put(None))
attempt(lambda: put([1]))
