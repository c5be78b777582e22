"""The span of a request says what became of it, and nothing that its caller wrote (M4)."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from app.api.context import CallContext
from app.api.spans import begin_request, end_request
from app.domain.identity import RequestIdentity
from app.telemetry import Trace
from app.telemetry.tracing import Recording, Sampler, begin, tracer

TRACE, PARENT, OWN = "a" * 32, "b" * 16, "c" * 16


@pytest.fixture(autouse=True)
def sent() -> Iterator[list[Recording]]:
    """What was recorded, with a tracer that records whatever its caller does."""
    recordings: list[Recording] = []
    tracer.sampler, tracer.send = Sampler.named("parentbased_always_on", 1.0), recordings.append
    yield recordings
    tracer.sampler = tracer.send = None
    begin("after", "server", trace_id=TRACE)  # nothing is recorded in this thread from now on


def begun(trace: Trace, given: str = "", *, sampled: bool = False) -> Any:
    """Return the context of a request that came with this traceparent, once its span has begun."""
    names = RequestIdentity("req_1", f"00-{TRACE}-{OWN}-0{int(sampled)}")
    environ = {"HTTP_TRACEPARENT": given} if given else {}
    current = SimpleNamespace(identity=names, environ=environ, recording=None)
    begin_request(cast(CallContext, current), trace)
    return current


def test_it_is_called_by_its_route(sent: list[Recording]) -> None:
    trace = Trace("req_1", "POST", endpoint="/v1/responses", account="acme", model="m")
    current = begun(trace)
    assert current.identity.is_sampled
    end_request(current.recording, trace, 200)
    (root,) = sent[0].spans
    assert (root.name, root.kind, root.id) == ("POST /v1/responses", "server", OWN)
    assert (sent[0].trace_id, root.parent_id, root.error) == (TRACE, "", None)
    assert root.attributes["http.request.method"] == "POST"
    assert root.attributes["http.route"] == "/v1/responses"
    assert root.attributes["gateway.account"] == "acme"
    assert root.attributes["gen_ai.request.model"] == "m"


def test_what_nobody_serves_has_no_route_and_an_unknown_method_no_name(
    sent: list[Recording],
) -> None:
    trace = Trace("req_1", "other", error_code="not_found")
    end_request(begun(trace).recording, trace, 404)
    (root,) = sent[0].spans
    assert (root.name, root.error) == ("HTTP", None)
    assert root.attributes["http.request.method"] == "_OTHER"
    assert root.attributes["http.route"] is None


@pytest.mark.parametrize("sampled", [True, False])
def test_it_goes_on_with_its_callers_trace_as_they_have_it(sampled: bool) -> None:
    given = f"00-{TRACE}-{PARENT}-0{int(sampled)}"
    current = begun(Trace("req_1", "GET", endpoint="/v1/models"), given, sampled=sampled)
    assert current.identity.is_sampled is sampled
    assert (current.recording is not None) is sampled
    if sampled:
        assert current.recording.root.parent_id == PARENT


def test_another_trace_than_its_own_is_not_gone_on_with() -> None:
    current = begun(Trace("req_1", "GET", endpoint="/v1/models"), f"00-{'d' * 32}-{PARENT}-01")
    assert current.recording.root.parent_id == ""


def test_a_probe_is_not_recorded() -> None:
    assert begun(Trace("req_1", "GET", endpoint="/healthz")).recording is None


@pytest.mark.parametrize(
    ("status", "outcome", "code", "error"),
    [
        (503, None, "storage_unavailable", "storage_unavailable"),
        (500, None, None, "500"),
        (200, "failed", "server_error", "server_error"),
        (200, "failed", "caller_left", None),
        (200, "completed", None, None),
        (404, None, "response_not_found", None),
    ],
)
def test_it_has_failed_where_the_gateway_or_an_upstream_has(
    sent: list[Recording], status: int, outcome: str | None, code: str | None, error: str | None
) -> None:
    trace = Trace("req_1", "GET", endpoint="/v1/responses", outcome=outcome, error_code=code)
    end_request(begun(trace).recording, trace, status)
    assert sent[0].root.error == error
