"""A turn of a conversation, its position, and the context of the next one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from app.domain.accounts.content_key import ContentKey
from app.domain.answer_options import ConfigurationUpdate
from app.domain.frozen import frozen_dataclass
from app.domain.items import Item
from app.domain.response import Response
from app.domain.tools import FunctionTool, Tool


@dataclass(frozen=True, slots=True)
class Position:
    """A turn's position in its conversation: entry `depth` of the log `log`.

    A conversation is a tree. Its first branch is log "0"; each turn that does not continue the last
    turn of a log begins a new log. A turn's depth is the number of turns before it.
    """

    log: str
    depth: int


@frozen_dataclass(frozen=True, slots=True)
class Turn:
    """A response with everything that is needed to continue it.

    `input` is this turn's own input, with ids and resolved references. `parent` is the position of
    the turn that it continues. `response.output` keeps opaque reasoning, whatever `include` shows
    of it. `conversation` is the id of the conversation that it is for, if any. `cuts` says where it
    was cut into events, if it was streamed (stream/replay). `user_hash` is a keyed hash of its end
    user, "" without one. `key` encrypts what is stored of it, if its caller gave one.
    """

    account: str
    response: Response
    input: tuple[Item, ...]
    include: frozenset[str]
    parent: Position | None = None
    conversation: str | None = None
    cuts: bytes = b""
    user_hash: str = ""
    key: ContentKey | None = field(default=None, repr=False)

    @property
    def expires_at(self) -> int | None:
        """When it is to be purged, in Unix seconds; None for never."""
        return self.response.expires_at

    def is_expired(self, now: float) -> bool:
        """Tell whether it has expired at a time in Unix seconds."""
        return self.expires_at is not None and self.expires_at <= now


@dataclass(frozen=True, slots=True)
class Context:
    """What a turn and those before it pass to the next.

    That is each turn's input, then its output, oldest first. `tools` are those of the turn's own
    request. `inputs` has for each turn, purged ones included, the indexes of its input in `items`;
    `purged` are the numbers of turns, from 0 on, of which a purge left nothing. `position` is None
    if the turn is not stored: then the next turn begins a conversation.
    """

    items: tuple[Item, ...]
    tools: Collection[FunctionTool]
    position: Position | None
    inputs: tuple[range, ...]
    purged: frozenset[int] = frozenset()


@frozen_dataclass(frozen=True, slots=True)
class Thread:
    """`items` is the whole conversation; `own` is what this turn adds to it.

    `response_id` is the new turn's, in the parent's conversation. `position` is the parent's,
    `tools` are those of the parent's request (S6), `added` those that items have brought (G3),
    `update` is what items have changed of the configuration so far (G3). `replaced` are the indexes
    of items that a compaction replaces: no model sees them (G8). `has_compactions` says whether the
    items contain a compaction, ours or another service's.
    """

    response_id: str
    items: tuple[Item, ...]
    own: tuple[Item, ...]
    position: Position | None = None
    tools: Collection[FunctionTool] = ()
    added: tuple[Tool, ...] = ()
    update: ConfigurationUpdate | None = None
    has_compactions: bool = False
    replaced: frozenset[int] = frozenset()

    @property
    def visible(self) -> tuple[Item, ...]:
        """The items that the model sees."""
        if not self.replaced:
            return self.items
        return tuple(item for i, item in enumerate(self.items) if i not in self.replaced)
