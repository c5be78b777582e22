"""File descriptors: how many there may be, and what it means that there are none.

To have run out of them is our own trouble: it says nothing of an upstream or of Redis, so that no
circuit breaker opens for it, and callers are asked to come back.
"""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import socket
import termios
import threading
import time
import weakref
from typing import Protocol

#: What the system says where it has nothing left to open anything with.
SHORTAGE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
#: How many are kept for what is under way already, at most: upstreams, Redis, the spool.
_RESERVE = 64
#: What part of all they are, at most; and what part a pool of connections may hold.
_RESERVED = 8
#: In how many seconds an event loop has closed what it was to close.
_ROUND_S = 0.001


class Spare(Protocol):
    """What has descriptors open for a time when they may be of use."""

    def __len__(self) -> int:
        """Return how many there are."""
        ...

    def clear(self) -> None:
        """Close them all."""
        ...


_spares: weakref.WeakSet[Spare] = weakref.WeakSet()
_using_spares = threading.Lock()


def register(spare: Spare) -> None:
    """Have somebody's descriptors closed where others need them, for as long as it is there."""
    with _using_spares:
        _spares.add(spare)


def reclaim() -> bool:
    """Close what is spare; tell whether there was any. An event loop does so in its next round."""
    with _using_spares:  # whoever comes meanwhile finds them closed
        spares = [each for each in _spares if len(each)]
        for each in spares:
            each.clear()
    return bool(spares)


def has_room(limit: int) -> bool:
    """Tell whether the next descriptor is below a limit, spare ones closed if need be.

    Then it waits for a moment.
    """
    if _is_below(limit):
        return True
    reclaim()
    time.sleep(_ROUND_S)
    return _is_below(limit)


def _is_below(limit: int) -> bool:
    free = lowest_free()
    return free is not None and free < limit


def raise_limit() -> None:
    """Allow this process, and those that it starts, as many as the system does."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def threshold() -> int:
    """Return the number from which on a descriptor is one of the reserve."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft - min(_RESERVE, soft // _RESERVED)


def outgoing_limit() -> int:
    """Return the number from which on no descriptor is a connection to an upstream.

    The last half of the reserve is for callers: they could not be refused without one.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft - min(_RESERVE, soft // _RESERVED) // 2


def pool_limit() -> int:
    """Return how many connections a pool may keep at most, so that callers have room beside it."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(1, soft // _RESERVED)


def is_shortage(error: BaseException | None) -> bool:
    """Tell whether an error, or one that led to it, means that the system had nothing left."""
    for _ in range(10):  # a chain may be a circle
        if error is None:
            return False
        if isinstance(error, socket.gaierror):
            # The resolver has opened files of its own, and says of that only that it failed.
            return lowest_free() is None
        if isinstance(error, OSError) and error.errno in SHORTAGE:
            return True
        error = error.__cause__ or error.__context__
    return False


def lowest_free() -> int | None:
    """Return the number that the next descriptor will have, None where there is no next."""
    try:
        probe = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    os.close(probe)
    return probe


def used() -> float:
    """Return about how much of what this process may open it has, from 0 to 1."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = lowest_free()
    return 1.0 if lowest is None else min(1.0, lowest / soft)


def has_unread(descriptor: int) -> bool:
    """Tell whether something has come at a socket that nobody has read; its end is nothing."""
    try:
        found = fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4))
    except (OSError, ValueError):  # it was closed meanwhile
        return False
    return any(found)
