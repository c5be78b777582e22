"""Recordings: the spans of a request or job in one process, as plain values until it ends.

If nothing is recorded, `current()` is None, and callers check nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from time import time_ns
from typing import Any, Literal

from app.randomness import random_bytes
from app.telemetry.tracing.sampling import Sampler

Kind = Literal["server", "client", "consumer"]
#: Attributes by OpenTelemetry's names. Lists and dicts are sent as JSON.
Attributes = dict[str, Any]

#: Maximum number of spans of one request or job: a long job writes its events to Redis for minutes.
MAX_SPANS = 128


class Span:
    """A span: times in Unix nanoseconds, ids in hexadecimal, `error` the type of its failure."""

    __slots__ = ("attributes", "end_ns", "error", "id", "kind", "name", "parent_id", "start_ns")

    def __init__(self, name: str, kind: Kind, parent_id: str, span_id: str = "") -> None:
        self.name = name
        self.kind = kind
        self.parent_id = parent_id
        self.id = span_id or random_bytes(8).hex()
        self.attributes: Attributes = {}
        self.error: str | None = None
        self.start_ns = time_ns()
        self.end_ns = 0

    def end(self, error: str | None = None) -> None:
        """End the span, unless it has ended; `error` marks it as failed."""
        if not self.end_ns:
            self.end_ns, self.error = time_ns(), error or self.error


class Recording:
    """The spans of one trace in this process: the root, and the steps below it.

    `upstream` is the latest model call. `dropped` is the number of spans beyond the maximum. If it
    `is_private` it has no content, whatever the operator has set.
    """

    __slots__ = ("dropped", "is_private", "root", "spans", "trace_id", "upstream")

    def __init__(self, trace_id: str, root: Span) -> None:
        self.trace_id = trace_id
        self.root = root
        self.spans = [root]
        self.upstream: Span | None = None
        self.dropped = 0
        self.is_private = False

    def child(self, name: str) -> Span:
        """Begin the span of a call to another service."""
        span = Span(name, "client", self.root.id)
        if len(self.spans) < MAX_SPANS and not self.root.end_ns:
            self.spans.append(span)
        else:
            self.dropped += 1
        return span

    def call_upstream(self, name: str) -> Span:
        """Begin the span of a model call."""
        self.upstream = self.child(name)
        return self.upstream


@dataclass(slots=True)
class Tracer:
    """The tracing of this process; off if `sampler` is None.

    `send` gets finished recordings, and does not block. `captures_content` says that prompts and
    answers are recorded, too.
    """

    sampler: Sampler | None = None
    send: Callable[[Recording], None] | None = None
    captures_content: bool = False

    def end(self, recording: Recording, error: str | None = None) -> None:
        """End a recording and send it."""
        recording.root.end(error)
        _current.set(None)
        if self.send is not None:
            self.send(recording)


tracer = Tracer()
_current: ContextVar[Recording | None] = ContextVar("recording", default=None)

#: Returns the recording of this thread or greenlet, or None.
current = _current.get


def begin(
    name: str,
    kind: Kind,
    *,
    trace_id: str,
    span_id: str = "",
    parent_id: str = "",
    parent_is_recorded: bool | None = None,
) -> Recording | None:
    """Begin a recording for this thread or greenlet; None if it is not sampled."""
    sampler = tracer.sampler
    if sampler is None or not sampler.records(trace_id, parent_is_recorded):
        _current.set(None)
        return None
    recording = Recording(trace_id, Span(name, kind, parent_id, span_id))
    _current.set(recording)
    return recording
