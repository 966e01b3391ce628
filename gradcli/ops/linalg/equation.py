"""The equation of an einsum: its labels, and their sizes."""

from __future__ import annotations

from collections.abc import Sequence

from gradcli.errors import ShapeError
from gradcli.shapes import Shape

Labels = tuple[int, ...]

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ELLIPSIS = -1  # stands for the dimensions of `...` until they are counted


def _terms(text: str) -> list[Labels]:
    """The labels of each operand of one side of an equation.

    Raises: ShapeError with the place of what is not a subscript.
    """
    terms: list[list[int]] = [[]]
    at = 0
    while at < len(text):
        letter = text[at]
        if letter in LETTERS:
            terms[-1].append(LETTERS.index(letter))
        elif letter == ",":
            terms.append([])
        elif text.startswith("...", at):
            if ELLIPSIS in terms[-1]:
                raise _bad_ellipsis(len(terms) - 1, "more than one ellipsis")
            terms[-1].append(ELLIPSIS)
            at += 2
        elif letter == ".":
            raise _bad_ellipsis(len(terms) - 1, "a '.' that is not part of an ellipsis '...'")
        elif letter != " ":
            raise ShapeError(
                f"{letter!r} is not a subscript; letters are",
                torch=f"einsum(): invalid subscript given at index {at} in the equation string, "
                "subscripts must be in [a-zA-Z]",
            )
        at += 1
    return [tuple(term) for term in terms]


def _bad_ellipsis(at: int, what: str) -> ShapeError:
    return ShapeError(
        f"operand {at} has {what}",
        torch=f"einsum(): found '.' for operand {at} that is not part of any ellipsis",
    )


def read_equation(equation: str) -> tuple[list[Labels], Labels | None]:
    """The labels of the operands and of the output (None when the equation has no arrow)."""
    left, arrow, right = equation.partition("->")
    if not arrow:
        return _terms(left), None
    output = _terms(right)
    if len(output) > 1:
        raise ShapeError(
            f"the output {right!r} has a comma: there is one output",
            torch=f"einsum(): invalid subscript given at index {equation.index(',', len(left))} in the equation "
            "string, subscripts must be in [a-zA-Z]",
        )
    return _terms(left), output[0]


def _name(label: int) -> str:
    return LETTERS[label] if 0 <= label < len(LETTERS) else "..."


def place_labels(terms: list[Labels], output: Labels | None, shapes: list[Shape]) -> tuple[tuple[Labels, ...], Labels]:
    """The labels with each ellipsis counted, and the output worked out where it is implied.

    Raises: ShapeError for what does not fit.
    """
    if len(terms) != len(shapes):
        fewer = len(shapes) < len(terms)
        raise ShapeError(
            f"the equation has {len(terms)} operand{'' if len(terms) == 1 else 's'}, {len(shapes)} were given",
            torch=f"einsum(): {'fewer' if fewer else 'more'} operands were provided than specified in the equation",
        )
    spare = [_spare_dims(at, term, shape) for at, (term, shape) in enumerate(zip(terms, shapes, strict=True))]
    widest = max(spare, default=0)
    dots = tuple(len(LETTERS) + at for at in range(widest))
    placed = []
    for term, count in zip(terms, spare, strict=True):
        placed.append(_with_dots(term, dots[widest - count :]))
    if output is None:
        seen = [label for term in terms for label in term if label != ELLIPSIS]
        return tuple(placed), (*dots, *sorted(label for label in set(seen) if seen.count(label) == 1))
    _check_output(output, terms)
    return tuple(placed), _with_dots(output, dots)


def _with_dots(term: Labels, dots: Labels) -> Labels:
    if ELLIPSIS not in term:
        return term
    at = term.index(ELLIPSIS)
    return (*term[:at], *dots, *term[at + 1 :])


def _spare_dims(at: int, term: Labels, shape: Shape) -> int:
    """How many dimensions of an operand its ellipsis stands for."""
    named = len(term) - (ELLIPSIS in term)
    if named == len(shape) or (ELLIPSIS in term and named < len(shape)):
        return len(shape) - named
    how = "is more than" if ELLIPSIS in term else "does not match"
    raise ShapeError(
        f"operand {at} has {named} subscript{'' if named == 1 else 's'} for a tensor of shape {shape}",
        torch=f"einsum(): the number of subscripts in the equation ({named}) {how} the number of dimensions "
        f"({len(shape)}) for operand {at}{'' if ELLIPSIS in term else ' and no ellipsis was given'}",
    )


def _check_output(output: Labels, terms: list[Labels]) -> None:
    for label in output:
        if output.count(label) > 1:
            raise ShapeError(
                f"{_name(label)!r} appears more than once in the output",
                torch=f"einsum(): output subscript {_name(label)} appears more than once in the output",
            )
        if label != ELLIPSIS and not any(label in term for term in terms):
            raise ShapeError(
                f"the output has {_name(label)!r}, which no operand has",
                torch=f"einsum(): output subscript {_name(label)} does not appear in the equation for any input "
                "operand",
            )


def label_sizes(labels: Sequence[Labels], shapes: Sequence[Shape]) -> dict[int, int]:
    """The size of each label; a size of 1 broadcasts.

    Raises: ShapeError where sizes differ.
    """
    sizes: dict[int, int] = {}
    for at, (term, shape) in enumerate(zip(labels, shapes, strict=True)):
        for label, size in zip(term, shape, strict=True):
            if term.count(label) > 1 and shape[term.index(label)] != size:
                raise ShapeError(
                    f"{_name(label)!r} is repeated in operand {at}, but its sizes differ: {shape}",
                    torch=f"einsum(): subscript {_name(label)} is repeated for operand {at} but the sizes don't match, "
                    f"{size} != {shape[term.index(label)]}",
                )
            known = sizes.get(label, 1)
            if size not in (1, known) and known != 1:
                raise ShapeError(
                    f"the sizes of {_name(label)!r} differ: {known} and {size}",
                    torch=f"einsum(): subscript {_name(label)} has size {size} for operand {at} which does not "
                    f"broadcast with previously seen size {known}",
                )
            sizes[label] = known if size == 1 else size
    return sizes
