"""A fault before an answer says anything is a plain HTTP error, or a fallback answers (A2, U1)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from app.factory import create_app
from app.settings import Api, ModelSettings, ProviderSettings, RedisSettings, Settings
from tests.contract.cases import PROVIDERS, RawUpstream, raw_upstream
from tests.contract.clients import client_of
from tests.contract.test_case_siblings import frames

APIS: tuple[Api, ...] = tuple(PROVIDERS.values())
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
OVERLOADED = {"type": "overloaded_error", "message": "Overloaded"}
ITEM = {"id": "msg_1", "type": "message", "role": "assistant", "content": []}
RUNNING = {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress"}}
ADDED = {"type": "response.output_item.added", "output_index": 0, "item": ITEM}
FAILED = {"status": "failed", "error": {"code": "server_error", "message": "Overloaded"}}
CANCELLED = {"status": "cancelled", "usage": {"input_tokens": 9, "output_tokens": 0}}
ROLE = {"choices": [{"delta": {"role": "assistant", "content": ""}}]}
STARTED = {"type": "message_start", "message": {"content": [], "usage": {"input_tokens": 9}}}
OPENED = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}

FAULTS = {
    "chat-first": ("c", frames({"error": OVERLOADED})),
    "chat-after-the-role": ("c", frames(ROLE, {"error": OVERLOADED})),
    "chat-in-the-choice": ("c", frames({"choices": [{"delta": {}, "error": OVERLOADED}]})),
    "chat-by-its-reason": ("c", frames({"choices": [{"delta": {}, "finish_reason": "error"}]})),
    "messages-first": ("a", frames({"type": "error", "error": OVERLOADED})),
    "messages-after-the-start": ("a", frames(STARTED, {"type": "error", "error": OVERLOADED})),
    "messages-after-a-block": (
        "a",
        frames(STARTED, OPENED, {"type": "ping"}, {"type": "error", "error": OVERLOADED}),
    ),
    "messages-cut": ("a", frames(STARTED, OPENED)),
    "responses-failed": ("r", frames(RUNNING, {"type": "response.failed", "response": FAILED})),
    "responses-failed-in-an-item": (
        "r",
        frames(RUNNING, ADDED, {"type": "response.failed", "response": FAILED}),
    ),
    "responses-error": (
        "r",
        frames(RUNNING, {"type": "error", "code": "server_error", "message": "Overloaded"}),
    ),
    "responses-cut": ("r", frames(RUNNING, ADDED)),
    "responses-cancelled": (
        "r",
        frames(RUNNING, {"type": "response.cancelled", "response": CANCELLED}),
    ),
}


@pytest.fixture(scope="module")
def upstream() -> Iterator[RawUpstream]:
    with raw_upstream() as upstream:
        yield upstream


@pytest.fixture
def client(upstream: RawUpstream, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """A caller of a gateway whose models fail, alone or with a fallback that answers."""
    monkeypatch.setattr("app.services.upstreams.retries.FIRST_DELAY_S", 0)
    return client_of(create_app(safe_settings(upstream, redis_url)))


def safe_settings(upstream: RawUpstream, redis_url: str) -> Settings:
    """Return a gateway's settings: a provider of each format, and models with a fallback."""
    base_url = f"http://127.0.0.1:{upstream.port}/v1"
    return Settings(
        providers=(
            *(ProviderSettings(name=name, api=api, base_url=base_url)
              for name, api in PROVIDERS.items()),
            ProviderSettings(name="local", api="local"),
        ),
        models=tuple(
            ModelSettings(id=f"safe-{name}", provider=name, fallbacks=("local/echo",))
            for name in PROVIDERS
        ),
        redis=RedisSettings(url=redis_url, prefix="faults:"),
        log_level="CRITICAL",
    )  # fmt: skip


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_before_any_output_is_passed_to_the_fallback(
    name: str, stream: bool, client: FlaskClient, upstream: RawUpstream
) -> None:
    provider, said = FAULTS[name]
    upstream.play((HEAD + said,), None)
    body = {"model": f"safe-{provider}", "input": "Hello there", "stream": stream}
    answer = client.post("/v1/responses", json=body)
    assert answer.status_code == 200
    assert b"Hello there" in answer.get_data()
    assert b'"status":"completed"' in answer.get_data()


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_before_any_output_is_a_plain_error_where_nobody_else_is_left(
    name: str, stream: bool, client: FlaskClient, upstream: RawUpstream
) -> None:
    provider, said = FAULTS[name]
    upstream.play((HEAD + said,), None)
    body = {"model": f"{provider}/m", "input": "Hello there", "stream": stream}
    answer = client.post("/v1/responses", json=body)
    assert answer.content_type.startswith("application/json")
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (503, "upstream_unavailable")
