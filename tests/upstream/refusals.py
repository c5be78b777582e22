"""What real servers refuse with a 400, in their words: each format as its strictest server does.

OpenAI's checks of calls, outputs, names and keys; Mistral's of the last message; Anthropic's of
ids, results and the order of turns. That others take more is no reason to send it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from tests.upstream.prompt_cache import refused_marks
from tests.upstream.script import Fail

Json = dict[str, Any]

_NAME = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_MOST_OF_A_NAME = 64
_MOST_OF_A_CHAT_CALL_ID = 40


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: What a body may hold, by format.
_KEYS = {
    "/chat/completions": _words(
        "model messages stream stream_options max_tokens max_completion_tokens temperature top_p "
        "presence_penalty frequency_penalty seed user service_tier safety_identifier "
        "prompt_cache_key prompt_cache_retention tools tool_choice parallel_tool_calls "
        "reasoning_effort reasoning thinking chat_template_kwargs enable_thinking verbosity "
        "response_format random_seed logprobs top_logprobs metadata store"
    ),
    "/responses": _words(
        "model input instructions store stream include max_output_tokens temperature top_p "
        "presence_penalty frequency_penalty user service_tier safety_identifier prompt_cache_key "
        "prompt_cache_retention top_logprobs reasoning text response_format tools tool_choice "
        "parallel_tool_calls metadata truncation previous_response_id background "
        "prompt_cache_options context_management max_tool_calls"
    ),
    "/messages": _words(
        "model max_tokens system messages thinking output_config stream temperature top_p top_k "
        "metadata service_tier tools tool_choice stop_sequences cache_control "
        "enable_thinking"
    ),
}


def refusal(path: str, body: Json) -> Fail | None:
    """Return the 400 that a strict server of this format gives a body, or None."""
    for unknown in body.keys() - _KEYS[path]:
        if path == "/messages":
            return _refused(f"{unknown}: Extra inputs are not permitted")
        return _refused(f"Unknown parameter: '{unknown}'.", "unknown_parameter")
    return next(_CHECKS[path](body), None)


def _refused(message: str, code: str | None = None) -> Fail:
    return Fail(status=400, message=message, type="invalid_request_error", code=code)


def _chat(body: Json) -> Iterator[Fail]:
    for index, tool in enumerate(body.get("tools") or ()):
        yield from _name(tool["function"]["name"], f"tools[{index}].function.name")
    waiting: dict[str, int] = {}
    answered: dict[str, int] = {}
    for index, message in enumerate(body["messages"]):
        if message["role"] != "tool":
            yield from _open_chat_calls(waiting, index)
            answered = {}
        if message["role"] == "assistant":
            yield from _chat_calls(message, index, waiting)
        elif message["role"] == "tool":
            call_id = message["tool_call_id"]
            if call_id in answered:
                yield _refused(
                    f"Invalid parameter: Duplicate value for 'tool_call_id' of '{call_id}', in "
                    f"messages[{answered[call_id]}] and messages[{index}]."
                )
            if waiting.pop(call_id, None) is None:
                yield _refused(
                    "Invalid parameter: messages with role 'tool' must be a response to a "
                    "preceeding message with 'tool_calls'."
                )
            answered[call_id] = index
    yield from _open_chat_calls(waiting, len(body["messages"]))
    if body["messages"] and body["messages"][-1]["role"] == "assistant":
        yield _refused(
            "Expected last role User or Tool (or Assistant with prefix True) for serving but got "
            "assistant",
            "3230",
        )


def _open_chat_calls(waiting: dict[str, int], index: int) -> Iterator[Fail]:
    if waiting:
        yield _refused(
            "An assistant message with 'tool_calls' must be followed by tool messages responding "
            "to each 'tool_call_id'. The following tool_call_ids did not have response messages: "
            f"{', '.join(waiting)} (messages[{index}])"
        )


def _chat_calls(message: Json, index: int, waiting: dict[str, int]) -> Iterator[Fail]:
    """Check a message's calls, and have them wait."""
    calls = message.get("tool_calls")
    if calls == []:
        yield _refused(
            f"Invalid 'messages[{index}].tool_calls': empty array. Expected an array with minimum "
            "length 1, but got an empty array instead.",
            "empty_array",
        )
    if not calls and not message.get("content") and not message.get("refusal"):
        yield _refused("Assistant message must have either content or tool_calls, but not none.")
    for number, call in enumerate(calls or ()):
        where = f"messages[{index}].tool_calls[{number}]"
        if len(call["id"]) > _MOST_OF_A_CHAT_CALL_ID:
            yield _too_long(f"{where}.id", call["id"], _MOST_OF_A_CHAT_CALL_ID)
        if call["id"] in waiting:
            yield _refused(f"Duplicate tool_call id '{call['id']}' in {where}.")
        yield from _name(call["function"]["name"], f"{where}.function.name")
        waiting[call["id"]] = index


def _responses(body: Json) -> Iterator[Fail]:
    for index, tool in enumerate(body.get("tools") or ()):
        if tool["type"] == "function":
            yield from _name(tool["name"], f"tools[{index}].name")
    if isinstance(body["input"], str):
        return
    items = body["input"]
    yield from _calls_and_outputs(items)
    for item, following in pairwise([*items, {}]):
        if item.get("type") == "reasoning" and not _is_made(following):
            yield _refused(
                f"Item '{item.get('id')}' of type 'reasoning' was provided without its required "
                "following item."
            )


