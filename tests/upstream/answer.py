"""What a model was asked and what it answers, before any wire format."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from tests.upstream.prompt_cache import CacheUse
from tests.upstream.script import Counted, Fail, Finish, Script

Kind = Literal["reasoning", "text", "refusal", "call"]


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """What the answer depends on. `heard` is the text of the last turn that is not the model's.

    `count_usage` is whether a stream shall tell its token counts, `sealed` whether reasoning
    shall bring its opaque half, `caching` what its prompt reads from a cache and writes there.
    """

    model: str
    stream: bool
    heard: str
    turns: int
    count_usage: bool = True
    sealed: bool = True
    caching: CacheUse | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """One run of pieces of one kind; what follows is a call's."""

    kind: Kind
    pieces: tuple[str, ...]
    call_id: str = ""
    name: str = ""
    type: str = "function_call"
    namespace: str = ""
    item: dict[str, Any] | None = None
    events: tuple[dict[str, Any], ...] = ()

    @property
    def text(self) -> str:
        return "".join(self.pieces)


@dataclass(frozen=True, slots=True)
class Answer:
    request: ReadRequest
    blocks: tuple[Block, ...]
    finish: Finish
    usage: Counted | None

    def text_of(self, kind: Kind) -> str:
        """Return everything that was said in blocks of one kind."""
        return "".join(block.text for block in self.blocks if block.kind == kind)


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer as frames: a body is the opening, the pieces and the closing, joined."""

    opening: bytes
    pieces: tuple[bytes, ...]
    closing: bytes


class Wire(Protocol):
    """One of the formats that upstreams speak."""

    def parse(self, body: dict[str, Any]) -> ReadRequest: ...

    def whole(self, answer: Answer) -> dict[str, Any]: ...

    def stream(self, answer: Answer) -> Stream: ...

    def error(self, fail: Fail) -> dict[str, Any]: ...

    def error_frame(self, fail: Fail) -> bytes: ...


def answer(request: ReadRequest, script: Script) -> Answer:
    """Return what the script, or else the model, has to say."""
    blocks = []
    if script.reasoning is not None:
        blocks.append(Block("reasoning", _words(script.reasoning)))
    if script.refusal is not None:
        blocks.append(Block("refusal", _words(script.refusal)))
    if said := _said(request, script):
        blocks.append(Block("text", said))
    for index, call in enumerate(script.calls):
        call_id = call.id or f"call_{request.turns}_{index}"
        halves = _halves(call.arguments)
        named = (call_id, call.name, call.type, call.namespace)
        blocks.append(Block("call", halves, *named, call.item, tuple(call.events)))
    return Answer(request, tuple(blocks), script.finish, script.usage)


def _said(request: ReadRequest, script: Script) -> tuple[str, ...]:
    if script.events is not None:
        return tuple(f"word{number} " for number in range(script.events))
    if script.utf16:
        return _units(script.say if isinstance(script.say, str) else "")
    if isinstance(script.say, tuple):
        return script.say
    if script.say is not None:
        return _words(script.say)
    if script.refusal is not None or script.calls:
        return ()
    return _words(f"Turn {request.turns} said: {request.heard}")


def _words(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\S+\s*|\s+", text))


def _units(text: str) -> tuple[str, ...]:
    """Return the UTF-16 units of a text, each as a text: half a pair is one of its own."""
    raw = text.encode("utf-16-be")
    return tuple(
        raw[at : at + 2].decode("utf-16-be", "surrogatepass") for at in range(0, len(raw), 2)
    )


def _halves(text: str) -> tuple[str, ...]:
    middle = len(text) // 2
    return tuple(half for half in (text[:middle], text[middle:]) if half)


def text_of(content: str | Sequence[dict[str, Any]] | None) -> str:
    """Return the text of a message's content, which every format gives as a string or as parts."""
    if content is None or isinstance(content, str):
        return content or ""
    return "".join(part.get("text", "") for part in content)
