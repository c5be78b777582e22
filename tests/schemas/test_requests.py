"""The parameters of POST /v1/responses, one by one."""

from __future__ import annotations

import math
from typing import Any

import pytest

from app.domain.answer_options import ReasoningOptions
from app.domain.items import InputText, Message
from app.domain.request import Parameters
from app.schemas.field import ReadContext
from app.schemas.request.create import CREATE_REQUEST
from app.schemas.request.parameters.fields import INCLUDE_VALUES
from app.schemas.wire.echo import echo
from tests.schemas.requests import FUNCTION, body, fault, load, verdict

TYPE, VALUE, MISSING = "invalid_type", "invalid_value", "missing_required_parameter"
BELOW, ABOVE = "integer_below_min_value", "integer_above_max_value"
LESS, MORE = "decimal_below_min_value", "decimal_above_max_value"

REFUSED: list[tuple[str, object, str]] = [
    ("model", "", VALUE),
    ("model", 5, TYPE),
    ("model", "m" * 257, VALUE),
    ("model", "o3-deep-research", "unsupported_value"),
    ("model", "openai/o4-mini-deep-research-2025-06-26", "unsupported_value"),
    ("input", 5, TYPE),
    ("input", {}, TYPE),
    ("input", [], VALUE),
    ("input", "x" * 10_485_761, VALUE),
    ("instructions", 5, TYPE),
    ("instructions", [], TYPE),
    ("max_output_tokens", 15, BELOW),
    ("max_output_tokens", 2**31, ABOVE),
    ("max_output_tokens", True, TYPE),
    ("max_output_tokens", "16", TYPE),
    ("max_output_tokens", 16.0, TYPE),
    ("max_tool_calls", 0, BELOW),
    ("max_tool_calls", 1.5, TYPE),
    ("temperature", -0.1, LESS),
    ("temperature", 2.1, MORE),
    ("temperature", 3, MORE),
    ("temperature", "1", TYPE),
    ("temperature", True, TYPE),
    ("temperature", math.nan, TYPE),
    ("temperature", math.inf, MORE),
    ("top_p", -0.1, LESS),
    ("top_p", 1.1, MORE),
    ("presence_penalty", -2.1, LESS),
    ("presence_penalty", 2.1, MORE),
    ("frequency_penalty", -2.1, LESS),
    ("frequency_penalty", 2.1, MORE),
    ("top_logprobs", -1, BELOW),
    ("top_logprobs", 21, ABOVE),
    ("tools", {}, TYPE),
    ("tool_choice", 5, TYPE),
    ("parallel_tool_calls", 1, TYPE),
    ("parallel_tool_calls", "true", TYPE),
    ("stream", "true", TYPE),
    ("stream", 0, TYPE),
    ("stream_options", [], TYPE),
    ("store", "false", TYPE),
    ("previous_response_id", 5, TYPE),
    ("previous_response_id", "abc", "invalid_response_id"),
    ("previous_response_id", "", "invalid_response_id"),
    ("previous_response_id", "resp_", "invalid_response_id"),
    ("previous_response_id", "resp_a b", "invalid_response_id"),
    ("previous_response_id", "resp_" + "a" * 124, "invalid_response_id"),
    ("conversation", "resp_1", VALUE),
    ("conversation", 5, TYPE),
    ("prompt", {"id": "pmpt_1"}, "unsupported_parameter"),
    ("background", "yes", TYPE),
    ("reasoning", "high", TYPE),
    ("text", "short", TYPE),
    ("metadata", [], TYPE),
    ("metadata", {str(n): "" for n in range(17)}, VALUE),
    ("metadata", {"k" * 65: ""}, VALUE),
    ("truncation", "on", VALUE),
    ("truncation", True, TYPE),
    ("user", 5, TYPE),
    ("safety_identifier", "x" * 129, VALUE),
    ("prompt_cache_key", "x" * 65, VALUE),
    ("prompt_cache_retention", "48h", VALUE),
    ("service_tier", "best", VALUE),
    ("seed", 1.0, TYPE),
    ("seed", -(2**63) - 1, BELOW),
    ("seed", 2**63, ABOVE),
    # What the parser makes of integers that have no place in 64 bits.
    ("seed", float(10**20), ABOVE),
    ("seed", -float(10**20), BELOW),
    ("max_output_tokens", float(10**30), ABOVE),
    ("include", "reasoning.encrypted_content", TYPE),
    ("context_management", {}, TYPE),
]


