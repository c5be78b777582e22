"""Reasoning that nothing seals goes back to the servers that want it, in each format (U16)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from openai.types.responses import ResponseInputItemParam
from pydantic import TypeAdapter

from app.domain.answer_options import JsonSchemaFormat, ReasoningOptions, TextOptions
from app.domain.items import Item, Reasoning
from app.domain.request import ModelRequest
from app.providers.anthropic.request import ignored
from app.providers.anthropic.request import to_upstream as to_messages
from app.providers.openai_responses.request import to_upstream as to_responses
from app.providers.profiles import PROFILES, Profile, profile_of
from app.settings import Api, ProviderSettings
from tests.providers.asking import TOOL, answered, ask, called, said, thought

DEEPSEEK = PROFILES["deepseek"]
MODEL = "deepseek-v4-flash"
SIGNED = '{"type":"thinking","thinking":"Hm","signature":"s"}'
USED_UP = '{"id":"rs_up","encrypted_content":"4c1d6c0e-1f0d-4e5f-8a43-000000000000"}'


def asked_of(*items: Item, effort: str | None = None, **fields: Any) -> ModelRequest:
    request = ask(*items, model=MODEL, reasoning=ReasoningOptions(effort), tools=(TOOL,))
    return replace(request, **fields)


def shape(*items: Item, **fields: Any) -> list[str]:
    """Return what a Responses server is sent, in short words."""
    sent: list[Any] = to_responses(asked_of(*items, **fields), DEEPSEEK)["input"]
    TypeAdapter(list[ResponseInputItemParam]).validate_python(sent, strict=True)
    return [_short(item) for item in sent]


def _short(item: dict[str, Any]) -> str:
    match item["type"]:
        case "reasoning":
            return f"~{item['content'][0]['text']}"
        case "message":
            return f"{item['role'][0]}:{item['content'][0]['text']}"
        case kind:
            return f"{kind.removeprefix('function_call')}:{item['call_id']}"


TURN = (thought(None, "a"), called("c1"), answered("1", "c1"))


def test_a_responses_server_gets_it_as_it_makes_it() -> None:
    sent = to_responses(asked_of(said("Hi"), *TURN), DEEPSEEK)["input"]
    assert sent[1] == {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [],
        "content": [{"type": "reasoning_text", "text": "a"}],
    }


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        pytest.param(TURN, ["~a", ":c1", "_output:c1"], id="one call"),
        pytest.param(
            (thought(None, "a"), called("c1"), called("c2"), answered("1", "c1"),
             answered("2", "c2")),
            ["~a", ":c1", ":c2", "_output:c1", "_output:c2"], id="two calls are one message"),
        pytest.param(
            (thought(None, "a"), called("c1"), thought(None, "b"), said("Hm", "assistant"),
             called("c2"), answered("1", "c1"), answered("2", "c2")),
            ["~a\n\nb", "a:Hm", ":c1", ":c2", "_output:c1", "_output:c2"],
            id="what stands among the calls goes before them"),
        pytest.param(
            (called("c1"), answered("1", "c1"), *TURN[:1], called("c2"), answered("2", "c2")),
            ["~ ", ":c1", "_output:c1", "~a", ":c2", "_output:c2"], id="another model's call"),
        pytest.param(
            (thought(USED_UP, "a"), *TURN[1:]), ["~a", ":c1", "_output:c1"], id="a mark of its"),
        pytest.param((thought(None), *TURN[1:]), ["~ ", ":c1", "_output:c1"], id="nothing in it"),
        pytest.param((thought(None, "a"), said("Hm", "assistant")), ["~a", "a:Hm"], id="no call"),
        pytest.param((thought(None, "a"),), [], id="it led to nothing"),
        pytest.param((Reasoning("rs_1", ("s",), ("t",)), *TURN[1:]), ["~t", ":c1", "_output:c1"],
                     id="its text, and no summary of it"),
    ],
)  # fmt: skip
def test_calls_have_their_reasoning(items: tuple[Item, ...], expected: list[str]) -> None:
    assert shape(said("Hi"), *items, said("Go on")) == ["u:Hi", *expected, "u:Go on"]


def test_a_refusal_is_text_there() -> None:
    settings = ProviderSettings(name="d", api="responses", base_url="https://api.deepseek.com")
    assert not profile_of(settings).refusals


def test_a_model_that_does_not_reason_gets_none() -> None:
    assert shape(said("Hi"), *TURN, reasons=False) == ["u:Hi", ":c1", "_output:c1"]


def test_no_other_server_gets_it() -> None:
    for name in ("openai", "llamacpp", "generic"):
        sent = to_responses(asked_of(said("Hi"), *TURN), PROFILES[name])["input"]
        assert "reasoning" not in {item["type"] for item in sent}
    assert "signature" not in str(to_messages(asked_of(said("Hi"), *TURN), PROFILES["anthropic"]))


def of_vllm(api: Api) -> Profile:
    return profile_of(ProviderSettings(name="v", api=api, base_url="http://v/v1", profile="vllm"))


def test_vllm_reads_it_in_responses() -> None:
    """It has no rule of order or fill, but reads reasoning of one text, in a typed item."""
    request = asked_of(said("Hi"), called("c0"), answered("0", "c0"), *TURN)
    sent: list[Any] = to_responses(request, of_vllm("responses"))["input"]
    TypeAdapter(list[ResponseInputItemParam]).validate_python(sent, strict=True)
    assert [_short(item) for item in sent] == [
        "u:Hi", ":c0", "_output:c0", "~a", ":c1", "_output:c1",
    ]  # fmt: skip
    assert "signature" not in str(to_messages(request, of_vllm("anthropic_messages")))


def blocks(*items: Item, profile: str = "deepseek", **fields: Any) -> list[list[Any]]:
    """Return what a Messages server is sent: the thoughts of each turn, and the kinds of others."""
    turns = to_messages(asked_of(*items, **fields), PROFILES[profile])["messages"]
    return [
        [block if block["type"] == "thinking" else block["type"] for block in turn["content"]]
        for turn in turns
    ]


def unsigned(text: str) -> dict[str, str]:
    return {"type": "thinking", "thinking": text, "signature": ""}


@pytest.mark.parametrize("profile", ["deepseek", "moonshot"])
def test_a_messages_server_gets_it_unsigned(profile: str) -> None:
    assert blocks(said("Hi"), *TURN, profile=profile)[1] == [unsigned("a"), "tool_use"]


def test_what_is_signed_goes_back_as_it_came() -> None:
    signed = {"type": "thinking", "thinking": "Hm", "signature": "s"}
    assert blocks(said("Hi"), thought(SIGNED, "Hm"), *TURN[1:])[1] == [signed, "tool_use"]


def test_a_turn_with_calls_and_no_thought_has_an_empty_one() -> None:
    turns = blocks(said("Hi"), said("So", "assistant"), *TURN[1:], said("OK", "assistant"),
                   said("And?"), said("Yes", "assistant"), said("Bye"))  # fmt: skip
    assert turns[1::2] == [[unsigned(""), "text", "tool_use"], ["text"], ["text"]]


@pytest.mark.parametrize("off", [{"effort": "none"}, {"reasons": False}])
def test_where_none_is_thought_none_is_sent(off: dict[str, Any]) -> None:
    assert blocks(said("Hi"), *TURN, **off)[1] == ["tool_use"]


@pytest.mark.parametrize("items", [TURN, TURN[1:]], ids=["its own", "another model's"])
def test_it_may_think_on_where_nothing_is_signed(items: tuple[Item, ...]) -> None:
    request = asked_of(said("Hi"), *items, effort="high")
    assert to_messages(request, DEEPSEEK)["thinking"]["type"] == "enabled"
    assert ignored(request, DEEPSEEK) == ()


@pytest.mark.parametrize(("effort", "expected"), [("minimal", "low"), ("max", "max")])
def test_deepseek_is_told_the_effort_and_not_a_budget_alone(effort: str, expected: str) -> None:
    """It ignores budget_tokens (api-docs.deepseek.com, "Anthropic API")."""
    request = asked_of(said("Hi"), effort=effort)
    body = to_messages(request, DEEPSEEK)
    assert body["output_config"] == {"effort": expected}
    assert body["thinking"]["type"] == "enabled"
    assert "output_config" not in to_messages(request, PROFILES["moonshot"])


def test_deepseek_is_asked_for_a_schema_in_words() -> None:
    settings = ProviderSettings(
        name="d", api="anthropic_messages", base_url="https://api.deepseek.com/anthropic"
    )
    form = JsonSchemaFormat("city", {"type": "object", "properties": {"zip": {"type": "string"}}})
    request = ask(said("Hi"), model=MODEL, text=TextOptions(form))
    body = to_messages(request, profile_of(settings))
    assert "output_config" not in body
    assert "zip" in str(body["system"])
    assert ignored(request, profile_of(settings)) == ("text.format",)
