"""The arguments of a call as their pieces come, each with what it has that is new. Pure.

Most servers send pieces of one text. Some send it whole at the end once more (vLLM 51697), some
send all of it each time, as far as it has come (NousResearch/hermes-agent 35718):

    '{"city":', '"Oslo"}', '{"city":"Oslo"}'    ->  '{"city":', '"Oslo"}', ''
    '{"ci', '{"city":"O', '{"city":"Oslo"}'     ->  '{"ci', 'ty":"O', 'slo"}'
"""

from __future__ import annotations

from app.providers.reading.json_text import Misread, loads

#: After these a JSON value may follow, and so an object that looks like all that came.
_BEFORE_VALUES = (":", "[", ",")
#: What servers write for no arguments.
_NONE = ("{}", "null")


class ArgumentsText:
    """The text of a call's arguments. `is_empty` says that it is {} unless pieces follow."""

    __slots__ = ("_is_repeated", "_length", "_pieces", "is_empty")

    def __init__(self) -> None:
        self.is_empty = False
        self._is_repeated = False  # each piece has all that came before
        self._length = 0
        self._pieces: list[str] = []

    @property
    def has_begun(self) -> bool:
        """Whether there was a piece, be it none that says something."""
        return self.is_empty or self._length > 0

    def add(self, piece: str) -> str:
        """Take in a piece; return what of it is new."""
        if not self._length and piece.strip() in _NONE:
            self.is_empty = True
            return ""
        # Only what is about as long can repeat it: so pieces are joined seldom.
        if piece.startswith("{") and self._length and 2 * len(piece) >= self._length:
            piece = self._rest(piece)
        if piece:
            self.is_empty = False
            self._pieces.append(piece)
            self._length += len(piece)
        return piece

    def _rest(self, piece: str) -> str:
        """Return what a piece has beyond all that came, or the piece, where it is another one.

        Two objects beside each other are no JSON, nor is one in the middle of a text: only behind
        what a value follows may an object be part of another.
        """
        before = "".join(self._pieces)
        self._pieces = [before]
        may_be_value = before.rstrip().endswith(_BEFORE_VALUES)
        if piece.startswith(before) and (self._is_repeated or not may_be_value):
            self._is_repeated = True
            return piece[self._length :]
        return "" if not may_be_value and is_whole(piece) and _is_same(before, piece) else piece


def is_whole(text: str) -> bool:
    """Tell whether a text is all the arguments of a call that has some."""
    if not (text.startswith("{") and text.endswith("}")) or text == "{}":
        return False
    try:
        return loads(text) is not None
    except Misread:
        return False


def _is_same(text: str, whole: str) -> bool:
    return is_whole(text) and loads(text) == loads(whole)
