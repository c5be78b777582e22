"""What is nobody's business is neither stored nor logged."""

from __future__ import annotations

import pytest
import redis

from tests.e2e.config import APIS
from tests.e2e.faults import UPSTREAM_KEY
from tests.e2e.gateway import REDIS_PREFIX, Gateway
from tests.processes import until
from tests.upstream.client import Upstream
from tests.upstream.script import Fail, Script

PROMPT = "my-doctor-said-"
ANSWER = "you-should-rest"
SECRETS = f"{PROMPT} {UPSTREAM_KEY}"
PRIVATE = "troubled-and-private"


def contents(redis_url: str) -> dict[bytes, bytes]:
    """Return every key of the gateways with its value, as Redis would write it to disk.

    Left out is what an account has used, and what became of its requests: that is kept whether or
    not anything is stored, and holds nothing that was said. So is when the worker was last there.
    """
    with redis.Redis.from_url(redis_url) as client:
        keys = list(client.scan_iter(match=REDIS_PREFIX + "*", count=1000))
        kept = (b":usage:", b"{requests}", b"{jobs}:beat", b"{expiring}:lease")
        looked_at = [key for key in keys if not any(each in key for each in kept)]
        values = {key: client.dump(key) for key in looked_at}
        return {key: value for key, value in values.items() if value is not None}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    "script",
    [Script(say=ANSWER), Script(say=(ANSWER, "!"), cut_after=1), Script(fail=Fail(status=400))],
    ids=["answered", "cut", "refused"],
)
def test_what_is_not_to_be_stored_leaves_no_trace(
    either_gateway: Gateway, redis_url: str, script: Script, stream: bool
) -> None:
    either_gateway.create("hello")
    before = contents(redis_url)
    body = {"input": script.text(), "stream": stream, "store": False}
    either_gateway.call("POST", "/v1/responses", body | {"model": "troubled-and-traceless/m"})
    # What others have left there for a while may be gone by now.
    assert contents(redis_url).items() <= before.items()


def test_what_is_not_stored_can_neither_be_fetched_nor_continued(gateway: Gateway) -> None:
    response_id = gateway.create("hello", store=False)["id"]
    body = {"model": "steady", "input": "go on", "previous_response_id": response_id}
    continued = gateway.call("POST", "/v1/responses", body)
    assert gateway.get(response_id).status_code == 404
    assert continued.json()["error"]["code"] == "previous_response_not_found"


def test_what_is_stored_has_no_time_to_live(gateway: Gateway, redis_url: str) -> None:
    response_id = gateway.create("hello")["id"]
    with redis.Redis.from_url(redis_url) as client:
        keys = [
            key
            for key in client.scan_iter(match=REDIS_PREFIX + "*", count=1000)
            if response_id[5:21].encode() in key
        ]
        assert keys
        assert [key for key in keys if client.ttl(key) != -1] == []


