"""The span of a job, in the trace of the request that queued it (M4).

Its parent is the request's span, whose ids are in the payload: whichever worker runs the job, and
however often.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from app.domain.identity import RequestIdentity
from app.domain.response import Response
from app.errors import GatewayError
from app.services.upstreams.spans.calls import answered
from app.store.jobs.base import Claim
from app.telemetry import JobTrace
from app.telemetry.tracing import begin, current, tracer


@contextmanager
def recorded_job(claim: Claim, trace: JobTrace, identity: RequestIdentity | None) -> Iterator[None]:
    """Record the run of a job, if its request is recorded."""
    if tracer.sampler is None or identity is None:
        yield
        return
    recording = begin(
        "process background",
        "consumer",
        trace_id=identity.trace_id,
        parent_id=identity.span_id,
        parent_is_recorded=identity.is_sampled,
    )
    if recording is None:
        yield
        return
    recording.is_private = claim.key is not None
    recording.root.attributes = {
        "messaging.system": "redis",
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.destination.name": "background",
        "messaging.message.id": trace.response_id,
        "gateway.request.id": trace.request_id,
        "gateway.response.id": trace.response_id,
        "gateway.account": trace.account,
        "gateway.key.id": trace.key_id,
        "gateway.again": claim.begun or claim.retries is not None,
    }
    try:
        yield
    finally:
        recording.root.attributes["gateway.waited_s"] = trace.waited_s
        recording.root.attributes["gateway.attempts"] = trace.attempts
        tracer.end(recording, recording.root.error)


def job_recorded(response: Response, failure: GatewayError | None) -> None:
    """Record how this thread's job has ended, if it is recorded."""
    recording = current()
    if recording is None or recording.root.kind != "consumer":  # the request of a cancel
        return
    answered(recording, response)
    recording.root.attributes["gateway.response.status"] = response.status
    if response.status == "failed" and failure is not None:
        recording.root.error = failure.code or failure.type
