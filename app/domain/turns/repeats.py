"""Detects items of a request that its context has already, and repeated ids (E6). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from app.domain.hosted.item import HostedItem
from app.domain.ids import Mint, carried_id, upstream_item_id
from app.domain.items import (
    ContentPart,
    InputItem,
    InputText,
    Item,
    ItemReference,
    Message,
    OutputText,
    Reasoning,
    with_id,
)

_LOOKED_UP: frozenset[type] = frozenset({ItemReference, Reasoning})


def is_repeated(item: InputItem, known: Item | None) -> bool:
    """Tell whether an item is the one that the context has under its id (None: it has none).

    Clients send items back as they saw them, or as their types model them: reasoning without its
    opaque payload, text without its annotations and logprobs, messages without a status.
    """
    if item == known:
        return True
    if isinstance(item, Reasoning) and isinstance(known, Reasoning):
        return (item.summary, item.content) == (known.summary, known.content)
    if isinstance(item, Message) and isinstance(known, Message):
        return item.role == known.role and _texts(item) == _texts(known)
    return False


def looked_up(given: Sequence[InputItem], known: Mapping[str, Item]) -> list[str]:
    """Return the ids that refer to stored items which the context lacks.

    They are those of item references, and of reasoning without its opaque payload. `known` are the
    context's items by id.
    """
    if _LOOKED_UP.isdisjoint(map(type, given)):
        return []
    return [
        item.id
        for item in given
        if (isinstance(item, ItemReference) or _lacks_payload(item)) and item.id not in known
    ]


def _lacks_payload(item: InputItem) -> bool:
    return isinstance(item, Reasoning) and not item.encrypted_content and bool(item.id)


def with_payload(item: Item, stored: Item | None) -> Item:
    """Return reasoning as stored under its id (None: not stored), if the item is the same.

    OpenAI looks up stored reasoning by its id, so clients send only that and its text. Reasoning
    with another text is returned unchanged, as is any other item.
    """
    if not _lacks_payload(item) or not isinstance(stored, Reasoning):
        return item
    is_id_alone = not (item.summary or item.content)  # type: ignore[union-attr] # it is reasoning
    return stored if is_id_alone or is_repeated(item, stored) else item


def _texts(message: Message) -> list[str | ContentPart]:
    return [
        part.text if isinstance(part, InputText | OutputText) else part for part in message.content
    ]


def first_spoken_anew(given: Sequence[InputItem], known: Mapping[str, Item]) -> int:
    """Return the index from which on user messages of an input are new, although they repeat.

    A client that resends a history puts new items at its end. If an input ends with user messages
    that the context has already, answered, they are meant anew: clients that number items within
    each request send "Go on." under the same id in each turn. Returns the input's length if it ends
    otherwise. `known` are the context's items by id, in order.
    """
    start = len(given)
    while start and _repeats_user(given[start - 1], known):
        start -= 1
    last = given[start:]
    is_unanswered = list(known)[-len(last) :] == [item.id for item in last]
    return len(given) if is_unanswered else start


def _repeats_user(item: InputItem, known: Mapping[str, Item]) -> bool:
    if not (isinstance(item, Message) and item.role == "user" and item.id):
        return False
    return is_repeated(item, known.get(item.id))


def has_repeated_ids(given: Iterable[InputItem]) -> bool:
    """Tell whether two of these items have the same id; references do not count."""
    own = [item.id for item in given if item.id and not isinstance(item, ItemReference)]
    return len(set(own)) < len(own)


def under_new_id(item: Item, mint: Mint) -> Item:
    """Return the item with a new id; a hosted item's id still contains its server's."""
    new_id = mint(item.prefix)
    if isinstance(item, HostedItem) and item.id:
        new_id = carried_id(new_id, upstream_item_id(item.id))
    return with_id(item, new_id)
