"""einsum: in fewer operands, or as products of matrices."""

from __future__ import annotations

from gradcli.graph.terms import Arg, Term
from gradcli.simplify.build import Builder
from gradcli.simplify.law import law, one


@law("einsum", "einsum with a number -> the number times einsum without it", "the operand has no dimensions")
def _einsum_of_number(b: Builder, t: Term) -> Term | None:
    left, _, right = t.params[0][1].partition("->")
    labels = left.split(",")
    kept = [(x, a) for x, a in zip(labels, t.args, strict=True) if x]
    if len(kept) == len(labels) or not kept:
        return None
    scalars = [a for x, a in zip(labels, t.args, strict=True) if not x]
    text = ",".join(x for x, _ in kept) + "->" + right
    parts = [Arg(at) for at in range(len(kept))]
    return b.multiply([*scalars, b.call("einsum", [a for _, a in kept], t.shape, t.dtype, text, *parts)])


@law("einsum", "einsum('ij->ij', A) -> A, einsum('ij->ji', A) -> A.T", "A is a matrix where it is turned")
def _einsum_of_one(b: Builder, t: Term) -> Term | None:
    left, _, right = t.params[0][1].partition("->")
    if len(t.args) != 1 or len(set(left)) != len(left):
        return None
    if left == right:
        return t.args[0]
    return b.transpose(t.args[0]) if len(left) == 2 and left == right[::-1] else None


@law("einsum", "einsum('ij,jk->ik', A, B) -> A @ B", "two operands, one label of one size that is summed, no batch")
def _einsum_of_two(b: Builder, t: Term) -> Term | None:
    left, _, right = t.params[0][1].partition("->")
    labels = left.split(",")
    if len(labels) != 2 or any(len(x) != len(set(x)) or not 1 <= len(x) <= 2 for x in labels):
        return None
    first, second = labels
    summed = set(first) & set(second)
    if len(summed) != 1 or set(right) != set(first) ^ set(second):
        return None
    (s,) = summed
    a, c = t.args
    if a.shape[first.index(s)] != c.shape[second.index(s)]:
        return None
    if len(first) == 2 and first[0] == s:
        a = b.transpose(a)
    if len(second) == 2 and second[1] == s:
        c = b.transpose(c)
    made = b.matmul(a, c)
    plain = first.replace(s, "") + second.replace(s, "")
    return made if right == plain else b.transpose(made)


def _labels(t: Term) -> tuple[list[str], str]:
    """The labels of each operand, and those of the result."""
    left, _, right = t.params[0][1].partition("->")
    return left.split(","), right


def _einsum(b: Builder, labels: list[str], args: list[Term], right: str, t: Term) -> Term:
    """A call of einsum with the sizes that the labels have in its operands."""
    sizes = {x: n for own, a in zip(labels, args, strict=True) for x, n in zip(own, a.shape, strict=True)}
    parts = [Arg(at) for at in range(len(args))]
    shape = tuple(sizes[x] for x in right)
    return b.call("einsum", args, shape, t.dtype, ",".join(labels) + "->" + right, *parts)


@law("einsum", "einsum('ij,k->k', A, x) -> einsum(',k->k', sum(A), x)", "i and j are labels of one operand alone")
def _summed_before(b: Builder, t: Term) -> Term | None:
    labels, right = _labels(t)
    for at, (own, a) in enumerate(zip(labels, t.args, strict=True)):
        others = "".join(labels[:at] + labels[at + 1 :]) + right
        lone = [d for d, x in enumerate(own) if x not in others]
        if len(set(own)) < len(own) or not lone or (one(a) and len(labels) > 1):
            continue
        kept = "".join(x for d, x in enumerate(own) if d not in lone)
        args = [*t.args[:at], b.total(a, tuple(lone), False), *t.args[at + 1 :]]
        return _einsum(b, [*labels[:at], kept, *labels[at + 1 :]], args, right, t)
    return None


