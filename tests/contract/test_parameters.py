"""No silent parameter: each is honoured by a provider, or named as ignored, or refused.

A row is a parameter as a caller sends it, and what becomes of it at each kind of provider:

* `honoured`: what the upstream is sent (for the local model: what it says) is another;
* `ignored`: the provider names it;
* `moot`: neither, because the upstream has no part in it, or does so anyway. Each such row says
  why in `why`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Literal

import pytest

from app.domain.answer_options import CacheOptions, JsonSchemaFormat, ReasoningOptions, TextOptions
from app.domain.request import (
    INCLUDE_ENCRYPTED,
    INCLUDE_LOGPROBS,
    CreateRequest,
    ModelRequest,
    Parameters,
)
from app.domain.tools import AllowedTools, FunctionTool, NamedFunction
from app.domain.upstream_call import UpstreamCall
from app.providers.base import Provider
from app.providers.http import HTTPProvider
from app.providers.local import LocalProvider
from app.providers.profiles import PROFILES
from app.providers.registry import FORMATS
from app.schemas.request.create import CREATE_REQUEST
from app.schemas.request.foreign import UnsupportedField
from app.schemas.wire.echo import NOT_ECHOED, echo
from app.schemas.wire.responses import RESPONSE
from app.settings import Api
from tests.contract.recordings import FOLDER, CannedTransport, settings
from tests.providers.asking import OTHER_TOOL, TOOL, said

Fate = Literal["honoured", "ignored", "moot"]

H: Fate = "honoured"
I: Fate = "ignored"  # noqa: E741 - a column of a table, beside H and M
M: Fate = "moot"

APIS: tuple[Api, ...] = ("chat_completions", "anthropic_messages", "responses", "local")
MODELS = {
    "chat_completions": "gpt-5",
    "anthropic_messages": "claude-sonnet-4-6",
    "responses": "gpt-5",
    "local": "echo",
}
VENDORS = {
    "chat_completions": "openai",
    "anthropic_messages": "anthropic",
    "responses": "openai",
}
TOOLS = {"tools": (TOOL, OTHER_TOOL)}
THINKS = {"reasoning": ReasoningOptions("low")}
STRICT = FunctionTool("get_weather", "Weather of a city", TOOL.parameters, strict=True)

OWN = "the gateway does this by itself"
HOSTED = "it bounds calls of hosted tools, of which there are none"
DEFAULT = "it is what the upstream does anyway"
SHORT = "so short a prompt is not cached, however it is asked for"
ECHO = (
    "the local model does the same whatever is asked: it has one way to think and knows no callers"
)


@dataclass(frozen=True, slots=True)
class Row:
    """`name` is what is told if it is ignored; `fates` go with APIS; `beside` stays the same."""

    name: str
    given: dict[str, Any]
    fates: tuple[Fate, Fate, Fate, Fate]
    beside: dict[str, Any] = field(default_factory=dict)
    why: str = ""

    @property
    def field(self) -> str:
        """The field of Parameters that it is."""
        return next(iter(self.given))


SCHEMA = JsonSchemaFormat("p", {"type": "object", "properties": {"a": {"type": "string"}}})
ROWS = [
    Row("instructions", {"instructions": "Be brief."}, (H, H, H, H), why=ECHO),
    Row("max_output_tokens", {"max_output_tokens": 1}, (H, H, H, H)),
    Row("max_tool_calls", {"max_tool_calls": 2}, (M, M, M, M), why=HOSTED),
    Row("temperature", {"temperature": 0.5}, (H, H, H, I)),
    Row("temperature", {"temperature": 1.5}, (H, I, H, I)),
    Row("temperature", {"temperature": 0.5}, (H, I, H, I), THINKS),
    Row("top_p", {"top_p": 0.5}, (H, H, H, I)),
    Row("top_p", {"top_p": 0.5}, (H, I, H, I), {"temperature": 0.5}),
    Row("presence_penalty", {"presence_penalty": 0.5}, (H, I, H, I)),
    Row("frequency_penalty", {"frequency_penalty": 0.5}, (H, I, H, I)),
    Row("top_logprobs", {"top_logprobs": 3}, (H, I, H, I)),
    Row("include", {"include": frozenset({INCLUDE_LOGPROBS})}, (H, I, H, I)),
    Row("include", {"include": frozenset({INCLUDE_ENCRYPTED})}, (M, M, M, M), why=OWN),
    Row("tools", {"tools": (TOOL,)}, (H, H, H, M), why=ECHO),
    Row("tools[0].strict", {"tools": (STRICT,)}, (H, H, H, M), why=ECHO),
    Row("tool_choice", {"tool_choice": "required"}, (H, H, H, H), TOOLS),
    Row("tool_choice", {"tool_choice": "none"}, (H, H, H, M), TOOLS, why=ECHO),
    Row("tool_choice", {"tool_choice": NamedFunction("get_time")}, (H, H, H, H), TOOLS),
    Row(
        "tool_choice",
        {"tool_choice": AllowedTools("required", ("get_time",))},
        (H, H, H, H),
        TOOLS,
    ),
    Row(
        "tool_choice",
        {"tool_choice": AllowedTools("auto", ("get_time",))},
        (H, H, H, M),
        TOOLS,
        why=ECHO,
    ),
    Row("parallel_tool_calls", {"parallel_tool_calls": False}, (H, H, H, M), TOOLS, why=ECHO),
    Row("parallel_tool_calls", {"parallel_tool_calls": True}, (H, M, H, M), TOOLS, why=DEFAULT),
    Row("reasoning.effort", {"reasoning": ReasoningOptions("low")}, (H, H, H, M), why=ECHO),
    Row("reasoning.effort", {"reasoning": ReasoningOptions("none")}, (H, H, H, M), why=ECHO),
    Row(
        "reasoning.effort",
        {"reasoning": ReasoningOptions("low")},
        (H, I, H, M),
        {**TOOLS, "tool_choice": "required"},
        why=ECHO,
    ),
    Row("reasoning.summary", {"reasoning": ReasoningOptions(None, "auto")}, (I, H, H, H)),
    Row("reasoning.summary", {"reasoning": ReasoningOptions(None, "concise")}, (I, I, H, H)),
    Row(
        "reasoning.summary",
        {"reasoning": ReasoningOptions(None, "none")},
        (M, M, M, M),
        why=DEFAULT,
    ),
    Row("text.format", {"text": TextOptions("json_object")}, (H, H, H, H)),
    Row("text.format", {"text": TextOptions(SCHEMA)}, (H, H, H, H)),
    Row("text.verbosity", {"text": TextOptions(verbosity="low")}, (H, I, H, I)),
    Row("user", {"user": "u"}, (H, H, H, M), why=ECHO),
    Row("user", {"user": "u"}, (H, I, H, M), {"safety_identifier": "s"}, why=ECHO),
    Row("safety_identifier", {"safety_identifier": "s"}, (H, H, H, M), why=ECHO),
    Row("prompt_cache_key", {"prompt_cache_key": "k"}, (H, I, H, I)),
    Row("prompt_cache_retention", {"prompt_cache_retention": "24h"}, (H, I, H, I)),
    Row(
        "prompt_cache_options",
        {"prompt_cache_options": CacheOptions("explicit", "1h")},
        (I, M, H, I),
        why=SHORT,
    ),
    Row("service_tier", {"service_tier": "flex"}, (H, I, H, I)),
    Row("service_tier", {"service_tier": "default"}, (H, H, H, M), why=ECHO),
    Row("seed", {"seed": 7}, (H, I, I, M), why=ECHO),
    Row("metadata", {"metadata": {"a": "b"}}, (M, M, M, M), why=OWN),
]


def _whole_answer(api: Api) -> bytes:
    return (FOLDER / api / "text.json").read_bytes()


class Probe:
    """A provider of one kind, and what asking it for something comes to."""

    def __init__(self, api: Api) -> None:
        self._model = MODELS[api]
        self._transport: CannedTransport | None = None
        self.provider: Provider = LocalProvider("local")
        if api != "local":
            of_api = settings(api)
            self._transport = CannedTransport(of_api, [_whole_answer(api)])
            self.provider = HTTPProvider(self._transport, PROFILES[VENDORS[api]], FORMATS[api])

    def request(self, parameters: dict[str, Any]) -> ModelRequest:
        return ModelRequest(
            model=self._model,
            items=(said("Hello there"),),
            parameters=Parameters(**parameters),
            stream=False,
        )

    def outcome(self, parameters: dict[str, Any]) -> object:
        """Return what the upstream was sent, or what the local model said."""
        batches = list(
            self.provider.answer(self.request(parameters), UpstreamCall(deadline=float("inf")))
        )
        return self._transport.sent[-1] if self._transport else batches

    def fate(self, row: Row) -> Fate:
        named = self.provider.ignored(self.request(row.beside | row.given))
        before = self.provider.ignored(self.request(row.beside))
        assert set(named) - set(before) <= {row.name}
        if row.name in named:
            return "ignored"
        same = self.outcome(row.beside | row.given) == self.outcome(row.beside)
        return "moot" if same else "honoured"


def echoed(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return what a response shows of these parameters."""
    return echo(CreateRequest(model="m", input=(), parameters=Parameters(**parameters)))


