"""Memory admission for reads: room is reserved before anything long is unpacked.

Stored data may be a thousand times shorter than its unpacked form, whose length is in the header of
the compressed frame. A reader that serves a request reserves room in the same budget as request
bodies (api/in_flight.py), so that conversations that are loaded are within the same bound.
"""

from __future__ import annotations

from collections.abc import Callable

#: Reserves so many bytes for as long as its user needs them; a negative number gives bytes back.
#: Raises Overloaded, RateLimited or RequestTooLarge.
Room = Callable[[int], None]
#: Reserves so many bytes if there is room for them; tells whether it did.
HasRoom = Callable[[int], bool]

#: Shorter data needs no reservation when it is read by itself: a thousand such reads are small.
LIGHT_BYTES = 64 * 1024
#: Memory for each byte of JSON: as it is stored, as it is parsed, and as it is sent on.
GROWTH = 3


def unbounded(_size: int) -> None:
    """Accept any size: for readers that serve no request, such as a command or a test."""


def always(_size: int) -> bool:
    """Accept any size, likewise."""
    return True


class BorrowedRoom:
    """A reservation that can be given back before the request it was made for ends."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._size = 0

    def __call__(self, size: int) -> None:
        """Reserve room, as Room does."""
        self._room(size)
        self._size += size

    def give_back(self) -> None:
        """Give back all that was reserved."""
        if self._size:
            self._room(-self._size)
            self._size = 0
