"""The answers of an upstream that speaks Responses itself, as deltas. Pure.

Servers leave out indexes, sequence numbers, whole events, or the output of the last one; relays
change ids on the way (sections 9a, 9e). So items are told apart by their index where there is
one, else by their id, else by their order, and only what has not been told yet is told.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from app.domain.stream.deltas import Delta, Finished, Text, Used
from app.errors import GatewayError
from app.providers.faults.error_body import failure_in
from app.providers.openai_responses.events import (
    ToldCall,
    ToldItem,
    ToldMessage,
    ToldReasoning,
)
from app.providers.reading.budget import BOUNDS
from app.providers.reading.counts import Counts
from app.providers.reading.events import Fault, Json
from app.providers.reading.fields import Note, bound_at_once, ignore
from app.providers.reading.finish_reasons import finish_reason
from app.providers.reading.json_text import Misread
from app.providers.reading.understanding import ContentReader

Kind = TypeVar("Kind", bound=ToldItem)

_KINDS: dict[str, type[ToldItem]] = {
    kind.kind: kind for kind in (ToldMessage, ToldReasoning, ToldCall)
}
_NOWHERE = -1
#: A whole answer has at least one of them.
_OF_A_RESPONSE = {"output", "status", "error"}
#: What an item of each kind has, where it does not say its kind.
_OF_A_KIND = {
    "call_id": "function_call",
    "arguments": "function_call",
    "summary": "reasoning",
    "content": "message",
    "text": "message",
}
#: The words of a response that has not ended, or not by itself.
_NOT_ENDED = ("in_progress", "queued", "cancelled")

#: How the codes of errors begin that stand without a type and are about the request.
_CALLERS_FAULTS = (
    "invalid_",
    "image_",
    "unsupported_image",
    "empty_image",
    "failed_to_download",
    "bio_policy",
    "data_residency",
)


class ResponsesReader:
    """Reads one answer, in order. Implements events.EventInterpreter.

    `cut_at` is the bound of output tokens where the server does not tell that it cut an answer:
    one that is as long was cut, and nothing in it is whole before it is known to be shorter.
    """

    def __init__(self, fault: Fault, cut_at: int | None = None, note: Note = ignore) -> None:
        self.is_done = False
        self._fault = fault
        self._reader = ContentReader(note)
        self._understanding = self._reader.understanding
        self._counts = Counts()
        self._usage: object = None  # the last that was told
        self._is_counted = False  # it came after the last word
        self._cut_at = cut_at
        self._items: list[ToldItem] = []
        self._left_out = 0
        self._by_index: dict[int, ToldItem] = {}
        self._by_id: dict[str, ToldItem] = {}
        self._open: deque[ToldItem] = deque()

    def whole(self, body: Json) -> list[Delta]:
        """Return what a whole body says.

        Raises:
            GatewayError: the answer failed.
            Misread: it is none.
        """
        if not body.keys() & _OF_A_RESPONSE:
            raise Misread("it is not a response")
        return self._finish(body, "completed")

    def event(self, event: Json) -> list[Delta]:
        """Return what the next event of a stream says; unknown ones say nothing.

        Raises:
            GatewayError: the event says that the answer failed.
        """
        deltas = self._event(event)
        self._understanding.see(deltas)
        return deltas

    def _event(self, event: Json) -> list[Delta]:
        match event.get("type"):
            case "response.output_text.delta":
                return self._on(ToldMessage, event, ToldMessage.said)
            case "response.function_call_arguments.delta":
                return self._on(ToldCall, event, ToldCall.went_on)
            case "response.reasoning_summary_text.delta" | "response.reasoning_text.delta":
                return self._on(ToldReasoning, event, ToldReasoning.thought)
            case "response.refusal.delta":
                return self._on(ToldMessage, event, ToldMessage.refused)
            case "response.output_item.added":
                return self._added(event)
            case "response.output_item.done":
                return self._done(event)
            case "response.completed" | "response.incomplete" | "response.failed":
                response = self._reader.mapping(event, "response")
                ended = {"usage": event.get("usage")} | response
                return self._finish(ended, event["type"].removeprefix("response."))
            case "error":
                raise self._failure(event.get("error") or _flat_error(event))
            case _:
                return self._smaller_event(event)

    def end(self) -> list[Delta]:
        """End an answer that says [DONE] in place of its last event: it is whole (A9)."""
        if self.is_done or not self._items:
            return []
        self.is_done = True
        self._understanding.check()
        deltas = self._leave()
        self._used(self._usage, deltas)
        return [*deltas, Finished("stop")]

    def over(self) -> list[Delta]:
        """End an answer whose counts came last, which is whole (A9); another was cut."""
        return self.end() if self._is_counted else []

    def _smaller_event(self, event: Json) -> list[Delta]:
        match event.get("type"):
            case "response.output_text.annotation.added":
                return self._on(ToldMessage, event, ToldMessage.noted)
            case "response.output_text.done" | "response.refusal.done":
                return self._on(ToldMessage, event, ToldMessage.text_done)
            case "response.content_part.done":
                if self._reader.mapping(event, "part").get("type") == "reasoning_text":
                    return self._on(ToldReasoning, event, ToldReasoning.part_done)
                return self._on(ToldMessage, event, ToldMessage.part_done)
            case "response.reasoning_summary_text.done" | "response.reasoning_text.done":
                return self._on(ToldReasoning, event, ToldReasoning.text_done)
            case "response.reasoning_summary_part.done":
                return self._on(ToldReasoning, event, ToldReasoning.part_done)
            case "response.function_call_arguments.done":
                return self._on(ToldCall, event, ToldCall.whole)
            case _:
                if error := failure_in(event):
                    raise self._failure(error)
                self._note_usage(event)
                return []

    def _note_usage(self, event: Json) -> None:
        """Keep the counts that an event has which is not the last one."""
        response = event.get("response")
        usage = event.get("usage") or (isinstance(response, dict) and response.get("usage"))
        if usage:
            self._usage, self._is_counted = usage, True

    def _on(
        self, kind: type[Kind], event: Json, tell: Callable[[Kind, Json], list[Delta]]
    ) -> list[Delta]:
        """Tell an event of the item that it is about, which may have begun without a word."""
        self._is_counted = False
        item = self._find(event, kind)
        if item is not None:
            return [] if item.is_done else tell(item, event)
        if kind is ToldCall:
            return []  # its name is not known: the item, once done, tells it all
        begun = kind({"type": kind.kind, "id": event.get("item_id")}, self._reader)
        return self._begin(begun, event) + tell(begun, event)

    def _find(self, event: Json, kind: type[Kind]) -> Kind | None:
        item = self._by_index.get(_index(event))
        if isinstance(item, kind):
            return item
        item = self._by_id.get(_id(event.get("item_id")))
        if isinstance(item, kind):
            return item
        last = self._items[-1] if self._items else None
        if isinstance(last, kind) and not last.is_done and _index(event) == _NOWHERE:
            return last
        return None

    def _added(self, event: Json) -> list[Delta]:
        shown = self._reader.mapping(event, "item")
        kind = _kind(shown)
        if kind is None:
            self._left_out += 1
            self._understanding.meet("item", shown.get("type"))
            return []
        known = self._by_index.get(_index(event)) or self._by_id.get(_id(shown.get("id")))
        if type(known) is kind and not known.is_done and known.may_be(shown):
            return []
        if kind is ToldCall and not shown.get("name"):
            return []
        return self._begin(self._new(shown), event)

    def _done(self, event: Json) -> list[Delta]:
        shown = self._reader.mapping(event, "item")
        kind = _kind(shown)
        if kind is None:
            return []
        item = self._find({"item_id": shown.get("id")} | event, kind)
        if item is not None and item.may_be(shown):
            return [] if item.is_done else self._finished_item(item, shown)
        return self._untold(shown, event)

    def _untold(self, shown: Json, event: Json) -> list[Delta]:
        item = self._new(shown)
        return self._begin(item, event) + self._finished_item(item, shown)

    def _new(self, shown: Json) -> ToldItem:
        kind = _kind(shown) or ToldMessage
        if kind is ToldCall:
            return ToldCall(shown, self._reader, str(len(self._items)))
        return kind(shown, self._reader)

    def _begin(self, item: ToldItem, event: Json) -> list[Delta]:
        """Begin an item; what is open ends by it, but for calls, which may be told in turns."""
        index = _index(event)
        place = len(self._items) + self._left_out if index == _NOWHERE else index
        self._by_index[place] = item
        self._items.append(item)
        if item.item_id:
            self._by_id[item.item_id] = item
        before = self._leave()
        self._open.append(item)
        return before + item.opened()

    def _leave(self) -> list[Delta]:
        if not self._open or isinstance(self._open[-1], ToldCall):
            return []
        return self._open.pop().left()

    def _finished_item(self, item: ToldItem, shown: Json) -> list[Delta]:
        """Tell what is untold of an item and end it, and those that waited for it.

        One that was cut stays open, so that its status shows it.
        """
        deltas = item.whole(shown)
        if shown.get("status") == "incomplete" or self._cut_at is not None:
            return deltas
        item.is_done = True
        while self._open and self._open[0].is_done:
            first = self._open.popleft()
            if self._open and isinstance(first, ToldCall):
                deltas += first.ended_late()
            else:
                deltas += first.ended()
        return deltas

    def _finish(self, response: Json, told: str) -> list[Delta]:
        self.is_done = True
        status = self._reader.string(response, "status") or told
        error = failure_in(response)
        if status == "failed" or error:
            raise self._failure(error or {})
        output = self._reader.contents(response, "output", BOUNDS.items)
        deltas = self._reconciled(output)
        if not self._items and (text := self._reader.text(response, "output_text")):
            deltas.append(Text(text))
        self._check_understanding(output, deltas)
        usage = self._used(response.get("usage") or self._usage, deltas)
        tier = self._reader.string(response, "service_tier") or None
        if status == "incomplete":
            why = self._reader.mapping(response, "incomplete_details")
            reason = finish_reason(self._reader.string(why, "reason"))
            filtered = reason == "content_filter"
            deltas.append(Finished("content_filter" if filtered else "length", tier))
        elif status not in _NOT_ENDED:
            if status != "completed":
                self._reader.note("status", status)
            was_cut = self._cut_at is not None and usage >= self._cut_at
            deltas.append(Finished("length" if was_cut else "stop", tier))
        return deltas

    def _check_understanding(self, output: Sequence[Json], deltas: Sequence[Delta]) -> None:
        """Raise UpstreamMisbehaved where nothing of the answer is known (A10)."""
        if not self._items:
            for shown in output:
                if _kind(shown) is None:
                    self._understanding.meet("item", shown.get("type"))
        self._understanding.see(deltas)
        self._understanding.check()

    def _used(self, shown: object, deltas: list[Delta]) -> int:
        """Add what was counted, if anything was; return how many tokens came out."""
        if not shown:
            return 0
        usage = self._counts.read(shown)
        if usage is None:
            self._reader.note("usage")
            return 0
        deltas.append(Used(usage))
        return usage.output_tokens

    def _reconciled(self, output: Iterable[Json]) -> list[Delta]:
        """Tell what the whole output has beyond what was told: the n-th item of a kind here is
        the n-th that was told. An untold one before others that were told comes too late.
        """
        told = {kind: iter([i for i in self._items if type(i) is kind]) for kind in _KINDS.values()}
        shown_items = [shown for shown in output if _kind(shown) is not None]
        pairs = [(shown, next(told[_kind(shown) or ToldMessage], None)) for shown in shown_items]
        last = max((at for at, (_, item) in enumerate(pairs) if item is not None), default=-1)
        deltas: list[Delta] = []
        for at, (shown, item) in enumerate(pairs):
            if item is not None:
                deltas += [] if item.is_done else self._finished_item(item, shown)
            elif at > last:
                deltas += self._untold(shown, {})
            bound_at_once(deltas)
        return deltas + self._leave()

    def _failure(self, error: object) -> GatewayError:
        if isinstance(error, dict) and not error.get("type"):
            code = error.get("code")
            if isinstance(code, str) and code.startswith(_CALLERS_FAULTS):
                error = error | {"type": "invalid_request_error"}
        return self._fault(error)


def _index(event: Json) -> int:
    index = event.get("output_index")
    return index if isinstance(index, int) else _NOWHERE


def _id(item_id: object) -> str:
    return item_id if isinstance(item_id, str) else ""


def _kind(shown: Json) -> type[ToldItem] | None:
    kind = shown.get("type")
    if kind == "text":
        kind = "message"  # a text in the place of an item
    if not isinstance(kind, str) or not kind:
        kind = next((kind for name, kind in _OF_A_KIND.items() if name in shown), "")
    return _KINDS.get(kind)


def _flat_error(event: Json) -> Json:
    return {name: event[name] for name in ("code", "message", "param") if name in event}
