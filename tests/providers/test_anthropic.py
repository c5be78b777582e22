"""The Anthropic provider with a server at the other end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
import responses

from app.domain.response import Usage
from app.domain.stream.deltas import Finished, PartEnded, Text, Used
from app.errors import (
    ContextLengthExceeded,
    GatewayError,
    InvalidRequest,
    NotFound,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from app.providers.anthropic import MessagesFormat
from app.providers.http import HTTPProvider
from app.providers.profiles import PROFILES
from app.providers.transport import Transport
from app.settings import ProviderSettings
from tests.providers.asking import ask
from tests.providers.calling import API_KEY, a_call

URL = "http://acme.test/v1"
BODY = {
    "type": "message",
    "content": [{"type": "text", "text": "Hello"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 3, "output_tokens": 1},
}


@pytest.fixture
def upstream() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(target="app.providers.wire.adapter.WireAdapter.send") as mocked:
        yield mocked


def provider(url: str = URL, **others: Any) -> HTTPProvider:
    settings = ProviderSettings(
        name="claude", api="anthropic_messages", base_url=url, **{"api_key": API_KEY} | others
    )
    return HTTPProvider(Transport(settings), PROFILES["anthropic"], MessagesFormat())


def test_it_has_its_name() -> None:
    assert provider().name == "claude"


def test_a_whole_answer_is_one_batch(upstream: responses.RequestsMock) -> None:
    upstream.post(f"{URL}/messages", json=BODY)
    assert list(provider().answer(ask(), a_call())) == [
        [PartEnded(), Text("Hello"), Used(Usage(3, 1)), Finished("stop")]
    ]


def test_the_request_carries_the_key_and_the_version(upstream: responses.RequestsMock) -> None:
    upstream.post(f"{URL}/messages", json=BODY)
    list(provider().answer(ask(model="claude-x"), a_call()))
    sent = upstream.calls[0].request
    assert sent.headers["x-api-key"] == API_KEY
    assert sent.headers["anthropic-version"] == "2023-06-01"
    assert sent.headers["Content-Type"] == "application/json"
    assert orjson.loads(sent.body or b"")["model"] == "claude-x"


def test_without_a_key_none_is_sent(upstream: responses.RequestsMock) -> None:
    upstream.post(f"{URL}/messages", json=BODY)
    list(provider(api_key=None).answer(ask(), a_call()))
    assert "x-api-key" not in upstream.calls[0].request.headers


def test_the_upstreams_id_of_the_request_is_kept(upstream: responses.RequestsMock) -> None:
    upstream.post(f"{URL}/messages", json=BODY, headers={"request-id": "req_7"})
    call = a_call()
    list(provider().answer(ask(), call))
    assert call.request_id == "req_7"


@pytest.mark.parametrize(
    ("status", "kind", "message", "expected"),
    [
        (400, "invalid_request_error", "max_tokens: too large", InvalidRequest),
        (
            400,
            "invalid_request_error",
            "prompt is too long: 210000 tokens > 200000 maximum",
            ContextLengthExceeded,
        ),
        (401, "authentication_error", "invalid x-api-key", UpstreamRefused),
        (402, "billing_error", "no money", UpstreamRefused),
        (403, "permission_error", "no", UpstreamRefused),
        (404, "not_found_error", "model: claude-x", NotFound),
        (413, "request_too_large", "Request exceeds the maximum size", InvalidRequest),
        (429, "rate_limit_error", "slow down", UpstreamRateLimited),
        (500, "api_error", "Internal server error", UpstreamUnavailable),
        (504, "timeout_error", "timed out", UpstreamTimeout),
        (529, "overloaded_error", "Overloaded", UpstreamUnavailable),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_an_error_becomes_ours(
    upstream: responses.RequestsMock,
    status: int,
    kind: str,
    message: str,
    expected: type[GatewayError],
    stream: bool,
) -> None:
    error = {"type": "error", "error": {"type": kind, "message": message}}
    upstream.post(f"{URL}/messages", status=status, json=error)
    with pytest.raises(GatewayError) as caught:
        list(provider().answer(ask(stream=stream), a_call()))
    assert type(caught.value) is expected


def test_a_rate_limit_says_how_long_to_wait(upstream: responses.RequestsMock) -> None:
    upstream.post(f"{URL}/messages", status=429, headers={"retry-after": "7"}, json={})
    with pytest.raises(UpstreamRateLimited) as caught:
        list(provider().answer(ask(), a_call()))
    assert caught.value.retry_after_s == 7


def test_it_names_what_it_cannot_honour() -> None:
    assert provider().ignored(ask(seed=1)) == ("seed",)


def test_the_whole_list_of_models_is_asked_for(upstream: responses.RequestsMock) -> None:
    upstream.get(f"{URL}/models", json={"data": [{"id": "claude-a"}, {"id": "claude-b"}]})
    assert provider().models() == ("claude-a", "claude-b")
    assert upstream.calls[0].request.url == f"{URL}/models?limit=1000"


@pytest.mark.parametrize(
    ("shown", "sent"),
    [(64_000, 64_000), ("64000", 64_000), (0, 8192), (-1, 8192), (10**8, 8192), (None, 8192)],
)
def test_what_the_list_of_models_allows_is_asked_for_where_nothing_is(
    upstream: responses.RequestsMock, shown: Any, sent: int
) -> None:
    upstream.get(f"{URL}/models", json={"data": [{"id": "m", "max_tokens": shown}]})
    upstream.post(f"{URL}/messages", json=BODY)
    anthropic = provider()
    anthropic.models()
    list(anthropic.answer(ask(model="m"), a_call()))
    assert orjson.loads(upstream.calls[-1].request.body or b"")["max_tokens"] == sent


@pytest.mark.parametrize(
    ("model", "default", "sent"),
    [("claude-sonnet-4-20250514", None, 32_000), ("m", 5000, 5000)],
    ids=["family", "configured"],
)
def test_a_limit_that_is_known_otherwise_comes_before_the_lists(
    upstream: responses.RequestsMock, model: str, default: int | None, sent: int
) -> None:
    upstream.get(f"{URL}/models", json={"data": [{"id": model, "max_tokens": 64_000}]})
    upstream.post(f"{URL}/messages", json=BODY)
    anthropic = provider()
    anthropic.models()
    request = replace(ask(model=model), max_output_tokens_default=default)
    list(anthropic.answer(request, a_call()))
    assert orjson.loads(upstream.calls[-1].request.body or b"")["max_tokens"] == sent


def test_a_query_of_the_base_url_stays_whole(upstream: responses.RequestsMock) -> None:
    upstream.get(f"{URL}/models", json={"data": []})
    assert provider(f"{URL}?v=1").models() == ()
    assert upstream.calls[0].request.url == f"{URL}/models?v=1"


@pytest.mark.parametrize("bare", ["https://acme.test", "https://acme.test/"])
def test_a_bare_host_stands_for_its_first_version(
    upstream: responses.RequestsMock, bare: str
) -> None:
    upstream.post("https://acme.test/v1/messages", json=BODY)
    assert list(provider(bare).answer(ask(), a_call()))
