"""Messages of items that were written before: a conversation's beginning stays what it was.

An agent's history and a stored conversation are the same values at each request, where
they are known (schemas/request/items/known.py, store/responses/packed/known_items.py). What such a
beginning becomes is written once, as the bytes of its messages:

    items     [user, call, output, call, output, ...,  call, output]
               `------------- the same values -----'   `-- new --'
    messages  [Fragment(b'{"role":"user",…},{…},…'),   {…}, {…}]

MEASURED: a request of 300 items and 40 tools takes three tenths less CPU so, one of 900 half, one
after 100 stored turns a fifth less.

It is cut only where a turn of the assistant ends whatever comes, no call waits for its output, and
nothing joins the last message, so that what comes behind depends on nothing before but the ids that
are taken, and the writer's state.
tests/fuzz/test_known_messages.py holds what is written so to what is written without.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from sys import getsizeof
from typing import Any, Protocol

import orjson

from app.domain.items import (
    FunctionCall,
    FunctionCallOutput,
    InputText,
    Item,
    Message,
    OutputText,
    Reasoning,
)
from app.providers.openai_chat.messages.sizes import size_of
from app.providers.writing.call_ids import CallIds
from app.sized_cache import SizedCache

#: How many more items must be known to write them anew.
_MORE = 16
#: What all that is remembered takes at most, and what is of requests that came once, about.
MOST_BYTES, MOST_SEEN_BYTES = 28 * 1024 * 1024, 4 * 1024 * 1024
#: How long what nobody asks for is remembered, in seconds.
SPAN_S = 300.0
#: How many bytes the place of an item takes, its id with that, and a character at most.
_PLACE, _ID, _WIDEST = 8, 40, 4
#: How many beginnings of one item are remembered, and how many requests that came once.
_MOST_ALIKE, _MOST_SEEN = 16, 64
#: How long the texts of two items are at most that are kept of such a request.
_LONGEST_PROBE = 64 * 1024

#: What else messages depend on; two are the same where these are equal.
Form = tuple[Any, ...]


class Writer(Protocol):
    """Writes one message after another; see writer.py."""

    messages: list[Any]
    ids: CallIds
    #: What else decides about the messages behind.
    state: tuple[bool, ...]

    @property
    def has_outputs(self) -> bool:
        """Whether the turn has outputs, which end it where the assistant goes on."""

    def closed(self, place: int) -> list[Any]:
        """Return the messages from a place on, none where what comes may join the last."""

    def write(self, items: Sequence[Item]) -> None:
        """Write items; the last turn may go on."""

    def end_turn(self) -> None:
        """Write what the assistant said so far, and what its calls gave."""


@dataclass(eq=False, slots=True)
class _Beginning:
    """Items, what they became, the ids of their calls, and the writer's state behind them.

    The items take `item_bytes` of memory, all of it `size`.
    """

    form: Form
    items: tuple[Item, ...]
    messages: orjson.Fragment
    call_ids: dict[str, int]
    has_outputs: bool
    state: tuple[bool, ...]
    item_bytes: int
    size: int
    used_at: float = 0.0
    owner: None = None  # these very items are one account's alone

    @property
    def key(self) -> int:
        """The id of the first item, which stays what it is as long as this is there."""
        return id(self.items[0])


@dataclass(eq=False, slots=True)
class _Seen:
    """The ids of a request's items, and two of them, whose ids nobody else has while they live.

    Those of others may be others' by now: then something is learned that does not come again.
    """

    ids: list[int]
    first: Item
    probe: Item
    size: int
    used_at: float = 0.0
    owner: None = None

    @property
    def key(self) -> int:
        """The id of the first item."""
        return self.ids[0]


class KnownMessages:
    """What was written lately, in at most so many bytes. Safe for threads.

    Fewer than `fewest` items are not worth it. `clock` is like time.monotonic.
    """

    fewest = 32

    def __init__(
        self, most_bytes: int = MOST_BYTES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._longest_bytes = most_bytes // 2
        self.cache = SizedCache[_Beginning](most_bytes, most_bytes, _MOST_ALIKE, SPAN_S, clock)
        #: Of each first item the last request.
        self.seen = SizedCache[_Seen](
            MOST_SEEN_BYTES, MOST_SEEN_BYTES, 1, SPAN_S, clock, most_entries=_MOST_SEEN
        )

    def write(self, writer: Writer, items: tuple[Item, ...], form: Form) -> None:
        """Have the writer write the items, `fewest` or more, what is known of them in one piece."""
        place, done = len(writer.messages), 0
        known = self._longest(items, form)
        if known is not None:
            done = len(known.items)
            writer.messages.append(known.messages)
            writer.ids.go_on_from(known.call_ids)
            writer.state = known.state
        end = self._end_of_same(items, done)
        if end:
            writer.write(items[done:end])
            has_outputs = writer.has_outputs
            if _ends_turn(items[end], has_outputs=has_outputs):
                writer.end_turn()
                messages = writer.closed(place)
                if messages and not writer.ids.is_waiting:
                    made = _beginning(
                        writer, messages, form, items[:end], known, has_outputs=has_outputs
                    )
                    writer.messages[place:] = [made.messages]
                    if made.size <= self._longest_bytes:
                        self.cache.add(made, in_place_of=known)
            done = end
        writer.write(items[done:])

    def _longest(self, items: tuple[Item, ...], form: Form) -> _Beginning | None:
        """Return what is known of the most items from the first one on."""
        best, most = None, 0
        for each in self.cache.alike(id(items[0])):
            count = len(each.items)
            # First what is cheap: of others with the same beginning the last item is another one.
            if (
                most < count < len(items)
                and items[count - 1] is each.items[-1]
                and each.form == form
                and _ends_turn(items[count], has_outputs=each.has_outputs)
                and items[:count] == each.items
            ):
                best, most = each, count
        if best is not None:
            self.cache.touch(best)
        return best

    def _end_of_same(self, items: tuple[Item, ...], done: int) -> int:
        """Return where items end that the last request of their first one had, 0 for too few.

        A turn may end there.
        """
        if len(items) - done < self.fewest:
            return 0
        first, probe = items[0], items[self.fewest - 1]
        length = _length(first) + _length(probe)
        if length > _LONGEST_PROBE:
            return 0
        ids = list(map(id, items))
        before = self.seen.alike(ids[0])
        self.seen.add(_Seen(ids, first, probe, _ID * len(ids) + _WIDEST * length))
        if not before or before[0].probe is not probe:
            return 0
        ids_before = before[0].ids
        pairs = enumerate(zip(ids_before, ids, strict=False))
        shorter = min(len(ids_before), len(ids))
        same = next((at for at, (one, other) in pairs if one != other), shorter)
        for end in range(min(same, len(items) - 1), done + _MORE, -1):
            if _ends_turn(items[end], has_outputs=isinstance(items[end - 1], FunctionCallOutput)):
                return end
        return 0


def _beginning(
    writer: Writer,
    messages: list[Any],
    form: Form,
    items: tuple[Item, ...],
    known: _Beginning | None,
    *,
    has_outputs: bool,
) -> _Beginning:
    """Return what became of items: these messages."""
    written = orjson.dumps(messages)[1:-1]
    taken = writer.ids.taken()
    done, item_bytes = (0, 0) if known is None else (len(known.items), known.item_bytes)
    item_bytes += sum(map(size_of, items[done:]))
    size = item_bytes + _PLACE * len(items) + len(written) + getsizeof(taken)
    return _Beginning(
        form,
        items,
        orjson.Fragment(written),
        taken,
        has_outputs,
        writer.state,
        item_bytes,
        size,
    )


def _length(item: Item) -> int:
    """Return how long the text is that an item is; of another item, longer than is kept."""
    match item:
        case Message(content=(InputText(text=text) | OutputText(text=text),)):
            return len(text)
        case FunctionCall(arguments=text) | FunctionCallOutput(output=str(text)):
            return len(text)
        case _:
            return _LONGEST_PROBE + 1


def _ends_turn(item: Item, *, has_outputs: bool) -> bool:
    """Tell whether an item ends the turn before it, which `has_outputs` or has not."""
    if isinstance(item, Message) and item.role != "assistant":
        return True
    return has_outputs and isinstance(item, Message | FunctionCall | Reasoning)
