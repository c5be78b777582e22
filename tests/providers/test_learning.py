"""A server that nobody named is taken for what it says it is."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from app.domain.items import Item
from app.domain.upstream_call import UpstreamCall
from app.providers.http import HTTPProvider
from app.providers.openai_chat import ChatFormat
from app.providers.profiles import profile_of
from app.providers.registry import build, survey
from app.providers.transport import Transport
from app.settings import Api, ProviderSettings
from tests.providers.asking import ask
from tests.providers.raw_server import RawServer, Script, Wire

CHAT: Api = "chat_completions"


def settings(url: str, **more: Any) -> ProviderSettings:
    return ProviderSettings(**{"name": "house", "api": CHAT, "base_url": url, **more})


def answering(body: object, *heads: str) -> Script:
    """Answer one request with JSON."""
    data = orjson.dumps(body)
    lines = ["HTTP/1.1 200 OK", "Content-Type: application/json", *heads]
    head = "\r\n".join([*lines, f"Content-Length: {len(data)}", "", ""]).encode()

    def script(wire: Wire) -> None:
        wire.hear()
        wire.say(head + data)

    return script


def models(*owners: str) -> Script:
    """Answer with a list of models."""
    listed = [{"id": f"m{number}", "owned_by": owner} for number, owner in enumerate(owners)]
    return answering({"object": "list", "data": listed})


@pytest.mark.parametrize(
    ("owner", "profile"),
    [
        ("llamacpp", "llamacpp"),
        ("vllm", "vllm"),
        ("sglang", "sglang"),
        ("library", "ollama"),
        ("organization_owner", "lmstudio"),
        ("acme", "generic"),
    ],
)
@pytest.mark.parametrize("api", [CHAT, "responses", "anthropic_messages"])
def test_the_owner_of_all_models_tells_what_serves_them(owner: str, profile: str, api: Api) -> None:
    with RawServer(models(owner, owner)) as server:
        assert survey(settings(server.url, api=api)).profile == profile


def test_owners_that_differ_tell_nothing() -> None:
    with RawServer(models("vllm", "llamacpp")) as server:
        assert survey(settings(server.url)).detected is None


def test_a_list_that_is_odd_tells_nothing() -> None:
    odd = {"data": [{"id": "m", "owned_by": ["vllm"]}]}
    with RawServer(answering(odd)) as server:
        assert survey(settings(server.url)).profile == "generic"


@pytest.mark.parametrize("given", [{"profile": "ollama"}, {"profile": "generic"}])
def test_what_is_configured_stays(given: dict[str, str]) -> None:
    with RawServer(models("vllm")) as server:
        found = survey(settings(server.url, **given))
    assert (found.profile, found.detected) == (given["profile"], "vllm")


def test_quirks_that_are_configured_stay_on_top_of_what_was_learned() -> None:
    with RawServer(models("llamacpp")) as server:
        provider = build(settings(server.url, quirks={"whole": True}))
        assert isinstance(provider, HTTPProvider)
        provider.models()
    learned = provider.profile.current
    assert (learned.name, learned.whole, learned.user) == ("llamacpp", True, False)


def test_the_first_answer_tells_what_the_next_request_is_to_be_like() -> None:
    said = {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}
    item: tuple[Item, ...] = ()
    with RawServer(answering(said, "Server: llama.cpp")) as server:
        configured = settings(server.url)
        transport = Transport(configured)
        provider = HTTPProvider(transport, profile_of(configured), ChatFormat())
        assert provider.ignored(ask(*item, user="u")) == ()
        list(provider.answer(ask(), UpstreamCall(deadline=float("inf"))))
    assert provider.ignored(ask(*item, user="u")) == ("user",)
    assert transport.on_server is None  # nothing more is asked of the headers


def test_a_key_that_is_replaced_changes_nothing_of_what_is_learned() -> None:
    said = {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}
    with RawServer(answering(said, "Server: llama.cpp"), answering(said)) as server:
        configured = settings(server.url)
        provider = HTTPProvider(Transport(configured), profile_of(configured), ChatFormat())
        provider.use_key("", "another-key")
        transport = provider._line.transport
        assert transport.on_server is not None
        list(provider.answer(ask(), UpstreamCall(deadline=float("inf"))))
    assert provider.profile.current.name == "llamacpp"
    assert transport.on_server is None
