"""The latest flushes of this process, in case a master is lost before a replica has them."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from app.store.connection.script import Call

#: How many bytes of each job's flushes are remembered, packed, and of how many jobs.
JOB_BYTES, JOBS = 256 * 1024, 1000


@dataclass(slots=True)
class _Job:
    """The calls of one job, and how many bytes they are."""

    calls: deque[Call] = field(default_factory=deque)
    size: int = 0


class RecentFlushes:
    """The latest appending calls of each job. Safe for threads that append to different jobs."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[str, _Job] = OrderedDict()

    def add(self, response_id: str, call: Call) -> None:
        """Remember a flush that was appended."""
        job = self._jobs.setdefault(response_id, _Job())
        job.calls.append(call)
        job.size += _size(call)
        while len(job.calls) > 1 and job.size > JOB_BYTES:
            job.size -= _size(job.calls.popleft())
        while len(self._jobs) > JOBS:
            self._jobs.popitem(last=False)

    def since(self, response_id: str, first: int) -> Sequence[Call]:
        """Return the flushes from event `first` on; none where the first of them is forgotten."""
        job = self._jobs.get(response_id, _Job())
        calls = [call for call in job.calls if _first(call) >= first]
        return calls if calls and _first(calls[0]) == first else []

    def forget(self, response_id: str) -> None:
        """Remember nothing of a job that has ended, or is another's."""
        self._jobs.pop(response_id, None)


def _first(call: Call) -> int:
    """Return the number of a flush's first event (lua/job/append.lua)."""
    return int(call.arguments[2])


def _size(call: Call) -> int:
    packed = call.arguments[3]
    return len(packed) if isinstance(packed, bytes) else 0
