"""Bounds a process's requests in flight, and the memory that they use.

Counted are the parsed bodies, and what is read from storage for them. Above a bound a request is
refused at once: a burst becomes 503s and not a growing queue. Near it, a key that holds more than
half of the process gets no more (N17).
"""

from __future__ import annotations

import threading

from app.errors import GatewayError, Overloaded, RateLimited, RequestTooLarge

_MEBIBYTE = 1024 * 1024
#: Fraction of a bound from which each key is limited to a share ...
_CROWDED = 0.8
#: ... of this fraction of the bound.
_SHARE = 0.5
_LONG_BODY = "The body needs more memory than this gateway allows."
_LONG_CONVERSATION = (
    "What is stored of this conversation needs more memory than this gateway allows: "
    "continue an earlier response of it, or begin a new one with what matters of it."
)


class Place:
    """A request in flight: the memory of its body and of what was read for it, and its key.

    `key_id` is None until the caller is known.
    """

    __slots__ = ("body_bytes", "key_id", "stored_bytes")

    def __init__(self, body_bytes: int) -> None:
        self.body_bytes = body_bytes
        self.stored_bytes = 0
        self.key_id: str | None = None


def _bytes_of(place: Place) -> int:
    return place.body_bytes + place.stored_bytes


class InFlight:
    """Counts the requests in flight. The sums need no lock beyond the interpreter's own.

    `parsing` is held while a large body is parsed: one at a time.
    """

    def __init__(self, max_requests: int, max_body_memory_mb: int) -> None:
        self._max_requests = max_requests
        self._max_bytes = max_body_memory_mb * _MEBIBYTE
        self._places: dict[Place, None] = {}
        self._bytes = 0
        self.parsing = threading.Lock()

    def enter(self, body_bytes: int) -> Place:
        """Admit a request with a body of `body_bytes`; return its place, to pass to `leave`.

        Raises:
            Overloaded: there is no room now.
            RequestTooLarge: the body exceeds the process's whole bound.
        """
        if len(self._places) >= self._max_requests or not self._has_room(body_bytes):
            raise self._no_room(body_bytes, _LONG_BODY)
        place = Place(body_bytes)
        self._places[place] = None
        self._bytes += body_bytes
        return place

    def claim(self, place: Place, key_id: str) -> None:
        """Record which key a request belongs to.

        Raises:
            RateLimited: the process is near a bound, and the key has more than its share.
        """
        self._hold_to_share(key_id)
        place.key_id = key_id

    def weigh(self, place: Place, body_bytes: int) -> None:
        """Set the memory of a request's body to what is now known of it.

        Raises:
            Overloaded: there is no room for it.
            RateLimited: the process is near a bound, and its key has more than its share.
            RequestTooLarge: it exceeds the process's whole bound.
        """
        more = body_bytes - place.body_bytes
        if more > 0:
            if not self._has_room(more):
                raise self._no_room(body_bytes, _LONG_BODY)
            if place.key_id is not None:
                self._hold_to_share(place.key_id, place)
        place.body_bytes = body_bytes
        self._bytes += more

    def add_stored(self, place: Place, size: int) -> None:
        """Add memory read from storage for a request; a negative `size` releases some.

        Ignores a place that has left. Raises as `weigh` does, never for a negative size.
        """
        if place not in self._places:
            return
        if size > 0:
            if not self._has_room(size):
                raise self._no_room(_bytes_of(place) + size, _LONG_CONVERSATION)
            if place.key_id is not None:
                self._hold_to_share(place.key_id, place)
        place.stored_bytes += size
        self._bytes += size

    def leave(self, place: Place) -> None:
        """Give a place back; further calls do nothing."""
        if place in self._places:
            del self._places[place]
            size = _bytes_of(place)  # not inlined below: a call lets other threads run in between
            self._bytes -= size

    def requests_share(self) -> float:
        """Return the requests in flight as a fraction of the maximum."""
        return len(self._places) / self._max_requests

    def memory_share(self) -> float:
        """Return the memory used by requests as a fraction of the maximum."""
        return self._bytes / self._max_bytes

    def _has_room(self, body_bytes: int) -> bool:
        return self._bytes + body_bytes <= self._max_bytes

    def _no_room(self, size: int, never: str) -> GatewayError:
        """Return the error for a request of this size; `never` is its message if it never fits."""
        return RequestTooLarge(never) if size > self._max_bytes else Overloaded()

    def _hold_to_share(self, key_id: str, growing: Place | None = None) -> None:
        """Refuse a key that holds more than half of a bound that is nearly reached.

        The largest of a key's requests may still grow: it has no other to wait for. If all of them
        were refused and retried at the same time, none would ever be served.
        """
        many = len(self._places) >= _CROWDED * self._max_requests
        much = self._bytes >= _CROWDED * self._max_bytes
        if not (many or much):
            return
        places = [each for each in list(self._places) if each.key_id == key_id]
        if growing is not None and growing is max(places, key=_bytes_of):
            return
        if (many and len(places) > _SHARE * self._max_requests) or (
            much and sum(map(_bytes_of, places)) > _SHARE * self._max_bytes
        ):
            raise RateLimited(
                "This key uses more than half of the gateway's capacity: wait for its other "
                "requests to end.",
                retry_after_s=1,
            )
