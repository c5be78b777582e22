"""What each model of Anthropic's takes, by its name."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.answer_options import ReasoningOptions
from app.domain.tools import AllowedTools, NamedFunction, ToolChoice
from app.providers.anthropic.families import FAMILIES, Family, family_of
from app.providers.anthropic.request import ignored, to_upstream
from app.providers.profiles import PROFILES
from tests.providers.asking import OTHER_TOOL, TOOL, ask

PROFILE = PROFILES["anthropic"]
#: What the last of each kind is called here.
KINDS = {
    "thoughtless": "claude-3-5-haiku",
    "budget": "claude-opus-4-1",
    "adaptive": "claude-opus-4-6",
    "newest": "claude-opus-5",
    "between": "claude-sonnet-5-5",
    "always": "claude-fable-5",
    "strictest": "claude-opus-5-5",
    "other": "some-model",
}


def traits(family: Family) -> tuple[Any, ...]:
    return family.thinking, family.quiet, family.sampling, family.prefill, family.forced_calls


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("claude-3-haiku-20240307", "thoughtless"),
        ("anthropic/claude-3.5-haiku", "thoughtless"),
        ("claude-3-7-sonnet-20250219", "budget"),
        ("anthropic/claude-3.7-sonnet:thinking", "budget"),
        ("claude-opus-4-20250514", "budget"),
        ("claude-opus-4@20250514", "budget"),
        ("anthropic/claude-opus-4", "budget"),
        ("claude-4-opus-20250514", "budget"),
        ("claude-opus-4-0", "budget"),
        ("claude-opus-4-1-20250805", "budget"),
        ("anthropic/claude-sonnet-4", "budget"),
        ("claude-sonnet-4-0", "budget"),
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", "budget"),
        ("anthropic/claude-haiku-4.5", "budget"),
        ("Claude-Opus-4-6", "adaptive"),
        ("anthropic/claude-sonnet-4.6", "adaptive"),
        ("us.anthropic.claude-opus-4-6-v1", "adaptive"),
        ("claude-opus-4-7", "newest"),
        ("claude-opus-4.8", "newest"),
        ("claude-opus-5", "newest"),
        ("claude-opus-5-20260701", "newest"),
        ("claude-sonnet-5", "newest"),
        ("claude-haiku-5-5", "newest"),
        ("claude-sonnet-5-5", "between"),
        ("anthropic/claude-sonnet-5.5", "between"),
        ("claude-fable-5", "always"),
        ("claude-fable-5@20260501", "always"),
        ("claude-mythos-5", "always"),
        ("anthropic/claude-mythos-preview", "always"),
        ("claude-opus-5-5", "strictest"),
        ("anthropic.claude-opus-5-5", "strictest"),
        ("claude-fable-5-1", "strictest"),
        ("anthropic/claude-fable-5.2", "strictest"),
        ("claude-mythos-5-2", "strictest"),
        ("claude-haiku-9", "strictest"),
        ("qwen3-30b", "other"),
    ],
)
def test_a_model_takes_what_its_family_takes(model: str, kind: str) -> None:
    assert traits(family_of(model)) == traits(family_of(KINDS[kind]))


def test_the_kinds_differ() -> None:
    assert len({traits(family_of(model)) for model in KINDS.values()}) == len(KINDS) - 1


@pytest.mark.parametrize(
    ("model", "structured"),
    [
        ("claude-3-opus-20240229", False),
        ("claude-3-7-sonnet-latest", False),
        ("claude-opus-4-0", False),
        ("claude-opus-4-20250514", False),
        ("claude-sonnet-4-0", False),
        ("claude-sonnet-4-20250514", False),
        ("claude-opus-4-1", True),
        ("claude-haiku-4-5", True),
        ("claude-sonnet-4-6", True),
        ("claude-opus-5", True),
        ("some-model", True),
    ],
)
def test_a_family_can_be_held_to_a_schema_or_not(model: str, structured: bool) -> None:
    assert family_of(model).structured is structured


def test_no_family_is_asked_for_more_than_it_can_do() -> None:
    assert [f.glob for f in FAMILIES if f.output_tokens > f.most_output_tokens] == []


@pytest.mark.parametrize("model", ["claude-opus-5-5", "claude-sonnet-5-5", "claude-fable-5-1"])
@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("required", ["get_weather", "get_time"]),
        (NamedFunction("get_time"), ["get_time"]),
        (AllowedTools("required", ("get_time",)), ["get_time"]),
    ],
)
def test_a_model_that_refuses_forced_calls_is_asked_for_none(
    model: str, choice: ToolChoice, names: list[str]
) -> None:
    effort = ReasoningOptions("high")
    request = ask(model=model, tools=(TOOL, OTHER_TOOL), tool_choice=choice, reasoning=effort)
    body = to_upstream(request, PROFILE)
    assert "tool_choice" not in body
    assert [tool["name"] for tool in body["tools"]] == names
    assert body["thinking"] == {"type": "adaptive"}
    assert ignored(request, PROFILE) == ("tool_choice",)


def test_calls_one_at_a_time_are_asked_for_where_none_can_be_forced() -> None:
    request = ask(
        model="claude-opus-5-5", tools=(TOOL,), tool_choice="required", parallel_tool_calls=False
    )
    choice = to_upstream(request, PROFILE)["tool_choice"]
    assert choice == {"type": "auto", "disable_parallel_tool_use": True}


@pytest.mark.parametrize("model", ["claude-haiku-5-5", "claude-opus-5"])
def test_a_model_that_takes_forced_calls_makes_them(model: str) -> None:
    request = ask(model=model, tools=(TOOL,), tool_choice="required")
    assert to_upstream(request, PROFILE)["tool_choice"] == {"type": "any"}


@pytest.mark.parametrize(
    ("model", "switch", "effort", "in_vain"),
    [
        ("claude-haiku-5-5", {"type": "disabled"}, None, ()),
        ("claude-sonnet-5-5", {"type": "between_tools"}, None, ()),
        ("claude-opus-5-5", None, {"effort": "low"}, ("reasoning.effort",)),
        ("claude-mythos-5-2", None, {"effort": "low"}, ("reasoning.effort",)),
    ],
)
def test_a_model_is_kept_from_thinking_by_its_own_word(
    model: str,
    switch: dict[str, str] | None,
    effort: dict[str, str] | None,
    in_vain: tuple[str, ...],
) -> None:
    request = ask(model=model, reasoning=ReasoningOptions("none"))
    body = to_upstream(request, PROFILE)
    assert body.get("thinking") == switch
    assert body.get("output_config") == effort
    assert ignored(request, PROFILE) == in_vain
