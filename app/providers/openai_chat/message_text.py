"""Track the text of a streamed message that comes in pieces or in whole messages. Pure."""

from __future__ import annotations

from app.providers.reading.fields import TextProgress


class MessageText(TextProgress):
    """The text of a message that comes in pieces, in whole messages, or in both.

    Some streams end with a whole message; some consist of messages, each with all the text so far
    or with the next part of it.
    """

    __slots__ = ("_kept", "_kept_length")

    def __init__(self) -> None:
        super().__init__()
        self._kept: list[str] = []  # texts of whole messages, if the stream consists of them
        self._kept_length = 0

    def rest_of_message(self, content: object, uncounted: int) -> object:
        """Return the new part of a whole message's content.

        `uncounted` is the number of characters that came and were not added here.
        """
        length = self.length + uncounted
        if not isinstance(content, str):
            return "" if length else content
        if length != self._kept_length:
            return self.rest(content, uncounted)  # the text came in pieces
        # Only a content at least as long can repeat the text so far: texts are rarely joined.
        if length and len(content) >= length:
            before = "".join(self._kept)
            self._kept, self._kept_length = [before], length
            if content.startswith(before):
                content = content[length:]
        self._kept.append(content)
        self._kept_length += len(content)
        return content
