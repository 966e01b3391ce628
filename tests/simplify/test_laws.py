"""Each law, wherever it is applied in the golden formulas and in some more, keeps the value (float64)."""

import numpy as np
import pytest

from gradcli.api import Session
from gradcli.errors import GradcliError
from gradcli.graph.terms import below
from gradcli.render.style import Style
from gradcli.render.termtext import formula_lines
from gradcli.simplify import laws
from tests.simplify.test_golden_formulas import cases, printed

MORE = """
"sum(x.T @ x)" --wrt x --x randn:2,3
"outer(x, y).sum()" --wrt x --x 1,2 --y 1,2,3
"cosine_similarity(x, y, 0)" --wrt x --x 1,2 --y 3,1
"x.max(1).values.sum()" --wrt x --x "tensor([[1., 2, 3], [4, 6, 5]])"
"sum(leaky_relu(x))" --wrt x --x 1,-2
"layer_norm(x, (3,)).pow(2).sum()" --wrt x --x randn:2,3
"diag(x).sum() + A.diagonal().sum()" --wrt A --x 1,2 --A randn:2,2
"sum(cat([x, y])**2)" --wrt x --x 1,2 --y 3,4
"(2*x).t().flip(0).sum()" --wrt x --x randn:2,3
"sum((x*3).permute(1, 0, 2) * y)" --wrt x --x randn:2,3,2 --y randn:3,2,2
"scaled_dot_product_attention(q, k, v).sum()" --wrt q --q randn:1,2,3 --k randn:1,2,3 --v randn:1,2,3
"bmm(A, B).pow(2).sum()" --wrt A --A randn:2,2,3 --B randn:2,3,2
"sum(where(x > y, x, x))" --wrt x --x 1,2 --y 3,1
"cross_entropy(x, t, reduction='sum')" --wrt x --x randn:3,4 --t "tensor([0, 1, 2])"
"std(x)" --wrt x --x 1,2,4
"x[x > 0].sum() + (x[x > 0]**2).sum()" --wrt x --x 1,-2,3
"x/(1 + abs(x))" --wrt x --x 1,-2,3
"logaddexp(x, y)" --wrt x --x 1,2 --y 3,1
"where(x > 0, x, 0.1*x) + relu(x)*x + hardtanh(x)" --wrt x --x 1,-2,3
"normalize(x, dim=0) @ y" --wrt x --x 1,2,3 --y 1,1,2
"binary_cross_entropy(sigmoid(x), y)" --wrt x --x 1,2 --y 0,1
"atan2(y, x)" --wrt x --x 1,2 --y 3,1
"logit(x)" --wrt x --x 0.3,0.4
"mean(relu(1 - y*(X @ w)))" --wrt w --X randn:4,3 --y 1,-1,1,1 --w randn:3
"quantile(x, 0.3)" --wrt x --x 3,1,2,4
"kron(A, B).sum()" --wrt A --A randn:2,2 --B randn:2,2
"linalg.matrix_norm(A)" --wrt A --A randn:2,3
"cross_entropy(x, t, label_smoothing=0.1)" --wrt x --x randn:3,4 --t "tensor([0, 1, 2])"
"linalg.eigvalsh(A).sum()" --wrt A --A "[[2., 1.], [1., 3.]]"
"linalg.eigvalsh(A) @ v" --wrt A --A "[[2., 1.], [1., 3.]]" --v 1,2
"bmm(A, B).sum()" --wrt B --A randn:2,2,3 --B randn:2,3,2
"einsum('i,ij,j->', x, A, y)" --wrt x --x 1,2 --A randn:2,3 --y 1,2,3
"einsum('ij,jk->ik', A, B).sum()" --wrt A --A randn:2,3 --B randn:3,2
"x**x" --wrt x --x 1,2
"exp(-cdist(x, y)**2/2).sum()" --wrt x --x randn:3,2 --y randn:4,2
"cumprod(x, 0) @ y + prod(x)" --wrt x --x 1,2,3 --y 1,2,3
"x @ A @ x/(x @ x)" --wrt x --x 1,2 --A randn:2,2
"x @ A @ x" --wrt x --order 2 --x 1,2 --A randn:2,2
"layer_norm(x, (4,), w)" --wrt x --x randn:3,4 --w randn:4 --seed v
"mean(log(cosh(x))) + sum(log(sin(x)))" --wrt x --x 1,2
"exp(x)/(1 + exp(x))**2" --wrt x --x 1,2
"linalg.lu(A)[2].sum()" --wrt A --A "[[2., 1.], [1., 3.]]"
"matrix_exp(A)" --wrt A --A "[[2., 1.], [1., 3.]]" --seed G
"grid_sample(x, g)" --wrt x --x randn:1,1,3,3 --g randn:1,1,1,2
"trace(A @ B)" --wrt A --A randn:2,3 --B randn:3,4
"addmm(b, x, w).sum()" --wrt w --b zeros:2 --x randn:4,3 --w randn:3,2
"prod(x)" --wrt x --x randn:2,3
"logsumexp(x, 0)" --wrt x --x 2
"linalg.norm(A, 2)" --wrt A --A randn:2,3
"sum(max(x, y)**2)" --wrt x --x 1,2 --y 3,1
"softmax(x, 0)*x" --wrt x --x 2
""".strip().splitlines()


