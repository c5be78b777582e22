"""The span of a job is in the trace of the request that queued it, in whatever worker it runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from app.domain.accounts.content_key import ContentKey
from app.domain.identity import RequestIdentity
from app.domain.response import Response
from app.errors import UpstreamMisbehaved
from app.services.background.spans import job_recorded, recorded_job
from app.store.jobs.base import Claim
from app.telemetry import JobTrace
from app.telemetry.tracing import Recording, Sampler, begin, current, tracer

TRACE, REQUEST = "a" * 32, "b" * 16
CLAIM = Claim("resp_1", "acme", b"", "lease", "holder", begun=False)


@pytest.fixture(autouse=True)
def sent() -> Iterator[list[Recording]]:
    """What was recorded, with a tracer that does as the request's did."""
    recordings: list[Recording] = []
    tracer.sampler, tracer.send = Sampler.named("parentbased_always_on", 1.0), recordings.append
    yield recordings
    tracer.sampler = tracer.send = None
    begin("after", "server", trace_id=TRACE)  # nothing is recorded in this thread from now on


def queued(*, sampled: bool = True) -> RequestIdentity:
    return RequestIdentity("req_1", f"00-{TRACE}-{REQUEST}-0{int(sampled)}")


def trace() -> JobTrace:
    return JobTrace("resp_1", "acme", "key_1", "m", waited_s=1.5, attempts=2, request_id="req_1")


def response(status: str) -> Response:
    return Response("resp_1", "m", 1, {}, status=status)  # type: ignore[arg-type] # one of them


def test_it_is_the_requests_and_says_what_became_of_it(sent: list[Recording]) -> None:
    with recorded_job(CLAIM, trace(), queued()):
        job_recorded(response("completed"), None)
    root = sent[0].root
    assert (sent[0].trace_id, root.parent_id, root.kind) == (TRACE, REQUEST, "consumer")
    assert root.attributes["gateway.response.status"] == "completed"
    assert (root.attributes["gateway.waited_s"], root.attributes["gateway.attempts"]) == (1.5, 2)
    assert root.attributes["gateway.again"] is False
    assert root.error is None


@pytest.mark.parametrize("key", [None, ContentKey("acme", bytes(32))])
def test_one_under_its_callers_key_records_no_content(
    sent: list[Recording], key: ContentKey | None
) -> None:
    with recorded_job(replace(CLAIM, key=key), trace(), queued()):
        pass
    assert sent[0].is_private is (key is not None)


def test_one_that_fails_says_why(sent: list[Recording]) -> None:
    with recorded_job(CLAIM, trace(), queued()):
        job_recorded(response("failed"), UpstreamMisbehaved("nonsense"))
    assert sent[0].root.error == "upstream_error"


@pytest.mark.parametrize("identity", [None, queued(sampled=False)], ids=["old", "unrecorded"])
def test_one_whose_request_is_not_recorded_is_not(
    sent: list[Recording], identity: RequestIdentity | None
) -> None:
    with recorded_job(CLAIM, trace(), identity):
        assert current() is None
        job_recorded(response("completed"), None)
    assert sent == []


def test_who_cancels_it_is_not_it() -> None:
    recording = begin("POST", "server", trace_id=TRACE)
    assert recording is not None
    job_recorded(response("cancelled"), None)
    assert "gateway.response.status" not in recording.root.attributes
    tracer.end(recording)
