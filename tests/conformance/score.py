"""Score gradcli against recorded PyTorch.

    python tests/conformance/score.py [ops errors printing rng programs] [--names torch1] [--family REGEX] [--show N]

Each case of a file runs in a fresh Session. A file's score is the share of its cases that pass; the exit status is 1
when one is below its threshold. What a case holds and what has to agree:

ops        `source` over `inputs`: outputs (shape, dtype, values within the tolerance), grad_fn name, printed text, and
           the gradients after a backward pass with `seed`
errors     `source` is refused with a GradcliError; `control`, a correct use of the same thing, is not
printing   the text of a tensor, or of `source` over it
rng        the numbers of `source` (or `sources`, in one stream) after torch.manual_seed, bit for bit, and their text
programs   what `program` prints

Names of PyTorch 1.0 are compared where it was asked: a case without its answer does not count, or is compared without
names.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gradcli import GradcliError, Session

HERE = Path(__file__).parent
THRESHOLDS = {"printing": 100.0, "rng": 100.0, "programs": 98.0, "ops": 99.0, "errors": 99.0}
# relative and absolute, by the least precise dtype of a case
TOLERANCES = {"float64": (1e-7, 1e-9), "float32": (1.04e-4, 1e-5), "float16": (2e-2, 4e-3)}
LAST_DIGIT = {"float64": 1.01e-4, "float32": 1.01e-4, "float16": 5e-3}
SPECIAL = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}

Case = dict[str, Any]


# Values


def decode(recorded: Case) -> np.ndarray:
    """A recorded array."""
    flat = np.array(recorded["data"], dtype=object).reshape(-1)
    numbers = [SPECIAL[number] if isinstance(number, str) else number for number in flat]
    return np.array(numbers, dtype=recorded["dtype"]).reshape(recorded["shape"])


def precision(case: Case) -> str:
    """The least precise floating dtype that a case goes through."""
    source = case["source"]
    outputs = case["output"] if isinstance(case["output"], list) else [case["output"]]
    gradients = [g for g in (case.get("grads") or {}).values() if g]
    used = {recorded["dtype"] for recorded in (*case["inputs"].values(), *outputs, *gradients)}
    if "float16" in used or "half(" in source or "float16" in source:
        return "float16"
    made = r"\.float\(\)|torch\.float32|torch\.(tensor|ones|zeros|full|linspace|arange)\("
    return "float32" if "float32" in used or re.search(made, source) else "float64"


def difference(found: np.ndarray, recorded: Case, tolerance: tuple[float, float]) -> str | None:
    """What is different about an array, or None."""
    wanted = decode(recorded)
    if found.shape != wanted.shape:
        return f"shape {found.shape}, torch {wanted.shape}"
    if str(found.dtype) != recorded["dtype"]:
        return f"dtype {found.dtype}, torch {recorded['dtype']}"
    if wanted.dtype.kind != "f":
        wrong = found != wanted
    else:
        rtol, atol = tolerance
        with np.errstate(all="ignore"):
            a, b = found.astype(np.float64), wanted.astype(np.float64)
            wrong = ~((a == b) | (np.abs(a - b) <= atol + rtol * np.abs(b)) | (np.isnan(a) & np.isnan(b)))
    if not wrong.any():
        return None
    at = tuple(np.argwhere(wrong)[0].tolist())
    return f"{int(wrong.sum())} of {wrong.size} values; at {list(at)} {found[at]!r}, torch {wanted[at]!r}"


def identical(found: np.ndarray, recorded: Case) -> bool:
    """Bit for bit the same, all nans being one."""
    wanted = decode(recorded)
    if found.dtype != wanted.dtype or found.shape != wanted.shape:
        return False
    nan = (found != found) & (wanted != wanted)
    signs = wanted.dtype.kind != "f" or bool(((np.signbit(found) == np.signbit(wanted)) | nan).all())
    return signs and bool(((found == wanted) | nan).all())


_NUMBER = re.compile(r"-?(?:\d+\.\d*(?:e[+-]\d+)?|\d+(?:e[+-]\d+)?|inf|nan)")


def similar_text(found: str, wanted: str, unit: float) -> bool:
    """The same text but for the last digit of its numbers and the line breaks that follow from it."""

    def frame(text: str) -> str:
        return re.sub(r"\s+", " ", _NUMBER.sub("#", text)).replace("[ ", "[").replace("( ", "(")

    pairs = list(zip(map(float, _NUMBER.findall(found)), map(float, _NUMBER.findall(wanted)), strict=False))
    return frame(found) == frame(wanted) and all(
        a == b or (a != a and b != b) or abs(a - b) <= unit * max(1.0, abs(a), abs(b)) for a, b in pairs
    )


# Cases: each judge gives what is wrong, None where nothing is; Skipped where there is no answer to compare with


class Skipped(Exception):
    """PyTorch 1.0 has no answer to this case."""


def session(names: str, inputs: dict[str, Case]) -> Session:
    """A fresh session that holds the inputs of a case."""
    made = Session(dtype="float32", names=names)
    for name, recorded in inputs.items():
        made.set(name, decode(recorded), requires_grad=bool(recorded.get("requires_grad")))
    return made


def judge_op(case: Case, names: str) -> str | None:
    """Outputs, names, text and gradients of an expression."""
    s = session(names, case["inputs"])
    several = isinstance(case["output"], list)
    value = s.eval("out_ = " + case["source"] + "\nout_")
    if isinstance(value, tuple | list) != several:
        return f"{type(value).__name__} where torch gives {'several tensors' if several else 'one'}"
    outputs, recorded = (list(value), case["output"]) if several else ([value], [case["output"]])
    if len(outputs) != len(recorded):
        return f"{len(outputs)} outputs, torch {len(recorded)}"
    least = precision(case)
    for output, wanted in zip(outputs, recorded, strict=True):
        wrong = difference(np.asarray(output.numpy()), wanted, TOLERANCES[least])
        if wrong:
            return f"output: {wrong}"
        if (list(output.shape), str(output.dtype)) != (wanted["shape"], f"torch.{wanted['dtype']}"):
            return f"output: {output.shape} {output.dtype}"
    return _judge_names(case, names, outputs, least) or _judge_gradients(case, s, outputs, least)


def _judge_names(case: Case, names: str, outputs: list[Any], least: str) -> str | None:
    several = isinstance(case["output"], list)
    torch2 = case["grad_fn"] if several else [case["grad_fn"]]
    wanted = torch2 if names == "torch2" else case["grad_fn_torch1"] if several else [case["grad_fn_torch1"]]
    texts = case.get("printed") if several else [case.get("printed")]
    recorded = case["output"] if several else [case["output"]]
    for at, output in enumerate(outputs):
        own = None if output.grad_fn is None else output.grad_fn.name()
        name = wanted[at] if wanted else None
        asked = names == "torch2" or case["grad_fn_torch1"] is not None
        if asked and own != name:
            return f"grad_fn {own}, torch {name}"
        text = texts[at] if texts else None
        if text is None or (names == "torch1" and torch2[at] and not name):
            continue
        text = text if names == "torch2" else text.replace(f"<{torch2[at]}>", f"<{name}>")
        exact = names == "torch2" and identical(np.asarray(output.numpy()), recorded[at])
        if repr(output) != text and (exact or not similar_text(repr(output), text, LAST_DIGIT[least])):
            return f"printed {output!r}, torch {text}"
    return None


def _judge_gradients(case: Case, s: Session, outputs: list[Any], least: str) -> str | None:
    if not case["grads"]:
        return None
    seed = case["seed"]
    if isinstance(case["output"], list):
        terms = []
        for at, part in enumerate(seed):
            if part is not None:
                s.set(f"seed{at}_", decode(part))
                terms.append(f"(out_[{at}] * seed{at}_).sum()")
        s.run(f"({' + '.join(terms)}).backward()")
    else:
        outputs[0].backward(None if seed is None else decode(seed))
    for name, wanted in case["grads"].items():
        gradient = s[name].grad
        if wanted is None or gradient is None:
            if wanted is not gradient:
                return f"{name}.grad is {gradient}, torch {wanted}"
            continue
        wrong = difference(np.asarray(gradient.numpy()), wanted, TOLERANCES[least])
        if wrong:
            return f"{name}.grad: {wrong}"
    return None


def judge_error(case: Case, names: str) -> str | None:
    """What is wrong is refused, what is right is not."""
    control = case.get("control")
    if control:
        try:
            session(names, control["inputs"]).run(control["source"])
        except GradcliError as error:
            return f"refuses the control {control['source']!r}: {error}"
    try:
        session(names, case["inputs"]).run(case["source"])
    except GradcliError:
        return None
    return f"accepts it; torch: {case['torch_error']}"


def judge_printing(case: Case, names: str) -> str | None:
    """The text of a tensor."""
    if names == "torch1" and "grad_fn=" in case["printed"]:
        raise Skipped
    s = Session(dtype="float32", names=names)
    if "data" in case:
        tracked = (case.get("suffix") or "").startswith(("requires_grad", "grad_fn"))
        s.set("x", decode(case), requires_grad=tracked)
    found = repr(s.eval(case.get("source", "x")))
    return None if found == case["printed"] else f"\n{found}\ntorch\n{case['printed']}"


def judge_random(case: Case, names: str) -> str | None:
    """The numbers of a stream."""
    s = Session(dtype="float32", names=names)
    s.run(f"torch.manual_seed({case['manual_seed']})")
    one = "source" in case
    sources, arrays, texts = (
        ([case["source"]], [case["data"]], [case["printed"]])
        if one
        else (case["sources"], case["data"], case["printed"])
    )
    for source, wanted, text in zip(sources, arrays, texts, strict=True):
        tensor = s.eval(source)
        if not identical(np.asarray(tensor.numpy()), wanted):
            return f"{source}: {difference(np.asarray(tensor.numpy()), wanted, (0, 0)) or 'a zero of the other sign'}"
        if repr(tensor) != text:
            return f"{source} prints {tensor!r}, torch {text}"
    return None


def judge_program(case: Case, names: str) -> str | None:
    """What a program prints."""
    wanted = case["stdout"] if names == "torch2" else case["stdout_torch1"]
    if wanted is None:
        raise Skipped
    found = Session(dtype="float32", names=names).run(case["program"])
    return None if found.rstrip("\n") == wanted.rstrip("\n") else f"\n{found}\ntorch\n{wanted}"


JUDGES = {
    "ops": judge_op,
    "errors": judge_error,
    "printing": judge_printing,
    "rng": judge_random,
    "programs": judge_program,
}


# Scores


class Score:
    """How the cases of a file, or of a family, came out."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed: dict[str, str] = {}

    @property
    def total(self) -> int:
        """The cases that were counted."""
        return self.passed + len(self.failed)

    @property
    def percent(self) -> float:
        """The share that passed."""
        return 100.0 * self.passed / self.total if self.total else 100.0


