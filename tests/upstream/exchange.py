"""One request being answered: the steps of its plan, taken in time."""

from __future__ import annotations

from typing import Protocol, assert_never

from tests.upstream.bed import Bed, Record
from tests.upstream.plan import End, Flood, Gate, Pause, Plan, Send

_FLOOD = b"a" * 65536


class Line(Protocol):
    """The connection that an exchange writes to. `paused` says that its buffer is full."""

    paused: bool

    def write(self, data: bytes) -> None: ...

    def end(self, how: End) -> None: ...


class Exchange:
    """Takes the steps of a plan; `run` is called again whenever it may go on."""

    def __init__(self, plan: Plan, record: Record, line: Line, bed: Bed) -> None:
        self._steps = iter(plan.steps)
        self._record = record
        self._line = line
        self._bed = bed
        self._due = bed.now()
        self._flood = 0
        self._over = False

    def run(self) -> None:
        """Take steps until one has to wait."""
        while not self._over and self._flooded():
            step = next(self._steps)
            match step:
                case Send():
                    self._line.write(step.data)
                case Pause():
                    # Due by plan and not by now: a late event does not make the next ones late.
                    self._due += step.seconds
                    self._bed.wheel.call_at(self._due, self.run)
                    return
                case Gate():
                    self._bed.pass_gate(self._record, self._released)
                    return
                case Flood():
                    self._flood = step.count
                case End():
                    self._over = True
                    self._bed.became(self._record, "ended")
                    self._line.end(step)
                case _:
                    assert_never(step)

    def abandon(self) -> None:
        """The caller went away."""
        if not self._over:
            self._over = True
            self._bed.became(self._record, "aborted")

    def _released(self) -> None:
        self._due = self._bed.now()
        self.run()

    def _flooded(self) -> bool:
        while self._flood > 0 and not self._line.paused:
            self._line.write(_FLOOD[: self._flood])
            self._flood -= len(_FLOOD)
        return self._flood <= 0
