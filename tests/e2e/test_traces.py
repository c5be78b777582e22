"""One trace over web, queue, worker and upstream, as a collector gets it."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from app.cli.requests import requests
from tests.collector import Collector, SeenSpan, collecting
from tests.e2e import gateway as gateways
from tests.e2e.background import ended
from tests.e2e.config import BROKEN, gateway_toml
from tests.e2e.gateway import DEFAULT_FIRST, Gateway, Keys
from tests.e2e.stops import site
from tests.e2e.wire import RawCall, post_bytes
from tests.e2e.workers import brief
from tests.processes import PATIENCE_S, free_port, until
from tests.upstream.client import Upstream
from tests.upstream.script import Script

SECRET = "Bearer very-secret-token"  # noqa: S105 - not one, though it plays one
PROMPT, ANSWER = "what-the-patient-said", "what-the-doctor-said"


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def traced_environment(environment: dict[str, str], collector: Collector) -> dict[str, str]:
    return environment | {
        "REDIS_PREFIX": "traced:",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_EXPORTER_OTLP_HEADERS": "Authorization=" + SECRET.replace(" ", "%20"),
        "OTEL_BSP_SCHEDULE_DELAY": "20",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
    }


@pytest.fixture(scope="module")
def traced_keys(traced_environment: dict[str, str]) -> Keys:
    return Keys(gateways.make_key("acme", traced_environment), "")


@pytest.fixture(scope="module", autouse=True)
def worker_log(
    traced_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """Have a worker at work; return what it writes."""
    with brief(traced_environment, tmp_path_factory.mktemp("traced-worker")) as worker:
        yield worker.log_file


@pytest.fixture(scope="module", params=DEFAULT_FIRST)
def traced(
    request: pytest.FixtureRequest,
    traced_environment: dict[str, str],
    traced_keys: Keys,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Gateway]:
    directory = tmp_path_factory.mktemp("traced")
    with gateways.running(traced_environment, traced_keys, directory, request.param, 1) as gateway:
        yield gateway


class Caller:
    """A caller with a trace of its own, and what came of its request."""

    def __init__(self, gateway: Gateway, flags: str = "01") -> None:
        self.gateway = gateway
        self.trace_id, self.span_id = token_hex(16), token_hex(8)
        self.name = f"req_{token_hex(6)}"
        self.headers = {
            "traceparent": f"00-{self.trace_id}-{self.span_id}-{flags}",
            "tracestate": "vendor=1",
            "X-Request-ID": self.name,
        }

    def post(self, script: Script | str, **more: Any) -> Any:
        text = script if isinstance(script, str) else script.text()
        body = {"model": "steady", "input": text} | more
        return self.gateway.call("POST", "/v1/responses", body, headers=self.headers)


def one(spans: list[SeenSpan], kind: str, name: str = "") -> SeenSpan:
    found = [span for span in spans if span.kind == kind and span.name.startswith(name)]
    assert len(found) == 1, [(span.kind, span.name) for span in spans]
    return found[0]


def sent_names(upstream: Upstream, tag: str) -> list[dict[str, str]]:
    """Return the headers of the requests with a tag."""
    return [each["headers"] for each in upstream.requests(tag)]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_request_is_a_trace_of_what_it_did(
    traced: Gateway, collector: Collector, upstream: Upstream, stream: bool
) -> None:
    caller, tag = Caller(traced), token_hex(6)
    answer = caller.post(Script(say=ANSWER, tag=tag), stream=stream, instructions=PROMPT)
    assert answer.status_code == 200
    spans = collector.trace(caller.trace_id)
    server, chat = one(spans, "server"), one(spans, "client", "chat")
    stores = [span for span in spans if span.attributes.get("db.system.name") == "redis"]
    assert (server.name, server.parent_id) == ("POST /v1/responses", caller.span_id)
    assert {span.parent_id for span in [chat, *stores]} == {server.span_id}
    assert any(span.name.endswith(" commit") for span in stores)
    assert all(span.start_ns <= span.end_ns <= server.end_ns for span in spans)
    assert not any(span.failed for span in spans)
    assert server.attributes["http.response.status_code"] == 200
    assert server.attributes["gateway.request.id"] == caller.name
    wanted = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "chat",
        "gen_ai.request.model": "steady",
        "gen_ai.request.stream": stream,
        "gen_ai.usage.input_tokens": 11,
        "gen_ai.usage.output_tokens": 7,
        "gen_ai.response.finish_reasons": ["stop"],
        "server.address": "127.0.0.1",
    }
    assert {name: chat.attributes.get(name) for name in wanted} == wanted
    # The upstream's own spans are within ours.
    (headers,) = sent_names(upstream, tag)
    assert headers["traceparent"] == f"00-{caller.trace_id}-{chat.span_id}-01"
    assert headers["tracestate"] == "vendor=1"
    assert headers["x-request-id"] == headers["x-client-request-id"] == caller.name
    assert traced.logged(event="request", request_id=caller.name)["trace_id"] == caller.trace_id


def test_a_background_response_is_in_the_trace_of_its_request(
    traced: Gateway, collector: Collector, upstream: Upstream
) -> None:
    caller, tag = Caller(traced), token_hex(6)
    answer = caller.post(Script(say=ANSWER, tag=tag), background=True)
    response_id = answer.json()["id"]
    assert ended(traced, response_id)["status"] == "completed"
    spans = collector.trace(caller.trace_id, "server", "consumer")
    server, job = one(spans, "server"), one(spans, "consumer")
    chat = one(spans, "client", "chat")
    assert server.attributes["http.response.status_code"] == 202
    assert (job.name, job.parent_id) == ("process background", server.span_id)
    assert chat.parent_id == job.span_id
    assert any(span.parent_id == job.span_id and span.name.endswith(" finish") for span in spans)
    assert job.attributes["messaging.message.id"] == response_id
    assert job.attributes["gateway.request.id"] == caller.name
    assert chat.attributes["gen_ai.usage.output_tokens"] == 7
    (headers,) = sent_names(upstream, tag)
    assert headers["traceparent"] == f"00-{caller.trace_id}-{chat.span_id}-01"
    assert headers["x-request-id"] == headers["x-client-request-id"] == caller.name
    assert headers["tracestate"] == "vendor=1"


def test_one_request_is_found_by_its_id_wherever_it_left_something(
    traced: Gateway, traced_environment: dict[str, str], collector: Collector, worker_log: Path
) -> None:
    caller = Caller(traced)
    response_id = caller.post(Script(say=ANSWER), background=True).json()["id"]
    ended(traced, response_id)

    def job_lines() -> list[dict[str, Any]]:
        written = worker_log.read_text().rpartition("\n")[0].splitlines()
        return [
            line
            for line in map(json.loads, written)
            if (line["event"], line.get("request_id")) == ("job", caller.name)
        ]

    until(lambda: len(job_lines()) == 1, "the job's line")
    lines = [traced.logged(event="request", request_id=caller.name), *job_lines()]

    def entries() -> list[dict[str, Any]]:
        words = ("show", caller.name)
        return gateways.command(traced_environment, requests, *words, may_fail=True)

    until(lambda: len(entries()) == 2, "the request and its job to be in the request log")
    spans = collector.trace(caller.trace_id, "server", "consumer")
    roots = [one(spans, "server"), one(spans, "consumer")]
    for line, entry, root, event in zip(lines, entries(), roots, ("request", "job"), strict=True):
        assert line["event"] == entry["event"] == event
        assert line["trace_id"] == entry["trace_id"] == root.trace_id == caller.trace_id
        assert line["response_id"] == entry["response_id"] == response_id
        assert root.attributes["gateway.response.id"] == response_id
    assert (entries()[1]["outcome"], entries()[1]["output_tokens"]) == ("completed", 7)


def test_each_attempt_is_a_span_and_a_failed_one_says_why(
    traced: Gateway, collector: Collector
) -> None:
    caller = Caller(traced)
    assert caller.post("hello", model="falls-back").status_code == 200
    calls = [span for span in collector.trace(caller.trace_id) if span.name.startswith("chat ")]
    assert [(span.failed, span.attributes["gateway.provider"]) for span in calls][-1] == (
        False,
        "anthropic",
    )
    assert calls[0].name == f"chat {BROKEN}"
    assert {span.attributes.get("error.type") for span in calls[:-1]} == {"upstream_unavailable"}
    assert all(span.failed for span in calls[:-1])


@pytest.mark.parametrize("background", [False, True], ids=["stream", "background"])
def test_an_answer_that_breaks_off_is_a_failure(
    traced: Gateway, collector: Collector, background: bool
) -> None:
    caller = Caller(traced)
    script = Script(say=("one ", "two"), cut_after=1)
    answer = caller.post(script, stream=not background, background=background)
    if background:
        assert ended(traced, answer.json()["id"])["status"] == "failed"
    root = "consumer" if background else "server"
    spans = collector.trace(caller.trace_id, root)
    whole = one(spans, root)
    chat = one(spans, "client", "chat")
    assert (whole.failed, chat.failed) == (True, True)
    assert chat.attributes["error.type"] == "upstream_unavailable"


def test_a_caller_who_hangs_up_is_no_failure(
    traced: Gateway, collector: Collector, upstream: Upstream
) -> None:
    caller, tag = Caller(traced), token_hex(6)
    script = Script(say=("one ", "two"), stall_after=1, tag=tag)
    body = {"model": "steady", "input": script.text(), "stream": True}
    headers = "".join(f"{name}: {value}\r\n" for name, value in caller.headers.items())
    call = RawCall(traced.url, post_bytes("/v1/responses", traced.keys.own, body, headers))
    upstream.wait(tag, "stalled")
    call.close()
    spans = collector.trace(caller.trace_id)
    server, chat = one(spans, "server"), one(spans, "client", "chat")
    assert (server.failed, server.attributes["http.response.status_code"]) == (False, 499)
    assert (chat.failed, chat.attributes["gateway.outcome"]) == (False, "abandoned")


def test_a_clients_mistake_is_no_failure_of_ours(traced: Gateway, collector: Collector) -> None:
    caller = Caller(traced)
    assert caller.post("hello", model="unknown-model").status_code == 404
    server = one(collector.trace(caller.trace_id), "server")
    assert (server.failed, server.attributes["error.type"]) == (False, "model_not_found")


def test_a_callers_trace_that_is_not_recorded_is_not_recorded_here(
    traced: Gateway, collector: Collector, upstream: Upstream
) -> None:
    silent, loud, tag = Caller(traced, flags="00"), Caller(traced), token_hex(6)
    silent.post(Script(say=ANSWER, tag=tag))
    response_id = silent.post(Script(say=ANSWER, tag=tag), background=True).json()["id"]
    ended(traced, response_id)
    loud.post("hello")
    collector.trace(loud.trace_id)
    assert [span for span in collector.spans if span.trace_id == silent.trace_id] == []
    for headers in sent_names(upstream, tag):
        assert headers["traceparent"][:36] == f"00-{silent.trace_id}-"
        assert headers["traceparent"].endswith("-00")


def test_nothing_that_was_said_and_no_key_is_in_a_trace(
    traced: Gateway, collector: Collector
) -> None:
    caller = Caller(traced)
    caller.post(f"{PROMPT} {Script(say=ANSWER).text()}", instructions=PROMPT)
    caller.post(Script(say=ANSWER), background=True, instructions=PROMPT)
    traced.call("POST", f"/v1/{PROMPT}?{PROMPT}", {}, headers=Caller(traced).headers)
    collector.trace(caller.trace_id, "server", "consumer")
    found = b"".join(collector.bodies)
    assert b"gen_ai.operation.name" in found
    words = (PROMPT, ANSWER, traced.keys.own, "very-secret-token")
    assert [word for word in words if word.encode() in found] == []


def test_the_collector_is_sent_what_it_wants(traced: Gateway, collector: Collector) -> None:
    caller = Caller(traced)
    caller.post("hello")
    spans = collector.trace(caller.trace_id)
    assert {span.service for span in spans} == {"responses-gateway"}
    assert set(collector.paths) == {"/v1/traces"}
    assert {each["content-type"] for each in collector.headers} == {"application/x-protobuf"}
    assert {each["authorization"] for each in collector.headers} == {SECRET}
    assert "very-secret-token" not in traced.log_file.read_text()


# A collector that is not there


@pytest.mark.parametrize("worker_class", DEFAULT_FIRST)
def test_without_its_collector_a_gateway_serves_says_so_once_and_ends_as_ever(
    environment: dict[str, str],
    keys: Keys,
    upstream: Upstream,
    tmp_path: Path,
    worker_class: str,
) -> None:
    env = environment | {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}",
        "OTEL_EXPORTER_OTLP_HEADERS": "Authorization=very-secret-token",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
        "OTEL_BSP_SCHEDULE_DELAY": "10",
    }
    toml = gateway_toml(upstream.places, keepalive_s=15)
    with site(env, keys, tmp_path, toml, worker_class=worker_class) as running:
        gateway = running.gateway
        gateway.create("hello")
        gateway.logged(event="traces_not_taken")
        for _ in range(3):
            gateway.create("hello")
        lost = "gateway_trace_spans_lost_total"
        until(lambda: _metric(gateway, lost) > 6, "more to be given up")
        gateway.logged(event="traces_not_taken")
        assert "very-secret-token" not in gateway.log_file.read_text()
        running.process.send_signal(signal.SIGTERM)
        running.process.wait(timeout=PATIENCE_S)


def _metric(gateway: Gateway, name: str) -> float:
    text = gateway.session.get(gateway.url + "/metrics", timeout=PATIENCE_S).text
    values = [line.split()[-1] for line in text.splitlines() if line.startswith(name + " ")]
    return sum(map(float, values))


@pytest.mark.parametrize("worker_class", DEFAULT_FIRST)
def test_what_waits_is_sent_when_a_process_ends_and_the_next_one_traces_as_well(
    traced_environment: dict[str, str],
    traced_keys: Keys,
    collector: Collector,
    upstream: Upstream,
    tmp_path: Path,
    worker_class: str,
) -> None:
    env = traced_environment | {"OTEL_BSP_SCHEDULE_DELAY": "600000"}
    toml = gateway_toml(upstream.places, keepalive_s=15)
    with site(env, traced_keys, tmp_path, toml, worker_class=worker_class) as running:
        before, after = Caller(running.gateway), Caller(running.gateway)
        first = running.workers()
        before.post("hello")
        running.signal(signal.SIGHUP)
        until(lambda: len(running.workers()) == 1 and running.workers() != first, "a new worker")
        collector.trace(before.trace_id)
        assert after.post("hello").status_code == 200
        running.signal(signal.SIGTERM)
        collector.trace(after.trace_id)
