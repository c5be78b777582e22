"""The items of a request's input."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.items import (
    FunctionCall,
    FunctionCallOutput,
    InputImage,
    InputText,
    ItemReference,
    Message,
    OutputText,
    Reasoning,
    Refusal,
)
from tests.schemas.requests import body, fault, item, verdict

TYPE, VALUE, MISSING = "invalid_type", "invalid_value", "missing_required_parameter"
UNSUPPORTED = "unsupported_value"
CALL: dict[str, Any] = {
    "type": "function_call",
    "call_id": "call_1",
    "name": "look_up",
    "arguments": "{}",
}
OUTPUT: dict[str, Any] = {"type": "function_call_output", "call_id": "call_1", "output": "4"}
THOUGHT: dict[str, Any] = {"type": "reasoning", "id": "rs_1", "summary": []}


@pytest.mark.parametrize("role", ["user", "system", "developer"])
@pytest.mark.parametrize("typed", [{"type": "message"}, {"type": None}, {}])
def test_a_string_under_a_role_is_its_text(role: Any, typed: dict[str, Any]) -> None:
    assert item(typed | {"role": role, "content": "Hi"}) == Message("", role, (InputText("Hi"),))


def test_a_string_of_the_assistant_is_what_it_said() -> None:
    assert item({"role": "assistant", "content": "Hi"}) == (
        Message("", "assistant", (OutputText("Hi"),))
    )


def test_a_message_keeps_its_id_status_and_phase() -> None:
    given = {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "incomplete",
        "phase": "commentary",
        "content": [],
    }
    assert item(given) == Message("msg_1", "assistant", (), "incomplete", "commentary")


def test_what_langchain_sends_back_is_taken() -> None:
    given = {
        "type": "message",
        "role": "assistant",
        "id": None,
        "content": [{"type": "output_text", "text": "Hi", "annotations": []}],
    }
    assert item(given) == Message("", "assistant", (OutputText("Hi"),))


def test_what_the_gateway_said_is_taken_back_verbatim() -> None:
    part = {"type": "output_text", "text": "Hi", "annotations": [{"a": 1}], "logprobs": [{}]}
    given = {
        "id": "msg_1",
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": [part, {"type": "refusal", "refusal": "No."}],
    }
    said = (OutputText("Hi", ({"a": 1},), ({},)), Refusal("No."))
    assert item(given) == Message("msg_1", "assistant", said)


def test_a_function_call_needs_neither_id_nor_status() -> None:
    assert item(CALL) == FunctionCall("", "call_1", "look_up", "{}")


def test_arguments_need_not_be_json() -> None:
    assert item(CALL | {"arguments": "{"}) == FunctionCall("", "call_1", "look_up", "{")


def test_a_function_call_keeps_its_id_and_status() -> None:
    given = CALL | {"id": "fc_1", "status": "in_progress"}
    assert item(given) == FunctionCall("fc_1", "call_1", "look_up", "{}", "in_progress")


def test_a_function_may_give_back_a_string() -> None:
    assert item(OUTPUT) == FunctionCallOutput("", "call_1", "4")


def test_a_function_may_give_back_parts() -> None:
    parts = [
        {"type": "input_text", "text": "a"},
        {"type": "input_image", "image_url": "https://a.example/b.png"},
    ]
    assert item(OUTPUT | {"output": parts}) == (
        FunctionCallOutput("", "call_1", (InputText("a"), InputImage("https://a.example/b.png")))
    )


def test_thoughts_keep_summary_content_and_what_is_sealed() -> None:
    given = THOUGHT | {
        "summary": [{"type": "summary_text", "text": "a"}],
        "content": [{"type": "reasoning_text", "text": "b"}],
        "encrypted_content": "c",
        "status": "completed",
    }
    assert item(given) == Reasoning("rs_1", ("a",), ("b",), "c")


def test_thoughts_need_no_id() -> None:
    assert item({"type": "reasoning", "summary": [], "content": None}) == Reasoning("")


@pytest.mark.parametrize("typed", [{"type": "item_reference"}, {"type": None}, {}])
def test_an_id_alone_stands_for_a_stored_item(typed: dict[str, Any]) -> None:
    assert item(typed | {"id": "msg_1"}) == ItemReference("msg_1")


CUSTOM = {"type": "custom_tool_call", "call_id": "call_1", "name": "patch", "input": ""}
CUSTOM_OUTPUT = {"type": "custom_tool_call_output", "call_id": "call_1", "output": ""}

WRONG: list[tuple[Any, str, str]] = [
    (5, TYPE, "input[0]"),
    ("Hi", TYPE, "input[0]"),
    (None, TYPE, "input[0]"),
    ([], TYPE, "input[0]"),
    ({}, MISSING, "input[0].type"),
    ({"content": "Hi"}, MISSING, "input[0].type"),
    ({"id": "msg_1", "content": "Hi"}, MISSING, "input[0].type"),
    ({"type": 5}, TYPE, "input[0].type"),
    ({"type": "message", "content": "Hi"}, MISSING, "input[0].role"),
    ({"role": None, "content": "Hi"}, MISSING, "input[0].role"),
    ({"role": "tool", "content": "Hi"}, VALUE, "input[0].role"),
    ({"role": 5, "content": "Hi"}, TYPE, "input[0].role"),
    ({"role": "user"}, MISSING, "input[0].content"),
    ({"role": "user", "content": None}, MISSING, "input[0].content"),
    ({"role": "user", "content": {}}, TYPE, "input[0].content"),
    ({"role": "user", "content": "x" * 10_485_761}, VALUE, "input[0].content"),
    ({"role": "user", "content": "", "id": 5}, TYPE, "input[0].id"),
    ({"role": "user", "content": "", "id": "x" * 513}, VALUE, "input[0].id"),
    ({"role": "user", "content": "", "status": "done"}, VALUE, "input[0].status"),
    ({"role": "assistant", "content": "", "phase": "early"}, VALUE, "input[0].phase"),
    (CALL | {"call_id": None}, MISSING, "input[0].call_id"),
    (CALL | {"call_id": ""}, VALUE, "input[0].call_id"),
    (CALL | {"call_id": "x" * 65}, VALUE, "input[0].call_id"),
    (CALL | {"name": None}, MISSING, "input[0].name"),
    (CALL | {"name": ""}, VALUE, "input[0].name"),
    (CALL | {"arguments": None}, MISSING, "input[0].arguments"),
    (CALL | {"arguments": {}}, TYPE, "input[0].arguments"),
    (CALL | {"status": 5}, TYPE, "input[0].status"),
    (OUTPUT | {"call_id": None}, MISSING, "input[0].call_id"),
    (OUTPUT | {"output": None}, MISSING, "input[0].output"),
    (OUTPUT | {"output": {}}, TYPE, "input[0].output"),
    (OUTPUT | {"output": "x" * 10_485_761}, VALUE, "input[0].output"),
    (OUTPUT | {"output": [{"type": "output_text"}]}, VALUE, "input[0].output[0].type"),
    (THOUGHT | {"summary": None}, MISSING, "input[0].summary"),
    (THOUGHT | {"summary": "a"}, TYPE, "input[0].summary"),
    (THOUGHT | {"summary": ["a"]}, TYPE, "input[0].summary[0]"),
    (THOUGHT | {"summary": [{"type": "summary_text"}]}, MISSING, "input[0].summary[0].text"),
    (THOUGHT | {"content": [{"type": "text", "text": ""}]}, VALUE, "input[0].content[0].type"),
    (THOUGHT | {"encrypted_content": 5}, TYPE, "input[0].encrypted_content"),
    ({"type": "item_reference"}, MISSING, "input[0].id"),
    ({"id": None}, MISSING, "input[0].id"),
    ({"id": ""}, VALUE, "input[0].id"),
    ({"type": "telepathy_call", "id": "tp_1"}, UNSUPPORTED, "input[0].type"),
    ({"type": "telepathy_call", "call_id": "c"}, UNSUPPORTED, "input[0].type"),
    (CUSTOM | {"input": None}, MISSING, "input[0].input"),
    (CUSTOM | {"input": {}}, TYPE, "input[0].input"),
    (CUSTOM | {"name": ""}, VALUE, "input[0].name"),
    (CUSTOM | {"call_id": "c" * 65}, VALUE, "input[0].call_id"),
    (CUSTOM_OUTPUT | {"output": 5}, TYPE, "input[0].output"),
    ({"type": "compaction"}, MISSING, "input[0].encrypted_content"),
    ({"type": "compaction", "encrypted_content": ""}, VALUE, "input[0].encrypted_content"),
    ({"type": "context_compaction"}, UNSUPPORTED, "input[0].type"),
    ({"type": "no_such_item"}, UNSUPPORTED, "input[0].type"),
]


@pytest.mark.parametrize(("raw", "code", "param"), WRONG)
def test_an_item_that_is_wrong_is_refused_by_its_path(raw: Any, code: str, param: str) -> None:
    assert verdict(body(input=[raw])) == (code, param)


def test_the_path_tells_which_item_is_wrong() -> None:
    assert fault(body(input=[CALL, OUTPUT, {"role": "user"}])).param == "input[2].content"


@pytest.mark.parametrize("policy", ["refuse", "drop"])
def test_an_item_of_a_kind_that_is_nowhere_known_is_refused(policy: Any) -> None:
    later = {"type": "later_call", "call_id": "call_1", "action": {}}
    refused = fault(body(input=[{"role": "user", "content": "Hi"}, later]), policy)
    assert (refused.code, refused.param) == (UNSUPPORTED, "input[1].type")