def cases(kind: str) -> Iterator[Case]:
    """The cases of a file."""
    with (HERE / f"{kind}.jsonl").open(encoding="utf-8") as file:
        for line in file:
            if line.strip():
                yield json.loads(line)


def family(case: Case) -> str:
    """The part of an id before its last dot."""
    return str(case["id"]).rpartition(".")[0]


def judge(kind: str, case: Case, names: str) -> str | None:
    """What is wrong with a case, or None.

    Raises: Skipped.
    """
    try:
        return JUDGES[kind](case, names)
    except GradcliError as error:
        return f"{error.python_name}: {error}"
    except Skipped:
        raise
    except Exception as crash:  # noqa: BLE001  (a case that crashes is a failed one; the others still count)
        return f"crash {type(crash).__name__}: {crash}"


def score(kind: str, names: str = "torch2", only: str = "") -> dict[str, Score]:
    """The scores of a file by family."""
    families: dict[str, Score] = {}
    for case in cases(kind):
        if not re.search(only, family(case)):
            continue
        own = families.setdefault(family(case), Score())
        try:
            wrong = judge(kind, case, names)
        except Skipped:
            continue
        if wrong is None:
            own.passed += 1
        else:
            own.failed[case["id"]] = wrong
    return families


def joined(families: dict[str, Score]) -> Score:
    """The score of all families together."""
    whole = Score()
    for part in families.values():
        whole.passed += part.passed
        whole.failed.update(part.failed)
    return whole


