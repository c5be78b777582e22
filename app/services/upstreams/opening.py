"""A call that is being opened: who it is for, how long it may take, what became of it so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from app.domain.request import ModelRequest
from app.domain.upstream_call import UpstreamCall
from app.telemetry import MeasuredCall
from app.telemetry.tracing import Recording, current


@dataclass(slots=True)
class Opening:
    """A call that is being opened, since `started`. `latest` is its own deadline.

    From `begun_at` on, failed attempts are repeated for `retry_s`, and the last target is waited
    for, if it is busy, for `queue_s`. `silence_begins` says that silence is a beginning, too. All
    times are of the clock that the router has. `measured` is what metrics know of the target that
    is called, `failed` why its provider and those before it have failed, by provider and model;
    `recording` is what is traced, None for nothing. `request_for` writes the target's request for
    another key of its provider.
    """

    call: UpstreamCall
    started: float
    retry_s: float
    queue_s: float
    silence_begins: bool = True
    measured: MeasuredCall = field(init=False)
    failed: dict[tuple[str, str], str] = field(default_factory=dict)
    recording: Recording | None = field(default_factory=current)
    request_for: Callable[[str], ModelRequest] = field(init=False)
    begun_at: float = field(init=False)
    latest: float = field(init=False)

    def __post_init__(self) -> None:
        self.begun_at, self.latest = self.started, self.call.deadline
