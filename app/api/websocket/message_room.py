"""The room that the messages of one WebSocket take among the requests in flight."""

from __future__ import annotations

from app.api.in_flight import InFlight, Place


class MessageRoom:
    """Reserves room for the message that is being received, once it is long.

    What `take` returns belongs to that message from then on, to be given back when it is answered.
    """

    def __init__(self, in_flight: InFlight, key_id: str) -> None:
        self._in_flight, self._key_id = in_flight, key_id
        self._place: Place | None = None

    def weigh(self, size: int) -> None:
        """Reserve room for a growing message.

        Raises:
            Overloaded, RateLimited: the process, or the key, has no room for it.
        """
        if self._place is None:
            self._place = self._in_flight.enter(size)
            self._in_flight.claim(self._place, self._key_id)
        else:
            self._in_flight.weigh(self._place, size)

    def take(self) -> Place | None:
        """Return the place of the message that has come, None for a short one."""
        place, self._place = self._place, None
        return place

    def give_back(self, place: Place | None) -> None:
        """Give a message's place back; None, and further calls, do nothing."""
        if place is not None:
            self._in_flight.leave(place)

    def close(self) -> None:
        """Give back what a message has that did not come to its end."""
        self.give_back(self.take())
