"""A model that refuses to think before a call that it must make is told not to think (U7)."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
import responses

from app.domain.answer_options import ReasoningOptions
from app.domain.request import ModelRequest
from app.domain.tools import AllowedTools, NamedFunction
from app.errors import GatewayError
from app.providers.http import HTTPProvider
from app.providers.profiles import PROFILES
from app.providers.registry import FORMATS
from app.providers.transport import Transport
from app.settings import Api, ProviderSettings
from tests.providers.asking import TOOL, ask
from tests.providers.calling import API_KEY, a_call

URL = "http://acme.test/v1"
PATHS: dict[Api, str] = {
    "chat_completions": "/chat/completions",
    "anthropic_messages": "/messages",
    "responses": "/responses",
}
#: What says in each format that the model shall not think.
QUIET: dict[Api, dict[str, Any]] = {
    "chat_completions": {"thinking": {"type": "disabled"}},
    "anthropic_messages": {"thinking": {"type": "disabled"}},
    "responses": {"reasoning": {"effort": "none"}},
}
FORCED = ("required", NamedFunction("get_weather"), AllowedTools("required", ("get_weather",)))


def provider(api: Api, profile: str = "deepseek") -> HTTPProvider:
    settings = ProviderSettings(name="acme", api=api, base_url=URL, api_key=API_KEY)
    return HTTPProvider(Transport(settings), PROFILES[profile], FORMATS[api])


def sent(api: Api, request: ModelRequest, profile: str = "deepseek") -> dict[str, Any]:
    """Return what is said of thinking and the choice."""
    with responses.RequestsMock(target="app.providers.wire.adapter.WireAdapter.send") as upstream:
        upstream.post(URL + PATHS[api], status=400, json={})
        with pytest.raises(GatewayError):
            list(provider(api, profile).answer(request, a_call()))
        body = orjson.loads(upstream.calls[0].request.body or b"")
    return {name: body[name] for name in ("thinking", "reasoning", "tool_choice") if name in body}


def asked_of(choice: Any, effort: str | None = None, **fields: Any) -> ModelRequest:
    options = ReasoningOptions(effort, fields.get("summary"))
    return ask(model="deepseek-v4-pro", tools=(TOOL,), tool_choice=choice, reasoning=options)


every_format = pytest.mark.parametrize("api", PATHS)


@every_format
@pytest.mark.parametrize("choice", FORCED, ids=["required", "named", "allowed"])
@pytest.mark.parametrize("effort", [None, "high", "none"])
def test_a_call_is_forced_without_a_thought(api: Api, choice: Any, effort: str | None) -> None:
    body = sent(api, asked_of(choice, effort))
    assert body.pop("tool_choice")
    assert body == QUIET[api]


@every_format
@pytest.mark.parametrize("choice", ["auto", "none"])
def test_other_choices_leave_it_to_think(api: Api, choice: str) -> None:
    body = sent(api, asked_of(choice))
    body.pop("tool_choice", None)
    assert body == {}


@every_format
def test_what_was_said_of_thinking_is_named(api: Api) -> None:
    ignored = provider(api).ignored(asked_of("required", "high", summary="auto"))
    assert {"reasoning.effort", "reasoning.summary"} == set(ignored)
    assert provider(api).ignored(asked_of("required")) == ()
    assert provider(api).ignored(asked_of("required", "none")) == ()


def test_another_server_may_think_before_it() -> None:
    body = sent("responses", asked_of("required", "high"), "openai")
    assert body == {"reasoning": {"effort": "high"}, "tool_choice": "required"}
