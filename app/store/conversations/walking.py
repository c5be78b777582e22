"""Walks through all conversations of an account, for its operator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from app.domain.accounts.content_key import OPERATOR_KEY
from app.domain.turns.conversation import Conversation
from app.store.connection.errors import translated
from app.store.connection.script import run_all
from app.store.conversations.codec import conversation_of, identity
from app.store.keys import Keys

#: Number of conversations read in one round trip.
AT_ONCE = 100


def walk(client: Any, key: str, keys: Keys, now: Callable[[], float]) -> Iterator[Conversation]:
    """Yield the conversations in the list at `key`, oldest first; `now` returns Unix seconds.

    Raises StorageUnavailable.
    """
    seen = 0
    while True:
        with translated():
            tags = client.zrange(key, seen, seen + AT_ONCE - 1)
            names = ("conversation", "metadata")
            indexes = [keys.index(tag.decode()) for tag in tags]
            replies = run_all(client, [("HMGET", index, *names) for index in indexes])
            ends = run_all(client, [("ZSCORE", f"{index}:expiring", names[0]) for index in indexes])
        for (value, metadata), end in zip(replies, ends, strict=True):
            is_expired = end is not None and float(end) <= now()
            if not is_expired and (known := identity(value)):
                yield conversation_of(known[0], (known[1], metadata), OPERATOR_KEY)
        seen += len(tags)
        if len(tags) < AT_ONCE:
            return