@pytest.mark.parametrize(("name", "value", "code"), REFUSED)
def test_a_parameter_out_of_its_range_is_refused_by_name(
    name: str, value: object, code: str
) -> None:
    assert verdict(body(**{name: value})) == (code, name)


INSIDE: list[tuple[dict[str, Any], str, str]] = [
    ({"metadata": {"k": 5}}, TYPE, "metadata.k"),
    ({"metadata": {"k": None}}, TYPE, "metadata.k"),
    ({"metadata": {"k": "v" * 513}}, VALUE, "metadata.k"),
    ({"reasoning": {"effort": "most"}}, VALUE, "reasoning.effort"),
    ({"reasoning": {"effort": 1}}, TYPE, "reasoning.effort"),
    ({"reasoning": {"summary": "long"}}, VALUE, "reasoning.summary"),
    ({"reasoning": {"generate_summary": "long"}}, VALUE, "reasoning.generate_summary"),
    ({"include": ["usage"]}, VALUE, "include[0]"),
    ({"include": [5]}, TYPE, "include[0]"),
    ({"include": [None]}, TYPE, "include[0]"),
    ({"stream_options": {"include_obfuscation": 1}}, TYPE, "stream_options.include_obfuscation"),
    ({"context_management": [5]}, TYPE, "context_management[0]"),
    ({"context_management": [{"type": "x"}]}, VALUE, "context_management[0].type"),
    (
        {"context_management": [{"type": "compaction", "compact_threshold": 999}]},
        "integer_below_min_value",
        "context_management[0].compact_threshold",
    ),
]


@pytest.mark.parametrize(("parameters", "code", "param"), INSIDE)
def test_a_fault_inside_a_parameter_is_named_by_its_path(
    parameters: dict[str, Any], code: str, param: str
) -> None:
    assert verdict(body(**parameters)) == (code, param)


TAKEN: list[tuple[str, object]] = [
    ("instructions", ""),
    ("max_output_tokens", 16),
    ("max_tool_calls", 1),
    ("temperature", 0),
    ("temperature", 2.0),
    ("top_p", 1),
    ("presence_penalty", -2),
    ("frequency_penalty", 2),
    ("top_logprobs", 20),
    ("parallel_tool_calls", False),
    ("user", "u"),
    ("safety_identifier", "x" * 128),
    ("prompt_cache_key", "x" * 64),
    ("prompt_cache_retention", "24h"),
    ("prompt_cache_retention", "in_memory"),
    ("service_tier", "flex"),
    ("service_tier", "priority"),
    ("seed", -(2**63)),
    ("metadata", {"k" * 64: "v" * 512} | {str(n): "" for n in range(15)}),
]


@pytest.mark.parametrize(("name", "value"), TAKEN)
def test_a_parameter_in_its_range_is_taken_as_it_is(name: str, value: object) -> None:
    assert getattr(load(**{name: value}).parameters, name) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stream", True),
        ("store", False),
        ("background", True),
        ("previous_response_id", "resp_" + "a" * 123),
        ("truncation", "auto"),
    ],
)
def test_what_concerns_the_gateway_is_kept_beside_the_parameters(name: str, value: object) -> None:
    assert getattr(load(**{name: value}), name) == value


OPTIONAL = sorted({name for name, _, _ in REFUSED} - {"model", "input"})


@pytest.mark.parametrize("name", OPTIONAL)
def test_null_is_the_same_as_absent(name: str) -> None:
    assert load(**{name: None}) == load()


@pytest.mark.parametrize("name", ["model", "input"])
@pytest.mark.parametrize("given", ["absent", "null"])
def test_what_is_required_must_be_there(name: str, given: str) -> None:
    without = body(**{name: None})
    if given == "absent":
        del without[name]
    assert verdict(without) == (MISSING, name)


