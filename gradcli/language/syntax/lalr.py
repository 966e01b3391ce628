"""The shift-reduce loop: tokens in, whatever the builders make of them out.

The tables are those Lark generated from the grammar, saved as text and decoded here row by row when a row is first
needed: an expression visits a tenth of them. Nodes are built while parsing, on stacks of our own, so that neither
the length nor the depth of a text matters. Chains of rules that only pass a child on (an atom is a power is a
product is a sum ...) are followed once and remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from gradcli.language.syntax.lexer import NAME, NUMBER, Tokens, Vocabulary

# What makes a node of a rule's children: (tokens, children, offset of the start, offset of the end). A child that is
# a token is its number.
Builder = Callable[[Tokens, Any, int, int], object]

# What stands in the tables where a rule has no builder of its own.
AS_LIST = "[]"  # the children are a list, which goes into the rule around it
AS_CHILD = "="  # the only child stands for the rule
ACCEPT = "!"  # the text is complete

# What to do with a child on the way to the builder, beside its number where it is handed on as it is.
ABSENT = "."  # None: an optional part that is not there
SPREAD = "*"  # before the number: a list, whose items are handed on

# States are numbered in steps of STATE, nonterminals in steps of ORIGIN, and there are fewer kinds of tokens than
# that, so that the sum of the three is a key.
STATE = 1 << 16
ORIGIN = 1 << 8

ALONE = -1  # where the children of a rule begin that has one
OPERANDS = (NAME, NUMBER)

# Where its children begin on the stack (0: it has none), origin, what picks among them (None: all are taken), builder
# (None: AS_CHILD or ACCEPT).
Rule = tuple[int, int, "Callable[[list[Any]], Any] | None", "Builder | None"]


class Stuck(Exception):
    """No rule takes token `index` in `state`, with `states` below it."""

    def __init__(self, index: int, state: int, states: list[int]) -> None:
        super().__init__(index, state)
        self.index = index
        self.state = state
        self.states = states


class Tables:
    """The LALR tables of a grammar, with its vocabulary and the builders of its rules."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        starts: dict[str, int],
        rules: list[str],
        follows: list[str],
        states: list[str],
        builders: dict[str, Builder],
        mistakes: str = "{}",
    ) -> None:
        self.mistakes = mistakes  # JSON, read when something is wrong
        self.vocabulary = vocabulary
        self.starts = {name: state * STATE for name, state in starts.items()}
        self.rules = _Rules(rules, builders)
        self.actions = _Actions(states, follows)
        self.gotos = _Gotos(states, self)
        self.leaves = _Leaves(self)


class _Rules(dict[int, Rule]):
    """Rules by number, decoded from "origin size builder picks..."."""

    def __init__(self, lines: list[str], builders: dict[str, Builder]) -> None:
        super().__init__()
        self.lines = lines
        self.builders = builders

    def __missing__(self, number: int) -> Rule:
        origin, count, name, *picks = self.lines[number].split()
        size = int(count)
        build: Builder | None
        if name in (AS_CHILD, ACCEPT):
            build = None
        else:
            build = _as_list if name == AS_LIST else self.builders[name]
        cut = 2 - 3 * size if size else 0
        rule = self[number] = (cut, int(origin) * ORIGIN, _picker(picks, size, name), build)
        return rule


