"""Track whether any of an answer was understood: if not, it is never shown as completed (A10)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.domain.stream.deltas import (
    Annotated,
    Arguments,
    CallOpened,
    Delta,
    HostedEnded,
    HostedOpened,
    Opaque,
    Refused,
    Text,
    Thought,
)
from app.errors import AnswerNotUnderstood
from app.logs.redaction import redact
from app.providers.reading.fields import (
    MOST_PARTS,
    Json,
    Note,
    OptionalFields,
    elements,
    ignore,
    text_in,
)

#: Maximum number of unknown things in an error; deltas with content; the form of names; a stand-in.
_MOST_NAMED = 5
_SAYING = (
    *(Text, Refused, Thought, Opaque, CallOpened, Arguments, Annotated),
    *(HostedOpened, HostedEnded),
)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,39}", re.ASCII)
_NAMELESS = "without a name"


class Understanding:
    """Records the known and unknown contents of one answer; `note` is called for the unknown."""

    __slots__ = ("_note", "_unknown", "has_known")

    def __init__(self, note: Note) -> None:
        self._note = note
        self._unknown: list[str] = []
        self.has_known = False

    def note_known(self, deltas: Sequence[Delta]) -> None:
        """Record that these deltas were read from something known."""
        if not self.has_known:
            self.has_known = any(isinstance(delta, _SAYING) for delta in deltas)

    def note_unknown(self, kind: str, name: object) -> None:
        """Record something that is not known: a field, a part, a block or an item."""
        self._note(f"unknown_{kind}")
        named = name if isinstance(name, str) and _NAME.fullmatch(name) else _NAMELESS
        # MEASURED: looking for a credential takes 5 us, which each chunk of a stream would cost.
        if len(self._unknown) == _MOST_NAMED or f"{kind} {named}" in self._unknown:
            return
        entry = f"{kind} {named if redact(named) == named else _NAMELESS}"
        if entry not in self._unknown:
            self._unknown.append(entry)

    def check(self) -> None:
        """Raise AnswerNotUnderstood if there was unknown content and nothing known."""
        if self._unknown and not self.has_known:
            raise AnswerNotUnderstood(
                "the upstream answered with nothing that the gateway understands: "
                + ", ".join(self._unknown),
                work_done=True,
            )


class ContentReader(OptionalFields):
    """Reads an answer's content in any shape; what cannot be read is recorded as unknown (A10)."""

    __slots__ = ("understanding",)

    def __init__(self, note: Note = ignore, *, shows_logprobs: bool = True) -> None:
        super().__init__(note, shows_logprobs=shows_logprobs)
        self.understanding = Understanding(note)

    def text(self, given: Json, name: str) -> str:
        """Return the text of a field, "" if it has none."""
        value = given.get(name)
        # MEASURED: nearly all values are strings.
        if type(value) is str:
            return value
        text = text_in(value)
        if text is None:
            self.understanding.note_unknown("field", name)
        return text or ""

    def contents(self, given: Json, name: str, most: int = MOST_PARTS) -> list[Json]:
        """Return the objects in a list of parts, blocks or items; a string becomes a text part.

        Raises:
            AnswerTooLong: there are more than `most`.
        """
        found: list[Json] = []
        for each in elements(given.get(name), most):
            if isinstance(each, dict):
                found.append(each)
            elif isinstance(each, str):
                found.append({"type": "text", "text": each})
            else:
                self.understanding.note_unknown("field", name)
        return found
