"""Separate thoughts in tags at the start of an answer's text from the text. Pure.

    "<think>\\nA greeting.\\n</think>\\n\\nHello!"  ->  the thought "A greeting.", the text "Hello!"

MiniMax and Perplexity answer like this, Bedrock (`<reasoning>`, each piece of a stream in tags of
its own), and every server of open models that was started without a reasoning parser. Only tags at
the start of an answer count: one further on is part of the text.
"""

from __future__ import annotations

#: Maximum number of characters held back: blanks, and the possible beginning of a tag.
_MOST_WAITING = 64


def may_open(text: str) -> bool:
    """Tell whether a text may begin with a tag, once more of it has come."""
    return not text or text[0] == "<" or text[0].isspace()


class ThinkTag:
    """Splits one answer's text, piece by piece, into thoughts and the text that follows them.

    Characters that may become a tag are held back; so are blanks around a tag, which are dropped.
    `is_over` is true once only text can follow. A thought without a closing tag lasts to the end.
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
        self._is_fresh = False  # inside a thought, with nothing but blanks so far

    def feed(self, piece: str) -> list[tuple[bool, str]]:
        """Return a piece's parts in order, each a pair: whether it is a thought, and its text."""
        parted: list[tuple[bool, str]] = []
        while piece:
            if self.is_over:
                parted.append((False, piece))
                break
            piece = self._inside(piece, parted) if self._is_inside else self._before(piece, parted)
        return parted

    def end(self) -> list[tuple[bool, str]]:
        """Return what was held back, as no more text follows."""
        pieces, self._waiting, self.is_over = self._waiting, [], True
        if not self._has_opened:
            return [(False, piece) for piece in pieces]
        rest = "".join(pieces)
        rest = rest.rstrip() if self._is_inside and not self._is_fresh else rest.strip()
        return [(self._is_inside, rest)] if rest else []

    def _before(self, piece: str, parted: list[tuple[bool, str]]) -> str:
        """Look for an opening tag; return the rest of the piece after it."""
        self._waiting.append(piece)
        text = "".join(self._waiting)
        start = text.lstrip()
        if start.startswith(self._opening):
            self._waiting = []
            self._has_opened = self._is_inside = self._is_fresh = True
            return start[len(self._opening) :]
        if len(text) <= _MOST_WAITING and self._opening.startswith(start):
            return ""
        # It is text. Pieces that were held back stay separate pieces.
        parted += (
            [(False, start)] if self._has_opened else [(False, each) for each in self._waiting]
        )
        self._waiting, self.is_over = [], True
        return ""

    def _inside(self, piece: str, parted: list[tuple[bool, str]]) -> str:
        """Look for the closing tag; return the rest of the piece after it."""
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
        """Return a text without final blanks and a possible beginning of the closing tag."""
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
