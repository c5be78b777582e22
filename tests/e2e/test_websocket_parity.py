"""A response on a WebSocket is logged, counted, traced, limited and paid for as one by POST."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, Literal

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families
from websockets.sync.client import connect

from tests.collector import Collector, SeenSpan, collecting
from tests.e2e import gateway as gateways
from tests.e2e.config import gateway_toml
from tests.e2e.gateway import Gateway, Keys
from tests.e2e.stops import site
from tests.e2e.wire import stream_of
from tests.processes import PATIENCE_S, until
from tests.upstream.client import Upstream
from tests.upstream.script import Counted, Script

Json = dict[str, Any]
Way = Literal["post", "websocket"]
WAYS: tuple[Way, ...] = ("post", "websocket")
PRICES = """
[models."chat/steady".price]
input = 10
output = 100
"""
SAYS = Script(
    reasoning="I think.", say="one two", usage=Counted(input=5, output=100, reasoning=3, cached=2)
)
#: What differs from one request to the next, however they are made.
BY_CHANCE = frozenset(
    {
        *("request_id", "trace_id", "response_id", "timestamp", "conversation_id", "key_id"),
        *("duration_ms", "upstream_ms", "first_event_ms", "first_byte_ms", "waited_ms"),
    }
)
HANDSHAKE = "GET /v1/responses"
#: What the WebSocket itself is counted by, and a request for these figures.
OF_ITSELF = ("gateway_websockets", "process_", "python_", "gateway_redis", "gateway_process")


@dataclass(frozen=True, slots=True)
class Refused:
    """An error in place of a response; `headers` in lower case."""

    status: int
    error: Json
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Till:
    """A gateway with prices that sends its traces to a collector."""

    gateway: Gateway
    env: dict[str, str]

    def key(self, *options: str) -> str:
        """Return a new key of a new account."""
        key: str = gateways.keys(self.env, "create", "--account", token_hex(6), *options)["key"]
        return key

    def asked(
        self, way: Way, key: str, script: Script = SAYS, trace: str = "", **more: Any
    ) -> Json | Refused:
        """Return the response that a stream ends with, or an error in its place."""
        headers = {"Authorization": f"Bearer {key}"}
        if trace:
            headers["traceparent"] = trace
        body = {"model": "chat/steady", "input": script.text(), "max_output_tokens": 100, **more}
        if way == "websocket":
            return self._on_websocket(headers, body)
        url = f"{self.gateway.url}/v1/responses"
        answer = requests.post(url, json=body | {"stream": True}, headers=headers, timeout=60)
        if answer.status_code != 200:
            shown = {name.lower(): value for name, value in answer.headers.items()}
            return Refused(answer.status_code, answer.json()["error"], shown)
        return stream_of(answer.content).response

    def _on_websocket(self, headers: Mapping[str, str], body: Json) -> Json | Refused:
        url = self.gateway.url.replace("http://", "ws://") + "/v1/responses"
        with connect(url, additional_headers=headers, max_size=None, proxy=None) as connection:
            connection.send(json.dumps({"type": "response.create", **body}))
            while True:
                event: Json = json.loads(connection.recv(PATIENCE_S))
                if event["type"] == "error" and "status" in event:
                    shown = event["error"].pop("headers")
                    return Refused(event["status"], event["error"], shown)
                if event["type"] in ("response.completed", "response.failed"):
                    ended: Json = event["response"]
                    return ended

    def made(self, way: Way, key: str, script: Script = SAYS, trace: str = "") -> str:
        """Return the id of a response that has to succeed."""
        response = self.asked(way, key, script, trace)
        assert isinstance(response, dict), response
        assert response["status"] == "completed"
        made: str = response["id"]
        return made

    def counters(self) -> dict[str, float]:
        """Return every count of /metrics: by its name and labels."""
        text = self.gateway.call("GET", "/metrics", key=None).text
        return {
            f"{sample.name} {sorted(sample.labels.items())}": sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name.endswith(("_total", "_count"))
            and not sample.name.startswith(OF_ITSELF)
            and sample.labels.get("endpoint") != "/metrics"
            and not _is_handshakes(sample.labels)
        }


def _is_handshakes(labels: Mapping[str, str]) -> bool:
    """Tell whether a sample is of the handshake, which is a request of its own, without a model."""
    by_time = labels.get("endpoint") == "/v1/responses" and labels.get("model") == ""
    return labels.get("status") == "101" or (by_time and "status" not in labels)


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def till(
    environment: dict[str, str],
    upstream: Upstream,
    collector: Collector,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Till]:
    folder = tmp_path_factory.mktemp("parity")
    toml = gateway_toml(upstream.places, keepalive_s=15) + PRICES
    (folder / "gateway.toml").write_text(toml)
    env = environment | {
        "GATEWAY_CONFIG": str(folder / "gateway.toml"),
        "REDIS_PREFIX": "parity:",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_BSP_SCHEDULE_DELAY": "20",
    }
    with site(env, Keys("", ""), folder, toml) as running:
        yield Till(running.gateway, env)


def test_its_log_line_is_that_of_a_post(till: Till) -> None:
    key = till.key()
    lines = [till.gateway.logged(event="request", response_id=till.made(way, key)) for way in WAYS]
    posted, other = ({name: line[name] for name in line if name not in BY_CHANCE} for line in lines)
    assert posted == other
    assert lines[0].keys() == lines[1].keys()
    assert {"input_tokens", "output_tokens", "cost_microusd", "model", "provider"} <= posted.keys()


def test_it_is_counted_as_a_post(till: Till) -> None:
    key = till.key()
    changes = []
    for way in (*WAYS, *WAYS):  # the first of each meets what is not there yet
        before = till.counters()
        made = till.made(way, key)
        till.gateway.logged(event="request", response_id=made)
        after = till.counters()
        grown = {name: after[name] - before.get(name, 0) for name in after}
        changes.append({name: by for name, by in grown.items() if by})
    *_, posted, other = changes
    assert posted == other
    counted = {name.split()[0] for name in posted}
    assert {"gateway_requests_total", "gateway_tokens_total"} <= counted


def test_it_is_traced_as_a_post(till: Till, collector: Collector, upstream: Upstream) -> None:
    """Within its caller's trace, which the handshake names."""
    key = till.key()
    till.made("post", key)  # by which the key is known, here and at the handshake
    traces = []
    for way in WAYS:
        trace_id, tag = token_hex(16), token_hex(6)
        script = Script(say="traced", tag=tag)
        made = till.made(way, key, script, f"00-{trace_id}-{token_hex(8)}-01")
        assert till.gateway.logged(event="request", response_id=made)["trace_id"] == trace_id

        def spans(trace_id: str = trace_id) -> list[SeenSpan]:
            """The handshake is a request of its own."""
            return [each for each in collector.trace(trace_id) if each.name != HANDSHAKE]

        until(lambda: any(each.kind == "server" for each in spans()), "the response's trace")
        (sent,) = upstream.requests(tag)
        assert trace_id in sent["headers"]["traceparent"]
        traces.append([(each.kind, each.name, sorted(each.attributes)) for each in spans()])
    assert sorted(traces[0]) == sorted(traces[1])


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--rpm", "2"), "rate_limit_exceeded"),
        (("--tpm", "300"), "rate_limit_exceeded"),
        (("--budget", "0.025/day"), "insufficient_quota"),
    ],
)
def test_limits_and_budgets_hold_as_for_a_post(
    till: Till, options: tuple[str, str], code: str
) -> None:
    """The handshakes count for nothing."""
    found = []
    for way in WAYS:
        key = till.key(*options)
        answers = [till.asked(way, key) for _ in range(3)]
        (refused,) = [each for each in answers if isinstance(each, Refused)]
        assert answers[2] is refused
        assert (refused.status, refused.error["code"]) == (429, code)
        assert int(refused.headers["retry-after"]) >= 1
        names = {each for each in refused.headers if each.startswith(("x-ratelimit", "x-should"))}
        found.append((names, refused.error["type"], refused.error["param"]))
    assert found[0] == found[1]


