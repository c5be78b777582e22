"""Cache the messages that the beginning of a conversation becomes, as it recurs unchanged.

The items of an agent's history, or of a stored conversation, are the same objects at each request,
if they are cached (schemas/request/items/known.py, store/responses/packed/known_items.py). The
messages of such a beginning are serialised once:

    items     [user, call, output, call, output, ...,  call, output]
               `------------- the same values -----'   `-- new --'
    messages  [Fragment(b'{"role":"user",…},{…},…'),   {…}, {…}]

MEASURED: with this, a request of 300 items and 40 tools takes three tenths less CPU, one of 900
half, one after 100 stored turns a fifth less.

A beginning ends only where the assistant's turn is over whatever follows, no call waits for its
output, and nothing can join the last message. So the messages after it depend on nothing before it
but the call ids already used and the writer's state.
tests/fuzz/test_known_messages.py compares the messages written with and without this cache.
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

#: By how many items, at least, a longer beginning must exceed the cached one to replace it.
_MORE = 16
#: Maximum size of cached beginnings, and of the records of latest requests (approximate), in bytes.
MOST_BYTES, MOST_SEEN_BYTES = 28 * 1024 * 1024, 4 * 1024 * 1024
#: Seconds after which an unused entry is dropped.
SPAN_S = 300.0
#: Bytes of a tuple's slot for an item, of an item's id with its slot, and of the widest character.
_PLACE, _ID, _WIDEST = 8, 40, 4
#: Maximum number of beginnings with the same first item, and of recorded requests.
_MOST_ALIKE, _MOST_SEEN = 16, 64
#: Maximum length of the texts of the two items that a record keeps alive, in characters.
_LONGEST_PROBE = 64 * 1024

#: The other values that messages depend on; entries with equal forms are interchangeable.
Form = tuple[Any, ...]


class Writer(Protocol):
    """Writes one message after another; see writer.py."""

    messages: list[Any]
    ids: CallIds
    #: The other state that later messages depend on.
    state: tuple[bool, ...]

    @property
    def has_outputs(self) -> bool:
        """Whether the turn has outputs, so that it ends when the assistant continues."""

    def closed(self, place: int) -> list[Any]:
        """Return the messages from a position on, [] if the next one may be joined to the last."""

    def write(self, items: Sequence[Item]) -> None:
        """Write items; the last turn stays open."""

    def end_turn(self) -> None:
        """Write the messages of the assistant's turn so far, with the outputs of its calls."""


@dataclass(eq=False, slots=True)
class _Beginning:
    """Items, their messages, the ids of their calls, and the writer's state after them.

    The items take `item_bytes` of memory, the whole entry `size`.
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
    owner: None = None  # not needed: the same item objects belong to one account only

    @property
    def key(self) -> int:
        """The id() of the first item, which stays valid as this object keeps the item alive."""
        return id(self.items[0])


@dataclass(eq=False, slots=True)
class _Seen:
    """The id()s of a request's items, with two of the items, which keeps their two id()s unique.

    The other id()s may be reused by now: then a beginning is cached that does not recur.
    """

    ids: list[int]
    first: Item
    probe: Item
    size: int
    used_at: float = 0.0
    owner: None = None

    @property
    def key(self) -> int:
        """The id() of the first item."""
        return self.ids[0]


class KnownMessages:
    """The cache of beginnings, limited to `most_bytes`. Thread-safe.

    Fewer than `fewest` items are not worth caching. `clock` is like time.monotonic.
    """

    fewest = 32

    def __init__(
        self, most_bytes: int = MOST_BYTES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._longest_bytes = most_bytes // 2
        self.cache = SizedCache[_Beginning](most_bytes, most_bytes, _MOST_ALIKE, SPAN_S, clock)
        #: The latest request for each first item.
        self.seen = SizedCache[_Seen](
            MOST_SEEN_BYTES, MOST_SEEN_BYTES, 1, SPAN_S, clock, most_entries=_MOST_SEEN
        )

    def write(self, writer: Writer, items: tuple[Item, ...], form: Form) -> None:
        """Write the items, `fewest` or more, with `writer`; a cached beginning is one fragment."""
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
        """Return the longest cached beginning of these items."""
        best, most = None, 0
        for each in self.cache.alike(id(items[0])):
            count = len(each.items)
            # Cheap tests first: other entries with the same first item differ in the last one.
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
        """Return where the items shared with the latest request of the same first item end.

        The turn is over there; 0 if they are too few.
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
    """Return the cache entry for items that became these messages."""
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
    """Return the length of an item's only text; for any other item, more than _LONGEST_PROBE."""
    match item:
        case Message(content=(InputText(text=text) | OutputText(text=text),)):
            return len(text)
        case FunctionCall(arguments=text) | FunctionCallOutput(output=str(text)):
            return len(text)
        case _:
            return _LONGEST_PROBE + 1


def _ends_turn(item: Item, *, has_outputs: bool) -> bool:
    """Tell whether an item ends the turn before it; `has_outputs` says if that has outputs."""
    if isinstance(item, Message) and item.role != "assistant":
        return True
    return has_outputs and isinstance(item, Message | FunctionCall | Reasoning)
