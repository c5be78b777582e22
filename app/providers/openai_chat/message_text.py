"""How much of its text a message of a stream has brought, by pieces or by whole messages. Pure."""

from __future__ import annotations

from app.providers.reading.fields import TextProgress


class MessageText(TextProgress):
    """The text of a message that comes in pieces, in whole messages, or in both.

    Some streams end with a whole message, some are made of messages, each with all that came before
    or with what follows.
    """

    __slots__ = ("_kept", "_kept_length")

    def __init__(self) -> None:
        super().__init__()
        self._kept: list[str] = []  # the texts of whole messages, where the stream is made of them
        self._kept_length = 0

    def rest_of_message(self, content: object, uncounted: int) -> object:
        """Return what a message's content has beyond what came.

        `uncounted` is how many characters came that were not added here.
        """
        length = self.length + uncounted
        if not isinstance(content, str):
            return "" if length else content
        if length != self._kept_length:
            return self.rest(content, uncounted)  # it came in pieces
        # Only one that is as long as all before can repeat it: so pieces are joined seldom.
        if length and len(content) >= length:
            before = "".join(self._kept)
            self._kept, self._kept_length = [before], length
            if content.startswith(before):
                content = content[length:]
        self._kept.append(content)
        self._kept_length += len(content)
        return content
