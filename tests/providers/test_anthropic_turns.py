"""A conversation in Anthropic's words: roles, blocks, and what must stand next to what."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from app.domain.answer_options import JsonSchemaFormat, ReasoningOptions, TextOptions
from app.domain.ids import call_id
from app.domain.items import InputImage, InputText, Item, Message, OutputText, Refusal
from app.errors import InvalidRequest
from app.providers.anthropic.request import to_upstream
from app.providers.profiles import PROFILES
from app.providers.writing.placeholders import GO_ON
from tests.providers.asking import answered, ask, called, said, thought

IMAGE = InputImage("https://example.com/a.png")
OLD, NEW = "claude-sonnet-4-5", "claude-opus-4-8"
THOUGHT = '{"type":"thinking","thinking":"Hm… \\\\ \\u00fc","signature":"sig+/="}'
REDACTED = '{"type":"redacted_thinking","data":"EmwKAhgB+/="}'


def body(*items: Item, model: str = NEW, **parameters: Any) -> dict[str, Any]:
    return to_upstream(ask(*items, model=model, **parameters), PROFILES["anthropic"])


def roles(*items: Item, model: str = NEW, **parameters: Any) -> list[tuple[str, list[str]]]:
    """Return each turn's role and the types of its blocks."""
    return [
        (turn["role"], [block["type"] for block in turn["content"]])
        for turn in body(*items, model=model, **parameters)["messages"]
    ]


def texts(*items: Item, model: str = NEW) -> list[tuple[str, list[str]]]:
    return [
        (turn["role"], [block.get("text", block["type"]) for block in turn["content"]])
        for turn in body(*items, model=model)["messages"]
    ]


def test_instructions_and_leading_messages_are_the_system_prompt() -> None:
    request = body(
        said("Be kind.", "system"),
        said("Be brief.", "developer"),
        said("Hi"),
        instructions="You are Ann.",
    )
    assert request["system"] == "You are Ann.\n\nBe kind.\n\nBe brief."
    assert len(request["messages"]) == 1


def test_without_instructions_there_is_no_system_prompt() -> None:
    assert "system" not in body(said("Hi"))


def test_a_later_system_or_developer_message_becomes_user_text() -> None:
    output = texts(said("Hi"), said("Hello", "assistant"), said("Now rhyme.", "developer"))
    assert output == [("user", ["Hi"]), ("assistant", ["Hello"]), ("user", ["Now rhyme."])]


def test_a_conversation_of_instructions_only_is_told_as_the_users() -> None:
    request = body(said("Say hi.", "developer"), instructions="You are Ann.")
    assert request["system"] == "You are Ann."
    assert request["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "Say hi."}]}
    ]


def test_a_system_message_with_an_image_is_refused() -> None:
    from_system = Message("m", "system", (InputText("Look"), IMAGE))
    with pytest.raises(InvalidRequest, match="text only"):
        body(from_system, said("Hi"))


def test_consecutive_messages_of_one_role_are_one_turn() -> None:
    output = texts(
        said("One"), said("Two"), said("A", "assistant"), said("B", "assistant"), said("3")
    )
    assert output == [("user", ["One", "Two"]), ("assistant", ["A", "B"]), ("user", ["3"])]


def test_a_refusal_is_told_as_text() -> None:
    refused = Message("m", "assistant", (Refusal("I cannot."),))
    assert texts(said("Hi"), refused, said("Why?"))[1] == ("assistant", ["I cannot."])


def test_blank_texts_are_dropped() -> None:
    blank = Message("m", "user", (InputText(" \n"), InputText("Hi"), InputText("")))
    assert texts(blank, Message("m", "assistant", (OutputText(""),)), said("So?")) == [
        ("user", ["Hi", "So?"])
    ]


def test_a_conversation_that_begins_with_an_answer_gets_a_word_of_the_users_first() -> None:
    assert texts(said("Hello", "assistant"), said("Hi"))[0] == ("user", [GO_ON])


def test_an_empty_conversation_gets_a_word_of_the_users() -> None:
    assert texts(Message("m", "user", ())) == [("user", [GO_ON])]


def test_an_answer_at_the_end_is_a_prefill_without_its_last_white_space() -> None:
    output = texts(said("Hi"), said("The answer is \n", "assistant"), model=OLD)
    assert output[-1] == ("assistant", ["The answer is"])


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        pytest.param(NEW, {}, id="a model that takes no prefill"),
        pytest.param("claude-opus-4-6", {}, id="another that takes none"),
        pytest.param(OLD, {"reasoning": ReasoningOptions("low")}, id="thinking"),
        pytest.param(
            OLD, {"text": TextOptions(JsonSchemaFormat("x", {"type": "object"}))}, id="a schema"
        ),
    ],
)
def test_where_no_prefill_can_be_the_user_is_made_to_ask_for_more(
    model: str, parameters: dict[str, Any]
) -> None:
    request = body(said("Hi"), said("Well", "assistant"), model=model, **parameters)
    last = {"role": "user", "content": [{"type": "text", "text": GO_ON}]}
    assert request["messages"][-1] == last


