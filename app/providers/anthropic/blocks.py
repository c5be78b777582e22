"""The blocks of an answer as they grow, each telling its deltas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

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
from app.providers.events import Json
from app.providers.fields import Optional, name_of, string
from app.providers.json_text import dumps


class Block(Protocol):
    """A block of an answer. `begun` tells what its start brings, `ended` what its end does."""

    def begun(self) -> list[Delta]: ...

    def grown(self, delta: Json) -> list[Delta]: ...

    def ended(self) -> list[Delta]: ...


class TextBlock:
    """A part of the message (U9); what it cites is told once the text is whole."""

    def __init__(self, block: Json, optional: Optional) -> None:
        self._first = block.get("text") or ""
        self._length = 0
        self._optional = optional
        self._citations = list(optional.mappings(block, "citations"))

    def begun(self) -> list[Delta]:
        return [PartEnded(), *self._said(self._first)]

    def grown(self, delta: Json) -> list[Delta]:
        match delta.get("type"):
            case "text_delta":
                return self._said(delta.get("text"))
            case "citations_delta":
                self._citations.append(self._optional.mapping(delta, "citation"))
                return []
            case _:
                return []

    def ended(self) -> list[Delta]:
        shown = (self._url_citation(citation) for citation in self._citations)
        return [Annotated(annotation) for annotation in shown if annotation]

    def _said(self, text: object) -> list[Delta]:
        self._length += len(text := string(text))
        return [Text(text)] if text else []

    def _url_citation(self, citation: Json) -> Json | None:
        """Return what the wire knows of a citation: the web page, for the whole part."""
        optional = self._optional
        if not (url := optional.string(citation, "url")):
            return None
        return {
            "type": "url_citation",
            "url": url,
            "title": optional.string(citation, "title"),
            "start_index": 0,
            "end_index": self._length,
        }


class ThinkingBlock:
    """A reasoning item; signed, it can travel back."""

    def __init__(self, block: Json) -> None:
        self._first = block.get("thinking") or ""
        self._signature = [string(block.get("signature") or "")]
        self._thought: list[str] = []

    def begun(self) -> list[Delta]:
        return [ReasoningOpened(), *self._told(self._first)]

    def grown(self, delta: Json) -> list[Delta]:
        match delta.get("type"):
            case "thinking_delta":
                return self._told(delta.get("thinking"))
            case "signature_delta":
                self._signature.append(string(delta.get("signature")))
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

    def _told(self, text: object) -> list[Delta]:
        self._thought.append(text := string(text))
        return [Thought(text)] if text else []


class RedactedBlock:
    """A reasoning item of which nothing can be read."""

    def __init__(self, block: Json) -> None:
        self._data = string(block.get("data"))

    def begun(self) -> list[Delta]:
        return [ReasoningOpened(), _opaque({"type": "redacted_thinking", "data": self._data})]

    def grown(self, _delta: Json) -> list[Delta]:
        return []

    def ended(self) -> list[Delta]:
        return []


def _opaque(block: Json) -> Opaque:
    """Keep a block as it is: it must come back unmodified."""
    return Opaque(dumps(block))


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
        return [Arguments(self._key, dumps(self._input))]


class OtherBlock:
    """A block that nobody asked for, such as a hosted tool's: it is left out."""

    def begun(self) -> list[Delta]:
        return []

    def grown(self, _delta: Json) -> list[Delta]:
        return []

    def ended(self) -> list[Delta]:
        return []


_KINDS: dict[str, Callable[[Json, str, Optional], Block]] = {
    "text": lambda block, _, optional: TextBlock(block, optional),
    "thinking": lambda block, *_: ThinkingBlock(block),
    "redacted_thinking": lambda block, *_: RedactedBlock(block),
    "tool_use": lambda block, key, _: ToolBlock(block, key),
}


def is_known(block: Json) -> bool:
    """Tell whether a block is of a kind that is read."""
    return _kind(block) in _KINDS


def block_of(block: Json, key: str, optional: Optional) -> Block:
    """Return the block that begins with `block`; `key` tells its call from the others."""
    make = _KINDS.get(_kind(block))
    return OtherBlock() if make is None else make(block, key, optional)


def _kind(block: Json) -> str:
    kind = block.get("type")
    return kind if isinstance(kind, str) else ""
