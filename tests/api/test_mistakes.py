"""What newcomers get wrong, and what they are told to do: field and remedy (R3, R21, E11)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tests.api.conftest import Asker

HI: dict[str, Any] = {"model": "local/echo", "input": "Hi"}
CREATE = "/v1/responses"
CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c", "output": "4"}


@dataclass(frozen=True)
class Mistake:
    """A request that somebody will make; `remedy` is what the message must say."""

    name: str
    body: Any
    param: str | None
    remedy: str
    status: int = 400
    path: str = CREATE
    method: str = "POST"


def says(**parameters: Any) -> dict[str, Any]:
    return HI | parameters


def items(*given: Any) -> dict[str, Any]:
    return says(input=list(given))


def part(**given: Any) -> dict[str, Any]:
    return items({"role": "user", "content": [given]})


def message(**given: Any) -> dict[str, Any]:
    return items(given)


def elsewhere(path: str, remedy: str, method: str = "POST") -> Mistake:
    return Mistake(f"{method} {path}", HI, None, remedy, 404, path, method)


MISTAKES = (
    # models
    Mistake("a model that is not here", says(model="gpt-5"), "model", "GET /v1/models", 404),
    Mistake("no model", {"input": "Hi"}, "model", "is required"),
    # Chat Completions
    Mistake("messages", {"model": "m", "messages": []}, "messages", "'input'"),
    Mistake("max_tokens", says(max_tokens=5), "max_tokens", "'max_output_tokens'"),
    Mistake("response_format", says(response_format={}), "response_format", "'text.format'"),
    Mistake("reasoning_effort", says(reasoning_effort="low"), "reasoning_effort", "reasoning.eff"),
    Mistake("several answers", says(n=2), "n", "as many requests"),
    Mistake("stop sequences", says(stop=["."]), "stop", "stop sequences"),
    Mistake(
        "the role tool",
        message(role="tool", content="4", tool_call_id="c"),
        "input[0].role",
        '"function_call_output"',
    ),
    Mistake(
        "calls inside a message",
        message(role="assistant", content="", tool_calls=[{"id": "c"}]),
        "input[0].tool_calls",
        '"function_call"',
    ),
    Mistake(
        "an image by Chat's name",
        part(type="image_url", image_url={"url": "https://a/b.png"}),
        "input[0].content[0].type",
        '"input_image"',
    ),
    Mistake(
        "an image inside an object",
        part(type="input_image", image_url={"url": "https://a/b.png"}),
        "input[0].content[0].image_url",
        "a string",
    ),
    # Anthropic's, Google's
    Mistake("a block of Anthropic's", items({"type": "tool_result"}), "input[0].type", '"output"'),
    Mistake("tool_use", items({"type": "tool_use"}), "input[0].type", '"function_call"'),
    Mistake(
        "the role model",
        message(role="model", content="Hi"),
        "input[0].role",
        '"assistant"',
    ),
    Mistake(
        "a tool without its type",
        says(tools=[{"name": "f", "input_schema": {}}]),
        "tools[0].type",
        '"function"',
    ),
    Mistake("any tool", says(tools=[], tool_choice="any"), "tool_choice", '"required"'),
    # calls and outputs
    Mistake("an output alone", items(OUTPUT), "input", "previous_response_id"),
    Mistake("a call alone", items(CALL), "input", "function_call_output"),
    Mistake(
        "arguments that are no text",
        items(CALL | {"arguments": {}}, OUTPUT),
        "input[0].arguments",
        "a string",
    ),
    Mistake(
        "an output that is no text",
        items(CALL, OUTPUT | {"output": {"a": 1}}),
        "input[1].output",
        "a string or an array",
    ),
    # shapes
    Mistake("a part where an item belongs", items({"type": "text"}), "input[0].type", '"content"'),
    Mistake("a text where an item belongs", items("Hi"), "input[0]", "an object"),
    Mistake("one item alone", says(input={"role": "user"}), "input", "a string or an array"),
    Mistake("no input", says(input=[]), "input", "at least one"),
    Mistake("reasoning as a word", says(reasoning="high"), "reasoning", '{"effort": "high"}'),
    Mistake("a format as a word", says(text="json"), "text", '{"format": {"type": "text"}}'),
    Mistake("a number as text", says(temperature="0.5"), "temperature", "a number"),
    Mistake("truth as text", says(stream="true"), "stream", "true or false"),
    Mistake("too few tokens", says(max_output_tokens=1), "max_output_tokens", "at least 16"),
    Mistake("numbers as metadata", says(metadata={"a": 1}), "metadata.a", "a string"),
    Mistake("a name with a space", says(tools=[{"type": "function", "name": "a b"}]),
            "tools[0].name", "letters, digits"),
    Mistake("a choice of nothing", says(tool_choice="required"), "tool_choice", "declare some"),
    # state
    Mistake(
        "an id of another API",
        says(previous_response_id="chatcmpl-1"),
        "previous_response_id",
        '"resp_"',
    ),
    Mistake(
        "an id of nowhere",
        says(previous_response_id="resp_" + "a" * 48),
        "previous_response_id",
        "`store: false`",
    ),
    Mistake("a stream in the background", says(background=True, stream=True), "background",
            "?stream=true"),
    Mistake("a prompt of OpenAI's", says(prompt={"id": "pmpt_1"}), "prompt", "instructions"),
    # addresses
    elsewhere("/v1/chat/completions", "POST /v1/responses"),
    elsewhere("/v1/messages", "POST /v1/responses"),
    elsewhere("/responses", "base_url must end in /v1"),
    elsewhere("/v1/v1/responses", "one /v1"),
    elsewhere("/v1/threads", "GET /openapi.json", "GET"),
    Mistake("PUT", HI, None, "GET, HEAD, POST", 405, CREATE, "PUT"),
)  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_answered_with_its_field_and_a_remedy(owner: Asker, mistake: Mistake) -> None:
    answer = owner.ask(mistake.method, mistake.path, mistake.body)
    error = answer.get_json()["error"]
    assert (answer.status_code, error["param"]) == (mistake.status, mistake.param)
    assert mistake.remedy in error["message"]


KEYS = [
    ({}, "'Authorization: Bearer KEY'"),
    ({"Authorization": "Bearer sk-proj-abc"}, "'sk-rg-'"),
    ({"x-api-key": "sk-ant-abc"}, "'sk-rg-'"),
    ({"Authorization": "sk-rg-abc"}, "'Authorization: Bearer KEY'"),
]


@pytest.mark.parametrize(("headers", "remedy"), KEYS)
def test_a_wrong_key_is_answered_with_what_keys_look_like(
    owner: Asker, headers: dict[str, str], remedy: str
) -> None:
    answer = owner.client.post(CREATE, json=HI, headers=headers)
    assert answer.status_code == 401
    assert remedy in answer.get_json()["error"]["message"]


def test_a_body_that_is_no_json_is_answered_with_the_header_to_send(owner: Asker) -> None:
    headers = {"Authorization": f"Bearer {owner.secret}"}
    answer = owner.client.post(CREATE, data="model=m", headers=headers)
    assert answer.status_code == 415
    assert "Content-Type: application/json" in answer.get_json()["error"]["message"]