def _calls_and_outputs(items: list[Json]) -> Iterator[Fail]:
    called: set[str] = set()
    waiting: dict[str, str] = {}
    for index, item in enumerate(items):
        kind = item.get("type", "message")
        tool = kind.removesuffix("_output").removesuffix("_call")
        if item.get("execution") == "server" or tool == "program":
            continue  # the server has run it
        if kind.endswith("_output"):
            if waiting.get(item["call_id"]) != tool:
                yield _refused(
                    f"No tool call found for {kind.replace('_', ' ')} with call_id "
                    f"{item['call_id']}."
                )
            waiting.pop(item["call_id"], None)
        elif kind.endswith("_call") and item.get("call_id"):
            yield from _called(item, f"input[{index}]", called)
            waiting[item["call_id"]] = tool
        elif kind != "reasoning" and waiting:
            break  # an output that comes later stands too far away for open servers
    for call_id in waiting:
        yield _refused(f"No tool output found for function call {call_id}.")


def _called(item: Json, where: str, called: set[str]) -> Iterator[Fail]:
    if len(item["call_id"]) > _MOST_OF_A_NAME:
        yield _too_long(f"{where}.call_id", item["call_id"], _MOST_OF_A_NAME)
    if item["call_id"] in called:
        yield _refused(f"Duplicate 'call_id': {item['call_id']}")
    if "name" in item:
        yield from _name(item["name"], f"{where}.name")
    called.add(item["call_id"])


def _is_made(item: Json) -> bool:
    kind = item.get("type", "")
    return kind == "reasoning" or kind.endswith("_call") or item.get("role") == "assistant"


def _messages(body: Json) -> Iterator[Fail]:
    yield from map(_refused, refused_marks(body))
    for index, tool in enumerate(body.get("tools") or ()):
        if not _NAME.fullmatch(tool["name"]) or len(tool["name"]) > _MOST_OF_A_NAME:
            yield _refused(
                f"tools.{index}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'"
            )
    turns = body["messages"]
    if not turns or turns[0]["role"] != "user":
        yield _refused('messages: first message must use the "user" role')
    yield from _turns(turns)
    last = turns[-1] if turns else {"role": "user"}
    if last["role"] == "assistant" and _ends_with_space(last["content"]):
        yield _refused("messages: final assistant content cannot end with trailing whitespace")


def _turns(turns: list[Json]) -> Iterator[Fail]:
    used: set[str] = set()
    before: list[str] = []
    for index, turn in enumerate(turns):
        content = turn["content"]
        parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
        if not parts:
            yield _refused(f"messages.{index}: all messages must have non-empty content")
        yield from _results(parts, index, before)
        before = [part["id"] for part in parts if part["type"] == "tool_use"]
        for number, part in enumerate(parts):
            if part["type"] == "text" and not part["text"].strip():
                yield _refused("messages: text content blocks must be non-empty")
            if part["type"] == "tool_use":
                yield from _tool_use(part, f"messages.{index}.content.{number}", used)
    if before:
        yield _unanswered(len(turns) - 1, before)


def _results(parts: list[Json], index: int, called: list[str]) -> Iterator[Fail]:
    """Check a turn's results against the calls of the turn before."""
    given: list[str] = []
    for number, part in enumerate(parts):
        if part["type"] == "tool_result":
            if part["tool_use_id"] not in called:
                yield _refused(
                    f"messages.{index}.content.{number}: unexpected `tool_use_id` found in "
                    f"`tool_result` blocks: {part['tool_use_id']}. Each `tool_result` block must "
                    "have a corresponding `tool_use` block in the previous message."
                )
            if part["tool_use_id"] in given:
                yield _refused(
                    f"messages.{index}.content.{number}: each tool_use must have a single result. "
                    f"Found multiple `tool_result` blocks with id: {part['tool_use_id']}"
                )
            if number > len(given):
                yield _unanswered(index - 1, called)  # results come first
            given.append(part["tool_use_id"])
    if missing := [each for each in called if each not in given]:
        yield _unanswered(index - 1, missing)


def _unanswered(index: int, called: list[str]) -> Fail:
    return _refused(
        f"messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately "
        f"after: {', '.join(called)}. Each `tool_use` block must have a corresponding "
        "`tool_result` block in the next message."
    )


def _tool_use(part: Json, where: str, used: set[str]) -> Iterator[Fail]:
    if not _NAME.fullmatch(part["id"]):
        yield _refused(f"{where}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'")
    if part["id"] in used:
        yield _refused(f"{where}: `tool_use` ids must be unique")
    if len(part["name"]) > 200:
        yield _refused(f"{where}.tool_use.name: String should have at most 200 characters")
    used.add(part["id"])


def _ends_with_space(content: str | list[Json]) -> bool:
    text = content if isinstance(content, str) else content[-1].get("text", "") if content else ""
    return bool(text) and text != text.rstrip()


def _name(name: str, where: str) -> Iterator[Fail]:
    if len(name) > _MOST_OF_A_NAME:
        yield _too_long(where, name, _MOST_OF_A_NAME)
    if not _NAME.fullmatch(name):
        yield _refused(
            f"Invalid '{where}': string does not match pattern. Expected a string that matches "
            "the pattern '^[a-zA-Z0-9_-]+$'.",
            "invalid_value",
        )


def _too_long(where: str, text: str, most: int) -> Fail:
    return _refused(
        f"Invalid '{where}': string too long. Expected a string with maximum length {most}, but "
        f"got a string with length {len(text)} instead.",
        "string_above_max_length",
    )


_CHECKS: dict[str, Callable[[Json], Iterator[Fail]]] = {
    "/chat/completions": _chat,
    "/responses": _responses,
    "/messages": _messages,
}