TOLD = {
    "answered": Script(say=(ANSWER, PROMPT)),
    "cut": Script(say=(ANSWER, PROMPT), cut_after=1),
    "error": Script(say=(ANSWER, PROMPT), error_after=1, error=Fail(status=500, message=SECRETS)),
    "refused": Script(fail=Fail(status=400, message=SECRETS)),
    "broken": Script(fail=Fail(status=500, body=f"<p>{SECRETS}</p>")),
    "nonsense": Script(fail=Fail(status=200, body={"said": SECRETS})),
    "garbage": Script(say=(ANSWER, PROMPT), garbage="frame"),
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("kind", TOLD)
def test_the_log_holds_no_prompt_no_answer_and_no_key(
    gateway: Gateway, kind: str, stream: bool
) -> None:
    request_id = f"private-{kind}-{stream}"
    script = TOLD[kind].text()
    body = {"model": f"{PRIVATE}/m", "input": script, "stream": stream, "user": PROMPT}
    gateway.call("POST", "/v1/responses", body, headers={"X-Request-ID": request_id})
    gateway.call("GET", f"/v1/responses/{PROMPT}?{PROMPT}", key=PROMPT)
    gateway.logged(event="request", request_id=request_id)
    log = gateway.log_file.read_text()
    secrets = [PROMPT, ANSWER, UPSTREAM_KEY, gateway.keys.own, gateway.keys.foreign]
    assert [secret for secret in secrets if secret in log] == []


def test_a_request_is_one_line_of_the_log(gateway: Gateway) -> None:
    headers = {"X-Request-ID": "one-line"}
    body = {"model": "responses/steady", "input": "hello", "stream": True}
    gateway.call("POST", "/v1/responses", body, headers=headers)
    line = gateway.logged(event="request", request_id="one-line")
    logged = {name: line[name] for name in ("account", "model", "provider", "status", "outcome")}
    assert logged == {
        "account": "acme",
        "model": "responses/steady",
        "provider": "responses",
        "status": 200,
        "outcome": "completed",
    }
    assert (line["input_tokens"], line["output_tokens"]) == (11, 7)
    assert line["upstream_request_id"] == "req_upstream"


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize("model", [f"{provider}/steady" for provider in APIS])
def test_one_id_goes_from_the_caller_to_the_upstream_and_into_the_log(
    gateway: Gateway, upstream: Upstream, model: str
) -> None:
    name = f"named-{model.partition('/')[0]}"
    names = {"X-Request-ID": name, "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    body = {"model": model, "input": Script(tag=name).text()}
    gateway.call("POST", "/v1/responses", body, headers=names | {"tracestate": "vendor=1"})
    (seen,) = upstream.requests(name)
    assert seen["headers"]["x-request-id"] == seen["headers"]["x-client-request-id"] == name
    assert seen["headers"]["traceparent"].startswith(f"00-{TRACE}-")
    assert seen["headers"]["tracestate"] == "vendor=1"
    assert gateway.logged(event="request", request_id=name)["trace_id"] == TRACE


def test_a_request_that_failed_says_at_whom_how_often_and_with_what(gateway: Gateway) -> None:
    body = {"model": "chat-status-503/m", "input": Script(fail=Fail(status=503)).text()}
    gateway.call("POST", "/v1/responses", body, headers={"X-Request-ID": "failed-line"})
    logged = {"provider": "chat-status-503", "attempts": 3, "error_code": "upstream_unavailable"}
    for event in ("request", "upstream_failed"):
        line = gateway.logged(event=event, request_id="failed-line")
        assert logged.items() <= line.items()
        assert len(line["trace_id"]) == 32


def test_probes_are_not_in_the_log(gateway: Gateway) -> None:
    assert gateway.call("GET", "/healthz").status_code == 200
    gateway.call("GET", "/v1/models", headers={"X-Request-ID": "after-the-probes"})
    gateway.logged(event="request", request_id="after-the-probes")
    assert gateway.log_lines(event="request", endpoint="/healthz") == []


def test_a_key_that_is_sent_as_an_id_is_not_one(gateway: Gateway) -> None:
    answer = gateway.call("GET", "/v1/models", headers={"X-Request-ID": gateway.keys.foreign})
    assert answer.headers["X-Request-ID"].startswith("req_")


def test_the_upstream_is_told_our_key_and_never_the_callers(
    gateway: Gateway, upstream: Upstream
) -> None:
    gateway.create(Script(tag="whose key").text(), user="jane@example.com")
    (seen,) = upstream.requests("whose key")
    assert seen["headers"]["authorization"] == f"Bearer {UPSTREAM_KEY}"
    assert gateway.keys.own not in str(seen)
    assert "jane@example.com" not in str(seen)


def test_what_is_kept_of_requests_holds_nothing_that_was_said(
    gateway: Gateway, redis_url: str
) -> None:
    gateway.create(Script(say=ANSWER, tag=PROMPT).text(), store=False)
    gateway.call("POST", "/v1/responses", {"model": SECRETS, "input": PROMPT})

    def logged() -> bytes:
        with redis.Redis.from_url(redis_url) as client:
            entries = client.xrange(REDIS_PREFIX + "{requests}")
        return b"".join(value for _, fields in entries for value in fields.values())

    until(lambda: b'"model_not_found"' in logged(), "both to be logged")
    found = logged()
    assert not [each for each in (PROMPT, ANSWER, UPSTREAM_KEY) if each.encode() in found]
