"""A bound on the requests in flight of one process, and on the memory of what they bring along.

That is what their bodies become, and what is read for them of what is stored. Beyond it a request
is refused at once, so that a burst becomes 503s and not a queue that grows.
Near it, a key that holds more than half of the process gets no more (N17).
"""

from __future__ import annotations

import threading

from app.errors import GatewayError, Overloaded, RateLimited, RequestTooLarge

_MEBIBYTE = 1024 * 1024
#: From this part of a bound on, keys have shares ...
_CROWDED = 0.8
#: ... of this size.
_SHARE = 0.5
_LONG_BODY = "The body needs more memory than this gateway allows."
_LONG_CONVERSATION = (
    "What is stored of this conversation needs more memory than this gateway allows: "
    "continue an earlier response of it, or begin a new one with what matters of it."
)


class Place:
    """A request in flight: what its body takes, and what else was read for it, and whose it is once
    that is known.
    """

    __slots__ = ("body_bytes", "key_id", "stored_bytes")

    def __init__(self, body_bytes: int) -> None:
        self.body_bytes = body_bytes
        self.stored_bytes = 0
        self.key_id: str | None = None


def _bytes_of(place: Place) -> int:
    return place.body_bytes + place.stored_bytes


class InFlight:
    """Counts the requests in flight. Adding up needs no lock under the interpreter's own.

    `parsing` is for whoever parses a heavy body: one at a time.
    """

    def __init__(self, max_requests: int, max_body_memory_mb: int) -> None:
        self._max_requests = max_requests
        self._max_bytes = max_body_memory_mb * _MEBIBYTE
        self._places: dict[Place, None] = {}
        self._bytes = 0
        self.parsing = threading.Lock()

    def enter(self, body_bytes: int) -> Place:
        """Take a place for a request whose body is so long; return it, for `leave`.

        Raises:
            Overloaded: there is none.
            RequestTooLarge: there will never be one for such a body.
        """
        if len(self._places) >= self._max_requests or not self._has_room(body_bytes):
            raise self._no_room(body_bytes, _LONG_BODY)
        place = Place(body_bytes)
        self._places[place] = None
        self._bytes += body_bytes
        return place

    def claim(self, place: Place, key_id: str) -> None:
        """Take note of whose request it is.

        Raises:
            RateLimited: the key has more than its share, where there are shares.
        """
        self._hold_to_share(key_id)
        place.key_id = key_id

    def weigh(self, place: Place, body_bytes: int) -> None:
        """Take note that the body takes so much, or has turned out to.

        Raises:
            Overloaded: there is no room for it.
            RateLimited: its key has more than its share, where there are shares.
            RequestTooLarge: there will never be room for it.
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
        """Take note that so much more is read for a request of what is stored, or less again.

        Nothing is noted of one that has left. Raises as `weigh` does, never for less.
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
        """Give a place back; only the first time counts."""
        if place in self._places:
            del self._places[place]
            size = _bytes_of(place)  # not below: a call lets other threads run in between
            self._bytes -= size

    def requests_share(self) -> float:
        """Return how many requests there are, of the most there may be."""
        return len(self._places) / self._max_requests

    def memory_share(self) -> float:
        """Return how much memory requests take, of the most they may."""
        return self._bytes / self._max_bytes

    def _has_room(self, body_bytes: int) -> bool:
        return self._bytes + body_bytes <= self._max_bytes

    def _no_room(self, size: int, never: str) -> GatewayError:
        """Return what a request of this size is refused with; `never` if it is too long anyway."""
        return RequestTooLarge(never) if size > self._max_bytes else Overloaded()

    def _hold_to_share(self, key_id: str, growing: Place | None = None) -> None:
        """Refuse a key with more than half of what is nearly used up.

        The largest of a key's requests may grow: it has no other to wait for, and where all of them
        were refused at once, and came again at once, none would ever be served.
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
