"""Whether anything in an answer was understood: what was not is never told as completed (A10)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.domain.deltas import (
    Annotated,
    Arguments,
    CallOpened,
    Delta,
    Opaque,
    Refused,
    Text,
    Thought,
)
from app.errors import AnswerNotUnderstood
from app.providers.fields import Note

#: How many unknown things an error names, and what a name of one looks like.
_MOST_NAMED = 5
_SAYING = (Text, Refused, Thought, Opaque, CallOpened, Arguments, Annotated)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,39}", re.ASCII)


class Understanding:
    """What one answer held that we know, and what it held besides; `note` counts the latter."""

    __slots__ = ("_note", "_unknown", "has_known")

    def __init__(self, note: Note) -> None:
        self._note = note
        self._unknown: list[str] = []
        self.has_known = False

    def see(self, deltas: Sequence[Delta]) -> None:
        """Take note of what an answer says."""
        if not self.has_known:
            self.has_known = any(isinstance(delta, _SAYING) for delta in deltas)

    def meet(self, kind: str, name: object) -> None:
        """Take note of something that is not known: a field, a part, a block or an item."""
        self._note(f"unknown_{kind}")
        named = name if isinstance(name, str) and _NAME.fullmatch(name) else "without a name"
        entry = f"{kind} {named}"
        if len(self._unknown) < _MOST_NAMED and entry not in self._unknown:
            self._unknown.append(entry)

    def check(self) -> None:
        """Return unless all that was there is unknown.

        Raises:
            AnswerNotUnderstood: it is.
        """
        if self._unknown and not self.has_known:
            raise AnswerNotUnderstood(
                "the upstream answered with nothing that the gateway understands: "
                + ", ".join(self._unknown),
                work_done=True,
            )
