"""Output items as far as they have been read, each turning new content into deltas.

A delta event, a completed part and the whole item may have the same content, and servers leave out
any of them: each adds only what was missing before.
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

#: Beginnings of the names of events about the reasoning itself, not its summary.
_OF_REASONING = ("response.reasoning_text.", "response.reasoning.", "response.reasoning_content.")
#: The fields of reasoning with its parts, and the name of a part's index in each.
_FIELDS = (("summary", "summary_index"), ("content", "content_index"))
#: Fields with a part's content, and the types of parts that may be empty.
_SAYING = {"text", "refusal", "annotations", "logprobs"}
_TEXTS = (None, "output_text", "text", "refusal")


class OutputItem(ABC):
    """An item of some kind.

    `kind` is its type, `item_id` the upstream's id of it. `is_done` is true once the upstream has
    sent it whole.
    """

    kind: ClassVar[str]

    def __init__(self, item_json: Json, reader: ContentReader) -> None:
        self.item_id = reader.string(item_json, "id")
        self.is_done = False
        self._reader = reader

    @classmethod
    def can_begin(cls, _item_json: Json) -> bool:
        """Tell whether the item has the fields without which its kind cannot begin."""
        return True

    def may_be(self, _item_json: Json) -> bool:
        """Tell whether this JSON, of the same kind, may be of this item."""
        return True

    def may_end_as(self, _item_json: Json) -> bool:
        """Tell whether this whole item may be this one although `may_be` says that it is not."""
        return False

    @property
    def is_blank(self) -> bool:
        """Whether an event with another index and id may be of it, as none has been so far."""
        return False

    def has_text_of(self, _item_json: Json) -> bool:
        """Tell whether the text that has come is all the text of this JSON, of the same kind."""
        return False

    def begin_part(self, _event: Json) -> list[Delta]:
        """Return the deltas before a part whose beginning is announced."""
        return []

    @abstractmethod
    def opened(self) -> list[Delta]:
        """Return the deltas for its beginning."""

    @abstractmethod
    def rest(self, item_json: Json) -> list[Delta]:
        """Return the deltas for what is new in the whole item, without its end."""

    @abstractmethod
    def ended(self) -> list[Delta]:
        """Return the deltas for its end."""

    def left(self) -> list[Delta]:
        """Return its remaining deltas when it ends because the next item begins."""
        return []


class MessageItem(OutputItem):
    """A message. `passes_unknown` is as in `annotation` (P2)."""

    kind: ClassVar[str] = "message"
    passes_unknown = False
    _is_left = False

    def __init__(self, item_json: Json, reader: ContentReader) -> None:
        super().__init__(item_json, reader)
        self._phase = reader.string(item_json, "phase") or None
        self._parts = PartCursor()

    @property
    def is_blank(self) -> bool:
        return self._parts.is_blank

    def opened(self) -> list[Delta]:
        return [MessageOpened(self._phase)]

    def begin_part(self, event: Json) -> list[Delta]:
        return self._parts.announce(event.get("content_index"))

    def add_text(self, event: Json) -> list[Delta]:
        """Add a piece of text."""
        piece, before = self._piece(event)
        if before is None:
            return []
        tokens = logprobs(event, "logprobs", self._reader) if event.get("logprobs") else ()
        self._parts.tokens += len(tokens)
        if piece or tokens:
            before.append(Text(piece, tokens))
        return before

    def add_refusal(self, event: Json) -> list[Delta]:
        """Add a piece of a refusal."""
        piece, before = self._piece(event)
        return [] if before is None else [*before, Refused(piece)]

    def _piece(self, event: Json) -> tuple[str, list[Delta] | None]:
        """Return a piece of text, and the deltas before it; None if its part has ended."""
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
            deltas += self._part(part, index, is_place=True)
        return deltas

    def ended(self) -> list[Delta]:
        return [ItemEnded()]

    def left(self) -> list[Delta]:
        self._is_left = True
        return []

    def _part(self, part: Json, index: object, *, is_place: bool = False) -> list[Delta]:
        before = self._parts.reach(index, is_place=is_place)
        if before is None:
            return []
        if not part.keys() & _SAYING:
            if part.get("type") not in _TEXTS:
                self._reader.understanding.note_unknown("part", part.get("type"))
            return before
        if "refusal" in part:
            rest = self._parts.rest(self._reader.text(part, "refusal"))
            return [*before, *([Refused(rest)] if rest else [])]
        rest = self._parts.rest(self._reader.text(part, "text"))
        likely = () if self._is_left and not rest else self._likely(part)
        notes = self._reader.mappings(part, "annotations")[self._parts.notes :]
        self._parts.notes += len(notes)
        texts = [Text(rest, likely)] if rest or likely else []
        return [*before, *texts, *self._annotated(notes)]

    def _likely(self, part: Json) -> tuple[Json, ...]:
        """Return the log probabilities of a whole part, if its pieces came without."""
        if self._parts.tokens or not part.get("logprobs"):
            return ()
        likely = logprobs(part, "logprobs", self._reader)
        self._parts.tokens = len(likely)
        return likely

    def _annotated(self, notes: list[Json]) -> list[Delta]:
        """Return annotations; none for a text that has ended, as no other text has them."""
        if self._is_left and notes:
            self._reader.note("annotation")
            return []
        annotations = (
            annotation(note, self._reader, passes_unknown=self.passes_unknown)
            for note in notes
            if note
        )
        return [Annotated(each) for each in annotations if each is not None]


class ReasoningItem(OutputItem):
    """A reasoning item: its summary, and the text of the reasoning itself, as parts (A3).

    `shows_text` says that the latter is passed on as reasoning text, not as a summary.
    """

    kind: ClassVar[str] = "reasoning"
    shows_text = False

    def __init__(self, item_json: Json, reader: ContentReader) -> None:
        super().__init__(item_json, reader)
        self._payload: str | None = None  # known once it is done: an earlier one is not final
        self._summary = PartCursor()
        self._content = PartCursor()

    @property
    def is_blank(self) -> bool:
        return self._summary.is_blank and self._content.is_blank

    def has_text_of(self, item_json: Json) -> bool:
        lengths = [parts.text.length for parts in (self._summary, self._content)]
        return any(lengths) and lengths == [len(text) for text in self._texts(item_json)]

    def opened(self) -> list[Delta]:
        return [ReasoningOpened()]

    def begin_part(self, event: Json) -> list[Delta]:
        if "summary_index" in event:
            return self._summary.announce(event["summary_index"])
        return self._content.announce(event.get("content_index"))

    def add_thought(self, event: Json) -> list[Delta]:
        """Add a piece of a summary, or of the reasoning itself."""
        piece, (parts, before) = self._reader.text(event, "delta"), self._reach(event)
        if before is None:
            return []
        parts.text.add(piece)
        return [*before, self._thought(piece, parts)]

    def rest_of_text(self, event: Json, *, is_place: bool = False) -> list[Delta]:
        """Return what is new in a whole text; for `is_place` see PartCursor."""
        parts, before = self._reach(event, is_place=is_place)
        if before is None:
            return []
        rest = parts.rest(self._reader.text(event, "text"))
        return [*before, self._thought(rest, parts)] if rest else before

    def _texts(self, item_json: Json) -> list[str]:
        """Return the whole text of the summary, and that of the reasoning itself."""
        whole = (self._reader.contents(item_json, name) for name, _ in _FIELDS)
        return ["".join(self._reader.text(part, "text") for part in parts) for parts in whole]

    def end_part(self, event: Json) -> list[Delta]:
        """Return what is new in a whole part, and that it ends."""
        rest = self.rest_of_text({"text": ""} | event | self._reader.mapping(event, "part"))
        return [*rest, *self._summary.end(), *self._content.end()]

    def rest(self, item_json: Json) -> list[Delta]:
        self._payload = payload(item_json)
        deltas: list[Delta] = []
        fields: tuple[tuple[str, str], ...] = _FIELDS
        summary, content = self._texts(item_json)
        if summary == content and not self.shows_text:  # SGLang's: it is one text, in both fields
            fields = _FIELDS[:1] if self._content.is_blank else _FIELDS[1:]
        for name, place in fields:
            for index, part in enumerate(self._reader.contents(item_json, name)):
                whole = {place: index, "text": part.get("text")}
                deltas += self.rest_of_text(whole, is_place=True)
        return deltas

    def ended(self) -> list[Delta]:
        return self.left() or [ItemEnded()]

    def left(self) -> list[Delta]:
        return [Opaque(self._payload)] if self._payload else []

    def _thought(self, piece: str, parts: PartCursor) -> Thought:
        return Thought(piece, is_text=self.shows_text and parts is self._content)

    def _reach(
        self, event: Json, *, is_place: bool = False
    ) -> tuple[PartCursor, list[Delta] | None]:
        """Move to an event's part, of the summary or the reasoning; None if that has ended."""
        here, other, index = self._summary, self._content, event.get("summary_index")
        if "content_index" in event or str(event.get("type", "")).startswith(_OF_REASONING):
            here, other, index = self._content, self._summary, event.get("content_index")
        before = here.reach(index, is_place=is_place)
        return here, None if before is None else [*other.end(), *before]
