"""Read fields of a server's answer, checking their types. Pure.

For a field of the wrong type, Misread is raised if the answer depends on it; an optional field is
left out and noted (U20). Any other exception is a bug of ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from app.errors import AnswerTooLong, UpstreamMisbehaved
from app.providers.reading.json_text import Misread, dumps

Json = dict[str, Any]

#: Maximum lengths of lists: parts or blocks of an answer; annotations and the like; tokens with
#: their log probabilities.
MOST_PARTS, MOST_NOTES, MOST_TOKENS = 10_000, 20_000, 100_000
#: Maximum number of deltas of one body or event. MEASURED: reading as many takes 0.3 s, during
#: which no other request makes progress.
MOST_AT_ONCE = 20_000
#: How deeply a text may be nested, and under which names: `{"text": {"value": "…"}}`.
_MOST_DEEP = 4
_TEXTS = ("text", "value", "content", "thinking", "summary")


class Note(Protocol):
    """Called for each field that was left out; `kind` is the gateway's name for it.

    `value` is the field's value, if it is a word that should appear in the log.
    """

    def __call__(self, kind: str, value: str = "", /) -> None: ...


def ignore(_kind: str, _value: str = "", /) -> None:
    """Do nothing: a Note for callers that keep none."""


class TextProgress:
    """Tracks a text that comes in pieces, to find what a later copy of the whole text adds.

    `length` counts the characters received, `blanks` those before the first word.
    """

    __slots__ = ("blanks", "length")

    def __init__(self) -> None:
        self.length = self.blanks = 0

    def add(self, piece: str) -> None:
        """Count a piece."""
        if self.blanks == self.length:
            self.blanks += _leading_blanks(piece)
        self.length += len(piece)

    def rest(self, whole: str, uncounted: int = 0) -> str:
        """Return what the whole text has beyond its pieces; `uncounted` characters were not added.

        Some servers trim either the pieces or the whole text, but not both: so characters are
        counted from the first word on.
        """
        length = self.length + uncounted
        if not length:
            return whole
        its_blanks = _leading_blanks(whole)
        if length == self.blanks:  # there has been no word yet
            return whole[min(length, its_blanks) :]
        return whole[length - self.blanks + its_blanks :]


def _leading_blanks(text: str) -> int:
    return len(text) - len(text.lstrip())


def text_in(value: object, deep: int = 0) -> str | None:
    """Return the text in a value, "" for null; None if there is no readable text.

    The value may be a string, an object such as `{"text": "…"}`, or a list of either.
    """
    if value is None or isinstance(value, str):
        return value or ""
    if deep == _MOST_DEEP:
        return None
    if isinstance(value, list):
        _bound(value, MOST_PARTS)
        texts = [text for each in value if (text := text_in(each, deep + 1)) is not None]
        return "".join(texts) if texts or not value else None
    if isinstance(value, dict):
        for name in _TEXTS:
            if name in value:
                return text_in(value[name], deep + 1)
    return None


def elements(value: object, most: int = MOST_PARTS) -> Iterable[object]:
    """Return the elements of a list, () for null and "", and (value,) for anything else.

    Raises:
        AnswerTooLong: there are more than `most`.
    """
    if isinstance(value, list):
        _bound(value, most)
        return value
    return () if value is None or value == "" else (value,)


def arguments_text(value: object) -> str:
    """Return a call's arguments as JSON text: some servers send an object instead."""
    if isinstance(value, str):
        return value
    return dumps(value) if value else ""


def id_text(value: object) -> str:
    """Return an id as text, "" for anything but a string or integer (some servers number calls)."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else ""


def string(value: object) -> str:
    """Return the value if it is a string. Raises Misread."""
    if not isinstance(value, str):
        raise Misread("there is no text where one is expected")
    return value


def mapping(value: object) -> Json:
    """Return the value if it is an object. Raises Misread."""
    if not isinstance(value, dict):
        raise Misread("there is no object where one is expected")
    return value


def name_of(call: Json) -> str:
    """Return the name of the function that is called. Raises Misread."""
    if name := string(call.get("name") or ""):
        return name
    raise Misread("a function call has no name")


def unreadable(why: Misread) -> UpstreamMisbehaved:
    """Return the error for an answer that cannot be read; its message includes `why`.

    The message of a Misread is written here and never quotes the answer.
    """
    return UpstreamMisbehaved(
        f"the upstream sent an answer that cannot be read: {why}", work_done=True
    )


class OptionalFields:
    """Reads optional fields of an answer; `note` is called for those of the wrong type.

    `shows_logprobs` says whether the request's `include` asks for log probabilities (R11).
    """

    __slots__ = ("note", "shows_logprobs")

    def __init__(self, note: Note = ignore, *, shows_logprobs: bool = True) -> None:
        self.note = note
        self.shows_logprobs = shows_logprobs

    def string(self, given: Json, name: str) -> str:
        """Return a string field, "" if it is absent or not a string."""
        value = given.get(name)
        if isinstance(value, str):
            return value
        if value is not None:
            self.note(name)
        return ""

    def mapping(self, given: Json, name: str) -> Json:
        """Return an object field, {} if it is absent or not an object."""
        value = given.get(name)
        if isinstance(value, dict):
            return value
        if value is not None:
            self.note(name)
        return {}

    def mappings(self, given: Json, name: str, most: int = MOST_NOTES) -> list[Json]:
        """Return the objects of a list field, [] if it is not a list. Raises AnswerTooLong."""
        value = given.get(name)
        if not isinstance(value, list):
            if value is not None:
                self.note(name)
            return []
        _bound(value, most)
        found = [each for each in value if isinstance(each, dict)]
        if len(found) < len(value):
            self.note(name)
        return found


def refuse_too_many(deltas: Sequence[object]) -> None:
    """Raise AnswerTooLong for a body or event of more than MOST_AT_ONCE deltas."""
    if len(deltas) > MOST_AT_ONCE:
        raise AnswerTooLong(f"more than {MOST_AT_ONCE} parts at once")


def _bound(value: list[Any], most: int) -> None:
    if len(value) > most:
        raise AnswerTooLong(f"a list of more than {most} elements")
