"""What the upstream remembers: what it was sent, what is armed, who waits for what."""

from __future__ import annotations

import asyncio
import resource
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from tests.upstream.prompt_cache import PromptCache
from tests.upstream.wheel import Wheel

State = Literal["arrived", "stalled", "ended", "aborted"]

#: Arms requests whatever model they name.
ANY = "*"
#: Releases a gate for good.
ALL = -1

_MOST_RECORDS = 20_000


@dataclass(slots=True, eq=False)
class Record:
    """A request as it came, and what became of it. Times are the loop's, in seconds."""

    connection: int
    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes
    arrived_at: float
    model: str = ""
    tag: str = ""
    state: State = "arrived"
    ended_at: float | None = None

    def shown(self, now: float) -> dict[str, Any]:
        """Return the record as JSON shows it; `…_s` are ages: how many seconds ago it was."""
        try:
            body = orjson.loads(self.body)
        except ValueError:
            body = self.body.decode(errors="replace")
        return {
            "connection": self.connection,
            "method": self.method,
            "path": self.path,
            "headers": dict(self.headers),
            "body": body,
            "model": self.model,
            "tag": self.tag,
            "state": self.state,
            "arrived_s": now - self.arrived_at,
            "ended_s": None if self.ended_at is None else now - self.ended_at,
        }


@dataclass(slots=True)
class _Gate:
    """`steps` may pass at once, ALL for everybody; the others wait in order."""

    steps: int = 0
    waiting: deque[tuple[Record, Callable[[], None]]] = field(default_factory=deque)


@dataclass(slots=True, eq=False)
class Waiter:
    """Somebody who wants to know when `count` requests of a tag have come to a state."""

    tag: str
    state: State
    count: int
    tell: Callable[[], None]


class Bed:
    """The memory of one upstream process."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.now = loop.time
        self.wheel = Wheel(loop)
        self.connections = 0
        self.open = 0
        self.models: list[str] = ["steady", "swift"]
        self.owner = "test-bed"
        self.prompts = PromptCache()
        self._served: Counter[State] = Counter()
        self._records: deque[Record] = deque(maxlen=_MOST_RECORDS)
        self._armed: defaultdict[str, deque[str]] = defaultdict(deque)
        self._gates: defaultdict[str, _Gate] = defaultdict(_Gate)
        self._waiters: list[Waiter] = []

    def reset(self) -> None:
        """Forget what is armed and what came, and let everything that stalls go on."""
        self._armed.clear()
        self._records.clear()
        self.prompts.reset()
        for tag in list(self._gates):
            self.release(tag, ALL)
        self._gates.clear()

    def arm(self, model: str, scripts: list[str]) -> None:
        """Have the next requests for a model do as the scripts say, one each."""
        self._armed[model].extend(scripts)

    def armed_for(self, model: str) -> str | None:
        """Take the script that is armed for a request, if one is."""
        if not self._armed:
            return None
        for name in (model, ANY):
            if queue := self._armed.get(name):
                return queue.popleft()
        return None

    def came(self, record: Record) -> None:
        """Remember a request."""
        self._records.append(record)
        self._notify(record)

    def became(self, record: Record, state: State) -> None:
        """Note what a request came to."""
        record.state = state
        if state in ("ended", "aborted"):
            record.ended_at = self.now()
        self._notify(record)

    def _notify(self, record: Record) -> None:
        self._served[record.state] += 1
        for waiter in [waiter for waiter in self._waiters if waiter.tag == record.tag]:
            if self.is_met(waiter):
                self.forget(waiter)
                waiter.tell()

    def records(self, tag: str | None) -> list[dict[str, Any]]:
        """Return what came, oldest first; None is every tag."""
        now = self.now()
        return [record.shown(now) for record in self._records if tag in (None, record.tag)]

    def is_met(self, waiter: Waiter) -> bool:
        """Tell whether what somebody waits for has come; having arrived is never undone."""
        states = [record.state for record in self._records if record.tag == waiter.tag]
        met = len(states) if waiter.state == "arrived" else states.count(waiter.state)
        return met >= waiter.count

    def wait(self, waiter: Waiter) -> None:
        """Have the waiter told when what it waits for comes."""
        self._waiters.append(waiter)

    def forget(self, waiter: Waiter) -> None:
        """Stop caring about a waiter, told or not."""
        if waiter in self._waiters:
            self._waiters.remove(waiter)

    def pass_gate(self, record: Record, go: Callable[[], None]) -> None:
        """Call `go` as soon as the request may go on."""
        gate = self._gates[record.tag]
        if gate.steps == ALL:
            go()
        elif gate.steps:
            gate.steps -= 1
            go()
        else:
            gate.waiting.append((record, go))
            self.became(record, "stalled")

    def release(self, tag: str, steps: int) -> None:
        """Let stalled requests of a tag, and those that will stall, take so many steps."""
        gate = self._gates[tag]
        gate.steps = ALL if steps == ALL else gate.steps + steps
        while gate.steps and gate.waiting:
            record, go = gate.waiting.popleft()
            if record.state != "stalled":
                continue
            if gate.steps != ALL:
                gate.steps -= 1
            self.became(record, "arrived")
            go()

    def figures(self) -> dict[str, Any]:
        """Return the counters: connections, requests by what they came to, CPU seconds spent."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        now = self.now()
        gone = [record.shown(now) for record in self._records if record.state == "aborted"]
        return {
            "open": self.open,
            "accepted": self.connections,
            "served": dict(self._served),
            "aborted": [
                {name: record[name] for name in ("tag", "model", "ended_s")}
                for record in gone[-100:]
            ],
            "cpu_s": used.ru_utime + used.ru_stime,
        }
