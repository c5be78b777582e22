"""What is asked of the servers: the same question in the gateway's words and in the upstream's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.upstream.script import Script

Json = dict[str, Any]

MODEL = "steady"
SENTENCE = "The quick brown fox jumps over the lazy dog, twice a day and never on Sundays. "


@dataclass(frozen=True, slots=True)
class Question:
    """A body of POST /v1/responses, and the body of Chat Completions that asks the same."""

    responses: Json
    chat: Json


def small() -> Question:
    """Return one line."""
    return _question("Say hello to the people of this town.", {}, {})


def large() -> Question:
    """Return twenty items, a tool's calls among them, and five tools."""
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
    # A strict server takes no conversation that ends with its own words.
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


def _tool(number: int) -> Json:
    properties = {
        name: {"type": "string", "description": SENTENCE} for name in ("city", "country", "unit")
    }
    return {
        "name": f"tool_{number}",
        "description": SENTENCE,
        "parameters": {"type": "object", "properties": properties, "required": ["city"]},
    }


def continuing(response_id: str) -> Question:
    """Return one line more for a conversation."""
    small_one = small()
    return Question({**small_one.responses, "previous_response_id": response_id}, small_one.chat)


def streamed(events: int, interval_s: float = 0.0) -> Question:
    """Return one whose answer has so many events, one after each interval."""
    script = Script(events=events, interval_s=interval_s).text()
    return _question(script, {"stream": True}, {"stream": True})


def in_background(script: Script) -> Question:
    """Return one that a worker of the gateway's is to ask, of an upstream that does as scripted."""
    return _question(script.text(), {"background": True}, {})


def _question(text: str, responses: Json, chat: Json) -> Question:
    return Question(
        {"model": MODEL, "input": text, **responses},
        {"model": MODEL, "messages": [{"role": "user", "content": text}], **chat},
    )
