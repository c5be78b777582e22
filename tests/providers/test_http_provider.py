"""The HTTP provider does the same for every wire format: asked whole, refused, listed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
import responses

from app.domain.response import Usage
from app.domain.stream.deltas import (
    Delta,
    Finished,
    ItemEnded,
    MessageOpened,
    PartEnded,
    Text,
    Used,
)
from app.errors import (
    ContextLengthExceeded,
    GatewayError,
    InvalidRequest,
    NotFound,
    UpstreamMisbehaved,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from app.providers.http import HTTPProvider
from app.providers.profiles import PROFILES
from app.providers.registry import FORMATS
from app.providers.transport import Transport
from app.settings import Api, ProviderSettings
from tests.providers.asking import ask
from tests.providers.calling import API_KEY, a_call

URL = "http://acme.test/v1"
END: list[Delta] = [Used(Usage(3, 1)), Finished("stop")]


@dataclass(frozen=True)
class Spoken:
    """How a server of one format is called, and how it says Hello."""

    api: Api
    profile: str
    path: str
    key_header: str
    key: str
    body: dict[str, Any]
    deltas: list[Delta]
    id_header: str = "x-request-id"
    models: str = "/models"

    @property
    def url(self) -> str:
        return URL + self.path

    def provider(self, **others: Any) -> HTTPProvider:
        given = {"name": "acme", "api": self.api, "base_url": URL, "api_key": API_KEY} | others
        transport = Transport(ProviderSettings(**given))
        return HTTPProvider(transport, PROFILES[self.profile], FORMATS[self.api])


CHAT = Spoken(
    "chat_completions",
    "openai",
    "/chat/completions",
    "Authorization",
    f"Bearer {API_KEY}",
    {
        "choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1},
    },
    [Text("Hello"), *END],
)
MESSAGES = Spoken(
    "anthropic_messages",
    "anthropic",
    "/messages",
    "x-api-key",
    API_KEY,
    {
        "type": "message",
        "content": [{"type": "text", "text": "Hello"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 3, "output_tokens": 1},
    },
    [PartEnded(), Text("Hello"), *END],
    "request-id",
    "/models?limit=1000",
)
RESPONSES = Spoken(
    "responses",
    "openai",
    "/responses",
    "Authorization",
    f"Bearer {API_KEY}",
    {
        "status": "completed",
        "output": [{"type": "message", "content": [{"type": "output_text", "text": "Hello"}]}],
        "usage": {"input_tokens": 3, "output_tokens": 1},
    },
    [MessageOpened(), Text("Hello"), ItemEnded(), *END],
)
every_format = pytest.mark.parametrize(
    "spoken", [CHAT, MESSAGES, RESPONSES], ids=lambda each: each.api
)


@pytest.fixture
def upstream() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(target="app.providers.wire.adapter.WireAdapter.send") as mocked:
        yield mocked


def test_every_format_is_asked() -> None:
    assert {each.api for each in (CHAT, MESSAGES, RESPONSES)} == set(FORMATS)


@every_format
def test_a_provider_has_the_name_of_its_settings(spoken: Spoken) -> None:
    assert spoken.provider(name="other").name == "other"


@every_format
def test_a_whole_answer_is_one_batch(spoken: Spoken, upstream: responses.RequestsMock) -> None:
    upstream.post(spoken.url, json=spoken.body)
    assert list(spoken.provider().answer(ask(), a_call())) == [spoken.deltas]


@every_format
def test_a_request_carries_the_key_and_what_it_asks(
    spoken: Spoken, upstream: responses.RequestsMock
) -> None:
    upstream.post(spoken.url, json=spoken.body)
    list(spoken.provider().answer(ask(model="gpt-x"), a_call()))
    sent = upstream.calls[0].request
    assert sent.headers[spoken.key_header] == spoken.key
    assert sent.headers["Content-Type"] == "application/json"
    assert orjson.loads(sent.body or b"")["model"] == "gpt-x"


@every_format
def test_without_a_key_none_is_sent(spoken: Spoken, upstream: responses.RequestsMock) -> None:
    upstream.post(spoken.url, json=spoken.body)
    list(spoken.provider(api_key=None).answer(ask(), a_call()))
    assert spoken.key_header not in upstream.calls[0].request.headers


@every_format
def test_the_upstreams_id_of_the_request_is_kept(
    spoken: Spoken, upstream: responses.RequestsMock
) -> None:
    upstream.post(spoken.url, json=spoken.body, headers={spoken.id_header: "req_7"})
    call = a_call()
    list(spoken.provider().answer(ask(), call))
    assert call.request_id == "req_7"


TOO_LONG = "prompt is too long: 210000 tokens > 200000 maximum"


@every_format
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        (400, {"type": "invalid_request_error", "message": "max_tokens: too big"}, InvalidRequest),
        (400, {"code": "unsupported_value", "message": "Unsupported: 'xhigh'"}, InvalidRequest),
        (400, {"type": "invalid_request_error", "message": TOO_LONG}, ContextLengthExceeded),
        (400, {"code": "context_length_exceeded", "message": "No"}, ContextLengthExceeded),
        (401, {"type": "authentication_error", "message": "invalid key"}, UpstreamRefused),
        (401, {"code": "invalid_api_key", "message": "Incorrect API key"}, UpstreamRefused),
        (402, {"type": "billing_error", "message": "no money"}, UpstreamRefused),
        (403, {"type": "permission_error", "message": "no"}, UpstreamRefused),
        (404, {"type": "not_found_error", "message": "model: claude-x"}, NotFound),
        (404, {"code": "model_not_found", "message": "It does not exist"}, NotFound),
        (413, {"type": "request_too_large", "message": "exceeds the maximum"}, InvalidRequest),
        (429, {"type": "rate_limit_error", "message": "slow down"}, UpstreamRateLimited),
        (429, {"code": "insufficient_quota", "message": "used up"}, UpstreamRateLimited),
        (500, {"type": "api_error", "message": "Internal error"}, UpstreamUnavailable),
        (503, {"code": "server_error", "message": "Loading model"}, UpstreamUnavailable),
        (504, {"type": "timeout_error", "message": "timed out"}, UpstreamTimeout),
        (529, {"type": "overloaded_error", "message": "Overloaded"}, UpstreamUnavailable),
    ],
)
def test_an_error_becomes_ours(
    spoken: Spoken,
    upstream: responses.RequestsMock,
    status: int,
    error: dict[str, str],
    expected: type[GatewayError],
    stream: bool,
) -> None:
    upstream.post(spoken.url, status=status, json={"type": "error", "error": error})
    with pytest.raises(GatewayError) as caught:
        list(spoken.provider().answer(ask(stream=stream), a_call()))
    assert type(caught.value) is expected


@every_format
def test_a_rate_limit_says_how_long_to_wait(
    spoken: Spoken, upstream: responses.RequestsMock
) -> None:
    upstream.post(spoken.url, status=429, headers={"retry-after": "7"}, json={})
    with pytest.raises(UpstreamRateLimited) as caught:
        list(spoken.provider().answer(ask(), a_call()))
    assert caught.value.retry_after_s == 7


@every_format
def test_the_models_are_listed(spoken: Spoken, upstream: responses.RequestsMock) -> None:
    upstream.get(URL + spoken.models, json={"data": [{"id": "a"}, {"id": "b"}]})
    assert spoken.provider().models() == ("a", "b")
    assert upstream.calls[0].request.url == URL + spoken.models


@every_format
@pytest.mark.parametrize("content_type", ["text/html; charset=utf-8", "text/plain"])
def test_a_web_page_in_place_of_an_answer_asks_whether_the_address_is_right(
    spoken: Spoken, content_type: str, upstream: responses.RequestsMock
) -> None:
    upstream.post(spoken.url, body=b"\r\n<!doctype html>", content_type=content_type)
    with pytest.raises(UpstreamMisbehaved, match=r"acme.*web page.*base_url"):
        list(spoken.provider().answer(ask(), a_call()))


@every_format
def test_an_answer_that_is_said_to_be_a_web_page_is_read(
    spoken: Spoken, upstream: responses.RequestsMock
) -> None:
    body = b"\xef\xbb\xbf" + orjson.dumps(spoken.body)
    upstream.post(spoken.url, body=body, content_type="text/html; charset=UTF-8")
    assert list(spoken.provider().answer(ask(), a_call())) == [spoken.deltas]
