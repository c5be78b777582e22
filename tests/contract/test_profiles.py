"""What is said to each kind of server, and what is named to the caller instead (U22).

`TAKES` says which profile takes what only OpenAI had first; all that is not there is left out.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from app.domain.answer_options import JsonSchemaFormat, TextOptions
from app.domain.items import Item
from app.domain.request import Parameters
from app.domain.tools import FunctionTool
from app.domain.upstream_call import UpstreamCall
from app.providers.http import HTTPProvider
from app.providers.openai_chat.request import ignored, to_upstream
from app.providers.profiles import PROFILES, profile_of
from app.providers.registry import FORMATS
from app.settings import Api, ProviderSettings
from tests.contract.recordings import FOLDER, CannedTransport, settings
from tests.providers.asking import answered, ask, called, said, thought

ALL = frozenset(
    {
        "prompt_cache_key",
        "safety_identifier",
        "service_tier",
        "verbosity",
        "prompt_cache_retention",
        "strict",
    }
)
TAKES: dict[str, frozenset[str]] = {
    "openai": ALL,
    "azure": ALL,
    "azure-deployments": frozenset({"strict"}),
    "groq": frozenset({"service_tier"}),
    "cerebras": frozenset({"prompt_cache_key"}),
    "mistral": frozenset({"prompt_cache_key"}),
    "fireworks": frozenset({"prompt_cache_key", "service_tier"}),
    "moonshot": frozenset({"prompt_cache_key", "safety_identifier", "strict"}),
    "openrouter": frozenset({"verbosity"}),
}
GIVEN: dict[str, Any] = {
    "prompt_cache_key": "k",
    "safety_identifier": "s",
    "service_tier": "default",
    "prompt_cache_retention": "24h",
    "text": TextOptions(JsonSchemaFormat("p", {"type": "object"}, strict=False), "low"),
    "tools": (FunctionTool("f", parameters={"type": "object"}, strict=False),),
}
HTTP_APIS: tuple[Api, ...] = ("chat_completions", "responses", "anthropic_messages")
AT_CHAT = {
    name: profile_of(ProviderSettings(name="acme", api="chat_completions", profile=name))
    for name in PROFILES
}


def _taken(body: dict[str, Any]) -> frozenset[str]:
    schema = body.get("response_format", {}).get("json_schema", {})
    strict = "strict" in body["tools"][0]["function"], "strict" in schema
    return (ALL & body.keys()) | frozenset({"strict"} if any(strict) else ())


@pytest.mark.parametrize("name", PROFILES)
def test_what_only_some_hosts_take_goes_to_them_alone(name: str) -> None:
    body = to_upstream(ask(**GIVEN), AT_CHAT[name])
    assert _taken(body) == TAKES.get(name, frozenset())


@pytest.mark.parametrize("name", PROFILES)
def test_what_a_host_does_not_take_is_named_but_for_the_default_of_strict(name: str) -> None:
    named = {each.removeprefix("text.") for each in ignored(ask(**GIVEN), AT_CHAT[name])}
    assert named & ALL == ALL - TAKES.get(name, frozenset()) - {"strict"}
    assert not any("strict" in each for each in named)


def _sent(api: Api, profile: str, *items: Item, **parameters: Any) -> dict[str, Any]:
    """Return what a provider of this format and profile sends."""
    of_api = replace(settings(api), profile=profile)
    transport = CannedTransport(of_api, [(FOLDER / api / "text.json").read_bytes()])
    provider = HTTPProvider(transport, profile_of(of_api), FORMATS[api])
    request = ask(*items, **parameters)
    list(provider.answer(request, UpstreamCall(deadline=float("inf"))))
    return transport.sent[-1]


@pytest.mark.parametrize("api", HTTP_APIS)
@pytest.mark.parametrize("name", PROFILES)
def test_the_tier_that_is_chosen_anyway_is_never_named_to_anybody(api: Api, name: str) -> None:
    assert "service_tier" not in _sent(api, name, service_tier="auto")


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("openai", "flex", "flex"),
        ("azure", "fast", "priority"),
        ("groq", "flex", "flex"),
        ("groq", "default", "on_demand"),
        ("groq", "priority", None),
        ("generic", "flex", None),
    ],
)
def test_a_tier_has_the_name_that_the_host_gives_it(name: str, given: str, expected: str) -> None:
    profile, request = AT_CHAT[name], ask(service_tier=given)
    assert to_upstream(request, profile).get("service_tier") == expected
    assert ("service_tier" in ignored(request, profile)) is (expected is None)


@pytest.mark.parametrize("call_id", ["call_6f1d8a", "short", "D681PevKs", "ünï-cödé", "x" * 80])
def test_a_host_that_wants_nine_characters_gets_them_on_call_and_output(call_id: str) -> None:
    items = (said("w"), called(call_id), answered("ok", call_id))
    _, request, sent = to_upstream(ask(*items), AT_CHAT["mistral"])["messages"]
    (call,) = request["tool_calls"]
    assert re.fullmatch("[A-Za-z0-9]{9}", call["id"])
    assert call["id"] == sent["tool_call_id"]
    assert (call["id"] == call_id) is (call_id == "D681PevKs")


def test_calls_keep_different_ids_where_they_are_mapped() -> None:
    calls = [called(f"call_{number}") for number in range(50)]
    outputs = [answered("ok", f"call_{number}") for number in range(50)]
    _, request, *_ = to_upstream(ask(said("w"), *calls, *outputs), AT_CHAT["mistral"])["messages"]
    assert len({call["id"] for call in request["tool_calls"]}) == 50


def test_a_seed_has_the_name_that_the_host_gives_it() -> None:
    body = to_upstream(ask(seed=7), AT_CHAT["mistral"])
    assert (body.get("random_seed"), "seed" in body) == (7, False)


@pytest.mark.parametrize(
    ("api", "profile", "model", "payload"),
    [
        ("responses", "openai", "gpt-4.1", '{"id":"rs_1","encrypted_content":"OPAQUE"}'),
        (
            "anthropic_messages",
            "anthropic",
            "claude-3-5-haiku-latest",
            '{"type":"thinking","thinking":"","signature":"OPAQUE"}',
        ),
    ],
)
def test_a_model_that_does_not_reason_is_sent_no_reasoning(
    api: Api, profile: str, model: str, payload: str
) -> None:
    items = (said("think"), thought(payload), said("42", "assistant"), said("hi"))
    assert "OPAQUE" not in str(_sent(api, profile, *items, model=model))


@pytest.mark.parametrize(
    ("profile", "key", "header", "value"),
    [
        ("openai", "sk-1", "Authorization", "Bearer sk-1"),
        ("azure", "0123abcd", "api-key", "0123abcd"),
        ("azure-deployments", "0123abcd", "api-key", "0123abcd"),
        ("azure", "eyJ0.eyJh.c2ln", "Authorization", "Bearer eyJ0.eyJh.c2ln"),
    ],
)
@pytest.mark.parametrize("api", ["chat_completions", "responses"])
def test_a_key_goes_into_the_header_that_its_host_looks_at(
    api: Api, profile: str, key: str, header: str, value: str
) -> None:
    headers: list[dict[str, str]] = []

    class Noting(CannedTransport):
        def endpoint(self, path: str, given: Any, *, at_root: bool = False) -> Any:
            headers.append(dict(given))
            return super().endpoint(path, given)

    of_api = replace(settings(api), profile=profile, api_key=key)
    HTTPProvider(Noting(of_api, []), profile_of(of_api), FORMATS[api])
    assert headers == [{header: value}] * len(headers)
    assert headers


def test_every_profile_is_one_that_any_request_can_be_told_to() -> None:
    assert Parameters().tools == ()
    for profile in AT_CHAT.values():
        assert to_upstream(ask(**GIVEN), profile)["model"] == "m"
