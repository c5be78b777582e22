"""A bound on the requests in flight of one process, and on the memory of their bodies.

Beyond it a request is refused at once, so that a burst becomes 503s and not a queue that grows.
"""

from __future__ import annotations

from app.errors import Unavailable

_MEBIBYTE = 1024 * 1024


class InFlight:
    """Counts the requests in flight. Adding up needs no lock under the interpreter's own."""

    def __init__(self, max_requests: int, max_body_memory_mb: int) -> None:
        self._max_requests = max_requests
        self._max_bytes = max_body_memory_mb * _MEBIBYTE
        self._places: dict[object, int] = {}
        self._bytes = 0

    def enter(self, body_bytes: int) -> object:
        """Take a place for a request whose body is so long; return it, for `leave`.

        Raises:
            Unavailable: there is none.
        """
        if len(self._places) >= self._max_requests or not self._has_room(body_bytes):
            raise _busy()
        place = object()
        self._places[place] = body_bytes
        self._bytes += body_bytes
        return place

    def weigh(self, place: object, body_bytes: int) -> None:
        """Take note that the body has turned out to be so long.

        Raises:
            Unavailable: there is no room for it.
        """
        more = body_bytes - self._places[place]
        if more > 0 and not self._has_room(more):
            raise _busy()
        self._places[place] = body_bytes
        self._bytes += more

    def leave(self, place: object) -> None:
        """Give a place back; only the first time counts."""
        self._bytes -= self._places.pop(place, 0)

    def _has_room(self, body_bytes: int) -> bool:
        return self._bytes + body_bytes <= self._max_bytes


def _busy() -> Unavailable:
    return Unavailable(
        "The gateway is busy: try again in a moment.", code="overloaded", retry_after_s=1
    )
