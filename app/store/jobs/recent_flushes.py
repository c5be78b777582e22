"""The latest flushes of this process, in case a master is lost before a replica has them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from app.store.connection.script import Call, Script

Arguments = tuple[str | bytes | int, ...]

#: How many bytes of each job's flushes are remembered, packed, and of how many jobs.
JOB_BYTES, JOBS = 256 * 1024, 1000


class _Job:
    """The calls of one job: what they have in common, the arguments of each, and their bytes.

    MEASURED: a stream has one each second, of 480 bytes; as calls in a deque they took 680 each,
    and the first 700 more.
    """

    __slots__ = ("flushes", "keys", "script", "size")

    def __init__(self, script: Script, keys: tuple[str, ...]) -> None:
        self.script = script
        self.keys = keys
        self.flushes: list[Arguments] = []
        self.size = 0

    def add(self, arguments: Arguments) -> None:
        """Remember a flush, and forget the oldest where they are too many."""
        self.flushes.append(arguments)
        self.size += _size(arguments)
        while len(self.flushes) > 1 and self.size > JOB_BYTES:
            self.size -= _size(self.flushes.pop(0))

    def since(self, first: int) -> Sequence[Call]:
        """Return the calls from event `first` on."""
        flushes = [each for each in self.flushes if _first(each) >= first]
        if not flushes or _first(flushes[0]) != first:
            return []
        return [Call(self.script, self.keys, each) for each in flushes]


class RecentFlushes:
    """The latest appending calls of each job. Safe for threads that append to different jobs."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[str, _Job] = OrderedDict()

    def add(self, response_id: str, call: Call) -> None:
        """Remember a flush that was appended."""
        job = self._jobs.get(response_id)
        if job is None:
            job = self._jobs[response_id] = _Job(call.script, call.keys)
        job.add(call.arguments)
        while len(self._jobs) > JOBS:
            self._jobs.popitem(last=False)

    def since(self, response_id: str, first: int) -> Sequence[Call]:
        """Return the flushes from event `first` on; none where the first of them is forgotten."""
        job = self._jobs.get(response_id)
        return [] if job is None else job.since(first)

    def forget(self, response_id: str) -> None:
        """Remember nothing of a job that has ended, or is another's."""
        self._jobs.pop(response_id, None)


def _first(arguments: Arguments) -> int:
    """Return the number of a flush's first event (lua/job/append.lua)."""
    return int(arguments[2])


def _size(arguments: Arguments) -> int:
    packed = arguments[3]
    return len(packed) if isinstance(packed, bytes) else 0
