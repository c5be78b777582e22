"""Prompts and answers in the form of OpenTelemetry's GenAI conventions: bounded, texts and calls.

[{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.domain.items import (
    FunctionCall,
    FunctionCallOutput,
    InputText,
    Item,
    Message,
    OutputText,
    Reasoning,
    Refusal,
)

Messages = list[dict[str, Any]]

#: Maximum number of messages (the newest ones), and of characters of each text.
MAX_MESSAGES, MAX_TEXT = 100, 8_192


def instructions(text: str | None) -> Messages | None:
    """Return the instructions of a request; None for none."""
    return None if text is None else [_text(text)]


def input_messages(items: Sequence[Item]) -> Messages:
    """Return the items that a model sees, as messages."""
    return [message for item in items[-MAX_MESSAGES:] if (message := _message(item)) is not None]


def output_messages(items: Sequence[Item], finish_reason: str) -> Messages:
    """Return what a model has answered: one message, since there is one choice."""
    parts = [
        part
        for item in items[:MAX_MESSAGES]
        if (message := _message(item)) is not None
        for part in message["parts"]
    ]
    return [{"role": "assistant", "parts": parts, "finish_reason": finish_reason}]


def _message(item: Item) -> dict[str, Any] | None:
    match item:
        case Message():
            parts = [_part(part) for part in item.content]
            return {"role": item.role, "parts": parts}
        case FunctionCall():
            call = {"type": "tool_call", "id": item.call_id, "name": item.qualified_name}
            parts = [{**call, "arguments": item.arguments[:MAX_TEXT]}]
            return {"role": "assistant", "parts": parts}
        case FunctionCallOutput():
            output = item.output
            texts = output if isinstance(output, str) else " ".join(map(_plain, output))
            result = {"type": "tool_call_response", "id": item.call_id}
            return {"role": "tool", "parts": [{**result, "result": texts[:MAX_TEXT]}]}
        case Reasoning():
            texts = " ".join(item.summary)
            return {"role": "assistant", "parts": [{**_text(texts), "type": "reasoning"}]}
        case _:
            return None


def _part(part: object) -> dict[str, Any]:
    return _text(_plain(part))


def _plain(part: object) -> str:
    """Return the text of a part; of an image or a file, only what it is."""
    match part:
        case InputText(text) | OutputText(text):
            return text
        case Refusal(text):
            return text
        case _:
            return f"[{getattr(part, 'type', 'content')}]"


def _text(content: str) -> dict[str, Any]:
    return {"type": "text", "content": content[:MAX_TEXT]}