@pytest.mark.parametrize(
    ("row", "api", "fate"),
    [
        pytest.param(row, api, fate, id=f"{api}-{row.given}-{sorted(row.beside)}")
        for row in ROWS
        for api, fate in zip(APIS, row.fates, strict=True)
    ],
)
def test_a_parameter_meets_its_fate(row: Row, api: Api, fate: Fate) -> None:
    assert Probe(api).fate(row) == fate


@pytest.mark.parametrize("name", [each.name for each in fields(Parameters)])
def test_every_parameter_has_a_row(name: str) -> None:
    assert name in {row.field for row in ROWS}


def test_every_parameter_is_taken_by_the_schema() -> None:
    assert {each.name for each in fields(Parameters)} <= set(CREATE_REQUEST.strict_fields)


def test_what_a_request_takes_a_response_shows_but_for_one_list() -> None:
    taken = CREATE_REQUEST.strict_fields.items()
    names = {name for name, field in taken if not isinstance(field, UnsupportedField)}
    assert names - set(RESPONSE.strict_fields) == NOT_ECHOED


@pytest.mark.parametrize("name", sorted({row.field for row in ROWS} & set(echoed({}))))
def test_a_parameter_that_is_given_is_echoed(name: str) -> None:
    rows = [row for row in ROWS if row.field == name]
    assert any(echoed(row.given)[name] != echoed({})[name] for row in rows)


def test_every_moot_row_says_why() -> None:
    assert [row for row in ROWS if M in row.fates and not row.why] == []
