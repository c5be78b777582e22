"""Order items for servers to which reasoning is returned as readable text (U16). Pure.

DeepSeek takes the assistant's reasoning, texts and calls for one message until the next reasoning.
Each message with calls must have its reasoning, and the calls' outputs directly after it:

    call a, reasoning, a message, call b, output a, output b
        ->  reasoning, a message, call a, call b, output a, output b
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from app.domain.answer_options import UnseenItem
from app.domain.hosted.item import HostedItem
from app.domain.items import FunctionCall, Item, Message, Reasoning

#: Stands for no reasoning: a blank, as an empty text may count as missing.
_NONE = Reasoning("", (" ",))


def in_messages(items: Iterable[Item], *, fills: bool) -> Iterator[Item]:
    """Yield the items, those of each message with calls in order, with at most one reasoning.

    With `fills`, a message with calls but no reasoning, as another model's, gets a blank one.
    """
    message: list[Item] = []
    for item in items:
        if _is_the_assistants(item):
            message.append(item)
            continue
        yield from _ordered(message, fills=fills)
        message = []
        yield item
    yield from _ordered(message, fills=fills)


def _is_the_assistants(item: Item) -> bool:
    if isinstance(item, Message):
        return item.role == "assistant"
    if isinstance(item, HostedItem):
        return not item.is_by_caller
    return isinstance(item, Reasoning | FunctionCall | UnseenItem)


def _ordered(message: list[Item], *, fills: bool) -> Iterator[Item]:
    calls = [item for item in message if isinstance(item, FunctionCall)]
    if not calls:
        yield from message
        return
    thoughts = [item for item in message if isinstance(item, Reasoning) and item.text]
    if thoughts:
        yield Reasoning(thoughts[0].id, ("\n\n".join(each.text for each in thoughts),))
    elif fills:
        yield _NONE
    yield from (item for item in message if not isinstance(item, Reasoning | FunctionCall))
    yield from calls
