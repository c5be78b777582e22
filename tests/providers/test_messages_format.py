"""What the Messages format does besides: its version, its list of models, its addresses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
import responses

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


def test_a_request_carries_the_version(upstream: responses.RequestsMock) -> None:
    upstream.post(f"{URL}/messages", json=BODY)
    list(provider().answer(ask(), a_call()))
    assert upstream.calls[0].request.headers["anthropic-version"] == "2023-06-01"


@pytest.mark.parametrize(
    ("profile", "is_bearer"),
    [("anthropic", False), ("generic", False), ("vllm", True), ("deepseek", True), ("zai", True)],
)
def test_the_key_is_a_bearer_too_where_servers_look_for_one(profile: str, is_bearer: bool) -> None:
    settings = ProviderSettings(
        name="p", api="anthropic_messages", base_url=URL, api_key=API_KEY, profile=profile
    )
    headers = MessagesFormat().headers(settings, PROFILES[profile])
    assert headers["x-api-key"] == API_KEY
    assert headers.get("Authorization") == (f"Bearer {API_KEY}" if is_bearer else None)


def test_a_token_of_a_directory_is_a_bearer_too() -> None:
    jwt = "head.claims.signature"
    settings = ProviderSettings(name="p", api="anthropic_messages", base_url=URL, api_key=jwt)
    headers = MessagesFormat().headers(settings, PROFILES["azure"])
    assert (headers["x-api-key"], headers["Authorization"]) == (jwt, f"Bearer {jwt}")


@pytest.mark.parametrize(
    ("base_url", "path"),
    [
        ("https://api.anthropic.com", "/v1/messages"),
        ("https://api.anthropic.com/v1", "/messages"),
        ("https://api.deepseek.com/anthropic", "/v1/messages"),
        ("https://api.minimax.io/anthropic/", "/v1/messages"),
        ("https://acme.services.ai.azure.com/anthropic/", "/v1/messages"),
        ("https://api.z.ai/api/anthropic/v1", "/messages"),
        ("https://proxy.example/claude", "/messages"),
    ],
)
def test_the_version_is_added_where_anthropics_clients_leave_it_out(
    base_url: str, path: str
) -> None:
    assert MessagesFormat().paths(base_url)[0] == path


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
