"""What the upstream refuses, as real servers do."""

from __future__ import annotations

from typing import Any

import pytest

from tests.upstream.refusals import refusal

Json = dict[str, Any]
USER: Json = {"role": "user", "content": "Hi"}


def chat(*messages: Json, **more: Any) -> str | None:
    return words("/chat/completions", {"model": "m", "messages": [USER, *messages]} | more)


def responses(*items: Json, **more: Any) -> str | None:
    return words("/responses", {"model": "m", "input": [USER, *items]} | more)


def anthropic(*turns: Json, **more: Any) -> str | None:
    return words("/messages", {"model": "m", "messages": [USER, *turns]} | more)


def words(path: str, body: Json) -> str | None:
    fail = refusal(path, body)
    assert fail is None or fail.status == 400
    return fail.message if fail else None


def calls(*ids: str, name: str = "f") -> Json:
    function = {"name": name, "arguments": "{}"}
    found = [{"id": each, "type": "function", "function": function} for each in ids]
    return {"role": "assistant", "content": None, "tool_calls": found}


def tool(call_id: str) -> Json:
    return {"role": "tool", "tool_call_id": call_id, "content": "1"}


def called(call_id: str, name: str = "f") -> Json:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": "{}"}


def output(call_id: str) -> Json:
    return {"type": "function_call_output", "call_id": call_id, "output": "1"}


def uses(*ids: str) -> Json:
    blocks = [{"type": "tool_use", "id": each, "name": "f", "input": {}} for each in ids]
    return {"role": "assistant", "content": blocks}


def results(*ids: str, first: tuple[Json, ...] = ()) -> Json:
    given = [{"type": "tool_result", "tool_use_id": each, "content": "1"} for each in ids]
    return {"role": "user", "content": [*first, *given]}


TEXT: Json = {"type": "text", "text": "x"}
LONG = "x" * 65
THOUGHT: Json = {"type": "reasoning", "id": "rs_1", "summary": []}


def test_what_every_server_takes_is_answered() -> None:
    assert chat(calls("a", "b"), tool("a"), tool("b"), calls("a"), tool("a")) is None
    assert responses(THOUGHT, called("a"), called("b"), output("a"), output("b")) is None
    assert anthropic(uses("a", "b"), results("b", "a"), uses("c"), results("c")) is None


@pytest.mark.parametrize(
    ("refused", "says"),
    [
        (chat(calls("a")), "did not have response messages: a"),
        (chat(calls("a", "b"), tool("a"), USER), "did not have response messages: b"),
        (chat(tool("a")), "must be a response to a preceeding message"),
        (chat(calls("a"), tool("a"), tool("a")), "Duplicate value for 'tool_call_id' of 'a'"),
        (chat(calls("a", "a"), tool("a")), "Duplicate tool_call id 'a'"),
        (chat(calls("a" * 41), tool("a" * 41)), "maximum length 40, but got a string with len"),
        (chat(calls("a", name=LONG), tool("a")), "maximum length 64"),
        (chat(calls(), USER), "empty array"),
        (chat({"role": "assistant", "content": None}, USER), "either content or tool_calls"),
        (chat({"role": "assistant", "content": "x"}), "Expected last role User or Tool"),
        (chat(odd=1), "Unknown parameter: 'odd'."),
        (chat(tools=[{"function": {"name": LONG}}]), "tools[0].function.name"),
        (chat(tools=[{"function": {"name": "a.b"}}]), "does not match pattern"),
        (responses(called("a")), "No tool output found for function call a."),
        (responses(called("a"), USER, output("a")), "No tool output found for function call a."),
        (responses(output("a")), "No tool call found for function call output with call_id a."),
        (responses(called("a"), output("a"), output("a")), "No tool call found"),
        (responses(*[called("a"), output("a")] * 2), "Duplicate 'call_id': a"),
        (responses(called(LONG), output(LONG)), "input[1].call_id"),
        (responses(called("a", LONG), output("a")), "input[1].name"),
        (responses(THOUGHT, USER), "without its required following item"),
        (responses(messages=[]), "Unknown parameter: 'messages'."),
        (responses(tools=[{"type": "function", "name": LONG}]), "tools[0].name"),
        (anthropic(uses("a")), "messages.1: `tool_use` ids were found without `tool_result`"),
        (anthropic(uses("a", "b"), results("a")), "immediately after: b."),
        (anthropic(uses("a"), USER, results("a")), "immediately after: a."),
        (anthropic(uses("a"), results("a", first=(TEXT,))), "immediately after: a."),
        (anthropic(results("a")), "unexpected `tool_use_id` found in `tool_result` blocks: a"),
        (anthropic(uses("a"), results("a", "a")), "each tool_use must have a single result"),
        (anthropic(*[uses("a"), results("a")] * 2), "`tool_use` ids must be unique"),
        (anthropic(uses("a.b"), results("a.b")), "tool_use.id: String should match pattern"),
        (anthropic({"role": "assistant", "content": "x "}), "cannot end with trailing whitespace"),
        (anthropic({"role": "user", "content": " "}), "text content blocks must be non-empty"),
        (anthropic({"role": "user", "content": []}), "must have non-empty content"),
        (anthropic(tools=[{"name": LONG}]), "String should match pattern"),
        (anthropic(odd=1), "odd: Extra inputs are not permitted"),
        (words("/messages", {"messages": [uses("a")]}), "first message must use"),
    ],
)
def test_what_a_strict_server_refuses_is_refused_in_its_words(
    refused: str | None, says: str
) -> None:
    assert refused
    assert says in refused
