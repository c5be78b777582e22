"""The responses in progress in this process, so that shutdown can end them (A8).

`enter` and `leave` are one step each under the interpreter's own lock. The server (app.serving)
calls `close` when it stops.
"""

from __future__ import annotations

from collections.abc import Callable

from app.errors import GatewayError, Restarting


class OpenAnswers:
    """Ends, on `close`, each answer that has entered and not left."""

    def __init__(self) -> None:
        self._open: dict[object, Callable[[GatewayError], None]] = {}
        self._closed = False

    def enter(self, end: Callable[[GatewayError], None]) -> object:
        """Register `end`, called from any thread when the answer must end; return its place.

        Raises:
            Restarting: the process is ending and admits no further answer.
        """
        if self._closed:
            raise _restarting()
        place = object()
        self._open[place] = end
        if self.is_closed():  # closed meanwhile: `close` may have missed this place
            self._end(place)
        return place

    def leave(self, place: object) -> None:
        """Give a place back; further calls do nothing."""
        self._open.pop(place, None)

    def is_closed(self) -> bool:
        """Tell whether this process is ending."""
        return self._closed

    def close(self) -> None:
        """End every answer now, with the error Restarting, and refuse new ones."""
        self._closed = True
        for place in list(self._open):
            self._end(place)

    def _end(self, place: object) -> None:
        end = self._open.get(place)
        if end is not None:
            end(_restarting())


def _restarting() -> Restarting:
    """Return the error. Agents that judge a stream by its words, as pi does, know its first two."""
    return Restarting(
        "Service unavailable: the gateway is being restarted, and this response could not be "
        "finished. Try again."
    )
