"""Find the parts of a chunk, or of a choice in one. Pure."""

from __future__ import annotations

from typing import Any

from app.providers.reading.fields import elements

Json = dict[str, Any]

#: Fields for pieces of calls; such a piece may not bring a delta yet.
CALLS = ("tool_calls", "function_call")


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
