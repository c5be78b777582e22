"""A turn as a store takes it: its encrypted parts need no key any more."""

from __future__ import annotations

from app.domain.frozen import frozen_dataclass
from app.domain.response import TERMINAL, TRANSITIONS, Status
from app.domain.turns.turn import Position

#: For each status those that it may replace, as the commit program expects them.
_BEFORE = {
    status: f" {' '.join(old for old, new in TRANSITIONS.items() if status in new)} "
    for status in (*TRANSITIONS, *TERMINAL)
}
_ROOT = Position("0", -1)


def terms(created_at: int, user_hash: str = "") -> str:
    """Return what an index says of it (lua/conversation.lua); `created_at` is in Unix seconds."""
    return f"{created_at}:{user_hash}"


@frozen_dataclass(frozen=True, slots=True)
class PackedTurn:
    """A turn to be stored.

    `entry` and `cuts` are its stored bytes (entries.py), `check` the check value of the key that
    encrypts them. `homes` are the fields that say where its items are (packed/homes.py). Times are
    in Unix seconds; `user_hash` is a keyed hash of its end user.
    """

    account: str
    response_id: str
    status: Status
    created_at: int
    entry: bytes
    parent: Position | None
    conversation: str | None
    cuts: bytes
    check: str
    homes: dict[str, str]
    expires_at: int | None = None
    user_hash: str = ""

    def is_expired(self, now: float) -> bool:
        """Tell whether it has expired at a time in Unix seconds."""
        return self.expires_at is not None and self.expires_at <= now

    @property
    def arguments(self) -> tuple[str | bytes | int, ...]:
        """The arguments of `commit_turn` (lua/commit_turn.lua)."""
        parent = self.parent or _ROOT
        return (
            self.account,
            self.response_id,
            self.status,
            _BEFORE[self.status],
            self.entry,
            parent.log,
            parent.depth,
            self.conversation or "",
            self.cuts,
            "" if self.expires_at is None else self.expires_at,
            terms(self.created_at, self.user_hash),
            self.check,
        )
