"""Chunks of a stream that differ from the one before in nothing but their text. Pure.

Most chunks are a word each, in the same JSON as the last:

    {"id":"c1","choices":[{"delta":{"content":"Hel"}}]}
    {"id":"c1","choices":[{"delta":{"content":"lo"}}]}

One that has been parsed is learned as what stands before its text and behind it; those that follow
are compared with that. MEASURED: comparing takes 0.5 µs a chunk where parsing takes 1, and leaves
no objects behind. A chunk that comes by itself is compared as it came, without being split into
frames first: with 50 streams that takes 5 µs, where the splitter and the reader take 18.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from app.domain.stream.deltas import Delta, Text
from app.providers.reading.sse import Frame

#: How many chunks a stream may have learned to no avail, and how many that match pay for another:
#: a stream whose chunks are all unlike is soon left alone.
FREE_MISSES, CREDIT_PER_MISS = 4, 8


class ChunkTemplate:
    """What stands before and behind the text of a chunk that said a text and nothing else.

    `length` is how many characters the texts have that were taken.
    """

    __slots__ = ("_after", "_before", "_credit", "_frame_after", "_frame_before", "length")

    def __init__(self) -> None:
        self.length = 0
        self._before = self._frame_before = b""
        self._after = self._frame_after = b""
        self._credit = FREE_MISSES * CREDIT_PER_MISS

    def take(self, frames: Sequence[Frame], first: int, deltas: list[Delta]) -> int:
        """Add the texts of the frames from `first` on that match; return where the first does not.

        A text without quotes, backslashes and control characters is its own JSON: a chunk with it
        says what the learned one said, but for that text.
        """
        before, after, index = self._before, self._after, first
        if not before:
            return first
        begins, ends = len(before), -len(after)
        for index in range(first, len(frames)):
            event, data = frames[index]
            if event or data[:begins] != before or data[ends:] != after:
                break
            try:
                text = data[begins:ends].decode()
            except UnicodeDecodeError:
                break
            if not text.isprintable() or not text or '"' in text or "\\" in text:
                break
            deltas.append(Text(text))
            self.length += len(text)
        else:
            index = len(frames)
        self._credit += index - first
        return index

    def text_of(self, piece: bytes) -> str:
        """Return the text of a piece that is one frame, which matches; "" of any other piece.

        The piece has to begin where a frame begins.
        """
        before, after = self._frame_before, self._frame_after
        if not (before and piece.startswith(before) and piece.endswith(after)):
            return ""
        try:
            text = piece[len(before) : -len(after)].decode()
        except UnicodeDecodeError:
            return ""
        if not text.isprintable() or '"' in text or "\\" in text:
            return ""  # or the piece is several frames
        self.length += len(text)
        self._credit += 1
        return text

    def forget(self) -> None:
        """Forget what was learned: the next chunk like it has to be parsed."""
        self._before = self._frame_before = b""

    def learn(self, data: bytes, text: str, text_of: Callable[[Any], object]) -> None:
        """Learn a chunk that said `text` and nothing else; `text_of` finds that in its JSON."""
        self.forget()
        if self._credit < CREDIT_PER_MISS:
            return
        self._credit -= CREDIT_PER_MISS
        before, found, after = data.partition(orjson.dumps(text))
        other = text + "?"
        probe = b"%b%b%b" % (before, orjson.dumps(other), after)
        # The text may stand in the chunk before it is said: "choices" is a name, too.
        if found and _says(probe, other, text_of):
            self._before, self._after = before + b'"', b'"' + after
            self._frame_before = b"data: " + self._before
            self._frame_after = self._after + b"\n\n"


def _says(data: bytes, text: str, text_of: Callable[[Any], object]) -> bool:
    try:
        return text_of(orjson.loads(data)) == text
    except (ValueError, LookupError, TypeError):
        return False
