"""What newcomers get wrong, and what they are told to do: field and remedy (R3, R21, E11)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

HI: dict[str, Any] = {"model": "local/echo", "input": "Hi"}
CREATE = "/v1/responses"
JSON = "application/json"
CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c", "output": "4"}
#: What stands for the key of whoever asks.
KEY = "KEY"


@dataclass(frozen=True)
class Mistake:
    """A request that somebody will make; `remedy` is what the message must say.

    A body of bytes is sent as it stands, anything else as JSON.
    """

    group: str
    name: str
    body: Any
    param: str | None
    remedy: str
    code: str | None = "invalid_type"
    status: int = 400
    path: str = CREATE
    method: str = "POST"
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=lambda: {"Authorization": f"Bearer {KEY}"})

    @property
    def data(self) -> bytes:
        """What is sent."""
        return self.body if isinstance(self.body, bytes) else orjson.dumps(self.body)


def says(**parameters: Any) -> dict[str, Any]:
    return HI | parameters


def items(*given: Any) -> dict[str, Any]:
    return says(input=list(given))


def part(**given: Any) -> dict[str, Any]:
    return items({"role": "user", "content": [given]})


def message(**given: Any) -> dict[str, Any]:
    return items(given)


REQUIRED, VALUE, MOVED = "missing_required_parameter", "invalid_value", "unsupported_parameter"
SHAPES, CHAT, OTHERS = "Shapes and values", "Chat Completions", "Anthropic's Messages, Google's"
CALLS, STATE, MODELS = "Calls and their outputs", "State", "Models"
BODIES, KEYS, ADDRESSES = "The body", "Keys", "Addresses"


def moved(name: str, body: dict[str, Any], param: str, remedy: str, group: str = CHAT) -> Mistake:
    return Mistake(group, name, body, param, remedy, MOVED)


def elsewhere(path: str, remedy: str, method: str = "POST") -> Mistake:
    name = f"{method} {path}"
    return Mistake(ADDRESSES, name, HI, None, remedy, None, 404, path, method)


def unread(name: str, body: bytes, remedy: str) -> Mistake:
    return Mistake(BODIES, name, body, None, remedy, "invalid_json")


def keyed(name: str, headers: dict[str, str], remedy: str, code: str) -> Mistake:
    return Mistake(KEYS, name, HI, None, remedy, code, 401, headers=headers)


MISTAKES = (
    elsewhere("/v1/chat/completions", "POST /v1/responses"),
    elsewhere("/v1/completions", "'prompt' as 'input'"),
    elsewhere("/v1/messages", "'system' as 'instructions'"),
    elsewhere("/v1/embeddings", "no embeddings"),
    elsewhere("/v1/files", "'file_data'", "GET"),
    elsewhere("/v1/threads", "/v1/conversations", "GET"),
    elsewhere("/v1/images", "GET /openapi.json", "GET"),
    elsewhere("/", "the documentation at /docs", "GET"),
    elsewhere("/responses", "base_url must end in /v1"),
    elsewhere("/openai/v1/responses", "base_url must end in /v1"),
    elsewhere("/v1/v1/responses", "one /v1"),
    elsewhere("/v1//responses", "no '/' behind it"),
    elsewhere("/v1", "GET /openapi.json"),
    Mistake(ADDRESSES, "POST /v1/responses/responses", HI, None, "without /responses", None, 405,
            "/v1/responses/responses"),
    elsewhere("/v1/responses/chat/completions", "without /responses"),
    Mistake(ADDRESSES, "PUT", HI, None, "GET, HEAD, POST", None, 405, method="PUT"),
    keyed("no key", {}, "'Authorization: Bearer KEY'", "authentication_required"),
    keyed("a key of OpenAI's", {"Authorization": "Bearer sk-proj-abc"}, "'sk-rg-'",
          "invalid_api_key"),
    keyed("a key of Anthropic's", {"x-api-key": "sk-ant-abc"}, "'sk-rg-'", "invalid_api_key"),
    keyed("a key without Bearer", {"Authorization": KEY}, "'Authorization: Bearer KEY'",
          "authentication_required"),
    keyed("two keys", {"Authorization": f"Bearer {KEY}", "api-key": "sk-rg-other"}, "send one",
          "invalid_api_key"),
    Mistake(BODIES, "a form (curl -d without a header)", b'{"model": "m"}', None,
            "Content-Type: application/json", None, 415,
            content_type="application/x-www-form-urlencoded"),
    unread("nothing", b"", "is empty"),
    unread("a trailing comma", b'{"model": "m", "input": "Hi",}', "leave that comma out"),
    unread("single quotes", b"{'model': 'm'}", "double quotes"),
    unread("cut by the shell", b'{"model": "m", "input": "', "cut short"),
    unread("two objects", b'{"model": "m"} {}', "one object alone"),
    Mistake(BODIES, "a list", [HI], None, "must be an object"),
    Mistake(MODELS, "an unknown model", says(model="gpt-5"), "model", "GET /v1/models",
            "model_not_found", 404),
    Mistake(MODELS, "a misspelled model", says(model="ecko"), "model",
            "'local/echo'", "model_not_found", 404),
    Mistake(MODELS, "no model", {"input": "Hi"}, "model", "is required", REQUIRED),
    moved("messages", {"model": "m", "messages": []}, "messages", "'input'"),
    moved("max_tokens", says(max_tokens=5), "max_tokens", "'max_output_tokens'"),
    moved("response_format", says(response_format={}), "response_format", "'text.format'"),
    moved("reasoning_effort", says(reasoning_effort="low"), "reasoning_effort", "reasoning.eff"),
    moved("functions", says(functions=[]), "functions", "'tools'"),
    moved("several answers", says(n=2), "n", "as many requests"),
    moved("stop sequences", says(stop=["."]), "stop", "stop sequences"),
    Mistake(CHAT, "the role tool", message(role="tool", content="4", tool_call_id="c"),
            "input[0].role", '"function_call_output"', VALUE),
    Mistake(CHAT, "calls inside a message",
            message(role="assistant", content="", tool_calls=[{"id": "c"}]),
            "input[0].tool_calls", '"function_call"', MOVED),
    Mistake(CHAT, "an image as in Chat Completions",
            part(type="image_url", image_url={"url": "https://a/b.png"}),
            "input[0].content[0].type", '"input_image"', "unsupported_value"),
    Mistake(CHAT, "an image inside an object",
            part(type="input_image", image_url={"url": "https://a/b.png"}),
            "input[0].content[0].image_url", "a string"),
    moved("a body of Anthropic's", {"model": "m", "max_tokens": 9, "messages": []}, "max_tokens",
          "'max_output_tokens'", OTHERS),
    moved("system", says(system="Be brief."), "system", "'instructions'", OTHERS),
    Mistake(OTHERS, "an Anthropic content block", items({"type": "tool_result"}), "input[0].type",
            '"output"', "unsupported_value"),
    Mistake(OTHERS, "tool_use", items({"type": "tool_use"}), "input[0].type", '"function_call"',
            "unsupported_value"),
    Mistake(OTHERS, "the role model", message(role="model", content="Hi"), "input[0].role",
            '"assistant"', VALUE),
    Mistake(OTHERS, "a tool without its type", says(tools=[{"name": "f", "input_schema": {}}]),
            "tools[0].type", '"function"', REQUIRED),
    Mistake(OTHERS, "choice any", says(tools=[], tool_choice="any"), "tool_choice", '"required"',
            VALUE),
    Mistake(CALLS, "an output without call", items(OUTPUT), "input", "previous_response_id", None),
    Mistake(CALLS, "a call without output", items(CALL), "input", "function_call_output", None),
    Mistake(CALLS, "arguments as an object", items(CALL | {"arguments": {}}, OUTPUT),
            "input[0].arguments", "a string"),
    Mistake(CALLS, "an output as an object", items(CALL, OUTPUT | {"output": {"a": 1}}),
            "input[1].output", "a string or an array"),
    Mistake(SHAPES, "a content part in place of an item", items({"type": "text"}), "input[0].type",
            '"content"', "unsupported_value"),
    Mistake(SHAPES, "a string in place of an item", items("Hi"), "input[0]", "an object"),
    Mistake(SHAPES, "an item in place of a list", says(input={"role": "user"}), "input",
            "a string or an array"),
    Mistake(SHAPES, "no input", says(input=[]), "input", "at least one", VALUE),
    Mistake(SHAPES, "reasoning as a string", says(reasoning="high"), "reasoning",
            '{"effort": "high"}'),
    Mistake(SHAPES, "a format as a string", says(text="json"), "text",
            '{"format": {"type": "text"}}'),
    Mistake(SHAPES, "a number as a string", says(temperature="0.5"), "temperature", "a number"),
    Mistake(SHAPES, "a boolean as a string", says(stream="true"), "stream", "true or false"),
    Mistake(SHAPES, "too few tokens", says(max_output_tokens=1), "max_output_tokens",
            "at least 16", "integer_below_min_value"),
    Mistake(SHAPES, "numbers as metadata", says(metadata={"a": 1}), "metadata.a", "a string"),
    Mistake(SHAPES, "a name with a space", says(tools=[{"type": "function", "name": "a b"}]),
            "tools[0].name", "letters, digits", VALUE),
    Mistake(SHAPES, "tool_choice without tools", says(tool_choice="required"), "tool_choice",
            "declare some", VALUE),
    Mistake(STATE, "an id of another API", says(previous_response_id="chatcmpl-1"),
            "previous_response_id", '"resp_"', "invalid_response_id"),
    Mistake(STATE, "a conversation's id as a response's", says(previous_response_id="conv_1"),
            "previous_response_id", "send it as 'conversation'", "invalid_response_id"),
    Mistake(STATE, "a response's id as a conversation", says(conversation="resp_1"),
            "conversation", "send it as 'previous_response_id'", VALUE),
    Mistake(STATE, "an unknown response id", says(previous_response_id="resp_" + "a" * 48),
            "previous_response_id", "`store: false`", "previous_response_not_found"),
    Mistake(STATE, "a stream in the background", says(background=True, stream=True), "background",
            "?stream=true", "unsupported_value"),
    Mistake(STATE, "a prompt template of OpenAI", says(prompt={"id": "pmpt_1"}), "prompt",
            "instructions", MOVED),
)  # fmt: skip
