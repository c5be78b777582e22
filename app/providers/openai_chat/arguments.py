"""Join the pieces of a call's arguments, finding what is new in each. Pure.

Most servers send pieces of one text. Some repeat the whole text at the end (vLLM 51697), some
repeat in each piece all that came before (NousResearch/hermes-agent 35718):

    '{"city":', '"Oslo"}', '{"city":"Oslo"}'    ->  '{"city":', '"Oslo"}', ''
    '{"ci', '{"city":"O', '{"city":"Oslo"}'     ->  '{"ci', 'ty":"O', 'slo"}'
"""

from __future__ import annotations

from app.providers.reading.json_text import Misread, loads

#: After these a JSON value may follow: an object there may look like a repetition and be none.
_BEFORE_VALUES = (":", "[", ",")
#: Texts that servers send for no arguments.
_NONE = ("{}", "null")


class ArgumentsText:
    """The text of a call's arguments. `is_empty` is true if it is {} unless more pieces follow."""

    __slots__ = ("_is_repeated", "_length", "_pieces", "is_empty")

    def __init__(self) -> None:
        self.is_empty = False
        self._is_repeated = False  # each piece repeats all that came before
        self._length = 0
        self._pieces: list[str] = []

    @property
    def has_begun(self) -> bool:
        """Whether there was a piece, even an empty object."""
        return self.is_empty or self._length > 0

    @property
    def is_cut(self) -> bool:
        """Whether they are the beginning of an object."""
        text = "".join(self._pieces).strip()
        return text.startswith("{") and text not in _NONE and not is_whole(text)

    def add(self, piece: str) -> str:
        """Add a piece; return its new part."""
        if not self._length and piece.strip() in _NONE:
            self.is_empty = True
            return ""
        # Only a piece of similar length can be a repetition: pieces are rarely joined to check.
        if piece.startswith("{") and self._length and 2 * len(piece) >= self._length:
            piece = self._rest(piece)
        if piece:
            self.is_empty = False
            self._pieces.append(piece)
            self._length += len(piece)
        return piece

    def _rest(self, piece: str) -> str:
        """Return the new part of a piece that repeats the text so far; else the whole piece.

        An object may be a part of another only where a value may follow; in any other place, an
        object after the text so far would not be JSON, so it must be a repetition.
        """
        before = "".join(self._pieces)
        self._pieces = [before]
        may_be_value = before.rstrip().endswith(_BEFORE_VALUES)
        if piece.startswith(before) and (self._is_repeated or not may_be_value):
            self._is_repeated = True
            return piece[self._length :]
        return "" if not may_be_value and is_whole(piece) and _is_same(before, piece) else piece


def is_whole(text: str) -> bool:
    """Tell whether a text is a complete, non-empty object of arguments."""
    if not (text.startswith("{") and text.endswith("}")) or text == "{}":
        return False
    try:
        return loads(text) is not None
    except Misread:
        return False


def _is_same(text: str, whole: str) -> bool:
    return is_whole(text) and loads(text) == loads(whole)
