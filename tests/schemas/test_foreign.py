"""Parameters that are not of this API (R21, R22)."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.tools import FunctionTool, NamespaceTool
from app.errors import InvalidRequest
from app.schemas.field import ReadContext
from app.schemas.request.create import CREATE_REQUEST, INPUT_TOKENS_REQUEST
from app.schemas.wire.echo import echo
from tests.schemas.requests import body, fault, load, verdict

CHAT: dict[str, tuple[Any, str]] = {
    "messages": ([{"role": "user", "content": "Hi"}], "'input'"),
    "max_tokens": (100, "'max_output_tokens'"),
    "max_completion_tokens": (100, "'max_output_tokens'"),
    "response_format": ({"type": "json_object"}, "'text.format'"),
    "reasoning_effort": ("low", "'reasoning.effort'"),
    "verbosity": ("low", "'text.verbosity'"),
    "functions": ([{"name": "f"}], "'tools'"),
    "function_call": ("auto", "'tool_choice'"),
    "n": (2, "as many requests"),
    "stop": ("\n", "stop sequences"),
    "logit_bias": ({"50256": -100}, "leave it out"),
    "logprobs": (True, "'top_logprobs'"),
}


@pytest.mark.parametrize("name", CHAT)
def test_a_parameter_of_chat_is_refused_with_what_to_send(name: str) -> None:
    value, remedy = CHAT[name]
    refused = fault(body(**{name: value}))
    assert (refused.code, refused.param) == ("unsupported_parameter", name)
    assert "Chat Completions" in str(refused)
    assert remedy in str(refused)


@pytest.mark.parametrize("name", CHAT)
def test_a_parameter_of_chat_that_is_null_is_no_parameter(name: str) -> None:
    assert load(**{name: None}).ignored == ()


def test_a_whole_request_of_chat_is_told_where_its_messages_go() -> None:
    messages = [{"role": "user", "content": "Hi"}]
    assert verdict({"model": "m", "messages": messages}) == ("unsupported_parameter", "messages")


def test_counting_tokens_refuses_them_too() -> None:
    with pytest.raises(InvalidRequest, match="'max_output_tokens'"):
        INPUT_TOKENS_REQUEST.load(body(max_tokens=5))


PARAMETERS = {"type": "object", "properties": {}}
NESTED = {
    "type": "function",
    "function": {"name": "f", "description": "F.", "parameters": PARAMETERS, "strict": True},
}
FLAT = {"type": "function", "name": "f", "description": "F.", "parameters": PARAMETERS}


def test_a_function_may_be_nested_and_is_shown_flat() -> None:
    choice = {"type": "function", "function": {"name": "f"}}
    request = load(tools=[NESTED], tool_choice=choice)
    assert request.parameters.tools == (FunctionTool("f", "F.", PARAMETERS, True),)
    assert request.ignored == ()
    shown = echo(request)
    assert shown["tools"] == [FLAT | {"strict": True}]
    assert shown["tool_choice"] == {"type": "function", "name": "f"}


def test_a_function_in_a_namespace_may_be_nested() -> None:
    space = {"type": "namespace", "name": "s", "description": "S.", "tools": [NESTED]}
    (tool,) = load(tools=[space]).parameters.tools
    assert isinstance(tool, NamespaceTool)
    assert [each.name for each in tool.tools] == ["f"]


@pytest.mark.parametrize(
    ("tool", "code", "param"),
    [
        (
            {"type": "function", "function": {"description": "F."}},
            "missing_required_parameter",
            "tools[0].function.name",
        ),
        (
            {"type": "function", "function": {"name": "a b"}},
            "invalid_value",
            "tools[0].function.name",
        ),
        ({"type": "function", "function": "f"}, "invalid_type", "tools[0].function"),
        ({"type": "function"}, "missing_required_parameter", "tools[0].name"),
    ],
)
def test_a_nested_function_is_held_to_the_same(tool: Any, code: str, param: str) -> None:
    assert verdict(body(tools=[tool])) == (code, param)


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"inptu": "Hi"}, "inptu"),
        ({"reasoning": {"efort": "low"}}, "reasoning.efort"),
        ({"tools": [FLAT | {"descr": "F."}]}, "tools[0].descr"),
        ({"input": [{"role": "user", "content": "Hi", "name": "Ada"}]}, "input[0].name"),
        ({"text": {"format": {"type": "text"}, "size": 1}}, "text.size"),
    ],
)
def test_a_key_that_nobody_knows_is_named_or_refused(given: dict[str, Any], path: str) -> None:
    assert load(**given).ignored == (path,)
    with pytest.raises(InvalidRequest) as caught:
        CREATE_REQUEST.load(body(**given), context=ReadContext(refuses_unknown=True))
    assert (caught.value.code, caught.value.param) == ("unknown_parameter", path)


def test_what_is_known_and_has_no_effect_is_not_refused() -> None:
    given = body(stream_options={"include_obfuscation": True})
    request = CREATE_REQUEST.load(given, context=ReadContext(refuses_unknown=True))
    assert "stream_options" in request.ignored


SCORED = {"model": "omni-moderation-latest", "policy": {"input": {"mode": "score"}}}


def test_to_be_scored_is_named_as_ignored() -> None:
    assert load(moderation=SCORED).ignored == ("moderation",)


@pytest.mark.parametrize(
    ("moderation", "param"),
    [
        ({"policy": {"input": {"mode": "block"}}}, "moderation.policy.input.mode"),
        (SCORED | {"policy": {"output": {"mode": "block"}}}, "moderation.policy.output.mode"),
        ({"mode": "block"}, "moderation.mode"),
    ],
)
def test_a_demand_to_block_is_refused(moderation: dict[str, Any], param: str) -> None:
    assert verdict(body(moderation=moderation)) == ("unsupported_value", param)


def test_a_moderation_is_an_object() -> None:
    assert verdict(body(moderation="block")) == ("invalid_type", "moderation")


def test_a_job_that_an_earlier_release_has_taken_is_read_all_the_same() -> None:
    blocking = {"policy": {"input": {"mode": "block"}}}
    given = body(max_tokens=5, stop=".", moderation=blocking, n=1)
    request = CREATE_REQUEST.load(given, context=ReadContext(was_taken=True))
    assert request.model == "local/echo"
