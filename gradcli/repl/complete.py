"""Completion: the spellings of the ops, the session's names, attributes after a dot, the commands with a colon."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from gradcli.language.tensors.tensor import Tensor
from gradcli.repl.conversation import Conversation

WORD = re.compile(r"[A-Za-z_][\w.]*$")
AFTER_VALUE = re.compile(r"[\])]\s*\.(\w*)$")
KEYWORDS = (
    "and as assert break class continue def del elif else except False finally for from if import in is lambda None "
    "not or pass raise return True try while with"
).split()
BUILTINS = (
    "abs bool dict enumerate float int isinstance len list max min pow print range repr round sorted str sum tuple "
    "type zip"
).split()


class SessionCompleter(Completer):
    """What may stand at the cursor."""

    def __init__(self, conversation: Conversation, spellings: Iterable[str], commands: Iterable[str]) -> None:
        self.conversation = conversation  # its session is another one after `:reset`
        self.free, self.attributes = _sorted_spellings(spellings)
        self.commands = sorted(commands)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        """The words that begin with what stands before the cursor."""
        text = document.text_before_cursor
        if text.startswith(":") and " " not in text:
            found, typed = self.commands, text
        else:
            found, typed = self.candidates(text)
        for word in found:
            if word.startswith(typed) and word != typed:
                yield Completion(word, start_position=-len(typed))

    def candidates(self, text: str) -> tuple[list[str], str]:
        """The possible words, and the part of one that is typed already."""
        after = AFTER_VALUE.search(text)
        if after:
            return self.attributes, after[1]
        word = WORD.search(text)
        typed = word[0] if word else ""
        owner, dot, attribute = typed.rpartition(".")
        session = self.conversation.session
        names = session.variables()
        if dot and owner in names:
            return (self.attributes if isinstance(session[owner], Tensor) else []), attribute
        if dot and any(known.startswith(owner + ".") for known in self.free):
            return self.free, typed
        if dot:
            return self.attributes, attribute
        return sorted({*self.free, *names, *KEYWORDS, *BUILTINS}), typed


def _sorted_spellings(spellings: Iterable[str]) -> tuple[list[str], list[str]]:
    """Free spellings (`mean`, `torch.mean`), and names that stand after a value and a dot."""
    free, attributes = set(), set()
    for spelling in spellings:
        owner, dot, name = spelling.rpartition(".")
        if dot and not owner:
            attributes.add(name)
        else:
            free.add(spelling)
    return sorted(free), sorted(attributes)
