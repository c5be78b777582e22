"""What a built-in model answers, and its words as deltas."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from app.domain.answer_options import JsonSchemaFormat
from app.domain.request import ModelRequest
from app.domain.stream.deltas import Arguments, CallOpened, Delta, Text, Thought

_WORDS = re.compile(r"\s*\S+(?:\s+$)?|\s+")
#: How many characters are split into words at once.
_PIECE = 64 * 1024


@dataclass(frozen=True, slots=True)
class LocalCall:
    """A call of a function, by the name under which models know it."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LocalAnswer:
    """Thoughts, then calls, then a text: each may be missing."""

    thoughts: str = ""
    calls: tuple[LocalCall, ...] = ()
    text: str = ""

    def deltas(self) -> Iterator[Delta]:
        """Yield one delta a word, and one where a call begins."""
        for word in words(self.thoughts):
            yield Thought(word)
        for number, call in enumerate(self.calls):
            yield CallOpened(str(number), None, call.name)
            for word in words(json.dumps(call.arguments, ensure_ascii=False)):
                yield Arguments(str(number), word)
        for word in words(self.text):
            yield Text(word)


#: How a built-in model comes to its answer.
Answering = Callable[[ModelRequest], LocalAnswer]


def words(text: str) -> Iterator[str]:
    """Split a text so that the words, joined, are the text again."""
    return (found[0] for found in _WORDS.finditer(text))


def count_words(text: str) -> int:
    """Return how many words a text has.

    MEASURED: to have all of them at once takes 30 bytes for each of a text's, and a twentieth of
    the time of finding them one by one: so it is done piece by piece.
    """
    count, is_within = 0, False
    for at in range(0, len(text), _PIECE):
        piece = text[at : at + _PIECE]
        count += len(piece.split()) - (is_within and not piece[0].isspace())
        is_within = not piece[-1].isspace()
    return count or int(bool(text))  # blanks alone are one


def formatted(
    request: ModelRequest, text: str, key: str, value: Callable[[dict[str, Any]], Any]
) -> str:
    """Return a text as `text.format` wants it: of a schema the `value`, else `{key: text}`."""
    form = request.parameters.text.format
    if form == "text":
        return text
    made = value(form.schema) if isinstance(form, JsonSchemaFormat) else {key: text}
    return json.dumps(made, ensure_ascii=False)


def wants_summary(request: ModelRequest) -> bool:
    """Tell whether the request asks to be shown thoughts."""
    reasoning = request.parameters.reasoning
    return reasoning is not None and reasoning.summary not in (None, "none")