def test_a_call_and_its_output_are_blocks_of_neighbouring_turns() -> None:
    turns = body(said("Hi"), called(arguments='{"city": "Rome"}'), answered("Sunny"))["messages"]
    assert turns[1:] == [
        {
            "role": "assistant",
            "content": [
                {
                    "type": "tool_use",
                    "id": "call_1",
                    "name": "get_weather",
                    "input": {"city": "Rome"},
                }
            ],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "Sunny"}],
        },
    ]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [("", {}), (" ", {}), ("[1]", {"arguments": "[1]"}), ("{oops", {"arguments": "{oops"})],
)
def test_arguments_that_are_no_object_are_wrapped(arguments: str, expected: dict[str, str]) -> None:
    turns = body(said("Hi"), called(arguments=arguments), answered(""))["messages"]
    assert turns[1]["content"][0]["input"] == expected


def test_text_and_calls_of_one_answer_are_one_turn() -> None:
    sent = roles(said("Hi"), said("Let me see", "assistant"), called("a"), called("b"))
    assert sent[1] == ("assistant", ["text", "tool_use", "tool_use"])


def test_the_outputs_of_a_turn_come_first_in_the_next() -> None:
    turns = body(
        said("Hi"),
        called("a"),
        called("b"),
        answered("1", "a"),
        answered("2", "b"),
        said("By the way"),
    )["messages"]
    assert [block.get("tool_use_id", "text") for block in turns[2]["content"]] == ["a", "b", "text"]


@pytest.mark.parametrize("between", [(), (said("Again"),), (said("Hm", "assistant"),)])
def test_an_id_that_is_used_again_is_a_distinct_one(between: tuple[Item, ...]) -> None:
    again = (called("c0"), answered("2", "c0"))
    turns = body(said("Hi"), called("c0"), answered("1", "c0"), *between, *again)["messages"]
    blocks = [block for turn in turns for block in turn["content"]]
    called_ids = [block["id"] for block in blocks if block["type"] == "tool_use"]
    given = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
    assert called_ids == given
    assert (called_ids[0], len(set(called_ids))) == ("c0", 2)


def test_calls_with_an_output_after_each_are_turns_of_their_own() -> None:
    sent = roles(said("Hi"), called("a"), answered("1", "a"), called("b"), answered("2", "b"))
    assert [role for role, _ in sent] == ["user", "assistant", "user", "assistant", "user"]


def test_an_output_of_parts_is_blocks() -> None:
    output = answered((InputText("Look:"), InputText(""), IMAGE))
    content = body(said("Hi"), called(), output)["messages"][-1]["content"][0]["content"]
    assert [block["type"] for block in content] == ["text", "image"]


@pytest.mark.parametrize("given", ["call.1/2", "c" * 80, "ü", "call_1 "])
def test_a_call_id_that_the_format_does_not_take_is_mapped_the_same_on_both_sides(
    given: str,
) -> None:
    turns = body(said("Hi"), called(given), answered("1", given))["messages"]
    call, result = turns[1]["content"][0]["id"], turns[2]["content"][0]["tool_use_id"]
    assert call == result
    assert call.isascii()
    assert len(call) <= 64


def test_a_call_id_that_is_only_too_long_is_mapped_as_everywhere() -> None:
    turns = body(said("Hi"), called("c" * 80), answered("1", "c" * 80))["messages"]
    assert turns[1]["content"][0]["id"] == call_id("c" * 80)


@pytest.mark.parametrize("payload", [THOUGHT, REDACTED])
def test_a_thought_travels_back_as_it_came(payload: str) -> None:
    turns = body(said("Hi"), thought(payload, "other words"), said("Yo", "assistant"), said("?"))
    assert orjson.dumps(turns["messages"][1]["content"][0]) == orjson.dumps(orjson.loads(payload))


def test_a_thought_comes_before_the_call_that_it_led_to() -> None:
    sent = roles(said("Hi"), thought(THOUGHT), thought(REDACTED), called(), answered("1"))
    assert sent[1] == ("assistant", ["thinking", "redacted_thinking", "tool_use"])


def test_a_thought_without_a_signature_is_dropped() -> None:
    assert roles(said("Hi"), thought(None, "Hm"), said("Yo", "assistant"), said("?"))[1] == (
        "assistant",
        ["text"],
    )


def test_thoughts_that_led_to_nothing_are_dropped() -> None:
    sent = roles(said("Hi"), thought(THOUGHT), thought(REDACTED), said("Go on"))
    assert sent == [("user", ["text", "text"])]


def test_thoughts_at_the_end_of_an_answer_are_dropped() -> None:
    sent = roles(said("Hi"), said("So", "assistant"), thought(THOUGHT), said("Go on"))
    assert sent == [("user", ["text"]), ("assistant", ["text"]), ("user", ["text"])]


def test_thoughts_at_the_end_of_the_conversation_are_dropped() -> None:
    assert roles(said("Hi"), thought(THOUGHT)) == [("user", ["text"])]


def test_a_model_with_a_budget_has_its_thoughts_first_in_the_turn() -> None:
    items = said("Hi"), said("A", "assistant"), thought(THOUGHT), called(), answered("1")
    assert roles(*items, model=OLD)[1] == ("assistant", ["thinking", "text", "tool_use"])
    assert roles(*items, model=NEW)[1] == ("assistant", ["text", "thinking", "tool_use"])