@pytest.mark.parametrize("given", [{}, {"id": None}])
def test_a_conversation_as_an_object_needs_its_id(given: dict[str, object]) -> None:
    assert verdict(body(conversation=given)) == (MISSING, "conversation.id")


@pytest.mark.parametrize("given", [None, [], "x", 5, True])
def test_a_body_that_is_no_object_is_refused(given: object) -> None:
    assert verdict(given) == (TYPE, None)


def test_the_first_fault_in_the_order_of_the_body_is_told() -> None:
    assert fault({"temperature": 9, "model": 5}).param == "temperature"


def test_what_is_missing_is_told_after_what_is_wrong() -> None:
    assert fault({"temperature": 9}).param == "temperature"


def test_a_message_says_what_is_wrong_and_what_would_be_right() -> None:
    assert fault(body(truncation="on")).message == (
        '\'truncation\' must be "auto" or "disabled", not "on".'
    )


def test_a_message_never_repeats_a_long_value() -> None:
    assert "xxx" not in fault(body(truncation="x" * 500)).message


def test_defaults_are_those_of_the_contract() -> None:
    request = load()
    assert (request.stream, request.store, request.background) == (False, True, False)
    assert (request.truncation, request.parameters) == ("disabled", Parameters())


def test_a_string_is_one_message_of_the_user() -> None:
    assert load(input="Hi").input == (Message("", "user", (InputText("Hi"),)),)


@pytest.mark.parametrize("given", [{"input": []}, {"input": None}, {}])
@pytest.mark.parametrize(
    "continued", [{"previous_response_id": "resp_1"}, {"conversation": "conv_1"}]
)
def test_what_is_continued_may_be_all_that_there_is_to_answer(
    given: dict[str, object], continued: dict[str, object]
) -> None:
    assert (
        CREATE_REQUEST.load({"model": "m"} | given | continued, context=ReadContext()).input == ()
    )


@pytest.mark.parametrize("summary", ["none", "auto", "concise", "detailed"])
def test_a_reasoning_summary_has_an_old_name_too(summary: str) -> None:
    assert load(reasoning={"generate_summary": summary}).parameters.reasoning == (
        ReasoningOptions(None, summary)
    )


def test_the_new_name_of_a_reasoning_summary_goes_first() -> None:
    given = {"generate_summary": "auto", "summary": "concise"}
    assert load(reasoning=given).parameters.reasoning == ReasoningOptions(None, "concise")


@pytest.mark.parametrize("effort", ["none", "minimal", "low", "medium", "high", "xhigh", "max"])
def test_every_effort_is_taken(effort: str) -> None:
    assert load(reasoning={"effort": effort}).parameters.reasoning == ReasoningOptions(effort)


def test_empty_reasoning_options_are_none() -> None:
    assert load(reasoning={"effort": None}).parameters.reasoning is None


@pytest.mark.parametrize("value", sorted(INCLUDE_VALUES))
def test_every_documented_include_is_taken(value: str) -> None:
    assert load(include=[value]).parameters.include == {value}


@pytest.mark.parametrize(
    "parameters",
    [{"stream": True}, {"store": False}, {"stream": True, "store": False}],
)
def test_background_goes_with_neither_stream_nor_no_store(parameters: dict[str, bool]) -> None:
    assert fault(body(background=True, **parameters)).param == "background"


