"""The blocks of an answer as they grow, each telling its deltas."""

from __future__ import annotations

from typing import Protocol

import orjson

from app.domain.deltas import (
    Annotated,
    Arguments,
    CallOpened,
    Delta,
    Opaque,
    PartEnded,
    ReasoningOpened,
    Text,
    Thought,
)
from app.providers.events import Json, name_of, string


class Block(Protocol):
    """A block of an answer. `begun` tells what its start brings, `ended` what its end does."""

    def begun(self) -> list[Delta]: ...

    def grown(self, delta: Json) -> list[Delta]: ...

    def ended(self) -> list[Delta]: ...


class TextBlock:
    """A part of the message (U9); what it cites is told once the text is whole."""

    def __init__(self, block: Json) -> None:
        self._first = block.get("text") or ""
        self._length = 0
        self._citations: list[Json] = list(block.get("citations") or ())

    def begun(self) -> list[Delta]:
        return [PartEnded(), *self._said(self._first)]

    def grown(self, delta: Json) -> list[Delta]:
        match delta.get("type"):
            case "text_delta":
                return self._said(delta["text"])
            case "citations_delta":
                self._citations.append(delta["citation"])
                return []
            case _:
                return []

    def ended(self) -> list[Delta]:
        shown = (_url_citation(citation, self._length) for citation in self._citations)
        return [Annotated(annotation) for annotation in shown if annotation]

    def _said(self, text: object) -> list[Delta]:
        self._length += len(text := string(text))
        return [Text(text)] if text else []


def _url_citation(citation: Json, end: int) -> Json | None:
    """Return what the wire knows of a citation: the web page, for the whole part."""
    if not citation.get("url"):
        return None
    return {
        "type": "url_citation",
        "url": string(citation["url"]),
        "title": string(citation.get("title") or ""),
        "start_index": 0,
        "end_index": end,
    }


class ThinkingBlock:
    """A reasoning item; signed, it can travel back."""

    def __init__(self, block: Json) -> None:
        self._first = block.get("thinking") or ""
        self._signature = block.get("signature") or ""
        self._thought: list[str] = []

    def begun(self) -> list[Delta]:
        return [ReasoningOpened(), *self._told(self._first)]

    def grown(self, delta: Json) -> list[Delta]:
        match delta.get("type"):
            case "thinking_delta":
                return self._told(delta["thinking"])
            case "signature_delta":
                self._signature += delta["signature"]
                return []
            case _:
                return []

    def ended(self) -> list[Delta]:
        if not self._signature:
            return []
        thought = "".join(self._thought)
        whole = {"type": "thinking", "thinking": thought, "signature": self._signature}
        return [_opaque(whole)]

    def _told(self, text: object) -> list[Delta]:
        self._thought.append(text := string(text))
        return [Thought(text)] if text else []


class RedactedBlock:
    """A reasoning item of which nothing can be read."""

    def __init__(self, block: Json) -> None:
        self._data = string(block["data"])

    def begun(self) -> list[Delta]:
        return [ReasoningOpened(), _opaque({"type": "redacted_thinking", "data": self._data})]

    def grown(self, _delta: Json) -> list[Delta]:
        return []

    def ended(self) -> list[Delta]:
        return []


def _opaque(block: Json) -> Opaque:
    """Keep a block as it is: it must come back unmodified."""
    return Opaque(orjson.dumps(block).decode())


class ToolBlock:
    """A function call. Its input comes in pieces, or whole with its start."""

    def __init__(self, block: Json, key: str) -> None:
        self._key = key
        self._call_id = string(block.get("id") or "") or None
        self._name = name_of(block)
        self._input = block.get("input")
        self._in_pieces = False

    def begun(self) -> list[Delta]:
        return [CallOpened(self._key, self._call_id, self._name)]

    def grown(self, delta: Json) -> list[Delta]:
        piece = string(delta.get("partial_json") or "")
        if not piece:
            return []
        self._in_pieces = True
        return [Arguments(self._key, piece)]

    def ended(self) -> list[Delta]:
        if self._in_pieces or not self._input:
            return []
        return [Arguments(self._key, orjson.dumps(self._input).decode())]


class OtherBlock:
    """A block that nobody asked for, such as a hosted tool's: it is left out."""

    def begun(self) -> list[Delta]:
        return []

    def grown(self, _delta: Json) -> list[Delta]:
        return []

    def ended(self) -> list[Delta]:
        return []


def block_of(block: Json, key: str) -> Block:
    """Return the block that begins with `block`; `key` tells its call from the others."""
    match block.get("type"):
        case "text":
            return TextBlock(block)
        case "thinking":
            return ThinkingBlock(block)
        case "redacted_thinking":
            return RedactedBlock(block)
        case "tool_use":
            return ToolBlock(block, key)
        case _:
            return OtherBlock()
