"""Fields of what a server sent, read by their shape. Pure.

Where a field has another shape, one that the answer depends on raises Misread, and one that it can
do without is left out and noted (U20). Any other error is a bug of ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from app.errors import AnswerTooLong, UpstreamMisbehaved
from app.providers.reading.json_text import Misread, dumps

Json = dict[str, Any]

#: The most elements of a list: parts or blocks of an answer, annotations and the like, tokens with
#: their log probabilities.
MOST_PARTS, MOST_NOTES, MOST_TOKENS = 10_000, 20_000, 100_000
#: The most deltas of one body or event. MEASURED: as many are read in 0.3 s, in which nobody else
#: has a turn.
MOST_AT_ONCE = 20_000
#: How deep a text may lie, and under which names: `{"text": {"value": "…"}}`.
_MOST_DEEP = 4
_TEXTS = ("text", "value", "content", "thinking", "summary")


class Note(Protocol):
    """Is called for each field that was left out, with a name of ours.

    `value` is what stood there, where that is a word which somebody ought to see in the log.
    """

    def __call__(self, kind: str, value: str = "", /) -> None: ...


def ignore(_kind: str, _value: str = "", /) -> None:
    """Take no note."""


class TextProgress:
    """How much of a text has come in pieces, and what the whole of it has beyond them.

    `length` counts the characters that have come, `blanks` those before the first word.
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
        """Return what the whole text has beyond its pieces, which `uncounted` more characters are.

        There are servers that trim the pieces, or the whole text, and not the other: so words are
        counted from the first one on.
        """
        length = self.length + uncounted
        if not length:
            return whole
        its_blanks = _leading_blanks(whole)
        if length == self.blanks:  # there was no word yet
            return whole[min(length, its_blanks) :]
        return whole[length - self.blanks + its_blanks :]


def _leading_blanks(text: str) -> int:
    return len(text) - len(text.lstrip())


def text_in(value: object, deep: int = 0) -> str | None:
    """Return the text that a value is or holds, "" for none at all; None where it cannot be read.

    Read are a string, `{"text": "…"}` and its like, and lists of either.
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
    """Return what a list holds, nothing of an absent one; what is no list is its only element.

    Raises:
        AnswerTooLong: it holds more than `most`.
    """
    if isinstance(value, list):
        _bound(value, most)
        return value
    return () if value is None or value == "" else (value,)


def arguments_text(value: object) -> str:
    """Return the arguments of a call as text: some servers send the object itself."""
    if isinstance(value, str):
        return value
    return dumps(value) if value else ""


def id_text(value: object) -> str:
    """Return an id, "" for what is none; some count calls in numbers."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else ""


def string(value: object) -> str:
    """Return a text. Raises Misread."""
    if not isinstance(value, str):
        raise Misread("there is no text where one is expected")
    return value


def mapping(value: object) -> Json:
    """Return an object. Raises Misread."""
    if not isinstance(value, dict):
        raise Misread("there is no object where one is expected")
    return value


def name_of(call: Json) -> str:
    """Return the name of the function that a call is of. Raises Misread."""
    if name := string(call.get("name") or ""):
        return name
    raise Misread("a function call has no name")


def unreadable(why: Misread) -> UpstreamMisbehaved:
    """Return the error for an answer that cannot be understood; it says `why`, and quotes nothing.

    What a Misread says is of ours alone.
    """
    return UpstreamMisbehaved(
        f"the upstream sent an answer that cannot be read: {why}", work_done=True
    )


class OptionalFields:
    """Reads fields that an answer can do without; `note` is called for those left out.

    `shows_logprobs` says whether the request's `include` has the log probabilities (R11).
    """

    __slots__ = ("note", "shows_logprobs")

    def __init__(self, note: Note = ignore, *, shows_logprobs: bool = True) -> None:
        self.note = note
        self.shows_logprobs = shows_logprobs

    def string(self, given: Json, name: str) -> str:
        """Return a text, "" where there is none."""
        value = given.get(name)
        if isinstance(value, str):
            return value
        if value is not None:
            self.note(name)
        return ""

    def mapping(self, given: Json, name: str) -> Json:
        """Return an object, {} where there is none."""
        value = given.get(name)
        if isinstance(value, dict):
            return value
        if value is not None:
            self.note(name)
        return {}

    def mappings(self, given: Json, name: str, most: int = MOST_NOTES) -> list[Json]:
        """Return the objects of a list, [] where there is none. Raises AnswerTooLong."""
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
    """Refuse a body or event that says more than others can wait for. Raises AnswerTooLong."""
    if len(deltas) > MOST_AT_ONCE:
        raise AnswerTooLong(f"more than {MOST_AT_ONCE} parts at once")


def _bound(value: list[Any], most: int) -> None:
    if len(value) > most:
        raise AnswerTooLong(f"a list of more than {most} elements")
