"""An explanation as one JSON object, for scripts: every step with its numbers and formulas, and the gradients."""

from __future__ import annotations

import json
from typing import Any

from gradcli.autodiff.explain import Passed, Step
from gradcli.cli.explanation import Explanation, Result
from gradcli.graph.terms import Term
from gradcli.render.jsontext import tensor_json
from gradcli.source import Span


def explanation_json(e: Explanation) -> str:
    """The object in one line.

    steps: in the order of the program; cotangent: what arrives, the sum of what came; passes: what each input gets,
    the cotangent times the derivative where elements do not mix. Formulas are of the language, null where there is
    none, and hold for these numbers. grads: null where there is none, and why in missing.
    """
    grads = {result.label: tensor_json(result.numbers) for result in e.results}
    grads |= {name: "null" for name, _, _ in e.missing}
    whole = {
        "of": json.dumps(e.of if e.seeds else None),
        "seeds": _object({name: tensor_json(g) for name, g in e.seeds}),
        "given": _object({name: tensor_json(v) for name, (v, _) in e.given.items()}),
        "steps": _list([_step(step, e) for step in e.steps]),
        "grads": _object(grads),
        "formulas": _object({result.label: _formula(result) for result in e.results}),
        "missing": _object({name: _missing(why, span) for name, why, span in e.missing}),
        "not_finite": json.dumps(e.origins),
    }
    return _object(whole) + "\n"


def _step(step: Step, e: Explanation) -> str:
    came = [_object({"from": json.dumps(source), "cotangent": tensor_json(g)}) for source, g in step.came]
    return _object(
        {
            "name": json.dumps(step.name),
            "formula": _term(step.formula, e),
            "value": tensor_json(step.value),
            "recorded": json.dumps(step.recorded),
            "cotangent": "null" if step.cotangent is None else tensor_json(step.cotangent),
            "came": _list(came),
            "hooked": json.dumps(step.hooked),
            "passes": _list([_passed(passed, e) for passed in step.passed]),
        }
    )


def _passed(passed: Passed, e: Explanation) -> str:
    mixed = passed.factor is None
    return _object(
        {
            "to": json.dumps(passed.name),
            "derivative": _term(passed.local, e),
            "factor": "null" if passed.factor is None else tensor_json(passed.factor),
            "formula": _term(passed.formula, e) if mixed else "null",
            "repeated": json.dumps(passed.repeated),
            "cotangent": tensor_json(passed.numbers),
        }
    )


def _formula(result: Result) -> str:
    facts: dict[str, Any] = {
        "formula": result.formula or None,
        "holds": result.holds if result.formula else None,
        "where": [text.removeprefix("where ") for text in result.conditions],
    }
    return json.dumps(facts, ensure_ascii=False)


def _missing(why: str, span: Span | None) -> str:
    place = {} if span is None else {"start": span.start, "end": span.end, "text": span.text}
    return json.dumps({"why": why, **place}, ensure_ascii=False)


def _term(term: Term | None, e: Explanation) -> str:
    return "null" if term is None else json.dumps("\n".join(e.formula(term)), ensure_ascii=False)


def _object(parts: dict[str, str]) -> str:
    return "{" + ", ".join(f"{json.dumps(key)}: {text}" for key, text in parts.items()) + "}"


def _list(parts: list[str]) -> str:
    return "[" + ", ".join(parts) + "]"
