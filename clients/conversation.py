"""The conversation of most clients: what the model does, and what the upstream must see.

Two questions, each with its tool loop. The model thinks before it acts, says something before its
first calls, and makes two of them at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from clients.catalog import Client
from clients.site import Format
from tests.upstream.anthropic import SIGNATURE
from tests.upstream.responses import SEALED
from tests.upstream.script import Call, Script

Json = dict[str, Any]

QUESTIONS = ("Is it warm in Paris and in Rome?", "And what about Oslo?")
ANSWERS = ("Both are warm.", "Oslo is cold.")
THOUGHTS = ("I should look both up.", "Both are above twenty.", "Only Oslo now.", "Five is cold.")
#: What the tool of each client, get_weather(city), returns; and a command that prints it.
RESULT = "{city} has 21 degrees"

_COMMAND = "echo {city} has $((20 + 1)) degrees"

_CITIES = ("Paris", "Rome", "Oslo")


def scripts(format_: Format, client: Client, _mode: str) -> tuple[Script, ...]:
    """Return what the model does, request by request."""
    calls = [
        _call(client, city, call_id)
        for city, call_id in zip(_CITIES, format_.call_ids, strict=True)
    ]
    return (
        Script(reasoning=THOUGHTS[0], say="Let me look.", calls=(calls[0], calls[1])),
        Script(reasoning=THOUGHTS[1], say=ANSWERS[0]),
        Script(reasoning=THOUGHTS[2], calls=(calls[2],)),
        Script(reasoning=THOUGHTS[3], say=ANSWERS[1]),
    )


def _call(client: Client, city: str, call_id: str) -> Call:
    """Return what looks a city up: a function, or a command where the client is a program."""
    if client.shell_tool:
        arguments = {"command": _COMMAND.format(city=city), "description": f"Look up {city}"}
        return Call(name=client.shell_tool, arguments=json.dumps(arguments), id=call_id)
    return Call(name="get_weather", arguments=json.dumps({"city": city}), id=call_id)


def faults(
    format_: Format, bodies: Sequence[Json], _client: Client, _mode: str, *, reasoning: bool
) -> Iterator[str]:
    """Yield what is wrong with what the upstream was sent.

    `reasoning` says whether the thoughts that led to calls must have come back with them.
    """
    if len(bodies) != len(THOUGHTS):
        yield f"the upstream was asked {len(bodies)} times, not {len(THOUGHTS)}"
        return
    seen: tuple[tuple[str, ...], ...] = ((), _CITIES[:2], _CITIES[:2], _CITIES)
    for number, (body, cities) in enumerate(zip(bodies, seen, strict=True), 1):
        text = json.dumps(body, ensure_ascii=False)
        for city in cities:
            if (times := text.count(RESULT.format(city=city))) != 1:
                yield f"request {number} has {city}'s result {times} times"
        for question in QUESTIONS[: 1 + (number > 2)]:
            if question not in text:
                yield f"request {number} lacks a question"
        if number > 2 and ANSWERS[0] not in text:
            yield f"request {number} lacks the first answer"
        if reasoning:
            wanted = [THOUGHTS[0]] * (number > 1) + [THOUGHTS[2]] * (number > 3)
            yield from _reasoning_faults(format_.api, body, wanted, f"request {number}")


def _reasoning_faults(api: str, body: Json, wanted: list[str], where: str) -> Iterator[str]:
    """Each thought must stand before its calls, with the opaque half that the server gave it."""
    match api:
        case "chat_completions":
            turns = [each for each in body["messages"] if each.get("tool_calls")]
            found = [each.get("reasoning_content") for each in turns]
        case "anthropic_messages":
            turns = [each for each in body["messages"] if _has(each, "tool_use")]
            found = [_thinking(each["content"]) for each in turns]
        case _:
            items = body["input"] if isinstance(body["input"], list) else []
            found = list(_before_calls(items))
    if found != wanted:
        yield f"{where} has {found} before its calls, not {wanted}"


def _has(turn: Json, kind: str) -> bool:
    content = turn["content"]
    return isinstance(content, list) and any(part["type"] == kind for part in content)


def _thinking(content: list[Json]) -> str | None:
    first = content[0]
    signed = first["type"] == "thinking" and first.get("signature") == SIGNATURE
    return first["thinking"] if signed else None


def _before_calls(items: list[Json]) -> Iterator[str | None]:
    """Yield the thought before each run of calls, where it has its opaque half."""
    thought: str | None = None
    called = False
    for item in items:
        match item.get("type", "message"):
            case "reasoning":
                sealed = item.get("encrypted_content") == SEALED
                thought = "".join(each["text"] for each in item["summary"]) if sealed else None
            case "function_call":
                if not called:
                    yield thought
                called = True
                continue
            case "function_call_output":
                thought = None
            case _:
                pass
        called = False
