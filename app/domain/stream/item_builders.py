"""Builders of open items: each kind writes its own events and closes what it has opened.

For a message these are: output_item.added, content_part.added, its output_text.delta events,
output_text.done, content_part.done, output_item.done.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from app.domain.ids import Mint
from app.domain.items import (
    Compaction,
    FunctionCall,
    ItemStatus,
    Message,
    OutputItem,
    OutputPart,
    OutputText,
    Reasoning,
    Refusal,
)
from app.domain.stream.brackets import Brackets, is_object
from app.domain.stream.call_events import (
    ReasoningPartAdded,
    ReasoningPartDone,
    ReasoningTextDelta,
    ReasoningTextDone,
)
from app.domain.stream.deltas import Compacted
from app.domain.stream.event_log import EventLog
from app.domain.stream.events import (
    AnnotationAdded,
    ArgumentsDelta,
    ArgumentsDone,
    Compacting,
    ItemAdded,
    ItemDone,
    PartAdded,
    PartDone,
    RefusalDelta,
    RefusalDone,
    SummaryPartAdded,
    SummaryPartDone,
    SummaryTextDelta,
    SummaryTextDone,
    TextDelta,
    TextDone,
)

#: Number of pieces of a text that are kept before they are joined.
MOST_CHUNKS = 64

_NO_TEXT = OutputText("")
_NO_REFUSAL = Refusal("")


class MessageBuilder:
    """Builds a message: a sequence of text and refusal parts.

    MEASURED: the pieces of a stream take 64 bytes each while they are kept separately; so they are
    joined now and then.
    """

    def __init__(self, log: EventLog, item_id: str, phase: str | None) -> None:
        self._log = log
        self._id = item_id
        self._phase = phase
        self._index = 0
        self._parts: list[OutputPart] = []
        self._kind: type[OutputText] | type[Refusal] | None = None
        self._joined: list[str] = []
        self._chunks: list[str] = []
        self._annotations: list[dict[str, Any]] = []
        self._logprobs: list[dict[str, Any]] = []

    def begin(self, output_index: int) -> None:
        """Write that the message has begun."""
        self._index = output_index
        item = Message(self._id, "assistant", (), "in_progress", self._phase)
        self._log.write(ItemAdded, output_index, item)

    def add_text(self, text: str, logprobs: tuple[dict[str, Any], ...]) -> None:
        """Write a piece of text."""
        if self._kind is not OutputText:
            self._begin_part(_NO_TEXT)
        chunks = self._chunks
        chunks.append(text)
        if len(chunks) == MOST_CHUNKS:
            self._joined.append("".join(chunks))
            chunks.clear()
        if logprobs:
            self._logprobs.extend(logprobs)
        # MEASURED: most events of a stream are of this kind; written inline it takes one call less.
        log, place = self._log, len(self._parts)
        log.events.append(TextDelta(log.next, self._id, self._index, place, text, logprobs))
        log.next += 1

    def add_refusal(self, text: str) -> None:
        """Write a piece of a refusal."""
        if self._kind is not Refusal:
            self._begin_part(_NO_REFUSAL)
        self._chunks.append(text)
        log = self._log
        log.write(RefusalDelta, self._id, self._index, len(self._parts), text)

    def add_annotation(self, annotation: dict[str, Any]) -> None:
        """Write an annotation of the text part, opening one if none is open."""
        if self._kind is not OutputText:
            self._begin_part(_NO_TEXT)
        log = self._log
        log.write(
            AnnotationAdded,
            self._id,
            self._index,
            len(self._parts),
            len(self._annotations),
            annotation,
        )
        self._annotations.append(annotation)

    def end_part(self) -> None:
        """Close the open part, if there is one."""
        if self._kind is None:
            return
        log, text = self._log, "".join(self._joined + self._chunks)
        where = (self._id, self._index, len(self._parts))
        part: OutputPart
        if self._kind is OutputText:
            part = OutputText(text, tuple(self._annotations), tuple(self._logprobs))
            log.write(TextDone, *where, text, part.logprobs)
        else:
            part = Refusal(text)
            log.write(RefusalDone, *where, text)
        log.write(PartDone, *where, part)
        self._parts.append(part)
        self._kind = None

    def end(self, status: ItemStatus) -> OutputItem:
        """Close the message and return it."""
        self.end_part()
        item = Message(self._id, "assistant", tuple(self._parts), status, self._phase)
        self._log.write(ItemDone, self._index, item)
        return item

    def _begin_part(self, empty: OutputPart) -> None:
        if self._kind is not None:
            self.end_part()
        self._kind = type(empty)
        self._joined, self._chunks, self._annotations, self._logprobs = [], [], [], []
        log = self._log
        log.write(PartAdded, self._id, self._index, len(self._parts), empty)


class ReasoningBuilder:
    """Builds a reasoning item: a sequence of summary and text parts."""

    def __init__(self, log: EventLog, item_id: str) -> None:
        self._log = log
        self._id = item_id
        self._index = 0
        self._summary: list[str] = []
        self._content: list[str] = []
        self._chunks: list[str] | None = None
        self._is_text = False  # the open part is reasoning text
        self.payload: str | None = None

    def begin(self, output_index: int) -> None:
        """Write that the item has begun."""
        self._index = output_index
        self._log.write(ItemAdded, output_index, Reasoning(self._id))

    def add(self, text: str, *, is_text: bool) -> None:
        """Write a piece of a summary, or of the reasoning text."""
        if self._chunks is None or is_text is not self._is_text:
            self.end_part()
            self._chunks, self._is_text = [], is_text
            if is_text:
                self._log.write(ReasoningPartAdded, *self._place)
            else:
                self._log.write(SummaryPartAdded, *self._place)
        self._chunks.append(text)
        if is_text:
            self._log.write(ReasoningTextDelta, *self._place, text)
        else:
            self._log.write(SummaryTextDelta, *self._place, text)

    def end_part(self) -> None:
        """Close the open part, if there is one."""
        if self._chunks is None:
            return
        text, place = "".join(self._chunks), self._place
        if self._is_text:
            self._log.write(ReasoningTextDone, *place, text)
            self._log.write(ReasoningPartDone, *place, text)
        else:
            self._log.write(SummaryTextDone, *place, text)
            self._log.write(SummaryPartDone, *place, text)
        (self._content if self._is_text else self._summary).append(text)
        self._chunks = None

    def end(self, _status: ItemStatus) -> OutputItem:
        """Close the item and return it; reasoning items carry no status."""
        self.end_part()
        item = Reasoning(self._id, tuple(self._summary), tuple(self._content), self.payload)
        self._log.write(ItemDone, self._index, item)
        return item

    @property
    def _place(self) -> tuple[str, int, int]:
        return self._id, self._index, len(self._content if self._is_text else self._summary)


class FunctionCallBuilder:
    """Builds a function call, whose arguments arrive in fragments."""

    def __init__(
        self,
        log: EventLog,
        item_id: str,
        key: str,
        call_id: str,
        name: str,
        namespace: str | None = None,
        program_id: str | None = None,
    ) -> None:
        self.key = key
        self._log = log
        self._id = item_id
        self._call_id = call_id
        self._name = name
        self._namespace = namespace
        self._program_id = program_id
        self._index = 0
        self._fragments: list[str] = []
        self._brackets = Brackets()

    @property
    def arguments(self) -> str:
        """The arguments so far."""
        return "".join(self._fragments)

    @property
    def is_whole(self) -> bool:
        """Whether the arguments so far are a complete JSON object."""
        brackets = self._brackets
        if brackets.is_whole is None:
            brackets.look_at(self._fragments)
            if brackets.are_closed:
                brackets.is_whole = is_object(self.arguments)
        return brackets.is_whole is True

    def begin(self, output_index: int) -> None:
        """Write that the call has begun."""
        self._index = output_index
        self._log.write(ItemAdded, output_index, self._item("", "in_progress"))

    def add_arguments(self, fragment: str) -> None:
        """Write a fragment of the arguments."""
        if fragment:
            self._fragments.append(fragment)
            log = self._log
            log.write(ArgumentsDelta, self._id, self._index, fragment)

    def end(self, status: ItemStatus) -> OutputItem:
        """Close the call and return it; a completed call without arguments gets `{}`."""
        if status == "completed" and not self._fragments:
            self.add_arguments("{}")
        arguments, log = self.arguments, self._log
        log.write(ArgumentsDone, self._id, self._index, self._name, arguments)
        item = self._item(arguments, status)
        log.write(ItemDone, self._index, item)
        return item

    def _item(self, arguments: str, status: ItemStatus) -> FunctionCall:
        return FunctionCall(
            self._id,
            self._call_id,
            self._name,
            arguments,
            status,
            self._namespace,
            self._program_id,
        )


def write_compaction(log: EventLog, mint: Mint, output_index: int, made: Compacted) -> Compaction:
    """Write a compaction at once: a part of one must never be mistaken for one."""
    item = Compaction(mint("cmp"), made.encrypted_content)
    log.write(ItemAdded, output_index, replace(item, encrypted_content=""))
    log.write(Compacting, item.id, output_index)
    log.write(ItemDone, output_index, item)
    return item
