"""How Anthropic's models are told to think."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.domain.answer_options import ReasoningOptions
from app.domain.items import Item
from app.domain.tools import NamedFunction
from app.providers.anthropic.request import ignored, to_upstream
from app.providers.profiles import PROFILES
from tests.providers.asking import TOOL, answered, ask, called, said, thought

PROFILE = PROFILES["anthropic"]
ADAPTIVE, NEWEST, CANNOT_STOP = "claude-sonnet-4-6", "claude-opus-4-8", "claude-fable-5"
BUDGET, THOUGHTLESS = "claude-haiku-4-5-20251001", "claude-3-5-sonnet-20241022"
SIGNED = '{"type":"thinking","thinking":"Hm","signature":"s"}'
FIELDS = ("thinking", "output_config", "max_tokens")


def thinking_of(
    model: str, effort: str | None, summary: str | None = None, *items: Item, **parameters: Any
) -> dict[str, Any]:
    """Return what is said about thinking, and what is in vain."""
    options = ReasoningOptions(effort, summary)
    request = ask(*items, model=model, reasoning=options, **parameters)
    body = to_upstream(request, PROFILE)
    found = {name: body[name] for name in FIELDS if name in body}
    return found | {"ignored": ignored(request, PROFILE)}


@pytest.mark.parametrize(
    ("effort", "expected"),
    [("minimal", "low"), ("low", "low"), ("medium", "medium"), ("high", "high"), ("xhigh", "max")],
)
def test_an_adaptive_model_is_told_its_effort(effort: str, expected: str) -> None:
    assert thinking_of(ADAPTIVE, effort) == {
        "thinking": {"type": "adaptive"},
        "output_config": {"effort": expected},
        "max_tokens": 64_000,
        "ignored": () if effort == expected else ("reasoning.effort",),
    }


def test_the_newest_models_know_the_highest_effort_but_one_by_its_name() -> None:
    assert thinking_of(NEWEST, "xhigh")["output_config"] == {"effort": "xhigh"}


@pytest.mark.parametrize(
    ("effort", "budget"),
    [("minimal", 1024), ("low", 1024), ("medium", 3000), ("high", 6000), ("xhigh", 9000)],
)
def test_a_model_with_a_budget_gets_a_share_on_top(effort: str, budget: int) -> None:
    assert thinking_of(BUDGET, effort, max_output_tokens=10_000) == {
        "thinking": {"type": "enabled", "budget_tokens": budget},
        "max_tokens": 10_000 + budget,
        "ignored": (),
    }


@pytest.mark.parametrize("limit", [16, 2000, 60_000, 64_000, 70_000])
@pytest.mark.parametrize("effort", ["minimal", "xhigh"])
def test_a_budget_is_always_less_than_the_limit(effort: str, limit: int) -> None:
    result = thinking_of(BUDGET, effort, max_output_tokens=limit)
    assert 1024 <= result["thinking"]["budget_tokens"] < result["max_tokens"]
    assert result["max_tokens"] >= limit


def test_a_budget_does_not_raise_the_limit_beyond_what_the_model_can_do() -> None:
    assert thinking_of(BUDGET, "high")["max_tokens"] == 64_000


@pytest.mark.parametrize("model", [ADAPTIVE, NEWEST, BUDGET])
def test_no_effort_means_no_thinking(model: str) -> None:
    result = thinking_of(model, "none")
    most = 128_000 if model == NEWEST else 64_000
    assert result == {"thinking": {"type": "disabled"}, "max_tokens": most, "ignored": ()}


def test_a_model_that_cannot_stop_thinking_thinks_little() -> None:
    result = thinking_of(CANNOT_STOP, "none", "detailed")
    assert "thinking" not in result
    assert result["output_config"] == {"effort": "low"}
    assert result["ignored"] == ("reasoning.effort", "reasoning.summary")


def test_a_model_that_does_not_think_is_not_told_to() -> None:
    assert thinking_of(THOUGHTLESS, "high", "auto") == {
        "max_tokens": 8192,
        "ignored": ("reasoning.effort", "reasoning.summary"),
    }


def test_a_model_that_does_not_think_need_not_be_told_not_to() -> None:
    assert thinking_of(THOUGHTLESS, "none") == {"max_tokens": 8192, "ignored": ()}


@pytest.mark.parametrize(
    ("summary", "display", "named"),
    [
        ("auto", {"display": "summarized"}, ()),
        ("concise", {"display": "summarized"}, ("reasoning.summary",)),
        ("detailed", {"display": "summarized"}, ("reasoning.summary",)),
        ("none", {"display": "omitted"}, ()),
        (None, {}, ()),
    ],
)
@pytest.mark.parametrize("model", [ADAPTIVE, BUDGET])
def test_a_summary_is_shown_or_not(
    model: str, summary: str | None, display: dict[str, str], named: tuple[str, ...]
) -> None:
    result = thinking_of(model, "low", summary)
    assert {"display": result["thinking"].get("display")} == {"display": display.get("display")}
    assert result["ignored"] == named


def test_who_asks_an_adaptive_model_for_a_summary_asks_it_to_think() -> None:
    result = thinking_of(ADAPTIVE, None, "auto")
    assert result["thinking"] == {"type": "adaptive", "display": "summarized"}
    assert "output_config" not in result


def test_a_summary_alone_gives_no_budget() -> None:
    result = thinking_of(BUDGET, None, "auto")
    assert "thinking" not in result
    assert result["ignored"] == ("reasoning.summary",)


@pytest.mark.parametrize("options", [None, ReasoningOptions(), ReasoningOptions(summary="none")])
def test_who_asks_for_nothing_is_told_nothing(options: ReasoningOptions | None) -> None:
    request = ask(model=ADAPTIVE, reasoning=options)
    assert not {"thinking", "output_config"} & to_upstream(request, PROFILE).keys()


@pytest.mark.parametrize("choice", ["required", NamedFunction("get_weather")])
def test_a_forced_call_leaves_thinking_out(choice: Any) -> None:
    result = thinking_of(BUDGET, "high", "auto", tools=(TOOL,), tool_choice=choice)
    assert result == {"max_tokens": 64_000, "ignored": ("reasoning.effort", "reasoning.summary")}


def test_an_adaptive_model_is_told_not_to_think_before_a_forced_call() -> None:
    result = thinking_of(ADAPTIVE, "high", tools=(TOOL,), tool_choice="required")
    assert result["thinking"] == {"type": "disabled"}
    assert "output_config" not in result


def test_a_model_that_cannot_stop_thinking_is_told_nothing_before_a_forced_call() -> None:
    assert "thinking" not in thinking_of(CANNOT_STOP, "high", tools=(TOOL,), tool_choice="required")


def test_a_turn_of_calls_that_began_without_a_thought_goes_on_without() -> None:
    items = said("Hi"), thought(None, "Elsewhere"), said("So", "assistant"), called(), answered("1")
    result = thinking_of(BUDGET, "high", None, *items)
    assert "thinking" not in result
    assert result["ignored"] == ("reasoning.effort",)


@pytest.mark.parametrize(
    "items",
    [
        (said("Hi"), thought(SIGNED), called(), answered("1")),
        (said("Hi"), called(), answered("1"), said("Thanks, and now?")),
        (said("Hi"), called(), answered("1"), thought(SIGNED), called("b"), answered("2", "b")),
        (said("Hi"),),
    ],
)
def test_a_turn_that_may_begin_with_a_thought_is_thought_about(items: tuple[Item, ...]) -> None:
    assert thinking_of(BUDGET, "high", None, *items)["thinking"]["type"] == "enabled"


def test_an_adaptive_model_thinks_on_whatever_the_turn_began_with() -> None:
    result = thinking_of(ADAPTIVE, "high", None, said("Hi"), called(), answered("1"))
    assert result["thinking"] == {"type": "adaptive"}


def test_the_operators_default_limit_comes_before_the_familys() -> None:
    request = replace(ask(model=ADAPTIVE), max_output_tokens_default=99)
    assert to_upstream(request, PROFILE)["max_tokens"] == 99


@pytest.mark.parametrize(
    ("effort", "expected"), [("none", {"enable_thinking": False}), ("low", None), (None, None)]
)
def test_a_chat_template_is_told_not_to_think(
    effort: str | None, expected: dict[str, bool] | None
) -> None:
    request = ask(reasoning=ReasoningOptions(effort))
    assert to_upstream(request, PROFILES["llamacpp"]).get("chat_template_kwargs") == expected


@pytest.mark.parametrize(
    ("model", "sent"),
    [("kimi-k2.7-code", None), ("glm-5.2", None), ("kimi-k2.6", {"type": "disabled"})],
)
def test_a_model_that_refuses_not_to_think_is_not_told_so(
    model: str, sent: dict[str, str] | None
) -> None:
    """A 400: "invalid thinking: only type=enabled is allowed for this model"."""
    request = ask(model=model, reasoning=ReasoningOptions("none"))
    assert to_upstream(request, PROFILES["moonshot"]).get("thinking") == sent
    named = ("reasoning.effort",) if sent is None else ()
    assert ignored(request, PROFILES["moonshot"]) == named
