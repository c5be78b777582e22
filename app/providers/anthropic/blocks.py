"""The content blocks of an answer, each turning its events into deltas.

    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hel"}}
    {"type": "content_block_stop", "index": 0}

call `begun`, `grown` and `ended` of a TextBlock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from app.domain.stream.deltas import (
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
from app.providers.reading.events import Json
from app.providers.reading.fields import arguments_text, id_text, name_of
from app.providers.reading.json_text import dumps
from app.providers.reading.understanding import ContentReader


class Block(Protocol):
    """A block of an answer; methods return the deltas of its start, of each piece, and its end."""

    def begun(self) -> list[Delta]: ...

    def grown(self, delta: Json) -> list[Delta]: ...

    def ended(self) -> list[Delta]: ...


class TextBlock:
    """A text part of the message (U9); its citations follow once the text is complete."""

    def __init__(self, block: Json, reader: ContentReader) -> None:
        self._first = reader.text(block, "text")
        self._length = 0
        self._reader = reader
        self._citations = list(reader.mappings(block, "citations"))

    def begun(self) -> list[Delta]:
        return [PartEnded(), *self._text(self._first)]

    def grown(self, delta: Json) -> list[Delta]:
        match delta.get("type"):
            case "text_delta":
                return self._text(self._reader.text(delta, "text"))
            case "citations_delta":
                self._citations.append(self._reader.mapping(delta, "citation"))
                return []
            case _:
                return []

    def ended(self) -> list[Delta]:
        annotations = (self._url_citation(citation) for citation in self._citations)
        return [Annotated(annotation) for annotation in annotations if annotation]

    def _text(self, text: str) -> list[Delta]:
        self._length += len(text)
        return [Text(text)] if text else []

    def _url_citation(self, citation: Json) -> Json | None:
        """Return a citation of a web page, for the whole part; None for other citations."""
        if not (url := self._reader.string(citation, "url")):
            return None
        return {
            "type": "url_citation",
            "url": url,
            "title": self._reader.string(citation, "title"),
            "start_index": 0,
            "end_index": self._length,
        }


class ThinkingBlock:
    """A reasoning item; it can be returned to the server if it is signed."""

    def __init__(self, block: Json, reader: ContentReader) -> None:
        self._first = reader.text(block, "thinking")
        self._reader = reader
        self._signature = [reader.string(block, "signature")]
        self._thought: list[str] = []

    def begun(self) -> list[Delta]:
        return [ReasoningOpened(), *self._thought_of(self._first)]

    def grown(self, delta: Json) -> list[Delta]:
        match delta.get("type"):
            case "thinking_delta":
                return self._thought_of(self._reader.text(delta, "thinking"))
            case "signature_delta":
                self._signature.append(self._reader.string(delta, "signature"))
                return []
            case _:
                return []

    def ended(self) -> list[Delta]:
        signature = "".join(self._signature)
        if not signature:
            return []
        thought = "".join(self._thought)
        whole = {"type": "thinking", "thinking": thought, "signature": signature}
        return [_opaque(whole)]

    def _thought_of(self, text: str) -> list[Delta]:
        self._thought.append(text)
        return [Thought(text)] if text else []


class RedactedBlock:
    """A reasoning item whose content is encrypted."""

    def __init__(self, block: Json, reader: ContentReader) -> None:
        self._data = reader.string(block, "data")

    def begun(self) -> list[Delta]:
        if not self._data:
            return []
        return [ReasoningOpened(), _opaque({"type": "redacted_thinking", "data": self._data})]

    def grown(self, _delta: Json) -> list[Delta]:
        return []

    def ended(self) -> list[Delta]:
        return []


def _opaque(block: Json) -> Opaque:
    """Return a delta that keeps a block unchanged: it must be returned to the server as it is."""
    return Opaque(dumps(block))


class ToolBlock:
    """A function call. Its input comes in pieces, or complete in its start."""

    def __init__(self, block: Json, key: str) -> None:
        self._key = key
        self._call_id = id_text(block.get("id")) or None
        self._name = name_of(block)
        self._input = block.get("input")
        self._in_pieces = False

    def begun(self) -> list[Delta]:
        return [CallOpened(self._key, self._call_id, self._name)]

    def grown(self, delta: Json) -> list[Delta]:
        piece = arguments_text(delta.get("partial_json"))
        if not piece:
            return []
        self._in_pieces = True
        return [Arguments(self._key, piece)]

    def ended(self) -> list[Delta]:
        if self._in_pieces or not self._input:
            return []
        return [Arguments(self._key, arguments_text(self._input))]


class OtherBlock:
    """A block of another kind, such as a hosted tool's: it is left out."""

    def begun(self) -> list[Delta]:
        return []

    def grown(self, _delta: Json) -> list[Delta]:
        return []

    def ended(self) -> list[Delta]:
        return []


_KINDS: dict[str, Callable[[Json, str, ContentReader], Block]] = {
    "text": lambda block, _, reader: TextBlock(block, reader),
    "thinking": lambda block, _, reader: ThinkingBlock(block, reader),
    "redacted_thinking": lambda block, _, reader: RedactedBlock(block, reader),
    "tool_use": lambda block, key, _: ToolBlock(block, key),
}
#: The field by which a block without a type is recognised.
_OF_A_KIND = {
    "text": "text",
    "thinking": "thinking",
    "data": "redacted_thinking",
    "name": "tool_use",
}


def is_known(block: Json) -> bool:
    """Tell whether a block is of a kind that is read."""
    return _kind(block) in _KINDS


def is_blank(block: Json) -> bool:
    """Tell whether the start of a block does not show its kind."""
    return not _kind(block)


def block_of(block: Json, key: str, reader: ContentReader) -> Block:
    """Return the block that begins with `block`; `key` identifies its call in the deltas."""
    make = _KINDS.get(_kind(block))
    return OtherBlock() if make is None else make(block, key, reader)


def _kind(block: Json) -> str:
    kind = block.get("type")
    if isinstance(kind, str) and kind:
        return kind
    return next((kind for name, kind in _OF_A_KIND.items() if name in block), "")
