"""Find the parts of a chunk or an answer, or of a choice in one. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from app.providers.openai_chat.calls import listed_calls
from app.providers.reading.fields import elements
from app.providers.reading.finish_reasons import later_reason, reason_word

Json = dict[str, Any]

#: Fields for pieces of calls; such a piece may not bring a delta yet.
CALLS = ("tool_calls", "function_call")
#: Reasons that announce calls.
_CALL_REASONS = {*CALLS, "tool_use"}


def goes_on(chunk: Json, index: int | None) -> bool:
    """Tell whether a chunk has content of the choice at `index`, or its end.

    Surrogate halves at the end of that choice's other texts then stay unpaired.
    """
    for choice in elements(chunk.get("choices")):
        if isinstance(choice, dict):
            at = choice.get("index")
            if index is not None and isinstance(at, int) and at != index:
                continue
            delta = choice.get("delta")
            fields = delta if isinstance(delta, dict) else {}
            has_words = any(fields[name] for name in fields if name != "role")
            if has_words or choice.get("finish_reason"):
                return True
    return False


def content_of(chunk: Json) -> object:
    """Return the text of a chunk that has nothing else."""
    return chunk["choices"][0]["delta"]["content"]


def message_in(choice: Json, *names: str) -> Json:
    """Return the message of a choice, from the first of these fields that is not empty.

    A string stands for a message with that content, as does `text` of the older completions.
    """
    for name in (*names, "text"):
        value = choice.get(name)
        if value and isinstance(value, dict):
            return value
        if value and isinstance(value, str):
            return {"content": value}
    return next(({name: value} for name in names if (value := choice.get(name))), {})


def answer_in(choices: Iterable[object]) -> list[Json]:
    """Return the choice of a whole answer to read, and those that continue it; [] without any.

    GitHub Copilot gives a text of Claude's and the calls after it as two choices, and relays number
    them (ericc-ch/copilot-api PR 81, HKUDS/nanobot PR 1555). Others with an index of their own are
    alternatives that were not requested.
    """
    found = [choice for choice in choices if isinstance(choice, dict)]
    if len(found) < 2:
        return found
    first = found[0]
    lacks_calls = reason_word(first.get("finish_reason")) in _CALL_REASONS and not any(
        map(message_in(first, "message").get, CALLS)
    )
    at = first.get("index")
    rest = (each for each in found[1:] if lacks_calls or each.get("index", at) == at)
    return [first, *rest]


def joined_message(choices: Sequence[Json]) -> Json:
    """Return the message of a choice, with what those that continue it add."""
    message = message_in(choices[0], "message", "delta")
    if len(choices) == 1:
        return message
    message = dict(message)
    for choice in choices[1:]:
        for name, value in message_in(choice, "message", "delta").items():
            before = message.get(name)
            if value and before and name in ("content", "tool_calls"):
                message[name] = [*elements(listed_calls(before)), *elements(listed_calls(value))]
            elif value and not before:
                message[name] = value
    return message


def reason_of(choices: Sequence[Json]) -> object:
    """Return why the answer in these choices ended."""
    if len(choices) == 1:
        return choices[0].get("finish_reason")
    reason: str | None = None
    for choice in choices:
        if word := reason_word(choice.get("finish_reason")):
            reason = later_reason(reason, word)
    return reason