IGNORED: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({}, ()),
    ({"client_metadata": {"a": "b"}}, ("client_metadata",)),
    ({"client_metadata": None}, ()),
    ({"moderation": {}, "prompt_cache_hint": {}}, ("moderation", "prompt_cache_hint")),
    ({"context_management": [{"type": "compaction"}]}, ("context_management[0]",)),
    ({"stream": True, "stream_options": {"include_obfuscation": False}}, ()),
    (
        {"stream": True, "stream_options": {"include_obfuscation": True}},
        ("stream_options.include_obfuscation",),
    ),
    (
        {"stream": True, "stream_options": {"include_usage": True}},
        ("stream_options.include_usage",),
    ),
    ({"stream_options": {}}, ("stream_options",)),
    ({"include": ["reasoning.encrypted_content", "message.output_text.logprobs"]}, ()),
    ({"include": ["message.input_image.image_url"]}, ()),
    ({"include": ["file_search_call.results"]}, ("include[0]",)),
    ({"reasoning": {"mode": "fast", "effort": "low"}}, ("reasoning.mode",)),
    ({"text": {"tone": "warm"}}, ("text.tone",)),
    ({"tools": [FUNCTION | {"output_schema": True}]}, ("tools[0].output_schema",)),
    (
        {"input": [{"role": "user", "content": [{"type": "input_text", "text": "", "x": 1}]}]},
        ("input[0].content[0].x",),
    ),
    ({"input": [{"role": "user", "content": "", "name": "Ann"}]}, ("input[0].name",)),
]


@pytest.mark.parametrize(("parameters", "ignored"), IGNORED)
def test_what_is_not_acted_on_is_named(
    parameters: dict[str, Any], ignored: tuple[str, ...]
) -> None:
    assert load(**parameters).ignored == ignored


def test_no_more_names_are_kept_than_a_header_tells() -> None:
    assert len(load(**{f"x{n}": 1 for n in range(900)}).ignored) == 21


def test_a_name_without_end_is_cut() -> None:
    assert load(**{"x" * 1000: 1}).ignored == ("x" * 64,)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"tools": [FUNCTION], "tool_choice": {"type": "function", "name": "look_up"}},
        {"text": {"format": {"type": "json_object"}, "verbosity": "low"}},
        {"reasoning": {}, "metadata": {}},
    ],
)
def test_whatever_is_loaded_can_be_echoed(parameters: dict[str, Any]) -> None:
    assert echo(CREATE_REQUEST.load(body(**parameters)))["metadata"] == {}


GRAMMAR = {"type": "grammar", "syntax": "lark", "definition": "start: begin_patch end_patch"}
CODEX: dict[str, Any] = {
    "model": "local/echo",
    "stream": True,
    "store": False,
    "input": [
        {
            "type": "message",
            "id": "msg_0199a7c6-4f1e-7c3a-9f52-1b2c3d4e5f60",
            "role": "developer",
            "content": [{"type": "input_text", "text": "Be careful."}],
        },
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
        {"type": "reasoning", "summary": [], "content": None, "encrypted_content": "sealed"},
        {"type": "custom_tool_call", "call_id": "call_1", "name": "apply_patch", "input": ""},
        {"type": "custom_tool_call_output", "call_id": "call_1", "output": "Done."},
        {"type": "function_call", "call_id": "call_2", "name": "shell", "arguments": "{}"},
        {"type": "function_call_output", "id": "fco_1", "call_id": "call_2", "output": "ok"},
    ],
    "tools": [
        {"type": "function", "name": "shell", "strict": False, "parameters": {"type": "object"}},
        {"type": "namespace", "name": "mcp", "tools": [FUNCTION]},
        {"type": "web_search"},
        {"type": "custom", "name": "apply_patch", "format": GRAMMAR},
        {"type": "tool_search"},
    ],
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "reasoning": {"summary": "auto"},
    "include": ["reasoning.encrypted_content"],
    "prompt_cache_key": "0199a7c6-4f1e-7c3a-9f52-1b2c3d4e5f60",
    "client_metadata": {"a": "b"},
}


def test_what_codex_sends_is_taken_where_the_operator_has_unsupported_tools_dropped() -> None:
    request = CREATE_REQUEST.load(CODEX, context=ReadContext(drops_unsupported=True))
    assert [item.type for item in request.input] == [
        "message",
        "message",
        "reasoning",
        "custom_tool_call",
        "custom_tool_call_output",
        "function_call",
        "function_call_output",
    ]
    assert [tool.name for tool in request.parameters.tools] == ["shell", "mcp", "apply_patch"]
    assert request.ignored == ("tools[2]", "tools[4]", "client_metadata")


def test_what_codex_sends_is_taken_otherwise_too() -> None:
    assert CREATE_REQUEST.load(CODEX).ignored == ("tools[2]", "tools[4]", "client_metadata")