@law("einsum", "einsum('ij,jk->ik', ones, B) -> expand(einsum('jk->k', B))", "one operand is ones, others are not")
def _without_ones(b: Builder, t: Term) -> Term | None:
    labels, right = _labels(t)
    at = next((at for at, a in enumerate(t.args) if one(a)), None)
    if at is None or len(t.args) < 2 or len(set(labels[at])) < len(labels[at]):
        return None
    rest, args = labels[:at] + labels[at + 1 :], [*t.args[:at], *t.args[at + 1 :]]
    seen, sizes = set("".join(rest)), dict(zip(labels[at], t.args[at].shape, strict=True))
    count = [b.sized(n) for x, n in sizes.items() if x not in seen and x not in right]
    made = _einsum(b, rest, args, "".join(x for x in right if x in seen), t)
    spread = b.reshape(made, tuple(n if x in seen else 1 for x, n in zip(right, t.shape, strict=True)))
    return b.expand(b.multiply([*count, spread]), t.shape)


@law("einsum", "einsum('ij,kj,kl->il', A, B, C) -> A @ B.T @ C, in batches too", "each label that is summed joins two")
def _chain_of_matrices(b: Builder, t: Term) -> Term | None:
    labels, right = _labels(t)
    lead = 0
    while all(len(x) > lead and x[lead] == right[lead : lead + 1] for x in labels):
        lead += 1
    shapes = {a.shape[:lead] for a in t.args}
    ends = [x[lead:] for x in labels]
    if len(labels) < 2 or len(shapes) > 1 or (lead and any(len(x) != 2 for x in ends)):
        return None
    sizes: dict[str, int] = {}
    for own, a in zip(labels, t.args, strict=True):
        if any(sizes.setdefault(x, n) != n for x, n in zip(own, a.shape, strict=True)):
            return None
    found = _in_a_row(b, ends, t.args, right[lead:])
    if found is None:
        return None
    if len(right) == lead + 2:
        made = found[0]
        for a in found[1:]:
            made = b.matmul(made, a)
    else:
        made = found[-1]
        for a in reversed(found[:-1]):
            made = b.matmul(a, made)
    return made


def _in_a_row(b: Builder, labels: list[str], args: tuple[Term, ...], right: str) -> list[Term] | None:
    """Matrices (and a vector at an end that has no label in the result) so turned that each joins the next."""
    if any(not 1 <= len(x) <= 2 or len(set(x)) < len(x) for x in labels) or len(right) > 2:
        return None
    if any("".join(labels).count(x) != (1 if x in right else 2) for x in set("".join(labels))):
        return None
    left = dict(enumerate(labels))
    vectors = [at for at, x in left.items() if len(x) == 1 and x not in right]
    if len(vectors) != 2 - len(set(right)) or any(len(x) == 1 and x in right for x in labels):
        return None
    at = next(at for at, x in left.items() if right[0] in x) if right else vectors[0]
    label = right[0] if right else ""
    found: list[Term] = []
    while True:
        own = left.pop(at)
        found.append(b.transpose(args[at]) if len(own) == 2 and own[1] == label else args[at])
        label = own.replace(label, "") if label else own
        following = [n for n, x in left.items() if label and label in x]
        if not following:
            return found if not left else None
        at = following[0]


@law("einsum", "einsum('i,j->ij', u, v) -> outer(u, v), einsum('ij,ij->ij', A, B) -> A * B", "no label is summed")
def _elementwise_product(b: Builder, t: Term) -> Term | None:
    labels, right = _labels(t)
    if [len(x) for x in labels] == [1, 1] and "".join(labels) == right and labels[0] != labels[1]:
        return b.call("outer", t.args, t.shape, t.dtype)
    if len(set(right)) < len(right) or any([x for x in right if x in own] != list(own) for own in labels):
        return None
    spread = []
    for own, a in zip(labels, t.args, strict=True):
        sizes = dict(zip(own, a.shape, strict=True))
        spread.append(b.reshape(a, tuple(sizes.get(x, 1) for x in right)))
    return b.expand(b.multiply(spread), t.shape)


@law("einsum", "einsum('ij,ij->', A, B) -> sum(A * B)", "all labels of all operands are the same and summed")
def _sum_of_products(b: Builder, t: Term) -> Term | None:
    labels, right = _labels(t)
    if right or len(t.args) < 2 or len(set(labels)) > 1 or len(set(labels[0])) < len(labels[0]):
        return None
    if len({a.shape for a in t.args}) > 1 or len(t.args[0].shape) < 2:
        return None
    return b.total(b.multiply(t.args), None, False)
