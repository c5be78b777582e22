"""File descriptors: how many a process may open, and what running out of them means.

Running out is this process's own trouble: it says nothing of an upstream or of Redis. So no circuit
breaker opens for it, and callers are asked to retry.
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

#: Errors by which the system says that it has no resources left to open anything.
SHORTAGE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
#: Maximum number of descriptors reserved for work already under way: upstreams, Redis, the spool.
_RESERVE = 64
#: The reserve is at most 1/8 of the limit, and a pool of connections may hold as much.
_RESERVED = 8
#: Time within which an event loop closes what it was told to close, in seconds.
_ROUND_S = 0.001


class Spare(Protocol):
    """Holds descriptors that are open only because they may be used again."""

    def __len__(self) -> int:
        """Return how many it holds."""
        ...

    def clear(self) -> None:
        """Close them all."""
        ...


_spares: weakref.WeakSet[Spare] = weakref.WeakSet()
_using_spares = threading.Lock()


def register(spare: Spare) -> None:
    """Let `reclaim` close the descriptors of `spare`, for as long as that object exists."""
    with _using_spares:
        _spares.add(spare)


def reclaim() -> bool:
    """Close spare descriptors, an event loop's in its next round; tell whether any existed."""
    with _using_spares:  # a concurrent caller waits, then finds them closed
        spares = [each for each in _spares if len(each)]
        for each in spares:
            each.clear()
    return bool(spares)


def has_room(limit: int) -> bool:
    """Tell whether the next descriptor is below a limit; if not, close spare ones and look again.

    In that case it waits a moment, for event loops to close theirs.
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
    """Raise the limit of this process, and of its children, to the system's hard limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def threshold() -> int:
    """Return the lowest descriptor number that belongs to the reserve."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft - min(_RESERVE, soft // _RESERVED)


def outgoing_limit() -> int:
    """Return the descriptor number from which on no connection to an upstream is opened.

    The last half of the reserve is for callers: without a descriptor they could not be refused.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft - min(_RESERVE, soft // _RESERVED) // 2


def pool_limit() -> int:
    """Return the maximum size of a connection pool that leaves descriptors for callers."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(1, soft // _RESERVED)


def is_shortage(error: BaseException | None) -> bool:
    """Tell whether an error, or one that caused it, means that the system had no resources left."""
    for _ in range(10):  # the chain may be circular
        if error is None:
            return False
        if isinstance(error, socket.gaierror):
            # The resolver opens files of its own, and reports only that it failed.
            return lowest_free() is None
        if isinstance(error, OSError) and error.errno in SHORTAGE:
            return True
        error = error.__cause__ or error.__context__
    return False


def lowest_free() -> int | None:
    """Return the number that the next descriptor will have, None if no descriptor is left."""
    try:
        probe = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    os.close(probe)
    return probe


def used() -> float:
    """Return roughly which share of its permitted descriptors this process uses, from 0 to 1."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = lowest_free()
    return 1.0 if lowest is None else min(1.0, lowest / soft)


def has_unread(descriptor: int) -> bool:
    """Tell whether a socket has unread bytes; end of stream does not count."""
    try:
        found = fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4))
    except (OSError, ValueError):  # it was closed meanwhile
        return False
    return any(found)
