"""A call that is being opened: whom it is for, its time limits, and what has failed so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from app.domain.request import ModelRequest
from app.domain.upstream_call import UpstreamCall
from app.telemetry import MeasuredCall
from app.telemetry.tracing import Recording, current


@dataclass(slots=True)
class Opening:
    """A call that is being opened since `started`; `latest` is the call's own deadline.

    From `begun_at` on, failed attempts are repeated for `retry_s`, and the call waits `queue_s` for
    a busy last target. `silence_begins` says that silence, too, is the beginning of an answer. All
    times are of the router's clock. `measured` is what metrics know of the current target, `failed`
    maps a provider and model to the reason why they have failed; `recording` is the trace, None for
    none. `request_for` builds the target's request for another key of its provider.
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