class _Actions(dict[int, "int | None"]):
    """What to do in a state (plus the kind of a token): shift to a state, reduce the rule of ~number, or None."""

    def __init__(self, lines: list[str], follows: list[str]) -> None:
        super().__init__()
        self.lines = lines
        self.follows = [list(map(int, line.split())) for line in follows]
        self.seen: set[int] = set()

    def __missing__(self, key: int) -> int | None:
        state = key - key % STATE
        if state in self.seen:
            return None
        self.seen.add(state)
        self.update(self.row(state))
        return self.get(key)

    def row(self, state: int) -> dict[int, int]:
        """The actions of a state, by state plus kind."""
        shifts, reductions, _ = self.lines[state // STATE].split("|")
        numbers = list(map(int, shifts.split()))
        row = {state + kind: target * STATE for kind, target in zip(numbers[::2], numbers[1::2], strict=True)}
        numbers = list(map(int, reductions.split()))
        for rule, follow in zip(numbers[::2], numbers[1::2], strict=True):
            for kind in self.follows[follow]:
                row[state + kind] = ~rule
        return row


class _Gotos(dict[int, int]):
    """Where a state goes with a nonterminal when a token follows (the sum of the three), chains of rules behind it."""

    def __init__(self, lines: list[str], tables: Tables) -> None:
        super().__init__()
        self.lines = lines
        self.tables = tables
        self.rows: dict[int, dict[int, int]] = {}

    def __missing__(self, key: int) -> int:
        origin, kind = key % STATE - key % ORIGIN, key % ORIGIN
        state = key - origin - kind
        row = self.row(state)
        target = row[origin]
        while (action := self.tables.actions[target + kind]) is not None and action < 0:
            cut, origin, _, build = self.tables.rules[~action]
            if cut != ALONE or build is not None or not origin:
                break
            target = row[origin]
        self[key] = target
        return target

    def row(self, state: int) -> dict[int, int]:
        """Where a state goes with each nonterminal, no token considered."""
        row = self.rows.get(state)
        if row is None:
            numbers = list(map(int, self.lines[state // STATE].split("|")[2].split()))
            row = self.rows[state] = {
                origin * ORIGIN: target * STATE for origin, target in zip(numbers[::2], numbers[1::2], strict=True)
            }
        return row


class _Leaves(dict[int, "tuple[Builder, int] | None"]):
    """The builder and the next state for a token that is an operand by itself (a state, its kind, the next token's).

    None where the token is something else: `dim` in `f(dim=0)`.
    """

    def __init__(self, tables: Tables) -> None:
        super().__init__()
        self.tables = tables

    def __missing__(self, key: int) -> tuple[Builder, int] | None:
        state, kind, following = key - key % STATE, key % STATE // ORIGIN, key % ORIGIN
        self[key] = leaf = self._leaf(state, kind, following)
        return leaf

    def _leaf(self, state: int, kind: int, following: int) -> tuple[Builder, int] | None:
        tables = self.tables
        action = tables.actions[tables.actions[state + kind] + following]  # type: ignore[operator]
        if action is None or action >= 0:
            return None
        cut, origin, pick, build = tables.rules[~action]
        if cut != ALONE or pick is not None or build is None:
            return None
        return build, tables.gotos[state + origin + following]


def run(tables: Tables, tokens: Tokens, start: str) -> Any:
    """What the builders make of the tokens, read as the start symbol.

    Raises: Stuck at the first token that no rule takes.
    """
    actions, gotos, leaves, rules = tables.actions, tables.gotos, tables.leaves, tables.rules
    kinds, starts, ends = tokens.kinds, tokens.starts, tokens.ends
    # For each thing read: the state before it, the number of its first token, and what was made of it.
    stack: list[Any] = []
    state = tables.starts[start]
    index = 0
    kind = kinds[0]
    while True:
        action = actions[state + kind]
        if action is None:
            raise Stuck(index, state, stack[::3])
        if action >= 0:
            if kind in OPERANDS:
                following = kinds[index + 1]
                leaf = leaves[state + kind * ORIGIN + following]
                if leaf is not None:
                    make, after = leaf
                    stack += state, index, make(tokens, (index,), starts[index], ends[index])
                    state = after
                    index += 1
                    kind = following
                    continue
            stack += state, index, index
            state = action
            index += 1
            kind = kinds[index]
            continue
        cut, origin, pick, build = rules[~action]
        if cut:
            children = stack[cut::3]
            del stack[cut:]
        else:  # a rule of nothing
            children = []
            stack += state, index
        if pick is not None:
            children = pick(children)
        if build is not None:
            stack.append(build(tokens, children, starts[stack[-1]], ends[index - 1]))
        elif origin:
            stack.append(children)
        else:
            return children
        state = gotos[stack[-3] + origin + kind]


_FAR = 1_000


def accepts(tables: Tables, stuck: Stuck, kind: int) -> bool:
    """Whether a token of a kind could have stood where the parser was stuck.

    What ends more than a thousand rules first is not followed to its end, and taken for impossible.
    """
    state = stuck.state
    kept = len(stuck.states)  # how many of the states below are still there
    above: list[int] = []  # those put on top of them
    for _ in range(_FAR):
        action = tables.actions[state + kind]
        if action is None or action >= 0:
            return action is not None
        cut, origin, _, _ = tables.rules[~action]
        if not origin:
            return True
        size = (2 - cut) // 3 if cut else 0
        if size == 0:
            above.append(state)
        for _ in range(size - 1):
            if above:
                above.pop()
            else:
                kept -= 1
        state = tables.gotos.row(above[-1] if above else stuck.states[kept - 1])[origin]
    return False


def _as_list(tokens: Tokens, children: object, start: int, end: int) -> object:
    return children


def _picker(picks: Sequence[str], size: int, name: str) -> Callable[[list[Any]], Any] | None:
    """What makes the arguments of a builder out of all that a rule has read."""
    if name in (AS_CHILD, ACCEPT):
        return itemgetter(int(picks[0]))
    if list(picks) == [str(number) for number in range(size)]:
        return None
    if len(picks) == 1 and picks[0].isdigit():
        return itemgetter(slice(int(picks[0]), int(picks[0]) + 1))
    if picks and all(pick.isdigit() for pick in picks) and name != AS_LIST:
        return itemgetter(*map(int, picks))
    return _Assembly(picks)


class _Assembly:
    """Puts the children of a rule together where some are lists or absent. A list that comes first is not copied."""

    __slots__ = ("steps",)

    def __init__(self, picks: Sequence[str]) -> None:
        self.steps = [(pick.startswith(SPREAD), None if pick == ABSENT else int(pick.lstrip(SPREAD))) for pick in picks]

    def __call__(self, read: list[Any]) -> list[Any]:
        children: list[Any] | None = None
        for spread, number in self.steps:
            child: Any = None if number is None else read[number]
            if children is None:
                children = child if spread else [child]
            elif spread:
                children += child
            else:
                children.append(child)
        return [] if children is None else children
