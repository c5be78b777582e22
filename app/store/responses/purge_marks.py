"""The index entries by which purges find stored responses: by expiry, and by end user."""

from __future__ import annotations

from app.store.connection.replication import Command
from app.store.keys import Keys
from app.store.responses.packed.packed_turn import PackedTurn


def purge_marks(keys: Keys, turn: PackedTurn) -> list[Command]:
    """Return the commands that enter a turn into these indexes, before it is stored.

    An entry for a turn that is not stored in the end does no harm.
    """
    marks: list[Command] = []
    if turn.expires_at is not None:
        marks.append(("ZADD", keys.expiring, turn.expires_at, turn.response_id))
    if turn.user_hash:
        marks.append(("SADD", keys.user(turn.account, turn.user_hash), turn.response_id))
    return marks
