"""The requests that are sent: the same question for the gateway and for the upstream."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from tests.upstream.script import Call, Script

Json = dict[str, Any]

MODEL = "steady"
SENTENCE = "The quick brown fox jumps over the lazy dog, twice a day and never on Sundays. "


@dataclass(frozen=True, slots=True)
class Question:
    """A body of POST /v1/responses, and the equivalent body of Chat Completions."""

    responses: Json
    chat: Json


def small() -> Question:
    """Return a question of one line."""
    return _question("Say hello to the people of this town.", {}, {})


def large() -> Question:
    """Return a question of twenty items, some of them tool calls, and five tools."""
    items: list[Json] = []
    messages: list[Json] = []
    for number in range(5):
        call = {"call_id": f"call_{number}", "name": "tool_0", "arguments": '{"city":"Ulm"}'}
        function = {"name": call["name"], "arguments": call["arguments"]}
        items += [
            {"role": "user", "content": [{"type": "input_text", "text": SENTENCE * 2}]},
            {"type": "function_call", **call},
            {"type": "function_call_output", "call_id": call["call_id"], "output": SENTENCE},
            {"role": "assistant", "content": SENTENCE * 3},
        ]
        messages += [
            {"role": "user", "content": [{"type": "text", "text": SENTENCE * 2}]},
            {
                "role": "assistant",
                "tool_calls": [{"id": call["call_id"], "type": "function", "function": function}],
            },
            {"role": "tool", "tool_call_id": call["call_id"], "content": SENTENCE},
            {"role": "assistant", "content": SENTENCE * 3},
        ]
    # A strict server refuses a conversation that ends with an assistant message.
    items[-1] = {"role": "user", "content": [{"type": "input_text", "text": SENTENCE * 3}]}
    messages[-1] = {"role": "user", "content": [{"type": "text", "text": SENTENCE * 3}]}
    tools = [_tool(number) for number in range(5)]
    return Question(
        {"model": MODEL, "input": items, "tools": [{"type": "function", **t} for t in tools]},
        {
            "model": MODEL,
            "messages": messages,
            "tools": [{"type": "function", "function": tool} for tool in tools],
        },
    )


def agent(items: int, tools: int = 40) -> Question:
    """Return what an agent sends at each step: everything so far, and all of its tools.

    Three hundred items and forty tools are 135 kB.
    """
    given: list[Json] = [{"role": "user", "content": SENTENCE * 2}]
    messages: list[Json] = [{"role": "user", "content": SENTENCE * 2}]
    for number in range((items - 1) // 2):
        call_id, arguments = f"call_{number:05}", f'{{"city":"Ulm","unit":"{number}"}}'
        call = {"call_id": call_id, "name": f"tool_{number % 40}", "arguments": arguments}
        function = {"name": call["name"], "arguments": arguments}
        output = SENTENCE * 5
        given += [
            {"type": "function_call", **call},
            {"type": "function_call_output", "call_id": call_id, "output": output},
        ]
        messages += [
            {
                "role": "assistant",
                "tool_calls": [{"id": call_id, "type": "function", "function": function}],
            },
            {"role": "tool", "tool_call_id": call_id, "content": output},
        ]
    for number in range(items - len(given)):
        given.append({"role": "user", "content": f"{SENTENCE} {number}"})
        messages.append({"role": "user", "content": f"{SENTENCE} {number}"})
    declared = [_tool(number, 7) for number in range(tools)]
    return Question(
        {
            "model": MODEL,
            "input": given,
            "tools": [{"type": "function", **tool} for tool in declared],
            "instructions": SENTENCE * 4,
        },
        {
            "model": MODEL,
            "messages": [{"role": "system", "content": SENTENCE * 4}, *messages],
            "tools": [{"type": "function", "function": tool} for tool in declared],
        },
    )


def picture(size: int) -> Question:
    """Return one line and a picture of `size` bytes of base64, as a data URL."""
    data = base64.b64encode(Random(7).randbytes(size * 3 // 4)).decode()  # noqa: S311 - no secret
    url, words = f"data:image/png;base64,{data}", "What is to be seen here?"
    given: list[Json] = [
        {"type": "input_text", "text": words},
        {"type": "input_image", "image_url": url},
    ]
    parts: list[Json] = [
        {"type": "text", "text": words},
        {"type": "image_url", "image_url": {"url": url}},
    ]
    return Question(
        {"model": MODEL, "input": [{"role": "user", "content": given}]},
        {"model": MODEL, "messages": [{"role": "user", "content": parts}]},
    )


def unstored(question: Question) -> Question:
    """Return the same question with `store` false."""
    return replace(question, responses={**question.responses, "store": False})


def _tool(number: int, parameters: int = 3) -> Json:
    names = ("city", "country", "unit", "day", "hour", "language", "source")
    properties = {name: {"type": "string", "description": SENTENCE} for name in names[:parameters]}
    return {
        "name": f"tool_{number}",
        "description": SENTENCE,
        "parameters": {"type": "object", "properties": properties, "required": ["city"]},
    }


def continuing(response_id: str) -> Question:
    """Return a question of one line that continues a conversation."""
    return continued(small(), response_id)


def continued(question: Question, response_id: str) -> Question:
    """Return the same question as the next turn of a conversation."""
    return replace(question, responses={**question.responses, "previous_response_id": response_id})


def streamed(events: int, interval_s: float = 0.0) -> Question:
    """Return a question whose answer has `events` events, one after each interval."""
    script = Script(events=events, interval_s=interval_s).text()
    return _question(script, {"stream": True}, {"stream": True})


def stepping(*, stored: bool) -> tuple[Json, str]:
    """Return the first body of an agent's steps, and the output of its function at each.

    The upstream follows the last text that it gets, which says: call the function once more.
    """
    script = Script(calls=(Call(name="tool_0"),)).text()
    tools = [{"type": "function", **_tool(number)} for number in range(5)]
    return {"model": MODEL, "input": script, "tools": tools, "store": stored}, script


def in_background(script: Script) -> Question:
    """Return a background question, which the upstream answers by the script."""
    return _question(script.text(), {"background": True}, {})


def _question(text: str, responses: Json, chat: Json) -> Question:
    return Question(
        {"model": MODEL, "input": text, **responses},
        {"model": MODEL, "messages": [{"role": "user", "content": text}], **chat},
    )