def main(arguments: list[str]) -> int:
    """Print the scores; 1 when a file is below its threshold."""
    parser = argparse.ArgumentParser(description="Score gradcli against recorded PyTorch.")
    parser.add_argument("kinds", nargs="*", metavar="FILE", help=f"of {', '.join(JUDGES)} (default: all)")
    parser.add_argument("--names", choices=["torch1", "torch2"], help="one version's names (default: both)")
    parser.add_argument("--family", default="", metavar="REGEX", help="only the families that match")
    parser.add_argument("--show", type=int, default=0, metavar="N", help="print the first N failures of each file")
    options = parser.parse_args(arguments)
    kinds = [Path(kind).stem for kind in options.kinds] or list(JUDGES)
    if unknown := [kind for kind in kinds if kind not in JUDGES]:
        parser.error(f"there is no {unknown[0]}; there are {', '.join(JUDGES)}")
    low = 0
    for names in [options.names] if options.names else ["torch2", "torch1"]:
        for kind in kinds:
            families = score(kind, names, options.family)
            whole = joined(families)
            below = whole.percent < THRESHOLDS[kind]
            low += below
            note = f"  BELOW {THRESHOLDS[kind]:g} %" if below else ""
            print(f"{kind:<9} {names}  {whole.passed:>5} of {whole.total:<5} {whole.percent:6.2f} %{note}")
            for name, part in sorted(families.items()):
                if part.failed:
                    print(f"    {name:<32} {part.passed:>4} of {part.total:<4} {part.percent:6.2f} %")
            for identity, wrong in list(whole.failed.items())[: options.show]:
                print(f"  {identity}: {wrong}")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