def test_one_at_a_time_is_one_at_a_time(till: Till, upstream: Upstream) -> None:
    """Two lanes at once are two requests."""
    key = till.key("--max-in-flight", "1")
    url = till.gateway.url.replace("http://", "ws://") + "/v1/responses"
    script = Script(tag=f"ws-one-{token_hex(4)}", say=("one ", "two"), stall_after=1)
    headers = {"Authorization": f"Bearer {key}"}
    with connect(url, additional_headers=headers, max_size=None, proxy=None) as connection:
        body = {"type": "response.create", "model": "steady", "input": script.text()}
        connection.send(json.dumps(body | {"stream_id": "first"}))
        upstream.wait(script.tag, "stalled")
        connection.send(json.dumps(body | {"stream_id": "second"}))
        while (event := json.loads(connection.recv(PATIENCE_S)))["type"] != "error":
            continue
        assert (event["stream_id"], event["status"]) == ("second", 429)
        assert isinstance(till.asked("post", key), Refused)
        upstream.release(script.tag)


def test_it_is_used_and_paid_for_as_a_post(till: Till) -> None:
    totals = []
    for way in WAYS:
        key = till.key()
        till.made(way, key)

        def used(key: str = key) -> Json:
            answer = till.gateway.call("GET", "/v1/usage", key=key)
            total: Json = answer.json()["total"]
            return total

        until(lambda: used()["requests"] == 1, "the request to be written down")
        totals.append(used())
    assert totals[0] == totals[1]
    assert totals[0]["cost_microusd"] > 0


@pytest.mark.parametrize("options", [("--read-only",), ("--models", "swift")])
def test_what_a_key_may_not_do_it_may_not_do_here(till: Till, options: tuple[str, ...]) -> None:
    posted, other = (till.asked(way, till.key(*options)) for way in WAYS)
    assert isinstance(posted, Refused)
    assert isinstance(other, Refused)
    assert posted.status == other.status == 403
    assert other.error == posted.error | {"code": posted.error["code"] or posted.error["type"]}


def test_a_key_of_which_nothing_is_stored_has_nothing_stored(till: Till) -> None:
    for way in WAYS:
        key = till.key("--no-store")
        assert till.gateway.get(till.made(way, key), key=key).status_code == 404
