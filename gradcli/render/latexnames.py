"""The notation of ops in LaTeX, as tables; an op that is in none of them is set as its own name."""

from __future__ import annotations

FUNCTIONS = {
    "sin": r"\sin", "cos": r"\cos", "tan": r"\tan", "log": r"\log", "sinh": r"\sinh", "cosh": r"\cosh",
    "tanh": r"\tanh", "sigmoid": r"\sigma", "det": r"\det", "linalg.det": r"\det", "max": r"\max", "min": r"\min",
    "amax": r"\max", "amin": r"\min", "maximum": r"\max", "minimum": r"\min", "asin": r"\arcsin", "acos": r"\arccos",
    "atan": r"\arctan", "log2": r"\log_{2}", "log10": r"\log_{10}", "trace": r"\operatorname{tr}",
    "lgamma": r"\log\Gamma", "digamma": r"\psi", "diag_embed": r"\operatorname{diag}",
    "diagonal": r"\operatorname{diag}", "linalg.vector_norm": r"\operatorname{norm}",
}  # fmt: skip
# whose powers are written behind the name: sin^2 x
RAISED = frozenset("sin cos tan log sinh cosh tanh".split())
SIGNS = {"gt": ">", "lt": "<", "ge": r"\ge", "le": r"\le", "eq": "=", "ne": r"\ne"}
BETWEEN = {"logical_and": r"\wedge", "logical_or": r"\vee", "cross": r"\times", "linalg.cross": r"\times",
           "kron": r"\otimes"}  # fmt: skip
AROUND = {"abs": "vert", "floor": "floor", "ceil": "ceil", "norm": "Vert"}  # \lvert x \rvert
# calls whose first further argument is a dimension, set below the name
ALONG = frozenset(
    "softmax log_softmax logsumexp cumsum cumprod mean var std amax amin max min prod flip permute sum any all argmax "
    "argmin cummax cummin logcumsumexp sort".split()
)
MULTIPLYING = frozenset("matmul mT outer inv linalg.inv linalg.solve linalg.pinv det linalg.det".split())
