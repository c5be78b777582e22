"""Remembers this process's latest flushes, in case a master is lost before a replica has them."""

from __future__ import annotations

import time
from array import array
from collections import OrderedDict
from collections.abc import Callable, Sequence

from app.store.connection.script import Call, Script

Arguments = tuple[str | bytes | int, ...]

#: Seconds for which flushes are remembered. By default a Sentinel considers a master lost after 30
#: s, and may need some more to promote a replica: that replica has all older flushes.
REMEMBERED_S = 60.0
#: Maximum packed bytes of flushes remembered for each job, and maximum number of jobs.
JOB_BYTES, JOBS = 256 * 1024, 1000


class _Job:
    """The calls of one job: their common part, the arguments and time of each, and their bytes.

    MEASURED: a stream has one each second, of 480 bytes; stored as calls in a deque they took 680
    each, and the first 700 more.
    """

    __slots__ = ("flushes", "keys", "script", "size", "times")

    def __init__(self, script: Script, keys: tuple[str, ...]) -> None:
        self.script = script
        self.keys = keys
        self.flushes: list[Arguments] = []
        self.times = array("d")
        self.size = 0

    def add(self, arguments: Arguments, now: float) -> None:
        """Remember a flush, and drop those that are too old or too many."""
        self.flushes.append(arguments)
        self.times.append(now)
        self.size += _size(arguments)
        oldest = now - REMEMBERED_S
        while len(self.flushes) > 1 and (self.size > JOB_BYTES or self.times[0] < oldest):
            del self.times[0]
            self.size -= _size(self.flushes.pop(0))

    def since(self, first: int) -> Sequence[Call]:
        """Return the calls from event `first` on."""
        flushes = [each for each in self.flushes if _first(each) >= first]
        if not flushes or _first(flushes[0]) != first:
            return []
        return [Call(self.script, self.keys, each) for each in flushes]


class RecentFlushes:
    """The latest append calls of each job. Safe for threads that append to different jobs.

    `clock` is like time.monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._jobs: OrderedDict[str, _Job] = OrderedDict()

    def add(self, response_id: str, call: Call) -> None:
        """Remember a flush that was appended."""
        job = self._jobs.get(response_id)
        if job is None:
            job = self._jobs[response_id] = _Job(call.script, call.keys)
        job.add(call.arguments, self._clock())
        while len(self._jobs) > JOBS:
            self._jobs.popitem(last=False)

    def since(self, response_id: str, first: int) -> Sequence[Call]:
        """Return the flushes from event `first` on; none if the first one was dropped."""
        job = self._jobs.get(response_id)
        return [] if job is None else job.since(first)

    def forget(self, response_id: str) -> None:
        """Forget the flushes of a job that has ended, or has another holder."""
        self._jobs.pop(response_id, None)


def _first(arguments: Arguments) -> int:
    """Return the number of a flush's first event (lua/job/append.lua)."""
    return int(arguments[2])


def _size(arguments: Arguments) -> int:
    packed = arguments[3]
    return len(packed) if isinstance(packed, bytes) else 0
