"""The items of an answer as far as they have come, each making deltas of what is new.

A delta, a part that is done and the whole item may say the same: what comes later adds what is
missing and repeats nothing, since servers leave out any of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from app.domain.stream.deltas import (
    Annotated,
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
from app.providers.openai_responses.output.annotations import annotation
from app.providers.openai_responses.output.parts import PartCursor
from app.providers.reading.events import Json
from app.providers.reading.logprobs import logprobs
from app.providers.reading.understanding import ContentReader

#: What the events are called that tell the reasoning itself, and not its summary.
_OF_REASONING = ("response.reasoning_text.", "response.reasoning.", "response.reasoning_content.")
#: What a part says something by, and the types of those that may have nothing to say.
_SAYING = {"text", "refusal", "annotations", "logprobs"}
_TEXTS = (None, "output_text", "text", "refusal")


class OutputItem(ABC):
    """An item of some kind.

    `kind` is its type, `item_id` the upstream's id of it. `is_done` says that the upstream has no
    more to say of it.
    """

    kind: ClassVar[str]

    def __init__(self, item_json: Json, reader: ContentReader) -> None:
        self.item_id = reader.string(item_json, "id")
        self.is_done = False
        self._reader = reader

    @classmethod
    def can_begin(cls, _item_json: Json) -> bool:
        """Tell whether enough is known of an item of this kind for it to begin."""
        return True

    def may_be(self, _item_json: Json) -> bool:
        """Tell whether an item of the same kind may be this one."""
        return True

    @abstractmethod
    def opened(self) -> list[Delta]:
        """Return what says that it begins."""

    @abstractmethod
    def rest(self, item_json: Json) -> list[Delta]:
        """Return what is new in the whole item, but not that it ends."""

    @abstractmethod
    def ended(self) -> list[Delta]:
        """Return what says that it ends."""

    def left(self) -> list[Delta]:
        """Return what is left to say of it when the next item begins, by which it ends."""
        return []


class MessageItem(OutputItem):
    """A message. `passes_unknown` is as in `annotation` (P2)."""

    kind: ClassVar[str] = "message"
    passes_unknown = False

    def __init__(self, item_json: Json, reader: ContentReader) -> None:
        super().__init__(item_json, reader)
        self._phase = reader.string(item_json, "phase") or None
        self._parts = PartCursor()

    def opened(self) -> list[Delta]:
        return [MessageOpened(self._phase)]

    def add_text(self, event: Json) -> list[Delta]:
        """Add a piece of text."""
        piece, before = self._piece(event)
        if before is None:
            return []
        tokens = logprobs(event, "logprobs", self._reader) if event.get("logprobs") else ()
        if piece or tokens:
            before.append(Text(piece, tokens))
        return before

    def add_refusal(self, event: Json) -> list[Delta]:
        """Add a piece of a refusal."""
        piece, before = self._piece(event)
        return [] if before is None else [*before, Refused(piece)]

    def _piece(self, event: Json) -> tuple[str, list[Delta] | None]:
        """Return a piece of its part, and what comes before it; None where it has no place."""
        piece = self._reader.text(event, "delta")
        before = self._parts.reach(event.get("content_index"))
        if before is not None:
            self._parts.text.add(piece)
        return piece, before

    def add_annotation(self, event: Json) -> list[Delta]:
        """Add an annotation."""
        before = self._parts.reach(event.get("content_index"))
        if before is None:
            return []
        self._parts.notes += 1
        return [*before, *self._annotated([self._reader.mapping(event, "annotation")])]

    def rest_of_text(self, event: Json) -> list[Delta]:
        """Return what is new in a whole text or refusal."""
        return self._part(event, event.get("content_index"))

    def end_part(self, event: Json) -> list[Delta]:
        """Return what is new in a whole part, and that it ends."""
        part, index = self._reader.mapping(event, "part"), event.get("content_index")
        return [*self._part(part, index), *self._parts.end()]

    def rest(self, item_json: Json) -> list[Delta]:
        deltas: list[Delta] = []
        name = "content" if "content" in item_json else "text"
        for index, part in enumerate(self._reader.contents(item_json, name)):
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
                self._reader.understanding.note_unknown("part", part.get("type"))
            return before
        if "refusal" in part:
            rest = self._parts.rest(self._reader.text(part, "refusal"))
            return [*before, *([Refused(rest)] if rest else [])]
        likely = logprobs(part, "logprobs", self._reader) if self._parts.text.length == 0 else ()
        rest = self._parts.rest(self._reader.text(part, "text"))
        notes = self._reader.mappings(part, "annotations")[self._parts.notes :]
        self._parts.notes += len(notes)
        texts = [Text(rest, likely)] if rest else []
        return [*before, *texts, *self._annotated(notes)]

    def _annotated(self, notes: list[Json]) -> list[Delta]:
        annotations = (
            annotation(note, self._reader, passes_unknown=self.passes_unknown)
            for note in notes
            if note
        )
        return [Annotated(each) for each in annotations if each is not None]


class ReasoningItem(OutputItem):
    """A reasoning item: its summary, and what it shows of the reasoning itself, as parts (A3).

    `shows_text` says that the latter is passed on as what it is, and not as a summary.
    """

    kind: ClassVar[str] = "reasoning"
    shows_text = False

    def __init__(self, item_json: Json, reader: ContentReader) -> None:
        super().__init__(item_json, reader)
        self._payload: str | None = None  # what an item has before it is done is another
        self._summary = PartCursor()
        self._content = PartCursor()

    def opened(self) -> list[Delta]:
        return [ReasoningOpened()]

    def add_thought(self, event: Json) -> list[Delta]:
        """Add a piece of a summary, or of the reasoning itself."""
        piece, (parts, before) = self._reader.text(event, "delta"), self._reach(event)
        if before is None:
            return []
        parts.text.add(piece)
        return [*before, self._thought(piece, parts)]

    def rest_of_text(self, event: Json) -> list[Delta]:
        """Return what is new in a whole text."""
        parts, before = self._reach(event)
        if before is None:
            return []
        rest = parts.rest(self._reader.text(event, "text"))
        return [*before, self._thought(rest, parts)] if rest else before

    def end_part(self, event: Json) -> list[Delta]:
        """Return what is new in a whole part, and that it ends."""
        rest = self.rest_of_text({"text": ""} | event | self._reader.mapping(event, "part"))
        return [*rest, *self._summary.end(), *self._content.end()]

    def rest(self, item_json: Json) -> list[Delta]:
        self._payload = payload(item_json)
        deltas: list[Delta] = []
        for index, part in enumerate(self._reader.contents(item_json, "summary")):
            deltas += self.rest_of_text({"summary_index": index, "text": part.get("text")})
        for index, part in enumerate(self._reader.contents(item_json, "content")):
            deltas += self.rest_of_text({"content_index": index, "text": part.get("text")})
        return deltas

    def ended(self) -> list[Delta]:
        return self.left() or [ItemEnded()]

    def left(self) -> list[Delta]:
        return [Opaque(self._payload)] if self._payload else []

    def _thought(self, piece: str, parts: PartCursor) -> Thought:
        return Thought(piece, is_text=self.shows_text and parts is self._content)

    def _reach(self, event: Json) -> tuple[PartCursor, list[Delta] | None]:
        """Go to the part that an event is about, of the summary or of the reasoning itself."""
        here, other, index = self._summary, self._content, event.get("summary_index")
        if "content_index" in event or str(event.get("type", "")).startswith(_OF_REASONING):
            here, other, index = self._content, self._summary, event.get("content_index")
        before = here.reach(index)
        return here, None if before is None else [*other.end(), *before]
