"""The answers under way in this process, for its end to reach them (A8).

Entering and leaving is one step each under the interpreter's own lock. `close` and `hang_up` are
called by the server (app.serving) when it stops.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from app.errors import GatewayError, Restarting

#: Where the app keeps its own among its extensions; the server looks for it there.
EXTENSION = "responses_gateway.open_answers"


class OpenAnswers:
    """Ends, when it is closed, each answer that has entered and has not left."""

    def __init__(self) -> None:
        self._open: dict[object, tuple[dict[str, Any], Callable[[GatewayError], None]]] = {}
        self._closed = False

    def enter(self, environ: dict[str, Any], end: Callable[[GatewayError], None]) -> object:
        """Have `end` called, from whatever thread, when the answer has to end; return a place.

        Raises:
            Restarting: the process ends, and takes no other.
        """
        if self.is_closed():
            raise _restarting()
        place = object()
        self._open[place] = (environ, end)
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
        entry = self._open.get(place)
        if entry is not None:
            entry[1](_restarting())

    def hang_up(self) -> None:
        """Close the connections of the callers who do not take their answer's end."""
        for environ, _ in list(self._open.values()):
            client = environ.get("gunicorn.socket")
            if client is not None:
                with suppress(OSError):
                    # Not closed: its file descriptor would be another's while a thread uses it.
                    getattr(client, "_sock", client).shutdown(socket.SHUT_RDWR)


def _restarting() -> Restarting:
    return Restarting(
        "This answer could not be finished: the gateway is being restarted. Ask for it again."
    )
