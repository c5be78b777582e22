"""By what a purge finds what is stored: when it expires, when it came, whose end user's it is."""

from __future__ import annotations

from app.domain.turns.turn import Turn
from app.store.connection.replication import Command
from app.store.keys import Keys


def terms(created_at: int, user_hash: str = "") -> str:
    """Return what an index says of it (lua/conversation.lua); `created_at` is in Unix seconds."""
    return f"{created_at}:{user_hash}"


def purge_marks(keys: Keys, turn: Turn) -> list[Command]:
    """Return the commands that enter a turn where purges look, before it is stored.

    A mark of what is not stored in the end does no harm.
    """
    marks: list[Command] = []
    if turn.expires_at is not None:
        marks.append(("ZADD", keys.expiring, turn.expires_at, turn.response.id))
    if turn.user_hash:
        marks.append(("SADD", keys.user(turn.account, turn.user_hash), turn.response.id))
    return marks