class Applied:
    """A law and the terms it was applied to, while the formulas are made."""

    def __init__(self):
        self.pairs = []

    def watch(self, law):
        plain = law.apply

        def apply(builder, term):
            result = plain(builder, term)
            if result is not None and result is not term:
                self.pairs.append((law, term, result, builder.sizes))
            return result

        return apply


@pytest.fixture(scope="module")
def applied():
    seen = Applied()
    before = [law.apply for law in laws.TABLE]
    for law in laws.TABLE:
        law.apply = seen.watch(law)
    try:
        for line in [*[line for line, _ in cases()], *MORE]:
            printed(line)
    finally:
        for law, apply in zip(laws.TABLE, before, strict=True):
            law.apply = apply
    return seen.pairs


def variables(term):
    return {t.param("name"): t for t in below(term) if t.head == "variable"}


def evaluated(term, values):
    like = next((name for name, array in values.items() if array.dtype.kind == "f"), "")
    style = Style({name: array.shape for name, array in values.items()}, None, like)
    text = "\n".join(f"{part} = {line}" if part else line for part, line in formula_lines(term, style))
    session = Session(dtype="float64")
    for name, array in values.items():
        session.set(name, array)
    got = session.eval(text)
    return np.asarray(got.numpy() if hasattr(got, "numpy") else got, dtype=float)


def drawn(random, shape):
    """Positive numbers; matrices with a positive determinant, which some laws take for granted."""
    values = random.uniform(0.3, 2, shape)
    square = len(shape) > 1 and shape[-1] == shape[-2]
    return values + 2 * shape[-1] * np.eye(shape[-1]) if square else values


def test_laws_keep_values(applied):
    random, checked = np.random.default_rng(3), set()
    for law, term, result, sizes in applied:
        if sizes:
            continue
        found = variables(term)
        values = {
            name: drawn(random, t.shape) if t.floating else random.integers(0, 2, t.shape) for name, t in found.items()
        }
        if not values:
            continue
        try:
            left, right = evaluated(term, values), evaluated(result, values)
        except GradcliError:
            continue  # a part that stands alone in no program
        shape = np.broadcast_shapes(left.shape, right.shape)
        fine = np.isfinite(np.broadcast_to(left, shape))
        left, right = np.broadcast_to(left, shape)[fine], np.broadcast_to(right, shape)[fine]
        assert np.allclose(left, right, rtol=1e-9, atol=1e-12), f"{law.says}: {term} and {result}"
        checked.add(law.says)
    assert len(checked) >= 70, sorted(checked)


def test_shapes_are_kept(applied):
    for law, term, result, _ in applied:
        wide = np.broadcast_shapes(result.shape, term.shape)
        assert wide == term.shape, f"{law.says}: {term.shape} became {result.shape}"


def test_laws_are_said_and_conditioned():
    for law in laws.TABLE:
        assert law.says
        assert law.holds
        assert law.heads
