"""A provider with several keys, on every format: one rests alone; what came by it stays with it.

A whole gateway is asked; its upstream tells keys apart, and answers each as told (N7, U11).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, get_args

import orjson
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.factory import create_app
from app.settings import Api, KeySettings, ProviderSettings, RedisSettings, Settings
from tests.contract.clients import client_of
from tests.contract.whole_answers import streamed_answer, whole_answer

Json = dict[str, Any]
APIS = [each for each in get_args(Api) if each != "local"]
FORMS = ("whole", "stream")
KEYS = {"eu": "credential-of-eu", "us": "credential-of-us"}


class KeyedUpstream(ThreadingHTTPServer):
    """Answers by the key that it is sent: `refusals` has a status and headers for each that fails.

    `calls` are the keys of requests, in order, and `sent` their bodies. Each answer thinks, and its
    thoughts are signed by its key.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.refusals: dict[str, tuple[int, dict[str, str]]] = {}
        self.calls: list[str] = []
        self.sent: list[Json] = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: KeyedUpstream

    def do_POST(self) -> None:
        body = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
        given = self.headers.get("x-api-key") or self.headers["Authorization"].split()[1]
        key = next((name for name, secret in KEYS.items() if secret == given), given)
        self.server.calls.append(key)
        self.server.sent.append(body)
        status, headers = self.server.refusals.get(key, (200, {}))
        kind, text = "application/json", b'{"error":{"message":"no"}}'
        if status == 200 and body.get("stream"):
            kind, text = "text/event-stream", streamed_answer(self.path, f"signed by {key}")
        elif status == 200:
            text = whole_answer(self.path, f"signed by {key}")
        self.send_response(status)
        for name, value in {**headers, "Content-Type": kind}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[KeyedUpstream]:
    with KeyedUpstream() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def upstream(server: KeyedUpstream) -> KeyedUpstream:
    server.refusals, server.calls, server.sent = {}, [], []
    return server


@pytest.fixture(params=APIS)
def client(request: pytest.FixtureRequest, redis_url: str, upstream: KeyedUpstream) -> FlaskClient:
    return caller_of(redis_url, upstream, request.param)


def caller_of(redis_url: str, upstream: KeyedUpstream, api: Api, **more: Any) -> FlaskClient:
    """Return a caller of a gateway whose provider `pool` has two keys, and `spare` one."""
    url = f"http://127.0.0.1:{upstream.server_port}/v1"
    keys = tuple(KeySettings(id=name, api_key=secret) for name, secret in KEYS.items())
    provider = ProviderSettings(name="pool", api=api, base_url=url, keys=keys, **more)
    spare = ProviderSettings(name="spare", api=api, base_url=url, api_key="credential-of-spare")
    settings = Settings(
        providers=(provider, spare),
        redis=RedisSettings(url=redis_url, prefix="pools:"),
        log_level="CRITICAL",
    )
    return client_of(create_app(settings))


def ask(client: FlaskClient, form: str = "whole", **more: Any) -> TestResponse:
    body = {"model": "pool/m", "input": "hi", "stream": form == "stream", **more}
    response = client.post("/v1/responses", json=body)
    response.get_data()
    return response


def answer_of(response: TestResponse) -> Json:
    """Return the response of a whole or a streamed answer."""
    if response.mimetype == "application/json":
        found: Json = response.get_json()
        return found
    events = [line for line in response.get_data().split(b"\n") if line.startswith(b"data: {")]
    last: Json = orjson.loads(events[-1].removeprefix(b"data: "))["response"]
    return last


def resting(client: FlaskClient) -> Json:
    checks: Json = client.get("/readyz", environ_base={"REMOTE_ADDR": "127.0.0.1"}).get_json()
    found: Json = checks["checks"]["upstream_keys"]
    return found


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("refusal", [(429, {"Retry-After": "7"}), (401, {})], ids=str)
def test_a_key_that_is_limited_or_refused_rests_alone_and_the_next_answers_at_once(
    client: FlaskClient, upstream: KeyedUpstream, form: str, refusal: tuple[int, dict[str, str]]
) -> None:
    upstream.refusals["eu"] = refusal
    for _ in range(3):
        assert ask(client, form).status_code == 200
    assert upstream.calls == ["eu", "us", "us", "us"]
    assert resting(client) == {"pool": {"eu": "resting", "us": "ok"}}


@pytest.mark.parametrize("form", FORMS)
def test_a_fault_that_is_no_keys_rests_none(
    client: FlaskClient, upstream: KeyedUpstream, form: str
) -> None:
    upstream.refusals["eu"] = (403, {})
    assert ask(client, form).status_code == 500
    assert upstream.calls == ["eu"]
    assert resting(client) == {"pool": {"eu": "ok", "us": "ok"}}


@pytest.mark.parametrize("form", FORMS)
def test_a_server_that_fails_is_called_by_another_key_next(
    client: FlaskClient, upstream: KeyedUpstream, form: str
) -> None:
    upstream.refusals["eu"] = (503, {})
    assert ask(client, form).status_code == 200
    assert upstream.calls == ["eu", "us"]
    assert resting(client) == {"pool": {"eu": "ok", "us": "ok"}}


