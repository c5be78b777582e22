"""Thoughts that a server leaves in the text of an answer, between tags before it. Pure.

    "<think>\\nA greeting.\\n</think>\\n\\nHello!"  ->  the thought "A greeting.", the text "Hello!"

So answer MiniMax and Perplexity, Bedrock (`<reasoning>`, each piece of a stream in tags of its
own), and every server of open models that was started without a parser for reasoning. Only what an
answer begins with counts: a tag further on is what somebody asked for.
"""

from __future__ import annotations

#: So many characters may wait at most for what follows them: blanks, and the beginning of a tag.
_MOST_WAITING = 64


def may_open(text: str) -> bool:
    """Tell whether a text may begin with a tag, once more of it has come."""
    return not text or text[0] == "<" or text[0].isspace()


class ThinkTag:
    """Parts one answer's text, piece by piece, into thoughts and what follows them.

    What may yet become a tag waits; so do blanks beside one, which belong to neither. `is_over`
    says that all that follows is text. A thought that is not closed goes on to the end.
    """

    __slots__ = (
        "_closing",
        "_has_opened",
        "_is_fresh",
        "_is_inside",
        "_opening",
        "_waiting",
        "is_over",
    )

    def __init__(self, name: str) -> None:
        self.is_over = False
        self._opening, self._closing = f"<{name}>", f"</{name}>"
        self._waiting: list[str] = []
        self._has_opened = False  # there was a thought
        self._is_inside = False
        self._is_fresh = False  # inside, and nothing but blanks has come

    def feed(self, piece: str) -> list[tuple[bool, str]]:
        """Return what a piece says, in order: whether it is a thought, and its text."""
        parted: list[tuple[bool, str]] = []
        while piece:
            if self.is_over:
                parted.append((False, piece))
                break
            piece = self._inside(piece, parted) if self._is_inside else self._before(piece, parted)
        return parted

    def end(self) -> list[tuple[bool, str]]:
        """Return what still waited, now that no text follows."""
        pieces, self._waiting, self.is_over = self._waiting, [], True
        if not self._has_opened:
            return [(False, piece) for piece in pieces]
        rest = "".join(pieces)
        rest = rest.rstrip() if self._is_inside and not self._is_fresh else rest.strip()
        return [(self._is_inside, rest)] if rest else []

    def _before(self, piece: str, parted: list[tuple[bool, str]]) -> str:
        """Look for a tag that opens a thought; return what of the piece is inside of it."""
        self._waiting.append(piece)
        text = "".join(self._waiting)
        start = text.lstrip()
        if start.startswith(self._opening):
            self._waiting = []
            self._has_opened = self._is_inside = self._is_fresh = True
            return start[len(self._opening) :]
        if len(text) <= _MOST_WAITING and self._opening.startswith(start):
            return ""
        # It is text. A piece that waited is one by itself, as it came.
        parted += (
            [(False, start)] if self._has_opened else [(False, each) for each in self._waiting]
        )
        self._waiting, self.is_over = [], True
        return ""

    def _inside(self, piece: str, parted: list[tuple[bool, str]]) -> str:
        """Look for the tag that closes the thought; return what of the piece is behind it."""
        text = "".join(self._waiting) + piece
        thought, closing, rest = text.partition(self._closing)
        if closing:
            self._waiting, self._is_inside = [], False
            thought = thought.rstrip()
        else:
            thought, rest = self._without_end(text), ""
            self._waiting = [text[len(thought) :]]
        if self._is_fresh:
            thought = thought.lstrip()
        if thought:
            self._is_fresh = False
            parted.append((True, thought))
        return rest

    def _without_end(self, text: str) -> str:
        """Return a text without what may be the beginning of its end: blanks, and of a tag."""
        size = next(
            (
                size
                for size in range(len(self._closing) - 1, 0, -1)
                if text.endswith(self._closing[:size])
            ),
            0,
        )
        body = text[: len(text) - size].rstrip()
        return body if len(text) - len(body) <= _MOST_WAITING else text
