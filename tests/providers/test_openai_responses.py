"""The Responses provider with a server at the other end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

import orjson
import pytest
import responses

from app.domain.response import Usage
from app.domain.stream.deltas import Finished, ItemEnded, MessageOpened, Text, Used
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
from app.providers.http import HTTPProvider
from app.providers.openai_responses import ResponsesFormat
from app.providers.profiles import PROFILES
from app.providers.transport import Transport
from app.settings import ProviderSettings
from tests.providers.asking import ask
from tests.providers.calling import API_KEY, a_call

URL = "http://acme.test/v1"
PART = {"type": "output_text", "text": "Hello", "annotations": [], "logprobs": []}
BODY = {
    "status": "completed",
    "output": [{"type": "message", "role": "assistant", "status": "completed", "content": [PART]}],
    "usage": {"input_tokens": 3, "output_tokens": 1},
}


@pytest.fixture
def upstream() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(target="app.providers.wire.adapter.WireAdapter.send") as mocked:
        yield mocked


def provider(url: str = URL, *, api_key: str | None = API_KEY, **quirks: Any) -> HTTPProvider:
    settings = ProviderSettings(name="openai", api="responses", base_url=url, api_key=api_key)
    profile = replace(PROFILES["openai"], **quirks)
    return HTTPProvider(Transport(settings), profile, ResponsesFormat())


def test_it_has_its_name() -> None:
    assert provider().name == "openai"


def test_a_whole_answer_is_one_batch(upstream: responses.RequestsMock) -> None:
    upstream.post(f"{URL}/responses", json=BODY)
    assert list(provider().answer(ask(), a_call())) == [
        [MessageOpened(), Text("Hello"), ItemEnded(), Used(Usage(3, 1)), Finished("stop")]
    ]


def test_the_request_carries_the_key(upstream: responses.RequestsMock) -> None:
    upstream.post(f"{URL}/responses", json=BODY)
    list(provider().answer(ask(model="gpt-x"), a_call()))
    sent = upstream.calls[0].request
    assert sent.headers["Authorization"] == f"Bearer {API_KEY}"
    assert orjson.loads(sent.body or b"")["model"] == "gpt-x"


def test_nothing_is_stored_upstream(upstream: responses.RequestsMock) -> None:
    upstream.post(f"{URL}/responses", json=BODY)
    list(provider().answer(ask(), a_call()))
    assert orjson.loads(upstream.calls[0].request.body or b"")["store"] is False


def test_without_a_key_none_is_sent(upstream: responses.RequestsMock) -> None:
    upstream.post(f"{URL}/responses", json=BODY)
    list(provider(api_key=None).answer(ask(), a_call()))
    assert "Authorization" not in upstream.calls[0].request.headers


def test_the_upstreams_id_of_the_request_is_kept(upstream: responses.RequestsMock) -> None:
    upstream.post(f"{URL}/responses", json=BODY, headers={"x-request-id": "req_7"})
    call = a_call()
    list(provider().answer(ask(), call))
    assert call.request_id == "req_7"


@pytest.mark.parametrize(
    ("status", "code", "message", "expected"),
    [
        (400, "unsupported_value", "Unsupported value: 'xhigh'", InvalidRequest),
        (400, "context_length_exceeded", "Your input is too long.", ContextLengthExceeded),
        (401, "invalid_api_key", "Incorrect API key provided", UpstreamRefused),
        (404, "model_not_found", "The model does not exist", NotFound),
        (429, "rate_limit_exceeded", "Rate limit reached", UpstreamRateLimited),
        (429, "insufficient_quota", "You exceeded your quota", UpstreamRateLimited),
        (500, "server_error", "The server had an error", UpstreamUnavailable),
        (503, "server_error", "Loading model", UpstreamUnavailable),
        (504, "timeout", "Gateway timeout", UpstreamTimeout),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_an_error_becomes_ours(
    upstream: responses.RequestsMock,
    status: int,
    code: str,
    message: str,
    expected: type[GatewayError],
    stream: bool,
) -> None:
    told = {"type": "invalid_request_error", "code": code, "message": message, "param": None}
    error = {"error": told}
    upstream.post(f"{URL}/responses", status=status, json=error)
    with pytest.raises(GatewayError) as caught:
        list(provider().answer(ask(stream=stream), a_call()))
    assert type(caught.value) is expected


def test_a_rate_limit_says_how_long_to_wait(upstream: responses.RequestsMock) -> None:
    upstream.post(f"{URL}/responses", status=429, headers={"retry-after": "7"}, json={})
    with pytest.raises(UpstreamRateLimited) as caught:
        list(provider().answer(ask(), a_call()))
    assert caught.value.retry_after_s == 7


def test_it_names_what_it_cannot_honour() -> None:
    assert provider().ignored(ask(seed=1)) == ("seed",)


def test_the_models_are_listed(upstream: responses.RequestsMock) -> None:
    upstream.get(f"{URL}/models", json={"data": [{"id": "gpt-a"}, {"id": "gpt-b"}]})
    assert provider().models() == ("gpt-a", "gpt-b")


@pytest.mark.parametrize(
    ("written", "tells_cut", "reason"),
    [(16, False, "length"), (15, False, "stop"), (16, True, "stop")],
)
def test_an_answer_as_long_as_it_might_be_was_cut_where_that_is_not_told(
    upstream: responses.RequestsMock,
    written: int,
    tells_cut: bool,
    reason: Literal["length", "stop"],
) -> None:
    usage = {"input_tokens": 3, "output_tokens": written}
    upstream.post(f"{URL}/responses", json=BODY | {"usage": usage})
    asked = ask(max_output_tokens=16)
    (batch,) = provider(tells_cut=tells_cut).answer(asked, a_call())
    assert batch[-1] == Finished(reason)


def test_without_a_bound_nothing_was_cut(upstream: responses.RequestsMock) -> None:
    upstream.post(f"{URL}/responses", json=BODY)
    (batch,) = provider(tells_cut=False).answer(ask(), a_call())
    assert batch[-2:] == [Used(Usage(3, 1)), Finished("stop")]
