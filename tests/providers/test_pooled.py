"""A provider is called by the key that a call names, and by another once that is replaced."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import pytest
import responses

from app.domain.upstream_call import UpstreamCall
from app.errors import GatewayError, UpstreamRateLimited
from app.providers.base import Provider
from app.providers.keys.pooled import PooledProvider
from app.providers.registry import build
from app.settings import Api, KeySettings, ProviderSettings
from tests.providers.asking import ask
from tests.providers.calling import a_call

URL = "http://acme.test/v1"
EU = "http://eu.acme.test/v1"
CHAT = {"choices": [{"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}]}
MESSAGE = {"content": [{"type": "text", "text": "hi"}], "stop_reason": "end_turn", "usage": {}}
RESPONSE = {"object": "response", "status": "completed", "output": []}
FORMATS: dict[Api, tuple[str, str, str, object]] = {
    "chat_completions": ("/chat/completions", "Authorization", "Bearer ", CHAT),
    "anthropic_messages": ("/messages", "x-api-key", "", MESSAGE),
    "responses": ("/responses", "Authorization", "Bearer ", RESPONSE),
}
POOL = (KeySettings(id="us", api_key="key-us"), KeySettings(id="eu", api_key="key-eu", base_url=EU))


@pytest.fixture(params=FORMATS)
def api(request: pytest.FixtureRequest) -> Api:
    found: Api = request.param
    return found


@pytest.fixture
def upstream() -> Iterator[responses.RequestsMock]:
    target = "app.providers.wire.adapter.WireAdapter.send"
    with responses.RequestsMock(assert_all_requests_are_fired=False, target=target) as mock:
        yield mock


def pooled(api: Api = "chat_completions") -> PooledProvider:
    provider = build(ProviderSettings(name="acme", api=api, base_url=URL, keys=POOL))
    assert isinstance(provider, PooledProvider)
    return provider


def by(key: str) -> UpstreamCall:
    call = a_call()
    call.key = key
    return call


def keys_sent(upstream: responses.RequestsMock, api: Api) -> list[str]:
    _, header, scheme, _ = FORMATS[api]
    return [each.request.headers[header].removeprefix(scheme) for each in upstream.calls]


def test_a_key_is_called_at_its_own_address_or_the_providers(
    upstream: responses.RequestsMock, api: Api
) -> None:
    path, _, _, body = FORMATS[api]
    upstream.post(URL + path, json=body)
    upstream.post(EU + path, json=body)
    provider = pooled(api)
    for key in ("us", "eu", "us"):
        list(provider.answer(ask(), by(key)))
    assert keys_sent(upstream, api) == ["key-us", "key-eu", "key-us"]
    assert [str(each.request.url) for each in upstream.calls] == [URL + path, EU + path, URL + path]


def test_a_key_that_is_replaced_is_sent_from_then_on(
    upstream: responses.RequestsMock, api: Api
) -> None:
    path, _, _, body = FORMATS[api]
    upstream.post(URL + path, json=body)
    upstream.post(EU + path, json=body)
    provider = pooled(api)
    begun = provider.answer(ask(), by("us"))
    provider.use_key("us", "key-new")
    list(begun)  # what was begun keeps the one that it has
    list(provider.answer(ask(), by("us")))
    list(provider.answer(ask(), by("eu")))
    assert keys_sent(upstream, api) == ["key-us", "key-new", "key-eu"]


def test_a_key_that_was_replaced_is_hidden_in_what_its_calls_still_bring(
    upstream: responses.RequestsMock,
) -> None:
    limited_by = {"error": {"message": "key-us is slow"}}
    upstream.post(URL + "/chat/completions", status=429, json=limited_by)
    provider = pooled()
    begun = provider.answer(ask(), by("us"))
    provider.use_key("us", "key-new")
    with pytest.raises(UpstreamRateLimited) as limited:
        list(begun)
    assert "key-us" not in limited.value.message


def test_the_models_are_those_of_the_first_key_that_is_answered(
    upstream: responses.RequestsMock,
) -> None:
    upstream.get(URL + "/models", status=401)
    upstream.get(EU + "/models", json={"data": [{"id": "m"}]})
    assert pooled().models() == ("m",)


def test_where_no_key_is_answered_there_are_no_models(upstream: responses.RequestsMock) -> None:
    upstream.get(URL + "/models", status=401)
    upstream.get(EU + "/models", status=503)
    with pytest.raises(GatewayError):
        pooled().models()


def test_a_server_counts_tokens_by_the_key_that_is_named_or_any(
    upstream: responses.RequestsMock,
) -> None:
    upstream.post(URL + "/messages/count_tokens", status=429, json={})
    upstream.post(EU + "/messages/count_tokens", json={"input_tokens": 7})
    provider = build(
        ProviderSettings(
            name="acme", api="anthropic_messages", base_url=URL, keys=POOL, profile="anthropic"
        )
    )
    assert counted(provider, a_call()) == 7
    assert counted(provider, by("us")) is None
    assert counted(provider, by("eu")) == 7


def counted(provider: Provider, call: UpstreamCall) -> int | None:
    return provider.count_input(ask(), call)


def test_a_pool_asks_for_what_its_format_can_say(upstream: responses.RequestsMock) -> None:
    upstream.post(EU + "/chat/completions", json=CHAT)
    list(pooled().answer(ask(model="m"), by("eu")))
    body = upstream.calls[0].request.body
    assert orjson.loads(body or b"")["model"] == "m"
