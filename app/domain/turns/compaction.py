"""Compaction: asks a model for a summary, and keeps the rest of a conversation (G6, G7, G8)."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass

from app.domain.answer_options import UnseenItem
from app.domain.hosted.item import HostedItem
from app.domain.items import (
    Compaction,
    FunctionCall,
    FunctionCallOutput,
    InputText,
    Item,
    Message,
    Reasoning,
)
from app.domain.response import NO_USAGE, Response, Usage

#: Maximum length of a sealed compaction, in characters: 20 MiB.
LONGEST_SEALED = 20_971_520
#: The last message that a model sees when it is to summarise a conversation.
SUMMARY_REQUEST = """\
Stop here: answer nothing that is above, and call no tool. All of this conversation is about to be \
replaced by a summary, and whoever goes on with it, you or another model, will see that summary \
alone. Write it now. It must hold:

- what the user wants: each request, requirement, limit and preference that still counts, and the \
latest request in the user's own words while it is not done;
- what has been done and decided, and why;
- the facts that are needed to go on, exactly: names, paths, ids, numbers, addresses, code, \
errors, and what tools have returned;
- what is still to be done, and the very next step.

Where there is a summary of earlier parts above, carry over what still counts of it. Write the \
summary and nothing else, in the language of the conversation."""

_PREAMBLE = """\
This conversation was compacted: the summary below stands for what was said and done before, \
which is no longer shown. Take it for what you know, and go on from there without doing again what \
is done.

<summary>
"""
_END = "\n</summary>"


@dataclass(frozen=True, slots=True)
class Summary:
    """The content of a compaction.

    `instructions` are the texts of system and developer messages that would otherwise be lost.
    `keeps_messages` says that user messages before it, in the same input, stay visible: the caller
    has chosen to send them.
    """

    text: str
    instructions: tuple[str, ...] = ()
    keeps_messages: bool = False


@dataclass(frozen=True, slots=True)
class CompactedConversation:
    """What remains of a conversation: the user's messages, followed by the compaction (G6).

    `created_at` is in Unix seconds; `usage` is that of the summary.
    """

    id: str
    created_at: int
    output: tuple[Item, ...]
    usage: Usage

    @classmethod
    def of(cls, items: Iterable[Item], response: Response) -> CompactedConversation:
        """Return what remains of `items`, whose compaction is in `response`."""
        output = (*filter(is_of_user, items), *response.output)
        return cls(response.id, response.created_at, output, response.usage or NO_USAGE)


def messages_of(summary: Summary, given: Container[str]) -> Iterator[Message]:
    """Yield the messages that replace a compaction, without instructions that are `given` anyway.

    The summary has the role of the user: it repeats tool outputs, which must not give commands.
    """
    for text in summary.instructions:
        if text not in given:
            yield Message("", "developer", (InputText(text),))
    yield Message("", "user", (InputText(_PREAMBLE + summary.text.strip() + _END),))


def stays(item: Item) -> bool:
    """Tell whether an item is kept when its part of the conversation is dropped.

    Instructions are, and items that stand for earlier parts (S8, G8).
    """
    if isinstance(item, UnseenItem | Compaction):  # no model sees the former, all need the latter
        return True
    return isinstance(item, Message) and item.role in ("system", "developer")


def is_of_user(item: Item) -> bool:
    """Tell whether an item is a user message."""
    return isinstance(item, Message) and item.role == "user"


def instructions_in(items: Sequence[Item]) -> tuple[str, ...]:
    """Return the texts of all system and developer messages."""
    return tuple(
        "\n".join(part.text for part in item.content if isinstance(part, InputText))
        for item in items
        if isinstance(item, Message) and item.role in ("system", "developer")
    )


def last_step(items: Sequence[Item]) -> int:
    """Return the index from which on items are to be answered now.

    They are the user's last messages, or else the last tool outputs, with what the model said and
    called before them.
    """
    at = len(items)
    while at and isinstance(items[at - 1], UnseenItem | FunctionCallOutput | HostedItem):
        at -= 1
    is_of_calls = any(not isinstance(item, UnseenItem) for item in items[at:])
    while at and _belongs(items[at - 1], is_of_calls=is_of_calls):
        at -= 1
    return at


def _belongs(item: Item, *, is_of_calls: bool) -> bool:
    if is_of_calls:
        is_spoken = isinstance(item, Message) and item.role == "assistant"
        return is_spoken or isinstance(item, FunctionCall | Reasoning | HostedItem)
    is_given = isinstance(item, Message) and item.role != "assistant"
    return is_given or isinstance(item, UnseenItem)
