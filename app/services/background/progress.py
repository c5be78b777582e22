"""What responses in the background have said so far: each event is read and folded once a process.

A look at a running response reads what is new since the last look. What was folded is kept for the
responses that were looked at last, within bounds; one that is not kept any more is folded anew.
That is safe, since a stream of events only grows: also where a job is run again or is cancelled.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import orjson

from app.domain.response import Response
from app.domain.slices import MOMENT_S
from app.domain.stream.accumulate import Accumulator
from app.schemas.stored_events import event_from_json
from app.store.jobs.base import JobStore

#: What is kept in a process: so many responses, so many characters of what they have said.
MOST_KEPT, MOST_CHARACTERS = 256, 32 * 1024 * 1024
#: After so many events, some 5 ms of work, others get a turn: a page of them may be 0.3 s.
TURN_EVENTS = 1000


@dataclass(slots=True)
class _Folded:
    """What has been folded of a response: the events before `number`, about `size` characters."""

    accumulator: Accumulator = field(default_factory=Accumulator)
    number: int = 0
    size: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Progress:
    """The progress of responses in the background, by their ids. Safe for threads.

    `pause` is like time.sleep.
    """

    def __init__(
        self,
        jobs: JobStore,
        most_kept: int = MOST_KEPT,
        most_characters: int = MOST_CHARACTERS,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._jobs = jobs
        self._pause = pause
        self._most_kept = most_kept
        self._most_characters = most_characters
        self._kept: OrderedDict[str, _Folded] = OrderedDict()
        self._lock = threading.Lock()

    def response(self, response_id: str) -> Response | None:
        """Return a response as its events describe it; None where it has told none.

        Whose it is was asked before. Raises StorageUnavailable.
        """
        folded = self._folded(response_id)
        try:
            with folded.lock:
                self._read_on(response_id, folded)
                response = folded.accumulator.response if folded.number else None
        except ValueError:
            self.forget(response_id)  # half of an event may have been folded
            raise
        self._shrink()
        return response

    def forget(self, response_id: str) -> None:
        """Keep nothing of a response: it has ended."""
        with self._lock:
            self._kept.pop(response_id, None)

    def _folded(self, response_id: str) -> _Folded:
        with self._lock:
            folded = self._kept.setdefault(response_id, _Folded())
            self._kept.move_to_end(response_id)
        return folded

    def _read_on(self, response_id: str, folded: _Folded) -> None:
        more = True
        while more:
            told = self._jobs.told(response_id, folded.number)
            for line in told.lines:
                event = event_from_json(orjson.loads(line))
                folded.accumulator.add(event)
                folded.number += 1
                folded.size += len(getattr(event, "delta", line))
                if not folded.number % TURN_EVENTS:
                    self._pause(MOMENT_S)
            more = told.more

    def _shrink(self) -> None:
        with self._lock:
            size = sum(each.size for each in self._kept.values())
            while self._kept and (
                size > self._most_characters or len(self._kept) > self._most_kept
            ):
                _, oldest = self._kept.popitem(last=False)
                size -= oldest.size
