"""Room in memory for what is read: it is made before anything long is unpacked.

What is stored may be a thousand times shorter than what it becomes: the head of what is compressed
says how long that is. Who reads for a request makes room for it where bodies have theirs
(api/in_flight.py), so that what conversations bring along is within the same bound.
"""

from __future__ import annotations

from collections.abc import Callable

#: Makes room for so many bytes, for as long as whoever reads them needs it; a negative number is
#: given back. Raises Overloaded, RateLimited or RequestTooLarge.
Room = Callable[[int], None]
#: Tells whether there is room for so many bytes, which is then taken.
HasRoom = Callable[[int], bool]

#: What is shorter is not looked at where it is read by itself: a thousand such are small.
LIGHT_BYTES = 64 * 1024
#: What JSON takes for each of its bytes: as it is stored, as what it says, and as it is sent on.
GROWTH = 3


def unbounded(_size: int) -> None:
    """Make room for whoever reads for nobody else: a command, a test."""


def always(_size: int) -> bool:
    """Tell whoever reads for nobody else that there is room."""
    return True


class BorrowedRoom:
    """Room that may be given back before whoever it was made for ends."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._size = 0

    def __call__(self, size: int) -> None:
        """Make room, as Room does."""
        self._room(size)
        self._size += size

    def give_back(self) -> None:
        """Give back all that was made."""
        if self._size:
            self._room(-self._size)
            self._size = 0
