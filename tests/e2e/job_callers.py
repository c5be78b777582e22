"""Callers of background responses who go on while their Redis fails over, and what they saw.

There is one of each way to use such a response: who asks for it until it has ended, who follows it,
who cancels it, and whose responses add to a conversation. All do what a careful client does
(callers.py).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from time import monotonic
from typing import ClassVar

import requests

from tests.e2e.callers import BACK_OFF_S, ENDED, LAST, Caller, Json, code, events_of
from tests.processes import PATIENCE_S
from tests.upstream.script import Script

#: So many pieces an answer has, each an event of its own.
PIECES = 12
#: How long, in seconds, a job may take once its caller asks for nothing more.
STUCK_S = 90


@dataclass(frozen=True, slots=True)
class Job:
    """What was accepted: its id, the tag of its upstream calls, and all that its model says."""

    response_id: str
    tag: str
    answer: str


@dataclass
class JobCaller(Caller):
    """Has responses made in the background, one after the other.

    `jobs` were accepted, `refused_tags` are of those that were not. `saw` has how a job ended, as
    its caller was told first, `changed` those of which one was told something else later. `torn`
    are those of whose events one was missed or came twice.
    """

    jobs: list[Job] = field(default_factory=list)
    refused_tags: list[str] = field(default_factory=list)
    saw: dict[str, tuple[str, str]] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    _over_at: float | None = None

    #: How long the model takes for an answer, in seconds.
    lasts_s: ClassVar[float] = 2.5

    def _turn(self, session: requests.Session, number: int) -> None:
        tag = f"{self.name} {number}"
        words = [f"{self.name}-{number}-{piece} " for piece in range(PIECES)]
        script = Script(say=tuple(words), interval_s=self.lasts_s / PIECES, tag=tag)
        body = {"model": "steady", "input": script.text(), "background": True} | self._more()
        response = self._create(session, body)
        if response is None:
            self.refused_tags.append(tag)
            return
        self.jobs.append(Job(response["id"], tag, "".join(words)))
        self._end(session, self.jobs[-1])

    def _more(self) -> Json:
        """Return what is asked for beside an answer in the background."""
        return {}

    def _end(self, session: requests.Session, job: Job) -> None:
        """Wait for the end of a job, whatever happens meanwhile."""
        while job.response_id not in self.saw and not self._is_stuck():
            response = self._asked(session, "GET", f"/v1/responses/{job.response_id}?wait=5")
            if response is not None and response["status"] in ENDED:
                self._saw(response)

    def _saw(self, response: Json) -> None:
        end = (response["status"], response["output_text"])
        if self.saw.setdefault(response["id"], end) != end:
            self.changed.append(response["id"])

    def _refuse(self, why: str) -> None:
        self.refused[why] += 1
        threading.Event().wait(BACK_OFF_S)  # also where nothing more is asked for

    def _is_stuck(self) -> bool:
        """Tell whether a job that was asked for before all was over should long have ended."""
        if self._over_at is None and self.over.is_set():
            self._over_at = monotonic()
        return self._over_at is not None and monotonic() > self._over_at + STUCK_S


class Poller(JobCaller):
    """Asks for each until it has ended."""


class Canceller(JobCaller):
    """Cancels each as soon as it has said something: the answer says how it has ended."""

    def _end(self, session: requests.Session, job: Job) -> None:
        path = f"/v1/responses/{job.response_id}"
        has_spoken = False
        while job.response_id not in self.saw and not self._is_stuck():
            request = ("POST", f"{path}/cancel") if has_spoken else ("GET", path)
            response = self._asked(session, *request)
            if response is None:
                continue
            has_spoken = has_spoken or bool(response["output_text"])
            if response["status"] in ENDED:
                self._saw(response)
            elif not has_spoken:
                threading.Event().wait(BACK_OFF_S)


class Follower(JobCaller):
    """Follows each, and comes back with `starting_after` when that breaks off."""

    def _end(self, session: requests.Session, job: Job) -> None:
        events: list[Json] = []
        while not (events and events[-1]["type"] in LAST):
            if self._is_stuck():
                return
            after = f"&starting_after={events[-1]['sequence_number']}" if events else ""
            url = f"{self.url}/v1/responses/{job.response_id}?stream=true{after}"
            try:
                with session.get(url, stream=True, timeout=PATIENCE_S) as answer:
                    self._read(answer, events)
            except requests.RequestException as error:
                self._refuse(type(error).__name__)
        if [each["sequence_number"] for each in events] != list(range(len(events))):
            self.torn.append(job.response_id)
        self._saw(events[-1]["response"])

    def _read(self, answer: requests.Response, events: list[Json]) -> None:
        """Add the events that come, until the stream ends or breaks off."""
        if answer.status_code != 200:
            self._refuse(f"{answer.status_code} {code(answer)}")
            return
        for event in events_of(answer):
            events.append(event)  # one by one: what has come before it breaks off is not lost


@dataclass
class Converser(JobCaller):
    """Adds to a conversation of its own; the next is asked for once one has ended."""

    conversation: str = ""

    def _turn(self, session: requests.Session, number: int) -> None:
        if not self.conversation:
            begun = self._asked(session, "POST", "/v1/conversations", {})
            self.conversation = begun["id"] if begun else ""
            return
        super()._turn(session, number)

    def _more(self) -> Json:
        return {"conversation": self.conversation}


#: How many there are of each.
KINDS: Sequence[type[JobCaller]] = (Poller, Follower, Canceller, Converser)


@dataclass
class JobLoad:
    """Callers of every kind at once, until the block is left and each has seen its last job end."""

    url: str
    key: str = field(repr=False)
    each: int = 10
    over: threading.Event = field(default_factory=threading.Event)
    callers: list[JobCaller] = field(default_factory=list)

    def __enter__(self) -> JobLoad:
        self.callers = [
            kind(self.url, self.key, f"{kind.__name__.lower()} {number}", self.over)
            for kind in KINDS
            for number in range(self.each)
        ]
        self._threads = [threading.Thread(target=each.run, daemon=True) for each in self.callers]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for thread in self._threads:
            thread.join()

    @property
    def jobs(self) -> Iterator[Job]:
        """Every job that was accepted."""
        return chain.from_iterable(each.jobs for each in self.callers)