@pytest.mark.parametrize("form", FORMS)
def test_while_all_keys_rest_the_provider_does(
    client: FlaskClient, upstream: KeyedUpstream, form: str
) -> None:
    upstream.refusals = {"eu": (429, {"Retry-After": "50"}), "us": (429, {"Retry-After": "20"})}
    limited = ask(client, form)
    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "20")
    again = ask(client, form)
    assert (again.status_code, again.headers["Retry-After"]) == (429, "20")
    assert "all of its keys rest" in again.get_json()["error"]["message"]
    assert upstream.calls == ["eu", "us"]  # nobody was called the second time
    ready = client.get("/readyz", environ_base={"REMOTE_ADDR": "127.0.0.1"}).get_json()
    assert ready["checks"]["upstreams"]["pool"] == "resting"


@pytest.mark.parametrize("form", FORMS)
def test_refused_keys_are_the_operators_to_mend_and_rest_the_provider_then(
    client: FlaskClient, upstream: KeyedUpstream, form: str
) -> None:
    upstream.refusals = dict.fromkeys(KEYS, (401, {}))
    first = ask(client, form)
    assert (first.status_code, first.get_json()["error"]["code"]) == (500, "upstream_error")
    second = ask(client, form)
    assert (second.status_code, second.headers["Retry-After"]) == (503, "300")
    assert upstream.calls == ["eu", "us"]


def test_names_of_keys_are_for_operators_alone(client: FlaskClient) -> None:
    ready = client.get("/readyz", environ_base={"REMOTE_ADDR": "192.0.2.7"}).get_json()
    assert "upstream_keys" not in ready["checks"]


# What was thought


THINKS: list[Api] = ["anthropic_messages", "responses"]
Turn = Callable[[str, TestResponse], Json]


def stored(_form: str, response: TestResponse) -> Json:
    """Go on from what is stored."""
    return {"previous_response_id": answer_of(response)["id"]}


def sent_again(_form: str, response: TestResponse) -> Json:
    """Go on as a caller does who keeps the conversation."""
    first = {"role": "user", "content": "hi"}
    return {"input": [first, *answer_of(response)["output"], {"role": "user", "content": "on"}]}


@pytest.mark.parametrize("turn", [stored, sent_again], ids=lambda f: f.__name__)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("api", THINKS)
def test_the_next_turn_goes_by_the_key_that_thought(
    redis_url: str, upstream: KeyedUpstream, api: Api, form: str, turn: Turn
) -> None:
    client = caller_of(redis_url, upstream, api)
    include = {"include": ["reasoning.encrypted_content"]}
    first = ask(client, form, **include)
    assert first.status_code == 200
    for _ in range(3):  # each in its turn would be another key's
        assert ask(client, form, **include | turn(form, first)).status_code == 200
    assert upstream.calls == ["eu"] * 4
    assert all("signed by eu" in str(sent) for sent in upstream.sent[1:])


@pytest.mark.parametrize("turn", [stored, sent_again], ids=lambda f: f.__name__)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("api", THINKS)
def test_what_a_resting_key_thought_is_left_out(
    redis_url: str, upstream: KeyedUpstream, api: Api, form: str, turn: Turn
) -> None:
    client = caller_of(redis_url, upstream, api)
    include = {"include": ["reasoning.encrypted_content"]}
    first = ask(client, form, **include)
    upstream.refusals["eu"] = (429, {})
    second = ask(client, form, **include | turn(form, first))
    assert second.status_code == 200
    assert upstream.calls == ["eu", "eu", "us"]
    assert "signed by eu" in str(upstream.sent[1])
    assert "signed by" not in str(upstream.sent[2])
    # From now on the conversation is the other's, also when the first has rested.
    upstream.refusals.clear()
    third = ask(client, form, **include, previous_response_id=answer_of(second)["id"])
    assert third.status_code == 200
    assert upstream.calls[-1] == "us"
    assert "signed by us" in str(upstream.sent[-1])
    assert "signed by eu" not in str(upstream.sent[-1])


@pytest.mark.parametrize("api", THINKS)
def test_what_came_by_no_key_of_the_pool_is_left_out(
    redis_url: str, upstream: KeyedUpstream, api: Api
) -> None:
    client = caller_of(redis_url, upstream, api)
    first = ask(client, model="spare/m")
    moved = ask(client, previous_response_id=answer_of(first)["id"])
    assert moved.status_code == 200
    assert "signed by" not in str(upstream.sent[-1])


@pytest.mark.parametrize("form", FORMS)
def test_plain_reasoning_belongs_to_every_key(
    redis_url: str, upstream: KeyedUpstream, form: str
) -> None:
    client = caller_of(redis_url, upstream, "chat_completions")
    answered = answer_of(ask(client, form))
    assert [each["type"] for each in answered["output"]] == ["reasoning", "message"]
    for _ in range(3):
        answered = answer_of(ask(client, form, previous_response_id=answered["id"]))
    assert upstream.calls == ["eu", "us", "eu", "us"]


def test_what_nobody_here_has_sealed_is_left_out(redis_url: str, upstream: KeyedUpstream) -> None:
    client = caller_of(redis_url, upstream, "responses")
    thought = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "foreign"}
    turns = [{"role": "user", "content": "hi"}, thought, {"role": "user", "content": "on"}]
    assert ask(client, input=turns).status_code == 200
    assert "reasoning" not in str(upstream.sent[-1]["input"])
