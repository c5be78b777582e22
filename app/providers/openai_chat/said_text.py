"""How much of its text an answer has said, by pieces or by whole messages. Pure."""

from __future__ import annotations

from app.providers.reading.fields import leading_blanks, unsaid


class SaidText:
    """What a stream has said, and what of a whole message is new behind it.

    Some streams end with a whole message, some are made of messages, each with all that was said so
    far or with what follows. `length` counts the characters that were said, `blanks` those of them
    with which the text begins and that are blanks.
    """

    __slots__ = ("_kept", "_kept_length", "blanks", "length")

    def __init__(self) -> None:
        self.length = self.blanks = 0
        self._kept: list[str] = []  # where the stream is made of messages: what they said
        self._kept_length = 0

    def add(self, text: str) -> None:
        """Count a piece that is said."""
        if self.blanks == self.length:
            self.blanks += leading_blanks(text)
        self.length += len(text)

    def rest(self, content: object, uncounted: int) -> object:
        """Return what a message's content says beyond what was said.

        `uncounted` is how many characters were said that were not added here.
        """
        length = self.length + uncounted
        if not isinstance(content, str):
            return "" if length else content
        if length != self._kept_length:
            return unsaid(content, length, self.blanks)  # deltas said it
        # Only one that is as long as all before can repeat it: so pieces are joined seldom.
        if length and len(content) >= length:
            before = "".join(self._kept)
            self._kept, self._kept_length = [before], length
            if content.startswith(before):
                content = content[length:]
        self._kept.append(content)
        self._kept_length += len(content)
        return content
