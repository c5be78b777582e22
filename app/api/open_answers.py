"""The answers under way in this process, for its end to reach them (A8).

Entering and leaving is one step each under the interpreter's own lock. `close` is called by the
server (app.serving) when it stops.
"""

from __future__ import annotations

from collections.abc import Callable

from app.errors import GatewayError, Restarting


class OpenAnswers:
    """Ends, when it is closed, each answer that has entered and has not left."""

    def __init__(self) -> None:
        self._open: dict[object, Callable[[GatewayError], None]] = {}
        self._closed = False

    def enter(self, end: Callable[[GatewayError], None]) -> object:
        """Have `end` called, from whatever thread, when the answer has to end; return a place.

        Raises:
            Restarting: the process ends, and takes no other.
        """
        if self._closed:
            raise _restarting()
        place = object()
        self._open[place] = end
        if self.is_closed():  # in between, which may have missed it
            self._end(place)
        return place

    def leave(self, place: object) -> None:
        """Give a place back; only the first time counts."""
        self._open.pop(place, None)

    def is_closed(self) -> bool:
        """Tell whether everything is to end."""
        return self._closed

    def close(self) -> None:
        """Have every answer end now, saying so, and let no other enter."""
        self._closed = True
        for place in list(self._open):
            self._end(place)

    def _end(self, place: object) -> None:
        end = self._open.get(place)
        if end is not None:
            end(_restarting())


def _restarting() -> Restarting:
    return Restarting(
        "This response could not be finished: the gateway is being restarted. Try again."
    )
