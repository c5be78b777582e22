"""Track the items of one answer, and find the one that an event belongs to. Pure.

Servers leave out indexes, sequence numbers or whole events; relays change ids on the way (sections
9a, 9e). So items are identified by index if there is one, else by id, else by order, and an event
adds only what is new in it:

    {"type": "response.output_text.delta", "output_index": 0, "item_id": "msg_1", "delta": "Hel"}

adds "Hel" to the item at 0, or to "msg_1", or to the latest message, or to a new one.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from typing import TypeVar

from app.domain.stream.deltas import Delta
from app.providers.openai_responses.output.calls import CallItem
from app.providers.openai_responses.output.hosted import (
    HostedOutputItem,
    is_hosted,
    of_answer,
)
from app.providers.openai_responses.output.items import (
    MessageItem,
    OutputItem,
    ReasoningItem,
)
from app.providers.openai_responses.output.kinds import kind_of
from app.providers.openai_responses.output.late_reasoning import LateReasoning
from app.providers.openai_responses.output.places import NOWHERE, id_of, index_of
from app.providers.reading.events import Json
from app.providers.reading.fields import refuse_too_many
from app.providers.reading.understanding import ContentReader

Kind = TypeVar("Kind", bound=OutputItem)


class OpenItems:
    """The items that have begun, in order.

    `may_be_cut` says that the server does not report that it cut an answer: then no item ends
    before the answer does. `carries` says that it runs tools itself, and may send items of any
    kind; `shows_text` that the text of reasoning is passed on as such (A3); `is_encrypted` that
    reasoning comes with a payload to return, for which the calls after it wait.
    """

    def __init__(
        self,
        reader: ContentReader,
        *,
        may_be_cut: bool,
        has_namespaces: bool = False,
        carries: bool = False,
        shows_text: bool = False,
        is_encrypted: bool = False,
    ) -> None:
        self._reader = reader
        self._may_be_cut = may_be_cut
        self._has_namespaces = has_namespaces
        self._carries = carries
        self._shows_text = shows_text
        self._items: list[OutputItem] = []
        self._unknown = 0  # items of unknown kinds, which take up indexes
        self._by_index: dict[int, OutputItem] = {}
        self._by_id: dict[str, OutputItem] = {}
        self._open: deque[OutputItem] = deque()
        self._late = LateReasoning()
        self._is_encrypted = is_encrypted and not may_be_cut

    @property
    def is_empty(self) -> bool:
        """Whether no item has begun."""
        return not self._items

    def take(
        self, kind: type[Kind], add: Callable[[Kind, Json], list[Delta]], event: Json
    ) -> list[Delta]:
        """Return the deltas of an event about an item, which may begin the item."""
        item = self._find(event, kind)
        if item is not None:
            return [] if item.is_done else self._late.pass_on(item, add(item, event))
        if issubclass(kind, CallItem):
            return []  # the call's name is unknown: the complete item will have everything
        if self._is_of_hosted(event):
            self._reader.note("event_in_item")  # the complete item will have the content
            return []
        begun = self._made(kind, {"type": kind.kind, "id": event.get("item_id")})
        return self._begin(begun, event) + add(begun, event)

    def begin_part(self, event: Json) -> list[Delta]:
        """Return the deltas before a part, of reasoning or a message, as it begins."""
        is_thought = event["type"].startswith("response.reasoning_")
        kind: type[OutputItem] = ReasoningItem if is_thought else MessageItem
        item = self._at(event) or self._find(event, kind)
        return [] if item is None or item.is_done else item.begin_part(event)

    def added(self, event: Json) -> list[Delta]:
        """Begin the item in an event."""
        item_json = self._reader.mapping(event, "item")
        kind = self._kind(item_json)
        if kind is None:
            self._unknown += 1
            self._reader.understanding.note_unknown("item", item_json.get("type"))
            return []
        known = self._by_index.get(index_of(event)) or self._by_id.get(id_of(item_json.get("id")))
        if type(known) is kind and not known.is_done and known.may_be(item_json):
            return []
        if not kind.can_begin(item_json):
            return []
        return self._begin(self._new(item_json), event)

    def done(self, event: Json) -> list[Delta]:
        """Complete and end the item that is whole in an event."""
        item_json = self._reader.mapping(event, "item")
        kind = self._kind(item_json)
        if kind is None:
            return []
        item = self._find({"item_id": item_json.get("id")} | event, kind)
        if item is not None and not item.may_be(item_json):
            item = self._instead_of(item, item_json)
        # Some servers give all items the same id: if the index is new, it is another item.
        is_elsewhere = index_of(event) != NOWHERE and index_of(event) not in self._by_index
        if item is not None and not (item.is_done and is_elsewhere):
            return [] if item.is_done else self._complete(item, item_json)
        return self._begin_whole(item_json, event)

    def _instead_of(self, item: OutputItem, item_json: Json) -> OutputItem | None:
        """Return the open item that a call ends whose id is not that of `item`, at its place.

        vLLM's calls of gpt-oss end under another id than they began with
        (vllm-project/vllm, entrypoints/openai/responses/streaming_events.py).
        """
        for each in self._open:
            if type(each) is type(item) and each.may_be(item_json):
                return each
        return item if item.may_end_as(item_json) and not item.is_done else None

    def reconcile(self, output: Iterable[Json]) -> list[Delta]:
        """Return what the whole output has beyond the events, and leave the last item.

        The n-th item of a kind here is the n-th of that kind that has begun. An item that has not
        begun, but precedes others that have, comes too late and is left out.
        """
        begun: defaultdict[object, deque[OutputItem]] = defaultdict(deque)
        for begun_item in self._items:
            hosted = begun_item.type if isinstance(begun_item, HostedOutputItem) else None
            begun[hosted or type(begun_item)].append(begun_item)
        pairs: list[tuple[Json, OutputItem | None]] = []
        unknown = 0
        for item_json in output:
            if (kind := self._kind(item_json)) is not None:
                same = begun[item_json["type"] if kind is HostedOutputItem else kind]
                pairs.append((item_json, same.popleft() if same else None))
            elif (unknown := unknown + 1) > self._unknown:  # it has not come in an event
                self._reader.understanding.note_unknown("item", item_json.get("type"))
        last = max((at for at, (_, item) in enumerate(pairs) if item is not None), default=-1)
        deltas: list[Delta] = []
        for at, (item_json, item) in enumerate(pairs):
            if item is not None:
                deltas += [] if item.is_done else self._complete(item, item_json)
            elif at > last:
                deltas += self._begin_whole(item_json, {})
            refuse_too_many(deltas)
        return deltas + self.leave()

    def note(self, event: Json) -> list[Delta]:
        """Return the deltas of an unknown event, about a hosted item or about the whole answer."""
        if not self._carries:
            return []
        item = self._at(event)
        if item is None:
            return of_answer(event)
        return item.noted(event) if type(item) is HostedOutputItem and not item.is_done else []

    def leave(self) -> list[Delta]:
        """Return the remaining deltas of the latest item, unless it is a call or has ended."""
        deltas: list[Delta] = []
        if (late := self._late.item) is not None:
            self._open.remove(late)
            deltas = late.left() + self._late.release()
        if not self._open or isinstance(self._open[-1], CallItem):
            return deltas
        return deltas + self._open.pop().left()

    def _must_wait(self, item: OutputItem) -> bool:
        """Tell whether the deltas of a new item have to wait for reasoning before it."""
        if not isinstance(item, CallItem):
            return False
        last = self._open[-1] if self._open else None
        if self._is_encrypted and isinstance(last, ReasoningItem) and not last.is_done:
            self._late.item = last
        return self._late.item is not None

    def _is_of_hosted(self, event: Json) -> bool:
        """Tell whether an event is about a hosted item, whatever the event's type."""
        item_id = id_of(event.get("item_id"))
        item = self._by_id.get(item_id) if item_id else self._by_index.get(index_of(event))
        return isinstance(item, HostedOutputItem)

    def _at(self, event: Json) -> OutputItem | None:
        """Return the item, of whatever kind, at an event's index, or else with its id."""
        item = self._by_index.get(index_of(event))
        return item or self._by_id.get(id_of(event.get("item_id")))

    def _find(self, event: Json, kind: type[Kind]) -> Kind | None:
        item = self._by_index.get(index_of(event))
        if isinstance(item, kind):
            return item
        item = self._by_id.get(id_of(event.get("item_id")))
        if isinstance(item, kind):
            return item
        last = self._items[-1] if self._items else None
        if not isinstance(last, kind) or last.is_done:
            return None
        if index_of(event) == NOWHERE:
            return last
        return last if self._adopts(last, event) else None

    def _adopts(self, last: OutputItem, event: Json) -> bool:
        """Tell whether an event with a new index and id is of the latest item, and note them.

        vLLM begins a message under the reasoning's index and id, and continues it under its own
        (vllm-project/vllm PR 23741); SGLang ends reasoning under others than it begins it with
        (sgl-project/sglang, serving_responses, gpt-oss).
        """
        item_json = event.get("item")
        is_same = last.has_text_of(item_json) if isinstance(item_json, dict) else last.is_blank
        if not is_same or index_of(event) in self._by_index:
            return False
        self._by_index[index_of(event)] = last
        if own_id := id_of(event.get("item_id")):
            self._by_id[own_id] = last
        return True

    def _kind(self, item_json: Json) -> type[OutputItem] | None:
        kind = kind_of(item_json)
        if kind is None and self._carries and is_hosted(item_json):
            return HostedOutputItem
        return kind

    def _new(self, item_json: Json) -> OutputItem:
        kind, key = self._kind(item_json) or MessageItem, str(len(self._items))
        if issubclass(kind, HostedOutputItem):
            return kind(item_json, self._reader, key)
        if issubclass(kind, CallItem):
            return kind(item_json, self._reader, key, has_namespaces=self._has_namespaces)
        return self._made(kind, item_json)

    def _made(self, kind: type[Kind], item_json: Json) -> Kind:
        item = kind(item_json, self._reader)
        if isinstance(item, ReasoningItem):
            item.shows_text = self._shows_text
        elif isinstance(item, MessageItem):
            item.passes_unknown = self._carries
        return item

    def _begin_whole(self, item_json: Json, event: Json) -> list[Delta]:
        item = self._new(item_json)
        return self._begin(item, event, is_whole=True) + self._complete(item, item_json)

    def _begin(self, item: OutputItem, event: Json, *, is_whole: bool = False) -> list[Delta]:
        """Begin an item, which ends an open one unless that is a call: calls may be interleaved."""
        index = index_of(event)
        place = len(self._items) + self._unknown if index == NOWHERE else index
        self._by_index[place] = item
        self._items.append(item)
        if item.item_id:
            self._by_id[item.item_id] = item
        before = [] if self._must_wait(item) else self.leave()
        if isinstance(item, HostedOutputItem):  # it ends on its own, whatever else is open
            return before + (item.opened_late() if is_whole else item.opened())
        self._open.append(item)
        return before + self._late.pass_on(item, item.opened())

    def _complete(self, item: OutputItem, item_json: Json) -> list[Delta]:
        """Return what is new in the whole item, and end it and those that waited for it.

        An item that was cut stays open, so that its status shows it.
        """
        deltas = item.rest(item_json)
        if isinstance(item, HostedOutputItem):
            item.is_done = True
            return deltas
        deltas = self._late.pass_on(item, deltas)
        if item_json.get("status") == "incomplete" or self._may_be_cut:
            return deltas
        item.is_done = True
        # Items end in order: those that were done while an earlier call was open end with it.
        while self._open and self._open[0].is_done:
            first = self._open.popleft()
            if self._open and isinstance(first, CallItem):
                deltas += first.ended_late()
            else:
                deltas += first.ended()
            if first is self._late.item:
                deltas += self._late.release()
        return deltas
