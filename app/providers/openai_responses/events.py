"""The items of an answer as far as they have been told.

What comes later, be it a delta, a part that is done or the item whole, adds what is missing and
repeats nothing: servers leave out any of them.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import ClassVar

from app.domain.stream.deltas import (
    Annotated,
    Arguments,
    CallOpened,
    Delta,
    ItemEnded,
    MessageOpened,
    Opaque,
    ReasoningOpened,
    Refused,
    Text,
    Thought,
)
from app.providers.openai_responses.items import payload
from app.providers.openai_responses.parts import Parts
from app.providers.reading.events import Json
from app.providers.reading.fields import arguments_text, id_text, name_of
from app.providers.reading.logprobs import logprobs
from app.providers.reading.understanding import ContentReader

#: What a part says something by, and the types of those that may have nothing to say.
_SAYING = {"text", "refusal", "annotations", "logprobs"}
_TEXTS = (None, "output_text", "text", "refusal")


class ToldItem(ABC):
    """An item of some kind.

    `kind` is its type, `item_id` the upstream's id of it. `is_done` says that the upstream has no
    more to say of it.
    """

    kind: ClassVar[str]

    def __init__(self, shown: Json, reader: ContentReader) -> None:
        self.item_id = reader.string(shown, "id")
        self.is_done = False
        self._reader = reader

    def may_be(self, _shown: Json) -> bool:
        """Tell whether an item of the same kind may be this one."""
        return True

    @abstractmethod
    def opened(self) -> list[Delta]:
        """Tell that it begins."""

    @abstractmethod
    def whole(self, shown: Json) -> list[Delta]:
        """Tell what of the whole item has not been told yet, but not that it ends."""

    @abstractmethod
    def ended(self) -> list[Delta]:
        """Tell that it ends."""

    def left(self) -> list[Delta]:
        """Tell what has to be told of it when the next item begins, by which it ends."""
        return []


class ToldMessage(ToldItem):
    """A message."""

    kind: ClassVar[str] = "message"

    def __init__(self, shown: Json, reader: ContentReader) -> None:
        super().__init__(shown, reader)
        self._phase = reader.string(shown, "phase") or None
        self._parts = Parts()

    def opened(self) -> list[Delta]:
        return [MessageOpened(self._phase)]

    def said(self, event: Json) -> list[Delta]:
        """Tell a piece of text."""
        piece, before = (
            self._reader.text(event, "delta"),
            self._parts.reach(event.get("content_index")),
        )
        if before is None:
            return []
        self._parts.size += len(piece)
        likely = event.get("logprobs")
        if piece or likely:
            before.append(
                Text(piece, logprobs(event, "logprobs", self._reader)) if likely else Text(piece)
            )
        return before

    def refused(self, event: Json) -> list[Delta]:
        """Tell a piece of a refusal."""
        piece, before = (
            self._reader.text(event, "delta"),
            self._parts.reach(event.get("content_index")),
        )
        if before is None:
            return []
        self._parts.size += len(piece)
        return [*before, Refused(piece)]

    def noted(self, event: Json) -> list[Delta]:
        """Tell an annotation."""
        before = self._parts.reach(event.get("content_index"))
        if before is None:
            return []
        self._parts.notes += 1
        annotation = self._reader.mapping(event, "annotation")
        return [*before, Annotated(annotation)] if annotation else before

    def text_done(self, event: Json) -> list[Delta]:
        """Tell what of a whole text or refusal has not been told."""
        return self._part(event, event.get("content_index"))

    def part_done(self, event: Json) -> list[Delta]:
        """Tell what of a whole part has not been told, and that it ends."""
        part, index = self._reader.mapping(event, "part"), event.get("content_index")
        return [*self._part(part, index), *self._parts.end()]

    def whole(self, shown: Json) -> list[Delta]:
        deltas: list[Delta] = []
        name = "content" if "content" in shown else "text"
        for index, part in enumerate(self._reader.contents(shown, name)):
            deltas += self._part(part, index)
        return deltas

    def ended(self) -> list[Delta]:
        return [ItemEnded()]

    def _part(self, part: Json, index: object) -> list[Delta]:
        before = self._parts.reach(index)
        if before is None:
            return []
        if not part.keys() & _SAYING:
            if part.get("type") not in _TEXTS:
                self._reader.understanding.meet("part", part.get("type"))
            return before
        if "refusal" in part:
            rest = self._parts.rest(self._reader.text(part, "refusal"))
            return [*before, *([Refused(rest)] if rest else [])]
        likely = logprobs(part, "logprobs", self._reader) if self._parts.size == 0 else ()
        rest = self._parts.rest(self._reader.text(part, "text"))
        notes = self._reader.mappings(part, "annotations")[self._parts.notes :]
        self._parts.notes += len(notes)
        said = [Text(rest, likely)] if rest else []
        return [*before, *said, *map(Annotated, notes)]


class ToldReasoning(ToldItem):
    """A reasoning item: its summary, and what it shows of the reasoning itself, as parts (A3)."""

    kind: ClassVar[str] = "reasoning"

    def __init__(self, shown: Json, reader: ContentReader) -> None:
        super().__init__(shown, reader)
        self._payload: str | None = None  # what an item has before it is done is another
        self._summary = Parts()
        self._content = Parts()

    def opened(self) -> list[Delta]:
        return [ReasoningOpened()]

    def thought(self, event: Json) -> list[Delta]:
        """Tell a piece of a summary, or of the reasoning itself."""
        piece, (parts, before) = self._reader.text(event, "delta"), self._reach(event)
        if before is None:
            return []
        parts.size += len(piece)
        return [*before, Thought(piece)]

    def text_done(self, event: Json) -> list[Delta]:
        """Tell what of a whole text has not been told."""
        parts, before = self._reach(event)
        if before is None:
            return []
        rest = parts.rest(self._reader.text(event, "text"))
        return [*before, Thought(rest)] if rest else before

    def part_done(self, event: Json) -> list[Delta]:
        """Tell what of a whole part has not been told, and that it ends."""
        told = self.text_done({"text": ""} | event | self._reader.mapping(event, "part"))
        return [*told, *self._summary.end(), *self._content.end()]

    def whole(self, shown: Json) -> list[Delta]:
        self._payload = payload(shown)
        deltas: list[Delta] = []
        for index, part in enumerate(self._reader.contents(shown, "summary")):
            deltas += self.text_done({"summary_index": index, "text": part.get("text")})
        for index, part in enumerate(self._reader.contents(shown, "content")):
            deltas += self.text_done({"content_index": index, "text": part.get("text")})
        return deltas

    def ended(self) -> list[Delta]:
        return self.left() or [ItemEnded()]

    def left(self) -> list[Delta]:
        return [Opaque(self._payload)] if self._payload else []

    def _reach(self, event: Json) -> tuple[Parts, list[Delta] | None]:
        """Go to the part that an event is about, of the summary or of the reasoning itself."""
        here, other, index = self._summary, self._content, event.get("summary_index")
        if "content_index" in event or "reasoning_text" in str(event.get("type", "")):
            here, other, index = self._content, self._summary, event.get("content_index")
        before = here.reach(index)
        return here, None if before is None else [*other.end(), *before]


class ToldCall(ToldItem):
    """A function call; `key` tells it from the others."""

    kind: ClassVar[str] = "function_call"

    def __init__(self, shown: Json, reader: ContentReader, key: str) -> None:
        super().__init__(shown, reader)
        self._key = key
        self._call_id = id_text(shown.get("call_id")) or id_text(shown.get("id")) or None
        self._name = name_of(shown)
        self._arguments: list[str] = []

    def may_be(self, shown: Json) -> bool:
        return (id_text(shown.get("call_id")) or self._call_id) == self._call_id

    def opened(self) -> list[Delta]:
        return [CallOpened(self._key, self._call_id, self._name)]

    def went_on(self, event: Json) -> list[Delta]:
        """Tell a piece of the arguments."""
        self._arguments.append(piece := arguments_text(event.get("delta")))
        return [Arguments(self._key, piece)] if piece else []

    def whole(self, shown: Json) -> list[Delta]:
        told = "".join(self._arguments)
        if rest := arguments_text(shown.get("arguments"))[len(told) :]:
            self._arguments.append(rest)
            return [Arguments(self._key, rest)]
        return []

    def ended(self) -> list[Delta]:
        return [ItemEnded()]

    def ended_late(self) -> list[Delta]:
        """Tell that it ends although another item has begun since.

        That one is held back until the arguments are whole JSON, which says it all.
        """
        told = "".join(self._arguments)
        if not told:
            return [Arguments(self._key, "{}")]
        return [] if _is_json(told) else [ItemEnded()]


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
